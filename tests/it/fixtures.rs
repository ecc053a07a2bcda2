//! The scripted calls and the scenarios speak of the same intents, and most of them are understood.

use std::fs;
use std::path::Path;

use allo::fixtures::{Truth, parse};
use allo::scenario::Scenario;
use allo::store::{CallFilter, Store};

use crate::allo::{Home, needs_models};

#[test]
fn every_fixture_has_an_intent_and_it_is_one_of_its_scenario() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for entry in fs::read_dir(project.join("fixtures/scripts")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let script = parse(&fs::read_to_string(&path).unwrap()).unwrap();
        let scenario = script.scenario.as_ref().unwrap_or_else(|| panic!("{name} names no scenario"));
        assert!(script.intent.is_some(), "{name} names no intent");
        let scenario = Scenario::load(&project.join("scenarios").join(scenario)).unwrap();
        let truth = fs::read(project.join(format!("fixtures/audio/{name}.json"))).unwrap();
        let truth: Truth = serde_json::from_slice(&truth).unwrap();
        assert_eq!(truth.intent, script.intent, "{name}: script and truth differ");
        let of_turns = script.turns.iter().filter_map(|turn| turn.intent.as_ref());
        let of_truth = truth.utterances.iter().filter_map(|said| said.intent.as_ref());
        for intent in script.intent.iter().chain(of_turns).chain(of_truth) {
            assert!(scenario.route_of(intent).is_some(), "{name}: the scenario has no intent {intent}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} intents checked");
}

/// Calls of `telecom-fr` whose intent must be right when they are transcribed as recordings, of eight. README.md, "Honest limits",
/// names this number beside that of the live demo, which is smaller. Less, and something on the way was broken.
const RIGHT_LEAST: usize = 5;

#[test]
fn the_reason_of_most_scripted_calls_is_understood() {
    needs_models(&["whisper-base", "silero-vad", "onnxruntime", "e5-small"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
    let home = Home::new();
    let texts = home.path("texts");
    let arguments = ["transcribe", "--store", "--scenario", "scenarios/telecom-fr", "--output"];
    let run = home.allo(arguments.into_iter().chain([texts.to_str().unwrap(), folder.to_str().unwrap()]));
    run.configured(&home, "").run().succeeds();
    let calls = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&home.path("allo.db")).await.unwrap();
        store.calls(&CallFilter::default()).await.unwrap()
    });
    let (mut right, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let truth: Truth = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let Some(intent) = truth.intent.filter(|_| truth.scenario.as_deref() == Some("telecom-fr")) else {
            continue;
        };
        let call = calls.iter().find(|call| call.source.ends_with(&truth.file)).expect("every call is kept");
        if call.intent.as_ref() == Some(&intent) {
            right += 1;
        } else {
            wrong.push(format!("{}: {:?} for {intent}", truth.file, call.intent));
        }
    }
    assert!(right >= RIGHT_LEAST, "{right} right; {wrong:#?}");
}
