//! faster-whisper as a live recogniser: the same voice detection, the end of a turn after a fixed pause, then its text.
//!
//! The clips are cut here, each piece is recognised by `faster_whisper_peer.py` on all cores, and the time line of a live
//! call is put together from both: a piece waits until the one before it is done.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use allo::audio::resample::resample_all;
use allo::audio::{SampleRate, SampleSpan};
use allo::call::Channel;
use allo::eval::wer::ErrorCount;
use allo::home::Home;
use allo::models::{Manifest, ModelFolder};
use allo::onnx::Runtime;
use allo::pipeline::machinery::VOICE_DETECTION;
use allo::turn::{Config, Input, Output, TurnTaker};
use allo::vad::{BatchRow, SileroBatch, SileroChannel, SileroModel, WINDOW_SAMPLES, level_dbfs};
use anyhow::Context as _;

use super::clips::{Clip, silence};
use super::lags::{Lags, Told};
use super::latency::word_errors;

/// Pause that ends a turn.
pub const PAUSE: Duration = Duration::from_millis(500);
/// Silence behind a clip, so that its last turn ends.
const AFTER_S: f64 = 2.0;

/// What faster-whisper did.
pub struct Outcome {
    pub lags: Lags,
    pub errors: ErrorCount,
    /// The texts of each clip.
    pub texts: Vec<Vec<(Channel, String)>>,
}

/// The texts of a clip that are of a channel, or all.
pub fn pieces_of(texts: &[(Channel, String)], of: Option<Channel>) -> Vec<&str> {
    let of_channel = texts.iter().filter(|(channel, _)| of.is_none_or(|of| of == *channel));
    of_channel.map(|(_, text)| text.as_str()).collect()
}

/// A piece of speech.
struct Piece {
    clip: usize,
    channel: Channel,
    /// End of its speech, and when the pause behind it was long enough; seconds of the clip.
    end_of_speech_s: f64,
    due_s: f64,
    samples: Vec<f32>,
}

/// Recognises the clips.
pub fn run(clips: &[Clip], phone: bool) -> anyhow::Result<Outcome> {
    let home = Home::resolve(|name| std::env::var_os(name))?;
    let folder = ModelFolder::new(home.models());
    let runtime = Runtime::load(&folder.onnx_runtime(&Manifest::builtin())?)?;
    let silero = SileroModel::open(&runtime, &folder.file(&Manifest::builtin(), VOICE_DETECTION)?)?;
    let mut pieces = Vec::new();
    for (index, clip) in clips.iter().enumerate() {
        let sound = clip.sound(phone)?;
        let mut of_clip = Vec::new();
        for (channel, samples) in sound.channels {
            let mut wide = resample_all(&samples, sound.rate, SampleRate::PIPELINE)?;
            wide.extend(silence(SampleRate::PIPELINE, AFTER_S));
            of_clip.extend(cut(&silero, &wide)?.into_iter().map(|(speech, audio, due_s)| Piece {
                clip: index,
                channel,
                end_of_speech_s: speech.end.seconds(),
                due_s,
                samples: wide[audio.start.0 as usize..audio.end.0 as usize].to_vec(),
            }));
        }
        of_clip.sort_by(|left, right| left.due_s.total_cmp(&right.due_s));
        pieces.extend(of_clip);
    }
    let texts = recognise(clips, &pieces)?;
    Ok(outcome(clips, &pieces, &texts))
}

/// The turns of a channel: speech, what is recognised of it, and when it is known to be over.
fn cut(silero: &SileroModel, samples: &[f32]) -> anyhow::Result<Vec<(SampleSpan, SampleSpan, f64)>> {
    let mut taker = TurnTaker::new(&Config {
        smart_turn: false,
        unjudged_delay: PAUSE,
        text_wait: Duration::ZERO,
        settle_delay: Duration::ZERO,
        unasked_delay: Duration::ZERO,
        repair_window: Duration::ZERO,
        ..Config::default()
    })?;
    let (mut batch, mut state) = (SileroBatch::new(silero), SileroChannel::default());
    let mut turns = Vec::new();
    for (index, window) in samples.as_chunks::<WINDOW_SAMPLES>().0.iter().enumerate() {
        let mut row = [BatchRow { channel: &mut state, window, speech_probability: 0.0 }];
        batch.judge(&mut row)?;
        let speech_probability = row[0].speech_probability;
        taker.push(Input::Window { speech_probability, level_dbfs: level_dbfs(window) });
        let heard_s = ((index + 1) * WINDOW_SAMPLES) as f64 / f64::from(SampleRate::PIPELINE.hz());
        while let Some(output) = taker.poll() {
            if let Output::TurnEnded { speech, audio, .. } | Output::Part { speech, audio, .. } = output {
                turns.push((speech, audio, heard_s));
            }
        }
    }
    Ok(turns)
}

/// Seconds and text of each piece.
fn recognise(clips: &[Clip], pieces: &[Piece]) -> anyhow::Result<Vec<(f64, String)>> {
    let folder = tempfile::tempdir()?;
    let list = folder.path().join("segments.tsv");
    let mut table = std::fs::File::create(&list)?;
    writeln!(table, "file\tlang")?;
    for (index, piece) in pieces.iter().enumerate() {
        let name = format!("{index}.wav");
        std::fs::write(folder.path().join(&name), wave(&piece.samples))?;
        writeln!(table, "{name}\t{}", clips[piece.clip].language.code())?;
    }
    drop(table);
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let setup = Command::new(benches.join("peer_setup.sh")).stderr(Stdio::inherit()).output()?;
    anyhow::ensure!(setup.status.success(), "benches/peer_setup.sh failed");
    let setup = String::from_utf8(setup.stdout)?;
    let mut lines = setup.lines();
    let (python, model) = lines.next().zip(lines.next()).context("benches/peer_setup.sh printed no paths")?;
    let threads = std::thread::available_parallelism()?.to_string();
    let mut peer = Command::new(python)
        .arg(benches.join("faster_whisper_peer.py"))
        .args([model, "--threads", &threads, "--segments"])
        .arg(&list)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut texts = Vec::new();
    for line in BufReader::new(peer.stdout.take().context("no output")?).lines() {
        let line: serde_json::Value = serde_json::from_str(&line?)?;
        let text = line["text"].as_str().unwrap_or_default().to_owned();
        texts.push((line["seconds"].as_f64().context("no seconds")?, text));
    }
    anyhow::ensure!(peer.wait()?.success() && texts.len() == pieces.len(), "faster_whisper_peer.py failed");
    Ok(texts)
}

/// A WAV file of 16-bit samples at 16 kHz.
fn wave(samples: &[f32]) -> Vec<u8> {
    let rate = SampleRate::PIPELINE.hz();
    let bytes = samples.len() as u32 * 2;
    let mut file = Vec::with_capacity(bytes as usize + 44);
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    for sample in samples {
        file.extend(((sample * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16).to_le_bytes());
    }
    file
}

/// Puts the time line together: pieces of a clip are recognised one after the other.
fn outcome(clips: &[Clip], pieces: &[Piece], texts: &[(f64, String)]) -> Outcome {
    let (mut told, mut free_s, mut clip) = (vec![Vec::new(); clips.len()], 0.0_f64, usize::MAX);
    for (piece, (seconds, text)) in pieces.iter().zip(texts) {
        if piece.clip != clip {
            (clip, free_s) = (piece.clip, 0.0);
        }
        free_s = free_s.max(piece.due_s) + seconds;
        // A piece without words is no final.
        if !text.trim().is_empty() {
            let (channel, end_s) = (piece.channel, piece.end_of_speech_s);
            told[piece.clip].push(Told { channel, end_s, at_s: free_s });
        }
    }
    let of_clip = |index: usize| {
        let of_clip = pieces.iter().zip(texts).filter(move |(piece, _)| piece.clip == index);
        of_clip.map(|(piece, (_, text))| (piece.channel, text.clone())).collect()
    };
    let texts: Vec<Vec<(Channel, String)>> = (0..clips.len()).map(of_clip).collect();
    let (mut lags, mut errors) = (Lags::default(), ErrorCount::default());
    for (index, clip) in clips.iter().enumerate() {
        lags.add(clip, &told[index]);
        errors.add(word_errors(clip, |channel| pieces_of(&texts[index], channel).join(" ")));
    }
    Outcome { lags, errors, texts }
}
