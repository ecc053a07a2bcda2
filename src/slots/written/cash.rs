//! Money.

use super::Piece;
use super::figures::{Grouping, keeps_scale, text};
use crate::call::Language;
use crate::slots::amounts;
use crate::slots::numbers::Numeric;
use crate::slots::words::{Gap, Words};

/// `eleven dollars and fifty one cents`, `cinq euros soixante`, `vingt-deux centimes`.
pub(super) fn money(words: &Words<'_>, at: usize) -> Option<Piece> {
    let number = Numeric::at(words, at)?;
    if let Some((end, sign)) = minor_alone(words, number.end) {
        let cents =
            u32::try_from(number.whole).ok().filter(|cents| *cents < 100 && number.fraction.is_empty())?;
        return Some(Piece {
            end,
            text: signed(words.language, sign, &with_cents("0", cents, words.language)),
        });
    }
    let (unit_end, sign) = unit_at(words, number.end)?;
    let has_scale = keeps_scale(words, &number);
    // French and Dutch keep the words of a round sum: `2 millions de dollars`.
    if has_scale && words.language != Language::En {
        return None;
    }
    let figures = text(words, at, &number, Grouping::Thousands);
    if number.fraction.is_empty()
        && !has_scale
        && let Some((end, cents)) = amounts::minor(words, unit_end)
    {
        let cents = u32::try_from(cents).ok()?;
        let sum = with_cents(&figures, cents, words.language);
        return Some(Piece { end, text: signed(words.language, sign, &sum) });
    }
    Some(Piece { end: unit_end, text: signed(words.language, sign, &figures) })
}

fn with_cents(whole: &str, cents: u32, language: Language) -> String {
    match language {
        Language::Fr | Language::Nl => format!("{whole},{cents:02}"),
        Language::En => format!("{whole}.{cents:02}"),
    }
}

/// The sum with the sign where the language writes it.
fn signed(language: Language, sign: &str, sum: &str) -> String {
    match (language, sum.strip_prefix('-')) {
        (Language::Fr, _) => format!("{sum} {sign}"),
        (Language::En, Some(sum)) => format!("-{sign}{sum}"),
        (Language::En, None) => format!("{sign}{sum}"),
        (Language::Nl, _) => format!("{sign} {sum}"),
    }
}

/// The unit of money at `at`: the word behind it and its sign.
fn unit_at(words: &Words<'_>, at: usize) -> Option<(usize, &'static str)> {
    const ENGLISH: &[(&str, &str)] = &[
        ("dollar", "$"),
        ("dollars", "$"),
        ("us dollars", "$"),
        ("united states dollars", "$"),
        ("american dollars", "$"),
        ("euro", "€"),
        ("euros", "€"),
        ("pound", "£"),
        ("pounds", "£"),
        ("pounds sterling", "£"),
        ("won", "₩"),
        ("yen", "¥"),
        ("rupee", "₹"),
        ("rupees", "₹"),
    ];
    const FRENCH: &[(&str, &str)] = &[
        ("dollar", "$"),
        ("dollars", "$"),
        ("euro", "€"),
        ("euros", "€"),
        ("livre", "£"),
        ("livres", "£"),
        ("livre sterling", "£"),
        ("livres sterling", "£"),
        ("won", "₩"),
        ("wons", "₩"),
        ("yen", "¥"),
        ("yens", "¥"),
        ("roupie", "₹"),
        ("roupies", "₹"),
    ];
    const DUTCH: &[(&str, &str)] =
        &[("euro", "€"), ("euro's", "€"), ("dollar", "$"), ("dollars", "$"), ("pond", "£"), ("yen", "¥")];
    if matches!(words.gap(at), Gap::Stop | Gap::Comma) {
        return None;
    }
    let units = match words.language {
        Language::Fr => FRENCH,
        Language::En => ENGLISH,
        Language::Nl => DUTCH,
    };
    units
        .iter()
        .filter_map(|(name, sign)| Some((at + words.phrase_at(at, &[name])?, *sign)))
        .max_by_key(|(end, _)| *end)
}

/// Hundredths without units. English keeps them in words (`50 pence`): there are several.
fn minor_alone(words: &Words<'_>, at: usize) -> Option<(usize, &'static str)> {
    match (words.language, words.folded(at)) {
        (Language::Fr, "centime" | "centimes") | (Language::Nl, "cent" | "eurocent") => Some((at + 1, "€")),
        (Language::Fr | Language::En | Language::Nl, _) => None,
    }
}
