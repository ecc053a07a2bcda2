//! Sums of money: `quarante-deux euros cinquante`, `12,50 €`, `two pounds fifty`.

use super::correction::marker_at;
use super::numbers::{Numeric, may_cross};
use super::words::{Gap, Words};
use super::{Amount, Currency, Located, Value};
use crate::call::Language;

/// Amounts, for [`super::Kind::Amount`].
pub(super) fn find(words: &Words<'_>) -> Vec<Located> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let Some((end, amount)) = at_word(words, at) else {
            at += 1;
            continue;
        };
        let (end, amount, score) = corrected(words, end, amount);
        found.push(Located { value: Value::Amount(amount), words: at..end, score });
        at = end;
    }
    found
}

/// The amount that starts with the word at `at`, and the word behind it.
pub(super) fn at_word(words: &Words<'_>, at: usize) -> Option<(usize, Amount)> {
    if let Some(currency) = sign(words.folded(at)) {
        let number = Numeric::at(words, at + 1).filter(|_| words.gap(at + 1) != Gap::Stop)?;
        return Some((number.end, Amount { cents: number.hundredths()?, currency }));
    }
    if let Some((end, amount)) = single_word(words, at) {
        return Some((end, amount));
    }
    let (end, hundredths) = count(words, at)?;
    if let Some((end, currency)) = minor_unit(words, end) {
        let cents = hundredths.checked_div(100).filter(|_| hundredths % 100 == 0)?;
        return Some((end, Amount { cents, currency }));
    }
    let (end, currency) = major_unit(words, end)?;
    let (end, minor) = minor(words, end).unwrap_or((end, 0));
    let minor = if hundredths < 0 { -minor } else { minor };
    // `12,50 euros` has its cents already.
    if hundredths % 100 != 0 && minor != 0 {
        return None;
    }
    Some((end, Amount { cents: hundredths.checked_add(minor)?, currency }))
}

/// A number, `a`, or `two and a half`, in hundredths.
fn count(words: &Words<'_>, at: usize) -> Option<(usize, i64)> {
    match (words.language, words.folded(at)) {
        (Language::En, "a" | "an") if major_unit(words, at + 1).is_some() => return Some((at + 1, 100)),
        (Language::Nl, "anderhalve") => return Some((at + 1, 150)),
        _ => {}
    }
    let number = Numeric::at(words, at)?;
    let hundredths = number.hundredths()?;
    match words.phrase_at(number.end, &["and a half"]) {
        Some(length) if words.language == Language::En => Some((number.end + length, hundredths + 50)),
        _ => Some((number.end, hundredths)),
    }
}

fn sign(folded: &str) -> Option<Currency> {
    match folded {
        "€" => Some(Currency::Eur),
        "£" => Some(Currency::Gbp),
        "$" => Some(Currency::Usd),
        _ => None,
    }
}

/// `a fiver`, `een tientje`.
fn single_word(words: &Words<'_>, at: usize) -> Option<(usize, Amount)> {
    let (cents, currency) = match (words.language, words.folded(at)) {
        (Language::En, "fiver") => (500, Currency::Gbp),
        (Language::En, "tenner") => (1_000, Currency::Gbp),
        (Language::Nl, "tientje") => (1_000, Currency::Eur),
        _ => return None,
    };
    Some((at + 1, Amount { cents, currency }))
}

fn major_unit(words: &Words<'_>, at: usize) -> Option<(usize, Currency)> {
    if let Some(currency) = sign(words.folded(at)) {
        return Some((at + 1, currency));
    }
    // `deux millions d'euros`.
    let at = at + usize::from(words.language == Language::Fr && matches!(words.folded(at), "d" | "de"));
    if words.gap(at) == Gap::Stop || words.gap(at) == Gap::Comma {
        return None;
    }
    let long: &[(&str, Currency)] = match words.language {
        Language::Fr => &[
            ("livres sterling", Currency::Gbp),
            ("livre sterling", Currency::Gbp),
            ("francs suisses", Currency::Chf),
            ("franc suisse", Currency::Chf),
        ],
        Language::En => &[
            ("pounds sterling", Currency::Gbp),
            ("swiss francs", Currency::Chf),
            ("us dollars", Currency::Usd),
            ("united states dollars", Currency::Usd),
        ],
        Language::Nl => &[("zwitserse frank", Currency::Chf), ("pond sterling", Currency::Gbp)],
    };
    for (name, currency) in long {
        if let Some(length) = words.phrase_at(at, &[name]) {
            return Some((at + length, *currency));
        }
    }
    let currency = match (words.language, words.folded(at)) {
        (_, "euro" | "euros" | "eur") | (Language::Fr, "balles") | (Language::Nl, "euro's") => Currency::Eur,
        (_, "dollar" | "dollars" | "usd") | (Language::En, "bucks") => Currency::Usd,
        (Language::Fr, "livre" | "livres") | (Language::Nl, "pond" | "ponden") | (_, "gbp") => Currency::Gbp,
        (Language::En, "pound" | "pounds" | "quid") => Currency::Gbp,
        (_, "chf") => Currency::Chf,
        _ => return None,
    };
    Some((at + 1, currency))
}

/// `cinquante centimes`: the unit behind the number.
fn minor_unit(words: &Words<'_>, at: usize) -> Option<(usize, Currency)> {
    let currency = match (words.language, words.folded(at)) {
        (Language::Fr, "centime" | "centimes" | "cents") => Currency::Eur,
        (Language::En, "pence" | "penny" | "p") => Currency::Gbp,
        (Language::En, "cent" | "cents") | (Language::Nl, "cent" | "centen" | "eurocent") => Currency::Eur,
        _ => return None,
    };
    Some((at + 1, currency))
}

/// What follows the unit: `cinquante`, `et cinquante centimes`, `and fifty p`, `et demi`.
pub(super) fn minor(words: &Words<'_>, at: usize) -> Option<(usize, i64)> {
    let is_joined = matches!(words.folded(at), "et" | "and" | "en");
    if is_joined && matches!(words.folded(at + 1), "demi" | "demie") {
        return Some((at + 2, 50));
    }
    if !may_cross(words, at) {
        return None;
    }
    let number = Numeric::at(words, at + usize::from(is_joined))?;
    let is_plain = number.fraction.is_empty() && !number.is_negative && (1..100).contains(&number.whole);
    let cents = i64::try_from(number.whole).ok().filter(|_| is_plain)?;
    if let Some((end, _)) = minor_unit(words, number.end) {
        return Some((end, cents));
    }
    // `trente euros et deux boîtes`, `two pounds one day`, `dix euros deux fois`.
    let is_small = cents < 10 && (words.language != Language::Fr || is_joined);
    let counts =
        matches!(words.folded(number.end), "fois" | "times" | "keer" | "mois" | "months" | "maanden");
    let opens_another = major_unit(words, number.end).is_some() || currency_sign_follows(words, number.end);
    let goes_on = is_joined && number.end < words.len() && words.gap(number.end) == Gap::Space;
    (!is_small && !counts && !opens_another && !goes_on).then_some((number.end, cents))
}

fn currency_sign_follows(words: &Words<'_>, at: usize) -> bool {
    sign(words.folded(at)).is_some()
}

/// `quarante-deux euros, non, quarante-trois`.
fn corrected(words: &Words<'_>, end: usize, amount: Amount) -> (usize, Amount, f32) {
    const SURE: f32 = 0.96;
    const CORRECTED: f32 = 0.85;
    let Some(length) = marker_at(words, end) else { return (end, amount, SURE) };
    let at = end + length;
    if let Some((end, again)) = at_word(words, at) {
        return (end, again, CORRECTED);
    }
    match Numeric::at(words, at).and_then(|number| Some((number.end, number.hundredths()?))) {
        Some((end, cents)) => (end, Amount { cents, currency: amount.currency }, CORRECTED),
        None => (end, amount, SURE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::canonical;

    fn check(language: Language, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let found = canonical(find(&Words::of(text, language)));
            assert_eq!(found.join(", "), *expected, "{text}");
        }
    }

    #[test]
    fn amounts_are_read() {
        check(
            Language::Fr,
            &[
                ("quarante-deux euros cinquante", "4250 EUR"),
                ("quarante-deux euros et cinquante centimes", "4250 EUR"),
                ("12,50 €", "1250 EUR"),
                ("12 euros 50", "1250 EUR"),
                ("1 200,00 €", "120000 EUR"),
                ("douze virgule cinq euros", "1250 EUR"),
                ("cinquante centimes", "50 EUR"),
                ("deux euros et demi", "250 EUR"),
                ("trois euros cinq", "305 EUR"),
                ("un million d'euros", "100000000 EUR"),
                ("1,5 million d'euros", "150000000 EUR"),
                ("dix livres sterling", "1000 GBP"),
                ("trente euros et deux boîtes", "3000 EUR"),
                ("vingt euros, trente euros", "2000 EUR, 3000 EUR"),
                ("quarante-deux euros, non, quarante-trois", "4300 EUR"),
                ("quarante-deux, non pardon, quarante-trois euros", "4300 EUR"),
                ("j'en veux deux", ""),
            ],
        );
        check(
            Language::En,
            &[
                ("two pounds fifty", "250 GBP"),
                ("£12.50", "1250 GBP"),
                ("a hundred and twenty euros", "12000 EUR"),
                ("fifty p", "50 GBP"),
                ("two and a half quid", "250 GBP"),
                ("thirty pounds and fifty pence", "3050 GBP"),
                ("a pound", "100 GBP"),
                ("two pounds one day", "200 GBP"),
            ],
        );
        check(
            Language::Nl,
            &[
                ("vijftien euro", "1500 EUR"),
                ("vijftien euro vijftig", "1550 EUR"),
                ("€ 12,50", "1250 EUR"),
                ("twee euro en vijftig cent", "250 EUR"),
                ("anderhalve euro", "150 EUR"),
                ("een tientje", "1000 EUR"),
            ],
        );
    }
}
