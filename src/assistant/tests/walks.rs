//! Random callers in the dialogues of the shipped scenarios, in simulated time: whatever they do, the call ends in an answer, a
//! transfer to somebody who is there, or a goodbye, within the limit of turns. What is looked at is in `assistant::walks`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::walks::{End, Persona, Walked, Walks};
use super::*;
use crate::dialog::plan::Consent;
use crate::scenario::Scenario;

/// Every scenario that is shipped, whoever added it.
static SCENARIOS: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
    let folders = std::fs::read_dir(folder("")).expect("the folder of the scenarios can be read");
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.expect("it can be read").path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    let load = |folder: &PathBuf| Scenario::load(folder).expect("the scenario has no mistakes");
    folders.iter().map(load).collect()
});

/// A name, and what makes a scenario that variant.
type Variant = (&'static str, fn(&mut Plan));

/// Ways in which an owner may change a scenario, the scenario as it is first.
const VARIANTS: [Variant; 7] = [
    ("as it is", |_| {}),
    ("asks whether it may record", |plan| {
        let say = plan.consent.take().map_or_else(|| plan.greeting.clone(), |consent| consent.say);
        plan.consent = Some(Consent { asked: true, say });
    }),
    ("without a keypad", |plan| plan.keypad.clear()),
    ("in one language", |plan| plan.languages = vec![plan.default_language]),
    ("begins in another language", |plan| {
        plan.default_language = plan.languages.last().copied().unwrap_or(plan.default_language);
    }),
    ("knows no request for a person", |plan| plan.human_intent = None),
    ("is impatient", |plan| plan.limits.turns_max = 3),
];

/// Every scenario in every variant, by its name.
static WALKS: LazyLock<Vec<(String, Walks<'static>)>> = LazyLock::new(|| {
    let varied = |scenario: &'static Scenario, (variant, change): (&str, fn(&mut Plan))| {
        let mut plan = Plan::clone(&scenario.plan);
        change(&mut plan);
        (format!("{} ({variant})", scenario.name), Walks::following(scenario, Arc::new(plan)))
    };
    SCENARIOS.iter().flat_map(|scenario| VARIANTS.map(|variant| varied(scenario, variant))).collect()
});

/// The call, which broke no promise.
#[track_caller]
fn walk((name, walks): &(String, Walks<'_>), persona: Persona, seed: u64) -> Walked {
    let walked = walks.call(persona, seed);
    if let Some(failure) = &walked.failure {
        let (who, how) = (persona.name(), failure.transcript.join("\n  "));
        panic!("{name}, {who} caller {seed}: {}\n  {how}", failure.problem);
    }
    walked
}

#[test]
fn every_kind_of_caller_of_every_shipped_scenario_comes_to_an_end() {
    const SEEDS: u64 = 8;
    let mut ends = BTreeSet::new();
    for walks in WALKS.iter() {
        for persona in Persona::ALL {
            ends.extend((0..SEEDS).map(|seed| match walk(walks, persona, seed).end {
                Some(End::Route(_)) => "route",
                Some(End::Answer) => "answer",
                Some(End::Goodbye) => "goodbye",
                None => "none",
            }));
        }
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["answer", "goodbye", "route"], "each end is walked to");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_caller_of_a_shipped_scenario_comes_to_an_end(
        walks in any::<prop::sample::Index>(),
        persona in 0..Persona::ALL.len(),
        seed in any::<u64>(),
    ) {
        let walked = walk(walks.get(&WALKS[..]), Persona::ALL[persona], seed);
        prop_assert!(walked.end.is_some());
    }
}
