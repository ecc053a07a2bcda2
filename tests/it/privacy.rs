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

#[test]
fn what_is_spoken_to_callers_is_in_no_log_and_no_name() {
    needs_models(&["pico-fr-FR"]);
    let home = Home::new();
    let output = home.path("x.wav");
    let text =
        "<speak>Mademoiselle Quincampoix doit <say-as interpret-as='digits'>497012</say-as> euros.</speak>";
    for _ in 0..2 {
        let run = home
            .allo(["say", text, "--language", "fr", "--output", output.to_str().unwrap()])
            .env("RUST_LOG", "trace")
            .run()
            .succeeds();
        let log = run.stderr().to_lowercase();
        assert!(
            !["quincampoix", "497012", "quatre neuf"].iter().any(|word| log.contains(word)),
            "content in the log"
        );
    }
    let wrong = home.allo(["say", "<speak>Quincampoix<b/></speak>", "--output", output.to_str().unwrap()]);
    let run = wrong.env("RUST_LOG", "trace").run();
    assert!(run.stderr().contains("element <b> is not supported"), "{}", run.stderr());
    assert!(!run.stderr().contains("Quincampoix"));
    assert!(std::fs::metadata(&output).unwrap().len() > 20_000);
    let mut names = std::fs::read_dir(home.path("voice")).unwrap().map(|entry| entry.unwrap().file_name());
    let name = names.next().expect("the sentence is kept").into_string().unwrap();
    assert!(name.len() == 64 && name.bytes().all(|sign| sign.is_ascii_hexdigit()), "{name}");
    assert!(names.next().is_none(), "one sentence, made once");
}
