//! `scenario.toml` as it is written. Changing a field here changes every customer's file.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

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
}

/// `[thresholds]`: targets that training turns into thresholds on held-out sentences.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ThresholdsFile {
    /// Share of in-scope sentences that must not be rejected, 0.5 to 1.
    pub in_scope_kept: Spanned<f32>,
    /// Share of routed sentences that must be right, 0.5 to 1.
    pub sure_precision: Spanned<f32>,
}

impl Default for ThresholdsFile {
    fn default() -> Self {
        Self { in_scope_kept: Spanned::new(0..0, 0.95), sure_precision: Spanned::new(0..0, 0.9) }
    }
}
