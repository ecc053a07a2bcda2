//! Sentences with their place in the text.

use super::tokens::is_apostrophe;

/// One sentence of a text, with its closing punctuation, without surrounding space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentence<'t> {
    /// The sentence as written.
    pub text: &'t str,
    /// Where it starts in the text, in bytes.
    pub start_byte: usize,
    /// Where it ends.
    pub end_byte: usize,
}

/// Abbreviations that announce more, compared in lower case, without their last full stop.
const OPEN_ABBREVIATIONS: [&str; 40] = [
    "m", "mm", "mr", "mrs", "ms", "mme", "mmes", "mlle", "mlles", "dr", "drs", "me", "pr", "prof", "st",
    "ste", "av", "bd", "tél", "tel", "réf", "ref", "art", "cf", "ex", "env", "nr", "no", "dhr", "mevr", "mw",
    "bijv", "bv", "i.e", "e.g", "vs", "o.a", "d.w.z", "t.a.v", "p.ex",
];

/// Abbreviations that may also end a sentence; they do when a capital follows.
const CLOSING_ABBREVIATIONS: [&str; 7] = ["etc", "enz", "a.m", "p.m", "inc", "ltd", "e.d"];

/// The sentences of `text` in order. Only white space lies between them.
///
/// A sentence ends at `.`, `?`, `!` or `…` followed by space or the end, and at an empty line; not at an
/// abbreviation (`M. Martin`), an initial, a decimal sign, nor at an ellipsis that goes on in lower case.
pub fn sentences(text: &str) -> impl Iterator<Item = Sentence<'_>> {
    Sentences { text, at: 0 }
}

struct Sentences<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Iterator for Sentences<'t> {
    type Item = Sentence<'t>;

    fn next(&mut self) -> Option<Sentence<'t>> {
        let rest = &self.text[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        let rest = &self.text[start..];
        if rest.is_empty() {
            self.at = start;
            return None;
        }
        let length = sentence_bytes(rest);
        self.at = start + length;
        let text = rest[..length].trim_end();
        Some(Sentence { text, start_byte: start, end_byte: start + text.len() })
    }
}

/// Length of the sentence that `rest` starts with.
fn sentence_bytes(rest: &str) -> usize {
    let mut at = 0;
    while let Some(character) = rest[at..].chars().next() {
        if is_terminator(character) {
            let mark = Mark::at(rest, at);
            if mark.ends_sentence() {
                return mark.end;
            }
            at = mark.end;
        } else if character == '\n' && rest[at + 1..].trim_start_matches([' ', '\t', '\r']).starts_with('\n')
        {
            return at;
        } else {
            at += character.len_utf8();
        }
    }
    rest.len()
}

/// A run of closing punctuation with what stands before and behind.
struct Mark<'t> {
    before: &'t str,
    marks: &'t str,
    has_closing_quote: bool,
    behind: &'t str,
    end: usize,
}

impl<'t> Mark<'t> {
    fn at(rest: &'t str, start: usize) -> Self {
        let marks_end = end_of(rest, start, is_terminator);
        // French typography puts a space before a closing guillemet.
        let quoted = rest[marks_end..].trim_start_matches([' ', '\u{a0}', '\u{202f}']);
        let end = if quoted.starts_with('»') { rest.len() - quoted.len() } else { marks_end };
        let end = end_of(rest, end, is_closing);
        Self {
            before: &rest[..start],
            marks: &rest[start..marks_end],
            has_closing_quote: end > marks_end,
            behind: &rest[end..],
            end,
        }
    }

    fn ends_sentence(&self) -> bool {
        if !self.behind.is_empty() && !self.behind.starts_with(char::is_whitespace) {
            return false;
        }
        let next = self.behind.chars().find(|character| character.is_alphanumeric());
        let Some(next) = next else {
            return true;
        };
        let goes_on = next.is_lowercase();
        let is_ellipsis = self.marks.ends_with('…') || self.marks.ends_with("..");
        if goes_on && (is_ellipsis || self.has_closing_quote) {
            return false;
        }
        self.marks != "." || !is_abbreviation(self.before, goes_on)
    }
}

fn is_abbreviation(before: &str, goes_on: bool) -> bool {
    let word_start = before
        .rfind(|character: char| {
            character.is_whitespace() || is_apostrophe(character) || matches!(character, '(' | '«' | '"')
        })
        .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
    let word = &before[word_start..];
    let mut letters = word.chars();
    let is_initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    let word = word.to_lowercase();
    is_initial
        || OPEN_ABBREVIATIONS.contains(&word.as_str())
        || (goes_on && CLOSING_ABBREVIATIONS.contains(&word.as_str()))
}

fn end_of(text: &str, start: usize, belongs: fn(char) -> bool) -> usize {
    text[start..].find(|character| !belongs(character)).map_or(text.len(), |length| start + length)
}

const fn is_terminator(character: char) -> bool {
    matches!(character, '.' | '?' | '!' | '…')
}

const fn is_closing(character: char) -> bool {
    matches!(character, '"' | '\'' | '’' | '”' | '»' | ')' | ']')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = sentences(text).map(|sentence| sentence.text).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn french_sentences_end_at_their_marks() {
        check("Bonjour ! Je vous écoute. Oui ?", &["Bonjour !", "Je vous écoute.", "Oui ?"]);
        check("M. Martin et Mme. Durand arrivent. Merci.", &["M. Martin et Mme. Durand arrivent.", "Merci."]);
        check("Rendez-vous à 14 h 30. C'est noté.", &["Rendez-vous à 14 h 30.", "C'est noté."]);
        check("Cela fait 12.50 euros. Voilà", &["Cela fait 12.50 euros.", "Voilà"]);
        check("Je voudrais… euh… savoir… Bon.", &["Je voudrais… euh… savoir…", "Bon."]);
        check(
            "Il a dit « Allô ? » puis rien. Et après ?!",
            &["Il a dit « Allô ? » puis rien.", "Et après ?!"],
        );
        check("L'internet, la télé, etc. sont coupés.", &["L'internet, la télé, etc. sont coupés."]);
        check("La box, la télé, etc. Que faire ?", &["La box, la télé, etc.", "Que faire ?"]);
    }

    #[test]
    fn english_sentences_end_at_their_marks() {
        check(
            "Dr. J. Smith called at 5 p.m. on Monday. Really?",
            &["Dr. J. Smith called at 5 p.m. on Monday.", "Really?"],
        );
        check("\"Hello.\" She left.", &["\"Hello.\"", "She left."]);
        check("ok. thanks. bye", &["ok.", "thanks.", "bye"]);
        check("Version 2.0.1 is out", &["Version 2.0.1 is out"]);
        check("Well... maybe. No!", &["Well... maybe.", "No!"]);
    }

    #[test]
    fn dutch_sentences_end_at_their_marks() {
        check("Dhr. Jansen belt, bijv. Morgen. Goed?", &["Dhr. Jansen belt, bijv. Morgen.", "Goed?"]);
        check("Dat is 3,50 euro. 's Avonds ook.", &["Dat is 3,50 euro.", "'s Avonds ook."]);
    }

    #[test]
    fn an_empty_line_ends_a_sentence() {
        check("titre\n\nPhrase une. Phrase deux.", &["titre", "Phrase une.", "Phrase deux."]);
        check("une ligne\npuis l'autre.", &["une ligne\npuis l'autre."]);
        check("  \n ", &[]);
    }

    proptest! {
        #[test]
        fn only_white_space_lies_between_sentences(text in "[A-Za-zé .?!…»\"\n0-9]{0,60}|\\PC{0,30}") {
            let mut end = 0;
            for sentence in sentences(&text) {
                prop_assert!(text[end..sentence.start_byte].trim().is_empty());
                prop_assert!(!sentence.text.is_empty());
                prop_assert_eq!(&text[sentence.start_byte..sentence.end_byte], sentence.text);
                end = sentence.end_byte;
            }
            prop_assert!(text[end..].trim().is_empty());
        }
    }
}
