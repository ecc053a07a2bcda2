//! Intents by meaning: logistic regression on the directions of sentence vectors, and what is nearest.
//!
//! In a small set the regression goes by how near a direction is to that of each training sentence, so that an intent may
//! lie in several places: half a point better on held-out sentences than a plane between intents. In a big one that takes
//! too long, and planes do.

use super::logistic::{Labelled, Logistic, LogisticOptions, Shape};
use super::meaning::{Viewpoint, dot, features_of};
use super::pace::Pace;
use super::saved::{Reader, Writer};
use super::spread::Spread;

/// For how many sentences the name of an intent counts: somebody thought about what it should say. 4 is no better.
const NAME_WEIGHT: f32 = 2.0;

/// Nearness falls from 1 by a factor of e with each so much less cosine. 0.5 and 1.5 gain less.
const FALL: f32 = 1.0;
/// Training sentences squared times intents up to which the regression goes by nearness: a second each time.
const NEARNESS_MAX: usize = 500_000_000;
/// By nearness examples may count more than by planes: held-out sentences say twice as much.
const NEARNESS_COST: f32 = 2.0;

/// A vector with the class of its sentence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub vector: &'a [f32],
    pub class: usize,
    /// Whether it is that of the intent's name.
    pub is_name: bool,
}

/// What is known of meanings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Semantic {
    viewpoint: Viewpoint,
    spread: Spread,
    /// By planes, or with one feature for each of `near`.
    logistic: Logistic,
    /// Evened directions of the training sentences, one behind the other, where nearness to them counts.
    near: Vec<f32>,
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
        (options, pace): (&LogisticOptions, &dyn Pace),
        viewpoint: &Viewpoint,
        (known, background): (&[Known<'_>], &[&[f32]]),
        classes: usize,
    ) -> Self {
        let directions: Vec<Vec<f32>> = known.iter().map(|one| viewpoint.direction(one.vector)).collect();
        let of: Vec<usize> = known.iter().map(|one| one.class).collect();
        let spread = Spread::within(&directions, &of, classes);
        let evened: Vec<Vec<f32>> = directions.iter().map(|direction| spread.even(direction)).collect();
        let weight = |one: &Known<'_>| if one.is_name { NAME_WEIGHT } else { 1.0 };
        let labels: Vec<(usize, f32)> = known.iter().map(|one| (one.class, weight(one))).collect();
        let is_small = known.len() * known.len() * classes <= NEARNESS_MAX;
        let near = if is_small { evened.concat() } else { Vec::new() };
        let logistic = if is_small {
            let products: Vec<f32> = evened.iter().flat_map(|one| nearness(one, &near)).collect();
            let options = LogisticOptions { cost: NEARNESS_COST * options.cost, ..options.clone() };
            Logistic::train_by_products(&options, &products, (&labels, classes), pace)
        } else {
            let features: Vec<_> = evened.iter().map(|direction| features_of(direction)).collect();
            let examples = features.iter().zip(&labels);
            let examples: Vec<Labelled<'_>> =
                examples.map(|(vector, &(class, weight))| Labelled { vector, class, weight }).collect();
            Logistic::train(options, &examples, Shape { features: viewpoint.width(), classes }, pace)
        };
        Self {
            viewpoint: viewpoint.clone(),
            spread,
            logistic,
            near,
            examples: directions.concat(),
            background: background.iter().flat_map(|vector| viewpoint.direction(vector)).collect(),
        }
    }

    pub fn classes(&self) -> usize {
        self.logistic.classes()
    }

    pub fn save(&self, to: &mut Writer) {
        to.length(self.viewpoint.parts);
        to.floats(&self.viewpoint.centre);
        self.spread.save(to);
        self.logistic.save(to);
        to.floats(&self.near);
        to.floats(&self.examples);
        to.floats(&self.background);
    }

    pub fn load(from: &mut Reader<'_>) -> Option<Self> {
        let viewpoint =
            Viewpoint { parts: from.length().filter(|parts| *parts > 0)?, centre: from.floats()? };
        let width = viewpoint.width();
        let spread = Spread::load(from, width)?;
        let logistic = Logistic::load(from)?;
        let near = from.floats()?;
        let features = if near.is_empty() { width } else { near.len() / width.max(1) };
        let fits = near.len() % width.max(1) == 0 && logistic.features() == features;
        let (examples, background) = (from.floats()?, from.floats()?);
        fits.then_some(Self { viewpoint, spread, logistic, near, examples, background })
    }

    pub fn read(&self, vector: &[f32]) -> Reading {
        let direction = self.viewpoint.direction(vector);
        let mut scores = vec![0.0; self.logistic.classes()];
        let even = self.spread.even(&direction);
        let features = if self.near.is_empty() {
            features_of(&even)
        } else {
            features_of(&nearness(&even, &self.near).collect::<Vec<_>>())
        };
        self.logistic.score(&features, &mut scores);
        let nearest = |others: &[f32]| {
            let cosines = others.chunks_exact(direction.len().max(1)).map(|other| dot(other, &direction));
            cosines.fold(-1.0, f32::max)
        };
        Reading { scores, nearest: nearest(&self.examples), nearest_background: nearest(&self.background) }
    }
}

/// How near `direction` is to each of `others`, 1 for itself.
fn nearness(direction: &[f32], others: &[f32]) -> impl Iterator<Item = f32> {
    others.chunks_exact(direction.len().max(1)).map(|other| (FALL * (dot(other, direction) - 1.0)).exp())
}
