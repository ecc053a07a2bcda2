//! Every error that a client can meet, and its HTTP status, in one place.
//!
//! The body has OpenAI's shape, `{"error":{"message","type","param","code"}}`, on every route but Deepgram's, which
//! have Deepgram's. What went wrong inside goes to the log with an id; the client gets the id.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::config::Right;
use super::keys::Denied;
use super::wire::{ErrorBody, ErrorDetail};

/// Why a request has no other answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A parameter has a value that is not supported, or one is missing.
    #[error("{message}")]
    Parameter {
        /// Its name, as the client wrote it.
        name: Cow<'static, str>,
        /// What is wrong with it and what would be right.
        message: String,
    },
    /// The request is not what its content type says.
    #[error("{message}")]
    Malformed {
        /// What is wrong.
        message: String,
    },
    /// What is on this machine's side cannot be used as it is; the message says what is to be corrected.
    #[error("{message}")]
    Refused {
        /// What is wrong.
        message: String,
    },
    /// There is no such model.
    #[error("the model `{model}` does not exist here; GET /v1/models lists those that do")]
    UnknownModel {
        /// What was asked for.
        model: String,
    },
    /// No key, or one that is not known.
    #[error("{}", if *.shown { "this API key is not known" } else { "an API key is needed: send `Authorization: Bearer KEY`" })]
    Unauthorized {
        /// Whether a key was shown.
        shown: bool,
    },
    /// The key does not open this.
    #[error("this API key lacks the right `{right}`")]
    Forbidden {
        /// What it would need.
        right: Right,
    },
    /// A web page that is not allowed, or a name that is not this machine's, while no key protects the service.
    #[error("{message}")]
    ForeignPage {
        /// Which, and the remedy.
        message: String,
    },
    /// There is nothing of that name.
    #[error("there is no {what}")]
    NotFound {
        /// What.
        what: String,
    },
    /// The path does not take this method.
    #[error("this path does not take this method; GET /openapi.json lists what does")]
    Method,
    /// The request is larger than allowed.
    #[error("the request is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The client was silent for too long in the middle of its request.
    #[error("nothing was received for {} s in the middle of the request", idle.as_secs())]
    Stalled {
        /// The limit.
        idle: Duration,
    },
    /// There is no room for this one.
    #[error("the service is busy; try again in {} s", retry_after.as_secs().max(1))]
    Busy {
        /// When it makes sense to try again.
        retry_after: Duration,
    },
    /// Calls are not listened to, which may pass; `/readyz` says why.
    #[error("calls are not listened to at the moment; try again in {} s", retry_after.as_secs().max(1))]
    Deaf {
        /// When it makes sense to try again.
        retry_after: Duration,
    },
    /// The service is being stopped.
    #[error("the service is being stopped")]
    Stopping,
    /// Not the client's fault.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// A parameter whose value cannot be used.
    pub fn parameter(name: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::Parameter { name: name.into(), message: message.into() }
    }

    /// A failure inside.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// The one place where errors become statuses.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Parameter { .. } | Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } | Self::ForeignPage { .. } => StatusCode::FORBIDDEN,
            Self::UnknownModel { .. } | Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Stalled { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy { .. } | Self::Deaf { .. } | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A short name that programs can branch on.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Parameter { .. } => "unsupported_value",
            Self::Malformed { .. } => "malformed_request",
            Self::Refused { .. } => "unusable",
            Self::UnknownModel { .. } => "model_not_found",
            Self::Unauthorized { .. } => "invalid_api_key",
            Self::Forbidden { .. } => "insufficient_rights",
            Self::ForeignPage { .. } => "foreign_page",
            Self::NotFound { .. } => "not_found",
            Self::Method => "method_not_allowed",
            Self::TooLarge { .. } => "request_too_large",
            Self::Stalled { .. } => "request_timeout",
            Self::Busy { .. } => "busy",
            Self::Deaf { .. } => "not_listening",
            Self::Stopping => "stopping",
            Self::Internal(_) => "internal_error",
        }
    }

    /// The parameter that is to blame, where one is.
    pub fn parameter_name(&self) -> Option<&str> {
        match self {
            Self::Parameter { name, .. } => Some(name),
            Self::UnknownModel { .. } => Some("model"),
            Self::Malformed { .. }
            | Self::Refused { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::ForeignPage { .. }
            | Self::NotFound { .. }
            | Self::Method
            | Self::TooLarge { .. }
            | Self::Stalled { .. }
            | Self::Busy { .. }
            | Self::Deaf { .. }
            | Self::Stopping
            | Self::Internal(_) => None,
        }
    }

    /// When it makes sense to try again, where it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } | Self::Deaf { retry_after } => {
                Some((*retry_after).max(Duration::from_secs(1)))
            }
            Self::Stopping => Some(Duration::from_secs(5)),
            Self::Parameter { .. }
            | Self::Malformed { .. }
            | Self::Refused { .. }
            | Self::UnknownModel { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::ForeignPage { .. }
            | Self::NotFound { .. }
            | Self::Method
            | Self::TooLarge { .. }
            | Self::Stalled { .. }
            | Self::Internal(_) => None,
        }
    }

    /// The message for the client. Internal text is logged here, under the id that the client gets.
    pub fn public_message(&self) -> String {
        let Self::Internal(source) = self else { return self.to_string() };
        let id = Uuid::new_v4();
        tracing::error!(%id, error = %chain(source.as_ref()), "a request failed");
        format!("internal error; the service's log tells more under the id {id}")
    }

    /// The body in OpenAI's shape.
    pub fn body(&self) -> ErrorBody {
        let kind = if self.status().is_server_error() { "server_error" } else { "invalid_request_error" };
        ErrorBody {
            error: ErrorDetail {
                message: self.public_message(),
                kind,
                param: self.parameter_name().map(str::to_owned),
                code: self.code(),
            },
        }
    }

    /// The headers and status around `body`.
    pub fn respond(&self, body: impl IntoResponse) -> Response {
        let mut response = (self.status(), body).into_response();
        if let Some(wait) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        if matches!(self, Self::Unauthorized { .. }) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NoKey => Self::Unauthorized { shown: false },
            Denied::UnknownKey => Self::Unauthorized { shown: true },
            Denied::Lacks { right, .. } => Self::Forbidden { right },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(self.body());
        self.respond(body)
    }
}

/// An error with its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_inside_is_not_told_outside() {
        let error = ApiError::internal("disk /secret/place is full");
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let message = error.body().error.message;
        assert!(!message.contains("secret") && message.contains("under the id"), "{message}");
    }

    #[test]
    fn a_busy_service_says_when_to_come_back() {
        let response = ApiError::Busy { retry_after: Duration::from_millis(10) }.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
