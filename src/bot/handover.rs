//! Everything that is known of a call when it is handed to people.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Facts;
use crate::assistant::Conversation;
use crate::call::CallId;
use crate::call::decision::SlotRecord;
use crate::call::handover::Handover;
use crate::dialog::{Row, Transfer};
use crate::redact::Redacted;

/// Slots of these names hold the number of the customer, in scenarios of any language.
const CUSTOMER_SLOTS: [&str; 3] = ["customer", "client", "klant"];

/// What is told with `transfer`. Looks the customer up, which takes as long as the time-out of the source at the most.
pub(super) async fn handover(
    (call, facts, began): (CallId, &Facts, Timestamp),
    conversation: &Conversation,
    transfer: &Transfer,
) -> Handover {
    let assistant = conversation.assistant();
    let (plan, understanding) = (assistant.plan(), assistant.understanding());
    let language = conversation.language();
    let route = plan.routes.get(&transfer.route);
    let route_label = route.and_then(|route| plan.in_language(&route.label, plan.default_language));
    let intent = transfer.intent.as_deref();
    let customer = CUSTOMER_SLOTS.iter().find_map(|name| transfer.slots.get(*name));
    let customer = customer.map(|value| Redacted::new(value.canonical()));
    let record = assistant.customer(facts.caller.as_ref(), customer.as_ref()).await;
    let at = assistant.now();
    let slots = transfer.slots.iter().map(|(name, value)| SlotRecord {
        name: name.clone(),
        kind: value.kind_name().to_owned(),
        value: value.canonical().into(),
    });
    Handover {
        call,
        at,
        on_line: Duration::try_from(at.duration_since(began)).unwrap_or_default(),
        route: transfer.route.clone(),
        route_label: route_label.unwrap_or(&transfer.route).clone(),
        queue: transfer.queue.clone(),
        intent: transfer.intent.clone(),
        intent_label: intent.and_then(|intent| plan.label(intent, language)).map(str::to_owned),
        confidence: transfer.confidence,
        second_intent: transfer.second_intent.clone(),
        words: transfer.words.clone(),
        language,
        caller_number: facts.caller.clone(),
        called_number: facts.called.clone(),
        slots: slots.collect(),
        customer: record.as_ref().map(columns).unwrap_or_default(),
        document: conversation.document(intent).map(columns).unwrap_or_default(),
        steps: intent.and_then(|intent| understanding.steps_of(intent)).map(str::to_owned),
        scenario: plan.name.clone(),
        scenario_version: understanding.version().to_owned(),
    }
}

/// A row as texts; what has no value is left out.
fn columns(row: &Row) -> BTreeMap<String, Redacted<String>> {
    let column = |(name, cell): (&String, &crate::dialog::Cell)| {
        let text = cell.plain();
        (!text.is_empty()).then(|| (name.clone(), Redacted::new(text)))
    };
    row.iter().filter_map(column).collect()
}
