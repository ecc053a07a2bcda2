//! Inverse text normalisation: a text with number words as people write it.
//!
//! At each place every kind of reading is tried (addresses, dates, times, money, measures, digits, fractions, ordinals,
//! numbers) and the one that takes the most words wins. Numbers below ten stay words unless they belong to something,
//! as writers do; figures that are there already stay as they are.
//!
//! English writes money, dates and times as the reference sets do that this is measured on (`$18`, `july 25 2012`,
//! `08:51`, `2:00 p.m.` as `02:00 p.m.`), French with spaces and signs behind (`80 000 €`, `20 h 15`, `2ᵉ`), Dutch as
//! `€ 12,50`, `14.30 uur`, `2e`.

mod calendar;
mod cash;
mod figures;
mod fractions;
mod rows;
#[cfg(test)]
mod tests;
mod units;

use super::electronic::{self, Address};
use super::words::Words;
use crate::call::Language;

/// Words that are written otherwise: behind the last of them, and the new text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    end: usize,
    text: String,
}

type Reading = fn(&Words<'_>, usize) -> Option<Piece>;

/// In order: of readings of equal length the first wins.
const READINGS: [Reading; 8] = [
    calendar::date,
    calendar::clock,
    cash::money,
    units::measure,
    rows::digits,
    fractions::ordinal,
    fractions::fraction,
    figures::number,
];

/// `text` with its number words in figures and its spoken addresses written; everything else as it is.
pub fn written(text: &str, language: Language) -> String {
    let words = Words::of(text, language);
    let addresses = addresses(&words);
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    while at < words.len() {
        let Some(piece) = piece_at(&words, at, &addresses) else {
            at += 1;
            continue;
        };
        let span = words.span(&(at..piece.end));
        result.push_str(&text[copied..span.start]);
        result.push_str(&piece.text);
        copied = span.end;
        at = piece.end;
    }
    result.push_str(&text[copied..]);
    result
}

fn piece_at(words: &Words<'_>, at: usize, addresses: &[Address]) -> Option<Piece> {
    if let Some(address) = addresses.iter().find(|address| address.words.start == at) {
        return Some(Piece { end: address.words.end, text: address.text.clone() });
    }
    // A number may not run into an address.
    let limit = addresses.iter().map(|address| address.words.start).find(|start| *start > at);
    READINGS
        .iter()
        .filter_map(|reading| reading(words, at))
        .filter(|piece| limit.is_none_or(|limit| piece.end <= limit))
        .fold(None, |best: Option<Piece>, piece| match best {
            Some(best) if best.end >= piece.end => Some(best),
            Some(_) | None => Some(piece),
        })
}

/// Mail addresses, and web addresses between them; what is written as an address already is left alone.
fn addresses(words: &Words<'_>) -> Vec<Address> {
    let mut addresses = electronic::emails(words);
    for web in electronic::webs(words) {
        let is_free = addresses
            .iter()
            .all(|other| web.words.end <= other.words.start || other.words.end <= web.words.start);
        if is_free {
            addresses.push(web);
        }
    }
    addresses.retain(|address| words.text[words.span(&address.words)].contains(' '));
    addresses
}
