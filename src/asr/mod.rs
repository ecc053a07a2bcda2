//! From a stretch of speech to words.
//!
//! [`Recognizer`] is the seam: an engine turns one segment of 16 kHz audio into a [`Recognition`]. Engines are
//! synchronous and run on the dedicated threads of the worker pool, never on an async runtime. Nothing outside this
//! module knows which engine runs.
//!
//! An [`Engine`] is one loaded model; it is asked for one [`Recognizer`] a worker, which holds the state of its own
//! inference. [`worker::Pool`] owns the threads.
//!
//! Units: samples at 16 kHz; word times are relative to the first sample of the request. This module does not cut
//! audio (see `vad`), does not judge whether a result is speech (see `guard`).

mod choice;
pub mod config;
pub mod context;
pub mod decode;
pub mod devices;
pub mod fake;
pub mod language;
mod names;
pub mod onnx;
pub mod repetition;
pub mod utterance;
pub mod vote;
pub mod whisper;
pub mod words;
pub mod worker;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use self::choice::{LanguageChoice, Task};
use crate::audio::SampleSpan;
use crate::call::Language;
use crate::call::decision::CorrectionRecord;
use crate::redact::Redacted;
use crate::slots::catalog::ALIAS;

/// Who goes first when the workers are busy; smaller goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// The final text of somebody who is on the line.
    LiveFinal,
    /// A partial of somebody who is on the line; may be dropped.
    LivePartial,
    /// A recording.
    Batch,
}

/// What may be said of `vocabulary`: each name, and each that stands for the same.
pub(crate) fn spoken_forms(vocabulary: &[String]) -> impl Iterator<Item = &str> {
    vocabulary.iter().flat_map(|name| name.split(ALIAS)).map(str::trim).filter(|form| !form.is_empty())
}

/// One stretch of speech to recognise.
#[derive(Debug, Clone)]
pub struct Request {
    /// 16 kHz mono in [-1, 1]; at most 30 s.
    pub samples: Arc<[f32]>,
    /// Which language it is in.
    pub language: LanguageChoice,
    /// In which language its text is wanted.
    pub task: Task,
    /// Names and terms that may be said, each alone or with others that stand for the same behind it ([`ALIAS`]); given to
    /// the engine on every window. Empty for none.
    pub vocabulary: Arc<[String]>,
    /// Names one of which was just asked for, so that hardly anything else is said: the search leans to them, and the engine reads
    /// as many as fit as text that came before ([`Config::vocabulary_boost_asked`](config::Config)). Empty where no name was asked
    /// for.
    pub asked: Arc<[String]>,
    /// Sentences as they are said here, such as the examples of a voicebot: the search leans to their wording
    /// ([`Config::sentences_weight`](config::Config)), and none of their words is taken for a misheard name of the vocabulary. Empty for
    /// none.
    pub sentences: Arc<[String]>,
    /// Text that the segment is known to begin with, such as the stable part of a partial: it is read in one pass and
    /// not decoded again. Empty for none; without effect on an engine that cannot ([`Capabilities::prefix`]).
    pub prefix: Redacted<String>,
    /// Who goes first.
    pub priority: Priority,
}

/// One recognised word, in the time of the request.
#[derive(Debug, Clone, PartialEq)]
pub struct RecognizedWord {
    /// The word with its punctuation, without surrounding spaces.
    pub text: Redacted<String>,
    /// Where it is heard, from the first sample of the request.
    pub span: SampleSpan,
    /// How sure it is that it was said, 0 to 1: the geometric mean of its tokens, without marks behind it. ONNX Runtime's counts
    /// every way to write it, and the wording of [`Request::sentences`]; whisper.cpp's is the probability as it is written.
    pub confidence: f32,
}

/// What an engine heard in one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognition {
    /// The language that is spoken; the text is in it, or in English ([`Task::Translate`]).
    pub language: Language,
    /// The text, trimmed; empty when the engine found no words.
    pub text: Redacted<String>,
    /// The words of the text in order.
    pub words: Vec<RecognizedWord>,
    /// Mean log-probability of the text tokens (natural logarithm, at most 0).
    pub mean_log_probability: f32,
    /// The engine's own probability that nothing was said, 0 to 1.
    pub no_speech_probability: f32,
    /// Probability, 0 to 1, that the speech is in none of the allowed languages, over all that the model knows; the shorter the
    /// speech, the less it tells. `None` where nobody looked: the language was known, or the model knows only one.
    pub foreign_share: Option<f32>,
    /// Encoder positions (20 ms each) that the accepted decoding saw.
    pub context_positions: u32,
    /// How many times the segment was decoded, at least 1.
    pub decodings: u32,
    /// Other texts that the search ended with, likeliest first; empty for an engine that gives only the best.
    pub alternatives: Vec<Alternative>,
    /// Names of the vocabulary that were put right in the text, from left to right; an engine gives none.
    pub corrections: Vec<CorrectionRecord>,
}

/// Another text of the same speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// The text, trimmed.
    pub text: Redacted<String>,
    /// Mean log-probability of its tokens and its end (natural logarithm, at most 0).
    pub mean_log_probability: f32,
}

/// What an engine can do; callers branch on this, never on an engine's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether words carry their own times (false: spread evenly over the segment).
    pub word_times: bool,
    /// Whether `vocabulary` has an effect.
    pub vocabulary: bool,
    /// Whether a language can be detected; false for models of one language.
    pub language_detection: bool,
    /// Whether [`Request::prefix`] has an effect.
    pub prefix: bool,
    /// Whether it does [`Task::Translate`]; false for models of one language.
    pub translation: bool,
}

/// Longest request, the length of Whisper's window; longer speech is cut by `vad`.
pub const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// Tells a recognition to stop. Clones share the flag; once set it stays set.
#[derive(Clone, Default)]
pub struct CancelFlag(Arc<CancelState>);

#[derive(Default)]
struct CancelState {
    is_cancelled: AtomicBool,
    looks: AtomicUsize,
    bell: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl CancelFlag {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the stop; returns at once.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Release);
        if let Some(bell) = &*self.0.bell.lock().unwrap_or_else(PoisonError::into_inner) {
            bell();
        }
    }

    /// Whether the stop was asked for. An engine looks before every step, so that looking also tells how far it is.
    pub fn is_cancelled(&self) -> bool {
        self.0.looks.fetch_add(1, Ordering::Relaxed);
        self.0.is_cancelled.load(Ordering::Acquire)
    }

    /// Whether the stop was asked for, to whoever is not at work: no sign of a step.
    pub fn is_set(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Acquire)
    }

    /// How often the flag was looked at: the steps that an engine has begun.
    pub fn looks(&self) -> usize {
        self.0.looks.load(Ordering::Relaxed)
    }

    /// Has `bell` called at [`CancelFlag::cancel`], by whoever cancels, or now when the flag is set already: for engines
    /// that can be stopped inside a long step. Replaces the bell before.
    pub fn on_cancel(&self, bell: impl Fn() + Send + 'static) {
        let mut place = self.0.bell.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_cancelled() {
            bell();
        }
        *place = Some(Box::new(bell));
    }
}

impl CancelFlag {
    /// Forgets the bell: the step that it would stop is over. When this returns it does not ring any more.
    pub fn forget_bell(&self) {
        *self.0.bell.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl fmt::Debug for CancelFlag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CancelFlag").field(&self.0.is_cancelled).finish()
    }
}

/// One inference state over a loaded model; belongs to one worker thread.
pub trait Recognizer: Send {
    /// What this recogniser can do; the same for every request.
    fn capabilities(&self) -> Capabilities;

    /// Turns one stretch of speech into words. Blocks for the length of the inference (tenths of a second to
    /// seconds); looks at `cancel` before every costly step. ONNX Runtime also stops inside a step (p95 47 ms in
    /// one measurement, goal 50); whisper.cpp finishes an encoder pass that it has begun (0.5 s for a short segment with `base` on one
    /// core), a token takes it 5 to 10 ms.
    ///
    /// The same request gives the same recognition, whatever was recognised before.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when `cancel` was set; [`Error::TooLong`], [`Error::NotFinite`], [`Error::NoLanguage`] and
    /// [`Error::NoTranslation`] for a request that the engine cannot take; [`Error::Inference`] when it failed. The
    /// recogniser can be used again after each of them.
    fn recognize(&mut self, request: &Request, cancel: &CancelFlag) -> Result<Recognition, Error>;
}

/// One loaded model, shared by all workers.
pub trait Engine: Send + Sync {
    /// A recogniser with a state of its own over the shared model.
    ///
    /// # Errors
    /// [`Error::State`] when there is no memory for the state.
    fn recognizer(&self) -> Result<Box<dyn Recognizer>, Error>;

    /// Engine and model for logs and results, such as `whisper.cpp ggml-base`.
    fn name(&self) -> &str;
}

/// Why there is no recognition. No variant holds spoken content.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model file could not be loaded. Nothing was started.
    #[error("cannot load the speech model `{}`: {reason}\nhint: allo models verify", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// The settings ask for a device that is not there. Nothing was started.
    #[error("asr.device is \"{wanted}\", but {reason}\nhint: {remedy}")]
    Device {
        /// The setting.
        wanted: config::Device,
        /// What there is instead.
        reason: String,
        /// What helps.
        remedy: String,
    },
    /// A recogniser could not be made, usually for want of memory.
    #[error("cannot create the recogniser's state: {reason}")]
    State {
        /// What the engine said.
        reason: String,
    },
    /// The request is longer than [`LONGEST_REQUEST`]; the caller must cut it.
    #[error("the segment has {samples} samples, at most {maximum} are recognised at once")]
    TooLong {
        /// Samples of the request.
        samples: usize,
        /// Most samples that are taken.
        maximum: usize,
    },
    /// The request holds a sample that is infinite or not a number.
    #[error("sample {index} of the segment is not a finite number")]
    NotFinite {
        /// Which sample.
        index: usize,
    },
    /// The request allows no language, or none that the model knows.
    #[error("the segment allows no language that the model `{model}` knows")]
    NoLanguage {
        /// The model.
        model: String,
    },
    /// The model knows English only, so there is nothing to translate from.
    #[error(
        "the model `{model}` does not translate\nhint: take a model of many languages, such as whisper-base"
    )]
    NoTranslation {
        /// The model.
        model: String,
    },
    /// The recognition was stopped on request.
    #[error("the recognition was cancelled")]
    Cancelled,
    /// The engine failed on this request; another request may succeed.
    #[error("the speech engine failed while it should {step}: {reason}")]
    Inference {
        /// What it was doing, a verb.
        step: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// The engine panicked on this request; its worker goes on with a new state.
    #[error("the speech engine panicked on this segment")]
    Panicked,
    /// The engine hangs on this request; another worker took the place of its own ([`worker::Pool::look`]).
    #[error("the speech engine hangs on this segment")]
    Stuck,
    /// Too much is waiting and the request may not wait. Retry later or degrade.
    #[error("the recogniser is busy: {waiting} segments are waiting")]
    Busy {
        /// Requests in the queue.
        waiting: usize,
    },
    /// The pool was shut down before the request was recognised.
    #[error("the recogniser has been shut down")]
    Closed,
    /// A worker thread could not be started.
    #[error("cannot start a recogniser thread")]
    Thread {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the same request may succeed later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Load { .. }
            | Self::Device { .. }
            | Self::State { .. }
            | Self::TooLong { .. }
            | Self::NotFinite { .. }
            | Self::NoLanguage { .. }
            | Self::NoTranslation { .. }
            | Self::Cancelled
            | Self::Inference { .. }
            | Self::Panicked
            | Self::Stuck
            | Self::Closed
            | Self::Thread { .. } => false,
        }
    }
}

/// Whether an engine does a task.
///
/// # Errors
/// [`Error::NoTranslation`].
pub(crate) fn check_task(task: Task, capabilities: Capabilities, model: &str) -> Result<(), Error> {
    match task {
        Task::Translate if !capabilities.translation => Err(Error::NoTranslation { model: model.to_owned() }),
        Task::Transcribe | Task::Translate => Ok(()),
    }
}

/// The checks that every engine makes before it starts.
///
/// # Errors
/// [`Error::TooLong`] or [`Error::NotFinite`].
pub fn check_samples(samples: &[f32]) -> Result<(), Error> {
    let maximum = crate::audio::duration_samples(LONGEST_REQUEST) as usize;
    if samples.len() > maximum {
        return Err(Error::TooLong { samples: samples.len(), maximum });
    }
    match samples.iter().position(|sample| !sample.is_finite()) {
        Some(index) => Err(Error::NotFinite { index }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
