//! What the model says of sentences it has not seen: the ground for temperature, scope and thresholds.
//!
//! Two passes over the folds. In the first, one part of the sentences of every intent is held out. In the second, whole
//! intents are held out beside it: their sentences look like the domain and belong to no intent that the model knows,
//! which is what an out-of-scope caller sounds like, so scope can be learnt without a single out-of-scope example.

use super::calibrate::{
    CALIBRATION_BINS, HeldOut, Judged, calibration_error, temperature, threshold_for_precision,
    threshold_keeping,
};
use super::folds::stratified;
use super::model::{FitOptions, Model, Scored, Sentence};
use super::scope::{Evidence, Scope};
use super::{Example, OutOfScope, Thresholds, TrainOptions, TrainReport};
use crate::call::Language;

/// Seed of the split; any value gives figures within the noise of the set.
const SPLIT_SEED: u64 = 7;
/// Held-out sentences below which a threshold would be noise.
const HELD_OUT_MIN: usize = 20;
/// Thresholds of a classifier that nothing could be held out from, such as one sentence an intent. Cautious: such a
/// classifier should rather ask than route.
const UNFITTED: Thresholds = Thresholds { in_scope: 0.5, sure: 0.8 };

/// The sentences with their classes, and the names of the intents as sentences.
pub(super) struct TrainingSet<'a> {
    sentences: Vec<Sentence<'a>>,
    names: Vec<Sentence<'a>>,
    /// Language of each sentence.
    languages: Vec<Language>,
    intents: usize,
}

impl<'a> TrainingSet<'a> {
    /// `intents` ascending, holding every intent of `examples`.
    pub fn new(examples: &'a [Example], out_of_scope: &'a [OutOfScope], intents: &'a [String]) -> Self {
        let class = |intent: &String| intents.binary_search(intent).expect("intents holds every example's");
        let inside =
            examples.iter().map(|example| Sentence { text: &example.text, class: class(&example.intent) });
        let outside = out_of_scope.iter().map(|one| Sentence { text: &one.text, class: intents.len() });
        let languages = examples.iter().map(|one| one.language);
        Self {
            sentences: inside.chain(outside).collect(),
            names: intents.iter().enumerate().map(|(class, text)| Sentence { text, class }).collect(),
            languages: languages.chain(out_of_scope.iter().map(|one| one.language)).collect(),
            intents: intents.len(),
        }
    }

    /// Every sentence, the names included.
    pub fn all(&self) -> Vec<Sentence<'a>> {
        self.where_kept(|_| true, |_| true)
    }

    pub fn fit_options<'o>(&self, options: &'o TrainOptions) -> FitOptions<'o> {
        FitOptions { features: &options.features, logistic: &options.logistic, intents: self.intents }
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

    fn is_inside(&self, index: usize) -> bool {
        self.sentences[index].class < self.intents
    }
}

/// What the held-out sentences gave.
pub(super) struct CrossFit {
    pub temperature: f32,
    pub scope: Scope,
    pub thresholds: Thresholds,
    pub report: TrainReport,
}

/// Runs both passes.
pub(super) fn judge(set: &TrainingSet<'_>, options: &TrainOptions) -> CrossFit {
    let classes: Vec<usize> = set.sentences.iter().map(|sentence| sentence.class).collect();
    let parts = stratified(&classes, options.folds, SPLIT_SEED);
    let scored = held_out_scores(set, options, &parts);
    let fitted: Vec<HeldOut> = scored
        .iter()
        .filter(|(index, _)| set.is_inside(*index))
        .map(|(index, scored)| HeldOut { scores: scored.scores.clone(), class: classes[*index] })
        .collect();
    let temperature = if fitted.len() < HELD_OUT_MIN { 1.0 } else { temperature(&fitted) };
    let scope = fit_scope(set, options, &FirstPass { parts: &parts, scored: &scored, temperature });
    let verdicts: Vec<Verdict> = scored
        .iter()
        .map(|(index, scored)| {
            let (probabilities, evidence) = scored.judge(temperature);
            let best = best_of(&probabilities);
            Verdict {
                index: *index,
                in_scope: scope.probability(&evidence),
                judged: Judged { probability: probabilities[best], right: best == classes[*index] },
            }
        })
        .collect();
    let thresholds = thresholds(set, options, &verdicts);
    let report = report(set, &verdicts, &thresholds);
    CrossFit { temperature, scope, thresholds, report }
}

struct Verdict {
    index: usize,
    in_scope: f32,
    judged: Judged,
}

/// Every sentence that can be held out, scored by a model that has not seen it.
fn held_out_scores(
    set: &TrainingSet<'_>,
    options: &TrainOptions,
    parts: &[Option<usize>],
) -> Vec<(usize, Scored)> {
    let mut scored = Vec::new();
    for part in 0..options.folds {
        let model = Model::fit(
            &set.fit_options(options),
            &set.where_kept(|index| parts[index] != Some(part), |_| true),
        );
        let held_out = (0..parts.len()).filter(|&index| parts[index] == Some(part));
        scored.extend(held_out.map(|index| (index, model.score(set.sentences[index].text))));
    }
    scored
}

/// What the first pass gave: the part of each sentence, the scores of those held out, the temperature.
struct FirstPass<'a> {
    parts: &'a [Option<usize>],
    scored: &'a [(usize, Scored)],
    temperature: f32,
}

/// Holds out whole intents, and fits scope on their sentences, and the out-of-scope ones, against known intents'.
fn fit_scope(set: &TrainingSet<'_>, options: &TrainOptions, first: &FirstPass<'_>) -> Scope {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for part in 0..options.folds {
        let unknown = |class: usize| class < set.intents && class % options.folds == part;
        let kept = set.where_kept(|index| first.parts[index] != Some(part), |class| !unknown(class));
        let model = Model::fit(&set.fit_options(options), &kept);
        for (index, sentence) in set.sentences.iter().enumerate().filter(|(index, _)| set.is_inside(*index)) {
            let evidence =
                |model: &Model| -> Evidence { model.score(sentence.text).judge(first.temperature).1 };
            if unknown(sentence.class) {
                outside.push(evidence(&model));
            } else if first.parts[index] == Some(part) {
                inside.push(evidence(&model));
            }
        }
    }
    let rejected = first.scored.iter().filter(|(index, _)| !set.is_inside(*index));
    outside.extend(rejected.map(|(_, scored)| scored.judge(first.temperature).1));
    Scope::fit(&inside, &outside)
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
    // Where no threshold reaches the precision, nothing may be acted on.
    let sure = threshold_for_precision(options.sure_precision, &passed).unwrap_or(f32::INFINITY);
    Thresholds { in_scope, sure }
}

fn report(set: &TrainingSet<'_>, verdicts: &[Verdict], thresholds: &Thresholds) -> TrainReport {
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
        accuracy: share_right(&inside),
        accuracy_by_language: by_language.collect(),
        calibration_error: calibration_error(&judged, CALIBRATION_BINS),
        out_of_scope_recall: (!outside.is_empty()).then(|| rejected as f32 / outside.len() as f32),
    }
}

fn best_of(probabilities: &[f32]) -> usize {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best
}
