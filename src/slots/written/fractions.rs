//! Ordinals and fractions.

use super::Piece;
use super::figures::is_figures;
use crate::call::Language;
use crate::slots::numbers::{Reader, may_cross};
use crate::slots::pattern::ordinal_at;
use crate::slots::words::Words;

/// `twenty first`, `deuxième`, `premières`, `derde`.
pub(super) fn ordinal(words: &Words<'_>, at: usize) -> Option<Piece> {
    if is_figures(words, at) {
        return None;
    }
    let (end, number) = ordinal_at(words, at)?;
    let last = words.folded(end - 1);
    if is_other_word(words, at, end) {
        return None;
    }
    let text = match words.language {
        Language::Fr if words.folded(end) == "siecle" => format!("{}{}", roman(number), french_ending(last)),
        Language::Fr => format!("{number}{}", french_ending(last)),
        Language::En => format!("{number}{}", english_ending(number)),
        Language::Nl => format!("{number}e"),
    };
    Some(Piece { end, text })
}

/// `un quart`, `two thirds`, `drie vierde`.
pub(super) fn fraction(words: &Words<'_>, at: usize) -> Option<Piece> {
    if is_figures(words, at) {
        return None;
    }
    let (middle, above) = Reader::new(words, at).cardinal()?;
    if !(1..1_000).contains(&above) || !may_cross(words, middle) {
        return None;
    }
    let (end, below) = denominator(words, middle)?;
    // `un quart d'heure`, `une demi-heure` are said of time.
    let is_time = matches!(words.folded(end), "d" | "heure" | "heures" | "uur" | "past" | "to");
    (!is_time).then(|| Piece { end, text: format!("{above}/{below}") })
}

fn denominator(words: &Words<'_>, at: usize) -> Option<(usize, u32)> {
    let below = match (words.language, words.folded(at)) {
        (Language::Fr, "demi" | "demis") | (Language::En, "half" | "halves") => 2,
        (Language::Fr, "tiers") => 3,
        (Language::Fr, "quart" | "quarts")
        | (Language::En, "quarter" | "quarters")
        | (Language::Nl, "kwart") => 4,
        _ => {
            let (end, below) = ordinal_at(words, at).or_else(|| plural_ordinal(words, at))?;
            return (below > 2).then_some((end, below));
        }
    };
    Some((at + 1, below))
}

/// English `thirds`: the lexicon knows ordinals in the singular.
fn plural_ordinal(words: &Words<'_>, at: usize) -> Option<(usize, u32)> {
    let singular = words.folded(at).strip_suffix('s').filter(|_| words.language == Language::En)?;
    let single = Words::of(singular, Language::En);
    ordinal_at(&single, 0).map(|(_, below)| (at + 1, below))
}

/// Words that are no rank here: a second of time, `at first`.
fn is_other_word(words: &Words<'_>, at: usize, end: usize) -> bool {
    if end > at + 1 {
        return false;
    }
    let before = if at > 0 { words.folded(at - 1) } else { "" };
    match (words.language, words.folded(at)) {
        (Language::Fr, "seconde" | "secondes") => {
            matches!(before, "une" | "quelques" | "par" | "chaque" | "deux")
        }
        (Language::En, "second") => {
            matches!(before, "a" | "one" | "per" | "every" | "each" | "just" | "split")
        }
        (Language::En, "first") => {
            before == "at" || words.folded(end) == "of" || (at == 0 && words.len() > 1)
        }
        (Language::Nl, "eerste") => before == "ten",
        (Language::Fr | Language::En | Language::Nl, _) => false,
    }
}

fn french_ending(last: &str) -> &'static str {
    match last {
        "premier" => "ᵉʳ",
        "premiere" => "ʳᵉ",
        "premiers" => "ᵉʳˢ",
        "premieres" => "ʳᵉˢ",
        "second" => "ᵈ",
        "seconde" => "ᵈᵉ",
        "seconds" => "ᵈˢ",
        "secondes" => "ᵈᵉˢ",
        _ if last.ends_with('s') => "ᵉˢ",
        _ => "ᵉ",
    }
}

fn english_ending(number: u32) -> &'static str {
    match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

/// Centuries are written so in French.
fn roman(number: u32) -> String {
    const PARTS: [(u32, &str); 13] = [
        (1_000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if number >= 4_000 {
        return number.to_string();
    }
    let mut rest = number;
    let mut text = String::new();
    for (value, letters) in PARTS {
        while rest >= value {
            text.push_str(letters);
            rest -= value;
        }
    }
    text
}
