//! How calls leave the dialogue, and what happens when something breaks.

use super::*;
use crate::bot::ear::{Ear, Said};

fn handed_over() -> EventBody {
    EventBody::HandedOver { handover: Box::new(crate::call::handover::sample()) }
}

/// The final of the first turn of a channel.
fn spoken(channel: Channel, text: &str) -> EventBody {
    EventBody::TranscriptFinal {
        channel,
        turn: 1,
        utterance: Utterance {
            channel,
            span: SampleSpan::default(),
            language: Language::Fr,
            text: text.into(),
            confidence: 0.9,
            words: Vec::new(),
        },
        alternatives: vec![("autre chose".into(), 0.5)],
        corrections: Vec::new(),
        foreign_share: None,
        joins: None,
        latency: Duration::ZERO,
        delay: FinalDelay::default(),
    }
}

#[test]
fn the_handover_is_told_before_the_transfer_and_after_what_is_said() {
    let mut line = Line::greeted();
    line.says("un conseiller");
    line.done();
    line.answers(&[say("Je vous passe quelqu'un."), transfer()]);
    assert_eq!(line.done(), ["make Je vous passe quelqu'un."]);
    line.is_made(1_000);
    assert_eq!(line.done(), [""; 0], "it is still being said");
    line.says("merci");
    line.passes(1_000);
    line.is_heard("bot-2");
    assert_eq!(line.done(), ["hand over to accueil"]);
    line.presses('1');
    line.told(&handed_over());
    assert_eq!(line.done(), ["transfer to 7000"]);
    line.says("allô ?");
    assert_eq!(line.done(), [""; 0]);
    line.hangs_up();
    assert_eq!(line.done(), ["done"]);
}

#[test]
fn a_handover_that_cannot_be_told_does_not_keep_the_caller() {
    let mut line = Line::greeted();
    line.says("un conseiller");
    line.done();
    line.answers(&[transfer()]);
    assert_eq!(line.done(), ["hand over to accueil"]);
    line.waits();
    assert_eq!(line.done(), ["transfer to 7000"]);
}

#[test]
fn a_transfer_that_nobody_takes_goes_back_to_the_dialogue() {
    let mut line = Line::greeted();
    line.course.not_answered();
    assert_eq!(line.done(), [""; 0], "nobody was transferred");
    line.says("un conseiller");
    line.done();
    line.answers(&[transfer()]);
    line.done();
    line.told(&handed_over());
    line.done();
    line.course.not_answered();
    assert_eq!(line.done(), ["ask not answered"]);
    line.answers(&[say("Je vous passe l'accueil."), transfer()]);
    assert_eq!(line.done(), ["make Je vous passe l'accueil."]);
}

/// A call that was transferred on a peer that stays.
fn transferred() -> Line {
    let mut line = Line::greeted();
    line.says("un conseiller");
    line.done();
    line.answers(&[transfer()]);
    line.done();
    line.told(&handed_over());
    assert_eq!(line.done(), ["transfer to 7000"]);
    line.course.transferred(line.now);
    assert_eq!(line.done(), [""; 0]);
    line
}

#[test]
fn a_caller_who_waits_longer_than_the_patience_of_a_team_goes_back_to_the_dialogue() {
    let mut line = transferred();
    assert_eq!(line.waits(), PATIENCE);
    assert_eq!(line.done(), ["ask not answered"]);
    line.answers(&[say("Je vous mets en relation : Accueil."), transfer()]);
    assert_eq!(line.done(), ["make Je vous mets en relation : Accueil."]);
    line.is_made(1_000);
    line.passes(1_000);
    line.is_heard("bot-2");
    assert_eq!(line.done(), ["hand over to accueil"]);
    line.told(&handed_over());
    assert_eq!(line.done(), ["transfer to 7000"]);
    line.hangs_up();
    assert_eq!(line.done(), ["done"]);
}

#[test]
fn nobody_is_fetched_back_out_of_a_conversation() {
    let mut line = transferred();
    line.passes(40_000);
    line.says("bonjour, c'est pour ma facture");
    assert_eq!(line.done(), [""; 0]);
    assert_eq!(line.course.next_deadline(), None, "the caller speaks with somebody");
    // Somebody who is speaking when the time is over may be answering.
    let mut line = transferred();
    line.passes(59_000);
    line.speaks();
    line.passes(2_000);
    assert_eq!(line.done(), [""; 0]);
    line.said("bonjour");
    line.passes(60_000);
    assert_eq!(line.done(), [""; 0]);
    // What an agent says counts where it is heard.
    let mut line = transferred();
    let (channel, turn, at) = (Channel::Agent, 1, SamplePos::ZERO);
    line.told(&EventBody::SpeechStarted { channel, turn, at });
    line.told(&spoken(channel, "service facturation, bonjour"));
    assert_eq!(line.course.next_deadline(), None);
    // While the first words are being said nobody is fetched back, and where they were none the patience is over.
    let mut line = transferred();
    line.passes(59_000);
    line.told(&EventBody::SpeechStarted { channel, turn, at });
    line.passes(2_000);
    assert_eq!(line.done(), [""; 0]);
    line.told(&EventBody::SpeechDiscarded { channel, turn });
    assert_eq!(line.done(), ["ask not answered"]);
}

#[test]
fn noise_and_a_thank_you_from_before_do_not_end_the_patience() {
    let mut line = transferred();
    line.speaks();
    line.coughs();
    assert_eq!(line.waits(), PATIENCE);
    assert_eq!(line.done(), ["ask not answered"]);
    let mut line = Line::greeted();
    line.says("un conseiller");
    line.done();
    line.answers(&[transfer()]);
    line.done();
    line.speaks();
    line.told(&handed_over());
    line.done();
    line.course.transferred(line.now);
    line.said("merci");
    assert_eq!(line.waits(), PATIENCE);
    assert_eq!(line.done(), ["ask not answered"]);
}

#[test]
fn where_the_stream_ends_or_nobody_else_would_take_the_call_the_dialogue_does_not_count() {
    let mut line = Line::greeted();
    line.says("un conseiller");
    line.done();
    line.answers(&[transfer()]);
    line.done();
    line.told(&handed_over());
    assert_eq!(line.done(), ["transfer to 7000"]);
    assert_eq!(line.course.next_deadline(), None, "the peer cannot transfer: its stream is being ended");
    let mut line = Line::greeted();
    line.says("un conseiller");
    line.done();
    let Action::Transfer(mut wanted) = transfer() else { panic!("no transfer") };
    wanted.patience = None;
    line.answers(&[Action::Transfer(wanted)]);
    line.done();
    line.told(&handed_over());
    line.done();
    line.course.transferred(line.now);
    assert_eq!(line.course.next_deadline(), None);
}

#[test]
fn a_goodbye_is_heard_to_its_end_before_the_call_is_ended() {
    let mut line = Line::greeted();
    line.says("au revoir");
    line.done();
    line.answers(&[say("Au revoir."), Action::HangUp]);
    line.done();
    line.is_made(1_000);
    line.passes(900);
    assert_eq!(line.done(), [""; 0]);
    line.passes(100);
    line.is_heard("bot-2");
    assert_eq!(line.done(), ["hang up"]);
    line.hangs_up();
    assert_eq!(line.done(), ["done"]);
}

#[test]
fn who_interrupts_a_goodbye_to_go_on_with_the_sentence_is_listened_to() {
    let mut line = Line::greeted();
    line.says("au revoir");
    line.done();
    line.answers(&[say("Au revoir."), Action::HangUp]);
    line.done();
    line.is_made(1_000);
    line.speaks();
    line.interrupts();
    assert_eq!(line.done(), ["stop playing"], "not ended while the caller speaks");
    line.said_in("au revoir et ma facture alors", Language::Fr, Some(1));
    assert_eq!(line.done(), ["take back", "ask said au revoir et ma facture alors"]);
}

#[test]
fn a_caller_who_hangs_up_during_a_look_up_is_told_to_the_dialogue_and_nothing_more() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.course.early(&[say("Un instant.")], line.now);
    line.hangs_up();
    assert_eq!(line.done(), [""; 0], "one question at a time");
    line.answers(&[say("Voici."), listen()]);
    assert_eq!(line.done(), ["ask hung up"]);
    line.answers(&[]);
    assert_eq!(line.done(), ["done"]);
}

#[test]
fn a_voice_that_breaks_apologises_and_hands_over_without_words() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.answers(&[say("Voici."), listen()]);
    line.done();
    line.course.voice_failed();
    assert_eq!(line.done(), ["stop bot-2", "apologise", "ask failed"]);
    line.course.apologised("bot-apology".to_owned(), Duration::from_secs(2), line.now);
    line.answers(&[say("Excusez-moi."), say("Je vous passe l'accueil."), transfer()]);
    assert_eq!(line.done(), [""; 0], "the apology is being heard");
    line.passes(2_000);
    line.is_heard("bot-apology");
    assert_eq!(line.done(), ["hand over to accueil"]);
}

#[test]
fn a_decision_that_could_not_be_kept_leads_to_a_person() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.answers_with(&[say("Voici."), listen()], &[], false);
    assert_eq!(line.done(), ["ask failed"]);
    line.answers_with(&[say("Excusez-moi."), transfer()], &[], false);
    assert_eq!(line.done(), ["make Excusez-moi."]);
}

#[test]
fn a_dialogue_that_breaks_leads_to_a_person_and_where_it_breaks_again_to_the_end() {
    let mut line = Line::greeted();
    line.says("ma facture");
    line.done();
    line.course.lost();
    assert_eq!(line.done(), ["ask failed"]);
    line.course.lost();
    let apology = line.course.poll(line.now);
    assert_eq!(apology, Some(Output::Apologise(Language::Fr)));
    line.course.apologised("bot-apology".to_owned(), Duration::from_secs(2), line.now);
    assert_eq!(line.done(), [""; 0]);
    line.is_heard("bot-apology");
    assert_eq!(line.done(), ["hang up"]);
}

#[test]
fn finals_of_a_turn_are_one_sentence_and_other_channels_are_not_heard() {
    let mut ear = Ear::new(Channel::Caller);
    let ended = |channel| EventBody::TurnEnded {
        channel,
        turn: 1,
        end_of_speech: SamplePos::ZERO,
        reason: TurnEndReason::Finished,
        continues: None,
        is_back_channel: false,
    };
    assert_eq!(ear.hear(&spoken(Channel::Agent, "je vous écoute")), Said::Nothing);
    assert_eq!(ear.hear(&ended(Channel::Agent)), Said::Nothing);
    ear.hear(&spoken(Channel::Caller, "c'est pour ma facture"));
    ear.hear(&spoken(Channel::Caller, "de mars"));
    let Said::Sentence(sentence) = ear.hear(&ended(Channel::Caller)) else { panic!("nothing was said") };
    assert_eq!(sentence.heard.text.reveal(), "c'est pour ma facture de mars");
    assert!(sentence.heard.alternatives.is_empty(), "nobody knows which belong together");
    ear.hear(&spoken(Channel::Caller, "c'est pour"));
    let mut whole = spoken(Channel::Caller, "c'est pour ma facture");
    if let EventBody::TranscriptFinal { joins, .. } = &mut whole {
        *joins = Some(1);
    }
    ear.hear(&whole);
    let Said::Sentence(sentence) = ear.hear(&ended(Channel::Caller)) else { panic!("nothing was said") };
    assert_eq!(
        sentence.heard.text.reveal(),
        "c'est pour ma facture",
        "the part was told again with the rest"
    );
    assert_eq!(sentence.joins, None);
    ear.hear(&spoken(Channel::Caller, "oui"));
    let Said::Sentence(sentence) = ear.hear(&ended(Channel::Caller)) else { panic!("nothing was said") };
    assert_eq!(sentence.heard.alternatives.len(), 1);
    assert_eq!(sentence.language, None, "one word does not tell its language");
}
