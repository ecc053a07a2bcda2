//! Values that were badly heard.

use super::leaving::transfer_of;
use super::*;
use crate::call::WordConfidence;
use crate::call::decision::CorrectionRecord;

/// A sentence of which every word was heard with this confidence.
pub(super) fn heard(input: Input, confidence: f32) -> Input {
    let Input::Sentence(mut sentence) = input else { panic!("no sentence") };
    let text = sentence.text.reveal();
    let place = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let words = text.split_whitespace().map(|word| place(word)..place(word) + word.len());
    sentence.certainty.words = words.map(|span| WordConfidence { span, confidence }).collect();
    Input::Sentence(sentence)
}

fn asks_for_velmoxine() -> Input {
    says("la Velmoxine est-elle disponible", Band::Sure, &[("disponibilite", 0.9)])
}

/// A plan whose order number is read back where it is not sure.
fn unsure() -> Plan {
    let mut plan = plan();
    let answer = plan.intents["commande"].answer.as_deref().cloned().expect("it is answered");
    let slots = vec![slot("commande", Kind::Reference(Shape::digits(6, 6)), Confirm::Unsure)];
    plan.intents.get_mut("commande").unwrap().answer = Some(Arc::new(Answer { slots, ..answer }));
    plan
}

#[test]
fn a_value_that_was_badly_heard_is_read_back() {
    let mut call = Call::begin(plan());
    assert!(call.on(heard(asks_for_velmoxine(), 0.95)).0.contains("look up"));
    let mut call = Call::begin(plan());
    let (line, _) = call.on(heard(asks_for_velmoxine(), 0.3));
    assert!(line.contains("Velmoxine") && line.ends_with("> listen"), "{line}");
    assert_eq!(call.dialog.state_name(), "confirming_value");
    let (line, rule) = call.on(heard(mumbles("oui"), 0.3));
    assert!(line.contains("look up"), "{line}");
    assert_eq!(rule, Rule::LookUp);
}

#[test]
fn a_number_that_was_badly_heard_is_read_back_and_not_asked_for_again() {
    let number = || mumbles("c'est le 123456");
    let asked = || {
        let mut call = Call::begin(unsure());
        call.on(says("ma commande", Band::Sure, &[("commande", 0.95)]));
        assert_eq!(call.dialog.state_name(), "asking");
        call
    };
    assert_eq!(asked().on(heard(number(), 1.0)).1, Rule::Answered);
    let mut call = asked();
    assert_eq!(call.on(heard(number(), 0.3)).1, Rule::ConfirmValue);
    let (line, rule) = call.on(mumbles("oui"));
    assert_eq!(rule, Rule::Answered, "{line}");
    // The other number, as badly heard, is read back too.
    let mut call = asked();
    call.on(heard(number(), 0.3));
    let (line, rule) = call.on(heard(mumbles("non, c'est le 123457"), 0.3));
    assert_eq!(rule, Rule::ConfirmValue, "{line}");
    // Beside a yes it is a part of what was agreed to, heard badly.
    let mut call = asked();
    call.on(heard(number(), 0.3));
    assert_eq!(call.on(heard(mumbles("oui, c'est le 123457"), 0.3)).1, Rule::Answered);
}

#[test]
fn what_was_heard_badly_is_remembered_until_the_intent_is_confirmed() {
    let mut call = Call::begin(plan());
    let near = says("la Velmoxine", Band::Nearly, &[("disponibilite", 0.6)]);
    assert_eq!(call.on(heard(near, 0.3)).1, Rule::Confirm);
    call.on(mumbles("oui"));
    assert_eq!(call.dialog.state_name(), "confirming_value");
}

#[test]
fn a_name_that_was_put_right_is_read_back_unless_it_was_almost_that() {
    for (score, state) in [(0.79, "confirming_value"), (0.95, "looking_up")] {
        let Input::Sentence(mut sentence) = asks_for_velmoxine() else { panic!("no sentence") };
        sentence.certainty.corrections = vec![CorrectionRecord {
            said: "elle moxine".into(),
            span: 3..12,
            id: "17".into(),
            name: "Velmoxine".into(),
            score,
            runner_up: None,
        }];
        let mut call = Call::begin(plan());
        call.on(Input::Sentence(sentence));
        assert_eq!(call.dialog.state_name(), state, "{score}");
    }
}

#[test]
fn a_number_that_was_hardly_heard_is_not_told_to_a_person() {
    for (confidence, is_told) in [(0.3, false), (1.0, true)] {
        let mut call = Call::begin(plan());
        call.on(says("ma commande", Band::Sure, &[("commande", 0.95)]));
        assert_eq!(call.on(heard(mumbles("c'est le 123456"), confidence)).1, Rule::ConfirmValue);
        let mut agreed = Call { dialog: call.dialog.clone(), catalogs: catalogs(), now: call.now };
        let turn = call.step(Input::Key('0'.into()));
        assert_eq!(transfer_of(&turn).slots.contains_key("commande"), is_told, "{confidence}");
        agreed.on(mumbles("oui"));
        let turn = agreed.step(Input::Key('0'.into()));
        assert!(transfer_of(&turn).slots.contains_key("commande"), "what was confirmed is certain");
    }
}
