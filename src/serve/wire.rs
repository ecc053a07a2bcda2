//! What is written outside by every part of the service.

use serde::Serialize;

/// An error in OpenAI's shape.
#[derive(Debug, Serialize)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What an error is.
#[derive(Debug, Serialize)]
pub struct ErrorDetail {
    /// For people.
    pub message: String,
    /// `invalid_request_error` or `server_error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The parameter that is to blame.
    pub param: Option<String>,
    /// For programs.
    pub code: &'static str,
}

/// The line on stdout that tells that the service is ready, and where.
#[derive(Debug, Serialize)]
pub struct ReadyLine {
    /// Always true.
    pub ready: bool,
    /// Address of HTTP and WebSocket.
    pub http: String,
    /// Address of AudioSocket, where it is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audiosocket: Option<String>,
}

/// The answer of `/healthz` and `/readyz`.
#[derive(Debug, Serialize)]
pub struct Health {
    /// `ok`, `ready`, or why not.
    pub status: &'static str,
    /// What hangs or has ended, when `status` is `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The version that runs.
    pub version: &'static str,
}
