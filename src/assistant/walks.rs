//! Random callers in the dialogue of a scenario, in simulated time: whatever they do, the promises of a dialogue are kept.
//!
//! A call ends in an answer, with a team that is open at that moment, or with a goodbye; within the turns that the scenario
//! leaves; nothing is asked in the same words more often than it allows; after the end nothing is said. Time goes on by what
//! is said and by the silence that the dialogue waits for, and half of the calls begin within a minute and a half of the
//! closing time of some team.
//!
//! What callers say is understood by chance and what is looked up is found by chance, so that nothing has to be learnt, no source
//! is asked, and ways are gone that no real sentence would lead to today. The same seed gives the same call.

mod callers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{DateTime, Time, date};

pub use self::callers::Persona;
use self::callers::{Caller, Chance, Repertoire};
use super::Failure;
use crate::call::Language;
use crate::dialog::hours::Hours;
use crate::dialog::plan::{CatalogPlan, Limits};
use crate::dialog::{
    Action, Cell, Dialog, Expect, Input, Listen, LookUp, LookUpFailed, Plan, Row, Rule, Situation, Turn,
};
use crate::scenario::Scenario;
use crate::slots::{Catalog, Entry};

/// Catalogues by their names.
type Named = BTreeMap<String, Arc<Catalog>>;

/// Names of a catalogue that is asked for while running.
const MADE_UP: [&str; 5] = ["Velmoxine", "Parcivol", "Dorzanil", "Lille", "Rennes"];
/// Names of a catalogue that are known here: more make no other dialogue.
const NAMES_MAX: usize = 50;
/// So long it takes to say a letter, on either side: some 900 letters a minute. Chosen, so that time goes on.
const LETTER: Duration = Duration::from_millis(66);
/// So long it takes to press a key.
const KEY: Duration = Duration::from_millis(500);
/// So long noise lasts, or a sentence in a language that is not spoken here.
const SOUND: Duration = Duration::from_secs(3);
/// Things that happen for one turn, keys of values among them, before a call counts as one without an end.
const INPUTS_OF_TURN: u32 = 256;
/// Look-ups of one turn; see `conversation`.
const LOOK_UPS_MAX: usize = 4;
/// A first insult is answered by the question that waits; the second leads to a person.
const CALMED: u32 = 1;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Weeks in which calls begin: a year has all the holidays.
const WEEKS: usize = 53;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// With a goodbye, after the bot had answered something.
    Answer,
    /// With the team of the route with this id.
    Route(String),
    /// With a goodbye, unanswered.
    Goodbye,
}

/// What came of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Walked {
    /// Who called.
    pub persona: Persona,
    /// What chance began with: the same persona and seed give the same call.
    pub seed: u64,
    /// How it ended; `None`: it did not.
    pub end: Option<End>,
    /// Turns of the caller, as the dialogue counts them.
    pub turns: u32,
    /// The first promise that was not kept; `None`: all were.
    pub failure: Option<Failure>,
}

/// Calls of one scenario.
pub struct Walks<'s> {
    plan: Arc<Plan>,
    repertoire: Repertoire<'s>,
    catalogs: Named,
    /// Day of the week, Monday 0, and time at which some team closes.
    closings: Vec<(usize, Time)>,
}

impl<'s> Walks<'s> {
    /// Calls of `scenario` as it is.
    pub fn of(scenario: &'s Scenario) -> Self {
        Self::following(scenario, Arc::clone(&scenario.plan))
    }

    /// Calls of those who call `scenario`, where `plan` is followed instead of its own.
    pub fn following(scenario: &'s Scenario, plan: Arc<Plan>) -> Self {
        let catalogs: Named = plan.catalogs.iter().map(|(name, plan)| (name.clone(), known(plan))).collect();
        let entries = catalogs.values().flat_map(|catalog| catalog.entries());
        let names = entries.map(|entry| entry.name.clone()).collect();
        let intents = scenario.intents.keys().map(String::as_str).collect();
        let is_answered = |intent: &str| plan.intents.get(intent).is_some_and(|found| found.answer.is_some());
        let answered = scenario.examples.iter().filter(|one| is_answered(&one.intent)).collect();
        let repertoire = Repertoire { examples: &scenario.examples, answered, intents, names };
        let closings = closings(&plan);
        Self { plan, repertoire, catalogs, closings }
    }

    /// One call.
    pub fn call(&self, persona: Persona, seed: u64) -> Walked {
        let mut caller = Caller::new(&self.repertoire, persona, seed);
        let mut call = self.begun(&mut caller.chance);
        for _ in 0..self.plan.limits.turns_max.saturating_mul(INPUTS_OF_TURN) {
            if call.dialog.is_over() || call.problem.is_some() {
                break;
            }
            let input = caller.does(call.listen.expect, call.dialog.language());
            call.goes_on(input, &mut caller.chance);
        }
        let turns = call.dialog.turns();
        call.is_left(&mut caller.chance);
        let Call { problem, transcript, end, .. } = call;
        let failure = problem.map(|problem| Failure { problem, transcript });
        Walked { persona, seed, end, turns, failure }
    }

    /// A call on which the bot has said its first words.
    fn begun(&self, chance: &mut Chance) -> Call<'_> {
        let mut languages: Vec<Option<Language>> = self.plan.languages.iter().copied().map(Some).collect();
        languages.push(None);
        let language = languages[chance.below(languages.len())];
        let now = self.moment(chance);
        let mut call = Call {
            plan: &self.plan,
            catalogs: &self.catalogs,
            dialog: Dialog::new(Arc::clone(&self.plan), language),
            now,
            listen: Listen { wait: self.plan.limits.silence, expect: Expect::Wish },
            in_a_row: BTreeMap::new(),
            is_answered: false,
            patience: Duration::ZERO,
            end: None,
            problem: None,
            transcript: vec![now.strftime("%A %Y-%m-%d").to_string()],
        };
        call.goes_on(Input::Begin, chance);
        call
    }

    /// When a call begins: at any time, or shortly before somebody leaves.
    fn moment(&self, chance: &mut Chance) -> DateTime {
        // A Monday.
        let first = date(2026, 11, 23).at(0, 0, 0, 0);
        let day = |number: usize| first.saturating_add(DAY.saturating_mul(number as u32));
        let week = 7 * chance.below(WEEKS);
        match self.closings.get(chance.below(self.closings.len())) {
            Some((weekday, closes)) if chance.once_in(2) => {
                let before = Duration::from_secs(1 + chance.below(90) as u64);
                day(week + weekday).date().to_datetime(*closes).saturating_sub(before)
            }
            Some(_) | None => {
                let minutes = chance.below(24 * 60) as u64;
                day(week + chance.below(7)).saturating_add(Duration::from_secs(60 * minutes))
            }
        }
    }
}

fn known(plan: &CatalogPlan) -> Arc<Catalog> {
    let made_up = |name: &str| Entry { id: name.to_owned(), name: name.to_owned(), aliases: Vec::new() };
    let entries = match plan {
        CatalogPlan::Fixed(entries) => entries.iter().take(NAMES_MAX).cloned().collect(),
        CatalogPlan::Query { .. } => MADE_UP.map(made_up).to_vec(),
    };
    Arc::new(Catalog::new(entries))
}

fn closings(plan: &Plan) -> Vec<(usize, Time)> {
    let mut closings = Vec::new();
    for route in plan.routes.values() {
        let Hours::Weekly { days, .. } = &route.hours else { continue };
        for (day, stretches) in days.iter().enumerate() {
            closings.extend(stretches.iter().filter_map(|stretch| stretch.to).map(|to| (day, to)));
        }
    }
    closings
}

/// A call while it goes on.
struct Call<'w> {
    plan: &'w Plan,
    catalogs: &'w Named,
    dialog: Dialog,
    now: DateTime,
    /// What was waited for last, and for how long.
    listen: Listen,
    /// What was said last, and how often in a row it was said for want of an answer.
    in_a_row: BTreeMap<String, u32>,
    is_answered: bool,
    /// How long the caller waits for the team that the call went to.
    patience: Duration,
    end: Option<End>,
    /// The first promise that was not kept.
    problem: Option<String>,
    transcript: Vec<String>,
}

impl Call<'_> {
    /// What follows from `input`, look-ups answered as they come.
    fn goes_on(&mut self, input: Input, chance: &mut Chance) {
        let mut turn = self.step(input);
        for _ in 0..LOOK_UPS_MAX {
            let Some(Action::LookUp(wanted)) = turn.actions.last().cloned() else { return };
            let found = found(self.plan, &wanted, chance);
            if found.is_err() {
                let source = self.plan.sources.get(&wanted.source);
                self.wait(source.map_or(Duration::ZERO, |source| source.timeout));
            }
            turn = self.step(Input::LookedUp(found));
        }
        if matches!(turn.actions.last(), Some(Action::LookUp(_))) {
            self.breaks(format!("more than {LOOK_UPS_MAX} look-ups in one turn"));
        }
    }

    /// The end, and what comes behind it: now and then teams that do not answer, and silence.
    fn is_left(&mut self, chance: &mut Chance) {
        if self.problem.is_none() && !self.dialog.is_over() {
            self.breaks(format!("the call has no end: {}", self.dialog.state_name()));
        }
        if matches!(self.end, Some(End::Route(_))) && chance.once_in(3) {
            // Each counts as a turn, and the last one hears that nobody is free.
            for _ in 0..=self.plan.limits.turns_max {
                if !matches!(self.end, Some(End::Route(_))) {
                    break;
                }
                self.step(Input::NotAnswered);
            }
            if matches!(self.end, Some(End::Route(_))) {
                self.breaks("teams that do not answer hand on for ever".to_owned());
            }
        }
        if self.problem.is_none() && !self.step(Input::Silence).actions.is_empty() {
            self.breaks("something is said after the end".to_owned());
        }
    }

    fn step(&mut self, input: Input) -> Turn {
        self.happens(&input);
        let situation = Situation { now: self.now, catalogs: self.catalogs };
        let turn = self.dialog.step(input, &situation);
        if let Some(problem) = self.broken_by(&turn) {
            self.breaks(problem);
        }
        self.answers(&turn);
        if let Some(Action::Listen(listen)) = turn.actions.last() {
            self.listen = *listen;
        }
        self.is_answered |= self.is_answer(&turn);
        match turn.actions.last() {
            Some(Action::Transfer(transfer)) => {
                self.patience = transfer.patience.unwrap_or_default();
                self.end = Some(End::Route(transfer.route.clone()));
            }
            Some(Action::HangUp) if self.is_answered => self.end = Some(End::Answer),
            Some(Action::HangUp) => self.end = Some(End::Goodbye),
            Some(Action::Say(_) | Action::Listen(_) | Action::LookUp(_)) | None => {}
        }
        turn
    }

    fn breaks(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
    }

    /// Writes down what happens, and waits for as long as it takes.
    fn happens(&mut self, input: &Input) {
        let (what, time) = match input {
            Input::Begin | Input::LookedUp(Ok(_)) => return,
            Input::LookedUp(Err(_)) => ("(the source does not answer)".to_owned(), Duration::ZERO),
            Input::Sentence(sentence) => {
                let text = sentence.text.reveal();
                (text.clone(), to_say(text))
            }
            Input::OtherLanguage => ("(another language)".to_owned(), SOUND),
            Input::Silence => ("(silence)".to_owned(), self.listen.wait),
            Input::Noise => ("(noise)".to_owned(), SOUND),
            Input::Key(key) => (format!("key {}", key.reveal()), KEY),
            Input::NotAnswered => ("(nobody answers)".to_owned(), self.patience),
            Input::Failed => ("(something broke)".to_owned(), Duration::ZERO),
            Input::HungUp => ("(hung up)".to_owned(), Duration::ZERO),
        };
        self.wait(time);
        self.transcript.push(format!("{} > {what}", self.now.strftime("%H:%M:%S")));
    }

    /// Writes down what is said and done, and waits while it is said.
    fn answers(&mut self, turn: &Turn) {
        let said = said(turn).collect::<Vec<_>>().join(" ");
        if turn.actions.is_empty() {
            return;
        }
        let then = match turn.actions.last() {
            Some(Action::Transfer(transfer)) => format!(" → {}", transfer.route),
            Some(Action::HangUp) => " → end".to_owned(),
            Some(Action::Say(_) | Action::Listen(_) | Action::LookUp(_)) | None => String::new(),
        };
        let (time, rule) = (self.now.strftime("%H:%M:%S"), turn.rule.name());
        self.transcript.push(format!("{time} < {said} [{rule}]{then}"));
        self.wait(to_say(&said));
    }

    /// The promise that `turn`, which was just decided, does not keep.
    fn broken_by(&mut self, turn: &Turn) -> Option<String> {
        let turns_max = self.plan.limits.turns_max;
        if self.dialog.turns() > turns_max {
            return Some(format!("{} turns of the caller, {turns_max} are allowed", self.dialog.turns()));
        }
        let Some((last, before)) = turn.actions.split_last() else {
            return (turn.rule != Rule::Ignored).then(|| "nothing follows".to_owned());
        };
        if before.iter().any(|action| !matches!(action, Action::Say(_))) {
            return Some("something follows what ends a turn".to_owned());
        }
        let is_over = self.dialog.is_over();
        match last {
            Action::Say(_) => return Some("the call is left hanging".to_owned()),
            Action::Transfer(transfer) => {
                let route = self.plan.routes.get(&transfer.route);
                if !route.is_some_and(|route| route.hours.is_open(self.now)) {
                    return Some(format!("transferred to `{}`, which is closed", transfer.route));
                }
            }
            Action::HangUp if before.is_empty() => return Some("hung up without a word".to_owned()),
            Action::HangUp | Action::Listen(_) | Action::LookUp(_) => {}
        }
        if is_over != matches!(last, Action::Transfer(_) | Action::HangUp) {
            return Some(format!("neither over nor going on: {}", self.dialog.state_name()));
        }
        self.repeated_by(turn)
    }

    /// What `turn` says once more than it may in a row.
    fn repeated_by(&mut self, turn: &Turn) -> Option<String> {
        let allowed = in_a_row_max(self.plan.limits);
        let goes_on = asks_again(turn.rule);
        let texts = said(turn).map(|text| {
            let before = self.in_a_row.get(text).copied().filter(|_| goes_on);
            (text.to_owned(), before.unwrap_or(0) + 1)
        });
        let texts: BTreeMap<String, u32> = texts.collect();
        if texts.is_empty() {
            return None;
        }
        let problem = texts
            .iter()
            .find(|(_, count)| **count > allowed)
            .map(|(text, count)| format!("said {count} times in a row, {allowed} are allowed: {text}"));
        self.in_a_row = texts;
        problem
    }

    /// Whether `turn` answers something. Without a look-up the answer stands in the turn of the wish.
    fn is_answer(&self, turn: &Turn) -> bool {
        let is_done =
            matches!(turn.actions.last(), Some(Action::HangUp)) || self.dialog.state_name() == "more";
        let is_led_on =
            matches!(turn.rule, Rule::Sure | Rule::Confirmed | Rule::Chosen | Rule::Key | Rule::SecondWish);
        matches!(turn.rule, Rule::Answered | Rule::NotFound) || is_led_on && is_done
    }
}

/// What `turn` says, in order.
fn said(turn: &Turn) -> impl Iterator<Item = &str> {
    turn.actions
        .iter()
        .filter_map(|action| if let Action::Say(text) = action { Some(text.reveal().as_str()) } else { None })
}

fn to_say(text: &str) -> Duration {
    LETTER.saturating_mul(u32::try_from(text.chars().count()).unwrap_or(u32::MAX))
}

/// Whether what is said by this rule is said because nothing led on. Who asks to hear it again, or wants something, leads on.
fn asks_again(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::Confirm
            | Rule::Offer
            | Rule::AskAgain
            | Rule::OutOfScope
            | Rule::Keypad
            | Rule::Silence
            | Rule::Noise
            | Rule::Insult
            | Rule::AskValue
            | Rule::ConfirmValue
            | Rule::Denied
            | Rule::Closed
    )
}

/// How often the same words may be said in a row for want of an answer. A question is asked, again `asks_max` times after
/// what is no answer and once after an insult; and behind each of these `asks_max` times after silence, which is counted anew
/// when something was heard. A value is asked for, `value_asks_max` times anew, and once after an insult.
fn in_a_row_max(limits: Limits) -> u32 {
    let questions = (1 + limits.asks_max + CALMED) * (1 + limits.asks_max);
    questions.max(1 + limits.value_asks_max + CALMED)
}

/// What a source answers: nothing, no row, or one with a value of any kind in each column that is said or compared.
fn found(plan: &Plan, wanted: &LookUp, chance: &mut Chance) -> Result<Option<Row>, LookUpFailed> {
    match chance.below(5) {
        0 => return Err(LookUpFailed),
        1 => return Ok(None),
        _ => {}
    }
    let Some(answer) = plan.intents.get(&wanted.intent).and_then(|intent| intent.answer.as_ref()) else {
        return Ok(None);
    };
    let cells = [
        Cell::Whole(3),
        Cell::Whole(0),
        Cell::Text("2026-12-05".to_owned()),
        Cell::Text("14:30".to_owned()),
        Cell::Real(12.5),
        Cell::Null,
    ];
    let mut row = Row::new();
    for case in &answer.cases {
        let named = case.reply.say.values().flat_map(|said| said.names());
        let compared = case.when.iter().map(|condition| condition.column());
        for name in named.chain(compared) {
            row.entry(name.to_owned()).or_insert_with(|| cells[chance.below(cells.len())].clone());
        }
    }
    Ok(Some(row))
}

#[cfg(test)]
mod tests;
