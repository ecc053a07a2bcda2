//! Peers that bring calls over WebSocket: one task a connection.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;

use super::line::{Line, TOKEN, Upgrade, upgraded};
use super::talk::Talk;
use crate::ingress::{self, Options, Parameters, Protocol};
use crate::redact::Redacted;
use crate::serve::Service;
use crate::serve::error::ApiError;

type Pairs = Vec<(String, String)>;

/// Allo's own protocol.
///
/// # Errors
/// The request is no WebSocket, or there is no service for live calls.
pub async fn generic(
    State(service): State<Arc<Service>>,
    Query(query): Query<Pairs>,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    accept(service, Protocol::Generic, query, upgrade)
}

/// The protocol that the path names.
///
/// # Errors
/// As [`generic`]; there is no such protocol.
pub async fn peer(
    State(service): State<Arc<Service>>,
    Path(path): Path<Vec<(String, String)>>,
    Query(query): Query<Pairs>,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let name =
        path.into_iter().find(|(name, _)| name == "protocol").map(|(_, value)| value).unwrap_or_default();
    let protocol = protocol(&name)
        .ok_or_else(|| ApiError::NotFound { what: "such protocol; docs/ingress.md lists them".to_owned() })?;
    accept(service, protocol, query, upgrade)
}

/// The names of `ingress`, and the short ones where a product has one usual way.
fn protocol(name: &str) -> Option<Protocol> {
    match name {
        "freeswitch" => Some(Protocol::AudioStream),
        "asterisk" => Some(Protocol::ChanWebsocket),
        _ => Protocol::ALL
            .into_iter()
            .filter(|protocol| !matches!(protocol, Protocol::AudioSocket | Protocol::Generic))
            .find(|protocol| protocol.name() == name),
    }
}

fn accept(
    service: Arc<Service>,
    protocol: Protocol,
    query: Pairs,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let calm = upgrade.calm.clone();
    let upgrade = upgraded(upgrade, &service.config.limits)?;
    let (wishes, query) =
        if protocol == Protocol::Generic { Wishes::take(query)? } else { (Wishes::OF_PEERS, query) };
    service.has_room_for_a_call()?;
    let parameters: Parameters =
        query.into_iter().map(|(name, value)| (name, Redacted::new(value))).collect();
    // Of the protocols that have none of their own, the generic one is spoken by web pages too.
    let upgrade = upgrade.protocols([protocol.subprotocol().unwrap_or(TOKEN)]);
    let bridge = ingress::bridge(protocol, Options { parameters });
    Ok(upgrade.on_upgrade(move |socket| async move {
        let line = Line::new(socket, Arc::clone(&service)).calmed_by(calm);
        Talk::new(service, protocol, bridge, wishes).over(line).await;
    }))
}

/// How a connection wants to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    /// The events of the call come back on the connection.
    pub events: bool,
    /// Texts are shown while somebody still speaks.
    pub partials: bool,
    /// What comes is a recording: each message is taken when all that the one before it led to is done, so that it may be
    /// sent as fast as it can be worked on and nothing of it makes room.
    pub is_recording: bool,
    /// The call is answered by the bot, or is not, whatever the configuration says.
    pub bot: Option<bool>,
}

impl Wishes {
    /// What platforms get, which know nothing of this.
    pub const OF_PEERS: Self = Self { events: false, partials: true, is_recording: false, bot: None };

    /// The parameters by which a client tells them.
    pub const PARAMETERS: &[&str] = &["events", "partials", "recording", "bot"];

    /// Takes the wishes out of a query; the rest of it belongs to the call.
    fn take(query: Pairs) -> Result<(Self, Pairs), ApiError> {
        let mut wishes = Self { events: true, ..Self::OF_PEERS };
        let mut rest = Vec::new();
        for (name, value) in query {
            if !Self::PARAMETERS.contains(&name.as_str()) {
                rest.push((name, value));
                continue;
            }
            let is_true: bool = value
                .parse()
                .map_err(|_| ApiError::parameter(name.clone(), format!("`{name}` must be true or false")))?;
            match name.as_str() {
                "events" => wishes.events = is_true,
                "partials" => wishes.partials = is_true,
                "recording" => wishes.is_recording = is_true,
                "bot" => wishes.bot = Some(is_true),
                _ => rest.push((name, value)),
            }
        }
        Ok((wishes, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_taken_out_of_the_address_and_the_rest_belongs_to_the_call() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (wishes, rest) = Wishes::take(vec![
            pair("partials", "false"),
            pair("queue", "billing"),
            pair("recording", "true"),
            pair("bot", "false"),
        ])
        .unwrap();
        assert_eq!(wishes, Wishes { events: true, partials: false, is_recording: true, bot: Some(false) });
        assert_eq!(rest, [pair("queue", "billing")]);
        let wrong = Wishes::take(vec![pair("events", "no")]).unwrap_err();
        assert_eq!(wrong.parameter_name(), Some("events"));
        let wrong = Wishes::take(vec![pair("bot", "perhaps")]).unwrap_err();
        assert_eq!(wrong.parameter_name(), Some("bot"));
    }
}
