//! What a slot can hold, typed, each with one canonical text.

use std::fmt;

use jiff::civil::{Date, Time};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One day: `avant-hier`, `le quinze septembre`, `next Tuesday`.
    Date,
    /// Several days: `mars`, `le mois dernier`, `du 3 au 5 mars`.
    Period,
    /// A time of day: `quatorze heures trente`, `half past two`.
    Time,
    /// A sum of money.
    Amount,
    /// A whole number that is counted: `deux boîtes`.
    Number,
    /// A telephone number.
    Phone,
    /// A customer, order or contract number.
    Reference(Shape),
    /// A postcode of one of the countries of the context.
    Postcode,
    /// A place out of the list of the context.
    City,
    /// An e-mail address.
    Email,
    /// A name that is spelled letter by letter.
    Name,
    /// Yes or no.
    YesNo,
    /// A product out of the catalogue of the context.
    Product,
}

/// How a reference looks; the length decides how ambiguous numbers are read (`soixante dix` is 70 or 60 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Fewest characters.
    pub characters_min: u8,
    /// Most characters.
    pub characters_max: u8,
    /// Whether there are letters among the digits.
    pub letters: Letters,
}

/// Letters of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Letters {
    /// Digits only.
    None,
    /// Digits and letters in any order.
    Anywhere,
    /// This many letters, then digits: `FA 2026 113`.
    Before(u8),
}

/// A currency that people talk about on the telephone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Currency {
    /// Euro.
    Eur,
    /// Pound sterling.
    Gbp,
    /// United States dollar.
    Usd,
    /// Swiss franc.
    Chf,
}

/// A sum of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    /// In hundredths of the currency.
    pub cents: i64,
    /// Of what.
    pub currency: Currency,
}

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    /// First day.
    pub first: Date,
    /// Last day, never before the first.
    pub last: Date,
}

/// A value that was said. `Debug` shows its kind only: what was said must not reach a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// One day.
    Date(Date),
    /// Several days.
    Period(Period),
    /// A time of day, to the minute.
    Time(Time),
    /// A sum of money.
    Amount(Amount),
    /// A whole number.
    Number(i64),
    /// A telephone number in E.164 form, `+33612345678`.
    Phone(String),
    /// A customer, order or contract number: upper-case letters and digits.
    Reference(String),
    /// A postcode as its country writes it: `75011`, `1012 AB`, `SW1A 1AA`.
    Postcode(String),
    /// A place.
    City(Entity),
    /// An e-mail address in lower case.
    Email(String),
    /// A spelled name in upper case, without accents: `DUPONT`.
    Name(String),
    /// Yes (`true`) or no.
    YesNo(bool),
    /// A product.
    Product(Entity),
}

/// An entry of a list that was recognised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entity {
    /// Its key in the list.
    pub id: String,
    /// Its name as the list writes it.
    pub name: String,
}

impl Kind {
    /// One word for configuration, events and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Period => "period",
            Self::Time => "time",
            Self::Amount => "amount",
            Self::Number => "number",
            Self::Phone => "phone",
            Self::Reference(_) => "reference",
            Self::Postcode => "postcode",
            Self::City => "city",
            Self::Email => "email",
            Self::Name => "name",
            Self::YesNo => "yes_no",
            Self::Product => "product",
        }
    }
}

impl Shape {
    /// So many digits, no letters.
    pub const fn digits(min: u8, max: u8) -> Self {
        Self { characters_min: min, characters_max: max, letters: Letters::None }
    }

    /// Whether a reference of this shape may look like this.
    pub fn fits(&self, reference: &str) -> bool {
        let length = reference.chars().count();
        let lengths = usize::from(self.characters_min)..=usize::from(self.characters_max);
        let letters = |text: &str| text.chars().filter(|character| character.is_alphabetic()).count();
        lengths.contains(&length)
            && match self.letters {
                Letters::None => letters(reference) == 0,
                Letters::Anywhere => true,
                Letters::Before(count) => {
                    let count = usize::from(count);
                    let start: String = reference.chars().take(count).collect();
                    letters(&start) == count && letters(reference) == count
                }
            }
    }
}

impl Currency {
    /// Every currency.
    pub const ALL: [Self; 4] = [Self::Eur, Self::Gbp, Self::Usd, Self::Chf];

    /// ISO 4217 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Usd => "USD",
            Self::Chf => "CHF",
        }
    }
}

impl Value {
    /// The text that is stored, compared and put into a query: `2026-09-15`, `2026-03-01/2026-03-31`, `14:30`,
    /// `4250 EUR` (hundredths), `+33612345678`, `yes`, the id of a product or city.
    pub fn canonical(&self) -> String {
        match self {
            Self::Date(date) => date.to_string(),
            Self::Period(period) => format!("{}/{}", period.first, period.last),
            Self::Time(time) => format!("{:02}:{:02}", time.hour(), time.minute()),
            Self::Amount(amount) => format!("{} {}", amount.cents, amount.currency.code()),
            Self::Number(number) => number.to_string(),
            Self::Phone(text)
            | Self::Reference(text)
            | Self::Postcode(text)
            | Self::Email(text)
            | Self::Name(text) => text.clone(),
            Self::City(entity) | Self::Product(entity) => entity.id.clone(),
            Self::YesNo(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        }
    }

    /// One word, as [`Kind::name`].
    pub const fn kind_name(&self) -> &'static str {
        match self {
            Self::Date(_) => "date",
            Self::Period(_) => "period",
            Self::Time(_) => "time",
            Self::Amount(_) => "amount",
            Self::Number(_) => "number",
            Self::Phone(_) => "phone",
            Self::Reference(_) => "reference",
            Self::Postcode(_) => "postcode",
            Self::City(_) => "city",
            Self::Email(_) => "email",
            Self::Name(_) => "name",
            Self::YesNo(_) => "yes_no",
            Self::Product(_) => "product",
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Value({})", self.kind_name())
    }
}
