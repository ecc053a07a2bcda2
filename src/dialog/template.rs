//! What is said, with places for values: `Oui, {name} est disponible : {quantity:count une boîte|boîtes} en stock.`
//!
//! A template is checked against the names that will be there when it is read; rendering then cannot fail, and can say
//! nothing but the words of the scenario and values of the row or of the caller.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;

use crate::call::Language;
use crate::say::{self, Gender};
use crate::slots::{Amount, Currency};

/// Bytes of one template: longer is a text, not something that is said.
const TEMPLATE_BYTES_MAX: usize = 2_000;

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// There is no value.
    Null,
    /// A whole number.
    Whole(i64),
    /// A number with a fraction.
    Real(f64),
    /// Anything else, dates (`2026-12-31`) and times (`14:30`) among them.
    Text(String),
}

/// One row of a look-up: column → value.
pub type Row = BTreeMap<String, Cell>;

impl Cell {
    /// The value as it is written in a table.
    pub fn plain(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// The value as a number; texts that are written as one count.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Null => None,
            Self::Whole(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// How a value is said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Format {
    /// As it is written.
    Plain,
    /// The number and the word that fits it: `{n:count une boîte|boîtes}`; an article before the first form tells the
    /// gender, which French hears in the number.
    Count { gender: Gender, one: String, many: String },
    /// A day, from `2026-12-31`.
    Date,
    /// Euros, from a number of them.
    Amount,
    /// Euros, from a whole number of hundredths.
    Cents,
    /// One digit or letter after the other.
    Digits,
    /// A time of day, from `14:30`.
    Time,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Words(String),
    Value { name: String, format: Format },
}

/// A sentence with places for values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A brace without its partner.
    #[error("`{{` and `}}` do not pair up")]
    Braces,
    /// A format that does not exist.
    #[error("`{format}` is no way to say a value")]
    Format {
        /// What was found.
        format: String,
    },
    /// `{}`.
    #[error("a place for a value has no name")]
    Nameless,
    /// Too long to be said.
    #[error("longer than {TEMPLATE_BYTES_MAX} bytes")]
    TooLong,
}

impl Template {
    /// Reads `text`.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(Error::TooLong);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (words, from) = rest.split_at(open);
            if !words.is_empty() {
                pieces.push(Piece::Words(words.to_owned()));
            }
            let inside = from.strip_prefix('{').ok_or(Error::Braces)?;
            let close = inside.find(['{', '}']).filter(|&at| inside[at..].starts_with('}'));
            let close = close.ok_or(Error::Braces)?;
            pieces.push(place(&inside[..close])?);
            rest = &inside[close + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Words(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The names of the values it needs, in order, repeated ones repeated.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Words(_) => None,
            Piece::Value { name, .. } => Some(name.as_str()),
        })
    }

    /// The sentence with `values`, said in `language` on the day `today`; `None` when a value that it needs is not
    /// there, is null, or is not of the kind that its format says: then nothing is said rather than something wrong.
    pub fn render(&self, values: &Row, language: Language, today: Date) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Value { name, format } => {
                    let cell = values.get(name).filter(|cell| **cell != Cell::Null)?;
                    // Writing into a String cannot fail.
                    let _ = write!(text, "{}", spoken(cell, format, language, today)?);
                }
            }
        }
        Some(text)
    }
}

fn place(inside: &str) -> Result<Piece, Error> {
    let (name, format) = inside.split_once(':').unwrap_or((inside, ""));
    let (name, format) = (name.trim(), format.trim());
    if name.is_empty() {
        return Err(Error::Nameless);
    }
    let unknown = || Error::Format { format: format.to_owned() };
    let format = match format.split_once(' ').unwrap_or((format, "")) {
        ("", "") => Format::Plain,
        ("date", "") => Format::Date,
        ("amount", "") => Format::Amount,
        ("cents", "") => Format::Cents,
        ("digits", "") => Format::Digits,
        ("time", "") => Format::Time,
        ("count", words) => {
            let (one, many) = words.split_once('|').ok_or_else(unknown)?;
            let one = one.trim();
            let (gender, one) = match one.split_once(' ') {
                Some(("une", noun)) => (Gender::Feminine, noun),
                Some(("un" | "one" | "een" | "a" | "an", noun)) => (Gender::Masculine, noun),
                _ => (Gender::Masculine, one),
            };
            Format::Count { gender, one: one.to_owned(), many: many.trim().to_owned() }
        }
        _ => return Err(unknown()),
    };
    Ok(Piece::Value { name: name.to_owned(), format })
}

fn spoken(cell: &Cell, format: &Format, language: Language, today: Date) -> Option<String> {
    match format {
        Format::Plain => Some(cell.plain()),
        Format::Count { gender, one, many } => {
            let count = whole(cell)?;
            // French says "zéro boîte", the others the plural.
            let is_one = count.abs() == 1 || language == Language::Fr && count == 0;
            Some(format!("{} {}", say::counted(count, language, *gender), if is_one { one } else { many }))
        }
        Format::Date => {
            let text = cell.plain();
            let date: Date = text.get(..10).unwrap_or(&text).parse().ok()?;
            Some(say::date(date, language, today))
        }
        Format::Amount => {
            let cents = (cell.number()? * 100.0).round();
            (cents.abs() < 1e15).then(|| euros(cents as i64, language))
        }
        Format::Cents => Some(euros(whole(cell)?, language)),
        Format::Digits => Some(say::characters(&cell.plain(), language)),
        Format::Time => {
            let text = cell.plain();
            let time = text.parse().or_else(|_| format!("{text}:00").parse()).ok()?;
            Some(say::time(time, language))
        }
    }
}

fn euros(cents: i64, language: Language) -> String {
    say::amount(Amount { cents, currency: Currency::Eur }, language)
}

fn whole(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Whole(number) => Some(*number),
        Cell::Text(text) => text.trim().parse().ok(),
        Cell::Real(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        Cell::Real(_) | Cell::Null => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day() -> Date {
        jiff::civil::date(2026, 11, 26)
    }

    fn row(cells: &[(&str, Cell)]) -> Row {
        cells.iter().map(|(name, cell)| ((*name).to_owned(), cell.clone())).collect()
    }

    #[test]
    fn values_are_put_in_their_places() {
        let template =
            Template::parse("{name} : {quantity:count une boîte|boîtes}, prix {price:cents}.").unwrap();
        assert_eq!(template.names().collect::<Vec<_>>(), ["name", "quantity", "price"]);
        let values = row(&[
            ("name", Cell::Text("Valmirine".into())),
            ("quantity", Cell::Whole(1)),
            ("price", Cell::Whole(4250)),
        ]);
        let said = template.render(&values, Language::Fr, day()).unwrap();
        assert!(said.starts_with("Valmirine : une boîte, prix quarante-deux euros"), "{said}");
    }

    #[test]
    fn a_value_that_is_not_there_or_not_of_its_kind_says_nothing() {
        let template = Template::parse("le {day:date}").unwrap();
        for cell in [Cell::Null, Cell::Text("bientôt".into()), Cell::Real(1.5)] {
            assert_eq!(template.render(&row(&[("day", cell)]), Language::Fr, day()), None);
        }
        assert_eq!(template.render(&Row::new(), Language::Fr, day()), None);
    }

    #[test]
    fn wrong_templates_are_refused() {
        for (text, error) in [
            ("{", Error::Braces),
            ("}", Error::Braces),
            ("{a{b}}", Error::Braces),
            ("{}", Error::Nameless),
            ("{:date}", Error::Nameless),
            ("{a:shout}", Error::Format { format: "shout".into() }),
            ("{a:count boîte}", Error::Format { format: "count boîte".into() }),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z{}:| ]{0,40}") {
            let _ = Template::parse(&text);
        }
    }
}
