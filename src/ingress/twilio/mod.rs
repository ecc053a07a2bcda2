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

use super::chunked::ChunkedTrack;
use super::encoding::Encoding;
use super::envelope::{
    self,
    wire::{Media, Name, Payload},
};
use super::playback::{End, Manner, Pieces};
use super::session::{Limits, NORMAL_CLOSE, Session, close};
use super::start::{Playback, Wishes, tracks};
use super::{CallStart, Error, Exchange, Message, Protocol, Reply, text};
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
        let received: wire::Received = text::read(NAME, envelope::text_of(NAME, message)?)?;
        match received.event.as_str() {
            "start" => self.start(envelope::required(NAME, received.start, "start")?, session, exchange),
            "media" => {
                session.require_running("audio before the start")?;
                self.media(&envelope::required(NAME, received.media, "media")?, exchange)
            }
            "dtmf" => {
                // Keys come from the caller, who is on the inbound track wherever the start lists it.
                let caller = self.tracks.iter().position(|(name, _)| name == "inbound").unwrap_or(0);
                envelope::key(NAME, (caller, received.dtmf), (session, exchange))
            }
            "mark" => envelope::mark(NAME, received.mark, (session, exchange)),
            "stop" => envelope::stop(self.tracks.iter_mut().map(|(_, track)| track), (session, exchange)),
            // "connected" says nothing, and what a later version adds must not end calls.
            _ => Ok(()),
        }
    }

    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>) {
        let payload = text::encode_base64(&MULAW.encode(samples));
        replies.push(text::write(&wire::Sent::Media {
            stream_sid: &self.stream_sid,
            media: Payload { payload },
        }));
    }

    fn mark(&mut self, name: &str) -> Option<Reply> {
        Some(text::write(&wire::Sent::Mark { stream_sid: &self.stream_sid, mark: Name { name } }))
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
            return Err(Error::invalid(NAME, "start.mediaFormat.encoding", "must be audio/x-mulaw"));
        }
        if format.sample_rate.0 != 8_000 {
            return Err(Error::invalid(NAME, "start.mediaFormat.sampleRate", "must be 8000"));
        }
        if format.channels.0 != 1 {
            return Err(Error::invalid(NAME, "start.mediaFormat.channels", "must be 1"));
        }
        let mut parameters = session.options.parameters.clone();
        text::collect(start.custom_parameters, &mut parameters);
        let wishes = Wishes::read(NAME, &parameters)?;
        let names = if start.tracks.is_empty() { vec!["inbound".to_owned()] } else { start.tracks };
        let channels = wishes.channels_of(NAME, channels(&names)?, "the stream")?;
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
        let call = wishes.start(tracks(channels, rate), parameters);
        let start = CallStart { peer_call_id: Some(start.call_sid), ..call };
        session.start(start, manner, exchange);
        Ok(())
    }

    fn media(&mut self, media: &Media, exchange: &mut Exchange) -> Result<(), Error> {
        let track = match &media.track {
            None => self.tracks.first_mut(),
            Some(name) => self.tracks.iter_mut().find(|(track, _)| track == name),
        };
        let Some((_, track)) = track else {
            return Err(Error::invalid(NAME, "media.track", "was not announced by the start"));
        };
        envelope::media(NAME, media, (track, MULAW, exchange))
    }
}

/// Who is on the tracks: what comes in is the caller, what goes out is whoever talks to the caller.
fn channels(tracks: &[String]) -> Result<Vec<Channel>, Error> {
    Ok(match tracks {
        [one] if one == "inbound" => vec![Channel::Caller],
        [one] if one == "outbound" => vec![Channel::Agent],
        [one, two] if one == "inbound" && two == "outbound" => vec![Channel::Caller, Channel::Agent],
        [one, two] if one == "outbound" && two == "inbound" => vec![Channel::Agent, Channel::Caller],
        _ => return Err(Error::invalid(NAME, "start.tracks", "must be inbound, outbound or both")),
    })
}
