//! How a call leaves the dialogue: to a team, to whoever takes its calls, or with a goodbye.

use std::sync::Arc;

use jiff::civil::DateTime;

use super::filling::Task;
use super::machine::{Actions, Dialog, Scene, State};
use super::messages::Message;
use super::plan::Plan;
use super::turn::{Action, Expect, Rule, Transfer};

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
        let plan = Arc::clone(&self.plan);
        let Some(open) = plan.first_open(route, scene.situation.now) else {
            return self.closed(rule, scene);
        };
        self.hand_over(open, intent, scene);
        rule
    }

    fn hand_over(&mut self, route: &str, intent: Option<&str>, scene: &mut Scene<'_>) {
        let task = self.state.task();
        let intent = intent.or(task.map(Task::intent)).map(str::to_owned);
        // What is being asked for goes before what was said unasked, and that before what was given earlier.
        let mut slots = self.memory.values(intent.as_deref());
        if let Some(intent) = &intent {
            slots.extend(self.overheard(intent, scene.situation));
        }
        if let Some(task) = task {
            task.tell(intent.as_deref(), &mut slots);
        }
        let transfer = Transfer {
            route: route.to_owned(),
            queue: String::new(),
            patience: None,
            // How sure a sentence was that led to nothing says nothing.
            confidence: self.confidence.filter(|_| intent.is_some()),
            intent,
            second_intent: self.second.as_ref().map(|second| second.intent.clone()),
            words: self.memory.words().cloned(),
            said: self.memory.said(),
            slots,
        };
        self.put_through(transfer, scene);
    }

    /// Hands over to the route of `transfer`, whose team is told what is in it.
    fn put_through(&mut self, transfer: Transfer, scene: &mut Scene<'_>) {
        let plan = Arc::clone(&self.plan);
        let Some(target) = plan.routes.get(&transfer.route) else { return };
        let team = plan.in_language(&target.label, self.language).map_or("", String::as_str);
        self.say(Message::Transfer, &[("team", team)], &mut scene.actions);
        let next = self.next_team(&plan, &transfer.route, scene.situation.now);
        let patience = next.map(|_| target.patience);
        let transfer = Box::new(Transfer { queue: target.queue.clone(), patience, ..transfer });
        scene.actions.push(Action::Transfer(transfer.clone()));
        self.state = State::Transferred(transfer);
    }

    /// All are closed. The other of two wishes is turned to where something can be done about it at this hour; else the
    /// caller is heard once more, since something else may be answered; where nobody would be heard, or was heard already,
    /// the call ends.
    fn closed(&mut self, rule: Rule, scene: &mut Scene<'_>) -> Rule {
        let closed = self.plan.in_language(&self.plan.closed, self.language).cloned();
        scene.actions.extend(closed.map(|text| Action::Say(text.into())));
        let is_last = matches!(rule, Rule::Failed | Rule::TurnLimit | Rule::Insult | Rule::OtherLanguage);
        let was_told = std::mem::replace(&mut self.closed_told, true);
        let second = self.second.take().filter(|second| !is_last && self.can_serve(&second.intent, scene));
        if let Some(second) = second {
            return self.turn_to(second, scene);
        }
        if was_told || is_last {
            return self.goodbye(Rule::Closed, Message::Goodbye, &mut scene.actions);
        }
        self.say(Message::More, &[], &mut scene.actions);
        self.state = State::More;
        self.listen(Expect::Wish, &mut scene.actions);
        Rule::Closed
    }

    /// Whether `intent` is answered, or somebody takes its calls now.
    fn can_serve(&self, intent: &str, scene: &Scene<'_>) -> bool {
        let found = self.plan.intents.get(intent);
        found.is_some_and(|found| {
            found.answer.is_some() || self.plan.first_open(&found.route, scene.situation.now).is_some()
        })
    }

    /// Nobody took the call: it goes on to whoever takes the calls of that team, with all that is known.
    pub(super) fn overflow(&mut self, transfer: Transfer, scene: &mut Scene<'_>) -> Rule {
        let plan = Arc::clone(&self.plan);
        match self.next_team(&plan, &transfer.route, scene.situation.now) {
            Some(next) => {
                self.turns += 1;
                self.put_through(Transfer { route: next.to_owned(), ..transfer }, scene);
                Rule::Overflow
            }
            None => {
                self.say(Message::NobodyFree, &[], &mut scene.actions);
                self.goodbye(Rule::NobodyFree, Message::Goodbye, &mut scene.actions)
            }
        }
    }

    /// Who takes the calls of `route` when it does not answer, if anybody does at `now`. Each overflow counts as a turn, so that
    /// two teams cannot pass a caller back and forth for ever.
    fn next_team<'p>(&self, plan: &'p Plan, route: &str, now: DateTime) -> Option<&'p str> {
        let next = plan.routes.get(route)?.overflow.as_deref()?;
        let open = plan.first_open(next, now).filter(|open| *open != route);
        open.filter(|_| self.turns < plan.limits.turns_max)
    }
}
