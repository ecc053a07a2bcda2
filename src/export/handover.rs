//! A call that is handed over as JSON: the same for the event stream, the signed webhook and the desk of a team.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::call::decision::SlotRecord;
use crate::call::handover::Handover;
use crate::redact::Redacted;

/// Everything that is known about a call that is handed over. This is one of the places that reveal what was said.
pub fn handover_json(handover: &Handover) -> Value {
    json!({
        "call": handover.call.to_string(),
        "handed_over_at": handover.at.to_string(),
        "on_line": rounded(handover.on_line.as_secs_f64()),
        "route": handover.route,
        "route_label": handover.route_label,
        "queue": handover.queue,
        "intent": handover.intent,
        "intent_label": handover.intent_label,
        "confidence": handover.confidence.map(|it| rounded(it.into())),
        "second_intent": handover.second_intent,
        "words": handover.words.as_ref().map(Redacted::reveal),
        "said": handover.said.iter().map(Redacted::reveal).collect::<Vec<_>>(),
        "language": handover.language.code(),
        "caller_number": handover.caller_number.as_ref().map(Redacted::reveal),
        "called_number": handover.called_number.as_ref().map(Redacted::reveal),
        "slots": slots_json(&handover.slots),
        "customer": row_json(&handover.customer),
        "document": row_json(&handover.document),
        "steps": handover.steps,
        "scenario": handover.scenario,
        "scenario_version": handover.scenario_version,
    })
}

/// What was found out, by name: `{"numero":{"kind":"reference","value":"4012"}}`.
pub fn slots_json(slots: &[SlotRecord]) -> Value {
    let slot = |slot: &SlotRecord| {
        let value = json!({ "kind": slot.kind, "value": slot.value.reveal() });
        (slot.name.clone(), value)
    };
    Value::Object(slots.iter().map(slot).collect())
}

fn row_json(columns: &BTreeMap<String, Redacted<String>>) -> Map<String, Value> {
    columns.iter().map(|(name, value)| (name.clone(), json!(value.reveal()))).collect()
}

/// To three decimals.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::handover::sample;

    #[test]
    fn a_hand_over_has_its_fields() {
        insta::assert_json_snapshot!(handover_json(&sample()));
    }
}
