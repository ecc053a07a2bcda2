//! What was decided in one turn of a dialogue, and on what grounds: plain data, for the store and for people.

use std::time::Duration;

use jiff::Timestamp;

use super::{CallId, IntentScore, Language};
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
    /// What was looked up.
    pub look_ups: Vec<LookUpRecord>,
    /// What followed: `listen`, `transfer`, `hang_up`, `nothing`.
    pub outcome: String,
    /// The route of a transfer.
    pub route: Option<String>,
    /// The intent of a transfer.
    pub intent: Option<String>,
    /// Name of the scenario.
    pub scenario: String,
    /// Its version: a hash of its files.
    pub scenario_version: String,
    /// What classified: `lexical` or the name of the encoder with it.
    pub model: String,
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
    /// What a wrong transfer of the best intent costs against one question.
    pub wrong_transfer_cost: f32,
}

/// The thresholds that held.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ThresholdRecord {
    /// Of being in scope.
    pub in_scope: f32,
    /// Of acting without a question.
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
}
