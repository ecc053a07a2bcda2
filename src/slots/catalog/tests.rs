use super::*;

fn catalog(names: &[&str]) -> Catalog {
    let entry = |(place, name): (usize, &&str)| Entry {
        id: format!("p{place}"),
        name: (*name).to_owned(),
        aliases: Vec::new(),
    };
    Catalog::new(names.iter().enumerate().map(entry).collect())
}

const NAMES: [&str; 8] =
    ["Aerius", "Doliprane", "Levothyrox", "Velmoxine", "Cap Orélie", "Dorzanil", "Somnérade", "Gastravine"];

fn best(text: &str) -> Option<(String, bool)> {
    let found = catalog(&NAMES).find(text, Language::Fr, 0.6);
    found.first().map(|found| (found.entity.name.clone(), found.score >= 1.0))
}

#[test]
fn a_name_is_found_as_recognisers_write_it() {
    for (text, name, is_exact) in [
        ("je voudrais du doliprane", "Doliprane", true),
        ("DOLIPRANE", "Doliprane", true),
        ("avez-vous du dolly prane", "Doliprane", false),
        ("est-ce que a lieu est disponible", "Aerius", false),
        ("est-ce qu'aérius est disponible", "Aerius", true),
        ("du vel moxine", "Velmoxine", true),
        ("la capaurélie", "Cap Orélie", false),
        ("le vothyrox", "Levothyrox", true),
        ("du dorsanil", "Dorzanil", false),
        ("la somnairade", "Somnérade", false),
    ] {
        assert_eq!(best(text), Some((name.to_owned(), is_exact)), "{text}");
    }
    assert_eq!(best("bonjour je voudrais parler à quelqu'un"), None);
}

#[test]
fn a_text_is_corrected_and_the_change_recorded() {
    let corrected =
        correct("Avez-vous du Dolly Prane, ou de la vel moxine ?", &catalog(&NAMES), Language::Fr);
    assert_eq!(corrected.text.reveal(), "Avez-vous du Doliprane, ou de la Velmoxine ?");
    assert_eq!(corrected.changes.len(), 2);
    let change = &corrected.changes[0];
    assert_eq!(change.said.reveal(), "Dolly Prane");
    assert_eq!((change.id.as_str(), change.name.as_str()), ("p1", "Doliprane"));
    assert!(change.score >= 0.8 && change.score < 1.0);
    let records = corrected.records();
    for (record, change) in records.iter().zip(&corrected.changes) {
        assert_eq!(&corrected.text.reveal()[record.span.clone()], change.name);
        assert_eq!((&record.said, record.score), (&change.said, change.score));
    }
    assert_eq!(records.len(), 2);
    let debug = format!("{records:?}");
    assert!(
        !debug.contains("Doliprane") && !debug.contains("p1"),
        "what was said does not reach a log: {debug}"
    );
}

#[test]
fn names_that_are_there_stay_as_they_are_written() {
    for text in ["Avez-vous du DOLIPRANE ?", "le cap Orélie", "j'ai de l'aerius"] {
        let corrected = correct(text, &catalog(&NAMES), Language::Fr);
        assert_eq!(corrected.text.reveal(), text);
        assert_eq!(corrected.changes, []);
    }
}

#[test]
fn function_words_are_never_corrected_into_a_name() {
    let text = "Le rendez-vous a lieu demain.";
    assert_eq!(correct(text, &catalog(&NAMES), Language::Fr).text.reveal(), text);
}
