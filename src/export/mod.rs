//! A transcript in the formats that other programs read.
//!
//! `pipeline` → [`render`] → a file or stdout. One function, one [`Format`], one recording; the result is the whole
//! content, ends with a line feed and depends on nothing but its arguments. This is one of the places that reveal what
//! was said.
//!
//! Invariants: whatever a text or a file name holds (line breaks, `-->`, tags, control characters), the result has the
//! structure of its format. Units: times are seconds of the recording, rounded to the millisecond. This module writes
//! no file and masks nothing: what must not be shown is masked before.

mod cues;
pub mod handover;
mod nist;
mod plain;
mod subtitles;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::audio::SampleSpan;
use crate::call::{Channel, Transcript};
use crate::redact::Redacted;

/// What a transcript can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One object on one line: everything known.
    Json,
    /// Lines to read.
    Text,
    /// `SubRip` subtitles.
    Srt,
    /// `WebVTT` subtitles with the speaker of each cue.
    Vtt,
    /// Who spoke when, for diarisation scorers.
    Rttm,
    /// Word times and confidence, for recognition scorers.
    Ctm,
    /// A vCon 0.4.0 with the transcript as analysis.
    Vcon,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] =
        [Self::Json, Self::Text, Self::Srt, Self::Vtt, Self::Rttm, Self::Ctm, Self::Vcon];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Rttm => "rttm",
            Self::Ctm => "ctm",
            Self::Vcon => "vcon",
        }
    }

    /// The extension of a file of this format, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Json | Self::Srt | Self::Vtt | Self::Rttm | Self::Ctm | Self::Vcon => self.name(),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A format name that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{name}`, expected json, text, srt, vtt, rttm, ctm or vcon")]
pub struct UnknownFormat {
    /// What was found.
    pub name: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

/// Where a transcript comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The recording as the user named it, path included.
    pub file: String,
    /// Name of the model that recognised it.
    pub model: String,
    /// Identity of the recording, for vCon: the call's own, or [`recording_id`].
    pub id: Uuid,
    /// When the recording began, where that is known.
    pub started_at: Option<Timestamp>,
    /// When this transcript was made.
    pub created_at: Timestamp,
}

/// Text that was recognised but not believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// Where it was heard.
    pub channel: Channel,
    /// When.
    pub span: SampleSpan,
    /// The rule that rejected it.
    pub reason: String,
    /// What was rejected.
    pub text: Redacted<String>,
}

/// Everything that goes into one output.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Where it comes from.
    pub source: &'a Source,
    /// What was said.
    pub transcript: &'a Transcript,
    /// What was rejected; `Some` adds a `debug` object to the JSON, the other formats leave it out.
    pub rejections: Option<&'a [Rejection]>,
}

/// The document in a format. Ends with a line feed unless there is nothing to write.
pub fn render(format: Format, document: Document<'_>) -> String {
    match format {
        Format::Json => wire::json(document),
        Format::Text => plain::text(document.transcript),
        Format::Srt => subtitles::srt(document.transcript),
        Format::Vtt => subtitles::vtt(document.transcript),
        Format::Rttm => nist::rttm(document),
        Format::Ctm => nist::ctm(document),
        Format::Vcon => wire::vcon(document),
    }
}

/// An identity for a recording that has none: a UUID of version 8 out of the time it began and what identifies it (a
/// content hash, else its name). The same arguments give the same identity, so that a second run makes no second call.
pub fn recording_id(began: Timestamp, identity: &[u8]) -> Uuid {
    let mut bytes = [0; 16];
    let milliseconds = u64::try_from(began.as_millisecond()).unwrap_or(0);
    bytes[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&Sha256::digest(identity)[..10]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The speaker as a person reads it.
fn speaker(channel: Channel) -> String {
    match channel {
        Channel::Caller => "Caller".to_owned(),
        Channel::Agent => "Agent".to_owned(),
        Channel::Bot => "Bot".to_owned(),
        Channel::Mixed => "Mixed".to_owned(),
        Channel::Numbered(index) => format!("Channel {index}"),
    }
}

/// Place of a channel in the recording, from 0; a channel that the transcript does not list comes last.
fn channel_index(transcript: &Transcript, channel: Channel) -> usize {
    transcript.channels.iter().position(|listed| *listed == channel).unwrap_or(transcript.channels.len())
}

/// The text without line breaks and control characters: each run of them and of spaces is one space.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for part in text
        .split(|character: char| {
            character.is_control() || character == '\u{2028}' || character == '\u{2029}' || character == ' '
        })
        .filter(|part| !part.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(part);
    }
    line
}

/// Milliseconds of a position, rounded.
fn milliseconds(position: crate::audio::SamplePos) -> u64 {
    const SAMPLES: u64 = crate::audio::SampleRate::PIPELINE.hz() as u64 / 1_000;
    (position.0 + SAMPLES / 2) / SAMPLES
}
