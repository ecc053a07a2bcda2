//! The scripted calls and the scenarios speak of the same intents.

use std::fs;
use std::path::Path;

use allo::fixtures::{Truth, parse};
use allo::scenario::Scenario;

#[test]
fn every_intent_of_a_fixture_is_one_of_its_scenario() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for entry in fs::read_dir(project.join("fixtures/scripts")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let script = parse(&fs::read_to_string(&path).unwrap()).unwrap();
        let Some(scenario) = &script.scenario else { continue };
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
