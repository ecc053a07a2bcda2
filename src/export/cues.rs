//! Words with times, and subtitles made of them.

use crate::call::{Transcript, Utterance};

use super::{channel_index, milliseconds, one_line};

/// Longest text of a cue: two lines of 42, what a viewer reads at once.
const CUE_CHARACTERS: usize = 84;
/// Longest cue on screen.
const CUE_MS: u64 = 7_000;
/// Longest line.
const LINE_CHARACTERS: usize = 42;

/// A word on one line with its times.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimedWord {
    pub(super) text: String,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) confidence: f32,
}

/// A subtitle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cue {
    pub(super) channel: usize,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// One or two lines.
    pub(super) lines: Vec<String>,
}

/// The words of an utterance. Where the recogniser gave none, its text is spread over its span by length.
pub(super) fn timed_words(utterance: &Utterance) -> Vec<TimedWord> {
    if utterance.words.is_empty() {
        return spread(utterance);
    }
    utterance
        .words
        .iter()
        .map(|word| TimedWord {
            text: one_line(word.text.reveal()),
            start_ms: milliseconds(word.span.start),
            end_ms: milliseconds(word.span.end),
            confidence: word.confidence,
        })
        .filter(|word| !word.text.is_empty())
        .collect()
}

/// The cues of a transcript by start, then channel; those of one channel never overlap and last at least 1 ms.
pub(super) fn cues(transcript: &Transcript) -> Vec<Cue> {
    let mut free_from_ms = vec![0; transcript.channels.len() + 1];
    let mut cues = Vec::new();
    for utterance in &transcript.utterances {
        let channel = channel_index(transcript, utterance.channel);
        let words = timed_words(utterance);
        let mut rest = words.as_slice();
        while !rest.is_empty() {
            let (group, later) = rest.split_at(group_length(rest));
            rest = later;
            let texts: Vec<&str> = group.iter().map(|word| word.text.as_str()).collect();
            let last_ms = group.iter().map(|word| word.end_ms).max().unwrap_or(0);
            let start_ms = group[0].start_ms.max(free_from_ms[channel]);
            let end_ms = last_ms.max(start_ms + 1);
            free_from_ms[channel] = end_ms;
            cues.push(Cue { channel, start_ms, end_ms, lines: lines(&texts.join(" ")) });
        }
    }
    cues.sort_by_key(|cue| (cue.start_ms, cue.channel));
    cues
}

fn spread(utterance: &Utterance) -> Vec<TimedWord> {
    let text = one_line(utterance.text.reveal());
    let characters = text.chars().count().max(1) as u64;
    let (start, end) = (milliseconds(utterance.span.start), milliseconds(utterance.span.end));
    let at = |passed: u64| start + (end - start) * passed / characters;
    let mut passed = 0;
    text.split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| {
            let word_start = passed;
            passed += word.chars().count() as u64;
            let timed = TimedWord {
                text: word.to_owned(),
                start_ms: at(word_start),
                end_ms: at(passed),
                confidence: utterance.confidence,
            };
            passed += 1;
            timed
        })
        .collect()
}

/// How many of the words make the next cue, at least one: as many as fit, but where not all fit and a sentence or
/// clause ends in the second half, up to there.
fn group_length(words: &[TimedWord]) -> usize {
    let mut characters = 0;
    let mut fitting = 0;
    let mut clause_end = None;
    for (index, word) in words.iter().enumerate() {
        characters += word.text.chars().count() + usize::from(index > 0);
        let lasts_ms = word.end_ms.saturating_sub(words[0].start_ms);
        if index > 0 && (characters > CUE_CHARACTERS || lasts_ms > CUE_MS) {
            return clause_end.unwrap_or(fitting);
        }
        fitting = index + 1;
        let is_late = characters * 2 > CUE_CHARACTERS || lasts_ms * 2 > CUE_MS;
        if is_late && word.text.ends_with(['.', '?', '!', '…', ',', ';', ':']) {
            clause_end = Some(fitting);
        }
    }
    fitting
}

/// One line, or two of about the same length.
fn lines(text: &str) -> Vec<String> {
    let length = text.chars().count();
    if length <= LINE_CHARACTERS {
        return vec![text.to_owned()];
    }
    let middle = text.char_indices().nth(length / 2).map_or(0, |(at, _)| at);
    let space = text.match_indices(' ').map(|(at, _)| at).min_by_key(|at| at.abs_diff(middle));
    match space {
        Some(at) => vec![text[..at].to_owned(), text[at + 1..].to_owned()],
        None => vec![text.to_owned()],
    }
}
