//! The demo on one call, live through its own service: text, intent, note, search, and a second run that stores nothing
//! twice.

use std::fs;

use crate::allo::{Home, fixture, needs_models, system_file};

const MODELS: &[&str] = &["whisper-base", "silero-vad", "smart-turn-v3.2", "onnxruntime"];

#[test]
fn the_demo_shows_text_intent_note_and_search() {
    needs_models(MODELS);
    let home = Home::new();
    let calls = home.path("calls");
    fs::create_dir_all(&calls).unwrap();
    fs::copy(fixture("fr-resiliation.wav"), calls.join("fr-resiliation.wav")).unwrap();
    let arguments = ["demo", "--fast", "--calls", calls.to_str().unwrap(), "--search", "contrat"];
    let run = home.allo(arguments).run().succeeds();
    let shown = run
        .prints("call 1 of 1")
        .prints("intent   resilier_contrat")
        .prints("route to")
        .prints("reason")
        .prints("search in 1 calls: contrat")
        .stdout();
    assert!(!shown.contains('\x1b'), "no colour when stdout is not a terminal");

    let hits = || {
        let run = home.allo(["search", "contrat", "--format", "json", "--demo"]).run().succeeds();
        run.stdout()
    };
    let after_one = hits();
    home.allo(arguments).run().succeeds();
    assert_eq!(hits().lines().count(), after_one.lines().count(), "a second run stores nothing twice");
}

#[test]
fn the_first_call_is_played_in_real_time_and_a_pipe_gets_finals_only() {
    needs_models(MODELS);
    let home = Home::new();
    let calls = home.path("calls");
    fs::create_dir_all(&calls).unwrap();
    let sentence = system_file(
        "/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0870.wav",
    );
    fs::copy(sentence, calls.join("one.wav")).unwrap();
    let run = home.allo(["demo", "--calls", calls.to_str().unwrap()]).run().succeeds();
    let shown = run.prints("call 1 of 1: one.wav  in real time").stdout();
    let finals: Vec<&str> = shown.lines().filter(|line| line.contains("  mixed   ")).collect();
    assert!(!finals.is_empty(), "{shown}");
    // The delay of each is told where it means something.
    assert!(finals.iter().all(|line| line.contains("  +") && line.ends_with(" s")), "{finals:?}");
}
