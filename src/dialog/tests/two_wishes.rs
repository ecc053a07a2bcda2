//! Sentences with two wishes.

use super::leaving::transfer_of;
use super::*;

fn both(first: Wish, second: Wish) -> Input {
    let text = "la Velmoxine est-elle disponible et j'ai une panne".into();
    Input::Sentence(Sentence {
        text,
        language: Language::Fr,
        wishes: vec![first, second],
        certainty: Certainty::default(),
        is_foreign: false,
    })
}

#[test]
fn a_second_wish_that_is_not_sure_is_asked_about() {
    let mut call = Call::begin(plan());
    call.on(both(wish(Band::Sure, &[("disponibilite", 0.9)]), wish(Band::Nearly, &[("panne", 0.7)])));
    let (line, _) = call.on(row("Velmoxine", 2));
    assert!(line.ends_with("Votre appel concerne une panne, c'est bien cela ? > listen"), "{line}");
    let mut denied = Call { dialog: call.dialog.clone(), catalogs: catalogs(), now: call.now };
    assert_eq!(denied.on(mumbles("non")).1, Rule::Denied);
    let turn = call.step(mumbles("oui"));
    assert_eq!((transfer_of(&turn).route.as_str(), turn.rule), ("technique", Rule::Confirmed));
}

#[test]
fn a_second_wish_is_as_sure_as_it_was_itself() {
    let mut call = Call::begin(plan());
    call.on(both(wish(Band::Sure, &[("disponibilite", 0.9)]), wish(Band::Sure, &[("panne", 0.8)])));
    let turn = call.step(row("Velmoxine", 2));
    assert_eq!(transfer_of(&turn).confidence, Some(0.8));
}

#[test]
fn who_says_no_to_the_first_of_two_wishes_is_asked_for_the_second() {
    let near = || wish(Band::Nearly, &[("facture", 0.6)]);
    for no in [mumbles("non"), Input::Key('2'.into())] {
        let mut call = Call::begin(plan());
        call.on(both(near(), wish(Band::Sure, &[("panne", 0.9)])));
        let (line, rule) = call.on(no.clone());
        assert!(line.contains("un autre sujet : une panne") && line.ends_with("to technique"), "{line}");
        assert_eq!(rule, Rule::SecondWish);
        let mut call = Call::begin(plan());
        call.on(both(near(), wish(Band::Nearly, &[("panne", 0.6)])));
        let (line, rule) = call.on(no);
        assert_eq!(line, "Votre appel concerne une panne, c'est bien cela ? > listen");
        assert_eq!(rule, Rule::Confirm);
        assert_eq!(call.on(mumbles("non")).1, Rule::Denied, "there is no third");
    }
    // What the "no" itself says goes first.
    let mut call = Call::begin(plan());
    call.on(both(near(), wish(Band::Sure, &[("panne", 0.9)])));
    let other = says("non c'est pour ma commande", Band::Sure, &[("commande", 0.95)]);
    assert!(call.on(other).0.contains("Quel est votre commande ?"));
}

#[test]
fn what_was_denied_or_chosen_of_two_does_not_come_again_as_the_second_wish() {
    let two = || wish(Band::TwoCandidates, &[("facture", 0.45), ("panne", 0.42)]);
    let offered = || {
        let mut call = Call::begin(plan());
        assert_eq!(call.on(both(two(), wish(Band::Sure, &[("panne", 0.9)]))).1, Rule::Offer);
        call
    };
    let (line, rule) = offered().on(mumbles("ni l'un ni l'autre"));
    assert_eq!(rule, Rule::Denied, "{line}");
    let turn = offered().step(mumbles("le deuxième"));
    assert_eq!((transfer_of(&turn).route.as_str(), &transfer_of(&turn).second_intent), ("technique", &None));
}

#[test]
fn where_the_team_of_the_first_is_closed_the_second_is_not_forgotten() {
    let night = || Call::begin_at(plan(), date(2026, 11, 26).at(22, 0, 0, 0));
    let bill = || wish(Band::Sure, &[("facture", 0.9)]);
    let (line, rule) = night().on(both(bill(), wish(Band::Sure, &[("panne", 0.9)])));
    assert!(line.starts_with("Nous sommes fermés. |") && line.ends_with("to technique"), "{line}");
    assert_eq!(rule, Rule::SecondWish);
    let (line, rule) = night().on(both(bill(), wish(Band::Nearly, &[("panne", 0.7)])));
    assert!(line.ends_with("une panne, c'est bien cela ? > listen"), "{line}");
    assert_eq!(rule, Rule::Confirm);
    // Nobody is there for the second either.
    let (line, rule) = night().on(both(bill(), wish(Band::Sure, &[("humain", 0.9)])));
    assert_eq!(line, "Nous sommes fermés. | Puis-je faire autre chose pour vous ? > listen");
    assert_eq!(rule, Rule::Closed);
}

#[test]
fn beside_one_of_two_nothing_is_offered_that_is_hardly_meant() {
    let mut call = Call::begin(plan());
    call.on(says("une panne peut-être", Band::Nearly, &[("panne", 0.6)]));
    call.on(mumbles("non"));
    let candidates = [("facture", 0.45), ("panne", 0.42), ("commande", 0.03)];
    let (line, rule) = call.on(says("j'ai un souci", Band::TwoCandidates, &candidates));
    assert_eq!(line, "Votre appel concerne une facture, c'est bien cela ? > listen");
    assert_eq!(rule, Rule::Confirm);
}
