//! The threads that recognise, and the queue before them.
//!
//! Inference blocks a processor core for tenths of a second, so it runs on threads of its own, never on an async
//! runtime. Every worker has its own recogniser over the shared model. Requests wait in three lanes, most urgent first:
//!
//! | lane | when it is full |
//! |---|---|
//! | live final | the request is refused with [`Error::Busy`]: whoever takes calls must degrade or refuse calls |
//! | live partial | the oldest partial makes room (its ticket gets [`Error::Busy`]): a newer one says more |
//! | batch | the submitter waits: a recording has time |
//!
//! Each lane has its own bound, so batch work never takes the room of a live request; it holds a worker at most for the
//! recognition in progress. A panic in an engine fails that one request; the worker goes on with a new recogniser.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::{CancelFlag, Engine, Error, Priority, Recognition, Recognizer, Request};
use crate::queue::{self, LaneRule, Lanes, PushError, WhenFull};

/// Size of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// Threads, each with its own recogniser; at least 1.
    pub workers: usize,
    /// Requests of each lane that may wait; at least 1.
    pub queue_capacity: usize,
}

/// Counters of a pool since its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSnapshot {
    /// The queue; its lanes are live final, live partial, batch.
    pub queue: queue::Snapshot,
    /// Requests in progress.
    pub running: u64,
    /// Requests that gave a recognition.
    pub recognized: u64,
    /// Requests that were cancelled, waiting or in progress.
    pub cancelled: u64,
    /// Requests that failed, panics included.
    pub failed: u64,
    /// Panics of the engine, each followed by a new recogniser.
    pub panicked: u64,
}

/// Recogniser threads over one engine. Dropping it cancels what waits and what runs, and waits for the threads;
/// [`Pool::drain`] finishes the work first.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    lanes: Lanes<Job>,
    counters: Counters,
    /// Set when the pool is dropped; looked at after a request was taken, so that none slips through.
    stopping: CancelFlag,
    /// The flag of the request that each worker has in hand.
    running: Vec<Mutex<Option<CancelFlag>>>,
}

#[derive(Default)]
struct Counters {
    running: AtomicU64,
    recognized: AtomicU64,
    cancelled: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
}

struct Job {
    request: Request,
    cancel: CancelFlag,
    reply: queue::Sender<Result<Recognition, Error>>,
}

/// A submitted request. Dropping it without waiting cancels the request: nobody would read the result.
#[derive(Debug)]
pub struct Ticket {
    cancel: CancelFlag,
    reply: queue::Receiver<Result<Recognition, Error>>,
}

impl Ticket {
    /// Waits for the result.
    ///
    /// # Errors
    /// What the engine gave; [`Error::Cancelled`] after [`Ticket::cancel`], [`Error::Busy`] for a partial that made
    /// room, [`Error::Panicked`], [`Error::Closed`] when the pool was dropped.
    pub fn wait(self) -> Result<Recognition, Error> {
        self.reply.receive().unwrap_or(Err(Error::Closed))
    }

    /// Stops the request, waiting or in progress. The result may already be there.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Pool {
    /// Makes a recogniser for each worker and starts the threads.
    ///
    /// # Errors
    /// [`Error::State`] when a recogniser cannot be made, [`Error::Thread`] when a thread cannot be started.
    pub fn start(engine: Arc<dyn Engine>, config: PoolConfig) -> Result<Self, Error> {
        let rule = |when_full| LaneRule { capacity: config.queue_capacity, when_full };
        let rules = [rule(WhenFull::Refuse), rule(WhenFull::DropOldest), rule(WhenFull::Block)];
        let workers = config.workers.max(1);
        let shared = Arc::new(Shared {
            lanes: Lanes::new("asr", &rules),
            counters: Counters::default(),
            stopping: CancelFlag::new(),
            running: (0..workers).map(|_| Mutex::default()).collect(),
        });
        let mut pool = Self { shared, threads: Vec::with_capacity(workers) };
        for index in 0..workers {
            let worker = Worker {
                index,
                recognizer: Some(engine.recognizer()?),
                engine: Arc::clone(&engine),
                shared: Arc::clone(&pool.shared),
            };
            let thread = thread::Builder::new()
                .name(format!("asr-{index}"))
                .spawn(move || worker.run())
                .map_err(|source| Error::Thread { source })?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Puts a request in its lane. Blocks only for [`Priority::Batch`], while that lane is full.
    ///
    /// # Errors
    /// [`Error::Busy`] when the lane of live finals is full.
    pub fn submit(&self, request: Request) -> Result<Ticket, Error> {
        let (sender, reply) = queue::bounded("asr ticket", 1);
        let cancel = CancelFlag::new();
        let lane = lane_of(request.priority);
        let job = Job { request, cancel: cancel.clone(), reply: sender };
        match self.shared.lanes.push(lane, job) {
            Ok(evicted) => {
                if let Some(evicted) = evicted {
                    evicted.answer(Err(Error::Busy { waiting: self.waiting() }));
                }
                Ok(Ticket { cancel, reply })
            }
            Err(PushError::Full(_)) => Err(Error::Busy { waiting: self.waiting() }),
            Err(PushError::Closed(_)) => Err(Error::Closed),
        }
    }

    /// The counters at this moment.
    pub fn snapshot(&self) -> PoolSnapshot {
        let counters = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PoolSnapshot {
            queue: self.shared.lanes.snapshot(),
            running: read(&counters.running),
            recognized: read(&counters.recognized),
            cancelled: read(&counters.cancelled),
            failed: read(&counters.failed),
            panicked: read(&counters.panicked),
        }
    }

    /// Finishes all work that was submitted, then ends the threads. Returns the final counters.
    pub fn drain(mut self) -> PoolSnapshot {
        self.shared.lanes.close();
        self.join();
        self.snapshot()
    }

    fn waiting(&self) -> usize {
        self.shared.lanes.snapshot().depth()
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // A worker catches every panic of its engine; if it dies all the same there is nothing left to save.
            let _ = thread.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.shared.stopping.cancel();
        }
        for job in self.shared.lanes.close_and_drain() {
            job.answer(Err(Error::Closed));
        }
        if !self.threads.is_empty() {
            for running in &self.shared.running {
                if let Some(cancel) = &*running.lock().unwrap_or_else(PoisonError::into_inner) {
                    cancel.cancel();
                }
            }
        }
        self.join();
    }
}

const fn lane_of(priority: Priority) -> usize {
    match priority {
        Priority::LiveFinal => 0,
        Priority::LivePartial => 1,
        Priority::Batch => 2,
    }
}

impl Job {
    /// Gives the result to the ticket, if somebody still holds it.
    fn answer(self, result: Result<Recognition, Error>) {
        let _ = self.reply.try_send(result);
    }
}

struct Worker {
    index: usize,
    /// `None` after a panic when no new one could be made; tried again with the next request.
    recognizer: Option<Box<dyn Recognizer>>,
    engine: Arc<dyn Engine>,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(mut self) {
        while let Some(job) = self.take() {
            let counters = &self.shared.counters;
            counters.running.fetch_add(1, Ordering::Relaxed);
            let result = self.recognize(&job);
            let counters = &self.shared.counters;
            let counter = match &result {
                Ok(_) => &counters.recognized,
                Err(Error::Cancelled) => &counters.cancelled,
                Err(_) => &counters.failed,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            counters.running.fetch_sub(1, Ordering::Relaxed);
            *self.slot() = None;
            job.answer(result);
        }
    }

    /// The next request; from here on dropping the pool cancels it.
    fn take(&self) -> Option<Job> {
        let job = self.shared.lanes.pop()?;
        *self.slot() = Some(job.cancel.clone());
        Some(job)
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<CancelFlag>> {
        self.shared.running[self.index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recognize(&mut self, job: &Job) -> Result<Recognition, Error> {
        if job.cancel.is_cancelled() || self.shared.stopping.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let recognizer = match &mut self.recognizer {
            Some(recognizer) => recognizer,
            empty @ None => empty.insert(self.engine.recognizer()?),
        };
        // The recogniser is thrown away after a panic, so no broken state is seen again.
        let outcome = catch_unwind(AssertUnwindSafe(|| recognizer.recognize(&job.request, &job.cancel)));
        outcome.unwrap_or_else(|_| {
            self.shared.counters.panicked.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                worker = self.index,
                "the speech engine panicked, the worker goes on with a new state"
            );
            self.recognizer = None;
            Err(Error::Panicked)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asr::LanguageChoice;
    use crate::asr::fake::{FakeEngine, Gate, Reply};
    use crate::call::Language;
    use crate::redact::Redacted;

    /// The number of samples names the request in the scripts below.
    fn request(priority: Priority, samples: usize) -> Request {
        Request {
            samples: vec![0.0; samples].into(),
            language: LanguageChoice::Known(Language::Fr),
            vocabulary: Arc::from(Vec::new()),
            prefix: Redacted::default(),
            priority,
        }
    }

    fn start(engine: FakeEngine, workers: usize, queue_capacity: usize) -> Pool {
        Pool::start(Arc::new(engine), PoolConfig { workers, queue_capacity }).unwrap()
    }

    /// An engine whose request of 1 sample waits at the gate, and which notes the order of all.
    fn gated(gate: &Gate, order: &Arc<Mutex<Vec<usize>>>) -> FakeEngine {
        let (gate, order) = (gate.clone(), Arc::clone(order));
        FakeEngine::new(move |request| {
            order.lock().unwrap().push(request.samples.len());
            if request.samples.len() == 1 {
                Reply::AfterGate(gate.clone(), "un".into())
            } else {
                Reply::Text("deux".into())
            }
        })
    }

    #[test]
    fn urgent_requests_overtake_those_that_wait() {
        let (gate, order) = (Gate::closed(), Arc::default());
        let pool = start(gated(&gate, &order), 1, 8);
        let mut tickets = vec![pool.submit(request(Priority::Batch, 1)).unwrap()];
        gate.wait_for_arrivals(1);
        for (priority, samples) in [
            (Priority::Batch, 40),
            (Priority::LivePartial, 30),
            (Priority::LiveFinal, 20),
            (Priority::Batch, 41),
            (Priority::LiveFinal, 21),
        ] {
            tickets.push(pool.submit(request(priority, samples)).unwrap());
        }
        gate.open();
        for ticket in tickets {
            ticket.wait().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [1, 20, 21, 30, 40, 41]);
        assert_eq!(pool.drain().recognized, 6);
    }

    #[test]
    fn full_lanes_follow_their_rules_by_exact_count() {
        let (gate, order) = (Gate::closed(), Arc::default());
        let pool = start(gated(&gate, &order), 1, 2);
        let running = pool.submit(request(Priority::Batch, 1)).unwrap();
        gate.wait_for_arrivals(1);
        let batch: Vec<_> = (0..2).map(|_| pool.submit(request(Priority::Batch, 40)).unwrap()).collect();
        let finals: Vec<_> = (0..2).map(|_| pool.submit(request(Priority::LiveFinal, 20)).unwrap()).collect();
        let refused = pool.submit(request(Priority::LiveFinal, 22));
        assert!(matches!(refused, Err(Error::Busy { waiting: 4 })));
        let mut partials: Vec<_> =
            (0..3).map(|index| pool.submit(request(Priority::LivePartial, 30 + index)).unwrap()).collect();
        assert!(matches!(partials.remove(0).wait(), Err(Error::Busy { .. })));
        let snapshot = pool.snapshot();
        assert_eq!(snapshot.running, 1);
        let lanes: Vec<_> =
            snapshot.queue.lanes.iter().map(|lane| (lane.depth, lane.refused, lane.dropped)).collect();
        assert_eq!(lanes, [(2, 1, 0), (2, 0, 1), (2, 0, 0)]);
        gate.open();
        for ticket in [running].into_iter().chain(batch).chain(finals).chain(partials) {
            ticket.wait().unwrap();
        }
        let end = pool.drain();
        assert_eq!((end.recognized, end.failed, end.cancelled, end.running), (7, 0, 0, 0));
    }

    #[test]
    fn a_full_batch_lane_makes_the_submitter_wait() {
        let (gate, order) = (Gate::closed(), Arc::default());
        let pool = Arc::new(start(gated(&gate, &order), 1, 1));
        let running = pool.submit(request(Priority::Batch, 1)).unwrap();
        gate.wait_for_arrivals(1);
        let waiting = pool.submit(request(Priority::Batch, 40)).unwrap();
        let late = thread::spawn({
            let pool = Arc::clone(&pool);
            move || pool.submit(request(Priority::Batch, 41)).unwrap().wait()
        });
        gate.open();
        assert!(running.wait().is_ok() && waiting.wait().is_ok() && late.join().unwrap().is_ok());
        assert_eq!(*order.lock().unwrap(), [1, 40, 41]);
    }

    #[test]
    fn a_panic_fails_one_request_and_the_worker_goes_on() {
        let engine = FakeEngine::new(|request| match request.samples.len() {
            1 => Reply::Panic,
            2 => Reply::Fail,
            _ => Reply::Text("trois".into()),
        });
        let pool = start(engine.clone(), 1, 4);
        assert!(matches!(pool.submit(request(Priority::Batch, 1)).unwrap().wait(), Err(Error::Panicked)));
        assert!(matches!(
            pool.submit(request(Priority::Batch, 2)).unwrap().wait(),
            Err(Error::Inference { .. })
        ));
        assert_eq!(pool.submit(request(Priority::Batch, 3)).unwrap().wait().unwrap().text.reveal(), "trois");
        let end = pool.drain();
        assert_eq!((end.recognized, end.failed, end.panicked), (1, 2, 1));
        assert_eq!(engine.recognizers_made(), 2);
    }

    #[test]
    fn cancelling_stops_a_request_that_runs_and_one_that_waits() {
        let (gate, order) = (Gate::closed(), Arc::default());
        let pool = start(gated(&gate, &order), 1, 4);
        let running = pool.submit(request(Priority::Batch, 1)).unwrap();
        gate.wait_for_arrivals(1);
        let waiting = pool.submit(request(Priority::Batch, 40)).unwrap();
        waiting.cancel();
        running.cancel();
        assert!(matches!(running.wait(), Err(Error::Cancelled)));
        assert!(matches!(waiting.wait(), Err(Error::Cancelled)));
        assert_eq!(*order.lock().unwrap(), [1]);
        assert_eq!(pool.drain().cancelled, 2);
    }

    #[test]
    fn dropping_the_pool_ends_what_runs_and_what_waits() {
        let (gate, order) = (Gate::closed(), Arc::default());
        let pool = start(gated(&gate, &order), 1, 4);
        let running = pool.submit(request(Priority::LiveFinal, 1)).unwrap();
        gate.wait_for_arrivals(1);
        let waiting = pool.submit(request(Priority::Batch, 40)).unwrap();
        drop(pool);
        assert!(matches!(running.wait(), Err(Error::Cancelled)));
        assert!(matches!(waiting.wait(), Err(Error::Closed)));
    }

    #[test]
    fn draining_finishes_what_was_submitted() {
        let pool = start(FakeEngine::hearing("oui"), 3, 64);
        let tickets: Vec<_> = (0..50).map(|_| pool.submit(request(Priority::Batch, 10)).unwrap()).collect();
        assert_eq!(pool.drain().recognized, 50);
        assert!(tickets.into_iter().all(|ticket| ticket.wait().is_ok()));
    }
}
