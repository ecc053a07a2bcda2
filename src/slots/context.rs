//! What a reading needs to know beside the words.

use jiff::civil::Date;

use super::Catalog;
use crate::call::Language;

/// What is known when a text is read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The day of the call.
    pub today: Date,
    /// Where dates lie that are said without a year.
    pub tense: Tense,
    /// Whose telephone numbers and postcodes are expected; empty for those of the language.
    pub countries: &'c [Country],
    /// Places that may be named.
    pub cities: Option<&'c Catalog>,
    /// Products that may be named.
    pub products: Option<&'c Catalog>,
}

/// Where a date lies that is said without a year, or a weekday without more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tense {
    /// A day of the year: the nearest one. A month: the last one that has begun. A weekday: the next one.
    #[default]
    Open,
    /// Today or before: invoices, deliveries, what happened.
    Past,
    /// Today or after: appointments, what is planned.
    Future,
}

/// A country with its telephone numbers and postcodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Country {
    /// France.
    France,
    /// Belgium.
    Belgium,
    /// The Netherlands.
    Netherlands,
    /// The United Kingdom.
    UnitedKingdom,
}

impl Context<'_> {
    /// A context that knows the day only.
    pub const fn on(today: Date) -> Self {
        Self { today, tense: Tense::Open, countries: &[], cities: None, products: None }
    }

    /// The countries of the context, or else those in which the language is spoken.
    pub(super) fn countries_for(&self, language: Language) -> &[Country] {
        if !self.countries.is_empty() {
            return self.countries;
        }
        match language {
            Language::Fr => &[Country::France, Country::Belgium],
            Language::En => &[Country::UnitedKingdom],
            Language::Nl => &[Country::Netherlands, Country::Belgium],
        }
    }
}
