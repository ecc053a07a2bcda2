//! Days and periods, relative to the day of the call.
//!
//! The phrases of the three languages are tables ([`phrases`]); [`resolve`] makes days of their meanings. At each place
//! the longest phrase wins, so that `le 15 mars` is one day and not the month of March too.

mod figures;
mod phrases;
mod resolve;
#[cfg(test)]
mod tests;

use std::ops::Range;

use jiff::civil::Date;

use super::correction::marker_at;
use super::numbers::Reader;
use super::pattern::{Captures, longest, of};
use super::words::{Gap, Words};
use super::{Context, Located, Period, Value};
use crate::call::Language;

pub use resolve::{day_without_year, month_without_year};

/// What a phrase means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    One(DayMeaning),
    Several(PeriodMeaning),
}

/// A day. `{…}` are the gaps that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayMeaning {
    /// So many days from today.
    Days(i32),
    /// `{n}` units from today, or before.
    Ahead(Unit),
    Ago(Unit),
    /// `{w}`
    Weekday(Toward),
    /// `{w}`: in the week that is so many weeks from this one.
    WeekdayOfWeek(i32),
    /// `{w}`: so many days behind the next one.
    WeekdayBehind(i32),
    /// `{d} {m}`, perhaps `{y}`
    DayMonth(Toward),
    /// `{d}` alone.
    Day,
    /// `{d}` of the month that is so many months from this one.
    DayOfMonth(i32),
}

/// Several days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeriodMeaning {
    /// `{m}`, perhaps `{y}`
    Month(Toward),
    /// A third of a `{m}`.
    PartOfMonth(Third),
    /// The month, week, year, week-end, quarter so many from this one.
    Months(i32),
    Weeks(i32),
    Years(i32),
    Weekend(i32),
    Quarters(i32),
    /// `{y}`
    Year,
    /// `{o}`, perhaps `{y}`: of three or six months.
    Quarter,
    Half,
    /// The last or next `{n}` units.
    Last(Unit),
    Next(Unit),
    /// `{d} {d} {m}`, perhaps `{y}`
    FromDayToDay,
    /// `{d} {m} {d} {m}`, perhaps `{y}`
    FromDateToDate,
    /// `{m} {m}`, perhaps `{y}`
    FromMonthToMonth,
    /// `{d} {m}` or `{m}`, until today.
    Since,
    /// The week with `{d} {m}`.
    WeekOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Days,
    Weeks,
    Months,
    Years,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Toward {
    /// As the context says.
    Open,
    /// `prochain`
    Next,
    /// `dernier`
    Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Third {
    Start,
    Middle,
    End,
}

/// A day or a period with the words it was read from.
#[derive(Debug, Clone, PartialEq)]
struct Spot {
    days: Days,
    words: Range<usize>,
    score: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    One(Date),
    Several(Period),
}

/// Days, for [`super::Kind::Date`].
pub(super) fn days(words: &Words<'_>, context: &Context<'_>) -> Vec<Located> {
    spots(words, context)
        .into_iter()
        .filter_map(|spot| match spot.days {
            Days::One(date) => {
                Some(Located { value: Value::Date(date), words: spot.words, score: spot.score })
            }
            Days::Several(_) => None,
        })
        .collect()
}

/// Periods, for [`super::Kind::Period`].
pub(super) fn periods(words: &Words<'_>, context: &Context<'_>) -> Vec<Located> {
    spots(words, context)
        .into_iter()
        .filter_map(|spot| match spot.days {
            Days::Several(period) => {
                Some(Located { value: Value::Period(period), words: spot.words, score: spot.score })
            }
            Days::One(_) => None,
        })
        .collect()
}

fn spots(words: &Words<'_>, context: &Context<'_>) -> Vec<Spot> {
    let mut spots: Vec<Spot> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match look(words, context, at) {
            Looked::Found(spot) => {
                let spot = corrected(words, context, spot);
                at = spot.words.end;
                spots.push(spot);
            }
            // `novembre` of `le 31 novembre` is no month that was meant.
            Looked::Impossible { end } => at = end,
            Looked::Nothing => at += 1,
        }
    }
    spots
}

/// What stands in one place.
enum Looked {
    Found(Spot),
    /// A phrase up to this word of which there is no such day.
    Impossible {
        end: usize,
    },
    Nothing,
}

fn look(words: &Words<'_>, context: &Context<'_>, at: usize) -> Looked {
    let by_figures = figures::at(words, context, at);
    let by_phrase = longest(of(&phrases::TABLES, words.language), words, at);
    match (by_figures, by_phrase) {
        (Some(spot), None) => Looked::Found(spot),
        (Some(spot), Some((_, end, _))) if spot.words.end >= end => Looked::Found(spot),
        (_, Some((rule, end, captures))) => {
            if let Some(spot) = year_first(words, context, at) {
                return Looked::Found(spot);
            }
            let (end, captures) = with_year_behind(words, context, (rule.meaning, end, captures));
            if is_other_word(words, rule.meaning, &(at..end)) {
                return Looked::Nothing;
            }
            match resolve::resolve(rule.meaning, &captures, context, words.language) {
                Some((days, score)) => Looked::Found(Spot { days, words: at..end, score }),
                None => Looked::Impossible { end },
            }
        }
        (None, None) => Looked::Nothing,
    }
}

/// `mars de l'année dernière`, `March last year`: the year of a phrase that says none itself.
fn with_year_behind(
    words: &Words<'_>,
    context: &Context<'_>,
    (meaning, end, mut captures): (Meaning, usize, Captures),
) -> (usize, Captures) {
    if !lacks_year(meaning, &captures) || words.gap(end) == Gap::Stop {
        return (end, captures);
    }
    match year_at(words, context, end) {
        Some((behind, year)) => {
            captures.years.push(year);
            (behind, captures)
        }
        None => (end, captures),
    }
}

/// `l'année dernière en mars`, `vorig jaar maart`: the year stands before what it belongs to.
fn year_first(words: &Words<'_>, context: &Context<'_>, at: usize) -> Option<Spot> {
    let (start, year) = year_at(words, context, at)?;
    if words.gap(start) == Gap::Stop {
        return None;
    }
    let leads = ["en", "in", "au mois de", "au mois d", "le", "on", "op"];
    let start = start + words.phrase_at(start, &leads).unwrap_or(0);
    let (rule, end, mut captures) = longest(of(&phrases::TABLES, words.language), words, start)?;
    if !lacks_year(rule.meaning, &captures) {
        return None;
    }
    captures.years.push(year);
    let (days, score) = resolve::resolve(rule.meaning, &captures, context, words.language)?;
    Some(Spot { days, words: at..end, score })
}

/// Whether a phrase names a part of a year and not the year.
fn lacks_year(meaning: Meaning, captures: &Captures) -> bool {
    let is_part = !captures.months.is_empty()
        || matches!(meaning, Meaning::Several(PeriodMeaning::Quarter | PeriodMeaning::Half));
    let is_open = !matches!(
        meaning,
        Meaning::One(DayMeaning::DayMonth(Toward::Next | Toward::Last))
            | Meaning::Several(PeriodMeaning::Month(Toward::Next | Toward::Last) | PeriodMeaning::WeekOf)
    );
    is_part && is_open && captures.years.is_empty()
}

/// A year that is said by its distance from this one: the word behind it, and the year.
fn year_at(words: &Words<'_>, context: &Context<'_>, at: usize) -> Option<(usize, i16)> {
    let said: [(&str, i16); 3] = match words.language {
        Language::Fr => [
            (
                "de l annee derniere|de l annee passee|de l annee precedente|de l an dernier|de l an passe|\
                 l annee derniere|l annee passee|l an dernier|l an passe",
                -1,
            ),
            ("de cette annee|cette annee|de l annee en cours", 0),
            ("de l annee prochaine|de l an prochain|l annee prochaine|l an prochain", 1),
        ],
        Language::En => [
            ("of last year|last year|of the previous year|of the last year", -1),
            ("of this year|this year", 0),
            ("of next year|next year", 1),
        ],
        Language::Nl => [
            (
                "van vorig jaar|vorig jaar|van afgelopen jaar|afgelopen jaar|van verleden jaar|verleden jaar",
                -1,
            ),
            ("van dit jaar|dit jaar", 0),
            ("van volgend jaar|volgend jaar|van komend jaar|komend jaar", 1),
        ],
    };
    said.into_iter()
        .find_map(|(phrases, years)| Some((at + words.phrase_in(at, phrases)?, context.today.year() + years)))
}

/// Phrases that are something else in this place: `may` and `march` are verbs, `le deux` may go on with anything.
fn is_other_word(words: &Words<'_>, meaning: Meaning, range: &Range<usize>) -> bool {
    match meaning {
        Meaning::One(DayMeaning::Day) => !matches!(words.gap(range.end), Gap::Stop | Gap::Comma),
        Meaning::Several(PeriodMeaning::Month(Toward::Open))
            if range.len() == 1 && words.language == Language::En =>
        {
            const LEADS: [&str; 22] = [
                "of", "in", "for", "from", "since", "last", "next", "this", "my", "the", "your", "during",
                "until", "till", "by", "to", "and", "or", "before", "after", "mid", "about",
            ];
            let word = words.folded(range.start);
            let is_verb = matches!(word, "may" | "march");
            let leads = range.start > 0 && LEADS.contains(&words.folded(range.start - 1));
            is_verb && !leads && words.len() > 1
        }
        // `goede morgen`, `elke morgen`: the morning, not the day that comes.
        Meaning::One(DayMeaning::Days(1)) if words.language == Language::Nl => {
            const LEADS: [&str; 7] = ["goede", "goeie", "elke", "iedere", "de", "fijne", "hele"];
            let is_morning = words.folded(range.start) == "morgen";
            is_morning && range.start > 0 && LEADS.contains(&words.folded(range.start - 1))
        }
        // A number between 1900 and 2099 that nothing calls a year.
        Meaning::Several(PeriodMeaning::Year) => {
            const LEADS: [&str; 9] = ["en", "in", "annee", "year", "jaar", "de", "of", "since", "depuis"];
            range.start == 0 || !LEADS.contains(&words.folded(range.start - 1))
        }
        Meaning::One(_) | Meaning::Several(_) => false,
    }
}

/// `le douze mars, non pardon, treize`; `mars, enfin avril`.
fn corrected(words: &Words<'_>, context: &Context<'_>, spot: Spot) -> Spot {
    let Some(length) = marker_at(words, spot.words.end) else { return spot };
    let at = spot.words.end + length;
    let words_until = |end: usize| spot.words.start..end;
    if let Looked::Found(next) = look(words, context, at) {
        let days = match (spot.days, next.days) {
            // Only the month was wrong.
            (Days::One(date), Days::Several(month)) if words.len() > at && next.words.len() == 1 => {
                date.with().month(month.first.month()).build().map(Days::One).unwrap_or(next.days)
            }
            (_, days) => days,
        };
        return Spot { days, words: words_until(next.words.end), score: next.score.min(0.85) };
    }
    let day = Reader::new(words, at).groups().into_iter().find(|(_, day)| (1..=31).contains(day));
    match (spot.days, day) {
        (Days::One(date), Some((end, day))) => {
            let replaced = i8::try_from(day).ok().and_then(|day| date.with().day(day).build().ok());
            match replaced {
                Some(date) => Spot { days: Days::One(date), words: words_until(end), score: 0.8 },
                None => spot,
            }
        }
        _ => spot,
    }
}
