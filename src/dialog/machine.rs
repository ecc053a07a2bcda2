//! The state machine of a dialogue: wishes, questions, transfers. Values and answers are in `filling`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::attitude::{Attitude, attitude, is_courteous};
use super::certainty::Certainty;
use super::filling::Task;
use super::means::{GREETINGS_MAX, INSULTS_MAX};
use super::memory::Memory;
use super::messages::Message;
use super::plan::Plan;
use super::turn::{Action, Expect, Input, Listen, Rule, Sentence, Situation, Transfer, Turn};
use crate::call::Language;
use crate::intent::Band;
use crate::redact::Redacted;
use crate::slots::{Context, Found, Kind, Value, find};

/// An answer with this many words or fewer says nothing else.
pub(super) const BARE_ANSWER_WORDS_MAX: usize = 3;
/// From this score on, yes and no count wherever they stand: at the start, or as a phrase (see `slots`).
const ANSWER: f32 = 0.75;
/// The same where they end a sentence or are most of it. What scores less is the `si` of `savoir si`, or politeness.
const ANSWER_WORD: f32 = 0.6;
/// From this probability on a sentence is about its best intent: more likely than all others together, by half.
const CLEAR_WISH: f32 = 0.6;

/// The dialogue of one call.
#[derive(Debug, Clone)]
pub struct Dialog {
    pub(super) plan: Arc<Plan>,
    pub(super) language: Language,
    pub(super) state: State,
    pub(super) turns: u32,
    /// Questions in a row that led nowhere.
    pub(super) misses: u32,
    pub(super) silences: u32,
    pub(super) insults: u32,
    /// Greetings that were answered.
    pub(super) greetings: u32,
    /// Sentences in another language since the last one that was understood.
    pub(super) foreign_sentences: u32,
    pub(super) wants_human: bool,
    pub(super) keypad_offered: bool,
    /// Intents that the caller said no to since the last answer.
    pub(super) denied: BTreeSet<String>,
    /// The other of two wishes, waiting for its turn.
    pub(super) second: Option<Second>,
    /// What the caller said and gave so far.
    pub(super) memory: Memory,
    /// The words of the wish that is being dealt with.
    pub(super) words: Option<Redacted<String>>,
    pub(super) certainty: Certainty,
    /// What stood beside the yes to a question about it.
    pub(super) beside: Option<Beside>,
    pub(super) confidence: Option<f32>,
    pub(super) recording_agreed: Option<bool>,
    /// The last digit that a number can have was keyed in: the hash key that callers are told to press says nothing more.
    pub(super) is_number_done: bool,
    /// The caller was told once that the team is closed.
    pub(super) closed_told: bool,
    /// What was said last, for those who did not hear it.
    pub(super) last_said: Vec<Redacted<String>>,
    pub(super) last_listen: Listen,
}

/// The second of two wishes in one sentence.
#[derive(Debug, Clone)]
pub(super) struct Second {
    pub(super) intent: String,
    pub(super) probability: f32,
    /// Whether it was understood clearly enough to be acted on without a question.
    pub(super) is_sure: bool,
}

/// What a caller said in agreeing that the call is about `intent`.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    pub(super) intent: String,
    pub(super) spoken: Spoken,
}

/// Words in which something may be said of a matter without being asked for.
#[derive(Debug, Clone)]
pub(super) struct Spoken {
    pub(super) text: Redacted<String>,
    pub(super) certainty: Certainty,
    /// They answer a question: a yes in them is none to another one.
    pub(super) is_answer: bool,
}

impl Spoken {
    pub(super) fn of(sentence: &Sentence, is_answer: bool) -> Self {
        Self { text: sentence.text.clone(), certainty: sentence.certainty.clone(), is_answer }
    }
}

/// What the caller's next words are about.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    New,
    Consent,
    Open,
    Confirming { intent: String },
    Choosing { intents: [String; 2] },
    Keypad,
    Asking(Task),
    ConfirmingValue { task: Task, value: Value },
    LookingUp(Task),
    More,
    Transferred(Box<Transfer>),
    Ended,
}

impl State {
    /// The intent that is being answered, if one is.
    pub(super) fn task(&self) -> Option<&Task> {
        if let Self::Asking(task) | Self::LookingUp(task) | Self::ConfirmingValue { task, .. } = self {
            Some(task)
        } else {
            None
        }
    }
}

/// Actions of a turn as they come together.
pub(super) type Actions = Vec<Action>;

/// A turn while it is decided: what is the case, and what is to be done so far.
pub(super) struct Scene<'s> {
    pub(super) situation: &'s Situation<'s>,
    pub(super) actions: Actions,
}

impl Dialog {
    /// A dialogue that has not begun, in `language` if the scenario speaks it.
    pub fn new(plan: Arc<Plan>, language: Option<Language>) -> Self {
        let language =
            language.filter(|language| plan.languages.contains(language)).unwrap_or(plan.default_language);
        let last_listen = Listen { wait: plan.limits.silence, expect: Expect::Wish };
        Self {
            plan,
            language,
            state: State::New,
            turns: 0,
            misses: 0,
            silences: 0,
            insults: 0,
            greetings: 0,
            foreign_sentences: 0,
            wants_human: false,
            keypad_offered: false,
            denied: BTreeSet::new(),
            second: None,
            memory: Memory::default(),
            words: None,
            certainty: Certainty::default(),
            beside: None,
            confidence: None,
            recording_agreed: None,
            is_number_done: false,
            closed_told: false,
            last_said: Vec::new(),
            last_listen,
        }
    }

    /// The language that is spoken now.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether nothing more will happen, but for a transfer that nobody takes.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Ended | State::Transferred(_))
    }

    /// Turns of the caller so far, as the limit of the scenario counts them; each team that did not answer counts as one.
    pub fn turns(&self) -> u32 {
        self.turns
    }

    /// Whether the caller agreed to the recording; `None` while not asked, or where the scenario does not ask. Who was asked
    /// and gave no answer did not agree.
    pub fn recording_agreed(&self) -> Option<bool> {
        self.recording_agreed
    }

    /// One word for what is going on, for records.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            State::New => "new",
            State::Consent => "consent",
            State::Open => "open",
            State::Confirming { .. } => "confirming",
            State::Choosing { .. } => "choosing",
            State::Keypad => "keypad",
            State::Asking(_) => "asking",
            State::ConfirmingValue { .. } => "confirming_value",
            State::LookingUp(_) => "looking_up",
            State::More => "more",
            State::Transferred(_) => "transferred",
            State::Ended => "ended",
        }
    }

    /// What follows from `input`.
    pub fn step(&mut self, input: Input, situation: &Situation<'_>) -> Turn {
        let mut scene = Scene { situation, actions: Vec::new() };
        let was_asked = self.state == State::Consent;
        let rule = self.decide(input, &mut scene);
        if was_asked && self.state != State::Consent {
            self.recording_agreed.get_or_insert(false);
        }
        let actions = scene.actions;
        let said: Vec<_> = actions
            .iter()
            .filter_map(|action| if let Action::Say(text) = action { Some(text.clone()) } else { None })
            .collect();
        if !said.is_empty() && rule != Rule::Repeat {
            self.last_said = said;
        }
        if let Some(Action::Listen(listen)) = actions.last() {
            self.last_listen = *listen;
        }
        Turn { actions, rule }
    }

    fn decide(&mut self, input: Input, scene: &mut Scene<'_>) -> Rule {
        match (&self.state, &input) {
            (State::Ended, _) => return Rule::Ignored,
            (State::Transferred(transfer), Input::NotAnswered) => {
                let transfer = transfer.clone();
                return self.overflow(*transfer, scene);
            }
            (_, Input::HungUp) => {
                self.state = State::Ended;
                return Rule::HungUp;
            }
            (State::Transferred(_), _) | (_, Input::NotAnswered) => return Rule::Ignored,
            (_, Input::Failed) => {
                self.say(Message::Trouble, &[], &mut scene.actions);
                return self.reach_human(Rule::Failed, scene);
            }
            (State::New, Input::Begin) => return self.begin(&mut scene.actions),
            (_, Input::Begin) => return Rule::Ignored,
            _ => {}
        }
        if let Input::LookedUp(result) = input {
            return self.looked_up(result, scene);
        }
        let is_number_done = std::mem::take(&mut self.is_number_done);
        if let Input::Key(key) = &input {
            match key.reveal() {
                '#' if is_number_done => return Rule::Ignored,
                key if self.collects(*key) => return self.keyed(*key, scene),
                _ => {}
            }
        }
        self.turns += 1;
        if self.turns >= self.plan.limits.turns_max {
            return self.last_turn(input, scene);
        }
        self.take_turn(input, scene)
    }

    /// The last turn that the limit leaves. What ends the call does so; whatever else would need a further turn is for a person.
    fn last_turn(&mut self, input: Input, scene: &mut Scene<'_>) -> Rule {
        let mut ahead = self.clone();
        let mut last = Scene { situation: scene.situation, actions: Vec::new() };
        let rule = ahead.take_turn(input, &mut last);
        if !ahead.is_over() {
            return self.reach_human(Rule::TurnLimit, scene);
        }
        *self = ahead;
        scene.actions = last.actions;
        rule
    }

    /// What follows from a turn of the caller.
    fn take_turn(&mut self, input: Input, scene: &mut Scene<'_>) -> Rule {
        match input {
            Input::Sentence(sentence) => self.heard(&sentence, scene),
            Input::Silence => self.silent(scene),
            Input::Noise => self.noise(scene),
            Input::OtherLanguage => self.not_spoken(scene),
            Input::Key(key) if self.is_keyable() => self.keyed(*key.reveal(), scene),
            Input::Key(key) => self.key(*key.reveal(), scene),
            Input::Begin | Input::LookedUp(_) | Input::NotAnswered | Input::Failed | Input::HungUp => {
                Rule::Ignored
            }
        }
    }

    fn begin(&mut self, actions: &mut Actions) -> Rule {
        let plan = Arc::clone(&self.plan);
        let greeting = plan.in_language(&plan.greeting, self.language);
        let consent = plan.consent.as_ref();
        let notice = consent.and_then(|consent| plan.in_language(&consent.say, self.language));
        if consent.is_some_and(|consent| consent.asked) {
            actions.extend(notice.map(|text| Action::Say(text.as_str().into())));
            self.state = State::Consent;
            self.listen(Expect::YesNo, actions);
        } else {
            // The question comes last, so that the caller answers it and not the notice.
            actions.extend(notice.map(|text| Action::Say(text.as_str().into())));
            actions.extend(greeting.map(|text| Action::Say(text.as_str().into())));
            self.open(actions);
        }
        Rule::Greeting
    }

    pub(super) fn open(&mut self, actions: &mut Actions) {
        self.state = State::Open;
        self.listen(Expect::Wish, actions);
    }

    pub(super) fn listen(&self, expect: Expect, actions: &mut Actions) {
        actions.push(Action::Listen(Listen { wait: self.plan.limits.silence, expect }));
    }

    pub(super) fn say(&self, message: Message, values: &[(&str, &str)], actions: &mut Actions) {
        actions.push(Action::Say(self.plan.messages.say(message, self.language, values).into()));
    }

    fn heard(&mut self, sentence: &Sentence, scene: &mut Scene<'_>) -> Rule {
        self.silences = 0;
        if !sentence.is_foreign && self.plan.languages.contains(&sentence.language) {
            self.language = sentence.language;
        }
        if self.is_understood(sentence, scene.situation) {
            self.foreign_sentences = 0;
        } else if sentence.is_foreign {
            return self.foreign(scene);
        }
        match attitude(sentence.text.reveal(), self.language) {
            // After some it is a sentence like any other, so that the call comes to an end; "salut" at its end is no hello.
            Some(Attitude::Greeting)
                if self.greetings < GREETINGS_MAX
                    && self.state != State::More
                    && !self.is_answer(sentence, scene.situation) =>
            {
                return self.greeted(scene);
            }
            // Who says what he wants gets it, in whatever words; the next time somebody takes over.
            Some(Attitude::Insult) if is_clear(sentence) && self.insults + 1 < INSULTS_MAX => {
                self.insults += 1
            }
            Some(Attitude::Insult) => return self.insulted(scene),
            Some(Attitude::Repeat) if !is_clear(sentence) => return self.repeat(&mut scene.actions),
            Some(Attitude::Goodbye) if !self.says_answer(sentence, scene.situation) => {
                return self.goodbye(Rule::Goodbye, Message::Goodbye, &mut scene.actions);
            }
            Some(Attitude::Done)
                if matches!(self.state, State::Open | State::More) && !is_clear(sentence) =>
            {
                return self.goodbye(Rule::Goodbye, Message::Goodbye, &mut scene.actions);
            }
            Some(_) | None => {}
        }
        match self.state.clone() {
            State::Consent => self.consented(sentence, scene),
            State::Open | State::Keypad => self.wish(sentence, scene),
            State::Confirming { intent } => self.confirmed(&intent, sentence, scene),
            State::Choosing { intents } => self.chosen(&intents, sentence, scene),
            State::Asking(task) => self.told(task, sentence, scene),
            State::ConfirmingValue { task, value } => self.value_confirmed((task, value), sentence, scene),
            State::More => self.more(sentence, scene),
            State::LookingUp(_) | State::New | State::Transferred(_) | State::Ended => Rule::Ignored,
        }
    }

    fn consented(&mut self, sentence: &Sentence, scene: &mut Scene<'_>) -> Rule {
        self.recording_agreed = Some(self.yes_or_no(sentence, scene.situation).unwrap_or(false));
        if is_clear(sentence) && !self.is_bare(sentence, scene.situation) {
            return self.wish(sentence, scene);
        }
        self.greet(&mut scene.actions)
    }

    /// The greeting that had to wait for the question about recording.
    pub(super) fn greet(&mut self, actions: &mut Actions) -> Rule {
        let greeting = self.plan.in_language(&self.plan.greeting, self.language).cloned();
        actions.extend(greeting.map(|text| Action::Say(text.into())));
        self.open(actions);
        Rule::Consent
    }

    /// Does what there is to do about `intent`.
    pub(super) fn act(
        &mut self,
        intent: &str,
        (sentence, rule): (Option<&Sentence>, Rule),
        scene: &mut Scene<'_>,
    ) -> Rule {
        if self.plan.human_intent.as_deref() == Some(intent) {
            return self.asked_for_human(scene);
        }
        self.misses = 0;
        // Chosen of two, or confirmed in place of what was said no to: it is not dealt with twice.
        self.second.take_if(|second| second.intent == intent);
        let Some(plan) = self.plan.intents.get(intent).cloned() else {
            return self.reach_human(Rule::Human, scene);
        };
        let Some(answer) = plan.answer else {
            return self.transfer((&plan.route, Some(intent)), rule, scene);
        };
        let mut task = Task::new(intent.to_owned(), answer);
        let spoken = match sentence {
            Some(sentence) => vec![Spoken::of(sentence, false)],
            None => self.spoken_of(intent),
        };
        for spoken in &spoken {
            self.fill_from(&mut task, spoken, scene.situation);
        }
        task.recall(&self.memory);
        // Who was promised a person gets one where there is one, with what is known by now.
        if self.wants_human && self.plan.first_open(&plan.route, scene.situation.now).is_some() {
            self.state = State::Asking(task);
            return self.transfer((&plan.route, Some(intent)), rule, scene);
        }
        self.go_on(task, scene);
        rule
    }

    /// The words in which the caller told about `intent`, the last first: those beside a yes, those of the wish.
    pub(super) fn spoken_of(&self, intent: &str) -> Vec<Spoken> {
        let beside = self.beside.iter().filter(|beside| beside.intent == intent);
        let wish = self.words.iter().map(|words| Spoken {
            text: words.clone(),
            certainty: self.certainty.clone(),
            is_answer: false,
        });
        beside.map(|beside| beside.spoken.clone()).chain(wish).collect()
    }

    fn more(&mut self, sentence: &Sentence, scene: &mut Scene<'_>) -> Rule {
        let is_bare = self.is_bare(sentence, scene.situation);
        match self.yes_or_no(sentence, scene.situation) {
            Some(false) if is_bare || !is_clear(sentence) => {
                self.goodbye(Rule::Goodbye, Message::Goodbye, &mut scene.actions)
            }
            Some(true) if is_bare => {
                self.say(Message::Listening, &[], &mut scene.actions);
                self.open(&mut scene.actions);
                Rule::Confirmed
            }
            Some(_) | None => self.wish(sentence, scene),
        }
    }

    /// After an answer: the second wish, or whether there is anything else.
    pub(super) fn after_answer(&mut self, scene: &mut Scene<'_>) {
        self.denied.clear();
        if let Some(second) = self.second.take() {
            self.turn_to(second, scene);
            return;
        }
        self.say(Message::More, &[], &mut scene.actions);
        self.state = State::More;
        self.listen(Expect::Wish, &mut scene.actions);
    }

    /// Whether a sentence says what is waited for, whatever stands beside it: a wish, a yes, one of two, a value.
    fn says_answer(&self, sentence: &Sentence, situation: &Situation<'_>) -> bool {
        is_clear(sentence) || self.is_answer(sentence, situation)
    }

    /// Whether a sentence answers the question that is asked, with more than a no.
    pub(super) fn is_answer(&self, sentence: &Sentence, situation: &Situation<'_>) -> bool {
        match &self.state {
            State::Consent | State::Confirming { .. } | State::ConfirmingValue { .. } => {
                self.yes_or_no(sentence, situation) == Some(true)
            }
            State::Choosing { intents } => self.choice(intents, sentence).is_some(),
            State::Asking(task) => self.answer_to(task, sentence, situation).is_some(),
            State::New
            | State::Open
            | State::Keypad
            | State::LookingUp(_)
            | State::More
            | State::Transferred(_)
            | State::Ended => false,
        }
    }

    /// Yes or no, where the sentence is an answer; `s'il vous plaît` and `savoir si` inside of another sentence are none.
    pub(super) fn yes_or_no(&self, sentence: &Sentence, situation: &Situation<'_>) -> Option<bool> {
        let text = sentence.text.reveal();
        let is_short = words(sentence) <= BARE_ANSWER_WORDS_MAX;
        let is_answer = |found: &Found| {
            let is_last = !text[found.span.end..].contains(char::is_alphanumeric);
            found.score >= ANSWER || found.score >= ANSWER_WORD && (is_short || is_last)
        };
        self.answers_in(sentence, situation)
            .into_iter()
            .filter(is_answer)
            .find_map(|found| if let Value::YesNo(yes) = found.value { Some(yes) } else { None })
    }

    fn answers_in(&self, sentence: &Sentence, situation: &Situation<'_>) -> Vec<Found> {
        let context = Context::on(situation.now.date());
        find(sentence.text.reveal(), self.language, &context, &[Kind::YesNo])
    }

    /// Whether a sentence can say nothing but yes or no: it is short, or only an answer.
    pub(super) fn is_bare(&self, sentence: &Sentence, situation: &Situation<'_>) -> bool {
        words(sentence) <= BARE_ANSWER_WORDS_MAX || self.is_only_answer(sentence, situation)
    }

    /// Whether there is nothing beside yes or no but courtesy: "oui, s'il vous plaît, merci". Which intent such a sentence
    /// resembles means nothing; callers who ask for a person say please as well.
    fn is_only_answer(&self, sentence: &Sentence, situation: &Situation<'_>) -> bool {
        let text = sentence.text.reveal();
        let answers = self.answers_in(sentence, situation);
        let mut rest = 0;
        let mut is_courtesy = |until: usize, next: usize| {
            let between = std::mem::replace(&mut rest, next)..until;
            text.get(between).is_some_and(|words| is_courteous(words, self.language))
        };
        !answers.is_empty()
            && answers.iter().all(|answer| is_courtesy(answer.span.start, answer.span.end))
            && is_courtesy(text.len(), text.len())
    }

    /// Whether a sentence that answers a question about `intent` wants something else, a person among it: that goes before
    /// a yes, which may be politeness.
    pub(super) fn changes_mind(&self, sentence: &Sentence, intent: &str, situation: &Situation<'_>) -> bool {
        let is_human = self.plan.human_intent.as_deref() == best(sentence);
        self.names_another(sentence, intent)
            && (is_human || words(sentence) > BARE_ANSWER_WORDS_MAX)
            && !self.is_only_answer(sentence, situation)
    }
}

/// Number of words of a sentence.
pub(super) fn words(sentence: &Sentence) -> usize {
    sentence.text.reveal().split_whitespace().count()
}

pub(super) fn best(sentence: &Sentence) -> Option<&str> {
    sentence.wishes.first()?.ranking.candidates.first().map(|one| one.intent.as_str())
}

/// Whether a sentence is about its best intent, rather than an answer to a question or nothing in particular. Whether the
/// intent is then acted on or asked about first is for its band to say.
pub(super) fn is_clear(sentence: &Sentence) -> bool {
    sentence.wishes.first().is_some_and(|wish| match wish.band {
        Band::Sure => true,
        Band::Nearly | Band::TwoCandidates => {
            wish.ranking.candidates.first().is_some_and(|best| best.probability >= CLEAR_WISH)
        }
        Band::Lost | Band::OutOfScope => false,
    })
}
