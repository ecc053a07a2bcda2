//! Learning beside live calls.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::super::machinery::cores;
use crate::asr::config::Purpose;
use crate::asr::worker::Pool;
use crate::config::Config;
use crate::intent::Pace;

/// How long one step waits for the recognisers at most. On a machine that is full all the time learning takes that much longer
/// with each sentence and each pass, but it ends.
const GIVES_WAY_MAX: Duration = Duration::from_millis(50);

/// The pace in a process that takes calls: one core, and that only while the recognisers leave one free.
pub struct BesideCalls {
    /// Recognisers that have ended need nothing.
    pool: Weak<Pool>,
    /// Recognitions in progress that take all cores.
    busy: u64,
}

impl BesideCalls {
    /// Beside the workers of `pool`, which was made from `config`.
    pub fn new(pool: &Arc<Pool>, config: &Config) -> Self {
        let threads = config.asr.resolved_threads(config.asr.engine, Purpose::Calls, cores());
        Self { pool: Arc::downgrade(pool), busy: busy(cores(), threads) }
    }
}

/// How many recognitions of so many threads take all cores; at least 1.
fn busy(cores: usize, threads: usize) -> u64 {
    (cores / threads.max(1)).max(1) as u64
}

impl Pace for BesideCalls {
    fn takes_all_cores(&self) -> bool {
        false
    }

    fn give_way(&self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.give_way(self.busy, GIVES_WAY_MAX);
        }
    }
}

impl fmt::Debug for BesideCalls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BesideCalls").field("busy", &self.busy).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asr::fake::FakeEngine;
    use crate::asr::worker::PoolConfig;

    #[test]
    fn recognitions_of_more_threads_leave_less_room() {
        for (cores, threads, expected) in [(2, 2, 1), (2, 1, 2), (8, 2, 4), (1, 2, 1), (4, 8, 1), (4, 0, 4)] {
            assert_eq!(busy(cores, threads), expected, "{cores} cores, {threads} threads");
        }
    }

    #[test]
    fn recognisers_that_have_ended_are_not_waited_for() {
        let engine = Arc::new(FakeEngine::hearing("oui"));
        let pool = Pool::start(engine, PoolConfig { workers: 1, queue_capacity: 1 }).expect("it starts");
        let pool = Arc::new(pool);
        let pace = BesideCalls::new(&pool, &Config::default());
        assert!(!pace.takes_all_cores());
        pace.give_way();
        drop(pool);
        assert!(pace.pool.upgrade().is_none(), "learning keeps no model in memory");
        pace.give_way();
    }
}
