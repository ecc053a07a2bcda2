//! Carries out what the course of a conversation wants: asks the dialogue, makes speech, tells and transfers.
//!
//! One task a call. The classifier and the voice work on threads that may block, at most one of each for a call.

mod making;
mod thinking;

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use self::making::Made;
use self::thinking::{Thought, think};
use super::course::{Answer, Course, Output};
use super::figures::{Broken, count};
use super::handover::handover;
use super::mouth::Saying;
use super::{Bot, Facts};
use crate::assistant::{Conversation, Event as Asked};
use crate::call::CallId;
use crate::call::decision::LookUpRecord;
use crate::call::event::{Event, EventBody};
use crate::call::handover::Handover;
use crate::dialog::{Action, Transfer};
use crate::live::{Controls, EventLog, Missed, Reader};

/// Mark of the apology.
const APOLOGY: &str = "bot-apology";
/// What a look-up may tell before it is read; a turn has two of them at the most.
const EARLY_MAX: usize = 4;

/// See the module.
pub(super) struct Task {
    bot: Arc<Bot>,
    call: CallId,
    facts: Facts,
    reader: Reader,
    controls: Controls,
    not_answered: mpsc::Receiver<()>,
    course: Course,
    /// Not here while it is asked.
    conversation: Option<Conversation>,
    /// As it was before it was asked, and before the last sentence.
    before: Conversation,
    before_sentence: Option<Conversation>,
    thinking: Option<JoinHandle<Thought>>,
    early: Option<mpsc::Receiver<Vec<Action>>>,
    /// What is being said, with the rest of its speech where none of it is being made.
    saying: Option<(Saying, Option<crate::voice::Speech>)>,
    making: Option<JoinHandle<Made>>,
    handing_over: Option<JoinHandle<Handover>>,
    /// The last turn that led to a person.
    led_to_person: Option<u32>,
    began: Timestamp,
    /// When the caller was known to be done, until the answer is heard.
    asked_at: Option<Instant>,
    /// The same until it is known what follows.
    undecided_since: Option<Instant>,
}

/// What happened next.
enum Happened {
    Event(Arc<Event>),
    Missed(Missed),
    Thought(Box<Result<Thought, JoinError>>),
    Early(Vec<Action>),
    Made(Result<Made, JoinError>),
    Handover(Box<Result<Handover, JoinError>>),
    NotAnswered,
    Due,
    /// The log is closed, and the course was told.
    Over,
}

impl Task {
    pub(super) fn new(
        bot: Arc<Bot>,
        events: &Arc<EventLog>,
        (controls, facts, not_answered): (Controls, Facts, mpsc::Receiver<()>),
    ) -> Self {
        let assistant = bot.scenario();
        let (call, began) = (events.call(), bot.parts.clock.wall());
        let languages = assistant.plan().languages.clone();
        let language = facts.language.or(bot.parts.config.spoken());
        let conversation = Conversation::new(assistant, call, language);
        let course = Course::new(facts.channel.0, languages, conversation.language());
        Self {
            call,
            reader: events.subscribe(1),
            controls,
            not_answered,
            course,
            before: conversation.clone(),
            conversation: Some(conversation),
            before_sentence: None,
            thinking: None,
            early: None,
            saying: None,
            making: None,
            handing_over: None,
            led_to_person: None,
            began,
            asked_at: None,
            undecided_since: None,
            facts,
            bot,
        }
    }

    /// Talks until the call has ended.
    pub(super) async fn run(mut self) {
        self.course.begin();
        loop {
            while let Some(output) = self.course.poll(self.now()) {
                if output == Output::Done {
                    return;
                }
                self.carry_out(output);
            }
            let happened = self.next().await;
            let now = self.now();
            match happened {
                Happened::Event(event) => self.heard(&event, now),
                Happened::Missed(missed) => {
                    tracing::warn!(call = %self.call, %missed, "a dialogue was too slow for its call");
                }
                Happened::Thought(thought) => self.thought(*thought, now),
                Happened::Early(actions) => self.course.early(&actions, now),
                Happened::Made(made) => self.made(made, now),
                Happened::Handover(handover) => self.tell_handover(*handover),
                Happened::NotAnswered => self.course.not_answered(),
                Happened::Due => {}
                Happened::Over => return,
            }
        }
    }

    fn now(&self) -> Instant {
        self.bot.parts.clock.monotonic()
    }

    async fn next(&mut self) -> Happened {
        let deadline = self.course.next_deadline();
        let due = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => pending().await,
            }
        };
        let is_ended = self.reader.is_at_end();
        tokio::select! {
            // What the dialogue said for the meantime comes before what it said in the end.
            biased;
            Some(actions) = heard_early(&mut self.early) => Happened::Early(actions),
            event = self.reader.next(), if !is_ended => match event {
                Ok(Some(event)) => Happened::Event(event),
                Ok(None) => Happened::Due,
                Err(missed) => Happened::Missed(missed),
            },
            thought = done(&mut self.thinking) => Happened::Thought(Box::new(thought)),
            made = done(&mut self.making) => Happened::Made(made),
            handover = done(&mut self.handing_over) => Happened::Handover(Box::new(handover)),
            Some(()) = self.not_answered.recv() => Happened::NotAnswered,
            () = due => Happened::Due,
            else => Happened::Over,
        }
    }

    fn heard(&mut self, event: &Event, now: Instant) {
        if let EventBody::CallStarted { started, .. } = &event.body {
            self.began = *started;
        }
        // Nobody waits for an answer to a sign of listening.
        if let EventBody::TurnEnded { channel, is_back_channel: false, .. } = &event.body
            && *channel == self.facts.channel.0
        {
            (self.asked_at, self.undecided_since) = (Some(now), Some(now));
        }
        self.course.event(&event.body, now);
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Ask(event) => self.ask(event),
            Output::TakeBack => {
                if let (Some(conversation), Some(before)) = (&mut self.conversation, &self.before_sentence) {
                    conversation.take_back(before);
                }
            }
            Output::Make(saying) => self.make(saying),
            Output::MakeMore => self.make_more(),
            Output::Stop { unfinished } => self.stop(unfinished),
            Output::Apologise(language) => self.apologise(language),
            Output::Expect(expectation) => self.controls.expect(self.facts.channel.1, expectation),
            Output::AskedFor(names) => self.controls.asked_for(self.facts.channel.1, names),
            Output::HandOver(transfer) => self.hand_over(&transfer),
            Output::Transfer(queue) => self.transfer(queue),
            Output::HangUp => self.hang_up(),
            Output::Done => {}
        }
    }

    fn ask(&mut self, event: Asked) {
        let conversation = self.conversation.take().unwrap_or_else(|| self.before.clone());
        self.before = conversation.clone();
        if matches!(event, Asked::Said { .. } | Asked::OtherLanguage) {
            self.before_sentence = Some(conversation.clone());
        }
        let (sender, early) = mpsc::channel(EARLY_MAX);
        self.early = Some(early);
        let (bot, controls) = (Arc::clone(&self.bot), self.controls.clone());
        let runtime = tokio::runtime::Handle::current();
        self.thinking = Some(tokio::task::spawn_blocking(move || {
            runtime.block_on(think(conversation, event, (sender, &bot, controls)))
        }));
    }

    fn thought(&mut self, thought: Result<Thought, JoinError>, now: Instant) {
        self.early = None;
        match thought {
            Ok(Thought { conversation, actions, fillers, asked_for, is_kept, number }) => {
                if let Some(Action::Transfer(_)) = actions.last() {
                    self.led_to_person = Some(number);
                }
                let language = conversation.language();
                self.conversation = Some(conversation);
                if let Some(since) = self.undecided_since.take() {
                    let took = now.saturating_duration_since(since);
                    self.bot.figures.decision.record(took);
                    tracing::debug!(call = %self.call, decided_ms = took.as_millis(), "a sentence was decided on");
                }
                self.course.answered(Answer { actions, fillers, asked_for, language, is_kept }, now);
            }
            Err(error) => {
                tracing::error!(call = %self.call, %error, "a dialogue broke");
                self.bot.figures.broke(Broken::Dialogue);
                self.conversation = Some(self.before.clone());
                self.course.lost();
            }
        }
    }

    fn hand_over(&mut self, transfer: &Transfer) {
        let conversation = self.conversation.as_ref().unwrap_or(&self.before).clone();
        let (call, facts, began, transfer) = (self.call, self.facts.clone(), self.began, transfer.clone());
        let (bot, turn) = (Arc::clone(&self.bot), self.led_to_person);
        self.handing_over = Some(tokio::spawn(async move {
            let (handover, look_ups) = handover((call, &facts, began), &conversation, &transfer).await;
            bot.figures.looked_up(&look_ups);
            // The caller does not wait for the disk.
            tokio::spawn(async move { keep(&bot, (call, turn), &look_ups).await });
            handover
        }));
    }

    fn tell_handover(&mut self, handover: Result<Handover, JoinError>) {
        match handover {
            Ok(handover) => {
                count(&self.bot.figures.handovers);
                self.controls.handed_over(Box::new(handover));
            }
            // The course transfers without it after a while.
            Err(error) => {
                tracing::error!(call = %self.call, %error, "a handover could not be put together");
                self.bot.figures.broke(Broken::Handover);
            }
        }
    }

    /// A peer that cannot transfer goes on with its own plan when the stream has ended.
    fn transfer(&mut self, queue: crate::redact::Redacted<String>) {
        if !self.facts.can_transfer {
            return self.hang_up();
        }
        match self.controls.transfer(queue) {
            Ok(()) => self.course.transferred(self.now()),
            Err(error) => {
                tracing::error!(call = %self.call, %error, "a call could not be transferred; it is ended");
                self.hang_up();
            }
        }
    }

    fn hang_up(&mut self) {
        if let Err(error) = self.controls.hang_up() {
            tracing::error!(call = %self.call, %error, "a call could not be ended");
        }
    }

    fn apologise(&mut self, language: crate::call::Language) {
        let Some((samples, rate)) = self.bot.apology(language) else { return };
        let conversation = self.conversation.as_ref().unwrap_or(&self.before);
        let text = Bot::apology_text(conversation.assistant(), language);
        let length = length(samples.len(), rate);
        self.controls.says(APOLOGY.to_owned(), text, language);
        match self.controls.play(samples, rate, Some(APOLOGY.to_owned())) {
            Ok(()) => self.course.apologised(APOLOGY.to_owned(), length, self.now()),
            Err(error) => {
                tracing::error!(call = %self.call, %error, "not even an apology could be said");
                self.controls.says_no_more(APOLOGY.to_owned());
            }
        }
    }
}

/// Adds what was looked up for a person to the record of the turn that led there.
async fn keep(bot: &Bot, (call, turn): (CallId, Option<u32>), look_ups: &[LookUpRecord]) {
    let (Some(store), Some(turn)) = (&bot.parts.store, turn) else { return };
    if let Err(error) = store.add_look_ups((call, turn), look_ups).await {
        tracing::error!(%call, %error, "what was looked up for a person could not be kept");
        bot.figures.broke(Broken::Record);
    }
}

/// The result of a task, once; never where there is none.
async fn done<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(handle) => {
            let result = handle.await;
            *task = None;
            result
        }
        None => pending().await,
    }
}

/// What was said for the time of a look-up; never where nothing is asked.
async fn heard_early(early: &mut Option<mpsc::Receiver<Vec<Action>>>) -> Option<Vec<Action>> {
    match early {
        Some(receiver) => receiver.recv().await,
        None => pending().await,
    }
}

fn length(samples: usize, rate: crate::audio::SampleRate) -> Duration {
    Duration::from_secs_f64(samples as f64 / f64::from(rate.hz()))
}
