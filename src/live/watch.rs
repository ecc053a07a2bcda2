//! Whether the threads that calls depend on are alive: seen by a thread of its own, since one that hangs can tell nobody.
//!
//! The thread that listens beats at each of its steps; a recogniser shows its steps to its pool. Who is at one step for
//! longer than `live.watchdog` hangs. Nobody can take the place of the thread that listens: as long as it hangs no call is
//! taken and the service says that it is not ready. The worker of a recogniser is replaced ([`Pool::look`]).
//!
//! [`Pool::look`]: crate::asr::worker::Pool::look

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Machine;
use super::decoding;
use super::metrics::count;
use crate::asr::worker::Patience;
use crate::threads::Member;

/// How often the others are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why calls cannot be listened to as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The thread that listens has ended by a fault; only a new start of the process helps.
    HearingEnded,
    /// The thread that listens hangs: nothing is heard in any call until it goes on.
    HearingStuck,
    /// A recogniser hangs, and so many did before that no more are replaced.
    RecognitionStuck,
}

impl Trouble {
    /// Name for interfaces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HearingEnded => "hearing_ended",
            Self::HearingStuck => "hearing_stuck",
            Self::RecognitionStuck => "recognition_stuck",
        }
    }

    /// Whether nothing is heard in any call.
    pub const fn is_deaf(self) -> bool {
        match self {
            Self::HearingEnded | Self::HearingStuck => true,
            Self::RecognitionStuck => false,
        }
    }
}

/// Shows of a thread whether it is at work and how far. Costs no look at a clock.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    steps: AtomicU64,
    is_at_work: AtomicBool,
}

impl Pulse {
    /// A step begins. Only the thread itself tells that, so counting needs no exchange with others.
    pub(super) fn beat(&self) {
        self.steps.store(self.steps.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.is_at_work.store(true, Ordering::Release);
    }

    /// The thread has nothing to do until somebody wakes it.
    pub(super) fn rest(&self) {
        self.is_at_work.store(false, Ordering::Release);
    }

    /// The step that it is at, if any.
    fn step(&self) -> Option<u64> {
        self.is_at_work.load(Ordering::Acquire).then(|| self.steps.load(Ordering::Relaxed))
    }
}

/// What is known of the other threads.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Of the thread that listens.
    pub(super) hearing: Pulse,
    /// The step that the thread that listens was last seen at, and since when.
    seen: Mutex<Option<(u64, Instant)>>,
    is_hearing_stuck: AtomicBool,
    is_recognition_stuck: AtomicBool,
    is_stopped: Mutex<bool>,
    stopped: Condvar,
}

impl Watch {
    pub(super) fn is_hearing_stuck(&self) -> bool {
        self.is_hearing_stuck.load(Ordering::Acquire)
    }

    pub(super) fn is_recognition_stuck(&self) -> bool {
        self.is_recognition_stuck.load(Ordering::Acquire)
    }

    /// Ends the thread that looks.
    pub(super) fn stop(&self) {
        *self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stopped.notify_all();
    }

    /// Waits until it is time to look; `false` when it was stopped.
    fn waits(&self) -> bool {
        let stopped = self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.stopped.wait_timeout_while(stopped, LOOK_EVERY, |is_stopped| !*is_stopped);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether the thread that listens has been at one step for as long as `limit`.
    fn hangs(&self, now: Instant, limit: Duration) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(step) = self.hearing.step() else {
            *seen = None;
            return false;
        };
        match *seen {
            Some((before, since)) if before == step => now.saturating_duration_since(since) >= limit,
            Some(_) | None => {
                *seen = Some((step, now));
                false
            }
        }
    }
}

/// Starts the thread that looks.
pub(super) fn start(machine: &Arc<Machine>) -> io::Result<Member> {
    let shared = Arc::clone(machine);
    machine.crew.spawn("live-watch", move || {
        while shared.watch.waits() {
            look(&shared);
        }
    })
}

/// Looks at the others once.
pub(super) fn look(machine: &Machine) {
    let (now, watch, limit) = (machine.clock.monotonic(), &machine.watch, machine.config.watchdog);
    let hangs = watch.hangs(now, limit);
    match (watch.is_hearing_stuck.swap(hangs, Ordering::AcqRel), hangs) {
        (false, true) => {
            count(&machine.metrics.hearing_stuck);
            tracing::error!("the thread that listens to calls hangs; no call is taken until it goes on");
        }
        (true, false) => tracing::warn!("the thread that listens to calls goes on"),
        (false, false) | (true, true) => {}
    }
    let patience = Patience { live: limit, batch: decoding::longest(limit) };
    let stuck = machine.pool.look(now, patience);
    watch.is_recognition_stuck.store(stuck.remaining > 0, Ordering::Release);
}
