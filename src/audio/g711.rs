//! ITU-T G.711: the two 8-bit codes of telephony, A-law (Europe) and µ-law (North America, Japan).
//!
//! Recordings and raw telephone streams are decoded with it, and the fixture renderer and `allo eval asr --phone`
//! pass audio through it. Linear values are 16-bit: the 13 bits of A-law and the 14 bits of µ-law fill the upper bits.
//! Rates are not its business (see [`super::resample`]): the code is the same at any rate.

/// Which of the two codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Law {
    /// A-law, even bits inverted on the line as G.711 asks.
    A,
    /// µ-law, all bits inverted on the line.
    Mu,
}

impl Law {
    /// The 16-bit value of a code.
    pub const fn decode(self, code: u8) -> i16 {
        match self {
            Self::A => ALAW_VALUES[code as usize],
            Self::Mu => MULAW_VALUES[code as usize],
        }
    }

    /// The value of a code in [-1, 1].
    pub fn decode_f32(self, code: u8) -> f32 {
        f32::from(self.decode(code)) / FULL_SCALE
    }

    /// The code of a 16-bit value.
    pub const fn encode(self, value: i16) -> u8 {
        match self {
            Self::A => alaw_code(value),
            Self::Mu => mulaw_code(value),
        }
    }

    /// The code of a value in [-1, 1]; louder values are clipped, not-a-number is silence.
    pub fn encode_f32(self, value: f32) -> u8 {
        // `as` saturates and maps not-a-number to 0.
        self.encode((value * FULL_SCALE).round() as i16)
    }
}

/// One step beyond the largest 16-bit value, so that -32768 is exactly -1.
const FULL_SCALE: f32 = 32_768.0;

/// What G.711 adds to a µ-law magnitude (33 in 14 bits) so that every segment starts at a power of two.
const MULAW_BIAS: i32 = 33 << 2;

/// The largest magnitude that µ-law can tell; anything louder would run over the last segment.
const MULAW_CLIP: i32 = 32_767 - MULAW_BIAS;

static ALAW_VALUES: [i16; 256] = table(Law::A);
static MULAW_VALUES: [i16; 256] = table(Law::Mu);

const fn table(law: Law) -> [i16; 256] {
    let mut values = [0; 256];
    let mut code = 0;
    while code < 256 {
        values[code] = match law {
            Law::A => alaw_value(code as u8),
            Law::Mu => mulaw_value(code as u8),
        };
        code += 1;
    }
    values
}

const fn alaw_value(code: u8) -> i16 {
    let bits = code ^ 0x55;
    let segment = (bits >> 4) & 0x07;
    let step = ((bits & 0x0f) as i32) << 4;
    // Half a step is added so that the value lies in the middle of its interval.
    let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    if bits & 0x80 != 0 { magnitude as i16 } else { -magnitude as i16 }
}

const fn mulaw_value(code: u8) -> i16 {
    let bits = !code;
    let segment = (bits >> 4) & 0x07;
    let step = ((bits & 0x0f) as i32) << 3;
    let magnitude = ((step + MULAW_BIAS) << segment) - MULAW_BIAS;
    if bits & 0x80 != 0 { -magnitude as i16 } else { magnitude as i16 }
}

const fn alaw_code(value: i16) -> u8 {
    // Negative values are taken as ones' complement: the two intervals around zero are -16..=-1 and 0..=15.
    let (sign, magnitude) = if value < 0 { (0x00, !value as u32) } else { (0x80, value as u32) };
    let (segment, step) = if magnitude < 0x100 {
        (0, magnitude >> 4)
    } else {
        let segment = magnitude.ilog2() - 7;
        (segment, (magnitude >> (segment + 3)) & 0x0f)
    };
    (sign | (segment as u8) << 4 | step as u8) ^ 0x55
}

const fn mulaw_code(value: i16) -> u8 {
    let (sign, magnitude) = if value < 0 { (0x80, -(value as i32)) } else { (0x00, value as i32) };
    let biased = if magnitude > MULAW_CLIP { MULAW_CLIP } else { magnitude } + MULAW_BIAS;
    let segment = biased.ilog2() - 7;
    let step = (biased >> (segment + 3)) & 0x0f;
    !(sign | (segment as u8) << 4 | step as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAWS: [Law; 2] = [Law::A, Law::Mu];

    #[test]
    fn every_code_survives_a_round_trip() {
        for law in LAWS {
            for code in 0..=u8::MAX {
                let back = law.encode(law.decode(code));
                // µ-law has two zeros; the positive one is the canonical code.
                let expected = if law == Law::Mu && code == 0x7f { 0xff } else { code };
                assert_eq!(back, expected, "{law:?} {code:#04x}");
                assert_eq!(law.encode_f32(law.decode_f32(code)), expected, "{law:?} {code:#04x} as f32");
            }
        }
    }

    #[test]
    fn values_are_mirrored_between_the_signs() {
        for law in LAWS {
            for code in 0..=u8::MAX {
                assert_eq!(law.decode(code ^ 0x80), -law.decode(code), "{law:?} {code:#04x}");
            }
        }
    }

    #[test]
    fn decoding_an_encoded_value_is_monotonic_and_close() {
        for law in LAWS {
            let mut previous = i16::MIN;
            for value in i16::MIN..=i16::MAX {
                let decoded = law.decode(law.encode(value));
                assert!(decoded >= previous, "{law:?} at {value}: {decoded} after {previous}");
                previous = decoded;
                let error = (i32::from(decoded) - i32::from(value)).abs();
                // Half the widest step of the segment: 1/32 of the magnitude; 8 to 16 in the first; clipped at the top.
                let magnitude = i32::from(value).abs();
                let allowed = if magnitude > MULAW_CLIP { 644 } else { (magnitude + MULAW_BIAS) / 32 + 4 };
                assert!(error <= allowed, "{law:?} at {value}: {decoded} is {error} away, allowed {allowed}");
            }
        }
    }

    #[test]
    fn known_codes_of_the_recommendation() {
        // G.711 tables 1a to 2b: silence, the largest values, and the first values beyond the first segment.
        assert_eq!(Law::A.decode(0xd5), 8);
        assert_eq!(Law::A.decode(0x55), -8);
        assert_eq!(Law::A.decode(0xaa), 4032 << 3);
        assert_eq!(Law::A.decode(0x2a), -(4032 << 3));
        assert_eq!(Law::Mu.decode(0xff), 0);
        assert_eq!(Law::Mu.decode(0x80), 8031 << 2);
        assert_eq!(Law::Mu.decode(0x00), -(8031 << 2));
        assert_eq!(Law::Mu.decode(0xef), 33 << 2);
        assert_eq!(Law::Mu.encode(0), 0xff);
        assert_eq!(Law::A.encode(0), 0xd5);
    }

    #[test]
    fn values_out_of_range_are_clipped_and_not_a_number_is_silence() {
        for law in LAWS {
            assert_eq!(law.encode_f32(7.0), law.encode(i16::MAX));
            assert_eq!(law.encode_f32(-7.0), law.encode(i16::MIN));
            assert_eq!(law.encode_f32(f32::NAN), law.encode(0));
        }
    }
}
