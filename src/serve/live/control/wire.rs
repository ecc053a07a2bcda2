//! The JSON of whoever controls a call. docs/live.md describes it for its users.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// What the type of a message is; read first, so that the rest can be checked strictly.
#[derive(Deserialize)]
pub struct Kind {
    /// `play`, `flush`, `hangup`, `transfer`, `expect`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The next binary message is to be played.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// `play`.
    #[serde(rename = "type")]
    pub _kind: IgnoredAny,
    /// The name under which its end is told.
    pub mark: String,
    /// How its samples are encoded.
    pub encoding: Encoding,
    /// Samples a second, 8000 to 48000.
    pub sample_rate: u32,
}

/// How the samples of one channel are encoded.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Signed 16 bit, the low byte first.
    PcmS16le,
    /// G.711 µ-law.
    Mulaw,
    /// G.711 A-law.
    Alaw,
}

/// `flush` and `hangup`, which have nothing to add.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plain {
    /// Their name.
    #[serde(rename = "type")]
    pub _kind: IgnoredAny,
}

/// The caller is to be connected to somebody else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// `transfer`.
    #[serde(rename = "type")]
    pub _kind: IgnoredAny,
    /// Number or address as the peer understands it.
    pub target: String,
}

/// What somebody was asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `expect`.
    #[serde(rename = "type")]
    pub _kind: IgnoredAny,
    /// What.
    pub what: What,
    /// How many digits; with `digits` only.
    pub count: Option<u32>,
    /// Who was asked; the first channel when it is missing.
    pub channel: Option<String>,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Anything.
    Open,
    /// Yes or no.
    YesNo,
    /// A number.
    Digits,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A postal address.
    Address,
    /// A word letter by letter.
    Spelling,
}

/// A message was refused.
#[derive(Serialize)]
pub struct Refused<'a> {
    /// `error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// For machines.
    pub code: &'static str,
    /// The field that is wrong, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'a str>,
    /// For people.
    pub message: String,
}
