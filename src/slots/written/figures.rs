//! Cardinals and decimals in figures.

use super::Piece;
use crate::call::Language;
use crate::slots::numbers::{Atom, Numeric, Part};
use crate::slots::words::Words;

/// Below this a number that stands alone stays a word.
const SMALLEST: u128 = 10;
/// Above this the scale stays a word: `8 million`.
const WRITTEN_SCALE: u128 = 1_000_000;

/// Whether digits stand in groups of three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grouping {
    /// `18450990`: bare numbers, which may be a reference as well.
    None,
    /// `80 000` in French: sums and measures from five digits on.
    Thousands,
}

/// A number that stands alone.
pub(super) fn number(words: &Words<'_>, at: usize) -> Option<Piece> {
    if let Some(piece) = super::calendar::year_alone(words, at) {
        return Some(piece);
    }
    let number = Numeric::at(words, at)?;
    let is_small = number.end == at + 1 && number.whole < SMALLEST && number.fraction.is_empty();
    let all_figures = (at..number.end).all(|at| is_figures(words, at));
    // `3 millions` is written so already.
    let has_figures = is_figures(words, at) && number.fraction.is_empty();
    if is_small || all_figures || has_figures {
        return None;
    }
    Some(Piece { end: number.end, text: text(words, at, &number, Grouping::None) })
}

pub(super) fn is_figures(words: &Words<'_>, at: usize) -> bool {
    words.list.get(at).is_some_and(|word| word.text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The number that starts at `at` in figures; as it stands when it is in figures.
pub(super) fn text(words: &Words<'_>, at: usize, number: &Numeric, grouping: Grouping) -> String {
    if (at..number.end).all(|at| is_figures(words, at)) {
        return words.text[words.span(&(at..number.end))].to_owned();
    }
    let sign = if number.is_negative { "-" } else { "" };
    let (whole, scale) = match scale_word(words, number) {
        Some((count, word)) => (count, format!(" {word}")),
        None => (number.whole, String::new()),
    };
    let group = words.language == Language::Fr && grouping == Grouping::Thousands;
    let whole = match number.has_whole {
        true if group && whole >= 10_000 => in_groups(&whole.to_string(), Align::Right),
        true => whole.to_string(),
        false => String::new(),
    };
    let fraction = match words.language {
        _ if number.fraction.is_empty() => String::new(),
        Language::Fr => format!(",{}", in_groups(&number.fraction, Align::Left)),
        Language::En => format!(".{}", number.fraction),
        Language::Nl => format!(",{}", number.fraction),
    };
    format!("{sign}{whole}{fraction}{scale}")
}

/// Whether the scale of a number stays a word.
pub(super) fn keeps_scale(words: &Words<'_>, number: &Numeric) -> bool {
    scale_word(words, number).is_some()
}

/// `millions` of `cent vingt millions`, with what counts them.
fn scale_word<'w>(words: &'w Words<'_>, number: &Numeric) -> Option<(u128, &'w str)> {
    let last = number.end.checked_sub(1)?;
    let Some([Part { atom: Atom::Scale(scale), .. }]) = words.parts.get(last).map(Vec::as_slice) else {
        return None;
    };
    if *scale < WRITTEN_SCALE {
        return None;
    }
    // With decimals the scale was kept apart.
    if number.scale > 1 {
        return Some((number.whole, words.list[last].text));
    }
    let count = number.whole / scale;
    (number.whole.is_multiple_of(*scale) && count < 1_000 && number.fraction.is_empty())
        .then(|| (count, words.list[last].text))
}

enum Align {
    /// Groups from the end: `80 000`.
    Right,
    /// Groups from the decimal sign: `240 0`.
    Left,
}

fn in_groups(digits: &str, align: Align) -> String {
    let offset = match align {
        Align::Right => digits.len() % 3,
        Align::Left => 0,
    };
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (place + 3 - offset) % 3 == 0 {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}
