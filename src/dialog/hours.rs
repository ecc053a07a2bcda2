//! When a team can be reached: opening hours by day of the week, public holidays of four countries, closed days.
//!
//! Sources of the holidays: France, Code du travail L3133-1; Belgium, royal decree of 18 April 1974; the Netherlands,
//! Algemene termijnenwet art. 3 (Liberation Day every five years is when most offices close; it is taken every fifth
//! year); England and Wales, Banking and Financial Dealings Act 1971 with its substitute days.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time, Weekday, date};

/// The holidays of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Holidays {
    /// None.
    #[default]
    None,
    /// France.
    France,
    /// Belgium.
    Belgium,
    /// The Netherlands.
    Netherlands,
    /// England and Wales.
    England,
}

/// From a time of day to another, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// When it opens.
    pub from: Time,
    /// When it closes; `None`: at midnight.
    pub to: Option<Time>,
}

/// When a team can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hours {
    /// Day and night.
    Always,
    /// By the day of the week, Monday first.
    Weekly {
        /// Stretches of each day.
        days: [Vec<Stretch>; 7],
        /// On these it is closed.
        holidays: Holidays,
        /// Further days on which it is closed.
        closed_on: BTreeSet<Date>,
    },
}

impl Hours {
    /// Whether it is open at the local time `at`.
    pub fn is_open(&self, at: DateTime) -> bool {
        let Self::Weekly { days, holidays, closed_on } = self else { return true };
        let day = at.date();
        if closed_on.contains(&day) || is_holiday(day, *holidays) {
            return false;
        }
        let stretches = &days[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())];
        stretches
            .iter()
            .any(|stretch| at.time() >= stretch.from && stretch.to.is_none_or(|to| at.time() < to))
    }
}

/// Whether `day` is a public holiday.
pub fn is_holiday(day: Date, holidays: Holidays) -> bool {
    let fixed = |days: &[(i8, i8)]| days.contains(&(day.month(), day.day()));
    let easter = easter_sunday(day.year());
    let from_easter = |days: &[i32]| {
        days.iter().any(|&count| easter.checked_add(count.days()).is_ok_and(|found| found == day))
    };
    match holidays {
        Holidays::None => false,
        Holidays::France => {
            fixed(&[(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)])
                || from_easter(&[1, 39, 50])
        }
        Holidays::Belgium => {
            fixed(&[(1, 1), (5, 1), (7, 21), (8, 15), (11, 1), (11, 11), (12, 25)])
                || from_easter(&[1, 39, 50])
        }
        Holidays::Netherlands => {
            fixed(&[(1, 1), (12, 25), (12, 26)])
                || from_easter(&[0, 1, 39, 49, 50])
                || kings_day(day.year()) == day
                || (day.year() % 5 == 0 && fixed(&[(5, 5)]))
        }
        Holidays::England => {
            fixed(&[(1, 1), (12, 25), (12, 26)])
                || from_easter(&[-2, 1])
                || bank_holidays(day.year()).contains(&day)
        }
    }
}

/// 27 April, or the day before when that is a Sunday.
fn kings_day(year: i16) -> Date {
    let day = date(year, 4, 27);
    if day.weekday() == Weekday::Sunday { date(year, 4, 26) } else { day }
}

/// Those of England and Wales that do not move with Easter, on the days when they are taken: one that falls on a weekend on
/// the next free weekday. The day itself is one too.
fn bank_holidays(year: i16) -> [Date; 6] {
    let new_year = weekday_from(date(year, 1, 1));
    let christmas = date(year, 12, 25);
    let (christmas, boxing) = match christmas.weekday() {
        Weekday::Friday => (christmas, date(year, 12, 28)),
        Weekday::Saturday => (date(year, 12, 27), date(year, 12, 28)),
        Weekday::Sunday => (date(year, 12, 27), date(year, 12, 26)),
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday => {
            (christmas, date(year, 12, 26))
        }
    };
    let first_monday = |month| from_on(date(year, month, 1), Weekday::Monday);
    let last_monday = |month: i8, last: i8| {
        (0_i8..7).map(|back| date(year, month, last - back)).find(|day| day.weekday() == Weekday::Monday)
    };
    let may = first_monday(5);
    [new_year, may, last_monday(5, 31).unwrap_or(may), last_monday(8, 31).unwrap_or(may), christmas, boxing]
}

/// `day`, or the Monday after it when it is on a weekend.
fn weekday_from(day: Date) -> Date {
    match day.weekday() {
        Weekday::Saturday | Weekday::Sunday => from_on(day, Weekday::Monday),
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday | Weekday::Friday => day,
    }
}

/// The first `weekday` from `day` on.
fn from_on(day: Date, weekday: Weekday) -> Date {
    let ahead = (7 + weekday.to_monday_zero_offset() - day.weekday().to_monday_zero_offset()) % 7;
    day.saturating_add(i32::from(ahead).days())
}

/// Easter Sunday of the Gregorian calendar (the anonymous algorithm, as in Meeus, *Astronomical Algorithms*, chapter 8).
fn easter_sunday(year: i16) -> Date {
    let year = i32::from(year);
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let skipped = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - skipped + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    // 1..=31 and 3..=4 by construction.
    date(year as i16, (days / 31) as i8, (days % 31 + 1) as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_falls_where_the_almanac_says() {
        for (year, month, day) in [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)] {
            assert_eq!(easter_sunday(year), date(year, month, day));
        }
    }

    #[test]
    fn holidays_are_those_of_the_country() {
        let cases = [
            (date(2026, 4, 6), [true, true, true, true]),
            (date(2026, 5, 14), [true, true, true, false]),
            (date(2026, 7, 14), [true, false, false, false]),
            (date(2026, 7, 21), [false, true, false, false]),
            (date(2026, 4, 27), [false, false, true, false]),
            (date(2026, 4, 3), [false, false, false, true]),
            (date(2026, 5, 4), [false, false, false, true]),
            (date(2026, 5, 25), [true, true, true, true]),
            (date(2026, 8, 31), [false, false, false, true]),
            (date(2026, 12, 28), [false, false, false, true]),
            (date(2026, 12, 26), [false, false, true, true]),
            (date(2022, 12, 25), [true, true, true, true]),
            (date(2022, 12, 27), [false, false, false, true]),
            (date(2028, 1, 1), [true, true, true, true]),
            (date(2028, 1, 3), [false, false, false, true]),
            (date(2026, 11, 26), [false, false, false, false]),
        ];
        for (day, expected) in cases {
            let found = [Holidays::France, Holidays::Belgium, Holidays::Netherlands, Holidays::England]
                .map(|country| is_holiday(day, country));
            assert_eq!(found, expected, "{day}");
        }
        assert!(is_holiday(date(2025, 4, 26), Holidays::Netherlands), "the king's day is not on a Sunday");
        assert!(!is_holiday(date(2025, 4, 27), Holidays::Netherlands));
    }

    #[test]
    fn a_team_is_open_from_the_first_to_before_the_last_minute() {
        let mut days: [Vec<Stretch>; 7] = Default::default();
        days[3] =
            vec![Stretch { from: jiff::civil::time(8, 0, 0, 0), to: Some(jiff::civil::time(20, 0, 0, 0)) }];
        let hours = Hours::Weekly {
            days,
            holidays: Holidays::France,
            closed_on: BTreeSet::from([date(2026, 12, 31)]),
        };
        let at = |day: Date, hour, minute| hours.is_open(day.at(hour, minute, 0, 0));
        let thursday = date(2026, 11, 26);
        assert!(!at(thursday, 7, 59));
        assert!(at(thursday, 8, 0));
        assert!(at(thursday, 19, 59));
        assert!(!at(thursday, 20, 0));
        assert!(!at(date(2026, 11, 27), 12, 0), "a day that is not named is closed");
        assert!(!at(date(2026, 12, 31), 12, 0), "closed on that day");
        assert!(!at(date(2026, 5, 14), 12, 0), "Ascension Day is a Thursday");
        assert!(Hours::Always.is_open(date(2026, 12, 25).at(3, 0, 0, 0)));
    }
}
