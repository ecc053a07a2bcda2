//! What is said, with places for values: `Oui, {name} est disponible : {quantity:count une boîte|boîtes} en stock.`
//!
//! A template is checked against the names that will be there when it is read; rendering then cannot fail, and can say
//! nothing but the words of the scenario and values of the row or of the caller.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::call::Language;
use crate::say::{self, Gender};
use crate::slots::{Amount, Currency, Period};
use crate::text::markup;

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
    /// A sum of money that a caller named, in its currency.
    Sum(Amount),
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
            Self::Sum(sum) => units(*sum).to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// The value as a number; texts that are written as one count.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Null => None,
            Self::Whole(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Sum(sum) => Some(units(*sum)),
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
    /// Days, from `2026-03-01/2026-03-31`.
    Period,
    /// Money, from a number of units of the currency; a sum that a caller named keeps its own.
    Amount(Currency),
    /// Money, from a whole number of hundredths of the currency.
    Cents(Currency),
    /// A telephone number, by the groups of the language.
    Phone,
    /// A postcode.
    Postcode,
    /// An e-mail address.
    Email,
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
pub struct Template {
    pieces: Vec<Piece>,
    /// Values are text in it, whatever signs they hold.
    is_markup: bool,
}

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
        Ok(Self { pieces, is_markup: markup::is_markup(text) })
    }

    /// The names of the values it needs, in order, repeated ones repeated.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Words(_) => None,
            Piece::Value { name, .. } => Some(name.as_str()),
        })
    }

    /// The sentence with `values`, said in `language` on the day `today`; `None` when a value that it needs is not
    /// there, is null, or is not of the kind that its format says: then nothing is said rather than something wrong.
    pub fn render(&self, values: &Row, language: Language, today: Date) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Value { name, format } => {
                    let cell = values.get(name).filter(|cell| **cell != Cell::Null)?;
                    let said = spoken(cell, format, language, today)?;
                    text.push_str(&if self.is_markup { markup::escaped(&said) } else { said });
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
        ("period", "") => Format::Period,
        ("amount", code) => Format::Amount(currency(code).ok_or_else(unknown)?),
        ("cents", code) => Format::Cents(currency(code).ok_or_else(unknown)?),
        ("phone", "") => Format::Phone,
        ("postcode", "") => Format::Postcode,
        ("email", "") => Format::Email,
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
    if let (Format::Amount(_) | Format::Cents(_), Cell::Sum(sum)) = (format, cell) {
        return Some(say::amount(*sum, language));
    }
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
        Format::Period => {
            let text = cell.plain();
            let (first, last) = text.split_once('/')?;
            let period = Period { first: first.parse().ok()?, last: last.parse().ok()? };
            (period.first <= period.last).then(|| say::period(&period, language, today))
        }
        Format::Amount(currency) => {
            let cents = (cell.number()? * 100.0).round();
            let sum = || Amount { cents: cents as i64, currency: *currency };
            (cents.abs() < 1e15).then(|| say::amount(sum(), language))
        }
        Format::Cents(currency) => {
            Some(say::amount(Amount { cents: whole(cell)?, currency: *currency }, language))
        }
        Format::Phone => {
            let text = cell.plain();
            let is_part = |sign: char| sign.is_ascii_digit() || matches!(sign, '+' | ' ' | '.' | '-' | '/');
            let is_number = text.contains(|sign: char| sign.is_ascii_digit()) && text.chars().all(is_part);
            is_number.then(|| say::phone(&text, language))
        }
        Format::Postcode => Some(say::postcode(&cell.plain(), language)),
        Format::Email => Some(say::email(&cell.plain(), language)),
        Format::Digits => Some(say::characters(&cell.plain(), language)),
        Format::Time => {
            let text = cell.plain();
            let time = text.parse().or_else(|_| format!("{text}:00").parse()).ok()?;
            Some(say::time(time, language))
        }
    }
}

/// The currency of a format: `amount gbp`; euros where none is named.
fn currency(code: &str) -> Option<Currency> {
    let named = || Currency::ALL.into_iter().find(|currency| currency.code().eq_ignore_ascii_case(code));
    if code.is_empty() { Some(Currency::Eur) } else { named() }
}

/// A sum in units of its currency.
fn units(sum: Amount) -> f64 {
    sum.cents as f64 / 100.0
}

fn whole(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Whole(number) => Some(*number),
        Cell::Text(text) => text.trim().parse().ok(),
        Cell::Real(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        Cell::Sum(sum) if sum.cents % 100 == 0 => Some(sum.cents / 100),
        Cell::Real(_) | Cell::Sum(_) | Cell::Null => None,
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
    fn a_sum_keeps_its_currency() {
        let template = Template::parse("{sum:amount}").unwrap();
        let said = |cell| template.render(&row(&[("sum", cell)]), Language::En, day());
        let pounds = Cell::Sum(Amount { cents: 5_000, currency: Currency::Gbp });
        assert_eq!(said(pounds.clone()).as_deref(), Some("fifty pounds"));
        assert_eq!(said(Cell::Real(50.0)).as_deref(), Some("fifty euros"));
        assert_eq!((pounds.plain().as_str(), pounds.number()), ("50", Some(50.0)));
        let british = Template::parse("{price:cents gbp}").unwrap();
        let said = british.render(&row(&[("price", Cell::Whole(250))]), Language::En, day());
        assert_eq!(said.as_deref(), Some("two pounds and fifty pence"));
    }

    #[test]
    fn periods_numbers_and_addresses_are_said_as_people_say_them() {
        for (template, value, expected) in [
            ("{x:period}", "2026-03-01/2026-03-31", "mars"),
            ("{x:phone}", "+33612345678", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
            ("{x:phone}", "01 99 00 12 37", "zéro un, quatre-vingt-dix-neuf, zéro zéro, douze, trente-sept"),
            ("{x:postcode}", "75011", "soixante-quinze, zéro un un"),
            ("{x:email}", "jean@exemple.fr", "jean arobase exemple point fr"),
        ] {
            let template = Template::parse(template).unwrap();
            let said = template.render(&row(&[("x", Cell::Text(value.into()))]), Language::Fr, day());
            assert_eq!(said.as_deref(), Some(expected));
        }
        for (template, value) in [("{x:period}", "mars"), ("{x:phone}", "inconnu")] {
            let template = Template::parse(template).unwrap();
            let said = template.render(&row(&[("x", Cell::Text(value.into()))]), Language::Fr, day());
            assert_eq!(said, None, "{value}");
        }
    }

    #[test]
    fn values_in_markup_are_text() {
        let template = Template::parse("<speak>{name} <break time='1s'/></speak>").unwrap();
        let said = template.render(&row(&[("name", Cell::Text("A<B> & \"C\"".into()))]), Language::Fr, day());
        let said = said.unwrap();
        assert_eq!(said, "<speak>A&lt;B&gt; &amp; &quot;C&quot; <break time='1s'/></speak>");
        assert!(markup::parse(&said).is_ok());
        let plain = Template::parse("{name}").unwrap();
        let said = plain.render(&row(&[("name", Cell::Text("Dupont & Fils".into()))]), Language::Fr, day());
        assert_eq!(said.as_deref(), Some("Dupont & Fils"));
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
            ("{a:amount sou}", Error::Format { format: "amount sou".into() }),
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
