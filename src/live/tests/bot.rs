//! What a bot says and tells on a call.

use super::*;
use crate::call::handover;
use crate::store::Store;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn answered(store: &Store) -> (Arc<Live>, Call) {
    let parts = Parts { store: Some(store.clone()), ..parts(reader(), 1) };
    let live = Live::start(parts, &config()).unwrap();
    let call = live.open(CallSetup { has_bot: true, ..setup(&[Channel::Caller]) }).unwrap();
    (live, call)
}

fn plays(controls: &Controls, mark: &str, text: &str) {
    controls.says(mark.to_owned(), text.into(), Language::Fr);
    controls.play(vec![0.1; 800].into(), SampleRate::TELEPHONE, Some(mark.to_owned())).unwrap();
}

#[test]
fn what_a_bot_says_is_in_the_record_between_what_the_caller_says() {
    let runtime = runtime();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    let (_live, call) = answered(&store);
    let (id, controls) = (call.id(), call.controls());
    plays(&controls, "bot-1", "Bonjour.");
    say(&call, silence(PAUSE));
    call.playback_finished("bot-1".to_owned(), true);
    say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
    plays(&controls, "bot-2", "Je regarde votre facture.");
    say(&call, silence(8_000));
    controls.says_no_more("bot-2".to_owned());
    // Told by a connection that had got all of it after all: nothing is told or kept twice.
    controls.says_no_more("bot-2".to_owned());
    let events = end(call);
    let told = picked(&events, |body| {
        if let EventBody::BotSaid { mark, .. } = body {
            return Some(format!("{mark} begins"));
        }
        if let EventBody::PlaybackFinished { mark, completed } = body {
            return Some(format!("{mark} ends: {completed}"));
        }
        let EventBody::TranscriptFinal { utterance, .. } = body else { return None };
        Some(utterance.text.reveal().clone())
    });
    assert_eq!(told, ["bot-1 begins", "bot-1 ends: true", "mot1 mot2", "bot-2 begins", "bot-2 ends: false"]);
    let kept = runtime.block_on(store.call(id)).unwrap().unwrap();
    assert_eq!(kept.transcript.text_of(None, "|").reveal(), "Bonjour.|mot1 mot2|Je regarde votre facture. —");
    assert_eq!(kept.transcript.channels, [Channel::Caller, Channel::Bot]);
    let first = &kept.transcript.utterances[0];
    assert_eq!((first.channel, first.span.start), (Channel::Bot, SamplePos::ZERO));
    let unheard = PAUSE as u64 - first.span.end.0;
    assert!(unheard < WINDOW_SAMPLES as u64, "time goes by whole windows: {unheard}");
    assert_eq!(runtime.block_on(store.check()).unwrap(), []);
}

#[test]
fn what_is_told_from_outside_is_numbered_with_the_rest_and_never_behind_the_end() {
    let runtime = runtime();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    let (_live, call) = answered(&store);
    let controls = call.controls();
    controls.handed_over(Box::new(handover::sample()));
    let log = call.events();
    let events = end(call);
    controls.handed_over(Box::new(handover::sample()));
    controls.says("bot-1".to_owned(), "Bonjour.".into(), Language::Fr);
    assert_eq!(names(&events), ["call.started", "call.handed_over", "call.ended"]);
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(all_events(&log), events);
}

#[test]
fn a_call_with_a_bot_tells_how_much_lies_outside_of_its_only_language() {
    for (has_bot, expected) in [(true, Some(0.9_f32)), (false, None)] {
        let live = live(FakeEngine::new(|request| Reply::Foreign(read(&request.samples), 0.9)));
        let language = LanguageChoice::Among(vec![Language::Fr]);
        let call = live.open(CallSetup { has_bot, language, ..setup(&[Channel::Caller]) }).unwrap();
        for _ in 0..3 {
            say(&call, [spoken(&[1, 2, 3, 4, 5, 6, 7, 8]), silence(PAUSE)].concat());
        }
        let told = picked(&end(call), |body| {
            let EventBody::TranscriptFinal { foreign_share, .. } = body else { return None };
            Some(*foreign_share)
        });
        assert_eq!(told, [expected; 3], "what is in another language does not make the only one known");
    }
}
