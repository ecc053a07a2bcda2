//! Days, periods and times in words.

use jiff::civil::{Date, Time};

use super::numbers::{Gender, cardinal, ordinal, year};
use crate::call::Language;
use crate::slots::{Context, Period, day_without_year, month_without_year};

const MONTHS: [[&str; 12]; 3] = [
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ],
];

/// `le quinze septembre`, `the fifteenth of September`, `vijftien september`, with the year when the day without it
/// would be taken for another one.
pub fn date(date: Date, language: Language, today: Date) -> String {
    let day = day_and_month(date, language);
    let day = if language == Language::Nl { day } else { format!("{} {day}", the(language)) };
    if day_without_year(&Context::on(today), date.day(), date.month()) == Some(date) {
        return day;
    }
    format!("{day} {}", year(date.year(), language))
}

/// `mars`, `l'année deux mille vingt-cinq`, `du trois au cinq mars`.
pub fn period(period: &Period, language: Language, today: Date) -> String {
    let Period { first, last } = *period;
    if first == first.first_of_month() && last == first.last_of_month() {
        let month = month_name(first, language);
        return match month_without_year(&Context::on(today), first.month()) == Some(first) {
            true => month.to_owned(),
            false => format!("{month} {}", year(first.year(), language)),
        };
    }
    if first == first.first_of_year() && last == first.last_of_year() {
        return match language {
            Language::Fr => format!("l'année {}", year(first.year(), language)),
            Language::En => format!("the year {}", year(first.year(), language)),
            Language::Nl => format!("het jaar {}", year(first.year(), language)),
        };
    }
    let from = match (first.year() == last.year(), first.month() == last.month()) {
        (true, true) => day_alone(first, language),
        (true, false) => day_and_month(first, language),
        (false, _) => format!("{} {}", day_and_month(first, language), year(first.year(), language)),
    };
    let without_year = day_without_year(&Context::on(today), last.day(), last.month()) == Some(last);
    let until = match without_year && first.year() == last.year() {
        true => day_and_month(last, language),
        false => format!("{} {}", day_and_month(last, language), year(last.year(), language)),
    };
    match language {
        Language::Fr => format!("du {from} au {until}"),
        Language::En => format!("from the {from} to the {until}"),
        Language::Nl => format!("van {from} tot en met {until}"),
    }
}

/// `quatorze heures trente`, `two thirty p m`, `veertien uur dertig`.
pub fn time(time: Time, language: Language) -> String {
    let (hour, minute) = (i64::from(time.hour()), i64::from(time.minute()));
    let minutes = |from: &str| {
        if minute == 0 { String::new() } else { format!("{from}{}", cardinal(minute, language)) }
    };
    match language {
        Language::Fr => match (hour, minute) {
            (0, 0) => "minuit".to_owned(),
            (12, 0) => "midi".to_owned(),
            (0 | 1, _) => {
                let hour = if hour == 1 { "une" } else { "zéro" };
                format!("{hour} heure{}", minutes(" "))
            }
            (21, _) => format!("vingt et une heures{}", minutes(" ")),
            _ => format!("{} heures{}", cardinal(hour, language), minutes(" ")),
        },
        Language::En => {
            let part = if hour < 12 { "a m" } else { "p m" };
            let on_the_dial = if hour % 12 == 0 { 12 } else { hour % 12 };
            match (hour, minute) {
                (0, 0) => "midnight".to_owned(),
                (12, 0) => "noon".to_owned(),
                (_, 1..=9) => format!("{}{} {part}", cardinal(on_the_dial, language), minutes(" oh ")),
                _ => format!("{}{} {part}", cardinal(on_the_dial, language), minutes(" ")),
            }
        }
        Language::Nl => match (hour, minute) {
            (0, 0) => "middernacht".to_owned(),
            _ => format!("{} uur{}", cardinal(hour, language), minutes(" ")),
        },
    }
}

fn the(language: Language) -> &'static str {
    match language {
        Language::Fr => "le",
        Language::En => "the",
        Language::Nl => "de",
    }
}

fn day_alone(date: Date, language: Language) -> String {
    let day = date.day();
    match language {
        Language::Fr if day == 1 => "premier".to_owned(),
        Language::Fr | Language::Nl => cardinal(i64::from(day), language),
        Language::En => ordinal(u32::from(day.unsigned_abs()), language, Gender::Masculine),
    }
}

/// `quinze septembre`, `fifteenth of September`, `vijftien september`: without article and year.
pub fn day_and_month(date: Date, language: Language) -> String {
    let (day, month) = (day_alone(date, language), month_name(date, language));
    match language {
        Language::En => format!("{day} of {month}"),
        Language::Fr | Language::Nl => format!("{day} {month}"),
    }
}

fn month_name(date: Date, language: Language) -> &'static str {
    let language = match language {
        Language::Fr => 0,
        Language::En => 1,
        Language::Nl => 2,
    };
    MONTHS[language][usize::from(date.month().unsigned_abs()) - 1]
}
