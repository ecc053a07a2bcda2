//! What is tried when a caller was not understood: asking again, the keypad, a person; and what is no sentence at all.

use std::sync::Arc;

use super::machine::{Actions, Dialog, Scene, State};
use super::messages::Message;
use super::plan::KeypadTarget;
use super::turn::{Action, Expect, Rule};

/// Insults before a person takes over.
const INSULTS_MAX: u32 = 2;

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
        self.silences = 0;
        let pressed = key.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
        match (self.state.clone(), pressed) {
            (State::LookingUp(_), _) => Rule::Ignored,
            (State::Confirming { intent }, Some(1)) => {
                self.confidence = Some(1.0);
                self.act(&intent, (None, Rule::Confirmed), scene)
            }
            (State::Confirming { intent }, Some(2)) => {
                self.denied.insert(intent);
                self.missed(Rule::Denied, Message::DeniedAskAgain, scene)
            }
            (State::Choosing { intents }, Some(digit @ (1 | 2))) => {
                self.confidence = Some(1.0);
                self.act(&intents[usize::from(digit) - 1], (None, Rule::Chosen), scene)
            }
            (State::ConfirmingValue { task, value }, Some(digit @ (1 | 2))) => {
                self.value_answered((task, value), digit == 1, scene)
            }
            (State::Consent, Some(digit)) => {
                self.recording_agreed = Some(digit == 1);
                let greeting = self.plan.in_language(&self.plan.greeting, self.language).cloned();
                scene.actions.extend(greeting.map(|text| Action::Say(text.into())));
                self.open(&mut scene.actions);
                Rule::Consent
            }
            (_, Some(0)) => self.reach_human(Rule::WantsHuman, scene),
            (_, Some(digit)) => match self.plan.keypad.get(&digit).map(|choice| choice.target.clone()) {
                Some(KeypadTarget::Intent(intent)) => {
                    self.confidence = Some(1.0);
                    self.words = None;
                    self.act(&intent, (None, Rule::Key), scene)
                }
                Some(KeypadTarget::Route(route)) => self.transfer((&route, None), Rule::Key, scene),
                None => self.missed(Rule::AskAgain, Message::AskAgain, scene),
            },
            (_, None) => self.missed(Rule::AskAgain, Message::AskAgain, scene),
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
        // Nobody there: a person in a team would hear nothing either.
        let asked_enough = self.silences > self.plan.limits.asks_max + 1;
        if asked_enough || self.silences > self.plan.limits.asks_max && self.keypad_offered {
            return self.goodbye(Rule::Silence, Message::GoodbyeSilence, &mut scene.actions);
        }
        if let State::Asking(task) = self.state.clone() {
            return self.not_told(task, scene);
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
        self.say(Message::Calm, &[], &mut scene.actions);
        self.open(&mut scene.actions);
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
