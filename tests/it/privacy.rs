//! What was said reaches stdout, files and the store, never a log.

use crate::allo::{Home, fixture, needs_models};

#[test]
fn the_most_talkative_log_holds_no_spoken_word() {
    needs_models(&["whisper-base", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let call = fixture("fr-resiliation.wav");
    let run = home
        .allo(["transcribe", "--language", "fr", "--format", "text", call.to_str().unwrap()])
        .env("RUST_LOG", "trace")
        .run()
        .succeeds();
    let log = run.stderr().to_lowercase();
    assert!(log.contains("trace") || log.contains("debug"), "the log was on");
    let spoken: Vec<String> = run
        .stdout()
        .lines()
        .filter_map(|line| line.split_once("] "))
        .flat_map(|(_, text)| text.split_whitespace().map(str::to_lowercase))
        .filter(|word| word.chars().count() >= 7 && word.chars().all(char::is_alphabetic))
        .collect();
    assert!(spoken.len() > 5, "there were words to look for");
    for word in spoken {
        assert!(!log.contains(&word), "a spoken word is in the log");
    }
}
