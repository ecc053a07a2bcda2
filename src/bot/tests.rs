//! The course of conversations in simulated time, with a scripted dialogue, voice and call.

mod any;
mod leaving;
mod names;
mod talking;

use std::time::{Duration, Instant};

use super::course::{Answer, Course, Output};
use crate::assistant::Event as Asked;
use crate::audio::{SamplePos, SampleSpan};
use crate::call::event::{CallEndReason, EventBody, FinalDelay, TurnEndReason};
use crate::call::{Channel, Language, Utterance};
use crate::clock::{Clock, SystemClock};
use crate::dialog::{Action, Expect, Listen, Transfer};

const CALLER: Channel = Channel::Caller;
/// How long the scripted dialogue waits for the caller.
const WAIT: Duration = Duration::from_secs(6);
/// How long a caller who was transferred waits for a team.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call on which time passes when a script says so.
struct Line {
    course: Course,
    now: Instant,
    turn: u64,
    /// Mark of what is being made, and of what the connection plays.
    making: Option<String>,
    /// Names one of which the next answers ask for.
    asks_for: Vec<&'static str>,
}

impl Line {
    fn new() -> Self {
        let course = Course::new(CALLER, vec![Language::Fr, Language::Nl], Language::Fr);
        Self { course, now: SystemClock.monotonic(), turn: 0, making: None, asks_for: Vec::new() }
    }

    /// A call that has begun and whose greeting was heard to its end.
    fn greeted() -> Self {
        let mut line = Self::new();
        line.course.begin();
        assert_eq!(line.done(), ["ask begin"]);
        line.answers(&[say("Bonjour."), listen()]);
        assert_eq!(line.done(), ["expect Open", "make Bonjour."]);
        line.is_made(1_000);
        line.passes(1_000);
        line.is_heard("bot-1");
        assert_eq!(line.done(), [""; 0]);
        line
    }

    /// What there is to do, in short words.
    fn done(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        while let Some(output) = self.course.poll(self.now) {
            if let Output::Make(saying) = &output {
                self.making = Some(saying.mark.clone());
            }
            done.push(words(&output));
        }
        if let Some(deadline) = self.course.next_deadline() {
            assert!(deadline > self.now, "it would not be asked again, or again and again");
        }
        done
    }

    fn passes(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// Time passes until the next thing is due; how long that was.
    fn waits(&mut self) -> Duration {
        let deadline = self.course.next_deadline().expect("something is waited for");
        let waited = deadline.saturating_duration_since(self.now);
        self.now = deadline;
        waited
    }

    fn answers(&mut self, actions: &[Action]) {
        self.answers_with(actions, &[], true);
    }

    fn answers_with(&mut self, actions: &[Action], fillers: &[usize], is_kept: bool) {
        let (actions, fillers) = (actions.to_vec(), fillers.to_vec());
        let asked_for = self.asks_for.iter().map(|name| (*name).to_owned()).collect();
        let answer = Answer { actions, fillers, asked_for, language: Language::Fr, is_kept };
        self.course.answered(answer, self.now);
    }

    /// The whole of a text is made, and lasts so long.
    fn is_made(&mut self, ms: u64) {
        self.course.played(Duration::from_millis(ms), true, self.now);
    }

    fn is_heard(&mut self, mark: &str) {
        self.told(&EventBody::PlaybackFinished { mark: mark.to_owned(), completed: true });
    }

    fn told(&mut self, body: &EventBody) {
        self.course.event(body, self.now);
    }

    fn speaks(&mut self) {
        self.turn += 1;
        self.told(&EventBody::SpeechStarted { channel: CALLER, turn: self.turn, at: SamplePos::ZERO });
    }

    fn interrupts(&mut self) {
        self.told(&EventBody::Interrupted { channel: CALLER, at: SamplePos::ZERO });
    }

    /// The turn that began ends with these words.
    fn said(&mut self, text: &str) {
        self.said_in(text, Language::Fr, None);
    }

    /// They are all that is told, also of the turn that they continue.
    fn said_in(&mut self, text: &str, language: Language, joins: Option<u64>) {
        self.told_final(text, language, joins);
        self.is_done(joins);
    }

    fn told_final(&mut self, text: &str, language: Language, joins: Option<u64>) {
        self.told_heard((text, language), joins, (0.0, None));
    }

    /// A final of so many seconds in French, of which so much lies on other languages.
    fn told_foreign(&mut self, text: &str, seconds: f64, share: Option<f32>) {
        self.told_heard((text, Language::Fr), None, (seconds, share));
    }

    fn told_heard(
        &mut self,
        (text, language): (&str, Language),
        joins: Option<u64>,
        (seconds, foreign_share): (f64, Option<f32>),
    ) {
        let (channel, turn) = (CALLER, self.turn);
        let utterance = Utterance {
            channel,
            span: SampleSpan::new(SamplePos::ZERO, SamplePos::from_seconds(seconds)),
            language,
            text: text.into(),
            confidence: 0.9,
            words: Vec::new(),
        };
        let (latency, delay) = (Duration::ZERO, FinalDelay::default());
        let (alternatives, corrections) = (Vec::new(), Vec::new());
        self.told(&EventBody::TranscriptFinal {
            channel,
            turn,
            utterance,
            alternatives,
            corrections,
            foreign_share,
            joins,
            latency,
            delay,
        });
    }

    /// The turn that began is over.
    fn is_done(&mut self, continues: Option<u64>) {
        let (channel, turn) = (CALLER, self.turn);
        let (end_of_speech, reason) = (SamplePos::ZERO, TurnEndReason::Finished);
        let is_back_channel = false;
        self.told(&EventBody::TurnEnded { channel, turn, end_of_speech, reason, continues, is_back_channel });
    }

    /// The caller says this while somebody else is heard, only to show that he listens.
    fn only_listens(&mut self, text: &str) {
        self.told_final(text, Language::Fr, None);
        let (channel, turn, continues) = (CALLER, self.turn, None);
        let (end_of_speech, reason) = (SamplePos::ZERO, TurnEndReason::Complete);
        let is_back_channel = true;
        self.told(&EventBody::TurnEnded { channel, turn, end_of_speech, reason, continues, is_back_channel });
    }

    /// The caller speaks, and is done.
    fn says(&mut self, text: &str) {
        self.speaks();
        self.said(text);
    }

    fn coughs(&mut self) {
        self.told(&EventBody::SpeechDiscarded { channel: CALLER, turn: self.turn });
    }

    fn presses(&mut self, digit: char) {
        self.told(&EventBody::Dtmf { channel: CALLER, digit: digit.into() });
    }

    fn hangs_up(&mut self) {
        self.told(&EventBody::CallEnded { reason: CallEndReason::HungUp, duration: Duration::ZERO });
    }
}

fn words(output: &Output) -> String {
    match output {
        Output::Ask(event) => format!("ask {}", asked(event)),
        Output::TakeBack => "take back".to_owned(),
        Output::Make(saying) => format!("make {}", saying.text.reveal()),
        Output::MakeMore => "make more".to_owned(),
        Output::Stop { unfinished } => format!("stop {}", unfinished.as_deref().unwrap_or("playing")),
        Output::Apologise(_) => "apologise".to_owned(),
        Output::Expect(expectation) => format!("expect {expectation:?}"),
        Output::AskedFor(names) => format!("asked for {names:?}"),
        Output::HandOver(transfer) => format!("hand over to {}", transfer.route),
        Output::Transfer(queue) => format!("transfer to {}", queue.reveal()),
        Output::HangUp => "hang up".to_owned(),
        Output::Done => "done".to_owned(),
    }
}

fn asked(event: &Asked) -> String {
    match event {
        Asked::Begin => "begin".to_owned(),
        Asked::Said { heard, is_foreign: true, .. } => format!("foreign {}", heard.text.reveal()),
        Asked::Said { heard, .. } => format!("said {}", heard.text.reveal()),
        Asked::OtherLanguage => "other language".to_owned(),
        Asked::Silence => "silence".to_owned(),
        Asked::Noise => "noise".to_owned(),
        Asked::Key(key) => format!("key {}", key.reveal()),
        Asked::NotAnswered => "not answered".to_owned(),
        Asked::Failed => "failed".to_owned(),
        Asked::HungUp => "hung up".to_owned(),
    }
}

fn say(text: &str) -> Action {
    Action::Say(text.into())
}

fn listen() -> Action {
    Action::Listen(Listen { wait: WAIT, expect: Expect::Wish })
}

fn transfer() -> Action {
    Action::Transfer(Box::new(Transfer {
        route: "accueil".to_owned(),
        queue: "7000".to_owned(),
        patience: Some(PATIENCE),
        intent: None,
        confidence: None,
        second_intent: None,
        words: None,
        said: Vec::new(),
        slots: Default::default(),
    }))
}
