//! The table of routes, and what surrounds every one of them.
//!
//! The router is made from the table and from nothing else, so the table is what `openapi.json` is checked against.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use uuid::Uuid;

use super::Service;
use super::config::Right;
use super::error::ApiError;
use super::metrics::RequestLabels;
use super::{access, desk, health, live, openai, scenario};

/// One path with one method.
#[derive(Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path as `OpenAPI` writes it.
    pub path: &'static str,
    /// What answers.
    pub endpoint: Endpoint,
    /// What a key must open; `None` for everybody.
    pub right: Option<Right>,
    /// Whose errors it speaks.
    pub face: Face,
}

/// Methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET, also of WebSockets.
    Get,
    /// POST.
    Post,
}

impl Method {
    /// As `OpenAPI` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }
}

/// The shape of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// `{"error":{…}}`.
    OpenAi,
    /// `{"err_code","err_msg","request_id"}`.
    Deepgram,
}

impl Face {
    /// An error in this shape.
    pub fn respond(self, error: &ApiError) -> Response {
        match self {
            Self::OpenAi => error.respond(Json(error.body())),
            Self::Deepgram => error.respond(Json(super::deepgram::wire::Failure::new(error))),
        }
    }
}

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Is the process alive.
    Health,
    /// Does it take work.
    Ready,
    /// Figures.
    Metrics,
    /// The description of all this.
    OpenApi,
    /// OpenAI: recordings to text.
    Transcriptions,
    /// OpenAI: recordings to English text.
    Translations,
    /// OpenAI: the models.
    Models,
    /// OpenAI: one model.
    Model,
    /// OpenAI: realtime transcription.
    Realtime,
    /// Deepgram: live transcription.
    Listen,
    /// Allo's own protocol for live calls.
    CallStream,
    /// Other peers' protocols.
    Ingress,
    /// The calls that go on.
    Calls,
    /// One call.
    Call,
    /// The events of a call.
    CallEvents,
    /// Tells of a call that will come.
    ExpectCall,
    /// What was said in a call.
    CallTranscript,
    /// Playing, transferring and ending by somebody else's voicebot.
    CallControl,
    /// The calls that are handed over.
    DeskEvents,
    /// The page that shows them.
    DeskLive,
    /// The form for a key.
    DeskForm,
    /// A key for a cookie.
    DeskSignIn,
    /// The cookie is worth nothing any more.
    DeskSignOut,
    /// Style and script of the pages.
    DeskAsset,
    /// Reads the scenario of the bot anew.
    ReloadScenario,
}

const fn route(method: Method, path: &'static str, endpoint: Endpoint, right: Option<Right>) -> Route {
    Route { method, path, endpoint, right, face: Face::OpenAi }
}

/// Every route.
pub const ROUTES: &[Route] = &[
    route(Method::Get, "/healthz", Endpoint::Health, None),
    route(Method::Get, "/readyz", Endpoint::Ready, None),
    route(Method::Get, "/openapi.json", Endpoint::OpenApi, None),
    route(Method::Get, "/metrics", Endpoint::Metrics, Some(Right::Admin)),
    route(Method::Post, "/v1/audio/transcriptions", Endpoint::Transcriptions, Some(Right::Transcribe)),
    route(Method::Post, "/v1/audio/translations", Endpoint::Translations, Some(Right::Transcribe)),
    route(Method::Get, "/v1/models", Endpoint::Models, Some(Right::Transcribe)),
    route(Method::Get, "/v1/models/{model}", Endpoint::Model, Some(Right::Transcribe)),
    route(Method::Get, "/v1/realtime", Endpoint::Realtime, Some(Right::Stream)),
    Route { face: Face::Deepgram, ..route(Method::Get, "/v1/listen", Endpoint::Listen, Some(Right::Stream)) },
    route(Method::Get, "/v1/calls", Endpoint::Calls, Some(Right::Read)),
    route(Method::Get, "/v1/calls/stream", Endpoint::CallStream, Some(Right::Stream)),
    route(Method::Post, "/v1/calls/expected", Endpoint::ExpectCall, Some(Right::Stream)),
    route(Method::Get, "/v1/calls/{id}", Endpoint::Call, Some(Right::Read)),
    route(Method::Get, "/v1/calls/{id}/events", Endpoint::CallEvents, Some(Right::Read)),
    route(Method::Get, "/v1/calls/{id}/transcript", Endpoint::CallTranscript, Some(Right::Read)),
    route(Method::Get, "/v1/calls/{id}/control", Endpoint::CallControl, Some(Right::Control)),
    route(Method::Get, "/v1/desk/events", Endpoint::DeskEvents, Some(Right::Desk)),
    route(Method::Get, "/desk/live", Endpoint::DeskLive, None),
    route(Method::Get, "/desk/sign-in", Endpoint::DeskForm, None),
    route(Method::Post, "/desk/sign-in", Endpoint::DeskSignIn, None),
    route(Method::Post, "/desk/sign-out", Endpoint::DeskSignOut, None),
    route(Method::Get, "/desk/assets/{file}", Endpoint::DeskAsset, None),
    route(Method::Post, "/v1/scenario/reload", Endpoint::ReloadScenario, Some(Right::Admin)),
    route(Method::Get, "/ingress/{protocol}", Endpoint::Ingress, Some(Right::Stream)),
    route(Method::Get, "/ingress/{protocol}/{key}", Endpoint::Ingress, Some(Right::Stream)),
];

impl Route {
    /// Whether the last part of the path is the key: for peers that can be given an address and nothing else.
    pub fn has_path_key(&self) -> bool {
        self.path.ends_with("/{key}")
    }

    fn handler(&self) -> MethodRouter<Arc<Service>> {
        match self.endpoint {
            Endpoint::Health => get(health::health),
            Endpoint::Ready => get(health::ready),
            Endpoint::Metrics => get(health::metrics),
            Endpoint::OpenApi => get(health::open_api),
            Endpoint::Transcriptions => post(openai::transcriptions::transcribe),
            Endpoint::Translations => post(openai::transcriptions::translate),
            Endpoint::Models => get(openai::models::list),
            Endpoint::Model => get(openai::models::one),
            Endpoint::Realtime => get(live::faces::realtime),
            Endpoint::Listen => get(live::faces::listen),
            Endpoint::CallStream => get(live::ingress::generic),
            Endpoint::Ingress => get(live::ingress::peer),
            Endpoint::Calls => get(live::calls::list),
            Endpoint::Call => get(live::calls::one),
            Endpoint::CallEvents => get(live::calls::events),
            Endpoint::ExpectCall => post(live::expected::expect),
            Endpoint::CallTranscript => get(live::calls::transcript),
            Endpoint::CallControl => get(live::control::control),
            Endpoint::DeskEvents => get(desk::events::events),
            Endpoint::DeskLive => get(desk::pages::live),
            Endpoint::DeskForm => get(desk::pages::form),
            Endpoint::DeskSignIn => post(desk::pages::sign_in),
            Endpoint::DeskSignOut => post(desk::pages::sign_out),
            Endpoint::DeskAsset => get(desk::pages::asset),
            Endpoint::ReloadScenario => post(scenario::reload),
        }
    }
}

/// The router over `service`.
pub fn router(service: Arc<Service>) -> Router {
    let body_bytes = usize::try_from(service.config.limits.body_bytes).unwrap_or(usize::MAX);
    let mut router = Router::new();
    for route in ROUTES {
        let gate = middleware::from_fn_with_state((Arc::clone(&service), route), access::gate);
        router = router.route(route.path, route.handler().layer(gate));
    }
    router
        .method_not_allowed_fallback(|| async { ApiError::Method })
        .fallback(|| async { ApiError::NotFound { what: "such path".into() } })
        .layer(DefaultBodyLimit::max(body_bytes))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), access::cors))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), observe))
        .with_state(service)
}

/// Name of the header that identifies a request to both sides.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Counts and times each request and gives its answer an id.
async fn observe(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let begun = service.clock.monotonic();
    let matched = request.extensions().get::<MatchedPath>().map(|it| it.as_str().to_owned());
    let route = matched.and_then(|path| ROUTES.iter().find(|route| route.path == path));
    let method = match *request.method() {
        axum::http::Method::GET => "GET",
        axum::http::Method::POST => "POST",
        _ => "other",
    };
    let id = Uuid::new_v4();
    let mut response = next.run(request).await;
    let took = service.clock.monotonic() - begun;
    let status = response.status().as_u16();
    let path = route.map_or("unmatched", |route| route.path);
    service.metrics.request(RequestLabels { route: path, method, status }, took);
    tracing::debug!(%id, route = path, method, status, took_ms = took.as_millis(), "answered");
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Plain text with the right type.
pub fn text(status: StatusCode, content_type: &'static str, body: impl Into<String>) -> Response {
    (status, [(axum::http::header::CONTENT_TYPE, content_type)], body.into()).into_response()
}
