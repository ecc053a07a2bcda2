//! Live calls through sockets of this machine, with scripted engines.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::State;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Sent;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::expected::Told;
use super::talk::{CallSide, Talk, Write};
use super::wishes::Wishes;
use crate::asr::fake::{FakeEngine, Reply};
use crate::asr::worker::{Pool, PoolConfig};
use crate::audio::SampleRate;
use crate::call::Channel;
use crate::call::event::{CallEndReason, EventBody};
use crate::clock::{ManualClock, SystemClock};
use crate::guard::{self, Guard};
use crate::ingress::{AUDIOSOCKET_HANG_UP, Message, Options, Protocol, bridge};
use crate::live::{self, Call, CallSetup, Command, Live, OneByOne, Track};
use crate::redact::Redacted;
use crate::serve::config::{AudioSocket, Config, KeyEntry, Right};
use crate::serve::keys;
use crate::serve::tests::parts as without_calls;
use crate::serve::{Parts, Server, Service};
use crate::store::Store;
use crate::vad::{self, SpeechDetector, WINDOW_SAMPLES};

/// Longest that a test waits for what should come at once; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

struct Loudness;

impl SpeechDetector for Loudness {
    fn probability(&mut self, window: &[f32; WINDOW_SAMPLES]) -> Result<f32, vad::Error> {
        Ok(if vad::level_dbfs(window) > -40.0 { 0.95 } else { 0.01 })
    }

    fn reset(&mut self) {}
}

fn words(count: usize) -> String {
    (0..count).map(|index| format!("mot{index}")).collect::<Vec<_>>().join(" ")
}

/// Hears a word for each half second of loud sound.
fn counting() -> FakeEngine {
    FakeEngine::new(|request| {
        let loud = request.samples.iter().filter(|sample| sample.abs() > 0.1).count();
        Reply::Text(words((loud + 4_000) / 8_000))
    })
}

fn live(config: live::config::Config) -> Arc<Live> {
    keeping(config, None)
}

fn keeping(config: live::config::Config, store: Option<Store>) -> Arc<Live> {
    let pool = Pool::start(Arc::new(counting()), PoolConfig { workers: 1, queue_capacity: 64 }).unwrap();
    let parts = live::Parts {
        pool: Arc::new(pool),
        workers: 1,
        model: "fake".into(),
        detector: Box::new(OneByOne::new(Box::new(|| Ok(Box::new(Loudness) as Box<dyn SpeechDetector>)))),
        turn_judges: Vec::new(),
        guard: Guard::new(&guard::config::Config::default()),
        turn: crate::turn::Config::default(),
        store,
        understanding: None,
        clock: Arc::new(SystemClock),
    };
    Live::start(parts, &live::config::Config { admission: false, ..config }).unwrap()
}

fn parts(config: Config, live: &Arc<Live>) -> Parts {
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), ..config };
    Parts { live: Some(Arc::clone(live)), ..without_calls(config) }
}

/// A service that listens.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<bool>,
}

impl Running {
    async fn new(config: Config, live: &Arc<Live>) -> Self {
        Self::over(parts(config, live)).await
    }

    async fn over(parts: Parts) -> Self {
        let server = Server::bind(parts).await.unwrap();
        let (address, (stop, stopped)) = (server.address(), oneshot::channel());
        let ended = tokio::spawn(server.run(async move { drop(stopped.await) }));
        Self { address, stop, ended }
    }

    async fn open(&self, path: &str) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let address = format!("ws://{}{path}", self.address);
        Client(tokio_tungstenite::client_async(address, stream).await.unwrap().0)
    }

    /// Status and JSON of an answer.
    async fn get(&self, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// A client of OpenAI that ends turns itself.
    async fn committing(&self) -> Client {
        let mut client = self.open("/v1/realtime?intent=transcription").await;
        let session = json!({ "type": "transcription", "audio": { "input": { "turn_detection": null } } });
        client.says(json!({ "type": "session.update", "session": session })).await;
        client
    }
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn says(&mut self, message: Value) {
        self.0.send(Sent::text(message.to_string())).await.unwrap();
    }

    /// The next message, or the code of the close; 0 for an end without one.
    async fn hears(&mut self) -> Result<Value, u16> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes");
            return match message {
                Some(Ok(Sent::Text(text))) => Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Sent::Close(frame))) => Err(frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Err(0),
            };
        }
    }

    async fn plays(&mut self, sample: i16, seconds: usize) {
        self.0.send(Sent::binary(sample.to_le_bytes().repeat(16_000 * seconds))).await.unwrap();
    }

    /// The next sound.
    async fn hears_sound(&mut self) -> Vec<u8> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes");
            if let Sent::Binary(bytes) = message.expect("it comes before the end").unwrap() {
                return bytes.to_vec();
            }
        }
    }

    async fn hears_until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.hears().await.expect("it comes before the close");
            if message["type"] == kind {
                return message;
            }
        }
    }
}

fn open(live: &Arc<Live>) -> Call {
    let track = Track { channel: Channel::Caller, rate: SampleRate::PIPELINE };
    live.open(CallSetup::new("test", vec![track])).unwrap()
}

/// The start of a call in Allo's own protocol.
fn start() -> Value {
    json!({ "type": "start", "encoding": "pcm_s16le", "sample_rate": 16_000, "playback": true })
}

/// Silence as OpenAI's clients send it: 24 kHz PCM in base64.
fn silence(seconds: usize) -> Value {
    let audio = BASE64_STANDARD.encode(vec![0_u8; 48_000 * seconds]);
    json!({ "type": "input_audio_buffer.append", "audio": audio })
}

/// The same of loud sound.
fn loud(seconds: usize) -> Value {
    let bytes = 9_000_i16.to_le_bytes().repeat(24_000 * seconds);
    json!({ "type": "input_audio_buffer.append", "audio": BASE64_STANDARD.encode(bytes) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_commits_after_a_pause_loses_nothing_of_what_it_commits() {
    let live = live(live::config::Config { waiting_audio: Duration::from_millis(100), ..Default::default() });
    let clock = Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
    let parts = Parts { clock: Arc::<ManualClock>::clone(&clock), ..parts(Config::default(), &live) };
    let running = Running::over(parts).await;
    let mut client = running.committing().await;
    for seconds in [4, 5, 4] {
        // A client that was silent for so long is not ahead of its time any more.
        clock.advance(Duration::from_secs(20));
        client.says(loud(seconds)).await;
        client.says(json!({ "type": "input_audio_buffer.commit" })).await;
        let done = client.hears_until("conversation.item.input_audio_transcription.completed").await;
        assert_eq!(done["transcript"], *words(2 * seconds));
    }
    assert_eq!(live.snapshot().samples_dropped, 0);
    // What settling costs is no time of the call.
    let log = live.call(live.open_calls()[0]).unwrap();
    let mut reader = log.subscribe(log.newest());
    let last = reader.next().await.unwrap().unwrap();
    assert!(last.at.seconds() < 13.1, "{:?}", last.at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_would_miss_results_is_told_by_the_end_of_its_connection() {
    let live = live(live::config::Config { events_kept: 4, ..Default::default() });
    let running = Running::new(Config::default(), &live).await;
    let mut client = running.committing().await;
    // One commit of more turns than there is room for.
    for message in [loud(1), silence(4), loud(1), silence(4), loud(1)] {
        client.says(message).await;
    }
    client.says(json!({ "type": "input_audio_buffer.commit" })).await;
    let end = loop {
        match client.hears().await {
            Ok(told) => {
                let kind = told["type"].as_str().unwrap().to_owned();
                assert!(!kind.ends_with("transcription.completed"), "as if that were all: {told}");
            }
            Err(code) => break code,
        }
    };
    assert_eq!(end, super::line::POLICY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_would_listen_to_is_told_when_to_come_again() {
    let live = live(live::config::Config { retry_after: Duration::from_secs(7), ..Default::default() });
    live.deafen_for_test();
    let running = Running::new(Config::default(), &live).await;
    for path in ["/v1/realtime?intent=transcription", "/v1/listen?encoding=linear16&sample_rate=16000"] {
        let stream = TcpStream::connect(running.address).await.unwrap();
        let address = format!("ws://{}{path}", running.address);
        let refused = tokio_tungstenite::client_async(address, stream).await;
        let Err(tokio_tungstenite::tungstenite::Error::Http(answer)) = refused else { panic!("{path}") };
        assert_eq!(answer.status().as_u16(), 503, "{path}");
        assert_eq!(answer.headers()["retry-after"], "7", "{path}");
    }
    let Err(late) = live.has_room().map_err(super::opening::refusal) else { panic!("it is refused") };
    assert_eq!(
        (late.close_code(), late.close_reason()),
        (1013, "calls are not listened to at the moment, try again later")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_a_call_over_a_websocket_gets_its_end_while_the_service_stops() {
    let live = live(live::config::Config::default());
    let running = Running::new(Config::default(), &live).await;
    let call = open(&live);
    let mut follower = running.open(&format!("/v1/calls/{}/events", call.id())).await;
    assert_eq!(follower.hears().await.unwrap()["type"], "call.started");
    running.stop.send(()).unwrap();
    // Nothing is accepted any more when the drain has begun.
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    call.dtmf(0, '5'.into());
    assert_eq!(follower.hears().await.unwrap()["type"], "dtmf");
    call.end(CallEndReason::HungUp);
    assert_eq!(follower.hears().await.unwrap()["type"], "call.ended");
    assert_eq!(follower.hears().await, Err(1000));
    assert!(running.ended.await.unwrap(), "everything ended in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_controlled_from_a_second_connection() {
    let live = live(live::config::Config::default());
    let running = Running::new(Config::default(), &live).await;
    let mut call = running.open("/v1/calls/stream").await;
    call.says(start()).await;
    let started = call.hears_until("call.started").await;
    let path = format!("/v1/calls/{}/control", started["call"].as_str().unwrap());
    let mut bot = running.open(&path).await;
    // A mistake is named, and the connection is there for the next message.
    bot.says(json!({ "type": "play", "mark": "m1", "encoding": "mp3", "sample_rate": 16_000 })).await;
    let refused = bot.hears().await.unwrap();
    assert_eq!((&refused["code"], &refused["field"]), (&json!("invalid_field"), &json!("encoding")));
    bot.says(json!({ "type": "expect", "what": "digits", "count": 6 })).await;
    bot.says(json!({ "type": "play", "mark": "m1", "encoding": "pcm_s16le", "sample_rate": 16_000 })).await;
    bot.plays(9_000, 3).await;
    let frame = call.hears_sound().await;
    assert!(frame.as_chunks().0.iter().any(|pair| i16::from_le_bytes(*pair) > 8_000), "it is heard");
    bot.says(json!({ "type": "flush" })).await;
    call.hears_until("flush").await;
    let finished = call.hears_until("playback.finished").await;
    assert_eq!((&finished["mark"], &finished["completed"]), (&json!("m1"), &json!(false)));
    bot.says(json!({ "type": "transfer", "target": "6001" })).await;
    assert_eq!(call.hears_until("transfer").await["target"], "6001");
    bot.says(json!({ "type": "hangup" })).await;
    call.hears_until("hangup").await;
    assert_eq!(call.hears_until("call.ended").await["reason"], "stopped");
    assert_eq!(bot.hears().await, Err(1000));
    // A call that has ended is controlled by nobody.
    assert_eq!(running.get(&path).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_nothing_but_what_cannot_be_used_is_given_up_and_its_call_goes_on() {
    let live = live(live::config::Config::default());
    let running = Running::new(Config::default(), &live).await;
    let call = open(&live);
    let mut bot = running.open(&format!("/v1/calls/{}/control", call.id())).await;
    // Nobody carries out commands here: a face's call, or one of a recording.
    for _ in 0..50 {
        bot.says(json!({ "type": "hangup" })).await;
        assert_eq!(bot.hears().await.unwrap()["code"], "unsupported");
    }
    assert_eq!(bot.hears().await, Err(super::line::POLICY));
    assert!(live.controls(call.id()).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_that_shows_its_key_as_a_subprotocol_is_answered_as_browsers_want_it() {
    let live = live(live::config::Config::default());
    let sha256 = keys::fingerprint(&"one".into());
    let key =
        KeyEntry { name: "page".into(), sha256, rights: vec![Right::Read, Right::Stream, Right::Control] };
    let running = Running::new(Config { keys: vec![key], ..Config::default() }, &live).await;
    let call = open(&live);
    let events = format!("/v1/calls/{}/events", call.id());
    let listen = "/v1/listen?encoding=linear16&sample_rate=16000";
    let control = format!("/v1/calls/{}/control", call.id());
    for path in [&*events, &*control, "/v1/calls/stream", listen] {
        let mut request = format!("ws://{}{path}", running.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "token, one".parse().unwrap());
        let stream = TcpStream::connect(running.address).await.unwrap();
        // It fails, as a browser does, where nothing that was offered is confirmed.
        let (_, answer) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        assert_eq!(answer.headers()["sec-websocket-protocol"], "token", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_to_be_had_while_a_call_goes_on_and_when_its_events_are_gone() {
    let store = Store::in_memory().await.unwrap();
    let live = keeping(live::config::Config { ended_calls_kept: 0, ..Default::default() }, Some(store));
    let running = Running::new(Config::default(), &live).await;
    let mut call = running.open("/v1/calls/stream?recording=true").await;
    call.says(start()).await;
    let started = call.hears_until("call.started").await;
    let path = format!("/v1/calls/{}", started["call"].as_str().unwrap());
    call.plays(9_000, 1).await;
    call.plays(0, 3).await;
    call.hears_until("transcript.final").await;
    let (status, told) = running.get(&format!("{path}/transcript")).await;
    assert_eq!((status, &told["segments"][0]["text"]), (200, &json!("mot0 mot1")), "{told}");
    assert_eq!(running.get(&path).await.1["is_open"], true);
    call.says(json!({ "type": "stop" })).await;
    call.hears_until("call.ended").await;
    assert_eq!(running.get(&format!("{path}/events")).await.0, 404);
    let (status, told) = running.get(&format!("{path}/transcript")).await;
    assert_eq!((status, &told["text"]), (200, &json!("mot0 mot1")), "{told}");
    assert_eq!((&told["file"], &told["channels"]), (&json!("websocket"), &json!(["caller"])), "{told}");
    let unknown = format!("/v1/calls/{}/transcript", uuid::Uuid::nil());
    assert_eq!(running.get(&unknown).await.0, 404);
    let (status, refused) = running.get(&format!("{path}/transcript?format=srt")).await;
    assert_eq!((status, &refused["error"]["param"]), (400, &json!("format")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_too_large_is_not_read_on_any_connection() {
    let live = live(live::config::Config::default());
    let mut config = Config::default();
    config.limits.message_bytes = 10_000;
    let running = Running::new(config, &live).await;
    let call = open(&live);
    let events = format!("/v1/calls/{}/events", call.id());
    let listen = "/v1/listen?encoding=linear16&sample_rate=16000";
    for path in [&*events, listen, "/v1/realtime?intent=transcription", "/v1/calls/stream"] {
        let mut client = running.open(path).await;
        let stream = client.0.get_mut();
        // The head of a binary frame of 20,000 bytes, and nothing of what it announces.
        stream.write_all(&[0x82, 0xfe, 0x4e, 0x20, 1, 2, 3, 4]).await.unwrap();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
        assert!(closed.await.is_ok(), "{path}: the connection is closed at once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_answers_pings_and_never_begins_a_call_is_let_go_of() {
    let live = live(live::config::Config::default());
    let mut config = Config::default();
    config.limits.idle = Duration::from_millis(20);
    let running = Running::new(config, &live).await;
    for path in ["/v1/calls/stream", "/ingress/twilio"] {
        let mut peer = running.open(path).await;
        assert_eq!(peer.hears().await, Err(super::line::POLICY), "{path}");
    }
}

/// Values of the labels that stand for a closed set, in a line of figures.
fn kinds(line: &str) -> Vec<&str> {
    let labels =
        line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(labels, _)| labels);
    let pairs = labels.split(',').filter_map(|pair| pair.split_once("=\""));
    let of_a_set = |name: &str| !["le", "route", "method", "status", "version"].contains(&name);
    pairs.filter(|(name, _)| of_a_set(name)).map(|(_, value)| value.trim_end_matches('"')).collect()
}

#[tokio::test]
async fn every_figure_and_kind_of_event_is_in_the_documentation() {
    let live = live(live::config::Config::default());
    let (_stop, stopping) = watch::channel(false);
    let service = Arc::new(Service::new(parts(Config::default(), &live), stopping));
    let response = crate::serve::health::metrics(State(service)).await;
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let figures = String::from_utf8(bytes.to_vec()).unwrap();
    let guide = include_str!("../../../docs/serve.md");
    let families = figures.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families = families.map(|family| family.split(' ').next().unwrap());
    let is_named =
        |name: &&str| guide.contains(&format!("`{name}`")) || guide.contains(&format!("`{name}{{"));
    let samples = figures.lines().filter(|line| !line.starts_with('#'));
    let missing: Vec<&str> = families.chain(samples.flat_map(kinds)).filter(|name| !is_named(name)).collect();
    assert!(figures.contains("allo_live_events_total{kind=") && missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn a_playback_that_is_refused_is_told_to_have_ended() {
    let live = live(live::config::Config::default());
    let (_stop, stopping) = watch::channel(false);
    let service = Arc::new(Service::new(parts(Config::default(), &live), stopping));
    let twilio = bridge(Protocol::Twilio, Options::default());
    let mut talk = Talk::new(service, Protocol::Twilio, twilio, Wishes::OF_PEERS);
    // A fork with both tracks takes no audio.
    let start = r#"{"event":"start","start":{"streamSid":"MZ1","callSid":"CA1","tracks":["inbound","outbound"],
        "mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#;
    assert!(talk.receive(Message::Text(start)).is_empty());
    let log = live.call(live.open_calls()[0]).unwrap();
    let play =
        Command::Play { samples: Arc::new([0.1; 80]), rate: SampleRate::TELEPHONE, mark: "bot-1".into() };
    talk.answer(CallSide::Command(play));
    let stop = talk.receive(Message::Text(r#"{"event":"stop"}"#));
    assert!(matches!(stop.as_slice(), [Write::Close { code: 1000, .. }]), "{stop:?}");
    let mut reader = log.subscribe(2);
    let told = reader.next().await.unwrap().unwrap();
    assert_eq!(told.body, EventBody::PlaybackFinished { mark: "bot-1".into(), completed: false });
}

#[tokio::test]
async fn what_is_played_when_a_call_is_hung_up_is_told_as_cut_off_before_the_end() {
    let live = live(live::config::Config::default());
    let (_stop, stopping) = watch::channel(false);
    let service = Arc::new(Service::new(parts(Config::default(), &live), stopping));
    let twilio = bridge(Protocol::Twilio, Options::default());
    let mut talk = Talk::new(service, Protocol::Twilio, twilio, Wishes::OF_PEERS);
    let start = r#"{"event":"start","start":{"streamSid":"MZ1","callSid":"CA1","tracks":["inbound"],
        "mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#;
    assert!(talk.receive(Message::Text(start)).is_empty());
    let log = live.call(live.open_calls()[0]).unwrap();
    let mut reader = log.subscribe(2);
    let controls = live.controls(log.call()).unwrap();
    controls.play(Arc::new([0.1; 8_000]), SampleRate::TELEPHONE, Some("m1".into())).unwrap();
    controls.hang_up().unwrap();
    let mut commands = 0;
    while commands < 2 {
        let side = talk.side().await;
        commands += usize::from(matches!(side, CallSide::Command(_)));
        talk.answer(side);
    }
    let told = reader.next().await.unwrap().unwrap();
    assert_eq!(told.body, EventBody::PlaybackFinished { mark: "m1".into(), completed: false });
    let told = reader.next().await.unwrap().unwrap();
    assert!(matches!(told.body, EventBody::CallEnded { reason: CallEndReason::Stopped, .. }), "{told:?}");
}

/// AudioSocket's identity and the first frame of a call.
fn audiosocket(uuid: uuid::Uuid) -> Vec<u8> {
    [&[0x01, 0, 16][..], uuid.as_bytes(), &[0x10, 1, 64], &[0; 320]].concat()
}

#[tokio::test]
async fn an_audiosocket_call_takes_what_was_told_of_it_once() {
    let live = live(live::config::Config::default());
    let (_stop, stopping) = watch::channel(false);
    let listen = ([127, 0, 0, 1], 0).into();
    let socket = AudioSocket { listen, sample_rate: None, allow_remote: false, only_expected: true };
    let config = Config { audiosocket: Some(socket), ..Config::default() };
    let service = Arc::new(Service::new(parts(config, &live), stopping));
    let begin = |uuid| {
        let bridge = bridge(Protocol::AudioSocket, Options::default());
        let mut talk = Talk::new(Arc::clone(&service), Protocol::AudioSocket, bridge, Wishes::OF_PEERS);
        let writes = talk.receive(Message::Binary(&audiosocket(uuid)));
        let refusal = writes.into_iter().find_map(|write| match write {
            Write::Close { code, reason } => Some((code, reason)),
            Write::Text(_) | Write::Binary(_) => None,
        });
        (talk, refusal)
    };
    let refused = |refusal: Option<(u16, String)>, why: &str| {
        let (code, reason) = refusal.expect("it is refused");
        assert!(code == super::line::POLICY && reason.contains(why), "{code} {reason}");
    };
    let uuid = uuid::Uuid::from_u128(7);
    refused(begin(uuid).1, "nobody told");
    let told = Told { caller: Some(Redacted::from("+33")), ..Told::default() };
    service.expected.tell(uuid, told.clone(), service.clock.monotonic()).unwrap();
    let (talk, refusal) = begin(uuid);
    assert!(refusal.is_none() && talk.is_calling() && live.open_calls().len() == 1, "{refusal:?}");
    refused(begin(uuid).1, "nobody told");
    // What was told reaches the call: no scenario is configured for the bot that this one asks for.
    let told = Told { bot: Some(true), ..told };
    service.expected.tell(uuid, told, service.clock.monotonic()).unwrap();
    refused(begin(uuid).1, "no scenario");
    let refused = "allo_refused_total{reason=\"unexpected\"} 2";
    let figures = service.metrics.render(&service.intake.transcriber.pool.snapshot(), None);
    assert!(figures.contains(refused), "{figures}");
}

/// Serves AudioSocket to so many connections; gives its address.
async fn serving_audiosocket(connections: usize, live: &Arc<Live>) -> SocketAddr {
    let mut config = Config::default();
    config.limits.connections = connections;
    let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    let service = Arc::new(Service::new(parts(config, live), stopping));
    tokio::spawn(async move {
        super::audiosocket::serve(socket, service).await;
        drop(stop);
    });
    address
}

/// All that comes until the other side closes.
async fn to_the_end(peer: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, peer.read_to_end(&mut bytes)).await;
    ended.expect("the other side closes").unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audiosocket_call_for_which_there_is_no_room_is_hung_up_on_in_the_words_of_its_protocol() {
    let live = live(live::config::Config { max_calls: 1, ..Default::default() });
    let _only = open(&live);
    let address = serving_audiosocket(10, &live).await;
    let mut refused = TcpStream::connect(address).await.unwrap();
    // More sound than is read at once: it must not cost the farewell.
    let sound = [&[0x10_u8, 0xff, 0xff][..], &[0; 0xffff]].concat();
    refused.write_all(&[audiosocket(uuid::Uuid::from_u128(7)), sound].concat()).await.unwrap();
    assert_eq!(to_the_end(&mut refused).await, AUDIOSOCKET_HANG_UP);
    // The same where there are too many connections.
    let address = serving_audiosocket(1, &live).await;
    let _silent = TcpStream::connect(address).await.unwrap();
    let mut late = TcpStream::connect(address).await.unwrap();
    assert_eq!(to_the_end(&mut late).await, AUDIOSOCKET_HANG_UP);
}
