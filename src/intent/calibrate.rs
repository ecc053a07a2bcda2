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

/// The lowest probability from which on `precision` of the decisions, all of them together, were right; `None` when no
/// threshold reaches it. Says nothing of a decision *at* the threshold: hundreds of clear ones hide some that are guesses.
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

/// The probability from which on to act, where a wrong decision costs `wrong_cost` questions: the threshold with the least
/// cost over all of `judged`, acted on or asked about. At it, one more sentence that is acted on costs as much as a question.
/// `None` when asking about all of them is cheapest.
///
/// How often a decision is wrong is the mean of what came of the sentence and of what its probability promised. What came
/// of a handful of sentences is chance: where all that were held out were right, a probability of 0.4 is still a guess.
pub fn threshold_by_cost(wrong_cost: f32, judged: &[Judged]) -> Option<f32> {
    let mut descending = judged.to_vec();
    descending.sort_unstable_by(|left, right| right.probability.total_cmp(&left.probability));
    let (mut saved, mut most_saved) = (0.0_f64, 0.0_f64);
    let mut threshold = None;
    for (index, one) in descending.iter().enumerate() {
        let came = f64::from(u8::from(!one.right));
        let promised = 1.0 - f64::from(one.probability);
        // A question saved, a wrong decision risked.
        saved += 1.0 - f64::from(wrong_cost) * 0.5 * (came + promised);
        let ends_here = descending.get(index + 1).is_none_or(|next| next.probability < one.probability);
        if ends_here && saved > most_saved {
            most_saved = saved;
            threshold = Some(one.probability);
        }
    }
    threshold
}

/// A hundred sentences at each hundredth from 0.5 on, of which as many are right as is promised.
#[cfg(test)]
pub(super) fn calibrated() -> Vec<Judged> {
    let at = |percent: u8| {
        (0..100_u8)
            .map(move |index| Judged { probability: f32::from(percent) / 100.0, right: index < percent })
    };
    (50..=100).flat_map(at).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn clear_sentences_do_not_pay_for_guesses() {
        // 92 of 100 right, but at 0.75 two of five are wrong.
        let mut mixed = vec![Judged { probability: 0.99, right: true }; 80];
        mixed.extend((0..20).map(|index| Judged { probability: 0.75, right: index % 5 > 1 }));
        assert_eq!(threshold_for_precision(0.9, &mixed), Some(0.75));
        assert_eq!(threshold_by_cost(10.0, &mixed), Some(0.99));
        // Where a wrong decision costs little more than a question, they are worth it.
        assert_eq!(threshold_by_cost(2.0, &mixed), Some(0.75));
        assert_eq!(threshold_by_cost(10.0, &judged(&[(0.9, false)])), None);
        assert_eq!(threshold_by_cost(10.0, &[]), None);
    }

    #[test]
    fn a_set_without_a_mistake_makes_no_guess_certain() {
        let easy: Vec<Judged> =
            (40..=99).map(|percent| Judged { probability: percent as f32 / 100.0, right: true }).collect();
        assert_eq!(threshold_for_precision(0.9, &easy), Some(0.4));
        let threshold = threshold_by_cost(10.0, &easy).expect("the best are acted on");
        assert!((0.8..=0.82).contains(&threshold), "{threshold}");
    }

    #[test]
    fn probabilities_that_hold_are_acted_on_from_where_a_question_is_dearer() {
        for (wrong_cost, expected) in [(4.0, 0.75), (10.0, 0.9), (20.0, 0.95)] {
            let threshold = threshold_by_cost(wrong_cost, &calibrated()).expect("the best are acted on");
            assert!((threshold - expected).abs() < 0.015, "{wrong_cost}: {threshold}");
        }
    }

    proptest! {
        #[test]
        fn no_other_threshold_costs_less(
            pairs in proptest::collection::vec((0_u8..=20, any::<bool>()), 0..40),
            wrong_cost in 1.0_f32..30.0,
        ) {
            let judged: Vec<Judged> = pairs
                .iter()
                .map(|&(steps, right)| Judged { probability: f32::from(steps) / 20.0, right })
                .collect();
            let cost = |threshold: f32| -> f32 {
                let of = |one: &Judged| {
                    if one.probability < threshold {
                        return 1.0;
                    }
                    let came = if one.right { 0.0 } else { 1.0 };
                    wrong_cost * (came + 1.0 - one.probability) / 2.0
                };
                judged.iter().map(of).sum()
            };
            let chosen = cost(threshold_by_cost(wrong_cost, &judged).unwrap_or(f32::INFINITY));
            for steps in 0_u8..=21 {
                prop_assert!(chosen <= cost(f32::from(steps) / 20.0) + 1e-2);
            }
        }
    }
}
