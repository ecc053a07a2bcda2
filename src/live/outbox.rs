//! The order in which a call's events are announced: a final waits for the store, and everything behind it for the final.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::log::EventLog;
use crate::audio::SamplePos;
use crate::call::event::{EventBody, FinalDelay};

/// Finals of one call that may wait for the store. A store that is this far behind has failed.
pub(super) const UNKEPT_MAX: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Announcement>,
    unkept: usize,
}

#[derive(Debug)]
struct Announcement {
    body: EventBody,
    /// For a final: its number in the store, and when it happened.
    held: Option<Held>,
}

/// When what a final tells happened, as its sound came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moments {
    /// The end of its speech.
    pub(super) speech_ended: Instant,
    /// What showed that its turn, or this part of it, was over. Nobody could have announced it sooner.
    pub(super) shown_over: Instant,
}

impl Moments {
    /// Of what is known the moment it happens.
    pub(super) const fn at(now: Instant) -> Self {
        Self { speech_ended: now, shown_over: now }
    }
}

#[derive(Debug, Clone, Copy)]
struct Held {
    number: u64,
    moments: Moments,
    is_kept: bool,
}

/// A final that was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announced {
    /// So long after the end of speech.
    pub(super) lag: Duration,
    /// How much of that is the machine's: a pause that was waited for is not.
    pub(super) machine: Duration,
    /// Where that time went.
    pub(super) delay: FinalDelay,
}

impl Outbox {
    /// Announces `body` after everything that waits. A partial takes the place of one of the same turn that waits.
    pub(super) fn push(&mut self, body: EventBody) {
        if let Some(last) = self.waiting.back_mut()
            && is_newer_partial(&body, &last.body)
        {
            last.body = body;
            return;
        }
        self.waiting.push_back(Announcement { body, held: None });
    }

    /// Announces a final, once the store has it under `number`; at once when `is_kept`.
    pub(super) fn push_final(&mut self, body: EventBody, number: u64, timing: (Moments, bool)) {
        let (moments, is_kept) = timing;
        self.unkept += usize::from(!is_kept);
        let held = Some(Held { number, moments, is_kept });
        self.waiting.push_back(Announcement { body, held });
    }

    /// The store has the final of this number.
    pub(super) fn kept(&mut self, number: u64) {
        for held in self.waiting.iter_mut().filter_map(|announcement| announcement.held.as_mut()) {
            if held.number == number && !held.is_kept {
                held.is_kept = true;
                self.unkept -= 1;
            }
        }
    }

    /// Forgets the final of this number: the store does not have it, so nobody may hear of it.
    pub(super) fn forget(&mut self, number: u64) {
        let is_it = |announcement: &Announcement| announcement.held.is_some_and(|held| held.number == number);
        self.unkept -= self.waiting.iter().filter(|waiting| is_it(waiting)).count().min(self.unkept);
        self.waiting.retain(|waiting| !is_it(waiting));
    }

    /// Forgets every final that the store has not confirmed: nobody waits for it any more.
    pub(super) fn forget_unkept(&mut self) {
        self.waiting.retain(|waiting| waiting.held.is_none_or(|held| held.is_kept));
        self.unkept = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Finals that wait for the store.
    pub(super) fn unkept(&self) -> usize {
        self.unkept
    }

    /// Announces what does not wait for the store, and gives the delays of the finals among it.
    pub(super) fn flush(&mut self, log: &EventLog, at: SamplePos, now: Instant) -> Vec<Announced> {
        let mut finals = Vec::new();
        while let Some(next) = self.waiting.pop_front_if(|next| next.held.is_none_or(|held| held.is_kept)) {
            let mut body = next.body;
            if let (Some(held), EventBody::TranscriptFinal { latency, delay, .. }) = (next.held, &mut body) {
                let Moments { speech_ended, shown_over } = held.moments;
                *latency = now.saturating_duration_since(speech_ended);
                delay.keep = latency.saturating_sub(delay.turn + delay.text);
                let machine = now.saturating_duration_since(shown_over);
                finals.push(Announced { lag: *latency, machine, delay: *delay });
            }
            log.append(at, body);
        }
        finals
    }
}

fn is_newer_partial(body: &EventBody, waiting: &EventBody) -> bool {
    let of = |body: &EventBody| {
        if let EventBody::TranscriptPartial { channel, turn, start, .. } = body {
            Some((*channel, *turn, *start))
        } else {
            None
        }
    };
    of(body).is_some_and(|stretch| of(waiting) == Some(stretch))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::audio::SampleSpan;
    use crate::call::event::TurnEndReason;
    use crate::call::{CallId, Channel, Language, Utterance};
    use crate::clock::{Clock, SystemClock};
    use crate::live::log::Peek;

    fn spoken(turn: u64) -> EventBody {
        let utterance = Utterance {
            channel: Channel::Caller,
            span: SampleSpan::default(),
            language: Language::Fr,
            text: "oui".into(),
            confidence: 0.9,
            words: Vec::new(),
        };
        let latency = Duration::ZERO;
        EventBody::TranscriptFinal {
            channel: Channel::Caller,
            turn,
            utterance,
            alternatives: Vec::new(),
            corrections: Vec::new(),
            foreign_share: None,
            joins: None,
            latency,
            delay: FinalDelay::default(),
        }
    }

    fn ended(turn: u64) -> EventBody {
        let (end_of_speech, reason) = (SamplePos::ZERO, TurnEndReason::Finished);
        let (channel, continues, is_back_channel) = (Channel::Caller, None, false);
        EventBody::TurnEnded { channel, turn, end_of_speech, reason, continues, is_back_channel }
    }

    fn partial(turn: u64, text: &str) -> EventBody {
        EventBody::TranscriptPartial {
            channel: Channel::Caller,
            turn,
            start: SamplePos::ZERO,
            stable: "".into(),
            unstable: text.into(),
        }
    }

    fn announced(log: &Arc<EventLog>) -> Vec<EventBody> {
        let mut reader = log.subscribe(1);
        std::iter::from_fn(|| match reader.peek() {
            Ok(Peek::Event(event)) => Some(event.body.clone()),
            Ok(Peek::NotYet | Peek::End) | Err(_) => None,
        })
        .collect()
    }

    fn log() -> Arc<EventLog> {
        EventLog::new(CallId(Uuid::from_u128(1)), 1_000)
    }

    #[test]
    fn a_final_waits_for_the_store_and_what_comes_later_waits_for_it() {
        let (log, start) = (log(), SystemClock.monotonic());
        let mut outbox = Outbox::default();
        let machine = Duration::from_millis(50);
        let shown_over = start + Duration::from_millis(200);
        outbox.push_final(spoken(1), 7, (Moments { speech_ended: start, shown_over }, false));
        outbox.push(ended(1));
        outbox.push(partial(2, "je"));
        outbox.push(partial(2, "je vous"));
        assert_eq!(outbox.flush(&log, SamplePos::ZERO, start), []);
        assert_eq!((announced(&log).len(), outbox.unkept()), (0, 1));
        outbox.kept(7);
        let lag = Duration::from_millis(250);
        let delay = FinalDelay { keep: lag, ..FinalDelay::default() };
        assert_eq!(outbox.flush(&log, SamplePos::ZERO, start + lag), [Announced { lag, machine, delay }]);
        let names: Vec<_> = announced(&log).iter().map(EventBody::name).collect();
        assert_eq!(names, ["transcript.final", "turn.ended", "transcript.partial"]);
        assert_eq!(announced(&log)[2], partial(2, "je vous"));
        assert_eq!(outbox.unkept(), 0);
    }

    #[test]
    fn a_final_that_was_not_kept_is_never_announced() {
        let (log, now) = (log(), SystemClock.monotonic());
        let mut outbox = Outbox::default();
        outbox.push_final(spoken(1), 1, (Moments::at(now), false));
        outbox.push(ended(1));
        outbox.forget(1);
        outbox.flush(&log, SamplePos::ZERO, now);
        assert_eq!(announced(&log), [ended(1)]);
        assert_eq!(outbox.unkept(), 0);
    }

    proptest! {
        #[test]
        fn events_leave_in_the_order_they_came_whenever_the_store_answers(
            steps in proptest::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..40),
        ) {
            let (log, now) = (log(), SystemClock.monotonic());
            let (mut outbox, mut expected, mut unkept) = (Outbox::default(), Vec::new(), Vec::new());
            for (number, (is_final, pick)) in (0_u64..).zip(steps) {
                let body = if is_final { spoken(number) } else { ended(number) };
                expected.push(body.clone());
                if is_final {
                    outbox.push_final(body, number, (Moments::at(now), false));
                    unkept.push(number);
                } else {
                    outbox.push(body);
                }
                if !unkept.is_empty() && pick.index(3) > 0 {
                    outbox.kept(unkept.swap_remove(pick.index(unkept.len())));
                }
                outbox.flush(&log, SamplePos::ZERO, now);
                prop_assert!(expected.starts_with(&announced(&log)));
            }
            unkept.into_iter().for_each(|number| outbox.kept(number));
            outbox.flush(&log, SamplePos::ZERO, now);
            prop_assert_eq!(announced(&log), expected);
        }
    }
}
