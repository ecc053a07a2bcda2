//! Customer, order and contract numbers, by digits, by groups or spelled.

use super::digits::{Reading, Wanted, read};
use super::numbers::may_cross;
use super::value::{Letters, Shape};
use super::words::{Gap, Words};
use super::{Located, Value};

/// Score of a number that goes on behind the longest reference: it is something else, or one digit too many.
const CUT_SCORE: f32 = 0.5;

/// References of one shape.
pub(super) fn find(words: &Words<'_>, shape: Shape) -> Vec<Located> {
    let wanted = Wanted {
        characters_max: usize::from(shape.characters_max),
        letters: shape.letters != Letters::None,
        pairs: false,
        as_spoken: true,
    };
    fitting(words, &wanted, |text| shape.fits(text).then(|| (Value::Reference(text.to_owned()), 0.95)))
}

/// Values that `accept` makes of readings, with their score: at each place the longest, and of these the likeliest.
pub(super) fn fitting(
    words: &Words<'_>,
    wanted: &Wanted,
    accept: impl Fn(&str) -> Option<(Value, f32)>,
) -> Vec<Located> {
    let mut found: Vec<Located> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match fitting_at(words, at, wanted, &accept) {
            Some(located) => {
                at = located.words.end;
                found.push(located);
            }
            None => at += 1,
        }
    }
    found
}

fn fitting_at(
    words: &Words<'_>,
    at: usize,
    wanted: &Wanted,
    accept: impl Fn(&str) -> Option<(Value, f32)>,
) -> Option<Located> {
    if is_inside_number(words, at) {
        return None;
    }
    let readings = read(words, at, wanted);
    let mut valid: Vec<(Reading, Value, f32)> = readings
        .into_iter()
        .filter_map(|reading| accept(&reading.text).map(|(value, score)| (reading, value, score)))
        .collect();
    valid.sort_by(|(a, ..), (b, ..)| b.end.cmp(&a.end).then(a.cost.cmp(&b.cost)));
    let is_ambiguous = valid.get(1).is_some_and(|(second, value, _)| {
        second.end == valid[0].0.end && *value != valid[0].1 && second.cost <= valid[0].0.cost + 1
    });
    let (reading, value, base) = valid.into_iter().next()?;
    let mut score = base - 0.05 * reading.doubt.min(12) as f32;
    if is_ambiguous {
        score = score.min(0.65);
    }
    if reading.is_corrected {
        score = score.min(0.85);
    }
    if goes_on(words, at, reading.end) {
        score = score.min(CUT_SCORE);
    }
    Some(Located { value, words: at..reading.end, score })
}

/// Whether the word at `at` goes on with a number in words: `vingt` of `quatre-vingt`.
pub(super) fn is_inside_number(words: &Words<'_>, at: usize) -> bool {
    at > 0 && words.gap(at) == Gap::Hyphen && !words.parts[at - 1].is_empty()
}

/// Whether digits stand directly before or behind.
fn goes_on(words: &Words<'_>, start: usize, end: usize) -> bool {
    let is_digit = |at: usize| {
        use super::numbers::Atom;
        words.parts.get(at).is_some_and(|parts| {
            parts.iter().any(|part| {
                !matches!(part.atom, Atom::And | Atom::Article | Atom::Repeat(_)) && !part.is_ordinal
            })
        })
    };
    (is_digit(end) && may_cross(words, end)) || (start > 0 && is_digit(start - 1) && may_cross(words, start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Language;

    fn check(language: Language, shape: Shape, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let found: Vec<String> = find(&Words::of(text, language), shape)
                .into_iter()
                .filter(|located| located.score > CUT_SCORE)
                .map(|located| located.value.canonical())
                .collect();
            assert_eq!(found.join("|"), *expected, "{text}");
        }
    }

    #[test]
    fn digits_are_read_one_by_one_and_by_groups() {
        let eight = Shape::digits(8, 8);
        check(
            Language::Fr,
            eight,
            &[
                ("mon numéro de client c'est 12345678", "12345678"),
                ("douze trente-quatre cinquante-six soixante-dix-huit", "12345678"),
                ("un deux trois quatre cinq six sept huit", "12345678"),
                ("cent vingt-trois quatre cent cinquante-six soixante-dix-huit", "12345678"),
                ("douze, euh, trente-quatre, cinquante-six, soixante-dix-huit.", "12345678"),
                ("c'est le 1234 56 78, voilà", "12345678"),
                ("zéro zéro douze quarante deux deux", "00124022"),
                ("123 456 789", ""),
            ],
        );
        check(
            Language::En,
            eight,
            &[
                ("double one two three four five six seven", "11234567"),
                ("twelve thirty four fifty six seventy eight", "12345678"),
                ("one two three, no sorry, four, five six seven eight nine", "12456789"),
            ],
        );
        check(
            Language::Nl,
            eight,
            &[
                ("twaalf vierendertig zesenvijftig achtenzeventig", "12345678"),
                ("een twee drie vier vijf zes zeven acht", "12345678"),
            ],
        );
    }

    #[test]
    fn letters_stand_where_the_shape_has_them() {
        let order = Shape { characters_min: 8, characters_max: 8, letters: Letters::Before(2) };
        check(
            Language::Fr,
            order,
            &[
                ("ma commande F A vingt vingt-six treize", "FA202613"),
                ("F comme François, A comme Anatole, 202613", "FA202613"),
                ("commande FA202613", "FA202613"),
                ("FA deux mille vingt-six treize", "FA202613"),
                ("Foxtrot Alpha deux zéro deux six un trois", "FA202613"),
            ],
        );
        check(
            Language::En,
            order,
            &[("order F for Foxtrot A for Alpha twenty twenty six thirteen", "FA202613")],
        );
    }
}
