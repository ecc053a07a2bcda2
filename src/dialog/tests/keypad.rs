//! What is keyed in.

use super::questions::asked_for;
use super::*;

#[test]
fn the_hash_behind_a_whole_number_says_nothing_more() {
    let mut call = Call::begin(plan());
    call.on(says("où est ma commande", Band::Sure, &[("commande", 0.95)]));
    for key in "123456".chars() {
        call.step(Input::Key(key.into()));
    }
    assert_eq!(call.on(Input::Key('#'.into())), (" > ".to_owned(), Rule::Ignored));
    assert_eq!(call.dialog.state_name(), "confirming_value");
    assert!(call.on(mumbles("oui")).0.starts_with("Votre commande"));
    // Where nothing is keyed in, the signs mean nothing.
    for sign in ['#', '*'] {
        assert_eq!(call.on(Input::Key(sign.into())).1, Rule::Ignored);
        assert_eq!(call.dialog.state_name(), "more");
    }
}

#[test]
fn dates_amounts_and_numbers_without_a_hash_are_keyed_in() {
    let keyed = |kind: Kind, keys: &str, end: Input| {
        let mut call = asked_for(kind);
        for key in keys.chars() {
            assert_eq!(call.step(Input::Key(key.into())).rule, Rule::AskValue, "{keys}");
        }
        call.on(end).0
    };
    let hash = || Input::Key('#'.into());
    assert!(keyed(Kind::Date, "1509", hash()).contains("J'ai noté le quinze septembre"));
    assert!(keyed(Kind::Date, "1509", Input::Silence).contains("J'ai noté le quinze septembre"));
    assert!(keyed(Kind::Amount, "42*5", hash()).contains("quarante-deux euros et cinquante centimes"));
    assert!(keyed(Kind::Number, "12", Input::Silence).contains("J'ai noté douze"));
    assert!(keyed(Kind::Phone, "0033612345678", hash()).contains("J'ai noté zéro six"));
    // Too short for the kind: asked again, with how it is keyed in.
    let line = keyed(Kind::Date, "15", Input::Silence);
    assert!(line.contains("Quel est votre jour ?") && line.contains("le jour, le mois et l'année"), "{line}");
    // The star takes back.
    let mut call = asked_for(Kind::Date);
    for key in "99*1509".chars() {
        call.step(Input::Key(key.into()));
    }
    assert!(call.on(hash()).0.contains("J'ai noté le quinze septembre"));
}

#[test]
fn a_digit_is_no_choice_while_something_else_is_asked() {
    let mut call = Call::begin(plan());
    call.on(says("est-ce en stock", Band::Sure, &[("disponibilite", 0.95)]));
    assert!(!call.on(Input::Key('2'.into())).0.contains("facture"), "the beginning of a product's name");
    let (line, _) = call.on(Input::Key('#'.into()));
    assert!(line.contains("Quel est votre produit ?") && line.contains("premières lettres"), "{line}");
    let mut call = Call::begin(plan());
    call.on(says("un montant", Band::Nearly, &[("facture", 0.6)]));
    assert!(call.on(Input::Key('7'.into())).0.contains("une facture, c'est bien cela ?"));
    assert!(call.on(Input::Key('0'.into())).0.ends_with("to accueil"), "a person is always there");
}

#[test]
fn signs_that_mean_nothing_do_not_keep_a_silent_call_alive() {
    let mut call = Call::begin(plan());
    call.on(says("un montant", Band::Nearly, &[("facture", 0.6)]));
    let mut rules = Vec::new();
    while !call.dialog.is_over() {
        rules.push(call.on(Input::Silence).1);
        call.on(Input::Key('#'.into()));
    }
    assert_eq!(rules, [Rule::Silence, Rule::Keypad, Rule::Silence]);
}
