//! The dialogue of a scenario on live telephone calls: what callers say goes to it, what it answers is spoken to them.
//!
//! ```text
//! EventLog ─ reader ─▶ course (pure) ─ asks ─▶ assistant::Conversation      (a thread that may block: classifier)
//!                        │ ▲                      answers, decision kept and announced
//!                        ▼ └──────────────────────────────────┘
//!                      voice (threads that may block), piece by piece ─▶ live::Controls: play, transfer, hang up
//! ```
//!
//! [`Bot`] is what a service has one of: the scenario that new calls get ([`Bot::reload`] changes it), the voice, the
//! store. [`Bot::answer`] starts a task for one call, which ends with it. What the task does is decided in `course`,
//! which is pure; the task only carries it out.
//!
//! Invariants: nothing of it waits on tokio's workers; everything that waits is bounded (events of a call by its log, what
//! is asked and said in `course`); decisions are in the store before they are announced, and a handover is announced
//! before the transfer. Whatever fails leads to a person, or to the end of the call with a reason in the log.
//!
//! It decides nothing itself (`dialog`, `assistant`), knows no protocol (`ingress`) and keeps no call alive.

pub mod config;
mod course;
mod ear;
mod expect;
pub mod figures;
mod handover;
mod mouth;
mod reload;
mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use self::config::Config;
use self::figures::{Figures, Snapshot, count};
use self::task::Task;
use crate::assistant::{self, Assistant, Switch};
use crate::audio::SampleRate;
use crate::call::{Channel, Language};
use crate::clock::Clock;
use crate::dialog::messages::Message;
use crate::home::Home;
use crate::intent::{FullPace, Pace};
use crate::live::{Controls, EventLog};
use crate::redact::Redacted;
use crate::store::Store;
use crate::voice::{self, Voice};

pub use self::reload::Reloaded;

/// Names that the recogniser is given for one call. Each is looked for at every step of its search; whisper.cpp takes the
/// first ones, as many as its prompt holds.
const VOCABULARY_MAX: usize = 2_000;

/// So long at most the catalogues are left alone: a new scenario may bring one that is due sooner.
const CATALOGS_LEFT: Duration = Duration::from_secs(30);
/// So long at least, whatever the scenario says.
const CATALOGS_LEFT_MIN: Duration = Duration::from_secs(1);

/// Why no call is answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scenario cannot be put to work; every mistake is named. When it was to be changed, the old one stays.
    #[error(transparent)]
    Scenario(#[from] assistant::Error),
    /// Nobody speaks the scenario's own language, or the voice cannot be used.
    #[error(transparent)]
    Voice(#[from] voice::Error),
    /// The work on it broke off.
    #[error("the scenario could not be opened: its thread broke off")]
    BrokenOff,
}

/// What the bot works with.
pub struct Parts {
    /// Folder of the scenario.
    pub scenario: PathBuf,
    /// Section `[bot]`.
    pub config: Config,
    /// What it speaks with.
    pub voice: Voice,
    /// Where decisions are kept; without one they are announced and not kept.
    pub store: Option<Store>,
    /// Where models and what was learnt before are.
    pub home: Home,
    /// How a changed scenario is learnt while calls go on. Before there are any, all cores are taken.
    pub pace: Arc<dyn Pace>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What is known of a call before anybody speaks.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Who calls.
    pub caller: Option<Redacted<String>>,
    /// What was called.
    pub called: Option<Redacted<String>>,
    /// In which language, if that is known.
    pub language: Option<Language>,
    /// The caller's channel and the number of its track.
    pub channel: (Channel, usize),
    /// Whether the peer transfers; otherwise the stream is ended for the peer's own plan to go on.
    pub can_transfer: bool,
}

/// Everything that answers calls; one a service.
pub struct Bot {
    parts: Parts,
    switch: Switch,
    apologies: Mutex<Arc<Apologies>>,
    figures: Figures,
    reloading: tokio::sync::Mutex<reload::Seen>,
}

/// What is said when nothing else can be, made beforehand.
type Apologies = BTreeMap<Language, (Arc<[f32]>, SampleRate)>;

/// The call's own end of a conversation that goes on. Dropping it ends nothing.
#[derive(Debug, Clone)]
pub struct Answering(mpsc::Sender<()>);

impl Answering {
    /// Nobody took the transferred call.
    pub fn not_answered(&self) {
        if self.0.try_send(()).is_err() {
            tracing::debug!(
                "that nobody took a transferred call was told already, or its conversation is over"
            );
        }
    }
}

impl Bot {
    /// Opens the scenario and tries the voice. To be awaited on the runtime that answers calls.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn open(parts: Parts) -> Result<Self, Error> {
        let assistant = reload::open(&parts, Arc::new(FullPace)).await?;
        let apologies = reload::apologies(&parts.voice, &assistant).await?;
        let seen = reload::Seen::of(&assistant);
        Ok(Self {
            switch: Switch::new(assistant),
            apologies: Mutex::new(Arc::new(apologies)),
            figures: Figures::default(),
            reloading: tokio::sync::Mutex::new(seen),
            parts,
        })
    }

    /// Section `[bot]`.
    pub fn config(&self) -> &Config {
        &self.parts.config
    }

    /// What was counted since the start.
    pub fn figures(&self) -> Snapshot {
        self.figures.snapshot()
    }

    /// The scenario that new calls get.
    pub fn scenario(&self) -> Arc<Assistant> {
        self.switch.current()
    }

    /// The languages of the scenario that new calls get.
    pub fn languages(&self) -> Vec<Language> {
        self.switch.current().plan().languages.clone()
    }

    /// Asks for the catalogues of the scenario that are due, so that a new call has the names of now, and gives after how long it
    /// is to be asked again. To be awaited on the runtime that answers calls.
    pub async fn keep_catalogs(&self) -> Duration {
        let next = self.switch.current().keep_catalogs().await;
        next.unwrap_or(CATALOGS_LEFT).clamp(CATALOGS_LEFT_MIN, CATALOGS_LEFT)
    }

    /// The words that the recogniser should expect: those of the call, then names of the scenario and its catalogues.
    pub fn vocabulary(&self, own: &[String]) -> Arc<[String]> {
        let names = self.switch.current().vocabulary();
        own.iter().cloned().chain(names).take(VOCABULARY_MAX).collect()
    }

    /// What callers of the scenario say, for the recogniser.
    pub fn sentences(&self) -> Arc<[String]> {
        self.switch.current().sentences()
    }

    /// Starts to talk on a call: a task of this runtime, which ends with the call. `events` are those of the call from
    /// the first on.
    pub fn answer(self: &Arc<Self>, events: &Arc<EventLog>, controls: Controls, facts: Facts) -> Answering {
        let (sender, not_answered) = mpsc::channel(1);
        let task = Task::new(Arc::clone(self), events, (controls, facts, not_answered));
        count(&self.figures.calls);
        tokio::spawn(task.run());
        Answering(sender)
    }

    fn apology(&self, language: Language) -> Option<(Arc<[f32]>, SampleRate)> {
        let apologies = Arc::clone(&self.apologies.lock().unwrap_or_else(PoisonError::into_inner));
        let own = apologies.get(&language).or_else(|| apologies.values().next());
        own.cloned()
    }

    /// What is said in `language` when nothing else can be.
    fn apology_text(assistant: &Assistant, language: Language) -> Redacted<String> {
        assistant.plan().messages.say(Message::Trouble, language, &[]).into()
    }
}

impl std::fmt::Debug for Bot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Bot").field("scenario", &self.parts.scenario).finish_non_exhaustive()
    }
}
