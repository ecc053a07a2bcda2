//! Where work beside the recognisers waits for them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bell that is rung when the way may have become free; whether it is, the recognisers' own counters say.
#[derive(Default)]
pub(super) struct Way {
    asking: Mutex<()>,
    freed: Condvar,
}

impl Way {
    /// Has everybody who waits ask again. To be called behind the change.
    pub(super) fn ask_again(&self) {
        // Whoever was told that it is taken and does not wait yet holds the lock.
        drop(self.lock());
        self.freed.notify_all();
    }

    /// Waits while the way `is_taken`, but no longer than `limit`; whether it is free.
    pub(super) fn wait(&self, limit: Duration, is_taken: impl Fn() -> bool) -> bool {
        let waited = self.freed.wait_timeout_while(self.lock(), limit, |_| is_taken());
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
