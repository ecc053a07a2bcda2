//! The trained classifier: sentences in, rankings out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::crossfit::{self, Background, Judge, TrainingSet, Vectors};
use super::meaning::{Meaning, MeaningFailed, as_spoken};
use super::model::Model;
use super::pace::{FullPace, Pace};
use super::{
    CANDIDATES_MAX, EXAMPLES_MAX, Error, Example, Heard, INTENTS_MAX, OutOfScope, Ranking, Thresholds,
    TrainOptions, TrainReport, Weighed, background, wishes,
};
use crate::call::{IntentScore, Language};

/// How many other texts of the same speech are looked at: each costs nearly as much as the best one, and their weight
/// falls off quickly.
pub const ALTERNATIVES_MAX: usize = 2;
/// Places at which a sentence is parted and its parts are read for their meaning.
pub(super) const PLACES_READ_MAX: usize = 2;
/// A part of a sentence is a wish of its own from this probability on, however low [`Thresholds::likely`] is: taking one
/// wish for two starts a question that nobody asked.
pub(super) const PART_PROBABILITY_MIN: f32 = 0.6;
/// From this mean probability of the words on, what was heard is taken as it is. Below it the odds of the intents are
/// drawn together, in proportion.
const RELIABLE_FROM: f32 = 0.85;
/// Characters of examples above which not each is read for its meaning. What an encoder takes grows with the length of the
/// sentences: it does 20,000 characters a second and core.
const READ_CHARACTERS_MAX: usize = 320_000;
/// Examples of an intent that are read however many intents there are.
const READ_OF_INTENT_MIN: usize = 3;
/// Out-of-scope sentences that are read in a bigger set.
const READ_OUT_OF_SCOPE_MAX: usize = 2_000;

/// A trained classifier.
#[derive(Debug, Clone)]
pub struct Classifier {
    pub(super) intents: Vec<String>,
    pub(super) model: Model,
    pub(super) meaning: Option<Arc<dyn Meaning>>,
    pub(super) judge: Judge,
    pub(super) by_words: Judge,
    pub(super) thresholds: Thresholds,
    pub(super) report: TrainReport,
}

impl Classifier {
    /// Trains on the words of `examples`; `out_of_scope` may be empty. Takes two to three seconds for 1,500 examples of
    /// 150 intents.
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
        Self::train_at(&FullPace, (examples, out_of_scope), options, None)
    }

    /// Trains on words and meanings. Takes as long as [`Classifier::train`] and again, and some milliseconds a sentence
    /// for `meaning`.
    ///
    /// # Errors
    /// As [`Classifier::train`]; [`Error::Meaning`] when `meaning` fails.
    pub fn train_with_meaning(
        examples: &[Example],
        out_of_scope: &[OutOfScope],
        options: &TrainOptions,
        meaning: Arc<dyn Meaning>,
    ) -> Result<Self, Error> {
        Self::train_at(&FullPace, (examples, out_of_scope), options, Some(meaning))
    }

    /// Trains at `pace`, on words and, where there is a source of them, on meanings. `meaning` has its own pace.
    ///
    /// # Errors
    /// As [`Classifier::train_with_meaning`].
    pub fn train_at(
        pace: &dyn Pace,
        (examples, out_of_scope): (&[Example], &[OutOfScope]),
        options: &TrainOptions,
        meaning: Option<Arc<dyn Meaning>>,
    ) -> Result<Self, Error> {
        let intents = checked_intents(examples, out_of_scope, options)?;
        let read = |meaning: &Arc<dyn Meaning>| read(examples, out_of_scope, &intents, meaning.as_ref());
        let vectors = meaning.as_ref().map(read).transpose().map_err(|failed| {
            let cause = std::error::Error::source(&failed).map(ToString::to_string);
            Error::Meaning { reason: cause.unwrap_or_else(|| failed.to_string()) }
        })?;
        let set = TrainingSet::new(examples, out_of_scope, &intents, vectors.as_ref());
        let judged = crossfit::judge(&set, options, pace);
        Ok(Self {
            model: set.fit_all(options, pace),
            intents: intents.clone(),
            meaning,
            judge: judged.judge,
            by_words: judged.by_words,
            thresholds: judged.thresholds,
            report: judged.report,
        })
    }

    /// Whether meanings count beside the words.
    pub fn has_meaning(&self) -> bool {
        self.meaning.is_some() && self.model.knows_meanings()
    }

    /// Ranks the intents for `text`. Under a millisecond by words for 150 intents; some more for the meaning.
    pub fn classify(&self, text: &str) -> Ranking {
        self.understand(&Heard::from(text))
    }

    /// Ranks the intents for what was heard: the mean over the alternatives, flattened as far as the recogniser was
    /// unsure of the words.
    pub fn understand(&self, heard: &Heard) -> Ranking {
        let readings = heard.texts(ALTERNATIVES_MAX);
        let judged = self.judge_all(&readings.iter().map(|(text, _)| *text).collect::<Vec<_>>());
        self.mean(heard, &readings, judged.into_iter())
    }

    /// The wishes in what was heard, in the order of speech: two when the sentence has two parts that are each clearly
    /// an intent of their own, else one.
    ///
    /// Meanings take far longer than words. So the longer part is read for its meaning only where the shorter one leaves it
    /// a say; the wishes are those that are found by reading both.
    pub fn wishes(&self, heard: &Heard) -> Vec<Ranking> {
        let (readings, places) = (heard.texts(ALTERNATIVES_MAX), self.places(heard));
        // Together: the source of meanings reads them side by side.
        let whole = readings.iter().map(|(text, _)| *text);
        let shorter = places.iter().map(|place| place.shorter);
        let promising = places.iter().filter(|place| place.is_promising).map(|place| place.longer);
        let mut judged =
            self.judge_all(&whole.chain(shorter).chain(promising).collect::<Vec<_>>()).into_iter();
        let whole = self.mean(heard, &readings, judged.by_ref().take(readings.len()));
        let shorter: Vec<Judged> = judged.by_ref().take(places.len()).collect();
        for (place, shorter) in places.iter().zip(shorter) {
            let longer = if place.is_promising { judged.next() } else { None };
            let shorter = self.ranking(shorter, heard.reliability());
            // No probability is above 1: both parts together are at most as probable as this one.
            if !self.is_wish(&shorter) || best_probability(&shorter) <= best_probability(&whole) {
                continue;
            }
            let longer = longer.or_else(|| self.judge_all(&[place.longer]).pop());
            let Some(longer) = longer.map(|judged| self.ranking(judged, heard.reliability())) else {
                continue;
            };
            let both = if place.is_shorter_first { [shorter, longer] } else { [longer, shorter] };
            let differ = both[0].candidates.first().map(|best| &best.intent)
                != both[1].candidates.first().map(|best| &best.intent);
            if differ && both.iter().all(|part| self.is_wish(part)) && are_likelier(&both, &whole) {
                return both.into();
            }
        }
        vec![whole]
    }

    /// The wishes in what was heard, as [`Classifier::wishes`], each with what to do about it: what a call goes by, and all
    /// that measures or explains calls. `cost_of` gives the cost of a wrong transfer to the route of an intent.
    pub fn weigh(&self, heard: &Heard, cost_of: impl Fn(&str) -> f32) -> Vec<Weighed> {
        let wishes = self.wishes(heard).into_iter();
        wishes.map(|ranking| Weighed::of(ranking, &self.thresholds, &cost_of)).collect()
    }

    /// The places at which `heard` may be parted: both parts, by their words, are about something else.
    fn places<'h>(&self, heard: &'h Heard) -> Vec<Place<'h>> {
        wishes::parts(heard.text.reveal())
            .into_iter()
            .map(|(first, second)| [first, second].map(|part| (part, self.judge_words(part))))
            .filter(|[(_, first), (_, second)]| first.best() != second.best())
            .take(PLACES_READ_MAX)
            .map(|[first, second]| {
                let is_shorter_first = first.0.len() <= second.0.len();
                let (shorter, longer) = if is_shorter_first { (first, second) } else { (second, first) };
                let by_words = self.ranking(shorter.1, heard.reliability());
                let is_promising = self.is_wish(&by_words);
                Place { shorter: shorter.0, longer: longer.0, is_shorter_first, is_promising }
            })
            .collect()
    }

    /// The mean of what the readings of `heard` say, by their shares.
    fn mean(&self, heard: &Heard, readings: &[(&str, f32)], judged: impl Iterator<Item = Judged>) -> Ranking {
        let mut probabilities = vec![0.0; self.intents.len()];
        let mut in_scope = 0.0;
        for ((_, share), of_text) in readings.iter().zip(judged) {
            for (sum, probability) in probabilities.iter_mut().zip(of_text.probabilities) {
                *sum += share * probability;
            }
            in_scope += share * of_text.in_scope;
        }
        self.ranking(Judged { probabilities, in_scope }, heard.reliability())
    }

    /// Whether a part of a sentence is clear enough to be a wish of its own.
    fn is_wish(&self, ranking: &Ranking) -> bool {
        let clear = self.thresholds.likely.max(PART_PROBABILITY_MIN);
        ranking.in_scope >= self.thresholds.in_scope
            && ranking.candidates.first().is_some_and(|best| best.probability >= clear)
    }

    fn judge_all(&self, texts: &[&str]) -> Vec<Judged> {
        let Some(vectors) = self.vectors_of(texts) else {
            return texts.iter().map(|text| self.judge_words(text)).collect();
        };
        texts
            .iter()
            .zip(&vectors)
            .map(|(text, vector)| {
                let (probabilities, evidence) = self.model.score(text, Some(vector)).judge(self.judge.mix);
                Judged { probabilities, in_scope: self.judge.scope.probability(&evidence) }
            })
            .collect()
    }

    pub(super) fn judge_words(&self, text: &str) -> Judged {
        let (probabilities, evidence) = self.model.score(text, None).judge(self.by_words.mix);
        Judged { probabilities, in_scope: self.by_words.scope.probability(&evidence) }
    }

    /// `None` without a source of meanings, and when it fails: a call is understood by its words then.
    fn vectors_of(&self, texts: &[&str]) -> Option<Vec<Vec<f32>>> {
        let meaning = self.meaning.as_ref().filter(|_| self.model.knows_meanings())?;
        let spoken: Vec<String> = texts.iter().map(|text| as_spoken(text)).collect();
        // Readings that differ in punctuation and case only are read once.
        let mut different: Vec<&str> = spoken.iter().map(String::as_str).collect();
        different.sort_unstable();
        different.dedup();
        let vectors = meaning
            .vectors(&different)
            .inspect_err(
                |error| tracing::error!(%error, cause = ?error.0, "intents are told apart by words alone"),
            )
            .ok()
            .filter(|vectors| vectors.len() == different.len())?;
        let vector = |text: &str| vectors.get(different.binary_search(&text).ok()?).cloned();
        spoken.iter().map(|text| vector(text)).collect()
    }

    fn ranking(&self, mut judged: Judged, reliability: f32) -> Ranking {
        flatten(&mut judged.probabilities, reliability);
        let probabilities = judged.probabilities;
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
        Ranking { candidates, in_scope: judged.in_scope }
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

/// A place at which a sentence may be parted.
struct Place<'h> {
    shorter: &'h str,
    longer: &'h str,
    is_shorter_first: bool,
    /// Whether the shorter part is a wish by its words. Then it is likely one by its meaning as well, and the longer part is
    /// read beside it rather than after it.
    is_promising: bool,
}

/// What one text gave.
pub(super) struct Judged {
    probabilities: Vec<f32>,
    in_scope: f32,
}

impl Judged {
    /// The most probable class.
    pub(super) fn best(&self) -> Option<usize> {
        let by_probability =
            |left: &usize, right: &usize| self.probabilities[*left].total_cmp(&self.probabilities[*right]);
        (0..self.probabilities.len()).max_by(by_probability)
    }
}

/// The vectors of everything that is trained on, in one go.
fn read(
    examples: &[Example],
    out_of_scope: &[OutOfScope],
    intents: &[String],
    meaning: &dyn Meaning,
) -> Result<Vectors, MeaningFailed> {
    let is_read = chosen(examples, out_of_scope.len());
    let languages: BTreeSet<Language> = examples.iter().map(|one| one.language).collect();
    let background = background::sentences(&languages.into_iter().collect::<Vec<_>>());
    let sentences = examples.iter().map(|one| &one.text).chain(out_of_scope.iter().map(|one| &one.text));
    let read = sentences.zip(&is_read).filter(|(_, is_read)| **is_read);
    let texts: Vec<String> = read
        .map(|(text, _)| as_spoken(text))
        .chain(intents.iter().map(|name| as_spoken(name)))
        .chain(background.iter().map(|text| as_spoken(text)))
        .collect();
    let vectors = meaning.vectors(&texts.iter().map(String::as_str).collect::<Vec<_>>())?;
    if vectors.len() != texts.len() {
        return Err(MeaningFailed("not one vector a sentence came back".into()));
    }
    let mut vectors = vectors.into_iter();
    let sentences = is_read.iter().map(|is_read| if *is_read { vectors.next() } else { None }).collect();
    let names = vectors.by_ref().take(intents.len()).collect();
    let background = background.into_iter().zip(vectors);
    Ok(Vectors {
        sentences,
        parts: meaning.parts(),
        names,
        background: background.map(|(text, vector)| Background { text, vector }).collect(),
    })
}

/// Which examples, and which out-of-scope sentences behind them, are read for their meaning: all of them, of a big set
/// about the same number of each intent, spread evenly, as many as there are characters to spend.
pub(super) fn chosen(examples: &[Example], out_of_scope: usize) -> Vec<bool> {
    let characters: usize = examples.iter().map(|example| example.text.chars().count()).sum();
    if characters <= READ_CHARACTERS_MAX {
        return vec![true; examples.len() + out_of_scope];
    }
    let mut of_intent: BTreeMap<&str, usize> = BTreeMap::new();
    for example in examples {
        *of_intent.entry(&example.intent).or_default() += 1;
    }
    let affordable = READ_CHARACTERS_MAX * examples.len() / characters;
    let wanted = (affordable / of_intent.len()).max(READ_OF_INTENT_MIN);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut chosen: Vec<bool> = Vec::with_capacity(examples.len() + out_of_scope);
    for example in examples {
        let rank = seen.entry(&example.intent).or_default();
        let (all, wanted) =
            (of_intent[example.intent.as_str()], wanted.min(of_intent[example.intent.as_str()]));
        chosen.push((*rank + 1) * wanted / all > *rank * wanted / all);
        *rank += 1;
    }
    let stride = out_of_scope.div_ceil(READ_OUT_OF_SCOPE_MAX).max(1);
    chosen.extend((0..out_of_scope).map(|rank| rank.is_multiple_of(stride)));
    chosen
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

/// Whether both parts of a sentence are more probably right than the whole is: what leads up to a wish ("I was at home all day,
/// and nobody rang") often sounds like a wish of its own, and the whole tells which of them it is about.
fn are_likelier(parts: &[Ranking; 2], whole: &Ranking) -> bool {
    best_probability(&parts[0]) * best_probability(&parts[1]) > best_probability(whole)
}

fn best_probability(ranking: &Ranking) -> f32 {
    ranking.candidates.first().map_or(0.0, |best| best.probability)
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
mod tests {
    use super::*;

    fn ranking(intent: &str, probability: f32) -> Ranking {
        Ranking { candidates: vec![IntentScore { intent: intent.to_owned(), probability }], in_scope: 0.9 }
    }

    #[test]
    fn a_sentence_is_parted_where_two_wishes_are_likelier_than_one() {
        let parts = |first, second| [ranking("colis", first), ranking("facture", second)];
        assert!(are_likelier(&parts(0.9, 0.8), &ranking("colis", 0.6)));
        assert!(!are_likelier(&parts(0.9, 0.8), &ranking("colis", 0.8)), "the first led up to the second");
    }
}
