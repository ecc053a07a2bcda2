//! What is tried when a caller was not understood: asking again, the keypad, a person; and what is no sentence at all.

use std::sync::Arc;

use super::machine::{Actions, Dialog, Scene, State};
use super::messages::Message;
use super::plan::KeypadTarget;
use super::turn::{Action, Expect, Rule};
use crate::say;

/// Insults before a person takes over.
pub(super) const INSULTS_MAX: u32 = 2;
/// Greetings of one call that are answered: "Allô ?" at its start, and once more when it was silent for a while.
pub(super) const GREETINGS_MAX: u32 = 2;

impl Dialog {
    /// A question led nowhere: the next means is tried.
    pub(super) fn missed(&mut self, rule: Rule, message: Message, scene: &mut Scene<'_>) -> Rule {
        self.misses += 1;
        if self.wants_human {
            return self.reach_human(Rule::WantsHuman, scene);
        }
        if self.misses <= self.plan.limits.asks_max {
            self.say(message, &[], &mut scene.actions);
            self.open(&mut scene.actions);
            return rule;
        }
        if !self.keypad_offered && !self.plan.keypad.is_empty() {
            return self.offer_keypad(&mut scene.actions);
        }
        self.reach_human(Rule::Human, scene)
    }

    pub(super) fn offer_keypad(&mut self, actions: &mut Actions) -> Rule {
        self.keypad_offered = true;
        self.say(Message::KeypadIntroduction, &[], actions);
        let plan = Arc::clone(&self.plan);
        for (digit, choice) in &plan.keypad {
            let label = plan.in_language(&choice.label, self.language).map_or("", String::as_str);
            self.say(Message::KeypadChoice, &[("label", label), ("digit", &digit.to_string())], actions);
        }
        self.say(Message::KeypadHuman, &[], actions);
        self.state = State::Keypad;
        self.listen(Expect::Choice, actions);
        Rule::Keypad
    }

    /// A key outside of a number that is being keyed in.
    pub(super) fn key(&mut self, key: char, scene: &mut Scene<'_>) -> Rule {
        let pressed = key.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
        // A sign that means nothing here leads nowhere: silence around it is counted on.
        if pressed.is_some() {
            self.silences = 0;
        }
        match (self.state.clone(), pressed) {
            // The signs that belong to a number mean nothing where none is keyed in.
            (State::LookingUp(_), _) | (_, None) => Rule::Ignored,
            (_, Some(0)) => self.reach_human(Rule::WantsHuman, scene),
            (State::Confirming { intent }, Some(1)) => {
                self.confidence = Some(1.0);
                self.act(&intent, (None, Rule::Confirmed), scene)
            }
            (State::Confirming { intent }, Some(2)) => {
                self.denied.insert(intent);
                self.denied_without(scene)
            }
            (State::Choosing { intents }, Some(digit @ (1 | 2))) => {
                self.confidence = Some(1.0);
                self.act(&intents[usize::from(digit) - 1], (None, Rule::Chosen), scene)
            }
            (State::ConfirmingValue { task, value }, Some(digit @ (1 | 2))) => {
                self.value_answered((task, value), digit == 1, scene)
            }
            (State::Consent, Some(digit @ (1 | 2))) => {
                self.recording_agreed = Some(digit == 1);
                self.greet(&mut scene.actions)
            }
            // A key that is no answer is no choice either: the choices were not offered.
            (State::Asking(task), Some(_)) => self.not_told(task, scene),
            (
                State::Consent
                | State::Confirming { .. }
                | State::Choosing { .. }
                | State::ConfirmingValue { .. },
                Some(_),
            ) => self.unanswered((Rule::AskAgain, Message::ValueAgain, Message::AskAgain), scene),
            (_, Some(digit)) => match self.plan.keypad.get(&digit).map(|choice| choice.target.clone()) {
                Some(KeypadTarget::Intent(intent)) => {
                    self.confidence = Some(1.0);
                    (self.words, self.beside) = (None, None);
                    self.act(&intent, (None, Rule::Key), scene)
                }
                Some(KeypadTarget::Route(route)) => self.transfer((&route, None), Rule::Key, scene),
                None => self.missed(Rule::AskAgain, Message::AskAgain, scene),
            },
        }
    }

    /// Sound without words: what was asked is asked again, and nothing that is known is lost.
    pub(super) fn noise(&mut self, scene: &mut Scene<'_>) -> Rule {
        if matches!(self.state, State::LookingUp(_)) {
            return Rule::Ignored;
        }
        if matches!(&self.state, State::Asking(task) if task.is_being_keyed()) {
            self.listen(self.last_listen.expect, &mut scene.actions);
            return Rule::Noise;
        }
        self.ask_anew((Rule::Noise, Message::Noisy, Message::AskAfterNoise), scene)
    }

    /// What came holds nothing of what was asked for: a value is asked for in its own way, everything else as [`Dialog::unanswered`]
    /// does.
    pub(super) fn ask_anew(&mut self, again: (Rule, Message, Message), scene: &mut Scene<'_>) -> Rule {
        if let State::Asking(task) = self.state.clone() {
            return self.not_told(task, scene);
        }
        self.unanswered(again, scene)
    }

    /// What came is no answer. A question that waits for one is asked again behind `before`; where there is none, or it was
    /// asked often enough, the next means is tried.
    pub(super) fn unanswered(
        &mut self,
        (rule, before, open_question): (Rule, Message, Message),
        scene: &mut Scene<'_>,
    ) -> Rule {
        if !self.is_question_pending() {
            return self.missed(rule, open_question, scene);
        }
        self.misses += 1;
        if self.misses <= self.plan.limits.asks_max {
            self.say(before, &[], &mut scene.actions);
            self.ask_pending(scene);
            return rule;
        }
        match self.state.clone() {
            State::Consent => self.greet(&mut scene.actions),
            State::ConfirmingValue { task, value } => self.value_answered((task, value), false, scene),
            State::New
            | State::Open
            | State::Confirming { .. }
            | State::Choosing { .. }
            | State::Keypad
            | State::Asking(_)
            | State::LookingUp(_)
            | State::More
            | State::Transferred(_)
            | State::Ended => self.missed(rule, open_question, scene),
        }
    }

    /// Whether an answer is waited for that is no free sentence.
    fn is_question_pending(&self) -> bool {
        matches!(
            self.state,
            State::Consent
                | State::Confirming { .. }
                | State::Choosing { .. }
                | State::ConfirmingValue { .. }
        )
    }

    /// Asks the question whose answer the state waits for.
    pub(super) fn ask_pending(&mut self, scene: &mut Scene<'_>) {
        let actions = &mut scene.actions;
        match self.state.clone() {
            State::Consent => {
                let plan = Arc::clone(&self.plan);
                let notice = plan.consent.as_ref().and_then(|one| plan.in_language(&one.say, self.language));
                actions.extend(notice.map(|text| Action::Say(text.as_str().into())));
                self.listen(Expect::YesNo, actions);
            }
            State::Confirming { intent } => {
                self.say(Message::Confirm, &[("label", &self.name_of(&intent))], actions);
                self.listen(Expect::YesNo, actions);
            }
            State::Choosing { intents: [first, second] } => {
                let names = [self.name_of(&first), self.name_of(&second)];
                self.say(Message::Choose, &[("first", &names[0]), ("second", &names[1])], actions);
                self.listen(Expect::Choice, actions);
            }
            State::ConfirmingValue { value, .. } => {
                let said = say::value(&value, self.language, scene.situation.now.date());
                self.say(Message::ConfirmValue, &[("value", &said)], actions);
                self.listen(Expect::YesNo, actions);
            }
            State::New
            | State::Open
            | State::Keypad
            | State::Asking(_)
            | State::LookingUp(_)
            | State::More
            | State::Transferred(_)
            | State::Ended => self.listen(Expect::Wish, actions),
        }
    }

    pub(super) fn silent(&mut self, scene: &mut Scene<'_>) -> Rule {
        self.silences += 1;
        if self.state == State::More {
            return self.goodbye(Rule::Goodbye, Message::Goodbye, &mut scene.actions);
        }
        if matches!(self.state, State::LookingUp(_)) {
            return self.looked_up(Err(super::LookUpFailed), scene);
        }
        if let State::Asking(task) = self.state.clone()
            && task.is_being_keyed()
        {
            // Not everybody presses the hash key.
            self.silences = 0;
            return self.keys_done(task, scene);
        }
        // Nobody there: a person in a team would hear nothing either.
        let asked_enough = self.silences > self.plan.limits.asks_max + 1;
        if asked_enough || self.silences > self.plan.limits.asks_max && self.keypad_offered {
            return self.goodbye(Rule::Silence, Message::GoodbyeSilence, &mut scene.actions);
        }
        if let State::Asking(task) = self.state.clone() {
            return self.not_told(task, scene);
        }
        if self.is_question_pending() && self.silences <= self.plan.limits.asks_max {
            self.say(Message::NotHeard, &[], &mut scene.actions);
            self.ask_pending(scene);
            return Rule::Silence;
        }
        if self.state == State::Consent {
            return self.greet(&mut scene.actions);
        }
        if self.silences > self.plan.limits.asks_max && !self.keypad_offered && !self.plan.keypad.is_empty() {
            return self.offer_keypad(&mut scene.actions);
        }
        self.say(Message::AskAfterSilence, &[], &mut scene.actions);
        self.open(&mut scene.actions);
        Rule::Silence
    }

    pub(super) fn insulted(&mut self, scene: &mut Scene<'_>) -> Rule {
        self.insults += 1;
        if self.insults >= INSULTS_MAX {
            return self.reach_human(Rule::Insult, scene);
        }
        self.back_to_question((Some(Message::CalmBeforeQuestion), Message::Calm), Rule::Insult, scene)
    }

    pub(super) fn greeted(&mut self, scene: &mut Scene<'_>) -> Rule {
        let rule = self.back_to_question((None, Message::Greeted), Rule::Hello, scene);
        self.greetings += u32::from(rule == Rule::Hello);
        rule
    }

    /// Says the question that waits for an answer once more, behind `before`, or `open` where none does.
    fn back_to_question(
        &mut self,
        (before, open): (Option<Message>, Message),
        rule: Rule,
        scene: &mut Scene<'_>,
    ) -> Rule {
        // The answer of a source comes first.
        if matches!(self.state, State::LookingUp(_)) {
            return Rule::Ignored;
        }
        let task = if let State::Asking(task) = &self.state { Some(task.clone()) } else { None };
        if task.is_none() && !self.is_question_pending() {
            self.say(open, &[], &mut scene.actions);
            self.open(&mut scene.actions);
            return rule;
        }
        if let Some(before) = before {
            self.say(before, &[], &mut scene.actions);
        }
        match task {
            Some(task) => self.ask_again(&task, &mut scene.actions),
            None => self.ask_pending(scene),
        }
        rule
    }

    pub(super) fn repeat(&mut self, actions: &mut Actions) -> Rule {
        if matches!(self.state, State::LookingUp(_)) {
            return Rule::Ignored;
        }
        actions.extend(self.last_said.iter().cloned().map(Action::Say));
        actions.push(Action::Listen(self.last_listen));
        Rule::Repeat
    }
}
