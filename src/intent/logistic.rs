//! Multinomial logistic regression on sparse vectors, regularised by the squared length of the weights.
//!
//! Trained by dual coordinate ascent (Yu, Huang and Lin 2011; Shalev-Shwartz and Zhang 2014): every example keeps its
//! own distribution over the classes, one example at a time is moved towards what the model says of it, and the weights
//! are always the sum that these distributions imply. The distance to the optimum (the duality gap) is then the sum of
//! the divergences between the two, known after every pass for nothing: training stops when it is small, not after a
//! number of passes that happened to work.
//!
//! Deterministic: the order of the examples comes from a seed. No I/O, one thread, which gives way before each pass.

use super::approximate::{exp, ln};
use super::features::Vector;
use super::folds::SplitMix;
use super::pace::Pace;
use super::saved::{Reader, Writer};

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticOptions {
    /// Weight of the examples against the regularisation, above 0. Larger trusts single examples more.
    pub cost: f32,
    /// Training ends when the mean divergence of an example, in nats, is below this.
    pub tolerance: f32,
    /// Passes over the examples after which training ends in any case.
    pub passes_max: u32,
    /// Seed of the order in which examples are visited.
    pub seed: u64,
}

impl Default for LogisticOptions {
    /// `cost`: 10 to 300 are within half a point of each other on all sets measured; 1 loses three points.
    /// `tolerance`: reached after 5 to 8 passes; a tenth of it changes no decision.
    fn default() -> Self {
        Self { cost: 30.0, tolerance: 1e-3, passes_max: 100, seed: 1 }
    }
}

/// One example: its vector and its class.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// The features.
    pub vector: &'a Vector,
    /// The class, below the number of classes.
    pub class: usize,
    /// For how many examples it counts, above 0.
    pub weight: f32,
}

/// A trained model.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    classes: usize,
    /// Weight of feature f for class k at f × classes + k: one feature touches one contiguous run.
    weights: Vec<f32>,
    passes: u32,
    gap: f32,
}

/// What the ascent works on: scores of the examples, and what moving one of them changes.
trait Space {
    fn examples(&self) -> usize;
    fn class(&self, example: usize) -> usize;
    /// For how many examples it counts.
    fn weight(&self, example: usize) -> f32;
    fn squared_length(&self, example: usize) -> f32;
    fn score(&self, example: usize, scores: &mut [f32]);
    /// The weights move by `factor` times the outer product of the example and `direction`.
    fn add(&mut self, example: usize, factor: f32, direction: &[f32]);
}

/// Examples with their features, and the weights.
struct Explicit<'a> {
    examples: &'a [Labelled<'a>],
    model: Logistic,
}

impl Space for Explicit<'_> {
    fn examples(&self) -> usize {
        self.examples.len()
    }

    fn class(&self, example: usize) -> usize {
        self.examples[example].class
    }

    fn weight(&self, example: usize) -> f32 {
        self.examples[example].weight
    }

    fn squared_length(&self, example: usize) -> f32 {
        self.examples[example].vector.squared_length()
    }

    fn score(&self, example: usize, scores: &mut [f32]) {
        self.model.score(self.examples[example].vector, scores);
    }

    fn add(&mut self, example: usize, factor: f32, direction: &[f32]) {
        self.model.add(self.examples[example].vector, factor, direction);
    }
}

/// Examples that are known by their products with each other only. The scores of all are kept, not the weights.
struct ByProducts<'a> {
    products: &'a [f32],
    /// Class and weight of each.
    examples: &'a [(usize, f32)],
    classes: usize,
    scores: Vec<f32>,
}

impl Space for ByProducts<'_> {
    fn examples(&self) -> usize {
        self.examples.len()
    }

    fn class(&self, example: usize) -> usize {
        self.examples[example].0
    }

    fn weight(&self, example: usize) -> f32 {
        self.examples[example].1
    }

    fn squared_length(&self, example: usize) -> f32 {
        self.products[example * self.examples.len() + example]
    }

    fn score(&self, example: usize, scores: &mut [f32]) {
        scores.copy_from_slice(&self.scores[example * self.classes..(example + 1) * self.classes]);
    }

    fn add(&mut self, example: usize, factor: f32, direction: &[f32]) {
        let count = self.examples.len();
        let products = &self.products[example * count..(example + 1) * count];
        for (scores, product) in self.scores.chunks_exact_mut(self.classes).zip(products) {
            let amount = factor * product;
            scores.iter_mut().zip(direction).for_each(|(score, change)| *score += amount * change);
        }
    }
}

/// Where an ascent ended: the distribution of each example, the passes and the mean divergence.
struct Ascent {
    beliefs: Vec<f32>,
    passes: u32,
    gap: f32,
}

fn ascend(options: &LogisticOptions, space: &mut impl Space, classes: usize, pace: &dyn Pace) -> Ascent {
    let examples = space.examples();
    let mut ascent = Ascent { beliefs: vec![0.0_f32; examples * classes], passes: 0, gap: 0.0 };
    for (example, belief) in ascent.beliefs.chunks_exact_mut(classes.max(1)).enumerate() {
        belief[space.class(example)] = 1.0;
    }
    let mut order: Vec<usize> = (0..examples).collect();
    let mut random = SplitMix(options.seed);
    let mut step = Step::new(options.cost, classes);
    for pass in 1..=options.passes_max {
        pace.give_way();
        random.shuffle(&mut order);
        let mut divergence = 0.0_f64;
        for &example in &order {
            let belief = &mut ascent.beliefs[example * classes..(example + 1) * classes];
            divergence += f64::from(step.visit(space, example, belief));
        }
        ascent.passes = pass;
        ascent.gap = (divergence / examples.max(1) as f64) as f32;
        if ascent.gap < options.tolerance {
            break;
        }
    }
    ascent
}

impl Logistic {
    /// Trains on `examples`, whose feature indices are below `features` and whose classes are below `classes`.
    pub fn train(
        options: &LogisticOptions,
        examples: &[Labelled<'_>],
        shape: Shape,
        pace: &dyn Pace,
    ) -> Self {
        let weights = vec![0.0; shape.features * shape.classes];
        let model = Self { classes: shape.classes, weights, passes: 0, gap: 0.0 };
        let mut space = Explicit { examples, model };
        let ascent = ascend(options, &mut space, shape.classes, pace);
        Self { passes: ascent.passes, gap: ascent.gap, ..space.model }
    }

    /// Trains on examples of which only the products with each other are known: row after row, symmetric and positive
    /// semidefinite. `examples` has the class and the weight of each. The features of the model are then the products of a
    /// vector with each example.
    pub(super) fn train_by_products(
        options: &LogisticOptions,
        products: &[f32],
        (examples, classes): (&[(usize, f32)], usize),
        pace: &dyn Pace,
    ) -> Self {
        let scores = vec![0.0; examples.len() * classes];
        let mut space = ByProducts { products, examples, classes, scores };
        let Ascent { beliefs, passes, gap } = ascend(options, &mut space, classes, pace);
        // The weights are the sum over the examples of what the distributions imply.
        let mut weights = beliefs;
        for (row, &(class, weight)) in weights.chunks_exact_mut(classes.max(1)).zip(examples) {
            row.iter_mut().for_each(|belief| *belief *= -options.cost * weight);
            row[class] += options.cost * weight;
        }
        Self { classes, weights, passes, gap }
    }

    /// One score (logit) a class, written into `scores`, which must be as long as there are classes.
    pub fn score(&self, vector: &Vector, scores: &mut [f32]) {
        scores.fill(0.0);
        // Four rows at a time: the scores are then read and written a quarter as often.
        let (fours, rest) = vector.weights.as_chunks::<4>();
        for four in fours {
            let [a, b, c, d] = four.map(|(_, value)| value);
            let [row_a, row_b, row_c, row_d] = four.map(|(feature, _)| self.row(feature));
            let rows = row_a.iter().zip(row_b).zip(row_c).zip(row_d);
            for (score, (((of_a, of_b), of_c), of_d)) in scores.iter_mut().zip(rows) {
                *score += (a * of_a + b * of_b) + (c * of_c + d * of_d);
            }
        }
        for &(feature, value) in rest {
            for (score, weight) in scores.iter_mut().zip(self.row(feature)) {
                *score += value * weight;
            }
        }
    }

    fn row(&self, feature: u32) -> &[f32] {
        &self.weights[feature as usize * self.classes..][..self.classes]
    }

    pub(super) fn save(&self, to: &mut Writer) {
        to.length(self.classes);
        to.length(self.passes as usize);
        to.floats(&[self.gap]);
        to.floats(&self.weights);
    }

    /// `None` for what is no model.
    pub(super) fn load(from: &mut Reader<'_>) -> Option<Self> {
        let (classes, passes) = (from.length()?, u32::try_from(from.length()?).ok()?);
        let gap = *from.floats()?.first()?;
        let weights = from.floats()?;
        let fits = weights.len().checked_rem(classes)? == 0;
        fits.then_some(Self { classes, weights, passes, gap })
    }

    /// How many features there are.
    pub(super) fn features(&self) -> usize {
        self.weights.len() / self.classes.max(1)
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many passes training took, and the mean divergence that it ended with, in nats.
    pub fn convergence(&self) -> (u32, f32) {
        (self.passes, self.gap)
    }

    fn add(&mut self, vector: &Vector, factor: f32, direction: &[f32]) {
        for &(feature, value) in &vector.weights {
            let row = &mut self.weights[feature as usize * self.classes..][..self.classes];
            let amount = factor * value;
            for (weight, change) in row.iter_mut().zip(direction) {
                *weight += amount * change;
            }
        }
    }
}

/// Size of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of features.
    pub features: usize,
    /// Number of classes.
    pub classes: usize,
}

/// Turns scores into probabilities in place and returns the logarithm of the normaliser.
pub fn softmax(scores: &mut [f32]) -> f32 {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter_mut().for_each(|score| *score = exp(*score - top));
    let sum: f32 = scores.iter().sum();
    for score in scores.iter_mut() {
        *score /= sum;
    }
    top + sum.ln()
}

/// Buffers of one coordinate step.
struct Step {
    cost: f32,
    scores: Vec<f32>,
    direction: Vec<f32>,
    /// Direction, score and belief of the classes that move, [`LANES`] of each together.
    moving: Vec<[[f32; LANES]; 3]>,
}

/// Sums side by side: the compiler may not reorder one.
const LANES: usize = 8;

/// A belief that moves by less has no part in the length of a step.
const DIRECTION_MIN: f32 = 1e-5;

/// Below this a belief counts as zero: its logarithm would drown the others in f32.
const BELIEF_MIN: f32 = 1e-9;

impl Step {
    fn new(cost: f32, classes: usize) -> Self {
        Self { cost, scores: vec![0.0; classes], direction: vec![0.0; classes], moving: Vec::new() }
    }

    /// Moves the belief of one example towards the model's, and the weights with it. Returns the divergence before.
    fn visit(&mut self, space: &mut impl Space, example: usize, belief: &mut [f32]) -> f32 {
        space.score(example, &mut self.scores);
        self.direction.copy_from_slice(&self.scores);
        let normaliser = softmax(&mut self.direction);
        let (mut divergences, mut squares) = ([0.0; LANES], [0.0; LANES]);
        let mut add = |lane: usize, [divergence, square]: [f32; 2]| {
            divergences[lane] += divergence;
            squares[lane] += square;
        };
        let (directions, rest) = self.direction.as_chunks_mut::<LANES>();
        let (scores, scores_rest) = self.scores.as_chunks::<LANES>();
        let (beliefs, beliefs_rest) = belief.as_chunks::<LANES>();
        for ((directions, scores), beliefs) in directions.iter_mut().zip(scores).zip(beliefs) {
            let lanes = directions.iter_mut().zip(scores).zip(beliefs);
            for (lane, ((direction, score), held)) in lanes.enumerate() {
                add(lane, towards(direction, score - normaliser, *held));
            }
        }
        let rest = rest.iter_mut().zip(scores_rest).zip(beliefs_rest);
        for (lane, ((direction, score), held)) in rest.enumerate() {
            add(lane, towards(direction, score - normaliser, *held));
        }
        let (divergence, squared): (f32, f32) = (divergences.iter().sum(), squares.iter().sum());
        let cost = self.cost * space.weight(example);
        let curvature = cost * space.squared_length(example) * squared;
        if squared < 1e-12 {
            return divergence.max(0.0);
        }
        let length = self.step_length(belief, curvature);
        for (held, direction) in belief.iter_mut().zip(&self.direction) {
            *held = (*held + length * direction).max(0.0);
        }
        space.add(example, -cost * length, &self.direction);
        divergence.max(0.0)
    }

    /// The length in (0, 1] that gains most: the root of a decreasing slope, by bisection.
    /// The slope is positive at 0 and not positive at 1, because the direction leads to the model's own belief.
    fn step_length(&mut self, belief: &[f32], curvature: f32) -> f32 {
        // Of hundreds of classes a few move; a logarithm a class and halving would be most of the training time.
        self.moving.clear();
        let all = self.direction.iter().zip(&self.scores).zip(belief);
        let mut lane = LANES;
        for ((direction, score), held) in all.filter(|((direction, _), _)| direction.abs() > DIRECTION_MIN) {
            if lane == LANES {
                // A lane that stays empty has no direction and adds nothing.
                self.moving.push([[0.0; LANES], [0.0; LANES], [1.0; LANES]]);
                lane = 0;
            }
            if let Some([directions, scores, beliefs]) = self.moving.last_mut() {
                (directions[lane], scores[lane], beliefs[lane]) = (*direction, *score, *held);
            }
            lane += 1;
        }
        let slope = |length: f32| {
            let mut sums = [0.0; LANES];
            for [directions, scores, beliefs] in &self.moving {
                let lanes = sums.iter_mut().zip(directions).zip(scores).zip(beliefs);
                for (((sum, direction), score), held) in lanes {
                    let moved = (held + length * direction).max(BELIEF_MIN);
                    *sum += direction * (score - ln(moved));
                }
            }
            sums.iter().sum::<f32>() - length * curvature
        };
        let (mut low, mut high) = (0.0_f32, 1.0_f32);
        // 8 halvings: the next visit corrects what a finer step would have gained.
        for _ in 0..8 {
            let middle = 0.5 * (low + high);
            if slope(middle) > 0.0 { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

/// Makes a model's probability the direction from the belief towards it. Gives what the class adds to the divergence, and
/// the square of the direction.
#[inline(always)]
fn towards(direction: &mut f32, log_probability: f32, held: f32) -> [f32; 2] {
    let divergence = held * (ln(held.max(BELIEF_MIN)) - log_probability);
    *direction -= held;
    [if held > BELIEF_MIN { divergence } else { 0.0 }, *direction * *direction]
}

#[cfg(test)]
mod tests {
    use super::super::FullPace;
    use super::*;

    fn vector(weights: &[(u32, f32)]) -> Vector {
        Vector { weights: weights.to_vec(), known_share: 1.0 }
    }

    fn trained(options: &LogisticOptions) -> (Logistic, Vec<Vector>) {
        let vectors = vec![
            vector(&[(0, 1.0)]),
            vector(&[(1, 1.0)]),
            vector(&[(2, 0.8), (0, 0.6)]),
            vector(&[(2, 1.0)]),
        ];
        let examples: Vec<Labelled<'_>> = vectors
            .iter()
            .zip([0, 1, 2, 2])
            .map(|(vector, class)| Labelled { vector, class, weight: 1.0 })
            .collect();
        (Logistic::train(options, &examples, Shape { features: 3, classes: 3 }, &FullPace), vectors)
    }

    fn loss(model: &Logistic, vectors: &[Vector], cost: f32) -> f32 {
        let mut scores = vec![0.0; 3];
        let losses: f32 = vectors
            .iter()
            .zip([0_usize, 1, 2, 2])
            .map(|(vector, class)| {
                model.score(vector, &mut scores);
                let score = scores[class];
                softmax(&mut scores) - score
            })
            .sum();
        0.5 * model.weights.iter().map(|weight| weight * weight).sum::<f32>() + cost * losses
    }

    #[test]
    fn training_ends_at_the_optimum_not_near_it() {
        let options = LogisticOptions { tolerance: 1e-5, ..LogisticOptions::default() };
        let (model, vectors) = trained(&options);
        assert!(model.convergence().0 < options.passes_max, "{:?}", model.convergence());
        let best = loss(&model, &vectors, options.cost);
        for index in 0..model.weights.len() {
            for change in [-0.05, 0.05] {
                let mut moved = model.clone();
                moved.weights[index] += change;
                assert!(
                    loss(&moved, &vectors, options.cost) > best,
                    "weight {index} moved by {change} is better"
                );
            }
        }
    }

    #[test]
    fn an_example_of_weight_two_counts_as_two_examples() {
        let options = LogisticOptions { tolerance: 1e-6, ..LogisticOptions::default() };
        let vectors = [vector(&[(0, 1.0)]), vector(&[(0, 0.6), (1, 0.8)])];
        let train = |examples: &[(usize, f32)]| {
            let examples: Vec<Labelled<'_>> = examples
                .iter()
                .map(|&(class, weight)| Labelled { vector: &vectors[class], class, weight })
                .collect();
            Logistic::train(&options, &examples, Shape { features: 2, classes: 2 }, &FullPace)
        };
        let (weighed, twice) = (train(&[(0, 1.0), (1, 2.0)]), train(&[(0, 1.0), (1, 1.0), (1, 1.0)]));
        for (one, other) in weighed.weights.iter().zip(&twice.weights) {
            assert!((one - other).abs() < 2e-2, "{:?} {:?}", weighed.weights, twice.weights);
        }
    }

    #[test]
    fn by_products_the_scores_are_those_by_features() {
        let options = LogisticOptions { tolerance: 1e-6, ..LogisticOptions::default() };
        let (model, vectors) = trained(&options);
        let dense = |vector: &Vector| {
            let mut dense = [0.0_f32; 3];
            vector.weights.iter().for_each(|&(index, value)| dense[index as usize] = value);
            dense
        };
        let product = |left: &Vector, right: &Vector| -> f32 {
            dense(left).iter().zip(dense(right)).map(|(left, right)| left * right).sum()
        };
        let row = |of: &Vector| -> Vec<f32> { vectors.iter().map(|one| product(of, one)).collect() };
        let products: Vec<f32> = vectors.iter().flat_map(row).collect();
        let classes = [0, 1, 2, 2].map(|class| (class, 1.0));
        let by_products = Logistic::train_by_products(&options, &products, (&classes, 3), &FullPace);
        let (mut scores, mut expected) = ([0.0; 3], [0.0; 3]);
        for of in &vectors {
            let features = row(of).into_iter().enumerate().map(|(index, value)| (index as u32, value));
            by_products.score(&Vector { weights: features.collect(), known_share: 1.0 }, &mut scores);
            model.score(of, &mut expected);
            for (one, other) in scores.iter().zip(&expected) {
                assert!((one - other).abs() < 1e-2, "{scores:?} {expected:?}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_weights() {
        let options = LogisticOptions::default();
        assert_eq!(trained(&options).0.weights, trained(&options).0.weights);
    }

    #[test]
    fn softmax_survives_large_scores() {
        let mut scores = [1000.0, 999.0, -1000.0];
        let normaliser = softmax(&mut scores);
        assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-6 && (normaliser - 1000.313).abs() < 1e-2);
    }
}
