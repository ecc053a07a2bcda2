//! From what a phrase means to days.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

use super::{Captures, DayMeaning, Days, Meaning, PeriodMeaning, Third, Toward, Unit};
use crate::call::Language;
use crate::slots::{Context, Period, Tense};

/// Numbers of units beyond this are a mistake.
const UNITS_MAX: u32 = 1_000;

/// The days of a phrase with how sure they are; `None` when there is no such day (30 February).
pub(super) fn resolve(
    meaning: Meaning,
    captures: &Captures,
    context: &Context<'_>,
    language: Language,
) -> Option<(Days, f32)> {
    match meaning {
        Meaning::One(meaning) => {
            day(meaning, captures, context, language).map(|(date, score)| (Days::One(date), score))
        }
        Meaning::Several(meaning) => {
            period(meaning, captures, context).map(|(period, score)| (Days::Several(period), score))
        }
    }
}

fn day(
    meaning: DayMeaning,
    captures: &Captures,
    context: &Context<'_>,
    language: Language,
) -> Option<(Date, f32)> {
    let today = context.today;
    let one = |date: Date, score: f32| Some((date, score));
    match meaning {
        DayMeaning::Days(days) => one(today.checked_add(days.days()).ok()?, 0.96),
        DayMeaning::Ahead(unit) => {
            let (count, score) = idiom(*captures.numbers.first()?, unit, language);
            one(today.checked_add(span(unit, count)?).ok()?, score)
        }
        DayMeaning::Ago(unit) => {
            let (count, score) = idiom(*captures.numbers.first()?, unit, language);
            one(today.checked_sub(span(unit, count)?).ok()?, score)
        }
        DayMeaning::Weekday(toward) => {
            let (date, score) = weekday(context, *captures.weekdays.first()?, toward)?;
            one(date, score)
        }
        DayMeaning::WeekdayOfWeek(weeks) => {
            let monday = monday_of(today, weeks)?;
            let offset = captures.weekdays.first()?.to_monday_zero_offset();
            one(monday.checked_add(i32::from(offset).days()).ok()?, 0.95)
        }
        DayMeaning::WeekdayBehind(days) => {
            let next = today.nth_weekday(1, *captures.weekdays.first()?).ok()?;
            one(next.checked_add(days.days()).ok()?, 0.9)
        }
        DayMeaning::DayMonth(toward) => {
            let (day, month) = (*captures.days.first()?, *captures.months.first()?);
            match captures.years.first() {
                Some(year) => one(Date::new(*year, month, day).ok()?, 0.97),
                None => one(toward_date(context, day, month, toward)?, 0.9),
            }
        }
        DayMeaning::Day => one(day_alone(context, *captures.days.first()?)?, 0.7),
        DayMeaning::DayOfMonth(months) => {
            let month = today.first_of_month().checked_add(months.months()).ok()?;
            one(month.with().day(*captures.days.first()?).build().ok()?, 0.93)
        }
    }
}

fn period(meaning: PeriodMeaning, captures: &Captures, context: &Context<'_>) -> Option<(Period, f32)> {
    let today = context.today;
    let year = captures.years.first().copied();
    let month_of = |month: i8, toward: Toward| match year {
        Some(year) => Date::new(year, month, 1).ok(),
        None => toward_month(context, month, toward),
    };
    match meaning {
        PeriodMeaning::Month(toward) => {
            let first = month_of(*captures.months.first()?, toward)?;
            Some((whole_month(first), if year.is_some() { 0.97 } else { 0.9 }))
        }
        PeriodMeaning::PartOfMonth(third) => {
            let first = month_of(*captures.months.first()?, Toward::Open)?;
            Some((third_of(first, third)?, 0.85))
        }
        PeriodMeaning::Months(months) => {
            Some((whole_month(today.first_of_month().checked_add(months.months()).ok()?), 0.95))
        }
        PeriodMeaning::Weeks(weeks) => Some((days_from(monday_of(today, weeks)?, 6)?, 0.95)),
        PeriodMeaning::Weekend(weeks) => {
            Some((days_from(monday_of(today, weeks)?.checked_add(5.days()).ok()?, 1)?, 0.9))
        }
        PeriodMeaning::Years(years) => {
            let first = today.first_of_year().checked_add(years.years()).ok()?;
            Some((Period { first, last: first.last_of_year() }, 0.95))
        }
        PeriodMeaning::Year => {
            let first = Date::new(year?, 1, 1).ok()?;
            Some((Period { first, last: first.last_of_year() }, 0.85))
        }
        PeriodMeaning::Quarter => part_of_year(context, *captures.numbers.first()?, 3, year),
        PeriodMeaning::Half => part_of_year(context, *captures.numbers.first()?, 6, year),
        PeriodMeaning::Quarters(quarters) => {
            let month = (today.month() - 1) / 3 * 3 + 1;
            let this = today.with().month(month).day(1).build().ok()?;
            let first = this.checked_add((quarters * 3).months()).ok()?;
            Some((months_from(first, 3)?, 0.93))
        }
        PeriodMeaning::Last(unit) => {
            let first = today.checked_sub(span(unit, *captures.numbers.first()?)?).ok()?;
            Some((Period { first, last: today }, 0.9))
        }
        PeriodMeaning::Next(unit) => {
            let last = today.checked_add(span(unit, *captures.numbers.first()?)?).ok()?;
            Some((Period { first: today, last }, 0.9))
        }
        PeriodMeaning::FromDayToDay | PeriodMeaning::FromDateToDate => from_to(captures, context),
        PeriodMeaning::FromMonthToMonth => {
            let (from, to) = (*captures.months.first()?, *captures.months.get(1)?);
            let last = month_of(to, Toward::Open)?;
            let first = last.with().month(from).build().ok()?;
            let first = if from > to { first.checked_sub(1.years()).ok()? } else { first };
            Some((Period { first, last: last.last_of_month() }, 0.9))
        }
        PeriodMeaning::Since => {
            let month = *captures.months.first()?;
            let day = captures.days.first().copied().unwrap_or(1);
            let first = match year {
                Some(year) => Date::new(year, month, day).ok()?,
                None => last_on_or_before(today, day, month)?,
            };
            (first <= today).then_some((Period { first, last: today }, 0.9))
        }
        PeriodMeaning::WeekOf => {
            let day = toward_date(context, *captures.days.first()?, *captures.months.first()?, Toward::Open)?;
            Some((days_from(monday_of(day, 0)?, 6)?, 0.9))
        }
    }
}

/// In French eight days are a week and fifteen a fortnight.
fn idiom(count: u32, unit: Unit, language: Language) -> (u32, f32) {
    match (language, unit, count) {
        (Language::Fr, Unit::Days, 8) => (7, 0.75),
        (Language::Fr, Unit::Days, 15) => (14, 0.75),
        _ => (count, 0.95),
    }
}

fn span(unit: Unit, count: u32) -> Option<Span> {
    let count = i64::from(Some(count).filter(|count| *count <= UNITS_MAX)?);
    Some(match unit {
        Unit::Days => count.days(),
        Unit::Weeks => count.weeks(),
        Unit::Months => count.months(),
        Unit::Years => count.years(),
    })
}

fn weekday(context: &Context<'_>, weekday: Weekday, toward: Toward) -> Option<(Date, f32)> {
    let today = context.today;
    let next = today.nth_weekday(1, weekday).ok()?;
    match toward {
        Toward::Last => Some((today.nth_weekday(-1, weekday).ok()?, 0.93)),
        // Within the same week some mean this one and some the one after.
        Toward::Next => {
            let is_this_week = monday_of(next, 0)? == monday_of(today, 0)?;
            Some((next, if is_this_week { 0.75 } else { 0.93 }))
        }
        Toward::Open if context.tense == Tense::Past => Some((
            if today.weekday() == weekday { today } else { today.nth_weekday(-1, weekday).ok()? },
            0.85,
        )),
        Toward::Open => Some((next, 0.88)),
    }
}

/// The day that is meant when no year is said; `None` when there is no such day.
pub fn day_without_year(context: &Context<'_>, day: i8, month: i8) -> Option<Date> {
    toward_date(context, day, month, Toward::Open)
}

/// The first day of the month that is meant when no year is said; `None` when there is no such month.
pub fn month_without_year(context: &Context<'_>, month: i8) -> Option<Date> {
    toward_month(context, month, Toward::Open)
}

fn toward_date(context: &Context<'_>, day: i8, month: i8, toward: Toward) -> Option<Date> {
    let today = context.today;
    let past = last_on_or_before(today, day, month);
    let future = first_on_or_after(today, day, month);
    match (toward, context.tense) {
        (Toward::Next, _) => first_on_or_after(today.tomorrow().ok()?, day, month),
        (Toward::Last, _) => last_on_or_before(today.yesterday().ok()?, day, month),
        (Toward::Open, Tense::Past) => past,
        (Toward::Open, Tense::Future) => future,
        (Toward::Open, Tense::Open) => {
            let distance = |date: Date| (date - today).get_days().unsigned_abs();
            // `future` first: of two equally near days the one to come.
            future.into_iter().chain(past).min_by_key(|date| distance(*date))
        }
    }
}

/// 29 February is looked for over more than one year.
const YEARS_TRIED: i16 = 8;

fn last_on_or_before(limit: Date, day: i8, month: i8) -> Option<Date> {
    (0..=YEARS_TRIED)
        .filter_map(|back| Date::new(limit.year() - back, month, day).ok())
        .find(|date| *date <= limit)
}

fn first_on_or_after(limit: Date, day: i8, month: i8) -> Option<Date> {
    (0..=YEARS_TRIED)
        .filter_map(|ahead| Date::new(limit.year() + ahead, month, day).ok())
        .find(|date| *date >= limit)
}

fn day_alone(context: &Context<'_>, day: i8) -> Option<Date> {
    let today = context.today;
    let of_month =
        |months: i32| today.first_of_month().checked_add(months.months()).ok()?.with().day(day).build().ok();
    let around: Vec<Date> = (-2..=2).filter_map(of_month).collect();
    match context.tense {
        Tense::Past => around.into_iter().rfind(|date| *date <= today),
        Tense::Future => around.into_iter().find(|date| *date >= today),
        Tense::Open => around.into_iter().rev().min_by_key(|date| (*date - today).get_days().unsigned_abs()),
    }
}

/// The first day of a month without a year.
fn toward_month(context: &Context<'_>, month: i8, toward: Toward) -> Option<Date> {
    let this = context.today.first_of_month();
    match (toward, context.tense) {
        (Toward::Next, _) => first_on_or_after(this.checked_add(1.months()).ok()?, 1, month),
        (Toward::Last, _) => last_on_or_before(this.checked_sub(1.months()).ok()?, 1, month),
        (Toward::Open, Tense::Future) => first_on_or_after(this, 1, month),
        (Toward::Open, Tense::Past | Tense::Open) => last_on_or_before(context.today, 1, month),
    }
}

fn whole_month(first: Date) -> Period {
    Period { first, last: first.last_of_month() }
}

fn third_of(first: Date, third: Third) -> Option<Period> {
    let day = |day: i8| first.with().day(day).build().ok();
    Some(match third {
        Third::Start => Period { first, last: day(10)? },
        Third::Middle => Period { first: day(11)?, last: day(20)? },
        Third::End => Period { first: day(21)?, last: first.last_of_month() },
    })
}

/// The `number`-th part of `months` months of a year; of the last one that has begun when no year is said.
fn part_of_year(context: &Context<'_>, number: u32, months: i8, year: Option<i16>) -> Option<(Period, f32)> {
    let number = i8::try_from(number).ok().filter(|number| (1..=12 / months).contains(number))?;
    let month = (number - 1) * months + 1;
    let first = match year {
        Some(year) => Date::new(year, month, 1).ok()?,
        None => toward_month(context, month, Toward::Open)?,
    };
    Some((months_from(first, months)?, if year.is_some() { 0.96 } else { 0.88 }))
}

fn months_from(first: Date, months: i8) -> Option<Period> {
    let last = first.checked_add(i32::from(months - 1).months()).ok()?.last_of_month();
    Some(Period { first, last })
}

fn days_from(first: Date, days: i32) -> Option<Period> {
    Some(Period { first, last: first.checked_add(days.days()).ok()? })
}

fn monday_of(day: Date, weeks: i32) -> Option<Date> {
    let back = i32::from(day.weekday().to_monday_zero_offset());
    day.checked_add((weeks * 7 - back).days()).ok()
}

/// `du 3 au 5 mars`, `du 28 décembre au 3 janvier`: the last day decides on the year.
fn from_to(captures: &Captures, context: &Context<'_>) -> Option<(Period, f32)> {
    let (from_day, to_day) = (*captures.days.first()?, *captures.days.get(1)?);
    let to_month = *captures.months.last()?;
    let from_month = *captures.months.first()?;
    let last = match captures.years.last() {
        Some(year) => Date::new(*year, to_month, to_day).ok()?,
        None => toward_date(context, to_day, to_month, Toward::Open)?,
    };
    let year = match captures.years.as_slice() {
        [first, _] => *first,
        _ => last.year(),
    };
    let mut first = Date::new(year, from_month, from_day).ok()?;
    if first > last && from_month > to_month {
        first = Date::new(year - 1, from_month, from_day).ok()?;
    }
    (first <= last).then_some((Period { first, last }, 0.93))
}
