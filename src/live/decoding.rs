//! What is being decoded of one channel: a partial, speculative finals, and the turns that wait for theirs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::chain::Evidence;
use super::outbox::Moments;
use super::stable::StablePrefix;
use crate::asr::{CancelFlag, Recognition, RecognizedWord};
use crate::audio::{SamplePos, SampleSpan};
use crate::call::event::TurnEndReason;
use crate::turn::RequestId;

/// A decoding that is not there after so many times `live.watchdog` never comes. One that is being worked on is given up
/// sooner by its worker (`asr::worker::Pool::look`); this is for what waits too, which admission keeps shorter than that.
const LONGEST_WATCHDOGS: u32 = 12;
/// Turns whose finals are remembered, for one that continues them.
const TURNS_REMEMBERED: usize = 4;

/// How long a decoding, a question to Smart Turn or a recording's step at the recogniser may take at all.
pub(super) const fn longest(watchdog: Duration) -> Duration {
    watchdog.saturating_mul(LONGEST_WATCHDOGS)
}

/// A decoding for a partial.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) request: RequestId,
    pub(super) turn: u64,
    pub(super) span: SampleSpan,
    pub(super) asked: Instant,
    pub(super) cancel: CancelFlag,
}

/// A decoding that becomes a final unless speech goes on.
pub(super) struct Speculation {
    pub(super) request: RequestId,
    pub(super) turn: u64,
    pub(super) span: SampleSpan,
    pub(super) samples: Arc<[f32]>,
    pub(super) evidence: Evidence,
    pub(super) asked: Instant,
    /// How long the recogniser had no time for it, and how long it took.
    pub(super) work: (Duration, Duration),
    pub(super) attempts: u32,
    pub(super) state: State,
}

/// How far a speculation is.
#[derive(Debug)]
pub(super) enum State {
    /// The recogniser had no room for it.
    Unsent,
    /// On its way.
    Waiting(CancelFlag),
    /// Here; what is believed of it, if anything.
    Heard(Option<Recognition>),
    /// The recogniser failed on it as often as it is asked.
    Failed,
}

/// A final that a repair may go on with: its turn, its words, which begin with its audio, and the length of that.
#[derive(Debug)]
struct LastFinal {
    turn: u64,
    words: Vec<RecognizedWord>,
    length: SamplePos,
}

/// The decoding whose text becomes a final.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastText {
    pub(super) speculation: RequestId,
    pub(super) audio: SampleSpan,
}

/// A turn, or part of one, that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closed {
    pub(super) turn: u64,
    /// `None` when everything was told in parts already.
    pub(super) last: Option<LastText>,
    pub(super) speech: SampleSpan,
    /// The turn whose finals its text replaces.
    pub(super) joins: Option<u64>,
    /// `None` for a part: the turn goes on.
    pub(super) end: Option<TurnEnd>,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct TurnEnd {
    pub(super) reason: TurnEndReason,
    /// The turn that it continues.
    pub(super) continues: Option<u64>,
    /// Whether a text that is only a sign of listening wants no answer.
    pub(super) is_over_other: bool,
}

impl Closed {
    /// Whether the text of `request` is its final.
    pub(super) fn waits_for(&self, request: RequestId) -> bool {
        self.last.is_some_and(|last| last.speculation == request)
    }
}

/// An ended turn that waits for its text.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) closed: Closed,
    pub(super) stable: StablePrefix,
    pub(super) moments: Moments,
    /// When it was known to be over.
    pub(super) closed_at: Instant,
}

/// See the module.
#[derive(Default)]
pub(super) struct Decoding {
    /// What was shown of the stretch of speech that becomes the next final.
    pub(super) stable: StablePrefix,
    pub(super) partial: Option<Partial>,
    /// The newest partial that was asked for while another was being decoded.
    pub(super) wanted: Option<(RequestId, u64, SampleSpan)>,
    /// When a partial was last shown: who waited longest goes first.
    pub(super) shown: Option<Instant>,
    pub(super) speculations: Vec<Speculation>,
    pub(super) closings: VecDeque<Closing>,
    finals: VecDeque<(u64, Vec<u64>)>,
    /// The last final of a whole turn.
    last_final: Option<LastFinal>,
    judges: Vec<Judge>,
}

/// A question to Smart Turn.
#[derive(Debug)]
struct Judge {
    request: RequestId,
    asked: Instant,
    cancel: CancelFlag,
}

/// What was given up because nobody answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Overdue {
    pub(super) partials: u64,
    pub(super) judges: u64,
}

impl Decoding {
    /// Nothing is being decoded or asked.
    pub(super) fn is_quiet(&self) -> bool {
        let is_quiet = |speculation: &Speculation| match speculation.state {
            State::Heard(_) | State::Failed => true,
            State::Unsent | State::Waiting(_) => false,
        };
        self.partial.is_none()
            && self.wanted.is_none()
            && self.judges.is_empty()
            && self.closings.is_empty()
            && self.speculations.iter().all(is_quiet)
    }

    /// Gives up what was asked for long ago and can be done without: a newer partial says more, and a turn ends by silence
    /// too. A call that waited for them would never be quiet, and so never end.
    pub(super) fn give_up_overdue(&mut self, now: Instant, longest: Duration) -> Overdue {
        let is_overdue = |asked: Instant| now.saturating_duration_since(asked) > longest;
        let mut overdue = Overdue::default();
        if let Some(partial) = self.partial.take_if(|partial| is_overdue(partial.asked)) {
            partial.cancel.cancel();
            overdue.partials += 1;
        }
        for judge in self.judges.extract_if(.., |judge| is_overdue(judge.asked)) {
            judge.cancel.cancel();
            overdue.judges += 1;
        }
        overdue
    }

    /// Whether the text of a turn that was asked for long ago has not come.
    pub(super) fn is_stuck(&self, now: Instant, longest: Duration) -> bool {
        self.speculations.iter().any(|speculation| {
            matches!(speculation.state, State::Waiting(_))
                && now.saturating_duration_since(speculation.asked) > longest
        })
    }

    pub(super) fn speculation(&mut self, request: RequestId) -> Option<&mut Speculation> {
        self.speculations.iter_mut().find(|speculation| speculation.request == request)
    }

    /// A question to Smart Turn is on its way.
    pub(super) fn asks(&mut self, request: RequestId, asked: Instant, cancel: CancelFlag) {
        self.judges.push(Judge { request, asked, cancel });
    }

    /// Smart Turn answered; `false` when the answer is not wanted any more.
    pub(super) fn judged(&mut self, wanted: RequestId) -> bool {
        let place = self.judges.iter().position(|judge| judge.request == wanted);
        place.is_some_and(|place| !self.judges.swap_remove(place).cancel.is_cancelled())
    }

    /// Forgets what is not wanted any more; `true` when it was a speculation. A question to Smart Turn is still
    /// answered, with nothing.
    pub(super) fn cancel(&mut self, request: RequestId) -> bool {
        if let Some(judge) = self.judges.iter().find(|judge| judge.request == request) {
            judge.cancel.cancel();
        }
        if self.partial.as_ref().is_some_and(|partial| partial.request == request) {
            self.cancel_partial();
        }
        let Some(place) = self.speculations.iter().position(|speculation| speculation.request == request)
        else {
            return false;
        };
        if let State::Waiting(cancel) = self.speculations.swap_remove(place).state {
            cancel.cancel();
        }
        true
    }

    /// Stops the partial in progress and forgets the one that is wanted; `true` when there was one.
    pub(super) fn cancel_partial(&mut self) -> bool {
        let wanted = self.wanted.take().is_some();
        let partial = self.partial.take();
        if let Some(partial) = &partial {
            partial.cancel.cancel();
        }
        wanted || partial.is_some()
    }

    /// The stretch of speech in progress is over: takes what was shown of it.
    pub(super) fn end_stretch(&mut self) -> StablePrefix {
        self.cancel_partial();
        self.shown = None;
        std::mem::take(&mut self.stable)
    }

    /// The text that stands for the stretch of a turn in which nothing is believed to have been said, although words of it
    /// were told for good: what was told is not taken back.
    pub(super) fn told_for_good(&self, turn: u64) -> Option<LastText> {
        self.stable.told()?;
        let of_turn = self.speculations.iter().filter(|speculation| speculation.turn == turn);
        let last = of_turn.max_by_key(|speculation| speculation.request)?;
        Some(LastText { speculation: last.request, audio: last.span })
    }

    /// The stretch of speech in progress was none.
    pub(super) fn forget_stretch(&mut self) {
        self.end_stretch();
        let closings = &self.closings;
        let is_closing = |request| closings.iter().any(|closing| closing.closed.waits_for(request));
        self.speculations.retain(|speculation| {
            let is_wanted = is_closing(speculation.request);
            if let (State::Waiting(cancel), false) = (&speculation.state, is_wanted) {
                cancel.cancel();
            }
            is_wanted
        });
    }

    /// Stops everything and gives the turns that wait for a text that will not come.
    pub(super) fn cancel_all(&mut self) -> Vec<Closed> {
        self.end_stretch();
        for speculation in self.speculations.drain(..) {
            if let State::Waiting(cancel) = speculation.state {
                cancel.cancel();
            }
        }
        self.judges.drain(..).for_each(|judge| judge.cancel.cancel());
        self.closings.drain(..).map(|closing| closing.closed).collect()
    }

    /// Remembers a final of a turn by its number in the store, instead of those of the same turn where it joins that.
    pub(super) fn remember(&mut self, turn: u64, number: u64, joins: Option<u64>) {
        if joins == Some(turn) {
            self.finals.retain(|(of, _)| *of != turn);
        }
        match self.finals.back_mut() {
            Some((last, numbers)) if *last == turn => numbers.push(number),
            Some(_) | None => self.finals.push_back((turn, vec![number])),
        }
        if self.finals.len() > TURNS_REMEMBERED {
            self.finals.pop_front();
        }
    }

    /// Remembers the words of the final of a whole turn.
    pub(super) fn remember_words(&mut self, turn: u64, words: &[RecognizedWord], length: SamplePos) {
        self.last_final = Some(LastFinal { turn, words: words.to_vec(), length });
    }

    /// The stretch that begins goes on where the final of the turn `joins` ended: its words stay, but for those in the end
    /// of its audio, so that they need not be decoded again.
    pub(super) fn continue_final(&mut self, joins: Option<u64>) {
        let Some(last) = self.last_final.take().filter(|last| Some(last.turn) == joins) else { return };
        self.stable.continue_from(&last.words, last.length);
    }

    /// Numbers of the finals of a turn.
    pub(super) fn finals_of(&self, turn: u64) -> Vec<u64> {
        let found = self.finals.iter().find(|(of, _)| *of == turn);
        found.map(|(_, numbers)| numbers.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn a_partial_and_a_question_without_an_answer_are_given_up_after_twelve_times_the_watchdog() {
        let longest = longest(Duration::from_secs(5));
        assert_eq!(longest, Duration::from_secs(60));
        let asked = SystemClock.monotonic();
        let (partial, judge) = (CancelFlag::new(), CancelFlag::new());
        let (request, span) = (RequestId(1), SampleSpan::default());
        let mut decoding = Decoding {
            partial: Some(Partial { request, turn: 1, span, asked, cancel: partial.clone() }),
            ..Decoding::default()
        };
        decoding.asks(RequestId(2), asked, judge.clone());
        assert_eq!(decoding.give_up_overdue(asked + longest, longest), Overdue::default());
        let later = asked + longest + Duration::from_millis(1);
        assert_eq!(decoding.give_up_overdue(later, longest), Overdue { partials: 1, judges: 1 });
        assert!(decoding.is_quiet() && partial.is_cancelled() && judge.is_cancelled());
        assert!(!decoding.judged(RequestId(2)), "an answer that comes after all is nobody's");
    }
}
