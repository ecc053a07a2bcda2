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
/// Words that, behind those between, go on with the same wish: a consequence, or a second clause of the same ("je déménage et du
/// coup il me faut internet là-bas", "il dit que … et que …").
const GOING_ON: &[&str] = &[
    "alors", "donc", "dont", "parce", "pourtant", "puisque", "qu", "quand", "que", "qui", "because", "so",
    "that", "when", "which", "who", "dat", "die", "dus", "omdat", "toch",
];
/// The same in two words.
const GOING_ON_PAIR: [&str; 2] = ["du", "coup"];
/// Words that tell of one wish more.
const ALSO: &[&str] = &["aussi", "egalement", "also", "ook"];
/// Among so many words from the start of a part: "je voudrais bien aussi …" has three before it. Not tuned.
const ALSO_AMONG: usize = 5;
/// Words that a part must have at least: less is a name or a filler ("et voilà").
const PART_WORDS_MIN: usize = 2;
/// Places tried in one sentence; a longer list of wishes is a story, and the first wishes count.
const PLACES_MAX: usize = 4;

/// The two parts of `text` at each place where one wish may end and another begin, in order; the words between belong to
/// neither part.
///
/// A comma alone is no such place: what leads up to a wish, and what is said more about it, stands behind commas ("je ne capte
/// plus rien, internet ne marche plus"), a second wish behind a word between, after a stop, or with an "aussi".
pub(super) fn parts(text: &str) -> Vec<(&str, &str)> {
    let words = words(text);
    let is_dutch = words.iter().any(|word| word.is_one_of(DUTCH));
    let is_between = |word: &Word<'_>| word.is_one_of(BETWEEN) || is_dutch && word.folded == BETWEEN_IN_DUTCH;
    let mut parts: Vec<(&str, &str)> = Vec::new();
    let mut index = 1;
    while index < words.len() && parts.len() < PLACES_MAX {
        let first = index;
        let mut goes_on_with_it = false;
        if is_between(&words[index]) {
            index += 1;
            let following = words[index..].iter().take_while(|word| word.is_one_of(FOLLOWING)).count();
            goes_on_with_it = following == 0 && goes_on(&words[index..]);
            index += following;
        } else if may_end_wish(words[index - 1].text, &words[index..]) {
            index += words[index..].iter().take_while(|word| word.is_one_of(ALSO)).count();
        } else {
            index += 1;
            continue;
        }
        if !goes_on_with_it && first >= PART_WORDS_MIN && words.len() - index >= PART_WORDS_MIN {
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

/// Whether a wish may end with `word`, where no word stands between it and `next`.
fn may_end_wish(word: &str, next: &[Word<'_>]) -> bool {
    word.ends_with(['.', '?', '!', '…']) || word.ends_with([',', ';', ':']) && says_also(next)
}

/// Whether what begins with `words`, behind a word between, belongs to what stands before.
fn goes_on(words: &[Word<'_>]) -> bool {
    let [first, rest @ ..] = words else { return false };
    let before_apostrophe = first.folded.split(['\'', '’']).next().unwrap_or_default();
    let second = rest.first().map_or("", |word| word.folded.as_str());
    (GOING_ON.contains(&before_apostrophe) || [first.folded.as_str(), second] == GOING_ON_PAIR)
        && !says_also(words)
}

fn says_also(words: &[Word<'_>]) -> bool {
    words.iter().take(ALSO_AMONG).any(|word| word.is_one_of(ALSO))
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
            (
                "Ma box est en panne, je voudrais aussi un autre forfait",
                vec![("Ma box est en panne,", "je voudrais aussi un autre forfait")],
            ),
            (
                "J'ai perdu ma carte. Alors je veux la bloquer",
                vec![("J'ai perdu ma carte.", "Alors je veux la bloquer")],
            ),
            (
                "je veux payer ma facture, aussi suivre mon colis",
                vec![("je veux payer ma facture,", "suivre mon colis")],
            ),
            ("Je pars en vacances, j'aimerais payer ma facture", vec![]),
            ("Je déménage et du coup il me faut internet là-bas", vec![]),
            ("il a dit que le fourreau était bouché et qu'il ne pouvait rien faire", vec![]),
            ("The box is broken and so I want a new one", vec![]),
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
