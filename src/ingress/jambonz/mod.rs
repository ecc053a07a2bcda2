//! jambonz `listen` and `stream`: attributes of the call as text, then binary linear audio.
//!
//! Audio goes back in one of two ways, and the first message does not say which one the verb was set to. With the
//! parameter `playback=streaming` (the default) it is binary, at the rate of what comes unless `play_rate` says otherwise,
//! and marks tell the end. With `playback=files` each prompt is one message and `playDone` tells the end, in order;
//! at most eight are under way, because jambonz keeps ten.

mod wire;

use std::time::Duration;

use super::encoding::Encoding;
use super::playback::{End, Manner, Pieces};
use super::session::{Limits, NORMAL_CLOSE, Session, close};
use super::start::{Playback, Wishes, rate, tracks};
use super::{CallStart, Error, Exchange, Incoming, Message, Protocol, Reply, text};
use crate::audio::SampleRate;
use crate::call::Channel;

const NAME: &str = Protocol::Jambonz.name();
const LEAD: Duration = Duration::from_millis(200);
/// A second of two channels at 64 kHz.
const AUDIO_BYTES_MAX: usize = 256 * 1024;
/// Prompts under way; two less than jambonz keeps.
const PROMPTS_MAX: usize = 8;

/// One jambonz stream.
#[derive(Default)]
pub(super) struct Dialect {
    channels: usize,
    /// Rate of prompts that are sent whole.
    prompt_rate: Option<SampleRate>,
}

impl super::session::Dialect for Dialect {
    fn protocol(&self) -> Protocol {
        Protocol::Jambonz
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
        match message {
            Message::Binary(bytes) => {
                session.require_running("audio before the attributes of the call")?;
                let planes = Encoding::Linear16.decode(bytes, self.channels, NAME)?;
                exchange.audio(planes);
                Ok(())
            }
            Message::Text(text) if session.is_running() => {
                control(text::read(NAME, text)?, session, exchange)
            }
            Message::Text(text) => self.start(text::read(NAME, text)?, session, exchange),
        }
    }

    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>) {
        let bytes = Encoding::Linear16.encode(samples);
        replies.push(match self.prompt_rate {
            None => Reply::Binary(bytes),
            Some(rate) => text::write(&wire::Sent::PlayAudio(wire::Prompt {
                audio_content: text::encode_base64(&bytes),
                audio_content_type: "raw",
                sample_rate: rate.hz().to_string(),
            })),
        });
    }

    fn mark(&mut self, name: &str) -> Option<Reply> {
        Some(text::write(&wire::Sent::Mark { name }))
    }

    fn clear(&mut self, replies: &mut Vec<Reply>) {
        replies.push(text::write(&wire::Sent::KillAudio));
        if self.prompt_rate.is_none() {
            replies.push(text::write(&wire::Sent::ClearMarks));
        }
    }

    fn hang_up(&mut self) -> Vec<Reply> {
        vec![text::write(&wire::Sent::Disconnect), close(NORMAL_CLOSE, "hung up")]
    }
}

impl Dialect {
    fn start(
        &mut self,
        attributes: wire::Attributes,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let rate = rate(attributes.sample_rate.0)
            .ok_or_else(|| Error::invalid(NAME, "sampleRate", "must be 4000 to 384000 Hz"))?;
        let mut parameters = session.options.parameters.clone();
        text::collect(attributes.metadata.unwrap_or_default(), &mut parameters);
        let wishes = Wishes::read(NAME, &parameters)?;
        let known = match attributes.mix_type.as_deref() {
            None | Some("mono") => vec![Channel::Caller],
            Some("mixed") => vec![Channel::Mixed],
            Some("stereo") => vec![Channel::Caller, Channel::Agent],
            Some(_) => return Err(Error::invalid(NAME, "mixType", "must be mono, stereo or mixed")),
        };
        let channels = wishes.channels_of(NAME, known, "mixType")?;
        let play_rate = wishes.play_rate.unwrap_or(rate);
        let manner = match wishes.playback {
            Some(Playback::None) => None,
            None | Some(Playback::Streaming) => {
                Some(Manner { rate: play_rate, pieces: Pieces::frames(play_rate, LEAD), end: End::Named })
            }
            Some(Playback::Files) => {
                self.prompt_rate = Some(play_rate);
                let pieces = Pieces::Whole { unheard_max: PROMPTS_MAX };
                Some(Manner { rate: play_rate, pieces, end: End::InOrder })
            }
        };
        self.channels = channels.len();
        let start = CallStart {
            caller: attributes.from.map(Into::into),
            called: attributes.to.map(Into::into),
            peer_call_id: Some(attributes.call_sid),
            ..wishes.start(tracks(channels, rate), parameters)
        };
        session.start(start, manner, exchange);
        Ok(())
    }
}

fn control(received: wire::Received, session: &mut Session, exchange: &mut Exchange) -> Result<(), Error> {
    if received.event.as_deref() == Some("dtmf") {
        let digit = received.dtmf.ok_or_else(|| Error::invalid(NAME, "dtmf", "is missing"))?;
        let digit = text::digit(NAME, "dtmf", &digit)?;
        exchange.facts.push(Incoming::Dtmf { track: 0, digit });
        return Ok(());
    }
    match received.kind.as_deref() {
        Some("playDone") => session.heard_next(exchange),
        Some("mark") => {
            let mark = received.data.ok_or_else(|| Error::invalid(NAME, "data", "is missing"))?;
            let name = mark.name.ok_or_else(|| Error::invalid(NAME, "data.name", "is missing"))?;
            let completed = match mark.event.as_deref() {
                None | Some("playout") => true,
                Some("cleared") => false,
                Some(_) => return Err(Error::invalid(NAME, "data.event", "must be playout or cleared")),
            };
            session.heard(&name, completed, exchange);
        }
        // What a later version adds must not end calls.
        _ => {}
    }
    Ok(())
}
