//! Turn-taking on the scripted calls in simulated time; `cargo bench --bench turns`.
//!
//! Both channels of every call run through Silero (in batches), Smart Turn and a `TurnTaker` each. What the recogniser
//! would hear is taken from the scripts, without the punctuation at its end, a stated time after it was asked for.
//! Needs the models of `allo models pull`.

mod calls;
mod play;

use std::time::Instant;

use allo::home::Home;
use allo::onnx::Runtime;
use allo::turn::{Config, SmartTurn};
use allo::vad::{BatchRow, SileroBatch, SileroChannel, SileroModel, WINDOW_SAMPLES};

use self::calls::Call;
use self::play::{Player, Score};

fn main() -> anyhow::Result<()> {
    let models = Home::resolve(|name| std::env::var_os(name))?.models().to_path_buf();
    let runtime = Runtime::load(&models.join("libonnxruntime.so"))?;
    let silero = SileroModel::open(&runtime, &models.join("silero_vad.onnx"))?;
    let mut smart_turn = SmartTurn::open(&runtime, &models.join("smart-turn-v3.2-cpu.onnx"))?;
    let calls = calls::load(&silero)?;
    time_of_silero(&silero, &calls)?;
    time_of_smart_turn(&mut smart_turn, &calls)?;

    say("config | turns | cut inside a turn | inside a sentence | never joined | end p50 ms | p95 ms | told p50 ms | p95 ms"
        .to_owned());
    let mut player = Player::new(&calls, smart_turn);
    for (name, text_ms, config) in variants() {
        let score = player.play(&config, (text_ms, true))?;
        say(line(&name, &score));
    }
    for (unasked, settle) in [(800, 700), (800, 0), (600, 700), (1_000, 700), (800, 500), (1_000, 500)] {
        let ms = |milliseconds| std::time::Duration::from_millis(milliseconds);
        let config = Config { unasked_delay: ms(unasked), settle_delay: ms(settle), ..Config::default() };
        let score = player.play(&config, (Some(300), false))?;
        say(line(&format!("nobody waits: turn {unasked} ms, text {settle} ms"), &score));
    }
    Ok(())
}

/// What is compared: the time that a text takes, and what differs from the defaults.
fn variants() -> Vec<(String, Option<u32>, Config)> {
    let base = Config::default;
    let ms = |milliseconds| std::time::Duration::from_millis(milliseconds);
    let mut variants = Vec::new();
    for pause in [300, 500, 800] {
        let config = Config { smart_turn: false, unjudged_delay: ms(pause), text_wait: ms(0), ..base() };
        variants.push((format!("pause of {pause} ms alone"), None, config));
    }
    for text_ms in [None, Some(0), Some(300)] {
        let text = text_ms.map_or("no text".to_owned(), |text_ms| format!("text after {text_ms} ms"));
        let config = Config { smart_turn: false, ..base() };
        variants.push((format!("without Smart Turn, {text}"), text_ms, config));
        variants.push((format!("default, {text}"), text_ms, base()));
    }
    for (min, max) in [(200, 700), (300, 700), (380, 900), (500, 800), (600, 800)] {
        let config = Config { min_delay: ms(min), max_delay: ms(max), text_wait: ms(0), ..base() };
        variants.push((format!("{min} to {max} ms, no wait for the text"), Some(300), config));
    }
    let config = Config { done_threshold: 0.8, ..base() };
    variants.push(("done from 0.8".to_owned(), Some(300), config));
    for dictation in [1_000, 1_200, 1_400, 1_500] {
        let config = Config { dictation_delay: ms(dictation), ..base() };
        variants.push((format!("{dictation} ms for dictations"), Some(300), config));
    }
    for judge_after in [192, 256] {
        let config = Config { judge_after: ms(judge_after), ..base() };
        variants.push((format!("Smart Turn asked after {judge_after} ms"), Some(300), config));
    }
    variants
}

fn line(name: &str, score: &Score) -> String {
    let share = |count: usize| format!("{count} ({:.1} %)", 100.0 * count as f64 / score.turns.max(1) as f64);
    format!(
        "{name} | {} | {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.0}",
        score.turns,
        share(score.cut),
        share(score.cut_in_sentence),
        score.never_joined,
        1_000.0 * score.delay(0.5),
        1_000.0 * score.delay(0.95),
        1_000.0 * score.told(0.5),
        1_000.0 * score.told(0.95)
    )
}

/// Microseconds a window, by the number of channels that are judged together.
fn time_of_silero(silero: &SileroModel, calls: &[Call]) -> anyhow::Result<()> {
    const ROUNDS: usize = 200;
    let voice = &calls[0].channels[0].samples;
    let windows = voice.as_chunks::<WINDOW_SAMPLES>().0;
    for rows in [1, 8, 32, 128] {
        for (name, silent) in [("speech and line noise", false), ("digital silence", true)] {
            let mut batch = SileroBatch::new(silero);
            let mut channels = vec![SileroChannel::default(); rows];
            let silence = [0.0; WINDOW_SAMPLES];
            let start = now();
            for round in 0..ROUNDS {
                let mut input: Vec<BatchRow<'_>> = Vec::with_capacity(rows);
                for (index, channel) in channels.iter_mut().enumerate() {
                    let window = &windows[(round + index * 17) % windows.len()];
                    let window = if silent { &silence } else { window };
                    input.push(BatchRow { channel, window, speech_probability: 0.0 });
                }
                batch.judge(&mut input)?;
            }
            let each_us = start.elapsed().as_secs_f64() * 1e6 / (ROUNDS * rows) as f64;
            say(format!("Silero, {rows} channels, {name}: {each_us:.1} us a window"));
        }
    }
    Ok(())
}

fn time_of_smart_turn(smart_turn: &mut SmartTurn, calls: &[Call]) -> anyhow::Result<()> {
    const ROUNDS: usize = 30;
    let voice = &calls[0].channels[0].samples[..8 * 16_000];
    let start = now();
    for _ in 0..ROUNDS {
        smart_turn.done_probability(voice)?;
    }
    say(format!(
        "Smart Turn: {:.1} ms a call on one thread",
        start.elapsed().as_secs_f64() * 1e3 / ROUNDS as f64
    ));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn say(line: String) {
    println!("{line}");
}
