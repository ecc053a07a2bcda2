//! No word out of silence, noise and hold music.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::allo::{Home, needs_models, system_file};

/// Hold music as contact centres ship it.
const MUSIC: &str = "/usr/share/asterisk/moh";

#[test]
fn hold_music_silence_and_noise_give_no_word() {
    needs_models(&["whisper-base", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let folder = home.path("nonspeech");
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(system_file(MUSIC)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wav") {
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
    }
    for (name, source, seconds) in [
        ("silence", "anullsrc=r=8000:cl=mono", "600"),
        ("white", "anoisesrc=r=8000:c=white:a=0.05:s=1", "60"),
        ("pink", "anoisesrc=r=8000:c=pink:a=0.1:s=2", "60"),
        ("brown", "anoisesrc=r=8000:c=brown:a=0.1:s=3", "60"),
        ("ring-back", "aevalsrc=0.2*sin(2*PI*440*t)*lt(mod(t\\,5)\\,1.5):s=8000", "60"),
        ("hum", "aevalsrc=0.05*sin(2*PI*50*t)+0.02*sin(2*PI*150*t):s=8000", "60"),
        // Noise in the rhythm of syllables, as a room full of voices has it.
        ("murmur", "anoisesrc=r=8000:c=pink:a=0.3:s=7,tremolo=f=4:d=0.9,bandpass=f=900:t=h:w=900", "20"),
    ] {
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", source, "-t", seconds, "-c:a", "pcm_alaw"])
            .arg(folder.join(format!("{name}.wav")))
            .status()
            .expect("ffmpeg is installed by the set-up");
        assert!(made.success());
    }
    check_wordless(&home, &folder, "", &[]);
    check_wordless(&home, &folder, "[asr]\nengine = \"whisper.cpp\"\n", &[]);
    // Whisper likes to echo the names of its prompt on noise.
    let vocabulary = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/telecom-fr/vocabulary.txt");
    let prompted = "[asr]\nvocabulary_prompt = true\n";
    check_wordless(&home, &folder, prompted, &["--vocabulary", vocabulary.to_str().unwrap()]);
}

#[track_caller]
fn check_wordless(home: &Home, folder: &Path, settings: &str, more: &[&str]) {
    let arguments = ["transcribe", "--format", "json", "--language", "auto", folder.to_str().unwrap()];
    let run = home.allo(arguments.iter().chain(more)).configured(home, settings).run().succeeds();
    let lines: Vec<serde_json::Value> =
        run.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 12);
    for result in lines {
        assert_eq!(result["text"], "", "{}", result["file"]);
        assert_eq!(result["language"], serde_json::Value::Null);
    }
}
