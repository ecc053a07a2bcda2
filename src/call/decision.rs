//! What was decided in one turn of a dialogue, and on what grounds: plain data, for the store and for people.

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use super::{CallId, IntentScore, Language, WordConfidence};
use crate::redact::Redacted;

/// One turn of a dialogue.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionRecord {
    /// The call, or the conversation in text.
    pub call: CallId,
    /// Number of the turn in its call, from 0.
    pub number: u32,
    /// When it was decided.
    pub at: Timestamp,
    /// The language that was spoken then.
    pub language: Language,
    /// What happened: `begin`, `sentence`, `silence`, `noise`, `key`, `other_language`, `not_answered`, `failed`,
    /// `hung_up`.
    pub input: String,
    /// What the caller said, if it was a sentence.
    pub sentence: Option<Redacted<String>>,
    /// What it may have been instead, with its weight beside the sentence's 1.
    pub alternatives: Vec<(Redacted<String>, f32)>,
    /// Names that were put right in the sentence, from left to right.
    pub corrections: Vec<CorrectionRecord>,
    /// How sure the recogniser was of each word of the sentence; empty for what was typed, and in records of before it was kept.
    pub confidences: Vec<WordConfidence>,
    /// The wishes in it, in the order of speech.
    pub wishes: Vec<WishRecord>,
    /// The thresholds that held.
    pub thresholds: ThresholdRecord,
    /// What was going on before.
    pub state: String,
    /// The rule that decided.
    pub rule: String,
    /// The values that were known afterwards.
    pub slots: Vec<SlotRecord>,
    /// What was looked up, in order: for an answer, and for the person who takes the call.
    pub look_ups: Vec<LookUpRecord>,
    /// What followed: `listen`, `transfer`, `hang_up`, `nothing`.
    pub outcome: String,
    /// The route of a transfer.
    pub route: Option<String>,
    /// The intent of a transfer.
    pub intent: Option<String>,
    /// Whether the caller agreed to being recorded; `None` while not asked. After a refusal nothing of what the caller said
    /// is in the record.
    pub recording_agreed: Option<bool>,
    /// Name of the scenario.
    pub scenario: String,
    /// Its version: a hash of its files.
    pub scenario_version: String,
    /// What classified: `lexical` or the name of the encoder with it.
    pub model: String,
}

impl DecisionRecord {
    /// Takes out what the caller said: the sentence, what it may have been, and the values in it. What was decided stays.
    pub fn forget_words(&mut self) {
        self.sentence = None;
        self.alternatives.clear();
        self.corrections.clear();
        // Their places tell how long the words were.
        self.confidences.clear();
        for slot in &mut self.slots {
            slot.value = Redacted::new(String::new());
        }
    }
}

/// A name of a catalogue that was put right.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrectionRecord {
    /// What the recogniser wrote.
    pub said: Redacted<String>,
    /// Where the name stands instead, in bytes of the sentence. Empty in records of before it was kept.
    pub span: Range<usize>,
    /// Key of the entry in its catalogue; the name itself where it is of none.
    pub id: Redacted<String>,
    /// The name.
    pub name: Redacted<String>,
    /// How alike they are, 0 to 1.
    pub score: f32,
    /// The key of the entry that came second, and how alike that is.
    pub runner_up: Option<(Redacted<String>, f32)>,
}

/// One wish of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct WishRecord {
    /// The best intents.
    pub candidates: Vec<IntentScore>,
    /// Probability of being in scope at all.
    pub in_scope: f32,
    /// How clear it was: `sure`, `nearly`, `two_candidates`, `lost`, `out_of_scope`.
    pub band: String,
    /// What a wrong transfer of the best intent costs against an ordinary one.
    pub wrong_transfer_cost: f32,
    /// From which probability on the best intent was acted on: the general threshold at that cost, above 1 where nothing was.
    /// `None` in records of before it was kept.
    pub sure_from: Option<f32>,
}

/// The thresholds that held.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ThresholdRecord {
    /// Of being in scope.
    pub in_scope: f32,
    /// Of acting without a question, where a wrong transfer costs as much as an ordinary one; see [`WishRecord::sure_from`].
    pub sure: f32,
}

/// A value that was known.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotRecord {
    /// Name of the slot.
    pub name: String,
    /// Kind of value.
    pub kind: String,
    /// Its canonical text.
    pub value: Redacted<String>,
}

/// A look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUpRecord {
    /// The source.
    pub source: String,
    /// How long it took, waiting included.
    pub took: Duration,
    /// `row`, `none` or `failed`.
    pub outcome: String,
    /// Whether an earlier answer was used.
    pub cached: bool,
    /// Whether it was made for the person who takes the call, after it was decided to hand it over.
    pub is_for_person: bool,
}

/// A turn in which a caller was not quite understood, for tests.
#[cfg(test)]
pub fn sample() -> DecisionRecord {
    let handover = super::handover::sample();
    DecisionRecord {
        call: handover.call,
        number: 1,
        at: handover.at,
        language: Language::Fr,
        input: "sentence".to_owned(),
        sentence: handover.words,
        alternatives: Vec::new(),
        corrections: Vec::new(),
        confidences: vec![WordConfidence { span: 0..7, confidence: 0.5 }],
        wishes: vec![WishRecord {
            candidates: vec![IntentScore { intent: "contester_facture".to_owned(), probability: 0.75 }],
            in_scope: 0.9375,
            band: "nearly".to_owned(),
            wrong_transfer_cost: 1.0,
            sure_from: Some(0.875),
        }],
        thresholds: ThresholdRecord::default(),
        state: "open".to_owned(),
        rule: "confirm".to_owned(),
        slots: handover.slots,
        look_ups: Vec::new(),
        outcome: "listen".to_owned(),
        route: None,
        intent: None,
        recording_agreed: None,
        scenario: handover.scenario,
        scenario_version: handover.scenario_version,
        model: "lexical".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_decided_stays_when_the_words_are_forgotten() {
        let mut record = sample();
        record.forget_words();
        assert_eq!((record.sentence.as_ref(), record.confidences.len()), (None, 0));
        assert!(record.slots.iter().all(|slot| slot.value.reveal().is_empty() && !slot.name.is_empty()));
        assert_eq!((record.rule.as_str(), record.wishes.len()), ("confirm", 1));
    }
}
