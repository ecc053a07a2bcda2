//! The number that a text ends with, counted in the digits that a caller would dial.
//!
//! French, English and Dutch number words are read as they are dictated, in figures, pairs or hundreds: `zéro six
//! quarante-deux` and `06 42` have four digits.

use crate::call::Language;

/// What stands at the end of a text as numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TrailingNumber {
    /// Digits of all of them together.
    pub(super) digits: u32,
    /// How many numbers one after the other.
    numbers: u32,
    begins_with_zero: bool,
    is_year: bool,
}

/// A number word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// 0 to 9.
    Unit,
    /// 10 to 19.
    Teen,
    /// 20, 30, … that take a unit behind them.
    Tens,
    /// 60 in French, that takes a teen too.
    Sixty,
    /// Hundred, thousand: an amount or a year rather than a dictation.
    Scale,
    /// `et`, `and`, `en` between tens and units.
    Joiner,
    /// Figures.
    Figures(u32),
}

impl TrailingNumber {
    pub(super) fn of(words: &[&str], language: Language) -> Self {
        let pieces: Vec<Option<Piece>> = words.iter().map(|word| piece(word, language)).collect();
        let end = pieces.len();
        let start = pieces.iter().rposition(Option::is_none).map_or(0, |last| last + 1);
        let run: Vec<Piece> = pieces[start..].iter().flatten().copied().collect();
        let leading = run.iter().take_while(|piece| **piece == Piece::Joiner).count();
        if run.last().is_none_or(|last| *last == Piece::Joiner) {
            return Self::default();
        }
        let first = words[(start + leading).min(end - 1)];
        let mut number = count(&run[leading..], &words[start + leading..]);
        number.begins_with_zero = first.starts_with('0') || matches!(first, "zero" | "oh" | "nul");
        number.is_year |=
            number.numbers == 1 && number.digits == 4 && (first.starts_with("19") || first.starts_with("20"));
        number
    }

    /// Whether it looks like a number that is dictated, not like a quantity, a year or a price.
    pub(super) const fn is_dictated(self) -> bool {
        !self.is_year && (self.numbers >= 2 || self.begins_with_zero || self.digits >= 3)
    }
}

/// Groups pieces to numbers: `quatre vingt dix huit` is one of two digits.
fn count(run: &[Piece], words: &[&str]) -> TrailingNumber {
    let mut total = TrailingNumber::default();
    let mut at = 0;
    while at < run.len() {
        let is_score = words[at] == "quatre" && words.get(at + 1).is_some_and(|word| is_twenty(word));
        let (digits, mut next) = match run[at] {
            Piece::Figures(digits) => (digits, at + 1),
            Piece::Scale => (0, at + 1),
            Piece::Joiner => (0, at + 1),
            Piece::Unit if is_score => (2, after_sixty(run, at + 2)),
            Piece::Unit => (1, at + 1),
            Piece::Teen => (2, after_teen(run, words, at + 1)),
            Piece::Tens => (2, after_tens(run, at + 1)),
            Piece::Sixty => (2, after_sixty(run, at + 1)),
        };
        if run[at] == Piece::Scale || run.get(next) == Some(&Piece::Scale) {
            total.is_year = true;
            next = next.max(at + 1);
        }
        total.digits += digits;
        total.numbers += u32::from(digits > 0);
        at = next;
    }
    total
}

fn is_twenty(word: &str) -> bool {
    matches!(word, "vingt" | "vingts")
}

/// `dix sept`, `dix huit`, `dix neuf`.
fn after_teen(run: &[Piece], words: &[&str], at: usize) -> usize {
    let is_compound = words[at - 1] == "dix"
        && run.get(at) == Some(&Piece::Unit)
        && matches!(words[at], "sept" | "huit" | "neuf");
    if is_compound { at + 1 } else { at }
}

/// `vingt et un`, `twenty four`; a zero is never part of it.
fn after_tens(run: &[Piece], at: usize) -> usize {
    match (run.get(at), run.get(at + 1)) {
        (Some(Piece::Unit), _) => at + 1,
        (Some(Piece::Joiner), Some(Piece::Unit)) => at + 2,
        (Some(_) | None, _) => at,
    }
}

/// `soixante douze`, `soixante et onze`, `quatre vingt dix huit`.
fn after_sixty(run: &[Piece], at: usize) -> usize {
    match (run.get(at), run.get(at + 1)) {
        (Some(Piece::Teen), Some(Piece::Unit)) => at + 2,
        (Some(Piece::Teen), _) => at + 1,
        (Some(Piece::Joiner), Some(Piece::Teen)) => at + 2,
        (Some(_) | None, _) => after_tens(run, at),
    }
}

fn piece(word: &str, language: Language) -> Option<Piece> {
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        let is_plain = word.chars().all(|c| c.is_ascii_digit() || c == '.');
        let digits = word.chars().filter(char::is_ascii_digit).count();
        return is_plain.then_some(Piece::Figures(u32::try_from(digits).unwrap_or(u32::MAX)));
    }
    match language {
        Language::Fr => french(word),
        Language::En => english(word),
        Language::Nl => dutch(word),
    }
}

fn french(word: &str) -> Option<Piece> {
    Some(match word {
        "zero" | "un" | "une" | "deux" | "trois" | "quatre" | "cinq" | "six" | "sept" | "huit" | "neuf" => {
            Piece::Unit
        }
        "dix" | "onze" | "douze" | "treize" | "quatorze" | "quinze" | "seize" => Piece::Teen,
        "vingt" | "vingts" | "trente" | "quarante" | "cinquante" | "septante" | "huitante" | "octante"
        | "nonante" => Piece::Tens,
        "soixante" => Piece::Sixty,
        "cent" | "cents" | "mille" => Piece::Scale,
        "et" => Piece::Joiner,
        _ => return None,
    })
}

fn english(word: &str) -> Option<Piece> {
    Some(match word {
        "zero" | "oh" | "one" | "two" | "three" | "four" | "five" | "six" | "seven" | "eight" | "nine"
        | "double" | "triple" => Piece::Unit,
        "ten" | "eleven" | "twelve" | "thirteen" | "fourteen" | "fifteen" | "sixteen" | "seventeen"
        | "eighteen" | "nineteen" => Piece::Teen,
        "twenty" | "thirty" | "forty" | "fifty" | "sixty" | "seventy" | "eighty" | "ninety" => Piece::Tens,
        "hundred" | "thousand" => Piece::Scale,
        "and" => Piece::Joiner,
        _ => return None,
    })
}

fn dutch(word: &str) -> Option<Piece> {
    const TENS: [&str; 8] =
        ["twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"];
    Some(match word {
        "nul" | "een" | "twee" | "drie" | "vier" | "vijf" | "zes" | "zeven" | "acht" | "negen" => Piece::Unit,
        "tien" | "elf" | "twaalf" | "dertien" | "veertien" | "vijftien" | "zestien" | "zeventien"
        | "achttien" | "negentien" => Piece::Teen,
        "honderd" | "duizend" => Piece::Scale,
        "en" => Piece::Joiner,
        // `vierentwintig` is one word and one number.
        _ if TENS.iter().any(|tens| word.ends_with(tens)) => Piece::Teen,
        _ => return None,
    })
}
