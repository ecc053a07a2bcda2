//! Many short calls, some at a time: does memory stay where it was?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allo::audio::SampleRate;
use allo::call::{Channel, Language};

use super::clips::{self, Sound, silence};
use super::machine::{self, resident_kb};
use super::{play, report, say};

/// Calls after which memory is first looked at: by then everything was made that is made once.
const SETTLED: usize = 100;
/// Silence in front of what is said.
const BEFORE_S: f64 = 0.3;

/// Plays `number` calls, `at_once` at a time: each one utterance of a caller.
pub fn run(number: usize, at_once: usize) -> anyhow::Result<()> {
    let machine = machine::start(|config| {
        config.live.admission = false;
        config.intent.scenario = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/telecom-fr").into());
    })?;
    let said = Arc::new(utterances()?);
    let begun = Arc::new(AtomicUsize::new(0));
    let ended = Arc::new(AtomicUsize::new(0));
    let marks = Arc::new(std::sync::Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..at_once.max(1))
        .map(|_| {
            let live = Arc::clone(&machine.live);
            let (said, begun, ended) = (Arc::clone(&said), Arc::clone(&begun), Arc::clone(&ended));
            let marks = Arc::clone(&marks);
            std::thread::spawn(move || -> anyhow::Result<Vec<std::time::Duration>> {
                let mut lags = Vec::new();
                loop {
                    let index = begun.fetch_add(1, Ordering::Relaxed);
                    if index >= number {
                        return Ok(lags);
                    }
                    let (sound, language) = &said[index % said.len()];
                    let outcome = play::play(play::open(&live, sound, *language)?, sound)?;
                    lags.extend(outcome.lags());
                    let count = ended.fetch_add(1, Ordering::Relaxed) + 1;
                    if count.is_multiple_of(SETTLED) || count == number {
                        let resident = resident_kb();
                        say(&format!("after call {count}: {resident} kB resident"));
                        marks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(resident);
                    }
                }
            })
        })
        .collect();
    let mut lags = Vec::new();
    for thread in threads {
        lags.extend(thread.join().map_err(|_| anyhow::anyhow!("a caller panicked"))??);
    }
    say(&report::lags(&lags));
    let marks = marks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let (Some(first), Some(last)) = (marks.first(), marks.last()) {
        let growth = 100.0 * (*last as f64 / (*first).max(1) as f64 - 1.0);
        say(&format!(
            "memory after the last call against that after call {}: {growth:+.1} %",
            SETTLED.min(number)
        ));
    }
    Ok(())
}

/// Every utterance of the callers of the fixture calls, as a call of its own.
fn utterances() -> anyhow::Result<Vec<(Sound, Language)>> {
    let mut said = Vec::new();
    for clip in clips::load(None, usize::MAX)? {
        for piece in clip.pieces(Channel::Caller)? {
            let rate = SampleRate::TELEPHONE;
            let mut samples = silence(rate, BEFORE_S);
            samples.extend(piece);
            said.push((Sound { rate, channels: vec![(Channel::Caller, samples)] }, clip.language));
        }
    }
    Ok(said)
}
