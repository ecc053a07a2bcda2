//! Signs read aloud: what stands in a `say-as` becomes words of the language, so that every engine says the same.
//!
//! In words and not in digits: engines differ in what they make of `1234`, of a lone `M` (“monsieur”) or of
//! `03/04/2026`. What cannot be read as asked is `None`; nothing is guessed.

mod letters;

use jiff::civil::Date;

use super::markup::{DateOrder, SayAs};
use crate::call::Language;
use crate::say::{cardinal, day_and_month, year as year_in_words};

/// Signs of one `say-as`: a number that a person can follow has far fewer.
const SIGNS_MAX: usize = 64;

/// The words for `text`, or `None` when it is not what `say_as` says.
pub fn words(text: &str, say_as: SayAs, language: Language) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > SIGNS_MAX {
        return None;
    }
    match say_as {
        SayAs::Digits => digits(text, language),
        SayAs::Characters => characters(text, language),
        SayAs::Telephone => telephone(text, language),
        SayAs::Date(order) => date(text, order, language),
        SayAs::Cardinal => whole_number(text, language),
    }
}

/// What was expected where [`words`] gives `None`.
pub const fn expected(say_as: SayAs) -> &'static str {
    match say_as {
        SayAs::Digits => "digits",
        SayAs::Characters => "letters, digits and common signs",
        SayAs::Telephone => "a telephone number",
        SayAs::Date(_) => "a date",
        SayAs::Cardinal => "a whole number of at most 12 digits",
    }
}

const fn is_separator(sign: char) -> bool {
    matches!(sign, ' ' | '\u{a0}' | '\u{202f}' | '.' | '-' | '/' | '(' | ')')
}

fn one_by_one(digits: &str, language: Language) -> Option<String> {
    let words: Option<Vec<String>> = digits
        .chars()
        .map(|digit| digit.to_digit(10).map(|digit| cardinal(i64::from(digit), language)))
        .collect();
    words.filter(|words| !words.is_empty()).map(|words| words.join(" "))
}

/// A comma, hence a breath, wherever the signs have a space or another separator.
fn digits(text: &str, language: Language) -> Option<String> {
    let groups: Option<Vec<String>> = text
        .split(is_separator)
        .filter(|group| !group.is_empty())
        .map(|group| one_by_one(group, language))
        .collect();
    groups.filter(|groups| !groups.is_empty()).map(|groups| groups.join(", "))
}

fn characters(text: &str, language: Language) -> Option<String> {
    let mut names = Vec::new();
    for sign in text.chars().filter(|sign| !sign.is_whitespace()) {
        match sign.to_digit(10) {
            Some(digit) => names.push(cardinal(i64::from(digit), language)),
            None => names.push(letters::name(sign, language)?),
        }
    }
    Some(names.join(", "))
}

fn telephone(text: &str, language: Language) -> Option<String> {
    let (plus, number) = match text.strip_prefix('+') {
        Some(number) => (true, number),
        None => (false, text),
    };
    let mut groups: Vec<&str> = number.split(is_separator).filter(|group| !group.is_empty()).collect();
    let count: usize = groups.iter().map(|group| group.len()).sum();
    if !(2..=15).contains(&count)
        || groups.iter().any(|group| !group.bytes().all(|sign| sign.is_ascii_digit()))
    {
        return None;
    }
    if let ([only], true) = (groups.as_slice(), plus) {
        let (code, rest) = country_code(only);
        groups = [code, rest].into_iter().filter(|group| !group.is_empty()).collect();
    }
    let mut words: Vec<String> = Vec::new();
    for group in groups {
        match language {
            Language::Fr => words.extend(french_groups(group)),
            Language::En | Language::Nl => words.extend(groups_of_digits(group, language)),
        }
    }
    // Not “plus, trente-trois”: the sign belongs to what follows.
    let number = words.join(", ");
    Some(if plus { format!("plus {number}") } else { number })
}

/// Country code and the rest; the codes of where Allo is used and their neighbours, one digit otherwise.
fn country_code(number: &str) -> (&str, &str) {
    const CODES: [&str; 12] = ["352", "351", "353", "32", "33", "31", "34", "39", "41", "43", "44", "49"];
    let length = CODES.iter().find(|code| number.starts_with(**code)).map_or(1, |code| code.len());
    number.split_at(length.min(number.len()))
}

/// As the French say numbers: pairs (`0612345678`), or the groups of the writer (`0 800 123 456`).
fn french_groups(group: &str) -> Vec<String> {
    let say = |digits: &str| {
        let significant = digits.trim_start_matches('0');
        let mut words = vec!["zéro".to_owned(); digits.len() - significant.len()];
        if let Ok(number) = significant.parse() {
            words.push(cardinal(number, Language::Fr));
        }
        words.join(" ")
    };
    if group.len() <= 3 {
        return vec![say(group)];
    }
    let (first, pairs) = group.split_at(group.len() % 2);
    let pairs = (0..pairs.len()).step_by(2).map(|at| say(&pairs[at..at + 2]));
    (!first.is_empty()).then(|| say(first)).into_iter().chain(pairs).collect()
}

/// Digit by digit, in threes with a last group of up to four.
fn groups_of_digits(group: &str, language: Language) -> Vec<String> {
    let mut groups = Vec::new();
    let mut rest = group;
    while !rest.is_empty() {
        let length = if rest.len() <= 4 { rest.len() } else { 3 };
        let (now, later) = rest.split_at(length);
        groups.extend(one_by_one(now, language));
        rest = later;
    }
    groups
}

fn whole_number(text: &str, language: Language) -> Option<String> {
    let (negative, number) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(number) => (true, number),
        None => (false, text),
    };
    let groups: Vec<&str> = number.split([' ', '\u{a0}', '\u{202f}']).collect();
    // A space that does not part thousands parts two numbers.
    let is_whole = groups.len() == 1
        || groups[1..].iter().all(|group| group.len() == 3) && (1..=3).contains(&groups[0].len());
    let digits = groups.concat();
    if !is_whole
        || digits.is_empty()
        || digits.len() > 12
        || !digits.bytes().all(|sign| sign.is_ascii_digit())
    {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    Some(cardinal(if negative { -number } else { number }, language))
}

fn date(text: &str, order: DateOrder, language: Language) -> Option<String> {
    let fields: Vec<&str> = text.split(['/', '-', '.']).collect();
    let is_iso = text.contains('-') && fields[0].len() == 4;
    let (year, month, day) = match (fields.as_slice(), order) {
        ([year, month, day], DateOrder::YearMonthDay) => (Some(*year), *month, *day),
        ([year, month, day], _) if is_iso => (Some(*year), *month, *day),
        ([day, month, year], DateOrder::DayMonthYear) => (Some(*year), *month, *day),
        ([month, day, year], DateOrder::MonthDayYear) => (Some(*year), *month, *day),
        ([day, month], DateOrder::DayMonthYear) => (None, *month, *day),
        ([month, day], DateOrder::MonthDayYear | DateOrder::YearMonthDay) => (None, *month, *day),
        _ => return None,
    };
    let number = |field: &str, lengths: std::ops::RangeInclusive<usize>| {
        let is_number = lengths.contains(&field.len()) && field.bytes().all(|sign| sign.is_ascii_digit());
        is_number.then(|| field.parse::<i16>().ok()).flatten()
    };
    let (month, day) = (number(month, 1..=2)?, number(day, 1..=2)?);
    let given_year = match year {
        Some(year) => Some(number(year, 4..=4).filter(|year| *year >= 1000)?),
        None => None,
    };
    // Without a year, one that has a 29th of February.
    let year = given_year.unwrap_or(2024);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let mut said = day_and_month(date, language);
    if language == Language::En {
        said = format!("the {said}");
    }
    Some(match given_year {
        Some(year) => format!("{said} {}", year_in_words(year, language)),
        None => said,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Language::{En, Fr, Nl};

    fn check(say_as: SayAs, cases: &[(&str, Language, &str)]) {
        for (text, language, expected) in cases {
            assert_eq!(words(text, say_as, *language).as_deref(), Some(*expected), "{text} {language:?}");
        }
    }

    #[test]
    fn digits_are_said_one_by_one_with_a_breath_where_the_writer_left_space() {
        check(
            SayAs::Digits,
            &[("1204", Fr, "un deux zéro quatre"), ("12 04", En, "one two, zero four"), ("7", Nl, "zeven")],
        );
        assert_eq!(words("12a", SayAs::Digits, Fr), None);
        assert_eq!(words(" - ", SayAs::Digits, Fr), None);
    }

    #[test]
    fn characters_have_the_names_of_the_language() {
        check(
            SayAs::Characters,
            &[
                ("AM-7", Fr, "a, emme, tiret, sept"),
                ("wy", Fr, "double vé, i grec"),
                ("é", Fr, "e accent aigu"),
                ("B2", En, "bee, two"),
                ("J@", Nl, "jee, apenstaartje"),
            ],
        );
        assert_eq!(words("a😀", SayAs::Characters, Fr), None);
    }

    #[test]
    fn telephone_numbers_are_said_as_the_country_says_them() {
        check(
            SayAs::Telephone,
            &[
                ("06 12 34 56 78", Fr, "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
                ("0612345678", Fr, "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
                ("0 800 123 456", Fr, "zéro, huit cents, cent vingt-trois, quatre cent cinquante-six"),
                ("3900", Fr, "trente-neuf, zéro zéro"),
                (
                    "+33612345678",
                    Fr,
                    "plus trente-trois, six, douze, trente-quatre, cinquante-six, soixante-dix-huit",
                ),
                ("020 7946 0958", En, "zero two zero, seven nine four six, zero nine five eight"),
                ("0612345678", Nl, "nul zes één, twee drie vier, vijf zes zeven acht"),
            ],
        );
        assert_eq!(words("06 12 AB", SayAs::Telephone, Fr), None);
        assert_eq!(words("1", SayAs::Telephone, Fr), None);
    }

    #[test]
    fn dates_are_days_that_exist() {
        let usual = SayAs::Date(DateOrder::DayMonthYear);
        check(
            usual,
            &[
                ("2026-03-15", Fr, "quinze mars deux mille vingt-six"),
                ("01/04/2026", Fr, "premier avril deux mille vingt-six"),
                ("29/02", Fr, "vingt-neuf février"),
                ("21.05.1999", En, "the twenty-first of May nineteen ninety-nine"),
                ("2026-12-03", En, "the third of December twenty twenty-six"),
                ("2026-03-15", Nl, "vijftien maart tweeduizend zesentwintig"),
            ],
        );
        check(
            SayAs::Date(DateOrder::MonthDayYear),
            &[("03/15/2026", En, "the fifteenth of March twenty twenty-six")],
        );
        for text in ["31/02/2026", "15/13/2026", "29/02/2025", "demain", "1/2/3/4", "15/03/26", "--", "-"] {
            assert_eq!(words(text, usual, Fr), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_take_spaces_between_thousands_only() {
        check(
            SayAs::Cardinal,
            &[
                ("1 250", Fr, "mille deux cent cinquante"),
                ("-3", Fr, "moins trois"),
                ("1\u{202f}000\u{202f}000", En, "one million"),
            ],
        );
        for text in ["1 25", "12 50 000", "3,5", "1234567890123", "-", ""] {
            assert_eq!(words(text, SayAs::Cardinal, Fr), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_words_and_nothing_panics(text in "[0-9 ./+-]{0,16}|\\PC{0,12}") {
            let all = [
                SayAs::Digits, SayAs::Characters, SayAs::Telephone, SayAs::Cardinal,
                SayAs::Date(DateOrder::DayMonthYear), SayAs::Date(DateOrder::YearMonthDay),
            ];
            for (say_as, language) in all.into_iter().flat_map(|kind| Language::ALL.map(|language| (kind, language))) {
                if let Some(words) = words(&text, say_as, language) {
                    prop_assert!(words.chars().all(|sign| sign.is_alphabetic() || ", -".contains(sign)), "{}", words);
                    prop_assert!(!words.trim().is_empty());
                }
            }
        }
    }
}
