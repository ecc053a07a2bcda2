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
        let mut planes = vec![Vec::with_capacity(bytes.len() / block); channels];
        let samples: Box<dyn Iterator<Item = f32>> = match self {
            Self::Linear16 => Box::new(
                bytes.as_chunks().0.iter().map(|&pair| f32::from(i16::from_le_bytes(pair)) / FULL_SCALE),
            ),
            Self::Law(law) => Box::new(bytes.iter().map(move |&code| law.decode_f32(code))),
        };
        for (index, sample) in samples.enumerate() {
            planes[index % channels].push(sample);
        }
        Ok(planes)
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
