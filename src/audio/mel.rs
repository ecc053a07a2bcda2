//! From samples to the logarithmic mel spectrogram that Whisper's encoder and its relatives take; the only file that
//! names realfft.
//!
//! The formula is that of the models' publisher (`log_mel_spectrogram` of openai-whisper): frames of 400 samples every
//! 160, centred on their first sample with the signal mirrored at both ends of the model's window, a periodic Hann window,
//! the squared magnitude of the transform, a mel filter bank, the decimal logarithm, cut off at 8 below the loudest
//! value of the whole window, and scaled to about [-1, 1].
//!
//! Invariant: the spectrogram of the first frames is the start of the spectrogram of the whole window, bit for bit. A
//! shorter encoder context therefore sees exactly what a full one would.
//!
//! Units: samples at 16 kHz in [-1, 1]; frames of 10 ms. A frame that lies wholly in the silence behind the samples is
//! not transformed.

mod filters;

use std::ops::Range;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

pub use filters::filters;

/// Bins of the transform, and weights of one band of the filter bank.
pub const BINS: usize = 201;
/// Samples from one frame to the next.
pub const HOP: usize = 160;
/// Frames of the window that Whisper was trained on, 30 s.
pub const WINDOW_FRAMES: usize = 3_000;

const FRAME_SAMPLES: usize = 400;
/// How far a frame reaches to the left of its centre.
const REACH: usize = FRAME_SAMPLES / 2;
/// Powers below this count as this. Its logarithm is [`SILENCE`].
const LOWEST_POWER: f32 = 1e-10;
const SILENCE: f32 = -10.0;
/// Decades that are kept below the loudest value.
const RANGE: f32 = 8.0;

/// Computes spectrograms with one filter bank. Holds the buffers of the transform: one a thread.
pub struct MelFrontEnd {
    window_frames: usize,
    bands: Vec<Band>,
    /// The weights of all bands one after the other, without the zeros on either side.
    weights: Vec<f32>,
    transform: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    frame: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

/// The mel filters do not have the shape that their number of bands asks for, or hold a value that is not finite: a
/// broken model file or a mistake of the engine that calls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{values} values are no mel filters of {bands} bands with 201 finite weights each")]
pub struct InvalidFilters {
    /// Values given.
    pub values: usize,
    /// Bands they should be for.
    pub bands: usize,
}

/// Where one band's weights are, and the bins that they belong to.
struct Band {
    bins: Range<usize>,
    weights: Range<usize>,
}

impl MelFrontEnd {
    /// A front end with the filter bank of a model: `bands` rows (80, or 128 for large-v3) of [`BINS`] weights.
    ///
    /// # Errors
    /// [`InvalidFilters`] when there are no bands, another number of weights, or weights that are not finite.
    pub fn new(filters: Vec<f32>, bands: usize) -> Result<Self, InvalidFilters> {
        let fits = bands > 0 && bands.checked_mul(BINS) == Some(filters.len());
        if !fits || filters.iter().any(|weight| !weight.is_finite()) {
            return Err(InvalidFilters { values: filters.len(), bands });
        }
        let mut weights = Vec::new();
        let bands = filters.chunks_exact(BINS).map(|row| Band::of(row, &mut weights)).collect();
        let transform = RealFftPlanner::new().plan_fft_forward(FRAME_SAMPLES);
        Ok(Self {
            window_frames: WINDOW_FRAMES,
            bands,
            weights,
            window: hann().collect(),
            frame: transform.make_input_vec(),
            spectrum: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            power: vec![0.0; BINS],
            transform,
        })
    }

    /// The same for a model that was trained on a window of `frames` frames.
    #[must_use]
    pub fn with_window(mut self, frames: usize) -> Self {
        self.window_frames = frames;
        self
    }

    /// The first `frames` frames of the spectrogram of `samples`, which silence follows up to the window's end: into `out`, one row
    /// of `frames` values a band. The encoder takes an even number of frames, two a position.
    ///
    /// Samples beyond `frames` count for the loudest value and for the frames that reach into them; those beyond the
    /// window (or `frames`, if that is more) do not count. Allocates only where `out` is too small.
    pub fn compute(&mut self, samples: &[f32], frames: usize, out: &mut Vec<f32>) {
        let window_frames = frames.max(self.window_frames);
        let window_samples = window_frames.saturating_mul(HOP);
        let heard = &samples[..samples.len().min(window_samples)];
        out.clear();
        out.resize(self.bands.len().saturating_mul(frames), SILENCE);
        let mut loudest = SILENCE;
        for frame in 0..sounding_frames(heard.len()).min(window_frames) {
            self.load(heard, window_samples, frame);
            self.transform_frame();
            for (row, band) in self.bands.iter().enumerate() {
                let level = band.power(&self.power, &self.weights).max(LOWEST_POWER).log10();
                loudest = loudest.max(level);
                if frame < frames {
                    out[row * frames + frame] = level;
                }
            }
        }
        let floor = loudest - RANGE;
        for value in out {
            *value = (value.max(floor) + 4.0) / 4.0;
        }
    }

    /// Fills the input of the transform with one weighted frame.
    fn load(&mut self, heard: &[f32], window_samples: usize, frame: usize) {
        let centre = frame * HOP;
        let inside = centre.checked_sub(REACH).and_then(|start| heard.get(start..start + FRAME_SAMPLES));
        let weighted = self.frame.iter_mut().zip(&self.window);
        if let Some(inside) = inside {
            for ((value, weight), sample) in weighted.zip(inside) {
                *value = sample * weight;
            }
            return;
        }
        for (index, (value, weight)) in weighted.enumerate() {
            let place = mirrored(centre + index, window_samples);
            *value = heard.get(place).copied().unwrap_or(0.0) * weight;
        }
    }

    fn transform_frame(&mut self) {
        self.transform
            .process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch)
            .expect("the buffers were made by this transform");
        for (power, value) in self.power.iter_mut().zip(&self.spectrum) {
            *power = value.norm_sqr();
        }
    }
}

impl Band {
    /// Keeps what lies between the first and the last weight of `row` that is not zero.
    fn of(row: &[f32], weights: &mut Vec<f32>) -> Self {
        let first = row.iter().position(|weight| *weight != 0.0).unwrap_or(0);
        let end = row.iter().rposition(|weight| *weight != 0.0).map_or(first, |last| last + 1);
        let start = weights.len();
        weights.extend_from_slice(&row[first..end]);
        Self { bins: first..end, weights: start..weights.len() }
    }

    fn power(&self, power: &[f32], weights: &[f32]) -> f32 {
        let weighted = power[self.bins.clone()].iter().zip(&weights[self.weights.clone()]);
        weighted.map(|(power, weight)| power * weight).sum()
    }
}

/// Frames that reach into the first `samples` samples.
fn sounding_frames(samples: usize) -> usize {
    if samples == 0 { 0 } else { (samples + REACH).div_ceil(HOP) }
}

/// The sample that stands at `place`, counted from [`REACH`] before the first: the signal is mirrored at both ends, and
/// the end samples themselves stand there once.
fn mirrored(place: usize, samples: usize) -> usize {
    if place < REACH {
        REACH - place
    } else if place - REACH < samples {
        place - REACH
    } else {
        (2 * samples - 2).saturating_sub(place - REACH)
    }
}

/// The periodic Hann window: its end would be the first value of the next period.
fn hann() -> impl Iterator<Item = f32> {
    let step = std::f64::consts::TAU / FRAME_SAMPLES as f64;
    (0..FRAME_SAMPLES).map(move |index| (0.5 - 0.5 * (step * index as f64).cos()) as f32)
}

#[cfg(test)]
mod tests;
