//! The thread that listens to every call.
//!
//! It owns the sessions, so nothing of a call is locked while it is worked on. Each round takes up what waits for the
//! calls that rang, judges their windows in batches across all calls, and announces what follows. A panic while one call
//! is worked on is caught there, and so is one while that is mended; the others do not notice. Should the thread end all
//! the same, every call is told so and no further one is taken.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Machine;
use super::admission::Relief;
use super::bell::Urgency;
use super::link::Link;
use super::metrics::count;
use super::session::Session;
use super::voices::{VoiceDetector, Window};
use crate::call::CallId;
use crate::call::event::CallEndReason;

/// How often calls are looked after that do not ring.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Windows judged at once. More than this gains nothing and delays the first.
const BATCH_MAX: usize = 64;

/// The sessions, each looked for several times a round.
type Sessions = HashMap<CallId, Box<Session>, BuildHasherDefault<OwnHash>>;

/// An identity is half random and made by the service, nobody can choose it: so it needs no further hash.
#[derive(Default)]
struct OwnHash(u64);

impl Hasher for OwnHash {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.as_chunks().0 {
            // A map looks at both ends, and at the ends of a part stand the time, the version and the variant.
            self.0 ^= u64::from_be_bytes(*part).rotate_left(u32::BITS);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// See the module.
pub(super) struct Hearing {
    machine: Arc<Machine>,
    detector: Box<dyn VoiceDetector>,
    sessions: Sessions,
    watched: Instant,
    batch: Vec<Window>,
    /// Whose the windows of the batch are: call, track, level.
    owners: Vec<(CallId, usize, f32)>,
    probabilities: Vec<Option<f32>>,
}

impl Hearing {
    pub(super) fn new(machine: Arc<Machine>, detector: Box<dyn VoiceDetector>) -> Self {
        let watched = machine.clock.monotonic();
        Self {
            machine,
            detector,
            sessions: Sessions::default(),
            watched,
            batch: Vec::new(),
            owners: Vec::new(),
            probabilities: Vec::new(),
        }
    }

    /// Listens until the bell is stopped; calls that go on then are given up.
    pub(super) fn run(mut self) {
        // Whoever waits for a call must not wait for a thread that is gone, whatever ended it.
        let _last = LastOut(Arc::clone(&self.machine));
        let machine = Arc::clone(&self.machine);
        while let Some(ready) = machine.bell.wait(machine.config.batch_wait, WATCH_EVERY) {
            machine.watch.hearing.beat();
            self.round(&ready);
            machine.watch.hearing.rest();
        }
        for session in self.sessions.values_mut() {
            session.give_up(&self.machine, CallEndReason::Shutdown);
        }
    }

    fn round(&mut self, ready: &[Arc<Link>]) {
        for link in ready {
            if !self.sessions.contains_key(&link.id)
                && let Some(session) = link.take_session()
            {
                self.sessions.insert(link.id, session);
            }
        }
        let mut again = Vec::new();
        for link in ready {
            let wants_more = self.with(link.id, |session, machine| session.take_up(machine));
            if wants_more == Some(true) {
                again.push(link);
            }
        }
        while self.gather(ready) && self.judge() {}
        for link in ready {
            self.with(link.id, |session, machine| session.settle(machine));
        }
        again.into_iter().for_each(|link| link.bell.ring(link, Urgency::Now));
        self.watch();
        self.forget_ended(ready);
    }

    /// Collects at most one window of each channel; `false` when no window is due.
    fn gather(&mut self, ready: &[Arc<Link>]) -> bool {
        self.batch.clear();
        self.owners.clear();
        for link in ready {
            let tracks = self.sessions.get(&link.id).map_or(0, |session| session.tracks.len());
            for track in 0..tracks {
                let due = self.with(link.id, |session, machine| session.next_window(machine, track));
                if let Some(Some((window, level_dbfs))) = due {
                    self.batch.push(window);
                    self.owners.push((link.id, track, level_dbfs));
                }
            }
        }
        !self.batch.is_empty()
    }

    /// Judges the batch; `false` when no window of it got an answer.
    fn judge(&mut self) -> bool {
        let mut has_progressed = false;
        let owners = std::mem::take(&mut self.owners);
        let batch = std::mem::take(&mut self.batch);
        for (windows, owners) in batch.chunks(BATCH_MAX).zip(owners.chunks(BATCH_MAX)) {
            self.machine.watch.hearing.beat();
            let began = self.machine.clock.monotonic();
            let (detector, probabilities) = (&mut self.detector, &mut self.probabilities);
            // A detector that panicked is asked again; channels that it does not answer are started anew in time.
            let asked = catch_unwind(AssertUnwindSafe(|| detector.judge(windows, probabilities)));
            if asked.is_err() {
                self.machine.metrics.panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!("voice detection panicked");
                self.probabilities.clear();
            }
            let metrics = &self.machine.metrics;
            metrics.detection.record(self.machine.clock.monotonic().duration_since(began));
            metrics.windows.fetch_add(windows.len() as u64, Ordering::Relaxed);
            self.probabilities.resize(windows.len(), None);
            let answers = std::mem::take(&mut self.probabilities);
            for ((call, track, level_dbfs), probability) in owners.iter().zip(&answers) {
                if let Some(probability) = *probability {
                    has_progressed = true;
                    let judged = (probability, *level_dbfs);
                    self.with(*call, |session, machine| session.judged(machine, *track, judged));
                }
            }
            self.probabilities = answers;
        }
        (self.owners, self.batch) = (owners, batch);
        has_progressed
    }

    /// Works on one call. A panic there starts its chains anew; `None` then, and for a call that is gone.
    fn with<T>(&mut self, call: CallId, work: impl FnOnce(&mut Session, &Machine) -> T) -> Option<T> {
        let machine = &self.machine;
        machine.watch.hearing.beat();
        let session = self.sessions.get_mut(&call).filter(|session| !session.is_over())?;
        // After a panic every chain of the session is built anew, so nothing half done is seen again.
        let worked = catch_unwind(AssertUnwindSafe(|| work(session, machine)));
        if worked.is_err() {
            mend(session, machine);
        }
        for voice in session.take_restarted() {
            let (detector, session) = (&mut self.detector, &mut *session);
            if catch_unwind(AssertUnwindSafe(|| detector.reset(voice))).is_err() {
                abandon(session, machine);
            }
        }
        worked.ok()
    }

    /// Looks after every call, once a second.
    fn watch(&mut self) {
        let now = self.machine.clock.monotonic();
        if now.saturating_duration_since(self.watched) < WATCH_EVERY {
            return;
        }
        self.watched = now;
        self.relieve(now);
        let calls: Vec<CallId> = self.sessions.keys().copied().collect();
        for call in calls {
            self.with(call, |session, machine| session.watch(machine, now));
        }
    }

    /// Has every call do with less when finals come late, and with all again when they do not.
    fn relieve(&self, now: Instant) {
        let changed = self.machine.admission().step(now);
        match changed {
            Some(Relief::NoPartials) => {
                count(&self.machine.metrics.partials_stopped);
                tracing::warn!("finals come late: no call gets partials until they are in time again");
            }
            Some(Relief::None) => {
                count(&self.machine.metrics.partials_resumed);
                tracing::info!("finals are in time again: calls get partials");
            }
            None => {}
        }
    }

    fn forget_ended(&mut self, ready: &[Arc<Link>]) {
        for link in ready {
            if self.sessions.get(&link.id).is_some_and(|session| session.is_over())
                && let Some(session) = self.sessions.remove(&link.id)
            {
                // A voice that the detector cannot let go of costs memory, no call.
                let closed = catch_unwind(AssertUnwindSafe(|| {
                    session.voices().for_each(|voice| self.detector.close(voice));
                }));
                if closed.is_err() {
                    self.machine.metrics.panics.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(call = %link.id, "the voice detector panicked at the end of a call");
                }
            }
        }
    }
}

/// Starts a call anew in which something panicked; a call that panics at that too is given up.
fn mend(session: &mut Session, machine: &Machine) {
    if catch_unwind(AssertUnwindSafe(|| session.failed(machine))).is_err() {
        abandon(session, machine);
    }
}

/// Gives a call up that cannot be mended, and, when even that panics, tells those who wait for it that it is over.
fn abandon(session: &mut Session, machine: &Machine) {
    machine.metrics.panics.fetch_add(1, Ordering::Relaxed);
    tracing::error!(call = %session.link.id, "a call that panicked cannot be mended and is given up");
    let given_up = catch_unwind(AssertUnwindSafe(|| session.give_up(machine, CallEndReason::Failed)));
    if given_up.is_err() {
        session.forget();
        machine.end(&session.link, CallEndReason::Failed);
    }
}

/// Tells everybody when the thread that listens has ended, by a panic too.
struct LastOut(Arc<Machine>);

impl Drop for LastOut {
    fn drop(&mut self) {
        self.0.nobody_listens();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher as _;

    use super::*;
    use crate::pipeline::analyse::new_call_id;

    #[test]
    fn calls_that_begin_in_one_moment_are_spread_over_the_whole_map() {
        let hasher = BuildHasherDefault::<OwnHash>::default();
        let hash = |_| hasher.hash_one(new_call_id(jiff::Timestamp::UNIX_EPOCH));
        let hashes: Vec<u64> = (0..2_000).map(hash).collect();
        // What a map of hundreds of calls looks at: 8 bits for the place, 7 to tell apart what stands there.
        let places: HashSet<u64> = hashes.iter().map(|hash| hash & 0xff).collect();
        let marks: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
        assert!(places.len() > 240 && marks.len() > 120, "{} {}", places.len(), marks.len());
    }
}
