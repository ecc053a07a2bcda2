//! Decisions are kept whole and found by scenario, time and call.

use std::time::Duration;

use super::*;
use crate::call::WordConfidence;
use crate::call::decision::{
    CorrectionRecord, DecisionRecord, LookUpRecord, SlotRecord, ThresholdRecord, WishRecord,
};
use crate::store::DecisionQuery;

fn decision(call: u128, number: u32, second: i64, scenario: &str) -> DecisionRecord {
    DecisionRecord {
        call: CallId(Uuid::from_u128(call)),
        number,
        at: Timestamp::from_second(1_700_000_000 + second).unwrap(),
        language: Language::Fr,
        input: "sentence".into(),
        sentence: Some("où est ma commande ?".into()),
        alternatives: vec![("ou est ma commande".into(), 0.5)],
        corrections: vec![CorrectionRecord {
            said: "vel moxine".into(),
            span: 3..12,
            id: "17".into(),
            name: "Velmoxine".into(),
            score: 0.875,
            runner_up: Some(("18".into(), 0.5)),
        }],
        confidences: vec![WordConfidence { span: 0..3, confidence: 0.3 }],
        wishes: vec![WishRecord {
            candidates: vec![IntentScore { intent: "suivi_commande".into(), probability: 0.75 }],
            in_scope: 0.5,
            band: "nearly".into(),
            wrong_transfer_cost: 2.0,
            sure_from: Some(0.9375),
        }],
        thresholds: ThresholdRecord { in_scope: 0.25, sure: 0.875 },
        state: "open".into(),
        rule: "confirm".into(),
        slots: vec![SlotRecord { name: "commande".into(), kind: "reference".into(), value: "123456".into() }],
        look_ups: vec![LookUpRecord {
            source: "stock".into(),
            took: Duration::from_micros(1_500),
            outcome: "row".into(),
            cached: false,
            is_for_person: false,
        }],
        outcome: "transfer".into(),
        route: Some("commandes".into()),
        intent: Some("suivi_commande".into()),
        recording_agreed: Some(true),
        scenario: scenario.into(),
        scenario_version: "v1".into(),
        model: "lexical".into(),
    }
}

#[tokio::test]
async fn what_is_looked_up_for_a_person_is_added_to_the_decision_of_its_turn_and_changes_nothing_else() {
    let store = Store::in_memory().await.unwrap();
    let mut records = [decision(1, 0, 10, "a"), decision(1, 1, 20, "a")];
    for record in &records {
        store.put_decision(record).await.unwrap();
    }
    let look_up = |outcome: &str| LookUpRecord {
        source: "clients".into(),
        took: Duration::from_micros(700),
        outcome: outcome.into(),
        cached: false,
        is_for_person: true,
    };
    let added = [look_up("row"), look_up("failed")];
    store.add_look_ups((CallId(Uuid::from_u128(1)), 1), &added).await.unwrap();
    store.add_look_ups((CallId(Uuid::from_u128(1)), 7), &added).await.unwrap();
    records[1].look_ups.extend(added);
    let kept = store.decisions(&DecisionQuery { limit: 10, ..DecisionQuery::default() }).await.unwrap();
    assert_eq!(kept, records);
}

#[tokio::test]
async fn decisions_come_back_whole_and_in_order() {
    let store = Store::in_memory().await.unwrap();
    let records = [decision(1, 0, 10, "a"), decision(1, 1, 20, "a"), decision(2, 0, 15, "b")];
    for record in &records {
        store.put_decision(record).await.unwrap();
    }
    let of = |query: DecisionQuery| {
        let store = &store;
        async move { store.decisions(&query).await.unwrap() }
    };
    let all = of(DecisionQuery { limit: 10, ..DecisionQuery::default() }).await;
    assert_eq!(all, [records[0].clone(), records[2].clone(), records[1].clone()]);
    let newest = of(DecisionQuery { limit: 1, ..DecisionQuery::default() }).await;
    assert_eq!(newest, [records[1].clone()]);
    let scenario =
        of(DecisionQuery { scenario: Some("b".into()), limit: 10, ..DecisionQuery::default() }).await;
    assert_eq!(scenario, [records[2].clone()]);
    let since = Some(Timestamp::from_second(1_700_000_015).unwrap());
    assert_eq!(of(DecisionQuery { since, limit: 10, ..DecisionQuery::default() }).await.len(), 2);
    let call = Some(CallId(Uuid::from_u128(1)));
    assert_eq!(of(DecisionQuery { call, limit: 10, ..DecisionQuery::default() }).await.len(), 2);
    assert!(store.put_decision(&records[0]).await.is_err(), "a turn is decided once");
}

#[tokio::test]
async fn a_record_of_before_each_wish_had_its_threshold_is_read() {
    let store = Store::in_memory().await.unwrap();
    store.put_decision(&decision(1, 0, 10, "a")).await.unwrap();
    sqlx::query("UPDATE decisions SET record = json_remove(record, '$.wishes[0].sure_from')")
        .execute(&store.pool)
        .await
        .unwrap();
    let read = store.decisions(&DecisionQuery { limit: 1, ..DecisionQuery::default() }).await.unwrap();
    assert_eq!((read[0].wishes[0].sure_from, read[0].wishes[0].wrong_transfer_cost), (None, 2.0));
}

#[tokio::test]
async fn a_record_of_before_words_and_names_had_their_places_is_read() {
    let store = Store::in_memory().await.unwrap();
    store.put_decision(&decision(1, 0, 10, "a")).await.unwrap();
    sqlx::query(
        "UPDATE decisions SET record = json_remove(record, '$.confidences', '$.corrections[0].span')",
    )
    .execute(&store.pool)
    .await
    .unwrap();
    let read = store.decisions(&DecisionQuery { limit: 1, ..DecisionQuery::default() }).await.unwrap();
    let correction = &read[0].corrections[0];
    assert_eq!((read[0].confidences.len(), correction.span.clone(), correction.score), (0, 0..0, 0.875));
}
