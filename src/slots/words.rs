//! A text as words with the marks between them, the form that every reading of slots starts from.
//!
//! Letters and figures are words of their own (`14h30` is `14`, `h`, `30`), signs that mean something too (`€`, `@`).
//! Hyphens separate, but are remembered: `soixante-dix` is rather 70 than 60 and 10.

use std::ops::Range;

use super::numbers::{Part, parts_of};
use crate::call::Language;
use crate::text::fold;

/// One word.
#[derive(Debug, Clone)]
pub(super) struct Word<'t> {
    /// As written.
    pub text: &'t str,
    /// As compared: lower-case, without accents, straight apostrophes.
    pub folded: String,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
    /// What stands before it.
    pub before: Gap,
}

/// What stands between two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing.
    None,
    /// Blanks.
    Space,
    /// A hyphen without blanks.
    Hyphen,
    /// A full stop, a comma, a colon, a slash or an apostrophe without blanks: `12,50`, `06.12`, `14:30`, `j'ai`.
    Tight(char),
    /// A comma with a blank, or a dash between blanks.
    Comma,
    /// The end of a sentence, brackets, quotes, a new line, the start of the text.
    Stop,
}

/// The words of a text in a language.
#[derive(Debug, Clone)]
pub(super) struct Words<'t> {
    pub text: &'t str,
    pub language: Language,
    pub list: Vec<Word<'t>>,
    /// What each word is in a number; Dutch words may be several (`vijfenzeventig`).
    pub parts: Vec<Vec<Part>>,
}

impl<'t> Words<'t> {
    pub fn of(text: &'t str, language: Language) -> Self {
        let list = split(text);
        let parts = list.iter().map(|word| parts_of(word, language)).collect();
        Self { text, language, list, parts }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The folded word at `at`; empty behind the end.
    pub fn folded(&self, at: usize) -> &str {
        self.list.get(at).map_or("", |word| word.folded.as_str())
    }

    /// What stands before the word at `at`; [`Gap::Stop`] at both ends of the text.
    pub fn gap(&self, at: usize) -> Gap {
        self.list.get(at).map_or(Gap::Stop, |word| word.before)
    }

    /// The bytes of some words.
    pub fn span(&self, range: &Range<usize>) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        self.list[range.start].span.start..self.list[range.end - 1].span.end
    }

    /// The length of the first of `phrases` that stands at `at`, in words; the longest when several do.
    pub fn phrase_at(&self, at: usize, phrases: &[&str]) -> Option<usize> {
        phrases.iter().filter_map(|phrase| self.has_phrase(at, phrase)).max()
    }

    /// As [`Self::phrase_at`], with bars between the phrases.
    pub fn phrase_in(&self, at: usize, phrases: &str) -> Option<usize> {
        phrases.split('|').filter_map(|phrase| self.has_phrase(at, phrase)).max()
    }

    fn has_phrase(&self, at: usize, phrase: &str) -> Option<usize> {
        let mut next = at;
        for word in phrase.split(' ') {
            if self.folded(next) != word {
                return None;
            }
            next += 1;
        }
        Some(next - at)
    }
}

/// Signs that are words.
const SIGNS: &str = "€$£%@+&_#=°";

fn split(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut at = 0;
    let mut end = 0;
    while let Some(first) = text[at..].chars().next() {
        let length = word_bytes(&text[at..]);
        if length == 0 {
            at += first.len_utf8();
            continue;
        }
        let before = if words.is_empty() { Gap::Stop } else { gap_of(&text[end..at]) };
        let word = &text[at..at + length];
        words.push(Word { text: word, folded: fold(word), span: at..at + length, before });
        at += length;
        end = at;
    }
    words
}

/// Length of the word that `rest` starts with; 0 when it starts with no word.
fn word_bytes(rest: &str) -> usize {
    let mut characters = rest.char_indices().peekable();
    let Some((_, first)) = characters.next() else { return 0 };
    if SIGNS.contains(first) {
        return first.len_utf8();
    }
    if first.is_ascii_digit() {
        return rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    }
    if !is_letter(first) {
        return clipped_bytes(rest);
    }
    let mut word_end = first.len_utf8();
    while let Some((at, character)) = characters.next() {
        if is_letter(character) {
            word_end = at + character.len_utf8();
            continue;
        }
        let joins = is_apostrophe(character)
            && characters.peek().is_some_and(|(_, next)| is_letter(*next))
            && keeps_apostrophe(&rest[..at], &rest[at + character.len_utf8()..]);
        if !joins {
            break;
        }
    }
    word_end
}

/// `aujourd'hui`, `o'clock`, `don't`, `foto's` are one word; `d'avril` and `l'an` are two.
fn keeps_apostrophe(before: &str, after: &str) -> bool {
    let is_elided = before.chars().count() == 1 && !before.eq_ignore_ascii_case("o")
        || ["qu", "jusqu", "lorsqu", "puisqu", "quoiqu"]
            .iter()
            .any(|elided| before.eq_ignore_ascii_case(elided));
    !is_elided && !after.is_empty()
}

/// `'s` of `'s avonds` and `'t`: without their apostrophe they would be letters that somebody spells.
fn clipped_bytes(rest: &str) -> usize {
    let mut characters = rest.chars();
    let (Some(mark), Some(letter)) = (characters.next(), characters.next()) else { return 0 };
    let is_clipped = is_apostrophe(mark)
        && matches!(letter, 's' | 't' | 'n' | 'm' | 'k')
        && characters.next().is_none_or(|next| next.is_whitespace());
    if is_clipped { mark.len_utf8() + letter.len_utf8() } else { 0 }
}

fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '’' | '‘' | 'ʼ')
}

fn is_letter(character: char) -> bool {
    character.is_alphabetic() || unicode_normalization::char::is_combining_mark(character)
}

fn gap_of(between: &str) -> Gap {
    let mut marks = between.chars().filter(|character| !character.is_whitespace());
    let Some(mark) = marks.next() else {
        return match between {
            "" => Gap::None,
            _ if between.contains('\n') => Gap::Stop,
            _ => Gap::Space,
        };
    };
    let is_alone = marks.next().is_none();
    let is_tight = is_alone && !between.contains(char::is_whitespace);
    match mark {
        '-' | '‐' | '‑' | '–' if is_tight => Gap::Hyphen,
        '.' | ',' | ':' | '/' if is_tight => Gap::Tight(mark),
        _ if is_tight && is_apostrophe(mark) => Gap::Tight('\''),
        ',' | '-' | '–' | '—' if is_alone => Gap::Comma,
        '…' => Gap::Comma,
        '.' if between.trim() == "..." => Gap::Comma,
        _ => Gap::Stop,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let found: Vec<String> = split(text).into_iter().map(|word| word.folded).collect();
        assert_eq!(found.join("|"), expected, "{text}");
    }

    #[test]
    fn figures_signs_and_elisions_are_words_of_their_own() {
        check("14h30 le 1er", "14|h|30|le|1|er");
        check("12,50€", "12|50|€");
        check("l'avant-hier d’aujourd’hui", "l|avant|hier|d|aujourd'hui");
        check("two o'clock, don't", "two|o'clock|don't");
        check("'s avonds 's", "'s|avonds|'s");
        check("jean.dupont@gmail.com", "jean|dupont|@|gmail|com");
        check("Soixante-Dix", "soixante|dix");
    }

    #[test]
    fn gaps_tell_what_stands_between() {
        let gaps: Vec<Gap> =
            split("a b-c 12,50 x, y. z - w 06.12").into_iter().map(|word| word.before).collect();
        let expected = [
            Gap::Stop,
            Gap::Space,
            Gap::Hyphen,
            Gap::Space,
            Gap::Tight(','),
            Gap::Space,
            Gap::Comma,
            Gap::Stop,
            Gap::Comma,
            Gap::Space,
            Gap::Tight('.'),
        ];
        assert_eq!(gaps, expected);
    }

    proptest! {
        #[test]
        fn words_are_ordered_pieces_of_the_text(text in "\\PC{0,40}|[a-z' ,.0-9€@-]{0,40}") {
            let mut end = 0;
            for word in split(&text) {
                prop_assert!(word.span.start >= end && word.span.end > word.span.start);
                prop_assert_eq!(&text[word.span.clone()], word.text);
                end = word.span.end;
            }
        }
    }
}
