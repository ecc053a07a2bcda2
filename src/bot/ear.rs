//! What the caller said: the events of one channel, gathered to one sentence a turn.

use std::collections::BTreeMap;

use crate::call::decision::CorrectionRecord;
use crate::call::event::EventBody;
use crate::call::{Channel, Language, Utterance};
use crate::intent::Heard;
use crate::redact::Redacted;

/// Turns whose finals are held; one is spoken at a time, and one more may wait for its text.
const TURNS_MAX: usize = 4;
/// A language is believed from this number of words on: "oui" and "ok" are French in any language.
const WORDS_TO_TELL_LANGUAGE: usize = 3;
/// A sentence is taken for one in another language from so much speech on, in seconds. A detector tells the allowed languages apart
/// from one second on (`asr::language`); among all that it knows a name or a number leads it astray for longer. More would let
/// callers say several sentences in vain. Chosen by reasoning.
const FOREIGN_SPEECH_MIN_S: f64 = 2.0;
/// The same from so much of the probability on. An accent or a bad line moves some of it to other languages and leaves more on the
/// one that is spoken; higher would miss callers in a language that the model hardly knows. BENCHMARKS.md, "Callers in another
/// language", has what it does.
const FOREIGN_SHARE_MIN: f64 = 0.8;

/// What came of an event.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// Nothing that matters yet.
    Nothing,
    /// The caller began to speak.
    Began,
    /// The caller is done.
    Sentence(Box<Sentence>),
    /// There were no words in it.
    Noise,
}

/// What the caller said in one turn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sentence {
    pub(super) turn: u64,
    /// The turn whose words it repeats.
    pub(super) joins: Option<u64>,
    /// The turn that it continues, with its words or behind them.
    pub(super) continues: Option<u64>,
    /// It was only a sign of listening while another had the floor.
    pub(super) is_back_channel: bool,
    pub(super) heard: Heard,
    /// `None` when it is too short to tell.
    pub(super) language: Option<Language>,
    pub(super) foreign: Foreign,
}

impl Sentence {
    /// This one and what was said before it, to which nobody has answered yet.
    pub(super) fn after(self, before: &Self) -> Self {
        if self.joins == Some(before.turn) {
            return self;
        }
        Self {
            turn: self.turn,
            joins: before.joins,
            continues: before.continues,
            is_back_channel: false,
            heard: before.heard.clone().then(&self.heard),
            language: self.language.or(before.language),
            foreign: before.foreign.and(self.foreign),
        }
    }
}

/// How much of what was said lies on languages in which nobody listens, as far as the recogniser told.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Foreign {
    /// Speech of which it told.
    told_s: f64,
    /// Its part on other languages.
    foreign_s: f64,
}

impl Foreign {
    fn of(utterance: &Utterance, share: Option<f32>) -> Self {
        let Some(share) = share else { return Self::default() };
        let told_s = utterance.span.duration().as_secs_f64();
        Self { told_s, foreign_s: told_s * f64::from(share) }
    }

    fn and(self, next: Self) -> Self {
        Self { told_s: self.told_s + next.told_s, foreign_s: self.foreign_s + next.foreign_s }
    }

    /// Whether the sentence is long enough to tell, and most likely in another language.
    pub(super) fn is_clear(self) -> bool {
        self.told_s >= FOREIGN_SPEECH_MIN_S && self.foreign_s >= self.told_s * FOREIGN_SHARE_MIN
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Ear {
    channel: Channel,
    turns: BTreeMap<u64, Turn>,
    speaking: Option<u64>,
}

#[derive(Debug, Default)]
struct Turn {
    joins: Option<u64>,
    finals: Vec<Final>,
}

#[derive(Debug)]
struct Final {
    utterance: Utterance,
    /// Other texts, with their weights.
    alternatives: Vec<(Redacted<String>, f32)>,
    corrections: Vec<CorrectionRecord>,
    foreign: Foreign,
}

impl Final {
    fn heard(self) -> Heard {
        let said = Heard::from(&self.utterance).with_corrections(self.corrections);
        let others = self.alternatives.into_iter();
        others.fold(said, |said, (text, weight)| said.with_alternative(text, weight))
    }
}

impl Ear {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, turns: BTreeMap::new(), speaking: None }
    }

    /// Whether the caller is speaking.
    pub(super) const fn is_speaking(&self) -> bool {
        self.speaking.is_some()
    }

    /// Whose words it hears.
    pub(super) const fn channel(&self) -> Channel {
        self.channel
    }

    /// Takes an event.
    pub(super) fn hear(&mut self, body: &EventBody) -> Said {
        match body {
            EventBody::SpeechStarted { channel, turn, .. } if *channel == self.channel => {
                self.speaking = Some(*turn);
                Said::Began
            }
            EventBody::TranscriptFinal {
                channel,
                turn,
                utterance,
                alternatives,
                corrections,
                foreign_share,
                joins,
                ..
            } if *channel == self.channel => {
                let heard = self.turns.entry(*turn).or_default();
                if *joins == Some(*turn) {
                    // What was told of this turn is in it.
                    heard.finals.clear();
                } else {
                    heard.joins = heard.joins.or(*joins);
                }
                heard.finals.push(Final {
                    foreign: Foreign::of(utterance, *foreign_share),
                    utterance: utterance.clone(),
                    alternatives: alternatives.clone(),
                    corrections: corrections.clone(),
                });
                while self.turns.len() > TURNS_MAX {
                    self.turns.pop_first();
                }
                Said::Nothing
            }
            EventBody::TurnEnded { channel, turn, continues, is_back_channel, .. }
                if *channel == self.channel =>
            {
                self.is_done(*turn);
                let said = self.turns.remove(turn);
                let heard = said.and_then(|said| sentence((*turn, *continues, *is_back_channel), said));
                heard.map_or(Said::Noise, |sentence| Said::Sentence(Box::new(sentence)))
            }
            EventBody::SpeechDiscarded { channel, turn } if *channel == self.channel => {
                self.is_done(*turn);
                self.turns.remove(turn);
                Said::Noise
            }
            EventBody::CallStarted { .. }
            | EventBody::SpeechStarted { .. }
            | EventBody::TranscriptPartial { .. }
            | EventBody::TranscriptFinal { .. }
            | EventBody::TurnEnded { .. }
            | EventBody::SpeechDiscarded { .. }
            | EventBody::Interrupted { .. }
            | EventBody::Dtmf { .. }
            | EventBody::PlaybackFinished { .. }
            | EventBody::TurnDecided { .. }
            | EventBody::BotSaid { .. }
            | EventBody::HandedOver { .. }
            | EventBody::Gap { .. }
            | EventBody::CallEnded { .. } => Said::Nothing,
        }
    }

    fn is_done(&mut self, turn: u64) {
        self.speaking = self.speaking.filter(|speaking| *speaking > turn);
    }
}

/// All finals of a turn as one sentence.
fn sentence((turn, continues, is_back_channel): (u64, Option<u64>, bool), said: Turn) -> Option<Sentence> {
    let language = said.finals.last()?.utterance.language;
    let joins = said.joins;
    let foreign = said.finals.iter().fold(Foreign::default(), |before, next| before.and(next.foreign));
    let heard = said.finals.into_iter().map(Final::heard).reduce(|before, next| before.then(&next))?;
    let words = heard.text.reveal().split_whitespace().count();
    let language = (words >= WORDS_TO_TELL_LANGUAGE).then_some(language);
    (words > 0).then_some(Sentence { turn, joins, continues, is_back_channel, heard, language, foreign })
}
