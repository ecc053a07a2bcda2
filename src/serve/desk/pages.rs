//! `/desk`: the page, the form that signs in, and their style and script.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use super::routes::Routes;
use super::session;
use super::words::{self, Words};
use crate::call::Language;
use crate::redact::Redacted;
use crate::serve::Service;
use crate::serve::config::Right;
use crate::serve::error::ApiError;

const LIVE: &str = include_str!("pages/live.html");
const SIGN_IN: &str = include_str!("pages/sign_in.html");
const STYLE: &str = include_str!("pages/desk.css");
const SCRIPT: &str = include_str!("pages/live.js");
const ICON: &str = include_str!("pages/icon.svg");

/// Only what this service itself sends is loaded, and nothing within the page is taken for a script or a style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Largest form: a key and what surrounds it.
const FORM_BYTES_MAX: usize = 4_096;

/// The page with the calls of a team. Who is not signed in is sent to the form.
///
/// # Errors
/// A parameter that is none.
pub async fn live(
    State(service): State<Arc<Service>>,
    Query(query): Query<Vec<(String, String)>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Routes::from_query(&query)?;
    if !is_signed_in(&service, &headers) {
        return Ok(see_other("/desk/sign-in", &uri));
    }
    let is_open = if service.keys.is_empty() { "hidden" } else { "" };
    let language = words::language(&query, &headers);
    Ok(page(StatusCode::OK, LIVE, language, &[("query", &raw_query(&uri)), ("may_leave", is_open)]))
}

/// The form that takes a key.
///
/// # Errors
/// A parameter that is none.
pub async fn form(
    State(service): State<Arc<Service>>,
    Query(query): Query<Vec<(String, String)>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Routes::from_query(&query)?;
    if is_signed_in(&service, &headers) {
        return Ok(see_other("/desk/live", &uri));
    }
    Ok(sign_in_page(StatusCode::OK, (&query, &headers, &uri)))
}

/// Exchanges the key of the form for a cookie.
///
/// # Errors
/// The request is no form, comes from another site, or there is no randomness.
#[expect(clippy::too_many_arguments, reason = "each argument extracts one part of the request")]
pub async fn sign_in(
    State(service): State<Arc<Service>>,
    Query(query): Query<Vec<(String, String)>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let key = key_of(body).await?;
    if !session::is_own_form(&headers, &uri) {
        let message = "this form was not sent from a page of this service".to_owned();
        return Err(ApiError::ForeignPage { message });
    }
    if service.keys.check(Some(key.reveal()), Right::Desk).is_err() {
        return Ok(sign_in_page(StatusCode::UNAUTHORIZED, (&query, &headers, &uri)));
    }
    let token = service.sessions.open(service.clock.monotonic()).map_err(ApiError::internal)?;
    let cookie = service.sessions.cookie(Some(&token), is_secure(&service, &headers));
    Ok(with_cookie(see_other("/desk/live", &uri), &cookie))
}

/// Signs the browser out.
///
/// # Errors
/// The request comes from another site.
pub async fn sign_out(
    State(service): State<Arc<Service>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !session::is_own_form(&headers, &uri) {
        let message = "this form was not sent from a page of this service".to_owned();
        return Err(ApiError::ForeignPage { message });
    }
    if let Some(token) = session::shown(&headers) {
        service.sessions.close(&token);
    }
    let cookie = service.sessions.cookie(None, is_secure(&service, &headers));
    Ok(with_cookie(see_other("/desk/sign-in", &uri), &cookie))
}

/// Style and script of the pages.
///
/// # Errors
/// There is no such file.
pub async fn asset(Path(file): Path<String>) -> Result<Response, ApiError> {
    let (kind, text) = match file.as_str() {
        "desk.css" => ("text/css; charset=utf-8", STYLE),
        "live.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return Err(ApiError::NotFound { what: "such file".to_owned() }),
    };
    Ok(guarded((StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response(), "no-cache"))
}

fn is_signed_in(service: &Service, headers: &HeaderMap) -> bool {
    let now = service.clock.monotonic();
    service.keys.is_empty()
        || session::shown(headers).is_some_and(|token| service.sessions.lasts(&token, now).is_some())
}

/// Whether the browser came over TLS, here or at a proxy in front. The proxy's word only makes the cookie stricter.
fn is_secure(service: &Service, headers: &HeaderMap) -> bool {
    let forwarded = headers.get("x-forwarded-proto").is_some_and(|value| value.as_bytes() == b"https");
    service.config.tls.is_some() || forwarded
}

async fn key_of(body: Body) -> Result<Redacted<String>, ApiError> {
    let malformed = || ApiError::Malformed { message: "expected a form with the field `key`".to_owned() };
    let bytes = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| malformed())?;
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    // A form has the syntax of a query.
    let uri = Uri::builder().path_and_query(format!("/?{text}")).build().map_err(|_| malformed())?;
    let Query(fields) = Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|_| malformed())?;
    let key = fields.into_iter().find(|(name, _)| name == "key").map(|(_, key)| key.trim().to_owned());
    key.filter(|key| !key.is_empty()).map(Redacted::new).ok_or_else(malformed)
}

type Asked<'a> = (&'a [(String, String)], &'a HeaderMap, &'a Uri);

fn sign_in_page(status: StatusCode, (query, headers, uri): Asked<'_>) -> Response {
    let wrong = if status.is_success() { "hidden" } else { "" };
    let language = words::language(query, headers);
    page(status, SIGN_IN, language, &[("query", &raw_query(uri)), ("wrong", wrong)])
}

/// The query as it came, for addresses within the page.
fn raw_query(uri: &Uri) -> String {
    uri.query().map(|query| format!("?{query}")).unwrap_or_default()
}

fn page(status: StatusCode, template: &str, language: Language, values: &[(&str, &str)]) -> Response {
    let html = Words::of(language).fill(template, values);
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    let mut response = (status, kind, html).into_response();
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    guarded(response, "no-store")
}

fn guarded(mut response: Response, kept: &'static str) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: browsers would then hide where a form comes from, which is checked.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, kept),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn see_other(path: &str, uri: &Uri) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(target) = HeaderValue::try_from(format!("{path}{}", raw_query(uri))) {
        response.headers_mut().insert(header::LOCATION, target);
    }
    guarded(response, "no-store")
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
