//! What the words of a turn, so far, say about its end.
//!
//! Word lists and counting, no model: they only lengthen or shorten a wait. A recogniser closes whatever it hears with
//! a full stop, so full stops say nothing here; a comma, a dash or an ellipsis at the end says that more was heard
//! coming.

mod numbers;
mod words;

use self::numbers::TrailingNumber;
use super::{Reading, TextKind};
use crate::call::Language;
use crate::text::{fold, tokens};

/// Longest sign of listening, in words: `d'accord, d'accord, oui`.
const BACK_CHANNEL_WORDS_MAX: usize = 6;
/// Longest opening, in words.
const OPENING_WORDS_MAX: usize = 10;

/// Reads `text`, which was recognised as `language`.
pub fn read(text: &str, language: Language) -> Reading {
    let folded = fold(text);
    let words: Vec<&str> = tokens(&folded).map(|token| token.text).collect();
    let number = TrailingNumber::of(&words, language);
    let kind = kind_of(&folded, &words, language, number);
    Reading { words: u32::try_from(words.len()).unwrap_or(u32::MAX), kind, digits: number.digits }
}

fn kind_of(folded: &str, words: &[&str], language: Language, number: TrailingNumber) -> TextKind {
    let lists = words::of(language);
    let all_of = |list: &[&[&str]]| words.iter().all(|word| list.iter().any(|list| list.contains(word)));
    let any_of = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let Some(last) = words.last() else { return TextKind::Nothing };
    match email(folded, words) {
        Some(Email::Complete) => return TextKind::EmailComplete,
        Some(Email::Begun) => return TextKind::EmailBegun,
        None => {}
    }
    if number.is_dictated() {
        return TextKind::Number;
    }
    if words.len() <= BACK_CHANNEL_WORDS_MAX && all_of(&[lists.listening]) {
        return TextKind::BackChannel;
    }
    let is_short = words.len() <= OPENING_WORDS_MAX;
    if is_short && any_of(lists.answers) && all_of(&[lists.answers, lists.listening, lists.courtesies]) {
        return TextKind::Answer;
    }
    if lists.unfinished.contains(last) || ends_open(folded) {
        return TextKind::Unfinished;
    }
    let opens = all_of(&[lists.answers, lists.listening, lists.courtesies, lists.openings]);
    if is_short && opens && !any_of(lists.farewells) { TextKind::Opening } else { TextKind::Other }
}

/// Whether the punctuation says that something follows.
fn ends_open(folded: &str) -> bool {
    let end = folded.trim_end();
    [",", ":", "…", "...", "-", "–", "—"].iter().any(|mark| end.ends_with(mark))
}

enum Email {
    Begun,
    Complete,
}

/// Whether an e-mail address is being dictated. `at` alone is too common a word to mean the sign.
fn email(folded: &str, words: &[&str]) -> Option<Email> {
    let is_sign = |word: &&str| matches!(*word, "arobase" | "arrobase" | "apenstaart" | "apenstaartje");
    let has_domain = |end: &str| words::DOMAINS.contains(&end);
    if folded.contains('@') || words.iter().any(is_sign) {
        let after = folded.rsplit('@').next().unwrap_or_default();
        let domain = folded.trim_end_matches(|c: char| !c.is_alphanumeric()).rsplit('.').next();
        let is_written = after.len() < folded.len() && after.contains('.') && domain.is_some_and(has_domain);
        let is_whole = is_written || is_spoken_domain(words);
        return Some(if is_whole { Email::Complete } else { Email::Begun });
    }
    (words.contains(&"at") && is_spoken_domain(words)).then_some(Email::Complete)
}

/// Whether the text ends as `… point fr` does.
fn is_spoken_domain(words: &[&str]) -> bool {
    let [.., dot, domain] = words else { return false };
    matches!(*dot, "point" | "dot" | "punt") && words::DOMAINS.contains(domain)
}

#[cfg(test)]
mod tests;
