//! The door: who is let in, what web pages may ask.
//!
//! A key is shown in one of the ways that the clients of each interface know. Without any key the service is open to
//! this machine, but not to every web page that is open on it: browsers let any page send requests to 127.0.0.1, so a
//! request from a page that is not allowed, or under a host name that is not this machine's (DNS rebinding), is refused.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Service;
use super::config::Right;
use super::desk::session;
use super::error::ApiError;
use super::router::Route;

/// Lets a request in or answers why not. Everything in the table of routes goes through here.
pub async fn gate(
    State((service, route)): State<(Arc<Service>, &'static Route)>,
    request: Request,
    next: Next,
) -> Response {
    match admit(&service, route, request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(error) => route.face.respond(&error),
    }
}

fn admit(service: &Service, route: &Route, headers: &HeaderMap, uri: &Uri) -> Result<(), ApiError> {
    let Some(right) = route.right else { return Ok(()) };
    // Calls go on until the drain ends, and may be followed and controlled so long.
    if service.is_stopping() && !matches!(right, Right::Read | Right::Control) {
        return Err(ApiError::Stopping);
    }
    if service.keys.is_empty() {
        return own_page(headers, uri, &service.config.cors_origins);
    }
    let path_key = route.has_path_key().then(|| uri.path().rsplit('/').next()).flatten();
    let shown = path_key.map(str::to_owned).or_else(|| shown_key(headers));
    // A browser that is signed in; only to what the page of a team reads.
    if shown.is_none()
        && right == Right::Desk
        && session::shown(headers)
            .is_some_and(|token| service.sessions.lasts(&token, service.clock.monotonic()).is_some())
    {
        return Ok(());
    }
    service.keys.check(shown.as_deref(), right)?;
    Ok(())
}

/// The key that a request shows: as Bearer (OpenAI and most), Token (Deepgram), the password of Basic (jambonz), or as a
/// WebSocket's subprotocol, the only place that a web page can put it (Deepgram: `token, KEY`; OpenAI:
/// `openai-insecure-api-key.KEY`).
pub fn shown_key(headers: &HeaderMap) -> Option<String> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
        let rest = rest.trim();
        return match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "token" => Some(rest.to_owned()),
            "basic" => {
                let pair = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
                pair.split_once(':').map(|(_, password)| password.to_owned())
            }
            _ => None,
        };
    }
    let protocols = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let protocols: Vec<&str> = protocols.split(',').map(str::trim).collect();
    match protocols.as_slice() {
        [scheme, key, ..] if scheme.eq_ignore_ascii_case("token") => Some((*key).to_owned()),
        all => all.iter().find_map(|it| it.strip_prefix("openai-insecure-api-key.")).map(str::to_owned),
    }
}

/// Whether the request comes from this machine's own programs or a page that is allowed.
fn own_page(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Result<(), ApiError> {
    let refuse = |message: String| Err(ApiError::ForeignPage { message });
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).or_else(|| uri.authority().map(|authority| authority.as_str()));
    if let Some(host) = host
        && !is_loopback_host(host)
    {
        return refuse(format!(
            "`{host}` is no name of this machine's loopback; set ALLO_API_KEY to serve under other names"
        ));
    }
    match text(header::ORIGIN) {
        Some(origin) if !allowed.iter().any(|it| it == origin) && !is_same(origin, host) => {
            refuse(format!("web pages of `{origin}` may not call this service; add it to serve.cors_origins"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether an origin is that of the host that a request names.
pub fn is_same(origin: &str, host: Option<&str>) -> bool {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    rest.is_some() && rest == host
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Tells browsers which pages may read the answers; off unless `cors_origins` names some.
pub async fn cors(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        origin.to_str().is_ok_and(|origin| service.config.cors_origins.iter().any(|it| it == origin))
    });
    let Some(origin) = allowed else { return next.run(request).await };
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    if is_preflight {
        let methods = HeaderValue::from_static("GET, POST");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let names = HeaderValue::from_static("authorization, content-type, last-event-id");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (name.parse::<axum::http::HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn a_key_is_found_where_each_client_puts_it() {
        for (name, value) in [
            ("authorization", "Bearer abc"),
            ("authorization", "Token abc"),
            ("authorization", "basic dXNlcjphYmM="),
            ("sec-websocket-protocol", "token, abc"),
            ("sec-websocket-protocol", "realtime, openai-insecure-api-key.abc"),
        ] {
            assert_eq!(shown_key(&headers(&[(name, value)])).as_deref(), Some("abc"), "{value}");
        }
        for value in ["abc", "Digest abc", "Basic %%%"] {
            assert_eq!(shown_key(&headers(&[("authorization", value)])), None, "{value}");
        }
    }

    #[track_caller]
    fn page(pairs: &[(&str, &str)], is_let_in: bool) {
        let allowed = ["https://desk.example.com".to_owned()];
        let answer = own_page(&headers(pairs), &Uri::from_static("/v1/models"), &allowed);
        assert_eq!(answer.is_ok(), is_let_in, "{pairs:?}");
    }

    #[test]
    fn without_a_key_only_this_machines_own_programs_and_allowed_pages_are_let_in() {
        page(&[("host", "127.0.0.1:8470")], true);
        page(&[("host", "[::1]:8470")], true);
        page(&[("host", "localhost")], true);
        page(&[("host", "rebound.example.com:8470")], false);
        page(&[("host", "localhost:8470"), ("origin", "http://localhost:8470")], true);
        page(&[("host", "localhost:8470"), ("origin", "https://desk.example.com")], true);
        page(&[("host", "localhost:8470"), ("origin", "https://elsewhere.example.com")], false);
        page(&[("host", "localhost:8470"), ("origin", "null")], false);
    }
}
