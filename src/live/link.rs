//! What the two sides of a live call share: the ingress on its connection, the engines, and the thread that listens.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::bell::{Bell, IsReady, Urgency};
use super::command::Abilities;
use super::command::Command;
use super::inbox::{Inbox, Item};
use super::log::EventLog;
use super::session::Session;
use crate::call::{CallId, Channel};

/// Commands that may wait for the connection; more are refused.
pub(super) const COMMANDS_MAX: usize = 64;

/// Who waits for a call that stands still rings again after this: what the recogniser had no room for is sent anew when the
/// call moves.
const RING_AGAIN: Duration = Duration::from_millis(10);

/// See the module. Share it by `Arc`.
pub(super) struct Link {
    pub(super) id: CallId,
    pub(super) log: Arc<EventLog>,
    pub(super) bell: Arc<Bell>,
    pub(super) is_ready: IsReady,
    pub(super) commands: mpsc::Sender<Command>,
    /// Who is heard, in the order of the tracks.
    pub(super) channels: Vec<Channel>,
    pub(super) abilities: Abilities,
    /// See [`Link::is_calm`].
    is_calm: AtomicBool,
    state: Mutex<State>,
    /// The thread that listens has taken something up.
    moved: Condvar,
}

struct State {
    inbox: Inbox,
    /// On its way to the thread that listens.
    session: Option<Box<Session>>,
    /// Nothing waits, nobody is asked and everything is announced.
    is_idle: bool,
    is_over: bool,
    /// Threads that wait for the call to move; without any, telling nobody would cost a system call a frame.
    waiting: usize,
}

impl Link {
    pub(super) fn new(
        log: Arc<EventLog>,
        bell: Arc<Bell>,
        inbox: Inbox,
        (channels, abilities): (Vec<Channel>, Abilities),
    ) -> (Arc<Self>, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        let state = Mutex::new(State { inbox, session: None, is_idle: false, is_over: false, waiting: 0 });
        let (id, is_ready, moved) = (log.call(), IsReady::default(), Condvar::new());
        let is_calm = AtomicBool::new(false);
        let link = Self { id, log, bell, is_ready, commands, channels, abilities, is_calm, state, moved };
        (Arc::new(link), receiver)
    }

    /// Hands the session to the thread that listens.
    pub(super) fn begin(self: &Arc<Self>, session: Session) {
        self.lock().session = Some(Box::new(session));
        self.bell.ring(self, Urgency::Now);
    }

    /// Takes the session over, once.
    pub(super) fn take_session(&self) -> Option<Box<Session>> {
        self.lock().session.take()
    }

    /// Puts something into the inbox and rings.
    pub(super) fn put<T>(self: &Arc<Self>, urgency: Urgency, put: impl FnOnce(&mut Inbox) -> T) -> T {
        let mut state = self.lock();
        let result = put(&mut state.inbox);
        state.is_idle = false;
        drop(state);
        self.bell.ring(self, urgency);
        result
    }

    /// An engine or the store answers.
    pub(super) fn answer(self: &Arc<Self>, item: Item) {
        self.put(Urgency::Now, |inbox| inbox.push_answer(item));
    }

    /// Everything that waits, for an empty list that takes its place; those who wait for room may go on.
    pub(super) fn take_items(&self, room: VecDeque<Item>) -> VecDeque<Item> {
        let mut state = self.lock();
        let items = state.inbox.take(room);
        self.moved(state);
        items
    }

    /// Notes whether anything is still to come, as far as the thread that listens can see.
    pub(super) fn set_idle(&self, is_idle: bool, is_over: bool) {
        let mut state = self.lock();
        state.is_idle = is_idle && state.inbox.is_empty();
        state.is_over |= is_over;
        self.moved(state);
    }

    /// Notes whether nobody speaks and nothing is played.
    pub(super) fn set_calm(&self, is_calm: bool) {
        self.is_calm.store(is_calm, Ordering::Relaxed);
    }

    /// Whether nobody spoke and nothing was played for a while, as far as the call was listened to. Sound may then come in
    /// bigger pieces.
    pub(super) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    fn moved(&self, state: MutexGuard<'_, State>) {
        let is_waited_for = state.waiting > 0;
        drop(state);
        if is_waited_for {
            self.moved.notify_all();
        }
    }

    /// Whether `samples` of a track fit into the inbox.
    pub(super) fn has_room(&self, track: usize, samples: usize) -> bool {
        samples <= self.lock().inbox.room(track)
    }

    /// Most samples of a track for which it makes sense to wait.
    pub(super) fn most(&self, track: usize) -> usize {
        self.lock().inbox.capacity(track)
    }

    /// Waits until `samples` of a track fit into the inbox, or the call is over.
    pub(super) fn wait_for_room(self: &Arc<Self>, track: usize, samples: usize) {
        let mut state = self.lock();
        state.waiting += 1;
        while !state.is_over && state.inbox.room(track) < samples && !state.inbox.is_empty() {
            self.bell.ring(self, Urgency::Now);
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
    }

    /// Waits until nothing waits, nobody is asked and everything is announced, or the call is over.
    pub(super) fn wait_until_idle(self: &Arc<Self>) {
        let is_busy = |state: &mut State| !state.is_over && !state.is_idle;
        let mut state = self.lock();
        state.waiting += 1;
        while is_busy(&mut state) {
            self.bell.ring(self, Urgency::Now);
            // Whatever is on its way rings when it comes. Ringing at every move would keep two threads busy with each other
            // for as long as a decoding takes.
            let waited = self.moved.wait_timeout_while(state, RING_AGAIN, is_busy);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Link").field("id", &self.id).finish_non_exhaustive()
    }
}
