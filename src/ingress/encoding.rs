//! Bytes of audio to samples and back, for the encodings that need no state.

use super::Error;
use crate::audio::g711::Law;

/// One step beyond the largest 16-bit value, so that -32768 is exactly -1.
const FULL_SCALE: f32 = 32_768.0;

/// How a sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Signed 16 bit, the low byte first.
    Linear16,
    /// G.711, one byte.
    Law(Law),
}

impl Encoding {
    /// Bytes of one sample.
    pub(super) const fn sample_bytes(self) -> usize {
        match self {
            Self::Linear16 => 2,
            Self::Law(_) => 1,
        }
    }

    /// Samples of `channels` interleaved channels, one list a channel.
    ///
    /// # Errors
    /// When the bytes are not a whole number of samples for every channel.
    pub(super) fn decode(
        self,
        bytes: &[u8],
        channels: usize,
        protocol: &'static str,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let block = self.sample_bytes() * channels;
        if !bytes.len().is_multiple_of(block) {
            let what = format!("{} bytes are no multiple of {block}", bytes.len());
            return Err(Error::InvalidAudio { protocol, what });
        }
        Ok(match self {
            Self::Linear16 => {
                let value = |pair: &[u8; 2]| f32::from(i16::from_le_bytes(*pair)) / FULL_SCALE;
                planes(bytes.as_chunks().0, channels, value)
            }
            Self::Law(law) => planes(bytes, channels, |code| law.decode_f32(*code)),
        })
    }

    /// The bytes of one channel; louder values are clipped, not-a-number is silence.
    pub(super) fn encode(self, samples: &[f32]) -> Vec<u8> {
        match self {
            // `as` saturates and maps not-a-number to 0.
            Self::Linear16 => samples
                .iter()
                .flat_map(|&sample| ((sample * FULL_SCALE).round() as i16).to_le_bytes())
                .collect(),
            Self::Law(law) => samples.iter().map(|&sample| law.encode_f32(sample)).collect(),
        }
    }
}

/// The values of interleaved codes, one list a channel.
fn planes<C>(codes: &[C], channels: usize, value: impl Fn(&C) -> f32) -> Vec<Vec<f32>> {
    if channels == 1 {
        // Most streams, without a look at which channel it is.
        return vec![codes.iter().map(value).collect()];
    }
    let plane =
        |channel: usize| codes.chunks_exact(channels).map(|block| value(&block[channel])).collect::<Vec<_>>();
    (0..channels).map(plane).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_samples_are_told_apart_in_every_encoding() {
        let values = [0.5, -0.25, 0.125, 0.0, -1.0, 0.75];
        let bytes = Encoding::Linear16.encode(&values);
        for channels in [1, 2, 3] {
            let planes = Encoding::Linear16.decode(&bytes, channels, "test").expect("whole samples");
            for (index, value) in values.iter().enumerate() {
                assert_eq!(planes[index % channels][index / channels], *value, "{channels}");
            }
            assert_eq!(planes.iter().map(Vec::len).sum::<usize>(), values.len());
        }
        let code = |value: f32| Law::A.encode_f32(value);
        let planes =
            Encoding::Law(Law::A).decode(&[code(0.5), code(-0.5)], 2, "test").expect("whole samples");
        assert!(planes[0][0] > 0.4 && planes[1][0] < -0.4, "{planes:?}");
        assert!(Encoding::Law(Law::Mu).decode(&[0xff; 3], 2, "test").is_err());
    }
}
