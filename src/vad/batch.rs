//! The windows of many channels in one inference.
//!
//! A window alone costs several times what it costs among 32 others. Each channel keeps its own [`SileroChannel`], so
//! that a channel comes, waits or goes without a word to the others: whoever has a window ready is a row.
//!
//! A channel that has been quiet for a second is not run at all. Its state is the one that silence leaves, and the
//! probability the one of silence; quiet is what lies below [`QUIET_DBFS`].
//!
//! Invariants: a channel that is not quiet has the probabilities of a `SileroStream` to 1e-4; what was skipped
//! differs by less than [`SKIPPED_ERROR`], and so does what follows it. (`vad/tests/batch.rs`.)

use super::silero::{CELLS, CONTEXT_SAMPLES, INPUT_SAMPLES, Rows, STATE_CELLS, WARM_UP_WINDOWS};
use super::{Error, SileroModel, WINDOW_SAMPLES, level_dbfs};

/// Windows below this level are quiet. A-law has no zero: its silence is a constant of -72 dBFS. Speech on a bad line
/// is 20 dB above.
pub const QUIET_DBFS: f32 = -70.0;
/// Largest difference of a probability that skipping quiet windows makes.
pub const SKIPPED_ERROR: f32 = 0.02;
/// Most rows of one inference: beyond, a row gets no cheaper.
const ROWS_MAX: usize = 128;

/// Silero's state for one channel of a [`SileroBatch`]; 1.3 kB.
#[derive(Debug, Clone)]
pub struct SileroChannel {
    context: [f32; CONTEXT_SAMPLES],
    /// `None` for the state that silence leaves.
    state: Option<Box<[f32; STATE_CELLS]>>,
    quiet_windows: usize,
}

impl Default for SileroChannel {
    /// A channel that has heard nothing but silence.
    fn default() -> Self {
        Self { context: [0.0; CONTEXT_SAMPLES], state: None, quiet_windows: WARM_UP_WINDOWS }
    }
}

/// A channel with its next window, which follows the one before without a gap.
#[derive(Debug)]
pub struct BatchRow<'a> {
    /// The channel.
    pub channel: &'a mut SileroChannel,
    /// Its window.
    pub window: &'a [f32; WINDOW_SAMPLES],
    /// Probability, 0 to 1, that somebody speaks in the window; the result.
    pub speech_probability: f32,
}

/// Runs Silero on windows of many channels; holds the buffers.
#[derive(Debug)]
pub struct SileroBatch {
    model: SileroModel,
    input: Vec<f32>,
    state: Vec<f32>,
    probabilities: Vec<f32>,
}

impl SileroBatch {
    /// A batch of no rows.
    pub fn new(model: &SileroModel) -> Self {
        Self { model: model.clone(), input: Vec::new(), state: Vec::new(), probabilities: Vec::new() }
    }

    /// Judges the window of each row. Allocates a list of the rows and the state of each channel that leaves silence;
    /// blocks for the inference.
    ///
    /// # Errors
    /// When the model fails; the states of the channels are then those before the window, or behind it where an
    /// inference of a part of the rows had succeeded.
    pub fn judge(&mut self, rows: &mut [BatchRow<'_>]) -> Result<(), Error> {
        let mut running: Vec<&mut BatchRow<'_>> = Vec::with_capacity(rows.len());
        for row in rows {
            if row.channel.skips(row.window) {
                row.speech_probability = self.model.silence_probability();
                row.channel.hear(row.window);
            } else {
                running.push(row);
            }
        }
        running.chunks_mut(ROWS_MAX).try_for_each(|rows| self.run(rows))
    }

    fn run(&mut self, rows: &mut [&mut BatchRow<'_>]) -> Result<(), Error> {
        let count = rows.len();
        self.input.clear();
        self.state.resize(count * STATE_CELLS, 0.0);
        self.probabilities.resize(count, 0.0);
        for (index, row) in rows.iter().enumerate() {
            self.input.extend(row.channel.context);
            self.input.extend(row.window);
            let state = row.channel.state.as_deref().unwrap_or(self.model.silence());
            for (layer, cells) in state.as_chunks::<CELLS>().0.iter().enumerate() {
                let at = (layer * count + index) * CELLS;
                self.state[at..at + CELLS].copy_from_slice(cells);
            }
        }
        debug_assert_eq!(self.input.len(), count * INPUT_SAMPLES);
        self.model.run_rows(Rows {
            input: &self.input,
            state: &mut self.state,
            probabilities: &mut self.probabilities,
        })?;
        for (index, row) in rows.iter_mut().enumerate() {
            row.speech_probability = self.probabilities[index];
            let state = row.channel.state.get_or_insert_with(|| Box::new([0.0; STATE_CELLS]));
            for (layer, cells) in state.as_chunks_mut::<CELLS>().0.iter_mut().enumerate() {
                let at = (layer * count + index) * CELLS;
                cells.copy_from_slice(&self.state[at..at + CELLS]);
            }
            row.channel.hear(row.window);
        }
        Ok(())
    }
}

impl SileroChannel {
    /// Counts quiet windows; whether this one need not be run.
    fn skips(&mut self, window: &[f32; WINDOW_SAMPLES]) -> bool {
        if level_dbfs(window) >= QUIET_DBFS {
            self.quiet_windows = 0;
            return false;
        }
        self.quiet_windows = self.quiet_windows.saturating_add(1);
        let skips = self.quiet_windows > WARM_UP_WINDOWS;
        if skips {
            self.state = None;
        }
        skips
    }

    fn hear(&mut self, window: &[f32; WINDOW_SAMPLES]) {
        self.context.copy_from_slice(&window[WINDOW_SAMPLES - CONTEXT_SAMPLES..]);
    }
}
