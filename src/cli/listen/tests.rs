//! What a microphone gives, from a script, through a live call with scripted engines.

use std::time::Duration;

use super::*;
use crate::asr::fake::FakeEngine;
use crate::asr::worker::{Pool, PoolConfig};
use crate::audio::SampleRate;
use crate::call::event::{EventBody, GapReason};
use crate::guard::{self, Guard};
use crate::live::{OneByOne, Parts};
use crate::turn;
use crate::vad::{EnergyDetector, SpeechDetector};

/// Gives its pieces one after the other, each with what was lost behind it.
struct Scripted {
    pieces: std::vec::IntoIter<(Vec<f32>, u64)>,
    has_failed: bool,
}

impl Source for Scripted {
    fn name(&self) -> String {
        "a script".to_owned()
    }

    fn rate(&self) -> SampleRate {
        SampleRate::PIPELINE
    }

    fn read(&mut self, samples: &mut Vec<f32>) -> u64 {
        let Some((piece, lost)) = self.pieces.next() else { return 0 };
        samples.extend(piece);
        lost
    }

    fn has_ended(&self) -> bool {
        self.pieces.len() == 0
    }

    fn failure(&mut self) -> Option<anyhow::Error> {
        self.has_failed.then(|| anyhow::anyhow!("the script says that the device is gone"))
    }
}

#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    levels: Vec<f32>,
}

impl Viewer for Seen {
    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        self.events.push(event.clone());
        Ok(())
    }

    fn level(&mut self, level_dbfs: f32) {
        self.levels.push(level_dbfs);
    }
}

fn live() -> Arc<Live> {
    let engine = Arc::new(FakeEngine::hearing("bonjour tout le monde"));
    let parts = Parts {
        pool: Arc::new(Pool::start(engine, PoolConfig { workers: 1, queue_capacity: 8 }).unwrap()),
        workers: 1,
        model: "fake".into(),
        detector: Box::new(OneByOne::new(Box::new(|| {
            Ok(Box::new(EnergyDetector::new()) as Box<dyn SpeechDetector>)
        }))),
        turn_judges: Vec::new(),
        guard: Guard::new(&guard::config::Config::default()),
        turn: turn::Config::default(),
        store: None,
        understanding: None,
        clock: Arc::new(SystemClock),
    };
    Live::start(parts, &live::config::Config::default()).unwrap()
}

/// Half a second of silence, a tone, and silence until the turn has ended; in pieces of 100 ms.
fn sound() -> Vec<Vec<f32>> {
    let tone = |index: usize| (index as f32 * 0.4).sin() * 0.4;
    let samples: Vec<f32> =
        (0..64_000).map(|index| if (8_000..32_000).contains(&index) { tone(index) } else { 0.0 }).collect();
    samples.chunks(1_600).map(<[f32]>::to_vec).collect()
}

fn setup() -> CallSetup {
    CallSetup::new("microphone", vec![Track { channel: Channel::Mixed, rate: SampleRate::PIPELINE }])
}

#[tokio::test]
async fn what_is_said_is_shown_with_its_level_and_what_is_lost_is_a_gap() {
    let mut pieces: Vec<(Vec<f32>, u64)> = sound().into_iter().map(|piece| (piece, 0)).collect();
    pieces[30].1 = 4_800;
    let mut source = Scripted { pieces: pieces.into_iter(), has_failed: false };
    let mut seen = Seen::default();
    follow(&live(), setup(), &mut source, (std::future::pending(), &mut seen)).await.unwrap();
    let finals = seen.events.iter().filter_map(|event| {
        let EventBody::TranscriptFinal { utterance, .. } = &event.body else { return None };
        Some(utterance.text.reveal().as_str())
    });
    assert_eq!(finals.collect::<Vec<_>>(), ["bonjour tout le monde"]);
    let gap = seen.events.iter().find_map(|event| {
        let EventBody::Gap { span, reason, .. } = &event.body else { return None };
        Some((span.duration(), *reason))
    });
    assert_eq!(gap, Some((Duration::from_millis(300), GapReason::Lost)));
    assert!(matches!(seen.events.last().unwrap().body, EventBody::CallEnded { .. }));
    let loudest = seen.levels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    assert!((loudest - -11.0).abs() < 1.0, "a sine of 0.4: {loudest}");
}

#[tokio::test]
async fn a_stop_ends_it_with_what_was_said_and_a_device_that_is_gone_is_an_error() {
    let pieces: Vec<_> = sound().into_iter().map(|piece| (piece, 0)).collect();
    let mut source = Scripted { pieces: pieces.into_iter(), has_failed: true };
    let mut seen = Seen::default();
    let stopped = tokio::time::sleep(Duration::from_millis(400));
    let followed = follow(&live(), setup(), &mut source, (stopped, &mut seen)).await;
    assert!(followed.unwrap_err().to_string().contains("gone"));
    assert!(matches!(seen.events.last().unwrap().body, EventBody::CallEnded { .. }));
}
