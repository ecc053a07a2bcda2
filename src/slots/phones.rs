//! Telephone numbers, said by pairs, by digits or as figures.

use super::digits::{Reading, Wanted, read};
use super::references::is_inside_number;
use super::words::Words;
use super::{Context, Country, Located, Value};

/// Longest number that is dialled: `0044` and ten digits.
const DIGITS_MAX: usize = 15;

/// Numbers of the countries of the context, and international ones.
pub(super) fn find(words: &Words<'_>, context: &Context<'_>) -> Vec<Located> {
    let mut countries = context.countries_for(words.language).to_vec();
    // `04 75 …` is a number in France and in Belgium; who says `septante` is no French caller.
    if words.list.iter().any(|word| matches!(word.folded.as_str(), "septante" | "nonante")) {
        countries.sort_by_key(|country| *country != Country::Belgium);
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match number_at(words, at, &countries, AsSaid::WithFillers) {
            Some(located) => {
                at = located.words.end;
                found.push(located);
            }
            None => at += 1,
        }
    }
    found
}

/// The number that starts with the word at `at`, in E.164 form, and the word behind it; without fillers and corrections,
/// which a written text keeps.
pub(super) fn at_word(words: &Words<'_>, at: usize, countries: &[Country]) -> Option<(usize, String)> {
    let located = number_at(words, at, countries, AsSaid::WithoutFillers)?;
    let Value::Phone(number) = located.value else { return None };
    Some((located.words.end, number))
}

/// Whether fillers and corrections may stand inside of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AsSaid {
    WithFillers,
    WithoutFillers,
}

fn number_at(words: &Words<'_>, at: usize, countries: &[Country], said: AsSaid) -> Option<Located> {
    let has_plus = matches!(words.folded(at), "+" | "plus");
    let start = at + usize::from(has_plus);
    // Digits in the middle of a longer row of digits are no number of their own.
    let wanted = Wanted {
        characters_max: DIGITS_MAX,
        letters: false,
        pairs: true,
        as_spoken: said == AsSaid::WithFillers,
    };
    if words.parts.get(start).is_none_or(Vec::is_empty) || is_inside_number(words, at) {
        return None;
    }
    let mut valid: Vec<(Reading, String)> = read(words, start, &wanted)
        .into_iter()
        .filter_map(|reading| {
            let number =
                if has_plus { international(&reading.text) } else { dialled(&reading.text, countries) };
            number.map(|number| (reading, number))
        })
        .collect();
    // A longer number first: nine digits may be the beginning of ten.
    valid.sort_by(|(a, _), (b, _)| b.end.cmp(&a.end).then(a.cost.cmp(&b.cost)));
    let rival = valid.get(1).filter(|(second, number)| {
        second.end == valid[0].0.end && *number != valid[0].1 && second.cost <= valid[0].0.cost + 1
    });
    let is_ambiguous = rival.is_some();
    let (reading, number) = valid.into_iter().next()?;
    let score = if is_ambiguous { 0.65 } else { (0.97 - 0.05 * reading.doubt as f32).max(0.6) };
    let score = if reading.is_corrected { score.min(0.85) } else { score };
    Some(Located { value: Value::Phone(number), words: at..reading.end, score })
}

/// A number as it is dialled, in E.164 form.
pub(super) fn dialled(digits: &str, countries: &[Country]) -> Option<String> {
    if let Some(rest) = digits.strip_prefix("00") {
        return international(rest);
    }
    countries.iter().find_map(|country| country.number(digits))
}

/// Digits behind a plus; the zero that people add (`plus 33 0 6 …`) is dropped.
fn international(digits: &str) -> Option<String> {
    const COUNTRIES: [(&str, Country); 4] = [
        ("33", Country::France),
        ("32", Country::Belgium),
        ("31", Country::Netherlands),
        ("44", Country::UnitedKingdom),
    ];
    let (code, country) = COUNTRIES.iter().find(|(code, _)| digits.starts_with(code))?;
    let rest = digits[code.len()..].trim_start_matches('0');
    country.number(&format!("0{rest}"))
}

impl Country {
    /// The E.164 form of a number as it is dialled inside the country; `None` for what is no number there.
    fn number(self, digits: &str) -> Option<String> {
        let mut bytes = digits.bytes();
        if bytes.next() != Some(b'0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let second = bytes.next()?;
        let (code, is_valid) = match self {
            Self::France => ("33", digits.len() == 10 && second != b'0'),
            // Mobile numbers (046 to 049) have a digit more than the others.
            Self::Belgium => {
                let is_mobile =
                    digits.starts_with("04") && digits.as_bytes().get(2).is_some_and(|b| *b >= b'5');
                ("32", second != b'0' && digits.len() == if is_mobile { 10 } else { 9 })
            }
            Self::Netherlands => ("31", digits.len() == 10 && second != b'0'),
            Self::UnitedKingdom => {
                let is_long = digits.len() == 11 && matches!(second, b'1' | b'2' | b'3' | b'5' | b'7' | b'8');
                // A few area codes of five digits have short numbers.
                let is_short = digits.len() == 10 && matches!(second, b'1' | b'8');
                ("44", is_long || is_short)
            }
        };
        is_valid.then(|| format!("+{code}{}", &digits[1..]))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::call::Language;
    use crate::slots::canonical;

    fn check(language: Language, cases: &[(&str, &str)]) {
        let context = Context::on(date(2026, 11, 26));
        for (text, expected) in cases {
            let found = canonical(find(&Words::of(text, language), &context));
            assert_eq!(found.join("|"), *expected, "{text}");
        }
    }

    #[test]
    fn french_numbers_are_read_by_pairs() {
        check(
            Language::Fr,
            &[
                ("zéro six, douze, quatre-vingt-dix, trente-quatre, cinquante-six", "+33612903456"),
                ("zéro six douze quatre vingt dix trente quatre cinquante six", "+33612903456"),
                ("Mon numéro c'est le 06 12 34 56 78 merci", "+33612345678"),
                ("06.12.34.56.78", "+33612345678"),
                ("06-12-34-56-78", "+33612345678"),
                ("0612345678", "+33612345678"),
                ("zero six 12 34 cinquante six 78", "+33612345678"),
                ("Zéro six, soixante-dix, douze, quatre-vingt, onze.", "+33670128011"),
                // Only with sixty and twelve apart there are ten digits.
                ("zéro six soixante douze trente quatre cinquante six", "+33660123456"),
                ("zéro un quarante deux zéro zéro quatorze quatre-vingt-dix-neuf", "+33142001499"),
                ("plus trente-trois six douze trente-quatre cinquante-six soixante-dix-huit", "+33612345678"),
                ("+33 6 12 34 56 78", "+33612345678"),
                (
                    "zéro zéro trente-trois six douze trente-quatre cinquante-six soixante-dix-huit",
                    "+33612345678",
                ),
                ("zéro six euh douze trente-quatre cinquante-six puis soixante-dix-huit", "+33612345678"),
                (
                    "zéro six, douze, non pardon, treize, trente-quatre, cinquante-six, soixante-dix-huit",
                    "+33613345678",
                ),
                ("zéro quatre septante-cinq vingt-trois quarante-cinq soixante-sept", "+32475234567"),
                ("zéro deux cinq cent douze treize quatorze", "+3225121314"),
                ("j'ai deux lignes et trois contrats", ""),
                ("06 12 34 56", ""),
            ],
        );
    }

    #[test]
    fn dutch_and_british_numbers_are_read() {
        check(
            Language::Nl,
            &[
                ("nul zes twaalf vierendertig zesenvijftig achtenzeventig", "+31612345678"),
                ("06 12 34 56 78", "+31612345678"),
                ("nul twintig, vijf vijf vijf, twaalf, vierendertig", "+31205551234"),
                ("nul vier zeven vijf twaalf vierendertig zesenvijftig", "+31475123456"),
                ("plus eenendertig zes twaalf vierendertig zesenvijftig achtenzeventig", "+31612345678"),
            ],
        );
        check(
            Language::En,
            &[
                ("oh seven seven double oh nine hundred one two three", "+447700900123"),
                ("zero seven seven zero zero nine zero zero one two three", "+447700900123"),
                ("07700 900123", "+447700900123"),
                ("020 7946 0018", "+442079460018"),
                ("plus four four seven seven double zero nine double zero one two three", "+447700900123"),
                ("my bill is two hundred pounds", ""),
            ],
        );
    }

    #[test]
    fn an_ambiguous_number_scores_lower() {
        let context = Context::on(date(2026, 11, 26));
        let score = |text| find(&Words::of(text, Language::Fr), &context)[0].score;
        let clear = score("zéro six, douze, quatre-vingt-dix, trente-quatre, cinquante-six");
        let guessed = score("zéro six soixante douze trente quatre cinquante six");
        assert!(clear > 0.9 && guessed < clear);
    }
}
