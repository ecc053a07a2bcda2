//! Wires the stages: which thread runs what, what is bounded by what, what a recording becomes.
//!
//! No domain logic lives here; each decision is taken in the module that is named for it.

pub mod analyse;
pub mod inputs;
pub mod learning;
pub mod machinery;
pub mod ordered;
mod packing;
pub mod recognition;
pub mod telephone;
pub mod transcribe;
pub mod understanding;

use std::path::PathBuf;

/// Why a recording has no transcript, or why the machinery does not start. Other recordings are not touched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recording cannot be read; the message names it.
    #[error(transparent)]
    Media(#[from] crate::media::Error),
    /// Its sample rate cannot be converted.
    #[error(transparent)]
    Resample(#[from] crate::audio::resample::Error),
    /// Voice detection failed.
    #[error(transparent)]
    Vad(#[from] crate::vad::Error),
    /// Recognition failed.
    #[error(transparent)]
    Asr(#[from] crate::asr::Error),
    /// A model is missing or damaged.
    #[error(transparent)]
    Models(#[from] crate::models::Error),
    /// ONNX Runtime cannot be used.
    #[error(transparent)]
    Onnx(#[from] crate::onnx::Error),
    /// The sentence encoder cannot be used.
    #[error(transparent)]
    Encoder(#[from] crate::encoder::Error),
    /// The scenario cannot be used.
    #[error(transparent)]
    Scenario(#[from] crate::scenario::Error),
    /// The scenario's sentences cannot be learnt from.
    #[error(transparent)]
    Intent(#[from] crate::intent::Error),
    /// Nobody wants the transcript any more.
    #[error("the transcription was cancelled")]
    Cancelled,
    /// Names were given for another number of channels than the recording has.
    #[error(
        "the number of names ({named}) is not that of the channels of `{}` ({found})\nhint: name each channel, first channel first, as in --channels agent,caller, or leave --channels out",
        path.display()
    )]
    ChannelCount {
        /// The recording.
        path: PathBuf,
        /// Names given.
        named: usize,
        /// Channels found.
        found: usize,
    },
}
