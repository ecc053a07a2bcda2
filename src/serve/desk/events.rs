//! `/v1/desk/events`: the calls that are handed over, as server-sent events: the whole picture, then every change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Interval, interval};

use super::hub::Reader;
use super::routes::Routes;
use super::session;
use crate::serve::Service;
use crate::serve::access::shown_key;
use crate::serve::error::ApiError;
use crate::serve::listener::stop;

/// A page that hears nothing for a few of these connects anew; proxies keep the connection open.
const BEAT: Duration = Duration::from_secs(10);
/// Longer than any shift; for readers with a key, which does not end.
const NEVER: Duration = Duration::from_secs(365 * 86_400);
/// When there are too many readers.
const COME_AGAIN: Duration = Duration::from_secs(10);

/// The events of the desk.
///
/// # Errors
/// A parameter that is none, no live calls, too many readers.
pub async fn events(
    State(service): State<Arc<Service>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let routes = Routes::from_query(&query)?;
    service.live()?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let reader = service.desk.subscribe(routes, last).ok_or(ApiError::Busy { retry_after: COME_AGAIN })?;
    let session = shown_key(&headers).is_none().then(|| session::shown(&headers)).flatten();
    let lasts = session.and_then(|token| service.sessions.lasts(&token, service.clock.monotonic()));
    let telling = Telling {
        reader,
        beat: interval(BEAT),
        stopping: service.stopping(),
        signed_out: Box::pin(tokio::time::sleep(lasts.unwrap_or(NEVER))),
    };
    let events = stream::unfold(telling, |mut telling| async move {
        let event = telling.next().await?;
        Some((Ok::<_, Infallible>(event), telling))
    });
    let mut response = Sse::new(events).into_response();
    // Proxies that gather answers would hold changes back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Telling {
    reader: Reader,
    beat: Interval,
    stopping: watch::Receiver<bool>,
    signed_out: std::pin::Pin<Box<tokio::time::Sleep>>,
}

impl Telling {
    /// The next event; `None` when the service stops or the session ends. The picture comes before the first beat.
    async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            biased;
            () = stop(&mut self.stopping) => None,
            () = &mut self.signed_out => None,
            sent = self.reader.next() => {
                Some(Event::default().id(sent.id).event(sent.name).data(sent.data.reveal()))
            }
            _ = self.beat.tick() => {
                let now = self.reader.now().to_string();
                Some(Event::default().event("beat").data(json!({ "now": now }).to_string()))
            }
        }
    }
}
