//! Bounded, named, counted queues between threads; the only module that builds them.
//!
//! [`Lanes`] is a queue with classes of urgency, each with a bound and a rule of its own for the case that it is full,
//! so that a flood of patient work never takes the room of urgent work. [`bounded`] is the plain first-in-first-out
//! channel of the pipeline, one lane with a sending and a receiving end.
//!
//! Invariants: no lane ever holds more than its capacity; items of one lane leave in the order they came; every item
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
        self.insert(lane, item, true)
    }

    /// As [`Lanes::push`], but never waits: a full lane that blocks refuses.
    ///
    /// # Errors
    /// [`PushError`] with the item when it was not taken.
    ///
    /// # Panics
    /// When there is no lane with this number.
    pub fn try_push(&self, lane: usize, item: T) -> Result<Option<T>, PushError<T>> {
        self.insert(lane, item, false)
    }

    /// Waits for the oldest item of the most urgent lane that has one; `None` when the queue is closed and empty.
    pub fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.take() {
                drop(state);
                self.has_room.notify_all();
                return Some(item);
            }
            if state.is_closed {
                return None;
            }
            state = self.not_empty.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`Lanes::pop`], but `None` at once when nothing waits.
    pub fn try_pop(&self) -> Option<T> {
        let item = self.lock().take();
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
        let items = std::iter::from_fn(|| state.take()).collect();
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

    fn insert(&self, lane: usize, item: T, may_wait: bool) -> Result<Option<T>, PushError<T>> {
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
                }
            }
            lane.items.push_back(item);
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

impl<T> State<T> {
    fn take(&mut self) -> Option<T> {
        let lane = self.lanes.iter_mut().find(|lane| !lane.items.is_empty())?;
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
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    const BLOCK: WhenFull = WhenFull::Block;

    fn lanes(rules: &[(usize, WhenFull)]) -> Lanes<u32> {
        let rules: Vec<LaneRule> =
            rules.iter().map(|&(capacity, when_full)| LaneRule { capacity, when_full }).collect();
        Lanes::new("test", &rules)
    }

    #[test]
    fn urgent_items_overtake_and_each_lane_keeps_its_order() {
        let queue = lanes(&[(4, BLOCK), (4, BLOCK)]);
        for (lane, item) in [(1, 10), (1, 11), (0, 1), (1, 12), (0, 2)] {
            queue.push(lane, item).unwrap();
        }
        queue.close();
        let order: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [1, 2, 10, 11, 12]);
    }

    #[test]
    fn a_full_lane_does_not_take_the_room_of_another() {
        let queue = lanes(&[(1, WhenFull::Refuse), (1, WhenFull::DropOldest), (2, WhenFull::Refuse)]);
        assert_eq!(queue.push(2, 20), Ok(None));
        assert_eq!(queue.push(2, 21), Ok(None));
        assert_eq!(queue.push(2, 22), Err(PushError::Full(22)));
        assert_eq!(queue.push(1, 10), Ok(None));
        assert_eq!(queue.push(1, 11), Ok(Some(10)));
        assert_eq!(queue.push(0, 1), Ok(None));
        assert_eq!(queue.push(0, 2), Err(PushError::Full(2)));
        let counts = |snapshot: &Snapshot| -> Vec<(usize, u64, u64, u64)> {
            snapshot.lanes.iter().map(|lane| (lane.depth, lane.pushed, lane.refused, lane.dropped)).collect()
        };
        assert_eq!(counts(&queue.snapshot()), [(1, 1, 1, 0), (1, 2, 0, 1), (2, 2, 1, 0)]);
        assert_eq!(queue.snapshot().depth(), 4);
    }

    #[test]
    fn a_blocked_pusher_goes_on_when_room_is_made_and_gets_its_item_back_on_close() {
        let queue = Arc::new(lanes(&[(1, BLOCK)]));
        queue.push(0, 1).unwrap();
        let pusher = |item| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.push(0, item))
        };
        let second = pusher(2);
        assert_eq!(queue.pop(), Some(1));
        assert_eq!(second.join().unwrap(), Ok(None));
        assert_eq!(queue.try_push(0, 9), Err(PushError::Full(9)));
        let third = pusher(3);
        queue.close();
        assert_eq!(third.join().unwrap(), Err(PushError::Closed(3)));
        assert_eq!(queue.pop(), Some(2));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn a_channel_ends_with_its_last_sender_and_delivers_what_was_sent() {
        let (sender, receiver) = bounded("test", 2);
        let second = sender.clone();
        let feeder = thread::spawn(move || (0..100).try_for_each(|item| sender.send(item)));
        let received: Vec<i32> = (0..100).map_while(|_| receiver.receive()).collect();
        feeder.join().unwrap().unwrap();
        assert_eq!(received, (0..100).collect::<Vec<_>>());
        drop(second);
        assert_eq!(receiver.receive(), None);
    }

    #[test]
    fn a_channel_without_receiver_hands_the_item_back() {
        let (sender, receiver) = bounded("test", 2);
        sender.send(1).unwrap();
        drop(receiver);
        assert_eq!(sender.send(2), Err(PushError::Closed(2)));
        assert_eq!(sender.try_send(3), Err(PushError::Closed(3)));
    }

    #[test]
    fn many_pushers_and_poppers_lose_and_double_nothing() {
        let queue = Arc::new(lanes(&[(3, BLOCK), (5, BLOCK)]));
        let poppers: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || std::iter::from_fn(|| queue.pop()).collect::<Vec<u32>>())
            })
            .collect();
        let pushers: Vec<_> = (0..4_u32)
            .map(|pusher| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || {
                    for index in 0..500 {
                        queue.push((index % 2) as usize, pusher * 1_000 + index).unwrap();
                    }
                })
            })
            .collect();
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        queue.close();
        let mut all: Vec<u32> = poppers.into_iter().flat_map(|popper| popper.join().unwrap()).collect();
        all.sort_unstable();
        let expected: Vec<u32> =
            (0..4).flat_map(|pusher| (0..500).map(move |index| pusher * 1_000 + index)).collect();
        assert_eq!(all, expected);
    }

    proptest! {
        #[test]
        fn order_bounds_and_counts_hold_for_any_sequence(
            steps in proptest::collection::vec((0_usize..3, any::<bool>()), 0..200),
            capacity in 1_usize..5,
        ) {
            let queue = lanes(&[
                (capacity, WhenFull::Refuse), (capacity, WhenFull::DropOldest), (capacity, WhenFull::Refuse),
            ]);
            let mut model: Vec<VecDeque<u32>> = vec![VecDeque::new(); 3];
            let (mut taken, mut handed_out, mut lost) = (0_u64, 0_u64, 0_u64);
            for (item, (lane, is_push)) in (0_u32..).zip(steps) {
                if is_push {
                    match queue.push(lane, item) {
                        Ok(evicted) => {
                            taken += 1;
                            model[lane].push_back(item);
                            if let Some(evicted) = evicted {
                                lost += 1;
                                prop_assert_eq!(model[lane].pop_front(), Some(evicted));
                            }
                        }
                        Err(PushError::Full(back)) => {
                            prop_assert_eq!(back, item);
                            prop_assert_eq!(model[lane].len(), capacity);
                        }
                        Err(PushError::Closed(_)) => prop_assert!(false, "nobody closed it"),
                    }
                } else {
                    let expected = model.iter_mut().find(|lane| !lane.is_empty()).and_then(VecDeque::pop_front);
                    handed_out += u64::from(expected.is_some());
                    prop_assert_eq!(queue.try_pop(), expected);
                }
                let snapshot = queue.snapshot();
                prop_assert!(snapshot.lanes.iter().all(|lane| lane.depth <= capacity));
                prop_assert_eq!(snapshot.depth() as u64, taken - handed_out - lost);
            }
            let rest: Vec<u32> = model.into_iter().flatten().collect();
            prop_assert_eq!(queue.close_and_drain(), rest);
        }
    }
}
