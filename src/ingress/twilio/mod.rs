//! Twilio Media Streams: JSON with µ-law at 8 kHz in base64.
//!
//! A `<Connect><Stream>` is two-way and has the inbound track only; a `<Start><Stream>` with both tracks is a fork that
//! plays nothing. Twilio gives no back-pressure and keeps what it is sent, so audio leaves half a second ahead and no
//! more. Marks come back when they are reached and also after a `clear`; what was flushed here is reported as cut off at
//! once and its late mark is not reported again.
//!
//! The protocol can neither hang up nor transfer: closing the stream lets the TwiML go on with its next verb.

mod wire;

use std::time::Duration;

use super::chunked::{Chunk, ChunkedTrack};
use super::encoding::Encoding;
use super::playback::{End, Manner, Pieces};
use super::session::{Limits, NORMAL_CLOSE, Session, close};
use super::start::{Playback, Wishes};
use super::{CallStart, EndReason, Error, Exchange, Incoming, Message, Protocol, Reply, Track, text};
use crate::audio::SampleRate;
use crate::audio::g711::Law;
use crate::call::Channel;

const NAME: &str = Protocol::Twilio.name();
/// How far ahead audio is sent: enough for a network that stutters, little enough to be in the peer's memory.
const LEAD: Duration = Duration::from_millis(500);
const MULAW: Encoding = Encoding::Law(Law::Mu);

/// One Twilio stream.
#[derive(Default)]
pub(super) struct Dialect {
    stream_sid: String,
    tracks: Vec<(String, ChunkedTrack)>,
}

impl super::session::Dialect for Dialect {
    fn protocol(&self) -> Protocol {
        Protocol::Twilio
    }

    fn limits(&self) -> Limits {
        Limits { text_bytes_max: text::CONTROL_BYTES_MAX, binary_bytes_max: 0 }
    }

    fn receive(
        &mut self,
        message: Message<'_>,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let Message::Text(text) = message else {
            return Err(Error::OutOfOrder { protocol: NAME, what: "a binary message; all of them are text" });
        };
        let received: wire::Received = text::read(NAME, text)?;
        match received.event.as_str() {
            "start" => self.start(required(received.start, "start")?, session, exchange),
            "media" => {
                session.require_running("audio before the start")?;
                self.media(&required(received.media, "media")?, exchange)
            }
            "dtmf" => {
                session.require_running("a key before the start")?;
                let dtmf = required(received.dtmf, "dtmf")?;
                let digit = text::digit(NAME, "dtmf.digit", &dtmf.digit)?;
                exchange.facts.push(Incoming::Dtmf { track: 0, digit });
                Ok(())
            }
            "mark" => {
                session.heard(&required(received.mark, "mark")?.name, true, exchange);
                Ok(())
            }
            "stop" => {
                session.require_running("a stop before the start")?;
                for (_, track) in &mut self.tracks {
                    track.finish(&mut exchange.facts);
                }
                session.end(EndReason::Stopped, exchange);
                exchange.replies.push(close(NORMAL_CLOSE, "stopped"));
                Ok(())
            }
            // "connected" says nothing, and what a later version adds must not end calls.
            _ => Ok(()),
        }
    }

    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>) {
        let payload = text::encode_base64(&MULAW.encode(samples));
        replies.push(text::write(&wire::Sent::Media {
            stream_sid: &self.stream_sid,
            media: wire::Payload { payload },
        }));
    }

    fn mark(&mut self, name: &str) -> Option<Reply> {
        Some(text::write(&wire::Sent::Mark { stream_sid: &self.stream_sid, mark: wire::Name { name } }))
    }

    fn clear(&mut self, replies: &mut Vec<Reply>) {
        replies.push(text::write(&wire::Sent::Clear { stream_sid: &self.stream_sid }));
    }

    fn hang_up(&mut self) -> Vec<Reply> {
        vec![close(NORMAL_CLOSE, "hung up")]
    }
}

impl Dialect {
    fn start(
        &mut self,
        start: wire::Start,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        if session.is_running() {
            return Err(Error::OutOfOrder { protocol: NAME, what: "a second start" });
        }
        let format = &start.media_format;
        if format.encoding != "audio/x-mulaw" {
            return Err(invalid("start.mediaFormat.encoding", "must be audio/x-mulaw"));
        }
        if format.sample_rate.0 != 8_000 {
            return Err(invalid("start.mediaFormat.sampleRate", "must be 8000"));
        }
        if format.channels.0 != 1 {
            return Err(invalid("start.mediaFormat.channels", "must be 1"));
        }
        let mut parameters = session.options.parameters.clone();
        text::collect(start.custom_parameters, &mut parameters);
        let wishes = Wishes::read(NAME, &parameters)?;
        let names = if start.tracks.is_empty() { vec!["inbound".to_owned()] } else { start.tracks };
        let channels = channels(&names, wishes.channels)?;
        let rate = SampleRate::TELEPHONE;
        let is_two_way = match wishes.playback {
            Some(playback) => playback != Playback::None,
            None => names == ["inbound"],
        };
        self.stream_sid = start.stream_sid;
        self.tracks = names
            .into_iter()
            .enumerate()
            .map(|(index, name)| (name, ChunkedTrack::new(index, rate, 0)))
            .collect();
        let pieces = Pieces::frames(rate, LEAD);
        let manner = is_two_way.then_some(Manner { rate, pieces, end: End::Named });
        let start = CallStart {
            tracks: channels.into_iter().map(|channel| Track { channel, rate }).collect(),
            caller: parameters.get("caller").cloned(),
            called: parameters.get("called").cloned(),
            peer_call_id: Some(start.call_sid),
            language: wishes.language,
            vocabulary: wishes.vocabulary,
            parameters,
            play_rate: None,
            can_transfer: false,
        };
        session.start(start, manner, exchange);
        Ok(())
    }

    fn media(&mut self, media: &wire::Media, exchange: &mut Exchange) -> Result<(), Error> {
        let track = match &media.track {
            None => self.tracks.first_mut(),
            Some(name) => self.tracks.iter_mut().find(|(track, _)| track == name),
        };
        let Some((_, track)) = track else {
            return Err(invalid("media.track", "was not announced by the start"));
        };
        let bytes = text::decode_base64(NAME, &media.payload)?;
        let samples = MULAW.decode(&bytes, 1, NAME)?.remove(0);
        let chunk = Chunk { samples, timestamp_ms: media.timestamp.map(|at| at.0) };
        if track.push(media.chunk.map(|chunk| chunk.0), chunk, &mut exchange.facts) {
            Ok(())
        } else {
            Err(invalid("media.chunk", "came before"))
        }
    }
}

/// Who is on the tracks: what comes in is the caller, what goes out is whoever talks to the caller.
fn channels(tracks: &[String], wanted: Option<Vec<Channel>>) -> Result<Vec<Channel>, Error> {
    let known = match tracks {
        [one] if one == "inbound" => vec![Channel::Caller],
        [one] if one == "outbound" => vec![Channel::Agent],
        [one, two] if one == "inbound" && two == "outbound" => vec![Channel::Caller, Channel::Agent],
        [one, two] if one == "outbound" && two == "inbound" => vec![Channel::Agent, Channel::Caller],
        _ => return Err(invalid("start.tracks", "must be inbound, outbound or both")),
    };
    match wanted {
        None => Ok(known),
        Some(wanted) if wanted.len() == known.len() => Ok(wanted),
        Some(_) => Err(invalid("parameters.channels", "must name as many channels as the stream has tracks")),
    }
}

fn required<T>(value: Option<T>, field: &str) -> Result<T, Error> {
    value.ok_or_else(|| invalid(field, "is missing"))
}

fn invalid(field: &str, what: &str) -> Error {
    Error::InvalidField { protocol: NAME, field: field.to_owned(), what: what.to_owned() }
}
