//! Conversations with the live interfaces of OpenAI and Deepgram, forms of OpenAI, and what is said around a call (its
//! address, who controls it, what is told beforehand), made of any bytes.
//!
//! Records as in the root of this crate, and `e`: something became known of the call, chosen by the bytes behind it; `s`:
//! what was demanded is settled. The first record of a conversation with Deepgram, or in the generic protocol with its
//! address, is the query of the address.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::SEPARATOR;
use crate::asr::Task;
use crate::audio::{SamplePos, SampleSpan};
use crate::call::event::{CallEndReason, Event, EventBody, FinalDelay, TurnEndReason};
use crate::call::{CallId, Channel, Language, Utterance, Word};
use crate::ingress::{Options, Protocol, VOCABULARY_MAX};
use crate::live::{Abilities, Command, is_internal_mark};
use crate::redact::Redacted;
use crate::serve::Offer;
use crate::serve::control::orders::{Order, Orders};
use crate::serve::deepgram::listen::query::Query;
use crate::serve::deepgram::listen::{Identity, Listen};
use crate::serve::error::ApiError;
use crate::serve::face::{Demand, Effects, Face, Received, Refusal, Reply};
use crate::serve::openai::order;
use crate::serve::openai::realtime::Realtime;
use crate::serve::openai::realtime::settings::{Allowed, Shape};
use crate::serve::told;
use crate::serve::wishes::Wishes;

fn offer() -> Offer {
    Offer { model: "whisper-base".into(), languages: Language::ALL.to_vec() }
}

/// OpenAI's realtime transcription; the first byte chooses the generation of the protocol.
///
/// # Panics
/// When something does not hold: that is a finding.
pub fn realtime(input: &[u8]) {
    let shape = if input.first() == Some(&b'1') { Shape::Beta } else { Shape::Present };
    let mut effects = Effects::default();
    let allowed = Allowed { offer: offer(), aliases: vec!["whisper-1".into()] };
    let face = Realtime::new(allowed, shape, &mut effects);
    converse(Box::new(face), effects, input.get(1..).unwrap_or_default());
}

/// Deepgram's live transcription.
///
/// # Panics
/// When something does not hold: that is a finding.
pub fn listen(input: &[u8]) {
    let (address, rest) = parted(input);
    let Ok(query) = Query::read(&pairs(address), &offer(), &["nova-3".to_owned()]) else { return };
    let mut effects = Effects::default();
    let identity = Identity { request: Uuid::nil(), created: String::new(), version: "0" };
    let face = Listen::new(query, identity, Instant::now(), &mut effects);
    converse(Box::new(face), effects, rest);
}

/// The form of a recording: `name=value`, separated by `&`; the first byte chooses the task.
pub fn form(input: &[u8]) {
    let task = if input.first() == Some(&b't') { Task::Translate } else { Task::Transcribe };
    let offer = offer();
    let aliases = ["whisper-1".to_owned()];
    let allowed = order::Allowed { task, offer: &offer, aliases: &aliases };
    if let Err(error) = order::Order::read(&pairs(input.get(1..).unwrap_or_default()), allowed) {
        assert!(error.parameter_name().is_some(), "a refusal that names no field: {error}");
    }
}

/// Allo's own protocol, with the query of its address.
///
/// # Panics
/// When something does not hold: that is a finding.
pub fn address(input: &[u8]) {
    let (address, rest) = parted(input);
    match Wishes::take(pairs(address)) {
        Ok((_, own)) => {
            let parameters = own.into_iter().map(|(name, value)| (name, Redacted::new(value))).collect();
            crate::converse_with(Protocol::Generic, Options { parameters }, rest);
        }
        Err(error) => {
            assert!(error.parameter_name().is_some(), "a refusal that names no parameter: {error}");
        }
    }
}

/// Orders of whoever controls a call; the first byte chooses what the connection of the call can do.
///
/// # Panics
/// When something does not hold: that is a finding.
pub fn control(input: &[u8]) {
    let first = input.first().copied().unwrap_or_default();
    let able = Abilities { plays: first & 1 != 0, transfers: first & 2 != 0, hangs_up: first & 4 != 0 };
    let mut orders = Orders::new(vec![Channel::Caller, Channel::Agent], able);
    for record in input.get(1..).unwrap_or_default().split(|&byte| byte == SEPARATOR) {
        let order = match *record {
            [] => continue,
            [b't', ref text @ ..] => orders.text(&String::from_utf8_lossy(text)),
            [b'b', ref bytes @ ..] => orders.sound(bytes).map(Some),
            ref bytes => orders.sound(bytes).map(Some),
        };
        match order {
            Ok(Some(order)) => check(&order, able),
            Ok(None) => {}
            Err(error) => {
                serde_json::from_str::<serde_json::Value>(&error.json()).expect("refusals are JSON");
            }
        }
    }
}

/// An order that is taken is one that can be carried out.
fn check(order: &Order, able: Abilities) {
    match order {
        Order::Command(Command::Play { samples, rate, mark }) => {
            assert!(able.plays && !samples.is_empty() && (8_000..=48_000).contains(&rate.hz()));
            assert!(samples.iter().all(|sample| sample.is_finite()));
            assert!(!mark.is_empty() && !is_internal_mark(mark), "the mark {mark:?}");
        }
        Order::Command(Command::Flush) => assert!(able.plays),
        Order::Command(Command::HangUp) => assert!(able.hangs_up),
        Order::Command(Command::Transfer { target }) => {
            assert!(able.transfers && !target.reveal().trim().is_empty());
        }
        Order::Expect { track, .. } => assert!(*track < 2, "track {track}"),
    }
}

/// What is told of a call before it comes.
///
/// # Panics
/// When something does not hold: that is a finding.
pub fn expected(input: &[u8]) {
    match told::read(input) {
        Ok((_, told)) => assert!(told.vocabulary.len() <= VOCABULARY_MAX),
        Err(ApiError::Malformed { .. }) => {}
        Err(error) => assert!(error.parameter_name().is_some(), "a refusal that names no field: {error}"),
    }
}

/// The first record, and those behind it.
fn parted(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|&byte| byte == SEPARATOR) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &[][..]),
    }
}

fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(bytes);
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// What a conversation led to so far.
#[derive(Default)]
struct Told {
    tracks: Option<usize>,
    samples: usize,
    is_closed: bool,
}

fn converse(mut face: Box<dyn Face>, effects: Effects, input: &[u8]) {
    let mut told = Told::default();
    told.take(effects);
    let (mut now, mut sequence) = (Instant::now(), 0);
    for record in input.split(|&byte| byte == SEPARATOR) {
        // The driver hands nothing on after a close.
        if told.is_closed {
            break;
        }
        let mut effects = Effects::default();
        match *record {
            [] => {}
            [b't', ref text @ ..] => {
                face.receive(Received::Text(&String::from_utf8_lossy(text)), now, &mut effects);
            }
            [b'e', kind, ref rest @ ..] if told.tracks.is_some() => {
                sequence += 1;
                let body = event(kind, rest, sequence);
                let at = SamplePos(sequence * 8_000);
                face.event(&Event { call: CallId(Uuid::nil()), sequence, at, body }, &mut effects);
            }
            [b's', ..] => face.settled(&mut effects),
            [b'r', ..] => face.refused(&Refusal::Busy { retry_after: Duration::from_secs(1) }, &mut effects),
            [b'w', milliseconds, ..] => {
                now += Duration::from_millis(u64::from(milliseconds) * 100);
                face.poll(now, &mut effects);
            }
            ref bytes => face.receive(Received::Binary(bytes), now, &mut effects),
        }
        told.take(effects);
    }
    // µ-law in base64 makes the most samples of a byte: less than one. Nothing is heard twice.
    assert!(told.samples <= input.len(), "{} samples from {} bytes", told.samples, input.len());
}

impl Told {
    fn take(&mut self, effects: Effects) {
        for demand in effects.demands {
            match demand {
                Demand::Open(opening) => {
                    assert!(self.tracks.is_none(), "a second call");
                    assert!((1..=8).contains(&opening.tracks), "{} tracks", opening.tracks);
                    self.tracks = Some(opening.tracks);
                }
                Demand::Audio { track, samples } => {
                    assert!(self.tracks.is_some_and(|tracks| track < tracks), "audio of track {track}");
                    assert!(samples.iter().all(|sample| sample.is_finite()));
                    self.samples += samples.len();
                }
                Demand::Settle | Demand::End => assert!(self.tracks.is_some(), "a demand before the call"),
            }
        }
        for reply in effects.sends {
            assert!(!self.is_closed, "a reply after the close");
            match reply {
                Reply::Text(text) => {
                    serde_json::from_str::<serde_json::Value>(&text).expect("replies are JSON");
                }
                Reply::Close { code, reason } => {
                    assert!((1000..=1015).contains(&code) && reason.len() <= 123);
                    self.is_closed = true;
                }
            }
        }
    }
}

/// Something that becomes known of a call: which, by a byte; where, by the next ones.
fn event(kind: u8, rest: &[u8], sequence: u64) -> EventBody {
    let byte = |at: usize| rest.get(at).copied().unwrap_or_default();
    let channel = if byte(0) < 128 { Channel::Mixed } else { Channel::Numbered(byte(0) % 8) };
    let turn = u64::from(byte(1) % 4) + 1;
    let start = SamplePos(sequence * 8_000);
    let span = SampleSpan::new(start, start.plus(u64::from(byte(2)) * 100));
    let text = String::from_utf8_lossy(rest.get(3..).unwrap_or_default()).into_owned();
    match kind % 6 {
        0 => EventBody::SpeechStarted { channel, turn, at: start },
        1 => {
            let unstable = text.clone().into();
            EventBody::TranscriptPartial { channel, turn, start, stable: text.into(), unstable }
        }
        2 => {
            let words = vec![Word { text: text.clone().into(), span, confidence: 0.5 }];
            let utterance =
                Utterance { channel, span, language: Language::Fr, text: text.into(), confidence: 0.5, words };
            let (latency, delay) = (Duration::ZERO, FinalDelay::default());
            EventBody::TranscriptFinal { channel, turn, utterance, alternatives: Vec::new(), corrections: Vec::new(), foreign_share: None, joins: None, latency, delay }
        }
        3 => {
            let (reason, continues) = (TurnEndReason::Finished, turn.checked_sub(1));
            let is_back_channel = byte(2) % 2 == 0;
            EventBody::TurnEnded { channel, turn, end_of_speech: span.end, reason, continues, is_back_channel }
        }
        4 => EventBody::SpeechDiscarded { channel, turn },
        _ => EventBody::CallEnded { reason: CallEndReason::Failed, duration: Duration::from_secs(1) },
    }
}
