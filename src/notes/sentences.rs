//! The call as sentences: what every part of a note chooses from.

use std::ops::Range;

use super::lexicon::{self, Role};
use crate::audio::SampleSpan;
use crate::call::{Channel, Evidence, Transcript, Utterance};
use crate::text;

/// One sentence of one utterance.
#[derive(Debug)]
pub(super) struct Spoken<'t> {
    pub utterance: &'t Utterance,
    /// Where it stands in the utterance's text.
    pub bytes: Range<usize>,
    pub words: Vec<SpokenWord>,
    /// Where it comes in the call, 0 for the first sentence, 1 for the last.
    pub position: f32,
    pub span: SampleSpan,
}

/// One word, folded, with its place in the utterance's text.
#[derive(Debug)]
pub(super) struct SpokenWord {
    /// As [`text::fold`] writes it; an elided word without its apostrophe.
    pub term: String,
    pub bytes: Range<usize>,
}

/// Every sentence of the call in order of time.
pub(super) fn spoken(transcript: &Transcript) -> Vec<Spoken<'_>> {
    let mut sentences: Vec<Spoken<'_>> = transcript.utterances.iter().flat_map(of_utterance).collect();
    let last = sentences.len().saturating_sub(1).max(1) as f32;
    for (at, sentence) in sentences.iter_mut().enumerate() {
        sentence.position = at as f32 / last;
    }
    sentences
}

fn of_utterance(utterance: &Utterance) -> impl Iterator<Item = Spoken<'_>> {
    text::sentences(utterance.text.reveal()).map(move |sentence| {
        let bytes = sentence.start_byte..sentence.end_byte;
        let span = utterance.span_of(&bytes).unwrap_or(utterance.span);
        let words = words(sentence.text, sentence.start_byte);
        Spoken { utterance, bytes, words, position: 0.0, span }
    })
}

/// The words of a text that starts `offset` bytes into its utterance.
pub(super) fn words(written: &str, offset: usize) -> Vec<SpokenWord> {
    let word = |token: text::Token<'_>| SpokenWord {
        term: text::fold(token.text).trim_matches('\'').to_owned(),
        bytes: offset + token.start_byte..offset + token.end_byte,
    };
    text::tokens(written).map(word).collect()
}

impl Spoken<'_> {
    pub fn channel(&self) -> Channel {
        self.utterance.channel
    }

    pub fn is_question(&self) -> bool {
        self.utterance.text.reveal()[self.bytes.clone()].ends_with('?')
    }

    /// Whether somebody in that role may be the one who speaks: known on its channel, guessed on a shared one.
    pub fn may_be(&self, role: Role) -> bool {
        match (self.channel(), role) {
            (Channel::Caller, Role::Caller) | (Channel::Agent | Channel::Bot, Role::Agent) => true,
            (Channel::Caller, Role::Agent) | (Channel::Agent | Channel::Bot, Role::Caller) => false,
            (Channel::Mixed | Channel::Numbered(_), Role::Caller) => {
                !lexicon::AGENT_OPENING.is_in(self) && !lexicon::IDENTITY_ASKED.is_in(self)
            }
            (Channel::Mixed | Channel::Numbered(_), Role::Agent) => true,
        }
    }

    /// Words that carry meaning, without function words, greetings and fillers.
    pub fn content(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| word.term.as_str()).filter(|term| lexicon::is_content(term))
    }

    pub fn has_digits(&self) -> bool {
        self.words.iter().any(|word| word.term.bytes().any(|byte| byte.is_ascii_digit()))
    }

    /// The sentence as evidence, from its word `first` on.
    pub fn evidence_from(&self, first: usize) -> Option<Evidence> {
        let start = self.words.get(first).map_or(self.bytes.start, |word| word.bytes.start);
        self.utterance.quote(if first == 0 { self.bytes.clone() } else { start..self.bytes.end })
    }

    pub fn evidence(&self) -> Option<Evidence> {
        self.evidence_from(0)
    }

    /// Whether a line of evidence takes words from this sentence.
    pub fn is_told_by(&self, line: &Evidence) -> bool {
        line.channel == self.channel() && line.span.overlap_samples(self.span) > 0 && {
            let text = &self.utterance.text.reveal()[self.bytes.clone()];
            let quote = line.quote.reveal();
            quote.contains(text) || text.contains(quote.as_str())
        }
    }
}
