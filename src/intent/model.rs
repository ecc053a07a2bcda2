//! One fit of features and regressions, and the signs that its scores give; what [`super::crossfit`] fits many times
//! and [`super::Classifier`] once.

use super::features::{FeatureOptions, Vector, Vectorizer};
use super::logistic::{Labelled, Logistic, LogisticOptions, Shape, softmax};
use super::meaning::Viewpoint;
use super::pace::Pace;
use super::saved::{Reader, Writer};
use super::scope::Evidence;
use super::semantic::{Known, Reading, Semantic};

/// A sentence for training. Classes below the number of intents are intents; the next one, when it occurs, is the reject
/// class that out-of-scope sentences train.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sentence<'a> {
    pub text: &'a str,
    pub class: usize,
    /// Its vector, where meanings are known. Of a big set not every sentence has one.
    pub vector: Option<&'a [f32]>,
    /// Whether it is the name of its intent.
    pub is_name: bool,
}

/// How to fit one model.
#[derive(Debug, Clone)]
pub(super) struct FitOptions<'a> {
    pub features: &'a FeatureOptions,
    pub lexical: LogisticOptions,
    pub semantic: LogisticOptions,
    /// Where vectors are looked at from; `None` without meanings.
    pub viewpoint: Option<&'a Viewpoint>,
    /// Number of intents, whether or not each has a sentence.
    pub intents: usize,
    /// Whether words and meanings may be learnt side by side, and who goes first.
    pub pace: &'a dyn Pace,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    vectorizer: Vectorizer,
    lexical: Logistic,
    semantic: Option<Semantic>,
    intents: usize,
    rejects: bool,
}

impl Model {
    /// `background` are vectors of sentences that no intent is for.
    pub fn fit(options: &FitOptions<'_>, sentences: &[Sentence<'_>], background: &[&[f32]]) -> Self {
        let rejects = sentences.iter().any(|sentence| sentence.class == options.intents);
        let classes = options.intents + usize::from(rejects);
        let read_meanings = || {
            let viewpoint = options.viewpoint?;
            let known = sentences.iter().filter_map(|sentence| {
                sentence.vector.map(|vector| Known {
                    vector,
                    class: sentence.class,
                    is_name: sentence.is_name,
                })
            });
            let known: Vec<Known<'_>> = known.collect();
            Some(Semantic::fit((&options.semantic, options.pace), viewpoint, (&known, background), classes))
        };
        // The two know nothing of each other and take about as long.
        let ((vectorizer, lexical), semantic) = if options.pace.takes_all_cores() {
            std::thread::scope(|scope| {
                let semantic = scope.spawn(read_meanings);
                let words = fit_words(options, sentences, classes);
                (words, semantic.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            })
        } else {
            (fit_words(options, sentences, classes), read_meanings())
        };
        Self { vectorizer, lexical, semantic, intents: options.intents, rejects }
    }

    pub fn save(&self, to: &mut Writer) {
        self.vectorizer.save(to);
        self.lexical.save(to);
        to.length(usize::from(self.rejects));
        to.length(usize::from(self.semantic.is_some()));
        if let Some(semantic) = &self.semantic {
            semantic.save(to);
        }
    }

    /// `None` when the parts do not fit each other or `intents`.
    pub fn load(from: &mut Reader<'_>, intents: usize) -> Option<Self> {
        let vectorizer = Vectorizer::load(from)?;
        let lexical = Logistic::load(from)?;
        let rejects = from.length()? == 1;
        let semantic = if from.length()? == 1 { Some(Semantic::load(from)?) } else { None };
        let classes = intents + usize::from(rejects);
        let fits = lexical.classes() == classes
            && lexical.features() == vectorizer.len()
            && semantic.as_ref().is_none_or(|semantic| semantic.classes() == classes);
        fits.then_some(Self { vectorizer, lexical, semantic, intents, rejects })
    }

    /// Whether vectors of sentences have a use.
    pub fn knows_meanings(&self) -> bool {
        self.semantic.is_some()
    }

    /// What the model says of `text`, whose vector may be missing.
    pub fn score(&self, text: &str, vector: Option<&[f32]>) -> Scored {
        let features = self.vectorizer.vector(text);
        let mut lexical = vec![0.0; self.lexical.classes()];
        self.lexical.score(&features, &mut lexical);
        let semantic = self.semantic.as_ref().zip(vector).map(|(semantic, vector)| semantic.read(vector));
        Scored {
            lexical,
            semantic,
            intents: self.intents,
            rejects: self.rejects,
            known_share: features.known_share,
        }
    }
}

/// The words of `sentences`, and what they say.
fn fit_words(options: &FitOptions<'_>, sentences: &[Sentence<'_>], classes: usize) -> (Vectorizer, Logistic) {
    let labelled = sentences.iter().map(|sentence| (sentence.text, sentence.class));
    let vectorizer = Vectorizer::learn(options.features.clone(), labelled);
    let vectors: Vec<Vector> = sentences.iter().map(|sentence| vectorizer.vector(sentence.text)).collect();
    let examples: Vec<Labelled<'_>> = vectors
        .iter()
        .zip(sentences)
        .map(|(vector, sentence)| Labelled { vector, class: sentence.class, weight: 1.0 })
        .collect();
    let shape = Shape { features: vectorizer.len(), classes };
    let lexical = Logistic::train(&options.lexical, &examples, shape, options.pace);
    (vectorizer, lexical)
}

/// How much each kind of score counts; both together, so that probabilities come out calibrated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mix {
    pub lexical: f32,
    pub semantic: f32,
}

/// Scores of one sentence, one a class: the intents, and the reject class where there is one.
#[derive(Debug, Clone)]
pub(super) struct Scored {
    pub lexical: Vec<f32>,
    pub semantic: Option<Reading>,
    intents: usize,
    rejects: bool,
    known_share: f32,
}

impl Scored {
    /// The scores of the classes by `mix`.
    fn mixed(&self, mix: Mix) -> Vec<f32> {
        let mut scores: Vec<f32> = self.lexical.iter().map(|score| mix.lexical * score).collect();
        if let Some(reading) = &self.semantic {
            scores.iter_mut().zip(&reading.scores).for_each(|(sum, score)| *sum += mix.semantic * score);
        }
        scores
    }

    /// The scores of the intents by `mix`.
    pub fn of_intents(&self, mix: Mix) -> Vec<f32> {
        let mut scores = self.mixed(mix);
        scores.truncate(self.intents);
        scores
    }

    /// Probabilities of the intents, given that the sentence is in scope, and what speaks for that.
    pub fn judge(&self, mix: Mix) -> (Vec<f32>, Evidence) {
        let mut scores = self.mixed(mix);
        let reject = self.rejects.then(|| scores[self.intents]);
        scores.truncate(self.intents);
        let (mut best, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for &score in &scores {
            if score > best {
                (best, second) = (score, best);
            } else if score > second {
                second = score;
            }
        }
        let mut probabilities = scores;
        let normaliser = softmax(&mut probabilities);
        let sure = probabilities.iter().copied().fold(0.0, f32::max).clamp(1e-6, 1.0 - 1e-6);
        let margin = if second.is_finite() { best - second } else { 0.0 };
        let (nearest, nearest_background) = match &self.semantic {
            Some(reading) if mix.semantic > 0.0 => (reading.nearest, reading.nearest_background),
            _ => (0.0, 0.0),
        };
        let evidence = Evidence([
            (sure / (1.0 - sure)).ln(),
            margin,
            best,
            self.known_share,
            reject.map_or(0.0, |reject| normaliser - reject),
            nearest,
            nearest_background,
        ]);
        (probabilities, evidence)
    }
}
