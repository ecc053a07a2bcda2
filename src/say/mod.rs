//! Saying: values in the words of speech, so that speech synthesis needs no number rules.
//!
//! The way back from [`crate::slots`]: what is said here, [`crate::slots::find`] reads back to the same value. Text is
//! lower-case and without figures; commas are pauses. French follows the usage of France (`soixante-dix`,
//! `quatre-vingts`), English that of Britain, Dutch that of the Netherlands.

mod contact;
mod dates;
mod money;
mod numbers;
mod plural;
#[cfg(test)]
mod tests;

pub use contact::{characters, email, phone, postcode};
pub use dates::{date, day_and_month, period, time};
pub use money::amount;
pub use numbers::{Gender, cardinal, counted, decimal, ordinal, year};
pub use plural::filled;

use jiff::civil::Date;

use crate::call::Language;
use crate::slots::Value;

/// A value as it is read back to who said it. Dates near `today` are said without their year.
pub fn value(value: &Value, language: Language, today: Date) -> String {
    match value {
        Value::Date(day) => date(*day, language, today),
        Value::Period(days) => period(days, language, today),
        Value::Time(at) => time(*at, language),
        Value::Amount(sum) => amount(*sum, language),
        Value::Number(number) => cardinal(*number, language),
        Value::Phone(number) => phone(number, language),
        Value::Reference(text) | Value::Name(text) => characters(text, language),
        Value::Postcode(text) => postcode(text, language),
        Value::City(entity) | Value::Product(entity) => entity.name.clone(),
        Value::Email(address) => email(address, language),
        Value::YesNo(yes) => {
            let [affirmed, denied] = match language {
                Language::Fr => ["oui", "non"],
                Language::En => ["yes", "no"],
                Language::Nl => ["ja", "nee"],
            };
            if *yes { affirmed } else { denied }.to_owned()
        }
    }
}
