//! Other people's live interfaces on sockets: one task a connection, between a face and a call.

use std::sync::Arc;

use axum::extract::ws::WebSocket;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use uuid::Uuid;

use super::line::{GOING_AWAY, Input, Line, POLICY, TOKEN, Upgrade, upgraded};
use super::{blocking, opening};
use crate::call::event::CallEndReason;
use crate::live::{Call, Missed, Peek, Reader};
use crate::serve::Service;
use crate::serve::deepgram::listen::query::Query as ListenQuery;
use crate::serve::deepgram::listen::{Identity, Listen};
use crate::serve::error::ApiError;
use crate::serve::face::{Demand, Effects, Face, Received, Reply};
use crate::serve::listener::stop;
use crate::serve::metrics::Refusal;
use crate::serve::openai::realtime::Realtime;
use crate::serve::openai::realtime::settings::{Allowed, Shape};
use crate::serve::router;

/// `/v1/realtime?intent=transcription`.
///
/// # Errors
/// A parameter that is not supported, or no service for live calls.
pub async fn realtime(
    State(service): State<Arc<Service>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    service.live()?;
    let mut has_intent = false;
    let allowed = Allowed { offer: service.offer.clone(), aliases: service.config.model_aliases.clone() };
    for (name, value) in &query {
        match name.as_str() {
            "intent" if value == "transcription" => has_intent = true,
            "model" => crate::serve::openai::known_model(value, &allowed.offer, &allowed.aliases)?,
            _ => return Err(ApiError::parameter(name.clone(), format!("`{name}={value}` is not supported"))),
        }
    }
    if !has_intent {
        return Err(ApiError::parameter("intent", "only intent=transcription is supported"));
    }
    let upgrade = upgraded(upgrade, &service.config.limits)?;
    service.has_room_for_a_call()?;
    let is_beta = headers.get("openai-beta").is_some_and(|value| value == "realtime=v1");
    let shape = if is_beta { Shape::Beta } else { Shape::Present };
    Ok(upgrade.protocols(["realtime"]).on_upgrade(move |socket| async move {
        let mut effects = Effects::default();
        let face = Realtime::new(allowed, shape, &mut effects);
        Connection::new(service, "openai", Box::new(face)).over(socket, effects).await;
    }))
}

/// `/v1/listen`, live.
///
/// # Errors
/// Deepgram's answer to a parameter that is not supported.
pub async fn listen(
    State(service): State<Arc<Service>>,
    Query(query): Query<Vec<(String, String)>>,
    upgrade: Upgrade,
) -> Response {
    let checked = service
        .live()
        .and_then(|_| ListenQuery::read(&query, &service.offer, &service.config.model_aliases))
        .and_then(|query| {
            let upgrade = upgraded(upgrade, &service.config.limits)?;
            service.has_room_for_a_call()?;
            Ok((query, upgrade))
        });
    let (query, upgrade) = match checked {
        Ok(checked) => checked,
        Err(error) => return router::Face::Deepgram.respond(&error),
    };
    upgrade.protocols([TOKEN]).on_upgrade(move |socket| async move {
        let mut effects = Effects::default();
        let identity = Identity {
            request: Uuid::new_v4(),
            created: service.clock.wall().to_string(),
            version: env!("CARGO_PKG_VERSION"),
        };
        let face = Listen::new(query, identity, service.clock.monotonic(), &mut effects);
        Connection::new(service, "deepgram", Box::new(face)).over(socket, effects).await;
    })
}

/// One client.
struct Connection {
    service: Arc<Service>,
    name: &'static str,
    face: Box<dyn Face>,
    call: Option<Arc<Call>>,
    events: Option<Reader>,
}

/// Whether the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    On,
    Closed,
}

impl Connection {
    fn new(service: Arc<Service>, name: &'static str, face: Box<dyn Face>) -> Self {
        Self { service, name, face, call: None, events: None }
    }

    async fn over(mut self, socket: WebSocket, effects: Effects) {
        let mut line = Line::new(socket, Arc::clone(&self.service));
        let mut stopping = self.service.stopping();
        if self.carry_out(effects, &mut line).await == Goes::Closed {
            return line.hear_out().await;
        }
        loop {
            let deadline = self.face.next_deadline();
            let is_calling = self.events.is_some();
            let mut effects = Effects::default();
            tokio::select! {
                input = line.next(deadline) => {
                    let now = self.service.clock.monotonic();
                    match input {
                        Input::Text(text) => self.face.receive(Received::Text(&text), now, &mut effects),
                        Input::Binary(bytes) => self.face.receive(Received::Binary(&bytes), now, &mut effects),
                        Input::Due => self.face.poll(now, &mut effects),
                        Input::Gone => break,
                    }
                }
                event = next(&mut self.events), if is_calling => match event {
                    Ok(Some(event)) => self.face.event(&event, &mut effects),
                    Ok(None) => self.events = None,
                    Err(missed) => missed_some(missed, &mut effects),
                },
                () = stop(&mut stopping), if !is_calling => {
                    effects.close(GOING_AWAY, "the service is being stopped");
                }
            }
            if self.carry_out(effects, &mut line).await == Goes::Closed {
                return line.hear_out().await;
            }
        }
        // The end of the client is the end of the call, also where something else still holds its handle.
        self.end(CallEndReason::Disconnected);
    }

    async fn carry_out(&mut self, mut effects: Effects, line: &mut Line) -> Goes {
        loop {
            for send in effects.sends.drain(..) {
                match send {
                    Reply::Text(text) => line.text(text).await,
                    Reply::Close { code, reason } => {
                        line.close(code, reason).await;
                        self.end(CallEndReason::HungUp);
                        return Goes::Closed;
                    }
                }
            }
            let demands = std::mem::take(&mut effects.demands);
            if demands.is_empty() {
                return Goes::On;
            }
            for demand in demands {
                self.demand(demand, &mut effects).await;
            }
        }
    }

    async fn demand(&mut self, demand: Demand, effects: &mut Effects) {
        match demand {
            Demand::Open(opening) => {
                let setup = opening::of_face(&self.service, self.name, &opening);
                let opened = match self.service.live() {
                    Ok(live) => live.open(setup),
                    Err(_) => return,
                };
                match opened {
                    Ok(call) => {
                        self.events = Some(call.events().subscribe(1));
                        self.call = Some(Arc::new(call));
                    }
                    Err(refused) => {
                        self.service.metrics.refused(Refusal::Calls);
                        self.face.refused(&opening::refusal(refused), effects);
                    }
                }
            }
            Demand::Audio { track, samples } => self.audio(track, samples).await,
            Demand::Settle => {
                if let Some(call) = self.call.clone() {
                    call.end_turns();
                    blocking(move || call.wait_until_idle()).await;
                }
                self.drain_events(effects);
                self.face.settled(effects);
            }
            Demand::End => self.end(CallEndReason::HungUp),
        }
    }

    /// Everything that is known already.
    fn drain_events(&mut self, effects: &mut Effects) {
        let Some(events) = &mut self.events else { return };
        loop {
            match events.peek() {
                Ok(Peek::Event(event)) => self.face.event(&event, effects),
                Ok(Peek::NotYet | Peek::End) => return,
                Err(missed) => return missed_some(missed, effects),
            }
        }
    }

    /// Gives audio as fast as the call can take it, dropping none: files are sent as fast as they can be read, and whoever
    /// commits a sentence sends all of it at once, however long the pause before it was.
    async fn audio(&mut self, track: usize, samples: Vec<f32>) {
        let Some(call) = &self.call else { return };
        if call.has_room(track, samples.len()) {
            return call.audio(track, &samples);
        }
        let call = Arc::clone(call);
        blocking(move || call.hand_over(track, &samples)).await;
    }

    fn end(&mut self, reason: CallEndReason) {
        if let Some(call) = self.call.take().and_then(Arc::into_inner) {
            call.end(reason);
        }
    }
}

async fn next(events: &mut Option<Reader>) -> Result<Option<Arc<crate::call::event::Event>>, Missed> {
    match events {
        Some(events) => events.next().await,
        None => Ok(None),
    }
}

/// The client was so slow that events, finals perhaps, made room before it took them. Its protocol has no word for a text
/// with a hole in it, so it is told by the end of the connection.
fn missed_some(missed: Missed, effects: &mut Effects) {
    tracing::warn!(%missed, "a client was too slow for its events");
    effects.close(POLICY, "too slow: results were lost; read faster, or raise live.events_kept");
}
