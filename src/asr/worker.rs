//! The threads that recognise, and the queue before them.
//!
//! Inference blocks a processor core for tenths of a second, so it runs on threads of its own, never on an async
//! runtime. Every worker has its own recogniser over the shared model. Requests wait in three lanes, most urgent first:
//!
//! | lane | when it is full |
//! |---|---|
//! | live final | the request is refused with [`Error::Busy`]: whoever takes calls must degrade or refuse calls |
//! | live partial | the one due last makes room, perhaps the new one ([`Error::Busy`]): its call was shown a text most lately |
//! | batch | the submitter waits: a recording has time |
//!
//! Within a lane the request that is due first goes first ([`Pool::submit_to`]), so that many calls are served fairly;
//! requests without a due time go in the order they came. A live final that finds every worker busy stops a partial in
//! progress: its worker is free within a token, and how long finals take does not depend on how many partials there are. With
//! whisper.cpp on a processor a pass of the encoder that was begun is finished first, half a second with `base`: there a
//! final may wait so long.
//!
//! Each lane has its own bound, so batch work never takes the room of a live request; it holds a worker at most for the
//! recognition in progress, and while calls go on ([`Pool::keep_free`]) it leaves one sound worker to them where there are
//! several. A panic in an engine fails that one request; the worker goes on with a new recogniser.
//!
//! An engine that hangs cannot be stopped from outside. Somebody who [looks](Pool::look) after the workers from time to time
//! fails the request of one that takes no step any more, and puts a new worker in its place; the old thread is left behind
//! and ends when the engine comes back. How many are left behind is bounded.
//!
//! Other work that takes a core and has time, such as learning a changed scenario, asks before each of its steps whether the
//! recognisers need it ([`Pool::give_way`]).

mod thread;
mod way;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::thread::Worker;
use self::way::Way;
use super::names::NameEar;
use super::{CancelFlag, Engine, Error, Priority, Recognition, Recognizer, Request};
use crate::queue::{self, LaneRule, Lanes, PushError, WhenFull};
use crate::threads::{Crew, Member};

/// How long a pool that is dropped waits for its threads, all together: an engine looks at the flag that cancels it between two
/// steps. Who takes longer hangs, or runs a model far too slow for calls, and is left behind.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

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
    /// Requests that the engine hung on; they also failed.
    pub stuck: u64,
    /// Threads that were replaced and have not come back yet.
    pub left_behind: usize,
}

/// How long a recogniser may be at one step, which is what it does between two looks at the flag that cancels it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For somebody who is on the line.
    pub live: Duration,
    /// For a recording: a model that is too slow for calls is not stuck.
    pub batch: Duration,
}

impl Patience {
    const fn with(self, priority: Priority) -> Duration {
        match priority {
            Priority::LiveFinal | Priority::LivePartial => self.live,
            Priority::Batch => self.batch,
        }
    }
}

/// Workers whose recogniser hangs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stuck {
    /// Found by this look; their requests have failed.
    pub found: usize,
    /// Still in their place: too many others are left behind already, or no thread could be started.
    pub remaining: usize,
}

/// Recogniser threads over one engine. Dropping it cancels what waits and what runs, and waits for the threads, but no longer
/// than five seconds; [`Pool::drain`] finishes the work first, however long that takes. A worker that was found stuck is not
/// waited for.
pub struct Pool {
    shared: Arc<Shared>,
    engine: Arc<dyn Engine>,
    /// Those in their places; whoever was left behind is not among them.
    threads: Mutex<Vec<Member>>,
    crew: Crew,
    /// How long it waits for them at its end.
    ends_within: Duration,
}

struct Shared {
    lanes: Lanes<Job>,
    counters: Counters,
    /// Where others wait for the workers.
    way: Way,
    /// Set when the pool is dropped; looked at after a request was taken, so that none slips through.
    stopping: CancelFlag,
    /// The place of each worker.
    running: Vec<Mutex<Place>>,
    /// Threads whose place another has taken.
    left_behind: AtomicUsize,
    /// Batch requests in progress, but for those that were given up.
    batch: AtomicUsize,
    /// Workers that were found stuck and are still in their place; changed while that place is locked.
    hung: AtomicUsize,
    /// One worker is to be left to live requests.
    keeps_free: AtomicBool,
}

/// Where a worker shows what it does.
#[derive(Default)]
struct Place {
    in_hand: Option<InHand>,
    /// How many workers had the place before. Who finds another number than its own was left behind.
    generation: u64,
}

struct InHand {
    priority: Priority,
    cancel: CancelFlag,
    /// Taken by whoever says what came of the request: the worker, or who found it stuck.
    listener: Option<Box<dyn Listener>>,
    /// At which step it was seen, and since when.
    seen: Option<(usize, Instant)>,
}

impl InHand {
    fn is_stuck(&mut self, now: Instant, patience: Patience) -> bool {
        let step = self.cancel.looks();
        let (seen, since) = *self.seen.get_or_insert((step, now));
        if seen != step {
            self.seen = Some((step, now));
            return false;
        }
        now.saturating_duration_since(since) >= patience.with(self.priority)
    }
}

#[derive(Default)]
struct Counters {
    running: AtomicU64,
    recognized: AtomicU64,
    cancelled: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
    stuck: AtomicU64,
}

struct Job {
    request: Request,
    cancel: CancelFlag,
    /// Goes before what is due later; after everything that is due when it is not.
    due: Option<Instant>,
    listener: Box<dyn Listener>,
}

/// Is told what becomes of a request, on the thread of the worker that has it: it must not block.
pub trait Listener: Send {
    /// The recognition is about to begin. `false` when it is not wanted any more: it then ends with
    /// [`Error::Cancelled`] and costs nothing.
    fn begins(&mut self) -> bool;

    /// What came of it, once; errors as in [`Ticket::wait`].
    fn ends(self: Box<Self>, result: Result<Recognition, Error>);
}

/// The listener of a [`Ticket`].
struct Reply(queue::Sender<Result<Recognition, Error>>);

impl Listener for Reply {
    fn begins(&mut self) -> bool {
        true
    }

    fn ends(self: Box<Self>, result: Result<Recognition, Error>) {
        // Nobody holds the ticket any more when this fails.
        let _ = self.0.try_send(result);
    }
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
        let rules = [rule(WhenFull::Refuse), rule(WhenFull::DropLast), rule(WhenFull::Block)];
        let workers = config.workers.max(1);
        let shared = Arc::new(Shared {
            lanes: Lanes::new("asr", &rules),
            counters: Counters::default(),
            way: Way::default(),
            stopping: CancelFlag::new(),
            running: (0..workers).map(|_| Mutex::default()).collect(),
            left_behind: AtomicUsize::new(0),
            batch: AtomicUsize::new(0),
            hung: AtomicUsize::new(0),
            keeps_free: AtomicBool::new(false),
        });
        let (threads, crew) = (Mutex::default(), Crew::default());
        let pool = Self { shared, engine, threads, crew, ends_within: ENDS_WITHIN };
        for index in 0..workers {
            let thread = pool.start_worker((index, 0), Some(pool.engine.recognizer()?))?;
            pool.threads().push(thread);
        }
        Ok(pool)
    }

    /// Starts a worker for a place that `generation` had before; without a recogniser it makes its own.
    fn start_worker(
        &self,
        (index, generation): (usize, u64),
        recognizer: Option<Box<dyn Recognizer>>,
    ) -> Result<Member, Error> {
        let worker = Worker {
            index,
            generation,
            recognizer,
            engine: Arc::clone(&self.engine),
            names: NameEar::default(),
            shared: Arc::clone(&self.shared),
        };
        let name = format!("asr-{index}");
        self.crew.spawn(&name, move || worker.run()).map_err(|source| Error::Thread { source })
    }

    fn threads(&self) -> MutexGuard<'_, Vec<Member>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after the workers; to be called about once a second. The request of one whose recogniser has been at one step
    /// for longer than `patience` fails with [`Error::Stuck`], and another worker takes its place, unless as many as there
    /// are workers have been left behind already.
    pub fn look(&self, now: Instant, patience: Patience) -> Stuck {
        let mut stuck = Stuck::default();
        for index in 0..self.shared.running.len() {
            let mut place = self.shared.place(index);
            let Some(in_hand) = place.in_hand.as_mut() else { continue };
            if !in_hand.is_stuck(now, patience) {
                continue;
            }
            let (priority, cancel) = (in_hand.priority, in_hand.cancel.clone());
            let listener = in_hand.listener.take();
            let was_known = listener.is_none();
            let is_replaced = self.replace(index, &mut place);
            stuck.remaining += usize::from(!is_replaced);
            if is_replaced && was_known {
                self.shared.hung.fetch_sub(1, Ordering::AcqRel);
            } else if !is_replaced && !was_known {
                self.shared.hung.fetch_add(1, Ordering::AcqRel);
            }
            drop(place);
            if let Some(listener) = listener {
                stuck.found += 1;
                tracing::error!(worker = index, is_replaced, "a recogniser hangs; its request has failed");
                // Should it come back it need not finish.
                cancel.cancel();
                self.shared.counters.stuck.fetch_add(1, Ordering::Relaxed);
                self.shared.ended(priority, &Err(Error::Stuck));
                listener.ends(Err(Error::Stuck));
            }
        }
        stuck
    }

    /// Leaves the worker of a place behind and starts another.
    fn replace(&self, index: usize, place: &mut Place) -> bool {
        if self.shared.left_behind.load(Ordering::Acquire) >= self.shared.running.len() {
            return false;
        }
        // The recogniser is made on its thread: an engine that hangs may hang at that too.
        let Ok(thread) = self.start_worker((index, place.generation + 1), None) else { return false };
        place.generation += 1;
        place.in_hand = None;
        self.shared.left_behind.fetch_add(1, Ordering::AcqRel);
        // Nobody can wait for the one before.
        self.threads()[index] = thread;
        true
    }

    /// Puts a request in its lane. Blocks only for [`Priority::Batch`], while that lane is full.
    ///
    /// # Errors
    /// [`Error::Busy`] when the lane of live finals is full.
    pub fn submit(&self, request: Request) -> Result<Ticket, Error> {
        let (sender, reply) = queue::bounded("asr ticket", 1);
        let cancel = self.push(request, None, Box::new(Reply(sender)))?;
        Ok(Ticket { cancel, reply })
    }

    /// Puts a request in its lane, before all that are due later, and returns at once; `listener` is told what comes of
    /// it. The flag that is returned cancels it. Blocks only for [`Priority::Batch`], while that lane is full.
    ///
    /// # Errors
    /// [`Error::Busy`] when the lane of live finals is full, [`Error::Closed`]; the listener then hears nothing.
    pub fn submit_to(
        &self,
        request: Request,
        due: Instant,
        listener: Box<dyn Listener>,
    ) -> Result<CancelFlag, Error> {
        self.push(request, Some(due), listener)
    }

    /// Whether calls go on, so that batch work has to leave a worker free. What is in progress is finished.
    pub fn keep_free(&self, keeps_free: bool) {
        self.shared.keeps_free.store(keeps_free, Ordering::Release);
        self.shared.lanes.ask_again();
        self.shared.way.ask_again();
    }

    /// Waits while calls go on and `busy` requests or more are in progress, but no longer than `limit`: for work beside the
    /// workers that has time. Returns whether they leave it room; when they do not, one more step may be taken all the same, so
    /// that the work ends some time.
    pub fn give_way(&self, busy: u64, limit: Duration) -> bool {
        let shared = &self.shared;
        shared.way.wait(limit, || {
            shared.keeps_free.load(Ordering::Acquire)
                && shared.counters.running.load(Ordering::Relaxed) >= busy
        })
    }

    /// Workers that are busy with batch work.
    pub fn busy_with_batch(&self) -> usize {
        self.shared.batch.load(Ordering::Acquire)
    }

    /// Workers that hang and could not be replaced, whatever they had in hand: they are none for anybody.
    pub fn hung(&self) -> usize {
        self.shared.hung.load(Ordering::Acquire)
    }

    /// Requests of a priority that wait.
    pub fn waiting_for(&self, priority: Priority) -> usize {
        self.shared.lanes.snapshot().lanes[lane_of(priority)].depth
    }

    fn push(
        &self,
        request: Request,
        due: Option<Instant>,
        listener: Box<dyn Listener>,
    ) -> Result<CancelFlag, Error> {
        let cancel = CancelFlag::new();
        let priority = request.priority;
        let job = Job { request, cancel: cancel.clone(), due, listener };
        match self.shared.lanes.push_sorted(lane_of(priority), job, Job::is_due_before) {
            Ok(evicted) => {
                if let Some(evicted) = evicted {
                    evicted.listener.ends(Err(Error::Busy { waiting: self.waiting() }));
                }
                if priority == Priority::LiveFinal {
                    self.shared.stop_a_partial();
                }
                Ok(cancel)
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
            stuck: read(&counters.stuck),
            left_behind: self.shared.left_behind.load(Ordering::Acquire),
        }
    }

    /// Finishes all work that was submitted, then ends the threads. Returns the final counters.
    pub fn drain(self) -> PoolSnapshot {
        self.shared.lanes.close();
        self.keep_free(false);
        self.to_wait_for().into_iter().for_each(Member::join);
        self.snapshot()
    }

    fn waiting(&self) -> usize {
        self.shared.lanes.snapshot().depth()
    }

    /// The threads, once, but for those that were found stuck.
    fn to_wait_for(&self) -> Vec<Member> {
        let threads = std::mem::take(&mut *self.threads());
        let places = threads.into_iter().enumerate();
        places.filter(|(index, _)| !self.shared.is_given_up(*index)).map(|(_, thread)| thread).collect()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let has_threads = !self.threads().is_empty();
        if has_threads {
            self.shared.stopping.cancel();
        }
        for job in self.shared.lanes.close_and_drain() {
            job.listener.ends(Err(Error::Closed));
        }
        if has_threads {
            for index in 0..self.shared.running.len() {
                if let Some(in_hand) = &self.shared.place(index).in_hand {
                    in_hand.cancel.cancel();
                }
            }
        }
        let behind = self.crew.join(self.to_wait_for(), self.ends_within);
        if behind > 0 {
            tracing::error!(threads = behind, "recognisers hang at the end; they are left behind");
            self.shared.give_up();
        }
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
    fn is_due_before(&self, other: &Self) -> bool {
        match (self.due, other.due) {
            (Some(due), Some(other)) => due < other,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

impl Shared {
    fn place(&self, index: usize) -> MutexGuard<'_, Place> {
        self.running[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the worker of a place was found stuck and is still there.
    fn is_given_up(&self, index: usize) -> bool {
        self.place(index).in_hand.as_ref().is_some_and(|in_hand| in_hand.listener.is_none())
    }

    /// Fails what is still in hand: whoever waits for it would wait for ever.
    fn give_up(&self) {
        for index in 0..self.running.len() {
            let mut place = self.place(index);
            let Some(in_hand) = place.in_hand.as_mut() else { continue };
            let (priority, listener) = (in_hand.priority, in_hand.listener.take());
            if listener.is_some() {
                self.hung.fetch_add(1, Ordering::AcqRel);
            }
            drop(place);
            if let Some(listener) = listener {
                self.counters.stuck.fetch_add(1, Ordering::Relaxed);
                self.ended(priority, &Err(Error::Stuck));
                listener.ends(Err(Error::Stuck));
            }
        }
    }

    /// Counts what came of a request; before its listener is told.
    fn ended(&self, priority: Priority, result: &Result<Recognition, Error>) {
        let counter = match result {
            Ok(_) => &self.counters.recognized,
            Err(Error::Cancelled) => &self.counters.cancelled,
            Err(_) => &self.counters.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.counters.running.fetch_sub(1, Ordering::Relaxed);
        self.way.ask_again();
        if priority == Priority::Batch {
            self.batch_ended();
        }
    }

    /// Whether a worker may begin with a request of `lane`; one of the batch lane is begun by that. One at a time: it is
    /// asked under the lock of the lanes.
    fn may_begin(&self, lane: usize) -> bool {
        if lane != lane_of(Priority::Batch) {
            return true;
        }
        let may_begin = self.batch.load(Ordering::Acquire) < self.most_of_batch();
        if may_begin {
            self.batch.fetch_add(1, Ordering::AcqRel);
        }
        may_begin
    }

    /// How many workers batch work may have.
    fn most_of_batch(&self) -> usize {
        match self.running.len() {
            _ if !self.keeps_free.load(Ordering::Acquire) => usize::MAX,
            // A single worker has to do both.
            1 => 1,
            // Of several one that hangs is none that calls could have.
            several => (several - 1).saturating_sub(self.hung.load(Ordering::Acquire)),
        }
    }

    /// A batch request has ended; another may begin.
    fn batch_ended(&self) {
        self.batch.fetch_sub(1, Ordering::AcqRel);
        self.lanes.ask_again();
    }

    /// Frees a worker for a live final, when none is free and one recognises a partial.
    fn stop_a_partial(&self) {
        let mut partial = None;
        for index in 0..self.running.len() {
            match &self.place(index).in_hand {
                None => return,
                Some(InHand { priority: Priority::LivePartial, cancel, .. }) if !cancel.is_set() => {
                    partial = Some(cancel.clone());
                }
                Some(_) => {}
            }
        }
        if let Some(cancel) = partial {
            cancel.cancel();
        }
    }
}

#[cfg(test)]
mod tests;
