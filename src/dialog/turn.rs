//! What goes into a dialogue and what comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;

use super::certainty::Certainty;
use super::template::Row;
use crate::call::Language;
use crate::intent::{Band, Ranking};
use crate::redact::Redacted;
use crate::slots::{Catalog, Kind, Value};

/// Something that happened on the call.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The call is there; comes first, once.
    Begin,
    /// The caller said something.
    Sentence(Sentence),
    /// The caller speaks a language that the scenario does not.
    OtherLanguage,
    /// The caller said nothing for as long as [`Listen::wait`].
    Silence,
    /// Sound, but no words.
    Noise,
    /// A key was pressed: `0` to `9`, `*` or `#`; others are ignored.
    Key(Redacted<char>),
    /// The answer to [`Action::LookUp`]: a row, none, or none in time.
    LookedUp(Result<Option<Row>, LookUpFailed>),
    /// Nobody took the transferred call within the patience of its route.
    NotAnswered,
    /// Something on this side broke, so that the dialogue cannot go on.
    Failed,
    /// The caller hung up.
    HungUp,
}

/// A look-up gave no answer. What went wrong is for the log of whoever made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookUpFailed;

/// What the caller said, as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// The words.
    pub text: Redacted<String>,
    /// Their language.
    pub language: Language,
    /// What the caller wants: one wish, or two in the order of speech; empty when nothing could be made of it.
    pub wishes: Vec<Wish>,
    /// How sure the recogniser was of its words.
    pub certainty: Certainty,
    /// Most likely said in a language that the scenario does not speak: the words are then what was made of it.
    pub is_foreign: bool,
}

/// One wish with what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// The intents that it may be.
    pub ranking: Ranking,
    /// How clear it is.
    pub band: Band,
}

/// What is the case outside the dialogue when something happens.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'s> {
    /// Local time of the scenario.
    pub now: DateTime,
    /// The catalogues, by name.
    pub catalogs: &'s BTreeMap<String, Arc<Catalog>>,
}

/// What is to be done, in order. The last one is [`Action::Listen`], [`Action::LookUp`], [`Action::Transfer`] or
/// [`Action::HangUp`].
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Say this to the caller.
    Say(Redacted<String>),
    /// Listen to the caller.
    Listen(Listen),
    /// Look something up; the answer comes as [`Input::LookedUp`].
    LookUp(LookUp),
    /// Hand the call over; ends the dialogue unless nobody answers.
    Transfer(Box<Transfer>),
    /// End the call.
    HangUp,
}

/// How to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// After how much silence [`Input::Silence`] is due, counted from the end of what is being said.
    pub wait: Duration,
    /// What is expected: it decides how patient the turn-taking is.
    pub expect: Expect,
}

/// What a caller is expected to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// A free sentence.
    Wish,
    /// Yes or no.
    YesNo,
    /// One of two, or a key.
    Choice,
    /// A value.
    Value(Kind),
}

/// A look-up with its bound values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUp {
    /// The intent that is being answered.
    pub intent: String,
    /// The source.
    pub source: String,
    /// The query, with names of parameters.
    pub query: String,
    /// Of an HTTP source: column → JSON pointer into its answer.
    pub columns: BTreeMap<String, String>,
    /// Parameter → value.
    pub parameters: BTreeMap<String, Redacted<String>>,
}

/// A call that is handed over, with what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// Id of the route.
    pub route: String,
    /// Queue of the telephone system.
    pub queue: String,
    /// How long a caller waits there before [`Input::NotAnswered`] is due; `None` where nobody else would take the call.
    pub patience: Option<Duration>,
    /// Why the caller calls, if that is known.
    pub intent: Option<String>,
    /// Probability of the intent; 1 when the caller confirmed it.
    pub confidence: Option<f32>,
    /// What else the caller wants.
    pub second_intent: Option<String>,
    /// The caller's own words: of all sentences about what is wanted the one that was understood best.
    pub words: Option<Redacted<String>>,
    /// All these sentences, in order.
    pub said: Vec<Redacted<String>>,
    /// What was found out on the call.
    pub slots: BTreeMap<String, Value>,
}

/// Why something is done: the rule that decided the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The call began.
    Greeting,
    /// Agreement to the recording was asked for and answered.
    Consent,
    /// The intent is sure.
    Sure,
    /// The caller is asked to confirm an intent.
    Confirm,
    /// The caller confirmed.
    Confirmed,
    /// The caller said no.
    Denied,
    /// Two intents are offered.
    Offer,
    /// The caller chose one of two.
    Chosen,
    /// Not understood: asked again in the open.
    AskAgain,
    /// About nothing that is known here.
    OutOfScope,
    /// The keypad is offered.
    Keypad,
    /// A key chose.
    Key,
    /// The caller asks for a person.
    WantsHuman,
    /// All means are used up: a person.
    Human,
    /// The call went on for too many turns: a person.
    TurnLimit,
    /// Nothing was said.
    Silence,
    /// Noise.
    Noise,
    /// The caller said hello and nothing else.
    Hello,
    /// Rudeness.
    Insult,
    /// Another language than the scenario's.
    OtherLanguage,
    /// The caller asked to hear it again.
    Repeat,
    /// A value is asked for.
    AskValue,
    /// A value is read back.
    ConfirmValue,
    /// Something is looked up.
    LookUp,
    /// An answer was given.
    Answered,
    /// There was no row, or no case held.
    NotFound,
    /// The look-up failed.
    Down,
    /// The second of two wishes.
    SecondWish,
    /// The team is closed and nobody else takes its calls.
    Closed,
    /// Nobody took the call: it goes on to the overflow.
    Overflow,
    /// Nobody took the call, and nobody else takes it.
    NobodyFree,
    /// Something on this side broke.
    Failed,
    /// The caller is done.
    Goodbye,
    /// The caller hung up.
    HungUp,
    /// Nothing had to be done.
    Ignored,
}

impl Rule {
    /// One word for records and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Consent => "consent",
            Self::Sure => "sure",
            Self::Confirm => "confirm",
            Self::Confirmed => "confirmed",
            Self::Denied => "denied",
            Self::Offer => "offer",
            Self::Chosen => "chosen",
            Self::AskAgain => "ask_again",
            Self::OutOfScope => "out_of_scope",
            Self::Keypad => "keypad",
            Self::Key => "key",
            Self::WantsHuman => "wants_human",
            Self::Human => "human",
            Self::TurnLimit => "turn_limit",
            Self::Silence => "silence",
            Self::Noise => "noise",
            Self::Hello => "hello",
            Self::Insult => "insult",
            Self::OtherLanguage => "other_language",
            Self::Repeat => "repeat",
            Self::AskValue => "ask_value",
            Self::ConfirmValue => "confirm_value",
            Self::LookUp => "look_up",
            Self::Answered => "answered",
            Self::NotFound => "not_found",
            Self::Down => "down",
            Self::SecondWish => "second_wish",
            Self::Closed => "closed",
            Self::Overflow => "overflow",
            Self::NobodyFree => "nobody_free",
            Self::Failed => "failed",
            Self::Goodbye => "goodbye",
            Self::HungUp => "hung_up",
            Self::Ignored => "ignored",
        }
    }
}

/// What one input led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// What is to be done, in order; empty when the input changes nothing.
    pub actions: Vec<Action>,
    /// The rule that decided it.
    pub rule: Rule,
}
