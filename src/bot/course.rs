//! The course of one conversation on one call: what happens goes in with its time, what is to be done comes out. Pure.
//!
//! ```text
//! events of the call ─ ear ─▶ asked of the dialogue, one at a time ─▶ answered ─▶ mouth ─▶ then: listen, transfer, hang up
//! ```
//!
//! Invariants: the dialogue is asked one thing at a time, in the order in which things happened; texts are said in order and
//! never over each other; a transfer is asked for when its handover has been told, a hang-up when what was said has been
//! heard or cannot be; after either nothing is asked any more but whether the transfer was taken: not, if the peer says so
//! or nobody is heard to speak within the patience of the team. Whatever fails leads to a person, and where that fails too to
//! the end of the call.
//!
//! What a caller adds before anything of the answer was heard belongs to the sentence before, and the dialogue is asked
//! anew from where it was. So does a turn by which `live` continues an ended one, as long as nothing else was decided since.

mod hearing;
mod parts;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) use self::parts::{Answer, Output};
use self::parts::{Early, Held, Stage, Then, Thinking, Waiting, is_sign, texts};
use super::ear::{Ear, Sentence};
use super::expect::expectation;
use super::mouth::{Making, Mouth};
use crate::assistant::Event;
use crate::call::{Channel, Language};
use crate::dialog::{Action, Listen};
use crate::redact::Redacted;

/// Things that happened and wait for the dialogue: keys, mostly. Nobody presses so many while one answer is made.
const QUEUE_MAX: usize = 32;
/// So long a look-up may take before the caller is told that there is one.
const LOOK_UP_PATIENCE: Duration = Duration::from_millis(600);
/// So long an answer, or a goodbye, waits for a caller who goes on speaking.
const POLITE_MAX: Duration = Duration::from_millis(2_500);
/// So long a handover may take to be told before the caller is transferred anyway: three times the usual look-up (two ways to
/// find the customer, and the document) and some.
const TOLD_MAX: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Course {
    ear: Ear,
    mouth: Mouth,
    /// Those of the scenario, and the one that is spoken now.
    languages: Vec<Language>,
    language: Language,
    stage: Stage,
    queue: VecDeque<Event>,
    thinking: Option<Thinking>,
    /// The sentence that takes the place of the one that the dialogue is thinking about.
    instead: Option<Sentence>,
    early: Option<Early>,
    /// Actions of the answer that were said before it came.
    early_said: usize,
    held: Option<Held>,
    /// An answer behind which something else was asked: it is said if that changes nothing.
    overtaken: Option<(Vec<Redacted<String>>, Then)>,
    then: Option<Then>,
    /// A goodbye that was interrupted waits until then for what the caller says.
    polite_until: Option<Instant>,
    /// The sentence that was answered last, if nothing was decided since.
    answered: Option<Sentence>,
    last_listen: Option<Listen>,
    /// The names one of which the caller was asked for.
    asked_for: Arc<[String]>,
    /// How long the caller may be silent, and since when it is counted.
    silence: Option<(Duration, Option<Instant>)>,
    has_failed: bool,
    is_mute: bool,
    outputs: VecDeque<Output>,
}

impl Course {
    /// A conversation that has not begun, with who is on `channel`. `languages` are those of the scenario.
    pub(super) fn new(channel: Channel, languages: Vec<Language>, language: Language) -> Self {
        Self {
            ear: Ear::new(channel),
            mouth: Mouth::default(),
            languages,
            language,
            stage: Stage::Talking,
            queue: VecDeque::new(),
            thinking: None,
            instead: None,
            early: None,
            early_said: 0,
            held: None,
            overtaken: None,
            then: None,
            polite_until: None,
            answered: None,
            last_listen: None,
            asked_for: Arc::new([]),
            silence: None,
            has_failed: false,
            is_mute: false,
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to do; call until `None` after everything that goes in.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Output> {
        if self.outputs.is_empty() {
            self.go_on(now);
        }
        self.outputs.pop_front()
    }

    /// When [`Course::poll`] has something to do without anything going in.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if self.stage == Stage::Ended {
            return None;
        }
        let early = self.early.as_ref().map(|early| early.due);
        let held = self.held.as_ref().map(|held| held.until);
        let handing_over =
            if let Stage::HandingOver { until, .. } = &self.stage { Some(*until) } else { None };
        let deadlines =
            [early, held, self.polite_until, self.silence_due(), handing_over, self.mouth.next_deadline()];
        deadlines.into_iter().chain([self.patience_due()]).flatten().min()
    }

    /// The call is there.
    pub(super) fn begin(&mut self) {
        self.ask(Event::Begin);
    }

    /// The transfer was asked for, and the peer stays on the call until somebody answers: the patience of the team is counted
    /// from now on.
    pub(super) fn transferred(&mut self, now: Instant) {
        if let Stage::Transferred(waiting) = &mut self.stage {
            waiting.until = waiting.patience.map(|patience| now + patience);
        }
    }

    /// Nobody took the transferred call.
    pub(super) fn not_answered(&mut self) {
        if matches!(self.stage, Stage::Transferred(_)) {
            self.stage = Stage::Talking;
            self.ask(Event::NotAnswered);
        }
    }

    /// The dialogue looks something up; the last of the `actions` so far are words for the meantime.
    pub(super) fn early(&mut self, actions: &[Action], now: Instant) {
        if self.thinking.is_some() && self.instead.is_none() && self.stage == Stage::Talking {
            let says = texts(actions.iter().skip(self.early_said));
            self.early = Some(Early { says, actions: actions.len(), due: now + LOOK_UP_PATIENCE });
        }
    }

    /// The dialogue answered.
    pub(super) fn answered(&mut self, answer: Answer, now: Instant) {
        let Some(thinking) = self.thinking.take() else { return };
        self.language = answer.language;
        self.early = None;
        let early_said = std::mem::take(&mut self.early_said);
        if self.stage == Stage::Ended {
            return self.say_goodbye_to_dialogue(&thinking.event);
        }
        if let Some(instead) = self.instead.take() {
            self.outputs.push_back(Output::TakeBack);
            return self.ask_sentence(instead);
        }
        let then = Then::of(&answer.actions);
        let is_leaving = then.as_ref().is_some_and(Then::is_leaving);
        if !answer.is_kept && !is_leaving && !self.has_failed {
            return self.fail();
        }
        self.answered = thinking.sentence;
        if let Some(Then::Listen(listen)) = &then {
            self.last_listen = Some(*listen);
            self.outputs.push_back(Output::Expect(expectation(listen.expect)));
        }
        if self.asked_for != answer.asked_for {
            self.asked_for = Arc::clone(&answer.asked_for);
            self.outputs.push_back(Output::AskedFor(Arc::clone(&answer.asked_for)));
        }
        // Words for a look-up that was over at once are not said, and nothing is said twice.
        let is_new = |(place, _): &(usize, &Action)| *place >= early_said && !answer.fillers.contains(place);
        let says = texts(answer.actions.iter().enumerate().filter(is_new).map(|(_, action)| action));
        let (says, then) = match (then, self.overtaken.take()) {
            (None, Some((says, then))) => (says, Some(then)),
            (then, _) => (says, then),
        };
        if !is_leaving && let Some(next) = self.queue.pop_front() {
            // What has happened meanwhile makes what is to be said out of date, unless it changes nothing.
            self.overtaken = then.map(|then| (says, then));
            return self.ask(next);
        }
        self.queue.clear();
        if is_sign(&thinking.event) && !answer.actions.is_empty() {
            self.stop_speaking();
            self.held = None;
        }
        let Some(then) = then.or_else(|| self.nothing_follows()) else { return };
        let may_wait = !is_leaving && early_said == 0 && thinking.event != Event::Begin;
        if self.ear.is_speaking() && may_wait {
            self.held = Some(Held { says, then, until: now + POLITE_MAX });
        } else {
            self.speak(says, then);
        }
    }

    /// The dialogue broke while it was asked.
    pub(super) fn lost(&mut self) {
        self.thinking = None;
        self.early = None;
        if self.stage == Stage::Ended {
            self.outputs.push_back(Output::Done);
        } else if self.has_failed {
            tracing::error!("a dialogue broke twice; its call is ended");
            self.outputs.push_back(Output::Apologise(self.language));
            self.speak(Vec::new(), Then::HangUp);
        } else {
            self.fail();
        }
    }

    /// A piece of the text that is made was given to the connection.
    pub(super) fn played(&mut self, length: Duration, is_last: bool, now: Instant) {
        self.mouth.played(length, is_last, now);
    }

    /// The text that is made has nothing in it that can be said.
    pub(super) fn nothing_to_say(&mut self) {
        self.mouth.skip();
    }

    /// The apology was given to the connection under this mark.
    pub(super) fn apologised(&mut self, mark: String, length: Duration, now: Instant) {
        self.mouth.plays(mark, length, now);
    }

    /// The voice broke: the apology that is made already is all that can be said.
    pub(super) fn voice_failed(&mut self) {
        if std::mem::replace(&mut self.is_mute, true) {
            return self.mouth.skip();
        }
        let unfinished = self.mouth.stop();
        self.outputs.push_back(Output::Stop { unfinished });
        self.outputs.push_back(Output::Apologise(self.language));
        // A call that is on its way to a person or to its end goes on without words.
        let is_leaving = self.then.as_ref().is_some_and(Then::is_leaving);
        if self.stage == Stage::Talking && !is_leaving && !self.has_failed {
            self.fail();
        }
    }

    /// A person is to take over, since this side cannot go on.
    fn fail(&mut self) {
        self.has_failed = true;
        self.queue.clear();
        (self.instead, self.held, self.then, self.answered) = (None, None, None, None);
        self.overtaken = None;
        self.ask(Event::Failed);
    }

    /// What follows where the dialogue says that nothing changes: what was listened for is listened for again.
    fn nothing_follows(&mut self) -> Option<Then> {
        if self.has_failed {
            tracing::error!("a call that is to go to a person cannot be handed over; it is ended");
            return Some(Then::HangUp);
        }
        self.last_listen.map(Then::Listen)
    }

    /// Does what is due.
    fn go_on(&mut self, now: Instant) {
        if self.stage == Stage::Ended {
            return;
        }
        self.polite_until.take_if(|until| *until <= now);
        if let Some(early) = self.early.take_if(|early| early.due <= now) {
            self.early_said = early.actions;
            early.says.into_iter().for_each(|text| self.say(text));
        }
        if let Some(held) = self.held.take_if(|held| held.until <= now) {
            self.speak(held.says, held.then);
        }
        self.mouth.give_up_waiting(now);
        if let Some(making) = self.mouth.next(now) {
            return self.outputs.push_back(match making {
                Making::Begin(saying) => Output::Make(saying),
                Making::Continue => Output::MakeMore,
            });
        }
        if !self.mouth.is_speaking() {
            self.all_was_said(now);
        }
        if let Stage::HandingOver { until, .. } = &self.stage
            && *until <= now
        {
            tracing::error!("a handover could not be told in time; the call is transferred without");
            self.told();
        }
        if self.patience_due().is_some_and(|due| due <= now) {
            self.not_answered();
        }
        if self.silence_due().is_some_and(|due| due <= now) && self.thinking.is_none() {
            self.ask(Event::Silence);
        }
    }

    /// When a caller has waited long enough for a team. Speech that goes on, of the caller or of an agent who is just saying
    /// the first words, is waited for: it may be a conversation.
    fn patience_due(&self) -> Option<Instant> {
        if let Stage::Transferred(waiting) = &self.stage
            && !self.ear.is_speaking()
            && waiting.speaking.is_empty()
        {
            waiting.until
        } else {
            None
        }
    }

    fn silence_due(&self) -> Option<Instant> {
        self.silence.and_then(|(wait, since)| since.map(|since| since + wait))
    }

    /// Nothing is being said: what was to follow follows.
    fn all_was_said(&mut self, now: Instant) {
        let may_still_say = self.ear.is_speaking() && self.polite_until.is_some();
        if may_still_say && self.then.as_ref().is_some_and(Then::is_leaving) {
            return;
        }
        match self.then.take() {
            None => {}
            Some(Then::Listen(listen)) => {
                self.silence = Some((listen.wait, (!self.ear.is_speaking()).then_some(now)));
            }
            Some(Then::Transfer(transfer)) => {
                let (queue, patience) = (Redacted::new(transfer.queue.clone()), transfer.patience);
                self.stage = Stage::HandingOver { queue, patience, until: now + TOLD_MAX };
                self.outputs.push_back(Output::HandOver(transfer));
            }
            Some(Then::HangUp) => {
                self.stage = Stage::HungUp;
                self.outputs.push_back(Output::HangUp);
            }
        }
    }

    /// The handover is in the log: the transfer may be asked for.
    fn told(&mut self) {
        if let Stage::HandingOver { queue, patience, .. } = &self.stage {
            let patience = *patience;
            let waiting = Waiting { patience, until: None, is_speech: false, speaking: BTreeSet::new() };
            self.outputs.push_back(Output::Transfer(queue.clone()));
            self.stage = Stage::Transferred(waiting);
        }
    }

    fn speak(&mut self, says: Vec<Redacted<String>>, then: Then) {
        says.into_iter().for_each(|text| self.say(text));
        self.silence = None;
        self.then = Some(then);
    }

    fn say(&mut self, text: Redacted<String>) {
        if !self.is_mute {
            self.mouth.say(text, self.language);
        }
    }

    /// Asks the dialogue now, or behind what it is asked already.
    fn ask(&mut self, event: Event) {
        if self.thinking.is_some() {
            if self.queue.len() < QUEUE_MAX {
                self.queue.push_back(event);
            } else {
                tracing::warn!(
                    "more happens on a call than its dialogue can be asked; something is left out"
                );
            }
            return;
        }
        (self.silence, self.then, self.answered, self.polite_until) = (None, None, None, None);
        self.thinking = Some(Thinking { event: event.clone(), sentence: None });
        self.outputs.push_back(Output::Ask(event));
    }

    /// The call has ended: the dialogue is told, if it was not, and then nothing more.
    fn say_goodbye_to_dialogue(&mut self, asked: &Event) {
        if *asked == Event::HungUp || self.queue.pop_front().is_none() {
            self.outputs.push_back(Output::Done);
        } else {
            self.ask(Event::HungUp);
        }
    }
}
