use jiff::civil::date;

use super::super::{Kind, Tense, find};
use super::*;

/// A Thursday.
const TODAY: Date = date(2026, 11, 26);

fn check(language: Language, kind: Kind, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let found: Vec<String> = find(text, language, &Context::on(TODAY), &[kind])
            .into_iter()
            .map(|found| found.value.canonical())
            .collect();
        assert_eq!(found.join(" "), *expected, "{text}");
    }
}

#[test]
fn french_days() {
    check(
        Language::Fr,
        Kind::Date,
        &[
            ("avant-hier", "2026-11-24"),
            ("je vous ai appelé hier", "2026-11-25"),
            ("Après-demain matin.", "2026-11-28"),
            ("le quinze septembre prochain", "2027-09-15"),
            ("le 15 mars de l'année dernière", "2025-03-15"),
            ("le quinze mars de l'année 2024", "2024-03-15"),
            ("l'an dernier, le quinze mars", "2025-03-15"),
            ("le 3 février de l'an prochain", "2027-02-03"),
            ("le quinze septembre", "2026-09-15"),
            ("le 15 septembre dernier", "2026-09-15"),
            ("le quinze septembre deux mille vingt-sept", "2027-09-15"),
            ("le premier janvier", "2027-01-01"),
            ("le 1er janvier 2026", "2026-01-01"),
            ("mardi en huit", "2026-12-08"),
            ("mardi", "2026-12-01"),
            ("mardi dernier", "2026-11-24"),
            ("jeudi prochain", "2026-12-03"),
            ("mardi de la semaine prochaine", "2026-12-01"),
            ("mardi quinze septembre", "2026-09-15"),
            ("il y a trois jours", "2026-11-23"),
            ("il y a une semaine", "2026-11-19"),
            ("dans quinze jours", "2026-12-10"),
            ("le 15/09/2026", "2026-09-15"),
            ("né le 3/12/78", "1978-12-03"),
            ("avant le 3/12/30", "2030-12-03"),
            ("le 3 du mois prochain", "2026-12-03"),
            ("c'est le 12", "2026-11-12"),
            ("du 12 mars", "2027-03-12"),
            ("le vingt-neuf février", "2028-02-29"),
            ("le trente février", ""),
            ("le douze mars, non pardon, treize", "2027-03-13"),
            ("le douze mars non pardon avril", "2027-04-12"),
            ("le douze, euh non, le treize mars", "2027-03-13"),
            ("le 06 12 34 56 78", ""),
            ("ma facture de mars", ""),
            ("j'en ai deux", ""),
        ],
    );
}

#[test]
fn french_periods() {
    check(
        Language::Fr,
        Kind::Period,
        &[
            ("ma facture de mars", "2026-03-01/2026-03-31"),
            ("ma facture de décembre", "2025-12-01/2025-12-31"),
            ("ma facture de mars de l'année dernière", "2025-03-01/2025-03-31"),
            ("mars de cette année", "2026-03-01/2026-03-31"),
            ("l'année dernière en mars", "2025-03-01/2025-03-31"),
            ("le premier trimestre de l'année dernière", "2025-01-01/2025-03-31"),
            ("du 3 au 5 mars de l'année dernière", "2025-03-03/2025-03-05"),
            ("mars dernier", "2026-03-01/2026-03-31"),
            ("ma facture d'avril 2025", "2025-04-01/2025-04-30"),
            ("le mois dernier", "2026-10-01/2026-10-31"),
            ("ce mois-ci", "2026-11-01/2026-11-30"),
            ("la semaine dernière", "2026-11-16/2026-11-22"),
            ("l'année dernière", "2025-01-01/2025-12-31"),
            ("l'an dernier", "2025-01-01/2025-12-31"),
            ("du 3 au 5 mars", "2027-03-03/2027-03-05"),
            ("du trois au cinq mars deux mille vingt-sept", "2027-03-03/2027-03-05"),
            ("du 28 décembre au 3 janvier", "2026-12-28/2027-01-03"),
            ("entre le 3 et le 5 août", "2026-08-03/2026-08-05"),
            ("de janvier à mars", "2026-01-01/2026-03-31"),
            ("les trois derniers mois", "2026-08-26/2026-11-26"),
            ("le premier trimestre 2026", "2026-01-01/2026-03-31"),
            ("fin octobre", "2026-10-21/2026-10-31"),
            ("depuis le 3 mars", "2026-03-03/2026-11-26"),
            ("en 2025", "2025-01-01/2025-12-31"),
            ("ce week-end", "2026-11-28/2026-11-29"),
            ("mars, enfin avril", "2026-04-01/2026-04-30"),
            ("le 15 mars", ""),
            ("le 31 novembre", ""),
        ],
    );
}

#[test]
fn english_days_and_periods() {
    check(
        Language::En,
        Kind::Date,
        &[
            ("the day before yesterday", "2026-11-24"),
            ("next Tuesday", "2026-12-01"),
            ("last Friday", "2026-11-20"),
            ("Tuesday week", "2026-12-08"),
            ("the fifteenth of September", "2026-09-15"),
            ("September 15th, 2026", "2026-09-15"),
            ("march third twenty twenty six", "2026-03-03"),
            ("two days ago", "2026-11-24"),
            ("on Monday the fifth of October", "2026-10-05"),
            ("in a week", "2026-12-03"),
            ("the 3rd of next month", "2026-12-03"),
            ("the 15th of March last year", "2025-03-15"),
            ("on the twelfth, no sorry, the thirteenth of March", "2027-03-13"),
        ],
    );
    check(
        Language::En,
        Kind::Period,
        &[
            ("my March bill", "2026-03-01/2026-03-31"),
            ("March last year", "2025-03-01/2025-03-31"),
            ("my bill of May of last year", "2025-05-01/2025-05-31"),
            ("December next year", "2027-12-01/2027-12-31"),
            ("last month", "2026-10-01/2026-10-31"),
            ("from the third to the fifth of March", "2027-03-03/2027-03-05"),
            ("since October", "2026-10-01/2026-11-26"),
            ("I may call again", ""),
            ("the second quarter of twenty twenty-six", "2026-04-01/2026-06-30"),
        ],
    );
}

#[test]
fn dutch_days_and_periods() {
    check(
        Language::Nl,
        Kind::Date,
        &[
            ("overmorgen", "2026-11-28"),
            ("eergisteren", "2026-11-24"),
            ("volgende week dinsdag", "2026-12-01"),
            ("aanstaande dinsdag", "2026-12-01"),
            ("vijftien september", "2026-09-15"),
            ("de vijftiende september tweeduizend zesentwintig", "2026-09-15"),
            ("drie dagen geleden", "2026-11-23"),
            ("over een week", "2026-12-03"),
            ("1 januari 2027", "2027-01-01"),
            ("15 maart vorig jaar", "2025-03-15"),
            ("Goede morgen, met Jansen", ""),
            ("dinsdag morgen", "2026-12-01"),
            ("morgen", "2026-11-27"),
        ],
    );
    check(
        Language::Nl,
        Kind::Period,
        &[
            ("mijn factuur van maart", "2026-03-01/2026-03-31"),
            ("vorige maand", "2026-10-01/2026-10-31"),
            ("maart vorig jaar", "2025-03-01/2025-03-31"),
            ("de factuur van december volgend jaar", "2027-12-01/2027-12-31"),
            ("van 3 tot 5 augustus", "2026-08-03/2026-08-05"),
            ("van drie tot en met vijf maart", "2027-03-03/2027-03-05"),
        ],
    );
}

#[test]
fn the_tense_decides_on_the_year() {
    let at = |text, tense| {
        let context = Context { tense, ..Context::on(TODAY) };
        find(text, Language::Fr, &context, &[Kind::Date, Kind::Period])[0].value.canonical()
    };
    assert_eq!(at("le quinze septembre", Tense::Future), "2027-09-15");
    assert_eq!(at("le premier janvier", Tense::Past), "2026-01-01");
    assert_eq!(at("mars", Tense::Future), "2027-03-01/2027-03-31");
    assert_eq!(at("mardi", Tense::Past), "2026-11-24");
}
