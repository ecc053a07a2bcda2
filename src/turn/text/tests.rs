use proptest::prelude::*;

use super::*;

fn check(language: Language, kind: TextKind, texts: &[&str]) {
    check_asked(language, Expectation::Open, (kind, texts));
}

fn check_asked(language: Language, expectation: Expectation, (kind, texts): (TextKind, &[&str])) {
    for text in texts {
        assert_eq!(read(text, language, expectation).kind, kind, "{text}");
    }
}

#[test]
fn signs_of_listening_are_told_from_answers_and_sentences() {
    check(Language::Fr, TextKind::BackChannel, &["Oui.", "D'accord", "Hm hm", "OK, d'accord.", "Ah oui"]);
    check(Language::En, TextKind::BackChannel, &["Okay.", "Yeah, right.", "Mm-hm", "I see."]);
    check(Language::Nl, TextKind::BackChannel, &["Ja.", "Oké", "Ja, goed.", "Hm."]);
    check(Language::Fr, TextKind::Answer, &["Non.", "Oui, c'est ça.", "Non merci.", "Tout à fait."]);
    check(Language::En, TextKind::Answer, &["No.", "Yes, that's correct.", "No, thank you."]);
    check(Language::Nl, TextKind::Answer, &["Nee.", "Ja, dat klopt.", "Nee, dank u wel."]);
    check(Language::Fr, TextKind::Other, &["Oui, je voudrais parler à un conseiller."]);
}

#[test]
fn a_greeting_opens_and_a_farewell_closes() {
    check(Language::Fr, TextKind::Opening, &["Bonjour.", "Oui bonjour", "Ah, très bien.", "Merci beaucoup."]);
    check(Language::En, TextKind::Opening, &["Good morning.", "Well, that is fair enough.", "Great."]);
    check(Language::Nl, TextKind::Opening, &["Goedemorgen", "Dank u wel."]);
    check(Language::Fr, TextKind::Other, &["Merci, au revoir.", "Bonne journée !", "Au revoir, monsieur."]);
    check(Language::En, TextKind::Other, &["Great, thanks a lot. Bye.", "Goodbye."]);
    check(Language::Nl, TextKind::Other, &["Prima. Tot ziens."]);
}

#[test]
fn words_and_marks_that_ask_for_more_are_seen() {
    check(
        Language::Fr,
        TextKind::Unfinished,
        &[
            "Je voudrais, euh",
            "C'est à cause de la",
            "Je déménage et",
            "Je crois qu'",
            "Je suis à la maison,",
        ],
    );
    check(
        Language::En,
        TextKind::Unfinished,
        &["I am calling about the", "It broke and", "I would like to..."],
    );
    check(Language::Nl, TextKind::Unfinished, &["Ik bel omdat", "Dat is de", "Ik wil graag een"]);
    check(Language::En, TextKind::Other, &["Hold on to your hat.", "Please go on."]);
    check(Language::Fr, TextKind::Other, &["Ma facture est trop élevée.", "Vous m'entendez ?"]);
}

#[test]
fn dictated_numbers_are_counted_in_digits() {
    for (language, text, digits) in [
        (Language::Fr, "C'est le zéro, six, douze, quatre, un, neuf, sept.", 8),
        (Language::Fr, "zéro six, trente-neuf, quatre-vingt-dix-huit, douze, quarante-cinq", 10),
        (Language::Fr, "06 42 soixante et onze", 6),
        (Language::Fr, "vingt et un, dix-huit", 4),
        (Language::Fr, "Mon numéro est le 06 12 34", 6),
        (Language::En, "It is four, four, one, seven, zero, nine, two.", 7),
        (Language::En, "twenty four, six", 3),
        (Language::Nl, "Dat is vijf, nul, twee, acht", 4),
        (Language::Nl, "nul zes, vierentwintig", 4),
    ] {
        let reading = read(text, language, Expectation::Open);
        assert_eq!((reading.kind, reading.digits), (TextKind::Number, digits), "{text}");
    }
}

#[test]
fn quantities_years_and_prices_are_no_dictation() {
    check(
        Language::Fr,
        TextKind::Other,
        &[
            "J'en voudrais deux",
            "C'était en 2024",
            "le douze mars mille neuf cent quatre-vingt-deux",
            "quatre-vingt-sept euros",
            "ça coûte 12,50",
        ],
    );
    check(Language::En, TextKind::Other, &["Is it two hundred?", "flat twelve."]);
}

#[test]
fn an_address_is_complete_with_its_domain() {
    check(
        Language::Fr,
        TextKind::EmailBegun,
        &["jean.martin@", "martin arobase exemple", "C'est martin@exemple", "martin arobase exemple point"],
    );
    check(Language::Fr, TextKind::EmailComplete, &["martin@exemple.fr", "martin arobase exemple point fr."]);
    check(Language::En, TextKind::EmailComplete, &["martin at example dot com"]);
    check(Language::En, TextKind::Other, &["He works at night."]);
    // There are more ends than any list has, and what was begun shows what they are.
    check(
        Language::Fr,
        TextKind::EmailComplete,
        &["martin arobase exemple point paris", "martin@exemple point shop", "martin@exemple.immobilier."],
    );
    check(
        Language::Fr,
        TextKind::EmailBegun,
        &["jean point martin arobase", "jean point arobase", "martin@exemple point", "martin@exemple.f"],
    );
    check(Language::Nl, TextKind::EmailComplete, &["jan apenstaartje voorbeeld punt amsterdam"]);
}

#[test]
fn where_an_address_is_waited_for_at_is_the_sign() {
    let email = Expectation::Email;
    let begun: &[&str] = &["martin at example", "It is martin at example dot", "m a r t i n at"];
    check_asked(Language::En, email, (TextKind::EmailBegun, begun));
    let whole: &[&str] =
        &["martin at example dot com", "martin at example dot agency", "martin at example.ai"];
    check_asked(Language::En, email, (TextKind::EmailComplete, whole));
    check(Language::En, TextKind::Other, &["martin at example", "Look at point seven"]);
    check(Language::En, TextKind::Other, &["martin at example dot agency"]);
}

#[test]
fn courtesies_behind_a_value_that_was_asked_for_are_not_part_of_it() {
    for (language, text) in [
        (Language::Fr, "06 12 34 56 78, voilà."),
        (
            Language::Fr,
            "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit, voilà merci beaucoup",
        ),
        (Language::Fr, "Le 06 12 34 56 78, s'il vous plaît, c'est tout."),
        (Language::En, "It is 06 12 34 56 78, that's it, thank you."),
        (Language::Nl, "06 12 34 56 78, alstublieft, dank u wel"),
    ] {
        for expectation in [Expectation::Phone, Expectation::Digits { count: 10 }] {
            let reading = read(text, language, expectation);
            assert_eq!((reading.kind, reading.digits), (TextKind::Number, 10), "{text}");
        }
        // Where nothing waits for it the thanks are the end, not the number.
        let reading = read(text, language, Expectation::Open);
        assert_eq!((reading.kind, reading.digits), (TextKind::Other, 0), "{text}");
    }
    let whole: &[&str] = &["martin@exemple.fr, voilà.", "martin arobase exemple point fr, merci beaucoup"];
    check_asked(Language::Fr, Expectation::Email, (TextKind::EmailComplete, whole));
    check_asked(Language::Fr, Expectation::Email, (TextKind::EmailBegun, &["martin@ voilà"]));
    // Nothing but thanks stays what it is.
    check_asked(Language::Fr, Expectation::Phone, (TextKind::Opening, &["Merci beaucoup."]));
}

#[test]
fn no_words_are_nothing() {
    check(Language::Fr, TextKind::Nothing, &["", " ", "…", "?!"]);
    assert_eq!(read("", Language::Fr, Expectation::Phone), Reading::NOTHING);
}

proptest! {
    #[test]
    fn any_text_can_be_read(text in "(oui|non|quatre|vingt|dix|et|cent|0|12|@|point|fr|,| |dix-sept|voila|merci|at){0,12}|\\PC{0,40}") {
        for language in Language::ALL {
            for expectation in [Expectation::Open, Expectation::Phone, Expectation::Email] {
                let reading = read(&text, language, expectation);
                prop_assert_eq!(reading.words == 0, reading.kind == TextKind::Nothing);
            }
        }
    }
}
