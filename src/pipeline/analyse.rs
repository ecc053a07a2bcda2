//! What a transcript means: the caller's purpose, the intent and route, the note; made into one record.

use std::path::Path;

use jiff::Timestamp;
use uuid::Uuid;

use crate::call::{CallId, CallRecord, Transcript};
use crate::models;
use crate::notes;
use crate::pipeline::Error;
use crate::pipeline::understanding::Understanding;
use crate::progress::Progress;

/// What is known about a call besides its words.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// File name or line, as the user named it.
    pub source: String,
    /// SHA-256 of the recording, where there is one.
    pub content_hash: Option<[u8; 32]>,
    /// Name of the recognition model.
    pub model: String,
    /// When the record is made.
    pub now: Timestamp,
    /// Segments that were not believed.
    pub rejected_segments: u32,
}

/// Puts everything about a finished call together.
pub fn record(
    transcript: Transcript,
    understanding: Option<&Understanding>,
    circumstances: Circumstances,
) -> CallRecord {
    let intent = understanding.and_then(|understanding| understanding.judge(&transcript));
    let note = notes::write(&transcript, intent.as_ref());
    CallRecord {
        id: new_call_id(circumstances.now),
        source: circumstances.source,
        content_hash: circumstances.content_hash,
        started_at: None,
        created_at: circumstances.now,
        model: circumstances.model,
        transcript,
        intent,
        note,
        rejected_segments: circumstances.rejected_segments,
    }
}

/// An identity for a call that is first heard of at `now`.
pub fn new_call_id(now: Timestamp) -> CallId {
    // Version 7: sorted by time, so that the newest calls lie together in the store.
    CallId(Uuid::new_v7(uuid_time(now)))
}

fn uuid_time(now: Timestamp) -> uuid::Timestamp {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.subsec_nanosecond().unsigned_abs())
}

/// SHA-256 of a recording, by which the store knows it again.
///
/// # Errors
/// The file cannot be read.
pub fn content_hash(path: &Path) -> Result<[u8; 32], Error> {
    Ok(models::hash_file(path, &Progress::hidden())?.bytes())
}
