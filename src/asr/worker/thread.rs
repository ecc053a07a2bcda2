//! One thread of a pool: takes a request, recognises, tells.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use super::{InHand, Job, Place, Shared};
use crate::asr::names::{Expected, NameEar};
use crate::asr::{CancelFlag, Engine, Error, Priority, Recognition, Recognizer, Request};

/// See the module.
pub(super) struct Worker {
    pub(super) index: usize,
    pub(super) generation: u64,
    /// `None` after a panic when no new one could be made, and in a worker that took the place of another; made with the
    /// next request.
    pub(super) recognizer: Option<Box<dyn Recognizer>>,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) names: NameEar,
    pub(super) shared: Arc<Shared>,
}

impl Worker {
    /// Until the pool is closed, or another has taken the place.
    pub(super) fn run(mut self) {
        while let Some((request, cancel)) = self.take() {
            let result = self.recognize(&request, &cancel);
            let Some(mut place) = self.place() else {
                self.shared.left_behind.fetch_sub(1, Ordering::AcqRel);
                tracing::info!(worker = self.index, "a recogniser that hung has come back, and ends");
                return;
            };
            let listener = place.in_hand.take().and_then(|in_hand| in_hand.listener);
            if listener.is_none() {
                self.shared.hung.fetch_sub(1, Ordering::AcqRel);
            }
            drop(place);
            match listener {
                Some(listener) => {
                    self.shared.ended(request.priority, &result);
                    listener.ends(result);
                }
                // The request was given up, and counted, while this worker hung; it is one more for batch work.
                None => self.shared.lanes.ask_again(),
            }
        }
    }

    /// The next request; from here on dropping the pool cancels it.
    fn take(&self) -> Option<(Request, CancelFlag)> {
        let job = self.shared.lanes.pop_allowed(|lane| self.shared.may_begin(lane))?;
        let Job { request, cancel, listener, due: _ } = job;
        self.shared.counters.running.fetch_add(1, Ordering::Relaxed);
        let (priority, listener) = (request.priority, Some(listener));
        let in_hand = InHand { priority, cancel: cancel.clone(), listener, seen: None };
        self.shared.place(self.index).in_hand = Some(in_hand);
        Some((request, cancel))
    }

    /// The worker's place; `None` when another has taken it.
    fn place(&self) -> Option<MutexGuard<'_, Place>> {
        let place = self.shared.place(self.index);
        (place.generation == self.generation).then_some(place)
    }

    /// Says that the work begins; `false` when nobody wants it any more.
    fn begins(&self) -> bool {
        let Some(mut place) = self.place() else { return false };
        let listener = place.in_hand.as_mut().and_then(|in_hand| in_hand.listener.as_mut());
        listener.is_some_and(|listener| listener.begins())
    }

    fn recognize(&mut self, request: &Request, cancel: &CancelFlag) -> Result<Recognition, Error> {
        if cancel.is_cancelled() || self.shared.stopping.is_cancelled() || !self.begins() {
            return Err(Error::Cancelled);
        }
        let recognizer = match &mut self.recognizer {
            Some(recognizer) => recognizer,
            empty @ None => empty.insert(self.engine.recognizer()?),
        };
        // The recogniser is thrown away after a panic, so no broken state is seen again.
        let outcome = catch_unwind(AssertUnwindSafe(|| recognizer.recognize(request, cancel)));
        let mut outcome = outcome.unwrap_or_else(|_| {
            self.shared.counters.panicked.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                worker = self.index,
                "the speech engine panicked, the worker goes on with a new state"
            );
            self.recognizer = None;
            Err(Error::Panicked)
        });
        // A partial is not touched: words that were shown must not change while the name is only half said.
        if let Ok(recognition) = &mut outcome
            && request.priority != Priority::LivePartial
        {
            self.names.put_right(Expected::of(request), recognition);
        }
        outcome
    }
}
