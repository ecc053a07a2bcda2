//! The control messages of Asterisk's chan_websocket in their JSON form. `line.rs` reads the plain form into the same.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ingress::text::Number;

/// An event from Asterisk.
#[derive(Default, Deserialize)]
pub struct Received {
    /// `MEDIA_START`, `DTMF_END`, `MEDIA_XOFF`, …
    pub event: String,
    /// With `MEDIA_START`.
    pub connection_id: Option<String>,
    /// Unique name of the channel.
    pub channel_id: Option<String>,
    /// With `MEDIA_START`: what the binary messages hold.
    pub format: Option<String>,
    /// With `MEDIA_START`: bytes of one frame.
    pub optimal_frame_size: Option<Number>,
    /// With `DTMF_END`.
    pub digit: Option<String>,
    /// With `MEDIA_MARK_PROCESSED` and `MEDIA_BUFFERING_COMPLETED`.
    pub correlation_id: Option<String>,
    /// With `MEDIA_START`: variables of the dialplan.
    #[serde(default)]
    pub channel_variables: Option<Map<String, Value>>,
}

/// A command to Asterisk.
#[derive(Serialize)]
pub struct Command<'a> {
    /// `FLUSH_MEDIA`, `MARK_MEDIA`, …
    pub command: &'static str,
    /// What comes back with the event that answers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<&'a str>,
}
