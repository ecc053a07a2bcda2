//! One sentence, one wish or two: where a sentence may be parted.
//!
//! "Je déménage et je veux changer de forfait" holds two wishes, "je veux payer et recevoir ma facture" one. The words
//! between two wishes are few and known; whether the parts on both sides are wishes of their own is for the classifier
//! to say ([`super::Classifier::wishes`]).

use crate::text::fold;

/// Words that may stand between two wishes.
const BETWEEN: &[&str] = &["et", "puis", "ensuite", "sinon", "and", "then"];
/// As [`BETWEEN`], in Dutch only: in French the word is a pronoun and a preposition ("en panne").
const BETWEEN_IN_DUTCH: &str = "en";
/// Words that tell that a sentence is Dutch; none is a word of French.
const DUTCH: &[&str] =
    &["ik", "mijn", "het", "een", "wil", "niet", "heb", "kan", "graag", "wat", "hoe", "wij", "ook"];
/// Words that may follow those between, and belong to neither wish: "et puis aussi …".
const FOLLOWING: &[&str] = &[
    "puis",
    "aussi",
    "egalement",
    "ensuite",
    "ook",
    "verder",
    "daarnaast",
    "dan",
    "also",
    "then",
    "additionally",
];
/// Words that a part must have at least: less is a name or a filler ("et voilà").
const PART_WORDS_MIN: usize = 2;
/// Places tried in one sentence; a longer list of wishes is a story, and the first wishes count.
const PLACES_MAX: usize = 4;

/// The two parts of `text` at each place where one wish may end and another begin, in order; the words between belong to
/// neither part.
pub(super) fn parts(text: &str) -> Vec<(&str, &str)> {
    let words = words(text);
    let is_dutch = words.iter().any(|word| word.is_one_of(DUTCH));
    let is_between = |word: &Word<'_>| word.is_one_of(BETWEEN) || is_dutch && word.folded == BETWEEN_IN_DUTCH;
    let mut parts: Vec<(&str, &str)> = Vec::new();
    let mut index = 1;
    while index < words.len() && parts.len() < PLACES_MAX {
        let first = index;
        if is_between(&words[index]) {
            index += 1;
            index += words[index..].iter().take_while(|word| word.is_one_of(FOLLOWING)).count();
        } else if !ends_clause(words[index - 1].text) {
            index += 1;
            continue;
        }
        if first >= PART_WORDS_MIN && words.len() - index >= PART_WORDS_MIN {
            parts.push((&text[..words[first - 1].range.end], &text[words[index].range.start..]));
        }
        index = index.max(first + 1);
    }
    parts
}

struct Word<'a> {
    text: &'a str,
    folded: String,
    /// Byte at which the word starts, and the one behind it.
    range: std::ops::Range<usize>,
}

impl Word<'_> {
    fn is_one_of(&self, list: &[&str]) -> bool {
        list.contains(&self.folded.as_str())
    }
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        match start {
            None if !character.is_whitespace() => start = Some(at),
            Some(from) if character.is_whitespace() => {
                let word = &text[from..at];
                let letters = word.trim_matches(|character: char| !character.is_alphanumeric());
                words.push(Word { text: word, folded: fold(letters), range: from..at });
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn ends_clause(word: &str) -> bool {
    word.ends_with([',', ';', '.', '?', '!', ':', '…'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sentence_is_parted_where_one_wish_may_end() {
        for (text, expected) in [
            (
                "je déménage et je veux changer de forfait",
                vec![("je déménage", "je veux changer de forfait")],
            ),
            (
                "Ik ga verhuizen, en ook wil ik een ander abonnement",
                vec![("Ik ga verhuizen,", "wil ik een ander abonnement")],
            ),
            ("I lost my phone. I also need a new sim", vec![("I lost my phone.", "I also need a new sim")]),
            ("je suis en panne d'internet", vec![]),
            ("je veux payer et voilà", vec![]),
            ("et puis", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parts_are_pieces_of_the_text_in_order(text in "(et|en|and|ma|été|,|\\.| |\u{2003}|x){0,40}") {
            for (left, right) in parts(&text) {
                prop_assert!(text.starts_with(left) && text.ends_with(right));
                prop_assert!(left.split_whitespace().count() >= PART_WORDS_MIN);
                prop_assert!(right.split_whitespace().count() >= PART_WORDS_MIN);
                prop_assert!(left.len() + right.len() <= text.len());
            }
        }
    }
}
