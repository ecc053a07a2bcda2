//! Cuts text into the pieces within which GPT-2 joins bytes to tokens.
//!
//! The rule is GPT-2's pattern, read from left to right: an English ending after an apostrophe; else letters, digits or
//! other signs, each with at most one space before them; else spaces, of which the last is left to the word that
//! follows. The classes are Unicode's: letters are category L, digits N, spaces the property `White_Space`.

use unicode_normalization::char::is_combining_mark;

const ENDINGS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Letter,
    Digit,
    Other,
}

impl Class {
    fn of(sign: char) -> Self {
        if sign.is_whitespace() {
            Self::Space
        } else if sign.is_numeric() {
            Self::Digit
        } else if is_letter(sign) {
            Self::Letter
        } else {
            Self::Other
        }
    }
}

/// Whether a sign that is not a number is of category L: what Unicode calls alphabetic holds marks and letters in
/// circles or squares besides.
fn is_letter(sign: char) -> bool {
    let is_enclosed = matches!(
        sign,
        '\u{24b6}'..='\u{24e9}'
            | '\u{1f130}'..='\u{1f149}'
            | '\u{1f150}'..='\u{1f169}'
            | '\u{1f170}'..='\u{1f189}'
    );
    sign.is_alphabetic() && !is_enclosed && !is_combining_mark(sign)
}

/// The pieces of `text` in order; joined they are the text.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, behind) = rest.split_at_checked(first_piece(rest))?;
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Bytes of the piece at the start of `text`; 0 only for an empty text.
fn first_piece(text: &str) -> usize {
    if let Some(ending) = ENDINGS.iter().find(|ending| text.starts_with(**ending)) {
        return ending.len();
    }
    let word = text.strip_prefix(' ').unwrap_or(text);
    match word.chars().next().map(Class::of) {
        Some(class) if class != Class::Space => {
            let end = word.find(|sign| Class::of(sign) != class).unwrap_or(word.len());
            text.len() - word.len() + end
        }
        Some(_) | None => spaces(text),
    }
}

/// Bytes of the spaces at the start of `text`, without the last where a word follows and it is not the only one.
fn spaces(text: &str) -> usize {
    let end = text.find(|sign: char| !sign.is_whitespace()).unwrap_or(text.len());
    let last = text[..end].char_indices().next_back().map_or(0, |(start, _)| start);
    if end < text.len() && last > 0 { last } else { end }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_cut_as_gpt_2_cuts_it() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(split(text).collect::<Vec<_>>(), expected, "{text:?}");
        };
        check("", &[]);
        check("Bonjour, Aerius!", &["Bonjour", ",", " Aerius", "!"]);
        check("it's we'll they've I'm", &["it", "'s", " we", "'ll", " they", "'ve", " I", "'m"]);
        check("IT'S l'été", &["IT", "'", "S", " l", "'", "été"]);
        check("d'accord", &["d", "'", "accord"]);
        check("'tis", &["'t", "is"]);
        check(" 's", &[" '", "s"]);
        check("abc123 45,6", &["abc", "123", " 45", ",", "6"]);
        check("a  b", &["a", " ", " b"]);
        check("a   b", &["a", "  ", " b"]);
        check("a \n b", &["a", " \n", " b"]);
        check("a\nb", &["a", "\n", "b"]);
        check("a\n\nb", &["a", "\n", "\n", "b"]);
        check("a\u{a0}b", &["a", "\u{a0}", "b"]);
        check("a  ", &["a", "  "]);
        check(" ", &[" "]);
        check(" ?!… ok", &[" ?!…", " ok"]);
        check("½²Ⅳ", &["½²Ⅳ"]);
    }

    #[test]
    fn marks_and_enclosed_letters_are_no_letters() {
        // A vowel sign of Hindi (Mc), a combining accent (Mn), and circled letters (So) are alphabetic or look so.
        assert_eq!(split("हि").collect::<Vec<_>>(), ["ह", "ि"]);
        assert_eq!(split("e\u{301}a").collect::<Vec<_>>(), ["e", "\u{301}", "a"]);
        assert_eq!(split("aⒶⓐ🅰").collect::<Vec<_>>(), ["a", "Ⓐⓐ🅰"]);
        assert_eq!(split("ªºʰ日").collect::<Vec<_>>(), ["ªºʰ日"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_empty(text in "[ \\n\u{a0}a-zé日0-9½'’,!\u{301}]{0,40}|\\PC{0,40}") {
            let pieces: Vec<&str> = split(&text).collect();
            prop_assert_eq!(pieces.concat(), text.as_str());
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
        }

        #[test]
        fn a_piece_holds_one_class_behind_its_space(text in "[ a-zé0-9,!-]{0,40}") {
            for piece in split(&text) {
                let word = piece.strip_prefix(' ').filter(|word| !word.is_empty()).unwrap_or(piece);
                let first = word.chars().next().map(Class::of);
                prop_assert!(word.chars().all(|sign| Some(Class::of(sign)) == first), "{piece:?}");
            }
        }
    }
}
