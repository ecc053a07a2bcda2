//! Letters said one by one: by their names, by a spelling alphabet, with an example (`D comme Denis`).
//!
//! Every alphabet is understood in every language: callers use the one they learnt.

use super::numbers::{Atom, Part};
use super::words::{Gap, Words};
use super::{Located, Value};
use crate::call::Language;
use crate::text::fold;

/// One letter, or one twice (`double l`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    /// The word behind it.
    pub end: usize,
    /// Upper case, without accents.
    pub text: String,
    /// How unlikely it is that a letter is meant: names of letters are other words too (`de`, `elle`, `are`).
    pub cost: u32,
}

/// Cost of a word that is rather something else.
const DOUBTFUL: u32 = 2;
/// Cost of an example that does not begin with the letter: one of the two was misheard.
const CONTRADICTED: u32 = 1;

/// Words of the alphabets: NATO, French, Belgian, Dutch. Their first letter is the letter.
const ALPHABETS: &str = "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett juliette kilo lima mike \
    november oscar papa quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu \
    anatole berthe celestin desire eugene francois gaston henri irma joseph kleber louis marcel nicolas pierre quintal raoul \
    suzanne therese ursule william xavier yvonne zoe \
    arthur bruxelles cesar david emile frederic gustave isidore leopold napoleon piano quatre robert simon telephone \
    waterloo xantippe zero \
    anton bernard bernhard cornelis dirk eduard ferdinand gerard hendrik isaac izaak johan jan karel lodewijk maria nico otto \
    pieter quotient quirinius rudolf theodor teunis utrecht willem ypsilon zacharias zaandam";

/// Words of the alphabets that callers say for their own sake just as often.
const ALPHABET_DOUBTFUL: [&str; 14] = [
    "quatre",
    "zero",
    "golf",
    "hotel",
    "india",
    "november",
    "papa",
    "piano",
    "telephone",
    "victor",
    "mike",
    "echo",
    "jan",
    "uniform",
];

/// Leads from a letter to its example.
const EXAMPLES: [&str; 16] = [
    "comme",
    "comme dans",
    "de",
    "pour",
    "as in",
    "for",
    "like",
    "as",
    "van",
    "zoals",
    "zoals in",
    "als in",
    "als",
    "for a",
    "comme le",
    "comme la",
];

const FRENCH: [(&str, char); 26] = [
    ("be", 'B'),
    ("ce", 'C'),
    ("de", 'D'),
    ("effe", 'F'),
    ("ge", 'G'),
    ("ache", 'H'),
    ("hache", 'H'),
    ("ji", 'J'),
    ("ka", 'K'),
    ("elle", 'L'),
    ("aime", 'M'),
    ("emme", 'M'),
    ("haine", 'N'),
    ("enne", 'N'),
    ("pe", 'P'),
    ("cu", 'Q'),
    ("ku", 'Q'),
    ("erre", 'R'),
    ("esse", 'S'),
    ("te", 'T'),
    ("ve", 'V'),
    ("ixe", 'X'),
    ("igrec", 'Y'),
    ("zede", 'Z'),
    ("eu", 'E'),
    ("hue", 'U'),
];

const ENGLISH: [(&str, char); 33] = [
    ("ay", 'A'),
    ("bee", 'B'),
    ("be", 'B'),
    ("see", 'C'),
    ("sea", 'C'),
    ("dee", 'D'),
    ("ee", 'E'),
    ("eff", 'F'),
    ("gee", 'G'),
    ("aitch", 'H'),
    ("haitch", 'H'),
    ("eye", 'I'),
    ("jay", 'J'),
    ("kay", 'K'),
    ("ell", 'L'),
    ("em", 'M'),
    ("en", 'N'),
    ("oh", 'O'),
    ("pee", 'P'),
    ("queue", 'Q'),
    ("cue", 'Q'),
    ("are", 'R'),
    ("ar", 'R'),
    ("ess", 'S'),
    ("tee", 'T'),
    ("tea", 'T'),
    ("you", 'U'),
    ("vee", 'V'),
    ("ex", 'X'),
    ("why", 'Y'),
    ("wye", 'Y'),
    ("zed", 'Z'),
    ("zee", 'Z'),
];

const DUTCH: [(&str, char); 27] = [
    ("aa", 'A'),
    ("bee", 'B'),
    ("cee", 'C'),
    ("see", 'C'),
    ("dee", 'D'),
    ("ee", 'E'),
    ("ef", 'F'),
    ("gee", 'G'),
    ("haa", 'H'),
    ("ie", 'I'),
    ("jee", 'J'),
    ("kaa", 'K'),
    ("el", 'L'),
    ("em", 'M'),
    ("en", 'N'),
    ("oo", 'O'),
    ("pee", 'P'),
    ("kuu", 'Q'),
    ("ku", 'Q'),
    ("er", 'R'),
    ("es", 'S'),
    ("tee", 'T'),
    ("uu", 'U'),
    ("vee", 'V'),
    ("wee", 'W'),
    ("iks", 'X'),
    ("zet", 'Z'),
];

/// Letters of two words.
const PAIRS: [(&str, &str, &str); 9] = [
    ("i", "grec", "Y"),
    ("double", "v", "W"),
    ("double", "ve", "W"),
    ("double", "u", "W"),
    ("double", "you", "W"),
    ("griekse", "y", "Y"),
    ("griekse", "ij", "Y"),
    ("dubbele", "w", "W"),
    ("x", "ray", "X"),
];

/// The letters that the words from `at` on may be.
pub(super) fn letters_at(words: &Words<'_>, at: usize) -> Vec<Letter> {
    let Some(first) = words.list.get(at) else { return Vec::new() };
    let folded = first.folded.as_str();
    let mut letters = Vec::new();
    for (one, two, letter) in PAIRS {
        if folded == one && words.folded(at + 1) == two {
            letters.push(Letter { end: at + 2, text: letter.to_owned(), cost: 0 });
        }
    }
    if let Some(letter) = name_of_letter(words, at) {
        match example_behind(words, letter.end) {
            Some((end, initial)) if letter.text == initial => letters.push(Letter { end, cost: 0, ..letter }),
            // The example has more sounds than the letter: it is the better heard of the two.
            Some((end, initial)) if letter.cost == 0 => {
                letters.push(Letter { end, text: initial, cost: CONTRADICTED });
                letters.push(Letter { cost: DOUBTFUL, ..letter });
            }
            Some(_) | None => letters.push(letter),
        }
    }
    if ALPHABETS.split_whitespace().any(|word| word == folded) {
        let cost = match words.parts[at].is_empty() {
            true => u32::from(ALPHABET_DOUBTFUL.contains(&folded)),
            // Belgian `quatre` and `zéro`.
            false => DOUBTFUL,
        };
        let text = folded.chars().next().map(|letter| letter.to_ascii_uppercase().to_string());
        letters.extend(text.map(|text| Letter { end: at + 1, text, cost }));
    }
    letters
}

/// A letter as itself (`d`, not of `d'accord`) or by its name.
fn name_of_letter(words: &Words<'_>, at: usize) -> Option<Letter> {
    let folded = words.folded(at);
    let mut characters = folded.chars();
    if let (Some(letter), None) = (characters.next(), characters.next()) {
        let is_elided = words.gap(at + 1) == Gap::Tight('\'') || words.gap(at) == Gap::Tight('\'');
        if !letter.is_ascii_alphabetic() || is_elided {
            return None;
        }
        // `à` is written with its accent, `y` and `a` are words.
        let is_word =
            words.list[at].text == "à" || matches!((letter, words.language), ('y' | 'a', Language::Fr));
        let is_word =
            is_word || matches!((letter, words.language), ('a' | 'i', Language::En) | ('u', Language::Nl));
        let is_word = is_word && words.list[at].text.chars().all(char::is_lowercase);
        let cost = u32::from(is_word);
        return Some(Letter { end: at + 1, text: letter.to_ascii_uppercase().to_string(), cost });
    }
    let names: &[(&str, char)] = match words.language {
        Language::Fr => &FRENCH,
        Language::En => &ENGLISH,
        Language::Nl => &DUTCH,
    };
    let letter = match folded {
        // The Dutch digraph is spelled as one.
        "ij" if words.language == Language::Nl => "IJ".to_owned(),
        _ => names.iter().find(|(name, _)| *name == folded)?.1.to_string(),
    };
    Some(Letter { end: at + 1, text: letter, cost: DOUBTFUL })
}

/// `comme Denis`: the word behind it and the first letter of the example.
fn example_behind(words: &Words<'_>, at: usize) -> Option<(usize, String)> {
    if matches!(words.gap(at), Gap::Stop) {
        return None;
    }
    let length = words.phrase_at(at, &EXAMPLES)?;
    let example = words.list.get(at + length)?;
    let initial = fold(example.text).chars().next()?;
    let is_word = example.folded.chars().count() > 1 && initial.is_ascii_alphabetic();
    is_word.then(|| (at + length + 1, initial.to_ascii_uppercase().to_string()))
}

/// Names of at least this many letters, for [`super::Kind::Name`]: two letters are spelled by nobody.
const NAME_LETTERS_MIN: u32 = 3;
/// Letters of one name.
const NAME_LETTERS_MAX: usize = 40;

/// Spelled names, for [`super::Kind::Name`].
pub(super) fn find(words: &Words<'_>) -> Vec<Located> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match name_at(words, at) {
            Some(name) => {
                at = name.words.end;
                found.push(name);
            }
            None => at += 1,
        }
    }
    found
}

fn name_at(words: &Words<'_>, start: usize) -> Option<Located> {
    let (mut name, mut at) = (String::new(), start);
    let (mut letters, mut doubtful) = (0_u32, 0);
    let mut end = start;
    while name.len() < NAME_LETTERS_MAX {
        if at > start && words.gap(at) == Gap::Stop && at >= words.len() {
            break;
        }
        if let Some(next) = accent_at(words, at).filter(|_| letters > 0) {
            at = next;
            end = at;
            continue;
        }
        if let Some((next, mark)) = mark_at(words, at).filter(|_| letters > 0) {
            name.push(mark);
            at = next;
            continue;
        }
        if words.folded(at) == "euh" && letters > 0 {
            at += 1;
            continue;
        }
        let (times, letter_at) = repeat_at(words, at);
        let best = letters_at(words, letter_at)
            .into_iter()
            .min_by_key(|letter| (letter.cost, std::cmp::Reverse(letter.end)));
        let Some(letter) = best else { break };
        name.push_str(&letter.text.repeat(times));
        letters += 1;
        doubtful += letter.cost;
        at = letter.end;
        end = at;
    }
    while name.ends_with([' ', '-', '\'']) {
        name.pop();
    }
    if letters < NAME_LETTERS_MIN || doubtful > letters {
        return None;
    }
    let score = 0.95 - 0.2 * doubtful as f32 / letters as f32;
    Some(Located { value: Value::Name(name), words: start..end, score })
}

/// `double l`, `deux l`, `twee keer l`: how often, and where the letter stands.
fn repeat_at(words: &Words<'_>, at: usize) -> (usize, usize) {
    if letters_at(words, at).iter().any(|letter| letter.cost == 0) {
        return (1, at);
    }
    match words.parts.get(at).map(Vec::as_slice) {
        Some([Part { atom: Atom::Repeat(times), .. }]) => (usize::from(*times), at + 1),
        Some([Part { atom: Atom::Unit(2), .. }]) => {
            let skipped = words.phrase_at(at + 1, &["fois", "times", "keer", "maal"]).unwrap_or(0);
            (2, at + 1 + skipped)
        }
        _ => (1, at),
    }
}

/// `accent aigu`, `tréma`, `cédille`: names are kept without accents.
fn accent_at(words: &Words<'_>, at: usize) -> Option<usize> {
    const ACCENTS: [&str; 14] = [
        "accent aigu",
        "accent grave",
        "accent circonflexe",
        "accent",
        "aigu",
        "grave",
        "circonflexe",
        "trema",
        "cedille",
        "umlaut",
        "acute",
        "cedilla",
        "met een trema",
        "met trema",
    ];
    words.phrase_at(at, &ACCENTS).map(|length| at + length)
}

fn mark_at(words: &Words<'_>, at: usize) -> Option<(usize, char)> {
    let mark = match words.folded(at) {
        "tiret" | "hyphen" | "dash" | "streepje" | "koppelteken" => '-',
        "apostrophe" | "apostrof" => '\'',
        "espace" | "space" | "spatie" => ' ',
        _ => return None,
    };
    Some((at + 1, mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::canonical;

    fn check(language: Language, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let found = canonical(find(&Words::of(text, language)));
            assert_eq!(found.join("|"), *expected, "{text}");
        }
    }

    #[test]
    fn names_are_spelled_in_every_alphabet() {
        check(
            Language::Fr,
            &[
                ("D comme Denis, U comme Ursule, P comme Pierre", "DUP"),
                ("ça s'écrit D-U-P-O-N-T", "DUPONT"),
                ("d u p o n t", "DUPONT"),
                ("mon nom c'est B A deux L A N D", "BALLAND"),
                ("Delta Uniform Papa Oscar November Tango", "DUPONT"),
                ("e accent aigu l i e", "ELIE"),
                ("m a r i e tiret l o u", "MARIE-LOU"),
                ("i grec v e s", "YVES"),
                ("je voudrais parler à quelqu'un", ""),
                ("il y a une erreur", ""),
                ("j'ai l'impression d'avoir un problème", ""),
            ],
        );
        check(
            Language::En,
            &[
                ("that's S for Sierra, M for Mike, I, T, H", "SMITH"),
                ("Sierra Mike India Tango Hotel", "SMITH"),
                ("double u h i t e", "WHITE"),
                ("I am a customer", ""),
            ],
        );
        check(
            Language::Nl,
            &[
                ("V van Victor, I, S, S, E, R", "VISSER"),
                ("Johan Anton Nico Simon Eduard Nico", "JANSEN"),
                ("de j van johan, a, n", "JAN"),
                ("ik heb een vraag", ""),
            ],
        );
    }

    #[test]
    fn the_example_wins_over_a_misheard_letter() {
        check(Language::Fr, &[("B comme Denis, U, P", "DUP")]);
    }
}
