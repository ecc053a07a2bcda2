//! Look-ups as a dialogue makes them, on files and on a service that misbehaves on demand.

mod http;
mod sharing;
mod sqlite;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Parameters, Sources};
use crate::clock::{Clock, SystemClock};
use crate::dialog::plan::{Limits, SourceKind, SourcePlan};
use crate::dialog::{LookUp, Plan};

/// A scenario with one source and nothing else, `s`.
fn plan(kind: SourceKind, timeout: Duration, cache: Duration) -> Plan {
    Plan {
        name: "test".into(),
        languages: vec![crate::call::Language::Fr],
        default_language: crate::call::Language::Fr,
        greeting: BTreeMap::new(),
        consent: None,
        intents: BTreeMap::new(),
        routes: BTreeMap::new(),
        keypad: BTreeMap::new(),
        limits: Limits::default(),
        human_route: "accueil".into(),
        human_intent: None,
        closed: BTreeMap::new(),
        messages: crate::dialog::messages::Messages::default(),
        sources: BTreeMap::from([("s".into(), SourcePlan { kind, timeout, cache })]),
        catalogs: BTreeMap::new(),
        customers: None,
        timezone: "Europe/Paris".into(),
    }
}

fn open(kind: SourceKind, timeout_ms: u64) -> Sources {
    open_with(kind, (timeout_ms, 0), Arc::new(SystemClock))
}

fn open_with(kind: SourceKind, (timeout_ms, cache_ms): (u64, u64), clock: Arc<dyn Clock>) -> Sources {
    let plan = plan(kind, Duration::from_millis(timeout_ms), Duration::from_millis(cache_ms));
    Sources::open(&plan, |name| (name == "TEST_KEY").then(|| "secret".to_owned()), clock)
}

fn look_up(query: &str, parameters: &[(&str, &str)]) -> LookUp {
    LookUp {
        intent: "i".into(),
        source: "s".into(),
        query: query.into(),
        columns: BTreeMap::new(),
        parameters: values(parameters),
    }
}

fn values(parameters: &[(&str, &str)]) -> Parameters {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}
