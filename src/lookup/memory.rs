//! Answers that are still good, and look-ups that are under way.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Error;
use crate::dialog::{LookUp, Row};
use crate::redact::Redacted;

/// Answers that are kept; at most 64 kB each.
const ANSWERS_MAX: usize = 1_000;

/// What makes two look-ups the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    source: String,
    query: String,
    columns: BTreeMap<String, String>,
    parameters: BTreeMap<String, Redacted<String>>,
}

impl Key {
    pub(super) fn of(wanted: &LookUp) -> Self {
        Self {
            source: wanted.source.clone(),
            query: wanted.query.clone(),
            columns: wanted.columns.clone(),
            parameters: wanted.parameters.clone(),
        }
    }
}

/// What a look-up found.
pub(super) type Found = Result<Option<Row>, Error>;

struct Answer {
    row: Option<Row>,
    /// The how manieth it was.
    number: u64,
    good_until: Instant,
}

/// Rows of the last look-ups. Failures are not kept: the source may be back by the next call.
#[derive(Default)]
pub(super) struct Answers {
    by_key: HashMap<Key, Answer>,
    count: u64,
}

impl Answers {
    /// The answer to `key`, if it is still good: a row, or that there is none.
    pub(super) fn get(&self, key: &Key, now: Instant) -> Option<Option<Row>> {
        self.by_key.get(key).filter(|answer| now < answer.good_until).map(|answer| answer.row.clone())
    }

    /// Keeps an answer for a while. Makes room by what is no longer good, then by the oldest.
    pub(super) fn put(&mut self, key: Key, row: Option<Row>, (now, good_for): (Instant, Duration)) {
        // So long that the clock cannot tell: not kept.
        let Some(good_until) = now.checked_add(good_for).filter(|until| *until > now) else { return };
        // Also because rows of customers are not kept longer than the scenario says.
        self.by_key.retain(|_, answer| now < answer.good_until);
        self.count += 1;
        self.by_key.insert(key, Answer { row, number: self.count, good_until });
        if self.by_key.len() > ANSWERS_MAX {
            let oldest =
                self.by_key.iter().min_by_key(|(_, answer)| answer.number).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.by_key.remove(&oldest);
            }
        }
    }
}

/// The look-ups under way: whoever asks the same waits for the first.
#[derive(Default)]
pub(super) struct Flights {
    by_key: Mutex<HashMap<Key, watch::Receiver<Option<Found>>>>,
}

/// A look-up as one of those who want its answer sees it.
pub(super) struct Joined {
    /// Where the answer comes.
    pub(super) answer: watch::Receiver<Option<Found>>,
    /// Of the first, who has to see to it that the look-up is done.
    pub(super) landing: Option<Landing>,
}

/// Announces the answer; when dropped the look-up is no longer under way, whatever happened to it.
pub(super) struct Landing {
    flights: Arc<Flights>,
    key: Key,
    answer: watch::Sender<Option<Found>>,
}

impl Flights {
    /// Joins the look-up of `key`, or begins one.
    pub(super) fn join(self: &Arc<Self>, key: &Key) -> Joined {
        let mut by_key = self.lock();
        if let Some(answer) = by_key.get(key) {
            return Joined { answer: answer.clone(), landing: None };
        }
        let (sender, receiver) = watch::channel(None);
        by_key.insert(key.clone(), receiver.clone());
        let landing = Landing { flights: Arc::clone(self), key: key.clone(), answer: sender };
        Joined { answer: receiver, landing: Some(landing) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Receiver<Option<Found>>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Landing {
    pub(super) fn announce(self, found: Found) {
        self.answer.send_replace(Some(found));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, ManualClock};
    use crate::dialog::Cell;
    use proptest::prelude::*;

    fn key(number: usize) -> Key {
        let parameters = BTreeMap::from([("n".to_owned(), number.to_string().into())]);
        Key { source: "s".into(), query: "q".into(), columns: BTreeMap::new(), parameters }
    }

    fn row(number: usize) -> Option<Row> {
        Some(Row::from([("n".to_owned(), Cell::Whole(number as i64))]))
    }

    #[test]
    fn an_answer_is_good_for_as_long_as_was_said() {
        let clock = ManualClock::at(jiff::Timestamp::UNIX_EPOCH);
        let mut answers = Answers::default();
        answers.put(key(1), row(1), (clock.monotonic(), Duration::from_secs(60)));
        answers.put(key(2), None, (clock.monotonic(), Duration::from_secs(60)));
        answers.put(key(3), row(3), (clock.monotonic(), Duration::ZERO));
        clock.advance(Duration::from_millis(59_999));
        assert_eq!(answers.get(&key(1), clock.monotonic()), Some(row(1)));
        assert_eq!(answers.get(&key(2), clock.monotonic()), Some(None));
        assert_eq!(answers.get(&key(3), clock.monotonic()), None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(answers.get(&key(1), clock.monotonic()), None);
        // Gone, not only hidden.
        answers.put(key(4), None, (clock.monotonic(), Duration::from_secs(1)));
        assert_eq!(answers.by_key.len(), 1);
    }

    #[test]
    fn the_oldest_makes_room() {
        let now = ManualClock::at(jiff::Timestamp::UNIX_EPOCH).monotonic();
        let mut answers = Answers::default();
        for number in 0..=ANSWERS_MAX {
            answers.put(key(number), row(number), (now, Duration::from_secs(1)));
        }
        assert_eq!(answers.get(&key(0), now), None);
        assert_eq!(answers.get(&key(1), now), Some(row(1)));
        assert_eq!(answers.by_key.len(), ANSWERS_MAX);
    }

    #[test]
    fn a_look_up_that_was_dropped_is_not_waited_for() {
        let flights = Arc::new(Flights::default());
        let first = flights.join(&key(1));
        assert!(first.landing.is_some());
        assert!(flights.join(&key(1)).landing.is_none());
        drop(first);
        assert!(flights.join(&key(1)).landing.is_some());
        assert!(flights.lock().is_empty());
    }

    proptest! {
        #[test]
        fn an_answer_is_that_of_its_key_and_still_good(steps in prop::collection::vec((0_usize..20, 0_u64..50, 0_u64..100), 1..100)) {
            let clock = ManualClock::at(jiff::Timestamp::UNIX_EPOCH);
            let mut answers = Answers::default();
            let mut put = HashMap::new();
            for (number, pause_ms, good_for_ms) in steps {
                clock.advance(Duration::from_millis(pause_ms));
                let now = clock.monotonic();
                if let Some(found) = answers.get(&key(number), now) {
                    prop_assert_eq!(found, row(number));
                    prop_assert!(now < put[&number]);
                }
                let good_for = Duration::from_millis(good_for_ms);
                answers.put(key(number), row(number), (now, good_for));
                if good_for > Duration::ZERO {
                    put.insert(number, now + good_for);
                }
            }
        }
    }
}
