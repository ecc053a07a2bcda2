//! How a call leaves the dialogue: to a team, to whoever takes its calls, or with a goodbye.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::filling::Task;
use super::machine::{Actions, Dialog, Scene, State};
use super::messages::Message;
use super::turn::{Action, Rule, Situation, Transfer};

impl Dialog {
    pub(super) fn asked_for_human(&mut self, scene: &mut Scene<'_>) -> Rule {
        if self.wants_human || self.misses > 0 {
            return self.reach_human(Rule::WantsHuman, scene);
        }
        self.wants_human = true;
        self.say(Message::HumanReason, &[], &mut scene.actions);
        self.open(&mut scene.actions);
        Rule::WantsHuman
    }

    pub(super) fn goodbye(&mut self, rule: Rule, message: Message, actions: &mut Actions) -> Rule {
        self.say(message, &[], actions);
        actions.push(Action::HangUp);
        self.state = State::Ended;
        rule
    }

    pub(super) fn reach_human(&mut self, rule: Rule, scene: &mut Scene<'_>) -> Rule {
        let route = self.plan.human_route.clone();
        self.transfer((&route, None), rule, scene)
    }

    /// Hands over to `route`, or to whoever takes its calls, or says that all are closed.
    pub(super) fn transfer(
        &mut self,
        (route, intent): (&str, Option<&str>),
        rule: Rule,
        scene: &mut Scene<'_>,
    ) -> Rule {
        let Some(open) = self.first_open(Some(route), scene.situation) else {
            return self.closed(&mut scene.actions);
        };
        self.hand_over(&open, intent, &mut scene.actions);
        rule
    }

    /// The first open route from `route` on along the overflows.
    pub(super) fn first_open(&self, route: Option<&str>, situation: &Situation<'_>) -> Option<String> {
        let mut seen = BTreeSet::new();
        let mut next = route;
        while let Some(id) = next.filter(|id| seen.insert(*id)) {
            let plan = self.plan.routes.get(id)?;
            if plan.hours.is_open(situation.now) {
                return Some(id.to_owned());
            }
            next = plan.overflow.as_deref();
        }
        None
    }

    pub(super) fn hand_over(&mut self, route: &str, intent: Option<&str>, actions: &mut Actions) {
        let plan = Arc::clone(&self.plan);
        let Some(target) = plan.routes.get(route) else { return };
        let team = plan.in_language(&target.label, self.language).map_or("", String::as_str);
        self.say(Message::Transfer, &[("team", team)], actions);
        let task = self.state.task();
        let slots = task.map(Task::values).unwrap_or_default();
        let task_intent = task.map(Task::intent);
        actions.push(Action::Transfer(Box::new(Transfer {
            route: route.to_owned(),
            queue: target.queue.clone(),
            patience: target.patience,
            intent: intent.or(task_intent).map(str::to_owned),
            confidence: self.confidence,
            second_intent: self.second.clone(),
            words: self.words.clone(),
            slots,
        })));
        self.state = State::Transferred { route: route.to_owned() };
    }

    pub(super) fn closed(&mut self, actions: &mut Actions) -> Rule {
        let closed = self.plan.in_language(&self.plan.closed, self.language).cloned();
        actions.extend(closed.map(|text| Action::Say(text.into())));
        self.goodbye(Rule::Closed, Message::Goodbye, actions)
    }

    pub(super) fn overflow(&mut self, route: &str, scene: &mut Scene<'_>) -> Rule {
        let next = self.plan.routes.get(route).and_then(|plan| plan.overflow.clone());
        match self.first_open(next.as_deref(), scene.situation).filter(|next| next != route) {
            // Each overflow counts as a turn, so that two teams cannot pass a caller back and forth for ever.
            Some(next) if self.turns < self.plan.limits.turns_max => {
                self.turns += 1;
                self.hand_over(&next, None, &mut scene.actions);
                Rule::Overflow
            }
            Some(_) | None => self.closed(&mut scene.actions),
        }
    }
}
