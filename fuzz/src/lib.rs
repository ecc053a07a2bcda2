//! What the fuzz targets share: the parsers under test and a conversation made of any bytes.
//!
//! An input is a list of records, separated by the byte 0x1e. The first byte of a record says what it is: `t` a text of
//! the peer, `b` binary, `p` a prompt of so many milliseconds (one byte), `f` a flush, `h` a hang-up, `w` so many milliseconds pass;
//! anything else is taken as binary with its first byte. The seeds in `corpus/` are calls in this form.
//!
//! Prompts and waiting are bounded for each input: mistakes are looked for in the parsers, and an input of nothing but
//! prompts, each with a filter to the peer's rate, would leave them little time.

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
pub mod live;
#[path = "../../src/redact.rs"]
pub mod redact;
pub mod serve;
pub mod text;
pub mod turn;

use std::time::{Duration, Instant};

use audio::SampleRate;
use ingress::{Bridge, Exchange, Incoming, Message, Options, Outgoing, Protocol, Reply, bridge};

pub(crate) const SEPARATOR: u8 = 0x1e;

/// Prompts of one input: more than any protocol lets be under way (jambonz eight).
const PROMPTS_MAX: u32 = 12;
/// Their length together: twenty frames.
const PROMPTS_MS_MAX: u32 = 400;
/// Time that passes in one input: longer than a bridge waits for the report of a prompt (ten seconds) and than the prompts
/// themselves.
const WAITING_MS_MAX: u32 = 15_000;
/// Common measure of two rates below which prompts are not resampled. The smaller it is, the longer are the blocks of the
/// filter: those from 8,000 to 383,999 Hz, which have none but 1, are 767,998 samples long.
const MEASURE_MIN_HZ: u32 = 25;

/// Holds a conversation with a bridge and checks what must hold for every one.
///
/// # Panics
/// When something does not hold: that is a finding.
pub fn converse(protocol: Protocol, input: &[u8]) {
    converse_with(protocol, Options::default(), input);
}

/// The same with what the address of the connection says.
pub(crate) fn converse_with(protocol: Protocol, options: Options, input: &[u8]) {
    let mut talk = Talk {
        bridge: bridge(protocol, options),
        exchange: Exchange::default(),
        now: Instant::now(),
        left: Left { prompts: PROMPTS_MAX, prompts_ms: PROMPTS_MS_MAX, waiting_ms: WAITING_MS_MAX },
    };
    for record in input.split(|&byte| byte == SEPARATOR) {
        talk.act(record);
        talk.bridge.poll(talk.now, &mut talk.exchange);
    }
    check(&talk.exchange, input.len());
}

/// A conversation.
struct Talk {
    bridge: Box<dyn Bridge>,
    exchange: Exchange,
    now: Instant,
    left: Left,
}

/// What an input may still have done.
struct Left {
    prompts: u32,
    prompts_ms: u32,
    waiting_ms: u32,
}

impl Talk {
    fn act(&mut self, record: &[u8]) {
        let (bridge, exchange) = (&mut self.bridge, &mut self.exchange);
        // Refusals are what the parsers are for.
        let _ = match *record {
            [] => Ok(()),
            [b't', ref text @ ..] => bridge.receive(Message::Text(&String::from_utf8_lossy(text)), exchange),
            [b'b', ref bytes @ ..] => bridge.receive(Message::Binary(bytes), exchange),
            [b'p', milliseconds, ..] => self.play(milliseconds.into()),
            [b'f', ..] => bridge.send(&Outgoing::Flush, exchange),
            [b'h', ..] => bridge.send(&Outgoing::HangUp, exchange),
            [b'w', milliseconds, ..] => {
                let milliseconds = u32::from(milliseconds).min(self.left.waiting_ms);
                self.left.waiting_ms -= milliseconds;
                self.now += Duration::from_millis(milliseconds.into());
                Ok(())
            }
            ref bytes => bridge.receive(Message::Binary(bytes), exchange),
        };
    }

    /// Plays a prompt of so many milliseconds, or of what is left of them.
    fn play(&mut self, milliseconds: u32) -> Result<(), ingress::Error> {
        let Some(prompts) = self.left.prompts.checked_sub(1) else { return Ok(()) };
        let milliseconds = milliseconds.min(self.left.prompts_ms);
        self.left.prompts = prompts;
        self.left.prompts_ms -= milliseconds;
        let rate = self.prompt_rate();
        let samples = vec![0.25; (milliseconds * rate.hz() / 1_000) as usize].into();
        let mark = Some("m".to_owned());
        self.bridge.send(&Outgoing::Play { samples, rate, mark }, &mut self.exchange)
    }

    /// That of telephony, unless the way from there to the peer's is long: then the peer's own.
    fn prompt_rate(&self) -> SampleRate {
        let Some(Incoming::Started(start)) = self.exchange.facts.first() else {
            return SampleRate::TELEPHONE;
        };
        let is_far =
            |rate: &SampleRate| common_measure(rate.hz(), SampleRate::TELEPHONE.hz()) < MEASURE_MIN_HZ;
        start.play_rate.filter(is_far).unwrap_or(SampleRate::TELEPHONE)
    }
}

fn common_measure(mut one: u32, mut other: u32) -> u32 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
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
