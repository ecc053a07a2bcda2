//! What is counted of the dialogues of a service, since the start.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::call::decision::{DecisionRecord, LookUpRecord};
use crate::live::{Histogram, HistogramSnapshot};

/// What can happen in a turn, as records name it.
pub const INPUTS: [&str; 9] =
    ["begin", "sentence", "silence", "noise", "key", "other_language", "not_answered", "failed", "hung_up"];
/// What can follow.
pub const OUTCOMES: [&str; 4] = ["listen", "transfer", "hang_up", "nothing"];
/// How clear a wish can be.
pub const BANDS: [&str; 5] = ["sure", "nearly", "two_candidates", "lost", "out_of_scope"];
/// What can come of a look-up.
pub const LOOK_UPS: [&str; 3] = ["row", "none", "failed"];

/// Something of the bot itself that broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The dialogue.
    Dialogue,
    /// A decision could not be kept.
    Record,
    /// The voice.
    Voice,
    /// What a person is told of a call.
    Handover,
}

impl Broken {
    const ALL: [Self; 4] = [Self::Dialogue, Self::Record, Self::Voice, Self::Handover];

    const fn name(self) -> &'static str {
        match self {
            Self::Dialogue => "dialogue",
            Self::Record => "record",
            Self::Voice => "voice",
            Self::Handover => "handover",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Dialogue => 0,
            Self::Record => 1,
            Self::Voice => 2,
            Self::Handover => 3,
        }
    }
}

/// See the module. Whatever a record names that is not in the lists above is not counted: labels stay a closed set.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) calls: AtomicU64,
    turns: [[AtomicU64; OUTCOMES.len()]; INPUTS.len()],
    wishes: [AtomicU64; BANDS.len()],
    look_ups: [AtomicU64; LOOK_UPS.len()],
    pub(super) handovers: AtomicU64,
    broken: [AtomicU64; Broken::ALL.len()],
    pub(super) decision: Histogram,
    pub(super) first_sound: Histogram,
    look_up: Histogram,
}

/// The figures at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Calls that were answered.
    pub calls: u64,
    /// Turns, by place in [`INPUTS`] and in [`OUTCOMES`].
    pub turns: [[u64; OUTCOMES.len()]; INPUTS.len()],
    /// Wishes that were heard, by place in [`BANDS`].
    pub wishes: [u64; BANDS.len()],
    /// Look-ups, those of kept answers included, by place in [`LOOK_UPS`].
    pub look_ups: [u64; LOOK_UPS.len()],
    /// Calls whose context was handed over.
    pub handovers: u64,
    /// What broke, with its name.
    pub broken: [(&'static str, u64); Broken::ALL.len()],
    /// From the end of a turn to what follows from it, look-ups included.
    pub decision: HistogramSnapshot,
    /// From the end of a turn to the first sound of the answer on its way.
    pub first_sound: HistogramSnapshot,
    /// Look-ups that asked the source.
    pub look_up: HistogramSnapshot,
}

impl Figures {
    /// A turn was decided.
    pub(super) fn decided(&self, record: &DecisionRecord) {
        if let (Some(input), Some(outcome)) =
            (place(&INPUTS, &record.input), place(&OUTCOMES, &record.outcome))
        {
            count(&self.turns[input][outcome]);
        }
        for wish in &record.wishes {
            if let Some(band) = place(&BANDS, &wish.band) {
                count(&self.wishes[band]);
            }
        }
        self.looked_up(&record.look_ups);
    }

    /// Sources were asked.
    pub(super) fn looked_up(&self, look_ups: &[LookUpRecord]) {
        for look_up in look_ups {
            if let Some(outcome) = place(&LOOK_UPS, &look_up.outcome) {
                count(&self.look_ups[outcome]);
            }
            if !look_up.cached {
                self.look_up.record(look_up.took);
            }
        }
    }

    pub(super) fn broke(&self, what: Broken) {
        count(&self.broken[what.index()]);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            calls: read(&self.calls),
            turns: self.turns.each_ref().map(|outcomes| outcomes.each_ref().map(read)),
            wishes: self.wishes.each_ref().map(read),
            look_ups: self.look_ups.each_ref().map(read),
            handovers: read(&self.handovers),
            broken: Broken::ALL.map(|what| (what.name(), read(&self.broken[what.index()]))),
            decision: self.decision.snapshot(),
            first_sound: self.first_sound.snapshot(),
            look_up: self.look_up.snapshot(),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn place(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|one| *one == name)
}

/// Records in numbers nobody looks at are no figures: for tests of what shows them.
#[cfg(test)]
impl Snapshot {
    /// Of these records.
    pub fn of(records: &[DecisionRecord]) -> Self {
        let figures = Figures::default();
        records.iter().for_each(|record| figures.decided(record));
        figures.snapshot()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::decision::{ThresholdRecord, WishRecord};
    use crate::call::{CallId, Language};

    fn record(input: &str, outcome: &str) -> DecisionRecord {
        let look_up = |outcome: &str, cached| LookUpRecord {
            source: "crm".to_owned(),
            took: Duration::from_millis(30),
            outcome: outcome.to_owned(),
            cached,
            is_for_person: false,
        };
        let wish = WishRecord {
            candidates: Vec::new(),
            in_scope: 1.0,
            band: "nearly".to_owned(),
            wrong_transfer_cost: 1.0,
            sure_from: None,
        };
        DecisionRecord {
            call: CallId(uuid::Uuid::nil()),
            number: 0,
            at: jiff::Timestamp::UNIX_EPOCH,
            language: Language::Fr,
            input: input.to_owned(),
            sentence: None,
            alternatives: Vec::new(),
            corrections: Vec::new(),
            confidences: Vec::new(),
            wishes: vec![wish],
            thresholds: ThresholdRecord::default(),
            state: String::new(),
            rule: String::new(),
            slots: Vec::new(),
            look_ups: vec![look_up("row", true), look_up("failed", false)],
            outcome: outcome.to_owned(),
            route: None,
            intent: None,
            recording_agreed: None,
            scenario: String::new(),
            scenario_version: String::new(),
            model: String::new(),
        }
    }

    #[test]
    fn a_turn_is_counted_once_by_what_happened_and_what_followed() {
        let snapshot = Snapshot::of(&[record("sentence", "transfer"), record("sentence", "listen")]);
        assert_eq!(snapshot.turns[1], [1, 1, 0, 0]);
        assert_eq!(snapshot.turns.iter().flatten().sum::<u64>(), 2);
        assert_eq!((snapshot.wishes, snapshot.look_ups), ([0, 2, 0, 0, 0], [2, 0, 2]));
        assert_eq!(snapshot.look_up.count(), 2, "a kept answer asks nobody");
    }

    #[test]
    fn what_is_in_no_list_makes_no_new_label() {
        assert_eq!(Snapshot::of(&[record("dance", "listen")]).turns, Snapshot::of(&[]).turns);
    }
}
