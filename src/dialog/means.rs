//! What is tried when a caller was not understood: asking again, the keypad, a person; and what is no sentence at all.

use std::sync::Arc;

use super::machine::{Actions, Dialog, State};
use super::messages::Message;
use super::plan::KeypadTarget;
use super::turn::{Action, Expect, Rule, Situation};

/// Insults before a person takes over.
const INSULTS_MAX: u32 = 2;

impl Dialog {
    /// A question led nowhere: the next means is tried.
    pub(super) fn missed(
        &mut self,
        rule: Rule,
        message: Message,
        situation: &Situation<'_>,
        actions: &mut Actions,
    ) -> Rule {
        self.misses += 1;
        if self.wants_human {
            return self.to_human(Rule::WantsHuman, situation, actions);
        }
        if self.misses <= self.plan.limits.asks_max {
            self.say(message, &[], actions);
            self.open(actions);
            return rule;
        }
        if !self.keypad_offered && !self.plan.keypad.is_empty() {
            return self.offer_keypad(actions);
        }
        self.to_human(Rule::Human, situation, actions)
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
    pub(super) fn key(&mut self, key: char, situation: &Situation<'_>, actions: &mut Actions) -> Rule {
        self.silences = 0;
        let pressed = key.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
        match (self.state.clone(), pressed) {
            (State::LookingUp(_), _) => Rule::Ignored,
            (State::Confirming { intent }, Some(1)) => {
                self.confidence = Some(1.0);
                self.act(&intent, None, Rule::Confirmed, situation, actions)
            }
            (State::Confirming { intent }, Some(2)) => {
                self.denied.insert(intent);
                self.missed(Rule::Denied, Message::DeniedAskAgain, situation, actions)
            }
            (State::Choosing { intents }, Some(digit @ (1 | 2))) => {
                self.confidence = Some(1.0);
                self.act(&intents[usize::from(digit) - 1], None, Rule::Chosen, situation, actions)
            }
            (State::ConfirmingValue { task, value }, Some(digit @ (1 | 2))) => {
                self.value_answered((task, value), digit == 1, situation, actions)
            }
            (State::Consent, Some(digit)) => {
                self.recording_agreed = Some(digit == 1);
                let greeting = self.plan.in_language(&self.plan.greeting, self.language).cloned();
                actions.extend(greeting.map(|text| Action::Say(text.into())));
                self.open(actions);
                Rule::Consent
            }
            (_, Some(0)) => self.to_human(Rule::WantsHuman, situation, actions),
            (_, Some(digit)) => match self.plan.keypad.get(&digit).map(|choice| choice.target.clone()) {
                Some(KeypadTarget::Intent(intent)) => {
                    self.confidence = Some(1.0);
                    self.words = None;
                    self.act(&intent, None, Rule::Key, situation, actions)
                }
                Some(KeypadTarget::Route(route)) => {
                    self.transfer((&route, None), Rule::Key, situation, actions)
                }
                None => self.missed(Rule::AskAgain, Message::AskAgain, situation, actions),
            },
            (_, None) => self.missed(Rule::AskAgain, Message::AskAgain, situation, actions),
        }
    }

    pub(super) fn silent(&mut self, situation: &Situation<'_>, actions: &mut Actions) -> Rule {
        self.silences += 1;
        match self.state {
            State::More => return self.goodbye(Rule::Goodbye, Message::Goodbye, actions),
            State::LookingUp(_) => return self.looked_up(Err(super::LookUpFailed), situation, actions),
            _ => {}
        }
        // Nobody there: a person in a team would hear nothing either.
        let asked_enough = self.silences > self.plan.limits.asks_max + 1;
        if asked_enough || self.silences > self.plan.limits.asks_max && self.keypad_offered {
            return self.goodbye(Rule::Silence, Message::GoodbyeSilence, actions);
        }
        if let State::Asking(task) = self.state.clone() {
            return self.not_told(task, situation, actions);
        }
        if self.silences > self.plan.limits.asks_max && !self.keypad_offered && !self.plan.keypad.is_empty() {
            return self.offer_keypad(actions);
        }
        self.say(Message::AskAfterSilence, &[], actions);
        self.open(actions);
        Rule::Silence
    }

    pub(super) fn insulted(&mut self, situation: &Situation<'_>, actions: &mut Actions) -> Rule {
        self.insults += 1;
        if self.insults >= INSULTS_MAX {
            return self.to_human(Rule::Insult, situation, actions);
        }
        self.say(Message::Calm, &[], actions);
        self.open(actions);
        Rule::Insult
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
