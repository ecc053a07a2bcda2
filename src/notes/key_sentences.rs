//! The sentences that carry the call, chosen, never rephrased.

use std::collections::{HashMap, HashSet};

use super::lexicon;
use super::sentences::Spoken;
use crate::call::{Channel, Evidence};

/// What fits on the agent's screen beside the reason.
const SENTENCES_MAX: usize = 5;
/// Of these at most so many from one channel while the other one still has something to say.
const ONE_CHANNEL_MAX: usize = 3;
/// Shorter sentences answer something and mean nothing alone.
const CONTENT_WORDS_MIN: usize = 3;
/// Share of common content words from which two sentences say the same.
const DUPLICATE_OVERLAP: f32 = 0.5;

/// A sentence of five weighty cues is a list, not five times as important.
const CUES_MAX: usize = 3;
const CUE_SCORE: f32 = 0.8;
const FIGURE_SCORE: f32 = 0.6;
const DATE_SCORE: f32 = 0.6;
/// The first fifth of a call says why, the last fifth what came of it.
const EDGE_SHARE: f32 = 0.2;
const EDGE_SCORE: f32 = 0.5;
const IDENTITY_SCORE: f32 = -1.5;
const ROUTINE_SCORE: f32 = -3.0;
/// Below this a sentence is talk.
const SCORE_MIN: f32 = 1.5;

/// At most five sentences in order of time, no two alike, none that the lines in `told` hold already.
pub(super) fn find(sentences: &[Spoken<'_>], told: &[&Evidence]) -> Vec<Evidence> {
    let frequency = frequencies(sentences);
    let mut ranked: Vec<(f32, &Spoken<'_>)> = sentences
        .iter()
        .filter(|sentence| !told.iter().any(|line| sentence.is_told_by(line)))
        .filter(|sentence| sentence.content().count() >= CONTENT_WORDS_MIN)
        // An identity is no content; it is also what has to be masked first.
        .filter(|sentence| !lexicon::is_number_reading(sentence) && !lexicon::NO_PROMISES.is_in(sentence))
        .map(|sentence| (score(sentence, &frequency), sentence))
        .filter(|(score, _)| *score >= SCORE_MIN)
        .collect();
    // Stable: of equals the earlier one.
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let mut chosen: Vec<&Spoken<'_>> = Vec::new();
    choose(&ranked, ONE_CHANNEL_MAX, &mut chosen);
    choose(&ranked, SENTENCES_MAX, &mut chosen);
    chosen.sort_by_key(|sentence| (sentence.span.start, sentence.bytes.start));
    chosen.into_iter().filter_map(Spoken::evidence).collect()
}

fn choose<'s, 't>(ranked: &[(f32, &'s Spoken<'t>)], channel_max: usize, chosen: &mut Vec<&'s Spoken<'t>>) {
    for (_, sentence) in ranked {
        let of_channel = chosen.iter().filter(|other| other.channel() == sentence.channel()).count();
        let is_full =
            chosen.len() >= SENTENCES_MAX || (of_channel >= channel_max && !is_shared(sentence.channel()));
        if !is_full && !chosen.iter().any(|other| says_the_same(sentence, other)) {
            chosen.push(sentence);
        }
    }
}

fn is_shared(channel: Channel) -> bool {
    match channel {
        Channel::Mixed => true,
        Channel::Caller | Channel::Agent | Channel::Bot | Channel::Numbered(_) => false,
    }
}

fn says_the_same(one: &Spoken<'_>, other: &Spoken<'_>) -> bool {
    let (one, other): (HashSet<&str>, HashSet<&str>) = (one.content().collect(), other.content().collect());
    let smaller = one.len().min(other.len()).max(1) as f32;
    one.intersection(&other).count() as f32 / smaller > DUPLICATE_OVERLAP
}

/// How often each content word is said in the call.
fn frequencies<'s>(sentences: &'s [Spoken<'_>]) -> HashMap<&'s str, usize> {
    let mut frequency = HashMap::new();
    for term in sentences.iter().flat_map(Spoken::content) {
        *frequency.entry(term).or_insert(0) += 1;
    }
    frequency
}

fn score(sentence: &Spoken<'_>, frequency: &HashMap<&str, usize>) -> f32 {
    let content: HashSet<&str> = sentence.content().collect();
    // What is spoken of again and again is what the call is about; the root keeps long sentences from winning by length.
    let subject: f32 =
        content.iter().map(|term| (frequency.get(term).copied().unwrap_or(1) as f32).ln_1p()).sum();
    let part = |holds: bool, score: f32| if holds { score } else { 0.0 };
    subject / (content.len().max(1) as f32).sqrt()
        + CUE_SCORE * lexicon::WEIGHTY.count(sentence).min(CUES_MAX) as f32
        + part(sentence.has_digits(), FIGURE_SCORE)
        + part(lexicon::DATES.is_in(sentence), DATE_SCORE)
        + part(!(EDGE_SHARE..=1.0 - EDGE_SHARE).contains(&sentence.position), EDGE_SCORE)
        + part(lexicon::IDENTITY.is_in(sentence), IDENTITY_SCORE)
        + part(is_routine(sentence), ROUTINE_SCORE)
}

/// What is said in every call: the company's greeting, questions for the identity, the farewell.
fn is_routine(sentence: &Spoken<'_>) -> bool {
    let greets = sentence.channel() != Channel::Caller && lexicon::GREETINGS.is_in(sentence);
    let asks = sentence.is_question() && lexicon::IDENTITY_ASKED.is_in(sentence);
    greets || asks || lexicon::AGENT_OPENING.is_in(sentence) || lexicon::CLOSING.is_in(sentence)
}
