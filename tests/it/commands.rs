//! Every command through the binary, with the flags that no other test gives it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::allo::{Home, needs_models, system_file};

const MODELS: &[&str] = &["whisper-base", "silero-vad", "onnxruntime"];

/// A short French prompt of a real voice: "Au revoir."
fn goodbye() -> PathBuf {
    system_file("/usr/share/asterisk/sounds/fr_CA_f_June/vm-goodbye.wav")
}

/// The prompt in another form, made by ffmpeg.
fn converted(home: &Home, name: &str, options: &[&str]) -> PathBuf {
    let file = home.path(name);
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-i"])
        .arg(goodbye())
        .args(options)
        .arg(&file)
        .status()
        .expect("ffmpeg is installed by the set-up");
    assert!(made.success());
    file
}

#[test]
fn a_recording_is_kept_with_its_intent_and_found_again() {
    needs_models(MODELS);
    let home = Home::new();
    let prompt = goodbye();
    let texts = home.path("texts");
    let arguments = ["transcribe", "--language", "fr", "--format", "json", "--store", "--output"];
    let run = || {
        let scenario = ["--scenario", "scenarios/telecom-fr", prompt.to_str().unwrap()];
        home.allo(arguments.into_iter().chain([texts.to_str().unwrap()]).chain(scenario)).run().succeeds()
    };
    run().says("learning the intents of the scenario");
    home.allo(["search", "revoir"]).run().succeeds().prints("vm-goodbye.wav");
    run().says("1 recording already done");
    // A second time adds no second call.
    let found = home.allo(["search", "revoir"]).run().succeeds().stdout();
    assert_eq!(found.matches("vm-goodbye.wav").count(), 1, "{found}");
}

#[test]
fn the_doctor_makes_a_search_index_anew_and_says_so() {
    needs_models(MODELS);
    let home = Home::new();
    let prompt = goodbye();
    home.allo(["transcribe", "--language", "fr", "--store", prompt.to_str().unwrap()]).run().succeeds();
    // Words vanish behind the back of the index.
    let script = "import sqlite3, sys; store = sqlite3.connect(sys.argv[1]); \
                  store.execute('DROP TRIGGER utterances_unindexed'); \
                  store.execute('DELETE FROM utterances WHERE position = 0'); store.commit()";
    let broken = Command::new("python3").args(["-c", script]).arg(home.path("allo.db")).status();
    assert!(broken.expect("the set-up needs Python").success());
    let run = home.allo(["doctor", "--mend"]).run();
    run.says("making the search index anew: done").prints("its search index was made anew");
}

#[test]
fn force_does_a_recording_again() {
    needs_models(MODELS);
    let home = Home::new();
    let (prompt, texts) = (goodbye(), home.path("texts"));
    let run = |more: &[&str]| {
        let arguments = ["transcribe", "--language", "fr", "--format", "json", "--output"].into_iter();
        let all = arguments.chain([texts.to_str().unwrap(), prompt.to_str().unwrap()]);
        home.allo(all.chain(more.iter().copied())).run().succeeds()
    };
    run(&[]);
    let result = texts.join("vm-goodbye.wav.json");
    let first = fs::read_to_string(&result).unwrap();
    fs::write(&result, "{}").unwrap();
    run(&["--force"]);
    let again: serde_json::Value = serde_json::from_str(&fs::read_to_string(&result).unwrap()).unwrap();
    assert_eq!(again["text"], serde_json::from_str::<serde_json::Value>(&first).unwrap()["text"]);
}

#[test]
fn raw_samples_are_read_by_the_flags_that_describe_them() {
    needs_models(MODELS);
    let home = Home::new();
    for (name, encoding, rate, codec) in [
        ("speech.al", "alaw", "8000", ["-ar", "8000", "-f", "alaw"]),
        ("speech.s16", "s16le", "16000", ["-ar", "16000", "-f", "s16le"]),
        ("speech.f64", "f64le", "22050", ["-ar", "22050", "-f", "f64le"]),
    ] {
        let file = converted(&home, name, &codec);
        let arguments =
            ["transcribe", "--language", "fr", "--format", "text", "--raw", encoding, "--rate", rate];
        let run = home.allo(arguments.into_iter().chain([file.to_str().unwrap()])).run().succeeds();
        assert!(run.stdout().to_lowercase().contains("revoir"), "{name}: {}", run.stdout());
    }
}

#[test]
fn channels_have_the_names_that_they_are_given() {
    needs_models(MODELS);
    let home = Home::new();
    // Silence on the left, the prompt on the right.
    let file = converted(&home, "two.wav", &["-af", "pan=stereo|c0=0*c0|c1=c0"]);
    let arguments = ["transcribe", "--language", "fr", "--format", "json", "--channels", "agent,caller"];
    let json = home.allo(arguments.into_iter().chain([file.to_str().unwrap()])).run().succeeds().json();
    assert_eq!(json["channels"], serde_json::json!(["agent", "caller"]));
    assert_eq!(json["segments"][0]["channel"], "caller");
}

#[test]
fn what_was_recognised_and_not_believed_is_told_on_request() {
    needs_models(MODELS);
    let home = Home::new();
    let prompt = goodbye();
    let run = |more: &[&str]| {
        let arguments = ["transcribe", "--language", "fr", "--format", "json", prompt.to_str().unwrap()];
        // No recogniser is as sure as that.
        let strict = "[asr]\nbeam_size = 1\n[guard]\nminimum_log_probability = 0.0\n";
        let run =
            home.allo(arguments.into_iter().chain(more.iter().copied())).configured(&home, strict).run();
        let json = run.succeeds().json();
        assert_eq!(json["text"], "", "{json}");
        json
    };
    let json = run(&["--debug"]);
    let rejected = json["debug"]["rejections"].as_array().expect("--debug adds what was rejected");
    assert_eq!(rejected.len(), 1, "{json}");
    assert_eq!(rejected[0]["reason"], "low_confidence", "{json}");
    assert!(rejected[0]["text"].as_str().unwrap().to_lowercase().contains("revoir"), "{json}");
    assert!(run(&[]).get("debug").is_none());
}

#[test]
fn recognition_and_intents_are_measured() {
    needs_models(MODELS);
    let home = Home::new();
    fs::copy(goodbye(), home.path("goodbye.wav")).unwrap();
    let manifest = home.path("manifest.tsv");
    fs::write(&manifest, "file\tlang\ttranscript\ngoodbye.wav\tfr\tau revoir\n").unwrap();
    let arguments = ["eval", "asr", "--phone", "--format", "json", manifest.to_str().unwrap()];
    let json = home.allo(arguments).run().succeeds().json();
    assert_eq!(json["wer"], 0.0, "{json}");
    assert!(json["latency_p50_s"].as_f64().unwrap() > 0.0);

    let sentences = home.path("sentences.csv");
    let mut text = String::from("text,intent,lang\n");
    for (intent, words) in
        [("facture", ["ma facture", "la facture de mars"]), ("panne", ["une panne", "internet en panne"])]
    {
        words.iter().for_each(|words| text += &format!("{words},{intent},fr\n"));
    }
    fs::write(&sentences, text).unwrap();
    let file = sentences.to_str().unwrap();
    let arguments = ["eval", "intent", "--lexical", "--train", file, "--test", file, "--format", "json"];
    assert_eq!(home.allo(arguments).run().succeeds().json()["accuracy"], 1.0);
}

#[test]
fn a_scenario_is_measured_as_a_call_has_it() {
    let home = Home::new();
    let sentences = home.path("sentences.csv");
    let file = sentences.to_str().unwrap();
    let text = "text,intent,lang\nest-ce que la Velmoxine est disponible,disponibilite_produit,fr\n\
                je voudrais adopter un chat,out_of_scope,fr\n";
    fs::write(&sentences, text).unwrap();
    let measure = |format: &str| {
        let arguments = ["eval", "intent", "--lexical", "--scenario", "scenarios/pharma-fr", "--test", file];
        home.allo(arguments.into_iter().chain(["--format", format])).run()
    };
    let json = measure("json").succeeds().json();
    assert!(json["sentences"] == 2 && json["in_scope"] == 1 && json["out_of_scope"] == 1, "{json}");
    assert_eq!(json["accuracy_in_scope"], 1.0, "{json}");
    assert!(json["wrong_transfers"].is_number() && json["routes"]["disponibilite"].is_object(), "{json}");
    measure("text").succeeds().prints("accuracy over all").prints("questions asked");
    fs::write(&sentences, "text,intent,lang\nbonjour,disponibilite,fr\n").unwrap();
    measure("text").says("the scenario has no intent `disponibilite`");
}

#[test]
fn models_are_listed_and_verified_and_an_unknown_one_is_named() {
    needs_models(&["silero-vad"]);
    let home = Home::new();
    home.allo(["models", "list"]).run().succeeds().prints("whisper-base").prints("present");
    home.allo(["models", "verify", "silero-vad"]).run().succeeds().says("silero-vad: right");
    home.allo(["models", "pull", "whisper-gigantic"]).run().exits(1).says("whisper-gigantic");
}

#[test]
fn without_models_each_command_says_what_helps() {
    let home = Home::new();
    let empty = home.path("no-models");
    fs::create_dir_all(&empty).unwrap();
    let prompt = goodbye();
    home.allo(["transcribe", prompt.to_str().unwrap()])
        .env("ALLO_MODELS", &empty)
        .run()
        .exits(2)
        .says("allo models pull");
    let doctor = home.allo(["doctor"]).env("ALLO_MODELS", &empty).run().exits(1);
    for missing in ["whisper-base", "silero-vad", "allo models pull"] {
        assert!(doctor.stdout().contains(missing), "{missing}: {}", doctor.stdout());
    }
}

#[test]
fn a_machine_that_was_set_up_is_well() {
    needs_models(&["whisper-base-onnx-int8", "silero-vad", "smart-turn-v3.2", "e5-small", "onnxruntime"]);
    let home = Home::new();
    let doctor = home.allo(["doctor"]).run().exits(0);
    assert!(doctor.stdout().contains("whisper-base-onnx-int8"), "{}", doctor.stdout());
}

/// whisper.cpp itself would end the process, or hear nothing at all.
#[test]
fn a_damaged_model_of_whisper_cpp_is_named() {
    needs_models(&["whisper-tiny.en", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let whole = fs::read(crate::allo::models_folder().join("ggml-tiny.en.bin")).unwrap();
    let heads_of_zero = [&whole[..16], &[0; 4], &whole[20..]].concat();
    for (name, bytes, expected) in [
        ("head", &whole[..10], "ends early"),
        ("tenth", &whole[..whole.len() / 10], "ends early, in tensor"),
        ("headless", &heads_of_zero, "heads"),
        ("text", b"not a model of any kind", "not a ggml model"),
    ] {
        let model = home.path(&format!("{name}.bin"));
        fs::write(&model, bytes).unwrap();
        let toml = format!("[asr]\nengine = \"whisper.cpp\"\nmodel = {:?}\n", model.to_str().unwrap());
        let run = home.allo(["transcribe", goodbye().to_str().unwrap()]).configured(&home, &toml).run();
        run.exits(2).says(expected).says(model.to_str().unwrap());
    }
}

#[test]
fn what_the_configuration_cannot_mean_is_named_at_once() {
    let home = Home::new();
    let toml = "[asr]\nbeam_size = 99\n[vad]\nthreshold = 7.0\n";
    home.allo(["config", "check"])
        .configured(&home, toml)
        .run()
        .exits(2)
        .says("beam_size")
        .says("vad.threshold");
    let toml = "[asr]\nmodel = \"nope\"\n";
    home.allo(["config", "check"])
        .configured(&home, toml)
        .run()
        .exits(2)
        .says("`nope`")
        .says("allo models list");
}

#[test]
fn wrong_flags_are_wrong_usage_and_no_damage_of_files() {
    let home = Home::new();
    let prompt = goodbye();
    let prompt = prompt.to_str().unwrap();
    let raw = ["transcribe", "--raw", "s16le", "--rate", "8000", "--raw-channels"];
    for channels in ["0", "9"] {
        home.allo(raw.into_iter().chain([channels, prompt])).run().exits(2).says("1..=8");
    }
    let run = home.allo(["transcribe", "--output", prompt, prompt]).run();
    run.exits(2).says("is a file, and a folder is wanted");
}

#[test]
fn a_length_that_no_file_has_is_named_as_damage() {
    needs_models(MODELS);
    let home = Home::new();
    let file = converted(&home, "huge.caf", &["-f", "caf"]);
    let mut bytes = fs::read(&file).unwrap();
    let data = bytes.windows(4).position(|four| four == b"data").unwrap() + 4;
    bytes[data..data + 8].copy_from_slice(&i64::MAX.to_be_bytes());
    fs::write(&file, bytes).unwrap();
    home.allo(["transcribe", file.to_str().unwrap()])
        .run()
        .exits(1)
        .says("huge.caf: broken file: it ends before");
}
