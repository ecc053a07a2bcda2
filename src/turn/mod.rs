//! Whether somebody is speaking, only pausing, or done.
//!
//! `vad` (a probability a window) → [`TurnTaker`] → what to decode, what to ask, when a turn has ended. One taker a
//! channel. It sees neither audio nor text: the driver runs what is asked for and reports back what came of it
//! ([`Input::Judged`] from Smart Turn, [`Input::Heard`] with what `text` reads in the recogniser's words).
//!
//! Invariants: pure; the only time is the number of windows pushed. Turns are numbered from 1 without holes, in order,
//! and each that started ends in exactly one way, [`Output::TurnEnded`], [`Output::TurnOver`] or [`Output::Discarded`], a
//! bounded time after the last speech, whether or not answers come. A turn never ends while speech goes on. What is said to be forgettable
//! is never asked for again.
//!
//! Units: samples at 16 kHz from the start of the channel; one window is 512 samples, 32 ms.
//!
//! Not here: threads, decoding, what a dialogue does with a turn.

mod config;
mod expectation;
mod floor;
mod patience;
mod smart;
mod speech;
mod taker;
pub mod text;

pub use config::{Config, InvalidConfig};
pub use expectation::Expectation;
pub use smart::{SmartTurn, SmartTurnError};
pub use taker::TurnTaker;

use crate::audio::{SamplePos, SampleSpan};
use crate::call::event::TurnEndReason;

/// Names one piece of work that a [`TurnTaker`] asked for; unique within the channel, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What happened, in the order in which it became known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input {
    /// The next window of the channel; moves time on by 32 ms.
    Window {
        /// Probability that somebody speaks, 0 to 1; not-a-number counts as 0.
        speech_probability: f32,
        /// Its level.
        level_dbfs: f32,
    },
    /// The answer to [`Output::Judge`]. It may come late or never.
    Judged {
        /// Which.
        request: RequestId,
        /// Probability that the speaker is done, 0 to 1.
        done_probability: f32,
    },
    /// What the recogniser made of [`Output::Partial`] or [`Output::Speculate`]. It may come late or never.
    Heard {
        /// Which.
        request: RequestId,
        /// What its text says about being done.
        reading: Reading,
    },
    /// What the speaker was asked for; holds until the next. From the first on, a dialogue waits for the ends of turns.
    Expect(Expectation),
    /// The bot begins to be heard by this speaker; it waits for the ends of turns from now on.
    PlaybackStarted,
    /// The bot is not heard any more.
    PlaybackEnded,
    /// The other person of the call begins to speak.
    OtherStarted,
    /// The other person is silent again.
    OtherEnded,
    /// This speaker pressed a key.
    Dtmf,
    /// No window follows.
    EndOfAudio,
}

/// What the text of a turn, so far, says about its end; never the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Words that were recognised and believed.
    pub words: u32,
    /// What kind of text it is.
    pub kind: TextKind,
    /// Digits in the number that the text ends with; those of number words are counted as they are dialled.
    pub digits: u32,
}

impl Reading {
    /// No words at all.
    pub const NOTHING: Self = Self { words: 0, kind: TextKind::Nothing, digits: 0 };
}

/// What kind of text a turn has so far, as far as it matters for its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextKind {
    /// No words.
    Nothing,
    /// Only words that say "I am listening": `oui`, `d'accord`, `hm`, `ja`, `okay`. To a yes/no question, a yes.
    BackChannel,
    /// A plain yes or no, with or without courtesy.
    Answer,
    /// Only words that mostly open a turn: a greeting, thanks, an acknowledgement; no farewell.
    Opening,
    /// It ends within or right after a dictated number.
    Number,
    /// It ends within an e-mail address that lacks its end.
    EmailBegun,
    /// It ends with a whole e-mail address.
    EmailComplete,
    /// It ends on a word that something must follow: an article, a conjunction, a hesitation.
    Unfinished,
    /// Anything else.
    Other,
}

/// What follows from what happened.
///
/// Spans of requests lie within the audio pushed so far; take the samples when the output is polled, for
/// [`TurnTaker::earliest_needed`] may move past them at the next push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Somebody began to speak.
    SpeechStarted {
        /// The turn that begins.
        turn: u64,
        /// Start of its first speech window.
        at: SamplePos,
        /// The turn that this one continues and replaces, should it end as one; its audio begins with the audio of that.
        joins: Option<u64>,
        /// The turn that this one continues: it was ended too early. Unless `joins` names it too, what was told of it stays,
        /// and this one tells what follows.
        continues: Option<u64>,
    },
    /// Decode for a partial text. May be dropped.
    Partial {
        /// For [`Input::Heard`].
        request: RequestId,
        /// Of which turn.
        turn: u64,
        /// Everything since the last final.
        span: SampleSpan,
    },
    /// Ask Smart Turn about this; at most 8 s.
    Judge {
        /// For [`Input::Judged`].
        request: RequestId,
        /// What to listen to.
        span: SampleSpan,
    },
    /// Decode now as if it were final: it is, unless it is cancelled.
    Speculate {
        /// For [`Input::Heard`].
        request: RequestId,
        /// Of which turn.
        turn: u64,
        /// What to decode.
        span: SampleSpan,
    },
    /// The speaker went on: the result of this [`Output::Judge`] or [`Output::Speculate`] is not wanted any more.
    Cancel {
        /// Which.
        request: RequestId,
    },
    /// A turn has a final for its part up to here and goes on: it is too long for the recogniser, or the speaker pauses
    /// longer than a listener waits for the text, and not long enough to be done.
    Part {
        /// Which turn.
        turn: u64,
        /// The text of this request is the final of the part. It is not cancelled any more.
        speculation: RequestId,
        /// From the first speech window of the part to the cut or the pause.
        speech: SampleSpan,
        /// What was decoded.
        audio: SampleSpan,
        /// The turn that this part continues and replaces: an earlier one, or its own when the speaker went on so soon behind
        /// what was told of it that this is one sentence. Its audio begins with the audio of that.
        joins: Option<u64>,
    },
    /// The speaker is done.
    ///
    /// The text may still be on its way. When it comes without words, nothing was said: announce the turn as discarded.
    TurnEnded {
        /// Which turn.
        turn: u64,
        /// From the first speech window since the last part to the end of the last one.
        speech: SampleSpan,
        /// What was decoded; with `joins` it begins with the audio of that turn.
        audio: SampleSpan,
        /// The text of this request is the final. It is not cancelled any more.
        speculation: RequestId,
        /// How it is known.
        reason: TurnEndReason,
        /// The turn that this one continues and replaces: it was ended too early. The text of this one holds both. Or this one
        /// itself, of which a part was told too early.
        joins: Option<u64>,
        /// The turn that this one continues, replaced or not.
        continues: Option<u64>,
        /// Whether another had the floor while it was said, and kept it, and no yes or no was asked for: then no answer is
        /// wanted where its text is only a sign of listening ([`TextKind::BackChannel`]).
        is_over_other: bool,
    },
    /// The speaker is done, and everything that was said is in parts already.
    TurnOver {
        /// Which turn.
        turn: u64,
        /// Where the last part ended.
        end_of_speech: SamplePos,
        /// How it is known.
        reason: TurnEndReason,
        /// The turn that this one continues, replaced or not.
        continues: Option<u64>,
    },
    /// There were no words in the turn.
    Discarded {
        /// Which turn.
        turn: u64,
        /// The turn that it would have replaced, had it been one.
        joins: Option<u64>,
        /// The turn that it would have continued.
        continues: Option<u64>,
    },
    /// The speaker takes the floor: stop what is being played.
    Interrupt {
        /// Where.
        at: SamplePos,
    },
}

/// Why a [`TurnTaker`] acts next without being told anything but time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A partial text is due.
    Partial,
    /// The pause is long enough to begin the final.
    Speculate,
    /// The pause is long enough to ask Smart Turn.
    Judge,
    /// The text is there, and the pause is long enough to tell it.
    Settle,
    /// The pause is long enough to be the end of the turn.
    EndTurn,
    /// The ended turn cannot be continued any more.
    RepairOver,
}
