//! What a call wants its connection to do, and which of it that can.

use std::sync::Arc;

use crate::audio::SampleRate;
use crate::redact::Redacted;

/// Begin of marks that calls give to what is played without one; their end is no event.
pub(super) const INTERNAL_MARK: &str = "allo:";

/// Whether the end of what is played under this mark is no event.
pub fn is_internal_mark(mark: &str) -> bool {
    mark.starts_with(INTERNAL_MARK)
}

/// Which commands the connection of a call carries out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abilities {
    /// [`super::Controls::play`] and [`super::Controls::flush`].
    pub plays: bool,
    /// [`super::Controls::transfer`].
    pub transfers: bool,
    /// [`super::Controls::hang_up`].
    pub hangs_up: bool,
}

/// See the module; the connection carries it out as its protocol can.
#[derive(Clone, PartialEq)]
pub enum Command {
    /// Play this after what is queued already, and say when it has ended.
    Play {
        /// One channel, in [-1, 1].
        samples: Arc<[f32]>,
        /// Its rate.
        rate: SampleRate,
        /// The name under which its end is reported.
        mark: String,
    },
    /// Stop at once and forget what is queued.
    Flush,
    /// End the call.
    HangUp,
    /// Connect the caller to somebody else.
    Transfer {
        /// Number or address as the peer understands it.
        target: Redacted<String>,
    },
}

impl std::fmt::Debug for Command {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
