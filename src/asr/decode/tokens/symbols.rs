//! The signs that Whisper writes for music, laughter and speakers and not for speech.
//!
//! The list is that of openai-whisper (`Tokenizer.non_speech_tokens`): brackets, notes and signs of mark-up go, common
//! punctuation stays; a hyphen or an apostrophe goes only at the start of a word, where it marks a speaker or a
//! quotation.

const SIGNS: &str = "\"#()*+/:;<=>@[\\]^_`{|}~「」『』";
const GROUPS: [&str; 18] = [
    "<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", "(\"", "((", "))", "(((", ")))", "[[", "]]",
    "{{", "}}",
];
const NOTE_GROUPS: [&str; 2] = ["♪♪", "♪♪♪"];
/// The vocabularies hold no token for most of these. All begin with the same token, which begins nothing else that is
/// spoken (U+2640 to U+267F), so that one is refused.
const NOTES: &str = "♩♪♫♬♭♮♯";
/// Only the first token of each.
const STARTS: [&str; 2] = [" -", " '"];

/// The ids of these signs in the vocabulary that `encode` encodes with (to nothing what it lacks); some twice, in no order.
pub(super) fn ids(encode: impl Fn(&str) -> Vec<u32>) -> Vec<u32> {
    let mut ids: Vec<u32> = STARTS.iter().filter_map(|text| encode(text).first().copied()).collect();
    let both = |text: &str| [encode(text), encode(&format!(" {text}"))];
    let signs = SIGNS.chars().map(String::from);
    let groups = GROUPS.iter().chain(&NOTE_GROUPS).map(|group| (*group).to_owned());
    for text in signs.chain(groups) {
        ids.extend(both(&text).iter().filter(|tokens| tokens.len() == 1).flatten());
    }
    for note in NOTES.chars().map(String::from) {
        ids.extend(both(&note).iter().filter_map(|tokens| tokens.first()));
    }
    ids
}
