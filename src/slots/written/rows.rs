//! Digits in a row: telephone numbers, addresses of machines, anything dictated digit by digit.

use super::Piece;
use super::figures::is_figures;
use crate::call::Language;
use crate::slots::Country;
use crate::slots::digits::{Wanted, read};
use crate::slots::numbers::{Atom, Part, Reader, may_cross};
use crate::slots::phones;
use crate::slots::words::Words;

/// Fewer digits one by one are a count.
const ROW_MIN: usize = 3;

/// A row of digits in the form its length asks for.
pub(super) fn digits(words: &Words<'_>, at: usize) -> Option<Piece> {
    if is_figures(words, at) {
        return None;
    }
    match words.language {
        Language::En => english(words, at),
        Language::Fr => telephone(words, at).or_else(|| french_pairs(words, at)).or_else(|| plain(words, at)),
        Language::Nl => telephone(words, at).or_else(|| plain(words, at)),
    }
}

fn plain(words: &Words<'_>, at: usize) -> Option<Piece> {
    let (end, digits) = row(words, at)?;
    (digits.len() >= ROW_MIN).then_some(Piece { end, text: digits })
}

/// Digits said one by one, with `double` and `triple`: the word behind them.
fn row(words: &Words<'_>, at: usize) -> Option<(usize, String)> {
    let mut digits = String::new();
    let mut next = at;
    while next == at || may_cross(words, next) {
        let (times, digit_at) = match words.parts.get(next).map(Vec::as_slice) {
            Some([Part { atom: Atom::Repeat(times), .. }]) => (usize::from(*times), next + 1),
            _ => (1, next),
        };
        let digit = match words.parts.get(digit_at).map(Vec::as_slice) {
            Some([Part { atom: Atom::Unit(unit), is_ordinal: false }]) => *unit,
            Some([Part { atom: Atom::Oh, .. }]) => 0,
            Some(_) | None => break,
        };
        // `five hundred` is no digit.
        let longest = Reader::new(words, digit_at).cardinal();
        if longest.is_some_and(|(end, _)| end > digit_at + 1) {
            break;
        }
        digits.push_str(&digit.to_string().repeat(times));
        next = digit_at + 1;
    }
    (!digits.is_empty()).then_some((next, digits))
}

fn english(words: &Words<'_>, at: usize) -> Option<Piece> {
    if words.folded(at) == "plus" {
        return english_international(words, at);
    }
    let (end, digits) = row(words, at)?;
    if let Some(piece) = machine_address(words, end, &digits) {
        return Some(piece);
    }
    match digits.len() {
        10 => Some(Piece { end, text: by_ten(&digits) }),
        11 if digits.starts_with('0') => Some(Piece { end, text: british(&digits) }),
        length => (length >= ROW_MIN).then_some(Piece { end, text: digits }),
    }
}

/// `plus forty four one two three …`: a code of up to three digits, by digits or as a number, and ten digits.
fn english_international(words: &Words<'_>, at: usize) -> Option<Piece> {
    let mut codes: Vec<(usize, u32)> = Reader::new(words, at + 1).groups();
    codes.retain(|(_, code)| *code > 0);
    for (code_end, code) in codes {
        if let Some((end, digits)) = row(words, code_end).filter(|(_, digits)| digits.len() == 10) {
            return Some(Piece { end, text: format!("+{code} {}", by_ten(&digits)) });
        }
    }
    let Some((end, digits)) = row(words, at + 1).filter(|(_, digits)| digits.len() > 10) else {
        return telephone(words, at);
    };
    let code = digits.len().checked_sub(10).filter(|code| (1..=3).contains(code))?;
    Some(Piece { end, text: format!("+{} {}", &digits[..code], by_ten(&digits[code..])) })
}

/// Eleven digits of a British number: `020 7946 0018`, `07700 900123`.
fn british(digits: &str) -> String {
    match digits.starts_with("02") {
        true => format!("{} {} {}", &digits[..3], &digits[3..7], &digits[7..]),
        false => format!("{} {}", &digits[..5], &digits[5..]),
    }
}

/// Ten digits, as English writes them.
fn by_ten(digits: &str) -> String {
    format!("{}-{}-{}", &digits[..3], &digits[3..6], &digits[6..])
}

/// `one two three dot one two three dot o dot four o`
fn machine_address(words: &Words<'_>, first_end: usize, first: &str) -> Option<Piece> {
    let mut text = first.to_owned();
    let mut end = first_end;
    for _ in 0..3 {
        if words.folded(end) != "dot" {
            return None;
        }
        let (behind, digits) = row(words, end + 1).filter(|(_, digits)| digits.len() <= 3)?;
        text.push('.');
        text.push_str(&digits);
        end = behind;
    }
    Some(Piece { end, text })
}

/// A telephone number of a country of the language, in that country's writing.
fn telephone(words: &Words<'_>, at: usize) -> Option<Piece> {
    let countries: &[Country] = match words.language {
        Language::Fr => &[Country::France, Country::Belgium],
        Language::En => &[Country::UnitedKingdom],
        Language::Nl => &[Country::Netherlands, Country::Belgium],
    };
    let (end, number) = phones::at_word(words, at, countries)?;
    let has_plus = words.folded(at) == "plus";
    let is_written = (at..end).all(|at| is_figures(words, at) || words.folded(at) == "+");
    if is_written {
        return None;
    }
    let digits = &number[3..];
    let national = match &number[..3] {
        "+33" => pairs(&format!("0{digits}")),
        "+32" if digits.len() == 9 => format!("0{} {}", &digits[..3], pairs(&digits[3..])),
        "+32" => format!("0{} {} {}", &digits[..1], &digits[1..4], pairs(&digits[4..])),
        "+31" if digits.starts_with('6') => format!("06 {}", &digits[1..]),
        "+31" => format!("0{} {} {}", &digits[..2], &digits[2..5], &digits[5..]),
        _ if digits.len() == 10 => british(&format!("0{digits}")),
        _ => format!("0{digits}"),
    };
    let text = if has_plus { format!("{} {}", &number[..3], national[1..].trim_start()) } else { national };
    Some(Piece { end, text })
}

/// Ten digits by groups that are no telephone number of France: `99 12 32 30 30`.
fn french_pairs(words: &Words<'_>, at: usize) -> Option<Piece> {
    const GROUPS_MIN: usize = 5;
    let wanted = Wanted { characters_max: 10, letters: false, pairs: true, as_spoken: false };
    let reading = read(words, at, &wanted)
        .into_iter()
        .filter(|reading| reading.text.len() == 10 && reading.groups >= GROUPS_MIN && reading.cost == 0)
        .max_by_key(|reading| reading.end)?;
    Some(Piece { end: reading.end, text: pairs(&reading.text) })
}

fn pairs(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 3 / 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % 2 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
