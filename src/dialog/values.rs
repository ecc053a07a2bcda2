//! What is known of values: whose numbers are expected, how they stand in a template.

use std::collections::BTreeMap;

use super::template::{Cell, Row};
use crate::call::Language;
use crate::slots::{Country, Value};

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
