//! Letters to sounds, coarsely: enough that what sounds alike is alike.
//!
//! These are no dictionaries: a table of letter groups a language, the longest first. What a rule gets wrong it gets
//! wrong on both sides of the comparison, which is why so few of them do.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use crate::call::Language;

/// One sound, written as a letter: `A`, `I`, `O` are nasal vowels, `2` is `eu`, `y` is `u` of `rue`, `S` and `Z` are
/// those of `chat` and `je`, `N` of `agneau`, `x` of Dutch `goed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sound(u8);

const VOWELS: &[u8] = b"aeiouy2AIO";

/// Sounds that are taken for each other, with the cost. Whatever is not here costs [`VOWELS_APART`] between two vowels
/// and 1 otherwise.
const NEAR: &[(u8, u8, f32)] = &[
    (b'p', b'b', 0.25),
    (b't', b'd', 0.25),
    (b'k', b'g', 0.25),
    (b'f', b'v', 0.25),
    (b's', b'z', 0.2),
    (b'S', b'Z', 0.25),
    (b's', b'S', 0.35),
    (b'z', b'Z', 0.35),
    (b'm', b'n', 0.3),
    (b'n', b'N', 0.3),
    (b'l', b'r', 0.4),
    (b'x', b'g', 0.3),
    (b'x', b'k', 0.4),
    (b'x', b'r', 0.4),
    (b'x', b'h', 0.4),
    (b'f', b's', 0.5),
    (b'p', b't', 0.55),
    (b't', b'k', 0.55),
    (b'p', b'k', 0.55),
    (b'b', b'd', 0.55),
    (b'd', b'g', 0.55),
    (b'b', b'v', 0.45),
    (b'w', b'v', 0.35),
    (b'j', b'i', 0.15),
    (b'w', b'u', 0.15),
    (b'j', b'e', 0.5),
    (b'e', b'i', 0.4),
    (b'e', b'2', 0.3),
    (b'y', b'2', 0.3),
    (b'y', b'i', 0.35),
    (b'y', b'u', 0.3),
    (b'u', b'o', 0.35),
    (b'2', b'o', 0.45),
    (b'a', b'A', 0.35),
    (b'A', b'O', 0.3),
    (b'e', b'I', 0.35),
    (b'I', b'A', 0.4),
    (b'i', b'I', 0.5),
    (b'o', b'O', 0.35),
    (b'a', b'o', 0.5),
    (b'a', b'e', 0.5),
];

const VOWELS_APART: f32 = 0.75;

/// The cost for each two sounds, by their codes; they are all ASCII.
static DISTANCES: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let codes = 0..CODES;
    codes.clone().flat_map(|a| codes.clone().map(move |b| cost(a, b))).collect()
});

const CODES: u8 = 128;

fn cost(a: u8, b: u8) -> f32 {
    if a == b {
        return 0.0;
    }
    match NEAR.iter().find(|(x, y, _)| (*x, *y) == (a, b) || (*x, *y) == (b, a)) {
        Some((_, _, cost)) => *cost,
        None if VOWELS.contains(&a) && VOWELS.contains(&b) => VOWELS_APART,
        None => 1.0,
    }
}

impl Sound {
    pub fn is_vowel(self) -> bool {
        VOWELS.contains(&self.0)
    }

    /// Whether nobody may have said it at the end of a word.
    pub fn may_be_silent(self) -> bool {
        b"stdzp".contains(&self.0)
    }

    /// Cost of hearing one for the other, 0 to 1.
    pub fn distance(self, other: Self) -> f32 {
        DISTANCES[usize::from(self.0) * usize::from(CODES) + usize::from(other.0)]
    }

    /// One of about a dozen classes, from 1: sounds that are often taken for each other share one.
    pub fn coarse(self) -> u16 {
        match self.0 {
            b'a' | b'A' => 1,
            b'e' | b'i' | b'y' | b'2' | b'I' | b'j' => 2,
            b'o' | b'u' | b'O' | b'w' => 3,
            b'p' | b'b' => 4,
            b't' | b'd' => 5,
            b'k' | b'g' | b'x' => 6,
            b'f' | b'v' => 7,
            b's' | b'z' | b'S' | b'Z' => 8,
            b'm' | b'n' | b'N' => 9,
            b'l' | b'r' => 10,
            other => 11 + u16::from(other),
        }
    }
}

/// What must follow a group of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Any,
    End,
    Vowel,
    /// No vowel: a consonant or the end.
    Closed,
    /// No vowel and no second `n` or `m`: what makes a vowel nasal.
    Nasal,
    /// `e`, `i`, `y`: what makes `c` and `g` soft.
    Front,
}

use Next::{Any, Closed, End, Front, Nasal, Vowel};

type Rule = (&'static str, Next, &'static str);

const FRENCH: &[Rule] = &[
    ("aient", End, "e"),
    ("eaux", Any, "o"),
    ("tion", Any, "sjO"),
    ("ille", Any, "ij"),
    ("euil", Any, "2j"),
    ("eau", Any, "o"),
    ("aux", End, "o"),
    ("oeu", Any, "2"),
    ("eux", End, "2"),
    ("ail", Closed, "aj"),
    ("eil", Closed, "ej"),
    ("oin", Nasal, "wI"),
    ("ain", Nasal, "I"),
    ("ein", Nasal, "I"),
    ("ien", Nasal, "jI"),
    ("sch", Any, "S"),
    ("ent", End, "A"),
    ("ez", End, "e"),
    ("er", End, "e"),
    ("et", End, "e"),
    ("es", End, ""),
    ("au", Any, "o"),
    ("ou", Any, "u"),
    ("oi", Any, "wa"),
    ("oy", Vowel, "waj"),
    ("ai", Any, "e"),
    ("ei", Any, "e"),
    ("ay", Any, "e"),
    ("eu", Any, "2"),
    ("an", Nasal, "A"),
    ("am", Nasal, "A"),
    ("en", Nasal, "A"),
    ("em", Nasal, "A"),
    ("in", Nasal, "I"),
    ("im", Nasal, "I"),
    ("yn", Nasal, "I"),
    ("ym", Nasal, "I"),
    ("un", Nasal, "I"),
    ("um", End, "om"),
    ("on", Nasal, "O"),
    ("om", Nasal, "O"),
    ("ch", Any, "S"),
    ("ph", Any, "f"),
    ("th", Any, "t"),
    ("gn", Any, "N"),
    ("qu", Any, "k"),
    ("gu", Front, "g"),
    ("ge", Vowel, "Z"),
    ("sc", Front, "s"),
    ("cc", Front, "ks"),
    ("ck", Any, "k"),
    ("ss", Any, "s"),
    ("ç", Any, "s"),
    ("c", Front, "s"),
    ("g", Front, "Z"),
    ("c", Any, "k"),
    ("q", Any, "k"),
    ("x", End, ""),
    ("x", Any, "ks"),
    ("z", Any, "z"),
    ("h", Any, ""),
    ("j", Any, "Z"),
    ("t", End, ""),
    ("d", End, ""),
    ("p", End, ""),
    ("y", Vowel, "j"),
    ("i", Vowel, "j"),
    ("y", Any, "i"),
    ("u", Any, "y"),
    ("é", Any, "e"),
    ("è", Any, "e"),
    ("ê", Any, "e"),
    ("ë", Any, "e"),
    ("e", End, ""),
    ("e", Any, "e"),
];

const ENGLISH: &[Rule] = &[
    ("tion", Any, "Son"),
    ("ough", Any, "o"),
    ("igh", Any, "aj"),
    ("eau", Any, "o"),
    ("sch", Any, "sk"),
    ("tch", Any, "tS"),
    ("ch", Any, "tS"),
    ("sh", Any, "S"),
    ("ph", Any, "f"),
    ("th", Any, "t"),
    ("wh", Any, "w"),
    ("ck", Any, "k"),
    ("qu", Any, "kw"),
    ("kn", Any, "n"),
    ("gh", Any, "g"),
    ("ng", End, "n"),
    ("oo", Any, "u"),
    ("ou", Any, "aw"),
    ("ow", Any, "o"),
    ("ee", Any, "i"),
    ("ea", Any, "i"),
    ("ie", Any, "i"),
    ("ei", Any, "e"),
    ("ey", Any, "e"),
    ("ai", Any, "e"),
    ("ay", Any, "e"),
    ("au", Any, "o"),
    ("aw", Any, "o"),
    ("oi", Any, "oj"),
    ("oy", Any, "oj"),
    ("oa", Any, "o"),
    ("eu", Any, "ju"),
    ("ew", Any, "ju"),
    ("sc", Front, "s"),
    ("c", Front, "s"),
    ("c", Any, "k"),
    ("g", Front, "Z"),
    ("j", Any, "Z"),
    ("q", Any, "k"),
    ("x", Any, "ks"),
    ("y", Vowel, "j"),
    ("y", Any, "i"),
    ("e", End, ""),
    ("u", Any, "u"),
];

const DUTCH: &[Rule] = &[
    ("isch", Any, "is"),
    ("tie", End, "tsi"),
    ("sch", Any, "sx"),
    ("eeuw", Any, "ew"),
    ("ieuw", Any, "iw"),
    ("ij", Any, "ej"),
    ("ei", Any, "ej"),
    ("ui", Any, "2j"),
    ("eu", Any, "2"),
    ("oe", Any, "u"),
    ("ou", Any, "aw"),
    ("au", Any, "aw"),
    ("ie", Any, "i"),
    ("aa", Any, "a"),
    ("ee", Any, "e"),
    ("oo", Any, "o"),
    ("uu", Any, "y"),
    ("ch", Any, "x"),
    ("ng", End, "n"),
    ("ph", Any, "f"),
    ("th", Any, "t"),
    ("qu", Any, "kw"),
    ("sj", Any, "S"),
    ("en", End, "e"),
    ("c", Front, "s"),
    ("c", Any, "k"),
    ("q", Any, "k"),
    ("x", Any, "ks"),
    ("g", Any, "x"),
    ("d", End, "t"),
    ("b", End, "p"),
    ("j", Any, "j"),
    ("y", Any, "i"),
    ("u", Any, "y"),
];

/// The sounds of some words written together.
pub(super) fn sounds(written: &str, language: Language) -> Vec<Sound> {
    let letters: Vec<char> = written.chars().flat_map(char::to_lowercase).nfc().collect();
    let rules = match language {
        Language::Fr => FRENCH,
        Language::En => ENGLISH,
        Language::Nl => DUTCH,
    };
    let mut sounds: Vec<Sound> = Vec::with_capacity(letters.len());
    let mut at = 0;
    while at < letters.len() {
        let (length, spoken) = match rules.iter().find(|rule| applies(rule, &letters, at)) {
            Some((group, _, spoken)) => (group.chars().count(), (*spoken).to_owned()),
            None => (1, plain(letters[at], between_vowels(&letters, at))),
        };
        for sound in spoken.bytes() {
            // Doubled letters are one sound.
            if sounds.last() != Some(&Sound(sound)) {
                sounds.push(Sound(sound));
            }
        }
        at += length;
    }
    sounds
}

fn applies((group, next, _): &Rule, letters: &[char], at: usize) -> bool {
    let length = group.chars().count();
    let stands_here =
        letters.len() >= at + length && group.chars().eq(letters[at..at + length].iter().copied());
    if !stands_here {
        return false;
    }
    let after = letters.get(at + length).copied();
    match next {
        Any => true,
        // An ending is no whole word: `et`, `es` and `un` alone keep their sound by the other rules.
        End => after.is_none() && at > 1,
        Vowel => after.is_some_and(is_vowel_letter),
        Closed => !after.is_some_and(is_vowel_letter),
        Nasal => !after.is_some_and(|letter| is_vowel_letter(letter) || matches!(letter, 'n' | 'm' | 'h')),
        Front => after.is_some_and(|letter| matches!(letter, 'e' | 'i' | 'y' | 'é' | 'è' | 'ê')),
    }
}

/// A letter that no group holds, as the letter it comes from.
fn plain(letter: char, is_between_vowels: bool) -> String {
    let base = letter.nfd().next().unwrap_or(letter);
    match base {
        's' if is_between_vowels => "z".to_owned(),
        'a'..='z' => base.to_string(),
        '0'..='9' => base.to_string(),
        'œ' => "2".to_owned(),
        'æ' => "e".to_owned(),
        'ß' => "s".to_owned(),
        _ => String::new(),
    }
}

fn between_vowels(letters: &[char], at: usize) -> bool {
    let is_vowel = |place: Option<usize>| {
        place.and_then(|place| letters.get(place)).is_some_and(|letter| is_vowel_letter(*letter))
    };
    is_vowel(at.checked_sub(1)) && is_vowel(Some(at + 1))
}

fn is_vowel_letter(letter: char) -> bool {
    matches!(letter.nfd().next(), Some('a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'œ' | 'æ'))
}
