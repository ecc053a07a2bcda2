use proptest::prelude::*;

use super::*;

fn check(language: Language, cases: &[(&str, &str)]) {
    for (spoken, expected) in cases {
        assert_eq!(written(spoken, language), *expected, "{spoken}");
    }
}

#[test]
fn french_is_written_as_people_write_it() {
    check(
        Language::Fr,
        &[
            ("j'ai deux contrats", "j'ai deux contrats"),
            ("il m'en faut vingt-trois", "il m'en faut 23"),
            ("ma facture de quarante-deux euros cinquante", "ma facture de 42,50 €"),
            ("Le trois mars, à quatorze heures trente.", "Le 3 mars, à 14 h 30."),
            ("le premier avril deux mille vingt-six", "le 1ᵉʳ avril 2026"),
            (
                "mon numéro est le zéro six, douze, quatre-vingt-dix, trente-quatre, cinquante-six",
                "mon numéro est le 06 12 90 34 56",
            ),
            ("jean point dupont arobase gmail point com", "jean.dupont@gmail.com"),
            ("trois cents mètres carrés", "300 m²"),
            ("douze virgule cinq pour cent", "12,5 %"),
            ("les deux tiers", "les 2/3"),
            ("un quart d'heure", "un quart d'heure"),
            ("la troisième fois", "la 3ᵉ fois"),
            ("attendez une seconde", "attendez une seconde"),
            ("trois millions d'abonnés", "3 millions d'abonnés"),
            ("06 12 34 56 78 et 12,50 € à 14h30", "06 12 34 56 78 et 12,50 € à 14h30"),
            ("+32 475 12 34 56", "+32 475 12 34 56"),
            ("contact chez exemple point fr", "contact chez exemple.fr"),
            ("", ""),
        ],
    );
}

#[test]
fn english_is_written_as_people_write_it() {
    check(
        Language::En,
        &[
            ("I have two contracts", "I have two contracts"),
            ("a bill of forty two pounds fifty", "a bill of £42.50"),
            ("on march third twenty twenty six at ten thirty a m", "on march 3 2026 at 10:30 a.m."),
            ("the fourth of july", "4 july"),
            ("twelve point five percent", "12.5 %"),
            ("oh two oh seven nine four six oh oh one eight", "020 7946 0018"),
            ("oh seven seven double oh nine oh oh one two three", "07700 900123"),
            ("plus thirty three six twelve thirty four fifty six seventy eight", "+33 6 12 34 56 78"),
            ("john dot smith at example dot co dot uk", "john.smith@example.co.uk"),
            ("three quarters of it", "3/4 of it"),
            ("wait a second", "wait a second"),
            ("first of all, I may call", "first of all, I may call"),
            ("that was in nineteen ninety nine", "that was in 1999"),
        ],
    );
}

#[test]
fn dutch_is_written_as_people_write_it() {
    check(
        Language::Nl,
        &[
            ("ik heb twee contracten", "ik heb twee contracten"),
            ("een rekening van vijftien euro vijftig", "een rekening van € 15,50"),
            ("drie maart tweeduizend zesentwintig", "3 maart 2026"),
            ("om veertien uur dertig", "om 14.30 uur"),
            ("om half drie", "om half drie"),
            ("om half tien 's avonds", "om half tien 's avonds"),
            ("nul zes twaalf vierendertig zesenvijftig achtenzeventig", "06 12345678"),
            ("twaalf komma vijf procent", "12,5 %"),
            ("de eenentwintigste", "de 21e"),
            ("jan punt jansen apenstaartje ziggo punt nl", "jan.jansen@ziggo.nl"),
            ("vijfenzeventig duizend", "75000"),
        ],
    );
}

proptest! {
    #[test]
    fn no_text_panics_and_text_without_numbers_stays(
        text in "\\PC{0,40}|([a-z]{1,9} ){0,6}|((un|deux|cent|mille|vingt|et|point|at|double|zero|one|o|en|twee|[0-9]{1,4})[ ,.-]){0,12}"
    ) {
        for language in Language::ALL {
            let _ = written(&text, language);
        }
    }

    #[test]
    fn figures_stay_as_they_are(text in "[0-9]{1,3}( [0-9]{3}){0,2}(,[0-9]{1,2})?") {
        prop_assert_eq!(written(&text, Language::Fr), text);
    }
}
