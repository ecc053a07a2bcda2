//! What a telephone would have heard of a wide-band recording: 8 kHz, 14 bits, G.711 µ-law.
//!
//! For measuring (`allo eval asr --phone`); real calls arrive this way by themselves.

use crate::audio::SampleRate;
use crate::audio::g711::Law;
use crate::audio::resample::{ChannelResampler, Error};

/// One channel through the telephone network. The output is at [`SampleRate::TELEPHONE`].
#[derive(Debug)]
pub struct TelephoneBand {
    resampler: ChannelResampler,
    narrow: Vec<f32>,
}

impl TelephoneBand {
    /// For audio at `from`.
    ///
    /// # Errors
    /// A rate that cannot be resampled.
    pub fn new(from: SampleRate) -> Result<Self, Error> {
        Ok(Self { resampler: ChannelResampler::between(from, SampleRate::TELEPHONE)?, narrow: Vec::new() })
    }

    /// Takes samples and returns what has come out at the other end since.
    pub fn push(&mut self, samples: &[f32]) -> &[f32] {
        self.narrow.clear();
        self.resampler.push(samples, &mut self.narrow);
        self.code()
    }

    /// Returns what is still on the line.
    pub fn finish(&mut self) -> &[f32] {
        self.narrow.clear();
        self.resampler.finish(&mut self.narrow);
        self.code()
    }

    fn code(&mut self) -> &[f32] {
        for sample in &mut self.narrow {
            *sample = Law::Mu.decode_f32(Law::Mu.encode_f32(*sample));
        }
        &self.narrow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_in_the_band_survives_and_one_above_it_does_not() {
        let tone = |hz: f32| -> Vec<f32> {
            (0..48_000).map(|n| (std::f32::consts::TAU * hz * n as f32 / 48_000.0).sin() * 0.5).collect()
        };
        let power_after = |hz: f32| {
            let mut line = TelephoneBand::new(SampleRate::from_hz(48_000).unwrap()).unwrap();
            let mut heard = line.push(&tone(hz)).to_vec();
            heard.extend_from_slice(line.finish());
            assert_eq!(heard.len(), 8_000);
            heard.iter().map(|sample| sample * sample).sum::<f32>() / heard.len() as f32
        };
        assert!((power_after(1_000.0) - 0.125).abs() < 0.01);
        assert!(power_after(6_000.0) < 1e-4);
    }
}
