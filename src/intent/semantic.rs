//! Intents by meaning: logistic regression on the directions of sentence vectors, and what is nearest.

use super::logistic::{Labelled, Logistic, LogisticOptions, Shape};
use super::meaning::{Viewpoint, dot, features_of};
use super::saved::{Reader, Writer};

/// A vector with the class of its sentence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub vector: &'a [f32],
    pub class: usize,
}

/// What is known of meanings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Semantic {
    viewpoint: Viewpoint,
    logistic: Logistic,
    /// Directions of the training sentences, one behind the other.
    examples: Vec<f32>,
    /// Directions of sentences that no intent is for.
    background: Vec<f32>,
}

/// What the meaning of one sentence says.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// One score a class.
    pub scores: Vec<f32>,
    /// Cosine to the nearest training sentence.
    pub nearest: f32,
    /// Cosine to the nearest sentence that no intent is for; -1 where there is none.
    pub nearest_background: f32,
}

impl Semantic {
    pub fn fit(
        options: &LogisticOptions,
        viewpoint: &Viewpoint,
        (known, background): (&[Known<'_>], &[&[f32]]),
        classes: usize,
    ) -> Self {
        let directions: Vec<Vec<f32>> = known.iter().map(|one| viewpoint.direction(one.vector)).collect();
        let features: Vec<_> = directions.iter().map(|direction| features_of(direction)).collect();
        let examples: Vec<Labelled<'_>> =
            features.iter().zip(known).map(|(vector, one)| Labelled { vector, class: one.class }).collect();
        let shape = Shape { features: viewpoint.centre.len(), classes };
        Self {
            viewpoint: viewpoint.clone(),
            logistic: Logistic::train(options, &examples, shape),
            examples: directions.concat(),
            background: background.iter().flat_map(|vector| viewpoint.direction(vector)).collect(),
        }
    }

    pub fn classes(&self) -> usize {
        self.logistic.classes()
    }

    pub fn save(&self, to: &mut Writer) {
        to.floats(&self.viewpoint.centre);
        self.logistic.save(to);
        to.floats(&self.examples);
        to.floats(&self.background);
    }

    pub fn load(from: &mut Reader<'_>) -> Option<Self> {
        let viewpoint = Viewpoint { centre: from.floats()? };
        let logistic = Logistic::load(from, viewpoint.centre.len())?;
        Some(Self { viewpoint, logistic, examples: from.floats()?, background: from.floats()? })
    }

    pub fn read(&self, vector: &[f32]) -> Reading {
        let direction = self.viewpoint.direction(vector);
        let mut scores = vec![0.0; self.logistic.classes()];
        self.logistic.score(&features_of(&direction), &mut scores);
        let nearest = |others: &[f32]| {
            let cosines = others.chunks_exact(direction.len().max(1)).map(|other| dot(other, &direction));
            cosines.fold(-1.0, f32::max)
        };
        Reading { scores, nearest: nearest(&self.examples), nearest_background: nearest(&self.background) }
    }
}
