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
    /// The intent in words, in the scenario's own language, for people.
    pub intent_label: Option<String>,
    /// Probability of the intent; 1 when the caller confirmed it.
    pub confidence: Option<f32>,
    /// What else the caller wants.
    pub second_intent: Option<String>,
    /// The caller's own words: of all sentences about what is wanted the one that was understood best.
    pub words: Option<Redacted<String>>,
    /// All these sentences, in order.
    pub said: Vec<Redacted<String>>,
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
    /// The document that the call is about, column by column: the row that the last answer was made of, or the one that the
    /// scenario has looked up for a person.
    pub document: BTreeMap<String, Redacted<String>>,
    /// The business process of the intent, or what the team does where no intent is known; Markdown.
    pub steps: Option<String>,
    /// Name of the scenario.
    pub scenario: String,
    /// Its version: a hash of its files.
    pub scenario_version: String,
}

/// A hand-over in which everything is filled in, of a customer who does not exist: for integrators who try their
/// receiver, and for tests.
pub fn sample() -> Handover {
    let row = |columns: &[(&str, &str)]| {
        columns.iter().map(|(name, value)| ((*name).to_owned(), Redacted::from(*value))).collect()
    };
    let slot = |name: &str, kind: &str, value: &str| SlotRecord {
        name: name.to_owned(),
        kind: kind.to_owned(),
        value: value.into(),
    };
    Handover {
        call: CallId(uuid::Uuid::nil()),
        at: Timestamp::UNIX_EPOCH,
        on_line: Duration::from_secs(34),
        route: "facturation".to_owned(),
        route_label: "Service facturation".to_owned(),
        queue: "6001".to_owned(),
        intent: Some("contester_facture".to_owned()),
        intent_label: Some("Contester une facture".to_owned()),
        confidence: Some(0.93),
        second_intent: None,
        words: Some("Bonjour, ma facture de mars est beaucoup trop élevée.".into()),
        said: vec![
            "Bonjour, j'ai une question.".into(),
            "Bonjour, ma facture de mars est beaucoup trop élevée.".into(),
        ],
        language: Language::Fr,
        caller_number: Some("+33199000123".into()),
        called_number: Some("+33199000900".into()),
        slots: vec![slot("mois", "period", "2026-03"), slot("numero_client", "reference", "40127788")],
        customer: row(&[("numero_client", "40127788"), ("nom", "Exemple"), ("prenom", "Camille")]),
        document: row(&[("facture", "F-2026-03-7788"), ("montant", "84,90 €"), ("echeance", "2026-04-15")]),
        steps: Some(
            "## Contester une facture\n\n1. Ouvrir la facture en question.\n2. **Comparer** avec le mois d'avant.\n\
             3. Expliquer l'écart, ou créer un avoir.\n"
                .to_owned(),
        ),
        scenario: "exemple".to_owned(),
        scenario_version: "0123456789abcdef".to_owned(),
    }
}
