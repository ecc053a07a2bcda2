//! Live calls on sockets: what drives the pure machines of `ingress` and of the faces, and what tells the events.

pub mod alarm;
pub mod answering;
pub mod audiosocket;
pub mod calls;
pub mod control;
pub mod events;
pub mod expected;
pub mod faces;
pub mod figures;
pub mod ingress;
pub mod line;
pub mod opening;
pub mod rate;
pub mod talk;
#[cfg(test)]
mod tests;
pub mod wishes;

use std::sync::Arc;

use super::Service;
use super::error::ApiError;
use super::metrics::Refusal;
use crate::live::{Live, Refused};

impl Service {
    /// The live calls.
    ///
    /// # Errors
    /// [`ApiError::NotFound`] where the service was started without them.
    pub fn live(&self) -> Result<&Arc<Live>, ApiError> {
        self.live
            .as_ref()
            .ok_or_else(|| ApiError::NotFound { what: "service for live calls here".to_owned() })
    }
}

impl Service {
    /// Refuses a call before its connection becomes a WebSocket, while that can be said in HTTP. Between this and the start
    /// of the call another one may take the last place: then the WebSocket is closed with [`line::TRY_AGAIN`].
    ///
    /// # Errors
    /// [`ApiError::Busy`], [`ApiError::Deaf`] or [`ApiError::Stopping`]; [`ApiError::NotFound`] as for [`Service::live`].
    pub fn has_room_for_a_call(&self) -> Result<(), ApiError> {
        let refused = match self.live()?.has_room() {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        self.metrics.refused(Refusal::Calls);
        Err(match refused {
            Refused::Busy { retry_after } => ApiError::Busy { retry_after },
            Refused::Draining => ApiError::Stopping,
            Refused::Deaf { retry_after } => ApiError::Deaf { retry_after },
            other @ (Refused::Tracks { .. } | Refused::Invalid(_)) => ApiError::internal(other),
        })
    }
}

/// Waits for a call on a thread that may wait.
async fn blocking(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = tokio::task::spawn_blocking(work).await {
        tracing::error!(%error, "waiting for a call failed");
    }
}
