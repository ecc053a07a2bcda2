//! Telnyx media streaming: JSON with RTP payloads in base64, whose order is not guaranteed.
//!
//! Chunks are put back into order; one that is missing is waited for while five others come (100 ms), then it is lost.
//! The start does not say which tracks will come: the inbound one is expected, both when the parameter `channels` names
//! two. What is played has the encoding of what comes (set `stream_bidirectional_codec` to the same).
//!
//! The protocol can neither hang up nor transfer; both are calls of the vendor's HTTP interface.

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
use super::start::{Wishes, rate, tracks};
use super::{CallStart, Error, Exchange, Message, Protocol, Reply, text};
use crate::audio::g711::Law;
use crate::call::Channel;

const NAME: &str = Protocol::Telnyx.name();
/// How far ahead audio is sent, as for Twilio.
const LEAD: Duration = Duration::from_millis(500);
/// How many chunks wait for one that is missing: 100 ms, the jitter that a call bears.
pub(in crate::ingress) const REORDER_DEPTH: usize = 5;

/// One Telnyx stream.
pub(super) struct Dialect {
    encoding: Encoding,
    tracks: Vec<ChunkedTrack>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { encoding: Encoding::Law(Law::Mu), tracks: Vec::new() }
    }
}

impl super::session::Dialect for Dialect {
    fn protocol(&self) -> Protocol {
        Protocol::Telnyx
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
            // The inbound track, which is the caller's, is the first.
            "dtmf" => envelope::key(NAME, (0, received.dtmf), (session, exchange)),
            "mark" => envelope::mark(NAME, received.mark, (session, exchange)),
            "error" => {
                let code = received.payload.and_then(|failure| failure.code).map(|code| code.0);
                Err(Error::PeerFailed { protocol: NAME, code })
            }
            "stop" => envelope::stop(self.tracks.iter_mut(), (session, exchange)),
            // "connected" says nothing, and what a later version adds must not end calls.
            _ => Ok(()),
        }
    }

    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>) {
        let payload = text::encode_base64(&self.encoding.encode(samples));
        replies.push(text::write(&wire::Sent::Media { media: Payload { payload } }));
    }

    fn mark(&mut self, name: &str) -> Option<Reply> {
        Some(text::write(&wire::Sent::Mark { mark: Name { name } }))
    }

    fn clear(&mut self, replies: &mut Vec<Reply>) {
        replies.push(text::write(&wire::Sent::Clear));
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
        let encoding = match format.encoding.as_str() {
            "PCMU" => Encoding::Law(Law::Mu),
            "PCMA" => Encoding::Law(Law::A),
            "L16" => Encoding::Linear16,
            _ => {
                return Err(Error::invalid(NAME, "start.media_format.encoding", "must be PCMU, PCMA or L16"));
            }
        };
        let rate = rate(format.sample_rate.0).ok_or_else(|| {
            Error::invalid(NAME, "start.media_format.sample_rate", "must be 4000 to 384000 Hz")
        })?;
        if format.channels.0 != 1 {
            return Err(Error::invalid(NAME, "start.media_format.channels", "must be 1"));
        }
        let mut parameters = session.options.parameters.clone();
        text::collect(start.custom_parameters.unwrap_or_default(), &mut parameters);
        let wishes = Wishes::read(NAME, &parameters)?;
        let channels = wishes.channels.clone().unwrap_or_else(|| vec![Channel::Caller]);
        self.encoding = encoding;
        self.tracks =
            (0..channels.len()).map(|index| ChunkedTrack::new(index, rate, REORDER_DEPTH)).collect();
        let pieces = Pieces::frames(rate, LEAD);
        let manner = wishes.plays().then_some(Manner { rate, pieces, end: End::Named });
        let start = CallStart {
            caller: start.from.map(Into::into),
            called: start.to.map(Into::into),
            peer_call_id: Some(start.call_control_id),
            ..wishes.start(tracks(channels, rate), parameters)
        };
        session.start(start, manner, exchange);
        Ok(())
    }

    fn media(&mut self, media: &Media, exchange: &mut Exchange) -> Result<(), Error> {
        let index = match media.track.as_deref() {
            None | Some("inbound") => 0,
            Some("outbound") => 1,
            Some(_) => return Err(Error::invalid(NAME, "media.track", "must be inbound or outbound")),
        };
        let Some(track) = self.tracks.get_mut(index) else {
            return Err(Error::invalid(
                NAME,
                "media.track",
                "was not expected; hint: the parameter channels=caller,agent announces both",
            ));
        };
        envelope::media(NAME, media, (track, self.encoding, exchange))
    }
}
