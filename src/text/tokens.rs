//! Words with their place in the text.

use unicode_normalization::char::is_combining_mark;

/// One word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'t> {
    /// The word as written; an elided word keeps its apostrophe (`l'`).
    pub text: &'t str,
    /// Where it starts in the text, in bytes.
    pub start_byte: usize,
    /// Where it ends.
    pub end_byte: usize,
}

/// French words that lose their last vowel before another word. Whatever else holds an apostrophe is one word:
/// `aujourd'hui`, `quelqu'un`, `don't`, `foto's`.
const ELIDED: [&str; 14] =
    ["l", "d", "j", "n", "s", "t", "m", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "presqu"];

/// Dutch words that lost their first letters and stand alone behind an apostrophe: `'s avonds`, `'t is`.
const CLIPPED: [char; 5] = ['s', 't', 'n', 'm', 'k'];

/// The words of `text` in order.
///
/// - Elisions are words of their own: `l'abonnement` is `l'` and `abonnement`.
/// - Hyphens separate: recognisers write `rendez-vous` and `rendez vous` as they please, and both must match.
/// - A number keeps its decimal sign: `12,50` and `3.14` are one word, so are `14h30` and `1er`.
/// - Punctuation and symbols are no words.
pub fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    Tokens { text, at: 0 }
}

struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        let (start, end) = loop {
            let rest = &self.text[self.at..];
            let first = rest.chars().next()?;
            if is_word(first) {
                break (self.at, self.at + word_bytes(rest));
            }
            let after = self.at + first.len_utf8();
            if is_apostrophe(first)
                && !self.follows_word()
                && let Some(length) = clipped_bytes(&self.text[after..])
            {
                break (self.at, after + length);
            }
            self.at = after;
        };
        self.at = end;
        Some(Token { text: &self.text[start..end], start_byte: start, end_byte: end })
    }
}

impl Tokens<'_> {
    fn follows_word(&self) -> bool {
        self.text[..self.at].chars().next_back().is_some_and(is_word)
    }
}

/// Length of the word that `rest` starts with.
fn word_bytes(rest: &str) -> usize {
    let mut previous = '\0';
    let mut characters = rest.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if is_word(character) {
            previous = character;
            continue;
        }
        let next = characters.peek().map(|(_, next)| *next);
        let joins = match next {
            Some(next) if is_apostrophe(character) && is_word(next) => {
                if is_elided(&rest[..at]) {
                    return at + character.len_utf8();
                }
                true
            }
            Some(next) => {
                matches!(character, '.' | ',') && previous.is_ascii_digit() && next.is_ascii_digit()
            }
            None => false,
        };
        if !joins {
            // An elided word at the end of a line or before a quotation: « l' "autre" ».
            let closes = is_apostrophe(character) && is_elided(&rest[..at]) && rest[..at].len() > 1;
            return if closes { at + character.len_utf8() } else { at };
        }
    }
    rest.len()
}

/// Length of a clipped Dutch word at the start of `rest`, which follows an apostrophe.
fn clipped_bytes(rest: &str) -> Option<usize> {
    let mut characters = rest.chars();
    let letter = characters.next()?;
    let stands_alone = !characters.next().is_some_and(|next| is_word(next) || is_apostrophe(next));
    (CLIPPED.contains(&letter.to_ascii_lowercase()) && stands_alone).then_some(letter.len_utf8())
}

fn is_elided(word: &str) -> bool {
    ELIDED.iter().any(|elided| word.eq_ignore_ascii_case(elided))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || is_combining_mark(character)
}

pub(super) fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '’' | '‘' | 'ʼ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let found: Vec<&str> = tokens(text).map(|token| token.text).collect();
        assert_eq!(found.join("|"), expected, "{text}");
    }

    #[test]
    fn french_elisions_are_words_of_their_own() {
        check("l'abonnement", "l'|abonnement");
        check("L’abonnement d’aujourd’hui", "L’|abonnement|d’|aujourd’hui");
        check("J'ai dit qu'il n'y a rien jusqu'à demain", "J'|ai|dit|qu'|il|n'|y|a|rien|jusqu'|à|demain");
        check("lorsqu'elle s'en va, puisqu'on t'attend", "lorsqu'|elle|s'|en|va|puisqu'|on|t'|attend");
        check("quelqu'un m'a dit : c'est l'été", "quelqu'un|m'|a|dit|c'|est|l'|été");
        check("n'est-ce pas", "n'|est|ce|pas");
        check("prud'hommes", "prud'hommes");
        check("l'e\u{301}te\u{301}", "l'|e\u{301}te\u{301}");
        check("qu' euh il", "qu'|euh|il");
    }

    #[test]
    fn english_contractions_stay_whole() {
        check(
            "I don't think it's the customers' bill, o'clock.",
            "I|don't|think|it's|the|customers|bill|o'clock",
        );
        check("'quoted' words", "quoted|words");
        check("we’ll see", "we’ll|see");
    }

    #[test]
    fn dutch_apostrophes_stay_with_their_word() {
        check("foto's van 's avonds", "foto's|van|'s|avonds");
        check("’t Is auto’s", "’t|Is|auto’s");
        check("zo'n één", "zo'n|één");
    }

    #[test]
    fn numbers_keep_their_decimal_sign() {
        check("12,50 € ou 3.14, pas 7.", "12,50|ou|3.14|pas|7");
        check("à 14h30 le 1er, 14 h 30", "à|14h30|le|1er|14|h|30");
        check("06-12-34 / A380", "06|12|34|A380");
        check("1.234,56", "1.234,56");
    }

    #[test]
    fn hyphens_and_punctuation_separate() {
        check("rendez-vous peut-être ?!", "rendez|vous|peut|être");
        check("…«oui»…", "oui");
        check("", "");
        check(" - ' ’ ", "");
    }

    proptest! {
        #[test]
        fn tokens_are_ordered_slices_that_hold_every_letter(text in "[a-zàéœ'’ ,.0-9-]{0,40}|\\PC{0,30}") {
            let mut end = 0;
            let mut covered = 0;
            for token in tokens(&text) {
                prop_assert!(token.start_byte >= end && token.end_byte > token.start_byte);
                prop_assert_eq!(&text[token.start_byte..token.end_byte], token.text);
                covered += token.text.chars().filter(|character| is_word(*character)).count();
                end = token.end_byte;
            }
            prop_assert_eq!(covered, text.chars().filter(|character| is_word(*character)).count());
        }
    }
}
