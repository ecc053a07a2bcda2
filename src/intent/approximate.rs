//! Exponential and logarithm as the compiler can do them for several numbers at once: no branch, no call, no table.
//!
//! A regression over a thousand intents takes thousands of each for one example, which in the standard library's one at a
//! time was most of the training time. Both are exact to some units in the last place of `f32`.

/// Below this the exponential stays at that of this: the smallest normal number is near.
const EXPONENT_MIN: f32 = -87.0;
const EXPONENT_MAX: f32 = 88.0;
/// Added and taken away again it rounds to a whole number: above it `f32` has no other.
const ROUNDING: f32 = 12_582_912.0;
/// The logarithm of two in two parts, the first with few enough digits that a multiple of it is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Bits of the square root of one half.
const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
const MANTISSA_BITS: u32 = 23;
const EXPONENT_BIAS: u32 = 127;

/// e to the power of `value`, which is taken into -87 to 88.
#[inline(always)]
pub(super) fn exp(value: f32) -> f32 {
    let value = value.clamp(EXPONENT_MIN, EXPONENT_MAX);
    let shifted = value * std::f32::consts::LOG2_E + ROUNDING;
    let twos = shifted - ROUNDING;
    let rest = value - twos * LN_2_HIGH - twos * LN_2_LOW;
    // The series to the seventh power: |rest| is below 0.35, so that the eighth would add 5e-9.
    let series = 1.0 + rest / 7.0;
    let series = 1.0 + rest * (1.0 / 6.0) * series;
    let series = 1.0 + rest * (1.0 / 5.0) * series;
    let series = 1.0 + rest * (1.0 / 4.0) * series;
    let series = 1.0 + rest * (1.0 / 3.0) * series;
    let series = 1.0 + rest * (1.0 / 2.0) * series;
    let series = 1.0 + rest * series;
    let whole = shifted.to_bits().wrapping_sub(ROUNDING.to_bits());
    series * f32::from_bits(whole.wrapping_add(EXPONENT_BIAS) << MANTISSA_BITS)
}

/// The natural logarithm of `value`, which must be a normal number above 0.
#[inline(always)]
pub(super) fn ln(value: f32) -> f32 {
    let bits = value.to_bits();
    // value = factor × 2^twos with the factor around 1, from √½ to √2.
    let twos = bits.wrapping_sub(SQRT_HALF_BITS).cast_signed() >> MANTISSA_BITS;
    let factor = f32::from_bits(bits.wrapping_sub(twos.cast_unsigned() << MANTISSA_BITS));
    // ln(factor) is twice the inverse hyperbolic tangent of this, at most 0.172: the eleventh power would add 5e-10.
    let tangent = (factor - 1.0) / (factor + 1.0);
    let square = tangent * tangent;
    let series = 1.0 / 7.0 + square * (1.0 / 9.0);
    let series = 1.0 / 5.0 + square * series;
    let series = 1.0 / 3.0 + square * series;
    let twos = twos as f32;
    twos * LN_2_LOW + 2.0 * tangent * (1.0 + square * series) + twos * LN_2_HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_are_those_of_the_standard_library(value in -86.9_f32..87.9, positive in 1e-37_f32..1e37, near in 0.5_f32..2.0) {
            prop_assert!((exp(value) / value.exp() - 1.0).abs() < 1e-6, "{value}: {} {}", exp(value), value.exp());
            for number in [positive, near, positive.sqrt()] {
                let expected = number.ln();
                prop_assert!((ln(number) - expected).abs() <= 2e-7 + 3e-7 * expected.abs(), "{number}: {} {expected}", ln(number));
            }
        }
    }

    #[test]
    fn at_the_ends_of_the_range_they_stay_finite() {
        assert_eq!((exp(0.0), ln(1.0)), (1.0, 0.0));
        assert!(exp(-1e9) > 0.0 && exp(-1e9) < 1e-37);
        assert!(exp(1e9).is_finite());
        assert!((ln(f32::MIN_POSITIVE) - f32::MIN_POSITIVE.ln()).abs() < 1e-4);
        assert!((ln(f32::MAX) - f32::MAX.ln()).abs() < 1e-4);
    }
}
