//! What the course of a conversation is made of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::ear::Sentence;
use super::super::mouth::Saying;
use crate::assistant::Event;
use crate::call::{Channel, Language};
use crate::dialog::{Action, Listen, Transfer};
use crate::redact::Redacted;
use crate::turn::Expectation;

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(in crate::bot) enum Output {
    /// Ask the dialogue; the answer comes by `Course::answered` or `Course::lost`.
    Ask(Event),
    /// Before that: the dialogue goes back to where it was before the last sentence.
    TakeBack,
    /// Make the first sound of a text.
    Make(Saying),
    /// Make more of it.
    MakeMore,
    /// Stop making, and stop what is played.
    Stop {
        /// The text that was being made: it will not be played to its end.
        unfinished: Option<String>,
    },
    /// Play the apology that is made already, and tell its length by `Course::apologised`.
    Apologise(Language),
    /// What the caller was asked for.
    Expect(Expectation),
    /// The caller was asked for one of these names; for none any more where there are none.
    AskedFor(Arc<[String]>),
    /// Tell with what the call is handed over.
    HandOver(Box<Transfer>),
    /// Transfer the call to this queue.
    Transfer(Redacted<String>),
    /// End the call.
    HangUp,
    /// There is nothing more to do.
    Done,
}

/// What the dialogue answered.
#[derive(Debug)]
pub(in crate::bot) struct Answer {
    pub(in crate::bot) actions: Vec<Action>,
    /// Which of the actions are words for the time of a look-up.
    pub(in crate::bot) fillers: Vec<usize>,
    /// The names one of which the caller is asked for; mostly none.
    pub(in crate::bot) asked_for: Arc<[String]>,
    /// The language that is spoken from now on.
    pub(in crate::bot) language: Language,
    /// Whether the decision is in the store, or need not be.
    pub(in crate::bot) is_kept: bool,
}

/// What follows when everything was said.
#[derive(Debug, Clone)]
pub(super) enum Then {
    Listen(Listen),
    Transfer(Box<Transfer>),
    HangUp,
}

impl Then {
    /// What the actions of a turn end with; `None` when nothing changes.
    pub(super) fn of(actions: &[Action]) -> Option<Self> {
        match actions.last()? {
            Action::Listen(listen) => Some(Self::Listen(*listen)),
            Action::Transfer(transfer) => Some(Self::Transfer(transfer.clone())),
            Action::HangUp => Some(Self::HangUp),
            Action::Say(_) | Action::LookUp(_) => None,
        }
    }

    /// Whether the call leaves the dialogue.
    pub(super) const fn is_leaving(&self) -> bool {
        match self {
            Self::Listen(_) => false,
            Self::Transfer(_) | Self::HangUp => true,
        }
    }
}

/// How far the conversation is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    Talking,
    /// The handover is being told; then the transfer to this queue.
    HandingOver {
        queue: Redacted<String>,
        patience: Option<Duration>,
        until: Instant,
    },
    Transferred(Waiting),
    HungUp,
    Ended,
}

/// A caller who was transferred, until a team answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiting {
    /// How long nobody may answer; `None`: for as long as the peer keeps the caller.
    pub(super) patience: Option<Duration>,
    /// When that is over, where the peer stays on the call.
    pub(super) until: Option<Instant>,
    /// Somebody began to speak since.
    pub(super) is_speech: bool,
    /// Who began and is not known to be done.
    pub(super) speaking: BTreeSet<Channel>,
}

/// What the dialogue is asked.
#[derive(Debug)]
pub(super) struct Thinking {
    pub(super) event: Event,
    pub(super) sentence: Option<Sentence>,
}

/// An answer that waits for a caller who is speaking.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) says: Vec<Redacted<String>>,
    pub(super) then: Then,
    pub(super) until: Instant,
}

/// What is said at its time if the answer is not there by then.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) says: Vec<Redacted<String>>,
    /// The actions up to there.
    pub(super) actions: usize,
    pub(super) due: Instant,
}

/// Whether a key was pressed that is no digit.
pub(super) fn is_sign(event: &Event) -> bool {
    matches!(event, Event::Key(key) if !key.reveal().is_ascii_digit())
}

/// The texts among actions.
pub(super) fn texts<'a>(actions: impl Iterator<Item = &'a Action>) -> Vec<Redacted<String>> {
    actions
        .filter_map(|action| if let Action::Say(text) = action { Some(text.clone()) } else { None })
        .collect()
}
