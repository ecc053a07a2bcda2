//! The board of the running service and the changes that its readers are told.
//!
//! Invariants: changes are numbered without holes; the last `CHANGES_KEPT` are there for readers that are slow or come
//! back; whoever is further behind gets the whole picture anew. Nobody is waited for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::board::{Board, Change};
use super::card::{call_json, line_json, snapshot_json};
use super::routes::Routes;
use crate::call::event::EventBody;
use crate::clock::Clock;
use crate::live::{EventLog, Live};
use crate::redact::Redacted;

/// Changes that are kept: with partials of fifty calls, half a minute.
const CHANGES_KEPT: usize = 2_048;
/// Pages that are told at once.
const READERS_MAX: usize = 256;

/// See the module. Share it by `Arc`.
pub struct Hub {
    state: Mutex<State>,
    news: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
    shown_after_end: Duration,
    /// Tells the changes of this process from those of an earlier one.
    epoch: String,
    places: Arc<Semaphore>,
}

struct State {
    board: Board,
    changes: VecDeque<Arc<Told>>,
    /// Number of the newest change; 0 before the first.
    newest: u64,
}

struct Told {
    number: u64,
    route: String,
    name: &'static str,
    data: Redacted<String>,
}

/// What a reader is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Where to go on after it.
    pub id: String,
    /// `snapshot`, `call`, `line`, `line.gone` or `call.gone`.
    pub name: &'static str,
    /// JSON.
    pub data: Redacted<String>,
}

/// How much is shown, and to how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Calls.
    pub calls: usize,
    /// Pages.
    pub readers: usize,
}

impl Hub {
    /// Nothing is shown yet.
    pub fn new(clock: Arc<dyn Clock>, shown_after_end: Duration) -> Arc<Self> {
        let (news, _) = watch::channel(0);
        let board = Board::new(shown_after_end);
        Arc::new(Self {
            state: Mutex::new(State { board, changes: VecDeque::new(), newest: 0 }),
            news,
            clock,
            shown_after_end,
            epoch: uuid::Uuid::new_v4().simple().to_string(),
            places: Arc::new(Semaphore::new(READERS_MAX)),
        })
    }

    /// Follows every call that begins from now on.
    pub fn follow_all(self: &Arc<Self>, live: &Live, runtime: Handle) {
        let hub = Arc::clone(self);
        live.on_open(move |log| {
            runtime.spawn(Arc::clone(&hub).follow(log));
        });
    }

    async fn follow(self: Arc<Self>, log: Arc<EventLog>) {
        let mut reader = log.subscribe(1);
        loop {
            match reader.next().await {
                Ok(Some(event)) => {
                    let now = self.clock.wall();
                    self.change(|board| board.apply(&event, now));
                    if matches!(event.body, EventBody::CallEnded { .. }) && !self.shown_after_end.is_zero() {
                        tokio::time::sleep(self.shown_after_end).await;
                        let now = self.clock.wall();
                        self.change(|board| board.sweep(now));
                    }
                }
                Ok(None) => return,
                Err(missed) => {
                    tracing::warn!(call = %log.call(), %missed, "the desk may show too little of a call")
                }
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Board) -> Vec<Change>) {
        let mut state = self.lock();
        for change in change(&mut state.board) {
            let Some((route, name, data)) = told(&state.board, &change) else { continue };
            state.newest += 1;
            let told = Told { number: state.newest, route, name, data: data.to_string().into() };
            state.changes.push_back(Arc::new(told));
            if state.changes.len() > CHANGES_KEPT {
                state.changes.pop_front();
            }
        }
        let newest = state.newest;
        drop(state);
        self.news.send_if_modified(|news| std::mem::replace(news, newest) != newest);
    }

    /// A reader for some routes; `last` is the id behind which it goes on. `None` when there are too many readers.
    pub fn subscribe(self: &Arc<Self>, routes: Routes, last: Option<&str>) -> Option<Reader> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let seen = last.and_then(|last| last.split_once('-'));
        let seen = seen.filter(|(epoch, _)| *epoch == self.epoch).and_then(|(_, number)| number.parse().ok());
        let news = self.news.subscribe();
        Some(Reader { hub: Arc::clone(self), news, routes, seen, has_begun: false, _place: place })
    }

    /// How much is shown, and to how many.
    pub fn figures(&self) -> Figures {
        let readers = READERS_MAX - self.places.available_permits();
        Figures { calls: self.lock().board.all_shown().len(), readers }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose change it is, its name and its data; `None` when a later change of the same event made it void.
fn told(board: &Board, change: &Change) -> Option<(String, &'static str, Value)> {
    let route = |id| board.shown(id).map(|(shown, _)| shown.handover.route.clone());
    Some(match change {
        Change::Call(id) => {
            let (shown, talk) = board.shown(*id)?;
            (shown.handover.route.clone(), "call", call_json(shown, talk))
        }
        Change::Line(id, line) => {
            let mut json = line_json(line);
            json["call"] = id.to_string().into();
            (route(*id)?, "line", json)
        }
        Change::LineGone(id, line) => {
            (route(*id)?, "line.gone", json!({ "call": id.to_string(), "id": line }))
        }
        Change::Gone(id, route) => (route.clone(), "call.gone", json!({ "call": id.to_string() })),
    })
}

/// One page that is told.
pub struct Reader {
    hub: Arc<Hub>,
    news: watch::Receiver<u64>,
    routes: Routes,
    /// Number of the last change that it knows; `None` before its first picture.
    seen: Option<u64>,
    /// Whether it was told anything yet: what an earlier connection knew is not what this one missed.
    has_begun: bool,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// The time, for pages that count by it.
    pub fn now(&self) -> Timestamp {
        self.hub.clock.wall()
    }

    /// Waits for what is next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Sent {
        loop {
            self.news.borrow_and_update();
            if let Some(sent) = self.find() {
                return sent;
            }
            // The hub is held by this reader, so its sender is there.
            drop(self.news.changed().await);
        }
    }

    fn find(&mut self) -> Option<Sent> {
        let state = self.hub.lock();
        let first = state.newest + 1 - state.changes.len() as u64;
        let is_there = |seen: u64| seen + 1 >= first && seen <= state.newest;
        let Some(seen) = self.seen.filter(|seen| is_there(*seen)) else {
            let missed = self.has_begun;
            let data = snapshot_json(&state.board, &self.routes, (self.hub.clock.wall(), missed));
            (self.seen, self.has_begun) = (Some(state.newest), true);
            return Some(self.sent(state.newest, "snapshot", data.to_string().into()));
        };
        let mine = state.changes.iter().skip((seen + 1 - first) as usize);
        let told = mine.into_iter().find(|told| self.routes.include(&told.route)).map(Arc::clone);
        self.has_begun = true;
        self.seen = Some(told.as_ref().map_or(state.newest, |told| told.number));
        told.map(|told| self.sent(told.number, told.name, told.data.clone()))
    }

    fn sent(&self, number: u64, name: &'static str, data: Redacted<String>) -> Sent {
        Sent { id: format!("{}-{number}", self.hub.epoch), name, data }
    }
}

#[cfg(test)]
mod tests;
