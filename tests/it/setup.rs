//! What a user meets when something is missing or wrong.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use allo::models::{Manifest, ModelFolder};

use crate::allo::{Home, models_folder, needs_models, system_file};

/// A short French prompt of a real voice.
fn goodbye() -> String {
    system_file("/usr/share/asterisk/sounds/fr_CA_f_June/vm-goodbye.wav").to_str().unwrap().to_owned()
}

#[test]
fn without_models_the_error_names_the_one_command_that_brings_them_all() {
    let home = Home::new();
    let recording = home.path("call.wav");
    fs::write(&recording, b"RIFF").unwrap();
    home.allo(["transcribe", recording.to_str().unwrap()])
        .env("ALLO_MODELS", home.path("no-models"))
        .run()
        .exits(2)
        .says("whisper-base")
        .says("silero-vad")
        .says("hint: run `allo models pull`\n");
}

/// What pip says where there is no network: a warning for each attempt, at length, and at last what nobody can use.
const PIP_WITHOUT_NETWORK: &str = "#!/bin/sh
echo 'WARNING: Retrying (Retry(total=4)) after connection broken: Temporary failure in name resolution' >&2
echo 'ERROR: No matching distribution found' >&2
exit 1
";

#[test]
fn without_a_network_a_pull_names_each_source_and_what_helps() {
    let home = Home::new();
    let python = home.path("python");
    fs::write(&python, PIP_WITHOUT_NETWORK).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let folder = home.path("new-models");
    let arguments = ["models", "pull", "silero-vad", "--folder", folder.to_str().unwrap()];
    let run = home.allo(arguments).env("ALLO_PYTHON", &python).run().exits(1);
    let run = run
        .says("silero-vad: error: model `silero-vad` could not be had from any source:\n")
        .says("  pip: silero-vad: pip could not download silero-vad==")
        .says("ERROR: No matching distribution found\n")
        .says("hint: is the network");
    assert!(!run.stderr().contains("Retrying"), "{}", run.stderr());
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(name.to_string_lossy().starts_with('.'), "{name:?} looks like a model");
    }
}

#[test]
fn falling_back_to_the_slower_engine_is_a_warning_with_the_command_that_helps() {
    needs_models(&["whisper-base", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let models = home.path("models");
    fs::create_dir_all(&models).unwrap();
    let manifest = Manifest::builtin();
    for name in ["whisper-base", "silero-vad", "onnxruntime"] {
        let file = ModelFolder::new(&models_folder()).file(&manifest, name).unwrap();
        symlink(&file, models.join(file.file_name().unwrap())).unwrap();
    }
    let run = home.allo(["transcribe", "--language", "fr", &goodbye()]);
    let told = run.env("ALLO_MODELS", &models).run().succeeds().says("allo models pull whisper-base-onnx-");
    assert_eq!(told.stderr().matches("WARN").count(), 1, "{}", told.stderr());
}

#[test]
fn a_device_that_is_not_there_is_an_error_in_both_engines() {
    needs_models(&["whisper-base", "whisper-base-onnx-int8", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    for engine in ["auto", "whisper.cpp", "onnx"] {
        let file = home.path("allo.toml");
        // More devices than anybody has.
        fs::write(&file, format!("[asr]\nengine = \"{engine}\"\ndevice = \"gpu:99\"\n")).unwrap();
        home.allo(["--config", file.to_str().unwrap(), "transcribe", "--language", "fr", &goodbye()])
            .run()
            .exits(2)
            .says("asr.device is \"gpu:99\"")
            .says("hint: docs/gpu.md");
    }
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_line() {
    let home = Home::new();
    let file = home.path("allo.toml");
    fs::write(&file, "[asr]\nbeam_sise = 5\n").unwrap();
    home.allo(["--config", file.to_str().unwrap(), "config", "check"])
        .run()
        .exits(2)
        .says("beam_sise")
        .says("line 2");
    fs::write(&file, "[asr]\nbeam_size = 50\n").unwrap();
    home.allo(["--config", file.to_str().unwrap(), "config", "check"])
        .run()
        .exits(2)
        .says("asr.beam_size is 50");
    fs::write(&file, "[asr]\nbeam_size = 1\n").unwrap();
    home.allo(["--config", file.to_str().unwrap(), "config", "check"])
        .run()
        .succeeds()
        .prints("beam_size = 1")
        .prints("[guard]");
}

#[test]
fn a_scenario_that_is_not_there_is_named_before_anybody_starts_by_it() {
    let home = Home::new();
    let toml = "[intent]\nscenario = \"nowhere\"\n[bot]\nscenario = \"neither\"\n";
    home.allo(["config", "check"])
        .configured(&home, toml)
        .run()
        .exits(2)
        .says("[intent] scenario: no scenario in nowhere")
        .says("[bot] scenario: no scenario in neither")
        .says("hint: name a folder that holds scenario.toml");
    home.allo(["doctor"])
        .configured(&home, "[intent]\nscenario = \"nowhere\"\n")
        .env("ALLO_MODELS", home.path("no-models"))
        .run()
        .exits(1)
        .prints("no scenario in nowhere")
        .prints("fix: name a folder that holds scenario.toml")
        .prints("configured.toml");
}

#[test]
fn a_place_for_hypotheses_that_cannot_be_written_is_named_before_anything_is_measured() {
    let home = Home::new();
    let pairs = home.path("cardinal.txt");
    fs::write(&pairs, "vingt et un~21\n").unwrap();
    let place = home.path("nowhere/heard.tsv");
    let arguments = ["eval", "itn", "--language", "fr", "--hypotheses", place.to_str().unwrap()];
    let run = home.allo(arguments.into_iter().chain([pairs.to_str().unwrap()])).run().exits(2);
    assert!(run.stdout().is_empty());
    run.says(&format!("cannot write `{}`", place.display())).says("hint: give --hypotheses");
}

#[test]
fn a_path_without_a_file_is_named_with_what_helps() {
    needs_models(&["silero-vad", "onnxruntime"]);
    let home = Home::new();
    let prompt = goodbye();
    let check = |arguments: &[&str], missing: &str, hint: &str| {
        home.allo(arguments).run().exits(2).says(missing).says(hint);
    };
    let transcribe = ["transcribe", "--model", "./nowhere.bin", &prompt];
    check(&transcribe, "no model at ./nowhere.bin", "hint: give the path");
    let convert = ["models", "convert", "--from", "ct2", "nowhere", "out.bin"];
    check(&convert, "no model at nowhere", "hint: give the path");
    let config = ["--config", "nowhere.toml", "config", "check"];
    check(&config, "cannot read the configuration `nowhere.toml`", "hint: give --config");
}

#[test]
fn a_wrong_number_of_channel_names_is_named_with_what_helps() {
    needs_models(&["whisper-tiny.en", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let prompt = goodbye();
    let model = ["transcribe", "--model", "whisper-tiny.en", "--language", "en"];
    home.allo(model.into_iter().chain(["--channels", "agent,caller", &prompt]))
        .run()
        .exits(1)
        .says("(2) is not that of the channels of")
        .says("hint: name each channel");
}

#[test]
fn a_language_that_is_not_spoken_is_refused_before_anything_starts() {
    let home = Home::new();
    home.allo(["transcribe", "--language", "de", "call.wav"]).run().exits(2).says("expected fr, en or nl");
}

#[test]
fn searching_before_anything_is_stored_says_how_to_store() {
    let home = Home::new();
    home.allo(["search", "facture"]).run().exits(2).says("hint:").says("--store");
}
