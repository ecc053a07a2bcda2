//! Slots: what a caller says, as typed values, and numbers as people write them.
//!
//! Place in the flow: a turn's text, with what the dialogue wants to know, becomes values ([`find`]); names of a
//! catalogue are put right in a text ([`catalog`]); a text with number words becomes one with figures ([`written`]).
//! French, English and Dutch, as a recogniser writes them: with words or figures, hyphens, capitals and punctuation
//! or without.
//!
//! Spans are byte ranges of the given text, on character boundaries. Scores are 0 to 1 and mean: 0.9 and more is said
//! in full and can be taken; 0.6 to 0.9 was completed or chosen among readings and deserves a confirmation; less is a
//! guess. Nothing here reads a clock (today is an argument), keeps or logs a text.

mod amounts;
mod answers;
pub mod catalog;
mod context;
mod correction;
mod dates;
mod digits;
mod electronic;
mod numbers;
mod pattern;
mod phones;
mod places;
mod references;
mod spelling;
#[cfg(test)]
mod tests;
mod times;
mod value;
mod words;
mod written;

use std::ops::Range;

pub use catalog::{Catalog, Change, Corrected, Entry, Match, correct};
pub use context::{Context, Country, Tense};
pub use dates::{day_without_year, month_without_year};
pub use value::{Amount, Currency, Entity, Kind, Letters, Period, Shape, Value};
pub use written::written;

use self::words::Words;
use crate::call::Language;

/// A value that was found in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which of the wanted kinds it is.
    pub kind: Kind,
    /// What was said.
    pub value: Value,
    /// Where, in bytes of the text; with a correction (`douze, non pardon, treize`) all of it.
    pub span: Range<usize>,
    /// How sure the reading is, 0 to 1.
    pub score: f32,
}

/// The values of the `wanted` kinds in `text`, by kind in the order wanted, then from left to right.
///
/// Values of one kind do not overlap; values of two kinds may, when both were wanted and the words allow both
/// (`soixante-quinze mille` is a number and a postcode): the dialogue knows which one it asked for.
pub fn find(text: &str, language: Language, context: &Context<'_>, wanted: &[Kind]) -> Vec<Found> {
    let words = Words::of(text, language);
    wanted.iter().flat_map(|kind| find_kind(&words, context, *kind)).collect()
}

fn find_kind(words: &Words<'_>, context: &Context<'_>, kind: Kind) -> Vec<Found> {
    let located = match kind {
        Kind::Date => dates::days(words, context),
        Kind::Period => dates::periods(words, context),
        Kind::Time => times::find(words),
        Kind::Amount => amounts::find(words),
        Kind::Number => numbers::find(words),
        Kind::Phone => phones::find(words, context),
        Kind::Reference(shape) => references::find(words, shape),
        Kind::Postcode => places::postcodes(words, context),
        Kind::City => places::entities(words, context.cities, Value::City),
        Kind::Email => electronic::find(words),
        Kind::Name => spelling::find(words),
        Kind::YesNo => answers::find(words),
        Kind::Product => places::entities(words, context.products, Value::Product),
    };
    located
        .into_iter()
        .map(|Located { value, words: range, score }| Found { kind, value, span: words.span(&range), score })
        .collect()
}

/// What was found, as canonical texts.
#[cfg(test)]
fn canonical(found: Vec<Located>) -> Vec<String> {
    found.into_iter().map(|located| located.value.canonical()).collect()
}

/// A value with the words it was read from.
#[derive(Debug, Clone, PartialEq)]
struct Located {
    value: Value,
    words: Range<usize>,
    score: f32,
}
