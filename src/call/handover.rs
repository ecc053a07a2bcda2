//! A call that is handed to people, with everything that they should not have to ask again: plain data, for the event
//! stream, the signed webhook and the desk of a team.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::decision::SlotRecord;
use super::{CallId, Language};
use crate::redact::Redacted;

/// What is known when a call is handed over.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover {
    /// The call.
    pub call: CallId,
    /// When it was handed over.
    pub at: Timestamp,
    /// How long the caller had been on the line by then.
    pub on_line: Duration,
    /// Id of the route, such as `facturation`.
    pub route: String,
    /// Its name in the scenario's own language, for people.
    pub route_label: String,
    /// Queue of the telephone system.
    pub queue: String,
    /// Why the caller calls, if that is known.
    pub intent: Option<String>,
    /// The intent in words, in the language of the call.
    pub intent_label: Option<String>,
    /// Probability of the intent; 1 when the caller confirmed it.
    pub confidence: Option<f32>,
    /// What else the caller wants.
    pub second_intent: Option<String>,
    /// The caller's own words.
    pub words: Option<Redacted<String>>,
    /// The language that was spoken last.
    pub language: Language,
    /// The number the caller calls from, as the telephone system gave it.
    pub caller_number: Option<Redacted<String>>,
    /// The number that was called.
    pub called_number: Option<Redacted<String>>,
    /// What was found out.
    pub slots: Vec<SlotRecord>,
    /// The customer's record, column by column, when the caller is known by his number or his customer number.
    pub customer: BTreeMap<String, Redacted<String>>,
    /// The document that the call is about, column by column: the row that the last answer was made of.
    pub document: BTreeMap<String, Redacted<String>>,
    /// The business process of the intent, Markdown.
    pub steps: Option<String>,
    /// Name of the scenario.
    pub scenario: String,
    /// Its version: a hash of its files.
    pub scenario_version: String,
}

/// One with every field, for tests.
#[cfg(test)]
pub(crate) fn example() -> Handover {
    let text = |text: &str| Some(text.to_owned());
    Handover {
        call: CallId(uuid::Uuid::nil()),
        at: Timestamp::UNIX_EPOCH,
        on_line: Duration::from_millis(42_500),
        route: "facturation".to_owned(),
        route_label: "Service facturation".to_owned(),
        queue: "7020".to_owned(),
        intent: text("contester_facture"),
        intent_label: text("une facture à vérifier"),
        confidence: Some(0.75),
        second_intent: text("echeancier"),
        words: Some("ma facture de mars est fausse".into()),
        language: Language::Fr,
        caller_number: Some("+33199000001".into()),
        called_number: Some("+33199000002".into()),
        slots: vec![SlotRecord {
            name: "mois".to_owned(),
            kind: "period".to_owned(),
            value: "2026-03".into(),
        }],
        customer: BTreeMap::from([("name".to_owned(), "Pharmacie du Port".into())]),
        document: BTreeMap::from([("amount".to_owned(), "42.5".into())]),
        steps: text("1. Ouvrir la facture."),
        scenario: "telecom-fr".to_owned(),
        scenario_version: "0123456789ab".to_owned(),
    }
}
