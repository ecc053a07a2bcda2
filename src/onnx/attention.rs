//! Attention to keys and values in 16 bits: how they are laid out, and how a few queries look at them.
//!
//! A decoder asks the keys and values of the whole audio again for every token, a handful of queries each time, so that reading
//! them is what it costs. In 16 bits that is half as much, at no loss that a text shows (BENCHMARKS.md).
//!
//! Keys and values of a position have one scale each in every head: largest value / 32,767. Queries, scores, shares and what is
//! attended to are f32. The loops are written so that the compiler makes vectors of them, once for each kind of processor
//! (`pulp` finds out which it is); what differs between processors is the rounding of the last bit, as everywhere in f32.
//!
//! | | layout of a head | |
//! |---|---|---|
//! | keys | blocks × 64 × 32 | 32 positions of one value side by side, so that a score needs no sum across a vector |
//! | values | 2 × positions × 32 | half a row side by side |
//! | scales | 2 × blocks × 32 | of the keys, then of the values; of no position 0 |

use pulp::{Arch, Simd, WithSimd};

/// Values of a head; every Whisper has as many.
pub const HEAD_VALUES: usize = 64;
/// Positions of a block, and values of half a row.
pub const BLOCK: usize = 32;
/// Queries that go over the keys and values together; more go in turn.
pub const QUERIES: usize = 5;
/// Largest value in 16 bits.
const LARGEST: f32 = 32_767.0;
/// One over the root of [`HEAD_VALUES`].
const SCALE: f32 = 0.125;
/// Partial sums of a softmax; a vector of the widest processors.
const PARTS: usize = 16;

/// Values of a query, or of what it sees.
pub type Row = [f32; HEAD_VALUES];

/// Positions in whole blocks.
pub const fn padded(positions: usize) -> usize {
    positions.div_ceil(BLOCK) * BLOCK
}

/// What one head looks at.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// [`padded`] positions × [`HEAD_VALUES`].
    pub keys: &'a [i16],
    /// Positions × [`HEAD_VALUES`].
    pub values: &'a [i16],
    /// Twice [`padded`] positions.
    pub scales: &'a [f32],
    /// How many there are.
    pub positions: usize,
}

/// Where one head's keys and values are put; lengths as those of [`Head`].
#[derive(Debug)]
pub struct Place<'a> {
    /// For the keys.
    pub keys: &'a mut [i16],
    /// For the values.
    pub values: &'a mut [i16],
    /// For the scales of both.
    pub scales: &'a mut [f32],
}

/// Puts the keys and values of one head in 16 bits. `keys` and `values` have a row of `width` for each position, of which
/// the head's values begin at `first`.
pub fn pack((keys, values): (&[f32], &[f32]), (width, first): (usize, usize), place: Place<'_>) {
    Arch::new().dispatch(Packing { keys, values, width, first, place });
}

/// Where `queries`, at most [`QUERIES`], look and what they see there, a row each. `shares` gets [`padded`] positions for each
/// query, of which only the positions mean anything; they sum up to 1.
pub fn attend(head: Head<'_>, queries: &[Row], shares: &mut [f32], attended: &mut [Row]) {
    Arch::new().dispatch(Attending { head, queries, shares, attended });
}

struct Packing<'a> {
    keys: &'a [f32],
    values: &'a [f32],
    width: usize,
    first: usize,
    place: Place<'a>,
}

impl WithSimd for Packing<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { keys, values, width, first, place } = self;
        let row = |rows: &[f32], position: usize| -> Row {
            std::array::from_fn(|value| rows[position * width + first + value])
        };
        let positions = keys.len() / width;
        let (of_keys, of_values) = place.scales.split_at_mut(padded(positions));
        of_keys.fill(0.0);
        of_values.fill(0.0);
        for (index, block) in place.keys.chunks_exact_mut(BLOCK * HEAD_VALUES).enumerate() {
            for within in 0..BLOCK {
                let position = index * BLOCK + within;
                let rounded = if position < positions {
                    let (rounded, scale) = rounded(row(keys, position));
                    of_keys[position] = scale;
                    rounded
                } else {
                    [0; HEAD_VALUES]
                };
                for (value, rounded) in rounded.into_iter().enumerate() {
                    block[value * BLOCK + within] = rounded;
                }
            }
        }
        let (left, right) = place.values.split_at_mut(positions * BLOCK);
        let halves = left.chunks_exact_mut(BLOCK).zip(right.chunks_exact_mut(BLOCK));
        for (position, (left, right)) in halves.enumerate() {
            let (rounded, scale) = rounded(row(values, position));
            of_values[position] = scale;
            left.copy_from_slice(&rounded[..BLOCK]);
            right.copy_from_slice(&rounded[BLOCK..]);
        }
    }
}

/// A row in 16 bits and its scale.
#[inline(always)]
fn rounded(row: Row) -> ([i16; HEAD_VALUES], f32) {
    let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let by = if largest > 0.0 { LARGEST / largest } else { 0.0 };
    (row.map(|value| (value * by).round_ties_even() as i16), largest / LARGEST)
}

struct Attending<'a> {
    head: Head<'a>,
    queries: &'a [Row],
    shares: &'a mut [f32],
    attended: &'a mut [Row],
}

impl WithSimd for Attending<'_> {
    type Output = ();

    /// Two vectors of f32 at a time: with five queries that are ten sums, which the registers hold.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        match S::F32_LANES {
            16 => self.with::<32, true>(),
            8 => self.with::<16, true>(),
            _ => self.with::<16, false>(),
        }
    }
}

impl Attending<'_> {
    /// `FUSED` where the processor multiplies and adds in one instruction; elsewhere that is a slow function.
    #[inline(always)]
    fn with<const LANES: usize, const FUSED: bool>(self) {
        match self.queries.len() {
            0 => {}
            1 => self.look::<1, LANES, FUSED>(),
            2 => self.look::<2, LANES, FUSED>(),
            3 => self.look::<3, LANES, FUSED>(),
            4 => self.look::<4, LANES, FUSED>(),
            _ => self.look::<QUERIES, LANES, FUSED>(),
        }
    }

    #[inline(always)]
    fn look<const ROWS: usize, const LANES: usize, const FUSED: bool>(self) {
        let Self { head, queries, shares, attended } = self;
        let padded = padded(head.positions);
        let (of_keys, of_values) = head.scales.split_at(padded);
        let queries: [Row; ROWS] = std::array::from_fn(|row| queries[row].map(|value| value * SCALE));
        score::<ROWS, LANES, FUSED>((head.keys, of_keys), &queries, (shares, padded));
        for row in shares.chunks_exact_mut(padded).take(ROWS) {
            softmax::<FUSED>(row, head.positions);
        }
        let of_values = &of_values[..head.positions];
        let seen = mix::<ROWS, LANES, FUSED>((head.values, of_values), (shares, padded));
        attended[..ROWS].copy_from_slice(&seen);
    }
}

/// Queries times keys.
#[inline(always)]
fn score<const ROWS: usize, const LANES: usize, const FUSED: bool>(
    (keys, scales): (&[i16], &[f32]),
    queries: &[Row; ROWS],
    (scores, padded): (&mut [f32], usize),
) {
    for (index, block) in keys.chunks_exact(BLOCK * HEAD_VALUES).enumerate() {
        for part in (0..BLOCK).step_by(LANES) {
            let mut sums = [[0.0_f32; LANES]; ROWS];
            for value in 0..HEAD_VALUES {
                let keys = lanes::<LANES>(&block[value * BLOCK + part..]);
                for (sums, query) in sums.iter_mut().zip(queries) {
                    for (sum, key) in sums.iter_mut().zip(keys) {
                        *sum = multiply_add::<FUSED>(key, query[value], *sum);
                    }
                }
            }
            let at = index * BLOCK + part;
            for (row, sums) in sums.iter().enumerate() {
                let scores = &mut scores[row * padded + at..][..LANES];
                for ((score, sum), scale) in scores.iter_mut().zip(sums).zip(&scales[at..][..LANES]) {
                    *score = sum * scale;
                }
            }
        }
    }
}

/// Scores of `positions` positions to shares; `row` is in whole blocks.
#[inline(always)]
fn softmax<const FUSED: bool>(row: &mut [f32], positions: usize) {
    row[positions..].fill(f32::MIN);
    let mut largest = [f32::MIN; PARTS];
    for scores in row.chunks_exact(PARTS) {
        for (largest, score) in largest.iter_mut().zip(scores) {
            *largest = if score > largest { *score } else { *largest };
        }
    }
    let largest = largest.into_iter().fold(f32::MIN, f32::max);
    let mut sums = [0.0_f32; PARTS];
    for scores in row.chunks_exact_mut(PARTS) {
        for (sum, score) in sums.iter_mut().zip(scores) {
            *score = exponential::<FUSED>(*score - largest);
            *sum += *score;
        }
    }
    let by = sums.iter().sum::<f32>().recip();
    for share in row {
        *share *= by;
    }
}

/// Shares times values.
#[inline(always)]
fn mix<const ROWS: usize, const LANES: usize, const FUSED: bool>(
    (values, scales): (&[i16], &[f32]),
    (shares, padded): (&[f32], usize),
) -> [Row; ROWS] {
    let positions = scales.len();
    let shares: [&[f32]; ROWS] = std::array::from_fn(|row| &shares[row * padded..][..positions]);
    let mut mixed = [[0.0_f32; HEAD_VALUES]; ROWS];
    for part in (0..HEAD_VALUES).step_by(LANES) {
        let half = &values[part / BLOCK * positions * BLOCK..][..positions * BLOCK];
        let mut sums = [[0.0_f32; LANES]; ROWS];
        for ((position, values), scale) in half.chunks_exact(BLOCK).enumerate().zip(scales) {
            let values = lanes::<LANES>(&values[part % BLOCK..]);
            for (sums, shares) in sums.iter_mut().zip(shares) {
                let share = shares[position] * scale;
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = multiply_add::<FUSED>(value, share, *sum);
                }
            }
        }
        for (mixed, sums) in mixed.iter_mut().zip(&sums) {
            mixed[part..part + LANES].copy_from_slice(sums);
        }
    }
    mixed
}

#[inline(always)]
fn lanes<const LANES: usize>(values: &[i16]) -> [f32; LANES] {
    let values = &values[..LANES];
    std::array::from_fn(|lane| f32::from(values[lane]))
}

#[inline(always)]
fn multiply_add<const FUSED: bool>(one: f32, other: f32, to: f32) -> f32 {
    if FUSED { one.mul_add(other, to) } else { one * other + to }
}

/// e to the power of `value`, which is at most 0; below -87 as of -87, a share of nothing.
///
/// Parted into a power of two and a rest within half a step, whose power is a polynomial (that of the Cephes library's `expf`,
/// two units of the last place): the standard library's function is called number by number and takes longer than all the rest.
#[inline(always)]
fn exponential<const FUSED: bool>(value: f32) -> f32 {
    /// Adding it rounds to a whole number, which is then in the lowest bits.
    const ROUNDS: f32 = 12_582_912.0;
    /// The natural logarithm of 2 in two parts, the first with few digits so that its multiples are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const POLYNOMIAL: [f32; 6] =
        [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    const FRACTION_BITS: u32 = 23;
    let value = value.max(-87.0);
    let rounded = multiply_add::<FUSED>(value, std::f32::consts::LOG2_E, ROUNDS);
    let steps = rounded - ROUNDS;
    let rest = multiply_add::<FUSED>(steps, -LN_2[0], value);
    let rest = multiply_add::<FUSED>(steps, -LN_2[1], rest);
    let [first, others @ ..] = POLYNOMIAL;
    let sum = others.into_iter().fold(first, |sum, factor| multiply_add::<FUSED>(sum, rest, factor));
    let power = multiply_add::<FUSED>(sum, rest * rest, rest) + 1.0;
    f32::from_bits(power.to_bits().wrapping_add(rounded.to_bits() << FRACTION_BITS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One head, in 16 bits and as it was.
    struct Heard {
        positions: usize,
        rows: [Vec<f32>; 2],
        keys: Vec<i16>,
        values: Vec<i16>,
        scales: Vec<f32>,
    }

    impl Heard {
        /// Rows of `width` values, of which those of the head begin at `first`.
        fn of([keys, values]: [&[f32]; 2], (width, first): (usize, usize)) -> Self {
            let positions = keys.len() / width;
            let own = |rows: &[f32]| -> Vec<f32> {
                rows.chunks(width).flat_map(|row| &row[first..][..HEAD_VALUES]).copied().collect()
            };
            let mut heard = Self {
                positions,
                rows: [own(keys), own(values)],
                // What was there before must not show.
                keys: vec![99; padded(positions) * HEAD_VALUES],
                values: vec![99; positions * HEAD_VALUES],
                scales: vec![f32::NAN; 2 * padded(positions)],
            };
            let place = Place { keys: &mut heard.keys, values: &mut heard.values, scales: &mut heard.scales };
            pack((keys, values), (width, first), place);
            heard
        }

        fn head(&self) -> Head<'_> {
            let Self { positions, keys, values, scales, .. } = self;
            Head { keys, values, scales, positions: *positions }
        }

        /// Shares and what is attended to, in 64 bits from what was before it was in 16.
        fn plainly(&self, query: &Row) -> (Vec<f64>, Vec<f64>) {
            let product = |key: &[f32]| -> f64 {
                key.iter().zip(query).map(|(key, query)| f64::from(*key) * f64::from(*query)).sum()
            };
            let scores: Vec<f64> =
                self.rows[0].chunks(HEAD_VALUES).map(|key| product(key) * f64::from(SCALE)).collect();
            let largest = scores.iter().copied().fold(f64::MIN, f64::max);
            let powers: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let shares: Vec<f64> = powers.iter().map(|power| power / sum).collect();
            let mixed = |value: usize| {
                let rows = self.rows[1].chunks(HEAD_VALUES);
                rows.zip(&shares).map(|(row, share)| f64::from(row[value]) * share).sum()
            };
            let attended = (0..HEAD_VALUES).map(mixed).collect();
            (shares, attended)
        }
    }

    /// On this processor's own vectors, and without any.
    fn both_ways(head: Head<'_>, queries: &[Row]) -> [(Vec<f32>, Vec<Row>); 2] {
        [Arch::new(), Arch::Scalar].map(|arch| {
            let mut shares = vec![f32::NAN; queries.len() * padded(head.positions)];
            let mut attended = vec![[f32::NAN; HEAD_VALUES]; queries.len()];
            let (shares_to, attended_to) = (&mut shares[..], &mut attended[..]);
            arch.dispatch(Attending { head, queries, shares: shares_to, attended: attended_to });
            (shares, attended)
        })
    }

    fn numbers(count: usize) -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec(-3.0_f32..3.0, count)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn attention_is_what_it_is_in_64_bits(
            (keys, values) in (1_usize..80).prop_flat_map(|positions| {
                let width = 3 * HEAD_VALUES;
                (numbers(positions * width), numbers(positions * width))
            }),
            queries in proptest::collection::vec(numbers(HEAD_VALUES), 1..=QUERIES),
            head in 0_usize..3,
        ) {
            let heard = Heard::of([&keys, &values], (3 * HEAD_VALUES, head * HEAD_VALUES));
            let queries: Vec<Row> = queries.iter().map(|query| *query.as_array().expect("a row")).collect();
            for (shares, attended) in both_ways(heard.head(), &queries) {
                for (row, query) in queries.iter().enumerate() {
                    let (expected_shares, expected) = heard.plainly(query);
                    let shares = &shares[row * padded(heard.positions)..][..heard.positions];
                    let sum: f32 = shares.iter().sum();
                    prop_assert!((sum - 1.0).abs() < 1e-5, "shares sum up to {}", sum);
                    for (share, expected) in shares.iter().zip(&expected_shares) {
                        prop_assert!((f64::from(*share) - expected).abs() < 2e-4, "{} {}", share, expected);
                    }
                    for (value, expected) in attended[row].iter().zip(&expected) {
                        prop_assert!((f64::from(*value) - expected).abs() < 1e-3, "{} {}", value, expected);
                    }
                }
            }
        }

        #[test]
        fn a_number_in_16_bits_is_off_by_half_a_step_at_most(keys in numbers(HEAD_VALUES * 40)) {
            let heard = Heard::of([&keys, &keys], (HEAD_VALUES, 0));
            let (blocks, scales) = (heard.keys.chunks(BLOCK * HEAD_VALUES), heard.scales.split_at(64));
            let of_keys = (0..40).flat_map(|position: usize| {
                let block = blocks.clone().nth(position / BLOCK).expect("a block");
                let scale = scales.0[position];
                (0..HEAD_VALUES).map(move |value| f32::from(block[value * BLOCK + position % BLOCK]) * scale)
            });
            let of_values = (0..40).flat_map(|position: usize| {
                let (values, scale) = (&heard.values, scales.1[position]);
                (0..HEAD_VALUES).map(move |value| {
                    let half = value / BLOCK * 40 * BLOCK;
                    f32::from(values[half + position * BLOCK + value % BLOCK]) * scale
                })
            });
            for ((key, value), expected) in of_keys.zip(of_values).zip(&keys) {
                prop_assert!((key - expected).abs() <= 0.51 * 3.0 / LARGEST);
                prop_assert_eq!(key, value);
            }
        }

        #[test]
        fn a_power_of_e_is_right_to_a_millionth(value in -87.0_f32..=0.0) {
            let expected = f64::from(value).exp();
            for found in [exponential::<true>(value), exponential::<false>(value)] {
                prop_assert!((f64::from(found) / expected - 1.0).abs() < 1e-6, "{} for {}", found, value);
            }
        }
    }

    #[test]
    fn the_ends_of_the_power_of_e() {
        assert_eq!(exponential::<true>(0.0), 1.0);
        assert!(exponential::<true>(f32::MIN) < 1e-37);
    }

    #[test]
    fn silence_that_is_all_zeros_is_looked_at_evenly() {
        let zeros = vec![0.0; 33 * HEAD_VALUES];
        let heard = Heard::of([&zeros, &zeros], (HEAD_VALUES, 0));
        for (shares, attended) in both_ways(heard.head(), &[[1.0; HEAD_VALUES]]) {
            assert!(shares[..33].iter().all(|share| (share - 1.0 / 33.0).abs() < 1e-6));
            assert_eq!(attended, [[0.0; HEAD_VALUES]]);
        }
    }
}
