//! Phrases with gaps: `il y a {n} jours`, `{w}? le? {d} {m} {y}?`.
//!
//! A pattern is words with blanks between them. `a|b` is one of several words, `?` behind makes it optional, `{…}` takes
//! a value. Patterns never run over the end of a sentence; commas and hyphens may stand anywhere.

use std::sync::LazyLock;

use jiff::civil::Weekday;

use super::numbers::{Atom, Part, Reader};
use super::words::{Gap, Words};
use crate::call::Language;

/// What the gaps of a pattern took, each kind in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Captures {
    /// `{d}`: days of a month, 1 to 31.
    pub days: Vec<i8>,
    /// `{m}`: months, 1 to 12.
    pub months: Vec<i8>,
    /// `{y}`: years.
    pub years: Vec<i16>,
    /// `{w}`: weekdays.
    pub weekdays: Vec<Weekday>,
    /// `{n}`: numbers, with `une` and `a`; `{o}`: ordinals.
    pub numbers: Vec<u32>,
}

/// A pattern with what it means.
#[derive(Debug)]
pub(super) struct Rule<M> {
    steps: Vec<Step>,
    pub meaning: M,
}

#[derive(Debug, Clone)]
struct Step {
    what: What,
    is_optional: bool,
}

#[derive(Debug, Clone)]
enum What {
    Words(Vec<&'static str>),
    Day,
    Month,
    Year,
    Weekday,
    Number,
    Ordinal,
}

impl<M: Copy> Rule<M> {
    /// Rules of a table.
    pub fn all(table: &[(&'static str, M)]) -> Vec<Self> {
        table
            .iter()
            .map(|(pattern, meaning)| Self {
                steps: pattern.split_whitespace().map(step).collect(),
                meaning: *meaning,
            })
            .collect()
    }

    /// The longest way in which the words from `at` on fit: the word behind, and what the gaps took.
    pub fn fit(&self, words: &Words<'_>, at: usize) -> Option<(usize, Captures)> {
        fit(&self.steps, words, (at, at), Captures::default())
    }
}

/// The rule that takes the most words at `at`; of equals the first.
pub(super) fn longest<'r, M: Copy>(
    rules: &'r [Rule<M>],
    words: &Words<'_>,
    at: usize,
) -> Option<(&'r Rule<M>, usize, Captures)> {
    let mut best: Option<(&Rule<M>, usize, Captures)> = None;
    for rule in rules {
        if let Some((end, captures)) = rule.fit(words, at)
            && best.as_ref().is_none_or(|(_, longest, _)| end > *longest)
        {
            best = Some((rule, end, captures));
        }
    }
    best
}

fn step(text: &'static str) -> Step {
    let (text, is_optional) = text.strip_suffix('?').map_or((text, false), |text| (text, true));
    let what = match text {
        "{d}" => What::Day,
        "{m}" => What::Month,
        "{y}" => What::Year,
        "{w}" => What::Weekday,
        "{n}" => What::Number,
        "{o}" => What::Ordinal,
        _ => What::Words(text.split('|').collect()),
    };
    Step { what, is_optional }
}

fn fit(
    steps: &[Step],
    words: &Words<'_>,
    (start, at): (usize, usize),
    captures: Captures,
) -> Option<(usize, Captures)> {
    let Some((first, rest)) = steps.split_first() else { return (at > start).then_some((at, captures)) };
    let mut best: Option<(usize, Captures)> = None;
    if at < words.len() && (at == start || words.gap(at) != Gap::Stop) {
        for (end, taken) in taken(&first.what, words, at, &captures) {
            let fitted = fit(rest, words, (start, end), taken);
            if let Some((end, _)) = &fitted
                && best.as_ref().is_none_or(|(longest, _)| end > longest)
            {
                best = fitted;
            }
        }
    }
    if best.is_none() && first.is_optional {
        return fit(rest, words, (start, at), captures);
    }
    best
}

/// Each way in which one step takes words at `at`.
fn taken(what: &What, words: &Words<'_>, at: usize, captures: &Captures) -> Vec<(usize, Captures)> {
    let with = |end: usize, add: &dyn Fn(&mut Captures)| {
        let mut captures = captures.clone();
        add(&mut captures);
        (end, captures)
    };
    match what {
        What::Words(list) => {
            let is_one = list.contains(&words.folded(at));
            if is_one { vec![with(at + 1, &|_| ())] } else { Vec::new() }
        }
        What::Month => month(words.folded(at), words.language)
            .map(|month| with(at + 1, &|captures| captures.months.push(month)))
            .into_iter()
            .collect(),
        What::Weekday => weekday(words.folded(at), words.language)
            .map(|weekday| with(at + 1, &|captures| captures.weekdays.push(weekday)))
            .into_iter()
            .collect(),
        What::Day => days_at(words, at)
            .into_iter()
            .map(|(end, day)| with(end, &|captures| captures.days.push(day)))
            .collect(),
        What::Year => year_at(words, at)
            .map(|(end, year)| with(end, &|captures| captures.years.push(year)))
            .into_iter()
            .collect(),
        What::Number => numbers_at(words, at)
            .into_iter()
            .map(|(end, number)| with(end, &|captures| captures.numbers.push(number)))
            .collect(),
        What::Ordinal => ordinal_at(words, at)
            .map(|(end, number)| with(end, &|captures| captures.numbers.push(number)))
            .into_iter()
            .collect(),
    }
}

/// An ordinal in words or figures (`1er`, `21st`, `3de`): the word behind it and its value.
pub(super) fn ordinal_at(words: &Words<'_>, at: usize) -> Option<(usize, u32)> {
    const ENDINGS: [&str; 16] = [
        "er", "ere", "re", "e", "eme", "ieme", "nd", "nde", "st", "rd", "th", "ste", "de", "ers", "res", "es",
    ];
    if let Some([Part { atom: Atom::Figures { value, .. }, .. }]) = words.parts.get(at).map(Vec::as_slice)
        && ENDINGS.contains(&words.folded(at + 1))
        && words.gap(at + 1) == Gap::None
    {
        return Some((at + 2, u32::try_from(*value).ok()?));
    }
    let (end, value) = Reader::new(words, at).ordinal()?;
    Some((end, u32::try_from(value).ok()?))
}

fn days_at(words: &Words<'_>, at: usize) -> Vec<(usize, i8)> {
    let mut days: Vec<(usize, u32)> = ordinal_at(words, at).into_iter().collect();
    days.extend(Reader::new(words, at).groups());
    if let Some([Part { atom: Atom::Figures { value, count: 1..=2 }, .. }]) =
        words.parts.get(at).map(Vec::as_slice)
    {
        days.extend(u32::try_from(*value).map(|value| (at + 1, value)));
    }
    days.into_iter()
        .filter(|(_, day)| (1..=31).contains(day))
        .filter_map(|(end, day)| Some((end, i8::try_from(day).ok()?)))
        .collect()
}

fn numbers_at(words: &Words<'_>, at: usize) -> Vec<(usize, u32)> {
    if words.language == Language::En && matches!(words.folded(at), "a" | "an") {
        return vec![(at + 1, 1)];
    }
    let cardinal = Reader::new(words, at).cardinal();
    cardinal.and_then(|(end, value)| Some((end, u32::try_from(value).ok()?))).into_iter().collect()
}

/// A year from 1900 to 2099, also by its two halves (`twenty twenty-six`, `nineteen oh five`).
pub(super) fn year_at(words: &Words<'_>, at: usize) -> Option<(usize, i16)> {
    let reader = Reader::new(words, at);
    if let Some((end, value)) = reader.cardinal()
        && (1_900..2_100).contains(&value)
    {
        return Some((end, i16::try_from(value).ok()?));
    }
    if words.language == Language::Fr {
        return None;
    }
    let (century_end, century) = reader.groups().into_iter().find(|(_, value)| matches!(value, 19 | 20))?;
    if !super::numbers::may_cross(words, century_end) {
        return None;
    }
    let is_oh = matches!(
        words.parts.get(century_end).map(Vec::as_slice),
        Some([Part { atom: Atom::Oh | Atom::Unit(0), .. }])
    );
    let (end, rest) = if is_oh {
        Reader::new(words, century_end + 1).groups().into_iter().find(|(_, value)| *value < 10)?
    } else {
        Reader::new(words, century_end).groups().into_iter().find(|(_, value)| (10..100).contains(value))?
    };
    Some((end, i16::try_from(century * 100 + rest).ok()?))
}

const MONTHS: [[&str; 12]; 3] = [
    [
        "janvier",
        "fevrier",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "aout",
        "septembre",
        "octobre",
        "novembre",
        "decembre",
    ],
    [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
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

const WEEKDAYS: [[&str; 7]; 3] = [
    ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    ["maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"],
];

const fn place(language: Language) -> usize {
    match language {
        Language::Fr => 0,
        Language::En => 1,
        Language::Nl => 2,
    }
}

/// The month of this folded name, 1 to 12.
pub(super) fn month(folded: &str, language: Language) -> Option<i8> {
    let at = MONTHS[place(language)].iter().position(|month| *month == folded)?;
    i8::try_from(at + 1).ok()
}

fn weekday(folded: &str, language: Language) -> Option<Weekday> {
    let list = &WEEKDAYS[place(language)];
    let at = list.iter().position(|day| *day == folded || folded.strip_suffix('s') == Some(*day))?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

/// Rules of the three languages, made once.
pub(super) type Tables<M> = LazyLock<[Vec<Rule<M>>; 3]>;

/// Those of `language`.
pub(super) fn of<M>(tables: &'static Tables<M>, language: Language) -> &'static [Rule<M>] {
    &tables[place(language)]
}
