//! The binary starts on processors without AVX-512, and explains itself on those that are too old.
//!
//! Old processors are played by qemu's user emulation.

#![cfg(target_arch = "x86_64")]

use std::process::{Command, Output};

use crate::allo::{Home, models_folder, needs_models, system_file};

/// A person who says "go forward ten meters": 2.8 s of 16 kHz, 16 bits, without a header.
const SENTENCE: &str = "/usr/share/pocketsphinx/test/data/goforward.raw";

/// The program on another processor.
fn emulated(processor: &str) -> Command {
    let mut command = Command::new("qemu-x86_64");
    command.args(["-cpu", processor, env!("CARGO_BIN_EXE_allo")]);
    command
}

#[track_caller]
fn output(command: &mut Command) -> Output {
    command.output().expect("qemu-user is installed by the set-up")
}

#[test]
fn it_starts_on_a_processor_without_avx512() {
    let run = output(emulated("Haswell-noTSX").arg("--version"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(String::from_utf8_lossy(&run.stdout).starts_with("allo "));
}

/// The C code of the voice runs, with a resampler behind it; nothing of the build machine's own instructions is in it.
#[test]
fn it_speaks_on_a_processor_without_avx512() {
    needs_models(&["pico-fr-FR"]);
    let home = Home::new();
    let spoken = home.path("bonjour.wav");
    let run = output(
        emulated("Haswell-noTSX")
            .args(["say", "Bonjour !", "--output"])
            .arg(&spoken)
            .env("ALLO_HOME", home.path("home"))
            .env("ALLO_MODELS", models_folder()),
    );
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(std::fs::metadata(&spoken).is_ok_and(|file| file.len() > 4_000), "a word of speech");
}

/// The default engine and the voice detector on ONNX Runtime, which picks its code at run time, with the default model in 8
/// bits. By hand: `cargo test --test it recognises_speech_on_a_processor -- --ignored`.
#[test]
#[ignore = "takes minutes: emulated, 2.8 s of speech took the optimised build 4 min of processor time"]
fn it_recognises_speech_on_a_processor_without_avx512() {
    needs_models(&["whisper-base-onnx-int8", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let run = output(
        emulated("Haswell-noTSX")
            .args(["transcribe", "--language", "en", "--format", "text", "--raw", "s16le", "--rate", "16000"])
            .arg(system_file(SENTENCE))
            .env("ALLO_HOME", home.path("home"))
            .env("ALLO_MODELS", models_folder()),
    );
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8_lossy(&run.stdout).to_lowercase();
    assert!(text.contains("go forward"), "{text}");
}

#[test]
fn it_says_what_an_old_processor_lacks_and_does_not_crash() {
    let run = output(emulated("Nehalem").arg("--version"));
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("this one lacks avx, avx2, fma, f16c, bmi2"), "{said}");
    assert!(said.contains("hint:"), "{said}");
}
