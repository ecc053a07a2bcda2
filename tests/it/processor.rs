//! The binary starts on processors without AVX-512, and explains itself on those that are too old.
//!
//! Old processors are played by qemu's user emulation.

use std::process::{Command, Output};

use crate::allo::{Home, models_folder, needs_models};

fn on(processor: &str) -> Output {
    Command::new("qemu-x86_64")
        .args(["-cpu", processor, env!("CARGO_BIN_EXE_allo"), "--version"])
        .output()
        .expect("qemu-user is installed by the set-up")
}

#[cfg(target_arch = "x86_64")]
#[test]
fn it_starts_on_a_processor_without_avx512() {
    let run = on("Haswell-noTSX");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(String::from_utf8_lossy(&run.stdout).starts_with("allo "));
}

/// The C code of the voice runs, with a resampler behind it; nothing of the build machine's own instructions is in it.
#[cfg(target_arch = "x86_64")]
#[test]
fn it_speaks_on_a_processor_without_avx512() {
    needs_models(&["pico-fr-FR"]);
    let home = Home::new();
    let spoken = home.path("bonjour.wav");
    let run = Command::new("qemu-x86_64")
        .args(["-cpu", "Haswell-noTSX", env!("CARGO_BIN_EXE_allo"), "say", "Bonjour !", "--output"])
        .arg(&spoken)
        .env("ALLO_HOME", home.path("home"))
        .env("ALLO_MODELS", models_folder())
        .output()
        .expect("qemu-user is installed by the set-up");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(std::fs::metadata(&spoken).is_ok_and(|file| file.len() > 4_000), "a word of speech");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn it_says_what_an_old_processor_lacks_and_does_not_crash() {
    let run = on("Nehalem");
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("this one lacks avx, avx2, fma, f16c, bmi2"), "{said}");
    assert!(said.contains("hint:"), "{said}");
}
