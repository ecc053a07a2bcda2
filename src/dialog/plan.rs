//! What a dialogue knows: the scenario as it is acted on, checked, without files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;

use super::condition::Condition;
use super::hours::Hours;
use super::messages::Messages;
use super::template::Template;
use crate::call::Language;
use crate::slots::{Kind, Tense};

/// Something said, in every language of the scenario.
pub type Said<T> = BTreeMap<Language, T>;

/// Everything that a dialogue follows; never changes, and is shared by all calls of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Name of the scenario.
    pub name: String,
    /// Languages that callers may speak; never empty.
    pub languages: Vec<Language>,
    /// The language of a caller of whom nothing is known.
    pub default_language: Language,
    /// What is said first.
    pub greeting: Said<String>,
    /// What is said about recording the call.
    pub consent: Option<Consent>,
    /// Intent → what is done about it.
    pub intents: BTreeMap<String, IntentPlan>,
    /// Where calls can go, by id.
    pub routes: BTreeMap<String, RoutePlan>,
    /// The choice of callers who were not understood, by digit.
    pub keypad: BTreeMap<u8, KeypadChoice>,
    /// How long and how often.
    pub limits: Limits,
    /// Where lost callers and those who ask for a person go; one of `routes`.
    pub human_route: String,
    /// The intent of those who ask for a person.
    pub human_intent: Option<String>,
    /// What is said when a team is closed.
    pub closed: Said<String>,
    /// Everything else that is said.
    pub messages: Messages,
    /// Where look-ups go, by name.
    pub sources: BTreeMap<String, SourcePlan>,
    /// Names that callers say, by the name of the catalogue.
    pub catalogs: BTreeMap<String, CatalogPlan>,
    /// How the caller's record is found.
    pub customers: Option<CustomersPlan>,
    /// IANA name of the time zone of opening hours and dates.
    pub timezone: String,
}

/// Where look-ups go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePlan {
    /// What it is.
    pub kind: SourceKind,
    /// How long a look-up may take before it counts as failed.
    pub timeout: Duration,
    /// For how long an answer is kept; zero keeps none.
    pub cache: Duration,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// A SQLite file, opened read-only.
    Sqlite {
        /// The file.
        path: std::path::PathBuf,
    },
    /// A PostgreSQL database.
    Postgres {
        /// Environment variable that holds its address.
        url_env: String,
    },
    /// A service that answers a GET with JSON.
    Http {
        /// Its address, with `{parameter}` in path or query.
        url: String,
        /// Header → environment variable that holds its value.
        header_env: BTreeMap<String, String>,
    },
}

/// Where the names of a catalogue are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogPlan {
    /// Read with the scenario.
    Fixed(Vec<crate::slots::Entry>),
    /// Asked for while running.
    Query {
        /// Name of the source.
        source: String,
        /// A query that gives the columns `id`, `name` and, if wanted, `aliases` (separated by `|`).
        query: String,
        /// After how long it is asked again.
        refresh: Duration,
    },
}

/// How the caller's record is found, for the person who takes the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomersPlan {
    /// Name of the source.
    pub source: String,
    /// Query with the parameter `number` (E.164).
    pub by_number: Option<String>,
    /// Query with the parameter `customer`.
    pub by_id: Option<String>,
}

/// What is said about recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Whether the caller is asked, or told.
    pub asked: bool,
    /// The words.
    pub say: Said<String>,
}

/// What is done about one intent.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentPlan {
    /// Id of its route.
    pub route: String,
    /// A noun phrase that completes "your call is about …"; what is missing is not confirmed by name.
    pub label: Said<String>,
    /// How it is answered without a person, if it is.
    pub answer: Option<Arc<Answer>>,
    /// What is found out for the person who takes a call about it.
    pub handover: Option<Arc<HandoverPlan>>,
}

/// What is found out for the person who takes a call, without a question to the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct HandoverPlan {
    /// Name of its file, for whoever is to correct it.
    pub name: String,
    /// Filled from the caller's own sentence, where it says them.
    pub slots: Vec<SlotPlan>,
    /// How the document in question is found, with these slots and [`CUSTOMER`].
    pub look_up: Option<LookUpPlan>,
    /// Whether that goes by [`CUSTOMER`].
    pub by_customer: bool,
}

/// Parameter of a look-up for a person: the customer's number, which is the column [`CUSTOMER_ID`] of the customer's record.
pub const CUSTOMER: &str = "customer";
/// See [`CUSTOMER`].
pub const CUSTOMER_ID: &str = "id";

/// A team.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutePlan {
    /// Name of the team.
    pub label: Said<String>,
    /// Queue of the telephone system.
    pub queue: String,
    /// When it can be reached.
    pub hours: Hours,
    /// Id of the route that takes its calls when it is closed or does not answer.
    pub overflow: Option<String>,
    /// How long a caller waits there before the overflow.
    pub patience: Duration,
    /// Cost of a wrong transfer to it, against that of one to an ordinary route.
    pub wrong_transfer_cost: f32,
}

/// One digit of the keypad choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeypadChoice {
    /// What it stands for.
    pub target: KeypadTarget,
    /// How it is offered.
    pub label: Said<String>,
}

/// What a digit stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeypadTarget {
    /// As if the caller had said so.
    Intent(String),
    /// A transfer.
    Route(String),
}

/// How long and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Turns of the caller, silent ones included. The last one ends the call, or leads to a person.
    pub turns_max: u32,
    /// Questions in a row that led nowhere, before the next means: keypad, then a person.
    pub asks_max: u32,
    /// Times that a value is asked for anew, before a person: numbers are misheard more often than wishes.
    pub value_asks_max: u32,
    /// How long a caller may be silent before being asked again.
    pub silence: Duration,
}

/// How an intent is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What has to be known, in the order of asking.
    pub slots: Vec<SlotPlan>,
    /// What is looked up with it; without one the first case is said.
    pub look_up: Option<LookUpPlan>,
    /// The first case whose conditions hold is said.
    pub cases: Vec<Case>,
    /// Said when there is no row, or no case holds.
    pub not_found: Reply,
    /// Said when the look-up failed or took too long.
    pub down: Reply,
}

/// One thing that has to be known.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotPlan {
    /// Its name, for look-ups and templates.
    pub name: String,
    /// What kind of value it is.
    pub kind: Kind,
    /// The catalogue that it is from, for products and cities.
    pub catalog: Option<String>,
    /// Where dates lie that are said without a year.
    pub tense: Tense,
    /// How it is asked for.
    pub ask: Said<String>,
    /// When it is read back.
    pub confirm: Confirm,
    /// Whether it goes without.
    pub optional: bool,
}

/// When a value is read back and confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirm {
    /// Never.
    Never,
    /// When it was not heard clearly.
    #[default]
    Unsure,
    /// Always.
    Always,
}

/// A look-up: the source answers the query with the slots as bound parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUpPlan {
    /// Name of the source.
    pub source: String,
    /// Its query.
    pub query: String,
    /// Of an HTTP source: column → JSON pointer into its answer.
    pub columns: BTreeMap<String, String>,
}

/// Something said under conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// All of them must hold.
    pub when: Vec<Condition>,
    /// What is said, and what follows.
    pub reply: Reply,
}

/// What is said, and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The words.
    pub say: Said<Template>,
    /// What follows.
    pub then: Then,
}

/// What follows an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// "Anything else?"
    More,
    /// The call ends.
    End,
    /// A transfer to the route with this id.
    Route(String),
}

impl Default for Limits {
    fn default() -> Self {
        Self { turns_max: 12, asks_max: 1, value_asks_max: 2, silence: Duration::from_secs(6) }
    }
}

impl Plan {
    /// `texts` in `language`, else in the scenario's own, else any.
    pub fn in_language<'t, T>(&self, texts: &'t Said<T>, language: Language) -> Option<&'t T> {
        texts.get(&language).or_else(|| texts.get(&self.default_language)).or_else(|| texts.values().next())
    }

    /// The label of `intent`; `None` when it has none in that language.
    pub fn label(&self, intent: &str, language: Language) -> Option<&str> {
        self.intents.get(intent)?.label.get(&language).map(String::as_str)
    }

    /// The route that takes the calls of `route` at `now`: itself, or the first open one along the overflows.
    pub fn first_open(&self, route: &str, now: DateTime) -> Option<&str> {
        let mut seen = BTreeSet::new();
        let mut next = Some(route);
        while let Some(id) = next.filter(|id| seen.insert(*id)) {
            let (id, plan) = self.routes.get_key_value(id)?;
            if plan.hours.is_open(now) {
                return Some(id);
            }
            next = plan.overflow.as_deref();
        }
        None
    }

    /// What a wrong transfer of `intent` costs against an ordinary one; 1 for an unknown intent.
    pub fn wrong_transfer_cost(&self, intent: &str) -> f32 {
        let route = self.intents.get(intent).and_then(|plan| self.routes.get(&plan.route));
        route.map_or(1.0, |route| route.wrong_transfer_cost)
    }
}
