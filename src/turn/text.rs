//! What the words of a turn, so far, say about its end.
//!
//! Word lists and counting, no model: they only lengthen or shorten a wait. A recogniser closes whatever it hears with
//! a full stop, so full stops say nothing here; a comma, a dash or an ellipsis at the end says that more was heard
//! coming.

mod numbers;
mod words;

use self::numbers::TrailingNumber;
use super::{Expectation, Reading, TextKind};
use crate::call::Language;
use crate::text::{Token, fold, tokens};

/// Longest sign of listening, in words: `d'accord, d'accord, oui`.
const BACK_CHANNEL_WORDS_MAX: usize = 6;
/// Longest opening, in words.
const OPENING_WORDS_MAX: usize = 10;

/// Letters of the ends of addresses, from `.fr` to `.construction`; longer ones are hardly in use.
const ENDING_LETTERS: std::ops::RangeInclusive<usize> = 2..=12;

/// Reads `text`, which was recognised as `language` and answers what was asked for, if anything was.
pub fn read(text: &str, language: Language, expectation: Expectation) -> Reading {
    let folded = fold(text);
    let words: Vec<Token<'_>> = tokens(&folded).collect();
    // Where a value is waited for, thanks behind it end the dictation. Elsewhere they are words as all others: a number that
    // happens to stand before them is no reason to wait for more of it.
    let kept =
        if is_value(expectation) { words.len() - closing_words(&words, language) } else { words.len() };
    let dictated = &folded[..words.get(kept).map_or(folded.len(), |closing| closing.start_byte)];
    let words: Vec<&str> = words.iter().map(|token| token.text).collect();
    let number = TrailingNumber::of(&words[..kept], language);
    let email = email(dictated, &words[..kept], expectation == Expectation::Email);
    let kind =
        email.filter(|_| !words.is_empty()).unwrap_or_else(|| kind_of(&folded, &words, language, number));
    Reading { words: u32::try_from(words.len()).unwrap_or(u32::MAX), kind, digits: number.digits }
}

/// Whether the end of the value is in its words.
const fn is_value(expectation: Expectation) -> bool {
    match expectation {
        Expectation::Digits { .. } | Expectation::Phone | Expectation::Email => true,
        Expectation::Open | Expectation::YesNo | Expectation::Address | Expectation::Spelling => false,
    }
}

/// How many words at the end only say that something was said: `voilà, merci`.
fn closing_words(words: &[Token<'_>], language: Language) -> usize {
    let mut kept = words;
    while let Some(phrase) = words::of(language).closings.iter().find(|phrase| ends_with(kept, phrase)) {
        kept = &kept[..kept.len() - phrase.len()];
    }
    words.len() - kept.len()
}

fn ends_with(words: &[Token<'_>], phrase: &[&str]) -> bool {
    words.len() >= phrase.len()
        && words[words.len() - phrase.len()..].iter().zip(phrase).all(|(word, said)| word.text == *said)
}

fn kind_of(folded: &str, words: &[&str], language: Language, number: TrailingNumber) -> TextKind {
    let lists = words::of(language);
    let all_of = |list: &[&[&str]]| words.iter().all(|word| list.iter().any(|list| list.contains(word)));
    let any_of = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let Some(last) = words.last() else { return TextKind::Nothing };
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

/// Whether an e-mail address is being dictated. `at` is too common a word to mean the sign, but where an address is waited
/// for.
fn email(dictated: &str, words: &[&str], is_awaited: bool) -> Option<TextKind> {
    let is_sign = |word: &&str| {
        matches!(*word, "arobase" | "arrobase" | "apenstaart" | "apenstaartje")
            || (is_awaited && *word == "at")
    };
    let is_whole = match (dictated.rsplit_once('@'), words.iter().rposition(is_sign)) {
        (Some((_, after)), _) => {
            let behind: Vec<&str> = tokens(after).map(|token| token.text).collect();
            is_written_domain(after) || is_spoken_domain(&behind, is_ending)
        }
        (None, Some(sign)) => is_spoken_domain(&words[sign + 1..], is_ending) || is_written_domain(dictated),
        // Elsewhere only a well-known end makes an address of it.
        (None, None) => {
            let is_known = |end: &str| words::DOMAINS.contains(&end);
            return (words.contains(&"at") && is_spoken_domain(words, is_known))
                .then_some(TextKind::EmailComplete);
        }
    };
    Some(if is_whole { TextKind::EmailComplete } else { TextKind::EmailBegun })
}

/// Whether the text ends as `… point fr` does.
fn is_spoken_domain(words: &[&str], is_ending: impl Fn(&str) -> bool) -> bool {
    let [.., dot, domain] = words else { return false };
    matches!(*dot, "point" | "dot" | "punt") && is_ending(domain)
}

/// Whether the text ends as `….fr` does. The full stop that recognisers close with is no part of it.
fn is_written_domain(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    text.rsplit_once('.').is_some_and(|(_, end)| is_ending(end))
}

/// Whether an address may end on it, once it has begun: there are more than a thousand such ends.
fn is_ending(end: &str) -> bool {
    ENDING_LETTERS.contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests;
