//! Reading the decoder's scores: one number for each of 51,865 tokens, at every step and for every hypothesis.
//!
//! The loops are written so that the compiler turns them into vector instructions that every processor has: several
//! running values side by side, no branch in the inner loop, and an exponential by a polynomial instead of a call.
//!
//! Units: natural logarithms. A score of minus infinity is a token that is not allowed; one that is not a number counts
//! as such.

use std::ops::Range;

/// Running values side by side: four vectors of SSE2 or NEON, two of AVX2.
const LANES: usize = 16;
/// Exponentials that are summed in f32 before they go to f64, so that rounding stays below that of the exponential.
const BLOCK: usize = 64 * LANES;
/// The exponential is 0 for practical purposes and still a normal number.
const LOWEST_EXPONENT: f32 = -87.0;
/// Scores that are looked at together for one better than those known.
const SCAN: usize = 64;

/// The logarithm of the sum of the exponentials of `logits`: subtracted from a score, it makes it a log-probability.
///
/// Exact to 1e-5 of the sum. Minus infinity when there is no finite score, infinity when one is.
pub fn log_sum_exp(logits: &[f32]) -> f32 {
    let greatest = greatest(logits);
    if greatest.is_infinite() {
        return greatest;
    }
    let sum: f64 = logits.chunks(BLOCK).map(|block| f64::from(sum_of_exponentials(block, greatest))).sum();
    (f64::from(greatest) + sum.ln()) as f32
}

/// The `k` best of the scores of `ids` with those ids, into `out`, among what is there (at most `k`, in this order): falling, of
/// equal ones those that were there first and then the lower id first. Fewer where there are fewer scores: what is not
/// allowed is never among them.
///
/// Fast for the few that a search needs (`k` up to about 32; the time grows with its square). Allocates only where `out`
/// has no room for `k`.
pub fn add_top_k(scores: &[f32], ids: Range<usize>, k: usize, out: &mut Vec<(u32, f32)>) {
    let mut threshold = match out.get(k.wrapping_sub(1)) {
        Some(last) => last.1,
        None if k == 0 => return,
        None => f32::NEG_INFINITY,
    };
    out.reserve(k.saturating_sub(out.len()));
    let first = ids.start as u32;
    for (block, base) in scores[ids].chunks(SCAN).zip((first..).step_by(SCAN)) {
        if !block.iter().fold(false, |any, score| any | (*score > threshold)) {
            continue;
        }
        for (score, id) in block.iter().zip(base..) {
            if *score > threshold {
                threshold = insert(out, k, (id, *score));
            }
        }
    }
}

/// Puts a score at its place behind those that are as good, drops what is more than `k`, and gives the score that the
/// next one must beat.
fn insert(best: &mut Vec<(u32, f32)>, k: usize, new: (u32, f32)) -> f32 {
    if best.len() == k {
        best.pop();
    }
    let place = best.iter().rposition(|known| known.1 >= new.1).map_or(0, |last| last + 1);
    best.insert(place, new);
    if best.len() == k { best[k - 1].1 } else { f32::NEG_INFINITY }
}

/// The greatest score; minus infinity without any.
fn greatest(scores: &[f32]) -> f32 {
    let greater = |left: f32, right: f32| if right > left { right } else { left };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = scores.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, score) in lanes.iter_mut().zip(chunk) {
            *lane = greater(*lane, *score);
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, greater)
}

fn sum_of_exponentials(scores: &[f32], greatest: f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = scores.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, score) in lanes.iter_mut().zip(chunk) {
            *lane += exponential(score - greatest);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|score| exponential(score - greatest)).sum::<f32>()
}

/// e to the power of `x`, which is at most 0; to 3e-7 of the value. What is below [`LOWEST_EXPONENT`], or not a number,
/// counts as [`LOWEST_EXPONENT`].
#[inline]
fn exponential(x: f32) -> f32 {
    // Added to a small number, it leaves the nearest integer in the lowest bits.
    const ROUNDER: f32 = 12_582_912.0;
    // The logarithm of 2 in two parts; a product of the first with a small integer is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x > LOWEST_EXPONENT { x } else { LOWEST_EXPONENT };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let twos = shifted - ROUNDER;
    let r = x - twos * LN_2_HIGH - twos * LN_2_LOW;
    // The exponential series; r is at most half the logarithm of 2.
    let series = 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = series * r + 1.0;
    let series = series * r + 1.0;
    let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127);
    series * f32::from_bits(exponent << 23)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(logits: &[f32]) -> f64 {
        let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|score| (f64::from(*score) - f64::from(greatest)).exp()).sum();
        f64::from(greatest) + sum.ln()
    }

    fn best(scores: &[f32], k: usize) -> Vec<(u32, f32)> {
        let mut out = Vec::new();
        add_top_k(scores, 0..scores.len(), k, &mut out);
        out
    }

    fn best_naively(scores: &[f32], k: usize) -> Vec<(u32, f32)> {
        let allowed = (0..).zip(scores.iter().copied()).filter(|(_, score)| *score > f32::NEG_INFINITY);
        let mut all: Vec<(u32, f32)> = allowed.collect();
        all.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        all.truncate(k);
        all
    }

    #[test]
    fn the_exponential_is_exact_over_its_whole_range() {
        for step in 0..=87_000 {
            let x = step as f32 / -1_000.0;
            let (found, exact) = (f64::from(exponential(x)), f64::from(x).exp());
            assert!((found / exact - 1.0).abs() < 3e-7, "{x}: {found} for {exact}");
        }
        assert!((0.0..1e-37).contains(&exponential(f32::NEG_INFINITY)));
        assert!((0.0..1e-37).contains(&exponential(f32::NAN)));
    }

    #[test]
    fn what_is_not_finite_has_its_meaning() {
        let (low, nan, high) = (f32::NEG_INFINITY, f32::NAN, f32::INFINITY);
        assert_eq!(log_sum_exp(&[]), low);
        assert_eq!(log_sum_exp(&[low; 100]), low);
        assert_eq!(log_sum_exp(&[nan; 40]), low);
        assert_eq!(log_sum_exp(&[3.0, high, low]), high);
        assert_eq!(log_sum_exp(&[low, 3.0, nan]), 3.0);
        assert_eq!(log_sum_exp(&[1e30, -1e30]), 1e30);
        assert_eq!(best(&[low, 1.0, nan, high, -2.0], 9), [(3, high), (1, 1.0), (4, -2.0)]);
    }

    #[test]
    fn a_whole_vocabulary_of_equal_scores_is_summed_exactly() {
        for score in [0.0_f32, -20.0, 55.5] {
            let expected = f64::from(score) + 51_865_f64.ln();
            let found = f64::from(log_sum_exp(&[score; 51_865]));
            assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
        }
    }

    #[test]
    fn of_equal_scores_the_lower_ids_are_best() {
        let scores: Vec<f32> = (0..1_000).map(|id| f32::from(id % 3 == 1)).collect();
        assert_eq!(best(&scores, 3), [(1, 1.0), (4, 1.0), (7, 1.0)]);
        assert_eq!(best(&[0.0, -0.0, 0.0], 2), [(0, 0.0), (1, 0.0)]);
        assert_eq!(best(&scores, 0), []);
        assert_eq!(best(&[], 5), []);
    }

    #[test]
    fn the_best_are_written_where_there_is_room() {
        let mut out = Vec::with_capacity(32);
        let memory = out.as_ptr();
        let scores: Vec<f32> = (0..5_000_u16).map(f32::from).collect();
        add_top_k(&scores, 0..5_000, 32, &mut out);
        assert_eq!((out.as_ptr(), out.len(), out[0].0), (memory, 32, 4_999));
        out.clear();
        add_top_k(&scores, 0..100, 5, &mut out);
        assert_eq!(out.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [99, 98, 97, 96, 95]);
    }

    fn scores(length: Range<usize>) -> impl Strategy<Value = Vec<f32>> {
        let score = prop_oneof![8 => -60.0_f32..40.0, 1 => Just(f32::NEG_INFINITY), 2 => Just(7.5_f32)];
        proptest::collection::vec(score, length)
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_a_plain_one(logits in scores(1..3_000)) {
            let (found, exact) = (f64::from(log_sum_exp(&logits)), exact(&logits));
            if exact.is_finite() {
                prop_assert!((found - exact).abs() < 1e-5 * exact.abs().max(1.0), "{found} for {exact}");
            } else {
                prop_assert!(found == f64::NEG_INFINITY);
            }
        }

        #[test]
        fn the_best_are_those_of_a_sort(scores in scores(0..500), k in 0_usize..=32) {
            prop_assert_eq!(best(&scores, k), best_naively(&scores, k));
        }

        #[test]
        fn of_two_stretches_the_best_are_those_of_both(
            mut scores in scores(1..500),
            [one, other] in any::<[prop::sample::Index; 2]>(),
            k in 0_usize..=32,
        ) {
            let (one, other) = (one.index(scores.len()), other.index(scores.len()));
            let left_out = one.min(other)..one.max(other);
            let mut found = Vec::new();
            add_top_k(&scores, 0..left_out.start, k, &mut found);
            add_top_k(&scores, left_out.end..scores.len(), k, &mut found);
            scores[left_out].fill(f32::NEG_INFINITY);
            prop_assert_eq!(found, best_naively(&scores, k));
        }
    }
}
