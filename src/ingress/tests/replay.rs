//! Plays a conversation from a text file against a bridge and writes down what comes out.
//!
//! A line is one step:
//! `< TEXT` the peer sends a text message; `<# HEX` a binary one; `<~ ENCODING N` a binary one of N samples of a tone;
//! `! play MS RATE [MARK]`, `! flush`, `! hangup`, `! transfer TARGET` the call commands; `@ MS` time passes,
//! millisecond by millisecond; `# …` is a remark.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::audio::SampleRate;
use crate::audio::g711::Law;
use crate::clock::{Clock, SystemClock};
use crate::ingress::encoding::Encoding;
use crate::ingress::{Bridge, Exchange, Incoming, Message, Options, Outgoing, Protocol, Reply, bridge};
use crate::redact::Redacted;

/// Longest text of a reply that is written down whole.
const SHOWN_CHARS_MAX: usize = 60;

pub(super) struct Replay {
    pub(super) bridge: Box<dyn Bridge>,
    pub(super) now: Instant,
    log: String,
}

impl Replay {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self::with_parameters(protocol, &[])
    }

    pub(super) fn with_parameters(protocol: Protocol, parameters: &[(&str, &str)]) -> Self {
        let parameters =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), Redacted::from(*value))).collect();
        let bridge = bridge(protocol, Options { parameters });
        Self { bridge, now: SystemClock.monotonic(), log: String::new() }
    }

    pub(super) fn run(mut self, script: &str) -> String {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            writeln!(self.log, "{}", shorten(line)).unwrap();
            self.step(line);
        }
        self.log
    }

    fn step(&mut self, line: &str) {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match mark {
            "<" => self.receive(Message::Text(rest)),
            "<#" => self.receive(Message::Binary(&hex(rest))),
            "<~" => {
                let (encoding, samples) = rest.split_once(' ').unwrap();
                self.receive(Message::Binary(
                    &encoding_named(encoding).encode(&tone(samples.parse().unwrap(), 8_000)),
                ));
            }
            "!" => {
                let mut exchange = Exchange::default();
                let result = self.bridge.send(&command(rest), &mut exchange);
                self.note(&exchange, result.err());
                self.poll();
            }
            "@" => {
                for _ in 0..rest.parse::<u32>().unwrap() {
                    self.now += Duration::from_millis(1);
                    self.poll();
                }
            }
            other => panic!("no step begins with {other}"),
        }
    }

    fn receive(&mut self, message: Message<'_>) {
        let mut exchange = Exchange::default();
        let result = self.bridge.receive(message, &mut exchange);
        self.note(&exchange, result.err());
        self.poll();
    }

    fn poll(&mut self) {
        let mut exchange = Exchange::default();
        self.bridge.poll(self.now, &mut exchange);
        self.note(&exchange, None);
    }

    fn note(&mut self, exchange: &Exchange, error: Option<crate::ingress::Error>) {
        for fact in &exchange.facts {
            writeln!(self.log, "    fact  {}", shown_fact(fact)).unwrap();
        }
        for reply in &exchange.replies {
            writeln!(self.log, "    reply {}", shown_reply(reply)).unwrap();
        }
        if let Some(error) = error {
            writeln!(self.log, "    error {}: {error}", error.code()).unwrap();
        }
    }
}

/// A tone that no encoding clips.
pub(super) fn tone(samples: usize, rate_hz: u32) -> Vec<f32> {
    (0..samples).map(|n| (std::f32::consts::TAU * 440.0 * n as f32 / rate_hz as f32).sin() * 0.4).collect()
}

pub(super) fn play(milliseconds: usize, rate_hz: u32, mark: Option<&str>) -> Outgoing {
    let samples: Arc<[f32]> = tone(milliseconds * rate_hz as usize / 1_000, rate_hz).into();
    Outgoing::Play { samples, rate: SampleRate::from_hz(rate_hz).unwrap(), mark: mark.map(Into::into) }
}

pub(super) fn encoding_named(name: &str) -> Encoding {
    match name {
        "pcm_s16le" => Encoding::Linear16,
        "mulaw" => Encoding::Law(Law::Mu),
        "alaw" => Encoding::Law(Law::A),
        other => panic!("no encoding is called {other}"),
    }
}

fn command(text: &str) -> Outgoing {
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        ["play", milliseconds, rate] => play(milliseconds.parse().unwrap(), rate.parse().unwrap(), None),
        ["play", milliseconds, rate, ref mark @ ..] => {
            play(milliseconds.parse().unwrap(), rate.parse().unwrap(), Some(&mark.join(" ")))
        }
        ["flush"] => Outgoing::Flush,
        ["hangup"] => Outgoing::HangUp,
        ["transfer", target] => Outgoing::Transfer { target: target.into() },
        _ => panic!("no command is called {text}"),
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn shown_fact(fact: &Incoming) -> String {
    match fact {
        Incoming::Started(start) => {
            let tracks: Vec<String> =
                start.tracks.iter().map(|track| format!("{} at {}", track.channel, track.rate)).collect();
            let reveal = |value: &Option<Redacted<String>>| value.clone().map(Redacted::into_inner);
            let vocabulary: Vec<&String> = start.vocabulary.iter().map(Redacted::reveal).collect();
            let parameters: Vec<String> =
                start.parameters.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect();
            format!(
                "started [{}] caller {:?} called {:?} id {:?} language {:?} vocabulary {vocabulary:?} parameters {parameters:?} plays at {:?} transfers {}",
                tracks.join(", "),
                reveal(&start.caller),
                reveal(&start.called),
                start.peer_call_id,
                start.language,
                start.play_rate.map(SampleRate::hz),
                start.can_transfer,
            )
        }
        Incoming::Audio { track, samples } => {
            let peak = samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
            format!("audio of track {track}: {} samples, peak {peak:.2}", samples.len())
        }
        Incoming::Dtmf { track, digit } => format!("key {} on track {track}", digit.reveal()),
        Incoming::Lost { .. }
        | Incoming::PlaybackFinished { .. }
        | Incoming::TransferFailed
        | Incoming::Ended { .. } => format!("{fact:?}"),
    }
}

fn shown_reply(reply: &Reply) -> String {
    match reply {
        Reply::Text(text) => format!("text {}", shorten(text)),
        Reply::Binary(bytes) => format!("binary of {} bytes", bytes.len()),
        Reply::Close { .. } => format!("{reply:?}"),
    }
}

/// Puts the length in the place of long runs of base64 and hexadecimal digits.
fn shorten(text: &str) -> String {
    let is_payload = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut shown = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_payload(c)).unwrap_or(rest.len());
        if end > SHOWN_CHARS_MAX {
            write!(shown, "…{end} characters…").unwrap();
        } else {
            shown.push_str(&rest[..end]);
        }
        let next = rest[end..].chars().next().map_or(0, char::len_utf8);
        shown.push_str(&rest[end..end + next]);
        rest = &rest[end + next..];
    }
    shown
}
