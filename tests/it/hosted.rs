//! A service in this process, whose calls the test makes: what a dialogue would tell of a call, the test tells.

use std::sync::Arc;
use std::time::Duration;

use allo::asr::fake::FakeEngine;
use allo::asr::worker::{Pool, PoolConfig};
use allo::audio::{SamplePos, SampleRate, SampleSpan};
use allo::call::event::{CallEndReason, EventBody};
use allo::call::handover::Handover;
use allo::call::{Channel, Language, Utterance};
use allo::clock::{Clock as _, SystemClock};
use allo::guard::Guard;
use allo::live::{Call, CallSetup, Live, OneByOne, Track};
use allo::pipeline::transcribe::Transcriber;
use allo::redact::Redacted;
use allo::serve::{Offer, Parts, Server};
use allo::store::Store;
use allo::vad::{EnergyDetector, SpeechDetector};
use allo::webhook::{self, Webhooks};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running service; stopped when dropped.
pub struct Hosted {
    runtime: Runtime,
    live: Arc<Live>,
    pub webhooks: Option<Arc<Webhooks>>,
    pub address: String,
    stop: Option<(oneshot::Sender<()>, JoinHandle<bool>)>,
}

/// What is served.
#[derive(Default)]
pub struct Wanted {
    pub key: Option<&'static str>,
    pub serve: allo::serve::config::Config,
    /// Webhooks, their outbox and the secret of all of them.
    pub webhooks: Option<(webhook::config::Config, Store, &'static str)>,
}

impl Hosted {
    pub fn start(runtime: Runtime, wanted: Wanted) -> Self {
        let live = Live::start(live_parts(), &allo::live::config::Config::default()).unwrap();
        let clock = || Arc::new(SystemClock);
        let webhooks = wanted.webhooks.map(|(config, store, secret)| {
            let parts = webhook::Parts { config, store, clock: clock() };
            let variable = |name: &str| (name == "SECRET").then(|| secret.to_owned());
            let webhooks = runtime.block_on(Webhooks::start(parts, variable)).unwrap();
            webhooks.follow_all(&live, runtime.handle().clone());
            webhooks
        });
        let parts = Parts {
            bot: None,
            config: allo::serve::config::Config { listen: ([127, 0, 0, 1], 0).into(), ..wanted.serve },
            environment_key: wanted.key.map(Redacted::from),
            transcriber: Arc::new(transcriber()),
            offer: Offer { model: "whisper-base".into(), languages: Language::ALL.to_vec() },
            live: Some(Arc::clone(&live)),
            webhooks: webhooks.clone(),
            turn: allo::turn::Config::default(),
            workers: 1,
            clock: clock(),
        };
        let server = runtime.block_on(Server::bind(parts)).unwrap();
        let (address, (stop, stopped)) = (server.url(), oneshot::channel());
        let serving = runtime.spawn(server.run(async { drop(stopped.await) }));
        Self { runtime, live, webhooks, address, stop: Some((stop, serving)) }
    }

    /// A call of a caller and an agent.
    pub fn open_call(&self) -> Call {
        let track = |channel| Track { channel, rate: SampleRate::PIPELINE };
        let _inside = self.runtime.enter();
        self.live.open(CallSetup::new("test", vec![track(Channel::Caller), track(Channel::Agent)])).unwrap()
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Stops it; whether everything under way ended in time.
    pub fn stop(mut self) -> bool {
        let (stop, serving) = self.stop.take().unwrap();
        drop(stop);
        self.runtime.block_on(serving).unwrap()
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        if let Some((_, serving)) = self.stop.take() {
            serving.abort();
        }
    }
}

/// Tells something of a call.
pub fn tell(call: &Call, body: EventBody) {
    call.events().append(SamplePos::ZERO, body);
}

/// Hands a call over, with what the sample carries but for what `change` makes of it.
pub fn hand_over(call: &Call, change: impl FnOnce(&mut Handover)) {
    let mut handover = allo::call::handover::sample();
    (handover.call, handover.at) = (call.id(), SystemClock.wall());
    change(&mut handover);
    tell(call, EventBody::HandedOver { handover: Box::new(handover) });
}

/// A final of the caller's.
pub fn spoken(turn: u64, text: &str) -> EventBody {
    let channel = Channel::Caller;
    let span = SampleSpan::new(SamplePos(0), SamplePos(16_000));
    let language = Language::Fr;
    let utterance =
        Utterance { channel, span, language, text: text.into(), confidence: 0.9, words: Vec::new() };
    let latency = Duration::from_millis(200);
    EventBody::TranscriptFinal {
        channel,
        turn,
        utterance,
        alternatives: Vec::new(),
        corrections: Vec::new(),
        foreign_share: None,
        joins: None,
        latency,
        delay: Default::default(),
    }
}

pub fn end(call: Call) {
    call.end(CallEndReason::HungUp);
}

fn pool() -> Arc<Pool> {
    let engine = Arc::new(FakeEngine::hearing("bonjour"));
    Arc::new(Pool::start(engine, PoolConfig { workers: 1, queue_capacity: 4 }).unwrap())
}

fn detector() -> Box<dyn SpeechDetector> {
    Box::new(EnergyDetector::new())
}

fn live_parts() -> allo::live::Parts {
    allo::live::Parts {
        pool: pool(),
        workers: 1,
        model: "whisper-base".into(),
        detector: Box::new(OneByOne::new(Box::new(|| Ok(detector())))),
        turn_judges: Vec::new(),
        guard: Guard::new(&allo::guard::config::Config::default()),
        turn: allo::turn::Config::default(),
        store: None,
        understanding: None,
        clock: Arc::new(SystemClock),
    }
}

fn transcriber() -> Transcriber {
    Transcriber {
        pool: pool(),
        detector: Box::new(|| Ok(detector())),
        segments: allo::vad::Config::default(),
        guard: Guard::new(&allo::guard::config::Config::default()),
        two_channels: [Channel::Caller, Channel::Agent],
        segments_under_way: 2,
        pack_up_to_samples: 0,
    }
}
