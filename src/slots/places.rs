//! Postcodes, and entries of a list: cities and products.

use super::digits::Wanted;
use super::references::fitting;
use super::words::Words;
use super::{Catalog, Context, Country, Entity, Located, Value};

/// Less alike is not offered as a value at all.
const LIKENESS_MIN: f32 = 0.62;
/// A runner-up that is not farther behind makes a value doubtful.
const MARGIN_MIN: f32 = 0.05;

/// Postcodes of the countries of the context.
pub(super) fn postcodes(words: &Words<'_>, context: &Context<'_>) -> Vec<Located> {
    let countries = context.countries_for(words.language);
    let letters =
        countries.iter().any(|country| matches!(country, Country::Netherlands | Country::UnitedKingdom));
    let wanted = Wanted { characters_max: 7, letters, pairs: false, as_spoken: true };
    fitting(words, &wanted, |text| {
        let (postcode, score) = countries.iter().find_map(|country| country.postcode(text))?;
        Some((Value::Postcode(postcode), score))
    })
}

/// Entries of `list`, made values by `value`.
pub(super) fn entities(
    words: &Words<'_>,
    list: Option<&Catalog>,
    value: impl Fn(Entity) -> Value,
) -> Vec<Located> {
    let matches = list.map(|list| list.find_in(words, LIKENESS_MIN)).unwrap_or_default();
    matches
        .into_iter()
        .map(|found| {
            let is_doubtful = found.margin() < MARGIN_MIN;
            let score = if is_doubtful { found.score.min(0.6) } else { found.score };
            Located { value: value(found.entity), words: found.words, score }
        })
        .collect()
}

impl Country {
    /// As the country writes it, with how much it looks like one: four digits may be anything.
    fn postcode(self, text: &str) -> Option<(String, f32)> {
        let is_digit = |place: usize| text.as_bytes().get(place).is_some_and(u8::is_ascii_digit);
        let digits = (0..text.len()).take_while(|place| is_digit(*place)).count();
        let letters_behind = text[digits..].bytes().filter(u8::is_ascii_uppercase).count();
        match self {
            Self::France if digits == 5 && text.len() == 5 => {
                let department: u8 = text[..2].parse().ok()?;
                (1..=98).contains(&department).then(|| (text.to_owned(), 0.93))
            }
            Self::Belgium if digits == 4 && text.len() == 4 && text >= "1000" => {
                Some((text.to_owned(), 0.75))
            }
            Self::Netherlands if digits == 4 && text.len() == 6 && letters_behind == 2 && text >= "1000" => {
                Some((format!("{} {}", &text[..4], &text[4..]), 0.95))
            }
            Self::UnitedKingdom => british(text).map(|postcode| (postcode, 0.93)),
            Self::France | Self::Belgium | Self::Netherlands => None,
        }
    }
}

/// `SW1A1AA`, `M11AE`: area letters, district, then a digit and two letters.
fn british(text: &str) -> Option<String> {
    if !(5..=7).contains(&text.len()) || !text.is_ascii() {
        return None;
    }
    let (outward, inward) = text.split_at(text.len() - 3);
    let shape = |part: &str| -> String {
        part.bytes().map(|byte| if byte.is_ascii_digit() { '9' } else { 'A' }).collect()
    };
    let is_valid = shape(inward) == "9AA"
        && matches!(shape(outward).as_str(), "A9" | "A99" | "AA9" | "AA99" | "A9A" | "AA9A");
    is_valid.then(|| format!("{outward} {inward}"))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::{Entry, Kind, find};
    use super::*;
    use crate::call::Language;

    fn check(language: Language, cases: &[(&str, &str)]) {
        let context = Context::on(date(2026, 11, 26));
        for (text, expected) in cases {
            let found: Vec<String> = find(text, language, &context, &[Kind::Postcode])
                .into_iter()
                .map(|found| found.value.canonical())
                .collect();
            assert_eq!(found.join("|"), *expected, "{text}");
        }
    }

    #[test]
    fn postcodes_are_read() {
        check(
            Language::Fr,
            &[
                ("soixante-quinze zéro onze", "75011"),
                ("soixante-quinze mille onze", "75011"),
                ("trente-trois mille", "33000"),
                ("j'habite au 69003 à Lyon", "69003"),
                ("zéro six mille", "06000"),
                ("69 003", "69003"),
                ("mille cinquante Ixelles", "1050"),
            ],
        );
        check(
            Language::Nl,
            &[
                ("tien twaalf A B", "1012 AB"),
                ("1012 AB Amsterdam", "1012 AB"),
                ("negenduizend Gent", "9000"),
            ],
        );
        check(
            Language::En,
            &[
                ("S W one A one A A", "SW1A 1AA"),
                ("M1 1AE", "M1 1AE"),
                ("it's E C one A one B B", "EC1A 1BB"),
            ],
        );
    }

    #[test]
    fn cities_are_found_in_the_list_of_the_context() {
        let entries = ["Nantes", "Saint-Étienne", "Aix-en-Provence", "Lille"].map(|name| Entry {
            id: name.to_lowercase(),
            name: name.to_owned(),
            aliases: Vec::new(),
        });
        let cities = Catalog::new(entries.to_vec());
        let context = Context { cities: Some(&cities), ..Context::on(date(2026, 11, 26)) };
        for (text, city) in [
            ("j'habite à Saint Etienne", "Saint-Étienne"),
            ("sur nante", "Nantes"),
            ("à aix en provence", "Aix-en-Provence"),
            ("c'est à lille", "Lille"),
        ] {
            let found = find(text, Language::Fr, &context, &[Kind::City]);
            let city_named = |found: &super::super::Found| matches!(&found.value, Value::City(place) if place.name == city);
            assert!(found.len() == 1 && city_named(&found[0]), "{text}");
        }
    }
}
