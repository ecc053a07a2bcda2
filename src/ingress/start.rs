//! What is known of a call when its stream begins.

use std::collections::BTreeMap;

use crate::audio::SampleRate;
use crate::call::{Channel, Language};
use crate::redact::Redacted;

/// The beginning of a call, the same for every protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct CallStart {
    /// The audio that comes; at least one track. All share one time line.
    pub tracks: Vec<Track>,
    /// The caller's number or address, where the protocol tells it.
    pub caller: Option<Redacted<String>>,
    /// What was called.
    pub called: Option<Redacted<String>>,
    /// The peer's own name of the call, to find it there again.
    pub peer_call_id: Option<String>,
    /// The language that the peer asks for; otherwise the configuration decides.
    pub language: Option<Language>,
    /// Words to expect in this call: names, products.
    pub vocabulary: Vec<Redacted<String>>,
    /// Custom parameters, by name, as the peer's configuration gives them.
    pub parameters: BTreeMap<String, Redacted<String>>,
    /// The rate at which the peer plays; `None` when nothing can be played to it.
    pub play_rate: Option<SampleRate>,
    /// Whether [`super::Outgoing::Transfer`] works.
    pub can_transfer: bool,
}

/// One stream of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// Who is heard.
    pub channel: Channel,
    /// At which rate.
    pub rate: SampleRate,
}
