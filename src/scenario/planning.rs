//! From the files of a scenario to the plan of its dialogues, with every mistake named.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::config::{RouteFile, ScenarioFile};
use super::dialog_file::{KeypadFile, RouteHoursFile, SaidFile, SourceFile};
use super::mistakes::{Mistakes, Place, line_of};
use super::opening::{hours_of, timezone};
use super::{Reader, by_language};
use crate::call::Language;
use crate::dialog::hours::Hours;
use crate::dialog::plan::{
    Consent, CustomersPlan, IntentPlan, KeypadChoice, KeypadTarget, Limits, Plan, RoutePlan, Said,
    SourceKind, SourcePlan,
};
use crate::text::{duration, markup};

/// How long a caller waits in a queue whose route does not say.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long it may be: below, no telephone rings; above, nobody is waiting any more.
const PATIENCES: RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(3_600);
/// How long a look-up may take if its source does not say: longer, and the caller asks whether anybody is there.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// A file of the scenario while it is turned into a part of the plan.
pub(super) struct Writing<'w> {
    pub file: &'w Path,
    pub text: &'w str,
    pub mistakes: &'w mut Mistakes,
}

impl Writing<'_> {
    pub fn at<T>(&mut self, what: &Spanned<T>, problem: impl Into<String>, remedy: impl Into<String>) {
        let line = Some(line_of(self.text, what.span().start));
        self.mistakes.add(Place { file: self.file, line }, problem, remedy);
    }

    /// As [`Writing::at`], for what can be used and is hardly meant.
    pub fn warn<T>(&mut self, what: &Spanned<T>, problem: impl Into<String>, remedy: impl Into<String>) {
        let line = Some(line_of(self.text, what.span().start));
        self.mistakes.warn(Place { file: self.file, line }, problem, remedy);
    }

    /// Texts in the languages of the scenario; the default language must be there.
    pub fn said(&mut self, written: &Spanned<SaidFile>, scenario: &Tongues<'_>) -> Said<String> {
        let said = by_language(written.get_ref());
        for code in written.get_ref().keys() {
            if !code.parse().is_ok_and(|language: Language| scenario.languages.contains(&language)) {
                let problem = format!("language `{code}` is not one of the scenario's");
                self.at(written, problem, "add it to languages in scenario.toml, or remove the text");
            }
        }
        for (code, text) in written.get_ref() {
            if let Some(problem) = markup_problem(text.get_ref()) {
                self.at(text, format!("in `{code}`: {problem}"), MARKUP_REMEDY);
            }
        }
        if !said.contains_key(&scenario.default) {
            let problem = format!("nothing is said in `{}`", scenario.default);
            self.at(written, problem, format!("add `{} = \"…\"`", scenario.default));
        }
        said
    }

    pub fn duration(&mut self, written: Option<&Spanned<String>>, default: Duration) -> Duration {
        let Some(written) = written else { return default };
        match duration::parse(written.get_ref()) {
            Ok(found) => found,
            Err(error) => {
                self.at(written, error.to_string(), "write for example \"800ms\", \"6s\" or \"2min\"");
                default
            }
        }
    }

    /// Whether `name` is one of `known`; a mistake if not.
    pub fn known<'n>(
        &mut self,
        written: &Spanned<String>,
        what: &str,
        known: impl IntoIterator<Item = &'n String>,
    ) -> bool {
        let names: Vec<&str> = known.into_iter().map(String::as_str).collect();
        let found = names.contains(&written.get_ref().as_str());
        if !found {
            let problem = format!("{what} `{}` is not known", written.get_ref());
            let shown = names.iter().take(12).copied().collect::<Vec<_>>().join(", ");
            self.at(written, problem, format!("write one of: {shown}"));
        }
        found
    }
}

/// What to do about a [`markup_problem`].
pub(super) const MARKUP_REMEDY: &str = "docs/voice.md lists the elements that a text may hold";

/// Why a sentence that is written in markup could not be said, with whatever value in its places.
pub(super) fn markup_problem(text: &str) -> Option<String> {
    if !markup::is_markup(text) {
        return None;
    }
    let mut sample = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((words, from)) = rest.split_once('{') {
        sample.push_str(words);
        sample.push('1');
        rest = from.split_once('}').map_or("", |(_, behind)| behind);
    }
    sample.push_str(rest);
    markup::parse(&sample).err().map(|refused| refused.problem.to_string())
}

/// The languages of a scenario.
pub(super) struct Tongues<'t> {
    pub languages: &'t [Language],
    pub default: Language,
}

impl Reader<'_> {
    /// The plan of the dialogues, as far as it is right. `greeting`, `intents` and the ids of `routes` were read before.
    pub(super) fn plan(
        &mut self,
        written: &ScenarioFile,
        tongues: &Tongues<'_>,
        (greeting, intents): (Said<String>, &BTreeMap<String, String>),
    ) -> Plan {
        let sources = self.sources(written);
        let catalogs = self.catalogs(written, &sources);
        let mut labels = self.labels(tongues, intents);
        let mut writing =
            Writing { file: Path::new(super::SCENARIO_FILE), text: self.text, mistakes: self.mistakes };
        let route_ids: BTreeSet<String> =
            written.routes.iter().map(|route| route.id.get_ref().clone()).collect();
        let usual = written
            .hours
            .as_ref()
            .map_or(Hours::Always, |hours| hours_of((hours, hours.get_ref()), &mut writing));
        let routes = written
            .routes
            .iter()
            .map(|route| (route.id.get_ref().clone(), route_plan(route, &usual, &route_ids, &mut writing)));
        let routes: BTreeMap<String, RoutePlan> = routes.collect();
        let limits = limits(written, &mut writing);
        let human_route = human_route(written, &route_ids, &mut writing);
        let human_intent = written
            .dialog
            .human_intent
            .as_ref()
            .filter(|intent| writing.known(intent, "intent", intents.keys()));
        let keypad = keypad(&written.keypad, (intents, &route_ids), tongues, &mut writing);
        let consent = written.consent.as_ref().map(|consent| {
            if !["announced", "asked"].contains(&consent.record.get_ref().as_str()) {
                let problem = format!("`{}` is no way to treat recording", consent.record.get_ref());
                writing.at(&consent.record, problem, "write \"announced\" or \"asked\"");
            }
            Consent { asked: consent.record.get_ref() == "asked", say: writing.said(&consent.say, tongues) }
        });
        let closed =
            written.closed.as_ref().map(|closed| writing.said(&closed.say, tongues)).unwrap_or_default();
        let customers = written
            .customers
            .as_ref()
            .filter(|customers| writing.known(&customers.source, "source", sources.keys()));
        let timezone = timezone(written, &mut writing);
        let mut plan = Plan {
            name: written.name.get_ref().clone(),
            languages: tongues.languages.to_vec(),
            default_language: tongues.default,
            greeting,
            consent,
            intents: intents
                .iter()
                .map(|(intent, route)| {
                    let label = labels.remove(intent).unwrap_or_default();
                    (intent.clone(), IntentPlan { route: route.clone(), label, answer: None, handover: None })
                })
                .collect(),
            routes,
            keypad,
            limits,
            human_route,
            human_intent: human_intent.map(|intent| intent.get_ref().clone()),
            closed,
            messages: crate::dialog::messages::Messages::default(),
            customers: customers.map(|customers| CustomersPlan {
                source: customers.source.get_ref().clone(),
                by_number: customers.by_number.as_ref().map(|query| query.get_ref().clone()),
                by_id: customers.by_id.as_ref().map(|query| query.get_ref().clone()),
            }),
            sources,
            catalogs,
            timezone,
        };
        self.answers(&mut plan, tongues);
        self.handovers(&mut plan, tongues);
        self.messages(&mut plan, tongues);
        plan
    }

    fn sources(&mut self, written: &ScenarioFile) -> BTreeMap<String, SourcePlan> {
        let folder = self.folder.to_owned();
        let mut writing =
            Writing { file: Path::new(super::SCENARIO_FILE), text: self.text, mistakes: self.mistakes };
        let sources = written.sources.iter();
        sources
            .filter_map(|(name, source)| {
                let kind = source_kind(source, &folder, &mut writing)?;
                let timeout = writing.duration(source.timeout.as_ref(), TIMEOUT);
                let cache = writing.duration(source.cache.as_ref(), Duration::ZERO);
                Some((name.clone(), SourcePlan { kind, timeout, cache }))
            })
            .collect()
    }

    fn messages(&mut self, plan: &mut Plan, tongues: &Tongues<'_>) {
        let file = PathBuf::from("messages.toml");
        if !self.folder.join(&file).exists() {
            return;
        }
        let text = self.read(&file).unwrap_or_default();
        let remedy = "write `name = { fr = \"…\" }` lines";
        let Some(written) =
            self.written::<BTreeMap<Spanned<String>, Spanned<SaidFile>>>(&file, &text, remedy)
        else {
            return;
        };
        let mut writing = Writing { file: &file, text: &text, mistakes: self.mistakes };
        for (name, said) in &written {
            let Some((message, places)) = crate::dialog::messages::by_name(name.get_ref()) else {
                let problem = format!("there is no message `{}`", name.get_ref());
                writing.at(name, problem, "docs/dialog.md lists the messages");
                continue;
            };
            for (code, text) in said.get_ref() {
                let language = code.parse().ok().filter(|language| tongues.languages.contains(language));
                let missing = places.iter().find(|place| !text.get_ref().contains(&format!("{{{place}}}")));
                if let Some(problem) = markup_problem(text.get_ref()) {
                    writing.at(text, problem, MARKUP_REMEDY);
                }
                match (language, missing) {
                    (None, _) => {
                        let problem = format!("language `{code}` is not one of the scenario's");
                        writing.at(text, problem, "write one of its languages");
                    }
                    (_, Some(place)) => {
                        let problem = format!("the place {{{place}}} is missing");
                        writing.at(text, problem, format!("say {{{place}}} somewhere"));
                    }
                    (Some(language), None) => plan.messages.set(message, language, text.get_ref().clone()),
                }
            }
        }
    }
}

fn source_kind(source: &SourceFile, folder: &Path, writing: &mut Writing<'_>) -> Option<SourceKind> {
    let mut needs = |key: &str, value: Option<&Spanned<String>>| {
        if value.is_none() {
            let problem = format!("a source of kind `{}` has no `{key}`", source.kind.get_ref());
            writing.at(&source.kind, problem, format!("add `{key} = \"…\"`"));
        }
        value.map(|value| value.get_ref().clone())
    };
    match source.kind.get_ref().as_str() {
        "sqlite" => {
            let path = folder.join(needs("path", source.path.as_ref())?);
            if !path.is_file() {
                let written = source.path.as_ref()?;
                writing.at(written, "the file is not there", "create it, or correct the path");
            }
            Some(SourceKind::Sqlite { path })
        }
        "postgres" => Some(SourceKind::Postgres { url_env: needs("url_env", source.url_env.as_ref())? }),
        "http" => Some(SourceKind::Http {
            url: needs("url", source.url.as_ref())?,
            header_env: source.header_env.clone(),
        }),
        other => {
            let problem = format!("`{other}` is no kind of source");
            writing.at(&source.kind, problem, "write sqlite, postgres or http");
            None
        }
    }
}

fn limits(written: &ScenarioFile, writing: &mut Writing<'_>) -> Limits {
    let defaults = Limits::default();
    let mut number = |value: Option<&Spanned<u32>>, default: u32, range: RangeInclusive<u32>| {
        let Some(value) = value else { return default };
        if !range.contains(value.get_ref()) {
            let problem = format!("{} is out of range", value.get_ref());
            writing.at(value, problem, format!("write {} to {}", range.start(), range.end()));
        }
        *value.get_ref()
    };
    let turns_max = number(written.dialog.turns_max.as_ref(), defaults.turns_max, 2..=100);
    let asks_max = number(written.dialog.asks_max.as_ref(), defaults.asks_max, 0..=5);
    let value_asks_max = number(written.dialog.value_asks_max.as_ref(), defaults.value_asks_max, 0..=5);
    let silence = writing.duration(written.dialog.silence.as_ref(), defaults.silence);
    if !(Duration::from_secs(1)..=Duration::from_secs(60)).contains(&silence)
        && let Some(value) = &written.dialog.silence
    {
        writing.at(value, "the silence is out of range", "write 1s to 60s");
    }
    Limits { turns_max, asks_max, value_asks_max, silence }
}

/// The route of lost callers: the one that is named, else that of the intent of those who ask for a person, else the last.
fn human_route(written: &ScenarioFile, routes: &BTreeSet<String>, writing: &mut Writing<'_>) -> String {
    if let Some(route) = &written.dialog.human_route {
        writing.known(route, "route", routes);
        return route.get_ref().clone();
    }
    let of_intent = written.dialog.human_intent.as_ref().and_then(|intent| {
        let found = written.intents.get_ref().iter().find(|(name, _)| name.get_ref() == intent.get_ref());
        found.map(|(_, route)| route.get_ref().clone())
    });
    of_intent.or_else(|| written.routes.last().map(|route| route.id.get_ref().clone())).unwrap_or_default()
}

fn route_plan(
    route: &RouteFile,
    usual: &Hours,
    routes: &BTreeSet<String>,
    writing: &mut Writing<'_>,
) -> RoutePlan {
    let hours = match route.hours.as_ref().map(|hours| (hours, hours.get_ref())) {
        None => usual.clone(),
        Some((_, RouteHoursFile::Word(word))) if word == "always" => Hours::Always,
        Some((place, RouteHoursFile::Word(word))) => {
            let problem = format!("`{word}` are no hours");
            writing.at(place, problem, "write hours = \"always\" or a table [routes.hours]");
            usual.clone()
        }
        Some((place, RouteHoursFile::Table(hours))) => hours_of((place, hours), writing),
    };
    if let Some(overflow) = &route.overflow {
        writing.known(overflow, "route", routes);
    }
    let cost = route.wrong_transfer_cost.as_ref();
    if let Some(cost) = cost.filter(|cost| !(0.1..=100.0).contains(cost.get_ref())) {
        writing.at(cost, format!("{} is out of range", cost.get_ref()), "write 0.1 to 100");
    }
    let patience = writing.duration(route.patience.as_ref(), PATIENCE);
    if let Some(written) = route.patience.as_ref().filter(|_| !PATIENCES.contains(&patience)) {
        writing.at(written, "the patience is out of range", "write 5s to 1h");
    }
    RoutePlan {
        label: by_language(&route.label),
        queue: route.queue.get_ref().clone(),
        hours,
        overflow: route.overflow.as_ref().map(|route| route.get_ref().clone()),
        patience,
        wrong_transfer_cost: cost.map_or(1.0, |cost| *cost.get_ref()),
    }
}

fn keypad(
    written: &[KeypadFile],
    (intents, routes): (&BTreeMap<String, String>, &BTreeSet<String>),
    tongues: &Tongues<'_>,
    writing: &mut Writing<'_>,
) -> BTreeMap<u8, KeypadChoice> {
    let mut choices = BTreeMap::new();
    for choice in written {
        let digit = *choice.digit.get_ref();
        if !(1..=9).contains(&digit) {
            writing.at(&choice.digit, format!("{digit} is no choice"), "write 1 to 9; 0 is always a person");
        }
        let target = match (&choice.intent, &choice.route) {
            (Some(intent), None) => {
                writing.known(intent, "intent", intents.keys());
                KeypadTarget::Intent(intent.get_ref().clone())
            }
            (None, Some(route)) => {
                writing.known(route, "route", routes);
                KeypadTarget::Route(route.get_ref().clone())
            }
            _ => {
                writing.at(
                    &choice.digit,
                    "a choice is one intent or one route",
                    "write one of intent and route",
                );
                continue;
            }
        };
        let label = writing.said(&choice.label, tongues);
        if choices.insert(digit, KeypadChoice { target, label }).is_some() {
            writing.at(
                &choice.digit,
                format!("digit {digit} is there twice"),
                "give each choice its own digit",
            );
        }
    }
    choices
}
