//! What other people's live interfaces have in common: a pure machine between a WebSocket and a live call.
//!
//! ```text
//! client ── text, binary ─▶ Face::receive ─ Demand ─▶ driver ─▶ live call
//!        ◀── Reply ──────── Face::event ◀── Event ─── driver ◀────┘
//! ```
//!
//! A face knows its protocol and nothing of sockets; the driver (`serve::socket`) knows sockets and nothing of the
//! protocol. Time is an argument. The call is opened by a demand, when the face knows what kind of audio comes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::asr::LanguageChoice;
use crate::audio::SampleRate;
use crate::call::event::Event;

/// The machine of one connection.
pub trait Face: Send {
    /// Takes one message of the client.
    fn receive(&mut self, message: Received<'_>, now: Instant, effects: &mut Effects);

    /// Takes one event of the call.
    fn event(&mut self, event: &Event, effects: &mut Effects);

    /// Everything that was demanded before [`Demand::Settle`] has been heard and its events were given.
    fn settled(&mut self, effects: &mut Effects);

    /// The call could not be opened.
    fn refused(&mut self, refusal: &Refusal, effects: &mut Effects);

    /// Gives what is due at `now`.
    fn poll(&mut self, now: Instant, effects: &mut Effects);

    /// When [`Face::poll`] has something to do without a message; `None` when it has not.
    fn next_deadline(&self) -> Option<Instant>;
}

/// A message of the client.
#[derive(Debug, Clone, Copy)]
pub enum Received<'a> {
    /// Text.
    Text(&'a str),
    /// Binary.
    Binary(&'a [u8]),
}

/// What a face wants, in order. The driver drains it after every call.
#[derive(Debug, Default)]
pub struct Effects {
    /// For the call.
    pub demands: Vec<Demand>,
    /// For the client.
    pub sends: Vec<Reply>,
}

impl Effects {
    /// Sends text.
    pub fn text(&mut self, text: String) {
        self.sends.push(Reply::Text(text));
    }

    /// Closes the connection.
    pub fn close(&mut self, code: u16, reason: &'static str) {
        self.sends.push(Reply::Close { code, reason });
    }
}

/// For the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A text message.
    Text(String),
    /// The end.
    Close {
        /// WebSocket close code.
        code: u16,
        /// At most 123 bytes.
        reason: &'static str,
    },
}

/// For the call.
#[derive(Debug, Clone, PartialEq)]
pub enum Demand {
    /// Begin it.
    Open(Box<Opening>),
    /// Hear this.
    Audio {
        /// Index of the track.
        track: usize,
        /// In [-1, 1], at the rate of the opening.
        samples: Vec<f32>,
    },
    /// End the turns that go on with what was heard so far, work everything off, then tell [`Face::settled`]. It takes no time
    /// of the call.
    Settle,
    /// End it.
    End,
}

/// What a call is opened with.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// Tracks, all of one rate.
    pub tracks: usize,
    /// Their rate.
    pub rate: SampleRate,
    /// The language, or those it may be.
    pub language: LanguageChoice,
    /// Names and terms that may be said.
    pub vocabulary: Arc<[String]>,
    /// Whether partials are wanted.
    pub partials: bool,
    /// What the client says about the end of turns; `None` leaves it to the service.
    pub pause: Option<Pause>,
}

/// A turn that ends by a pause of fixed length and by nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pause {
    /// How long.
    pub length: Duration,
    /// Probability from which sound is speech; `None` for the service's own.
    pub threshold: Option<f32>,
    /// Audio kept before speech; `None` for the service's own.
    pub pre_roll: Option<Duration>,
}

/// Why a call could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The machine is full.
    Busy {
        /// When it makes sense to try again.
        retry_after: Duration,
    },
    /// Calls are not listened to at the moment.
    Deaf {
        /// When it makes sense to try again.
        retry_after: Duration,
    },
    /// The service is being stopped.
    Stopping,
    /// Not the client's fault; the text is for the client.
    Failed {
        /// With the id under which the log tells more.
        message: String,
    },
}

impl Refusal {
    /// The WebSocket close code: 1013 says to try again later.
    pub const fn close_code(&self) -> u16 {
        match self {
            Self::Busy { .. } | Self::Deaf { .. } | Self::Stopping => 1013,
            Self::Failed { .. } => 1011,
        }
    }

    /// The reason in the close frame.
    pub const fn close_reason(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "busy, try again later",
            Self::Deaf { .. } => "calls are not listened to at the moment, try again later",
            Self::Stopping => "the service is being stopped",
            Self::Failed { .. } => "internal error",
        }
    }
}
