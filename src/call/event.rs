//! What becomes known of a live call while it goes on, numbered so that nobody misses any of it.
//!
//! `live` makes these, one numbered stream a call; whoever follows the call (a WebSocket, server-sent events, the
//! terminal, the dialogue) sees the same stream, live or from any sequence number on.
//!
//! Invariants: sequence numbers of one call start at 1 and have no holes. Each turn that started ends in one way: by
//! [`EventBody::TurnEnded`] after its finals, or by [`EventBody::SpeechDiscarded`]. A final is in the store before it
//! is an event. `call.ended` is the last event of a call.

use std::time::Duration;

use jiff::Timestamp;

use super::decision::{CorrectionRecord, DecisionRecord};
use super::handover::Handover;
use super::{CallId, Channel, Utterance};
use crate::audio::{SamplePos, SampleSpan};
use crate::redact::Redacted;

/// One fact about a live call.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The call.
    pub call: CallId,
    /// Its number within the call; from 1, without holes.
    pub sequence: u64,
    /// Audio time of the call at which it became known: how much of the call had been heard by then.
    pub at: SamplePos,
    /// The fact.
    pub body: EventBody,
}

/// What became known.
#[derive(Debug, Clone, PartialEq)]
pub enum EventBody {
    /// The call is listened to.
    CallStarted {
        /// Name of the way it came in, such as `twilio`.
        ingress: &'static str,
        /// Who is heard, in the order of the tracks.
        channels: Vec<Channel>,
        /// When, by the wall clock.
        started: Timestamp,
        /// Whether texts come while somebody still speaks; not by the peer's wish, or for want of room.
        partials: bool,
    },
    /// Somebody began to speak.
    SpeechStarted {
        /// Who.
        channel: Channel,
        /// The turn that began; counted from 1 in each channel.
        turn: u64,
        /// Where.
        at: SamplePos,
    },
    /// What has been heard of a turn so far.
    TranscriptPartial {
        /// Who speaks.
        channel: Channel,
        /// The turn it belongs to.
        turn: u64,
        /// Where the heard speech begins.
        start: SamplePos,
        /// Text that stays as it is; only ever grows within a stretch of speech that becomes one final.
        stable: Redacted<String>,
        /// Text behind it that may still change; without a space in front.
        unstable: Redacted<String>,
    },
    /// A stretch of speech with its text, kept in the store.
    TranscriptFinal {
        /// Who spoke.
        channel: Channel,
        /// The turn it belongs to; a very long turn has several finals.
        turn: u64,
        /// What was said.
        utterance: Utterance,
        /// What may have been said instead, likeliest first, each with its weight beside the text's 1; none where the
        /// recogniser gives only its best.
        alternatives: Vec<(Redacted<String>, f32)>,
        /// Names of the call's vocabulary that were put right in the text, from left to right.
        corrections: Vec<CorrectionRecord>,
        /// Probability, 0 to 1, that it was said in none of the languages that the call may be in; `None` where nobody looked,
        /// as in a call whose language is known.
        foreign_share: Option<f32>,
        /// The turn whose finals so far this one continues and replaces: the speaker was taken to be done and went on. It is its own
        /// when a text of it was told in a pause and the speaker went on soon.
        joins: Option<u64>,
        /// From the end of speech to this announcement.
        latency: Duration,
        /// Where that time went.
        delay: FinalDelay,
    },
    /// Somebody is done speaking.
    TurnEnded {
        /// Who.
        channel: Channel,
        /// The turn that ended; its finals were announced before.
        turn: u64,
        /// Where the last word ended.
        end_of_speech: SamplePos,
        /// How it is known.
        reason: TurnEndReason,
        /// The turn that this one continues: the speaker was taken to be done and went on. Finals of that turn which none
        /// of this one replaces stay, and those of this one follow them.
        continues: Option<u64>,
        /// Whether it was only a sign of listening while another had the floor: no answer is wanted.
        is_back_channel: bool,
    },
    /// What began as speech had no words in it (noise, a cough, or text that is not believed); no final comes.
    SpeechDiscarded {
        /// Who.
        channel: Channel,
        /// The turn that was none.
        turn: u64,
    },
    /// Somebody spoke into what was played to them, and it was stopped.
    Interrupted {
        /// Who.
        channel: Channel,
        /// Where.
        at: SamplePos,
    },
    /// A key was pressed.
    Dtmf {
        /// Who pressed it.
        channel: Channel,
        /// Which: 0 to 9, `*`, `#`, A to D.
        digit: Redacted<char>,
    },
    /// What was played to the caller has ended.
    PlaybackFinished {
        /// Name that was given to it.
        mark: String,
        /// Whether it was heard to its end; false when it was stopped.
        completed: bool,
    },
    /// The dialogue decided what follows from what the caller did.
    TurnDecided {
        /// What, and on what grounds.
        decision: Box<DecisionRecord>,
    },
    /// The bot began to say something.
    BotSaid {
        /// What.
        text: Redacted<String>,
        /// The name under which [`EventBody::PlaybackFinished`] tells its end.
        mark: String,
    },
    /// The call is handed to people; told before the transfer is asked for.
    HandedOver {
        /// With what.
        handover: Box<Handover>,
    },
    /// A stretch of audio that was not heard; the time line holds silence of its length.
    Gap {
        /// Whose.
        channel: Channel,
        /// Where.
        span: SampleSpan,
        /// Why.
        reason: GapReason,
    },
    /// Nothing more comes.
    CallEnded {
        /// Why.
        reason: CallEndReason,
        /// Length of the call.
        duration: Duration,
    },
}

impl EventBody {
    /// The name under which interfaces, metrics and logs know it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CallStarted { .. } => "call.started",
            Self::SpeechStarted { .. } => "speech.started",
            Self::TranscriptPartial { .. } => "transcript.partial",
            Self::TranscriptFinal { .. } => "transcript.final",
            Self::TurnEnded { .. } => "turn.ended",
            Self::SpeechDiscarded { .. } => "speech.discarded",
            Self::Interrupted { .. } => "interrupted",
            Self::Dtmf { .. } => "dtmf",
            Self::PlaybackFinished { .. } => "playback.finished",
            Self::TurnDecided { .. } => "turn.decided",
            Self::BotSaid { .. } => "bot.said",
            Self::HandedOver { .. } => "call.handed_over",
            Self::Gap { .. } => "gap",
            Self::CallEnded { .. } => "call.ended",
        }
    }
}

/// Where the time from the end of speech to the announcement of a final went: `turn`, `text` and `keep` follow each other
/// and add up to it. The text is asked for and made while the pause is still waited for, so `queued` and `decoded` cost
/// only what of them is left when the turn is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FinalDelay {
    /// From the end of speech until the turn, or this part of it, was known to be over.
    pub turn: Duration,
    /// From then until the text was there.
    pub text: Duration,
    /// From then until it was kept and told.
    pub keep: Duration,
    /// From the end of speech until this text was asked for.
    pub asked: Duration,
    /// How long the recogniser had no time for it.
    pub queued: Duration,
    /// How long it worked on it.
    pub decoded: Duration,
}

/// How it is known that somebody is done speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TurnEndReason {
    /// The sentence sounds finished.
    Finished,
    /// What was asked for is complete: so many digits, a whole number, a yes.
    Complete,
    /// Nothing more came for the longest pause that is waited for.
    Silence,
    /// A key was pressed instead.
    Dtmf,
    /// The turn was longer than any is let run.
    TooLong,
    /// The audio of the channel ended, or whoever brings it said that the turn is over.
    EndOfAudio,
}

impl TurnEndReason {
    /// Name for interfaces and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Complete => "complete",
            Self::Silence => "silence",
            Self::Dtmf => "dtmf",
            Self::TooLong => "too_long",
            Self::EndOfAudio => "end_of_audio",
        }
    }
}

/// Why a stretch of audio was not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// It never arrived.
    Lost,
    /// It arrived faster than it could be taken; the oldest made room.
    Dropped,
    /// The channel's processing stood still or failed and was started anew.
    Restarted,
    /// It was heard, but the recogniser failed on it as often as it was asked.
    Failed,
}

impl GapReason {
    /// Name for interfaces and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Dropped => "dropped",
            Self::Restarted => "restarted",
            Self::Failed => "failed",
        }
    }
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallEndReason {
    /// The peer said so: somebody hung up or the stream was stopped.
    HungUp,
    /// The connection broke without a word.
    Disconnected,
    /// The peer broke the protocol or a limit.
    Refused,
    /// This side ended the call.
    Stopped,
    /// The service stopped before the call did.
    Shutdown,
    /// The processing of the call failed.
    Failed,
}

impl CallEndReason {
    /// Name for interfaces, metrics and the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HungUp => "hung_up",
            Self::Disconnected => "disconnected",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
            Self::Shutdown => "shutdown",
            Self::Failed => "failed",
        }
    }
}
