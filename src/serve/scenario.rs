//! `POST /v1/scenario/reload`: a changed scenario for new calls, at once instead of at the next look at its files.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Service;
use super::error::{ApiError, chain};
use crate::bot::Error;

/// Reads the scenario of the bot anew; calls that go on keep theirs.
///
/// # Errors
/// No bot answers calls here; the scenario has mistakes, each named: then the one before stays.
pub async fn reload(State(service): State<Arc<Service>>) -> Result<Json<Value>, ApiError> {
    let bot = service.bot.as_ref();
    let bot =
        bot.ok_or_else(|| ApiError::NotFound { what: "scenario here: no bot is configured".to_owned() })?;
    match bot.reload().await {
        Ok(reloaded) => Ok(Json(json!({
            "scenario": reloaded.scenario,
            "version": reloaded.version,
            "changed": reloaded.is_changed,
        }))),
        Err(error @ (Error::Scenario(_) | Error::Voice(_))) => {
            let message = chain(&error);
            tracing::error!(error = message, "the scenario is refused, the one before stays");
            Err(ApiError::Refused { message })
        }
        Err(error @ Error::BrokenOff) => Err(ApiError::internal(error)),
    }
}
