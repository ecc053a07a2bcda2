//! Values that are keyed in: which ones can be, when a row of keys is complete, what it says.
//!
//! Digits as people key them in: a date as day, month and perhaps year (`1509`, `15092026`), a month (`03`, `032026`), a time
//! (`1430`), an amount with the star as its decimal comma (`42*50`), a name of a catalogue by the letters on the keys. Any other
//! name, e-mail addresses and numbers with letters cannot be keyed in: keys do not tell their letters apart.

use jiff::civil::{Date, Time};

use super::messages::Message;
use crate::call::Language;
use crate::slots::{
    Amount, Catalog, Context, Country, Currency, Entity, Kind, Letters, Period, Value, day_without_year,
    find, month_without_year,
};

/// Keys that are kept of what a caller keys in; a longer row is not a number that anything here asks for.
const KEYS_MAX: usize = 20;
/// The longest telephone number, behind `00`.
const PHONE_KEYS_MAX: usize = 15;
/// How sure a name is of which only the beginning was keyed in: it is read back where that is wished for at all.
const BEGUN: f32 = 0.8;
/// The key that is the decimal comma of an amount, and that elsewhere takes back what was keyed in.
pub(super) const STAR: char = '*';

/// Whether a value of this kind can be keyed in.
pub(super) fn can_be_keyed(kind: Kind) -> bool {
    match kind {
        Kind::Phone
        | Kind::Number
        | Kind::Postcode
        | Kind::Date
        | Kind::Period
        | Kind::Time
        | Kind::Amount
        | Kind::City
        | Kind::Product
        | Kind::YesNo => true,
        Kind::Reference(shape) => shape.letters == Letters::None,
        Kind::Email | Kind::Name => false,
    }
}

/// Whether `key` may belong to a value of this kind of which `keyed` was keyed in.
pub(super) fn is_part(key: char, kind: Kind, keyed: &str) -> bool {
    if kind == Kind::Amount && key == STAR {
        return !keyed.contains(STAR);
    }
    // No letter is on 0 and 1; 0 goes on asking for a person.
    let first = if matches!(kind, Kind::City | Kind::Product) { '2' } else { '0' };
    (first..='9').contains(&key)
}

/// How a caller is told that a value of this kind can be keyed in; `None` for what cannot, and for yes and no, which nobody
/// has to key in.
pub(super) fn offer(kind: Kind) -> Option<Message> {
    match kind {
        Kind::YesNo => None,
        Kind::Date => Some(Message::DateByKeypad),
        Kind::Period => Some(Message::MonthByKeypad),
        Kind::Time => Some(Message::TimeByKeypad),
        Kind::Amount => Some(Message::AmountByKeypad),
        Kind::City | Kind::Product => Some(Message::NameByKeypad),
        Kind::Phone | Kind::Number | Kind::Postcode | Kind::Reference(_) | Kind::Email | Kind::Name => {
            can_be_keyed(kind).then_some(Message::ValueByKeypad)
        }
    }
}

/// Whether no further key can belong to the value.
pub(super) fn is_complete(keys: &str, kind: Kind, countries: &[Country]) -> bool {
    let count = keys.len();
    let longest = match kind {
        Kind::Reference(shape) => usize::from(shape.characters_max),
        Kind::Phone if keys.starts_with("00") => PHONE_KEYS_MAX,
        // Most British numbers have a digit more than those of the others.
        Kind::Phone if countries.contains(&Country::UnitedKingdom) => 11,
        Kind::Phone => 10,
        Kind::Postcode if countries.contains(&Country::France) => 5,
        Kind::Postcode => 4,
        Kind::Date => 8,
        Kind::Period => 6,
        Kind::Time => 4,
        Kind::YesNo => 1,
        Kind::Amount => keys.find(STAR).map_or(KEYS_MAX, |at| at + 3),
        Kind::Number | Kind::City | Kind::Email | Kind::Name | Kind::Product => KEYS_MAX,
    };
    count >= longest.min(KEYS_MAX)
}

/// The value that was keyed in and how sure it is, 0 to 1; `None` when the keys are none of this kind. `home` is the language
/// of the scenario: its money is meant.
pub(super) fn value(
    keys: &str,
    kind: Kind,
    context: &Context<'_>,
    (home, spoken): (Language, Language),
) -> Option<(Value, f32)> {
    let value = match kind {
        Kind::City => return name(keys, context.cities, Value::City),
        Kind::Product => return name(keys, context.products, Value::Product),
        Kind::Date => date(keys, context).map(Value::Date),
        Kind::Period => month(keys, context).map(Value::Period),
        Kind::Time => time(keys).map(Value::Time),
        Kind::Amount => {
            let currency = if home == Language::En { Currency::Gbp } else { Currency::Eur };
            Some(Value::Amount(Amount { cents: cents(keys)?, currency }))
        }
        Kind::YesNo => match keys {
            "1" => Some(Value::YesNo(true)),
            "2" => Some(Value::YesNo(false)),
            _ => None,
        },
        Kind::Number | Kind::Phone | Kind::Reference(_) | Kind::Postcode | Kind::Email | Kind::Name => {
            let found = find(keys, spoken, context, &[kind]);
            let best = found.into_iter().max_by(|left, right| left.score.total_cmp(&right.score));
            best.map(|found| found.value)
        }
    };
    // What was keyed in was not misheard.
    value.map(|value| (value, 1.0))
}

/// A name of a catalogue, by its letters.
fn name(keys: &str, catalog: Option<&Catalog>, value: fn(Entity) -> Value) -> Option<(Value, f32)> {
    let keyed = catalog?.keyed(keys)?;
    let score = if keyed.is_whole { 1.0 } else { BEGUN };
    Some((value(keyed.entity), score))
}

/// `1509`, `15092026`.
fn date(keys: &str, context: &Context<'_>) -> Option<Date> {
    let (day, month) = (keys.get(..2)?.parse().ok()?, keys.get(2..4)?.parse().ok()?);
    match keys.get(4..)? {
        "" => day_without_year(context, day, month),
        year if year.len() == 4 => Date::new(year.parse().ok()?, month, day).ok(),
        _ => None,
    }
}

/// `03`, `032026`.
fn month(keys: &str, context: &Context<'_>) -> Option<Period> {
    let month = keys.get(..2)?.parse().ok()?;
    let first = match keys.get(2..)? {
        "" => month_without_year(context, month)?,
        year if year.len() == 4 => Date::new(year.parse().ok()?, month, 1).ok()?,
        _ => return None,
    };
    Some(Period { first, last: first.last_of_month() })
}

/// `1430`, `930`.
fn time(keys: &str) -> Option<Time> {
    let hour = keys.len().checked_sub(2).filter(|hour| matches!(hour, 1 | 2))?;
    Time::new(keys[..hour].parse().ok()?, keys[hour..].parse().ok()?, 0, 0).ok()
}

/// `42`, `42*5`, `42*50`.
fn cents(keys: &str) -> Option<i64> {
    let (whole, part) = keys.split_once(STAR).unwrap_or((keys, ""));
    let part = match part.len() {
        0 => 0,
        1 => part.parse::<i64>().ok()? * 10,
        2 => part.parse().ok()?,
        _ => return None,
    };
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Shape;

    const FRANCE: &[Country] = &[Country::France, Country::Belgium];
    const BRITAIN: &[Country] = &[Country::UnitedKingdom];

    fn read(keys: &str, kind: Kind) -> Option<String> {
        let context = Context { countries: FRANCE, ..Context::on(jiff::civil::date(2026, 11, 26)) };
        value(keys, kind, &context, (Language::Fr, Language::Fr)).map(|(value, _)| value.canonical())
    }

    #[test]
    fn keys_are_read_as_the_kind_that_was_asked_for() {
        for (keys, kind, expected) in [
            ("1509", Kind::Date, Some("2026-09-15")),
            ("15092027", Kind::Date, Some("2027-09-15")),
            ("3102", Kind::Date, None),
            ("150", Kind::Date, None),
            ("03", Kind::Period, Some("2026-03-01/2026-03-31")),
            ("032025", Kind::Period, Some("2025-03-01/2025-03-31")),
            ("1430", Kind::Time, Some("14:30")),
            ("930", Kind::Time, Some("09:30")),
            ("9930", Kind::Time, None),
            ("42*50", Kind::Amount, Some("4250 EUR")),
            ("42*5", Kind::Amount, Some("4250 EUR")),
            ("42", Kind::Amount, Some("4200 EUR")),
            ("*50", Kind::Amount, None),
            ("2", Kind::YesNo, Some("no")),
            ("0612345678", Kind::Phone, Some("+33612345678")),
            ("0033612345678", Kind::Phone, Some("+33612345678")),
            ("00447700900123", Kind::Phone, Some("+447700900123")),
            ("75011", Kind::Postcode, Some("75011")),
            ("", Kind::Number, None),
        ] {
            assert_eq!(read(keys, kind).as_deref(), expected, "{keys} {}", kind.name());
        }
    }

    #[test]
    fn a_row_is_complete_when_nothing_can_follow() {
        for (keys, kind, countries, expected) in [
            ("061234567", Kind::Phone, FRANCE, false),
            ("0612345678", Kind::Phone, FRANCE, true),
            ("0770090012", Kind::Phone, BRITAIN, false),
            ("07700900123", Kind::Phone, BRITAIN, true),
            ("0033612345", Kind::Phone, FRANCE, false),
            ("1509", Kind::Date, FRANCE, false),
            ("15092026", Kind::Date, FRANCE, true),
            ("425000", Kind::Amount, FRANCE, false),
            ("42*5", Kind::Amount, FRANCE, false),
            ("42*50", Kind::Amount, FRANCE, true),
            ("123456", Kind::Reference(Shape::digits(6, 6)), FRANCE, true),
        ] {
            assert_eq!(is_complete(keys, kind, countries), expected, "{keys} {}", kind.name());
        }
    }
}
