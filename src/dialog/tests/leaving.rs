//! How calls leave the dialogue: closed teams, overflows, a person who was promised.

use super::*;

/// The transfer that a turn ends with.
pub(super) fn transfer_of(turn: &Turn) -> &Transfer {
    match turn.actions.last() {
        Some(Action::Transfer(transfer)) => transfer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_turn_ends_the_call_or_leads_to_a_person() {
    let before_last = || {
        let mut call = Call::begin(plan());
        for _ in 1..plan().limits.turns_max {
            assert_eq!(call.on(mumbles("pardon ?")).1, Rule::Repeat);
        }
        call
    };
    let mut call = before_last();
    let (line, rule) = call.on(mumbles("pardon ?"));
    assert_eq!((line.as_str(), rule), ("Je vous mets en relation : Accueil. > to accueil", Rule::TurnLimit));
    assert_eq!(call.dialog.turns(), plan().limits.turns_max);
    // What needs no further turn is done.
    assert_eq!(before_last().on(mumbles("au revoir")).1, Rule::Goodbye);
    let (line, rule) = before_last().on(says("ma facture", Band::Sure, &[("facture", 0.97)]));
    assert_eq!((line.ends_with("to compta"), rule), (true, Rule::Sure));
}

#[test]
fn a_closed_team_overflows_and_the_last_says_so() {
    let night = date(2026, 11, 26).at(22, 0, 0, 0);
    let mut call = Call::begin_at(plan(), night);
    let (line, rule) = call.on(says("ma facture", Band::Sure, &[("facture", 0.97)]));
    assert_eq!(line, "Nous sommes fermés. | Puis-je faire autre chose pour vous ? > listen");
    assert_eq!(rule, Rule::Closed);
    // Once more the caller is heard, and what is open at night can still be reached.
    let mut again = Call { dialog: call.dialog.clone(), catalogs: catalogs(), now: night };
    assert!(again.on(says("une panne alors", Band::Sure, &[("panne", 0.97)])).0.ends_with("to technique"));
    let (line, rule) = call.on(says("ma facture", Band::Sure, &[("facture", 0.97)]));
    assert_eq!(line, "Nous sommes fermés. | Merci de votre appel, au revoir. > hang up");
    assert_eq!(rule, Rule::Closed);
    let mut call = Call::begin_at(plan(), night);
    assert!(call.on(Input::Failed).0.ends_with("hang up"), "who cannot be heard is not asked");
}

#[test]
fn the_overflow_is_told_all_that_the_first_team_was() {
    let transfer = |turn: &Turn| transfer_of(turn).clone();
    let mut call = Call::begin(plan());
    call.on(says("est-ce que le produit est là", Band::Sure, &[("disponibilite", 0.95)]));
    call.on(says("la Velmoxine", Band::Lost, &[]));
    let first = transfer(&call.step(Input::LookedUp(Err(LookUpFailed))));
    assert_eq!((first.route.as_str(), first.intent.as_deref()), ("ventes", Some("disponibilite")));
    let second = call.step(Input::NotAnswered);
    assert_eq!(second.rule, Rule::Overflow);
    let second = transfer(&second);
    assert_eq!(second.route, "accueil");
    assert_eq!(second.queue, "q-Accueil");
    assert_eq!((&second.intent, &second.slots, &second.words), (&first.intent, &first.slots, &first.words));
    assert!(!second.slots.is_empty());
}

#[test]
fn of_a_team_that_is_open_and_does_not_answer_nobody_says_that_it_is_closed() {
    let mut call = Call::begin(plan());
    call.on(says("une panne", Band::Sure, &[("panne", 0.97)]));
    for expected in ["compta", "accueil", "ventes"] {
        let (line, rule) = call.on(Input::NotAnswered);
        assert!(line.ends_with(&format!("to {expected}")), "{line}");
        assert_eq!(rule, Rule::Overflow);
    }
    let mut alone = plan();
    alone.routes.get_mut("accueil").unwrap().overflow = None;
    let mut call = Call::begin(alone);
    call.on(Input::Key('0'.into()));
    let (line, rule) = call.on(Input::NotAnswered);
    assert!(line.starts_with("Personne n'est libre") && line.ends_with("hang up"), "{line}");
    assert_eq!(rule, Rule::NobodyFree);
}

#[test]
fn what_cannot_be_looked_up_is_not_said_to_be_missing() {
    let mut plan = plan();
    let intent = plan.intents.get_mut("disponibilite").unwrap();
    let mut answer = Answer::clone(intent.answer.as_ref().unwrap());
    answer.down = Reply { say: Said::new(), then: Then::Route("ventes".into()) };
    intent.answer = Some(Arc::new(answer));
    let mut call = Call::begin(plan);
    call.on(says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]));
    let (line, rule) = call.on(Input::LookedUp(Err(LookUpFailed)));
    assert!(line.starts_with("Je ne peux pas consulter cette information"), "{line}");
    assert!(line.ends_with("to ventes"), "{line}");
    assert_eq!(rule, Rule::Down);
}

#[test]
fn who_was_promised_a_person_is_not_answered_by_the_bot() {
    let human = || says("je veux parler à quelqu'un", Band::Sure, &[("humain", 0.95)]);
    let wish = || says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]);
    let mut call = Call::begin(plan());
    call.on(human());
    let turn = call.step(wish());
    let Some(Action::Transfer(transfer)) = turn.actions.last() else { panic!("{turn:?}") };
    assert_eq!((transfer.route.as_str(), transfer.intent.as_deref()), ("ventes", Some("disponibilite")));
    assert_eq!(transfer.slots.len(), 1, "with what is known by now");
    // At night there is nobody, and the bot answers.
    let mut call = Call::begin_at(plan(), date(2026, 11, 26).at(22, 0, 0, 0));
    call.on(human());
    assert!(call.on(wish()).0.contains("look up"));
}

#[test]
fn nothing_is_promised_that_a_closed_team_does_not_keep() {
    let night = date(2026, 11, 26).at(22, 0, 0, 0);
    let mut call = Call::begin_at(plan(), night);
    let (line, rule) = call.on(says("je veux parler à quelqu'un", Band::Sure, &[("humain", 0.95)]));
    assert!(!line.contains("relation"), "{line}");
    assert_eq!(rule, Rule::WantsHuman);
    let mut call = Call::begin_at(plan(), night);
    let (line, _) = call.on(Input::OtherLanguage);
    let goodbye = "Merci de votre appel, au revoir. > hang up";
    assert_eq!(line, format!("Je ne parle pas votre langue. | Nous sommes fermés. | {goodbye}"));
    let mut call = Call::begin_at(plan(), night);
    call.on(says("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]));
    let (line, rule) = call.on(row("Velmoxine", 0));
    let more = "Puis-je faire autre chose pour vous ? > listen";
    assert_eq!(line, format!("Velmoxine n'est pas disponible. | Nous sommes fermés. | {more}"));
    assert_eq!(rule, Rule::Answered);
}

#[test]
fn a_caller_waits_for_the_patience_of_a_team_only_where_somebody_else_would_take_the_call() {
    let fault = || says("une panne", Band::Sure, &[("panne", 0.97)]);
    let mut call = Call::begin(plan());
    assert_eq!(transfer_of(&call.step(fault())).patience, Some(Duration::from_secs(60)));
    // At night the others are closed: better to wait on than to be told that nobody is free.
    let mut call = Call::begin_at(plan(), date(2026, 11, 26).at(22, 0, 0, 0));
    assert_eq!(transfer_of(&call.step(fault())).patience, None);
    let mut alone = plan();
    alone.routes.get_mut("technique").unwrap().overflow = None;
    assert_eq!(transfer_of(&Call::begin(alone).step(fault())).patience, None);
}
