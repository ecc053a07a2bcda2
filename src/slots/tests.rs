use jiff::civil::date;
use proptest::prelude::*;

use super::*;

const KINDS: [Kind; 13] = [
    Kind::Date,
    Kind::Period,
    Kind::Time,
    Kind::Amount,
    Kind::Number,
    Kind::Phone,
    Kind::Reference(Shape { characters_min: 4, characters_max: 10, letters: Letters::Anywhere }),
    Kind::Postcode,
    Kind::City,
    Kind::Email,
    Kind::Name,
    Kind::YesNo,
    Kind::Product,
];

/// Words that begin, go on with or end values in one of the languages.
const SOUP: &str = "zéro|un|deux|six|dix|vingt|quatre-vingt|cent|mille|million|et|euros|centimes|le|du|au|mars|31|1er|2026|\
    prochain|en|huit|heures|moins|quart|point|arobase|com|double|non|pardon|euh|d|comme|Denis|oui|pas|12,50|€|£|06|é|oh|\
    hundred|pounds|half|past|o|and|the|of|march|first|a|nul|een|vijfentwintig|half|uur|punt|apenstaartje|week|'s|tiret|bas";

fn soup() -> impl Strategy<Value = String> {
    let words: Vec<&str> = SOUP.split('|').collect();
    prop::collection::vec(
        (prop::sample::select(words), prop::sample::select(vec![" ", ", ", ". ", "-", ""])),
        0..14,
    )
    .prop_map(|words| words.into_iter().flat_map(|(word, gap)| [word, gap]).collect())
}

proptest! {
    #[test]
    fn whatever_is_said_gives_values_in_order_inside_the_text(text in prop_oneof![soup(), "\\PC{0,40}"]) {
        let entries = ["Aerius", "Mille Points", "Été"].map(|name| Entry {
            id: name.to_owned(),
            name: name.to_owned(),
            aliases: Vec::new(),
        });
        let list = Catalog::new(entries.to_vec());
        let context =
            Context { cities: Some(&list), products: Some(&list), ..Context::on(date(2026, 11, 26)) };
        for language in Language::ALL {
            let found = find(&text, language, &context, &KINDS);
            for value in &found {
                prop_assert!(text.get(value.span.clone()).is_some_and(|said| !said.is_empty()));
                prop_assert!((0.0..=1.0).contains(&value.score));
                prop_assert_eq!(value.kind.name(), value.value.kind_name());
            }
            for pair in found.windows(2).filter(|pair| pair[0].kind == pair[1].kind) {
                prop_assert!(pair[0].span.end <= pair[1].span.start);
            }
            let corrected = correct(&text, &list, language);
            prop_assert_eq!(corrected.changes.is_empty(), corrected.text.reveal() == &text);
        }
    }
}

#[test]
fn a_value_never_shows_in_debug_output() {
    let context = Context::on(date(2026, 11, 26));
    let found = find("06 12 34 56 78", Language::Fr, &context, &[Kind::Phone]);
    let shown = format!("{found:?}");
    assert!(shown.contains("Value(phone)") && !shown.contains("612345678"), "{shown}");
}
