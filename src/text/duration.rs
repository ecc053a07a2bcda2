//! Durations as people write them in a configuration: `300ms`, `1.5s`, `2min`, `1h30min`.

use std::time::Duration;

/// Longest duration that is taken, 1000 days: more is a mistake, and sums of several stay far from overflow.
const LONGEST: Duration = Duration::from_secs(1_000 * 86_400);

/// Units with their length in nanoseconds, longest first: the order in which a text may use them.
const UNITS: [(&str, u64); 6] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
];

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no duration, expected a number with d, h, min, s, ms or us, such as 300ms, 1.5s or 1h30min"
)]
pub struct InvalidDuration {
    /// What was found.
    pub text: String,
}

/// Reads a duration: one or more numbers with units, longest unit first, each unit at most once. A bare `0` is zero;
/// any other number needs its unit.
///
/// # Errors
/// [`InvalidDuration`] for anything else, and for more than 1000 days.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration { text: text.chars().take(40).collect() };
    let trimmed = text.trim();
    if trimmed == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = trimmed;
    let mut units = UNITS.as_slice();
    let mut total = Duration::ZERO;
    while !rest.is_empty() || total.is_zero() && units.len() == UNITS.len() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let (number, after) = rest.split_at(number_end);
        let after = after.trim_start();
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let index = units.iter().position(|(name, _)| *name == unit).ok_or_else(invalid)?;
        total = total.checked_add(part(number, units[index].1).ok_or_else(invalid)?).ok_or_else(invalid)?;
        units = &units[index + 1..];
        rest = next.trim_start();
    }
    if total > LONGEST { Err(invalid()) } else { Ok(total) }
}

/// Writes a duration so that [`parse`] gives it back, to the microsecond: `0s`, `300ms`, `1s500ms`, `2min`.
pub fn format(duration: Duration) -> String {
    let mut nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, length) in UNITS {
        let count = nanos / length;
        if count > 0 {
            text.push_str(&format!("{count}{name}"));
            nanos %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// For `#[serde(with = …)]`: a duration as text.
pub mod as_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes what [`super::format`] gives.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(*duration))
    }

    /// Reads what [`super::parse`] takes.
    ///
    /// # Errors
    /// For anything else.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        super::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// `number` units of `unit_nanos`; `None` when it is no number or too long.
fn part(number: &str, unit_nanos: u64) -> Option<Duration> {
    let (whole, fraction) =
        number.split_once('.').map_or((number, ""), |(whole, fraction)| (whole, fraction));
    if whole.is_empty() || fraction.contains('.') || number.ends_with('.') || fraction.len() > 9 {
        return None;
    }
    let whole_nanos = whole.parse::<u64>().ok()?.checked_mul(unit_nanos)?;
    let fraction_nanos = if fraction.is_empty() {
        0
    } else {
        let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        u64::try_from(fraction.parse::<u128>().ok()? * u128::from(unit_nanos) / scale).ok()?
    };
    Some(Duration::from_nanos(whole_nanos.checked_add(fraction_nanos)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        for (text, microseconds) in [
            ("0", 0),
            ("0s", 0),
            ("300ms", 300_000),
            (" 300 ms ", 300_000),
            ("1.5s", 1_500_000),
            ("2min", 120_000_000),
            ("1h30min", 5_400_000_000),
            ("1h 30min", 5_400_000_000),
            ("250us", 250),
            ("1d", 86_400_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_micros(microseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            " ",
            "5",
            "ms",
            "-1s",
            "1.s",
            ".5s",
            "1..5s",
            "1e3s",
            "5 parsecs",
            "1s1s",
            "1ms1s",
            "1s 5",
            "١s",
            "99999999999999999999s",
            "1001d",
            "1m",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written_with_whole_numbers() {
        assert_eq!(format(Duration::ZERO), "0s");
        assert_eq!(format(Duration::from_millis(1_500)), "1s500ms");
        assert_eq!(format(Duration::from_secs(120)), "2min");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(microseconds in 0_u64..86_400_000_000_000) {
            let duration = Duration::from_micros(microseconds);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,20}|[0-9.dhmsu ]{0,20}") {
            let _ = parse(&text);
        }
    }
}
