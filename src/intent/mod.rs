//! From one free sentence to the intent behind it, with a probability that can be trusted.
//!
//! Takes the text of a caller's utterance, gives a [`Ranking`] of the scenario's intents and, with [`decide`], what
//! follows from it. By words it knows those, and parts of those, of its training sentences and nothing else, needs no
//! model file and trains in seconds. With a sentence encoder ([`Meaning`]) it knows what sentences mean as well.
//!
//! ```text
//! text → features (n-grams) → logistic ─┐
//!      → meaning (vector)   → logistic ─┴─ fusion (probabilities) ─▶ Ranking ─▶ decide, or band
//!                           → nearest  ─── scope (in scope or not) ↗
//! ```
//!
//! A dialogue gives what it [`Heard`] and gets each wish with what to do about it ([`Classifier::weigh`]): by [`band`], from
//! what a wrong transfer and a question cost. A recording, where nobody can be asked any more, is read by [`decide`].
//!
//! Invariants: fusion, temperature, scope and thresholds are fitted only on sentences that the scoring model had not
//! seen; training is deterministic; a [`Classifier`] never changes after training and can be shared among threads.
//! It does not read files (see `scenario`), does not talk back to the caller, and finds no slots.

mod approximate;
mod background;
mod band;
pub mod calibrate;
mod classifier;
mod crossfit;
pub mod features;
pub mod folds;
mod fusion;
mod heard;
pub mod logistic;
mod meaning;
mod model;
mod pace;
mod saved;
mod scope;
mod semantic;
mod spread;
mod wishes;

use crate::call::{IntentOutcome, IntentScore, Language};
pub use band::{Band, SURE_MIN, Weighed, band, sure_from};
pub use classifier::{ALTERNATIVES_MAX, Classifier};
use features::FeatureOptions;
pub use heard::{Alternative, Heard};
use logistic::LogisticOptions;
pub use meaning::{Meaning, MeaningFailed};
pub use pace::{FullPace, Pace};

/// One training sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What a caller says.
    pub text: String,
    /// Name of the intent it has.
    pub intent: String,
    /// The language it is in.
    pub language: Language,
    /// The example that a recogniser misheard as this text; `None` for what people wrote.
    pub said: Option<String>,
}

impl Example {
    /// A sentence that somebody wrote.
    pub fn new(text: impl Into<String>, intent: impl Into<String>, language: Language) -> Self {
        Self { text: text.into(), intent: intent.into(), language, said: None }
    }
}

/// A sentence that no intent is meant to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfScope {
    /// What a caller says.
    pub text: String,
    /// The language it is in.
    pub language: Language,
}

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOptions {
    /// Which n-grams count.
    pub features: FeatureOptions,
    /// Regularisation and convergence of the regression on words.
    pub logistic: LogisticOptions,
    /// The same of the regression on meanings.
    pub semantic: LogisticOptions,
    /// Into how many parts the sentences are split to hold one out at a time; at least 2.
    pub folds: usize,
    /// Share of in-scope sentences, 0 to 1, that the in-scope threshold keeps.
    pub in_scope_kept: f32,
    /// Share of decisions, 0 to 1, that must be right *at* the threshold: an ordinary wrong transfer costs as many questions
    /// as there may be decisions for one that is wrong, ten at 0.9.
    pub sure_precision: f32,
}

/// 5 to 40 are within half a point of each other on held-out training sentences; 3 and 100 lose a point.
const SEMANTIC_COST: f32 = 10.0;

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            features: FeatureOptions::default(),
            logistic: LogisticOptions::default(),
            semantic: LogisticOptions { cost: SEMANTIC_COST, ..LogisticOptions::default() },
            folds: 5,
            in_scope_kept: 0.95,
            sure_precision: 0.9,
        }
    }
}

/// Why a classifier cannot be trained. The scenario is at fault, no call is affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// With one intent there is nothing to tell apart.
    #[error(
        "{found} intents with example sentences, at least 2 are needed\nhint: add sentences under intents/"
    )]
    TooFewIntents {
        /// How many intents have an example.
        found: usize,
    },
    /// More than the classifier is laid out for.
    #[error("{found} {what}, at most {limit} are supported")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The sentence encoder failed on the training sentences.
    #[error("cannot encode the example sentences: {reason}\nhint: run `allo models verify`")]
    Meaning {
        /// What it said.
        reason: String,
    },
    /// Holding one part of one out leaves nothing.
    #[error("{found} folds, at least 2 are needed")]
    TooFewFolds {
        /// What was asked for.
        found: usize,
    },
}

/// Intents in one classifier: 2,000 × 100,000 features in f32 are 800 MB, past what one scenario may take.
pub const INTENTS_MAX: usize = 2_000;
/// Training sentences in one classifier: training time grows with their number times that of the intents.
pub const EXAMPLES_MAX: usize = 100_000;
/// How many candidates a ranking holds.
pub const CANDIDATES_MAX: usize = 5;

/// When to act and when to give up; chosen on held-out sentences by [`Classifier::train`], or set by the scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// From this in-scope score on, a sentence is taken to be one of the intents.
    pub in_scope: f32,
    /// From this probability on, the best intent is named where nobody can be asked ([`decide`]): all decisions from here on
    /// together are as often right as they must be.
    pub likely: f32,
    /// From this probability on, the best intent is acted on without a question: a wrong transfer, as often as it happens
    /// here, costs as much as the question.
    pub sure: f32,
}

impl Thresholds {
    /// A probability that nothing reaches. A number like others, so that it can be kept in records.
    pub const NEVER: f32 = 2.0;
}

/// What the classifier thinks of one sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The best intents with calibrated probabilities (given that the sentence is in scope), best first, at most
    /// [`CANDIDATES_MAX`].
    pub candidates: Vec<IntentScore>,
    /// Probability that the sentence is in scope at all, 0 to 1.
    pub in_scope: f32,
}

/// What held-out sentences said about the classifier when it was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainReport {
    /// How many sentences were held out in turn.
    pub held_out: usize,
    /// How much meanings count against words, 0 (no encoder) to 1.
    pub meaning_share: f32,
    /// Share of them whose best intent was right; by language as well.
    pub accuracy: f32,
    /// As `accuracy`, for the sentences of one language each, in the order of [`Language::ALL`].
    pub accuracy_by_language: Vec<(Language, f32)>,
    /// Expected calibration error over 15 bins.
    pub calibration_error: f32,
    /// Share of the out-of-scope sentences given, held out in turn, that fell below the in-scope threshold; `None`
    /// without any.
    pub out_of_scope_recall: Option<f32>,
    /// What was understood of each of them, and of the out-of-scope sentences.
    pub sentences: Vec<HeldOutSentence>,
}

/// What was understood of a sentence by a classifier that had not seen it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOutSentence {
    /// The intent that it has; `None`: no intent is for it.
    pub intent: Option<String>,
    /// With the best two intents.
    pub ranking: Ranking,
}

/// What `ranking` says of a recording: out of scope, unsure, or the best intent with the route that `route_of` gives it.
/// An intent without a route is never named.
pub fn decide<'a>(
    ranking: &Ranking,
    thresholds: &Thresholds,
    route_of: impl Fn(&str) -> Option<&'a str>,
) -> IntentOutcome {
    if ranking.in_scope < thresholds.in_scope {
        return IntentOutcome::OutOfScope;
    }
    let likely = ranking.candidates.first().filter(|best| best.probability >= thresholds.likely);
    match likely.and_then(|best| route_of(&best.intent).map(|route| (best, route))) {
        Some((best, route)) => IntentOutcome::Routed { intent: best.intent.clone(), route: route.to_owned() },
        None => IntentOutcome::Unsure,
    }
}

#[cfg(test)]
mod tests;
