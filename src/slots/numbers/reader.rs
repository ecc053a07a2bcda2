//! Putting atoms together.

use super::super::words::{Gap, Words};
use super::{Atom, Part, may_cross};
use crate::call::Language;

/// Reads numbers from one stretch of words that no comma cuts.
#[derive(Debug)]
pub(in super::super) struct Reader {
    language: Language,
    parts: Vec<Part>,
    /// For each place among the parts, the word that begins there; no word begins inside of one.
    word_at: Vec<Option<usize>>,
}

/// A number below a thousand (`onze cents` and `twenty one hundred` are above), and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Group {
    /// Behind its last part.
    end: usize,
    pub value: u32,
}

impl Reader {
    /// From the word at `first` to the first one that no number goes on with.
    pub fn new(words: &Words<'_>, first: usize) -> Self {
        let mut parts = Vec::new();
        let mut word_at = Vec::new();
        let mut word = first;
        while word < words.len() && (word == first || may_cross(words, word)) {
            let Some(of_word) = words.parts.get(word).filter(|parts| !parts.is_empty()) else { break };
            for (place, part) in of_word.iter().enumerate() {
                parts.push(*part);
                word_at.push((place == 0).then_some(word));
            }
            word += 1;
        }
        word_at.push(Some(word));
        Self { language: words.language, parts, word_at }
    }

    /// The longest cardinal at the first word: the word behind it and its value.
    pub fn cardinal(&self) -> Option<(usize, u128)> {
        let limit = self.parts.iter().position(|part| part.is_ordinal).unwrap_or(self.parts.len());
        let (end, value) = self.whole(limit)?;
        self.word_at[end].map(|word| (word, value))
    }

    /// The ordinal that starts at the first word.
    pub fn ordinal(&self) -> Option<(usize, u128)> {
        let limit = self.parts.iter().position(|part| part.is_ordinal)? + 1;
        let (end, value) = self.whole(limit)?;
        if end != limit {
            return None;
        }
        self.word_at[end].map(|word| (word, value))
    }

    /// Every number below a thousand that starts at the first word, the longest first: words behind it, values.
    pub fn groups(&self) -> Vec<(usize, u32)> {
        let limit = self.parts.iter().position(|part| part.is_ordinal).unwrap_or(self.parts.len());
        let mut groups = self.below_thousand(0, limit);
        groups.sort_by_key(|group| std::cmp::Reverse(group.end));
        groups.dedup_by_key(|group| group.end);
        groups.iter().filter_map(|group| self.word_at[group.end].map(|word| (word, group.value))).collect()
    }

    /// The longest number of scales: `deux millions trois cent mille quatre`.
    fn whole(&self, limit: usize) -> Option<(usize, u128)> {
        let mut total: u128 = 0;
        let mut end = 0;
        let mut last_scale = u128::MAX;
        loop {
            let is_first = end == 0;
            let at = if !is_first && self.atom(end, limit) == Some(Atom::And) { end + 1 } else { end };
            let Some((group_end, value)) = self.group_of_scale(at, limit, is_first) else { break };
            match self.atom(group_end, limit) {
                Some(Atom::Scale(scale)) if scale < last_scale && value > 0 => {
                    total = total.checked_add(value.checked_mul(scale)?)?;
                    end = group_end + 1;
                    last_scale = scale;
                }
                Some(Atom::Scale(_)) if !is_first => break,
                _ if value < last_scale && (is_first || (value < 1_000 && value > 0)) => {
                    total += value;
                    end = group_end;
                    break;
                }
                _ => break,
            }
        }
        if end == 0 || self.word_at[end].is_none() {
            return None;
        }
        Some((end, total))
    }

    /// What may stand before a scale or at the end: a group, figures, nothing before `mille` and `duizend`.
    fn group_of_scale(&self, at: usize, limit: usize, is_first: bool) -> Option<(usize, u128)> {
        match self.atom(at, limit)? {
            Atom::Figures { value, .. } if is_first => Some((at + 1, value)),
            Atom::Scale(1_000) if self.language != Language::En => Some((at, 1)),
            Atom::Article if matches!(self.atom(at + 1, limit), Some(Atom::Scale(_))) => Some((at + 1, 1)),
            // `millionth`; as a cardinal it needs its number.
            Atom::Scale(_) if is_first && self.parts[at].is_ordinal => Some((at, 1)),
            Atom::Unit(_)
            | Atom::Teen(_)
            | Atom::Tens(_)
            | Atom::Hundred
            | Atom::Scale(_)
            | Atom::And
            | Atom::Article
            | Atom::Oh
            | Atom::Repeat(_)
            | Atom::Figures { .. } => self
                .below_thousand(at, limit)
                .into_iter()
                .max_by_key(|group| group.end)
                .map(|group| (group.end, u128::from(group.value))),
        }
    }

    fn below_thousand(&self, at: usize, limit: usize) -> Vec<Group> {
        let mut groups = self.below_hundred(at, limit);
        let mut hundreds: Vec<Group> = groups
            .iter()
            .filter(|group| self.atom(group.end, limit) == Some(Atom::Hundred) && self.may_count(group.value))
            .map(|group| Group { end: group.end + 1, value: group.value * 100 })
            .collect();
        match self.atom(at, limit) {
            Some(Atom::Hundred) if self.language != Language::En || self.parts[at].is_ordinal => {
                hundreds.push(Group { end: at + 1, value: 100 });
            }
            Some(Atom::Article) if self.atom(at + 1, limit) == Some(Atom::Hundred) => {
                hundreds.push(Group { end: at + 2, value: 100 });
            }
            _ => {}
        }
        for hundred in hundreds {
            groups.push(hundred);
            let is_joined = self.atom(hundred.end, limit) == Some(Atom::And) && self.language != Language::Fr;
            let rest = hundred.end + usize::from(is_joined);
            let rests = self.below_hundred(rest, limit).into_iter().filter(|rest| rest.value > 0);
            groups.extend(rests.map(|rest| Group { end: rest.end, value: hundred.value + rest.value }));
        }
        groups
    }

    /// The readings below a hundred: `quatre vingt dix sept` is 4, 80, 90 or 97 and then something.
    fn below_hundred(&self, at: usize, limit: usize) -> Vec<Group> {
        let mut groups = Vec::new();
        let Some(first) = self.atom(at, limit) else { return groups };
        match first {
            Atom::Unit(unit) => {
                groups.push(Group { end: at + 1, value: u32::from(unit) });
                match self.language {
                    Language::Fr if unit == 4 && self.atom(at + 1, limit) == Some(Atom::Tens(20)) => {
                        groups.extend(self.french_tens(at + 2, limit, 80));
                    }
                    Language::Nl if unit > 0 => groups.extend(self.dutch_tens(at + 1, limit, unit)),
                    Language::Fr | Language::En | Language::Nl => {}
                }
            }
            Atom::Teen(teen) => {
                groups.push(Group { end: at + 1, value: u32::from(teen) });
                if self.language == Language::Fr
                    && teen == 10
                    && let Some(Atom::Unit(unit @ 7..=9)) = self.atom(at + 1, limit)
                {
                    groups.push(Group { end: at + 2, value: 10 + u32::from(unit) });
                }
            }
            Atom::Tens(tens) => match self.language {
                Language::Fr => groups.extend(self.french_tens(at + 1, limit, u32::from(tens))),
                Language::En => {
                    groups.push(Group { end: at + 1, value: u32::from(tens) });
                    if let Some(Atom::Unit(unit @ 1..=9)) = self.atom(at + 1, limit) {
                        groups.push(Group { end: at + 2, value: u32::from(tens + unit) });
                    }
                }
                Language::Nl => groups.push(Group { end: at + 1, value: u32::from(tens) }),
            },
            Atom::Hundred
            | Atom::Scale(_)
            | Atom::And
            | Atom::Article
            | Atom::Oh
            | Atom::Repeat(_)
            | Atom::Figures { .. } => {}
        }
        groups
    }

    /// `vingt`, `vingt et un`, `soixante-douze`, `quatre-vingt-dix-sept`: tens that end at `at`, and what follows.
    fn french_tens(&self, at: usize, limit: usize, tens: u32) -> Vec<Group> {
        let mut groups = vec![Group { end: at, value: tens }];
        let has_and = self.atom(at, limit) == Some(Atom::And);
        let next = at + usize::from(has_and);
        match self.atom(next, limit) {
            Some(Atom::Unit(unit @ 1..=9)) if !has_and || unit == 1 => {
                groups.push(Group { end: next + 1, value: tens + u32::from(unit) });
            }
            Some(Atom::Teen(teen)) if matches!(tens, 60 | 80) && (!has_and || teen == 11) => {
                groups.push(Group { end: next + 1, value: tens + u32::from(teen) });
                if teen == 10
                    && let Some(Atom::Unit(unit @ 7..=9)) = self.atom(next + 1, limit)
                {
                    groups.push(Group { end: next + 2, value: tens + 10 + u32::from(unit) });
                }
            }
            _ => {}
        }
        groups
    }

    /// `vijf` before `en zeventig`.
    fn dutch_tens(&self, at: usize, limit: usize, unit: u8) -> Option<Group> {
        match (self.atom(at, limit)?, self.atom(at + 1, limit)?) {
            (Atom::And, Atom::Tens(tens)) => Some(Group { end: at + 2, value: u32::from(unit + tens) }),
            _ => None,
        }
    }

    /// What may count hundreds: `deux cents`, `onze cents`, `twenty one hundred`; never `vingt cents`, zero, or French
    /// `un` (`un centième` is a fraction).
    fn may_count(&self, value: u32) -> bool {
        let smallest = if self.language == Language::Fr { 2 } else { 1 };
        (smallest..100).contains(&value) && !value.is_multiple_of(10)
    }

    fn atom(&self, at: usize, limit: usize) -> Option<Atom> {
        (at < limit).then(|| self.parts[at].atom)
    }
}

/// A number as said, with what stands behind the decimal sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Numeric {
    /// The word behind it.
    pub end: usize,
    pub is_negative: bool,
    pub whole: u128,
    /// Whether something stands before the decimal sign (`point five` has nothing).
    pub has_whole: bool,
    /// Digits behind the decimal sign.
    pub fraction: String,
    /// What a scale behind decimals multiplies: a million in `1,5 million`; else 1.
    pub scale: u128,
    /// Whether it is written in figures in the text.
    pub is_figures: bool,
}

impl Numeric {
    /// The longest number that starts with the word at `at`.
    pub fn at(words: &Words<'_>, at: usize) -> Option<Self> {
        let has_sign =
            matches!((words.language, words.folded(at)), (_, "moins" | "minus") | (Language::Nl, "min"));
        let start = at + usize::from(has_sign);
        let mut number = Self::figures(words, start)
            .or_else(|| Self::in_words(words, start))
            .or_else(|| Self::without_whole(words, start))?;
        if has_sign && !may_cross(words, start) {
            return None;
        }
        number.is_negative = has_sign;
        if !number.fraction.is_empty()
            && may_cross(words, number.end)
            && let Some([Part { atom: Atom::Scale(scale), is_ordinal: false }]) =
                words.parts.get(number.end).map(Vec::as_slice)
        {
            number.scale = *scale;
            number.end += 1;
        }
        Some(number)
    }

    /// As an integer; `None` when it is too large.
    pub fn whole_signed(&self) -> Option<i64> {
        let value = i64::try_from(self.whole).ok()?;
        Some(if self.is_negative { -value } else { value })
    }

    /// In hundredths; `None` when that is no whole number or too large.
    pub fn hundredths(&self) -> Option<i64> {
        let places = u32::try_from(self.fraction.len()).ok()?;
        let unit = 10_u128.checked_pow(places)?;
        let fraction: u128 = if self.fraction.is_empty() { 0 } else { self.fraction.parse().ok()? };
        let scaled = self.whole.checked_mul(unit)?.checked_add(fraction)?.checked_mul(self.scale)?;
        let hundredths = scaled.checked_mul(100)?;
        let value = hundredths.is_multiple_of(unit).then(|| hundredths / unit)?;
        let value = i64::try_from(value).ok()?;
        Some(if self.is_negative { -value } else { value })
    }

    fn in_words(words: &Words<'_>, at: usize) -> Option<Self> {
        let (end, whole) = Reader::new(words, at).cardinal()?;
        let number = Self {
            end,
            is_negative: false,
            whole,
            has_whole: true,
            fraction: String::new(),
            scale: 1,
            is_figures: words.list[at].text.as_bytes()[0].is_ascii_digit(),
        };
        Some(number.with_spoken_fraction(words))
    }

    /// `point five`, `virgule cinq` at the start of a number.
    fn without_whole(words: &Words<'_>, at: usize) -> Option<Self> {
        let number = Self {
            end: at,
            is_negative: false,
            whole: 0,
            has_whole: false,
            fraction: String::new(),
            scale: 1,
            is_figures: false,
        };
        let number = number.with_spoken_fraction(words);
        (!number.fraction.is_empty() && words.language == Language::En).then_some(number)
    }

    fn with_spoken_fraction(mut self, words: &Words<'_>) -> Self {
        let is_sign = match words.language {
            Language::Fr => words.folded(self.end) == "virgule",
            Language::En => words.folded(self.end) == "point",
            Language::Nl => matches!(words.folded(self.end), "komma"),
        };
        if !is_sign {
            return self;
        }
        let mut next = self.end + 1;
        let mut digits = String::new();
        while next < words.len() && may_cross(words, next) && digits.len() < 12 {
            let Some((end, group)) = fraction_group(words, next) else { break };
            digits += &group;
            next = end;
        }
        if !digits.is_empty() {
            self.fraction = digits;
            self.end = next;
        }
        self
    }

    /// `1 200`, `1.200,50`, `12,50`: thousands and decimals as the language writes them.
    fn figures(words: &Words<'_>, at: usize) -> Option<Self> {
        let first = words.list.get(at).filter(|word| is_figures(word.text))?;
        let mut digits = first.text.to_owned();
        let mut end = at + 1;
        let may_group = first.text.len() <= 3 && !first.text.starts_with('0');
        while may_group && groups_thousands(words, end) {
            digits += words.list[end].text;
            end += 1;
        }
        let mut fraction = String::new();
        if let Gap::Tight('.' | ',') = words.gap(end)
            && let Some(word) = words.list.get(end).filter(|word| is_figures(word.text))
            && !matches!(words.gap(end + 1), Gap::Tight('.' | ',' | '/'))
        {
            fraction.push_str(word.text);
            end += 1;
        }
        // Figures that go on with a scale (`3 millions`) are a number in words.
        if fraction.is_empty() && end == at + 1 {
            return None;
        }
        let whole = if digits.len() <= 30 { digits.parse().ok()? } else { return None };
        Some(Self { end, is_negative: false, whole, has_whole: true, fraction, scale: 1, is_figures: true })
    }
}

/// One group of digits behind a spoken decimal sign: `trois`, `o`, `vingt-quatre`.
fn fraction_group(words: &Words<'_>, at: usize) -> Option<(usize, String)> {
    match words.parts.get(at)?.as_slice() {
        [Part { atom: Atom::Oh, .. }] => return Some((at + 1, "0".to_owned())),
        [Part { atom: Atom::Figures { .. }, .. }] => {
            return Some((at + 1, words.list[at].text.to_owned()));
        }
        _ => {}
    }
    let (end, value) = Reader::new(words, at).groups().into_iter().next()?;
    Some((end, value.to_string()))
}

/// Whether the word at `at` is three figures that go on with a number: `200` of `1 200`, `1.200`, `1,200`.
fn groups_thousands(words: &Words<'_>, at: usize) -> bool {
    let Some(word) = words.list.get(at) else { return false };
    let is_separated = match (words.gap(at), words.language) {
        (Gap::Space, Language::Fr) | (Gap::Tight('.'), Language::Fr | Language::Nl) => true,
        (Gap::Tight(','), Language::En) => true,
        (_, Language::Fr | Language::En | Language::Nl) => false,
    };
    is_separated && word.text.len() == 3 && is_figures(word.text)
}

fn is_figures(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
