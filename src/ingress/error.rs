//! What can be wrong with a peer's messages, and with what is asked of a peer.

/// What a message, or a command, was refused for. No variant holds content of the call: what a peer sent is named, not
/// shown. After an error of a message the connection goes on, unless the replies hold a [`super::Reply::Close`]: before
/// the call has started, when the start itself is wrong, when a message is too large, or when nothing but
/// errors came for a while.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A message is larger than the protocol ever needs. It was not looked at; the connection is closed.
    #[error("{protocol}: a message of {bytes} bytes, at most {limit_bytes} are taken")]
    TooLarge {
        /// Name of the protocol.
        protocol: &'static str,
        /// Size of the message.
        bytes: usize,
        /// The bound.
        limit_bytes: usize,
    },
    /// A text message is not the JSON, or the line, that the protocol sends.
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
        field: String,
        /// What is wrong and what it may be.
        what: String,
    },
    /// Audio that is not what was announced: an odd number of bytes, broken base64, a broken packet.
    #[error("{protocol}: audio that cannot be read: {what}")]
    InvalidAudio {
        /// Name of the protocol.
        protocol: &'static str,
        /// What is wrong.
        what: String,
    },
    /// Something came where it cannot come: audio before the start, a second start, a command before the start.
    #[error("{protocol}: {what}")]
    OutOfOrder {
        /// Name of the protocol.
        protocol: &'static str,
        /// What came, and when it may come.
        what: &'static str,
    },
    /// The peer reports a failure of its own.
    #[error("{protocol}: the peer reports an error{}", .code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    PeerFailed {
        /// Name of the protocol.
        protocol: &'static str,
        /// Its number, where there is one.
        code: Option<u64>,
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
        "{protocol}: {queued_s} s of audio would wait to be played, at most {limit_s} s and 256 prompts are kept; hint: wait for the end of a playback, or flush"
    )]
    PlaybackFull {
        /// Name of the protocol.
        protocol: &'static str,
        /// What would be queued, in seconds.
        queued_s: u64,
        /// The bound.
        limit_s: u64,
    },
}

impl Error {
    /// A field that holds what it may not.
    pub(super) fn invalid(protocol: &'static str, field: &str, what: &str) -> Self {
        Self::InvalidField { protocol, field: field.to_owned(), what: what.to_owned() }
    }

    /// The field that is wrong, as a path, where there is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::InvalidField { field, .. } => Some(field),
            Self::TooLarge { .. }
            | Self::Unreadable { .. }
            | Self::InvalidAudio { .. }
            | Self::OutOfOrder { .. }
            | Self::PeerFailed { .. }
            | Self::Unsupported { .. }
            | Self::PlaybackFull { .. } => None,
        }
    }

    /// A short name for metrics and for machines that read errors.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::Unreadable { .. } => "unreadable",
            Self::InvalidField { .. } => "invalid_field",
            Self::InvalidAudio { .. } => "invalid_audio",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::PeerFailed { .. } => "peer_failed",
            Self::Unsupported { .. } => "unsupported",
            Self::PlaybackFull { .. } => "playback_full",
        }
    }

    /// The WebSocket close code (RFC 6455 section 7.4.1) when this ends a connection.
    pub(super) const fn close_code(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 1009,
            Self::Unreadable { .. } | Self::InvalidAudio { .. } => 1007,
            Self::InvalidField { .. }
            | Self::OutOfOrder { .. }
            | Self::PeerFailed { .. }
            | Self::Unsupported { .. }
            | Self::PlaybackFull { .. } => 1008,
        }
    }
}
