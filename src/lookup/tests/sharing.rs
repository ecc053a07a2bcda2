//! Answers that are kept, and look-ups that share one answer.

use std::sync::Arc;
use std::time::Duration;

use super::http::{Act, Server};
use super::{look_up, open_with};
use crate::clock::{ManualClock, SystemClock};
use crate::dialog::plan::SourceKind;
use crate::dialog::{Input, LookUpFailed};
use crate::lookup::{Error, LookedUp};

fn service(server: &Server) -> SourceKind {
    SourceKind::Http { url: server.url("/{x}"), header_env: std::collections::BTreeMap::new() }
}

#[tokio::test]
async fn an_answer_is_kept_for_as_long_as_the_scenario_says() {
    let server = Server::start(vec![Act::Json(r#"{"a": 1}"#)]);
    let clock = Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
    let sources = open_with(service(&server), (20_000, 60_000), clock.clone());
    let wanted = look_up("", &[("x", "1")]);
    let first = sources.look_up(&wanted).await;
    assert!(first.result.is_ok() && !first.cached);
    clock.advance(Duration::from_secs(59));
    let second = sources.look_up(&wanted).await;
    assert!(second.cached);
    assert_eq!(second.result, first.result);
    assert!(!sources.look_up(&look_up("", &[("x", "2")])).await.cached);
    clock.advance(Duration::from_secs(1));
    assert!(!sources.look_up(&wanted).await.cached);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn that_there_is_no_row_is_kept_and_a_failure_is_not() {
    let server = Server::start(vec![Act::Status(500), Act::Status(404)]);
    let sources = open_with(service(&server), (20_000, 60_000), Arc::new(SystemClock));
    let wanted = look_up("", &[("x", "1")]);
    assert_eq!(sources.look_up(&wanted).await.result, Err(Error::Status { name: "s".into(), status: 500 }));
    assert_eq!(sources.look_up(&wanted).await.result, Ok(None));
    let kept = sources.look_up(&wanted).await;
    assert!(kept.cached && kept.result == Ok(None));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn the_same_look_up_is_under_way_once_even_when_its_first_caller_hangs_up() {
    let server = Server::start(vec![Act::Slow(300, r#"{"a": 1}"#)]);
    let sources = open_with(service(&server), (20_000, 0), Arc::new(SystemClock));
    let wanted = look_up("", &[("x", "1")]);
    // Begins the look-up and is dropped before the answer.
    let first = tokio::time::timeout(Duration::from_millis(50), sources.look_up(&wanted));
    assert!(first.await.is_err());
    let (a, b, c) =
        tokio::join!(sources.look_up(&wanted), sources.look_up(&wanted), sources.look_up(&wanted));
    for looked_up in [&a, &b, &c] {
        assert!(looked_up.result.as_ref().is_ok_and(Option::is_some) && !looked_up.cached, "{looked_up:?}");
    }
    assert_eq!(server.asked().len(), 1);
    // Nothing is kept with a duration of zero.
    assert!(!sources.look_up(&wanted).await.cached);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn what_is_logged_of_a_look_up_holds_no_row_and_the_dialogue_learns_no_reason() {
    let row =
        crate::dialog::Row::from([("phone".to_owned(), crate::dialog::Cell::Text("+33612345678".into()))]);
    let found = LookedUp { result: Ok(Some(row.clone())), took: Duration::from_millis(3), cached: true };
    assert!(!format!("{found:?}").contains("336"));
    assert_eq!(Input::from(found), Input::LookedUp(Ok(Some(row))));
    let error = Error::BrokenOff { name: "s".into() };
    let failed = LookedUp { result: Err(error), took: Duration::ZERO, cached: false };
    assert_eq!(Input::from(failed), Input::LookedUp(Err(LookUpFailed)));
}
