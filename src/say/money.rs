//! Sums of money in words.

use super::numbers::{Gender, cardinal, counted};
use crate::call::Language;
use crate::slots::{Amount, Currency};

/// `quarante-deux euros et cinquante centimes`, `two pounds and fifty pence`, `vijftien euro en vijftig cent`.
pub fn amount(amount: Amount, language: Language) -> String {
    let cents = amount.cents.unsigned_abs();
    let (major, minor) = (i64::try_from(cents / 100).unwrap_or(i64::MAX), (cents % 100) as i64);
    let names = Names::of(amount.currency, language);
    let mut words = String::new();
    if amount.cents < 0 {
        words.push_str(match language {
            Language::Fr => "moins ",
            Language::En => "minus ",
            Language::Nl => "min ",
        });
    }
    if major > 0 || minor == 0 {
        words.push_str(&counted(major, language, names.gender));
        // `un million d'euros`, but `un million deux cents euros`.
        let is_round = language == Language::Fr && major >= 1_000_000 && major % 1_000_000 == 0;
        let of = match names.major.1.chars().next() {
            _ if !is_round => " ",
            Some('e') => " d'",
            _ => " de ",
        };
        words.push_str(of);
        words.push_str(if is_one(major, language) { names.major.0 } else { names.major.1 });
    }
    if minor > 0 {
        if major > 0 {
            words.push_str(match language {
                Language::Fr => " et ",
                Language::En => " and ",
                Language::Nl => " en ",
            });
        }
        words.push_str(&cardinal(minor, language));
        words.push(' ');
        words.push_str(if is_one(minor, language) { names.minor.0 } else { names.minor.1 });
    }
    words
}

/// One and many of the units.
struct Names {
    major: (&'static str, &'static str),
    minor: (&'static str, &'static str),
    gender: Gender,
}

impl Names {
    fn of(currency: Currency, language: Language) -> Self {
        let feminine = language == Language::Fr && currency == Currency::Gbp;
        let (major, minor) = match (language, currency) {
            (Language::Fr, Currency::Eur) => (("euro", "euros"), ("centime", "centimes")),
            (Language::Fr, Currency::Gbp) => (("livre sterling", "livres sterling"), ("penny", "pence")),
            (Language::Fr, Currency::Usd) => (("dollar", "dollars"), ("cent", "cents")),
            (Language::Fr, Currency::Chf) => (("franc suisse", "francs suisses"), ("centime", "centimes")),
            (Language::En, Currency::Eur) => (("euro", "euros"), ("cent", "cents")),
            (Language::En, Currency::Gbp) => (("pound", "pounds"), ("penny", "pence")),
            (Language::En, Currency::Usd) => (("dollar", "dollars"), ("cent", "cents")),
            (Language::En, Currency::Chf) => (("Swiss franc", "Swiss francs"), ("centime", "centimes")),
            (Language::Nl, Currency::Eur) => (("euro", "euro"), ("cent", "cent")),
            (Language::Nl, Currency::Gbp) => (("pond", "pond"), ("penny", "pence")),
            (Language::Nl, Currency::Usd) => (("dollar", "dollar"), ("cent", "cent")),
            (Language::Nl, Currency::Chf) => (("Zwitserse frank", "Zwitserse frank"), ("rappen", "rappen")),
        };
        Self { major, minor, gender: if feminine { Gender::Feminine } else { Gender::Masculine } }
    }
}

/// French counts zero as one: `zéro euro`.
pub(super) fn is_one(number: i64, language: Language) -> bool {
    number == 1 || (language == Language::Fr && number.unsigned_abs() < 2)
}
