//! What is told of an AudioSocket call before it comes: `POST /v1/calls/expected`.
//!
//! The protocol brings a UUID and sound, nothing else. Whoever makes the UUID, the dialplan, tells by it beforehand in which
//! language the call is, who calls, what to expect; the connection with that UUID takes it. What is told counts for one
//! connection: a UUID that somebody saw on the wire opens no second call.
//!
//! Bounded in number and in time; a call that did not come is forgotten.

mod told;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::told::Told;
use super::answering;
use crate::ingress::{CallStart, Protocol};
use crate::redact::Redacted;
use crate::serve::Service;
use crate::serve::error::ApiError;
use crate::serve::metrics::Refusal;

/// Calls of which something is known and that have not come. A dialplan tells of a call when it is about to connect it, so this
/// is many times what comes at once.
pub const CALLS_MAX: usize = 1_000;
/// How long a call may take to come: longer than a telephone rings.
pub const KEPT: Duration = Duration::from_secs(300);
/// Largest request, as of the start of a call in other protocols: 500 words of vocabulary are the most of it.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The calls of which something was told.
#[derive(Debug, Default)]
pub struct Expected {
    waiting: Mutex<HashMap<Uuid, (Told, Instant)>>,
}

impl Expected {
    /// Keeps what is told of a call at `now`; told again, the later counts.
    ///
    /// # Errors
    /// There is no room; the time after which there is.
    pub fn tell(&self, call: Uuid, told: Told, now: Instant) -> Result<(), Duration> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (_, until)| *until > now);
        if waiting.len() >= CALLS_MAX && !waiting.contains_key(&call) {
            let next = waiting.values().map(|(_, until)| *until).min().unwrap_or(now);
            return Err(next.saturating_duration_since(now));
        }
        waiting.insert(call, (told, now + KEPT));
        Ok(())
    }

    /// What was told of a call that comes at `now`. The next one with the same UUID is not expected.
    pub fn take(&self, call: Uuid, now: Instant) -> Option<Told> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&call).filter(|(_, until)| *until > now).map(|(told, _)| told)
    }
}

impl Told {
    /// The start of the call with what was told of it.
    fn over(self, start: &CallStart) -> CallStart {
        let mut start = start.clone();
        start.language = self.language.or(start.language);
        start.caller = self.caller.or(start.caller);
        start.called = self.called.or(start.called);
        start.vocabulary.extend(self.vocabulary);
        let bot = self.bot.map(|bot| (answering::PARAMETER.to_owned(), Redacted::new(bot.to_string())));
        start.parameters.extend(bot);
        start
    }
}

/// The start of a call with what was told of it before, where the protocol needs that.
///
/// # Errors
/// Only calls that were told of are taken, and this one was not; the text is for the peer.
pub fn completed<'s>(
    service: &Service,
    protocol: Protocol,
    start: &'s CallStart,
) -> Result<Cow<'s, CallStart>, &'static str> {
    let Some(config) = service.config.audiosocket.as_ref().filter(|_| protocol == Protocol::AudioSocket)
    else {
        return Ok(Cow::Borrowed(start));
    };
    let call = start.peer_call_id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    match call.and_then(|call| service.expected.take(call, service.clock.monotonic())) {
        Some(told) => Ok(Cow::Owned(told.over(start))),
        None if config.only_expected => {
            service.metrics.refused(Refusal::Unexpected);
            tracing::warn!(protocol = protocol.name(), "a call was refused, nobody told of it before");
            Err("uuid: nobody told of this call before (serve.audiosocket.only_expected)")
        }
        None => Ok(Cow::Borrowed(start)),
    }
}

/// Tells of a call that will come over AudioSocket.
///
/// # Errors
/// AudioSocket is not served here, a field is wrong, or too many calls are waited for.
pub async fn expect(
    State(service): State<Arc<Service>>,
    body: Body,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    if service.config.audiosocket.is_none() {
        return Err(ApiError::NotFound { what: "[serve.audiosocket] in the configuration here".to_owned() });
    }
    // A client that went in the middle of its request reads no answer.
    let too_large = |_| ApiError::TooLarge { limit_bytes: BODY_BYTES_MAX as u64 };
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.map_err(too_large)?;
    let (call, told) = told::read(&bytes)?;
    let told = service.expected.tell(call, told, service.clock.monotonic());
    told.map_err(|retry_after| ApiError::Busy { retry_after })?;
    let answer = json!({ "uuid": call.to_string(), "expires_in": KEPT.as_secs() });
    Ok((StatusCode::CREATED, Json(answer)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Language;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn what_is_told_is_read_whole_and_stands_before_what_the_connection_brings() {
        let call = Uuid::from_u128(7);
        let body = json!({ "uuid": call, "language": "nl", "caller": "+33", "called": null,
            "vocabulary": ["Aerius"], "bot": false });
        let (named, told) = told::read(body.to_string().as_bytes()).unwrap();
        let expected = Told {
            language: Some(Language::Nl),
            caller: Some("+33".into()),
            called: None,
            vocabulary: vec!["Aerius".into()],
            bot: Some(false),
        };
        assert_eq!((named, &told), (call, &expected));
        let start = CallStart {
            tracks: Vec::new(),
            caller: None,
            called: Some("+44".into()),
            peer_call_id: Some(call.to_string()),
            language: None,
            vocabulary: Vec::new(),
            parameters: [("sample_rate".to_owned(), "8000".into())].into(),
            play_rate: None,
            can_transfer: false,
        };
        let start = told.over(&start);
        assert_eq!(start.language, Some(Language::Nl));
        let revealed = |text: &Option<Redacted<String>>| text.as_ref().map(|it| it.reveal().clone());
        assert_eq!(revealed(&start.caller).as_deref(), Some("+33"));
        assert_eq!(revealed(&start.called).as_deref(), Some("+44"));
        assert_eq!(start.vocabulary, expected.vocabulary);
        assert_eq!(start.parameters["bot"].reveal(), "false");
        assert_eq!(start.parameters["sample_rate"].reveal(), "8000");
        let auto = json!({ "uuid": call, "language": "auto" });
        assert_eq!(told::read(auto.to_string().as_bytes()).unwrap().1, Told::default());
    }

    #[test]
    fn a_call_is_expected_once_and_for_a_while() {
        let (expected, now) = (Expected::default(), SystemClock.monotonic());
        let told = |bot| Told { bot: Some(bot), ..Told::default() };
        let [one, two] = [1, 2].map(Uuid::from_u128);
        expected.tell(one, told(true), now).unwrap();
        expected.tell(one, told(false), now).unwrap();
        expected.tell(two, told(true), now).unwrap();
        assert_eq!(expected.take(one, now), Some(told(false)), "the later counts");
        assert_eq!(expected.take(one, now), None);
        assert_eq!(expected.take(two, now + KEPT), None, "it did not come in time");
    }

    #[test]
    fn who_finds_no_room_is_told_when_there_will_be_some() {
        let (expected, now) = (Expected::default(), SystemClock.monotonic());
        let second = Duration::from_secs(1);
        for index in 0..CALLS_MAX {
            let at = if index == 0 { now } else { now + second };
            expected.tell(Uuid::from_u128(index as u128), Told::default(), at).unwrap();
        }
        let another = Uuid::from_u128(u128::MAX);
        assert_eq!(expected.tell(another, Told::default(), now + 2 * second), Err(KEPT - 2 * second));
        assert_eq!(
            expected.tell(Uuid::from_u128(3), Told::default(), now + 2 * second),
            Ok(()),
            "known already"
        );
        assert_eq!(expected.tell(another, Told::default(), now + KEPT), Ok(()), "the first did not come");
    }
}
