//! Vonage Voice, a WebSocket endpoint in an NCCO: binary linear audio, text for everything else.
//!
//! Vonage keeps up to a minute of audio; what is played leaves 200 ms ahead, and `clear` empties the rest. The end of a
//! playback is a notification that comes back when it is reached.
//!
//! Closing the stream ends this leg of the call; the protocol cannot transfer.

mod wire;

use std::time::Duration;

use super::encoding::Encoding;
use super::playback::{End, Manner, Pieces};
use super::session::{Limits, NORMAL_CLOSE, Session, close};
use super::start::{Wishes, rate, tracks};
use super::{CallStart, Error, Exchange, Incoming, Message, Protocol, Reply, text};
use crate::audio::SampleRate;
use crate::call::Channel;

const NAME: &str = Protocol::Vonage.name();
const LEAD: Duration = Duration::from_millis(200);
/// A second of audio at 24 kHz and more: 50 times what the peer sends at once.
const AUDIO_BYTES_MAX: usize = 64 * 1024;

/// One Vonage stream.
pub(super) struct Dialect;

impl super::session::Dialect for Dialect {
    fn protocol(&self) -> Protocol {
        Protocol::Vonage
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
                session.require_running("audio before websocket:connected")?;
                let samples = Encoding::Linear16.decode(bytes, 1, NAME)?.remove(0);
                if !samples.is_empty() {
                    exchange.facts.push(Incoming::Audio { track: 0, samples });
                }
                Ok(())
            }
            Message::Text(text) => {
                let received: wire::Received = text::read(NAME, text)?;
                match received.event.as_str() {
                    "websocket:connected" => start(received, session, exchange),
                    "websocket:dtmf" => {
                        session.require_running("a key before websocket:connected")?;
                        let digit =
                            received.digit.ok_or_else(|| Error::invalid(NAME, "digit", "is missing"))?;
                        let digit = text::digit(NAME, "digit", &digit)?;
                        exchange.facts.push(Incoming::Dtmf { track: 0, digit });
                        Ok(())
                    }
                    "websocket:notify" => {
                        if let Some(mark) = received.payload.and_then(|payload| payload.mark) {
                            session.heard(&mark, true, exchange);
                        }
                        Ok(())
                    }
                    // What a later version adds must not end calls.
                    _ => Ok(()),
                }
            }
        }
    }

    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>) {
        replies.push(Reply::Binary(Encoding::Linear16.encode(samples)));
    }

    fn mark(&mut self, name: &str) -> Option<Reply> {
        let payload = wire::Payload { mark: Some(name.to_owned()) };
        Some(text::write(&wire::Sent::Notify { payload }))
    }

    fn clear(&mut self, replies: &mut Vec<Reply>) {
        replies.push(text::write(&wire::Sent::Clear));
    }

    fn hang_up(&mut self) -> Vec<Reply> {
        vec![close(NORMAL_CLOSE, "hung up")]
    }
}

fn start(received: wire::Received, session: &mut Session, exchange: &mut Exchange) -> Result<(), Error> {
    if session.is_running() {
        return Err(Error::OutOfOrder { protocol: NAME, what: "a second websocket:connected" });
    }
    let content_type =
        received.content_type.ok_or_else(|| Error::invalid(NAME, "content-type", "is missing"))?;
    let rate = audio_rate(&content_type).ok_or_else(|| {
        Error::invalid(NAME, "content-type", "must be audio/l16;rate= and 8000, 16000 or 24000")
    })?;
    let mut parameters = session.options.parameters.clone();
    text::collect(received.headers, &mut parameters);
    let wishes = Wishes::read(NAME, &parameters)?;
    let channels = wishes.channels_of(NAME, vec![Channel::Caller], "the stream")?;
    let pieces = Pieces::frames(rate, LEAD);
    let manner = wishes.plays().then_some(Manner { rate, pieces, end: End::Named });
    let id = ["uuid", "call_uuid", "conversation_uuid"].into_iter().find_map(|name| parameters.get(name));
    let peer_call_id = id.map(|id| id.reveal().clone());
    let start = CallStart { peer_call_id, ..wishes.start(tracks(channels, rate), parameters) };
    session.start(start, manner, exchange);
    Ok(())
}

/// The rate of `audio/l16;rate=16000`, spaces and case aside.
fn audio_rate(content_type: &str) -> Option<SampleRate> {
    let text = content_type.to_ascii_lowercase();
    let (kind, rest) = text.split_once(';')?;
    let hz = rest.split(';').find_map(|part| part.trim().strip_prefix("rate="))?.trim().parse().ok()?;
    if kind.trim() == "audio/l16" { rate(hz) } else { None }
}
