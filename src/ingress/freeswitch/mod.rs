//! FreeSWITCH with mod_audio_stream or mod_audio_fork: a text with metadata when there is any, then binary linear audio.
//!
//! Neither module says at which rate and with how many channels it streams; the metadata must (`sample_rate`, or
//! `sampleRate`; `channels`, or `mixType`), as docs/ingress.md shows. Without them it is one channel at 8 kHz.
//! Prompts go back whole, as messages that the module turns into a file and an event; a script of the switch plays it.
//! Nobody reports when it was played, so the end is computed from the length.

mod wire;

use super::encoding::Encoding;
use super::playback::{End, Manner, Pieces};
use super::session::{Limits, NORMAL_CLOSE, Session, close};
use super::start::{Parameters, Wishes, tracks};
use super::{CallStart, Error, Exchange, Incoming, Message, Protocol, Reply, text};
use crate::audio::SampleRate;
use crate::call::Channel;
use crate::redact::Redacted;

/// A second of two channels at 48 kHz and more.
const AUDIO_BYTES_MAX: usize = 256 * 1024;
/// Prompts under way; what waits here can still be flushed without a trace.
const PROMPTS_MAX: usize = 4;

/// Which module of FreeSWITCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Module {
    AudioStream,
    AudioFork,
}

/// One FreeSWITCH stream.
pub(super) struct Dialect {
    module: Module,
    channels: usize,
    rate: SampleRate,
}

impl Dialect {
    pub(super) const fn new(module: Module) -> Self {
        Self { module, channels: 1, rate: SampleRate::TELEPHONE }
    }

    const fn name(&self) -> &'static str {
        match self.module {
            Module::AudioStream => Protocol::AudioStream.name(),
            Module::AudioFork => Protocol::AudioFork.name(),
        }
    }

    fn start(
        &mut self,
        metadata: Parameters,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let protocol = self.name();
        let mut parameters = session.options.parameters.clone();
        parameters.extend(metadata);
        if let Some(value) = parameters.get("sampleRate").cloned() {
            parameters.entry("sample_rate".to_owned()).or_insert(value);
        }
        let wishes = Wishes::read(protocol, &parameters)?;
        let known = match parameters.get("mixType").map(|value| value.reveal().as_str()) {
            None | Some("mono") => vec![Channel::Caller],
            Some("mixed") => vec![Channel::Mixed],
            Some("stereo") => vec![Channel::Caller, Channel::Agent],
            Some(_) => {
                return Err(Error::invalid(protocol, "parameters.mixType", "must be mono, stereo or mixed"));
            }
        };
        let channels = wishes.channels.clone().unwrap_or(known);
        self.channels = channels.len();
        let stream_rate = wishes.rate.unwrap_or(SampleRate::TELEPHONE);
        self.rate = wishes.play_rate.unwrap_or(stream_rate);
        let manner = wishes.plays().then_some(Manner {
            rate: self.rate,
            pieces: Pieces::Whole { unheard_max: PROMPTS_MAX },
            end: End::Computed,
        });
        let first = |names: &[&str]| names.iter().find_map(|name| parameters.get(*name)).cloned();
        let start = CallStart {
            caller: first(&["caller", "from"]),
            called: first(&["called", "to"]),
            peer_call_id: first(&["call_id", "uuid", "callSid"]).map(Redacted::into_inner),
            can_transfer: true,
            ..wishes.start(tracks(channels, stream_rate), parameters.clone())
        };
        session.start(start, manner, exchange);
        Ok(())
    }
}

impl super::session::Dialect for Dialect {
    fn protocol(&self) -> Protocol {
        match self.module {
            Module::AudioStream => Protocol::AudioStream,
            Module::AudioFork => Protocol::AudioFork,
        }
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
        let protocol = self.name();
        match message {
            Message::Binary(bytes) => {
                if !session.is_running() {
                    self.start(Parameters::new(), session, exchange)?;
                }
                exchange.audio(Encoding::Linear16.decode(bytes, self.channels, protocol)?);
                Ok(())
            }
            Message::Text(text) if session.is_running() => {
                // A script may send any text; only keys are read.
                if let Ok(received) = text::read::<wire::Received>(protocol, text)
                    && received.event.as_deref() == Some("dtmf")
                    && let Some(key) = received.dtmf
                {
                    let digit = text::digit(protocol, "dtmf", &key)?;
                    exchange.facts.push(Incoming::Dtmf { track: 0, digit });
                }
                Ok(())
            }
            Message::Text(text) => {
                let mut metadata = Parameters::new();
                // The metadata is whatever the dialplan says; text that is no JSON object is kept as it is.
                if let Ok(object) = text::read(protocol, text) {
                    text::collect(object, &mut metadata);
                } else {
                    metadata.insert("metadata".to_owned(), text.into());
                }
                self.start(metadata, session, exchange)
            }
        }
    }

    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>) {
        let content = text::encode_base64(&Encoding::Linear16.encode(samples));
        let sample_rate = self.rate.hz();
        replies.push(text::write(&match self.module {
            Module::AudioStream => wire::Sent::StreamAudio(wire::StreamedPrompt {
                audio_data_type: "raw",
                sample_rate,
                audio_data: content,
            }),
            Module::AudioFork => wire::Sent::PlayAudio(wire::Prompt {
                audio_content_type: "raw",
                sample_rate,
                audio_content: content,
            }),
        }));
    }

    fn mark(&mut self, _name: &str) -> Option<Reply> {
        None
    }

    fn clear(&mut self, replies: &mut Vec<Reply>) {
        replies.push(text::write(&wire::Sent::KillAudio));
    }

    fn hang_up(&mut self) -> Vec<Reply> {
        vec![text::write(&wire::Sent::Disconnect), close(NORMAL_CLOSE, "hung up")]
    }

    fn transfer(&mut self, target: &Redacted<String>) -> Option<Reply> {
        Some(text::write(&wire::Sent::Transfer { target: target.reveal() }))
    }
}
