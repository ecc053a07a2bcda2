//! Opening hours as they are written.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};
use toml::Spanned;

use super::config::ScenarioFile;
use super::dialog_file::HoursFile;
use super::planning::Writing;
use crate::dialog::hours::{Holidays, Hours, Stretch};

/// The time zone of a scenario that does not say.
const TIMEZONE: &str = "Europe/Paris";

/// `place` is where a mistake is shown.
pub(super) fn hours_of<T>((place, written): (&Spanned<T>, &HoursFile), writing: &mut Writing<'_>) -> Hours {
    let days = [
        &written.monday,
        &written.tuesday,
        &written.wednesday,
        &written.thursday,
        &written.friday,
        &written.saturday,
        &written.sunday,
    ];
    let days = days.map(|stretches| {
        let read = |text: &String| match stretch(text) {
            Some(stretch) => Some(stretch),
            None => {
                let problem = format!("`{text}` is no stretch of the day");
                writing.at(place, problem, "write for example \"08:00-20:00\"");
                None
            }
        };
        stretches.iter().filter_map(read).collect::<Vec<_>>()
    });
    let holidays = match written.holidays.as_deref() {
        None | Some("none") => Holidays::None,
        Some("fr") => Holidays::France,
        Some("be") => Holidays::Belgium,
        Some("nl") => Holidays::Netherlands,
        Some("uk") => Holidays::England,
        Some(other) => {
            writing.at(place, format!("`{other}` is no calendar"), "write fr, be, nl, uk or none");
            Holidays::None
        }
    };
    let mut closed_on = BTreeSet::new();
    for day in &written.closed_on {
        match day.parse::<Date>() {
            Ok(date) => {
                closed_on.insert(date);
            }
            Err(_) => writing.at(place, format!("`{day}` is no day"), "write for example \"2026-12-24\""),
        }
    }
    Hours::Weekly { days, holidays, closed_on }
}

/// `08:00-20:00`; `24:00` is midnight at its end.
fn stretch(text: &str) -> Option<Stretch> {
    let (from, to) = text.split_once('-')?;
    let time = |text: &str| -> Option<Time> {
        let (hour, minute) = text.trim().split_once(':')?;
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    let from = time(from)?;
    if to.trim() == "24:00" {
        return Some(Stretch { from, to: None });
    }
    let to = time(to)?;
    (to > from).then_some(Stretch { from, to: Some(to) })
}

pub(super) fn timezone(written: &ScenarioFile, writing: &mut Writing<'_>) -> String {
    let Some(hours) = &written.hours else { return TIMEZONE.to_owned() };
    let Some(name) = &hours.get_ref().timezone else { return TIMEZONE.to_owned() };
    if jiff::tz::TimeZone::get(name).is_err() {
        let problem = format!("`{name}` is no time zone");
        writing.at(hours, problem, "write for example \"Europe/Paris\"");
    }
    name.clone()
}
