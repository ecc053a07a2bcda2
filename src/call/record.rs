//! One finished call as it is kept.

use jiff::Timestamp;

use super::{CallId, IntentDecision, Note, Transcript};

/// Everything that is kept of a call, made once when the call is finished.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRecord {
    /// Identity of the call. A recording that was kept before goes on under the identity it had.
    pub id: CallId,
    /// File name or line the call came from, as the user named it. It may hold a telephone number: never log it.
    pub source: String,
    /// SHA-256 of the recording's bytes, so that the same recording is kept once; `None` for a live call.
    pub content_hash: Option<[u8; 32]>,
    /// When the call began, where that is known.
    pub started_at: Option<Timestamp>,
    /// When the record was made, to the millisecond; from the driver's clock.
    pub created_at: Timestamp,
    /// Name of the recognition model.
    pub model: String,
    /// What was said.
    pub transcript: Transcript,
    /// What the caller wanted, when an intent classifier judged it.
    pub intent: Option<IntentDecision>,
    /// What was written down about it.
    pub note: Note,
    /// Segments whose text was rejected as not spoken.
    pub rejected_segments: u32,
}
