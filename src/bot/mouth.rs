//! What is to be said, in order: one text is made at a time, a little ahead of what is heard. Pure.
//!
//! Ends of playbacks are known from the peer; a peer that never tells them is not waited for beyond what the sound takes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::call::Language;
use crate::redact::Redacted;

/// So much is made ahead of what is heard: more would be thrown away when the caller interrupts, and the beginning of a
/// text would be told long before it is heard.
const LEAD: Duration = Duration::from_secs(3);
/// So much later than it should have been heard, a playback counts as heard. Peers hold a second or two themselves.
const LATE_MAX: Duration = Duration::from_secs(5);
/// Texts that wait. The longest turn, a menu of nine choices, has a dozen.
const WAITING_MAX: usize = 32;

/// One text to say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Saying {
    /// Its name on the call.
    pub(super) mark: String,
    pub(super) text: Redacted<String>,
    pub(super) language: Language,
    /// Whether something is heard right before it, so that it begins with a breath.
    pub(super) follows: bool,
    /// Whether its beginning was told.
    pub(super) is_told: bool,
}

/// What is to be made next.
#[derive(Debug, PartialEq)]
pub(super) enum Making {
    /// The first sound of this text.
    Begin(Saying),
    /// More of the same text.
    Continue,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Mouth {
    number: u32,
    waiting: VecDeque<(Redacted<String>, Language)>,
    /// What is being made, and whether a piece of it is on its way.
    making: Option<(Saying, bool)>,
    /// Given to the connection and not known to be heard.
    playing: VecDeque<String>,
    /// When all that was given to the connection will have been heard.
    heard_at: Option<Instant>,
}

impl Mouth {
    /// Takes a text to say behind the others.
    pub(super) fn say(&mut self, text: Redacted<String>, language: Language) {
        if self.waiting.len() >= WAITING_MAX {
            tracing::error!("a dialogue has more to say than a call can bear; the rest of it is not said");
            return;
        }
        self.waiting.push_back((text, language));
    }

    /// Whether something is being said or still to be said.
    pub(super) fn is_speaking(&self) -> bool {
        !self.waiting.is_empty() || self.making.is_some() || !self.playing.is_empty()
    }

    /// What is to be made now, if anything.
    pub(super) fn next(&mut self, now: Instant) -> Option<Making> {
        if self.ahead(now) > LEAD {
            return None;
        }
        if let Some((_, is_on_its_way)) = &mut self.making {
            return (!std::mem::replace(is_on_its_way, true)).then_some(Making::Continue);
        }
        let (text, language) = self.waiting.pop_front()?;
        self.number += 1;
        let mark = format!("bot-{}", self.number);
        let saying = Saying { mark, text, language, follows: !self.ahead(now).is_zero(), is_told: false };
        self.making = Some((saying.clone(), true));
        Some(Making::Begin(saying))
    }

    /// A piece of what is being made was given to the connection.
    pub(super) fn played(&mut self, length: Duration, is_last: bool, now: Instant) {
        let Some((saying, is_on_its_way)) = &mut self.making else { return };
        *is_on_its_way = false;
        self.heard_at = Some(self.heard_at.map_or(now, |at| at.max(now)) + length);
        if is_last {
            self.playing.push_back(std::mem::take(&mut saying.mark));
            self.making = None;
        }
    }

    /// There was nothing to say in what is being made.
    pub(super) fn skip(&mut self) {
        self.making = None;
    }

    /// The connection told the end of a playback.
    pub(super) fn finished(&mut self, mark: &str) {
        self.playing.retain(|playing| playing != mark);
        if !self.is_speaking() {
            self.heard_at = None;
        }
    }

    /// Stops everything; gives the mark of what was being made, of which no end will be told.
    pub(super) fn stop(&mut self) -> Option<String> {
        self.waiting.clear();
        self.playing.clear();
        self.heard_at = None;
        self.making.take().map(|(saying, _)| saying.mark)
    }

    /// Something else was given to the connection under this mark.
    pub(super) fn plays(&mut self, mark: String, length: Duration, now: Instant) {
        self.heard_at = Some(self.heard_at.map_or(now, |at| at.max(now)) + length);
        self.playing.push_back(mark);
    }

    /// Gives up waiting for ends that are not told.
    pub(super) fn give_up_waiting(&mut self, now: Instant) {
        let is_overdue = !self.playing.is_empty()
            && self.making.is_none()
            && self.heard_at.is_some_and(|at| now >= at + LATE_MAX);
        if is_overdue {
            tracing::warn!("the connection does not tell when what it plays has ended");
            self.playing.clear();
        }
    }

    /// When there is something to do without anything happening.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let heard_at = self.heard_at?;
        let wants_to_make = match &self.making {
            Some((_, is_on_its_way)) => !is_on_its_way,
            None => !self.waiting.is_empty(),
        };
        match (wants_to_make, self.making.is_some(), self.playing.is_empty()) {
            (true, _, _) => heard_at.checked_sub(LEAD),
            (false, false, false) => Some(heard_at + LATE_MAX),
            (false, _, _) => None,
        }
    }

    fn ahead(&self, now: Instant) -> Duration {
        self.heard_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }
}
