//! What is known of kinds of values: how they are keyed in, whose numbers are expected, how they stand in a template.

use std::collections::BTreeMap;

use super::template::{Cell, Row};
use crate::call::Language;
use crate::slots::{Country, Kind, Letters, Value};

/// Keys that are kept of what a caller keys in; a longer row is not a number that anything here asks for.
pub(super) const KEYS_MAX: usize = 20;

/// The slots as values for templates and conditions: as a person says or writes them.
pub(super) fn cells(values: &BTreeMap<String, Value>) -> Row {
    let cell = |value: &Value| match value {
        Value::Number(number) => Cell::Whole(*number),
        Value::Amount(amount) => Cell::Sum(*amount),
        Value::Product(entity) | Value::City(entity) => Cell::Text(entity.name.clone()),
        Value::Date(_)
        | Value::Period(_)
        | Value::Time(_)
        | Value::Phone(_)
        | Value::Reference(_)
        | Value::Postcode(_)
        | Value::Email(_)
        | Value::Name(_)
        | Value::YesNo(_) => Cell::Text(value.canonical()),
    };
    values.iter().map(|(name, value)| (name.clone(), cell(value))).collect()
}

/// Whose numbers and postcodes are expected: customers live where the scenario's own language is spoken, whatever
/// language they speak, or else where theirs is.
pub(super) fn countries(home: Language, spoken: Language) -> &'static [Country] {
    use Country::{Belgium, France, Netherlands, UnitedKingdom};
    match (home, spoken) {
        (Language::Fr, Language::Fr) => &[France, Belgium],
        (Language::Fr, Language::En) => &[France, Belgium, UnitedKingdom],
        (Language::Fr, Language::Nl) => &[France, Belgium, Netherlands],
        (Language::Nl, Language::Nl) => &[Netherlands, Belgium],
        (Language::Nl, Language::En) => &[Netherlands, Belgium, UnitedKingdom],
        (Language::Nl, Language::Fr) => &[Netherlands, Belgium, France],
        (Language::En, Language::En) => &[UnitedKingdom],
        (Language::En, Language::Fr) => &[UnitedKingdom, France, Belgium],
        (Language::En, Language::Nl) => &[UnitedKingdom, Netherlands, Belgium],
    }
}

/// Whether a value of this kind can be keyed in with digits.
pub(super) fn can_be_keyed(kind: Kind) -> bool {
    match kind {
        Kind::Phone | Kind::Number | Kind::Postcode => true,
        Kind::Reference(shape) => shape.letters == Letters::None,
        Kind::Date
        | Kind::Period
        | Kind::Time
        | Kind::Amount
        | Kind::City
        | Kind::Email
        | Kind::Name
        | Kind::YesNo
        | Kind::Product => false,
    }
}

/// The most digits that a value of this kind has.
pub(super) fn longest(kind: Kind) -> usize {
    if let Kind::Reference(shape) = kind {
        usize::from(shape.characters_max)
    } else if kind == Kind::Phone {
        10
    } else if kind == Kind::Postcode {
        5
    } else {
        KEYS_MAX
    }
}
