//! Dates, years and times.

use super::Piece;
use super::figures::is_figures;
use crate::call::Language;
use crate::slots::numbers::{Atom, Part, Reader, may_cross};
use crate::slots::pattern::{month, ordinal_at};
use crate::slots::times::{self, Clock, PartOfDay};
use crate::slots::words::Words;

/// `february twenty fifth twenty sixteen`, `premier janvier`, `drie maart`.
pub(super) fn date(words: &Words<'_>, at: usize) -> Option<Piece> {
    if words.language == Language::En {
        return english_month_first(words, at)
            .or_else(|| english_quarter(words, at))
            .or_else(|| english_day_first(words, at));
    }
    let (day_end, day, is_first) = day_at(words, at)?;
    let month_word = words.list.get(day_end).filter(|word| month(&word.folded, words.language).is_some())?;
    let day = match (words.language, is_first) {
        (Language::Fr, true) => "1ᵉʳ".to_owned(),
        _ => day.to_string(),
    };
    let (end, year) = with_year(words, day_end + 1);
    Some(Piece { end, text: format!("{day} {}{year}", month_word.text) })
}

/// A year by its halves (`nineteen ninety four`), a decade, a year before our era: nothing else says that it is one.
pub(super) fn year_alone(words: &Words<'_>, at: usize) -> Option<Piece> {
    if words.language == Language::Fr {
        return None;
    }
    if let Some((end, year)) = halves(words, at, 13..=20) {
        return Some(with_era(words, end, year));
    }
    if words.language == Language::En {
        if let Some(piece) = decade(words, at) {
            return Some(piece);
        }
        let (end, year) = halves(words, at, 1..=12)?;
        return era_at(words, end).is_some().then(|| with_era(words, end, year));
    }
    None
}

/// `huit heures du soir`, `eleven fifty three p m`, `veertien uur dertig`.
pub(super) fn clock(words: &Words<'_>, at: usize) -> Option<Piece> {
    if is_figures(words, at) || (at > 0 && ends_in_number(words, at)) {
        return None;
    }
    let clock = times::at_word(words, at)?;
    let text = match words.language {
        Language::Fr => french_clock(&clock)?,
        Language::En => english_clock(&clock, words, at)?,
        Language::Nl => dutch_clock(words, &clock, at),
    };
    Some(Piece { end: clock.end, text })
}

fn ends_in_number(words: &Words<'_>, at: usize) -> bool {
    let is_number = |part: &Part| !matches!(part.atom, Atom::And | Atom::Article | Atom::Repeat(_));
    words.parts[at - 1].iter().any(is_number) && may_cross(words, at)
}

fn french_clock(clock: &Clock) -> Option<String> {
    let time = clock.time()?;
    let (hour, minute) = (time.hour(), time.minute());
    Some(if minute == 0 { format!("{hour} h") } else { format!("{hour} h {minute:02}") })
}

fn english_clock(clock: &Clock, words: &Words<'_>, at: usize) -> Option<String> {
    // `noon` and `midnight` are words; an hour with nothing but a lead (`at seven`) stays one.
    if clock.end == at + 1 || words.folded(at) == "noon" {
        return None;
    }
    let part = match clock.part {
        Some(PartOfDay::Morning) => " a.m.",
        Some(PartOfDay::Afternoon | PartOfDay::Night) => " p.m.",
        None => "",
    };
    let hour = if clock.hour == 0 { 12 } else { clock.hour };
    Some(format!("{hour:02}:{:02}{part}", clock.minute))
}

fn dutch_clock(words: &Words<'_>, clock: &Clock, at: usize) -> String {
    // `half tien` and `kwart voor drie` are written as they are said; so is the part of the day.
    if clock.part.is_some() || !(at..clock.end).any(|at| words.folded(at) == "uur") {
        return words.text[words.span(&(at..clock.end))].to_owned();
    }
    match clock.minute {
        0 => format!("{} uur", clock.hour),
        minute => format!("{}.{minute:02} uur", clock.hour),
    }
}

fn english_month_first(words: &Words<'_>, at: usize) -> Option<Piece> {
    let word = words.list.get(at).filter(|word| month(&word.folded, Language::En).is_some())?;
    if let Some((end, year)) = year_at(words, at + 1) {
        return Some(Piece { end, text: format!("{} {year}", word.text) });
    }
    let behind = at + 1 + usize::from(words.folded(at + 1) == "the");
    let (end, day, _) = day_at(words, behind).filter(|_| may_cross(words, behind))?;
    let (end, year) = with_year(words, end);
    Some(Piece { end, text: format!("{} {day}{year}", word.text) })
}

fn english_day_first(words: &Words<'_>, at: usize) -> Option<Piece> {
    let has_article = words.folded(at) == "the";
    let (day_end, day, _) = day_at(words, at + usize::from(has_article))?;
    let has_of = words.folded(day_end) == "of";
    // `two may` is no date; the article or `of` or a year tells.
    let month_at = day_end + usize::from(has_of);
    let word = words.list.get(month_at).filter(|word| month(&word.folded, Language::En).is_some())?;
    let (end, year) = with_year(words, month_at + 1);
    let is_date =
        has_article || has_of || !year.is_empty() || !matches!(word.folded.as_str(), "may" | "march");
    is_date.then(|| Piece { end, text: format!("{day} {}{year}", word.text) })
}

/// `second quarter of twenty twenty two`
fn english_quarter(words: &Words<'_>, at: usize) -> Option<Piece> {
    let (end, quarter) = ordinal_at(words, at).filter(|(_, quarter)| (1..=4).contains(quarter))?;
    let length = words.phrase_at(end, &["quarter of", "quarter"])?;
    let (end, year) = year_at(words, end + length)?;
    Some(Piece { end, text: format!("Q{quarter} {year}") })
}

/// A day of a month: the word behind it, its number, and whether it is `premier`.
fn day_at(words: &Words<'_>, at: usize) -> Option<(usize, u32, bool)> {
    let is_day = |(_, day): &(usize, u32)| (1..=31).contains(day);
    if let Some((end, day)) = ordinal_at(words, at).filter(is_day) {
        return Some((end, day, day == 1));
    }
    let (end, day) = Reader::new(words, at).cardinal()?;
    let day = u32::try_from(day).ok().filter(|day| is_day(&(end, *day)))?;
    Some((end, day, false))
}

fn with_year(words: &Words<'_>, at: usize) -> (usize, String) {
    match year_at(words, at) {
        Some((end, year)) => (end, format!(" {year}")),
        None => (at, String::new()),
    }
}

/// A year from 1000 to 2100 in one number or by its halves.
fn year_at(words: &Words<'_>, at: usize) -> Option<(usize, u32)> {
    if !may_cross(words, at) {
        return None;
    }
    if let Some((end, year)) = Reader::new(words, at).cardinal()
        && (1_000..2_100).contains(&year)
    {
        return Some((end, u32::try_from(year).ok()?));
    }
    if words.language == Language::Fr { None } else { halves(words, at, 13..=20) }
}

/// Two numbers that make a year: `nineteen ninety four`, `twenty oh five`; no number follows.
fn halves(words: &Words<'_>, at: usize, centuries: std::ops::RangeInclusive<u32>) -> Option<(usize, u32)> {
    let (middle, century) = Reader::new(words, at).groups().into_iter().next()?;
    if !centuries.contains(&century) || !may_cross(words, middle) || is_figures(words, at) {
        return None;
    }
    let (end, rest) = match words.parts.get(middle)?.as_slice() {
        [Part { atom: Atom::Oh, .. }] => {
            Reader::new(words, middle + 1).groups().into_iter().next().filter(|(_, rest)| *rest < 10)?
        }
        _ => Reader::new(words, middle).groups().into_iter().next()?,
    };
    let is_oh = end > middle + 1 && matches!(words.parts[middle].as_slice(), [Part { atom: Atom::Oh, .. }]);
    let is_rest = is_oh || (10..100).contains(&rest);
    let goes_on = may_cross(words, end) && Reader::new(words, end).cardinal().is_some();
    (is_rest && !goes_on).then_some((end, century * 100 + rest))
}

/// `nineteen eighties`
fn decade(words: &Words<'_>, at: usize) -> Option<Piece> {
    const DECADES: [&str; 8] =
        ["twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"];
    let (end, century) = Reader::new(words, at).groups().into_iter().next()?;
    let decade = DECADES.iter().position(|decade| *decade == words.folded(end))?;
    (13..=20)
        .contains(&century)
        .then(|| Piece { end: end + 1, text: format!("{}s", century * 100 + (decade as u32 + 2) * 10) })
}

fn with_era(words: &Words<'_>, end: usize, year: u32) -> Piece {
    match era_at(words, end) {
        Some((end, era)) => Piece { end, text: format!("{year}{era}") },
        None => Piece { end, text: year.to_string() },
    }
}

fn era_at(words: &Words<'_>, at: usize) -> Option<(usize, &'static str)> {
    let phrases = [("b c", "BC"), ("bc", "BC"), ("a d", "AD"), ("b c e", "BCE")];
    phrases
        .into_iter()
        .filter_map(|(phrase, era)| Some((at + words.phrase_at(at, &[phrase])?, era)))
        .max_by_key(|(end, _)| *end)
}
