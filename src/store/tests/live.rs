//! Calls that are kept while they go on.

use super::*;
use crate::call::event::CallEndReason;

fn begun() -> LiveCall {
    LiveCall {
        id: CallId(Uuid::from_u128(77)),
        source: "twilio".into(),
        started_at: Timestamp::from_millisecond(1_700_000_000_000).unwrap(),
        model: "base".into(),
        channels: vec![Channel::Caller],
    }
}

fn spoken(number: u64, text: &str, replaces: &[u64]) -> LiveFinal {
    let utterance = said(Channel::Caller, Language::Fr, number * 3, text);
    LiveFinal { call: begun().id, number, utterance, replaces: replaces.to_vec() }
}

#[tokio::test]
async fn a_live_call_can_be_read_and_searched_while_it_goes_on() {
    let store = Store::in_memory().await.unwrap();
    store.begin_live_call(&begun()).await.unwrap();
    store.append_live_final(&spoken(0, "ma facture", &[])).await.unwrap();
    store.append_live_final(&spoken(1, "de mars est trop haute", &[])).await.unwrap();
    let kept = store.call(begun().id).await.unwrap().unwrap();
    assert_eq!(kept.transcript.text_of(None, "|").reveal(), "ma facture|de mars est trop haute");
    assert_eq!(kept.started_at, Some(begun().started_at));
    assert_eq!(kept.transcript.end, SamplePos(5 * SECOND));
    assert_eq!(texts(&store, "facture").await.len(), 1);
    assert_eq!(store.incomplete_live_calls().await.unwrap(), [begun().id]);
}

#[tokio::test]
async fn a_final_that_continues_another_takes_its_place_in_the_index_too() {
    let store = Store::in_memory().await.unwrap();
    store.begin_live_call(&begun()).await.unwrap();
    store.append_live_final(&spoken(0, "mon numéro est le zéro", &[])).await.unwrap();
    store.append_live_final(&spoken(1, "mon numéro est le zéro six", &[0])).await.unwrap();
    let kept = store.call(begun().id).await.unwrap().unwrap();
    assert_eq!(kept.transcript.text_of(None, "|").reveal(), "mon numéro est le zéro six");
    assert_eq!(texts(&store, "numéro").await.len(), 1);
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_final_without_a_call_and_a_number_used_twice_are_errors_and_change_nothing() {
    let store = Store::in_memory().await.unwrap();
    assert!(store.append_live_final(&spoken(0, "perdu", &[])).await.is_err());
    store.begin_live_call(&begun()).await.unwrap();
    assert!(store.begin_live_call(&begun()).await.is_err());
    store.append_live_final(&spoken(0, "gardé", &[])).await.unwrap();
    assert!(store.append_live_final(&spoken(0, "encore", &[])).await.is_err());
    let kept = store.call(begun().id).await.unwrap().unwrap();
    assert_eq!(kept.transcript.text_of(None, "|").reveal(), "gardé");
}

#[tokio::test]
async fn the_complete_record_takes_the_place_of_what_was_kept_meanwhile() {
    let store = Store::in_memory().await.unwrap();
    store.begin_live_call(&begun()).await.unwrap();
    store.append_live_final(&spoken(0, "provisoire", &[])).await.unwrap();
    let complete = CallRecord { id: begun().id, content_hash: None, ..full_record() };
    store.complete_live_call(&complete, CallEndReason::HungUp).await.unwrap();
    assert_eq!(store.call(begun().id).await.unwrap(), Some(complete));
    assert_eq!(store.incomplete_live_calls().await.unwrap(), []);
    assert_eq!(store.end_reason(begun().id).await.unwrap().as_deref(), Some("hung_up"));
    assert!(texts(&store, "provisoire").await.is_empty());
}
