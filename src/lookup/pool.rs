//! A few connections to one source.
//!
//! sqlx's own pool waits out its time-out when a server refuses the connection; a caller should hear at once that the
//! source is down. Here a connection that failed, or whose look-up was given up, is dropped and never used again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

/// Look-ups at once at one source. A look-up takes milliseconds, so four serve hundreds of calls; a source that got slow
/// is not buried under more.
pub(super) const CONNECTIONS_MAX: usize = 4;

/// An idle connection that is older is not used again: firewalls forget such ones without a word, and then it hangs.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Idle connections, and places for those at work.
pub(super) struct Pool<C> {
    places: Semaphore,
    idle: Mutex<Vec<(C, Instant)>>,
}

/// The right to use one connection; the place is free again when it is dropped.
pub(super) struct Place<'p, C> {
    pool: &'p Pool<C>,
    // The semaphore is never closed, so this is never an error.
    _permit: Result<SemaphorePermit<'p>, AcquireError>,
}

impl<C> Pool<C> {
    pub(super) fn new() -> Self {
        Self { places: Semaphore::new(CONNECTIONS_MAX), idle: Mutex::new(Vec::new()) }
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Place<'_, C> {
        Place { _permit: self.places.acquire().await, pool: self }
    }
}

impl<C> Place<'_, C> {
    /// The connection that was used last, if it was not long ago.
    pub(super) fn idle(&self, now: Instant) -> Option<C> {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| now.saturating_duration_since(*since) <= IDLE_MAX);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Gives the connection back after a look-up that went well.
    pub(super) fn keep(self, connection: C, now: Instant) {
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push((connection, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, ManualClock};

    #[tokio::test]
    async fn the_connection_used_last_is_used_again_until_it_is_old() {
        let clock = ManualClock::at(jiff::Timestamp::UNIX_EPOCH);
        let pool = Pool::new();
        let (first, second) = (pool.place().await, pool.place().await);
        first.keep(1, clock.monotonic());
        second.keep(2, clock.monotonic());
        let place = pool.place().await;
        assert_eq!(place.idle(clock.monotonic()), Some(2));
        clock.advance(IDLE_MAX + Duration::from_millis(1));
        assert_eq!(place.idle(clock.monotonic()), None);
    }

    #[tokio::test]
    async fn no_more_than_the_limit_are_at_work() {
        let pool = Pool::<u8>::new();
        let mut places = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            places.push(pool.place().await);
        }
        let waiting = tokio::time::timeout(Duration::from_millis(5), pool.place());
        assert!(waiting.await.is_err());
        places.pop();
        assert!(tokio::time::timeout(Duration::from_secs(5), pool.place()).await.is_ok());
    }
}
