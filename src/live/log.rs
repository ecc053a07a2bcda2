//! The numbered events of one call, as long as they are kept, for any number of readers.
//!
//! Bounded. Partials in whose place something newer stands make room first, without a word: what a reader needs of them is
//! in what follows. Then the oldest events do; a reader that is slower than that is told the first number that is still
//! there. Finals it missed are in the store, since they were kept before they were announced.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::audio::SamplePos;
use crate::call::event::{Event, EventBody};
use crate::call::{CallId, Channel};

/// See the module. Share it by `Arc`.
#[derive(Debug)]
pub struct EventLog {
    call: CallId,
    capacity: usize,
    state: Mutex<State>,
    /// For readers that wait on a thread.
    grew: Condvar,
    /// For readers that wait in a task: the number of the newest event, and whether it was the last.
    newest: watch::Sender<(u64, bool)>,
}

#[derive(Debug, Default)]
struct State {
    /// Ascending by number; a number that is left out was a partial that made room.
    events: VecDeque<Arc<Event>>,
    /// Number of the newest event; 0 before the first.
    newest: u64,
    /// Of what lies below this number not only partials made room.
    lost_below: u64,
    partials: Partials,
    is_closed: bool,
}

/// Which of the events are partials that nobody needs any more.
#[derive(Debug, Default)]
struct Partials {
    /// The newest one of each turn that has nothing newer: channel, turn, number. As many as turns are open.
    shown: Vec<(Channel, u64, u64)>,
    /// Numbers of those in whose place something newer stands, in the order in which it came.
    superseded: VecDeque<u64>,
}

impl Partials {
    /// Takes note of an event.
    fn note(&mut self, number: u64, body: &EventBody) {
        let (channel, turn, is_partial) = match body {
            EventBody::TranscriptPartial { channel, turn, .. } => (*channel, *turn, true),
            EventBody::TranscriptFinal { channel, turn, .. }
            | EventBody::TurnEnded { channel, turn, .. }
            | EventBody::SpeechDiscarded { channel, turn } => (*channel, *turn, false),
            EventBody::CallStarted { .. }
            | EventBody::SpeechStarted { .. }
            | EventBody::Interrupted { .. }
            | EventBody::Dtmf { .. }
            | EventBody::PlaybackFinished { .. }
            | EventBody::TurnDecided { .. }
            | EventBody::BotSaid { .. }
            | EventBody::HandedOver { .. }
            | EventBody::Gap { .. }
            | EventBody::CallEnded { .. } => return,
        };
        let place = self.shown.iter().position(|shown| (shown.0, shown.1) == (channel, turn));
        if let Some(place) = place {
            let (_, _, old) = self.shown.swap_remove(place);
            self.superseded.push_back(old);
        }
        if is_partial {
            self.shown.push((channel, turn, number));
        }
    }
}

impl State {
    /// Makes room for one event.
    fn make_room(&mut self) {
        while let Some(number) = self.partials.superseded.pop_front() {
            // One that was among the oldest is gone already.
            if let Ok(place) = self.events.binary_search_by_key(&number, |event| event.sequence) {
                self.events.remove(place);
                return;
            }
        }
        if let Some(oldest) = self.events.pop_front() {
            self.lost_below = oldest.sequence + 1;
        }
    }
}

/// Events that mattered were dropped before this reader came to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("events {wanted} to {} are not kept any more, the next one is {next}; finals among them are in the store", next - 1)]
pub struct Missed {
    /// The number that was wanted.
    pub wanted: u64,
    /// The first number that is still there; reading goes on with it.
    pub next: u64,
}

/// What a reader that does not wait finds.
#[derive(Debug, Clone, PartialEq)]
pub enum Peek {
    /// The next event.
    Event(Arc<Event>),
    /// Nothing new yet.
    NotYet,
    /// The last event was read; nothing follows.
    End,
}

impl EventLog {
    /// An empty log that keeps `capacity` events, at least 1.
    pub fn new(call: CallId, capacity: usize) -> Arc<Self> {
        let (newest, _) = watch::channel((0, false));
        let capacity = capacity.max(1);
        Arc::new(Self { call, capacity, state: Mutex::default(), grew: Condvar::new(), newest })
    }

    /// The call.
    pub fn call(&self) -> CallId {
        self.call
    }

    /// Waits until the call has ended and its last event is here.
    pub async fn closed(&self) {
        let mut changes = self.newest.subscribe();
        // The sender is this log's own, so it outlives the wait.
        drop(changes.wait_for(|(_, is_closed)| *is_closed).await);
    }

    /// Reads from event number `from` on; from 1 for everything, past the newest for what comes then.
    pub fn subscribe(self: &Arc<Self>, from: u64) -> Reader {
        Reader { log: Arc::clone(self), changes: self.newest.subscribe(), next: from.max(1) }
    }

    /// Number of the newest event; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.lock().newest
    }

    /// Whether the call has ended and its last event is here.
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Appends an event; the call's last one closes the log. Without effect on a closed log. For whoever makes events:
    /// the machine that listens, and the dialogue of the call.
    pub fn append(&self, at: SamplePos, body: EventBody) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        state.is_closed = matches!(body, EventBody::CallEnded { .. });
        state.newest += 1;
        let number = state.newest;
        state.partials.note(number, &body);
        if state.events.len() >= self.capacity {
            state.make_room();
        }
        let event = Event { call: self.call, sequence: number, at, body };
        state.events.push_back(Arc::new(event));
        let news = (state.newest, state.is_closed);
        drop(state);
        self.grew.notify_all();
        self.tell(news);
    }

    /// Tells readers that wait in a task. Of two who append at once the first may come here last: the end that the other told
    /// must not be taken back, or whoever waits for it waits for ever.
    fn tell(&self, news: (u64, bool)) {
        self.newest.send_if_modified(|told| {
            let is_newer = news > *told;
            if is_newer {
                *told = news;
            }
            is_newer
        });
    }

    fn read(&self, next: u64) -> Result<Peek, Missed> {
        let state = self.lock();
        peek(&state, next)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn peek(state: &State, next: u64) -> Result<Peek, Missed> {
    if next < state.lost_below {
        let first = state.events.front().map_or(state.lost_below, |event| event.sequence);
        return Err(Missed { wanted: next, next: first });
    }
    match state.events.get(state.events.partition_point(|event| event.sequence < next)) {
        Some(event) => Ok(Peek::Event(Arc::clone(event))),
        None if state.is_closed => Ok(Peek::End),
        None => Ok(Peek::NotYet),
    }
}

/// One reader of an [`EventLog`], at its own pace.
#[derive(Debug)]
pub struct Reader {
    log: Arc<EventLog>,
    changes: watch::Receiver<(u64, bool)>,
    next: u64,
}

impl Reader {
    /// Whether the last event was read: [`Reader::next`] gives nothing more.
    pub fn is_at_end(&self) -> bool {
        let state = self.log.lock();
        state.is_closed && self.next > state.newest
    }

    /// The next event, when there is one; does not wait.
    ///
    /// # Errors
    /// [`Missed`], once; the next read gives the first event that is still there.
    pub fn peek(&mut self) -> Result<Peek, Missed> {
        let found = self.log.read(self.next);
        self.advance(&found);
        found
    }

    /// Waits for the next event; `None` after the last. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`Reader::peek`].
    pub async fn next(&mut self) -> Result<Option<Arc<Event>>, Missed> {
        loop {
            let (newest, is_closed) = *self.changes.borrow_and_update();
            // Who waits beside something else begins to wait often: the log is locked only for what was told. What is
            // being appended at this moment is told in the next.
            if newest >= self.next || is_closed {
                match self.peek()? {
                    Peek::Event(event) => return Ok(Some(event)),
                    Peek::End => return Ok(None),
                    Peek::NotYet => {}
                }
            }
            // The log is held by this reader, so its sender is there.
            drop(self.changes.changed().await);
        }
    }

    /// As [`Reader::next`], on a thread that may block.
    ///
    /// # Errors
    /// As [`Reader::peek`].
    pub fn next_blocking(&mut self) -> Result<Option<Arc<Event>>, Missed> {
        let log = Arc::clone(&self.log);
        let mut state = log.lock();
        loop {
            let found = peek(&state, self.next);
            self.advance(&found);
            match found? {
                Peek::Event(event) => return Ok(Some(event)),
                Peek::End => return Ok(None),
                Peek::NotYet => state = log.grew.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn advance(&mut self, found: &Result<Peek, Missed>) {
        match found {
            Ok(Peek::Event(event)) => self.next = event.sequence + 1,
            Ok(Peek::NotYet | Peek::End) => {}
            Err(missed) => self.next = missed.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::call::event::{CallEndReason, TurnEndReason};

    fn started(turn: u64) -> EventBody {
        EventBody::SpeechStarted { channel: Channel::Caller, turn, at: SamplePos(turn * 10) }
    }

    fn partial(channel: Channel, turn: u64) -> EventBody {
        let (stable, unstable) = ("oui".into(), "".into());
        EventBody::TranscriptPartial { channel, turn, start: SamplePos::ZERO, stable, unstable }
    }

    fn turn_ended(channel: Channel, turn: u64) -> EventBody {
        let reason = TurnEndReason::Finished;
        EventBody::TurnEnded {
            channel,
            turn,
            end_of_speech: SamplePos(turn),
            reason,
            continues: None,
            is_back_channel: false,
        }
    }

    fn ended() -> EventBody {
        EventBody::CallEnded { reason: CallEndReason::HungUp, duration: Duration::ZERO }
    }

    fn log(capacity: usize) -> Arc<EventLog> {
        EventLog::new(CallId(Uuid::from_u128(1)), capacity)
    }

    fn numbers(reader: &mut Reader) -> Vec<u64> {
        std::iter::from_fn(|| match reader.peek() {
            Ok(Peek::Event(event)) => Some(event.sequence),
            Ok(Peek::NotYet | Peek::End) | Err(_) => None,
        })
        .collect()
    }

    #[test]
    fn a_slow_reader_is_told_what_it_missed_and_goes_on() {
        let log = log(3);
        let mut reader = log.subscribe(0);
        (1..=5).for_each(|turn| log.append(SamplePos(turn), started(turn)));
        assert_eq!(reader.peek(), Err(Missed { wanted: 1, next: 3 }));
        assert_eq!(numbers(&mut reader), [3, 4, 5]);
        assert_eq!(reader.peek(), Ok(Peek::NotYet));
    }

    #[test]
    fn partials_in_whose_place_something_newer_stands_make_room_before_anything_else() {
        let log = log(4);
        log.append(SamplePos(0), started(1));
        (0..50).for_each(|_| log.append(SamplePos(1), partial(Channel::Caller, 1)));
        // What another speaker says takes nobody's place.
        log.append(SamplePos(2), partial(Channel::Agent, 1));
        log.append(SamplePos(3), turn_ended(Channel::Caller, 1));
        log.append(SamplePos(4), turn_ended(Channel::Agent, 1));
        assert_eq!(numbers(&mut log.subscribe(1)), [1, 52, 53, 54]);
        // A reader that was in the middle of them goes on with what follows.
        assert_eq!(numbers(&mut log.subscribe(20)), [52, 53, 54]);
        log.append(SamplePos(5), started(2));
        assert_eq!(numbers(&mut log.subscribe(1)), [1, 53, 54, 55]);
        log.append(SamplePos(6), started(3));
        assert_eq!(log.subscribe(1).peek(), Err(Missed { wanted: 1, next: 53 }));
    }

    #[tokio::test]
    async fn whoever_waits_for_the_end_of_a_call_is_told() {
        let log = log(8);
        let other = Arc::clone(&log);
        let waiting = tokio::spawn(async move { other.closed().await });
        tokio::task::yield_now().await;
        log.append(SamplePos(1), started(1));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        log.append(SamplePos(2), ended());
        waiting.await.unwrap();
        log.closed().await;
    }

    #[test]
    fn news_that_come_late_take_no_end_back() {
        let log = log(8);
        log.append(SamplePos(1), started(1));
        log.append(SamplePos(2), ended());
        log.tell((1, false));
        assert_eq!(*log.newest.borrow(), (2, true));
    }

    #[test]
    fn nothing_follows_the_end_of_the_call() {
        let log = log(8);
        log.append(SamplePos(1), ended());
        log.append(SamplePos(2), started(1));
        let mut reader = log.subscribe(1);
        assert_eq!(numbers(&mut reader), [1]);
        assert_eq!(reader.peek(), Ok(Peek::End));
        assert_eq!(reader.next_blocking(), Ok(None));
    }

    #[tokio::test]
    async fn a_reader_in_a_task_is_woken_by_the_next_event() {
        let log = log(8);
        let mut reader = log.subscribe(1);
        let waiting = tokio::spawn(async move { reader.next().await.unwrap().unwrap().sequence });
        tokio::task::yield_now().await;
        log.append(SamplePos(1), started(1));
        assert_eq!(waiting.await.unwrap(), 1);
    }

    /// The turn that an event tells something newer of.
    fn newer_of(body: &EventBody) -> Option<(Channel, u64)> {
        if let EventBody::TranscriptPartial { channel, turn, .. }
        | EventBody::TurnEnded { channel, turn, .. } = body
        {
            Some((*channel, *turn))
        } else {
            None
        }
    }

    proptest! {
        #[test]
        fn what_is_left_out_without_a_word_is_a_partial_with_something_newer_behind_it(
            steps in proptest::collection::vec((0_usize..4, any::<bool>(), 1_u64..4), 1..80),
            capacity in 1_usize..12,
            from in 1_u64..60,
        ) {
            let log = log(capacity);
            let mut all = Vec::new();
            for (kind, is_caller, turn) in steps {
                let channel = if is_caller { Channel::Caller } else { Channel::Agent };
                let body = match kind {
                    0 => started(turn),
                    1 => turn_ended(channel, turn),
                    _ => partial(channel, turn),
                };
                all.push(body.clone());
                log.append(SamplePos::ZERO, body);
                prop_assert!(log.lock().events.len() <= capacity);
            }
            let mut reader = log.subscribe(from);
            let mut next = match reader.peek() {
                Err(missed) => missed.next,
                Ok(Peek::Event(event)) => {
                    reader = log.subscribe(from);
                    from.min(event.sequence)
                }
                Ok(Peek::NotYet | Peek::End) => all.len() as u64 + 1,
            };
            while let Ok(Peek::Event(event)) = reader.peek() {
                prop_assert_eq!(&event.body, &all[event.sequence as usize - 1]);
                for left_out in next..event.sequence {
                    let place = left_out as usize - 1;
                    let is_partial = matches!(all[place], EventBody::TranscriptPartial { .. });
                    prop_assert!(is_partial);
                    let turn = newer_of(&all[place]);
                    prop_assert!(all[place + 1..].iter().any(|later| newer_of(later) == turn));
                }
                next = event.sequence + 1;
            }
            prop_assert_eq!(next.max(from), from.max(all.len() as u64 + 1));
        }

        #[test]
        fn numbers_have_no_holes_and_a_replay_gives_the_same_events(
            steps in proptest::collection::vec(0_usize..3, 1..60),
            capacity in 1_usize..20,
            from in 1_u64..40,
        ) {
            let log = log(capacity);
            let (mut fast, mut seen) = (log.subscribe(1), Vec::new());
            let mut turn = 0;
            for step in steps {
                for _ in 0..step {
                    turn += 1;
                    log.append(SamplePos(turn), started(turn));
                    while let Ok(Peek::Event(event)) = fast.peek() {
                        seen.push(event);
                    }
                }
            }
            let sequences: Vec<u64> = seen.iter().map(|event| event.sequence).collect();
            prop_assert_eq!(sequences, (1..=turn).collect::<Vec<_>>());
            let mut again = log.subscribe(from);
            let mut next = from;
            if from <= turn && from + capacity as u64 <= turn {
                let missed = again.peek().unwrap_err();
                prop_assert_eq!(missed.wanted, from);
                next = missed.next;
            }
            while let Ok(Peek::Event(event)) = again.peek() {
                prop_assert_eq!(&event, &seen[next as usize - 1]);
                next += 1;
            }
            prop_assert_eq!(next, from.max(turn + 1));
        }
    }
}
