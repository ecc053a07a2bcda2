//! Live calls on sockets: what drives the pure machines of `ingress` and of the faces, and what tells the events.

pub mod audiosocket;
pub mod calls;
pub mod events;
pub mod faces;
pub mod figures;
pub mod ingress;
pub mod line;
pub mod opening;
pub mod rate;

use std::sync::Arc;

use super::Service;
use super::error::ApiError;
use crate::live::Live;

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
