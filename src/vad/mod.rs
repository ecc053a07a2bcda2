//! Where somebody speaks.
//!
//! `audio` → [`SegmentStream`] → `asr`. A [`SpeechDetector`] gives a probability a window of [`WINDOW_SAMPLES`]
//! ([`SileroStream`], or [`EnergyDetector`] where there is no ONNX Runtime); the [`Segmenter`], which sees no audio,
//! turns these into segments; the [`SegmentStream`] joins both over one channel and hands out the samples.
//!
//! Live calls cut turns, not segments: `turn` takes the probabilities themselves, which a [`SileroBatch`] computes for the
//! windows of many channels at once.
//!
//! Invariants: segments of one channel are in order, never overlap, lie within the audio and are at most
//! `max_segment` long; how the samples are cut into chunks changes nothing.
//!
//! Units: samples at 16 kHz, counted from the first one pushed. This module knows nothing of words or turns: a
//! segment may end in the middle of a sentence.

mod batch;
mod config;
mod energy;
mod evidence;
mod segmenter;
mod silero;
mod steady;
mod stream;
mod strength;
#[cfg(test)]
pub(crate) mod tests;

pub use batch::{BatchRow, QUIET_DBFS, SKIPPED_ERROR, SileroBatch, SileroChannel};
pub use config::{Config, InvalidConfig, LONGEST_SEGMENT, ROOM_TO_CUT, check_thresholds};
pub use energy::EnergyDetector;
pub use evidence::{EVIDENT_FROM, Evidence};
pub use segmenter::{CutReason, SegmentEvent, Segmenter};
pub use silero::{SileroModel, SileroStream};
pub use steady::{NOISE_BELOW, Sparing, SteadyNoise};
pub use stream::{Segment, SegmentStream};
pub use strength::Strengths;

/// One detector window: 512 samples, 32 ms at 16 kHz, the only length Silero v5 and v6 take.
pub const WINDOW_SAMPLES: usize = 512;

/// Level of digital silence; below what 16 bits can hold (-96 dBFS), so that sums stay finite.
pub const SILENCE_DBFS: f32 = -100.0;

/// Judges windows of one channel, one after the other; holds that channel's state.
pub trait SpeechDetector: Send {
    /// Probability, 0 to 1, that somebody speaks in `window`, which follows the one before without a gap.
    ///
    /// # Errors
    /// When the model fails; the detector must be reset before it is used again.
    fn probability(&mut self, window: &[f32; WINDOW_SAMPLES]) -> Result<f32, Error>;

    /// Forgets everything heard; the next window starts a new recording.
    fn reset(&mut self);
}

/// A detector chosen at run time.
impl<D: SpeechDetector + ?Sized> SpeechDetector for Box<D> {
    fn probability(&mut self, window: &[f32; WINDOW_SAMPLES]) -> Result<f32, Error> {
        (**self).probability(window)
    }

    fn reset(&mut self) {
        (**self).reset();
    }
}

/// Why voice detection stopped. The channel's segments so far are good; a retry with the same model does not help.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thresholds and times do not fit together.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// The runtime or the model file is not usable.
    #[error("cannot open the voice detection model")]
    Open(#[from] crate::onnx::Error),
    /// The model file is not the Silero model this program knows.
    #[error(
        "{} is not Silero VAD v5 or v6: it has no {missing}\nhint: run `allo models verify`",
        path.display()
    )]
    UnknownModel {
        /// The model file.
        path: std::path::PathBuf,
        /// The input or output that was not found.
        missing: &'static str,
    },
    /// The model failed on a window.
    #[error("voice detection failed")]
    Inference(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Samples came after the end of the stream.
    #[error("samples were pushed after the end of the channel")]
    AfterEnd,
}

/// Root mean square level of `samples` in dB relative to full scale; [`SILENCE_DBFS`] for silence and for none.
pub fn level_dbfs(samples: &[f32]) -> f32 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let mean = energy / samples.len().max(1) as f64;
    ((10.0 * mean.log10()) as f32).max(SILENCE_DBFS)
}
