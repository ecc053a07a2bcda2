//! Bounded, named, counted queues between threads; the only module that builds them.
//!
//! [`Lanes`] is a queue with classes of urgency, each with a bound and a rule of its own for the case that it is full,
//! so that a flood of patient work never takes the room of urgent work. [`bounded`] is the plain first-in-first-out
//! channel of the pipeline, one lane with a sending and a receiving end.
//!
//! Invariants: no lane ever holds more than its capacity; items of one lane leave in the order they came, or sorted
//! where they are pushed so; every item
//! pushed is popped, evicted to the pusher, handed back with an error, or returned by a drain: none is lost silently.
//! Blocks only where the name says so; takes no time-outs and reads no clock.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What happens to an item for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// The pusher waits until there is.
    Block,
    /// The pusher gets the item back.
    Refuse,
    /// The oldest item of the lane makes room and goes to the pusher.
    DropOldest,
    /// The item that would leave last makes room and goes to the pusher; in a sorted lane that may be the pushed one itself.
    DropLast,
}

/// Bound and rule of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneRule {
    /// Most items that wait; at least 1 (0 is taken as 1).
    pub capacity: usize,
    /// What happens beyond.
    pub when_full: WhenFull,
}

/// Why an item was not taken; the item comes back.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError<T> {
    /// There is no room and the rule is to refuse.
    #[error("the queue is full")]
    Full(T),
    /// The queue was closed.
    #[error("the queue is closed")]
    Closed(T),
}

impl<T> std::fmt::Debug for PushError<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Full(_) => "Full",
            Self::Closed(_) => "Closed",
        })
    }
}

/// Counters of one lane since it was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneSnapshot {
    /// Most items that wait.
    pub capacity: usize,
    /// Items that wait.
    pub depth: usize,
    /// Items taken in.
    pub pushed: u64,
    /// Items handed out, drained ones included.
    pub popped: u64,
    /// Items not taken in.
    pub refused: u64,
    /// Items that had to make room for newer ones.
    pub dropped: u64,
}

/// Counters of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Name of the queue.
    pub name: &'static str,
    /// Its lanes, most urgent first.
    pub lanes: Vec<LaneSnapshot>,
}

impl Snapshot {
    /// Items that wait in all lanes.
    pub fn depth(&self) -> usize {
        self.lanes.iter().map(|lane| lane.depth).sum()
    }
}

/// A bounded queue with lanes of urgency; share it by `Arc`.
#[derive(Debug)]
pub struct Lanes<T> {
    name: &'static str,
    state: Mutex<State<T>>,
    not_empty: Condvar,
    has_room: Condvar,
}

#[derive(Debug)]
struct State<T> {
    lanes: Vec<Lane<T>>,
    is_closed: bool,
}

#[derive(Debug)]
struct Lane<T> {
    rule: LaneRule,
    items: VecDeque<T>,
    counters: LaneSnapshot,
}

impl<T> Lanes<T> {
    /// A queue with one lane for each rule, most urgent first.
    pub fn new(name: &'static str, rules: &[LaneRule]) -> Self {
        let lane = |rule: &LaneRule| {
            let capacity = rule.capacity.max(1);
            Lane {
                rule: LaneRule { capacity, ..*rule },
                items: VecDeque::new(),
                counters: LaneSnapshot { capacity, ..LaneSnapshot::default() },
            }
        };
        let state = State { lanes: rules.iter().map(lane).collect(), is_closed: false };
        Self { name, state: Mutex::new(state), not_empty: Condvar::new(), has_room: Condvar::new() }
    }

    /// Puts `item` at the end of a lane; waits for room only in a lane that blocks. `Some` is the item that had to make
    /// room.
    ///
    /// # Errors
    /// [`PushError`] with the item when it was not taken.
    ///
    /// # Panics
    /// When there is no lane with this number.
    pub fn push(&self, lane: usize, item: T) -> Result<Option<T>, PushError<T>> {
        self.insert(lane, item, Insertion { may_wait: true, goes_before: at_the_end })
    }

    /// As [`Lanes::push`], but not at the end: before the first item of the lane that it `goes_before`. Where that is
    /// an order, the lane stays sorted by it, and equals leave in the order they came.
    ///
    /// # Errors
    /// [`PushError`] with the item when it was not taken.
    ///
    /// # Panics
    /// When there is no lane with this number.
    pub fn push_sorted(
        &self,
        lane: usize,
        item: T,
        goes_before: impl Fn(&T, &T) -> bool,
    ) -> Result<Option<T>, PushError<T>> {
        self.insert(lane, item, Insertion { may_wait: true, goes_before })
    }

    /// As [`Lanes::push`], but never waits: a full lane that blocks refuses.
    ///
    /// # Errors
    /// [`PushError`] with the item when it was not taken.
    ///
    /// # Panics
    /// When there is no lane with this number.
    pub fn try_push(&self, lane: usize, item: T) -> Result<Option<T>, PushError<T>> {
        self.insert(lane, item, Insertion { may_wait: false, goes_before: at_the_end })
    }

    /// Waits for the oldest item of the most urgent lane that has one; `None` when the queue is closed and empty.
    pub fn pop(&self) -> Option<T> {
        self.pop_allowed(|_| true)
    }

    /// As [`Lanes::pop`], but only from lanes that `may_take` allows. It is asked about a lane that has an item, and that
    /// item is taken when it says yes, before anybody else is asked. Call [`Lanes::ask_again`] when it would say yes to what
    /// it refused.
    pub fn pop_allowed(&self, may_take: impl Fn(usize) -> bool) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.take(&may_take) {
                drop(state);
                self.has_room.notify_all();
                return Some(item);
            }
            if state.is_closed && state.lanes.iter().all(|lane| lane.items.is_empty()) {
                return None;
            }
            state = self.not_empty.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has everybody who waits for an item ask again what may be taken.
    pub fn ask_again(&self) {
        // Whoever was told no and does not wait yet holds the lock.
        drop(self.lock());
        self.not_empty.notify_all();
    }

    /// As [`Lanes::pop`], but `None` at once when nothing waits.
    pub fn try_pop(&self) -> Option<T> {
        let item = self.lock().take(&|_| true);
        if item.is_some() {
            self.has_room.notify_all();
        }
        item
    }

    /// Takes no more items; those that wait are still handed out. Waiting pushers get their item back.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.not_empty.notify_all();
        self.has_room.notify_all();
    }

    /// Closes the queue and returns what waits, most urgent first.
    pub fn close_and_drain(&self) -> Vec<T> {
        let mut state = self.lock();
        state.is_closed = true;
        let items = std::iter::from_fn(|| state.take(&|_| true)).collect();
        drop(state);
        self.not_empty.notify_all();
        self.has_room.notify_all();
        items
    }

    /// The counters at this moment.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        let lanes = state.lanes.iter().map(|lane| LaneSnapshot { depth: lane.items.len(), ..lane.counters });
        Snapshot { name: self.name, lanes: lanes.collect() }
    }

    fn insert<F: Fn(&T, &T) -> bool>(
        &self,
        lane: usize,
        item: T,
        Insertion { may_wait, goes_before }: Insertion<F>,
    ) -> Result<Option<T>, PushError<T>> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                state.lanes[lane].counters.refused += 1;
                return Err(PushError::Closed(item));
            }
            let lane = &mut state.lanes[lane];
            let mut evicted = None;
            if lane.items.len() >= lane.rule.capacity {
                match lane.rule.when_full {
                    WhenFull::Block if may_wait => {
                        state = self.has_room.wait(state).unwrap_or_else(PoisonError::into_inner);
                        continue;
                    }
                    WhenFull::Block | WhenFull::Refuse => {
                        lane.counters.refused += 1;
                        return Err(PushError::Full(item));
                    }
                    WhenFull::DropOldest => {
                        lane.counters.dropped += 1;
                        evicted = lane.items.pop_front();
                    }
                    WhenFull::DropLast => {
                        lane.counters.dropped += 1;
                        if lane.items.back().is_none_or(|last| !goes_before(&item, last)) {
                            return Ok(Some(item));
                        }
                        evicted = lane.items.pop_back();
                    }
                }
            }
            let place = lane.items.partition_point(|queued| !goes_before(&item, queued));
            lane.items.insert(place, item);
            lane.counters.pushed += 1;
            drop(state);
            self.not_empty.notify_one();
            return Ok(evicted);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How an item goes into its lane.
struct Insertion<F> {
    may_wait: bool,
    goes_before: F,
}

fn at_the_end<T>(_: &T, _: &T) -> bool {
    false
}

impl<T> State<T> {
    fn take(&mut self, may_take: &impl Fn(usize) -> bool) -> Option<T> {
        let mut lanes = self.lanes.iter_mut().enumerate();
        let (_, lane) = lanes.find(|(number, lane)| !lane.items.is_empty() && may_take(*number))?;
        lane.counters.popped += 1;
        lane.items.pop_front()
    }
}

/// A first-in-first-out channel of at most `capacity` items (at least 1). Sending waits for room, receiving for an
/// item; it ends for the receiver when every sender is gone and for the senders when the receiver is.
pub fn bounded<T>(name: &'static str, capacity: usize) -> (Sender<T>, Receiver<T>) {
    let queue = Arc::new(Lanes::new(name, &[LaneRule { capacity, when_full: WhenFull::Block }]));
    let senders = Arc::new(CloseOnDrop(Arc::clone(&queue)));
    (Sender { queue: Arc::clone(&queue), _open: senders }, Receiver { queue })
}

/// Closes the queue when the last sender lets go of it.
#[derive(Debug)]
struct CloseOnDrop<T>(Arc<Lanes<T>>);

impl<T> Drop for CloseOnDrop<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The sending end of [`bounded`]; clones send into the same channel.
#[derive(Debug)]
pub struct Sender<T> {
    queue: Arc<Lanes<T>>,
    _open: Arc<CloseOnDrop<T>>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), _open: Arc::clone(&self._open) }
    }
}

impl<T> Sender<T> {
    /// Sends `item`, waiting for room.
    ///
    /// # Errors
    /// [`PushError::Closed`] with the item when the receiver is gone.
    pub fn send(&self, item: T) -> Result<(), PushError<T>> {
        self.queue.push(0, item).map(|_| ())
    }

    /// Sends `item` if there is room.
    ///
    /// # Errors
    /// [`PushError`] with the item when it was not taken.
    pub fn try_send(&self, item: T) -> Result<(), PushError<T>> {
        self.queue.try_push(0, item).map(|_| ())
    }

    /// The counters at this moment.
    pub fn snapshot(&self) -> Snapshot {
        self.queue.snapshot()
    }
}

/// The receiving end of [`bounded`]; iterates until the channel ends.
#[derive(Debug)]
pub struct Receiver<T> {
    queue: Arc<Lanes<T>>,
}

impl<T> Receiver<T> {
    /// Waits for an item; `None` when every sender is gone and nothing waits.
    pub fn receive(&self) -> Option<T> {
        self.queue.pop()
    }

    /// An item if one waits.
    pub fn try_receive(&self) -> Option<T> {
        self.queue.try_pop()
    }

    /// The counters at this moment.
    pub fn snapshot(&self) -> Snapshot {
        self.queue.snapshot()
    }
}

impl<T> Iterator for Receiver<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receive()
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.queue.close_and_drain();
    }
}

#[cfg(test)]
mod tests;
