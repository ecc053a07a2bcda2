//! RTTM and CTM, the line formats of the NIST scorers: fields between single spaces, seconds with three decimals,
//! channels counted from 1.

use super::cues::timed_words;
use super::{Document, channel_index, milliseconds};

/// A `SPEAKER` line an utterance, by start.
pub(super) fn rttm(document: Document<'_>) -> String {
    let file = file_id(&document.source.file);
    let mut out = String::new();
    for utterance in &document.transcript.utterances {
        let channel = channel_index(document.transcript, utterance.channel) + 1;
        let (start, end) = (milliseconds(utterance.span.start), milliseconds(utterance.span.end));
        let (start_s, length_s) = (seconds(start), seconds((end - start).max(1)));
        out.push_str(&format!(
            "SPEAKER {file} {channel} {start_s} {length_s} <NA> <NA> {} <NA> <NA>\n",
            utterance.channel
        ));
    }
    out
}

/// A line a word, by channel, then start, as scorers want them; words without surrounding punctuation.
pub(super) fn ctm(document: Document<'_>) -> String {
    let file = file_id(&document.source.file);
    let mut words: Vec<_> = document
        .transcript
        .utterances
        .iter()
        .flat_map(|utterance| {
            let channel = channel_index(document.transcript, utterance.channel) + 1;
            timed_words(utterance).into_iter().map(move |word| (channel, word))
        })
        .collect();
    words.sort_by_key(|(channel, word)| (*channel, word.start_ms));
    let mut out = String::new();
    for (channel, word) in words {
        let text = word.text.trim_matches(|character: char| !character.is_alphanumeric());
        if text.is_empty() {
            continue;
        }
        let text: String = text.split_whitespace().collect::<Vec<_>>().join("_");
        let start_s = seconds(word.start_ms);
        let length_s = seconds(word.end_ms.saturating_sub(word.start_ms).max(1));
        let confidence = if word.confidence.is_finite() { word.confidence.clamp(0.0, 1.0) } else { 0.0 };
        out.push_str(&format!("{file} {channel} {start_s} {length_s} {text} {confidence:.3}\n"));
    }
    out
}

/// The file's name without folder and extension, everything but letters, digits, `.`, `-` and `_` as `_`: a space
/// would be a field of its own.
fn file_id(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        Some(_) | None => name,
    };
    let id: String = stem
        .chars()
        .map(|character| {
            if character.is_alphanumeric() || matches!(character, '.' | '-' | '_') { character } else { '_' }
        })
        .collect();
    if id.is_empty() { "recording".to_owned() } else { id }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}
