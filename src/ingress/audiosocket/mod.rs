//! Asterisk's AudioSocket, on a TCP stream that Asterisk opens.
//!
//! The first frame is the identity of the call, then 16-bit linear audio comes under a kind that names its rate. Older
//! versions send whatever rate the channel has under the kind of 8 kHz: there the rate is the one of the
//! parameter `sample_rate`, and without it the one whose 20 ms have the length of the first frame. So the call begins
//! with the first audio, not with the identity; it is 20 ms later.
//!
//! We own the clock: one frame of 20 ms at its time, never ahead, because nothing that was sent can be taken back; and
//! silence when there is nothing to say, because Asterisk hangs up on a server that is mute.
//!
//! The protocol does not authenticate: bind it to the loopback or a private network.

mod frame;

use std::time::Duration;

use self::frame::{Frame, Parser};
use super::encoding::Encoding;
use super::playback::{End, Manner, Pieces, Silence, frame_samples};
use super::session::{Limits, NORMAL_CLOSE, Session, close};
use super::start::{Wishes, tracks};
use super::{CallStart, EndReason, Error, Exchange, Incoming, Message, Protocol, Reply, text};
use crate::audio::SampleRate;
use crate::call::Channel;

const NAME: &str = Protocol::AudioSocket.name();
/// A read of a TCP socket.
const READ_BYTES_MAX: usize = 256 * 1024;
/// Keys that come before the first audio.
const EARLY_KEYS_MAX: usize = 16;

/// The frame that ends a call. Whoever ends one says it before the connection is closed.
pub const HANG_UP: [u8; frame::HEADER_BYTES] = [HANGUP, 0, 0];

const HANGUP: u8 = 0x00;
const IDENTITY: u8 = 0x01;
const DTMF: u8 = 0x03;
const FIRST_AUDIO: u8 = 0x10;
const ERROR: u8 = 0xff;
/// Rates of the audio kinds, from 0x10 on.
const AUDIO_RATES_HZ: [u32; 9] = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

/// One AudioSocket connection.
#[derive(Default)]
pub(super) struct Dialect {
    parser: Parser,
    call: Call,
}

#[derive(Default)]
struct Call {
    identity: Option<String>,
    early_keys: Vec<Incoming>,
    /// Kind of the audio, both ways.
    kind: u8,
}

impl super::session::Dialect for Dialect {
    fn protocol(&self) -> Protocol {
        Protocol::AudioSocket
    }

    fn limits(&self) -> Limits {
        Limits { text_bytes_max: 0, binary_bytes_max: READ_BYTES_MAX }
    }

    fn receive(
        &mut self,
        message: Message<'_>,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let Message::Binary(bytes) = message else {
            return Err(Error::OutOfOrder { protocol: NAME, what: "a text message; the stream is binary" });
        };
        // A bad frame must not take the good ones behind it along; before the start nothing good can follow.
        let mut first_error = None;
        let call = &mut self.call;
        self.parser.push(bytes, |frame| match call.frame(frame, session, exchange) {
            Ok(()) => Ok(()),
            Err(error) if session.is_running() => {
                first_error.get_or_insert(error);
                Ok(())
            }
            Err(error) => Err(error),
        })?;
        first_error.map_or(Ok(()), Err)
    }

    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>) {
        replies.push(Reply::Binary(frame::write(self.call.kind, &Encoding::Linear16.encode(samples))));
    }

    fn mark(&mut self, _name: &str) -> Option<Reply> {
        None
    }

    fn clear(&mut self, _replies: &mut Vec<Reply>) {}

    fn hang_up(&mut self) -> Vec<Reply> {
        vec![Reply::Binary(HANG_UP.to_vec()), close(NORMAL_CLOSE, "hung up")]
    }
}

impl Call {
    fn frame(
        &mut self,
        frame: Frame<'_>,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        if session.is_over() {
            return Ok(());
        }
        match frame.kind {
            IDENTITY => return self.identity(frame.payload),
            HANGUP => {
                session.end(EndReason::Stopped, exchange);
                exchange.replies.push(close(NORMAL_CLOSE, "hung up"));
                return Ok(());
            }
            _ => {}
        }
        if self.identity.is_none() {
            return Err(Error::OutOfOrder {
                protocol: NAME,
                what: "a frame before the identity of the call",
            });
        }
        match frame.kind {
            DTMF => self.key(frame.payload, session, exchange),
            ERROR => {
                let code = frame.payload.first().copied().map(u64::from);
                session.end(EndReason::PeerFailed, exchange);
                exchange.replies.push(close(NORMAL_CLOSE, "the peer reports an error"));
                Err(Error::PeerFailed { protocol: NAME, code })
            }
            kind if audio_rate(kind).is_some() => self.audio(frame, session, exchange),
            _ => Err(Error::invalid(NAME, "kind", "is no kind of frame")),
        }
    }

    fn identity(&mut self, payload: &[u8]) -> Result<(), Error> {
        if self.identity.is_some() {
            return Err(Error::OutOfOrder { protocol: NAME, what: "a second identity of the call" });
        }
        let bytes: [u8; 16] =
            payload.try_into().map_err(|_| Error::invalid(NAME, "identity", "must have 16 bytes"))?;
        self.identity = Some(uuid::Uuid::from_bytes(bytes).to_string());
        Ok(())
    }

    fn key(&mut self, payload: &[u8], session: &Session, exchange: &mut Exchange) -> Result<(), Error> {
        let key = std::str::from_utf8(payload).unwrap_or_default();
        let fact = Incoming::Dtmf { track: 0, digit: text::digit(NAME, "dtmf", key)? };
        if session.is_running() {
            exchange.facts.push(fact);
        } else if self.early_keys.len() < EARLY_KEYS_MAX {
            self.early_keys.push(fact);
        }
        Ok(())
    }

    fn audio(
        &mut self,
        frame: Frame<'_>,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let samples = Encoding::Linear16.decode(frame.payload, 1, NAME)?.remove(0);
        if samples.is_empty() {
            return Ok(());
        }
        if !session.is_running() {
            self.kind = frame.kind;
            self.start(samples.len(), session, exchange)?;
        }
        if frame.kind != self.kind {
            let what = "its kind is another than at the start".to_owned();
            return Err(Error::InvalidAudio { protocol: NAME, what });
        }
        exchange.facts.push(Incoming::Audio { track: 0, samples });
        Ok(())
    }

    fn start(
        &mut self,
        first_samples: usize,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let parameters = session.options.parameters.clone();
        let wishes = Wishes::read(NAME, &parameters)?;
        let channels = wishes.channels_of(NAME, vec![Channel::Caller], "the stream")?;
        // The first kind may stand for any rate.
        let named = audio_rate(self.kind).filter(|_| self.kind != FIRST_AUDIO);
        let rate = named.or(wishes.rate).unwrap_or_else(|| rate_of_frame(first_samples));
        let pieces = Pieces::Frames {
            frame_samples: frame_samples(rate),
            lead: Duration::ZERO,
            silence: Silence::Frames,
        };
        let peer_call_id = self.identity.clone();
        let start = CallStart { peer_call_id, ..wishes.start(tracks(channels, rate), parameters) };
        session.start(start, Some(Manner { rate, pieces, end: End::Computed }), exchange);
        exchange.facts.append(&mut self.early_keys);
        Ok(())
    }
}

fn audio_rate(kind: u8) -> Option<SampleRate> {
    let index = usize::from(kind.checked_sub(FIRST_AUDIO)?);
    AUDIO_RATES_HZ.get(index).and_then(|&hz| SampleRate::from_hz(hz))
}

/// The rate at which so many samples are 20 ms; 8 kHz when that is none.
fn rate_of_frame(samples: usize) -> SampleRate {
    AUDIO_RATES_HZ
        .into_iter()
        .filter_map(SampleRate::from_hz)
        .find(|&rate| frame_samples(rate) == samples)
        .unwrap_or(SampleRate::TELEPHONE)
}
