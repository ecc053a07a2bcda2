//! A multipart form with one recording, received to a temporary file as it comes.

use std::time::Duration;

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::http::StatusCode;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

use crate::serve::config::Limits;
use crate::serve::error::ApiError;

/// Most bytes of a field that is not the recording.
const FIELD_BYTES_MAX: usize = 64 * 1024;
/// Most fields.
const FIELDS_MAX: usize = 2_000;

/// What a client sent.
pub struct Form {
    /// The recording; the file goes when this does.
    pub recording: NamedTempFile,
    /// Name that the client gave it.
    pub file_name: String,
    /// The other fields, in their order.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Receives all of it.
    ///
    /// # Errors
    /// Too large, too slow, not a form, or no recording in it.
    pub async fn receive(mut form: Multipart, limits: &Limits) -> Result<Self, ApiError> {
        let mut recording = None;
        let mut fields = Vec::new();
        while let Some(field) = in_time(form.next_field(), limits).await? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" {
                if recording.is_some() {
                    return Err(ApiError::parameter("file", "`file` is there twice"));
                }
                let file_name = field.file_name().unwrap_or("the recording").chars().take(255).collect();
                recording = Some((receive_file(field, limits).await?, file_name));
                continue;
            }
            if fields.len() >= FIELDS_MAX {
                return Err(ApiError::Malformed {
                    message: format!("the form has more than {FIELDS_MAX} fields"),
                });
            }
            let value = receive_text(field, &name, limits).await?;
            fields.push((name, value));
        }
        let (recording, file_name) =
            recording.ok_or_else(|| ApiError::parameter("file", "`file` is missing: the recording"))?;
        Ok(Self { recording, file_name, fields })
    }
}

async fn receive_file(mut field: Field<'_>, limits: &Limits) -> Result<NamedTempFile, ApiError> {
    // Only the user who runs the service can read it.
    let file = tempfile::Builder::new().prefix("allo-").tempfile().map_err(ApiError::internal)?;
    let mut writer = tokio::fs::File::from_std(file.reopen().map_err(ApiError::internal)?);
    while let Some(chunk) = in_time(field.chunk(), limits).await? {
        writer.write_all(&chunk).await.map_err(ApiError::internal)?;
    }
    writer.flush().await.map_err(ApiError::internal)?;
    Ok(file)
}

async fn receive_text(mut field: Field<'_>, name: &str, limits: &Limits) -> Result<String, ApiError> {
    let shown: String = name.chars().take(40).collect();
    let mut bytes = Vec::new();
    while let Some(chunk) = in_time(field.chunk(), limits).await? {
        if bytes.len() + chunk.len() > FIELD_BYTES_MAX {
            let message = format!("`{shown}` is longer than {FIELD_BYTES_MAX} bytes");
            return Err(ApiError::parameter(shown, message));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes)
        .map_err(|_| ApiError::parameter(shown.clone(), format!("`{shown}` is no UTF-8 text")))
}

async fn in_time<T>(
    step: impl Future<Output = Result<T, MultipartError>>,
    limits: &Limits,
) -> Result<T, ApiError> {
    let idle: Duration = limits.idle;
    let done = tokio::time::timeout(idle, step).await.map_err(|_| ApiError::Stalled { idle })?;
    done.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge { limit_bytes: limits.body_bytes },
        StatusCode::INTERNAL_SERVER_ERROR => ApiError::internal(error),
        _ => ApiError::Malformed { message: format!("the form cannot be read: {}", error.body_text()) },
    })
}
