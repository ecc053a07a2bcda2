//! Whether a sentence is one that the scenario knows at all.
//!
//! The best probability alone cannot tell: it says which intent fits best, given that one does. So several signs are
//! weighed by a small logistic regression, fitted on held-out sentences of known intents against sentences of intents
//! that the fitting model had never seen, and against the out-of-scope sentences of the scenario where there are some.

use super::saved::{Reader, Writer};

/// How many signs are weighed.
const SIGNS: usize = 7;

/// The signs of one sentence: log-odds of the best intent, its lead over the second, its score, share of known n-grams,
/// log-odds against the reject class (0 where there is none), cosines to the nearest training sentence and to the nearest
/// sentence that no intent is for (0 without meanings).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence(pub [f32; SIGNS]);

/// The weights of the signs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scope {
    centre: [f64; SIGNS],
    scale: [f64; SIGNS],
    /// One a sign, then the constant.
    weights: [f64; SIGNS + 1],
}

impl Default for Scope {
    /// What serves when there is too little to fit on: the odds of the best intent alone.
    fn default() -> Self {
        Self { centre: [0.0; SIGNS], scale: [1.0; SIGNS], weights: [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0] }
    }
}

impl Scope {
    /// Fits the weights. Inside and outside weigh the same in all, and so do the kinds of outside that there is enough
    /// of, however many sentences each has.
    pub fn fit(inside: &[Evidence], outside: &[Vec<Evidence>]) -> Self {
        let kinds: Vec<&Vec<Evidence>> = outside.iter().filter(|kind| kind.len() >= FIT_MIN).collect();
        if inside.len() < FIT_MIN || kinds.is_empty() {
            return Self::default();
        }
        let outside: Vec<(&Evidence, f64)> = kinds
            .iter()
            .flat_map(|kind| kind.iter().map(|one| (one, 0.5 / (kinds.len() * kind.len()) as f64)))
            .collect();
        let mut scope = Self { weights: [0.0; SIGNS + 1], ..Self::default() };
        for sign in 0..SIGNS {
            let values = || {
                let outside = outside.iter().map(|(evidence, _)| *evidence);
                inside.iter().chain(outside).map(|evidence| f64::from(evidence.0[sign]))
            };
            let count = (inside.len() + outside.len()) as f64;
            scope.centre[sign] = values().sum::<f64>() / count;
            let variance = values().map(|value| (value - scope.centre[sign]).powi(2)).sum::<f64>() / count;
            scope.scale[sign] = variance.sqrt().max(1e-6);
        }
        let mut cases: Vec<([f64; SIGNS + 1], f64, f64)> = Vec::with_capacity(inside.len() + outside.len());
        cases.extend(inside.iter().map(|one| (scope.standardised(one), 1.0, 0.5 / inside.len() as f64)));
        cases.extend(outside.iter().map(|(one, weight)| (scope.standardised(one), 0.0, *weight)));
        for _ in 0..NEWTON_STEPS {
            scope.newton_step(&cases);
        }
        scope
    }

    pub fn save(&self, to: &mut Writer) {
        for list in [self.centre.as_slice(), &self.scale, &self.weights] {
            to.doubles(list);
        }
    }

    pub fn load(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            centre: from.doubles()?.try_into().ok()?,
            scale: from.doubles()?.try_into().ok()?,
            weights: from.doubles()?.try_into().ok()?,
        })
    }

    /// Probability that the sentence is in scope, 0 to 1, when both kinds are equally frequent.
    pub fn probability(&self, evidence: &Evidence) -> f32 {
        sigmoid(dot(&self.weights, &self.standardised(evidence))) as f32
    }

    fn standardised(&self, evidence: &Evidence) -> [f64; SIGNS + 1] {
        let mut signs = [1.0; SIGNS + 1];
        for (sign, standardised) in signs.iter_mut().take(SIGNS).enumerate() {
            let centred = f64::from(evidence.0[sign]) - self.centre[sign];
            // Clamped: a sentence far outside what was fitted on must not be extrapolated from.
            *standardised = (centred / self.scale[sign]).clamp(-4.0, 4.0);
        }
        signs
    }

    fn newton_step(&mut self, cases: &[([f64; SIGNS + 1], f64, f64)]) {
        let mut gradient = self.weights.map(|weight| -RIDGE * weight);
        let mut curvature = [[0.0; SIGNS + 1]; SIGNS + 1];
        for (row, signs) in curvature.iter_mut().enumerate() {
            signs[row] = RIDGE;
        }
        for (signs, target, weight) in cases {
            let probability = sigmoid(dot(&self.weights, signs));
            for row in 0..=SIGNS {
                gradient[row] += weight * (target - probability) * signs[row];
                for column in 0..=SIGNS {
                    curvature[row][column] +=
                        weight * probability * (1.0 - probability) * signs[row] * signs[column];
                }
            }
        }
        for (weight, change) in self.weights.iter_mut().zip(solve(curvature, gradient)) {
            *weight += change;
        }
    }
}

/// Sentences of each kind below which the fit would be noise.
const FIT_MIN: usize = 20;
/// Newton's method on eight weights has converged long before.
const NEWTON_STEPS: usize = 12;
/// Keeps the fit finite where the two kinds separate completely, and shares weight among signs that say the same.
const RIDGE: f64 = 1e-3;

fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

fn dot(left: &[f64; SIGNS + 1], right: &[f64; SIGNS + 1]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// Solves a positive definite system by elimination; the ridge keeps every pivot away from zero.
fn solve(mut matrix: [[f64; SIGNS + 1]; SIGNS + 1], mut right: [f64; SIGNS + 1]) -> [f64; SIGNS + 1] {
    for pivot in 0..=SIGNS {
        for row in pivot + 1..=SIGNS {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot];
            for (value, above) in matrix[row].iter_mut().zip(above).skip(pivot) {
                *value -= factor * above;
            }
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..=SIGNS).rev() {
        let known: f64 = (row + 1..=SIGNS).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(sure: f32, known: f32) -> Evidence {
        Evidence([sure, 0.0, 0.0, known, 0.0, 0.0, 0.0])
    }

    #[test]
    fn the_sign_that_tells_gets_the_weight() {
        let noise = |index: usize| (index * 7 % 11) as f32 / 11.0;
        let inside: Vec<Evidence> =
            (0..50).map(|index| evidence(noise(index), 0.8 + 0.2 * noise(index + 3))).collect();
        let outside: Vec<Evidence> =
            (0..90).map(|index| evidence(noise(index), 0.2 + 0.3 * noise(index + 5))).collect();
        let scope = Scope::fit(&inside, &[outside]);
        assert!(scope.probability(&evidence(0.5, 0.9)) > 0.9);
        assert!(scope.probability(&evidence(0.5, 0.3)) < 0.1);
    }

    #[test]
    fn with_too_little_to_fit_on_the_odds_of_the_best_intent_decide() {
        let scope = Scope::fit(&[evidence(1.0, 1.0)], &[]);
        assert!(scope.probability(&evidence(2.0, 0.0)) > scope.probability(&evidence(1.0, 1.0)));
    }
}
