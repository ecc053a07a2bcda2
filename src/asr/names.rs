//! Names of the call's vocabulary put right in what an engine heard.
//!
//! The search already leans towards the names ([`super::decode::bias`]); a name that the model never read still comes out as
//! other words that sound like it. Here such words become the name: by sound, and the sooner the less sure the engine was of
//! them. Words of the sentences that are said here stay, however badly they were heard.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::{Recognition, RecognizedWord, Request};
use crate::audio::SampleSpan;
use crate::slots::catalog::{ALIAS, Catalog, Change, Entry, correct_heard};

/// What may be said: names, and sentences whose words are none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expected {
    pub(super) names: Arc<[String]>,
    pub(super) sentences: Arc<[String]>,
}

impl Expected {
    pub(super) fn of(request: &Request) -> Self {
        Self { names: Arc::clone(&request.vocabulary), sentences: Arc::clone(&request.sentences) }
    }
}

/// What the last request expected, ready to be listened for.
#[derive(Debug, Default)]
pub(super) struct NameEar {
    known: Option<(Expected, Catalog)>,
}

impl NameEar {
    /// Puts the names that are expected right in the text and the words of `recognition`, and notes each there.
    pub(super) fn put_right(&mut self, expected: Expected, recognition: &mut Recognition) {
        if expected.names.is_empty() || recognition.words.is_empty() {
            return;
        }
        let catalog = self.catalog(expected);
        let text = recognition.text.reveal();
        let places = places(text, &recognition.words);
        let confidence = |span: &Range<usize>| {
            let said = places.iter().zip(&recognition.words).filter(|(place, _)| overlap(place, span));
            said.map(|(_, word)| word.confidence).reduce(f32::min)
        };
        let corrected = correct_heard(text, catalog, recognition.language, confidence);
        if corrected.changes.is_empty() {
            return;
        }
        tracing::debug!(changes = corrected.changes.len(), "names of the vocabulary were put right");
        recognition.corrections = corrected.records();
        recognition.words = renamed(text, &recognition.words, &places, &corrected.changes);
        recognition.text = corrected.text;
    }

    fn catalog(&mut self, expected: Expected) -> &Catalog {
        if self.known.as_ref().is_none_or(|(known, _)| *known != expected) {
            let entries = expected.names.iter().flat_map(|name| entries(name)).collect();
            let ordinary_words: BTreeSet<&str> =
                expected.sentences.iter().flat_map(|sentence| sentence.split_whitespace()).collect();
            let catalog = Catalog::new(entries).with_ordinary_words(ordinary_words);
            self.known = Some((expected, catalog));
        }
        &self.known.as_ref().expect("it was made above").1
    }
}

/// A name of a vocabulary and what stands for the same, under the name as their key: each is written as it was said, and none
/// makes another doubtful.
fn entries(name: &str) -> impl Iterator<Item = Entry> {
    let key = name.split(ALIAS).next().unwrap_or_default().trim();
    let forms = name.split(ALIAS).map(str::trim).filter(|form| !form.is_empty());
    forms.map(move |form| Entry::listed(key, form, ""))
}

/// Where each word stands in `text`, in bytes. A word that is not found stands nowhere: an empty range.
fn places(text: &str, words: &[RecognizedWord]) -> Vec<Range<usize>> {
    let mut from = 0;
    let mut place = |word: &RecognizedWord| {
        let word = word.text.reveal();
        let Some(at) = text[from..].find(word.as_str()) else { return from..from };
        let start = from + at;
        from = start + word.len();
        start..from
    };
    words.iter().map(&mut place).collect()
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The words with those that a change touches made into one, in which the name stands.
fn renamed(
    text: &str,
    words: &[RecognizedWord],
    places: &[Range<usize>],
    changes: &[Change],
) -> Vec<RecognizedWord> {
    let mut renamed: Vec<RecognizedWord> = Vec::with_capacity(words.len());
    // Where in the text the last change ends: a word that starts before that belongs to its name.
    let mut reached: Option<usize> = None;
    for (word, place) in words.iter().zip(places) {
        if !changes.iter().any(|change| overlap(place, &change.span)) {
            renamed.push(word.clone());
            reached = None;
            continue;
        }
        let mut name = String::new();
        let mut copied = place.start;
        for change in changes.iter().filter(|change| overlap(place, &change.span)) {
            if change.span.start >= place.start {
                name.push_str(&text[copied..change.span.start]);
                name.push_str(&change.name);
            }
            copied = change.span.end.min(place.end);
        }
        name.push_str(&text[copied..place.end]);
        let continues = reached.is_some_and(|end| place.start < end);
        match renamed.last_mut() {
            Some(last) if continues => {
                *last = RecognizedWord {
                    text: format!("{}{name}", last.text.reveal()).into(),
                    span: SampleSpan::new(last.span.start, word.span.end),
                    confidence: last.confidence.min(word.confidence),
                };
            }
            _ => renamed.push(RecognizedWord { text: name.into(), ..word.clone() }),
        }
        let last = changes.iter().rfind(|change| overlap(place, &change.span));
        reached = last.map(|change| change.span.end);
    }
    renamed
}

#[cfg(test)]
mod tests;
