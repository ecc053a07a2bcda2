//! What is said and heard while the conversation goes on.

use super::*;

#[test]
fn texts_are_said_in_order_and_the_silence_counts_from_the_end_of_the_last() {
    let mut line = Line::new();
    line.course.begin();
    line.done();
    line.answers(&[say("Cet appel est enregistré."), say("Bonjour."), listen()]);
    assert_eq!(line.done(), ["expect Open", "make Cet appel est enregistré."]);
    line.course.played(Duration::from_secs(2), false, line.now);
    assert_eq!(line.done(), ["make more"]);
    line.course.played(Duration::from_secs(3), true, line.now);
    assert_eq!(line.done(), [""; 0], "five seconds are ahead: the next text can wait");
    assert_eq!(line.waits(), Duration::from_secs(2));
    assert_eq!(line.done(), ["make Bonjour."]);
    line.is_made(1_000);
    line.passes(3_000);
    line.is_heard("bot-1");
    line.passes(1_000);
    line.is_heard("bot-2");
    assert_eq!(line.done(), [""; 0]);
    assert_eq!(line.waits(), WAIT);
    assert_eq!(line.done(), ["ask silence"]);
}

#[test]
fn a_caller_who_interrupts_is_heard_and_the_rest_is_not_said() {
    let mut line = Line::greeted();
    line.says("ma facture");
    assert_eq!(line.done(), ["ask said ma facture"]);
    line.answers(&[say("Un."), say("Deux."), listen()]);
    assert_eq!(line.done(), ["expect Open", "make Un."]);
    line.course.played(Duration::from_millis(500), false, line.now);
    line.speaks();
    line.interrupts();
    assert_eq!(line.done(), ["stop bot-2"]);
    line.said("non, la suivante");
    assert_eq!(line.done(), ["ask said non, la suivante"]);
}

#[test]
fn a_sign_of_listening_changes_nothing() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.answers(&[say("Voici."), listen()]);
    line.done();
    line.is_made(3_000);
    line.says("oui");
    line.passes(3_000);
    line.is_heard("bot-2");
    assert_eq!(line.done(), [""; 0]);
    assert_eq!(line.waits(), WAIT);
}

#[test]
fn a_sign_of_listening_whose_text_comes_late_is_no_answer() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.answers(&[say("Voici."), listen()]);
    line.done();
    line.is_made(1_000);
    line.passes(900);
    line.speaks();
    line.passes(100);
    line.is_heard("bot-2");
    line.done();
    line.passes(700);
    line.only_listens("d'accord");
    assert_eq!(line.done(), [""; 0], "nothing is asked");
    assert_eq!(line.waits(), WAIT, "the caller is waited for from here on");
}

#[test]
fn a_sign_of_listening_takes_no_question_back_and_lets_a_held_answer_go() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    // Said into the words for the look-up.
    line.speaks();
    line.only_listens("oui, d'accord");
    assert_eq!(line.done(), [""; 0]);
    line.speaks();
    line.answers(&[say("Voici."), listen()]);
    assert_eq!(line.done(), ["expect Open"], "somebody speaks");
    line.only_listens("d'accord");
    assert_eq!(line.done(), ["make Voici."]);
}

#[test]
fn names_that_are_asked_for_are_told_once_and_taken_back_with_the_next_question_or_the_end() {
    let asked = |next: fn() -> Action| {
        let mut line = Line::greeted();
        line.says("un produit");
        line.done();
        line.asks_for = vec!["Velmoxine", "Dorzanil"];
        line.answers(&[say("Lequel ?"), listen()]);
        assert_eq!(line.done()[..2], ["expect Open", "asked for [\"Velmoxine\", \"Dorzanil\"]"]);
        line.is_made(1_000);
        line.passes(1_000);
        line.is_heard("bot-2");
        line.says("euh");
        line.done();
        line.answers(&[say("Pardon, lequel ?"), listen()]);
        assert_eq!(line.done(), ["expect Open", "make Pardon, lequel ?"], "they are known");
        line.is_made(1_000);
        line.passes(1_000);
        line.is_heard("bot-3");
        line.says("la Velmoxine");
        line.done();
        line.asks_for.clear();
        line.answers(&[say("Bien."), next()]);
        line.done()
    };
    assert_eq!(asked(listen), ["expect Open", "asked for []", "make Bien."]);
    assert_eq!(asked(transfer), ["asked for []", "make Bien."], "a colleague asks what he likes");
}

#[test]
fn an_answer_that_begins_before_the_question_has_ended_counts() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.answers(&[say("C'est bien cela ?"), listen()]);
    line.done();
    line.is_made(1_000);
    line.speaks();
    line.passes(1_000);
    line.is_heard("bot-2");
    assert_eq!(line.done(), [""; 0], "who speaks is not silent");
    assert_eq!(line.course.next_deadline(), None);
    line.said("oui");
    assert_eq!(line.done(), ["ask said oui"]);
}

#[test]
fn noise_is_told_where_somebody_listens_and_nowhere_else() {
    let mut line = Line::greeted();
    line.speaks();
    line.coughs();
    assert_eq!(line.done(), ["ask noise"]);
    line.answers(&[say("Pardon ?"), listen()]);
    line.done();
    line.speaks();
    line.coughs();
    assert_eq!(line.done(), [""; 0]);
}

#[test]
fn what_is_added_before_the_answer_is_heard_belongs_to_the_sentence() {
    let mut line = Line::greeted();
    line.says("je voudrais");
    assert_eq!(line.done(), ["ask said je voudrais"]);
    line.says("ma facture");
    assert_eq!(line.done(), [""; 0], "one question at a time");
    line.answers(&[say("Pardon ?"), listen()]);
    assert_eq!(line.done(), ["take back", "ask said je voudrais ma facture"]);
    line.speaks();
    line.answers(&[say("Voici."), listen()]);
    assert_eq!(line.done(), ["expect Open"], "the answer waits for who is speaking");
    line.said("de mars");
    assert_eq!(line.done(), ["take back", "ask said je voudrais ma facture de mars"]);
    line.speaks();
    line.answers(&[say("Voici mars."), listen()]);
    line.done();
    line.coughs();
    assert_eq!(line.done(), ["make Voici mars."], "it was only a cough");
}

#[test]
fn an_answer_does_not_wait_for_ever() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.speaks();
    line.answers(&[say("Voici."), listen()]);
    line.done();
    line.waits();
    assert_eq!(line.done(), ["make Voici."]);
}

#[test]
fn a_turn_that_was_ended_too_early_is_asked_again_from_where_the_dialogue_was() {
    let mut line = Line::greeted();
    line.says("je voudrais");
    line.done();
    line.answers(&[say("Pardon ?"), listen()]);
    line.done();
    line.is_made(2_000);
    line.speaks();
    line.interrupts();
    assert_eq!(line.done(), ["stop playing"]);
    line.said_in("je voudrais ma facture", Language::Fr, Some(1));
    assert_eq!(line.done(), ["take back", "ask said je voudrais ma facture"]);
    line.answers(&[listen()]);
    line.done();
    line.presses('1');
    line.done();
    line.answers(&[listen()]);
    line.done();
    line.speaks();
    line.said_in("je voudrais ma facture de mars", Language::Fr, Some(2));
    assert_eq!(line.done(), ["ask said je voudrais ma facture de mars"], "a key was decided on since");
}

#[test]
fn what_goes_on_behind_a_told_text_is_asked_with_it_and_said_once() {
    let mut line = Line::greeted();
    line.says("je voudrais, euh");
    line.done();
    line.answers(&[say("Pardon ?"), listen()]);
    line.done();
    line.is_made(2_000);
    line.speaks();
    line.interrupts();
    assert_eq!(line.done(), ["stop playing"]);
    line.told_final("ma facture", Language::Fr, None);
    line.told_final("de mars", Language::Fr, None);
    line.is_done(Some(1));
    assert_eq!(line.done(), ["take back", "ask said je voudrais, euh ma facture de mars"]);
    line.answers(&[say("Laquelle ?"), listen()]);
    line.done();
    line.is_made(2_000);
    // Cut off once more, and once more behind what was told.
    line.speaks();
    line.interrupts();
    line.done();
    line.told_final("enfin d'avril", Language::Fr, None);
    line.is_done(Some(2));
    let whole = "ask said je voudrais, euh ma facture de mars enfin d'avril";
    assert_eq!(line.done(), ["take back", whole]);
}

#[test]
fn keys_stop_what_is_said_and_are_taken_one_after_the_other() {
    let mut line = Line::greeted();
    line.says("ma commande");
    line.done();
    line.answers(&[say("Quel numéro ?"), listen()]);
    line.done();
    line.is_made(3_000);
    line.presses('4');
    line.presses('1');
    assert_eq!(line.done(), ["stop playing", "ask key 4"]);
    line.answers(&[listen()]);
    assert_eq!(line.done(), ["expect Open", "ask key 1"]);
}

#[test]
fn a_hash_behind_a_whole_number_takes_no_answer_away() {
    let mut line = Line::greeted();
    line.presses('6');
    assert_eq!(line.done(), ["ask key 6"]);
    line.presses('#');
    assert_eq!(line.done(), [""; 0]);
    line.answers(&[say("Votre commande est partie."), listen()]);
    assert_eq!(line.done(), ["expect Open", "ask key #"]);
    line.answers(&[]);
    assert_eq!(line.done(), ["make Votre commande est partie."]);
    line.is_made(2_000);
    line.presses('#');
    assert_eq!(line.done(), ["ask key #"], "it goes on being said");
    line.answers(&[]);
    assert_eq!(line.done(), [""; 0]);
    line.passes(2_000);
    line.is_heard("bot-2");
    assert_eq!(line.done(), [""; 0]);
    assert_eq!(line.waits(), WAIT);
}

#[test]
fn a_sign_that_means_something_stops_what_is_said() {
    let mut line = Line::greeted();
    line.says("ma commande");
    line.done();
    line.answers(&[say("Quel numéro ?"), listen()]);
    line.done();
    line.is_made(3_000);
    line.presses('#');
    assert_eq!(line.done(), ["ask key #"]);
    line.answers(&[say("Excusez-moi."), listen()]);
    assert_eq!(line.done(), ["expect Open", "stop playing", "make Excusez-moi."]);
}

#[test]
fn an_answer_that_changes_nothing_goes_on_listening() {
    let mut line = Line::greeted();
    line.presses('d');
    assert_eq!(line.done(), ["ask key d"]);
    line.answers(&[]);
    assert_eq!(line.done(), [""; 0]);
    assert_eq!(line.waits(), WAIT);
}

#[test]
fn another_language_is_told_from_a_whole_sentence_on() {
    let mut line = Line::greeted();
    line.speaks();
    line.said_in("yes please", Language::En, None);
    assert_eq!(line.done(), ["ask said yes please"]);
    line.answers(&[listen()]);
    line.done();
    line.speaks();
    line.said_in("where is my order", Language::En, None);
    assert_eq!(line.done(), ["ask other language"]);
}

#[test]
fn a_sentence_is_foreign_when_it_is_long_enough_and_most_of_it_lies_on_other_languages() {
    let check = |finals: &[(f64, Option<f32>)], expected: &str| {
        let mut line = Line::greeted();
        line.speaks();
        for (seconds, share) in finals {
            line.told_foreign("que hier au", *seconds, *share);
        }
        line.is_done(None);
        let words = vec!["que hier au"; finals.len()].join(" ");
        assert_eq!(line.done(), [format!("ask {expected} {words}")], "{finals:?}");
    };
    check(&[(2.0, Some(0.8))], "foreign");
    check(&[(1.9, Some(1.0))], "said");
    check(&[(9.0, Some(0.79))], "said");
    check(&[(9.0, None)], "said");
    check(&[(1.0, Some(0.9)), (1.5, Some(0.9))], "foreign");
    check(&[(3.0, Some(0.9)), (3.0, Some(0.1))], "said");
    // Of what nobody told nothing is known.
    check(&[(3.0, Some(0.9)), (9.0, None)], "foreign");
}

#[test]
fn what_is_added_to_a_sentence_counts_in_whether_it_is_foreign() {
    for (share, expected) in [(0.9, "foreign"), (0.1, "said")] {
        let mut line = Line::greeted();
        line.speaks();
        line.told_foreign("que hier au", 1.5, Some(0.9));
        line.is_done(None);
        assert_eq!(line.done(), ["ask said que hier au"], "it is too short to tell");
        line.speaks();
        line.told_foreign("hablar con", 1.5, Some(share));
        line.is_done(None);
        line.answers(&[say("Pardon ?"), listen()]);
        let again = format!("ask {expected} que hier au hablar con");
        assert_eq!(line.done(), ["take back".to_owned(), again]);
    }
}

#[test]
fn a_slow_look_up_is_told_and_a_fast_one_is_not() {
    let filler = [say("Un instant."), say("Voici."), listen()];
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.course.early(&filler[..1], line.now);
    line.passes(300);
    line.answers_with(&filler, &[0], true);
    assert_eq!(line.done(), ["expect Open", "make Voici."]);

    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.course.early(&filler[..1], line.now);
    line.waits();
    assert_eq!(line.done(), ["make Un instant."]);
    line.is_made(800);
    line.answers_with(&filler, &[0], true);
    assert_eq!(line.done(), ["expect Open", "make Voici."]);
}

#[test]
fn a_peer_that_never_tells_the_end_of_a_playback_is_not_waited_for() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.answers(&[say("Voici."), listen()]);
    line.done();
    line.is_made(2_000);
    line.done();
    assert_eq!(line.waits(), Duration::from_secs(7));
    assert_eq!(line.done(), [""; 0]);
    assert_eq!(line.waits(), WAIT);
}
