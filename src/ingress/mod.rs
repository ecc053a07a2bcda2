//! Live audio of other people's telephony: one pure codec (a [`Bridge`]) for each protocol that PBXs and platforms speak.
//!
//! ```text
//! WebSocket or TCP connection ─ Message ─▶ Bridge::receive ─ Incoming ─▶ live call
//!                             ◀─ Reply ─── Bridge::send, poll ◀─ Outgoing ─┘
//! ```
//!
//! A bridge does no I/O, reads no clock and starts no thread: bytes go in, facts come out, and what has to be written
//! comes out as replies. Its driver owns the connection. After every [`Bridge::receive`] and [`Bridge::send`], and when
//! [`Bridge::next_deadline`] has come, the driver calls [`Bridge::poll`] with the time: that is when played audio leaves,
//! in frames, as fast as the peer wants it.
//!
//! Invariants: whatever a peer sends is an error or a fact, never a panic; sizes are checked before anything is parsed;
//! nothing is queued without a bound; audio is `f32` in [-1, 1], one stream a track, at the track's own rate
//! (the live call resamples). Numbers, digits and custom parameters are [`Redacted`].
//!
//! It does not authenticate: the driver refuses a connection before the bridge sees a byte.

mod audiosocket;
mod chan_websocket;
mod chunked;
mod encoding;
mod envelope;
mod error;
mod freeswitch;
mod generic;
mod jambonz;
#[cfg(feature = "mic")]
pub mod microphone;
mod opus;
pub mod pacing;
mod playback;
#[cfg(any(test, feature = "mic"))]
mod ring;
mod sequence;
mod session;
mod start;
mod telnyx;
#[cfg(test)]
mod tests;
mod text;
mod twilio;
mod vonage;

pub use audiosocket::HANG_UP as AUDIOSOCKET_HANG_UP;
pub use error::Error;
pub use start::{CallStart, Parameters, Track, VOCABULARY_MAX};
pub use text::{Flaw, read_json};

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::audio::SampleRate;
use crate::redact::Redacted;

/// One connection of one protocol.
pub trait Bridge: Send {
    /// Which protocol: what [`Protocol::name`] gives.
    fn name(&self) -> &'static str;

    /// Takes one message of the peer. For a protocol on a byte stream (AudioSocket) a message is any piece of it.
    ///
    /// # Errors
    /// What was wrong with the message, for a log and a counter. `exchange` is valid then too: facts of the sound part, and
    /// replies that tell the peer. The connection goes on unless [`Reply::Close`] is among them.
    fn receive(&mut self, message: Message<'_>, exchange: &mut Exchange) -> Result<(), Error>;

    /// Takes one command of the call. Audio is only queued: it leaves by [`Bridge::poll`].
    ///
    /// # Errors
    /// When the protocol cannot do it, the call has not started, or too much is queued already. The connection goes on.
    fn send(&mut self, command: &Outgoing, exchange: &mut Exchange) -> Result<(), Error>;

    /// Gives what is due at `now`: frames to write, playbacks that came to their end. A clock that goes backwards is
    /// taken as one that stands still.
    fn poll(&mut self, now: Instant, exchange: &mut Exchange);

    /// When [`Bridge::poll`] has something to do without a message or command; `None` when it has not.
    fn next_deadline(&self) -> Option<Instant>;
}

/// What a bridge gives, in order. The driver drains it after each call.
#[derive(Debug, Default)]
pub struct Exchange {
    /// What the peer said, for the call.
    pub facts: Vec<Incoming>,
    /// What is to be written to the peer.
    pub replies: Vec<Reply>,
}

impl Exchange {
    /// The samples of each track, where there are any.
    fn audio(&mut self, planes: Vec<Vec<f32>>) {
        for (track, samples) in planes.into_iter().enumerate() {
            if !samples.is_empty() {
                self.facts.push(Incoming::Audio { track, samples });
            }
        }
    }
}

/// One message of the peer.
#[derive(Clone, Copy)]
pub enum Message<'a> {
    /// A WebSocket text message.
    Text(&'a str),
    /// A WebSocket binary message, or a piece of a TCP stream.
    Binary(&'a [u8]),
}

impl Message<'_> {
    /// Its size in bytes.
    pub const fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether nothing is in it.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One message to the peer.
#[derive(Clone, PartialEq, Eq)]
pub enum Reply {
    /// A WebSocket text message.
    Text(String),
    /// A WebSocket binary message, or bytes of a TCP stream.
    Binary(Vec<u8>),
    /// The end of the connection. Nothing follows.
    Close {
        /// WebSocket close code; of no meaning on TCP.
        code: u16,
        /// For the peer's log: at most 123 bytes, without content of the call.
        reason: String,
    },
}

/// A bridge for one connection.
pub fn bridge(protocol: Protocol, options: Options) -> Box<dyn Bridge> {
    match protocol {
        Protocol::Generic => Box::new(session::Talk::new(generic::Dialect::default(), options)),
        Protocol::Twilio => Box::new(session::Talk::new(twilio::Dialect::default(), options)),
        Protocol::Telnyx => Box::new(session::Talk::new(telnyx::Dialect::default(), options)),
        Protocol::Vonage => Box::new(session::Talk::new(vonage::Dialect, options)),
        Protocol::Jambonz => Box::new(session::Talk::new(jambonz::Dialect::default(), options)),
        Protocol::AudioStream => {
            Box::new(session::Talk::new(freeswitch::Dialect::new(freeswitch::Module::AudioStream), options))
        }
        Protocol::AudioFork => {
            Box::new(session::Talk::new(freeswitch::Dialect::new(freeswitch::Module::AudioFork), options))
        }
        Protocol::ChanWebsocket => Box::new(session::Talk::new(chan_websocket::Dialect::default(), options)),
        Protocol::AudioSocket => Box::new(session::Talk::new(audiosocket::Dialect::default(), options)),
    }
}

/// What is known of a connection before its first message.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Custom parameters from elsewhere: the query of the address (without credentials), the configuration. What the
    /// protocol itself brings wins. docs/ingress.md lists the names that mean something.
    pub parameters: Parameters,
}

/// What a peer said.
#[derive(Clone, PartialEq)]
pub enum Incoming {
    /// The call begins; exactly once, before everything else.
    Started(Box<CallStart>),
    /// Sound of one track.
    Audio {
        /// Index into [`CallStart::tracks`].
        track: usize,
        /// In [-1, 1], at the track's rate.
        samples: Vec<f32>,
    },
    /// A hole that the protocol shows (chunk numbers, timestamps): as if this much silence had been sent.
    Lost {
        /// Index into [`CallStart::tracks`].
        track: usize,
        /// Length, at the track's rate.
        samples: u64,
    },
    /// A key was pressed.
    Dtmf {
        /// Index into [`CallStart::tracks`].
        track: usize,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: Redacted<char>,
    },
    /// What was played came to its end, or was cut off. Once for each [`Outgoing::Play`] with a mark.
    PlaybackFinished {
        /// The mark of the command.
        mark: String,
        /// False when it was flushed.
        completed: bool,
    },
    /// Nobody took the caller whom [`Outgoing::Transfer`] was to connect.
    TransferFailed,
    /// The call is over; nothing follows.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Why a peer ended the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// It said so: somebody hung up, or the stream was stopped.
    Stopped,
    /// It reported a failure of its own.
    PeerFailed,
}

/// What the call wants the peer to do.
#[derive(Clone, PartialEq)]
pub enum Outgoing {
    /// Play this after what is queued already.
    Play {
        /// In [-1, 1]; one channel.
        samples: Arc<[f32]>,
        /// Their rate; the bridge resamples to the peer's.
        rate: SampleRate,
        /// Ask for [`Incoming::PlaybackFinished`] with this name; unique among what is queued.
        mark: Option<String>,
    },
    /// Stop at once and forget what is queued, here and at the peer.
    Flush,
    /// End the call, or at least the stream (docs/ingress.md says which for each protocol).
    HangUp,
    /// Connect the caller to somebody else, where [`CallStart::can_transfer`] says that the protocol can.
    Transfer {
        /// Number or address as the peer understands it.
        target: Redacted<String>,
    },
}

/// The protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Allo's own, over WebSocket (docs/ingress.md).
    Generic,
    /// Twilio Media Streams; near copies of it too (SignalWire).
    Twilio,
    /// Telnyx media streaming.
    Telnyx,
    /// Vonage Voice, a WebSocket endpoint in an NCCO.
    Vonage,
    /// jambonz `listen` and `stream`.
    Jambonz,
    /// FreeSWITCH with mod_audio_stream.
    AudioStream,
    /// FreeSWITCH with mod_audio_fork.
    AudioFork,
    /// Asterisk's chan_websocket.
    ChanWebsocket,
    /// Asterisk's AudioSocket, over TCP.
    AudioSocket,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 9] = [
        Self::Generic,
        Self::Twilio,
        Self::Telnyx,
        Self::Vonage,
        Self::Jambonz,
        Self::AudioStream,
        Self::AudioFork,
        Self::ChanWebsocket,
        Self::AudioSocket,
    ];

    /// Its name in events, logs, metrics and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "websocket",
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
            Self::Vonage => "vonage",
            Self::Jambonz => "jambonz",
            Self::AudioStream => "freeswitch-stream",
            Self::AudioFork => "freeswitch-fork",
            Self::ChanWebsocket => "asterisk-websocket",
            Self::AudioSocket => "audiosocket",
        }
    }

    /// The protocol of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }

    /// The WebSocket subprotocol that the peer offers and wants confirmed.
    pub const fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Jambonz => Some("audio.jambonz.org"),
            Self::AudioFork => Some("audio.drachtio.org"),
            Self::ChanWebsocket => Some("media"),
            Self::Generic
            | Self::Twilio
            | Self::Telnyx
            | Self::Vonage
            | Self::AudioStream
            | Self::AudioSocket => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

// Debug by hand: messages and audio hold what people say.

impl fmt::Debug for Message<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "Text({} bytes)", text.len()),
            Self::Binary(bytes) => write!(formatter, "Binary({} bytes)", bytes.len()),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "Text({} bytes)", text.len()),
            Self::Binary(bytes) => write!(formatter, "Binary({} bytes)", bytes.len()),
            Self::Close { code, reason } => write!(formatter, "Close({code}, {reason:?})"),
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(start) => write!(formatter, "Started({start:?})"),
            Self::Audio { track, samples } => {
                write!(formatter, "Audio(track {track}, {} samples)", samples.len())
            }
            Self::Lost { track, samples } => write!(formatter, "Lost(track {track}, {samples} samples)"),
            Self::Dtmf { track, digit } => write!(formatter, "Dtmf(track {track}, {digit:?})"),
            Self::PlaybackFinished { mark, completed } => {
                write!(formatter, "PlaybackFinished({mark:?}, completed {completed})")
            }
            Self::TransferFailed => formatter.write_str("TransferFailed"),
            Self::Ended { reason } => write!(formatter, "Ended({reason:?})"),
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Play { samples, rate, mark } => {
                write!(formatter, "Play({} samples at {rate}, mark {mark:?})", samples.len())
            }
            Self::Flush => formatter.write_str("Flush"),
            Self::HangUp => formatter.write_str("HangUp"),
            Self::Transfer { target } => write!(formatter, "Transfer({target:?})"),
        }
    }
}
