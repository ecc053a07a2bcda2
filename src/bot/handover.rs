//! Everything that is known of a call when it is handed to people.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Facts;
use crate::assistant::Conversation;
use crate::call::CallId;
use crate::call::decision::{LookUpRecord, SlotRecord};
use crate::call::handover::Handover;
use crate::dialog::{Row, Transfer};
use crate::redact::Redacted;

/// What is told with `transfer`, and the look-ups that were made for it: the customer and the document are looked up, which
/// takes as long as [`Conversation::known`] says.
pub(super) async fn handover(
    (call, facts, began): (CallId, &Facts, Timestamp),
    conversation: &Conversation,
    transfer: &Transfer,
) -> (Handover, Vec<LookUpRecord>) {
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
    let known = conversation.known(transfer, facts.caller.as_ref()).await;
    let at = assistant.now();
    let slots = transfer.slots.iter().map(|(name, value)| SlotRecord {
        name: name.clone(),
        kind: value.kind_name().to_owned(),
        value: value.canonical().into(),
    });
    let handover = Handover {
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
        customer: known.customer.as_ref().map(columns).unwrap_or_default(),
        document: known.document.as_ref().map(columns).unwrap_or_default(),
        steps: steps.map(str::to_owned),
        scenario: plan.name.clone(),
        scenario_version: understanding.version().to_owned(),
    };
    (handover, known.look_ups)
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

    use jiff::civil::date;

    use super::*;
    use crate::assistant::Assistant;
    use crate::call::{Channel, Language};
    use crate::clock::SystemClock;
    use crate::pipeline::understanding::Understanding;
    use crate::slots::{Period, Value};

    /// What is told of a call that an English caller makes to the pharmacy line.
    async fn told(route: &str, intent: Option<&str>) -> (Handover, Arc<Assistant>) {
        let assistant = shipped("pharma-fr").await;
        (told_by(&assistant, (route, intent), (None, BTreeMap::new())).await, assistant)
    }

    async fn shipped(scenario: &str) -> Arc<Assistant> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(scenario);
        let understanding = Understanding::open(&folder).expect("the scenario has no mistakes");
        let assistant = Assistant::new(understanding, Arc::new(SystemClock)).await;
        Arc::new(assistant.expect("its catalogues are there"))
    }

    async fn told_by(
        assistant: &Arc<Assistant>,
        (route, intent): (&str, Option<&str>),
        (caller, slots): (Option<&str>, BTreeMap<String, Value>),
    ) -> Handover {
        let call = CallId(uuid::Uuid::nil());
        let conversation = Conversation::new(Arc::clone(assistant), call, Some(Language::En));
        let facts = Facts {
            caller: caller.map(Redacted::<String>::from),
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
            slots,
        };
        handover((call, &facts, Timestamp::UNIX_EPOCH), &conversation, &transfer).await.0
    }

    #[tokio::test]
    async fn the_invoice_in_question_is_shown_of_a_customer_who_is_recognised_though_no_answer_was_given() {
        let (first, last) = (date(2026, 3, 1), date(2026, 3, 31));
        let march = || ("periode".to_owned(), Value::Period(Period { first, last }));
        let id = || ("client".to_owned(), Value::Reference("40710019".into()));
        let number = Some("+33639985000");
        let telecom = shipped("telecom-fr").await;
        for (caller, slots, expected) in [
            (number, vec![march()], Some("F202603-40710019")),
            (None, vec![march(), id()], Some("F202603-40710019")),
            (number, vec![], Some("F202611-40710019")),
            (None, vec![march()], None),
        ] {
            let about = ("facturation", Some("facture_trop_elevee"));
            let slots: BTreeMap<String, Value> = slots.into_iter().collect();
            let handover = told_by(&telecom, about, (caller, slots)).await;
            let found = handover.document.get("number").map(|number| number.reveal().as_str());
            assert_eq!(found, expected);
            assert_eq!(handover.customer.is_empty(), expected.is_none());
        }
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
