//! From scores to probabilities that mean what they say, and from probabilities to thresholds.
//!
//! Everything here is fitted on sentences that the model did not see in training; [`calibration_error`] says how well it
//! worked.

use super::logistic::softmax;

/// Bins of the calibration error, as usual in the literature.
pub const CALIBRATION_BINS: usize = 15;

/// One held-out sentence: whether the best intent was right, and its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// Probability of the best intent, 0 to 1.
    pub probability: f32,
    /// Whether the best intent was the right one.
    pub right: bool,
}

/// Scores of one held-out sentence, one a class, and the class that is right.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// One score a class.
    pub scores: Vec<f32>,
    /// The right class.
    pub class: usize,
}

/// The temperature by which scores are divided so that the right classes are most probable, and the mean loss (in nats)
/// that is left: fitted on `held_out`, 1 when there is nothing to fit on.
pub fn temperature(held_out: &[HeldOut]) -> (f32, f64) {
    if held_out.is_empty() {
        return (1.0, 0.0);
    }
    let loss = |logarithm: f32| -> f64 {
        let scale = (-logarithm).exp();
        let mut scores = Vec::new();
        held_out
            .iter()
            .map(|sentence| {
                scores.clear();
                scores.extend(sentence.scores.iter().map(|score| score * scale));
                let right = scores[sentence.class];
                f64::from(softmax(&mut scores) - right)
            })
            .sum()
    };
    // The loss has one minimum in the inverse temperature; e^-3 to e^3 holds every model seen, by a factor of five.
    let logarithm = minimum(&loss, -3.0, 3.0);
    (logarithm.exp(), loss(logarithm) / held_out.len() as f64)
}

/// Where `function`, which has one minimum between `low` and `high`, is smallest; golden section to 1e-2.
fn minimum(function: &impl Fn(f32) -> f64, mut low: f32, mut high: f32) -> f32 {
    const GOLDEN: f32 = 0.618_034;
    let mut left = high - GOLDEN * (high - low);
    let mut right = low + GOLDEN * (high - low);
    let (mut at_left, mut at_right) = (function(left), function(right));
    while high - low > 1e-2 {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = function(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = function(right);
        }
    }
    0.5 * (low + high)
}

/// Expected calibration error over `bins` bins of equal width: the mean distance between what was promised and what was
/// right, weighted by how many sentences a bin holds. 0 is perfect; 0 for no sentence.
pub fn calibration_error(judged: &[Judged], bins: usize) -> f32 {
    let mut promised = vec![0.0_f64; bins];
    let mut right = vec![0.0_f64; bins];
    for one in judged {
        let bin = ((one.probability * bins as f32) as usize).min(bins - 1);
        promised[bin] += f64::from(one.probability);
        right[bin] += f64::from(u8::from(one.right));
    }
    let distance: f64 = promised.iter().zip(&right).map(|(promised, right)| (promised - right).abs()).sum();
    (distance / judged.len().max(1) as f64) as f32
}

/// The value that `share` (0 to 1) of `scores` reach: the threshold that keeps them. 0 for no score.
pub fn threshold_keeping(share: f32, scores: &[f32]) -> f32 {
    let mut ascending = scores.to_vec();
    ascending.sort_unstable_by(f32::total_cmp);
    let dropped = ((1.0 - share) * ascending.len() as f32).floor() as usize;
    ascending.get(dropped.min(ascending.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// The lowest probability from which on `precision` of the decisions were right; `None` when no threshold reaches it.
pub fn threshold_for_precision(precision: f32, judged: &[Judged]) -> Option<f32> {
    let mut descending = judged.to_vec();
    descending.sort_unstable_by(|left, right| right.probability.total_cmp(&left.probability));
    let mut right = 0_usize;
    let mut lowest = None;
    for (index, one) in descending.iter().enumerate() {
        right += usize::from(one.right);
        let ends_here = descending.get(index + 1).is_none_or(|next| next.probability < one.probability);
        if ends_here && right as f32 >= precision * (index + 1) as f32 {
            lowest = Some(one.probability);
        }
    }
    lowest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pairs: &[(f32, bool)]) -> Vec<Judged> {
        pairs.iter().map(|&(probability, right)| Judged { probability, right }).collect()
    }

    #[test]
    fn a_model_that_is_too_sure_is_cooled() {
        // Odds of e^4 promised, right three times of four: ln 3 is what should be promised.
        let held_out: Vec<HeldOut> = (0..400)
            .map(|index| HeldOut { scores: vec![4.0, 0.0], class: usize::from(index % 4 == 0) })
            .collect();
        let expected = 4.0 / 3.0_f32.ln();
        let (found, loss) = temperature(&held_out);
        assert!((found - expected).abs() < 0.03, "{found}");
        // The entropy of three to one.
        assert!((loss - 0.5623).abs() < 1e-3, "{loss}");
        assert_eq!(temperature(&[]).0, 1.0);
    }

    #[test]
    fn the_calibration_error_is_the_gap_between_promise_and_outcome() {
        assert!(
            calibration_error(&judged(&[(0.75, true), (0.75, true), (0.75, true), (0.75, false)]), 15) < 1e-6
        );
        assert!((calibration_error(&judged(&[(1.0, false), (1.0, true)]), 15) - 0.5).abs() < 1e-6);
        assert_eq!(calibration_error(&[], 15), 0.0);
    }

    #[test]
    fn thresholds_keep_and_promise_what_they_say() {
        let scores: Vec<f32> = (0..100).map(|index| index as f32 / 100.0).collect();
        let threshold = threshold_keeping(0.95, &scores);
        assert_eq!(scores.iter().filter(|score| **score >= threshold).count(), 95);
        assert_eq!(threshold_keeping(0.95, &[]), 0.0);

        let mixed = judged(&[(0.9, true), (0.8, true), (0.7, false), (0.6, true), (0.5, false)]);
        assert_eq!(threshold_for_precision(1.0, &mixed), Some(0.8));
        assert_eq!(threshold_for_precision(0.75, &mixed), Some(0.6));
        assert_eq!(threshold_for_precision(0.9, &judged(&[(0.9, false)])), None);
    }
}
