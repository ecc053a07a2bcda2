//! Peers that bring calls over WebSocket: one task a connection.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;

use super::line::{Line, TOKEN, Upgrade, upgraded};
use super::talk::Talk;
use super::wishes::{Pairs, Wishes};
use crate::ingress::{self, Options, Parameters, Protocol};
use crate::redact::Redacted;
use crate::serve::Service;
use crate::serve::error::ApiError;

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
