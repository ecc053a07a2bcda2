//! From one free sentence to the intent behind it, with a probability that can be trusted.
//!
//! Takes the text of a caller's utterance, gives a [`Ranking`] of the scenario's intents and, with [`decide`], what
//! follows from it. Lexical: it knows the words, and parts of words, of its training sentences and nothing else, needs no
//! model file and trains in seconds.
//!
//! ```text
//! text → features (n-grams) → logistic (scores) → calibrate (probabilities)
//!                                              ↘ scope (in scope or not)   → thresholds → outcome
//! ```
//!
//! Invariants: temperature, scope and thresholds are fitted only on sentences that the scoring model had not seen;
//! training is deterministic; a [`Classifier`] never changes after training and can be shared among threads.
//! It does not read files (see `scenario`), does not talk back to the caller, and finds no slots.

mod band;
pub mod calibrate;
mod crossfit;
pub mod features;
mod folds;
mod heard;
pub mod logistic;
mod model;
mod scope;
mod wishes;

use std::collections::BTreeSet;

use crate::call::{IntentOutcome, IntentScore, Language};
pub use band::{Band, band, sure_from};
use features::FeatureOptions;
pub use heard::{Alternative, Heard};
use logistic::LogisticOptions;
use model::Model;
use scope::Scope;

/// One training sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What a caller says.
    pub text: String,
    /// Name of the intent it has.
    pub intent: String,
    /// The language it is in.
    pub language: Language,
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
    /// Regularisation and convergence.
    pub logistic: LogisticOptions,
    /// Into how many parts the sentences are split to hold one out at a time; at least 2.
    pub folds: usize,
    /// Share of in-scope sentences, 0 to 1, that the in-scope threshold keeps.
    pub in_scope_kept: f32,
    /// Share of routed sentences, 0 to 1, that must be right.
    pub sure_precision: f32,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            features: FeatureOptions::default(),
            logistic: LogisticOptions::default(),
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

/// How many other texts of the same speech are looked at: each costs as much as the best one, and their weight falls
/// off quickly.
pub const ALTERNATIVES_MAX: usize = 3;
/// A part of a sentence is a wish of its own from this probability on, however low [`Thresholds::sure`] is: taking one
/// wish for two starts a question that nobody asked.
const PART_PROBABILITY_MIN: f32 = 0.6;
/// From this mean probability of the words on, what was heard is taken as it is. Below it the odds of the intents are
/// drawn together, in proportion.
const RELIABLE_FROM: f32 = 0.85;

/// When to act and when to give up; chosen on held-out sentences by [`Classifier::train`], or set by the scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// From this in-scope score on, a sentence is taken to be one of the intents.
    pub in_scope: f32,
    /// From this probability on, the best intent is acted on.
    pub sure: f32,
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
    /// Share of them whose best intent was right; by language as well.
    pub accuracy: f32,
    /// As `accuracy`, for the sentences of one language each, in the order of [`Language::ALL`].
    pub accuracy_by_language: Vec<(Language, f32)>,
    /// Expected calibration error over 15 bins.
    pub calibration_error: f32,
    /// Share of the out-of-scope sentences given, held out in turn, that fell below the in-scope threshold; `None`
    /// without any.
    pub out_of_scope_recall: Option<f32>,
}

/// A trained classifier.
#[derive(Debug, Clone)]
pub struct Classifier {
    intents: Vec<String>,
    model: Model,
    temperature: f32,
    scope: Scope,
    thresholds: Thresholds,
    report: TrainReport,
}

impl Classifier {
    /// Trains on `examples`; `out_of_scope` may be empty. Takes two to three seconds for 1,500 examples of 150 intents.
    ///
    /// The name of an intent counts as one more sentence for it ("facture_trop_elevee" says what it is about), which
    /// gained 1 to 5 points where names are words.
    ///
    /// # Errors
    /// See [`Error`]; nothing but the arguments can be at fault.
    pub fn train(
        examples: &[Example],
        out_of_scope: &[OutOfScope],
        options: &TrainOptions,
    ) -> Result<Self, Error> {
        let intents = checked_intents(examples, out_of_scope, options)?;
        let set = crossfit::TrainingSet::new(examples, out_of_scope, &intents);
        let judged = crossfit::judge(&set, options);
        let model = Model::fit(&set.fit_options(options), &set.all());
        Ok(Self {
            model,
            intents,
            temperature: judged.temperature,
            scope: judged.scope,
            thresholds: judged.thresholds,
            report: judged.report,
        })
    }

    /// Ranks the intents for `text`. Allocates one score an intent; under a millisecond for 150 intents.
    pub fn classify(&self, text: &str) -> Ranking {
        let (probabilities, in_scope) = self.judge(text);
        self.ranking(&probabilities, in_scope)
    }

    /// Ranks the intents for what was heard: the mean over the alternatives, flattened as far as the recogniser was
    /// unsure of the words.
    pub fn understand(&self, heard: &Heard) -> Ranking {
        let mut probabilities = vec![0.0; self.intents.len()];
        let mut in_scope = 0.0;
        for (text, share) in heard.texts(ALTERNATIVES_MAX) {
            let (of_text, in_scope_of_text) = self.judge(text);
            for (sum, probability) in probabilities.iter_mut().zip(of_text) {
                *sum += share * probability;
            }
            in_scope += share * in_scope_of_text;
        }
        flatten(&mut probabilities, heard.reliability());
        self.ranking(&probabilities, in_scope)
    }

    /// The wishes in what was heard, in the order of speech: two when the sentence has two parts that are each clearly
    /// an intent of their own, else one.
    pub fn wishes(&self, heard: &Heard) -> Vec<Ranking> {
        let text = heard.text.reveal();
        let two = wishes::parts(text).into_iter().find_map(|(first, second)| {
            let of_part = |part: &str| {
                let (mut probabilities, in_scope) = self.judge(part);
                flatten(&mut probabilities, heard.reliability());
                let ranking = self.ranking(&probabilities, in_scope);
                self.is_wish(&ranking).then_some(ranking)
            };
            let (first, second) = (of_part(first)?, of_part(second)?);
            let differ = first.candidates[0].intent != second.candidates[0].intent;
            differ.then(|| vec![first, second])
        });
        two.unwrap_or_else(|| vec![self.understand(heard)])
    }

    /// Whether a part of a sentence is clear enough to be a wish of its own.
    fn is_wish(&self, ranking: &Ranking) -> bool {
        let clear = self.thresholds.sure.max(PART_PROBABILITY_MIN);
        ranking.in_scope >= self.thresholds.in_scope
            && ranking.candidates.first().is_some_and(|best| best.probability >= clear)
    }

    /// One probability an intent, and that of being in scope.
    fn judge(&self, text: &str) -> (Vec<f32>, f32) {
        let (probabilities, evidence) = self.model.score(text).judge(self.temperature);
        (probabilities, self.scope.probability(&evidence))
    }

    fn ranking(&self, probabilities: &[f32], in_scope: f32) -> Ranking {
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_unstable_by(|&left, &right| {
            probabilities[right].total_cmp(&probabilities[left]).then(left.cmp(&right))
        });
        let candidates = order
            .into_iter()
            .take(CANDIDATES_MAX)
            .map(|class| IntentScore {
                intent: self.intents[class].clone(),
                probability: probabilities[class],
            })
            .collect();
        Ranking { candidates, in_scope }
    }

    /// The intents, by name.
    pub fn intents(&self) -> &[String] {
        &self.intents
    }

    /// The thresholds that held-out sentences gave.
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// What held-out sentences said.
    pub fn report(&self) -> &TrainReport {
        &self.report
    }
}

/// What follows from `ranking`: out of scope, unsure, or the best intent with the route that `route_of` gives it.
/// An intent without a route is never acted on.
pub fn decide<'a>(
    ranking: &Ranking,
    thresholds: &Thresholds,
    route_of: impl Fn(&str) -> Option<&'a str>,
) -> IntentOutcome {
    if ranking.in_scope < thresholds.in_scope {
        return IntentOutcome::OutOfScope;
    }
    let sure = ranking.candidates.first().filter(|best| best.probability >= thresholds.sure);
    match sure.and_then(|best| route_of(&best.intent).map(|route| (best, route))) {
        Some((best, route)) => IntentOutcome::Routed { intent: best.intent.clone(), route: route.to_owned() },
        None => IntentOutcome::Unsure,
    }
}

/// Draws probabilities together where the words are unreliable (a mean probability below [`RELIABLE_FROM`]).
fn flatten(probabilities: &mut [f32], reliability: f32) {
    let power = (reliability / RELIABLE_FROM).clamp(0.0, 1.0);
    if power < 1.0 {
        for probability in probabilities.iter_mut() {
            *probability = probability.max(f32::MIN_POSITIVE).powf(power);
        }
        let sum: f32 = probabilities.iter().sum();
        for probability in probabilities.iter_mut() {
            *probability /= sum;
        }
    }
}

fn checked_intents(
    examples: &[Example],
    out_of_scope: &[OutOfScope],
    options: &TrainOptions,
) -> Result<Vec<String>, Error> {
    if options.folds < 2 {
        return Err(Error::TooFewFolds { found: options.folds });
    }
    let intents: BTreeSet<&str> = examples.iter().map(|example| example.intent.as_str()).collect();
    if intents.len() < 2 {
        return Err(Error::TooFewIntents { found: intents.len() });
    }
    for (what, found, limit) in [
        ("intents", intents.len(), INTENTS_MAX),
        ("example sentences", examples.len(), EXAMPLES_MAX),
        ("out-of-scope sentences", out_of_scope.len(), EXAMPLES_MAX),
    ] {
        if found > limit {
            return Err(Error::TooMany { what, found, limit });
        }
    }
    Ok(intents.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;
