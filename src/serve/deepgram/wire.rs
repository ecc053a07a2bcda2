//! Deepgram's JSON, as its official client libraries read it.

use serde::Serialize;
use uuid::Uuid;

use crate::serve::error::ApiError;

/// An error in Deepgram's shape.
#[derive(Debug, Serialize)]
pub struct Failure {
    err_code: String,
    err_msg: String,
    request_id: Uuid,
}

impl Failure {
    /// The same error, for clients of Deepgram.
    pub fn new(error: &ApiError) -> Self {
        Self {
            err_code: error.code().to_ascii_uppercase(),
            err_msg: error.public_message(),
            request_id: Uuid::new_v4(),
        }
    }
}
