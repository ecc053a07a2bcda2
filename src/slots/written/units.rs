//! Measures: `eight point five centimeters`, `deux cents kilomètres heure`, `twaalf procent`.

use super::Piece;
use super::figures::{Grouping, is_figures, text};
use crate::call::Language;
use crate::slots::numbers::Numeric;
use crate::slots::words::{Gap, Words};

/// A number with its unit as a sign.
pub(super) fn measure(words: &Words<'_>, at: usize) -> Option<Piece> {
    let number = Numeric::at(words, at)?;
    let (end, sign) =
        quotient(words, number.end).or_else(|| unit_at(words, number.end).map(Unit::into_pair))?;
    // `attendez une minute`, `one second` are said without measuring.
    let is_article = number.end == at + 1 && number.whole == 1 && !is_figures(words, at);
    if is_article && matches!(sign.as_str(), "min" | "s" | "h") {
        return None;
    }
    let figures = text(words, at, &number, Grouping::Thousands);
    Some(Piece { end, text: format!("{figures} {sign}") })
}

/// A unit that was read: the word behind it and its sign.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unit {
    end: usize,
    sign: String,
}

impl Unit {
    fn into_pair(self) -> (usize, String) {
        (self.end, self.sign)
    }
}

/// `per square kilometer`, `miles per hour`, `kilomètres heure`.
fn quotient(words: &Words<'_>, at: usize) -> Option<(usize, String)> {
    let above = unit_at(words, at);
    let middle = above.as_ref().map_or(at, |unit| unit.end);
    let per = match (words.language, words.folded(middle)) {
        (Language::Fr, "par") | (Language::En | Language::Nl, "per") => middle + 1,
        // `kilomètres heure` has no preposition.
        (Language::Fr, "heure") if above.is_some() => middle,
        _ => return None,
    };
    let below = unit_at(words, per)?;
    let above = above.map(|unit| unit.sign).unwrap_or_default();
    let sign = match (above.as_str(), below.sign.as_str()) {
        ("mi", "h") => "mph".to_owned(),
        ("km", "h") if words.language == Language::Nl => "km/u".to_owned(),
        (above, below) => format!("{above}/{below}"),
    };
    Some((below.end, sign))
}

fn unit_at(words: &Words<'_>, at: usize) -> Option<Unit> {
    if matches!(words.gap(at), Gap::Stop | Gap::Comma) {
        return None;
    }
    let (power_end, power) = power_before(words, at).unwrap_or((at, ""));
    let unit = base_at(words, power_end)?;
    let (end, power) = match power {
        "" => power_behind(words, unit.end).unwrap_or((unit.end, "")),
        power => (unit.end, power),
    };
    let is_imperial = matches!(unit.sign.as_str(), "ft" | "mi" | "in" | "yd");
    let sign = match power {
        "²" if is_imperial => format!("sq {}", unit.sign),
        "³" if is_imperial => format!("cu {}", unit.sign),
        power => format!("{}{power}", unit.sign),
    };
    Some(Unit { end, sign })
}

/// `square`, `kubieke` before the unit.
fn power_before(words: &Words<'_>, at: usize) -> Option<(usize, &'static str)> {
    let power = match (words.language, words.folded(at)) {
        (Language::En, "square") | (Language::Nl, "vierkante") => "²",
        (Language::En, "cubic") | (Language::Nl, "kubieke") => "³",
        (Language::Fr | Language::En | Language::Nl, _) => return None,
    };
    Some((at + 1, power))
}

/// `carrés`, `cubes` behind the unit.
fn power_behind(words: &Words<'_>, at: usize) -> Option<(usize, &'static str)> {
    let power = match (words.language, words.folded(at)) {
        (Language::Fr, "carre" | "carres") => "²",
        (Language::Fr, "cube" | "cubes") => "³",
        (Language::Fr | Language::En | Language::Nl, _) => return None,
    };
    Some((at + 1, power))
}

/// A unit with or without a prefix, in one word or two (`kilo watt hours`).
fn base_at(words: &Words<'_>, at: usize) -> Option<Unit> {
    let whole = whole_units(words.language);
    let by_phrase = whole
        .iter()
        .filter_map(|(name, sign)| Some((words.phrase_at(at, &[name])?, *sign)))
        .max_by_key(|(length, _)| *length);
    if let Some((length, sign)) = by_phrase {
        return Some(Unit { end: at + length, sign: sign.to_owned() });
    }
    let folded = words.folded(at);
    for (prefix, prefix_sign) in PREFIXES {
        let Some(rest) = folded.strip_prefix(prefix) else { continue };
        let (stem, behind) = if rest.is_empty() { (words.folded(at + 1), at + 2) } else { (rest, at + 1) };
        if let Some((sign, end)) = stem_sign(words, stem, behind) {
            return Some(Unit { end, sign: prefixed(prefix_sign, &sign, words.language) });
        }
    }
    stem_sign(words, folded, at + 1).map(|(sign, end)| Unit { end, sign })
}

const PREFIXES: [(&str, &str); 9] = [
    ("kilo", "k"),
    ("mega", "M"),
    ("giga", "G"),
    ("tera", "T"),
    ("milli", "m"),
    ("centi", "c"),
    ("deci", "d"),
    ("nano", "n"),
    ("micro", "µ"),
];

/// The sign of a metric unit; `watt hours` is two words.
fn stem_sign(words: &Words<'_>, stem: &str, behind: usize) -> Option<(String, usize)> {
    let stem = stem.trim_start_matches('-');
    let plain = stem.strip_suffix('s').unwrap_or(stem);
    let sign = match (words.language, plain) {
        (_, "metre" | "meter") => "m",
        (_, "gramme" | "gram") => "g",
        (Language::Fr, "litre") => "L",
        (_, "litre" | "liter") => "l",
        (Language::En, "hertz") => "hz",
        (_, "hertz") => "Hz",
        (_, "watt") if matches!(words.folded(behind), "hour" | "hours" | "heure" | "heures") => {
            return Some(("Wh".to_owned(), behind + 1));
        }
        (Language::Nl, "wattuur") => "Wh",
        (_, "wattheure") => "Wh",
        (_, "watt") => "W",
        (Language::En, "byte" | "bit") => "b",
        (Language::Fr, "octet") => "o",
        (Language::Nl, "byte") => "B",
        (_, "bit") => "bit",
        (_, "volt") => "V",
        (_, "ampere" | "amp") => "A",
        (_, "joule") => "J",
        (_, "pascal") => "Pa",
        (_, "siemen" | "siemens") => "s",
        (_, "lumen") => "lm",
        _ => return None,
    };
    Some((sign.to_owned(), behind))
}

/// English reference texts write every sign but kWh in small letters.
fn prefixed(prefix: &str, sign: &str, language: Language) -> String {
    match language {
        Language::En if sign != "Wh" => format!("{}{}", prefix.to_lowercase(), sign),
        Language::Fr | Language::En | Language::Nl => format!("{prefix}{sign}"),
    }
}

/// Units that take no prefix.
fn whole_units(language: Language) -> &'static [(&'static str, &'static str)] {
    match language {
        Language::Fr => &[
            ("pour cent", "%"),
            ("pourcent", "%"),
            ("pourcents", "%"),
            ("hectare", "ha"),
            ("hectares", "ha"),
            ("heure", "h"),
            ("minute", "min"),
            ("minutes", "min"),
            ("seconde", "s"),
            ("secondes", "s"),
            ("kilo", "kg"),
            ("kilos", "kg"),
            ("tonne", "t"),
            ("tonnes", "t"),
            ("degres celsius", "°C"),
            ("degre celsius", "°C"),
            ("degres", "°"),
            ("degre", "°"),
            ("pied", "pi"),
            ("pieds", "pi"),
        ],
        Language::En => &[
            ("percent", "%"),
            ("per cent", "%"),
            ("hectare", "ha"),
            ("hectares", "ha"),
            ("hour", "h"),
            ("hours", "h"),
            ("minute", "min"),
            ("minutes", "min"),
            ("second", "s"),
            ("seconds", "s"),
            ("foot", "ft"),
            ("feet", "ft"),
            ("inch", "in"),
            ("inches", "in"),
            ("mile", "mi"),
            ("miles", "mi"),
            ("yard", "yd"),
            ("yards", "yd"),
            ("horsepower", "hp"),
            ("c c", "cc"),
            ("c c s", "cc"),
            ("ounce", "oz"),
            ("ounces", "oz"),
            ("degrees celsius", "°C"),
            ("degrees fahrenheit", "°F"),
            ("kilogram force", "kgf"),
            ("kilograms force", "kgf"),
        ],
        Language::Nl => &[
            ("procent", "%"),
            ("hectare", "ha"),
            ("minuut", "min"),
            ("minuten", "min"),
            ("seconde", "s"),
            ("seconden", "s"),
            ("kilo", "kg"),
            ("ton", "t"),
            ("graden celsius", "°C"),
            ("graden", "°"),
        ],
    }
}
