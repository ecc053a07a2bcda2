//! What watches the service: is it alive, does it take work, what are its figures, what does it offer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Service;
use super::router::text;
use super::wire::Health;
use super::{conversations, deliveries, desk};

/// The description of every route, `OpenAPI` 3.1.
pub const OPEN_API: &str = include_str!("openapi.json");

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The process answers: alive.
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: VERSION })
}

/// Whether work is taken; 503 while the service is being stopped, and when nobody listens to calls any more, so that a
/// balancer sends it elsewhere.
pub async fn ready(State(service): State<Arc<Service>>) -> Response {
    let (code, status) = if service.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping")
    } else if service.live.as_ref().is_some_and(|live| !live.is_listening()) {
        (StatusCode::SERVICE_UNAVAILABLE, "failed")
    } else {
        (StatusCode::OK, "ready")
    };
    (code, Json(Health { status, version: VERSION })).into_response()
}

/// The figures, for Prometheus.
pub async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let pool = service.intake.transcriber.pool.snapshot();
    let live = service.live.as_ref().map(|live| live.snapshot());
    let mut figures = service.metrics.render(&pool, live.as_ref());
    deliveries::write(&mut figures, &service.webhooks.as_ref().map(|it| it.snapshot()).unwrap_or_default());
    desk::figures::write(&mut figures, service.desk.figures());
    if let Some(bot) = &service.bot {
        conversations::write(&mut figures, &bot.figures());
    }
    text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", figures)
}

/// The description of the interface.
pub async fn open_api() -> Response {
    text(StatusCode::OK, "application/json", OPEN_API)
}
