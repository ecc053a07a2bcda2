//! Times of day: `quatorze heures trente`, `half past two`, `kwart voor drie`.

use jiff::civil::Time;

use super::numbers::{Atom, Part, Reader, may_cross};
use super::words::{Gap, Words};
use super::{Located, Value};
use crate::call::Language;

/// A time as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The word behind it.
    pub end: usize,
    /// 0 to 24 as said, before the part of the day.
    pub hour: u32,
    pub minute: u32,
    pub part: Option<PartOfDay>,
    /// Whether something beside the numbers says that it is a time.
    pub is_marked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartOfDay {
    /// Before noon.
    Morning,
    /// Noon to midnight.
    Afternoon,
    /// Midnight to morning: `2 heures du matin` is said as morning, `'s nachts` is this.
    Night,
}

/// Times, for [`super::Kind::Time`].
pub(super) fn find(words: &Words<'_>) -> Vec<Located> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let clock = at_word(words, at).filter(|clock| clock.is_marked || is_led(words, at));
        match clock.and_then(|clock| Some((clock, clock.time()?))) {
            Some((clock, time)) => {
                // `at eight` may be in the evening.
                let is_open = words.language != Language::Fr && clock.part.is_none() && clock.hour <= 12;
                let score = if is_open { 0.8 } else { 0.95 };
                found.push(Located { value: Value::Time(time), words: at..clock.end, score });
                at = clock.end;
            }
            None => at += 1,
        }
    }
    found
}

fn is_led(words: &Words<'_>, at: usize) -> bool {
    const LEADS: [&str; 12] =
        ["at", "by", "before", "after", "around", "until", "till", "from", "om", "voor", "tot", "rond"];
    at > 0 && LEADS.contains(&words.folded(at - 1))
}

impl Clock {
    /// On the clock of 24 hours.
    pub fn time(&self) -> Option<Time> {
        let hour = match self.part {
            Some(PartOfDay::Afternoon) if self.hour < 12 => self.hour + 12,
            Some(PartOfDay::Morning | PartOfDay::Night) if self.hour == 12 => 0,
            Some(_) | None => self.hour % 24,
        };
        Time::new(i8::try_from(hour).ok()?, i8::try_from(self.minute).ok()?, 0, 0).ok()
    }

    fn new(end: usize, hour: u32, minute: i64) -> Option<Self> {
        let minutes = i64::from(hour) * 60 + minute;
        // Before midnight or one: the day or the half day before.
        let minutes = if minutes < 0 { minutes + 24 * 60 } else { minutes };
        // `quarter to one` is before one at noon as well as at night: the hour as people would say it.
        let hour_said = u32::try_from(minutes / 60).ok()?;
        let minute = u32::try_from(minutes % 60).ok()?;
        (hour_said <= 24).then_some(Self { end, hour: hour_said, minute, part: None, is_marked: true })
    }

    /// Minutes before an hour of the twelve-hour clock: before one it is twelve.
    fn before(end: usize, hour: u32, minutes: u32) -> Option<Self> {
        let hour = if hour == 1 { 13 } else { hour };
        Self::new(end, hour, -i64::from(minutes))
    }
}

/// The time that starts with the word at `at`.
pub(super) fn at_word(words: &Words<'_>, at: usize) -> Option<Clock> {
    let clock = figures(words, at).or_else(|| match words.language {
        Language::Fr => french(words, at),
        Language::En => english(words, at),
        Language::Nl => dutch(words, at),
    })?;
    Some(with_part(words, clock))
}

/// `14:30`, and `14h30` is read by the language.
fn figures(words: &Words<'_>, at: usize) -> Option<Clock> {
    let is_colon = words.gap(at + 1) == Gap::Tight(':');
    let is_point = words.gap(at + 1) == Gap::Tight('.')
        && (part_at(words, at + 2).is_some() || words.folded(at + 2) == "uur");
    if !is_colon && !is_point {
        return None;
    }
    let hour = figure(words, at).filter(|hour| *hour <= 24)?;
    let minute = figure(words, at + 1).filter(|minute| *minute < 60)?;
    let end = at + 2 + usize::from(words.folded(at + 2) == "uur");
    Clock::new(end, hour, i64::from(minute))
}

fn figure(words: &Words<'_>, at: usize) -> Option<u32> {
    match words.parts.get(at)?.as_slice() {
        [Part { atom: Atom::Figures { value, count: 1..=2 }, .. }] => u32::try_from(*value).ok(),
        _ => None,
    }
}

fn number(words: &Words<'_>, at: usize, limit: u32) -> Option<(usize, u32)> {
    let (end, value) = Reader::new(words, at).cardinal()?;
    let value = u32::try_from(value).ok().filter(|value| *value <= limit)?;
    Some((end, value))
}

fn french(words: &Words<'_>, at: usize) -> Option<Clock> {
    let (mut end, hour) = match words.folded(at) {
        // `cet après-midi` is no noon.
        "midi" if at > 0 && words.folded(at - 1) == "apres" => return None,
        "midi" => (at + 1, 12),
        "minuit" => (at + 1, 0),
        _ => {
            let (end, hour) = number(words, at, 24)?;
            matches!(words.folded(end), "heure" | "heures" | "h").then_some((end + 1, hour))?
        }
    };
    let mut minute = 0;
    if let Some(length) =
        words.phrase_at(end, &["et demie", "et demi", "et quart", "moins le quart", "moins quart"])
    {
        let quarter = if words.folded(end) == "moins" { -15 } else { 15 };
        minute = if words.folded(end + 1).starts_with("demi") { 30 } else { quarter };
        end += length;
    } else if words.folded(end) == "moins"
        && let Some((behind, minutes)) = number(words, end + 1, 59)
    {
        minute = -i64::from(minutes);
        end = behind;
    } else if may_cross(words, end)
        && let Some((behind, minutes)) = number(words, end, 59).filter(|(_, minutes)| *minutes > 0)
    {
        minute = i64::from(minutes);
        end = behind + usize::from(matches!(words.folded(behind), "min" | "mn"));
    }
    Clock::new(end, hour, minute)
}

fn english(words: &Words<'_>, at: usize) -> Option<Clock> {
    match words.folded(at) {
        "noon" | "midday" => return Clock::new(at + 1, 12, 0),
        "midnight" => return Clock::new(at + 1, 0, 0),
        _ => {}
    }
    if let Some(clock) = english_relative(words, at) {
        return Some(clock);
    }
    let (end, hour) = number_as_hour(words, at)?;
    if matches!(words.folded(end), "o'clock" | "oclock") {
        return Clock::new(end + 1, hour, 0);
    }
    let minutes = english_minutes(words, end);
    let (end, minute) = minutes.unwrap_or((end, 0));
    let clock = Clock::new(end, hour, i64::from(minute))?;
    let is_marked = part_at(words, end).is_some();
    Some(Clock { is_marked, ..clock })
        .filter(|clock| clock.is_marked || minutes.is_some() || is_led(words, at))
}

/// `half past three`, `a quarter to one`, `ten minutes to eleven`.
fn english_relative(words: &Words<'_>, at: usize) -> Option<Clock> {
    let at = at + usize::from(words.folded(at) == "a" && words.folded(at + 1) == "quarter");
    let (end, minutes) = match words.folded(at) {
        "half" => (at + 1, 30),
        "quarter" => (at + 1, 15),
        _ => number(words, at, 59)?,
    };
    let end = end + usize::from(matches!(words.folded(end), "minute" | "minutes" | "min" | "mins"));
    let is_past = matches!(words.folded(end), "past" | "after");
    let is_to = matches!(words.folded(end), "to" | "before" | "till");
    let noon = match words.folded(end + 1) {
        "noon" | "midday" => Some((end + 2, 12)),
        "midnight" => Some((end + 2, 24)),
        _ => None,
    };
    let (end, hour) = noon.or_else(|| number_as_hour(words, end + 1))?;
    let end = end + usize::from(words.folded(end) == "o'clock");
    match (is_past, is_to) {
        (true, _) => Clock::new(end, hour % 24, i64::from(minutes)),
        (_, true) => Clock::before(end, hour, minutes),
        _ => None,
    }
}

/// An hour in one word; `twenty two thirty` would be two readings.
fn number_as_hour(words: &Words<'_>, at: usize) -> Option<(usize, u32)> {
    match words.parts.get(at)?.as_slice() {
        [Part { atom: Atom::Unit(unit @ 1..=9), is_ordinal: false }] => Some((at + 1, u32::from(*unit))),
        [Part { atom: Atom::Teen(teen @ 10..=12), is_ordinal: false }] => Some((at + 1, u32::from(*teen))),
        _ => figure(words, at).filter(|hour| (1..=24).contains(hour)).map(|hour| (at + 1, hour)),
    }
}

/// `thirty`, `oh five`, `forty-six` behind an hour, and no number behind that.
fn english_minutes(words: &Words<'_>, at: usize) -> Option<(usize, u32)> {
    if !may_cross(words, at) {
        return None;
    }
    let (end, minute) = match words.parts.get(at)?.as_slice() {
        [Part { atom: Atom::Oh, .. }] => number(words, at + 1, 9)?,
        _ => number(words, at, 59).filter(|(_, minute)| *minute >= 10)?,
    };
    let goes_on = may_cross(words, end) && Reader::new(words, end).cardinal().is_some();
    (!goes_on).then_some((end, minute))
}

fn dutch(words: &Words<'_>, at: usize) -> Option<Clock> {
    match words.folded(at) {
        "middernacht" => return Clock::new(at + 1, 0, 0),
        "half" => {
            let (end, hour) = number(words, at + 1, 12)?;
            return Clock::before(end, hour, 30);
        }
        _ => {}
    }
    let (end, minutes) = match words.folded(at) {
        "kwart" => (at + 1, 15),
        _ => number(words, at, 59)?,
    };
    let past = end + usize::from(matches!(words.folded(end), "minuut" | "minuten"));
    if let direction @ ("over" | "voor") = words.folded(past) {
        let to_half = words.folded(past + 1) == "half";
        let (end, hour) = number(words, past + 1 + usize::from(to_half), 12)?;
        let shift = if direction == "over" { i64::from(minutes) } else { -i64::from(minutes) };
        let shift = if to_half { shift - 30 } else { shift };
        let hour = if hour == 1 && shift < 0 { 13 } else { hour };
        return Clock::new(end + usize::from(words.folded(end) == "uur"), hour, shift);
    }
    if words.folded(end) != "uur" || minutes > 24 {
        return None;
    }
    let hour = minutes;
    let behind = end + 1 + usize::from(words.folded(end + 1) == "en" && number(words, end + 2, 59).is_some());
    match number(words, behind, 59).filter(|(_, minute)| *minute > 0 && may_cross(words, behind)) {
        Some((end, minute)) => Clock::new(end, hour, i64::from(minute)),
        None => Clock::new(end + 1, hour, 0),
    }
}

fn with_part(words: &Words<'_>, clock: Clock) -> Clock {
    match part_at(words, clock.end) {
        Some((end, part)) => Clock { end, part: Some(part), is_marked: true, ..clock },
        None => clock,
    }
}

/// `du matin`, `p.m.`, `'s avonds` at `at`: the word behind it.
fn part_at(words: &Words<'_>, at: usize) -> Option<(usize, PartOfDay)> {
    use PartOfDay::{Afternoon, Morning, Night};
    let phrases: &[(&str, PartOfDay)] = match words.language {
        Language::Fr => &[("du matin", Morning), ("du soir", Afternoon), ("de l apres midi", Afternoon)],
        Language::En => &[
            ("a m", Morning),
            ("am", Morning),
            ("p m", Afternoon),
            ("pm", Afternoon),
            ("in the morning", Morning),
            ("in the afternoon", Afternoon),
            ("in the evening", Afternoon),
            ("at night", Afternoon),
        ],
        Language::Nl => &[
            ("'s ochtends", Morning),
            ("'s morgens", Morning),
            ("'s middags", Afternoon),
            ("'s avonds", Afternoon),
            ("'s nachts", Night),
            ("s ochtends", Morning),
            ("s middags", Afternoon),
            ("s avonds", Afternoon),
        ],
    };
    if words.gap(at) == Gap::Stop && at >= words.len() {
        return None;
    }
    phrases
        .iter()
        .find_map(|(phrase, part)| words.phrase_at(at, &[phrase]).map(|length| (at + length, *part)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::canonical;

    fn check(language: Language, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let found = canonical(find(&Words::of(text, language)));
            assert_eq!(found.join(" "), *expected, "{text}");
        }
    }

    #[test]
    fn times_are_read() {
        check(
            Language::Fr,
            &[
                ("à quatorze heures trente", "14:30"),
                ("vers 8h", "08:00"),
                ("14h30", "14:30"),
                ("à 14:30", "14:30"),
                ("huit heures du soir", "20:00"),
                ("midi et demi", "12:30"),
                ("minuit moins le quart", "23:45"),
                ("neuf heures moins vingt", "08:40"),
                ("trois heures de l'après-midi", "15:00"),
                ("vingt-quatre heures", "00:00"),
                ("j'en ai huit", ""),
                ("je serai là cet après-midi", ""),
                ("avant midi", "12:00"),
            ],
        );
        check(
            Language::En,
            &[
                ("half past two", "02:30"),
                ("at a quarter to three in the afternoon", "14:45"),
                ("at ten thirty pm", "22:30"),
                ("7 p.m.", "19:00"),
                ("two o'clock", "02:00"),
                ("at oh", ""),
                ("ten past eleven at night", "23:10"),
                ("at seven", "07:00"),
                ("noon", "12:00"),
                ("twelve a m", "00:00"),
                ("I have two contracts", ""),
            ],
        );
        check(
            Language::Nl,
            &[
                ("om half drie 's middags", "14:30"),
                ("kwart voor één", "12:45"),
                ("tien over half acht", "07:40"),
                ("vijf voor half drie", "02:25"),
                ("veertien uur dertig", "14:30"),
                ("om 14.30 uur", "14:30"),
                ("acht uur 's avonds", "20:00"),
            ],
        );
    }
}
