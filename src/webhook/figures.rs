//! What is counted of the deliveries to one receiver, since the start.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::live::{Histogram, HistogramSnapshot};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) waiting: AtomicU64,
    pub(super) delay: Histogram,
    pub(super) attempt: Histogram,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One message less waits.
pub(super) fn gone(waiting: &AtomicU64) {
    // Never below nothing: a message of an earlier process may be removed before it was counted.
    let _ = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
}

/// The figures of one receiver at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub receiver: String,
    /// Messages that it took.
    pub delivered: u64,
    /// Messages that were given up after an attempt, or could not be kept.
    pub failed: u64,
    /// Messages that had to make room for newer ones.
    pub dropped: u64,
    /// Attempts that failed and are followed by another one.
    pub retried: u64,
    /// Messages that wait, those under way included.
    pub waiting: u64,
    /// From the hand-over to the first attempt.
    pub delay: HistogramSnapshot,
    /// Length of an attempt.
    pub attempt: HistogramSnapshot,
}

impl Figures {
    pub(super) fn snapshot(&self, receiver: &str) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            receiver: receiver.to_owned(),
            delivered: read(&self.delivered),
            failed: read(&self.failed),
            dropped: read(&self.dropped),
            retried: read(&self.retried),
            waiting: read(&self.waiting),
            delay: self.delay.snapshot(),
            attempt: self.attempt.snapshot(),
        }
    }
}
