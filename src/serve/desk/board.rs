//! What the page of a team shows, as a pure fold over the events of all calls.
//!
//! Events of one call come in their order, those of different calls in any. Every call that goes on is known, because what
//! was said before the hand-over is shown after it; shown is a call from its hand-over to its end.
//!
//! Invariants: never more than [`CALLS_MAX`] calls, each with a bounded [`Talk`]; a call that has ended is gone (or, for
//! as long as it is still shown, marked) and no late event brings it back; the changes that [`Board::apply`] returns turn
//! the picture before into the one after.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::talk::{Line, News, Talk};
use crate::call::event::{Event, EventBody};
use crate::call::handover::Handover;
use crate::call::{CallId, Channel};

/// Most calls that are known; a service takes fewer at once. Then the oldest makes room.
pub const CALLS_MAX: usize = 1_024;

/// See the module.
#[derive(Debug, Default)]
pub struct Board {
    calls: BTreeMap<CallId, Known>,
    /// Calls that have lately ended, and the order in which they did.
    ended: (BTreeSet<CallId>, VecDeque<CallId>),
    /// Number of calls that were ever known.
    count: u64,
    shown_after_end: Duration,
}

#[derive(Debug)]
struct Known {
    /// Grows from call to call.
    order: u64,
    shown: Option<Shown>,
    talk: Talk,
}

/// A call that is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// What was handed over with it.
    pub handover: Handover,
    /// How far it is.
    pub state: State,
}

/// How far a call is that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody has spoken to the caller.
    Waiting,
    /// An agent has begun to speak, at this time.
    Current(Timestamp),
    /// Its sound ended, at this time, before anybody spoke to the caller.
    Ended(Timestamp),
}

/// What changed in the picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A call came, or is something else now. Its lines go with it.
    Call(CallId),
    /// A line of a shown call came or changed.
    Line(CallId, Line),
    /// A line of a shown call is gone.
    LineGone(CallId, u64),
    /// A call that was shown for this route is gone.
    Gone(CallId, String),
}

impl Board {
    /// An empty board.
    pub fn new(shown_after_end: Duration) -> Self {
        Self { shown_after_end, ..Self::default() }
    }

    /// Takes in one event; what changed in the picture, in order.
    pub fn apply(&mut self, event: &Event, now: Timestamp) -> Vec<Change> {
        let id = event.call;
        if self.ended.0.contains(&id) {
            return Vec::new();
        }
        if let EventBody::CallEnded { .. } = event.body {
            return self.end(id, now);
        }
        let mut changes = self.make_known(id);
        if let Some(known) = self.calls.get_mut(&id) {
            changes.extend(known.apply(event, now));
        }
        changes
    }

    /// Forgets calls that have been shown long enough after their end.
    pub fn sweep(&mut self, now: Timestamp) -> Vec<Change> {
        let is_over = |known: &Known| match known.shown.as_ref().map(|shown| shown.state) {
            Some(State::Ended(at)) => at + self.shown_after_end <= now,
            Some(State::Waiting | State::Current(_)) | None => false,
        };
        let over: Vec<CallId> =
            self.calls.iter().filter(|(_, known)| is_over(known)).map(|(id, _)| *id).collect();
        over.into_iter().filter_map(|id| self.forget(id)).collect()
    }

    /// A call that is shown, with its lines.
    pub fn shown(&self, id: CallId) -> Option<(&Shown, &Talk)> {
        let known = self.calls.get(&id)?;
        Some((known.shown.as_ref()?, &known.talk))
    }

    /// Every call that is shown, the latest hand-over first.
    pub fn all_shown(&self) -> Vec<CallId> {
        let shown = |(id, known): (&CallId, &Known)| Some((known.shown.as_ref()?.handover.at, *id));
        let mut all: Vec<_> = self.calls.iter().filter_map(shown).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.into_iter().map(|(_, id)| id).collect()
    }

    fn end(&mut self, id: CallId, now: Timestamp) -> Vec<Change> {
        self.remember_end(id);
        if let Some(shown) = self.calls.get_mut(&id).and_then(|known| known.shown.as_mut())
            && shown.state == State::Waiting
            && !self.shown_after_end.is_zero()
        {
            shown.state = State::Ended(now);
            return vec![Change::Call(id)];
        }
        self.forget(id).into_iter().collect()
    }

    fn remember_end(&mut self, id: CallId) {
        let (known, order) = &mut self.ended;
        if known.insert(id) {
            order.push_back(id);
        }
        if order.len() > CALLS_MAX
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
    }

    fn make_known(&mut self, id: CallId) -> Vec<Change> {
        if self.calls.contains_key(&id) {
            return Vec::new();
        }
        let mut changes = Vec::new();
        if self.calls.len() >= CALLS_MAX
            && let Some(oldest) = self.calls.iter().min_by_key(|(_, known)| known.order).map(|(id, _)| *id)
        {
            changes.extend(self.forget(oldest));
        }
        self.count += 1;
        let known = Known { order: self.count, shown: None, talk: Talk::default() };
        self.calls.insert(id, known);
        changes
    }

    fn forget(&mut self, id: CallId) -> Option<Change> {
        let shown = self.calls.remove(&id)?.shown?;
        Some(Change::Gone(id, shown.handover.route))
    }
}

impl Known {
    fn apply(&mut self, event: &Event, now: Timestamp) -> Vec<Change> {
        let id = event.call;
        let news = self.talk.apply(&event.body);
        if let EventBody::HandedOver { handover } = &event.body {
            return self.hand_over(id, handover);
        }
        let Some(shown) = &mut self.shown else { return Vec::new() };
        if shown.state == State::Waiting && is_agent_speaking(&event.body) {
            shown.state = State::Current(now);
            // The lines go with the call.
            return vec![Change::Call(id)];
        }
        let change = |news| match news {
            News::Put(line) => Change::Line(id, line),
            News::Gone(line) => Change::LineGone(id, line),
        };
        news.into_iter().map(change).collect()
    }

    /// A call may be handed on: to another team, or again to the same one.
    fn hand_over(&mut self, id: CallId, handover: &Handover) -> Vec<Change> {
        // Whatever it names: it is told of this call.
        let handover = Handover { call: id, ..handover.clone() };
        let route = handover.route.clone();
        let before = self.shown.replace(Shown { handover, state: State::Waiting });
        let left = before.map(|shown| shown.handover.route).filter(|left| *left != route);
        let gone = left.map(|route| Change::Gone(id, route));
        gone.into_iter().chain([Change::Call(id)]).collect()
    }
}

const fn is_agent_speaking(body: &EventBody) -> bool {
    matches!(
        body,
        EventBody::SpeechStarted { channel: Channel::Agent, .. }
            | EventBody::TranscriptFinal { channel: Channel::Agent, .. }
    )
}

#[cfg(test)]
mod tests;
