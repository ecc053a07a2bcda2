//! Answers: the values that have to be known, asked for one by one; the look-up; what is said.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keys::{self, STAR, can_be_keyed};
use super::machine::{Actions, Dialog, Scene, Spoken, State, best, is_clear};
use super::memory::Memory;
use super::messages::Message;
use super::plan::{Answer, Confirm, Reply, SlotPlan, Then};
use super::template::Row;
use super::turn::{Action, Expect, LookUp, LookUpFailed, Rule, Sentence, Situation};
use super::values::{cells, countries};
use crate::slots::{Context, Found, Kind, Value, find};

/// From this score on a value counts as said in full (see `slots`), and with the certainty of its words (`Certainty`) as
/// heard clearly.
const CLEAR: f32 = 0.9;
/// Up to 0.6 a reading is a guess or one of several (see `slots`): asking again is better than reading it back. How well its
/// words were heard is no matter here: a number that was hardly heard is read back, since it may be right all the same.
const LIKELY: f32 = 0.65;
/// Below this score a value that was not asked for is not taken from a sentence.
pub(super) const TAKEN_UNASKED: f32 = 0.75;

/// An intent that is being answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Task {
    intent: String,
    answer: Arc<Answer>,
    values: BTreeMap<String, Value>,
    /// Values that were heard clearly or confirmed.
    settled: Vec<String>,
    /// Those of them to which the caller said yes.
    confirmed: Vec<String>,
    /// Values that were not heard clearly, until the caller says yes to them.
    doubtful: Vec<String>,
    /// Questions for the value that is asked for now.
    tries: u32,
    keys: String,
}

impl Task {
    pub(super) fn new(intent: String, answer: Arc<Answer>) -> Self {
        Self {
            intent,
            answer,
            values: BTreeMap::new(),
            settled: Vec::new(),
            confirmed: Vec::new(),
            doubtful: Vec::new(),
            tries: 0,
            keys: String::new(),
        }
    }

    pub(super) fn intent(&self) -> &str {
        &self.intent
    }

    /// Puts what is known into `slots`, for whoever is to deal with `intent`: not what was hardly heard, which may be the
    /// number of somebody else, and of another intent not what goes without.
    pub(super) fn tell(&self, intent: Option<&str>, slots: &mut BTreeMap<String, Value>) {
        let is_about_it = intent == Some(self.intent.as_str());
        for slot in self.answer.slots.iter().filter(|slot| is_about_it || !slot.optional) {
            let value = self.values.get(&slot.name);
            match value.filter(|_| !self.doubtful.contains(&slot.name)) {
                Some(value) => {
                    slots.insert(slot.name.clone(), value.clone());
                }
                // The caller said no to it, or something else, so that what stood there is not meant either.
                None if is_about_it || value.is_some() => {
                    slots.remove(&slot.name);
                }
                None => {}
            }
        }
    }

    /// Whether the caller is keying a value in.
    pub(super) fn is_being_keyed(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The first slot that is neither known nor optional.
    fn missing(&self) -> Option<&SlotPlan> {
        self.answer.slots.iter().find(|slot| !slot.optional && !self.values.contains_key(&slot.name))
    }

    /// The first slot whose value has to be read back.
    fn unconfirmed(&self) -> Option<(&SlotPlan, &Value)> {
        self.answer.slots.iter().find_map(|slot| {
            let value = self.values.get(&slot.name).filter(|_| !self.settled.contains(&slot.name))?;
            Some((slot, value))
        })
    }

    fn keep(&mut self, slot: &SlotPlan, value: Value, score: f32) {
        let settled = match slot.confirm {
            Confirm::Never => true,
            Confirm::Unsure => score >= CLEAR,
            Confirm::Always => false,
        };
        for names in [&mut self.settled, &mut self.confirmed, &mut self.doubtful] {
            names.retain(|name| *name != slot.name);
        }
        if settled {
            self.settled.push(slot.name.clone());
        } else if score < CLEAR {
            self.doubtful.push(slot.name.clone());
        }
        self.values.insert(slot.name.clone(), value);
        self.tries = 0;
        self.keys.clear();
    }

    /// Takes what the caller gave before. What goes without is about the sentence that it stood in.
    pub(super) fn recall(&mut self, memory: &Memory) {
        let answer = Arc::clone(&self.answer);
        for slot in answer.slots.iter().filter(|slot| !slot.optional) {
            if self.values.contains_key(&slot.name) {
                continue;
            }
            let Some(recalled) = memory.recall(slot, &self.intent) else { continue };
            if recalled.is_settled {
                self.settled.push(slot.name.clone());
            }
            self.values.insert(slot.name.clone(), recalled.value);
        }
    }

    /// Gives what is settled to `memory`, for the rest of the call.
    fn remember(&self, memory: &mut Memory) {
        for slot in self.answer.slots.iter().filter(|slot| self.settled.contains(&slot.name)) {
            if let Some(value) = self.values.get(&slot.name) {
                memory.keep(slot, (value, self.confirmed.contains(&slot.name)), &self.intent);
            }
        }
    }
}

impl Dialog {
    /// Takes from a sentence what it says without being asked, of what is not known yet.
    pub(super) fn fill_from(&self, task: &mut Task, spoken: &Spoken, situation: &Situation<'_>) {
        for slot in task.answer.slots.clone() {
            if task.values.contains_key(&slot.name) || spoken.is_answer && slot.kind == Kind::YesNo {
                continue;
            }
            let found = self.value_in(spoken.text.reveal(), &slot, situation);
            // Two slots of one kind must not both take the same words.
            let is_new = |found: &Found| !task.values.values().any(|value| *value == found.value);
            if let Some(found) = found.filter(|found| found.score >= TAKEN_UNASKED && is_new(found)) {
                let score = spoken.certainty.of(&found);
                task.keep(&slot, found.value, score);
            }
        }
    }

    pub(super) fn value_in(&self, text: &str, slot: &SlotPlan, situation: &Situation<'_>) -> Option<Found> {
        let context = self.context(slot, situation);
        let found = find(text, self.language, &context, &[slot.kind]);
        found.into_iter().max_by(|left, right| left.score.total_cmp(&right.score))
    }

    fn context<'c>(&self, slot: &SlotPlan, situation: &Situation<'c>) -> Context<'c> {
        let catalog = slot.catalog.as_ref().and_then(|name| situation.catalogs.get(name)).map(Arc::as_ref);
        Context {
            tense: slot.tense,
            products: catalog.filter(|_| slot.kind == Kind::Product),
            cities: catalog.filter(|_| slot.kind == Kind::City),
            countries: countries(self.plan.default_language, self.language),
            ..Context::on(situation.now.date())
        }
    }

    /// Reads back, asks, looks up or answers: whatever comes next for `task`.
    pub(super) fn go_on(&mut self, task: Task, scene: &mut Scene<'_>) -> Rule {
        task.remember(&mut self.memory);
        if let Some((_, value)) = task.unconfirmed() {
            let value = value.clone();
            self.state = State::ConfirmingValue { task, value };
            self.ask_pending(scene);
            return Rule::ConfirmValue;
        }
        if let Some(slot) = task.missing() {
            let kind = slot.kind;
            self.ask_for(slot, task.tries > 0, &mut scene.actions);
            self.state = State::Asking(task);
            self.listen(Expect::Value(kind), &mut scene.actions);
            return Rule::AskValue;
        }
        match &task.answer.look_up {
            Some(plan) => {
                let parameters =
                    task.values.iter().map(|(name, value)| (name.clone(), value.canonical().into()));
                let look_up = LookUp {
                    intent: task.intent.clone(),
                    source: plan.source.clone(),
                    query: plan.query.clone(),
                    columns: plan.columns.clone(),
                    parameters: parameters.collect(),
                };
                self.say(Message::LookingUp, &[], &mut scene.actions);
                scene.actions.push(Action::LookUp(look_up));
                self.state = State::LookingUp(task);
                Rule::LookUp
            }
            None => {
                self.state = State::LookingUp(task);
                self.looked_up(Ok(Some(Row::new())), scene)
            }
        }
    }

    /// Asks for the value of `task` as it was asked for, without counting it: what was said was no answer that failed.
    pub(super) fn ask_again(&self, task: &Task, actions: &mut Actions) {
        let Some(slot) = task.missing() else { return };
        // Who is keying it in goes on from there.
        if !task.is_being_keyed() {
            self.ask_for(slot, false, actions);
        }
        self.listen(Expect::Value(slot.kind), actions);
    }

    fn ask_for(&self, slot: &SlotPlan, again: bool, actions: &mut Actions) {
        if again {
            self.say(Message::ValueAgain, &[], actions);
        }
        let ask = self.plan.in_language(&slot.ask, self.language).cloned();
        actions.extend(ask.map(|text| Action::Say(text.into())));
        if let Some(offer) = keys::offer(slot.kind).filter(|_| again) {
            self.say(offer, &[], actions);
        }
    }

    /// A sentence while a value is asked for.
    pub(super) fn told(&mut self, mut task: Task, sentence: &Sentence, scene: &mut Scene<'_>) -> Rule {
        let Some(slot) = task.missing().cloned() else { return self.go_on(task, scene) };
        let found = self.answer_to(&task, sentence, scene.situation);
        let is_other = is_clear(sentence) && best(sentence).is_some_and(|best| best != task.intent);
        match found {
            // A value that is hardly one, in a sentence that is clearly about something else: a changed mind.
            Some(found) if found.score >= CLEAR || !is_other => {
                let score = sentence.certainty.of(&found);
                task.keep(&slot, found.value, score);
                self.fill_rest(&mut task, sentence, scene.situation);
                self.go_on(task, scene)
            }
            _ if is_other => self.wish(sentence, scene),
            _ => self.not_told(task, scene),
        }
    }

    /// The value that is asked for, where a sentence says it.
    pub(super) fn answer_to(
        &self,
        task: &Task,
        sentence: &Sentence,
        situation: &Situation<'_>,
    ) -> Option<Found> {
        let found = self.value_in(sentence.text.reveal(), task.missing()?, situation);
        found.filter(|found| found.score >= LIKELY)
    }

    /// Values that stand beside the one that was asked for.
    fn fill_rest(&self, task: &mut Task, sentence: &Sentence, situation: &Situation<'_>) {
        for slot in task.answer.slots.clone() {
            if task.values.contains_key(&slot.name) {
                continue;
            }
            let found = self.value_in(sentence.text.reveal(), &slot, situation);
            // Two slots of one kind must not both take the same words.
            let is_new = |found: &Found| !task.values.values().any(|value| *value == found.value);
            if let Some(found) = found.filter(|found| found.score >= CLEAR && is_new(found)) {
                let score = sentence.certainty.of(&found);
                task.keep(&slot, found.value, score);
            }
        }
    }

    /// The value was not understood, or nothing was said.
    pub(super) fn not_told(&mut self, mut task: Task, scene: &mut Scene<'_>) -> Rule {
        task.tries += 1;
        task.keys.clear();
        if task.tries > self.plan.limits.value_asks_max {
            let route = self.plan.intents.get(&task.intent).map(|plan| plan.route.clone());
            let intent = task.intent.clone();
            self.state = State::Asking(task);
            let route = route.unwrap_or_else(|| self.plan.human_route.clone());
            return self.transfer((&route, Some(&intent)), Rule::Human, scene);
        }
        self.go_on(task, scene)
    }

    pub(super) fn value_confirmed(
        &mut self,
        (mut task, value): (Task, Value),
        sentence: &Sentence,
        scene: &mut Scene<'_>,
    ) -> Rule {
        let answer = self.yes_or_no(sentence, scene.situation);
        let slot = task.unconfirmed().map(|(slot, _)| slot.clone());
        let corrected = slot.and_then(|slot| {
            let found = self.correction(sentence, (&slot, &value), (answer, scene.situation))?;
            Some((slot, found))
        });
        let is_clear_value = corrected.as_ref().is_some_and(|(_, found)| found.score >= CLEAR);
        if !is_clear_value && self.changes_mind(sentence, &task.intent, scene.situation) {
            return self.wish(sentence, scene);
        }
        match (answer, corrected) {
            (_, Some((slot, found))) => {
                let score = sentence.certainty.of(&found);
                task.keep(&slot, found.value, score);
                self.misses += 1;
                if self.misses > self.plan.limits.asks_max + 1 {
                    // The new value began its count anew; as after a "no", the person is reached by how often it went wrong.
                    task.tries = self.misses.saturating_sub(1);
                    return self.not_told(task, scene);
                }
                self.go_on(task, scene)
            }
            (Some(yes), None) => self.value_answered((task, value), yes, scene),
            (None, None) => {
                self.misses += 1;
                if self.misses > self.plan.limits.asks_max {
                    return self.value_answered((task, value), false, scene);
                }
                self.go_on(task, scene)
            }
        }
    }

    /// Another value than the one that was read back. Beside a yes it has to be clear and heard clearly: who agrees may say a
    /// part of it again.
    fn correction(
        &self,
        sentence: &Sentence,
        (slot, value): (&SlotPlan, &Value),
        (answer, situation): (Option<bool>, &Situation<'_>),
    ) -> Option<Found> {
        if slot.kind == Kind::YesNo && answer == Some(true) {
            return None;
        }
        let found = self.value_in(sentence.text.reveal(), slot, situation)?;
        let is_likely =
            if answer == Some(true) { sentence.certainty.of(&found) >= CLEAR } else { found.score >= LIKELY };
        (is_likely && found.value != *value).then_some(found)
    }

    /// Yes or no to a value that was read back.
    pub(super) fn value_answered(
        &mut self,
        (mut task, _): (Task, Value),
        yes: bool,
        scene: &mut Scene<'_>,
    ) -> Rule {
        let Some(slot) = task.unconfirmed().map(|(slot, _)| slot.clone()) else {
            return self.go_on(task, scene);
        };
        if yes {
            self.misses = 0;
            task.doubtful.retain(|name| *name != slot.name);
            task.settled.push(slot.name.clone());
            task.confirmed.push(slot.name);
            return self.go_on(task, scene);
        }
        task.values.remove(&slot.name);
        self.memory.forget(&slot);
        self.misses += 1;
        task.tries = self.misses.saturating_sub(1).max(task.tries);
        self.not_told(task, scene)
    }

    /// The catalogue of the value that the caller was asked for, as long as it is waited for.
    pub fn asked_catalog(&self) -> Option<&str> {
        let State::Asking(task) = &self.state else { return None };
        task.missing()?.catalog.as_deref()
    }

    /// Whether the value that is asked for can be keyed in.
    pub(super) fn is_keyable(&self) -> bool {
        self.slot_by_keys().is_some()
    }

    /// Whether `key` is a part of the value that is asked for. Such a key is no turn of its own.
    pub(super) fn collects(&self, key: char) -> bool {
        self.slot_by_keys().is_some_and(|(kind, keyed)| keys::is_part(key, kind, keyed))
    }

    fn slot_by_keys(&self) -> Option<(Kind, &str)> {
        let State::Asking(task) = &self.state else { return None };
        let kind = task.missing()?.kind;
        can_be_keyed(kind).then_some((kind, task.keys.as_str()))
    }

    /// A key where a value can be keyed in: the hash ends it, as does the last key that it can have; a star that is no decimal
    /// comma takes back what was keyed in.
    pub(super) fn keyed(&mut self, key: char, scene: &mut Scene<'_>) -> Rule {
        self.silences = 0;
        let is_part = self.collects(key);
        let State::Asking(mut task) = self.state.clone() else { return Rule::Ignored };
        let Some(kind) = task.missing().map(|slot| slot.kind) else { return Rule::Ignored };
        match key {
            '#' => return self.keys_done(task, scene),
            key if is_part => task.keys.push(key),
            STAR => task.keys.clear(),
            _ => return Rule::Ignored,
        }
        if keys::is_complete(&task.keys, kind, countries(self.plan.default_language, self.language)) {
            let rule = self.keys_done(task, scene);
            self.is_number_done = true;
            return rule;
        }
        self.state = State::Asking(task);
        // The wait begins anew with each key.
        self.listen(Expect::Value(kind), &mut scene.actions);
        Rule::AskValue
    }

    /// What was keyed in is all of it.
    pub(super) fn keys_done(&mut self, mut task: Task, scene: &mut Scene<'_>) -> Rule {
        let typed = std::mem::take(&mut task.keys);
        let Some(slot) = task.missing().cloned() else { return self.go_on(task, scene) };
        let context = self.context(&slot, scene.situation);
        match keys::value(&typed, slot.kind, &context, (self.plan.default_language, self.language)) {
            Some((value, score)) => {
                task.keep(&slot, value, score);
                self.go_on(task, scene);
                Rule::Key
            }
            None => self.not_told(task, scene),
        }
    }

    /// The answer of a source.
    pub(super) fn looked_up(
        &mut self,
        result: Result<Option<Row>, LookUpFailed>,
        scene: &mut Scene<'_>,
    ) -> Rule {
        let State::LookingUp(task) = self.state.clone() else { return Rule::Ignored };
        let today = scene.situation.now.date();
        let answer = Arc::clone(&task.answer);
        let (reply, rule, values) = match result {
            Err(LookUpFailed) => (&answer.down, Rule::Down, cells(&task.values)),
            Ok(None) => (&answer.not_found, Rule::NotFound, cells(&task.values)),
            Ok(Some(row)) => {
                let mut values = cells(&task.values);
                values.extend(row);
                let holds = |case: &&super::plan::Case| case.when.iter().all(|one| one.holds(&values, today));
                match answer.cases.iter().find(holds) {
                    Some(case) => (&case.reply, Rule::Answered, values),
                    None => (&answer.not_found, Rule::NotFound, values),
                }
            }
        };
        self.reply((reply, &answer), (&values, rule), scene)
    }

    fn reply(
        &mut self,
        (reply, answer): (&Reply, &Answer),
        (values, rule): (&Row, Rule),
        scene: &mut Scene<'_>,
    ) -> Rule {
        let (today, language) = (scene.situation.now.date(), self.language);
        let rendered = |reply: &Reply| {
            self.plan.in_language(&reply.say, language).and_then(|say| say.render(values, language, today))
        };
        let (said, then, rule) = match (rendered(reply), rule) {
            (Some(said), rule) => (Some(said), &reply.then, rule),
            // Nobody knows whether there is a row.
            (None, Rule::Down) => (None, &reply.then, rule),
            // A value that is missing in the row: the scenario's own "not found" rather than half a sentence.
            (None, _) => match rendered(&answer.not_found) {
                Some(said) => (Some(said), &answer.not_found.then, Rule::NotFound),
                None => (None, &reply.then, Rule::NotFound),
            },
        };
        match said {
            Some(said) => scene.actions.push(Action::Say(said.into())),
            None if rule == Rule::Down => self.say(Message::Down, &[], &mut scene.actions),
            None => self.say(Message::NotFound, &[], &mut scene.actions),
        }
        match then {
            Then::More => {
                self.misses = 0;
                self.after_answer(scene);
            }
            Then::End => {
                self.goodbye(rule, Message::Goodbye, &mut scene.actions);
            }
            Then::Route(route) => {
                self.transfer((route, None), rule, scene);
            }
        }
        rule
    }
}
