//! Digits and letters said in groups: `zéro six, douze, quatre-vingt-dix` is 061290 or 06, 12, 80 and 10
//!
//! What is said is often ambiguous, and only the length that the whole must have tells the readings apart. [`read`]
//! therefore keeps every reading with a cost: 0 for the one that takes each number as long as it goes. Fillers between
//! groups are passed over, and a correction (`douze, non pardon, treize`) puts its group in the place of the last one or
//! starts again.

use std::collections::BTreeMap;

use super::correction;
use super::numbers::{Atom, Part, Reader};
use super::spelling;
use super::words::{Gap, Words};

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// No reading becomes longer.
    pub characters_max: usize,
    /// Whether letters count.
    pub letters: bool,
    /// Whether digits come in pairs: a lone one behind the first pair is then less likely.
    pub pairs: bool,
    /// Whether fillers and corrections may stand between groups.
    pub as_spoken: bool,
}

/// One way to read the words from the start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// The word behind the last group.
    pub end: usize,
    /// Upper-case letters and digits.
    pub text: String,
    /// Orders readings: 0 is what anybody would read.
    pub cost: u32,
    /// The part of the cost that makes the reading itself doubtful: numbers cut short, corrections, letters that may be
    /// words. Full stops and lone digits only decide between readings.
    pub doubt: u32,
    /// How long the last group is.
    last_group: usize,
    /// How many groups there are.
    pub groups: usize,
    pub is_corrected: bool,
}

/// A group cut shorter than it could be, at a blank and at a hyphen.
const CUT: u32 = 2;
const CUT_AT_HYPHEN: u32 = 8;
/// `cent douze` as 100 and 12.
const CUT_AT_HUNDRED: u32 = 4;
/// A lone digit among pairs.
const LONE_DIGIT: u32 = 1;
/// Going on behind a decimal comma.
const OVER_DECIMAL: u32 = 4;
/// Going on behind a full stop: recognisers put them between groups, callers between sentences.
const OVER_STOP: u32 = 2;
const AFTER_FILLER: u32 = 1;
const CORRECTED: u32 = 1;
/// Readings kept at one place. A number of ten digits in French has a few dozen.
const KEPT_MAX: usize = 64;

/// Words that are said between groups.
const FILLERS: [&str; 30] = [
    "euh", "alors", "puis", "ensuite", "et", "donc", "hein", "voila", "uh", "um", "uhm", "er", "then", "and",
    "eh", "ehm", "dan", "en", "dus", "heu", "apres", "the", "le", "de", "hm", "mm", "tiret", "dash",
    "streepje", "espace",
];

/// The readings that start with the word at `start`, in no order; each is a whole number of groups.
pub(super) fn read(words: &Words<'_>, start: usize, wanted: &Wanted) -> Vec<Reading> {
    let mut readings = Vec::new();
    let mut open: BTreeMap<usize, Vec<Reading>> = BTreeMap::new();
    let first = Reading {
        end: start,
        text: String::new(),
        cost: 0,
        doubt: 0,
        last_group: 0,
        groups: 0,
        is_corrected: false,
    };
    open.insert(start, vec![first]);
    while let Some((at, mut here)) = open.pop_first() {
        here.sort_by(|a, b| a.cost.cmp(&b.cost).then(a.text.cmp(&b.text)));
        here.dedup_by(|a, b| a.text == b.text);
        here.truncate(KEPT_MAX);
        let groups = groups_at(words, at, wanted);
        for reading in &here {
            for next in reading.with_each(&groups, wanted) {
                open.entry(next.end).or_default().push(next);
            }
            if reading.groups > 0 && wanted.as_spoken {
                for next in reading.over(words, at, wanted) {
                    open.entry(next.end).or_default().push(next);
                }
            }
        }
        readings.extend(here.into_iter().filter(|reading| reading.groups > 0));
    }
    readings
}

/// Digits or letters said together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    end: usize,
    text: String,
    doubt: u32,
    /// Cost beside the doubt.
    extra: u32,
}

impl Reading {
    fn with_each<'r>(
        &'r self,
        groups: &'r [Group],
        wanted: &'r Wanted,
    ) -> impl Iterator<Item = Reading> + 'r {
        groups.iter().filter(|group| self.text.len() + group.text.len() <= wanted.characters_max).map(
            move |group| {
                let is_lone = wanted.pairs && group.text.len() == 1 && self.text.len() >= 2;
                Reading {
                    end: group.end,
                    text: format!("{}{}", self.text, group.text),
                    cost: self.cost + group.doubt + group.extra + if is_lone { LONE_DIGIT } else { 0 },
                    doubt: self.doubt + group.doubt,
                    last_group: group.text.len(),
                    groups: self.groups + 1,
                    is_corrected: self.is_corrected,
                }
            },
        )
    }

    /// Readings that go on behind a filler, a full stop or a correction at `at`.
    fn over(&self, words: &Words<'_>, at: usize, wanted: &Wanted) -> Vec<Reading> {
        let mut next = Vec::new();
        if let Some(length) = correction::marker_at(words, at) {
            let groups = groups_at(words, at + length, wanted);
            let mut replaced = self.clone();
            replaced.text.truncate(self.text.len() - self.last_group);
            let again = Reading { text: String::new(), ..self.clone() };
            for start in [replaced, again] {
                let corrected = Reading {
                    cost: start.cost + CORRECTED,
                    doubt: start.doubt + CORRECTED,
                    is_corrected: true,
                    ..start
                };
                next.extend(corrected.with_each(&groups, wanted));
            }
        } else if let Some(length) = fillers_at(words, at) {
            let groups = groups_at(words, at + length, wanted);
            let behind = Reading { cost: self.cost + AFTER_FILLER, ..self.clone() };
            next.extend(behind.with_each(&groups, wanted));
        }
        next
    }
}

/// How many fillers stand at `at`; `None` for none.
fn fillers_at(words: &Words<'_>, at: usize) -> Option<usize> {
    let count = (at..words.len().min(at + 3)).take_while(|at| FILLERS.contains(&words.folded(*at))).count();
    (count > 0).then_some(count)
}

fn groups_at(words: &Words<'_>, at: usize, wanted: &Wanted) -> Vec<Group> {
    let Some(parts) = words.parts.get(at) else { return Vec::new() };
    let over_stop = if words.gap(at) == Gap::Stop && at > 0 { OVER_STOP } else { 0 };
    let over_decimal = if words.gap(at) == Gap::Tight(',') { OVER_DECIMAL } else { 0 };
    let mut groups = Vec::new();
    match parts.as_slice() {
        [Part { atom: Atom::Figures { .. }, .. }] => {
            groups.push(Group { end: at + 1, text: words.list[at].text.to_owned(), doubt: 0, extra: 0 });
        }
        [Part { atom: Atom::Oh, .. }] => {
            groups.push(Group { end: at + 1, text: "0".to_owned(), doubt: 0, extra: 0 })
        }
        [Part { atom: Atom::Repeat(times), .. }] => groups.extend(repeated(words, at, *times, wanted)),
        [] => {}
        _ => groups.extend(spoken(words, at)),
    }
    if wanted.letters {
        groups.extend(
            spelling::letters_at(words, at)
                .into_iter()
                // `un`, `six` and the like are rather digits; `o` is rather a zero.
                .map(|letter| Group {
                    end: letter.end,
                    text: letter.text,
                    doubt: letter.cost + if parts.is_empty() { 0 } else { CUT },
                    extra: 0,
                }),
        );
    }
    if wanted.letters && is_acronym(words.list[at].text) {
        groups.push(Group { end: at + 1, text: words.list[at].text.to_owned(), doubt: 0, extra: 0 });
    }
    for group in &mut groups {
        group.extra += over_stop;
        group.doubt += over_decimal;
    }
    groups
}

/// Capitals that a recogniser wrote as one word: `FA`, `CMD`.
fn is_acronym(text: &str) -> bool {
    (2..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Numbers in words: each length that makes one.
fn spoken(words: &Words<'_>, at: usize) -> Vec<Group> {
    let reader = Reader::new(words, at);
    let groups = reader.groups();
    let longest = groups.first().map_or(at, |(end, _)| *end);
    let mut found: Vec<Group> = groups
        .iter()
        .map(|(end, value)| Group {
            end: *end,
            text: value.to_string(),
            doubt: cut_doubt(words, (*end, *value), longest),
            extra: 0,
        })
        .collect();
    // `deux mille vingt-six` inside of an order number.
    if let Some((end, value)) = reader.cardinal().filter(|(end, _)| *end > longest) {
        found.push(Group { end, text: value.to_string(), doubt: 0, extra: 0 });
    }
    found
}

fn cut_doubt(words: &Words<'_>, (end, value): (usize, u32), longest: usize) -> u32 {
    match words.gap(end) {
        _ if end >= longest => 0,
        Gap::Hyphen => CUT_AT_HYPHEN,
        _ if value % 100 == 0 && value > 0 => CUT_AT_HUNDRED,
        Gap::None | Gap::Space | Gap::Tight(_) | Gap::Comma | Gap::Stop => CUT,
    }
}

/// `double sept`, `triple zero`, `double l`.
fn repeated(words: &Words<'_>, at: usize, times: u8, wanted: &Wanted) -> Vec<Group> {
    // Not `double double`: a hostile text must not nest.
    if matches!(words.parts.get(at + 1).map(Vec::as_slice), Some([Part { atom: Atom::Repeat(_), .. }])) {
        return Vec::new();
    }
    groups_at(words, at + 1, wanted)
        .into_iter()
        .filter(|group| group.text.chars().count() == 1)
        .map(|group| Group { text: group.text.repeat(usize::from(times)), ..group })
        .collect()
}
