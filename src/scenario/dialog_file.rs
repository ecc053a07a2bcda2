//! The tables of `scenario.toml` that shape the dialogue, as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// Something said, by the code of its language.
pub(super) type SaidFile = BTreeMap<String, Spanned<String>>;

/// `[dialog]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DialogFile {
    /// Turns of the caller before a person takes over.
    pub turns_max: Option<Spanned<u32>>,
    /// Questions in a row that led nowhere, before the keypad.
    pub asks_max: Option<Spanned<u32>>,
    /// Times that a value is asked for anew, before a person.
    pub value_asks_max: Option<Spanned<u32>>,
    /// How long a caller may be silent.
    pub silence: Option<Spanned<String>>,
    /// Route of lost callers.
    pub human_route: Option<Spanned<String>>,
    /// Intent of those who ask for a person.
    pub human_intent: Option<Spanned<String>>,
}

/// `[consent]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentFile {
    /// `announced` or `asked`.
    pub record: Spanned<String>,
    /// The words.
    pub say: Spanned<SaidFile>,
}

/// `[closed]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClosedFile {
    /// The words.
    pub say: Spanned<SaidFile>,
}

/// `[hours]` of the scenario or of a route.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HoursFile {
    /// IANA name; counts in the scenario's own table only.
    pub timezone: Option<String>,
    /// `08:00-20:00` stretches.
    pub monday: Vec<String>,
    /// As `monday`.
    pub tuesday: Vec<String>,
    /// As `monday`.
    pub wednesday: Vec<String>,
    /// As `monday`.
    pub thursday: Vec<String>,
    /// As `monday`.
    pub friday: Vec<String>,
    /// As `monday`.
    pub saturday: Vec<String>,
    /// As `monday`.
    pub sunday: Vec<String>,
    /// `fr`, `be`, `nl`, `uk` or `none`.
    pub holidays: Option<String>,
    /// Further closed days.
    pub closed_on: Vec<String>,
}

/// `hours` of a route: `"always"` or a table.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RouteHoursFile {
    /// A word.
    Word(String),
    /// A table.
    Table(Box<HoursFile>),
}

/// One `[[keypad]]` entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeypadFile {
    /// 1 to 9.
    pub digit: Spanned<u8>,
    /// What it stands for …
    pub intent: Option<Spanned<String>>,
    /// … either an intent or a route.
    pub route: Option<Spanned<String>>,
    /// How it is offered.
    pub label: Spanned<SaidFile>,
}

/// One `[sources.NAME]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceFile {
    /// `sqlite`, `postgres` or `http`.
    pub kind: Spanned<String>,
    /// Of `sqlite`: the file, relative to the folder.
    pub path: Option<Spanned<String>>,
    /// Of `postgres`: the environment variable with the address.
    pub url_env: Option<Spanned<String>>,
    /// Of `http`: the address.
    pub url: Option<Spanned<String>>,
    /// Of `http`: header → environment variable.
    #[serde(default)]
    pub header_env: BTreeMap<String, String>,
    /// How long a look-up may take.
    pub timeout: Option<Spanned<String>>,
    /// For how long answers are kept.
    pub cache: Option<Spanned<String>>,
}

/// One `[catalog.NAME]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CatalogFile {
    /// A CSV file with the columns id, name, aliases.
    pub file: Option<Spanned<String>>,
    /// Or a source …
    pub source: Option<Spanned<String>>,
    /// … with a query.
    pub query: Option<Spanned<String>>,
    /// After how long it is asked again.
    pub refresh: Option<Spanned<String>>,
}

/// `[customers]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomersFile {
    /// Name of a source.
    pub source: Spanned<String>,
    /// Query by telephone number.
    pub by_number: Option<Spanned<String>>,
    /// Query by customer number.
    pub by_id: Option<Spanned<String>>,
}

/// One file of `answers/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerFile {
    /// What has to be known.
    #[serde(default)]
    pub slots: Vec<SlotFile>,
    /// What is looked up.
    pub lookup: Option<LookUpFile>,
    /// What is said.
    pub cases: Vec<CaseFile>,
    /// Without a row.
    pub not_found: Option<ReplyFile>,
    /// When the look-up failed.
    pub down: Option<ReplyFile>,
}

/// One `[[slots]]` entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotFile {
    /// Its name.
    pub name: Spanned<String>,
    /// Kind of value.
    pub kind: Spanned<String>,
    /// Of `catalog` and `city`: which.
    pub catalog: Option<Spanned<String>>,
    /// Of `number`: fewest digits.
    pub min_digits: Option<Spanned<u8>>,
    /// Of `number`: most digits.
    pub max_digits: Option<Spanned<u8>>,
    /// Of `number`: letters before the digits.
    pub letters: Option<Spanned<u8>>,
    /// Of dates and periods: `past` or `future`.
    pub tense: Option<Spanned<String>>,
    /// How it is asked for; of an answer only, where it must be there.
    pub ask: Option<Spanned<SaidFile>>,
    /// `never`, `unsure` or `always`.
    pub confirm: Option<Spanned<String>>,
    /// Whether it goes without.
    #[serde(default)]
    pub optional: bool,
}

/// `[lookup]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookUpFile {
    /// Name of a source.
    pub source: Spanned<String>,
    /// SQL with `:slot`; for HTTP empty.
    pub query: Option<Spanned<String>>,
    /// Of HTTP: column → JSON pointer.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}

/// One `[[cases]]` entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseFile {
    /// Conditions; none: always.
    #[serde(default)]
    pub when: Vec<Spanned<String>>,
    /// The words.
    pub say: Spanned<SaidFile>,
    /// `more`, `end` or a route.
    pub then: Option<Spanned<String>>,
}

/// `[not_found]` and `[down]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyFile {
    /// The words.
    pub say: Spanned<SaidFile>,
    /// `more`, `end` or a route.
    pub then: Option<Spanned<String>>,
}

/// One file of `handover/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HandoverFile {
    /// Intents whose calls it is for.
    pub intents: Spanned<Vec<Spanned<String>>>,
    /// What the caller's sentence may say.
    #[serde(default)]
    pub slots: Vec<SlotFile>,
    /// The document in question.
    pub lookup: Option<LookUpFile>,
}
