//! When each token was said, from where the decoder looked while it wrote it.
//!
//! A few heads of a Whisper decoder follow the speech: while they write a token they look at the encoder positions where it
//! is heard. The method is that of the models' publisher (`find_alignment` of openai-whisper): each head is normalised
//! over the tokens, so that positions at which every token looks say nothing; smoothed by a median over the positions;
//! the heads are averaged; and dynamic time warping finds the path through tokens and positions, both only forward,
//! that has looked the most.
//!
//! Units: encoder positions of 20 ms from the start of the window. It does not know words, and it takes any input of
//! the right shape: a single token, a single position, weights that are not finite (they count as 0).

use super::Error;

/// Positions over which the median is taken.
const MEDIAN: usize = 7;
const REACH: usize = MEDIAN / 2;
/// A standard deviation below this is that of equal weights and their rounding.
const EVEN: f32 = 1e-9;

/// What the heads that follow the speech looked at.
#[derive(Debug, Clone, Copy)]
pub struct CrossAttention<'a> {
    /// `heads` x `tokens` x `positions`, row by row; each row is a softmax over the positions.
    pub weights: &'a [f32],
    /// Number of heads.
    pub heads: usize,
    /// Number of decoder steps. The row of a token is that of the step that wrote it, whose input is the token before.
    pub tokens: usize,
    /// Encoder positions of a row.
    pub positions: usize,
}

/// From where to where each token is heard, in encoder positions: the first `speech_positions` hold audio, what the
/// decoder saw behind them is padding and left out.
///
/// Each token ends where the next one starts, and the last at `speech_positions` (at most the positions of a row).
/// A token may be empty. For the true end of the last token of a text, give the step that wrote the end of the text as one
/// more token. Takes the time of `heads * tokens * positions`, some milliseconds for a sentence.
///
/// # Errors
/// [`Error::Attention`] when the weights do not have the shape that is given.
pub fn token_times(
    attention: &CrossAttention<'_>,
    speech_positions: usize,
) -> Result<Vec<(u32, u32)>, Error> {
    let CrossAttention { weights, heads, tokens, positions } = *attention;
    let values = heads.checked_mul(tokens).and_then(|rows| rows.checked_mul(positions));
    if values != Some(weights.len()) {
        return Err(Error::Attention { values: weights.len(), heads, tokens, positions });
    }
    let width = speech_positions.min(positions);
    if tokens == 0 || width == 0 {
        return Ok(vec![(0, 0); tokens]);
    }
    let starts = Path::through(&looked_at(attention, width), width).starts();
    let ends = starts.iter().skip(1).copied().chain([width]);
    let time = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
    Ok(starts.iter().zip(ends).map(|(start, end)| (time(*start), time(end))).collect())
}

/// How much each token looked at each of the first `width` positions, over all heads: tokens x `width`.
fn looked_at(attention: &CrossAttention<'_>, width: usize) -> Vec<f32> {
    let CrossAttention { weights, tokens, positions, .. } = *attention;
    let mut sum = vec![0.0_f32; tokens * width];
    let mut head = vec![0.0_f32; tokens * width];
    // There are none without heads; a chunk must not be empty.
    for weights in weights.chunks_exact((tokens * positions).max(1)) {
        for (row, weights) in head.chunks_exact_mut(width).zip(weights.chunks_exact(positions)) {
            restrict(row, weights);
        }
        normalise(&mut head, width);
        for (row, sum) in head.chunks_exact(width).zip(sum.chunks_exact_mut(width)) {
            add_smoothed(row, sum);
        }
    }
    sum
}

/// The softmax over the first positions alone: their weights, scaled to a sum of 1.
fn restrict(row: &mut [f32], weights: &[f32]) {
    let mut sum = 0.0;
    for (value, weight) in row.iter_mut().zip(weights) {
        *value = if weight.is_finite() { *weight } else { 0.0 };
        sum += *value;
    }
    if sum > 0.0 && sum.is_finite() {
        row.iter_mut().for_each(|value| *value /= sum);
    }
}

/// Gives every column of `rows` the mean 0 and the standard deviation 1; a column of equal values becomes 0.
fn normalise(rows: &mut [f32], width: usize) {
    let count = (rows.len() / width) as f32;
    let mut means = vec![0.0_f32; width];
    for row in rows.chunks_exact(width) {
        means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / count);
    }
    let mut scales = vec![0.0_f32; width];
    for row in rows.chunks_exact_mut(width) {
        for ((value, mean), scale) in row.iter_mut().zip(&means).zip(&mut scales) {
            *value -= mean;
            *scale += *value * *value / count;
        }
    }
    for scale in &mut scales {
        let deviation = scale.sqrt();
        *scale = if deviation > EVEN { 1.0 / deviation } else { 0.0 };
    }
    for row in rows.chunks_exact_mut(width) {
        row.iter_mut().zip(&scales).for_each(|(value, scale)| *value *= scale);
    }
}

/// Adds the running median of `row`, mirrored at its ends, to `sum`. A row too short to be mirrored is added as it is.
fn add_smoothed(row: &[f32], sum: &mut [f32]) {
    if row.len() <= REACH {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        return;
    }
    let before = row[1..=REACH].iter().rev();
    let after = row[row.len() - 1 - REACH..row.len() - 1].iter().rev();
    let mirrored: Vec<f32> = before.chain(row).chain(after).copied().collect();
    for (sum, window) in sum.iter_mut().zip(mirrored.array_windows::<MEDIAN>()) {
        *sum += median(*window);
    }
}

/// The value in the middle. Of the first five of seven values neither the smallest nor the greatest is it: the sixth
/// takes their place, then the seventh, until three are left.
fn median(mut values: [f32; MEDIAN]) -> f32 {
    const LAST: usize = 4;
    for first in 0..=2 {
        for index in first + 1..=LAST {
            order(&mut values, first, index);
        }
        for index in first + 1..LAST {
            order(&mut values, index, LAST);
        }
        if first < 2 {
            values[LAST] = values[LAST + 1 + first];
        }
    }
    values[3]
}

/// Puts the smaller of two values at `low`.
fn order(values: &mut [f32; MEDIAN], low: usize, high: usize) {
    let (left, right) = (values[low], values[high]);
    values[low] = if left < right { left } else { right };
    values[high] = if left < right { right } else { left };
}

/// How the best path came to a token at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// From the token before at the position before.
    Both,
    /// From the token before at the same position.
    Token,
    /// From the same token at the position before.
    Position,
}

/// The steps to every token and position: tokens x `width`.
struct Path {
    steps: Vec<Step>,
    width: usize,
}

impl Path {
    /// Finds the way from the first token and position to the last that has the greatest sum of `scores`.
    fn through(scores: &[f32], width: usize) -> Self {
        let mut steps = Vec::with_capacity(scores.len());
        // The sums of the token before, and of the token itself, behind a border that no way crosses.
        let mut before = vec![f64::NEG_INFINITY; width + 1];
        let mut here = before.clone();
        before[0] = 0.0;
        for row in scores.chunks_exact(width) {
            here[0] = f64::NEG_INFINITY;
            for (index, score) in row.iter().enumerate() {
                let (both, token, position) = (before[index], before[index + 1], here[index]);
                let (step, sum) = if both > token && both > position {
                    (Step::Both, both)
                } else if token > both && token > position {
                    (Step::Token, token)
                } else {
                    (Step::Position, position)
                };
                here[index + 1] = sum + f64::from(*score);
                steps.push(step);
            }
            std::mem::swap(&mut before, &mut here);
        }
        Self { steps, width }
    }

    /// The first position of each token.
    fn starts(&self) -> Vec<usize> {
        let tokens = self.steps.len() / self.width;
        let mut starts = vec![0; tokens];
        let (mut token, mut position) = (tokens - 1, self.width - 1);
        while token > 0 {
            let step = self.steps[token * self.width + position];
            // At the first position there is no way but from the token before.
            if step == Step::Position && position > 0 {
                position -= 1;
                continue;
            }
            starts[token] = position;
            token -= 1;
            position = if step == Step::Both { position.saturating_sub(1) } else { position };
        }
        starts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(
        weights: &[f32],
        [heads, tokens, positions]: [usize; 3],
        speech_positions: usize,
    ) -> Vec<(u32, u32)> {
        token_times(&CrossAttention { weights, heads, tokens, positions }, speech_positions).unwrap()
    }

    /// Rows that look at their own stretch of positions and a little elsewhere.
    fn looking_at(stretches: &[(usize, usize)], positions: usize) -> Vec<f32> {
        let row = |(start, end): (usize, usize)| {
            let weights = (0..positions).map(move |at| if (start..end).contains(&at) { 1.0 } else { 0.01 });
            let sum: f32 = weights.clone().sum();
            weights.map(move |weight: f32| weight / sum)
        };
        stretches.iter().copied().flat_map(row).collect()
    }

    #[test]
    fn a_diagonal_gives_its_own_stretches() {
        let stretches = [(0, 20), (20, 50), (50, 60), (60, 100)];
        let weights = looking_at(&stretches, 100);
        let expected: Vec<(u32, u32)> = vec![(0, 20), (20, 50), (50, 60), (60, 100)];
        assert_eq!(times(&weights, [1, 4, 100], 100), expected);
        assert_eq!(times(&[weights.clone(), weights].concat(), [2, 4, 100], 100), expected);
    }

    #[test]
    fn what_lies_behind_the_speech_is_left_out() {
        // The last token looks at the padding most of all.
        let mut weights = looking_at(&[(0, 10), (10, 30), (30, 40)], 200);
        weights[2 * 200 + 150..].fill(0.9);
        assert_eq!(times(&weights, [1, 3, 200], 40), [(0, 10), (10, 30), (30, 40)]);
        assert_eq!(times(&weights, [1, 3, 200], 0), [(0, 0); 3]);
        assert_eq!(times(&weights, [1, 3, 200], 999).last().map(|last| last.1), Some(200));
    }

    #[test]
    fn a_position_at_which_every_token_looks_says_nothing() {
        let mut weights = looking_at(&[(0, 20), (20, 40)], 40);
        weights[30..36].fill(5.0);
        weights[40 + 30..40 + 36].fill(5.0);
        assert_eq!(times(&weights, [1, 2, 40], 40), [(0, 20), (20, 40)]);
    }

    #[test]
    fn a_stray_glance_is_smoothed_away() {
        let mut weights = looking_at(&[(0, 20), (20, 40)], 40);
        weights[35..37].fill(0.5);
        assert_eq!(times(&weights, [1, 2, 40], 40), [(0, 20), (20, 40)]);
    }

    #[test]
    fn the_smallest_inputs_have_times() {
        assert_eq!(times(&[1.0], [1, 1, 1], 1), [(0, 1)]);
        assert_eq!(times(&[0.2; 5], [1, 1, 5], 5), [(0, 5)]);
        assert_eq!(times(&[1.0; 3], [1, 3, 1], 1), [(0, 0), (0, 0), (0, 1)]);
        assert_eq!(times(&[], [2, 0, 9], 9), []);
        assert_eq!(times(&[], [2, 3, 0], 9), [(0, 0); 3]);
        assert_eq!(times(&[], [0, 1, 4], 4), [(0, 4)]);
        assert_eq!(times(&[f32::NAN; 8], [1, 2, 4], 4).len(), 2);
    }

    #[test]
    fn weights_of_another_shape_are_refused() {
        let check = |[heads, tokens, positions]: [usize; 3]| {
            let attention = CrossAttention { weights: &[0.5; 6], heads, tokens, positions };
            let expected = Error::Attention { values: 6, heads, tokens, positions };
            assert_eq!(token_times(&attention, 3), Err(expected));
        };
        check([1, 2, 4]);
        check([0, 2, 3]);
        check([usize::MAX, 2, 3]);
        check([1, usize::MAX, usize::MAX]);
    }

    /// Every way through the scores, and the greatest sum among them.
    fn greatest_sum(scores: &[f32], width: usize, token: usize, position: usize) -> f64 {
        let here = f64::from(scores[token * width + position]);
        let before = [(1, 1), (1, 0), (0, 1)].into_iter().filter_map(|(tokens, positions)| {
            let (token, position) = (token.checked_sub(tokens)?, position.checked_sub(positions)?);
            Some(greatest_sum(scores, width, token, position))
        });
        here + before.reduce(f64::max).unwrap_or(0.0)
    }

    proptest! {
        #[test]
        fn times_rise_and_stay_in_the_speech(
            shape in (1_usize..4, 1_usize..8, 1_usize..20),
            speech_positions in 1_usize..25,
            seed in proptest::collection::vec(0.0_f32..1.0, 600),
        ) {
            let (heads, tokens, positions) = shape;
            let found = times(&seed[..heads * tokens * positions], [heads, tokens, positions], speech_positions);
            prop_assert_eq!(found.len(), tokens);
            prop_assert_eq!(found[0].0, 0);
            prop_assert_eq!(found[tokens - 1].1 as usize, speech_positions.min(positions));
            prop_assert!(found.iter().all(|(start, end)| start <= end));
            prop_assert!(found.windows(2).all(|pair| pair[0].1 == pair[1].0));
        }

        #[test]
        fn the_path_is_the_best_of_all(
            scores in proptest::collection::vec(-1.0_f32..1.0, 20),
            width in prop_oneof![Just(1_usize), Just(2), Just(4), Just(5), Just(10), Just(20)],
        ) {
            let tokens = scores.len() / width;
            let starts = Path::through(&scores, width).starts();
            // Between two starts the path stays at its token; at a start it comes from the left, or from below where the
            // token before was still at this position. The better of the two is what the path took.
            let sum: f64 = (0..tokens).map(|token| {
                let end = starts.get(token + 1).map_or(width, |next| (*next).max(starts[token] + 1));
                (starts[token]..end).map(|position| f64::from(scores[token * width + position])).sum::<f64>()
            }).sum();
            let shared: f64 = (1..tokens).map(|token| {
                let score = f64::from(scores[(token - 1) * width + starts[token]]);
                if starts[token - 1] == starts[token] { 0.0 } else { score.max(0.0) }
            }).sum();
            let best = greatest_sum(&scores, width, tokens - 1, width - 1);
            prop_assert!((sum + shared - best).abs() < 1e-6, "{sum} + {shared} for {best}");
        }

        #[test]
        fn the_median_is_in_the_middle(values in proptest::array::uniform7(-1.0_f32..1.0)) {
            let mut sorted = values;
            sorted.sort_by(f32::total_cmp);
            prop_assert_eq!(median(values), sorted[3]);
        }

        #[test]
        fn columns_have_mean_0_and_deviation_1(
            mut rows in proptest::collection::vec(0.0_f32..1.0, 12..13),
            width in prop_oneof![Just(1_usize), Just(2), Just(3), Just(6)],
        ) {
            let before = rows.clone();
            normalise(&mut rows, width);
            let count = rows.len() / width;
            for column in 0..width {
                let values = || (0..count).map(|row| rows[row * width + column]);
                let raw = || (0..count).map(|row| before[row * width + column]);
                let spread = raw().fold(f32::MIN, f32::max) - raw().fold(f32::MAX, f32::min);
                if spread == 0.0 {
                    prop_assert!(values().all(|value| value == 0.0), "a column of equal values becomes 0");
                }
                // Below this the rounding of the mean is a good part of the deviation.
                if spread < 1e-3 {
                    continue;
                }
                let mean = values().sum::<f32>() / count as f32;
                let deviation = (values().map(|value| value * value).sum::<f32>() / count as f32).sqrt();
                prop_assert!(mean.abs() < 1e-4 && (deviation - 1.0).abs() < 1e-3, "{mean} {deviation}");
            }
        }
    }
}
