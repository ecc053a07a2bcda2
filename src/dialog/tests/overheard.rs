//! What a caller says in passing, for the person who takes the call.

use super::certain::heard;
use super::leaving::transfer_of;
use super::plan::HandoverPlan;
use super::*;
use crate::slots::Value;

/// A slot that goes without.
fn month(confirm: Confirm) -> SlotPlan {
    SlotPlan { optional: true, tense: Tense::Past, ..slot("mois", Kind::Period, confirm) }
}

/// A plan in which the accountants want to know the month.
fn noted() -> Plan {
    let mut plan = plan();
    let handover = HandoverPlan {
        name: "factures".into(),
        slots: vec![month(Confirm::Never)],
        look_up: None,
        by_customer: false,
    };
    plan.intents.get_mut("facture").unwrap().handover = Some(Arc::new(handover));
    plan
}

fn of_march(band: Band) -> Input {
    says("j'ai un problème avec ma facture de mars", band, &[("facture", 0.9)])
}

fn month_of(turn: &Turn) -> Option<String> {
    transfer_of(turn).slots.get("mois").map(Value::canonical)
}

const MARCH: Option<&str> = Some("2026-03-01/2026-03-31");

#[test]
fn the_month_of_an_invoice_is_told_and_never_asked_for() {
    let turn = Call::begin(noted()).step(of_march(Band::Sure));
    assert_eq!(line(&turn), "Je vous mets en relation : Comptabilité. > to compta");
    assert_eq!(month_of(&turn).as_deref(), MARCH);
    let turn = Call::begin(noted()).step(says("ma facture est fausse", Band::Sure, &[("facture", 0.9)]));
    assert_eq!(month_of(&turn), None);
    // Also where the caller is first asked whether it is about an invoice.
    let mut call = Call::begin(noted());
    assert_eq!(call.on(of_march(Band::Nearly)).1, Rule::Confirm);
    assert_eq!(month_of(&call.step(mumbles("oui"))).as_deref(), MARCH);
}

#[test]
fn what_stands_beside_a_yes_to_the_question_about_the_matter_is_told() {
    for (wish, answer, expected) in [
        ("ma facture est fausse", mumbles("oui, celle de mars"), MARCH),
        ("ma facture de mars est fausse", mumbles("oui"), MARCH),
        ("ma facture de février est fausse", mumbles("oui, celle de mars"), MARCH),
        ("ma facture est fausse", mumbles("oui"), None),
        ("ma facture est fausse", heard(mumbles("oui, celle de mars"), 0.3), None),
        ("ma facture est fausse", says("celle de mars, oui", Band::Sure, &[("facture", 0.9)]), MARCH),
    ] {
        let mut call = Call::begin(noted());
        assert_eq!(call.on(says(wish, Band::Nearly, &[("facture", 0.6)])).1, Rule::Confirm);
        assert_eq!(month_of(&call.step(answer)).as_deref(), expected, "{wish}");
    }
}

#[test]
fn what_stands_beside_a_yes_is_not_asked_for_and_the_yes_is_no_value() {
    let needed = slot("mois", Kind::Period, Confirm::Never);
    let agreed = slot("accord", Kind::YesNo, Confirm::Never);
    for (needed, answer, expected) in [
        (needed.clone(), "oui, celle de mars", "C'est noté."),
        (needed, "oui", "Quel est votre mois ?"),
        (agreed, "oui", "Quel est votre accord ?"),
    ] {
        let mut call = Call::begin(answered_with("facture", needed));
        call.on(says("ma facture est fausse", Band::Nearly, &[("facture", 0.6)]));
        let (line, rule) = call.on(mumbles(answer));
        assert!(rule == Rule::Confirmed && line.contains(expected), "{answer}: {line}");
    }
}

#[test]
fn what_was_hardly_heard_or_said_of_something_else_is_not_told() {
    assert_eq!(month_of(&Call::begin(noted()).step(heard(of_march(Band::Sure), 0.25))), None);
    assert_eq!(month_of(&Call::begin(noted()).step(heard(of_march(Band::Sure), 0.4))).as_deref(), MARCH);
    let mut call = Call::begin(noted());
    call.on(says("en mars déjà", Band::Lost, &[("panne", 0.3)]));
    let turn = call.step(says("ma facture est fausse", Band::Sure, &[("facture", 0.9)]));
    assert_eq!(month_of(&turn), None);
    let turn = Call::begin(noted()).step(says("une panne depuis mars", Band::Sure, &[("panne", 0.9)]));
    assert_eq!(month_of(&turn), None, "nobody wants to know it");
}

#[test]
fn what_the_caller_said_no_to_is_not_overheard() {
    let mut plan = noted();
    let answer = Answer {
        slots: vec![month(Confirm::Always)],
        look_up: None,
        cases: vec![Case { when: Vec::new(), reply: reply("C'est noté.", Then::Route("compta".into())) }],
        not_found: reply("Je ne trouve pas.", Then::More),
        down: reply("Un instant.", Then::End),
    };
    plan.intents.get_mut("facture").unwrap().answer = Some(Arc::new(answer));
    for (said, expected) in [("oui", MARCH), ("non", None)] {
        let mut call = Call::begin(plan.clone());
        let (line, _) = call.on(of_march(Band::Sure));
        assert!(line.contains("C'est bien cela ?"), "{line}");
        assert_eq!(month_of(&call.step(mumbles(said))).as_deref(), expected, "{said}");
    }
}
