//! What the media streams of Twilio and Telnyx have in common: everything is text, an `event` says what it is, audio comes in
//! numbered chunks in base64.

pub(super) mod wire;

use super::chunked::{Chunk, ChunkedTrack};
use super::encoding::Encoding;
use super::session::{NORMAL_CLOSE, Session, close};
use super::{EndReason, Error, Exchange, Incoming, Message, text};

/// The text of a message.
///
/// # Errors
/// It is binary.
pub(super) fn text_of<'m>(protocol: &'static str, message: Message<'m>) -> Result<&'m str, Error> {
    match message {
        Message::Text(text) => Ok(text),
        Message::Binary(_) => {
            Err(Error::OutOfOrder { protocol, what: "a binary message; all of them are text" })
        }
    }
}

/// A part that must come with its event.
///
/// # Errors
/// It is missing.
pub(super) fn required<T>(protocol: &'static str, value: Option<T>, field: &str) -> Result<T, Error> {
    value.ok_or_else(|| Error::invalid(protocol, field, "is missing"))
}

/// The caller pressed a key; `track` is where the caller is heard.
///
/// # Errors
/// There is no call yet, or no such key.
pub(super) fn key(
    protocol: &'static str,
    (track, dtmf): (usize, Option<wire::Dtmf>),
    (session, exchange): (&Session, &mut Exchange),
) -> Result<(), Error> {
    session.require_running("a key before the start")?;
    let digit = text::digit(protocol, "dtmf.digit", &required(protocol, dtmf, "dtmf")?.digit)?;
    exchange.facts.push(Incoming::Dtmf { track, digit });
    Ok(())
}

/// What was played under a name was heard.
///
/// # Errors
/// The name is missing.
pub(super) fn mark(
    protocol: &'static str,
    mark: Option<wire::Mark>,
    (session, exchange): (&mut Session, &mut Exchange),
) -> Result<(), Error> {
    session.heard(&required(protocol, mark, "mark")?.name, true, exchange);
    Ok(())
}

/// The stream is over: what waits for a missing chunk waits no longer.
///
/// # Errors
/// There is no call yet.
pub(super) fn stop<'t>(
    tracks: impl Iterator<Item = &'t mut ChunkedTrack>,
    (session, exchange): (&mut Session, &mut Exchange),
) -> Result<(), Error> {
    session.require_running("a stop before the start")?;
    tracks.for_each(|track| track.finish(&mut exchange.facts));
    session.end(EndReason::Stopped, exchange);
    exchange.replies.push(close(NORMAL_CLOSE, "stopped"));
    Ok(())
}

/// A chunk of a track.
///
/// # Errors
/// It is no base64, not whole samples, or came before.
pub(super) fn media(
    protocol: &'static str,
    media: &wire::Media,
    (track, encoding, exchange): (&mut ChunkedTrack, Encoding, &mut Exchange),
) -> Result<(), Error> {
    let bytes = text::decode_base64(protocol, &media.payload)?;
    let samples = encoding.decode(&bytes, 1, protocol)?.remove(0);
    let chunk = Chunk { samples, timestamp_ms: media.timestamp.map(|at| at.0) };
    if track.push(media.chunk.map(|chunk| chunk.0), chunk, &mut exchange.facts) {
        Ok(())
    } else {
        Err(Error::invalid(protocol, "media.chunk", "came before, or too late"))
    }
}
