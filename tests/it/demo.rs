//! The demo on one call: text, intent, note, search, and a second run that stores nothing twice.

use std::fs;

use crate::allo::{Home, fixture, needs_models};

#[test]
fn the_demo_shows_text_intent_note_and_search() {
    needs_models(&["whisper-base", "silero-vad", "onnxruntime"]);
    let home = Home::new();
    let calls = home.path("calls");
    fs::create_dir_all(&calls).unwrap();
    fs::copy(fixture("fr-resiliation.wav"), calls.join("fr-resiliation.wav")).unwrap();
    let arguments = ["demo", "--calls", calls.to_str().unwrap(), "--search", "contrat"];
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
