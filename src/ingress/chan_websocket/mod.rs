//! Asterisk's chan_websocket: binary media in the codec that was dialled, control messages as text, plain or JSON.
//!
//! The first message decides which form is spoken. Asterisk frames and times what is played; it is sent a second ahead in
//! frames of the size it asks for, within START_MEDIA_BUFFERING and STOP_MEDIA_BUFFERING, and less than its queue holds, so that
//! MEDIA_XOFF is the exception. A flush empties that queue. The end of a playback is MEDIA_MARK_PROCESSED in the JSON
//! form (Asterisk 20.18, 22.8, 23.2), and in the older plain form, which has no marks, MEDIA_BUFFERING_COMPLETED.
//!
//! Opus and other variable codecs pass through Asterisk unframed and are refused: dial with `c(slin16)` or `c(alaw)`.

mod line;
mod wire;

use std::collections::VecDeque;
use std::time::Duration;

use super::encoding::Encoding;
use super::playback::{End, Manner, Pieces, Silence, frame_samples};
use super::session::{Limits, NORMAL_CLOSE, Session, close};
use super::start::{Wishes, tracks};
use super::{CallStart, Error, Exchange, Incoming, Message, Protocol, Reply, text};
use crate::audio::SampleRate;
use crate::audio::g711::Law;
use crate::call::Channel;

const NAME: &str = Protocol::ChanWebsocket.name();
/// How far ahead audio is sent: 50 of the 900 frames at which Asterisk asks for a pause.
const LEAD: Duration = Duration::from_secs(1);
/// Asterisk drops the call beyond; it sends no more itself.
const MESSAGE_BYTES_MAX: usize = 65_500;
/// Marks under way: as many as the player waits for.
const MARKS_MAX: usize = 1_024;

/// Formats of Asterisk that are frames of a fixed size.
const FORMATS: [(&str, Encoding, u32); 11] = [
    ("ulaw", Encoding::Law(Law::Mu), 8_000),
    ("alaw", Encoding::Law(Law::A), 8_000),
    ("slin", Encoding::Linear16, 8_000),
    ("slin12", Encoding::Linear16, 12_000),
    ("slin16", Encoding::Linear16, 16_000),
    ("slin24", Encoding::Linear16, 24_000),
    ("slin32", Encoding::Linear16, 32_000),
    ("slin44", Encoding::Linear16, 44_100),
    ("slin48", Encoding::Linear16, 48_000),
    ("slin96", Encoding::Linear16, 96_000),
    ("slin192", Encoding::Linear16, 192_000),
];

/// Which form the control messages have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Json,
}

/// One chan_websocket connection.
pub(super) struct Dialect {
    form: Form,
    encoding: Encoding,
    is_buffering: bool,
    /// Our marks by the ids that Asterisk sees: a line has no room for the spaces of a name.
    marks: VecDeque<(String, String)>,
    marks_sent: u64,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            form: Form::Plain,
            encoding: Encoding::Linear16,
            is_buffering: false,
            marks: VecDeque::new(),
            marks_sent: 0,
        }
    }
}

impl super::session::Dialect for Dialect {
    fn protocol(&self) -> Protocol {
        Protocol::ChanWebsocket
    }

    fn limits(&self) -> Limits {
        Limits { text_bytes_max: MESSAGE_BYTES_MAX, binary_bytes_max: MESSAGE_BYTES_MAX }
    }

    fn receive(
        &mut self,
        message: Message<'_>,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let text = match message {
            Message::Binary(bytes) => {
                session.require_running("media before MEDIA_START")?;
                exchange.audio(self.encoding.decode(bytes, 1, NAME)?);
                return Ok(());
            }
            Message::Text(text) => text.trim(),
        };
        let is_json = text.starts_with('{');
        let received = if is_json {
            text::read(NAME, text)?
        } else {
            let what = "no control message".to_owned();
            line::read(text).ok_or(Error::Unreadable { protocol: NAME, what })?
        };
        match received.event.as_str() {
            "MEDIA_START" => {
                self.form = if is_json { Form::Json } else { Form::Plain };
                self.start(received, session, exchange)
            }
            "DTMF_END" => {
                session.require_running("a key before MEDIA_START")?;
                let digit = received.digit.ok_or_else(|| Error::invalid(NAME, "digit", "is missing"))?;
                let digit = text::digit(NAME, "digit", &digit)?;
                exchange.facts.push(Incoming::Dtmf { track: 0, digit });
                Ok(())
            }
            "MEDIA_XOFF" | "MEDIA_XON" => {
                session.hold(received.event == "MEDIA_XOFF");
                Ok(())
            }
            "MEDIA_MARK_PROCESSED" | "MEDIA_BUFFERING_COMPLETED" => {
                let mark = received.correlation_id.and_then(|id| self.take_mark(&id));
                if let Some(mark) = mark {
                    session.heard(&mark, true, exchange);
                }
                Ok(())
            }
            // STATUS and QUEUE_DRAINED were not asked for; what a later version adds must not end calls.
            _ => Ok(()),
        }
    }

    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>) {
        if !self.is_buffering {
            self.is_buffering = true;
            replies.push(self.command("START_MEDIA_BUFFERING", None));
        }
        replies.push(Reply::Binary(self.encoding.encode(samples)));
    }

    fn mark(&mut self, name: &str) -> Option<Reply> {
        self.marks_sent += 1;
        let id = format!("allo-{}", self.marks_sent);
        let reply = match self.form {
            Form::Json => self.command("MARK_MEDIA", Some(&id)),
            Form::Plain => {
                self.is_buffering = false;
                self.command("STOP_MEDIA_BUFFERING", Some(&id))
            }
        };
        if self.marks.len() >= MARKS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back((id, name.to_owned()));
        Some(reply)
    }

    fn drained(&mut self) -> Option<Reply> {
        std::mem::take(&mut self.is_buffering).then(|| self.command("STOP_MEDIA_BUFFERING", None))
    }

    fn clear(&mut self, replies: &mut Vec<Reply>) {
        // Flushing ends the buffering as well.
        self.is_buffering = false;
        self.marks.clear();
        replies.push(self.command("FLUSH_MEDIA", None));
    }

    fn hang_up(&mut self) -> Vec<Reply> {
        vec![self.command("HANGUP", None), close(NORMAL_CLOSE, "hung up")]
    }
}

impl Dialect {
    fn start(
        &mut self,
        received: wire::Received,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        if session.is_running() {
            return Err(Error::OutOfOrder { protocol: NAME, what: "a second MEDIA_START" });
        }
        let format = received.format.ok_or_else(|| Error::invalid(NAME, "format", "is missing"))?;
        let known = FORMATS.iter().find(|(name, ..)| *name == format);
        let &(_, encoding, hz) = known.ok_or_else(|| {
            Error::invalid(
                NAME,
                "format",
                "is no codec of fixed frames; hint: dial with c(ulaw), c(alaw), c(slin) or c(slin16)",
            )
        })?;
        let rate = SampleRate::from_hz(hz).expect("no format has a rate of zero");
        let frame_samples = match received.optimal_frame_size {
            None => frame_samples(rate),
            Some(size) => frame_size(size.0, encoding, rate).ok_or_else(|| {
                Error::invalid(NAME, "optimal_frame_size", "must be whole samples of 5 to 200 ms")
            })?,
        };
        let mut parameters = session.options.parameters.clone();
        text::collect(received.channel_variables.unwrap_or_default(), &mut parameters);
        let wishes = Wishes::read(NAME, &parameters)?;
        let channels = wishes.channels_of(NAME, vec![Channel::Caller], "the stream")?;
        self.encoding = encoding;
        let pieces = Pieces::Frames { frame_samples, lead: LEAD, silence: Silence::Nothing };
        let manner = wishes.plays().then_some(Manner { rate, pieces, end: End::Named });
        let peer_call_id = received.channel_id.or(received.connection_id);
        let start = CallStart { peer_call_id, ..wishes.start(tracks(channels, rate), parameters) };
        session.start(start, manner, exchange);
        Ok(())
    }

    fn take_mark(&mut self, id: &str) -> Option<String> {
        let at = self.marks.iter().position(|(known, _)| known == id)?;
        self.marks.remove(at).map(|(_, mark)| mark)
    }

    fn command(&self, command: &'static str, correlation_id: Option<&str>) -> Reply {
        match (self.form, correlation_id) {
            (Form::Json, _) => text::write(&wire::Command { command, correlation_id }),
            (Form::Plain, None) => Reply::Text(command.to_owned()),
            (Form::Plain, Some(id)) => Reply::Text(format!("{command} {id}")),
        }
    }
}

/// Samples of a frame of `bytes`, when that is whole samples and a length that a telephone call has.
fn frame_size(bytes: u64, encoding: Encoding, rate: SampleRate) -> Option<usize> {
    let sample_bytes = encoding.sample_bytes() as u64;
    let samples = bytes / sample_bytes;
    let second = u64::from(rate.hz());
    let is_whole = bytes.is_multiple_of(sample_bytes);
    let is_usual = (second / 200..=second / 5).contains(&samples);
    if is_whole && is_usual { usize::try_from(samples).ok() } else { None }
}
