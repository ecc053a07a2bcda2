//! The call as plain data: what the stages hand to each other and what is kept.
//!
//! Words used everywhere: *call*, *channel* (caller, agent, bot), *frame* (20 ms of audio in), *window* (one model
//! input, 512 samples for Silero), *segment* (what voice detection cuts), *utterance* (a segment with text), *turn*
//! (what the dialogue works on), *partial* and *final*, *intent*, *slot*, *route*, *answer*, *note*, *recap* (the
//! spoken summary), *evidence* (quote, channel, time).

pub mod decision;
pub mod event;
pub mod handover;
mod quote;
mod record;

pub use record::CallRecord;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use uuid::Uuid;

use crate::audio::{SamplePos, SampleSpan};
use crate::redact::Redacted;

/// Identity of one call or recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub Uuid);

impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Who is heard on one audio stream of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// The person who called.
    Caller,
    /// The person of the contact centre.
    Agent,
    /// The voicebot.
    Bot,
    /// Everybody on one stream (a one-channel recording).
    Mixed,
    /// A further stream of a recording with more than two, counted from 0.
    Numbered(u8),
}

impl Channel {
    /// The usual assignment for a recording of `count` channels: mixed; caller and agent; or numbered.
    pub fn layout(count: usize) -> Vec<Self> {
        match count {
            1 => vec![Self::Mixed],
            2 => vec![Self::Caller, Self::Agent],
            _ => (0..count).map(|index| Self::Numbered(u8::try_from(index).unwrap_or(u8::MAX))).collect(),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller => formatter.pad("caller"),
            Self::Agent => formatter.pad("agent"),
            Self::Bot => formatter.pad("bot"),
            Self::Mixed => formatter.pad("mixed"),
            Self::Numbered(index) => formatter.pad(&format!("channel-{index}")),
        }
    }
}

/// A channel name that is not one of `caller`, `agent`, `bot`, `mixed`, `channel-N`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown channel `{name}`, expected caller, agent, bot, mixed or channel-0 to channel-255")]
pub struct UnknownChannel {
    /// What was found.
    pub name: String,
}

impl FromStr for Channel {
    type Err = UnknownChannel;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "caller" => Ok(Self::Caller),
            "agent" => Ok(Self::Agent),
            "bot" => Ok(Self::Bot),
            "mixed" => Ok(Self::Mixed),
            other => other
                .strip_prefix("channel-")
                .and_then(|index| index.parse().ok())
                .map(Self::Numbered)
                .ok_or_else(|| UnknownChannel { name: other.to_owned() }),
        }
    }
}

/// A language that the product speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// French.
    Fr,
    /// English.
    En,
    /// Dutch.
    Nl,
}

impl Language {
    /// Every language, in order of preference.
    pub const ALL: [Self; 3] = [Self::Fr, Self::En, Self::Nl];

    /// ISO 639-1 code, as Whisper and the interfaces use it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
            Self::Nl => "nl",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}

/// A language code that is not one of `fr`, `en`, `nl`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown language `{code}`, expected fr, en or nl")]
pub struct UnknownLanguage {
    /// What was found.
    pub code: String,
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    /// Takes `fr` as well as a regional tag such as `fr-CA`.
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let primary = code.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|language| language.code() == primary)
            .ok_or_else(|| UnknownLanguage { code: code.to_owned() })
    }
}

/// One recognised word.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The word as written, with its punctuation, without surrounding spaces.
    pub text: Redacted<String>,
    /// Where it is heard, in its channel.
    pub span: SampleSpan,
    /// Probability that the word is right, 0 to 1, as the recogniser sees it.
    pub confidence: f32,
}

/// How sure the recogniser was of a word that stands in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct WordConfidence {
    /// Where it stands, in bytes of the text; where a name was put right, all of the name. Empty for a word that is not there.
    pub span: Range<usize>,
    /// Probability that the word is right, 0 to 1.
    pub confidence: f32,
}

/// A stretch of speech of one channel with its text; the final result of recognition.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    /// Who speaks.
    pub channel: Channel,
    /// Where it is heard, in its channel; all channels of a call share one time line.
    pub span: SampleSpan,
    /// The language it was recognised in.
    pub language: Language,
    /// What was said.
    pub text: Redacted<String>,
    /// Geometric mean of the word confidences, 0 to 1.
    pub confidence: f32,
    /// Its words in order; empty when the recogniser gives none.
    pub words: Vec<Word>,
}

/// Everything heard in one call, in order of start.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// The channels that were heard, in the order of the recording.
    pub channels: Vec<Channel>,
    /// Length of the call.
    pub end: SamplePos,
    /// The language most of it was spoken in; `None` when nothing was said.
    pub language: Option<Language>,
    /// What was said, by start, then channel.
    pub utterances: Vec<Utterance>,
}

impl Transcript {
    /// The whole text, one utterance after the other, separated by `separator`; only what `channel` says when one is
    /// given.
    pub fn text_of(&self, channel: Option<Channel>, separator: &str) -> Redacted<String> {
        let texts: Vec<&str> = self
            .utterances
            .iter()
            .filter(|utterance| channel.is_none_or(|channel| utterance.channel == channel))
            .map(|utterance| utterance.text.reveal().as_str())
            .collect();
        Redacted::new(texts.join(separator))
    }
}

/// What ties a statement about a call to the call: the words, who said them, when.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The words, as in the transcript.
    pub quote: Redacted<String>,
    /// Who said them.
    pub channel: Channel,
    /// When.
    pub span: SampleSpan,
}

impl Evidence {
    /// The whole utterance as evidence.
    pub fn from_utterance(utterance: &Utterance) -> Self {
        Self { quote: utterance.text.clone(), channel: utterance.channel, span: utterance.span }
    }
}

/// What the caller wants, as the classifier sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentDecision {
    /// The sentence that was judged.
    pub evidence: Evidence,
    /// The best intents with calibrated probabilities, best first, at most five.
    pub candidates: Vec<IntentScore>,
    /// What follows from it.
    pub outcome: IntentOutcome,
}

/// One intent with its calibrated probability.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentScore {
    /// Name of the intent in the scenario.
    pub intent: String,
    /// Calibrated probability, 0 to 1.
    pub probability: f32,
}

/// The decision for one caller sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentOutcome {
    /// Sure enough to act: the intent and the route that the scenario gives it.
    Routed {
        /// Name of the intent.
        intent: String,
        /// Name of the route.
        route: String,
    },
    /// In scope but not sure: the caller would be asked to confirm or choose.
    Unsure,
    /// Nothing that the scenario knows.
    OutOfScope,
}

/// What is written down about a call. No line without evidence.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Note {
    /// Why the caller called, in the caller's words.
    pub reason: Option<Evidence>,
    /// The intent the reason was classified as, when it was routed.
    pub intent: Option<String>,
    /// The sentences that carry the call, in order of time.
    pub key_sentences: Vec<Evidence>,
    /// What was left open or promised, in order of time.
    pub open_points: Vec<Evidence>,
    /// The spoken summary, one piece for each utterance it runs over; empty when nobody summed up.
    pub recap: Vec<Evidence>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_names_round_trip() {
        for channel in [Channel::Caller, Channel::Agent, Channel::Bot, Channel::Mixed, Channel::Numbered(7)] {
            assert_eq!(channel.to_string().parse(), Ok(channel));
        }
        assert!("channel-300".parse::<Channel>().is_err());
        assert!("supervisor".parse::<Channel>().is_err());
    }

    #[test]
    fn regional_language_tags_name_the_language() {
        assert_eq!("fr-CA".parse(), Ok(Language::Fr));
        assert_eq!("NL_be".parse(), Ok(Language::Nl));
        assert!("de".parse::<Language>().is_err());
    }
}
