//! `scenario.toml` as it is written. Changing a field here changes every customer's file.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::dialog_file::CatalogFile;
use super::dialog_file::{
    ClosedFile, ConsentFile, CustomersFile, DialogFile, HoursFile, KeypadFile, RouteHoursFile, SourceFile,
};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioFile {
    /// Name of the scenario, shown in lists and kept with each call.
    pub name: Spanned<String>,
    /// Languages that callers may speak.
    pub languages: Vec<Spanned<String>>,
    /// The language of a caller of whom nothing is known; one of `languages`.
    pub default_language: Spanned<String>,
    /// What is said first, per language.
    pub greeting: Spanned<BTreeMap<String, Spanned<String>>>,
    /// Where calls can go.
    #[serde(default)]
    pub routes: Vec<RouteFile>,
    /// Intent → id of its route.
    pub intents: Spanned<BTreeMap<Spanned<String>, Spanned<String>>>,
    /// How careful decisions are.
    #[serde(default)]
    pub thresholds: ThresholdsFile,
    /// How the dialogue goes.
    #[serde(default)]
    pub dialog: DialogFile,
    /// What is said about recording.
    pub consent: Option<ConsentFile>,
    /// When teams can be reached.
    pub hours: Option<Spanned<HoursFile>>,
    /// What is said when they cannot.
    pub closed: Option<ClosedFile>,
    /// The choice of callers who were not understood.
    #[serde(default)]
    pub keypad: Vec<KeypadFile>,
    /// Where look-ups go.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceFile>,
    /// Names that callers say.
    #[serde(default)]
    pub catalog: BTreeMap<Spanned<String>, CatalogFile>,
    /// How the caller's record is found.
    pub customers: Option<CustomersFile>,
}

/// One `[[routes]]` entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteFile {
    /// Short name, used in `intents` and in decisions.
    pub id: Spanned<String>,
    /// Name of the team per language.
    pub label: BTreeMap<String, Spanned<String>>,
    /// Queue of the telephone system.
    pub queue: Spanned<String>,
    /// What the team does, for the people who maintain the scenario.
    #[serde(default)]
    pub description: String,
    /// When it can be reached, if not as the others.
    pub hours: Option<Spanned<RouteHoursFile>>,
    /// Who takes its calls when it cannot.
    pub overflow: Option<Spanned<String>>,
    /// How long a caller waits before that.
    pub patience: Option<Spanned<String>>,
    /// Cost of a wrong transfer against that of one to an ordinary route.
    pub wrong_transfer_cost: Option<Spanned<f32>>,
}

/// `[thresholds]`: targets that training turns into thresholds on held-out sentences.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ThresholdsFile {
    /// Share of in-scope sentences that must not be rejected, 0.5 to 1.
    pub in_scope_kept: Spanned<f32>,
    /// Share of decisions at the threshold of acting that must be right, 0.5 to 1.
    pub sure_precision: Spanned<f32>,
}

impl Default for ThresholdsFile {
    fn default() -> Self {
        Self { in_scope_kept: Spanned::new(0..0, 0.95), sure_precision: Spanned::new(0..0, 0.9) }
    }
}
