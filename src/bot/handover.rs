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
    let route = plan.routes.get(&transfer.route);
    let route_label = route.and_then(|route| plan.in_language(&route.label, plan.default_language));
    let intent = transfer.intent.as_deref();
    // Whoever takes the call reads the scenario's own language, whatever the caller speaks.
    let intent_label = intent.and_then(|intent| plan.intents.get(intent));
    let intent_label = intent_label.and_then(|intent| plan.in_language(&intent.label, plan.default_language));
    let steps = intent.and_then(|intent| understanding.steps_of(intent));
    let steps = steps.or_else(|| understanding.steps_of_route(&transfer.route));
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
        intent_label: intent_label.cloned(),
        confidence: transfer.confidence,
        second_intent: transfer.second_intent.clone(),
        words: transfer.words.clone(),
        said: transfer.said.clone(),
        language: conversation.language(),
        caller_number: facts.caller.clone(),
        called_number: facts.called.clone(),
        slots: slots.collect(),
        customer: record.as_ref().map(columns).unwrap_or_default(),
        document: conversation.document(intent).map(columns).unwrap_or_default(),
        steps: steps.map(str::to_owned),
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::assistant::Assistant;
    use crate::call::{Channel, Language};
    use crate::clock::SystemClock;
    use crate::pipeline::understanding::Understanding;

    /// What is told of a call that an English caller makes to the pharmacy line.
    async fn told(route: &str, intent: Option<&str>) -> (Handover, Arc<Assistant>) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/pharma-fr");
        let understanding = Understanding::open(&folder).expect("the scenario has no mistakes");
        let assistant = Assistant::new(understanding, Arc::new(SystemClock)).await;
        let assistant = Arc::new(assistant.expect("its catalogues are there"));
        let call = CallId(uuid::Uuid::nil());
        let conversation = Conversation::new(Arc::clone(&assistant), call, Some(Language::En));
        let facts = Facts {
            caller: None,
            called: None,
            language: Some(Language::En),
            channel: (Channel::Caller, 0),
            can_transfer: true,
        };
        let transfer = Transfer {
            route: route.to_owned(),
            queue: String::new(),
            patience: None,
            intent: intent.map(str::to_owned),
            confidence: None,
            second_intent: None,
            words: None,
            said: vec!["hello".into()],
            slots: BTreeMap::new(),
        };
        let handover = handover((call, &facts, Timestamp::UNIX_EPOCH), &conversation, &transfer).await;
        (handover, assistant)
    }

    #[tokio::test]
    async fn the_team_is_told_what_to_do_also_where_no_intent_is_known() {
        let (handover, assistant) = told("comptabilite", None).await;
        let of_team = assistant.understanding().steps_of_route("comptabilite");
        assert!(of_team.is_some(), "the scenario says what its accountants do");
        assert_eq!(handover.steps.as_deref(), of_team);
        assert_eq!((handover.intent_label, handover.said.len()), (None, 1));
    }

    #[tokio::test]
    async fn the_intent_is_named_in_the_language_of_the_scenario() {
        let (handover, assistant) = told("comptabilite", Some("copie_facture")).await;
        let label = assistant.plan().label("copie_facture", Language::Fr);
        assert!(label.is_some(), "every intent has a French label");
        assert_eq!(handover.intent_label.as_deref(), label);
        assert_eq!(handover.language, Language::En);
        assert_eq!(handover.steps.as_deref(), assistant.understanding().steps_of("copie_facture"));
    }
}
