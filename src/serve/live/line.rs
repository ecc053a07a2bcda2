//! A WebSocket with its limits: size and rate of messages, and whether anybody is still there.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;

use super::alarm::Alarm;
use super::rate::{Beat, Pulse, RateLimit};
use crate::serve::Service;
use crate::serve::calm::Calm;
use crate::serve::config::Limits;
use crate::serve::error::ApiError;
use crate::serve::metrics::Refusal;

/// Close code for a peer that breaks a rule.
pub const POLICY: u16 = 1008;
/// Close code that asks to come again later.
pub const TRY_AGAIN: u16 = 1013;
/// Close code of a service that stops.
pub const GOING_AWAY: u16 = 1001;

/// Bytes read from a socket at once. tungstenite writes zeros over all of them before each read: with its own 128 KiB that
/// was a quarter of what listening to an idle call costs. 20 ms of sound are 160 (G.711) to 3,840 bytes (two channels of PCM
/// at 48 kHz).
const READ_BYTES: usize = 4 * 1024;

/// What a web page offers as a subprotocol before its key, the only place where it can put one. A browser gives up a
/// connection on which nothing of what it offered is confirmed.
pub const TOKEN: &str = "token";

/// The upgrade of a request to a WebSocket, with its limits.
///
/// # Errors
/// [`ApiError::Malformed`] when it asks for none.
pub fn upgraded(upgrade: Upgrade, limits: &Limits) -> Result<WebSocketUpgrade, ApiError> {
    let upgrade = upgrade.upgrade.map_err(|_| ApiError::Malformed {
        message: "this is a WebSocket: the request asks for none".to_owned(),
    })?;
    // A frame is read whole before the size of its message is looked at; by default it may be 16 MiB.
    let upgrade = upgrade.read_buffer_size(READ_BYTES);
    Ok(upgrade.max_frame_size(limits.message_bytes).max_message_size(limits.message_bytes))
}

/// Waits for a write at most `limit`; `false` when it failed or the peer took nothing for so long. A peer that does not read
/// would hold whoever writes to it for ever.
pub async fn written<E>(limit: Duration, write: impl Future<Output = Result<(), E>>) -> bool {
    matches!(tokio::time::timeout(limit, write).await, Ok(Ok(())))
}

/// What the extractor of an upgrade gives, and what calms its connection.
pub struct Upgrade {
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    /// For [`Line::calmed_by`].
    pub calm: Calm,
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let calm = parts.extensions.get::<Calm>().cloned().unwrap_or_default();
        let upgrade = WebSocketUpgrade::from_request_parts(parts, state).await;
        Ok(Self { upgrade, calm })
    }
}

/// One connection.
pub struct Line {
    socket: WebSocket,
    service: Arc<Service>,
    rate: RateLimit,
    /// Nothing is read before this: the peer was too fast.
    paused_until: Option<Instant>,
    pulse: Pulse,
    alarm: Alarm,
    calm: Calm,
    /// A write failed or took too long: half a message may be on its way, nothing can follow it.
    is_broken: bool,
}

/// What came.
#[derive(Debug)]
pub enum Input {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// The moment that was waited for.
    Due,
    /// The peer closed, properly or not; nothing can be sent any more.
    Gone,
}

impl Line {
    /// Over an accepted socket.
    pub fn new(socket: WebSocket, service: Arc<Service>) -> Self {
        let now = service.clock.monotonic();
        let limits = &service.config.limits;
        let rate = RateLimit::new(limits.messages_per_second, now);
        let pulse = Pulse::new(limits.idle, now);
        let alarm = Alarm::new(pulse.deadline());
        service.metrics.web_sockets(1);
        Self {
            socket,
            rate,
            paused_until: None,
            pulse,
            alarm,
            calm: Calm::default(),
            is_broken: false,
            service,
        }
    }

    /// With what calms its connection, for [`Line::calm`].
    pub fn calmed_by(mut self, calm: Calm) -> Self {
        self.calm = calm;
        self
    }

    /// Says whether nobody speaks, so that messages may be read several at once, a tenth of a second late at most.
    pub fn calm(&self, is_calm: bool) {
        self.calm.set(is_calm);
    }

    /// The next message, or [`Input::Due`] at `deadline`. Dropping the future loses no message.
    pub async fn next(&mut self, deadline: Option<Instant>) -> Input {
        loop {
            if self.is_broken {
                return Input::Gone;
            }
            let wake = deadline.map_or(self.pulse.deadline(), |deadline| deadline.min(self.pulse.deadline()));
            let received = match self.paused_until {
                Some(until) if until < wake => {
                    tokio::time::sleep_until(until.into()).await;
                    self.paused_until = None;
                    continue;
                }
                Some(_) => {
                    tokio::time::sleep_until(wake.into()).await;
                    None
                }
                None => tokio::select! {
                    biased;
                    received = self.socket.recv() => Some(received),
                    () = self.alarm.at(wake) => None,
                },
            };
            let now = self.service.clock.monotonic();
            let Some(received) = received else {
                match self.pulse.beat(now) {
                    Beat::Ask => self.send(Message::Ping(Bytes::new())).await,
                    Beat::GiveUp => return Input::Gone,
                    Beat::Nothing => {}
                }
                if deadline.is_some_and(|deadline| deadline <= now) {
                    return Input::Due;
                }
                continue;
            };
            let Some(Ok(message)) = received else { return Input::Gone };
            self.pulse.heard(now);
            let pause = self.rate.took(now);
            if !pause.is_zero() {
                self.service.metrics.refused(Refusal::MessageRate);
                self.paused_until = Some(now + pause);
            }
            match message {
                Message::Text(text) => return Input::Text(text),
                Message::Binary(bytes) => return Input::Binary(bytes),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) => return Input::Gone,
            }
        }
    }

    /// Sends text; that a peer has gone, or takes nothing, is told by [`Line::next`].
    pub async fn text(&mut self, text: String) {
        self.send(Message::Text(text.into())).await;
    }

    /// Sends bytes; as [`Line::text`].
    pub async fn binary(&mut self, bytes: Vec<u8>) {
        self.send(Message::Binary(bytes.into())).await;
    }

    /// Says goodbye.
    pub async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code, reason: reason.into() };
        self.send(Message::Close(Some(frame))).await;
    }

    async fn send(&mut self, message: Message) {
        if !self.is_broken {
            let limit = self.service.config.limits.idle;
            self.is_broken = !written(limit, self.socket.send(message)).await;
        }
    }

    /// Waits for the peer's own goodbye, so that what was sent last is not lost with the connection.
    pub async fn hear_out(&mut self) {
        let limit = self.service.clock.monotonic() + std::time::Duration::from_secs(2);
        while !matches!(self.next(Some(limit)).await, Input::Due | Input::Gone) {}
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.service.metrics.web_sockets(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_write_that_the_peer_does_not_take_ends() {
        let limit = Duration::from_millis(1);
        assert!(!written(limit, std::future::pending::<Result<(), ()>>()).await);
        assert!(!written(limit, async { Err::<(), _>("gone") }).await);
        assert!(written(limit, async { Ok::<_, ()>(()) }).await);
    }
}
