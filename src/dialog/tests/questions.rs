//! Questions that wait for an answer: what counts as one, and what repeats them.

use super::*;

#[test]
fn politeness_and_the_word_si_are_no_yes() {
    let near = || says("c'est à propos d'un montant", Band::Nearly, &[("facture", 0.6), ("commande", 0.2)]);
    let mut call = Call::begin(plan());
    call.on(near());
    let person = says("Un conseiller, s'il vous plaît", Band::Sure, &[("humain", 0.95)]);
    assert_eq!(call.on(person).1, Rule::WantsHuman);
    let mut call = Call::begin(plan());
    call.on(near());
    let (line, rule) = call.on(mumbles("je voudrais savoir si vous pouvez m'aider"));
    assert_eq!(rule, Rule::AskAgain, "{line}");
    let mut call = Call::begin(plan());
    call.on(near());
    let other = says("oui enfin c'est plutôt une panne", Band::Sure, &[("panne", 0.95)]);
    assert!(call.on(other).0.ends_with("to technique"));
    for yes in
        ["oui", "Oui, s'il vous plaît.", "ben oui", "s'il vous plaît", "ma facture de mars, oui", "voilà"]
    {
        let mut call = Call::begin(plan());
        call.on(near());
        assert_eq!(call.on(mumbles(yes)).1, Rule::Confirmed, "{yes}");
    }
}

/// A plan that asks for a date and reads it back.
fn dated(kind: Kind) -> Plan {
    answered_with("commande", slot("jour", kind, Confirm::Always))
}

pub(super) fn asked_for(kind: Kind) -> Call {
    let mut call = Call::begin(dated(kind));
    let (line, rule) = call.on(says("un rendez-vous", Band::Sure, &[("commande", 0.95)]));
    assert!(line.contains("Quel est votre jour ?"), "{line}");
    assert_eq!(rule, Rule::Sure);
    call
}

#[test]
fn a_correction_and_a_changed_mind_go_before_a_polite_yes() {
    let noted = |line: &str| line.contains("J'ai noté le quatorze septembre");
    let read_back = || {
        let mut call = asked_for(Kind::Date);
        let (line, _) = call.on(mumbles("le quinze septembre"));
        assert!(line.contains("J'ai noté le quinze septembre"), "{line}");
        call
    };
    let mut call = read_back();
    assert!(noted(&call.on(mumbles("C'est le quatorze septembre, s'il vous plaît")).0));
    let mut call = read_back();
    assert!(noted(&call.on(mumbles("non, le quatorze septembre")).0));
    let mut call = read_back();
    assert!(call.on(mumbles("oui c'est bien le quinze septembre")).0.starts_with("C'est noté."));
    let mut call = read_back();
    let other = says("en fait j'ai plutôt une panne", Band::Sure, &[("panne", 0.95)]);
    assert!(call.on(other).0.ends_with("to technique"));
    let mut call = read_back();
    assert_eq!(call.on(says("un conseiller", Band::Sure, &[("humain", 0.95)])).1, Rule::WantsHuman);
}

#[test]
fn a_changed_mind_that_is_not_certain_is_asked_about_and_not_lost() {
    let nearly = |probability| says("en fait j'ai plutôt une panne", Band::Nearly, &[("panne", probability)]);
    let asks = |(line, rule): (String, Rule)| rule == Rule::Confirm && line.contains("concerne une panne");
    let mut call = asked_for(Kind::Date);
    assert!(asks(call.on(nearly(0.8))));
    assert!(call.on(mumbles("oui")).0.ends_with("to technique"));
    let mut call = asked_for(Kind::Date);
    call.on(mumbles("le quinze septembre"));
    assert!(asks(call.on(nearly(0.8))));
    let mut call = asked_for(Kind::Date);
    let (line, _) = call.on(nearly(0.5));
    assert!(line.contains("Quel est votre jour ?"), "a guess is no changed mind: {line}");
}

#[test]
fn recording_needs_a_yes() {
    let asking = || {
        let mut plan = plan();
        plan.consent = Some(super::plan::Consent { asked: true, say: said("Pouvons-nous enregistrer ?") });
        Call::begin(plan)
    };
    for (answer, agreed) in [
        (mumbles("oui"), true),
        (mumbles("oui d'accord"), true),
        (mumbles("non"), false),
        (mumbles("je voudrais savoir si ma box est en panne"), false),
        (Input::Key('1'.into()), true),
        (Input::Key('2'.into()), false),
        (Input::Key('0'.into()), false),
        (Input::HungUp, false),
    ] {
        let mut call = asking();
        assert_eq!(call.dialog.recording_agreed(), None);
        call.on(answer.clone());
        assert_eq!(call.dialog.recording_agreed(), Some(agreed), "{answer:?}");
    }
    let mut call = asking();
    let (line, rule) = call.on(Input::Noise);
    assert_eq!(line, "Je vous entends mal à cause du bruit. | Pouvons-nous enregistrer ? > listen");
    assert_eq!((rule, call.dialog.recording_agreed()), (Rule::Noise, None));
    assert_eq!(call.on(mumbles("oui")).0, "Bonjour, dites-moi pourquoi vous appelez. > listen");
    let mut call = asking();
    assert!(call.on(Input::Silence).0.contains("Pouvons-nous enregistrer"));
    let (line, rule) = call.on(Input::Silence);
    assert_eq!((line.as_str(), rule), ("Bonjour, dites-moi pourquoi vous appelez. > listen", Rule::Consent));
    assert_eq!(call.dialog.recording_agreed(), Some(false));
}

#[test]
fn noise_and_silence_repeat_the_question_and_lose_nothing() {
    for (input, before) in [
        (Input::Noise, "Je vous entends mal à cause du bruit."),
        (Input::Silence, "Je ne vous ai pas entendu."),
    ] {
        let mut call = Call::begin(plan());
        call.on(says("un montant", Band::Nearly, &[("facture", 0.6)]));
        let (line, _) = call.on(input.clone());
        assert_eq!(line, format!("{before} | Votre appel concerne une facture, c'est bien cela ? > listen"));
        assert_eq!(call.on(mumbles("oui")).1, Rule::Confirmed);

        let mut call = Call::begin(plan());
        call.on(says("un souci", Band::TwoCandidates, &[("facture", 0.45), ("panne", 0.42)]));
        let (line, _) = call.on(input.clone());
        assert!(line.starts_with(before) && line.contains("une facture, ou une panne"), "{line}");
        assert_eq!(call.on(mumbles("le deuxième")).1, Rule::Chosen);

        let mut call = asked_for(Kind::Date);
        let (line, _) = call.on(input.clone());
        assert!(line.contains("Quel est votre jour ?"), "{line}");
        assert!(call.on(mumbles("le quinze septembre")).0.contains("J'ai noté le quinze septembre"));
        let (line, _) = call.on(input.clone());
        assert!(line.starts_with(before) && line.contains("J'ai noté le quinze septembre"), "{line}");
        assert!(call.on(mumbles("oui")).0.starts_with("C'est noté."));
    }
    // What was keyed in so far is not lost by a cough.
    let mut call = asked_for(Kind::Reference(Shape::digits(4, 4)));
    call.on(Input::Key('1'.into()));
    assert_eq!(call.on(Input::Noise), (" > listen".to_owned(), Rule::Noise));
    for key in "234".chars() {
        call.step(Input::Key(key.into()));
    }
    assert_eq!(call.dialog.state_name(), "confirming_value");
}

#[test]
fn of_two_candidates_words_go_before_places() {
    let two = || says("j'ai un souci", Band::TwoCandidates, &[("panne", 0.45), ("facture", 0.42)]);
    let mut call = Call::begin(plan());
    call.on(two());
    let bill = says("c'est pour ma première facture", Band::Nearly, &[("facture", 0.7), ("panne", 0.1)]);
    assert!(call.on(bill).0.ends_with("to compta"));
    for neither in ["une seconde", "pas le premier"] {
        let mut call = Call::begin(plan());
        call.on(two());
        assert_eq!(call.on(mumbles(neither)).1, Rule::AskAgain, "{neither}");
    }
}

#[test]
fn an_insult_beside_a_clear_wish_does_not_hide_it() {
    let mut call = Call::begin(plan());
    let wish = || says("bande d'incapables ma box est en panne", Band::Sure, &[("disponibilite", 0.95)]);
    let (line, rule) = call.on(wish());
    assert!(line.contains("Quel est votre produit ?"), "{line}");
    assert_eq!(rule, Rule::Sure);
    assert!(call.on(wish()).0.ends_with("to accueil"), "the second one goes to a person");
}

#[test]
fn a_hello_is_no_value() {
    let mut call = asked_for(Kind::Reference(Shape::digits(4, 4)));
    assert_eq!(call.on(mumbles("Allô ?")), ("Quel est votre jour ? > listen".to_owned(), Rule::Hello));
}

#[test]
fn an_insult_loses_neither_the_question_nor_what_was_keyed_in() {
    let calm = "Je comprends votre agacement et je veux vous aider.";
    let mut call = asked_for(Kind::Reference(Shape::digits(4, 4)));
    assert_eq!(
        call.on(mumbles("connards")),
        (format!("{calm} | Quel est votre jour ? > listen"), Rule::Insult)
    );
    for key in "1234".chars() {
        call.step(Input::Key(key.into()));
    }
    assert_eq!(call.dialog.state_name(), "confirming_value");
    let mut call = asked_for(Kind::Reference(Shape::digits(4, 4)));
    call.step(Input::Key('1'.into()));
    assert_eq!(call.on(mumbles("connards")).0, format!("{calm} > listen"));
    for key in "234".chars() {
        call.step(Input::Key(key.into()));
    }
    let (line, _) = call.on(mumbles("oui"));
    assert!(line.starts_with("C'est noté."), "{line}");
    let mut call = Call::begin(plan());
    call.on(says("un montant", Band::Nearly, &[("facture", 0.6)]));
    let (line, _) = call.on(mumbles("connards"));
    assert_eq!(line, format!("{calm} | Votre appel concerne une facture, c'est bien cela ? > listen"));
    assert_eq!(call.on(mumbles("oui")).1, Rule::Confirmed);
}

#[test]
fn who_says_goodbye_is_let_go_whatever_was_asked() {
    let near = || says("un montant", Band::Nearly, &[("facture", 0.6)]);
    let two = || says("j'ai un souci", Band::TwoCandidates, &[("facture", 0.45), ("panne", 0.42)]);
    let order = || says("où est ma commande", Band::Sure, &[("commande", 0.95)]);
    for asked in [&[near()][..], &[two()], &[order()], &[order(), mumbles("123456")]] {
        let mut call = Call::begin(plan());
        for input in asked {
            call.on(input.clone());
        }
        let (line, rule) = call.on(mumbles("non laissez, au revoir"));
        assert_eq!((line.as_str(), rule), ("Merci de votre appel, au revoir. > hang up", Rule::Goodbye));
    }
    // An answer beside it is taken, and "c'est tout" ends an answer as well as a call.
    let mut call = Call::begin(plan());
    call.on(near());
    assert_eq!(call.on(mumbles("oui, au revoir")).1, Rule::Confirmed);
    let mut call = Call::begin(plan());
    call.on(order());
    assert!(call.on(mumbles("123456, au revoir")).0.contains("C'est bien cela ?"));
    let mut call = Call::begin(plan());
    call.on(order());
    assert!(call.on(mumbles("c'est tout")).0.contains("Quel est votre commande ?"));
}

#[test]
fn a_no_holds_until_the_next_answer_and_a_clear_sentence_is_asked_about() {
    let near = || says("un montant", Band::Nearly, &[("facture", 0.6)]);
    let mut call = Call::begin(plan());
    call.on(near());
    call.on(mumbles("non"));
    let (line, rule) = call.on(says("ma facture est fausse", Band::Sure, &[("facture", 0.97)]));
    assert_eq!(line, "Votre appel concerne une facture, c'est bien cela ? > listen");
    assert_eq!(rule, Rule::Confirm);
    assert!(call.on(mumbles("oui")).0.ends_with("to compta"));
    let mut call = Call::begin(plan());
    call.on(near());
    call.on(mumbles("non"));
    call.on(says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]));
    call.on(row("Velmoxine", 3));
    assert!(call.on(near()).0.contains("une facture, c'est bien cela ?"));
}

#[test]
fn who_corrects_a_value_again_and_again_reaches_a_person() {
    let mut call = asked_for(Kind::Date);
    call.on(mumbles("le quinze septembre"));
    assert!(call.on(mumbles("non, le quatorze septembre")).0.contains("J'ai noté le quatorze"));
    assert!(call.on(mumbles("non, le treize septembre")).0.contains("J'ai noté le treize"));
    assert!(call.on(mumbles("non, le douze septembre")).0.ends_with("to ventes"));
}

#[test]
fn what_is_left_of_a_denied_wish_is_asked_once() {
    let mut call = Call::begin(plan());
    call.on(says("un montant", Band::Nearly, &[("facture", 0.6)]));
    call.on(mumbles("non"));
    let denied = || says("un montant sur une facture", Band::Nearly, &[("facture", 0.65), ("commande", 0.3)]);
    let (line, rule) = call.on(denied());
    assert_eq!((line.contains("concerne une commande"), rule), (true, Rule::Confirm), "{line}");
    assert_eq!(call.on(denied()).1, Rule::Keypad, "the next means, not the same question");
}
