//! What the fuzz targets share: the parsers under test and a conversation made of any bytes.
//!
//! An input is a list of records, separated by the byte 0x1e. The first byte of a record says what it is: `t` a text of
//! the peer, `b` binary, `p` a prompt of so many milliseconds (one byte), `f` a flush, `h` a hang-up, `w` so many milliseconds pass;
//! anything else is taken as binary with its first byte. The seeds in `corpus/` are calls in this form.

// The parsers, compiled from the sources of the main package: see Cargo.toml for why.
#![allow(dead_code, reason = "the main package uses the rest of these modules")]

pub mod asr;
#[path = "../../src/audio/mod.rs"]
pub mod audio;
#[path = "../../src/call/mod.rs"]
pub mod call;
pub mod faces;
#[path = "../../src/ingress/mod.rs"]
pub mod ingress;
#[path = "../../src/redact.rs"]
pub mod redact;
pub mod serve;
pub mod text;

use std::time::{Duration, Instant};

use audio::SampleRate;
use ingress::{Bridge, Exchange, Incoming, Message, Options, Outgoing, Protocol, Reply, bridge};

pub(crate) const SEPARATOR: u8 = 0x1e;

/// Holds a conversation with a bridge and checks what must hold for every one.
///
/// # Panics
/// When something does not hold: that is a finding.
pub fn converse(protocol: Protocol, input: &[u8]) {
    let mut bridge = bridge(protocol, Options::default());
    let mut exchange = Exchange::default();
    let mut now = Instant::now();
    for record in input.split(|&byte| byte == SEPARATOR) {
        act(&mut *bridge, record, &mut now, &mut exchange);
        bridge.poll(now, &mut exchange);
    }
    check(&exchange, input.len());
}

fn act(bridge: &mut dyn Bridge, record: &[u8], now: &mut Instant, exchange: &mut Exchange) {
    // Refusals are what the parsers are for.
    let _ = match *record {
        [] => Ok(()),
        [b't', ref text @ ..] => bridge.receive(Message::Text(&String::from_utf8_lossy(text)), exchange),
        [b'b', ref bytes @ ..] => bridge.receive(Message::Binary(bytes), exchange),
        [b'p', milliseconds, ..] => {
            let samples = vec![0.25; usize::from(milliseconds) * 8].into();
            let mark = Some("m".to_owned());
            bridge.send(&Outgoing::Play { samples, rate: SampleRate::TELEPHONE, mark }, exchange)
        }
        [b'f', ..] => bridge.send(&Outgoing::Flush, exchange),
        [b'h', ..] => bridge.send(&Outgoing::HangUp, exchange),
        [b'w', milliseconds, ..] => {
            *now += Duration::from_millis(u64::from(milliseconds));
            Ok(())
        }
        ref bytes => bridge.receive(Message::Binary(bytes), exchange),
    };
}

fn check(exchange: &Exchange, input_bytes: usize) {
    let facts = &exchange.facts;
    let starts = facts.iter().filter(|fact| matches!(fact, Incoming::Started(_))).count();
    assert!(starts <= 1, "a second start");
    assert!(facts.first().is_none_or(|fact| matches!(fact, Incoming::Started(_))), "a fact before the start");
    let end = facts.iter().position(|fact| matches!(fact, Incoming::Ended { .. }));
    assert!(end.is_none_or(|end| end + 1 == facts.len()), "a fact after the end");
    let close = exchange.replies.iter().position(|reply| matches!(reply, Reply::Close { .. }));
    assert!(close.is_none_or(|close| close + 1 == exchange.replies.len()), "a reply after the close");
    let samples: usize =
        facts.iter().map(|fact| if let Incoming::Audio { samples, .. } = fact { samples.len() } else { 0 }).sum();
    // The longest Opus packet of two channels makes 11,520 samples of one byte.
    assert!(samples <= 11_520 * (input_bytes + 1), "{samples} samples from {input_bytes} bytes");
}
