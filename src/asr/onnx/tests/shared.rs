//! Recognisers on threads of their own run one loaded model: each as if it were alone.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::OnnxEngine;
use super::damaged::written;
use super::runtime;
use crate::asr::config::Config;
use crate::asr::{CancelFlag, Engine, Error, LanguageChoice, Priority, Recognizer, Request, Task};
use crate::call::Language;
use crate::redact::Redacted;

/// More than the cores of most machines that test this.
const THREADS: usize = 4;
const ROUNDS: usize = 12;

/// Noise of a length and a pitch of its own, so that all inputs and outputs differ from thread to thread.
fn request(number: usize) -> Request {
    let length = 1_600 + 1_900 * number;
    let pitch = 0.3 + 0.17 * number as f32;
    let samples: Vec<f32> = (0..length).map(|at| (at as f32 * pitch).sin() * 0.3).collect();
    Request {
        samples: samples.into(),
        language: LanguageChoice::Known(Language::En),
        task: Task::Transcribe,
        vocabulary: Vec::new().into(),
        asked: Vec::new().into(),
        sentences: Vec::new().into(),
        prefix: Redacted::default(),
        priority: Priority::Batch,
    }
}

fn engine(folder: &std::path::Path) -> Option<OnnxEngine> {
    let config = Config { context_minimum: 64, context_margin: 0, beam_size: 3, ..Config::default() };
    Some(OnnxEngine::load(&runtime()?, folder, &config, 1).expect("the model loads"))
}

#[test]
fn recognisers_at_the_same_time_hear_what_each_hears_alone() {
    let folder = written(51_865, 80);
    let Some(engine) = engine(folder.path()) else { return };
    let heard = |number: usize| {
        let found = engine.recognizer().expect("a state").recognize(&request(number), &CancelFlag::new());
        let found = found.expect("noise is recognised as something");
        (found.text, found.mean_log_probability.to_bits())
    };
    let alone: Vec<_> = (0..THREADS).map(heard).collect();
    assert!(alone.windows(2).all(|pair| pair[0] != pair[1]), "what is mixed up would be seen");
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for (number, alone) in alone.iter().enumerate() {
            let (heard, start) = (&heard, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..ROUNDS {
                    assert_eq!(heard(number), *alone, "thread {number}, round {round}");
                }
            });
        }
    });
}

/// Cancels a recognition while it looks for tokens; `false` where it was quicker.
fn was_cancelled(recognizer: &mut dyn Recognizer) -> bool {
    let (cancel, has_ended) = (CancelFlag::new(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while cancel.looks() < 2 && !has_ended.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            cancel.cancel();
        });
        let outcome = recognizer.recognize(&request(3), &cancel);
        has_ended.store(true, Ordering::Release);
        match outcome {
            Err(Error::Cancelled) => true,
            Err(other) => panic!("{other}"),
            Ok(_) => false,
        }
    })
}

#[test]
fn who_is_cancelled_ends_alone() {
    let folder = written(51_865, 80);
    let Some(engine) = engine(folder.path()) else { return };
    let alone = engine.recognizer().expect("a state").recognize(&request(1), &CancelFlag::new());
    let alone = alone.expect("noise is recognised as something").text;
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut recognizer = engine.recognizer().expect("a state");
            start.wait();
            let cancelled = (0..ROUNDS).filter(|_| was_cancelled(recognizer.as_mut())).count();
            assert!(cancelled > 0, "none of {ROUNDS} ended when it was told to");
        });
        scope.spawn(|| {
            let mut recognizer = engine.recognizer().expect("a state");
            start.wait();
            for _ in 0..ROUNDS {
                let found = recognizer.recognize(&request(1), &CancelFlag::new());
                assert_eq!(found.expect("nobody cancelled this one").text, alone);
            }
        });
    });
}
