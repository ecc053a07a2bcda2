//! `/v1/calls`: which calls go on, and what becomes known of each, from any event on.
//!
//! What was said in one of them, from the store, is its transcript; that is there for calls of yesterday too.
//!
//! The same events come over WebSocket (one JSON text each) and as server-sent events (their number as id, so that a
//! browser that reconnects goes on where it was).

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::ws::WebSocket;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use uuid::Uuid;

use super::events::event_json;
use super::line::{Input, Line, TOKEN, Upgrade, upgraded};
use super::talk::missed_json;
use crate::call::CallId;
use crate::export::{Document, Format, Source, render};
use crate::live::{EventLog, Reader};
use crate::serve::Service;
use crate::serve::error::ApiError;
use crate::serve::router::text;

/// The calls that go on.
///
/// # Errors
/// There is no service for live calls.
pub async fn list(State(service): State<Arc<Service>>) -> Result<Json<Value>, ApiError> {
    let live = service.live()?;
    let calls: Vec<Value> =
        live.open_calls().into_iter().filter_map(|id| live.call(id)).map(|log| summary(&log)).collect();
    Ok(Json(json!({ "calls": calls })))
}

/// One call that goes on, or has lately ended.
///
/// # Errors
/// There is no such call.
pub async fn one(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let log = find(&service, &id)?;
    Ok(Json(summary(&log)))
}

fn summary(log: &EventLog) -> Value {
    json!({ "id": log.call().to_string(), "is_open": !log.is_closed(), "events": log.newest() })
}

fn find(service: &Service, id: &str) -> Result<Arc<EventLog>, ApiError> {
    let what = "such call; what was said in one that has ended is at /v1/calls/{id}/transcript";
    let missing = || ApiError::NotFound { what: what.to_owned() };
    let id = Uuid::parse_str(id).map_err(|_| missing())?;
    service.live()?.call(CallId(id)).ok_or_else(missing)
}

/// What was said in a call so far, or to its end: the finals in the store, in the form of `allo transcribe --format json`.
///
/// # Errors
/// There is no such call in the store, or a parameter, of which none is known.
pub async fn transcript(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::NotFound { what: "such call in the store".to_owned() };
    if let Some((name, _)) = query.first() {
        return Err(ApiError::parameter(name.clone(), format!("`{name}` is not supported")));
    }
    let id = Uuid::parse_str(&id).map_err(|_| missing())?;
    let record = service.live()?.kept(CallId(id)).await.map_err(ApiError::internal)?.ok_or_else(missing)?;
    let source = Source {
        file: record.source,
        model: record.model,
        id: record.id.0,
        started_at: record.started_at,
        created_at: record.created_at,
    };
    let document = Document { source: &source, transcript: &record.transcript, rejections: None };
    Ok(text(StatusCode::OK, "application/json", render(Format::Json, document)))
}

/// The events of a call.
///
/// # Errors
/// There is no such call, or `from` is no number.
#[expect(clippy::too_many_arguments, reason = "each argument extracts one part of the request")]
pub async fn events(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let log = find(&service, &id)?;
    let reader = log.subscribe(first(&query, &headers)?);
    Ok(match upgraded(upgrade, &service.config.limits) {
        Ok(upgrade) => upgrade.protocols([TOKEN]).on_upgrade(move |socket| tell(service, reader, socket)),
        Err(_) => server_sent(reader),
    })
}

/// The number from which a reader wants events: `?from=`, else the one behind `Last-Event-ID`, else the first.
fn first(query: &[(String, String)], headers: &HeaderMap) -> Result<u64, ApiError> {
    let mut from = None;
    for (name, value) in query {
        if name != "from" {
            return Err(ApiError::parameter(name.clone(), format!("`{name}` is not supported, only from")));
        }
        let number =
            value.parse().map_err(|_| ApiError::parameter("from", "`from` is no number of an event"))?;
        from = Some(number);
    }
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    Ok(from.or(last.map(|last| last.saturating_add(1))).unwrap_or(1))
}

fn server_sent(reader: Reader) -> Response {
    let events = stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        match reader.next().await {
            Ok(Some(event)) => {
                let sent = SseEvent::default()
                    .id(event.sequence.to_string())
                    .event(event.body.name())
                    .data(event_json(&event).to_string());
                Some((Ok::<_, Infallible>(sent), Some(reader)))
            }
            // The client would reconnect for ever to a call that has ended; the last event tells it not to.
            Ok(None) => None,
            Err(missed) => {
                let sent = SseEvent::default().event("events.missed").data(missed_json(missed));
                Some((Ok(sent), Some(reader)))
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

/// Tells all of it. A service that is being stopped lets its calls go on for a while and then ends them: whoever follows one
/// gets its last finals and its end.
async fn tell(service: Arc<Service>, mut reader: Reader, socket: WebSocket) {
    let mut line = Line::new(socket, service);
    loop {
        tokio::select! {
            event = reader.next() => match event {
                Ok(Some(event)) => line.text(event_json(&event).to_string()).await,
                Ok(None) => {
                    line.close(1000, "the call has ended").await;
                    return line.hear_out().await;
                }
                Err(missed) => line.text(missed_json(missed)).await,
            },
            // Nothing is expected from a reader; what comes only shows that it is there.
            input = line.next(None) => if matches!(input, Input::Gone) { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_goes_on_behind_the_last_event_that_it_saw() {
        let mut headers = HeaderMap::new();
        let from = |value: &str| vec![("from".to_owned(), value.to_owned())];
        assert_eq!(first(&[], &headers).unwrap(), 1);
        headers.insert("last-event-id", "7".parse().unwrap());
        assert_eq!(first(&[], &headers).unwrap(), 8);
        assert_eq!(first(&from("3"), &headers).unwrap(), 3);
        assert_eq!(first(&from("x"), &headers).unwrap_err().parameter_name(), Some("from"));
    }
}
