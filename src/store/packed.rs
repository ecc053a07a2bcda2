//! Lists that are kept in one column, as JSON arrays: words of an utterance, candidates of a decision.
//!
//! They are read and written with their row and never searched by themselves, so a table of their own would only cost:
//! an hour of talk has ten thousand words.

use super::Error;
use crate::audio::{SamplePos, SampleSpan};
use crate::call::{IntentScore, Word};

pub(super) fn pack_words(words: &[Word]) -> String {
    let rows: Vec<(&str, u64, u64, f32)> = words
        .iter()
        .map(|word| {
            (word.text.reveal().as_str(), word.span.start.0, word.span.end.0, finite(word.confidence))
        })
        .collect();
    serde_json::to_string(&rows).expect("strings and finite numbers are JSON")
}

pub(super) fn unpack_words(packed: &str) -> Result<Vec<Word>, Error> {
    let unreadable = Error::Unreadable { what: "list of words" };
    let Ok(rows) = serde_json::from_str::<Vec<(String, u64, u64, f32)>>(packed) else {
        return Err(unreadable);
    };
    if rows.iter().any(|(_, start, end, _)| start > end) {
        return Err(unreadable);
    }
    let word = |(text, start, end, confidence): (String, u64, u64, f32)| Word {
        text: text.into(),
        span: SampleSpan::new(SamplePos(start), SamplePos(end)),
        confidence,
    };
    Ok(rows.into_iter().map(word).collect())
}

pub(super) fn pack_candidates(candidates: &[IntentScore]) -> String {
    let rows: Vec<(&str, f32)> =
        candidates.iter().map(|score| (score.intent.as_str(), finite(score.probability))).collect();
    serde_json::to_string(&rows).expect("strings and finite numbers are JSON")
}

pub(super) fn unpack_candidates(packed: &str) -> Result<Vec<IntentScore>, Error> {
    let rows: Vec<(String, f32)> =
        serde_json::from_str(packed).map_err(|_| Error::Unreadable { what: "list of intents" })?;
    Ok(rows.into_iter().map(|(intent, probability)| IntentScore { intent, probability }).collect())
}

/// JSON has no other numbers; an engine that divides by nothing must not cost the call.
pub(super) fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { 0.0 }
}
