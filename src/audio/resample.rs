//! From any sample rate to the pipeline's 16 kHz, one stateful resampler a channel; the only file that names rubato.
//!
//! A recording or a live leg is pushed in pieces of any length as they come; what comes out does not depend on how the
//! input was cut, not even in the last bit. The delay of the filter is taken out: output sample `n` is the sound at
//! exactly `n / 16000` seconds, so every time that a later stage finds is a time in the recording. After
//! [`ChannelResampler::finish`] the output is `round(input * to / from)` samples long.
//!
//! The filter is linear-phase. Going up it keeps the band to 97 % and more of the old Nyquist frequency; going down it is
//! flat to about 90 % of the new one, and more than 80 dB down beyond it. The sound of a sample is available half a block plus one block after it was pushed, 30 ms at the usual
//! rates. Speed of one channel on one core of the reference machine (2 shared cores, other work going on; optimised
//! dependencies, this crate at opt-level 1; `cargo bench --bench resample` measures it with the release profile):
//!
//! | from | to | seconds of audio a second of work |
//! |---|---|---|
//! | 8 kHz | 16 kHz | 1100 |
//! | 44.1 kHz | 16 kHz | 450 |
//! | 48 kHz | 16 kHz | 520 |
//!
//! Units: samples of one channel, `f32` in [-1, 1] (not clipped: a full-scale input may overshoot by a few percent).
//! It does not mix channels and reads no file (see `media`).

use audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use super::SampleRate;

/// Lowest rate that is taken. Below it no speech is left to understand.
pub const MIN_RATE_HZ: u32 = 4_000;
/// Highest rate that is taken: the highest that recorders and formats use. Above it a header is broken.
pub const MAX_RATE_HZ: u32 = 384_000;

/// Why a channel cannot be resampled. The channel is lost, others are not touched; a retry does not help.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rate lies outside [`MIN_RATE_HZ`] to [`MAX_RATE_HZ`].
    #[error("cannot resample from {from_hz} Hz to {to_hz} Hz: rates from 4000 Hz to 384000 Hz are taken")]
    RateOutOfRange {
        /// Rate of the input.
        from_hz: u32,
        /// Rate asked for.
        to_hz: u32,
    },
    /// The filter could not be built.
    #[error("cannot build a resampler from {from_hz} Hz to {to_hz} Hz")]
    Construction {
        /// Rate of the input.
        from_hz: u32,
        /// Rate asked for.
        to_hz: u32,
        /// What rubato found wrong.
        #[source]
        source: rubato::ResamplerConstructionError,
    },
}

/// Resamples one channel.
pub struct ChannelResampler {
    stage: Stage,
}

impl ChannelResampler {
    /// A resampler from `from` to [`SampleRate::PIPELINE`].
    ///
    /// # Errors
    /// [`Error::RateOutOfRange`] for a rate below 4 kHz or above 384 kHz.
    pub fn new(from: SampleRate) -> Result<Self, Error> {
        Self::between(from, SampleRate::PIPELINE)
    }

    /// A resampler between two rates, for tools that render or degrade audio.
    ///
    /// # Errors
    /// As [`ChannelResampler::new`], for either rate.
    pub fn between(from: SampleRate, to: SampleRate) -> Result<Self, Error> {
        let (from_hz, to_hz) = (from.hz(), to.hz());
        let range = MIN_RATE_HZ..=MAX_RATE_HZ;
        if !range.contains(&from_hz) || !range.contains(&to_hz) {
            return Err(Error::RateOutOfRange { from_hz, to_hz });
        }
        let stage = if from == to {
            Stage::PassThrough
        } else {
            Stage::Blocks(Box::new(Blocks::new(from_hz, to_hz)?))
        };
        Ok(Self { stage })
    }

    /// Takes `input` and appends what is ready to `output`.
    ///
    /// Allocates only where `output` has to grow.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        match &mut self.stage {
            Stage::PassThrough => output.extend_from_slice(input),
            Stage::Blocks(blocks) => blocks.push(input, output),
        }
    }

    /// Ends the stream: appends what the filter still holds, so that the length is exact, and starts anew.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        match &mut self.stage {
            Stage::PassThrough => {}
            Stage::Blocks(blocks) => blocks.finish(output),
        }
    }
}

impl std::fmt::Debug for ChannelResampler {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("ChannelResampler");
        match &self.stage {
            Stage::PassThrough => shown.field("pass_through", &true),
            Stage::Blocks(blocks) => shown.field("from_hz", &blocks.from_hz).field("to_hz", &blocks.to_hz),
        };
        shown.finish_non_exhaustive()
    }
}

/// Resamples a whole signal at once, for tools and tests.
///
/// # Errors
/// As [`ChannelResampler::between`].
pub fn resample_all(samples: &[f32], from: SampleRate, to: SampleRate) -> Result<Vec<f32>, Error> {
    let mut resampler = ChannelResampler::between(from, to)?;
    let expected = output_length(samples.len() as u64, from.hz(), to.hz());
    let mut output = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
    resampler.push(samples, &mut output);
    resampler.finish(&mut output);
    Ok(output)
}

/// The shortest block, in milliseconds: longer blocks delay live speech, shorter ones widen the filter's slope.
const BLOCK_MS: u32 = 20;

/// The shortest block at the lower rate, in samples.
const BLOCK_MIN_SAMPLES: u32 = 160;

enum Stage {
    PassThrough,
    Blocks(Box<Blocks>),
}

/// Rubato works on blocks of one length; this cuts the stream into them.
struct Blocks {
    from_hz: u32,
    to_hz: u32,
    filter: Fft<f32>,
    pending: Vec<f32>,
    block_in: usize,
    block: Vec<f32>,
    delay_left: usize,
    received: u64,
    emitted: u64,
}

impl Blocks {
    fn new(from_hz: u32, to_hz: u32) -> Result<Self, Error> {
        let common = greatest_common_divisor(from_hz, to_hz);
        let (unit_in, unit_out) = (from_hz / common, to_hz / common);
        let wanted = (from_hz.min(to_hz) * BLOCK_MS / 1000).max(BLOCK_MIN_SAMPLES);
        // An even number of units: only then is the delay, half a block, a whole number of samples on both sides.
        let units = wanted.div_ceil(unit_in.min(unit_out)).next_multiple_of(2);
        let block_in = (units * unit_in) as usize;
        let filter = Fft::new_custom(
            from_hz as usize,
            to_hz as usize,
            block_in,
            1,
            1,
            window(from_hz, to_hz),
            FixedSync::Both,
        )
        .map_err(|source| Error::Construction { from_hz, to_hz, source })?;
        let block_in = filter.input_frames_next();
        let block = vec![0.0; filter.output_frames_max()];
        let delay_left = filter.output_delay();
        Ok(Self {
            from_hz,
            to_hz,
            filter,
            pending: Vec::with_capacity(block_in),
            block_in,
            block,
            delay_left,
            received: 0,
            emitted: 0,
        })
    }

    fn push(&mut self, mut input: &[f32], output: &mut Vec<f32>) {
        self.received += input.len() as u64;
        while !input.is_empty() {
            let take = input.len().min(self.block_in - self.pending.len());
            let (now, later) = input.split_at(take);
            self.pending.extend_from_slice(now);
            input = later;
            if self.pending.len() == self.block_in {
                self.process(output);
            }
        }
    }

    fn finish(&mut self, output: &mut Vec<f32>) {
        let expected = output_length(self.received, self.from_hz, self.to_hz);
        let missing = expected.saturating_sub(self.emitted);
        let kept = (output.len() as u64).saturating_add(missing);
        while self.emitted < expected {
            self.pending.resize(self.block_in, 0.0);
            self.process(output);
        }
        output.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        self.filter.reset();
        self.pending.clear();
        self.delay_left = self.filter.output_delay();
        self.received = 0;
        self.emitted = 0;
    }

    /// Resamples the one full block in `pending`.
    fn process(&mut self, output: &mut Vec<f32>) {
        let input = SequentialSlice::new(&self.pending, 1, self.block_in)
            .expect("a full block of one channel is exactly its own size");
        let capacity = self.block.len();
        let mut room = SequentialSlice::new_mut(&mut self.block, 1, capacity)
            .expect("the output block of one channel is exactly its own size");
        let (_, produced) = self
            .filter
            .process_into_buffer(&input, &mut room, None)
            .expect("both buffers have the sizes that the filter asked for");
        self.pending.clear();
        let skipped = produced.min(self.delay_left);
        self.delay_left -= skipped;
        let ready = &self.block[skipped..produced];
        self.emitted += ready.len() as u64;
        output.extend_from_slice(ready);
    }
}

/// How the filter fades out.
///
/// Going up, nothing can fold back: what counts is that the band is kept up to its end. With the steep window telephone
/// speech lost everything above 3.6 kHz, and `base` three points of WER (French and English Common Voice as G.711: 24.0
/// against 22.6; a filter of four times the length gives 22.6 too, and four times the delay). Going down, what
/// the lower rate cannot hold would come back as noise.
const fn window(from_hz: u32, to_hz: u32) -> WindowFunction {
    if from_hz < to_hz { WindowFunction::Hann } else { WindowFunction::BlackmanHarris2 }
}

/// Length of the output for a whole input, rounded to the nearest sample.
fn output_length(input: u64, from_hz: u32, to_hz: u32) -> u64 {
    let exact = u128::from(input) * u128::from(to_hz);
    let rounded = (exact + u128::from(from_hz) / 2) / u128::from(from_hz);
    u64::try_from(rounded).unwrap_or(u64::MAX)
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use proptest::prelude::*;

    use super::*;

    const RATES_HZ: [u32; 9] = [4_000, 8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];

    fn rate(hz: u32) -> SampleRate {
        SampleRate::from_hz(hz).unwrap()
    }

    fn sine(frequency_hz: f64, rate_hz: u32, samples: usize) -> Vec<f32> {
        (0..samples)
            .map(|n| (TAU * frequency_hz * n as f64 / f64::from(rate_hz)).sin() as f32 * 0.5)
            .collect()
    }

    fn rms(samples: &[f32]) -> f64 {
        (samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    fn decibels(ratio: f64) -> f64 {
        20.0 * ratio.log10()
    }

    #[test]
    fn the_pipeline_rate_passes_through_untouched() {
        let input = sine(440.0, 16_000, 1_000);
        assert_eq!(resample_all(&input, SampleRate::PIPELINE, SampleRate::PIPELINE).unwrap(), input);
    }

    #[test]
    fn the_length_is_the_rounded_ratio() {
        for hz in RATES_HZ {
            for length in [0usize, 1, 2, 3, 159, 160, 161, 5_000, 44_101] {
                let output = resample_all(&vec![0.1; length], rate(hz), SampleRate::PIPELINE).unwrap();
                let expected = (length as f64 * 16_000.0 / f64::from(hz)).round() as usize;
                assert_eq!(output.len(), expected, "{length} samples at {hz} Hz");
            }
        }
    }

    #[test]
    fn a_click_keeps_its_time() {
        for hz in RATES_HZ {
            // A smooth click whose centre lies on a whole sample of both rates or between two of them.
            for centre_s in [0.0137, 0.25, 0.7311] {
                let width_s = 0.0012;
                let input: Vec<f32> = (0..hz)
                    .map(|n| (f64::from(n) / f64::from(hz) - centre_s) / width_s)
                    .map(|x| (-x * x).exp() as f32)
                    .collect();
                let output = resample_all(&input, rate(hz), SampleRate::PIPELINE).unwrap();
                let error = output
                    .iter()
                    .enumerate()
                    .map(|(n, &found)| {
                        let x = (n as f64 / 16_000.0 - centre_s) / width_s;
                        ((-x * x).exp() - f64::from(found)).abs()
                    })
                    .fold(0.0, f64::max);
                // A shift of one tenth of a sample would already make an error of 0.004.
                assert!(error < 0.002, "{hz} Hz, click at {centre_s} s: {error}");
            }
        }
    }

    #[test]
    fn a_tone_in_the_band_keeps_its_amplitude_and_phase() {
        for hz in RATES_HZ {
            for share in [0.05, 0.4, 0.85] {
                let frequency = share * f64::from(hz.min(16_000)) / 2.0;
                let output =
                    resample_all(&sine(frequency, hz, hz as usize), rate(hz), SampleRate::PIPELINE).unwrap();
                let expected = sine(frequency, 16_000, output.len());
                let middle = 2_000..14_000;
                let difference: Vec<f32> = output[middle.clone()]
                    .iter()
                    .zip(&expected[middle.clone()])
                    .map(|(a, b)| a - b)
                    .collect();
                let error_db = decibels(rms(&difference) / rms(&expected[middle]));
                assert!(error_db < -60.0, "{hz} Hz, tone of {frequency} Hz: error {error_db:.1} dB");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_removed() {
        for (from_hz, to_hz) in
            [(48_000, 16_000), (44_100, 16_000), (24_000, 16_000), (16_000, 8_000), (22_050, 8_000)]
        {
            for share in [1.08, 1.2, 1.34] {
                let frequency = share * f64::from(to_hz) / 2.0;
                let input = sine(frequency, from_hz, from_hz as usize);
                let output = resample_all(&input, rate(from_hz), rate(to_hz)).unwrap();
                let left_db = decibels(rms(&output[1_000..output.len() - 1_000]) / rms(&input));
                assert!(
                    left_db < -80.0,
                    "{from_hz} to {to_hz} Hz, tone of {frequency} Hz: {left_db:.1} dB left"
                );
            }
        }
    }

    #[test]
    fn upsampling_adds_no_image() {
        // A 1 kHz tone at 8 kHz would have its image at 7 kHz; what is not the tone must be far below it.
        let output =
            resample_all(&sine(1_000.0, 8_000, 16_000), SampleRate::TELEPHONE, SampleRate::PIPELINE).unwrap();
        let expected = sine(1_000.0, 16_000, output.len());
        let rest: Vec<f32> =
            output[1_000..31_000].iter().zip(&expected[1_000..31_000]).map(|(a, b)| a - b).collect();
        assert!(decibels(rms(&rest) / rms(&expected)) < -80.0);
    }

    #[test]
    fn an_odd_rate_works_and_an_absurd_one_is_refused() {
        let input = sine(300.0, 12_347, 12_347);
        let output = resample_all(&input, rate(12_347), SampleRate::PIPELINE).unwrap();
        let expected = sine(300.0, 16_000, 16_000);
        assert_eq!(output.len(), 16_000);
        assert!((output[8_000] - expected[8_000]).abs() < 0.001);
        for hz in [1, 3_999, 384_001, u32::MAX] {
            let error = ChannelResampler::new(rate(hz)).unwrap_err();
            assert!(matches!(error, Error::RateOutOfRange { from_hz, .. } if from_hz == hz));
        }
        assert!(ChannelResampler::new(rate(384_000)).is_ok());
    }

    #[test]
    fn after_finish_a_resampler_starts_anew() {
        let input = sine(700.0, 8_000, 3_001);
        let mut resampler = ChannelResampler::new(SampleRate::TELEPHONE).unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        resampler.push(&input, &mut first);
        resampler.finish(&mut first);
        resampler.push(&input, &mut second);
        resampler.finish(&mut second);
        assert_eq!(first, second);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_cutting_of_the_input_gives_the_same_bits(
            hz in proptest::sample::select(&RATES_HZ[..]),
            length in 0usize..9_000,
            cuts in proptest::collection::vec(0usize..700, 1..40),
        ) {
            let input = sine(523.0, hz, length);
            let whole = resample_all(&input, rate(hz), SampleRate::PIPELINE).unwrap();
            let mut resampler = ChannelResampler::new(rate(hz)).unwrap();
            let mut output = Vec::new();
            let mut rest = &input[..];
            for &cut in cuts.iter().cycle().take(20_000) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                resampler.push(now, &mut output);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            resampler.push(rest, &mut output);
            resampler.finish(&mut output);
            prop_assert_eq!(output, whole);
        }
    }
}
