//! Half-precision floats as bits: what model files hold and the language does not have yet.

/// The value of a half-precision number.
pub(super) fn to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10) & 0x1f;
    let mantissa = u32::from(bits & 0x3ff);
    match (exponent, mantissa) {
        (0, _) => {
            // Subnormal: mantissa times 2^-24, exact in f32.
            let magnitude = mantissa as f32 * f32::from_bits(0x3380_0000);
            f32::from_bits(magnitude.to_bits() | sign)
        }
        (31, _) => f32::from_bits(sign | 0x7f80_0000 | (mantissa << 13)),
        (_, _) => f32::from_bits(sign | ((exponent + 112) << 23) | (mantissa << 13)),
    }
}

/// The nearest half-precision number, ties to even; too big becomes infinity.
pub(super) fn from_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude >= 0x7f80_0000 {
        // Infinity keeps its mantissa of zero; a NaN keeps the bits that fit, and at least one.
        let payload = ((magnitude >> 13) & 0x3ff) as u16;
        let quiet = u16::from(magnitude > 0x7f80_0000 && payload == 0);
        return sign | 0x7c00 | payload | quiet;
    }
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00;
    }
    if magnitude < 0x3880_0000 {
        // Below 2^-14 the result counts multiples of 2^-24. Multiplying by 2^24 is exact, rint ties to even.
        let count = (f32::from_bits(magnitude) * 16_777_216.0).round_ties_even();
        return sign | count as u16;
    }
    let rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
    sign | ((rounded - 0x3800_0000) >> 13) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_half_survives_the_way_through_f32() {
        for bits in 0..=u16::MAX {
            assert_eq!(from_f32(to_f32(bits)), bits, "{bits:#06x}");
        }
    }

    #[test]
    fn known_values_are_right() {
        for (value, bits) in [
            (0.0, 0x0000),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65504.0, 0x7bff),
            (65519.0, 0x7bff),
            (65520.0, 0x7c00),
            (1.0e9, 0x7c00),
            (5.960_464_5e-8, 0x0001),
            (2.0e-8, 0x0000),
            (1.0 + 1.0 / 2048.0, 0x3c00),
            (1.0 + 3.0 / 2048.0, 0x3c02),
        ] {
            assert_eq!(from_f32(value), bits, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_other_half_is_nearer(value in -70000.0_f32..70000.0) {
            let bits = from_f32(value);
            let chosen = (f64::from(to_f32(bits)) - f64::from(value)).abs();
            for other in [bits.wrapping_add(1), bits.wrapping_sub(1)] {
                let other = f64::from(to_f32(other));
                if other.is_finite() && to_f32(bits).is_finite() {
                    prop_assert!(chosen <= (other - f64::from(value)).abs());
                }
            }
        }
    }
}
