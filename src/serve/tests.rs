//! The router as a client meets it, without sockets and models.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::config::{AudioSocket, Config, KeyEntry, Right};
use super::deepgram::listen::query::PARAMETERS;
use super::live::wishes::Wishes;
use super::router::{Endpoint, ROUTES, router};
use super::{Offer, Parts, Server, Service, health, keys, live};
use crate::asr::fake::FakeEngine;
use crate::asr::worker::{Pool, PoolConfig};
use crate::call::{Channel, Language};
use crate::clock::SystemClock;
use crate::guard::Guard;
use crate::pipeline::transcribe::Transcriber;
use crate::redact::Redacted;
use crate::vad::{self, EnergyDetector, SpeechDetector};

/// A service without live calls over a recogniser that always hears `bonjour`.
pub(super) fn parts(config: Config) -> Parts {
    let engine = Arc::new(FakeEngine::hearing("bonjour"));
    let transcriber = Transcriber {
        pool: Arc::new(Pool::start(engine, PoolConfig { workers: 1, queue_capacity: 4 }).unwrap()),
        detector: Box::new(|| Ok(Box::new(EnergyDetector::new()) as Box<dyn SpeechDetector>)),
        segments: vad::Config::default(),
        guard: Guard::new(&crate::guard::config::Config::default()),
        two_channels: [Channel::Caller, Channel::Agent],
        segments_under_way: 2,
        pack_up_to_samples: 0,
    };
    Parts {
        config,
        environment_key: None,
        transcriber: Arc::new(transcriber),
        offer: Offer { model: "whisper-base".into(), languages: Language::ALL.to_vec() },
        live: None,
        webhooks: None,
        bot: None,
        turn: crate::turn::Config::default(),
        workers: 1,
        clock: Arc::new(SystemClock),
    }
}

/// A service with one key, `one`, that opens `rights`.
struct Client {
    router: axum::Router,
    stop: watch::Sender<bool>,
}

impl Client {
    fn new(config: Config) -> Self {
        let (stop, stopping) = watch::channel(false);
        Self { router: router(Arc::new(Service::new(parts(config), stopping))), stop }
    }

    fn with_key(rights: &[Right]) -> Self {
        let sha256 = keys::fingerprint(&Redacted::from("one"));
        let key = KeyEntry { name: "test".into(), sha256, rights: rights.to_vec() };
        Self::new(Config { keys: vec![key], ..Config::default() })
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str, key: Option<&str>) -> Response<Body> {
        self.send(request("GET", path, key).body(Body::empty()).unwrap()).await
    }

    async fn post_form(&self, fields: &[(&str, &str)], file: Option<&[u8]>) -> (StatusCode, Value) {
        let mut body = Vec::new();
        for (name, value) in fields {
            let head = format!("--XX\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        if let Some(file) = file {
            let head = "--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"call.wav\"\r\n\r\n";
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(file);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--XX--\r\n");
        let request = request("POST", "/v1/audio/transcriptions", Some("one"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=XX")
            .body(Body::from(body))
            .unwrap();
        let response = self.send(request).await;
        (response.status(), json(response).await)
    }
}

fn request(method: &str, path: &str, key: Option<&str>) -> axum::http::request::Builder {
    let builder = Request::builder().method(method).uri(path);
    match key {
        Some(key) => builder.header(header::AUTHORIZATION, format!("Bearer {key}")),
        None => builder,
    }
}

async fn body(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn json(response: Response<Body>) -> Value {
    serde_json::from_str(&body(response).await).unwrap()
}

/// Half a second of a tone between silences, 8 kHz PCM.
fn recording() -> Vec<u8> {
    let mut samples = vec![0_i16; 4_000];
    samples.extend((0..12_000).map(|index| ((f64::from(index) * 0.4).sin() * 12_000.0) as i16));
    samples.extend([0; 8_000]);
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut wave = Vec::new();
    wave.extend_from_slice(b"RIFF");
    wave.extend_from_slice(&(36 + data.len() as u32).to_le_bytes());
    wave.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    wave.extend_from_slice(&(data.len() as u32).to_le_bytes());
    wave.extend_from_slice(&data);
    wave
}

#[tokio::test]
async fn every_route_is_described_and_everything_described_answers() {
    let document: Value = serde_json::from_str(health::OPEN_API).unwrap();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut described = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.push(format!("{method} {path}"));
        }
    }
    let mut routed: Vec<String> =
        ROUTES.iter().map(|route| format!("{} {}", route.method.name(), route.path)).collect();
    described.sort();
    routed.sort();
    assert_eq!(described, routed);

    let client = Client::with_key(&[Right::Admin]);
    for route in ROUTES {
        let path = route
            .path
            .replace("{model}", "whisper-1")
            .replace("{key}", "one")
            .replace("{id}", "none")
            .replace("{file}", "live.js")
            .replace("{protocol}", "twilio");
        let method = route.method.name().to_ascii_uppercase();
        let without = client.send(request(&method, &path, None).body(Body::empty()).unwrap()).await.status();
        let is_closed = route.right.is_some() && !route.has_path_key();
        assert_eq!(without == StatusCode::UNAUTHORIZED, is_closed, "{path}: {without}");
        let with = client.send(request(&method, &path, Some("one")).body(Body::empty()).unwrap()).await;
        let found = with.status() != StatusCode::METHOD_NOT_ALLOWED && !with.status().is_server_error();
        assert!(found, "{path}: {}", with.status());
        assert!(with.headers().contains_key("x-request-id"), "{path}");
        let secured = &document["paths"][route.path][route.method.name()]["security"];
        assert_eq!(secured.as_array().unwrap().is_empty(), route.right.is_none(), "{path}");
    }
}

/// The names that the reader of a route's query takes.
fn taken(endpoint: Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Realtime => &["intent", "model"],
        Endpoint::Listen => PARAMETERS,
        Endpoint::CallStream => Wishes::PARAMETERS,
        Endpoint::CallEvents => &["from"],
        Endpoint::DeskEvents => &["route"],
        Endpoint::DeskLive | Endpoint::DeskForm | Endpoint::DeskSignIn => &["route", "lang"],
        Endpoint::Health
        | Endpoint::Ready
        | Endpoint::Metrics
        | Endpoint::OpenApi
        | Endpoint::Transcriptions
        | Endpoint::Translations
        | Endpoint::Models
        | Endpoint::Model
        | Endpoint::Ingress
        | Endpoint::Calls
        | Endpoint::Call
        | Endpoint::CallTranscript
        | Endpoint::CallControl
        | Endpoint::ExpectCall
        | Endpoint::DeskSignOut
        | Endpoint::DeskAsset
        | Endpoint::ReloadScenario => &[],
    }
}

#[test]
fn the_description_has_the_parameters_that_are_read_and_says_when_a_call_finds_no_room() {
    let document: Value = serde_json::from_str(health::OPEN_API).unwrap();
    for route in ROUTES {
        let described = &document["paths"][route.path][route.method.name()];
        let parameters = described["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let in_query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        let names: BTreeSet<&str> = in_query.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let expected: BTreeSet<&str> = taken(route.endpoint).iter().copied().collect();
        assert_eq!(names, expected, "{}", route.path);
        if route.right == Some(Right::Stream) {
            let full = described["responses"]["503"]["headers"]["Retry-After"].is_object();
            assert!(full, "{}: a machine that is full says when to come again", route.path);
        }
    }
}

#[tokio::test]
async fn a_key_opens_only_what_it_has_the_right_to() {
    let client = Client::with_key(&[Right::Transcribe]);
    assert_eq!(client.get("/v1/models", Some("one")).await.status(), StatusCode::OK);
    let refused = client.get("/metrics", Some("one")).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(json(refused).await["error"]["code"], "insufficient_rights");
    // A key that brings calls stands where others see it: it controls none, not even its own.
    let bringing = Client::with_key(&[Right::Stream, Right::Read]);
    let refused = bringing.get("/v1/calls/none/control", Some("one")).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let unknown = client.get("/v1/models", Some("two")).await;
    assert_eq!(unknown.headers()[header::WWW_AUTHENTICATE], "Bearer");
    assert_eq!(json(unknown).await["error"]["code"], "invalid_api_key");
    assert_eq!(client.get("/healthz", None).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_path_or_method_that_is_none_gets_the_usual_error() {
    let client = Client::new(Config::default());
    let response = client.get("/v1/chat/completions", None).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(json(response).await["error"]["code"], "not_found");
    let response = client.send(request("DELETE", "/v1/models", None).body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(json(response).await["error"]["code"], "method_not_allowed");
}

#[tokio::test]
async fn calls_are_told_of_before_they_come_where_audiosocket_is_served() {
    let tell =
        |body: &str| request("POST", "/v1/calls/expected", None).body(Body::from(body.to_owned())).unwrap();
    let body = r#"{"uuid":"40c7c6a0-8a55-4c1f-9a39-2b1f4f4f4f4f","language":"nl","bot":false}"#;
    let without = Client::new(Config::default()).send(tell(body)).await;
    assert_eq!(without.status(), StatusCode::NOT_FOUND);
    let listen = ([127, 0, 0, 1], 0).into();
    let socket = AudioSocket { listen, sample_rate: None, allow_remote: false, only_expected: false };
    let client = Client::new(Config { audiosocket: Some(socket), ..Config::default() });
    let told = client.send(tell(body)).await;
    assert_eq!(told.status(), StatusCode::CREATED);
    let told = json(told).await;
    assert_eq!(told["uuid"], "40c7c6a0-8a55-4c1f-9a39-2b1f4f4f4f4f");
    assert_eq!(told["expires_in"], 300);
    let wrong = client.send(tell(r#"{"uuid":"7","language":"nl"}"#)).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json(wrong).await["error"]["param"], "uuid");
    let large = client.send(tell(&" ".repeat(70_000))).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let mut status = StatusCode::CREATED;
    for call in 0..=live::expected::CALLS_MAX {
        let body = format!("{{\"uuid\":\"{}\"}}", uuid::Uuid::from_u128(call as u128));
        let answer = client.send(tell(&body)).await;
        status = answer.status();
        assert_eq!(answer.headers().contains_key(header::RETRY_AFTER), !status.is_success());
    }
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "there is room for so many and no more");
}

#[tokio::test]
async fn a_recording_becomes_text_and_is_counted() {
    let client = Client::with_key(&[Right::Admin]);
    let (status, answer) = client.post_form(&[("model", "whisper-1")], Some(&recording())).await;
    assert_eq!((status, &answer["text"]), (StatusCode::OK, &Value::from("bonjour")), "{answer}");
    assert_eq!(answer["usage"]["seconds"], 3);
    let metrics = body(client.get("/metrics", Some("one")).await).await;
    for expected in [
        "allo_http_requests_total{route=\"/v1/audio/transcriptions\",method=\"POST\",status=\"200\"} 1",
        "allo_audio_seconds_total 3",
        "allo_stage_duration_seconds_count{stage=\"transcribe\"} 1",
    ] {
        assert!(metrics.contains(expected), "{expected} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_with_the_parameter() {
    let client = Client::with_key(&[Right::Transcribe]);
    let wave = recording();
    for (fields, file, parameter) in [
        (&[("model", "whisper-1")][..], None, "file"),
        (&[][..], Some(&wave[..]), "model"),
        (&[("model", "whisper-1"), ("temperature", "1")], Some(&wave), "temperature"),
        (&[("model", "whisper-1")], Some(&b"no audio at all"[..]), "file"),
    ] {
        let (status, answer) = client.post_form(fields, file).await;
        assert_eq!(
            (status, &answer["error"]["param"]),
            (StatusCode::BAD_REQUEST, &Value::from(parameter)),
            "{answer}"
        );
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(!message.contains("/allo-"), "a path of the service is told: {message}");
    }
}

#[tokio::test]
async fn a_recording_that_is_too_large_is_refused() {
    let mut config = Config::default();
    config.limits.body_bytes = 1_000;
    let client = Client::new(config);
    let (status, answer) = client.post_form(&[("model", "whisper-1")], Some(&recording())).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{answer}");
    assert_eq!(answer["error"]["code"], "request_too_large");
}

#[tokio::test]
async fn a_service_that_stops_says_so_and_takes_no_more_work() {
    let client = Client::new(Config::default());
    assert_eq!(client.get("/readyz", None).await.status(), StatusCode::OK);
    client.stop.send_replace(true);
    assert_eq!(client.get("/readyz", None).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let refused = client.get("/v1/models", None).await;
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(json(refused).await["error"]["code"], "stopping");
    // Calls that go on are controlled to their end; here there are none.
    assert_eq!(client.get("/v1/calls/none/control", None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(client.get("/healthz", None).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn pages_are_told_that_they_may_only_when_they_may() {
    let origin = "https://desk.example.com";
    let client = Client::new(Config { cors_origins: vec![origin.into()], ..Config::default() });
    let preflight = |origin: &str| {
        let builder = request("OPTIONS", "/v1/models", None).header(header::ORIGIN, origin);
        builder.header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET").body(Body::empty()).unwrap()
    };
    let allowed = client.send(preflight(origin)).await;
    assert_eq!(allowed.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], origin);
    assert_eq!(allowed.status(), StatusCode::NO_CONTENT);
    let other = client.send(preflight("https://elsewhere.example.com")).await;
    assert!(!other.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    let off = Client::new(Config::default()).send(preflight(origin)).await;
    assert!(!off.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn without_a_key_only_loopback_is_served() {
    let open = Config { listen: ([0, 0, 0, 0], 0).into(), ..Config::default() };
    let error = Server::bind(parts(open)).await.err().unwrap().to_string();
    assert!(error.contains("without an API key") && error.contains("hint: set ALLO_API_KEY"), "{error}");
    let own = Config { listen: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    let server = Server::bind(parts(own)).await.unwrap();
    let line: Value = serde_json::from_str(&server.ready_line()).unwrap();
    assert_eq!(line["ready"], true);
    assert!(line["http"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{line}");
    assert!(server.run(std::future::ready(())).await, "nothing was under way");
}

/// A form as a browser sends it, from `origin`.
fn form(path: &str, fields: &str, origin: &str) -> Request<Body> {
    request("POST", path, None)
        .header(header::HOST, "desk.example.com")
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(fields.to_owned()))
        .unwrap()
}

const OWN: &str = "https://desk.example.com";

#[tokio::test]
async fn a_browser_exchanges_a_key_for_a_cookie_that_opens_the_desk_and_nothing_else() {
    let client = Client::with_key(&[Right::Desk, Right::Read]);
    let page = client.get("/desk/live?route=a%22b", None).await;
    assert_eq!(page.status(), StatusCode::SEE_OTHER);
    assert_eq!(page.headers()[header::LOCATION], "/desk/sign-in?route=a%22b");
    let wrong = client.send(form("/desk/sign-in", "key=two", OWN)).await;
    assert_eq!((wrong.status(), wrong.headers().get(header::SET_COOKIE)), (StatusCode::UNAUTHORIZED, None));
    let right = client.send(form("/desk/sign-in?route=a", "key=one", OWN)).await;
    assert_eq!(right.headers()[header::LOCATION], "/desk/live?route=a");
    let cookie = right.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    let with_cookie = |path: &str| {
        let pair = cookie.split(';').next().unwrap();
        request("GET", path, None).header(header::COOKIE, pair).body(Body::empty()).unwrap()
    };
    let page = client.send(with_cookie("/desk/live?route=a")).await;
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(
        (page.status(), page.headers()[header::CACHE_CONTROL].as_bytes()),
        (StatusCode::OK, &b"no-store"[..])
    );
    // There are no live calls in this service: let in, and nothing found.
    assert_eq!(client.send(with_cookie("/v1/desk/events")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(client.get("/v1/desk/events", Some("one")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(client.get("/v1/desk/events", None).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(client.send(with_cookie("/v1/calls")).await.status(), StatusCode::UNAUTHORIZED);
    let mut out = form("/desk/sign-out", "", OWN);
    out.headers_mut().insert(header::COOKIE, cookie.split(';').next().unwrap().parse().unwrap());
    assert!(client.send(out).await.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(client.send(with_cookie("/v1/desk/events")).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_site_signs_nobody_in_and_a_key_without_the_right_opens_no_desk() {
    let client = Client::with_key(&[Right::Desk]);
    let foreign = client.send(form("/desk/sign-in", "key=one", "https://elsewhere.example.com")).await;
    assert_eq!((foreign.status(), foreign.headers().get(header::SET_COOKIE)), (StatusCode::FORBIDDEN, None));
    for fields in ["", "key=", "token=one", &"key=".repeat(2_000)] {
        let answer = client.send(form("/desk/sign-in", fields, OWN)).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{fields}");
    }
    let client = Client::with_key(&[Right::Read, Right::Stream, Right::Transcribe]);
    let answer = client.send(form("/desk/sign-in", "key=one", OWN)).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(client.get("/v1/desk/events", Some("one")).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_keys_the_desk_is_open_and_speaks_the_language_of_the_browser() {
    let client = Client::new(Config::default());
    let english = request("GET", "/desk/live", None).header(header::ACCEPT_LANGUAGE, "en-GB, fr;q=0.5");
    let page = body(client.send(english.body(Body::empty()).unwrap()).await).await;
    assert!(page.contains("<html lang=\"en\">") && page.contains("Nobody is waiting."), "{page}");
    let page = body(client.get("/desk/live?lang=nl", None).await).await;
    assert!(page.contains("Er wacht niemand."), "{page}");
    assert_eq!(client.get("/desk/live?team=a", None).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        client.get("/desk/assets/live.js", None).await.headers()[header::X_CONTENT_TYPE_OPTIONS],
        "nosniff"
    );
    assert_eq!(client.get("/desk/assets/..%2Fpages.rs", None).await.status(), StatusCode::NOT_FOUND);
    let metrics = body(client.get("/metrics", None).await).await;
    assert!(metrics.contains("allo_desk_readers 0"), "{metrics}");
}
