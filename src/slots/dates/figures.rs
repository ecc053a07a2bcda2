//! Dates in figures: `15/09/2026`, `15.9.26`, `2026-09-15`.

use jiff::civil::Date;

use super::{Days, Spot};
use crate::slots::Context;
use crate::slots::words::{Gap, Words};

pub(super) fn at(words: &Words<'_>, context: &Context<'_>, at: usize) -> Option<Spot> {
    let number = |place: usize| -> Option<(i16, usize)> {
        let text = words.list.get(place)?.text;
        text.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
        Some((text.parse().ok()?, text.len()))
    };
    let separator = words.gap(at + 1);
    let is_separator = |gap: Gap| matches!(gap, Gap::Tight('/' | '.') | Gap::Hyphen);
    if !is_separator(separator) {
        return None;
    }
    let (first, first_len) = number(at)?;
    let (second, second_len) = number(at + 1)?;
    let third = number(at + 2).filter(|_| words.gap(at + 2) == separator);
    // A fourth group makes it a telephone number or an address.
    if third.is_some() && is_separator(words.gap(at + 3)) {
        return None;
    }
    let (date, end, score) = match third {
        Some((third, 4)) if first_len <= 2 => (day(third, second, first)?, at + 3, 0.97),
        Some((third, third_len)) if first_len == 4 && third_len <= 2 => {
            (day(first, second, third)?, at + 3, 0.97)
        }
        Some((third, 2)) if first_len <= 2 && separator == Gap::Tight('/') => {
            (day(full_year(third, context), second, first)?, at + 3, 0.9)
        }
        // `15/09`; with a full stop it would be a number.
        None if separator == Gap::Tight('/') && first_len <= 2 && second_len <= 2 => (
            super::day_without_year(context, i8::try_from(first).ok()?, i8::try_from(second).ok()?)?,
            at + 2,
            0.85,
        ),
        Some(_) | None => return None,
    };
    Some(Spot { days: Days::One(date), words: at..end, score })
}

/// `78` is a year of birth: two figures never mean more than this many years from today.
const YEARS_AHEAD_MAX: i16 = 20;

fn full_year(two_figures: i16, context: &Context<'_>) -> i16 {
    let year = context.today.year() / 100 * 100 + two_figures;
    if year > context.today.year() + YEARS_AHEAD_MAX { year - 100 } else { year }
}

fn day(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
