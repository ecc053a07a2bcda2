//! `GET /v1/models`: the loaded model, and the names by which clients of OpenAI may call it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::known_model;
use super::wire::{Model, ModelList};
use crate::serve::Service;
use crate::serve::error::ApiError;

/// All of them.
pub async fn list(State(service): State<Arc<Service>>) -> Json<ModelList> {
    let own = std::iter::once(&service.offer.model);
    Json(ModelList::new(own.chain(&service.config.model_aliases).cloned().map(Model::new).collect()))
}

/// One of them.
pub async fn one(
    State(service): State<Arc<Service>>,
    Path(model): Path<String>,
) -> Result<Json<Model>, ApiError> {
    known_model(&model, &service.offer, &service.config.model_aliases)?;
    Ok(Json(Model::new(model)))
}
