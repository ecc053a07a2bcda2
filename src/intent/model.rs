//! One trained model: dictionary and weights, without calibration.

use super::features::{FeatureOptions, Vector, Vectorizer};
use super::logistic::{Labelled, Logistic, LogisticOptions, Shape, softmax};
use super::scope::Evidence;

/// A sentence for training. Classes below the number of intents are intents; the next one, when it occurs, is the reject
/// class that out-of-scope sentences train.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sentence<'a> {
    pub text: &'a str,
    pub class: usize,
}

/// How to fit one model.
#[derive(Debug, Clone, Copy)]
pub(super) struct FitOptions<'a> {
    pub features: &'a FeatureOptions,
    pub logistic: &'a LogisticOptions,
    /// Number of intents, whether or not each has a sentence.
    pub intents: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    vectorizer: Vectorizer,
    logistic: Logistic,
    intents: usize,
    rejects: bool,
}

impl Model {
    pub fn fit(options: &FitOptions<'_>, sentences: &[Sentence<'_>]) -> Self {
        let labelled = sentences.iter().map(|sentence| (sentence.text, sentence.class));
        let vectorizer = Vectorizer::learn(options.features.clone(), labelled);
        let vectors: Vec<Vector> =
            sentences.iter().map(|sentence| vectorizer.vector(sentence.text)).collect();
        let examples: Vec<Labelled<'_>> = vectors
            .iter()
            .zip(sentences)
            .map(|(vector, sentence)| Labelled { vector, class: sentence.class })
            .collect();
        let rejects = sentences.iter().any(|sentence| sentence.class == options.intents);
        let shape = Shape { features: vectorizer.len(), classes: options.intents + usize::from(rejects) };
        let logistic = Logistic::train(options.logistic, &examples, shape);
        Self { vectorizer, logistic, intents: options.intents, rejects }
    }

    /// What the model says of `text`.
    pub fn score(&self, text: &str) -> Scored {
        let vector = self.vectorizer.vector(text);
        let mut scores = vec![0.0; self.logistic.classes()];
        self.logistic.score(&vector, &mut scores);
        let reject = self.rejects.then(|| scores[self.intents]);
        scores.truncate(self.intents);
        Scored { scores, reject, known_share: vector.known_share }
    }
}

/// Scores of one sentence, one an intent.
#[derive(Debug, Clone)]
pub(super) struct Scored {
    pub scores: Vec<f32>,
    reject: Option<f32>,
    known_share: f32,
}

impl Scored {
    /// Probabilities of the intents, given that the sentence is in scope, and what speaks for that.
    pub fn judge(&self, temperature: f32) -> (Vec<f32>, Evidence) {
        let mut probabilities: Vec<f32> = self.scores.iter().map(|score| score / temperature).collect();
        let normaliser = softmax(&mut probabilities);
        let (mut best, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for &score in &self.scores {
            if score > best {
                (best, second) = (score, best);
            } else if score > second {
                second = score;
            }
        }
        let sure = probabilities.iter().copied().fold(0.0, f32::max).clamp(1e-6, 1.0 - 1e-6);
        let margin = if second.is_finite() { (best - second) / temperature } else { 0.0 };
        let evidence = Evidence([
            (sure / (1.0 - sure)).ln(),
            margin,
            best / temperature,
            self.known_share,
            self.reject.map_or(0.0, |reject| normaliser - reject / temperature),
        ]);
        (probabilities, evidence)
    }
}
