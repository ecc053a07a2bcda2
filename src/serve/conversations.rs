//! The figures of the bot in Prometheus' text format.

use super::metrics::{durations, family, line};
use crate::bot::figures::{BANDS, INPUTS, LOOK_UPS, OUTCOMES, Snapshot};

/// What callers said to the bot, and what came of it.
pub fn write(out: &mut String, it: &Snapshot) {
    const CALLS: &str = "allo_bot_calls_total";
    family(out, CALLS, "counter", "Calls that were answered.");
    line(out, format_args!("{CALLS} {}", it.calls));
    const TURNS: &str = "allo_bot_turns_total";
    family(out, TURNS, "counter", "Turns that were decided, by what happened and what followed.");
    for (input, outcomes) in INPUTS.iter().zip(it.turns) {
        for (outcome, count) in OUTCOMES.iter().zip(outcomes) {
            line(out, format_args!("{TURNS}{{input=\"{input}\",outcome=\"{outcome}\"}} {count}"));
        }
    }
    const WISHES: &str = "allo_bot_wishes_total";
    family(out, WISHES, "counter", "Wishes that were heard, by how clear they were.");
    for (band, count) in BANDS.iter().zip(it.wishes) {
        line(out, format_args!("{WISHES}{{band=\"{band}\"}} {count}"));
    }
    const LOOKED_UP: &str = "allo_bot_look_ups_total";
    family(out, LOOKED_UP, "counter", "Look-ups, kept answers included, by outcome.");
    for (outcome, count) in LOOK_UPS.iter().zip(it.look_ups) {
        line(out, format_args!("{LOOKED_UP}{{outcome=\"{outcome}\"}} {count}"));
    }
    const HANDOVERS: &str = "allo_bot_handovers_total";
    family(out, HANDOVERS, "counter", "Calls that were handed over with their context.");
    line(out, format_args!("{HANDOVERS} {}", it.handovers));
    const BROKEN: &str = "allo_bot_failures_total";
    family(out, BROKEN, "counter", "What broke in the bot itself; callers then go to a person.");
    for (what, count) in it.broken {
        line(out, format_args!("{BROKEN}{{part=\"{what}\"}} {count}"));
    }
    for (name, help, histogram) in [
        (
            "allo_bot_decision_duration_seconds",
            "From the end of a caller's turn to what follows from it, look-ups included.",
            &it.decision,
        ),
        (
            "allo_bot_first_sound_duration_seconds",
            "From the end of a caller's turn to the first sound of the answer on its way.",
            &it.first_sound,
        ),
        ("allo_bot_look_up_duration_seconds", "Look-ups that asked their source.", &it.look_up),
    ] {
        family(out, name, "histogram", help);
        durations(out, (name, ""), histogram);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_described_and_every_name_keeps_to_the_conventions() {
        let mut text = String::new();
        write(&mut text, &Snapshot::of(&[]));
        for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(name.starts_with("allo_bot_") && text.contains(&format!("# HELP {name} ")), "{name}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        }
        assert!(text.contains("allo_bot_turns_total{input=\"sentence\",outcome=\"transfer\"} 0\n"), "{text}");
        assert!(text.contains("allo_bot_decision_duration_seconds_bucket{le=\"+Inf\"} 0\n"), "{text}");
        assert!(text.contains("allo_bot_decision_duration_seconds_count 0\n"), "{text}");
    }
}
