//! `tests/*.toml`: conversations that a scenario must hold as written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use serde::Deserialize;
use toml::Spanned;

use super::answering::columns_of;
use super::mistakes::{Mistakes, Place, line_of};
use super::planning::Writing;
use super::{Error, Mistake, Scenario};
use crate::call::Language;
use crate::dialog::Plan;
use crate::dialog::plan::IntentPlan;

/// [`Rehearsed::ends`] of a call at whose end somebody hangs up …
const HANGS_UP: &str = "end";
/// … and the beginning of it for one that is transferred.
const ROUTE_PREFIX: &str = "route:";

/// One conversation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsed {
    /// What it shows.
    pub name: String,
    /// The language that the caller begins with.
    language: Option<Spanned<String>>,
    /// Local time of the call.
    pub at: DateTime,
    /// What happens, in order.
    pub turns: Vec<RehearsedTurn>,
    /// How the call ends: `end` or `route:<id>`; nothing: that is not looked at.
    ends: Option<Spanned<String>>,
    /// The number that the call comes from; nothing: it is withheld.
    caller_number: Option<Spanned<String>>,
    /// What the person who takes the call is told of what was said: slot → value, as a query is given it.
    #[serde(default)]
    slots: BTreeMap<Spanned<String>, String>,
    /// Columns of the document that this person is shown; without any: that there is none; nothing: that is not looked at.
    document: Option<Spanned<BTreeMap<Spanned<String>, String>>>,
}

/// One thing that happens, and what must follow.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RehearsedTurn {
    /// The caller says this.
    pub caller: Option<String>,
    /// The caller presses these keys.
    pub keypad: Option<String>,
    /// The caller says nothing.
    pub silence: bool,
    /// There is noise.
    pub noise: bool,
    /// What the answer must contain.
    pub says: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RehearsalFile {
    #[serde(default)]
    conversation: Vec<Rehearsed>,
}

impl Rehearsed {
    /// How the call ends: `end` or `route:<id>`; `None`: that is not looked at.
    pub fn ends(&self) -> Option<&str> {
        self.ends.as_ref().map(|ends| ends.get_ref().as_str())
    }

    /// The number that the call comes from.
    pub fn caller_number(&self) -> Option<&str> {
        self.caller_number.as_ref().map(|number| number.get_ref().as_str())
    }

    /// The slots of the hand-over that are looked at, with their values.
    pub fn slots(&self) -> impl Iterator<Item = (&str, &str)> {
        self.slots.iter().map(|(name, value)| (name.get_ref().as_str(), value.as_str()))
    }

    /// The columns of the document that are looked at, with their values: none where there must be no document; `None`: that
    /// is not looked at.
    pub fn document(&self) -> Option<BTreeMap<&str, &str>> {
        let columns = self.document.as_ref()?.get_ref().iter();
        Some(columns.map(|(name, value)| (name.get_ref().as_str(), value.as_str())).collect())
    }

    /// The language, if it is one.
    pub fn language(&self) -> Option<Language> {
        self.language.as_ref().and_then(|code| code.get_ref().parse().ok())
    }

    /// Notes what a call of `scenario` cannot be.
    fn fits(&self, scenario: &Scenario, writing: &mut Writing<'_>) {
        let is_spoken = |language: Language| scenario.languages.contains(&language);
        if let Some(code) = &self.language
            && !code.get_ref().parse().is_ok_and(is_spoken)
        {
            let problem = format!("language `{}` is not one of the scenario's", code.get_ref());
            writing.at(code, problem, "write one of its languages");
        }
        self.can_be_handed_over(&scenario.plan, writing);
        let Some(ends) = &self.ends else { return };
        match ends.get_ref().strip_prefix(ROUTE_PREFIX) {
            Some(id) if scenario.route(id).is_some() => {}
            Some(id) => {
                let known: Vec<&str> = scenario.routes.iter().map(|route| route.id.as_str()).collect();
                writing.at(
                    ends,
                    format!("route `{id}` is not known"),
                    format!("write one of: {}", known.join(", ")),
                );
            }
            None if ends.get_ref() == HANGS_UP => {}
            None => {
                let problem = format!("`{}` is no end of a call", ends.get_ref());
                writing.at(ends, problem, "write \"end\" or \"route:…\"");
            }
        }
    }
}

impl Rehearsed {
    /// Notes what nobody is told with a call of the scenario of `plan`.
    fn can_be_handed_over(&self, plan: &Plan, writing: &mut Writing<'_>) {
        let is_recognised = plan.customers.as_ref().is_some_and(|customers| customers.by_number.is_some());
        if let Some(number) = self.caller_number.as_ref().filter(|_| !is_recognised) {
            let remedy = "add `by_number` to [customers] of scenario.toml, or take it out";
            writing.at(number, "no caller is recognised by the number", remedy);
        }
        let is_told = self.ends().is_some_and(|ends| ends.starts_with(ROUTE_PREFIX));
        let remedy = "add `ends = \"route:…\"`, or take it out";
        let slots = slots_of(plan);
        for name in self.slots.keys() {
            if !is_told {
                writing.at(name, "slots are told with a call that is handed over", remedy);
            }
            writing.known(name, "slot", &slots);
        }
        let Some(document) = &self.document else { return };
        if !is_told {
            writing.at(document, "a document is shown with a call that is handed over", remedy);
        }
        let Some(columns) = document_columns_of(plan) else { return };
        for name in document.get_ref().keys() {
            writing.known(name, "column", &columns);
        }
    }
}

/// The slots of all intents.
fn slots_of(plan: &Plan) -> BTreeSet<String> {
    let of = |intent: &IntentPlan| {
        let asked = intent.answer.iter().flat_map(|answer| &answer.slots);
        let noted = intent.handover.iter().flat_map(|handover| &handover.slots);
        asked.chain(noted).map(|slot| slot.name.clone()).collect::<Vec<_>>()
    };
    plan.intents.values().flat_map(of).collect()
}

/// The columns of all rows that may be a document; `None` where those of one cannot be told from its query.
fn document_columns_of(plan: &Plan) -> Option<BTreeSet<String>> {
    let look_ups = plan.intents.values().flat_map(|intent| {
        let of_answer = intent.answer.as_ref().and_then(|answer| answer.look_up.as_ref());
        let of_handover = intent.handover.as_ref().and_then(|handover| handover.look_up.as_ref());
        of_answer.into_iter().chain(of_handover)
    });
    let mut known = BTreeSet::new();
    for look_up in look_ups {
        known.extend(columns_of(&look_up.columns, Some(&look_up.query))?);
    }
    Some(known)
}

/// Conversations by file.
type ByFile = Vec<(PathBuf, Vec<Rehearsed>)>;

/// The conversations of the scenario in `folder`, by file.
///
/// # Errors
/// [`Error::Mistakes`] with everything that cannot be read.
pub fn conversations(folder: &Path) -> Result<ByFile, Error> {
    read(folder, |_, _| {})
}

/// As [`conversations`], of `scenario`, which is the one in `folder`.
///
/// # Errors
/// [`Error::Mistakes`], also for languages that the scenario does not speak, ends that a call of it cannot have, and what
/// nobody is told with one that is handed over.
pub fn conversations_of(folder: &Path, scenario: &Scenario) -> Result<ByFile, Error> {
    read(folder, |rehearsed, writing| rehearsed.fits(scenario, writing))
}

fn read(folder: &Path, look: impl Fn(&Rehearsed, &mut Writing<'_>)) -> Result<ByFile, Error> {
    let mut mistakes = Mistakes::default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("tests"))
        .map(|entries| {
            entries.flatten().map(|entry| PathBuf::from("tests").join(entry.file_name())).collect()
        })
        .unwrap_or_default();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let text = match std::fs::read_to_string(folder.join(&file)) {
            Ok(text) => text,
            Err(error) => {
                let place = Place { file: &file, line: None };
                mistakes.add(place, format!("not readable: {error}"), "save it as UTF-8");
                continue;
            }
        };
        match toml::from_str::<RehearsalFile>(&text) {
            Ok(written) => {
                let mut writing = Writing { file: &file, text: &text, mistakes: &mut mistakes };
                written.conversation.iter().for_each(|rehearsed| look(rehearsed, &mut writing));
                found.push((file, written.conversation));
            }
            Err(error) => {
                let line = error.span().map(|span| line_of(&text, span.start));
                let place = Place { file: &file, line };
                mistakes.add(place, error.message(), "correct this line; docs/answers.md shows a whole file");
            }
        }
    }
    let mistakes: Vec<Mistake> = mistakes.found;
    if mistakes.is_empty() { Ok(found) } else { Err(Error::Mistakes { path: folder.to_owned(), mistakes }) }
}
