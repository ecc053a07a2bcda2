//! What is kept for as long as a call lasts.

use super::leaving::transfer_of;
use super::*;

/// A plan in which two more intents ask for what the others ask for.
fn shared() -> Plan {
    let mut plan = plan();
    let answer = |slot: SlotPlan, text: &str, then: Then| Answer {
        slots: vec![slot],
        look_up: None,
        cases: vec![Case { when: Vec::new(), reply: reply(text, then) }],
        not_found: reply("Je ne trouve pas.", Then::More),
        down: reply("Un instant.", Then::End),
    };
    let order = slot("commande", Kind::Reference(Shape::digits(6, 6)), Confirm::Always);
    let product = slot("produit", Kind::Product, Confirm::Unsure);
    let bill =
        answer(order, "La facture de la commande {commande:digits} est payée.", Then::Route("compta".into()));
    let fault = answer(product, "C'est noté pour {produit}.", Then::More);
    plan.intents.get_mut("facture").unwrap().answer = Some(Arc::new(bill));
    plan.intents.get_mut("panne").unwrap().answer = Some(Arc::new(fault));
    plan
}

fn order() -> Input {
    says("où est ma commande", Band::Sure, &[("commande", 0.95)])
}

/// A call in which the number of an order was keyed in and confirmed, and its answer given.
fn answered() -> Call {
    let mut call = Call::begin(shared());
    call.on(order());
    for key in "123456".chars() {
        call.step(Input::Key(key.into()));
    }
    let (line, rule) = call.on(mumbles("oui"));
    assert_eq!(rule, Rule::Answered, "{line}");
    call
}

#[test]
fn a_value_that_was_confirmed_is_not_asked_for_again() {
    let mut call = answered();
    let turn = call.step(says("et sa facture", Band::Sure, &[("facture", 0.95)]));
    assert!(line(&turn).starts_with("La facture de la commande"), "{}", line(&turn));
    assert!(transfer_of(&turn).slots.contains_key("commande"));
}

#[test]
fn the_same_question_again_may_be_about_another() {
    let mut call = answered();
    let (line, _) = call.on(says("et l'autre", Band::Sure, &[("commande", 0.95)]));
    assert!(line.contains("C'est bien cela ?"), "{line}");
    let (line, _) = call.on(mumbles("non"));
    assert!(line.contains("Quel est votre commande ?"), "{line}");
    // What was said no to is gone for the whole call.
    let (line, _) = call.on(says("alors la facture de mars", Band::Sure, &[("facture", 0.95)]));
    assert!(line.contains("Quel est votre commande ?"), "{line}");
}

#[test]
fn a_value_that_was_only_heard_is_read_back_the_next_time() {
    let mut call = Call::begin(shared());
    call.on(says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]));
    call.on(row("Velmoxine", 3));
    let (line, _) = call.on(says("il y a un problème", Band::Sure, &[("panne", 0.95)]));
    assert_eq!(line, "J'ai noté Velmoxine. C'est bien cela ? > listen");
    let (line, _) = call.on(mumbles("non, le Dorzanil"));
    assert!(line.starts_with("C'est noté pour Dorzanil."), "{line}");
    // What the sentence says itself goes before what was said earlier.
    let (line, _) =
        call.on(says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]));
    assert!(line.contains("look up [\"17\"]"), "{line}");
}

#[test]
fn a_person_is_told_what_was_given_for_an_answer_and_why_the_caller_calls() {
    let human = || says("je veux parler à quelqu'un", Band::Sure, &[("humain", 0.95)]);
    let mut call = answered();
    call.on(human());
    let turn = call.step(human());
    let transfer = transfer_of(&turn);
    assert_eq!(transfer.route, "accueil");
    assert!(transfer.slots.contains_key("commande"), "{transfer:?}");
    assert_eq!((&transfer.intent, transfer.confidence), (&None, None), "how sure of nothing");
    assert_eq!(transfer.words.as_ref().map(|text| text.reveal().as_str()), Some("où est ma commande"));
    let said: Vec<&str> = transfer.said.iter().map(|text| text.reveal().as_str()).collect();
    assert_eq!(said, ["où est ma commande", "je veux parler à quelqu'un", "je veux parler à quelqu'un"]);
}

#[test]
fn a_sentence_that_says_less_and_a_key_do_not_replace_the_reason() {
    for (key, route) in [('0', "accueil"), ('1', "compta"), ('2', "technique")] {
        let mut call = Call::begin(plan());
        call.on(says("mon boîtier clignote", Band::Lost, &[("panne", 0.3)]));
        call.on(says("je ne sais pas", Band::Lost, &[("panne", 0.1)]));
        let turn = call.step(Input::Key(key.into()));
        let transfer = transfer_of(&turn);
        assert_eq!(transfer.route, route);
        assert_eq!(transfer.words.as_ref().map(|text| text.reveal().as_str()), Some("mon boîtier clignote"));
        assert_eq!(transfer.said.len(), 2);
    }
}

#[test]
fn a_sentence_that_answers_nothing_is_told_to_the_person_all_the_same() {
    let near = || says("un montant", Band::Nearly, &[("facture", 0.6)]);
    let two = || says("un souci", Band::TwoCandidates, &[("facture", 0.45), ("panne", 0.42)]);
    for asked in [near(), two()] {
        let mut call = Call::begin(plan());
        call.on(asked);
        assert_eq!(call.on(mumbles("euh la box clignote en rouge")).1, Rule::AskAgain);
        let turn = call.step(Input::Key('0'.into()));
        let said: Vec<&str> = transfer_of(&turn).said.iter().map(|text| text.reveal().as_str()).collect();
        assert_eq!(said.last(), Some(&"euh la box clignote en rouge"));
    }
}

#[test]
fn who_asks_for_a_person_while_a_value_is_asked_for_is_not_asked_why_again() {
    let human = || says("un conseiller", Band::Sure, &[("humain", 0.9)]);
    let mut call = Call::begin(plan());
    call.on(order());
    let turn = call.step(human());
    let transfer = transfer_of(&turn);
    assert_eq!((transfer.route.as_str(), turn.rule), ("ventes", Rule::WantsHuman));
    assert_eq!((transfer.intent.as_deref(), transfer.confidence), (Some("commande"), Some(0.95)));
    assert_eq!(transfer.words.as_ref().map(|text| text.reveal().as_str()), Some("où est ma commande"));
    // At night nobody is there who could be told.
    let mut call = Call::begin_at(plan(), date(2026, 11, 26).at(22, 0, 0, 0));
    call.on(order());
    let (line, rule) = call.on(human());
    assert!(line.ends_with("> listen"), "{line}");
    assert_eq!(rule, Rule::WantsHuman);
}

#[test]
fn two_slots_of_one_kind_do_not_take_the_same_words() {
    let mut plan = plan();
    let intent = plan.intents.get_mut("disponibilite").unwrap();
    let mut answer = Answer::clone(intent.answer.as_ref().unwrap());
    answer.slots.push(slot("remplacement", Kind::Product, Confirm::Unsure));
    intent.answer = Some(Arc::new(answer));
    let mut call = Call::begin(plan);
    let (line, _) =
        call.on(says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]));
    assert!(line.contains("Quel est votre remplacement ?"), "{line}");
}
