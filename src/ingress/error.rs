//! What can be wrong with a peer's messages, and with what is asked of a peer.

/// What a message, or a command, was refused for. The call itself lives on unless [`Error::severity`] says otherwise.
/// No variant holds content of the call: values that a peer sent are named, not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A message is larger than the protocol ever needs. It was not looked at.
    #[error("{protocol}: a message of {bytes} bytes, at most {limit_bytes} are taken")]
    TooLarge {
        /// Name of the protocol.
        protocol: &'static str,
        /// Size of the message.
        bytes: usize,
        /// The bound.
        limit_bytes: usize,
    },
    /// A text message is not the JSON that the protocol sends.
    #[error("{protocol}: a message that cannot be read: {what}")]
    Unreadable {
        /// Name of the protocol.
        protocol: &'static str,
        /// Where it breaks, without the text itself.
        what: String,
    },
    /// A field is missing or holds what it cannot hold.
    #[error("{protocol}: `{field}` {what}")]
    InvalidField {
        /// Name of the protocol.
        protocol: &'static str,
        /// The field, as a path (`start.mediaFormat.sampleRate`).
        field: &'static str,
        /// What is wrong and what it may be.
        what: String,
    },
    /// Audio that is not what was announced: an odd number of bytes, half a frame, a broken packet.
    #[error("{protocol}: audio that cannot be read: {what}")]
    InvalidAudio {
        /// Name of the protocol.
        protocol: &'static str,
        /// What is wrong.
        what: String,
    },
    /// Something came at a point of the conversation where it cannot come: audio before the start, a second start,
    /// anything after the end.
    #[error("{protocol}: {what}")]
    OutOfOrder {
        /// Name of the protocol.
        protocol: &'static str,
        /// What came, and when it may come.
        what: &'static str,
    },
    /// The peer cannot do what a command asks.
    #[error("{protocol}: cannot {what}")]
    Unsupported {
        /// Name of the protocol.
        protocol: &'static str,
        /// What it cannot do.
        what: &'static str,
    },
    /// More audio is waiting to be played than any prompt is long.
    #[error(
        "{protocol}: {queued_s} s wait to be played, at most {limit_s} s are kept; hint: wait for the end of a playback, or flush"
    )]
    PlaybackFull {
        /// Name of the protocol.
        protocol: &'static str,
        /// What is queued, in seconds, with what was refused.
        queued_s: u64,
        /// The bound.
        limit_s: u64,
    },
}

/// What an error means for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The message or command was dropped; the call goes on. A driver counts these and gives up on a peer that sends many.
    Dropped,
    /// The peer does not speak the protocol: the connection is closed with this WebSocket code (RFC 6455 section 7.4.1).
    Fatal {
        /// Close code.
        code: u16,
    },
}

impl Error {
    /// What it means for the connection.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::TooLarge { .. } => Severity::Fatal { code: 1009 },
            Self::InvalidField { .. } | Self::OutOfOrder { .. } => Severity::Fatal { code: 1008 },
            Self::Unreadable { .. }
            | Self::InvalidAudio { .. }
            | Self::Unsupported { .. }
            | Self::PlaybackFull { .. } => Severity::Dropped,
        }
    }

    /// The field that is wrong, as a path, where there is one.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::InvalidField { field, .. } => Some(field),
            Self::TooLarge { .. }
            | Self::Unreadable { .. }
            | Self::InvalidAudio { .. }
            | Self::OutOfOrder { .. }
            | Self::Unsupported { .. }
            | Self::PlaybackFull { .. } => None,
        }
    }
}
