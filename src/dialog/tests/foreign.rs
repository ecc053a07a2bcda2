//! Callers who speak another language, and those who only seem to.

use super::*;

/// What is made of a sentence in another language.
fn foreign(text: &str, band: Band, intents: &[(&str, f32)]) -> Input {
    let Input::Sentence(sentence) = says(text, band, intents) else { panic!("it is a sentence") };
    Input::Sentence(Sentence { is_foreign: true, ..sentence })
}

fn garbled() -> Input {
    foreign("que hier au hablar con à le guien", Band::Lost, &[("facture", 0.3)])
}

#[test]
fn who_speaks_another_language_is_asked_once_and_then_led_to_a_person() {
    let mut call = Call::begin(plan());
    let (first, rule) = call.on(garbled());
    assert_eq!(rule, Rule::OtherLanguage);
    assert!(first.starts_with("Je parle français. | ") && first.ends_with("> listen"), "{first}");
    let turn = call.step(garbled());
    assert_eq!(turn.rule, Rule::OtherLanguage);
    assert_eq!(
        line(&turn),
        "Je ne parle pas votre langue. | Je vous mets en relation : Accueil. > to accueil"
    );
    let Some(Action::Transfer(transfer)) = turn.actions.last() else { panic!("{turn:?}") };
    assert_eq!(
        (transfer.words.as_ref(), transfer.said.len()),
        (None, 0),
        "nothing of it is told as the caller's words"
    );
}

#[test]
fn a_sentence_that_is_nearly_an_intent_is_not_sure() {
    let mut call = Call::begin(plan());
    let near = || foreign("la factura de marzo", Band::Nearly, &[("facture", 0.7)]);
    assert!(call.on(near()).0.starts_with("Je parle français."));
    assert!(call.on(near()).0.starts_with("Je ne parle pas votre langue."));
}

#[test]
fn a_sure_sentence_is_followed_whatever_language_it_seems_to_be_in_and_forgets_the_one_before() {
    let mut call = Call::begin(plan());
    call.on(garbled());
    let sure = foreign("est-ce que la Velmoxine est disponible", Band::Sure, &[("disponibilite", 0.95)]);
    assert_eq!(call.on(sure).1, Rule::Sure);
    call.on(row("Velmoxine", 12));
    assert!(call.on(garbled()).0.starts_with("Je parle français."), "it is the first again");
}

#[test]
fn what_is_not_understood_in_between_forgets_nothing() {
    let mut call = Call::begin(Plan { limits: Limits { asks_max: 3, ..plan().limits }, ..plan() });
    call.on(garbled());
    assert_eq!(call.on(mumbles("euh")).1, Rule::AskAgain);
    assert!(call.on(garbled()).0.ends_with("to accueil"));
}

#[test]
fn the_question_that_waits_is_asked_again_and_an_answer_to_it_counts() {
    let near = || says("un montant", Band::Nearly, &[("facture", 0.6)]);
    let mut call = Call::begin(plan());
    call.on(near());
    let (line, _) = call.on(garbled());
    assert!(line.starts_with("Je parle français."), "{line}");
    assert!(line.ends_with("Votre appel concerne une facture, c'est bien cela ? > listen"), "{line}");
    let yes = foreign("oui c'est ça", Band::Lost, &[("facture", 0.3)]);
    assert!(call.on(yes).0.ends_with("to compta"));

    let mut call = Call::begin(plan());
    call.on(says("où est ma commande", Band::Sure, &[("commande", 0.95)]));
    let (line, _) = call.on(garbled());
    assert!(line.starts_with("Je parle français.") && line.contains("Quel est votre commande ?"), "{line}");
    let number = foreign("c'est le 123456", Band::Lost, &[("facture", 0.3)]);
    assert!(call.on(number).0.contains("C'est bien cela ?"));
}

#[test]
fn of_two_that_were_offered_none_is_chosen_by_what_was_made_of_another_language() {
    let mut call = Call::begin(plan());
    call.on(says("j'ai un souci", Band::TwoCandidates, &[("facture", 0.45), ("panne", 0.42)]));
    let (line, _) =
        call.on(foreign("la factura de marzo", Band::Nearly, &[("facture", 0.7), ("panne", 0.1)]));
    assert!(line.starts_with("Je parle français.") && line.contains("une facture, ou une panne"), "{line}");
    assert_eq!(call.dialog.state_name(), "choosing");
}

#[test]
fn the_language_of_the_dialogue_does_not_follow_a_sentence_in_another_one() {
    let languages = vec![Language::Fr, Language::En];
    let mut call = Call::begin(Plan { languages, ..plan() });
    let Input::Sentence(sentence) = garbled() else { panic!("it is a sentence") };
    let (line, _) = call.on(Input::Sentence(Sentence { language: Language::En, ..sentence }));
    assert!(line.starts_with("Je parle français et anglais."), "{line}");
    assert_eq!(call.dialog.language(), Language::Fr);
}
