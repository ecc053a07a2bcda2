//! What the model says of sentences it has not seen: the ground for mix, temperature, scope and thresholds.
//!
//! Two passes over the folds. In the first, one part of the sentences of every intent is held out. In the second, whole
//! intents are held out beside it: their sentences look like the domain and belong to no intent that the model knows,
//! which is what an out-of-scope caller sounds like, so scope can be learnt without a single out-of-scope example.
//! Where meanings are known, sentences that no customer service is for are a second kind of outside.
//!
//! Big sets ([`THOROUGH_MAX`]) get one fit in place of two passes: one part of the intents and one of the sentences of
//! the others held out together, which leaves thousands of sentences to judge by.

use std::collections::HashMap;

use super::calibrate::{
    CALIBRATION_BINS, Judged, calibration_error, threshold_by_cost, threshold_for_precision,
    threshold_keeping,
};
use super::folds::stratified;
use super::fusion::{self, Tried};
use super::logistic::LogisticOptions;
use super::meaning::{Viewpoint, dot};
use super::model::{FitOptions, Mix, Model, Scored, Sentence};
use super::pace::Pace;
use super::saved::{Reader, Writer};
use super::scope::{Evidence, Scope};
use super::{Example, HeldOutSentence, OutOfScope, Ranking, SURE_MIN, Thresholds, TrainOptions, TrainReport};
use crate::call::{IntentScore, Language};

/// Seed of the split; any value gives figures within the noise of the set.
const SPLIT_SEED: u64 = 7;
/// Held-out sentences below which a threshold would be noise.
const HELD_OUT_MIN: usize = 20;
/// Thresholds of a classifier that nothing could be held out from, such as one sentence an intent. Cautious: such a
/// classifier should rather ask than route.
const UNFITTED: Thresholds = Thresholds { in_scope: 0.5, likely: 0.8, sure: 0.8 };
/// Questions that a wrong transfer costs at the most: a scenario that asks for no mistake at all would never act.
const WRONG_TRANSFER_MAX: f32 = 1_000.0;
/// Sentences times intents up to which both passes are made over every fold: some seconds.
const THOROUGH_MAX: usize = 2_000_000;
/// Passes over the sentences of a bigger set; the first few move nearly all.
const PASSES_OF_BIG_MAX: u32 = 4;
/// A sentence that no intent is for, but that is as near as this to a training sentence, is no evidence: the scenario
/// has an intent for it.
const BACKGROUND_NEAREST_MAX: f32 = 0.5;

/// The vectors of what is trained on; all in the order of the sentences they belong to.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    /// Of the examples, then of the out-of-scope sentences; `None` for those left out of a big set.
    pub sentences: Vec<Option<Vec<f32>>>,
    /// Parts of each, see [`super::Meaning::parts`].
    pub parts: usize,
    /// Of the intents' names.
    pub names: Vec<Vec<f32>>,
    /// Sentences that no intent is for.
    pub background: Vec<Background>,
}

/// A sentence that no intent is for.
#[derive(Debug)]
pub(super) struct Background {
    pub text: &'static str,
    pub vector: Vec<f32>,
}

/// The sentences with their classes, and the names of the intents as sentences.
pub(super) struct TrainingSet<'a> {
    sentences: Vec<Sentence<'a>>,
    names: Vec<Sentence<'a>>,
    /// Sentences that no intent is for.
    background: Vec<&'a Background>,
    viewpoint: Option<Viewpoint>,
    /// Language of each sentence.
    languages: Vec<Language>,
    /// The example that each was misheard of.
    said: Vec<Option<&'a str>>,
    intents: usize,
}

impl<'a> TrainingSet<'a> {
    /// `intents` ascending, holding every intent of `examples`; `vectors` where meanings are known.
    pub fn new(
        examples: &'a [Example],
        out_of_scope: &'a [OutOfScope],
        intents: &'a [String],
        vectors: Option<&'a Vectors>,
    ) -> Self {
        let class = |intent: &String| intents.binary_search(intent).expect("intents holds every example's");
        let vector_of = |index: usize| vectors.and_then(|all| all.sentences.get(index)?.as_deref());
        let inside = examples.iter().map(|example| (&example.text, class(&example.intent)));
        let outside = out_of_scope.iter().map(|one| (&one.text, intents.len()));
        let sentences = inside.chain(outside).enumerate();
        let name_vector = |class: usize| vectors.and_then(|all| all.names.get(class)).map(Vec::as_slice);
        let names = intents.iter().enumerate();
        let languages = examples.iter().map(|one| one.language);
        let mut set = Self {
            sentences: sentences
                .map(|(index, (text, class))| Sentence {
                    text,
                    class,
                    vector: vector_of(index),
                    is_name: false,
                })
                .collect(),
            names: names
                .map(|(class, text)| Sentence { text, class, vector: name_vector(class), is_name: true })
                .collect(),
            background: Vec::new(),
            viewpoint: vectors.map(|all| Viewpoint::amid(all.sentences.iter().flatten(), all.parts)),
            languages: languages.chain(out_of_scope.iter().map(|one| one.language)).collect(),
            said: examples.iter().map(|one| one.said.as_deref()).collect(),
            intents: intents.len(),
        };
        set.background = set.background_of(vectors);
        set
    }

    /// The background without what the scenario is about.
    fn background_of(&self, vectors: Option<&'a Vectors>) -> Vec<&'a Background> {
        let (Some(viewpoint), Some(vectors)) = (&self.viewpoint, vectors) else { return Vec::new() };
        let known: Vec<Vec<f32>> = self
            .sentences
            .iter()
            .filter(|one| one.class < self.intents)
            .filter_map(|one| one.vector.map(|vector| viewpoint.direction(vector)))
            .collect();
        let is_far = |one: &&'a Background| {
            let direction = viewpoint.direction(&one.vector);
            known.iter().all(|other| dot(other, &direction) < BACKGROUND_NEAREST_MAX)
        };
        vectors.background.iter().filter(is_far).collect()
    }

    /// A model of everything, the names included.
    pub fn fit_all(&self, options: &TrainOptions, pace: &dyn Pace) -> Model {
        let background: Vec<&[f32]> = self.background.iter().map(|one| one.vector.as_slice()).collect();
        Model::fit(&self.fit_options(options, pace), &self.where_kept(|_| true, |_| true), &background)
    }

    fn fit_options<'o>(&'o self, options: &'o TrainOptions, pace: &'o dyn Pace) -> FitOptions<'o> {
        let passes_max = if self.is_big() { PASSES_OF_BIG_MAX } else { u32::MAX };
        let bounded = |options: &LogisticOptions| LogisticOptions {
            passes_max: options.passes_max.min(passes_max),
            ..options.clone()
        };
        FitOptions {
            features: &options.features,
            lexical: bounded(&options.logistic),
            semantic: bounded(&options.semantic),
            viewpoint: self.viewpoint.as_ref(),
            intents: self.intents,
            pace,
        }
    }

    fn where_kept(
        &self,
        sentence: impl Fn(usize) -> bool,
        class: impl Fn(usize) -> bool,
    ) -> Vec<Sentence<'a>> {
        let kept =
            self.sentences.iter().enumerate().filter(|(index, one)| sentence(*index) && class(one.class));
        let names = self.names.iter().filter(|one| class(one.class));
        kept.map(|(_, one)| *one).chain(names.copied()).collect()
    }

    /// The part in which each sentence is held out. What was misheard goes with what was said: a model that knows the one
    /// has seen the other.
    pub fn parts(&self, folds: usize) -> Vec<Option<usize>> {
        let said = |index: usize| self.said.get(index).copied().flatten();
        let written: Vec<usize> = (0..self.sentences.len()).filter(|index| said(*index).is_none()).collect();
        let classes: Vec<usize> = written.iter().map(|&index| self.sentences[index].class).collect();
        let mut parts = vec![None; self.sentences.len()];
        let mut part_of = HashMap::new();
        for (&index, part) in written.iter().zip(stratified(&classes, folds, SPLIT_SEED)) {
            parts[index] = part;
            part_of.insert((self.sentences[index].text, self.sentences[index].class), part);
        }
        for (index, part) in parts.iter_mut().enumerate() {
            if let Some(said) = said(index) {
                *part = part_of.get(&(said, self.sentences[index].class)).copied().flatten();
            }
        }
        parts
    }

    fn is_inside(&self, index: usize) -> bool {
        self.sentences[index].class < self.intents
    }

    fn is_big(&self) -> bool {
        self.sentences.len() * self.intents > THOROUGH_MAX
    }

    /// Whether a sentence can be judged by all that the model knows.
    fn is_whole(&self, index: usize) -> bool {
        self.viewpoint.is_none() || self.sentences[index].vector.is_some()
    }

    fn held_out(&self, verdict: &Verdict) -> HeldOutSentence {
        let name = |class: usize| self.names.get(class).map(|name| name.text.to_owned());
        let candidates = verdict
            .best
            .iter()
            .filter_map(|&(class, probability)| Some(IntentScore { intent: name(class)?, probability }));
        HeldOutSentence {
            intent: name(self.sentences[verdict.index].class),
            ranking: Ranking { candidates: candidates.collect(), in_scope: verdict.in_scope },
        }
    }

    fn score(&self, model: &Model, index: usize) -> Scored {
        model.score(self.sentences[index].text, self.sentences[index].vector)
    }
}

/// How scores are read: how much each kind counts, and what speaks for a sentence being in scope.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judge {
    pub mix: Mix,
    pub scope: Scope,
}

impl Judge {
    pub fn save(&self, to: &mut Writer) {
        to.floats(&[self.mix.lexical, self.mix.semantic]);
        self.scope.save(to);
    }

    pub fn load(from: &mut Reader<'_>) -> Option<Self> {
        let [lexical, semantic] = from.floats()?.try_into().ok()?;
        Some(Self { mix: Mix { lexical, semantic }, scope: Scope::load(from)? })
    }
}

/// What the held-out sentences gave.
pub(super) struct CrossFit {
    /// By all that is known.
    pub judge: Judge,
    /// By words alone, for a sentence whose meaning could not be had.
    pub by_words: Judge,
    pub thresholds: Thresholds,
    pub report: TrainReport,
}

/// Runs both passes.
pub(super) fn judge(set: &TrainingSet<'_>, options: &TrainOptions, pace: &dyn Pace) -> CrossFit {
    let classes: Vec<usize> = set.sentences.iter().map(|sentence| sentence.class).collect();
    let parts = set.parts(options.folds);
    let unknown = unknown_intents(set, options, &parts, pace);
    let scored =
        if set.is_big() { unknown.inside.clone() } else { held_out_scores(set, options, &parts, pace) };
    let inside = scored.iter().filter(|(index, _)| set.is_inside(*index));
    let tried: Vec<Tried<'_>> = inside.map(|(index, scored)| (scored, classes[*index])).collect();
    let is_fitted = tried.len() >= HELD_OUT_MIN;
    let words = if is_fitted {
        fusion::words_alone(&tried, set.intents)
    } else {
        Mix { lexical: 1.0, semantic: 0.0 }
    };
    let mix = match (&set.viewpoint, is_fitted) {
        (None, _) => words,
        (Some(_), true) => fusion::both(&tried, set.intents),
        (Some(_), false) => fusion::UNFITTED,
    };
    let rejected: Vec<&Scored> =
        scored.iter().filter(|(index, _)| !set.is_inside(*index)).map(|(_, scored)| scored).collect();
    let judge = Judge { mix, scope: unknown.scope(mix, &rejected) };
    let by_words = Judge { mix: words, scope: unknown.scope(words, &rejected) };
    let verdicts: Vec<Verdict> = scored
        .iter()
        .map(|(index, scored)| {
            let (probabilities, evidence) = scored.judge(judge.mix);
            let best = best_of(&probabilities, None);
            Verdict {
                index: *index,
                in_scope: judge.scope.probability(&evidence),
                judged: Judged { probability: probabilities[best], right: best == classes[*index] },
                best: [best, best_of(&probabilities, Some(best))].map(|class| (class, probabilities[class])),
            }
        })
        .collect();
    let thresholds = thresholds(set, options, &verdicts);
    let report = report(set, &verdicts, &thresholds, mix);
    CrossFit { judge, by_words, thresholds, report }
}

struct Verdict {
    index: usize,
    in_scope: f32,
    judged: Judged,
    /// The best two classes with their probabilities.
    best: [(usize, f32); 2],
}

/// Every sentence that can be held out, scored by a model that has not seen it.
fn held_out_scores(
    set: &TrainingSet<'_>,
    options: &TrainOptions,
    parts: &[Option<usize>],
    pace: &dyn Pace,
) -> Vec<(usize, Scored)> {
    let mut scored = Vec::new();
    let background: Vec<&[f32]> = set.background.iter().map(|one| one.vector.as_slice()).collect();
    for part in 0..options.folds {
        let kept = set.where_kept(|index| parts[index] != Some(part), |_| true);
        let model = Model::fit(&set.fit_options(options, pace), &kept, &background);
        let held_out = (0..parts.len()).filter(|&index| parts[index] == Some(part));
        scored.extend(held_out.map(|index| (index, set.score(&model, index))));
    }
    scored
}

/// What models say that do not know some of the intents.
struct Unknown {
    /// Held-out sentences of intents that the model knows, with their index.
    inside: Vec<(usize, Scored)>,
    /// Sentences of intents that it does not.
    intents: Vec<Scored>,
    /// Sentences that no intent is for.
    background: Vec<Scored>,
}

/// Holds out whole intents, and beside them one part of the sentences of the others.
fn unknown_intents(
    set: &TrainingSet<'_>,
    options: &TrainOptions,
    parts: &[Option<usize>],
    pace: &dyn Pace,
) -> Unknown {
    let mut unknown = Unknown { inside: Vec::new(), intents: Vec::new(), background: Vec::new() };
    let rounds = if set.is_big() { 1 } else { options.folds };
    for part in 0..rounds {
        let is_unknown = |class: usize| class < set.intents && class % options.folds == part;
        let kept = set.where_kept(|index| parts[index] != Some(part), |class| !is_unknown(class));
        let background = |is_held_out: bool| {
            let by_part = set.background.iter().enumerate();
            by_part.filter(move |(index, _)| (index % options.folds == part) == is_held_out)
        };
        let known_background: Vec<&[f32]> = background(false).map(|(_, one)| one.vector.as_slice()).collect();
        let model = Model::fit(&set.fit_options(options, pace), &kept, &known_background);
        for (index, sentence) in set.sentences.iter().enumerate().filter(|(index, _)| set.is_whole(*index)) {
            if is_unknown(sentence.class) {
                unknown.intents.push(set.score(&model, index));
            } else if parts[index] == Some(part) && set.is_inside(index) {
                unknown.inside.push((index, set.score(&model, index)));
            }
        }
        unknown.background.extend(background(true).map(|(_, one)| model.score(one.text, Some(&one.vector))));
    }
    unknown
}

impl Unknown {
    fn scope(&self, mix: Mix, rejected: &[&Scored]) -> Scope {
        let evidence = |scored: &Scored| -> Evidence { scored.judge(mix).1 };
        let inside: Vec<Evidence> = self.inside.iter().map(|(_, scored)| evidence(scored)).collect();
        let near: Vec<Evidence> = self.intents.iter().chain(rejected.iter().copied()).map(evidence).collect();
        let far = self.background.iter().map(evidence).collect();
        Scope::fit(&inside, &[near, far])
    }
}

fn thresholds(set: &TrainingSet<'_>, options: &TrainOptions, verdicts: &[Verdict]) -> Thresholds {
    let inside: Vec<f32> =
        verdicts.iter().filter(|one| set.is_inside(one.index)).map(|one| one.in_scope).collect();
    if inside.len() < HELD_OUT_MIN {
        return UNFITTED;
    }
    let in_scope = threshold_keeping(options.in_scope_kept, &inside);
    let passed: Vec<Judged> =
        verdicts.iter().filter(|one| one.in_scope >= in_scope).map(|one| one.judged).collect();
    // Where no threshold reaches the precision, nothing is named; where a question is always cheaper, nothing is acted on.
    let likely = threshold_for_precision(options.sure_precision, &passed).unwrap_or(Thresholds::NEVER);
    let wrong_transfer = (1.0 / (1.0 - options.sure_precision)).min(WRONG_TRANSFER_MAX);
    let sure = threshold_by_cost(wrong_transfer, &passed);
    Thresholds { in_scope, likely, sure: sure.map_or(Thresholds::NEVER, |sure| sure.max(SURE_MIN)) }
}

fn report(set: &TrainingSet<'_>, verdicts: &[Verdict], thresholds: &Thresholds, mix: Mix) -> TrainReport {
    let inside: Vec<&Verdict> = verdicts.iter().filter(|one| set.is_inside(one.index)).collect();
    let outside: Vec<&Verdict> = verdicts.iter().filter(|one| !set.is_inside(one.index)).collect();
    let share_right =
        |of: &[&Verdict]| of.iter().filter(|one| one.judged.right).count() as f32 / of.len().max(1) as f32;
    let by_language = Language::ALL.into_iter().filter_map(|language| {
        let of: Vec<&Verdict> =
            inside.iter().copied().filter(|one| set.languages[one.index] == language).collect();
        (!of.is_empty()).then(|| (language, share_right(&of)))
    });
    let judged: Vec<Judged> = inside.iter().map(|one| one.judged).collect();
    let rejected = outside.iter().filter(|one| one.in_scope < thresholds.in_scope).count();
    TrainReport {
        held_out: inside.len(),
        meaning_share: mix.semantic / (mix.lexical + mix.semantic).max(f32::MIN_POSITIVE),
        accuracy: share_right(&inside),
        accuracy_by_language: by_language.collect(),
        calibration_error: calibration_error(&judged, CALIBRATION_BINS),
        out_of_scope_recall: (!outside.is_empty()).then(|| rejected as f32 / outside.len() as f32),
        sentences: verdicts.iter().map(|one| set.held_out(one)).collect(),
    }
}

/// The most probable class, but for `without`; there are at least two.
fn best_of(probabilities: &[f32], without: Option<usize>) -> usize {
    let mut best = usize::from(without == Some(0));
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] && without != Some(class) {
            best = class;
        }
    }
    best
}
