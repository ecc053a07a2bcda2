//! What all protocols share: the phases of a call, playback, and what an error means. A [`Dialect`] is what differs.

use std::time::Instant;

use super::playback::{Due, Manner, Player};
use super::{
    Bridge, CallStart, EndReason, Error, Exchange, Incoming, Message, Options, Outgoing, Protocol, Reply,
};
use crate::redact::Redacted;

/// After so many bad messages in a row the peer is given up: a second of nothing but garbage.
const BAD_MESSAGES_MAX: u32 = 50;
/// Longest close reason that fits a WebSocket control frame beside the code.
const CLOSE_REASON_BYTES_MAX: usize = 123;
/// WebSocket close code of a normal end.
pub(super) const NORMAL_CLOSE: u16 = 1000;

/// The messages of one protocol.
pub(super) trait Dialect: Send {
    /// Which one.
    fn protocol(&self) -> Protocol;
    /// The largest message of each kind that it ever needs, in bytes.
    fn limits(&self) -> Limits;
    /// Reads one message that is within the limits; never called after the end.
    fn receive(
        &mut self,
        message: Message<'_>,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<(), Error>;
    /// A piece of played audio.
    fn piece(&mut self, samples: &[f32], replies: &mut Vec<Reply>);
    /// What asks the peer to report when everything before it was heard.
    fn mark(&mut self, name: &str) -> Option<Reply>;
    /// What makes the peer forget what it has not played yet.
    fn clear(&mut self, replies: &mut Vec<Reply>);
    /// What ends the call or the stream.
    fn hang_up(&mut self) -> Vec<Reply>;

    /// What comes when nothing is left to play.
    fn drained(&mut self) -> Option<Reply> {
        None
    }
    /// What tells the peer that a playback came to its end, where it wants to know.
    fn finished(&mut self, _mark: &str) -> Option<Reply> {
        None
    }
    /// What connects the caller to somebody else.
    fn transfer(&mut self, _target: &Redacted<String>) -> Option<Reply> {
        None
    }
    /// What tells the peer what was wrong with its message.
    fn complaint(&mut self, _error: &Error) -> Option<Reply> {
        None
    }
}

/// Largest messages, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) text_bytes_max: usize,
    pub(super) binary_bytes_max: usize,
}

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Ended,
}

/// The state that every protocol has.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) protocol: &'static str,
    pub(super) options: Options,
    phase: Phase,
    player: Option<Player>,
    bad_messages: u32,
}

/// A bridge of one dialect.
pub(super) struct Talk<D> {
    dialect: D,
    session: Session,
}

impl<D: Dialect> Talk<D> {
    pub(super) fn new(dialect: D, options: Options) -> Self {
        let session = Session {
            protocol: dialect.protocol().name(),
            options,
            phase: Phase::Waiting,
            player: None,
            bad_messages: 0,
        };
        Self { dialect, session }
    }

    fn read(&mut self, message: Message<'_>, exchange: &mut Exchange) -> Result<(), Error> {
        let limits = self.dialect.limits();
        let limit_bytes = match message {
            Message::Text(_) => limits.text_bytes_max,
            Message::Binary(_) => limits.binary_bytes_max,
        };
        if message.len() > limit_bytes {
            let protocol = self.session.protocol;
            return Err(Error::TooLarge { protocol, bytes: message.len(), limit_bytes });
        }
        self.dialect.receive(message, &mut self.session, exchange)
    }

    /// Tells the peer, and gives it up when that is what the error means.
    fn complain(&mut self, error: &Error, exchange: &mut Exchange) {
        exchange.replies.extend(self.dialect.complaint(error));
        self.session.bad_messages += 1;
        let is_hopeless = self.session.phase == Phase::Waiting
            || matches!(error, Error::TooLarge { .. })
            || self.session.bad_messages >= BAD_MESSAGES_MAX;
        if is_hopeless {
            self.session.end(EndReason::PeerFailed, exchange);
            exchange.replies.push(close(error.close_code(), &error.to_string()));
        }
    }
}

impl<D: Dialect> Bridge for Talk<D> {
    fn name(&self) -> &'static str {
        self.session.protocol
    }

    fn receive(&mut self, message: Message<'_>, exchange: &mut Exchange) -> Result<(), Error> {
        if self.session.phase == Phase::Ended {
            return Ok(());
        }
        let result = self.read(message, exchange);
        match &result {
            Ok(()) => self.session.bad_messages = 0,
            Err(_) if self.session.phase == Phase::Ended => {}
            Err(error) => self.complain(error, exchange),
        }
        result
    }

    fn send(&mut self, command: &Outgoing, exchange: &mut Exchange) -> Result<(), Error> {
        let protocol = self.session.protocol;
        match self.session.phase {
            Phase::Running => {}
            Phase::Waiting => {
                return Err(Error::OutOfOrder { protocol, what: "a command before the call has started" });
            }
            Phase::Ended => {
                return Err(Error::OutOfOrder { protocol, what: "a command after the end of the call" });
            }
        }
        match command {
            Outgoing::Play { samples, rate, mark } => {
                let player = self
                    .session
                    .player
                    .as_mut()
                    .ok_or(Error::Unsupported { protocol, what: "play audio: the stream goes one way" })?;
                player.play(samples, *rate, mark.clone())?;
            }
            Outgoing::Flush => {
                self.session.flush(exchange);
                if self.session.player.is_some() {
                    self.dialect.clear(&mut exchange.replies);
                }
            }
            Outgoing::HangUp => {
                self.session.flush(exchange);
                exchange.replies.extend(self.dialect.hang_up());
                self.session.finish();
            }
            Outgoing::Transfer { target } => {
                let reply = self.dialect.transfer(target);
                exchange
                    .replies
                    .push(reply.ok_or(Error::Unsupported { protocol, what: "transfer the caller" })?);
            }
        }
        Ok(())
    }

    fn poll(&mut self, now: Instant, exchange: &mut Exchange) {
        while let Some(due) = self.session.player.as_mut().and_then(|player| player.poll(now)) {
            let reply = match &due {
                Due::Piece(samples) => {
                    self.dialect.piece(samples, &mut exchange.replies);
                    None
                }
                Due::Mark(name) => self.dialect.mark(name),
                Due::Finished(name) => self.dialect.finished(name),
                Due::Drained => self.dialect.drained(),
            };
            exchange.replies.extend(reply);
            if let Due::Finished(mark) = due {
                exchange.facts.push(Incoming::PlaybackFinished { mark, completed: true });
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.session.player.as_ref().and_then(Player::next_deadline)
    }
}

impl Session {
    /// Whether the call has started and not ended.
    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether the call has ended.
    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Something that may only come while the call runs.
    pub(super) fn require_running(&self, what: &'static str) -> Result<(), Error> {
        if self.is_running() { Ok(()) } else { Err(Error::OutOfOrder { protocol: self.protocol, what }) }
    }

    /// Begins the call; `manner` says how audio is played, `None` for a stream that goes one way.
    pub(super) fn start(&mut self, start: CallStart, manner: Option<Manner>, exchange: &mut Exchange) {
        self.phase = Phase::Running;
        self.player = manner.map(|manner| Player::new(self.protocol, manner));
        let play_rate = manner.map(|manner| manner.rate);
        exchange.facts.push(Incoming::Started(Box::new(CallStart { play_rate, ..start })));
    }

    /// Ends the call: what was played has not come to its end.
    pub(super) fn end(&mut self, reason: EndReason, exchange: &mut Exchange) {
        if self.phase == Phase::Running {
            self.flush(exchange);
            exchange.facts.push(Incoming::Ended { reason });
        }
        self.finish();
    }

    /// Nothing follows.
    fn finish(&mut self) {
        self.phase = Phase::Ended;
        self.player = None;
    }

    /// The peer reports a mark.
    pub(super) fn heard(&mut self, mark: &str, completed: bool, exchange: &mut Exchange) {
        if self.player.as_mut().is_some_and(|player| player.heard(mark)) {
            exchange.facts.push(Incoming::PlaybackFinished { mark: mark.to_owned(), completed });
        }
    }

    /// The peer reports the end of the oldest prompt.
    pub(super) fn heard_next(&mut self, exchange: &mut Exchange) {
        if let Some(mark) = self.player.as_mut().and_then(Player::heard_next) {
            exchange.facts.push(Incoming::PlaybackFinished { mark, completed: true });
        }
    }

    /// The peer can take no more audio, or takes more again.
    pub(super) const fn hold(&mut self, is_held: bool) {
        if let Some(player) = &mut self.player {
            player.hold(is_held);
        }
    }

    fn flush(&mut self, exchange: &mut Exchange) {
        let marks = self.player.as_mut().map(Player::flush).unwrap_or_default();
        let cut_off = |mark| Incoming::PlaybackFinished { mark, completed: false };
        exchange.facts.extend(marks.into_iter().map(cut_off));
    }
}

/// The end of the connection.
pub(super) fn close(code: u16, reason: &str) -> Reply {
    let mut end = reason.len().min(CLOSE_REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    Reply::Close { code, reason: reason[..end].to_owned() }
}
