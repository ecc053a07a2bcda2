//! Several recordings at once, results in the order that their reader needs.
//!
//! Workers may run ahead of what is delivered only by a bounded lead, so that in the order of the input one long recording
//! in front does not pile up the results of all others behind it.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

/// How many items may be started beyond those that are delivered. Enough to keep all workers busy behind a long recording
/// for minutes, small enough that waiting transcripts stay below a few megabytes.
const LEAD_MAX: usize = 256;

struct State<R> {
    next: usize,
    delivered: usize,
    waiting: BTreeMap<usize, R>,
    stopped: bool,
}

/// When a result is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// After those of all items before it: for a stream that is read from its start.
    OfItems,
    /// As soon as it is there: for results that have a place each, of which a run that is ended should lose none.
    OfCompletion,
}

/// Who works on several items, and in which order results come of it.
#[derive(Debug, Clone, Copy)]
pub struct Crew {
    /// Items in work at the same time.
    pub threads: usize,
    /// When each result is delivered.
    pub order: Order,
}

/// Calls `work` for every item on the threads of `crew` and `deliver` with each result in its order, on the calling
/// thread. `deliver` answers whether to go on; once it does not, no further item is started.
///
/// # Panics
/// Passes on a panic of `work` or `deliver` after all threads have ended.
pub fn run<T: Sync, R: Send>(
    items: &[T],
    crew: Crew,
    work: impl Fn(usize, &T) -> R + Sync,
    mut deliver: impl FnMut(usize, R) -> bool,
) {
    let state = Mutex::new(State { next: 0, delivered: 0, waiting: BTreeMap::new(), stopped: false });
    let changed = Condvar::new();
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let stop = || {
        lock().stopped = true;
        changed.notify_all();
    };
    std::thread::scope(|scope| {
        let _stop_workers = StopOnPanic { stop };
        for _ in 0..crew.threads.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                let _stop_others = StopOnPanic { stop };
                loop {
                    let mut held = lock();
                    while held.next >= held.delivered + LEAD_MAX && !held.stopped {
                        held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
                    }
                    let index = held.next;
                    if held.stopped || index >= items.len() {
                        break;
                    }
                    held.next += 1;
                    drop(held);
                    let result = work(index, &items[index]);
                    lock().waiting.insert(index, result);
                    changed.notify_all();
                }
            });
        }
        for delivered in 0..items.len() {
            let mut held = lock();
            let (index, result) = loop {
                let ready = match crew.order {
                    Order::OfItems => held.waiting.remove_entry(&delivered),
                    Order::OfCompletion => held.waiting.pop_first(),
                };
                if let Some(ready) = ready {
                    break ready;
                }
                if held.stopped {
                    return;
                }
                held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
            };
            held.delivered = delivered + 1;
            drop(held);
            changed.notify_all();
            if !deliver(index, result) {
                stop();
                return;
            }
        }
    });
}

/// Runs `stop` when its thread panics, so that nobody waits for a result that will not come.
struct StopOnPanic<F: Fn()> {
    stop: F,
}

impl<F: Fn()> Drop for StopOnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.stop)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const fn crew(threads: usize, order: Order) -> Crew {
        Crew { threads, order }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn every_result_comes_once_and_in_the_order_that_was_asked_for(
            count in 0_usize..600,
            threads in 1_usize..5,
            order in prop::sample::select(vec![Order::OfItems, Order::OfCompletion]),
        ) {
            let items: Vec<usize> = (0..count).collect();
            let mut seen = Vec::new();
            let work = |index: usize, item: &usize| {
                assert_eq!(index, *item);
                item * 2
            };
            run(&items, crew(threads, order), work, |index, result| {
                assert_eq!(result, index * 2);
                seen.push(index);
                true
            });
            if order == Order::OfCompletion {
                seen.sort_unstable();
            }
            prop_assert_eq!(seen, items);
        }
    }

    #[test]
    fn what_is_done_is_delivered_while_a_long_item_in_front_goes_on() {
        // More than may be started ahead of the first one in the order of the items.
        let items: Vec<usize> = (0..2 * LEAD_MAX).collect();
        let (others_are_delivered, heard) = sync_channel(1);
        let heard = Mutex::new(heard);
        let work = |index: usize, _: &usize| {
            if index == 0 {
                let heard = heard.lock().unwrap().recv_timeout(Duration::from_secs(60));
                heard.expect("the others are delivered while the first goes on");
            }
        };
        let mut seen = Vec::new();
        run(&items, crew(2, Order::OfCompletion), work, |index, ()| {
            seen.push(index);
            if seen.len() == items.len() - 1 {
                others_are_delivered.send(()).unwrap();
            }
            true
        });
        assert_eq!(seen.pop(), Some(0));
        assert_eq!(seen, items[1..]);
    }

    #[test]
    fn a_refusal_to_go_on_starts_nothing_more() {
        let started = AtomicUsize::new(0);
        let items = vec![(); 10_000];
        let work = |_, (): &()| started.fetch_add(1, Ordering::SeqCst);
        run(&items, crew(2, Order::OfItems), work, |index, _| index < 3);
        assert!(started.load(Ordering::SeqCst) <= 4 + LEAD_MAX + 2);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_in_the_work_is_passed_on_and_nobody_hangs() {
        run(&[1, 2, 3], crew(2, Order::OfCompletion), |_, item| assert_ne!(*item, 2), |_, ()| true);
    }

    #[test]
    #[should_panic(expected = "nobody takes it")]
    fn a_panic_in_the_delivery_is_passed_on_and_nobody_hangs() {
        // More items than the lead, so that a worker waits for deliveries that do not come.
        let crew = crew(2, Order::OfItems);
        run(&[(); 3 * LEAD_MAX], crew, |_, ()| (), |_, ()| panic!("nobody takes it"));
    }
}
