//! What the attributes of the elements mean.

use std::time::Duration;

use super::scan::Tag;
use super::{DateOrder, PAUSE_MAX, Problem, Prosody, SayAs};

/// The only namespace of SSML.
pub const NAMESPACE: &str = "http://www.w3.org/2001/10/synthesis";

const TIME: &str = "a time of at most 10s, as 300ms or 1.5s";
const INTERPRET_AS: &str = "digits, characters, telephone, date or cardinal";
const FORMAT: &str = "dmy, mdy or ymd, and only for a date";
const RATE: &str = "x-slow, slow, medium, fast, x-fast or a percentage from 50% to 200%";
const VOLUME: &str = "x-soft, soft, medium, loud, x-loud or decibels from -24dB to +6dB";

pub fn pause(tag: &Tag) -> Result<Duration, Problem> {
    let [time] = attributes(tag, "break", ["time"])?;
    let time = time.ok_or(Problem::Missing { element: "break", attribute: "`time`" })?;
    let wrong = Problem::Value { element: "break", attribute: "time", expected: TIME };
    let (number, milliseconds) = match time.strip_suffix("ms") {
        Some(number) => (number, 1.0),
        None => (time.strip_suffix('s').ok_or_else(|| wrong.clone())?, 1000.0),
    };
    let pause =
        decimal(number).map(|value| Duration::from_secs_f64(f64::from(value) * milliseconds / 1000.0));
    pause.filter(|pause| *pause <= PAUSE_MAX).ok_or(wrong)
}

pub fn say_as(tag: &Tag) -> Result<SayAs, Problem> {
    let [kind, format] = attributes(tag, "say-as", ["interpret-as", "format"])?;
    let kind = kind.ok_or(Problem::Missing { element: "say-as", attribute: "`interpret-as`" })?;
    let order = match format {
        None | Some("dmy") => DateOrder::DayMonthYear,
        Some("mdy") => DateOrder::MonthDayYear,
        Some("ymd") => DateOrder::YearMonthDay,
        Some(_) => return Err(wrong_format()),
    };
    let say_as = match kind {
        "date" => return Ok(SayAs::Date(order)),
        "digits" => SayAs::Digits,
        "characters" => SayAs::Characters,
        "telephone" => SayAs::Telephone,
        "cardinal" => SayAs::Cardinal,
        _ => {
            return Err(Problem::Value {
                element: "say-as",
                attribute: "interpret-as",
                expected: INTERPRET_AS,
            });
        }
    };
    if format.is_some() { Err(wrong_format()) } else { Ok(say_as) }
}

const fn wrong_format() -> Problem {
    Problem::Value { element: "say-as", attribute: "format", expected: FORMAT }
}

/// The prosody inside an element that stands in `outer`.
pub fn prosody(tag: &Tag, outer: Prosody) -> Result<Prosody, Problem> {
    let [rate, volume] = attributes(tag, "prosody", ["rate", "volume"])?;
    if rate.is_none() && volume.is_none() {
        return Err(Problem::Missing { element: "prosody", attribute: "`rate` or `volume`" });
    }
    let mut inner = outer;
    if let Some(rate) = rate {
        let wrong = Problem::Value { element: "prosody", attribute: "rate", expected: RATE };
        let percent = speed(rate).filter(|percent| Prosody::SPEED_PERCENT.contains(percent)).ok_or(wrong)?;
        let together = (u32::from(outer.speed_percent) * percent + 50) / 100;
        if !Prosody::SPEED_PERCENT.contains(&together) {
            return Err(Problem::Prosody { what: "speed", limits: "50 to 200 %" });
        }
        inner.speed_percent = u16::try_from(together).expect("at most 200");
    }
    if let Some(volume) = volume {
        let wrong = Problem::Value { element: "prosody", attribute: "volume", expected: VOLUME };
        let gain_db = gain(volume).filter(|gain_db| Prosody::GAIN_DB.contains(gain_db)).ok_or(wrong)?;
        inner.gain_db += gain_db;
        if !Prosody::GAIN_DB.contains(&inner.gain_db) {
            return Err(Problem::Prosody { what: "volume", limits: "-24 to +6 dB" });
        }
    }
    Ok(inner)
}

pub fn alias(tag: &Tag) -> Result<String, Problem> {
    let [alias] = attributes(tag, "sub", ["alias"])?;
    alias.map(str::to_owned).ok_or(Problem::Missing { element: "sub", attribute: "`alias`" })
}

/// Steps that are heard as such without making a voice hard to follow.
fn speed(rate: &str) -> Option<u32> {
    match rate {
        "x-slow" => Some(60),
        "slow" => Some(80),
        "medium" => Some(100),
        "fast" => Some(125),
        "x-fast" => Some(160),
        percent => decimal(percent.strip_suffix('%')?).map(|percent| percent.round() as u32),
    }
}

fn gain(volume: &str) -> Option<f32> {
    match volume {
        "x-soft" => Some(-12.0),
        "soft" => Some(-6.0),
        "medium" => Some(0.0),
        "loud" => Some(3.0),
        "x-loud" => Some(6.0),
        decibels => {
            let number = decibels.strip_suffix("dB")?;
            match number.strip_prefix('-') {
                Some(number) => decimal(number).map(|value| -value),
                None => decimal(number.strip_prefix('+').unwrap_or(number)),
            }
        }
    }
}

/// A number of digits with at most one point; `f32`'s own reader would take `1e9`, `inf` and `nan`.
fn decimal(text: &str) -> Option<f32> {
    let is_plain = text.len() <= 8
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|sign| sign.is_ascii_digit() || sign == '.');
    if is_plain { text.parse().ok() } else { None }
}

/// The values of the attributes that an element knows; any other is refused.
fn attributes<'t, const N: usize>(
    tag: &'t Tag,
    element: &'static str,
    known: [&'static str; N],
) -> Result<[Option<&'t str>; N], Problem> {
    let mut values = [None; N];
    for (name, value) in &tag.attributes {
        let Some(index) = known.iter().position(|known| known == name) else {
            return Err(Problem::Attribute { element, attribute: name.clone() });
        };
        if values[index].replace(value.as_str()).is_some() {
            return Err(Problem::Twice { element, attribute: name.clone() });
        }
    }
    Ok(values)
}
