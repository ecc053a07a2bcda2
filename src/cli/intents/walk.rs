//! `allo intents check FOLDER --walk`: random callers in the dialogue of a scenario.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::assistant::walks::{End, Persona, Walked, Walks};
use crate::scenario::Scenario;

/// Calls of `--walk` without a number.
pub(super) const CALLS: &str = "1000";
/// Calls of one run: minutes, not hours.
pub(super) const CALLS_MAX: i64 = 100_000;
/// Calls that broke a promise and are shown with their conversation.
const SHOWN: usize = 5;

/// Has `calls` random callers call `scenario`; what came of it in words, and how many calls broke a promise.
pub(super) fn walked(scenario: &Scenario, calls: u32) -> (String, usize) {
    let walks = Walks::of(scenario);
    let personas = Persona::ALL.into_iter().cycle();
    let walked: Vec<Walked> =
        personas.zip(0..u64::from(calls)).map(|(persona, seed)| walks.call(persona, seed)).collect();
    (
        told(&walked, scenario.plan.limits.turns_max),
        walked.iter().filter(|call| call.failure.is_some()).count(),
    )
}

fn told(walked: &[Walked], turns_max: u32) -> String {
    let mut ends: BTreeMap<&End, usize> = BTreeMap::new();
    for end in walked.iter().filter_map(|call| call.end.as_ref()) {
        *ends.entry(end).or_default() += 1;
    }
    let count_of = |end: &End| ends.get(end).copied().unwrap_or_default();
    let routed: Vec<(&str, usize)> = ends
        .iter()
        .filter_map(|(end, count)| match end {
            End::Route(route) => Some((route.as_str(), *count)),
            End::Answer | End::Goodbye => None,
        })
        .collect();
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(
        text,
        "walked {} calls: {} answered, {} put through, {} with a goodbye",
        walked.len(),
        count_of(&End::Answer),
        routed.iter().map(|(_, count)| count).sum::<usize>(),
        count_of(&End::Goodbye)
    );
    for (route, count) in routed {
        let _ = writeln!(text, "{count:>6}  → {route}");
    }
    let longest = walked.iter().map(|call| call.turns).max().unwrap_or_default();
    let _ = writeln!(text, "the longest took {longest} turns of {turns_max}");
    let broken: Vec<&Walked> = walked.iter().filter(|call| call.failure.is_some()).collect();
    let _ = writeln!(text, "{} broke a promise", broken.len());
    for call in broken.into_iter().take(SHOWN) {
        let Some(failure) = &call.failure else { continue };
        let (persona, seed) = (call.persona.name(), call.seed);
        let _ = writeln!(text, "BROKEN  seed {seed}, {persona} caller: {}", failure.problem);
        for line in &failure.transcript {
            let _ = writeln!(text, "          {line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::Failure;

    #[test]
    fn ends_are_counted_and_a_broken_promise_is_shown_with_its_conversation() {
        let call = |seed, end, turns| Walked { persona: Persona::Noisy, seed, end, turns, failure: None };
        let route = |id: &str| Some(End::Route(id.to_owned()));
        let failure =
            Failure { problem: "the call is left hanging".into(), transcript: vec!["> oui".into()] };
        let walked = [
            call(0, Some(End::Answer), 4),
            call(1, route("compta"), 7),
            call(2, route("accueil"), 1),
            call(3, route("compta"), 2),
            Walked { failure: Some(failure), ..call(4, None, 3) },
        ];
        let expected = "walked 5 calls: 1 answered, 3 put through, 0 with a goodbye\n\
                        \u{20}    1  → accueil\n\
                        \u{20}    2  → compta\n\
                        the longest took 7 turns of 12\n\
                        1 broke a promise\n\
                        BROKEN  seed 4, noisy caller: the call is left hanging\n\
                        \u{20}         > oui\n";
        assert_eq!(told(&walked, 12), expected);
    }
}
