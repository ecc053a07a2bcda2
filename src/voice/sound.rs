//! From what an engine or a recording gives to what a line carries: rate, band, level, ends.
//!
//! Every piece of a sentence goes the same way, so that recorded and made speech are of one loudness and meet without a
//! click: resampled, limited to the band of the telephone (at 8 kHz only), brought to one level of the parts that are
//! speech, freed of the silence at its ends and faded over [`FADE_MS`].
//!
//! Pure: no I/O, no clock. Units: mono samples in [-1, 1].

use crate::audio::SampleRate;
use crate::audio::resample::{self, resample_all};

/// Fade at both ends of a piece. Shorter is heard as a click on a vowel that was cut, longer eats a plosive.
pub const FADE_MS: u32 = 5;
/// Frame of the level measures.
const FRAME_MS: u32 = 10;
/// Frames this far below the loudest are not speech when the level is measured.
const ACTIVE_DB: f32 = 25.0;
/// Frames this far below the loudest are silence when the ends are cut: soft consonants stay, hiss of recordings goes.
const TRIM_DB: f32 = 38.0;
/// What stays before and after the first and last frame that is not silence: the start of a soft consonant.
const KEPT_MS: u32 = 15;
/// The loudest sample: beyond it G.711 and the filters of a line clip.
const PEAK_MAX: f32 = 0.95;

/// How a piece is to leave here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finish {
    /// Its rate.
    pub rate: SampleRate,
    /// Root mean square of the parts that are speech, in decibels below full scale.
    pub level_dbfs: f32,
}

/// Speech that is ready for the line; empty when there is nothing but silence in `samples`.
///
/// # Errors
/// For a rate that no resampler takes.
pub fn finish(samples: &[f32], from: SampleRate, finish: Finish) -> Result<Vec<f32>, resample::Error> {
    let mut line = resample_all(samples, from, finish.rate)?;
    if finish.rate == SampleRate::TELEPHONE {
        telephone_band(&mut line);
    }
    let range = speech_range(&line, finish.rate);
    let mut line = line[range].to_vec();
    level(&mut line, finish);
    fade(&mut line, finish.rate);
    Ok(line)
}

/// Silence of `ms` at `rate`.
pub fn silence(ms: u32, rate: SampleRate) -> Vec<f32> {
    vec![0.0; samples(ms, rate)]
}

fn samples(ms: u32, rate: SampleRate) -> usize {
    (u64::from(ms) * u64::from(rate.hz()) / 1000) as usize
}

/// Level of the parts that are speech, in dBFS; `None` for silence.
pub fn speech_level_dbfs(samples: &[f32], rate: SampleRate) -> Option<f32> {
    let powers = frame_powers(samples, rate);
    let floor = powers.iter().copied().fold(0.0, f32::max) * power(-ACTIVE_DB);
    let active: Vec<f32> = powers.into_iter().filter(|power| *power > floor).collect();
    let mean = active.iter().sum::<f32>() / active.len().max(1) as f32;
    (mean > 1e-10).then(|| 10.0 * mean.log10())
}

fn frame_powers(line: &[f32], rate: SampleRate) -> Vec<f32> {
    let frames = line.chunks(samples(FRAME_MS, rate).max(1));
    frames.map(|frame| frame.iter().map(|sample| sample * sample).sum::<f32>() / frame.len() as f32).collect()
}

fn power(db: f32) -> f32 {
    10_f32.powf(db / 10.0)
}

/// Where the speech lies, with a little of what is around it.
fn speech_range(line: &[f32], rate: SampleRate) -> std::ops::Range<usize> {
    let powers = frame_powers(line, rate);
    let floor = (powers.iter().copied().fold(0.0, f32::max) * power(-TRIM_DB)).max(1e-10);
    let is_speech = |power: &f32| *power > floor;
    let (Some(first), Some(last)) = (powers.iter().position(is_speech), powers.iter().rposition(is_speech))
    else {
        return 0..0;
    };
    let (frame, kept) = (samples(FRAME_MS, rate), samples(KEPT_MS, rate));
    (first * frame).saturating_sub(kept)..((last + 1) * frame + kept).min(line.len())
}

fn level(line: &mut [f32], finish: Finish) {
    let Some(found) = speech_level_dbfs(line, finish.rate) else { return };
    let peak = line.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let gain = power(finish.level_dbfs - found).sqrt().min(PEAK_MAX / peak.max(1e-6));
    line.iter_mut().for_each(|sample| *sample *= gain);
}

fn fade(line: &mut [f32], rate: SampleRate) {
    let length = samples(FADE_MS, rate).min(line.len().div_ceil(2));
    for at in 0..length {
        let gain = at as f32 / length as f32;
        line[at] *= gain;
        let end = line.len() - 1 - at;
        line[end] *= gain;
    }
}

/// What a telephone line carries, 300 to 3,400 Hz at 8 kHz: Butterworth, fourth order on both sides. Done here, so that
/// the level is that of what is heard.
fn telephone_band(line: &mut [f32]) {
    // The two qualities of a fourth-order Butterworth filter.
    for q in [0.541_196_1, 1.306_563] {
        Section::new(300.0, q, Pass::High).run(line);
        Section::new(3_400.0, q, Pass::Low).run(line);
    }
}

#[derive(Clone, Copy)]
enum Pass {
    High,
    Low,
}

/// One second-order section, by the bilinear transform.
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

impl Section {
    fn new(edge_hz: f64, q: f64, pass: Pass) -> Self {
        let angle = 2.0 * std::f64::consts::PI * edge_hz / f64::from(SampleRate::TELEPHONE.hz());
        let (sin, cos) = angle.sin_cos();
        let alpha = sin / (2.0 * q);
        let scale = 1.0 / (1.0 + alpha);
        let (outer, middle) = match pass {
            Pass::High => ((1.0 + cos) / 2.0, -(1.0 + cos)),
            Pass::Low => ((1.0 - cos) / 2.0, 1.0 - cos),
        };
        Self { b: [outer, middle, outer].map(|b| b * scale), a: [-2.0 * cos * scale, (1.0 - alpha) * scale] }
    }

    fn run(&self, line: &mut [f32]) {
        let (mut first, mut second) = (0.0, 0.0);
        for sample in line {
            let input = f64::from(*sample);
            let output = self.b[0] * input + first;
            first = self.b[1] * input - self.a[0] * output + second;
            second = self.b[2] * input - self.a[1] * output;
            *sample = output as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: Finish = Finish { rate: SampleRate::TELEPHONE, level_dbfs: -22.0 };

    fn tone(hz: f32, amplitude: f32, seconds: f32, rate: SampleRate) -> Vec<f32> {
        let count = (seconds * rate.hz() as f32) as usize;
        let step = std::f32::consts::TAU * hz / rate.hz() as f32;
        (0..count).map(|at| amplitude * (at as f32 * step).sin()).collect()
    }

    fn band_gain_db(hz: f32) -> f32 {
        let mut line = tone(hz, 0.5, 1.0, SampleRate::TELEPHONE);
        let before = speech_level_dbfs(&line, SampleRate::TELEPHONE).unwrap();
        telephone_band(&mut line);
        speech_level_dbfs(&line[800..], SampleRate::TELEPHONE).unwrap_or(-100.0) - before
    }

    #[test]
    fn the_line_carries_300_to_3400_hz() {
        assert!(band_gain_db(100.0) < -30.0);
        assert!(band_gain_db(1_000.0).abs() < 0.2);
        assert!((band_gain_db(300.0) + 3.0).abs() < 0.3);
        assert!((band_gain_db(3_400.0) + 3.0).abs() < 0.3);
        assert!(band_gain_db(3_900.0) < -25.0);
    }

    #[test]
    fn silence_at_the_ends_goes_and_the_level_is_that_of_the_speech() {
        let rate = SampleRate::PIPELINE;
        for amplitude in [0.01, 0.8] {
            let pause = vec![0.0; 8_000];
            let speech = tone(700.0, amplitude, 0.5, rate);
            // A pause inside does not count as speech.
            let input = [&pause[..], &speech, &pause, &speech, &pause].concat();
            let line = finish(&input, rate, LINE).unwrap();
            let seconds = line.len() as f32 / 8_000.0;
            assert!((1.5..1.56).contains(&seconds), "{seconds} s");
            let found = speech_level_dbfs(&line, LINE.rate).unwrap();
            assert!((found + 22.0).abs() < 0.5, "{found} dBFS");
        }
    }

    #[test]
    fn nothing_is_louder_than_the_line_and_silence_stays_silence() {
        let click: Vec<f32> = (0..16_000).map(|at| if at % 1_600 == 800 { 1.0 } else { 0.001 }).collect();
        let loud = Finish { level_dbfs: -3.0, ..LINE };
        let line = finish(&click, SampleRate::PIPELINE, loud).unwrap();
        assert!(line.iter().all(|sample| sample.abs() <= PEAK_MAX + 1e-5));
        assert!(finish(&[0.0; 4_000], SampleRate::PIPELINE, LINE).unwrap().is_empty());
        assert!(finish(&[], SampleRate::PIPELINE, LINE).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn pieces_begin_and_end_at_rest(
            input in prop::collection::vec(-1.0_f32..1.0, 0..4_000),
            hz in prop::sample::select(vec![8_000_u32, 16_000, 22_050, 48_000]),
        ) {
            let line = finish(&input, SampleRate::from_hz(hz).unwrap(), LINE).unwrap();
            prop_assert!(line.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.0));
            if let (Some(first), Some(last)) = (line.first(), line.last()) {
                prop_assert_eq!((*first, *last), (0.0, 0.0));
            }
        }
    }
}
