//! Names of the call's vocabulary put right in what an engine heard.
//!
//! The search already leans towards the names ([`super::decode::bias`]); a name that the model never read still comes out as
//! other words that sound like it. Here such words become the name: by sound, and the sooner the less sure the engine was of
//! them.

use std::ops::Range;
use std::sync::Arc;

use super::{Recognition, RecognizedWord};
use crate::audio::SampleSpan;
use crate::slots::catalog::{Catalog, Change, Entry, correct_heard};

/// The vocabulary of the last request, ready to be listened for.
#[derive(Debug, Default)]
pub(super) struct NameEar {
    known: Option<(Arc<[String]>, Catalog)>,
}

impl NameEar {
    /// Puts the names of `vocabulary` right in the text and the words of `recognition`.
    pub(super) fn put_right(&mut self, vocabulary: &Arc<[String]>, recognition: &mut Recognition) {
        if vocabulary.is_empty() || recognition.words.is_empty() {
            return;
        }
        let catalog = self.catalog(vocabulary);
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
        recognition.words = renamed(text, &recognition.words, &places, &corrected.changes);
        recognition.text = corrected.text;
    }

    fn catalog(&mut self, vocabulary: &Arc<[String]>) -> &Catalog {
        if self.known.as_ref().is_none_or(|(known, _)| known != vocabulary) {
            let entries = vocabulary.iter().map(|name| Entry::listed(name, name, "")).collect();
            self.known = Some((Arc::clone(vocabulary), Catalog::new(entries)));
        }
        &self.known.as_ref().expect("it was made above").1
    }
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
