//! OpenAI's audio interface: recordings ([`transcriptions`]) and the models that clients ask for ([`models`]).
//!
//! What is supported and what is refused is listed in docs/openai.md.

pub mod form;
pub mod models;
pub mod order;
pub mod realtime;
pub mod transcriptions;
pub mod wire;

use super::Offer;
use super::error::ApiError;

/// The id under which the loaded model is known, or the alias that a client may use for it.
///
/// # Errors
/// [`ApiError::UnknownModel`].
pub fn known_model(model: &str, offer: &Offer, aliases: &[String]) -> Result<(), ApiError> {
    if model == offer.model || aliases.iter().any(|alias| alias == model) {
        return Ok(());
    }
    Err(ApiError::UnknownModel { model: model.chars().take(80).collect() })
}
