//! The words of numbers.

use super::{Atom, Part};
use crate::call::Language;

/// The parts of the folded word `word`; none when it is no word of a number.
pub(super) fn parts(word: &str, language: Language) -> Vec<Part> {
    let single = |(atom, is_ordinal)| vec![Part { atom, is_ordinal }];
    match language {
        Language::Fr => french(word).map(single).unwrap_or_default(),
        Language::En => english(word).map(single).unwrap_or_default(),
        Language::Nl => dutch(word).unwrap_or_default(),
    }
}

fn french(word: &str) -> Option<(Atom, bool)> {
    let cardinal = match word {
        "zero" | "zeros" => Atom::Unit(0),
        "un" | "une" => Atom::Unit(1),
        "vingts" => Atom::Tens(20),
        "cents" => Atom::Hundred,
        "et" => Atom::And,
        "mille" | "milles" => Atom::Scale(1_000),
        "million" | "millions" => Atom::Scale(1_000_000),
        "milliard" | "milliards" => Atom::Scale(1_000_000_000),
        "billion" | "billions" => Atom::Scale(1_000_000_000_000),
        "billiard" | "billiards" => Atom::Scale(1_000_000_000_000_000),
        "trillion" | "trillions" => Atom::Scale(1_000_000_000_000_000_000),
        "double" => Atom::Repeat(2),
        "triple" => Atom::Repeat(3),
        "premier" | "premiere" | "premiers" | "premieres" => return Some((Atom::Unit(1), true)),
        "second" | "seconde" | "seconds" | "secondes" => return Some((Atom::Unit(2), true)),
        _ => {
            if let Some(at) = FRENCH.iter().position(|known| *known == word) {
                return Some((by_place(at)?, false));
            }
            let stem = word.strip_suffix("iemes").or_else(|| word.strip_suffix("ieme"))?;
            return Some((french_stem(stem)?, true));
        }
    };
    Some((cardinal, false))
}

/// `cinqu`, `neuv`, `trent` of `cinquième`, `neuvième`, `trentième`.
fn french_stem(stem: &str) -> Option<Atom> {
    match stem {
        "un" => Some(Atom::Unit(1)),
        "cinqu" => Some(Atom::Unit(5)),
        "neuv" => Some(Atom::Unit(9)),
        "mill" => Some(Atom::Scale(1_000)),
        "million" => Some(Atom::Scale(1_000_000)),
        "milliard" => Some(Atom::Scale(1_000_000_000)),
        _ => {
            let place =
                FRENCH.iter().position(|known| *known == stem || known.strip_suffix('e') == Some(stem))?;
            by_place(place)
        }
    }
}

/// By place: 2 to 9, 10 to 16, tens, one hundred. `octante` and `huitante` are 80 as `nonante` is 90.
const FRENCH: [&str; 25] = [
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "vingt",
    "trente",
    "quarante",
    "cinquante",
    "soixante",
    "septante",
    "huitante",
    "nonante",
    "octante",
    "cent",
];

fn by_place(place: usize) -> Option<Atom> {
    let place = u8::try_from(place).ok()?;
    Some(match place {
        0..=7 => Atom::Unit(place + 2),
        8..=14 => Atom::Teen(place + 2),
        15..=22 => Atom::Tens((place - 13) * 10),
        23 => Atom::Tens(80),
        _ => Atom::Hundred,
    })
}

fn english(word: &str) -> Option<(Atom, bool)> {
    const UNITS: [(&str, &str); 9] = [
        ("one", "first"),
        ("two", "second"),
        ("three", "third"),
        ("four", "fourth"),
        ("five", "fifth"),
        ("six", "sixth"),
        ("seven", "seventh"),
        ("eight", "eighth"),
        ("nine", "ninth"),
    ];
    const TEENS: [(&str, &str); 10] = [
        ("ten", "tenth"),
        ("eleven", "eleventh"),
        ("twelve", "twelfth"),
        ("thirteen", "thirteenth"),
        ("fourteen", "fourteenth"),
        ("fifteen", "fifteenth"),
        ("sixteen", "sixteenth"),
        ("seventeen", "seventeenth"),
        ("eighteen", "eighteenth"),
        ("nineteen", "nineteenth"),
    ];
    const TENS: [(&str, &str); 8] = [
        ("twenty", "twentieth"),
        ("thirty", "thirtieth"),
        ("forty", "fortieth"),
        ("fifty", "fiftieth"),
        ("sixty", "sixtieth"),
        ("seventy", "seventieth"),
        ("eighty", "eightieth"),
        ("ninety", "ninetieth"),
    ];
    const SCALES: [&str; 7] =
        ["thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion"];
    let among = |list: &[(&str, &str)], first: u8, step: u8| {
        let place = list.iter().position(|(cardinal, ordinal)| *cardinal == word || *ordinal == word)?;
        Some((first + step * u8::try_from(place).ok()?, list[place].1 == word))
    };
    if let Some((unit, is_ordinal)) = among(&UNITS, 1, 1) {
        return Some((Atom::Unit(unit), is_ordinal));
    }
    if let Some((teen, is_ordinal)) = among(&TEENS, 10, 1) {
        return Some((Atom::Teen(teen), is_ordinal));
    }
    if let Some((tens, is_ordinal)) = among(&TENS, 20, 10) {
        return Some((Atom::Tens(tens), is_ordinal));
    }
    let (plain, is_ordinal) = match word.strip_suffix("th") {
        Some(stem) => (stem, true),
        None => (word.strip_suffix('s').unwrap_or(word), false),
    };
    if let Some(place) = SCALES.iter().position(|scale| *scale == plain) {
        return Some((Atom::Scale(1_000_u128.pow(u32::try_from(place).ok()? + 1)), is_ordinal));
    }
    let cardinal = match word {
        "zero" | "nought" | "naught" => Atom::Unit(0),
        "o" | "oh" => Atom::Oh,
        "and" => Atom::And,
        "a" => Atom::Article,
        "double" => Atom::Repeat(2),
        "triple" | "treble" => Atom::Repeat(3),
        "hundred" | "hundreds" => Atom::Hundred,
        "hundredth" => return Some((Atom::Hundred, true)),
        _ => return None,
    };
    Some((cardinal, false))
}

const DUTCH: [(&str, Atom); 45] = [
    ("zeventien", Atom::Teen(17)),
    ("achttien", Atom::Teen(18)),
    ("negentien", Atom::Teen(19)),
    ("dertien", Atom::Teen(13)),
    ("veertien", Atom::Teen(14)),
    ("vijftien", Atom::Teen(15)),
    ("zestien", Atom::Teen(16)),
    ("twaalf", Atom::Teen(12)),
    ("elf", Atom::Teen(11)),
    ("tien", Atom::Teen(10)),
    ("twintig", Atom::Tens(20)),
    ("dertig", Atom::Tens(30)),
    ("veertig", Atom::Tens(40)),
    ("vijftig", Atom::Tens(50)),
    ("zestig", Atom::Tens(60)),
    ("zeventig", Atom::Tens(70)),
    ("tachtig", Atom::Tens(80)),
    ("negentig", Atom::Tens(90)),
    ("honderd", Atom::Hundred),
    ("duizend", Atom::Scale(1_000)),
    ("miljoen", Atom::Scale(1_000_000)),
    ("miljard", Atom::Scale(1_000_000_000)),
    ("biljoen", Atom::Scale(1_000_000_000_000)),
    ("nul", Atom::Unit(0)),
    ("een", Atom::Unit(1)),
    ("twee", Atom::Unit(2)),
    ("drie", Atom::Unit(3)),
    ("vier", Atom::Unit(4)),
    ("vijf", Atom::Unit(5)),
    ("zes", Atom::Unit(6)),
    ("zeven", Atom::Unit(7)),
    ("acht", Atom::Unit(8)),
    ("negen", Atom::Unit(9)),
    ("en", Atom::And),
    ("dubbel", Atom::Repeat(2)),
    ("dubbele", Atom::Repeat(2)),
    ("driedubbel", Atom::Repeat(3)),
    // Said for clearness on the telephone, so that `twee` is not taken for `zeven`.
    ("zeuven", Atom::Unit(7)),
    ("eentje", Atom::Unit(1)),
    ("ene", Atom::Unit(1)),
    ("twie", Atom::Unit(2)),
    ("honderden", Atom::Hundred),
    ("nulletje", Atom::Unit(0)),
    ("miljoenen", Atom::Scale(1_000_000)),
    ("miljarden", Atom::Scale(1_000_000_000)),
];

/// Ordinals that are no cardinal with an ending.
const DUTCH_ORDINALS: [(&str, Atom); 4] = [
    ("eerste", Atom::Unit(1)),
    ("derde", Atom::Unit(3)),
    ("achtste", Atom::Unit(8)),
    ("zeuvende", Atom::Unit(7)),
];

/// `vijfenzeventig` is `vijf`, `en`, `zeventig`; the ordinal ending may only come last.
fn dutch(word: &str) -> Option<Vec<Part>> {
    if word.len() > 60 {
        return None;
    }
    let mut parts = Vec::new();
    let fits = dutch_rest(word, &mut parts);
    let is_number = parts.len() == 1 || parts.last().is_some_and(|part: &Part| part.atom != Atom::And);
    (fits && is_number).then_some(parts)
}

fn dutch_rest(rest: &str, parts: &mut Vec<Part>) -> bool {
    if rest.is_empty() {
        return true;
    }
    if let Some((_, atom)) = DUTCH_ORDINALS.iter().find(|(ordinal, _)| *ordinal == rest) {
        parts.push(Part { atom: *atom, is_ordinal: true });
        return true;
    }
    for (known, atom) in DUTCH {
        let Some(after) = rest.strip_prefix(known) else { continue };
        // `ene`, `twie` and the like are words of their own, never inside a longer one.
        let stands_alone = parts.is_empty() && after.is_empty();
        let may_join =
            !matches!(known, "ene" | "eentje" | "nulletje" | "dubbel" | "dubbele" | "driedubbel" | "twie");
        if !may_join && !stands_alone {
            continue;
        }
        let is_ordinal = matches!(after, "de" | "ste") && may_join && atom != Atom::And;
        parts.push(Part { atom, is_ordinal });
        if is_ordinal || dutch_rest(after, parts) {
            return true;
        }
        parts.pop();
    }
    false
}
