//! Allo's own WebSocket protocol: a `start` as JSON, then binary audio; docs/ingress.md describes it for its users.
//!
//! It is strict, because whoever writes a client for it reads the answers: every message that is wrong is answered with
//! an `error` that names the field. Played audio is one channel in the encoding of the start, in frames of 20 ms, 200 ms
//! ahead of the moment when it is to be heard; the end of a playback is computed from that.

mod wire;

use std::time::Duration;

use super::encoding::Encoding;
use super::opus::{Decoder, Encoder, RATES_HZ as OPUS_RATES_HZ};
use super::playback::{End, Manner, Pieces};
use super::session::{Limits, NORMAL_CLOSE, Session, close};
use super::start::{are_channels, check_vocabulary};
use super::{CallStart, EndReason, Error, Exchange, Incoming, Message, Protocol, Reply, Track, text};
use crate::audio::SampleRate;
use crate::audio::g711::Law;
use crate::call::{Channel, Language};
use crate::redact::Redacted;

const NAME: &str = Protocol::Generic.name();
const LEAD: Duration = Duration::from_millis(200);
/// A second of two channels of linear audio at 48 kHz, and some.
const AUDIO_BYTES_MAX: usize = 256 * 1024;
const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// One connection of the generic protocol.
#[derive(Default)]
pub(super) struct Dialect {
    channels: Vec<Channel>,
    codec: Codec,
}

#[derive(Default)]
enum Codec {
    #[default]
    None,
    Plain(Encoding),
    Opus(Box<(Decoder, Encoder)>),
}

impl super::session::Dialect for Dialect {
    fn protocol(&self) -> Protocol {
        Protocol::Generic
    }

    fn limits(&self) -> Limits {
        Limits { text_bytes_max: text::CONTROL_BYTES_MAX, binary_bytes_max: AUDIO_BYTES_MAX }
    }

    fn receive(
        &mut self,
        message: Message<'_>,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let text = match message {
            Message::Binary(bytes) => {
                session.require_running("audio before the start")?;
                exchange.audio(self.decode(bytes)?);
                return Ok(());
            }
            Message::Text(text) => text,
        };
        let wire::Kind { kind } = text::read(NAME, text)?;
        match kind.as_str() {
            "start" if session.is_running() => {
                Err(Error::OutOfOrder { protocol: NAME, what: "a second start" })
            }
            "start" => self.start(text::read(NAME, text)?, session, exchange),
            "dtmf" => {
                session.require_running("a key before the start")?;
                self.key(&text::read(NAME, text)?, exchange)
            }
            "stop" => {
                session.require_running("a stop before the start")?;
                session.end(EndReason::Stopped, exchange);
                exchange.replies.push(close(NORMAL_CLOSE, "stopped"));
                Ok(())
            }
            "transfer_failed" => {
                session.require_running("a failed transfer before the start")?;
                exchange.facts.push(Incoming::TransferFailed);
                Ok(())
            }
            "keepalive" => Ok(()),
            _ => {
                let expected = "must be start, dtmf, transfer_failed, stop or keepalive";
                Err(Error::invalid(NAME, "type", expected))
            }
        }
    }

    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>) {
        let bytes = match &mut self.codec {
            Codec::None => None,
            Codec::Plain(encoding) => Some(encoding.encode(samples)),
            Codec::Opus(codec) => codec.1.encode(samples),
        };
        replies.extend(bytes.map(Reply::Binary));
    }

    fn mark(&mut self, _name: &str) -> Option<Reply> {
        None
    }

    fn finished(&mut self, mark: &str) -> Option<Reply> {
        Some(text::write(&wire::Sent::Mark { name: mark }))
    }

    fn clear(&mut self, replies: &mut Vec<Reply>) {
        replies.push(text::write(&wire::Sent::Flush));
    }

    fn hang_up(&mut self) -> Vec<Reply> {
        vec![text::write(&wire::Sent::Hangup), close(NORMAL_CLOSE, "hung up")]
    }

    fn transfer(&mut self, target: &Redacted<String>) -> Option<Reply> {
        Some(text::write(&wire::Sent::Transfer { target: target.reveal() }))
    }

    fn complaint(&mut self, error: &Error) -> Option<Reply> {
        let message = error.to_string();
        Some(text::write(&wire::Sent::Error { code: error.code(), field: error.field(), message }))
    }
}

impl Dialect {
    fn start(
        &mut self,
        start: wire::Start,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let channels = channels(&start.channels)?;
        let rate = Some(start.sample_rate)
            .filter(|hz| RATES_HZ.contains(hz))
            .and_then(SampleRate::from_hz)
            .ok_or_else(|| Error::invalid(NAME, "sample_rate", "must be 8000 to 48000"))?;
        self.codec = codec(&start.encoding, rate, channels.len())?;
        let vocabulary: Vec<Redacted<String>> = start.vocabulary.into_iter().map(Into::into).collect();
        check_vocabulary(&vocabulary).map_err(|what| Error::invalid(NAME, "vocabulary", &what))?;
        let language = language(start.language.as_deref())?;
        let mut parameters = session.options.parameters.clone();
        parameters.extend(start.parameters.into_iter().map(|(name, value)| (name, value.into())));
        let pieces = Pieces::frames(rate, LEAD);
        let manner = start.playback.then_some(Manner { rate, pieces, end: End::Computed });
        let call = CallStart {
            tracks: channels.iter().map(|&channel| Track { channel, rate }).collect(),
            caller: start.caller.map(Into::into),
            called: start.called.map(Into::into),
            peer_call_id: start.call_id,
            language,
            vocabulary,
            parameters,
            play_rate: None,
            can_transfer: true,
        };
        self.channels = channels;
        session.start(call, manner, exchange);
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<Vec<Vec<f32>>, Error> {
        match &mut self.codec {
            Codec::None => Ok(Vec::new()),
            Codec::Plain(encoding) => encoding.decode(bytes, self.channels.len(), NAME),
            Codec::Opus(codec) => codec.0.decode(bytes).ok_or_else(|| Error::InvalidAudio {
                protocol: NAME,
                what: format!("{} bytes that are no Opus packet", bytes.len()),
            }),
        }
    }

    fn key(&self, dtmf: &wire::Dtmf, exchange: &mut Exchange) -> Result<(), Error> {
        let track = match &dtmf.channel {
            None => 0,
            Some(name) => self
                .channels
                .iter()
                .position(|channel| channel.to_string() == *name)
                .ok_or_else(|| Error::invalid(NAME, "channel", "must be a channel of the start"))?,
        };
        let digit = text::digit(NAME, "digit", &dtmf.digit)?;
        exchange.facts.push(Incoming::Dtmf { track, digit });
        Ok(())
    }
}

fn channels(names: &[String]) -> Result<Vec<Channel>, Error> {
    let channels = names.iter().map(|name| name.parse()).collect::<Result<Vec<Channel>, _>>();
    channels.ok().filter(|channels| are_channels(channels)).ok_or_else(|| {
        Error::invalid(
            NAME,
            "channels",
            "must name one or two different channels: caller, agent, bot, mixed, channel-N",
        )
    })
}

fn codec(encoding: &wire::Encoding, rate: SampleRate, channels: usize) -> Result<Codec, Error> {
    Ok(match encoding {
        wire::Encoding::PcmS16le => Codec::Plain(Encoding::Linear16),
        wire::Encoding::Mulaw => Codec::Plain(Encoding::Law(Law::Mu)),
        wire::Encoding::Alaw => Codec::Plain(Encoding::Law(Law::A)),
        wire::Encoding::Opus => {
            let both = Decoder::new(rate, channels).zip(Encoder::new(rate));
            let both = both.filter(|_| OPUS_RATES_HZ.contains(&rate.hz()));
            Codec::Opus(Box::new(both.ok_or_else(|| {
                Error::invalid(NAME, "sample_rate", "must be 8000, 12000, 16000, 24000 or 48000 for opus")
            })?))
        }
    })
}

fn language(code: Option<&str>) -> Result<Option<Language>, Error> {
    match code {
        None | Some("auto") => Ok(None),
        Some(code) => {
            code.parse().map(Some).map_err(|_| Error::invalid(NAME, "language", "must be fr, en, nl or auto"))
        }
    }
}
