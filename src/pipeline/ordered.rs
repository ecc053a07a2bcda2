//! Several recordings at once, results in the order of the input.
//!
//! Workers may run ahead of the oldest unfinished item only by a bounded lead, so that one long recording in front
//! does not pile up the results of all others behind it.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

/// How many items may be started beyond the oldest one that is not delivered. Enough to keep all workers busy behind
/// a long recording for minutes, small enough that waiting transcripts stay below a few megabytes.
const LEAD_MAX: usize = 256;

struct State<R> {
    next: usize,
    delivered: usize,
    waiting: BTreeMap<usize, R>,
    stopped: bool,
}

/// Calls `work` for every item on `threads` threads and `deliver` with each result in the order of the items, on the
/// calling thread. `deliver` answers whether to go on; once it does not, no further item is started.
///
/// # Panics
/// Passes on a panic of `work` or `deliver` after all threads have ended.
pub fn run<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
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
        for _ in 0..threads.clamp(1, items.len().max(1)) {
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
        for index in 0..items.len() {
            let mut held = lock();
            let result = loop {
                if let Some(result) = held.waiting.remove(&index) {
                    break result;
                }
                if held.stopped {
                    return;
                }
                held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
            };
            held.delivered = index + 1;
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

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn every_result_comes_once_and_in_order(count in 0_usize..600, threads in 1_usize..5) {
            let items: Vec<usize> = (0..count).collect();
            let mut seen = Vec::new();
            run(&items, threads, |index, item| { assert_eq!(index, *item); item * 2 }, |index, result| {
                assert_eq!(result, index * 2);
                seen.push(index);
                true
            });
            prop_assert_eq!(seen, items);
        }
    }

    #[test]
    fn a_refusal_to_go_on_starts_nothing_more() {
        let started = AtomicUsize::new(0);
        let items = vec![(); 10_000];
        run(&items, 2, |_, ()| started.fetch_add(1, Ordering::SeqCst), |index, _| index < 3);
        assert!(started.load(Ordering::SeqCst) <= 4 + LEAD_MAX + 2);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_in_the_work_is_passed_on_and_nobody_hangs() {
        run(&[1, 2, 3], 2, |_, item| assert_ne!(*item, 2), |_, ()| true);
    }

    #[test]
    #[should_panic(expected = "nobody takes it")]
    fn a_panic_in_the_delivery_is_passed_on_and_nobody_hangs() {
        // More items than the lead, so that a worker waits for deliveries that do not come.
        run(&[(); 3 * LEAD_MAX], 2, |_, ()| (), |_, ()| panic!("nobody takes it"));
    }
}
