//! Smart Turn v3 on ONNX Runtime: from the sound of the last seconds to the probability that the speaker is done; the
//! only file of this module that names `ort`.
//!
//! The model hears 8 s that end where the pause has got to, filled up with silence in front. As its publisher feeds it
//! (pipecat's `LocalSmartTurnAnalyzerV3`), the samples, that silence included, are first brought to mean 0 and
//! variance 1, then to Whisper's spectrogram of 80 bands over a window of 8 s.

use std::fmt;
use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;

use crate::audio::mel::{self, MelFrontEnd};
use crate::onnx::Runtime;

/// What the model hears, 8 s; of longer audio the end.
const HEARD_SAMPLES: usize = 8 * 16_000;
const BANDS: usize = 80;
const FRAMES: usize = HEARD_SAMPLES / mel::HOP;
/// Added to the variance, so that silence stays silence; the publisher's value.
const VARIANCE_FLOOR: f32 = 1e-7;
const INPUT: &str = "input_features";
/// Called so in the file; it holds a probability.
const OUTPUT: &str = "logits";

/// Why Smart Turn does not answer. Turn-taking goes on without it, with a fixed pause; a retry with the same file does
/// not help.
#[derive(Debug, thiserror::Error)]
pub enum SmartTurnError {
    /// The runtime or the model file is not usable.
    #[error("cannot open the model of turn ends")]
    Open(#[from] crate::onnx::Error),
    /// The model file is another model.
    #[error("{} is not Smart Turn v3: it has no {missing}\nhint: run `allo models verify`", path.display())]
    UnknownModel {
        /// The model file.
        path: std::path::PathBuf,
        /// The input or output that was not found.
        missing: &'static str,
    },
    /// The model failed on its input.
    #[error("the model of turn ends failed")]
    Inference(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The loaded model with its buffers, about 10 MB; one for each thread that asks.
pub struct SmartTurn {
    session: Session,
    mel: MelFrontEnd,
    heard: Vec<f32>,
    spectrogram: Vec<f32>,
}

impl SmartTurn {
    /// Opens the model file for one thread that does not spin. Blocks while it is read and optimised.
    ///
    /// # Errors
    /// [`SmartTurnError::Open`] or [`SmartTurnError::UnknownModel`].
    pub fn open(runtime: &Runtime, path: &Path) -> Result<Self, SmartTurnError> {
        let session = runtime.session(path)?;
        let missing = [
            ("input `input_features`", session.inputs().iter().any(|input| input.name() == INPUT)),
            ("output `logits`", session.outputs().iter().any(|output| output.name() == OUTPUT)),
        ]
        .into_iter()
        .find_map(|(name, is_there)| (!is_there).then_some(name));
        if let Some(missing) = missing {
            return Err(SmartTurnError::UnknownModel { path: path.to_path_buf(), missing });
        }
        let mel = MelFrontEnd::new(mel::filters(BANDS), BANDS)
            .expect("the published filter bank has as many weights as bands ask for")
            .with_window(FRAMES);
        Ok(Self { session, mel, heard: Vec::new(), spectrogram: Vec::new() })
    }

    /// Probability, 0 to 1, that who speaks in `samples` (16 kHz, up to some tenths of a second into the pause) is
    /// done. Of more than 8 s the last ones count. Blocks for some tens of milliseconds.
    ///
    /// # Errors
    /// [`SmartTurnError::Inference`].
    pub fn done_probability(&mut self, samples: &[f32]) -> Result<f32, SmartTurnError> {
        normalise(samples, &mut self.heard);
        self.mel.compute(&self.heard, FRAMES, &mut self.spectrogram);
        self.infer().map_err(|source| SmartTurnError::Inference(source.into()))
    }

    fn infer(&mut self) -> ort::Result<f32> {
        let outputs = self.session.run(ort::inputs! {
            INPUT => TensorRef::from_array_view(([1_usize, BANDS, FRAMES], self.spectrogram.as_slice()))?,
        })?;
        let (_, probability) = outputs[OUTPUT].try_extract_tensor::<f32>()?;
        let probability = probability.first().copied().filter(|probability| !probability.is_nan());
        probability
            .map(|probability| probability.clamp(0.0, 1.0))
            .ok_or_else(|| ort::Error::new("no probability came out"))
    }
}

impl fmt::Debug for SmartTurn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SmartTurn")
    }
}

/// The last 8 s of `samples` behind silence that makes them 8 s, with mean 0 and variance 1 together.
fn normalise(samples: &[f32], heard: &mut Vec<f32>) {
    let last = &samples[samples.len().saturating_sub(HEARD_SAMPLES)..];
    heard.clear();
    heard.resize(HEARD_SAMPLES - last.len(), 0.0);
    heard.extend(last);
    let count = HEARD_SAMPLES as f64;
    let mean = heard.iter().map(|sample| f64::from(*sample)).sum::<f64>() / count;
    let variance = heard.iter().map(|sample| (f64::from(*sample) - mean).powi(2)).sum::<f64>() / count;
    let (mean, deviation) = (mean as f32, (variance as f32 + VARIANCE_FLOOR).sqrt());
    for sample in heard {
        *sample = (*sample - mean) / deviation;
    }
}

#[cfg(test)]
mod tests;
