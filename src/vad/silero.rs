//! Silero VAD (v5 and v6) on ONNX Runtime; the only file of this module that names `ort`.
//!
//! The model sees a window of 512 samples behind the last 64 of the window before; without that context its
//! probabilities are plausible and wrong. Its recurrent state belongs to one channel: [`SileroStream`]. The session
//! is shared by every channel: [`SileroModel`].
//!
//! A stream starts in the state that a second of silence leaves. In the all-zero state of the reference wrapper the
//! model takes speech at the very start of a recording for noise: of 77 short prompts that begin at once it missed 3
//! whole, warmed up none.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::Session;
use ort::value::TensorRef;

use super::{Error, SpeechDetector, WINDOW_SAMPLES};
use crate::onnx::Runtime;

/// Samples of the window before that the model takes in front of a window, at 16 kHz.
pub(super) const CONTEXT_SAMPLES: usize = 64;
pub(super) const INPUT_SAMPLES: usize = CONTEXT_SAMPLES + WINDOW_SAMPLES;
/// Cells of one layer.
pub(super) const CELLS: usize = 128;
/// Two layers.
pub(super) const STATE_CELLS: usize = 2 * CELLS;
const RATE_HZ: [i64; 1] = [16_000];
/// One second. Ten windows are enough for most voices; beyond a second nothing changes.
pub(super) const WARM_UP_WINDOWS: usize = 32;

/// The loaded model. Cloning shares it; a window takes it for a fraction of a millisecond.
#[derive(Clone)]
pub struct SileroModel {
    session: Arc<Mutex<Session>>,
    /// The state of a stream that has heard nothing but silence.
    silence: [f32; STATE_CELLS],
    silence_probability: f32,
}

impl SileroModel {
    /// Opens the model file. Blocks while it is read and optimised.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::UnknownModel`] for a file that is no Silero model of this layout, or
    /// [`Error::Inference`] when it does not run.
    pub fn open(runtime: &Runtime, path: &Path) -> Result<Self, Error> {
        let session = runtime.session(path)?;
        let has_input = |name: &str| session.inputs().iter().any(|input| input.name() == name);
        let has_output = |name: &str| session.outputs().iter().any(|output| output.name() == name);
        let missing = [
            ("input `input`", has_input("input")),
            ("input `state`", has_input("state")),
            ("input `sr`", has_input("sr")),
            ("output `output`", has_output("output")),
            ("output `stateN`", has_output("stateN")),
        ]
        .into_iter()
        .find_map(|(name, is_there)| (!is_there).then_some(name));
        if let Some(missing) = missing {
            return Err(Error::UnknownModel { path: path.to_path_buf(), missing });
        }
        let mut model = Self {
            session: Arc::new(Mutex::new(session)),
            silence: [0.0; STATE_CELLS],
            silence_probability: 0.0,
        };
        let mut state = model.silence;
        for _ in 0..WARM_UP_WINDOWS {
            model.silence_probability = model.run(&[0.0; INPUT_SAMPLES], &mut state)?;
        }
        model.silence = state;
        Ok(model)
    }

    /// A detector for one more channel.
    pub fn stream(&self) -> SileroStream {
        SileroStream { model: self.clone(), input: [0.0; INPUT_SAMPLES], state: self.silence }
    }

    /// Runs one window; writes the next state over `state`.
    fn run(&self, input: &[f32; INPUT_SAMPLES], state: &mut [f32; STATE_CELLS]) -> Result<f32, Error> {
        let mut probability = [0.0];
        self.run_rows(Rows { input, state, probabilities: &mut probability })?;
        Ok(probability[0])
    }

    /// Runs one window of several channels; writes the next states over the states.
    pub(super) fn run_rows(&self, rows: Rows<'_>) -> Result<(), Error> {
        self.infer(rows).map_err(|source| Error::Inference(source.into()))
    }

    fn infer(&self, rows: Rows<'_>) -> ort::Result<()> {
        let count = rows.probabilities.len();
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(ort::inputs! {
            "input" => TensorRef::from_array_view(([count, INPUT_SAMPLES], rows.input))?,
            "state" => TensorRef::from_array_view(([2, count, CELLS], &*rows.state))?,
            "sr" => TensorRef::from_array_view(([1_usize; 0], &RATE_HZ[..]))?,
        })?;
        let (_, probabilities) = outputs["output"].try_extract_tensor::<f32>()?;
        let (_, next_state) = outputs["stateN"].try_extract_tensor::<f32>()?;
        if probabilities.len() != count || next_state.len() != rows.state.len() {
            return Err(ort::Error::new("outputs of an unexpected shape"));
        }
        rows.state.copy_from_slice(next_state);
        rows.probabilities.copy_from_slice(probabilities);
        Ok(())
    }

    /// The state that silence leaves.
    pub(super) const fn silence(&self) -> &[f32; STATE_CELLS] {
        &self.silence
    }

    /// What the model says of silence in that state.
    pub(super) const fn silence_probability(&self) -> f32 {
        self.silence_probability
    }
}

/// One window of several channels, row by row.
pub(super) struct Rows<'a> {
    /// Context and window of each row.
    pub(super) input: &'a [f32],
    /// The first layer of all rows, then the second.
    pub(super) state: &'a mut [f32],
    /// One a row; their number is the number of rows.
    pub(super) probabilities: &'a mut [f32],
}

impl fmt::Debug for SileroModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SileroModel")
    }
}

/// Silero's state for one channel.
#[derive(Debug)]
pub struct SileroStream {
    model: SileroModel,
    /// Context, then window.
    input: [f32; INPUT_SAMPLES],
    state: [f32; STATE_CELLS],
}

impl SpeechDetector for SileroStream {
    fn probability(&mut self, window: &[f32; WINDOW_SAMPLES]) -> Result<f32, Error> {
        self.input.copy_within(WINDOW_SAMPLES.., 0);
        self.input[CONTEXT_SAMPLES..].copy_from_slice(window);
        self.model.run(&self.input, &mut self.state)
    }

    fn reset(&mut self) {
        self.input.fill(0.0);
        self.state = self.model.silence;
    }
}
