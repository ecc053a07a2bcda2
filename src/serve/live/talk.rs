//! One call of one peer, between its bridge and the live calls: facts go to the call, commands and events to the peer.

use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{FuturesUnordered, Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::answering;
use super::blocking;
use super::events::event_json;
use super::expected;
use super::line::{GOING_AWAY, Input, Line, POLICY, TRY_AGAIN};
use super::opening;
use super::wishes::Wishes;
use crate::bot::Answering;
use crate::call::event::{CallEndReason, Event, EventBody};
use crate::ingress::{Bridge, EndReason, Exchange, Incoming, Message, Outgoing, Protocol, Reply};
use crate::live::{Call, Command, Missed, Peek, Reader, Refused};
use crate::serve::Service;
use crate::serve::error::ApiError;
use crate::serve::listener::stop;
use crate::serve::metrics::Refusal;

/// Errors of one peer that are logged; more say nothing new.
const LOGGED_MAX: u32 = 10;

/// Facts for which room is kept from one message to the next: a frame is one or two. A peer that once told very much holds no
/// memory for it.
const FACTS_KEPT: usize = 16;

/// One call of one peer; also what drives AudioSocket.
pub struct Talk {
    service: Arc<Service>,
    protocol: Protocol,
    bridge: Box<dyn Bridge>,
    exchange: Exchange,
    wishes: Wishes,
    call: Option<Arc<Call>>,
    /// Where the call is heard, until its end was; [`Talk::over`] has it while it waits.
    side: Option<Side>,
    /// The bot's conversation, where it answers the call.
    answering: Option<Answering>,
    /// Until when the call has to begin; `None` once it has. A peer that only answers pings would hold its connection for
    /// ever.
    begins_by: Option<Instant>,
    errors: u32,
}

/// What has to be written.
#[derive(Debug)]
pub enum Write {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// The end.
    Close {
        /// WebSocket close code.
        code: u16,
        /// For the peer's log.
        reason: String,
    },
}

/// What happened on the side of the call.
#[derive(Debug)]
pub enum CallSide {
    /// It wants something done.
    Command(Command),
    /// Something became known.
    Event(Arc<Event>),
    /// This connection was too slow for its events.
    Missed(Missed),
    /// Nothing more comes.
    Over,
}

impl Talk {
    /// Over a bridge that has heard nothing yet.
    pub fn new(service: Arc<Service>, protocol: Protocol, bridge: Box<dyn Bridge>, wishes: Wishes) -> Self {
        let begins_by = Some(service.clock.monotonic() + service.config.limits.idle);
        Self {
            service,
            protocol,
            bridge,
            exchange: Exchange::default(),
            wishes,
            call: None,
            side: None,
            answering: None,
            begins_by,
            errors: 0,
        }
    }

    /// Serves a connection to its end.
    pub async fn over(&mut self, mut line: Line) {
        let mut stopping = self.service.stopping();
        // Waits on from one message to the next and is looked at only when something came for it: to queue up for events and
        // commands and to step out again took several locks for each frame.
        let mut hearing = FuturesUnordered::new();
        loop {
            let deadline = self.next_deadline();
            line.calm(self.is_calm());
            hearing.extend(self.side.take().map(Side::told));
            let is_calling = !hearing.is_empty();
            let input = tokio::select! {
                input = line.next(deadline) => match input {
                    Input::Text(text) => self.receive(Message::Text(&text)),
                    Input::Binary(bytes) => {
                        if let Some(call) = self.recorded_call() {
                            blocking(move || call.wait_until_idle()).await;
                        }
                        self.receive(Message::Binary(&bytes))
                    }
                    Input::Due => self.poll(),
                    Input::Gone => break,
                },
                Some((side, told)) = hearing.next(), if is_calling => {
                    self.side = Some(side);
                    self.answer(told)
                }
                // A call that goes on is ended by the drain of the live calls, in its time.
                () = stop(&mut stopping), if !is_calling => {
                    vec![Write::Close { code: GOING_AWAY, reason: "the service is being stopped".to_owned() }]
                }
            };
            let mut is_over = false;
            for write in input {
                match write {
                    Write::Text(text) => line.text(text).await,
                    Write::Binary(bytes) => line.binary(bytes).await,
                    Write::Close { code, reason } => {
                        self.tell_rest(&mut line, &mut hearing).await;
                        line.close(code, &reason).await;
                        is_over = true;
                        break;
                    }
                }
            }
            if is_over {
                return line.hear_out().await;
            }
        }
    }

    /// The call, where it is a recording and so must wait until all that it led to so far is done.
    fn recorded_call(&self) -> Option<Arc<Call>> {
        self.call.as_ref().filter(|_| self.wishes.is_recording).map(Arc::clone)
    }

    /// A client that said that it is done still gets what its last words became.
    async fn tell_rest(
        &mut self,
        line: &mut Line,
        hearing: &mut (impl Stream<Item = (Side, CallSide)> + Unpin),
    ) {
        if !self.wishes.events || self.call.is_some() {
            return;
        }
        // It is here when what it told led to the end, and is waiting when the peer said so.
        let told = match self.side.take() {
            Some(side) => Some(side.told().await),
            None => hearing.next().await,
        };
        let Some((mut side, mut told)) = told else { return };
        loop {
            match told {
                CallSide::Event(event) => line.text(event_json(&event).to_string()).await,
                CallSide::Missed(missed) => line.text(missed_json(missed)).await,
                // Nobody is there any more who could carry it out.
                CallSide::Command(_) => {}
                CallSide::Over => return,
            }
            (side, told) = side.told().await;
        }
    }

    /// Takes a message of the peer; gives what has to be written.
    pub fn receive(&mut self, message: Message<'_>) -> Vec<Write> {
        if let Err(error) = self.bridge.receive(message, &mut self.exchange) {
            self.errors = self.errors.saturating_add(1);
            if self.errors <= LOGGED_MAX {
                tracing::warn!(protocol = self.protocol.name(), %error, "a peer sent what cannot be used");
            }
        }
        self.poll()
    }

    /// Does what is due; gives what has to be written.
    pub fn poll(&mut self) -> Vec<Write> {
        let now = self.service.clock.monotonic();
        if self.begins_by.is_some_and(|by| by <= now) {
            self.begins_by = None;
            let reason = "no start of a call came within serve.limits.idle".to_owned();
            return vec![Write::Close { code: POLICY, reason }];
        }
        self.bridge.poll(now, &mut self.exchange);
        let mut writes = Vec::new();
        let mut facts = std::mem::take(&mut self.exchange.facts);
        for fact in facts.drain(..) {
            if let Some(refusal) = self.fact(fact) {
                writes.push(refusal);
                return writes;
            }
        }
        // The next message needs the room again.
        if self.exchange.facts.is_empty() && facts.capacity() <= FACTS_KEPT {
            self.exchange.facts = facts;
        }
        writes.extend(self.exchange.replies.drain(..).map(|reply| match reply {
            Reply::Text(text) => Write::Text(text),
            Reply::Binary(bytes) => Write::Binary(bytes),
            Reply::Close { code, reason } => Write::Close { code, reason },
        }));
        writes
    }

    /// When [`Talk::poll`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.bridge.next_deadline(), self.begins_by].into_iter().flatten().min()
    }

    /// Whether a call goes on, so that [`Talk::side`] gives something.
    pub fn is_calling(&self) -> bool {
        self.side.is_some()
    }

    /// Whether a call goes on in which nobody speaks and nothing is played, so that its sound may come in bigger pieces.
    pub fn is_calm(&self) -> bool {
        !self.wishes.is_recording && self.call.as_ref().is_some_and(|call| call.is_calm())
    }

    /// What happens next on the side of the call.
    pub async fn side(&mut self) -> CallSide {
        match &mut self.side {
            Some(side) => side.next().await,
            None => CallSide::Over,
        }
    }

    /// Takes what happened on the side of the call; gives what has to be written.
    pub fn answer(&mut self, side: CallSide) -> Vec<Write> {
        match side {
            CallSide::Command(command) => {
                let is_hang_up = command == Command::HangUp;
                let command = outgoing(command);
                if let Err(error) = self.bridge.send(&command, &mut self.exchange) {
                    tracing::warn!(protocol = self.protocol.name(), %error, "a command could not be carried out");
                    // Whoever plays it waits for its end, and the call takes the caller's speech for an interruption.
                    if let Outgoing::Play { mark: Some(mark), .. } = command {
                        self.exchange.facts.push(Incoming::PlaybackFinished { mark, completed: false });
                    }
                }
                // What the hanging up cut off is told to the call before that is over.
                let writes = self.poll();
                if is_hang_up && let Some(call) = self.call.take().and_then(Arc::into_inner) {
                    call.end(CallEndReason::Stopped);
                }
                writes
            }
            CallSide::Event(event) => {
                let mut writes = Vec::new();
                if self.wishes.events {
                    writes.push(Write::Text(event_json(&event).to_string()));
                }
                if let EventBody::CallEnded { reason, .. } = &event.body {
                    self.side = None;
                    // Its end was this side's wish: the peer is told in its own words first.
                    drop(self.bridge.send(&Outgoing::HangUp, &mut self.exchange));
                    writes.extend(self.poll());
                    for write in &mut writes {
                        // Its protocol knows one way to hang up; why the call ended is known here.
                        if let Write::Close { code, .. } = write {
                            *code = close_code(*reason);
                        }
                    }
                    if !matches!(writes.last(), Some(Write::Close { .. })) {
                        writes.push(Write::Close {
                            code: close_code(*reason),
                            reason: reason.name().to_owned(),
                        });
                    }
                }
                writes
            }
            CallSide::Missed(missed) if self.wishes.events => vec![Write::Text(missed_json(missed))],
            CallSide::Missed(_) => Vec::new(),
            CallSide::Over => vec![Write::Close { code: 1000, reason: "ended".to_owned() }],
        }
    }

    /// Takes a fact to the call. Gives the goodbye when the call is refused.
    fn fact(&mut self, fact: Incoming) -> Option<Write> {
        match (&fact, &self.call) {
            (Incoming::Started(start), None) => {
                self.begins_by = None;
                return self.open(start).err();
            }
            (Incoming::Ended { reason }, Some(_)) => {
                let reason = match reason {
                    EndReason::Stopped => CallEndReason::HungUp,
                    EndReason::PeerFailed => CallEndReason::Disconnected,
                };
                Arc::into_inner(self.call.take()?)?.end(reason);
                return None;
            }
            (_, None) => return None,
            (_, Some(_)) => {}
        }
        let call = self.call.as_ref()?;
        match fact {
            Incoming::Audio { track, samples } => call.audio(track, &samples),
            Incoming::Lost { track, samples } => call.lost(track, samples),
            Incoming::Dtmf { track, digit } => call.dtmf(track, digit),
            Incoming::PlaybackFinished { mark, completed } => call.playback_finished(mark, completed),
            Incoming::TransferFailed => {
                if let Some(answering) = &self.answering {
                    answering.not_answered();
                }
            }
            Incoming::Started(_) | Incoming::Ended { .. } => {}
        }
        None
    }

    fn open(&mut self, start: &crate::ingress::CallStart) -> Result<(), Write> {
        let goodbye = |code, reason: String| Write::Close { code, reason };
        let start = expected::completed(&self.service, self.protocol, start)
            .map_err(|why| goodbye(POLICY, why.to_owned()))?;
        let start = &*start;
        let mut setup = opening::of_peer(&self.service, self.protocol, start);
        setup.finals_only = !self.wishes.partials;
        let live = self.service.live().map_err(|error| goodbye(POLICY, error.to_string()))?;
        let answered = answering::answered(self.service.bot.as_ref(), (self.protocol, self.wishes), start);
        let answered = answered.map_err(|why| goodbye(POLICY, why.to_owned()))?;
        if let Some(answered) = &answered {
            answering::prepare(&mut setup, &answered.bot, &self.service);
        }
        match live.open(setup) {
            Ok(call) => {
                tracing::info!(call_id = %call.id(), protocol = self.protocol.name(), "a call began");
                self.side =
                    Some(Side { commands: call.commands(), held: None, events: call.events().subscribe(1) });
                self.answering = answered.map(|it| it.bot.answer(&call.events(), call.controls(), it.facts));
                self.call = Some(Arc::new(call));
                Ok(())
            }
            Err(refused) => {
                self.service.metrics.refused(Refusal::Calls);
                let code = match &refused {
                    Refused::Busy { .. } | Refused::Draining | Refused::Deaf { .. } => TRY_AGAIN,
                    Refused::Tracks { .. } => POLICY,
                    Refused::Invalid(_) => 1011,
                };
                let reason = match &refused {
                    Refused::Invalid(error) => ApiError::internal(error.to_string()).public_message(),
                    Refused::Busy { .. }
                    | Refused::Draining
                    | Refused::Deaf { .. }
                    | Refused::Tracks { .. } => refused.to_string(),
                };
                // A close frame holds 123 bytes of reason.
                Err(goodbye(code, reason.chars().filter(char::is_ascii).take(123).collect()))
            }
        }
    }
}

/// What a call has for its connection.
struct Side {
    commands: Option<mpsc::Receiver<Command>>,
    /// A command that waits for what was told before it.
    held: Option<Command>,
    events: Reader,
}

impl Side {
    /// What comes next, with the side itself: whoever waits for it need not hold it.
    async fn told(mut self) -> (Self, CallSide) {
        let told = self.next().await;
        (self, told)
    }

    /// What was told before a command was given reaches the peer before it: a handover before its transfer. So a command is
    /// held until the events that are there have been taken; that it came last to be looked at says nothing, since both may
    /// come between two looks. Dropping the future loses nothing.
    async fn next(&mut self) -> CallSide {
        let Self { commands, held, events } = self;
        loop {
            if held.is_some() {
                match events.peek() {
                    Ok(Peek::Event(event)) => return CallSide::Event(event),
                    Err(missed) => return CallSide::Missed(missed),
                    Ok(Peek::NotYet | Peek::End) => {}
                }
            }
            if let Some(command) = held.take() {
                return CallSide::Command(command);
            }
            let command = async {
                match commands {
                    Some(commands) => commands.recv().await,
                    None => None,
                }
            };
            tokio::select! {
                biased;
                event = events.next() => return match event {
                    Ok(Some(event)) => CallSide::Event(event),
                    Ok(None) => CallSide::Over,
                    Err(missed) => CallSide::Missed(missed),
                },
                Some(command) = command => *held = Some(command),
            }
        }
    }
}

fn outgoing(command: Command) -> Outgoing {
    match command {
        Command::Play { samples, rate, mark } => Outgoing::Play { samples, rate, mark: Some(mark) },
        Command::Flush => Outgoing::Flush,
        Command::HangUp => Outgoing::HangUp,
        Command::Transfer { target } => Outgoing::Transfer { target },
    }
}

const fn close_code(reason: CallEndReason) -> u16 {
    match reason {
        CallEndReason::Shutdown => GOING_AWAY,
        CallEndReason::Failed => 1011,
        CallEndReason::Refused => POLICY,
        CallEndReason::HungUp | CallEndReason::Disconnected | CallEndReason::Stopped => 1000,
    }
}

/// What a reader that was too slow is told.
pub fn missed_json(missed: Missed) -> String {
    let json = serde_json::json!({ "type": "events.missed", "wanted": missed.wanted, "next": missed.next });
    json.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SamplePos;
    use crate::call::{CallId, Channel};
    use crate::live::EventLog;

    #[tokio::test]
    async fn what_was_told_before_a_command_was_given_goes_before_it() {
        let log = EventLog::new(CallId(uuid::Uuid::from_u128(1)), 10);
        let (sender, commands) = mpsc::channel(1);
        // Found while nothing had been told; what it follows from was told before it was given all the same.
        let held = Some(Command::HangUp);
        let side = Side { commands: Some(commands), held, events: log.subscribe(0) };
        let started = |turn| EventBody::SpeechStarted { channel: Channel::Caller, turn, at: SamplePos(0) };
        log.append(SamplePos(0), started(1));
        let (side, first) = side.told().await;
        assert!(matches!(first, CallSide::Event(_)), "{first:?}");
        let (side, second) = side.told().await;
        assert!(matches!(second, CallSide::Command(Command::HangUp)), "{second:?}");
        // The same way round when both come while nobody looks.
        log.append(SamplePos(1), started(2));
        sender.send(Command::Flush).await.expect("there is room");
        let (side, third) = side.told().await;
        assert!(matches!(third, CallSide::Event(_)), "{third:?}");
        let (_, fourth) = side.told().await;
        assert!(matches!(fourth, CallSide::Command(Command::Flush)), "{fourth:?}");
    }
}
