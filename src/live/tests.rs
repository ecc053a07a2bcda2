//! The whole of a live call with scripted engines.
//!
//! A word of speech is loud noise; its amplitude names it: the fake recogniser reads the words back from the samples. The
//! detector calls loud windows speech. Nothing here waits for time to pass.

mod bot;
mod contract;
mod overload;
mod persistence;
mod real;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use super::config::Config;
use super::replay::{Pace, Player};
use super::*;
use crate::asr::LanguageChoice;
use crate::asr::fake::{FakeEngine, Reply};
use crate::asr::worker::PoolConfig;
use crate::audio::SampleRate;
use crate::call::event::Event;
use crate::call::{Channel, Language};
use crate::clock::SystemClock;
use crate::guard;
use crate::vad::{self, SpeechDetector, WINDOW_SAMPLES};

const RATE: SampleRate = SampleRate::PIPELINE;
/// Samples of a word and of the silence between turns.
const WORD: usize = 6_400;
const PAUSE: usize = 32_000;

/// Calls a window speech when it is loud.
struct Loudness;

impl SpeechDetector for Loudness {
    fn probability(&mut self, window: &[f32; WINDOW_SAMPLES]) -> Result<f32, vad::Error> {
        Ok(if vad::level_dbfs(window) > -40.0 { 0.95 } else { 0.01 })
    }

    fn reset(&mut self) {}
}

fn detector() -> Box<dyn VoiceDetector> {
    Box::new(OneByOne::new(Box::new(|| Ok(Box::new(Loudness) as Box<dyn SpeechDetector>))))
}

/// The words of a text: word `n` at an amplitude that is `n` steps of 2 percent above 20.
fn spoken(words: &[usize]) -> Vec<f32> {
    let word = |number: &usize| {
        let amplitude = 0.2 + 0.02 * *number as f32;
        (0..WORD).map(move |index| if index % 2 == 0 { amplitude } else { -amplitude })
    };
    words.iter().flat_map(word).collect()
}

fn silence(samples: usize) -> Vec<f32> {
    vec![0.0; samples]
}

/// Reads the words back: one for each stretch of one amplitude of at least half a word.
fn read(samples: &[f32]) -> String {
    let mut words: Vec<String> = Vec::new();
    let (mut current, mut run) = (0, 0);
    for sample in samples {
        let number = ((sample.abs() - 0.19) / 0.02).floor() as i32;
        if number == current {
            run += 1;
        } else {
            (current, run) = (number, 1);
        }
        if run == WORD / 2 && current >= 0 && sample.abs() > 0.1 {
            words.push(format!("mot{current}"));
        }
    }
    words.join(" ")
}

fn reader() -> FakeEngine {
    FakeEngine::new(|request| Reply::Text(read(&request.samples)))
}

fn config() -> Config {
    Config { batch_wait: Duration::ZERO, admission: false, ..Config::default() }
}

fn parts(engine: FakeEngine, workers: usize) -> Parts {
    let pool = Pool::start(Arc::new(engine), PoolConfig { workers, queue_capacity: 64 }).unwrap();
    Parts {
        pool: Arc::new(pool),
        workers,
        model: "fake".into(),
        detector: detector(),
        turn_judges: vec![Box::new(|_| Some(0.1))],
        guard: Guard::new(&guard::config::Config::default()),
        turn: turns(),
        store: None,
        understanding: None,
        clock: Arc::new(SystemClock),
    }
}

/// Turns that end a second after the speech and are never continued: the scripts below say when one is over.
fn turns() -> turn::Config {
    turn::Config {
        smart_turn: true,
        max_delay: Duration::from_secs(1),
        unfinished_delay: Duration::from_secs(1),
        dictation_delay: Duration::from_secs(1),
        repair_window: Duration::ZERO,
        ..turn::Config::default()
    }
}

fn live(engine: FakeEngine) -> Arc<Live> {
    Live::start(parts(engine, 1), &config()).unwrap()
}

fn setup(channels: &[Channel]) -> CallSetup {
    let tracks = channels.iter().map(|channel| Track { channel: *channel, rate: RATE }).collect();
    CallSetup { language: LanguageChoice::Known(Language::Fr), ..CallSetup::new("test", tracks) }
}

fn open(live: &Arc<Live>) -> Call {
    live.open(setup(&[Channel::Caller])).unwrap()
}

/// Plays sound of the first track, each frame when everything before it is done.
fn say(call: &Call, samples: Vec<f32>) {
    let mut player = Player::new(call, RATE, Pace::AsFastAsPossible);
    player.push(&[samples]);
    player.finish();
    call.wait_until_idle();
}

/// Everything that is known of a call up to its end.
fn all_events(log: &Arc<EventLog>) -> Vec<Arc<Event>> {
    let mut reader = log.subscribe(1);
    std::iter::from_fn(|| reader.next_blocking().expect("nothing was dropped")).collect()
}

fn names(events: &[Arc<Event>]) -> Vec<&'static str> {
    events.iter().map(|event| event.body.name()).collect()
}

fn finals(events: &[Arc<Event>]) -> Vec<String> {
    picked(events, |body| {
        let EventBody::TranscriptFinal { utterance, .. } = body else { return None };
        Some(utterance.text.reveal().clone())
    })
}

/// What `pick` finds in the events, in order.
fn picked<T>(events: &[Arc<Event>], pick: impl Fn(&EventBody) -> Option<T>) -> Vec<T> {
    events.iter().filter_map(|event| pick(&event.body)).collect()
}

/// Turn and position of each start of speech.
fn starts(events: &[Arc<Event>]) -> Vec<(u64, u64)> {
    picked(events, |body| {
        let EventBody::SpeechStarted { turn, at, .. } = body else { return None };
        Some((*turn, at.0))
    })
}

fn end(call: Call) -> Vec<Arc<Event>> {
    let log = call.events();
    call.end(CallEndReason::HungUp);
    all_events(&log)
}
