//! The pieces of JSON that Twilio and Telnyx write alike.

use serde::{Deserialize, Serialize};

use crate::ingress::text::Number;

/// A piece of audio.
#[derive(Deserialize)]
pub struct Media {
    /// `inbound` or `outbound`.
    pub track: Option<String>,
    /// Counts the chunks; those of Telnyx may come out of order.
    pub chunk: Option<Number>,
    /// Milliseconds since the start of the stream.
    pub timestamp: Option<Number>,
    /// Base64, of an RTP payload without its header.
    pub payload: String,
}

/// A key.
#[derive(Deserialize)]
pub struct Dtmf {
    /// The key.
    pub digit: String,
}

/// The name of a mark.
#[derive(Deserialize)]
pub struct Mark {
    /// As it was sent.
    pub name: String,
}

/// Audio to play.
#[derive(Serialize)]
pub struct Payload {
    /// Base64.
    pub payload: String,
}

/// A name.
#[derive(Serialize)]
pub struct Name<'a> {
    /// The name.
    pub name: &'a str,
}
