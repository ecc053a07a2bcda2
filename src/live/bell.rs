//! Wakes the thread that listens, and tells it for which calls.
//!
//! A call rings when something waits in its inbox. Sound may wait a moment, so that what arrives for other calls
//! meanwhile is worked on in the same batch; answers of the engines and keys may not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::link::Link;

/// Whether what waits may wait a moment more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    Sound,
    Now,
}

/// See the module.
#[derive(Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Default)]
struct State {
    /// Each call at most once.
    ready: Vec<Arc<Link>>,
    is_urgent: bool,
    is_stopped: bool,
}

/// One call's place on the bell.
#[derive(Debug, Default)]
pub(super) struct IsReady(AtomicBool);

impl Bell {
    pub(super) fn ring(&self, link: &Arc<Link>, urgency: Urgency) {
        let is_news = !link.is_ready.0.swap(true, Ordering::AcqRel);
        if !is_news && urgency == Urgency::Sound {
            return;
        }
        let mut state = self.lock();
        // Between the first sound and the end of `batch_wait` nobody need be woken for more of it: with 200 calls that was
        // half of all that listening to silence costs.
        let wakes = state.ready.is_empty() || urgency == Urgency::Now;
        if is_news {
            state.ready.push(Arc::clone(link));
        }
        state.is_urgent |= urgency == Urgency::Now;
        drop(state);
        if wakes {
            self.rung.notify_one();
        }
    }

    /// Ends the thread that listens.
    pub(super) fn stop(&self) {
        self.lock().is_stopped = true;
        self.rung.notify_one();
    }

    /// Waits for calls that rang, at most `patience`, and then for more of them for `batch_wait` unless one is urgent.
    /// `None` when it was stopped.
    pub(super) fn wait(&self, batch_wait: Duration, patience: Duration) -> Option<Vec<Arc<Link>>> {
        let is_quiet = |state: &mut State| state.ready.is_empty() && !state.is_stopped;
        let state = self.rung.wait_timeout_while(self.lock(), patience, is_quiet);
        let mut state = state.unwrap_or_else(PoisonError::into_inner).0;
        if !state.ready.is_empty() && !batch_wait.is_zero() {
            let may_wait = |state: &mut State| !state.is_urgent && !state.is_stopped;
            let waited = self.rung.wait_timeout_while(state, batch_wait, may_wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.is_stopped {
            return None;
        }
        state.is_urgent = false;
        let ready = std::mem::take(&mut state.ready);
        drop(state);
        // From here on the call rings again: what it rang for is taken after this.
        ready.iter().for_each(|link| link.is_ready.0.store(false, Ordering::Release));
        Some(ready)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
