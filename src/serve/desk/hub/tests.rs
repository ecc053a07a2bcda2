//! Readers that come, go, come back and are slow.

use serde_json::Value;

use super::*;
use crate::audio::SamplePos;
use crate::call::CallId;
use crate::call::event::{CallEndReason, Event};
use crate::call::handover::{Handover, sample};
use crate::clock::ManualClock;

fn hub() -> Arc<Hub> {
    Hub::new(Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)), Duration::ZERO)
}

fn apply(hub: &Hub, call: u128, body: EventBody) {
    let call = CallId(uuid::Uuid::from_u128(call));
    let event = Event { call, sequence: 1, at: SamplePos::ZERO, body };
    hub.change(|board| board.apply(&event, Timestamp::UNIX_EPOCH));
}

fn hand_over(hub: &Hub, call: u128, route: &str) {
    let id = CallId(uuid::Uuid::from_u128(call));
    let handover = Handover { call: id, route: route.into(), ..sample() };
    apply(hub, call, EventBody::HandedOver { handover: Box::new(handover) });
}

fn end(hub: &Hub, call: u128) {
    apply(hub, call, EventBody::CallEnded { reason: CallEndReason::HungUp, duration: Duration::ZERO });
}

fn say(hub: &Hub, call: u128) {
    apply(hub, call, EventBody::BotSaid { text: "Un instant.".into(), mark: "a".into() });
}

fn routes(route: &str) -> Routes {
    Routes::from_query(&[("route".to_owned(), route.to_owned())]).unwrap()
}

/// Names of everything that waits for a reader.
fn waiting(reader: &mut Reader) -> Vec<&'static str> {
    std::iter::from_fn(|| reader.find().map(|sent| sent.name)).collect()
}

fn json(sent: &Sent) -> Value {
    serde_json::from_str(sent.data.reveal()).unwrap()
}

#[tokio::test]
async fn a_reader_gets_the_picture_and_then_the_changes_of_its_routes() {
    let hub = hub();
    hand_over(&hub, 1, "a");
    hand_over(&hub, 2, "b");
    let mut reader = hub.subscribe(routes("a"), None).unwrap();
    let picture = reader.next().await;
    let told = json(&picture);
    assert_eq!((picture.name, told["calls"].as_array().unwrap().len()), ("snapshot", 1));
    assert_eq!((&told["calls"][0]["route"], &told["missed"]), (&Value::from("a"), &Value::from(false)));
    say(&hub, 2);
    say(&hub, 1);
    let line = reader.next().await;
    assert_eq!((line.name, &json(&line)["text"]), ("line", &Value::from("Un instant.")));
    // Handed on to another team, the call leaves this one.
    hand_over(&hub, 1, "b");
    end(&hub, 2);
    assert_eq!(waiting(&mut reader), ["call.gone"]);
}

#[tokio::test]
async fn a_reader_that_waits_is_woken() {
    let hub = hub();
    let mut reader = hub.subscribe(Routes::default(), None).unwrap();
    assert_eq!(reader.next().await.name, "snapshot");
    let waiting = tokio::spawn(async move { reader.next().await.name });
    tokio::task::yield_now().await;
    hand_over(&hub, 1, "a");
    assert_eq!(waiting.await.unwrap(), "call");
}

#[test]
fn who_comes_back_goes_on_where_it_was_and_another_process_begins_anew() {
    let hub = hub();
    hand_over(&hub, 1, "a");
    let mut reader = hub.subscribe(Routes::default(), None).unwrap();
    let last = reader.find().unwrap().id;
    drop(reader);
    say(&hub, 1);
    end(&hub, 1);
    let mut again = hub.subscribe(Routes::default(), Some(&last)).unwrap();
    assert_eq!(waiting(&mut again), ["line", "call.gone"]);
    let other = self::hub();
    for strange in [last.as_str(), "", "x-1", "99999999999999999999"] {
        let mut reader = other.subscribe(Routes::default(), Some(strange)).unwrap();
        assert_eq!(waiting(&mut reader), ["snapshot"], "{strange}");
    }
}

#[test]
fn a_reader_that_is_too_slow_is_told_so_and_gets_the_picture_anew() {
    let hub = hub();
    let mut reader = hub.subscribe(Routes::default(), None).unwrap();
    assert_eq!(waiting(&mut reader), ["snapshot"]);
    hand_over(&hub, 1, "a");
    (0..CHANGES_KEPT).for_each(|_| say(&hub, 1));
    let picture = reader.find().unwrap();
    assert_eq!((picture.name, &json(&picture)["missed"]), ("snapshot", &Value::from(true)));
    assert_eq!(waiting(&mut reader), [""; 0]);
    say(&hub, 1);
    assert!(waiting(&mut reader).starts_with(&["line"]));
    assert_eq!(hub.lock().changes.len(), CHANGES_KEPT);
}

#[test]
fn the_number_of_readers_is_bounded() {
    let hub = hub();
    let readers: Vec<_> = (0..READERS_MAX).map(|_| hub.subscribe(Routes::default(), None).unwrap()).collect();
    assert!(hub.subscribe(Routes::default(), None).is_none());
    assert_eq!(hub.figures(), Figures { calls: 0, readers: READERS_MAX });
    drop(readers);
    assert!(hub.subscribe(Routes::default(), None).is_some());
}
