//! The threads that ask Smart Turn whether somebody is done.
//!
//! A question takes a tenth of a second of one core, so it runs beside the thread that listens. When too many wait, the
//! oldest goes unanswered, and its turn ends by silence.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::Machine;
use super::inbox::{Address, Item};
use super::link::Link;
use super::metrics::count;
use crate::asr::CancelFlag;
use crate::queue::{LaneRule, Lanes, WhenFull};
use crate::threads::Member;

/// Gives the probability that the speaker of these samples (16 kHz) is done, 0 to 1; `None` when it fails. One a thread.
pub type TurnJudge = Box<dyn FnMut(&[f32]) -> Option<f32> + Send>;

/// A question to Smart Turn.
pub(super) struct Question {
    pub(super) link: Arc<Link>,
    pub(super) address: Address,
    pub(super) samples: Arc<[f32]>,
    pub(super) asked: Instant,
    pub(super) cancel: CancelFlag,
}

impl Question {
    fn answer(self, done_probability: Option<f32>) {
        self.link.answer(Item::Judged { address: self.address, done_probability });
    }
}

/// Where questions wait.
pub(super) type Questions = Lanes<Question>;

pub(super) fn questions(capacity: usize) -> Questions {
    Lanes::new("turn judge", &[LaneRule { capacity, when_full: WhenFull::DropOldest }])
}

/// Asks. What had to make room is answered with nothing.
pub(super) fn ask(machine: &Machine, question: Question) {
    let unanswered = match machine.questions.push(0, question) {
        Ok(evicted) => evicted,
        Err(crate::queue::PushError::Full(question) | crate::queue::PushError::Closed(question)) => {
            Some(question)
        }
    };
    if let Some(question) = unanswered {
        count(&machine.metrics.judges_dropped);
        question.answer(None);
    }
}

/// Starts a thread for each judge.
pub(super) fn start(machine: &Arc<Machine>, judges: Vec<TurnJudge>) -> std::io::Result<Vec<Member>> {
    let start = |(index, judge): (usize, TurnJudge)| {
        let shared = Arc::clone(machine);
        machine.crew.spawn(&format!("turn-judge-{index}"), move || work(&shared, judge))
    };
    judges.into_iter().enumerate().map(start).collect()
}

fn work(machine: &Machine, mut judge: TurnJudge) {
    while let Some(question) = machine.questions.pop() {
        if question.cancel.is_cancelled() {
            question.answer(None);
            continue;
        }
        // The judge keeps nothing from one question to the next that a panic could leave half done.
        let answer = catch_unwind(AssertUnwindSafe(|| judge(&question.samples)));
        let answer = answer.unwrap_or_else(|_| {
            count(&machine.metrics.panics);
            tracing::warn!("the turn model panicked on a question");
            None
        });
        machine.metrics.judge.record(machine.clock.monotonic().duration_since(question.asked));
        question.answer(answer);
    }
}
