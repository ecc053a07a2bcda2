//! Numbers in words and figures: cardinals, ordinals, decimals.
//!
//! Every reading starts from atoms (`quatre`, `vingt`, `cent`), put together by the rules of the language; one grammar
//! serves figures in text, dates, amounts and digits by groups. Numbers never run over a comma or the end of a sentence.

mod lexicon;
mod reader;

pub(super) use reader::{Numeric, Reader};

use super::words::{Gap, Word, Words};
use super::{Located, Value};
use crate::call::Language;

/// What a word is in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Atom {
    /// 0 to 9.
    Unit(u8),
    /// 10 to 19.
    Teen(u8),
    /// 20, 30 … 90.
    Tens(u8),
    /// A hundred.
    Hundred,
    /// A thousand, a million …
    Scale(u128),
    /// `et`, `and`, `en`.
    And,
    /// English `a`: one before a hundred or a thousand.
    Article,
    /// English `oh`: a zero among digits.
    Oh,
    /// `double` before a digit.
    Repeat(u8),
    /// Written in figures, so many of them.
    Figures {
        /// Their value.
        value: u128,
        /// How many.
        count: u8,
    },
}

/// An atom, and whether it makes the number an ordinal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub atom: Atom,
    pub is_ordinal: bool,
}

/// Figures of more digits than this are no number that anybody says.
const FIGURES_MAX: usize = 30;

/// The parts of one word; none for a word that has no place in a number.
pub(super) fn parts_of(word: &Word<'_>, language: Language) -> Vec<Part> {
    if word.text.as_bytes()[0].is_ascii_digit() {
        let count = word.text.len();
        let value = if count <= FIGURES_MAX { word.text.parse().ok() } else { None };
        return value
            .zip(u8::try_from(count).ok())
            .map(|(value, count)| vec![Part { atom: Atom::Figures { value, count }, is_ordinal: false }])
            .unwrap_or_default();
    }
    lexicon::parts(&word.folded, language)
}

/// Whole numbers that count something, for [`super::Kind::Number`].
pub(super) fn find(words: &Words<'_>) -> Vec<Located> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let Some(number) = Numeric::at(words, at).filter(|number| number.fraction.is_empty()) else {
            at += 1;
            continue;
        };
        if let Some(value) = number.whole_signed() {
            // `un`, `une` and `een` are articles more often than numbers.
            let is_article = number.end == at + 1 && matches!(words.folded(at), "un" | "une" | "een");
            let score = if is_article { 0.5 } else { 0.95 };
            found.push(Located { value: Value::Number(value), words: at..number.end, score });
        }
        at = number.end;
    }
    found
}

/// Whether a number may run over what stands before the word at `at`.
pub(super) fn may_cross(words: &Words<'_>, at: usize) -> bool {
    matches!(words.gap(at), Gap::Space | Gap::Hyphen | Gap::None)
}

#[cfg(test)]
mod tests;
