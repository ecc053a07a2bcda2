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
use crate::live::Trouble;

/// The description of every route, `OpenAPI` 3.1.
pub const OPEN_API: &str = include_str!("openapi.json");

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The process answers: alive.
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok", reason: None, version: VERSION })
}

/// Whether work is taken; 503 while the service is being stopped, and when a part that calls depend on hangs or has ended,
/// so that a balancer sends it elsewhere.
pub async fn ready(State(service): State<Arc<Service>>) -> Response {
    let trouble = service.live.as_ref().and_then(|live| live.trouble());
    let (code, health) = readiness(service.is_stopping(), trouble);
    (code, Json(health)).into_response()
}

fn readiness(is_stopping: bool, trouble: Option<Trouble>) -> (StatusCode, Health) {
    let (code, status, reason) = match (is_stopping, trouble) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping", None),
        (false, Some(trouble)) => (StatusCode::SERVICE_UNAVAILABLE, "failed", Some(trouble.name())),
        (false, None) => (StatusCode::OK, "ready", None),
    };
    (code, Health { status, reason, version: VERSION })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_ready_says_why() {
        for (is_stopping, trouble, expected) in [
            (false, None, (200, "ready", None)),
            (true, Some(Trouble::HearingStuck), (503, "stopping", None)),
            (false, Some(Trouble::HearingEnded), (503, "failed", Some("hearing_ended"))),
            (false, Some(Trouble::HearingStuck), (503, "failed", Some("hearing_stuck"))),
            (false, Some(Trouble::RecognitionStuck), (503, "failed", Some("recognition_stuck"))),
        ] {
            let (code, health) = readiness(is_stopping, trouble);
            assert_eq!((code.as_u16(), health.status, health.reason), expected);
        }
    }
}
