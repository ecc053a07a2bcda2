//! The spoken summary: the moment when the agent sums up aloud.
//!
//! It begins with a turn of phrase ("donc si je résume", "so to sum up", "samenvattend") and goes on over the agent's
//! next sentences until the caller says more than "oui", the agent takes leave, or a minute is over. A turn of phrase
//! alone does not make one: what follows has to say something, late enough in the call, best what was said before.

use std::collections::HashSet;

use super::lexicon::{self, Role};
use super::sentences::{Spoken, spoken};
use crate::audio::{SamplePos, SampleSpan, duration_samples};
use crate::call::{Channel, Evidence, Transcript};

use std::time::Duration;

/// Nobody sums up for longer; what goes on is the conversation.
const LENGTH_MAX: Duration = Duration::from_secs(60);
/// A longer silence of the agent ends it: the agent reads or types.
const PAUSE_MAX: Duration = Duration::from_secs(6);
/// A caller who says more than this has taken the turn: "oui", "d'accord", "oui c'est bien ça".
const BACK_CHANNEL_WORDS_MAX: usize = 6;
/// A summary of fewer words with meaning sums up nothing.
const CONTENT_WORDS_MIN: usize = 4;

/// A turn of phrase that announces a summary by itself, and one that may.
const STRONG_SCORE: f32 = 2.0;
const WEAK_SCORE: f32 = 1.0;
/// Where in the call it begins and how much of it was said before count 0 to 1 each. A strong cue passes from a
/// quarter of the call on, a weak one only late and with much that is known.
const SCORE_MIN: f32 = 2.25;

/// A spoken summary.
#[derive(Debug, Clone, PartialEq)]
pub struct Recap {
    /// From the first to the last word of it.
    pub span: SampleSpan,
    /// Its words, one piece for each utterance, in order; never empty.
    pub evidence: Vec<Evidence>,
}

/// The call's spoken summary; the last one where the agent sums up more than once, as it knows most.
pub fn recap(transcript: &Transcript) -> Option<Recap> {
    recaps(transcript).pop()
}

/// Every spoken summary of the call, in order of time, apart from each other.
pub fn recaps(transcript: &Transcript) -> Vec<Recap> {
    let sentences = spoken(transcript);
    let mut found = Vec::new();
    let mut at = 0;
    while at < sentences.len() {
        match cue_score(&sentences[at]) {
            Some(cue) => {
                let members = members(&sentences, at);
                let is_recap = score(&sentences, &members, cue) >= SCORE_MIN;
                let next = if is_recap { members.last().map_or(at, |last| *last) } else { at };
                if let Some(recap) = is_recap.then(|| told(&sentences, &members)).flatten() {
                    found.push(recap);
                }
                at = next + 1;
            }
            None => at += 1,
        }
    }
    found
}

/// What the sentence's turn of phrase is worth; `None` without one, or from a caller.
fn cue_score(sentence: &Spoken<'_>) -> Option<f32> {
    let is_possible = sentence.channel() != Channel::Bot
        && sentence.may_be(Role::Agent)
        && !(sentence.is_question() && lexicon::RECAP_ASKED.is_in(sentence));
    match is_possible {
        true if lexicon::RECAP.is_in(sentence) => Some(STRONG_SCORE),
        true if lexicon::RECAP_WEAK.is_in(sentence) => Some(WEAK_SCORE),
        true | false => None,
    }
}

/// The sentences of the summary that begins with sentence `first`.
fn members(sentences: &[Spoken<'_>], first: usize) -> Vec<usize> {
    let start = &sentences[first];
    let mut members = vec![first];
    let mut end = start.span.end;
    for (at, sentence) in sentences.iter().enumerate().skip(first + 1) {
        let is_over = lexicon::CLOSING.is_in(sentence)
            || sentence.span.end > start.span.start.plus(duration_samples(LENGTH_MAX));
        let is_other = match start.channel() {
            Channel::Mixed | Channel::Numbered(_) => lexicon::acknowledges(sentence),
            Channel::Agent | Channel::Caller | Channel::Bot => sentence.channel() != start.channel(),
        };
        let was_asked =
            members.len() > 1 && members.last().is_some_and(|last| sentences[*last].is_question());
        if is_over || (is_other && (was_asked || takes_turn(sentence))) {
            break;
        }
        if is_other {
            continue;
        }
        let is_late = sentence.span.start > end.plus(duration_samples(PAUSE_MAX));
        if is_late || is_confirmation(sentence) {
            break;
        }
        // "Voilà." and "Avec plaisir." add nothing, "C'est bien ça ?" asks for the agreement to all of it.
        if sentence.content().count() > 1 || sentence.is_question() {
            members.push(at);
            end = end.max(sentence.span.end);
        }
    }
    members
}

/// Whether the other one says more than "oui, d'accord", or agrees to the whole.
fn takes_turn(sentence: &Spoken<'_>) -> bool {
    sentence.words.len() > BACK_CHANNEL_WORDS_MAX
        || sentence.content().count() > 1
        || lexicon::CONFIRMED.is_in(sentence)
}

/// "C'est bien ça." that is no question: on a shared channel, the other one.
fn is_confirmation(sentence: &Spoken<'_>) -> bool {
    !sentence.is_question()
        && sentence.words.len() <= BACK_CHANNEL_WORDS_MAX
        && lexicon::CONFIRMED.is_in(sentence)
}

fn score(sentences: &[Spoken<'_>], members: &[usize], cue: f32) -> f32 {
    let Some(first) = members.first() else { return 0.0 };
    let said: HashSet<&str> = sentences[..*first].iter().flat_map(Spoken::content).collect();
    let content: HashSet<&str> = members.iter().flat_map(|member| sentences[*member].content()).collect();
    if content.len() < CONTENT_WORDS_MIN {
        return 0.0;
    }
    let known = content.intersection(&said).count() as f32 / content.len() as f32;
    cue + sentences[*first].position + known
}

/// The summary in its words: the sentences of one utterance as one piece, from the turn of phrase on.
fn told(sentences: &[Spoken<'_>], members: &[usize]) -> Option<Recap> {
    let mut evidence: Vec<Evidence> = Vec::new();
    let mut rest = members;
    while let Some(first) = rest.first().map(|at| &sentences[*at]) {
        let same = |at: &&usize| std::ptr::eq(sentences[**at].utterance, first.utterance);
        let length = rest.iter().take_while(same).count();
        let last = &sentences[rest[length - 1]];
        evidence.extend(first.utterance.quote(first.bytes.start..last.bytes.end));
        rest = &rest[length..];
    }
    let start = evidence.iter().map(|piece| piece.span.start).min()?;
    let end = evidence.iter().map(|piece| piece.span.end).max().unwrap_or(SamplePos::ZERO);
    Some(Recap { span: SampleSpan::new(start, end.max(start)), evidence })
}
