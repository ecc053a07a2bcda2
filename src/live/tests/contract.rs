//! What whoever follows a call may rely on.

use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::live::command::INTERNAL_MARK;
use crate::turn::Expectation;

#[test]
fn a_turn_is_shown_while_it_is_spoken_and_its_final_begins_with_what_was_stable() {
    let live = live(reader());
    let call = open(&live);
    say(&call, [silence(PAUSE), spoken(&[0, 1, 2, 3, 4, 5, 6, 7]), silence(PAUSE)].concat());
    let events = end(call);
    let names = names(&events);
    assert_eq!(names[..2], ["call.started", "speech.started"]);
    assert_eq!(names[names.len() - 3..], ["transcript.final", "turn.ended", "call.ended"]);
    let mut stable_before = String::new();
    let mut partials = 0;
    for event in &events {
        if let EventBody::TranscriptPartial { stable, .. } = &event.body {
            assert!(stable.reveal().starts_with(&stable_before));
            stable_before.clone_from(stable.reveal());
            partials += 1;
        }
    }
    assert!(partials >= 3 && !stable_before.is_empty(), "{names:?}");
    let finals = finals(&events);
    assert_eq!(finals, ["mot0 mot1 mot2 mot3 mot4 mot5 mot6 mot7"]);
    assert!(finals[0].starts_with(&stable_before));
}

#[test]
fn the_speculative_text_is_the_final_and_nothing_is_decoded_twice() {
    let live = live(reader());
    let call = live.open(CallSetup { finals_only: true, ..setup(&[Channel::Caller]) }).unwrap();
    for _ in 0..3 {
        say(&call, [spoken(&[1, 2, 3]), silence(PAUSE)].concat());
    }
    let events = end(call);
    assert_eq!(finals(&events), ["mot1 mot2 mot3"; 3]);
    let snapshot = live.snapshot();
    assert_eq!((snapshot.finals, snapshot.finals_ready), (3, 3));
    assert_eq!(snapshot.recognizer.recognized, 3);
    assert!(!names(&events).contains(&"transcript.partial"));
}

#[test]
fn a_name_that_the_recogniser_puts_right_is_told_with_the_final_unless_its_words_are_ordinary() {
    let hears = |sentences: &[&str]| {
        let live = live(FakeEngine::new(|request| {
            let is_silent = read(&request.samples).is_empty();
            Reply::Text(if is_silent { String::new() } else { "je cherche du vel moxine".to_owned() })
        }));
        let call = live.open(CallSetup {
            finals_only: true,
            vocabulary: ["Velmoxine".to_owned()].into(),
            sentences: sentences.iter().map(|word| (*word).to_owned()).collect(),
            ..setup(&[Channel::Caller])
        });
        let call = call.unwrap();
        say(&call, [spoken(&[1, 2, 3, 4, 5, 6]), silence(PAUSE)].concat());
        picked(&end(call), |body| {
            let EventBody::TranscriptFinal { utterance, corrections, .. } = body else { return None };
            let changes =
                corrections.iter().map(|one| (one.said.reveal().clone(), one.name.reveal().clone()));
            Some((utterance.text.reveal().clone(), changes.collect::<Vec<_>>()))
        })
    };
    let change = ("vel moxine".to_owned(), "Velmoxine".to_owned());
    assert_eq!(hears(&[]), [("je cherche du Velmoxine".to_owned(), vec![change])]);
    assert_eq!(hears(&["vel", "moxine"]), [("je cherche du vel moxine".to_owned(), Vec::new())]);
}

#[test]
fn names_that_the_speaker_was_asked_for_go_to_the_recogniser_until_something_else_is_asked() {
    let asked: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let noted = Arc::clone(&asked);
    let live = live(FakeEngine::new(move |request| {
        noted.lock().unwrap().push(request.asked.to_vec());
        Reply::Text("mot".to_owned())
    }));
    let call = live.open(CallSetup { finals_only: true, ..setup(&[Channel::Caller]) }).unwrap();
    let names: Arc<[String]> = ["Velmoxine".to_owned(), "Dorzanil".to_owned()].into();
    let asked_in = |names: Arc<[String]>| {
        call.controls().asked_for(0, names);
        say(&call, [spoken(&[1, 2, 3]), silence(PAUSE)].concat());
        let mut asked = std::mem::take(&mut *asked.lock().unwrap());
        asked.dedup();
        asked
    };
    assert_eq!(asked_in(Arc::new([])), [Vec::<String>::new()]);
    assert_eq!(asked_in(Arc::clone(&names)), [names.to_vec()]);
    assert_eq!(asked_in(Arc::new([])), [Vec::<String>::new()]);
}

#[test]
fn a_speculation_is_cancelled_when_speech_goes_on() {
    let live = live(reader());
    let call = live.open(CallSetup { finals_only: true, ..setup(&[Channel::Caller]) }).unwrap();
    // The pause is long enough to speculate and too short to end the turn.
    say(&call, [spoken(&[1, 2, 3]), silence(8 * WINDOW_SAMPLES), spoken(&[4, 5]), silence(PAUSE)].concat());
    let events = end(call);
    assert_eq!(finals(&events), ["mot1 mot2 mot3 mot4 mot5"]);
    assert_eq!(live.snapshot().speculations_cancelled, 1);
}

#[test]
fn the_channels_of_a_call_share_one_stream_and_its_time_line() {
    let live = live(reader());
    let call = live.open(setup(&[Channel::Caller, Channel::Agent])).unwrap();
    let mut player = Player::new(&call, RATE, Pace::AsFastAsPossible);
    let caller = [spoken(&[1, 2, 3]), silence(3 * PAUSE)].concat();
    let mut agent = [silence(PAUSE + 3 * WORD), spoken(&[7, 8, 9]), silence(PAUSE)].concat();
    agent.resize(caller.len(), 0.0);
    player.push(&[caller, agent]);
    player.finish();
    call.wait_until_idle();
    let events = end(call);
    assert_eq!(finals(&events), ["mot1 mot2 mot3", "mot7 mot8 mot9"]);
    let starts: Vec<u64> = picked(&events, |body| {
        let EventBody::TranscriptFinal { utterance, .. } = body else { return None };
        Some(utterance.span.start.0)
    });
    // Words are spread evenly over what was decoded, rolls of a second included, so they are near, not exact.
    assert!(starts[0] < WORD as u64 && starts[1].abs_diff((PAUSE + 3 * WORD) as u64) < 20_000, "{starts:?}");
}

#[test]
fn speech_without_words_is_discarded_and_nobody_waits_for_a_final() {
    let live = live(FakeEngine::hearing(""));
    let call = open(&live);
    say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
    let events = end(call);
    assert_eq!(names(&events), ["call.started", "speech.started", "speech.discarded", "call.ended"]);
}

#[test]
fn a_pause_ends_a_turn_sooner_where_somebody_waits_for_the_answer() {
    let unasked_delay = Duration::from_millis(1_500);
    let live = live(reader());
    let turns_of = |prepare: &dyn Fn(&Call)| {
        let turn = turn::Config { unasked_delay, ..turns() };
        let call = live.open(CallSetup { turn: Some(turn), ..setup(&[Channel::Caller]) }).unwrap();
        prepare(&call);
        // A pause of 1.2 s: longer than `max_delay`, shorter than `unasked_delay`.
        say(&call, [spoken(&[1, 2]), silence(19_200), spoken(&[3, 4]), silence(PAUSE)].concat());
        names(&end(call)).iter().filter(|name| **name == "turn.ended").count()
    };
    assert_eq!(turns_of(&|_| {}), 1, "two people talk");
    assert_eq!(turns_of(&|call| call.controls().expect(0, Expectation::Open)), 2, "a dialogue asked");
    let plays = |call: &Call| call.controls().play(vec![0.0; 80].into(), RATE, None).unwrap();
    assert_eq!(turns_of(&plays), 2, "something was played");
}

#[test]
fn a_sign_of_listening_is_told_as_one_only_where_another_has_the_floor() {
    let live = live(FakeEngine::hearing("D'accord."));
    let told = |prepare: &dyn Fn(&Call)| {
        let call = open(&live);
        prepare(&call);
        say(&call, [silence(PAUSE), spoken(&[1, 2]), silence(PAUSE)].concat());
        let events = end(call);
        assert!(!names(&events).contains(&"interrupted"));
        picked(&events, |body| {
            let EventBody::TurnEnded { is_back_channel, .. } = body else { return None };
            Some(*is_back_channel)
        })
    };
    let plays = |call: &Call| call.controls().play(vec![0.0; 80].into(), RATE, None).unwrap();
    assert_eq!(told(&plays), [true]);
    assert_eq!(told(&|_| {}), [false], "nobody else is heard");
}

/// What is told of two turns, of which the second goes on with the first: each final with what it replaces, each end with
/// what it continues.
fn told_of_a_repair(engine: FakeEngine, turn: turn::Config, words: [&[usize]; 2]) -> Vec<String> {
    let live = live(engine);
    let turn = turn::Config { repair_window: Duration::from_secs(3), ..turn };
    let call = live.open(CallSetup { turn: Some(turn), ..setup(&[Channel::Caller]) }).unwrap();
    for words in words {
        say(&call, [spoken(words), silence(PAUSE)].concat());
    }
    picked(&end(call), |body| {
        if let EventBody::TranscriptFinal { utterance, joins, .. } = body {
            return Some(format!("{} {joins:?}", utterance.text.reveal()));
        }
        let EventBody::TurnEnded { continues, .. } = body else { return None };
        Some(format!("ended {continues:?}"))
    })
}

#[test]
fn a_turn_that_goes_on_behind_a_told_text_tells_only_what_follows() {
    let told = told_of_a_repair(reader(), turns(), [&[1, 2], &[3, 4]]);
    assert_eq!(told, ["mot1 mot2 None", "ended None", "mot3 mot4 None", "ended Some(1)"]);
    let untold = turn::Config { settle_delay: Duration::ZERO, ..turns() };
    let told = told_of_a_repair(reader(), untold, [&[1, 2], &[3, 4]]);
    assert_eq!(told, ["mot1 mot2 None", "ended None", "mot1 mot2 mot3 mot4 Some(1)", "ended Some(1)"]);
}

#[test]
fn what_was_told_for_good_of_a_repair_takes_the_place_of_the_first_final() {
    use crate::asr::Priority;
    let engine = FakeEngine::new(|request| {
        let text = read(&request.samples);
        let is_lost = request.priority != Priority::LivePartial && text.contains("mot9");
        Reply::Text(if is_lost { String::new() } else { text })
    });
    let untold = turn::Config { settle_delay: Duration::ZERO, ..turns() };
    let told = told_of_a_repair(engine, untold, [&[1, 2], &[3, 4, 5, 6, 7, 8, 9]]);
    let [first, _, second, ended] = &told[..] else { panic!("{told:?}") };
    assert_eq!((first.as_str(), ended.as_str()), ("mot1 mot2 None", "ended Some(1)"));
    assert!(second.starts_with("mot1 mot2 mot3") && second.ends_with("Some(1)"), "{second}");
}

#[test]
fn what_was_told_for_good_is_the_final_when_nothing_is_believed_in_the_end() {
    use crate::asr::Priority;
    let last_words = |reply: fn() -> Reply| {
        let engine = FakeEngine::new(move |request| match request.priority {
            Priority::LivePartial => Reply::Text(read(&request.samples)),
            Priority::LiveFinal | Priority::Batch => reply(),
        });
        let live = live(engine);
        let call = open(&live);
        say(&call, [spoken(&[0, 1, 2, 3, 4, 5, 6, 7]), silence(PAUSE)].concat());
        let events = end(call);
        let told = picked(&events, |body| {
            let EventBody::TranscriptPartial { stable, .. } = body else { return None };
            Some(stable.reveal().clone())
        });
        (told.last().unwrap().clone(), finals(&events), names(&events))
    };
    let (told, finals, names) = last_words(|| Reply::Text(String::new()));
    assert!(told.starts_with("mot0 mot1"), "{told}");
    assert_eq!(finals, [told]);
    assert_eq!(names[names.len() - 3..], ["transcript.final", "turn.ended", "call.ended"]);
    let (told, finals, names) = last_words(|| Reply::Fail);
    assert_eq!(finals, [told]);
    assert_eq!(names[names.len() - 4..], ["gap", "transcript.final", "turn.ended", "call.ended"]);
}

#[test]
fn turns_that_are_ended_from_outside_end_with_the_sound_that_came_and_take_no_time() {
    let live = live(reader());
    let call = open(&live);
    // Not whole windows: what fills the last one is no time of the call.
    let sound = [spoken(&[1, 2, 3]), vec![0.25; 100]].concat();
    for _ in 0..3 {
        call.hand_over(0, &sound);
        call.end_turns();
    }
    // Nobody speaks: nothing to end.
    call.hand_over(0, &silence(1_000));
    call.end_turns();
    call.wait_until_idle();
    say(&call, [silence(PAUSE), spoken(&[4]), silence(PAUSE)].concat());
    let events = end(call);
    assert_eq!(finals(&events), ["mot1 mot2 mot3", "mot1 mot2 mot3", "mot1 mot2 mot3", "mot4"]);
    let length = sound.len() as u64;
    let starts = starts(&events);
    assert_eq!(starts[..3], [(1, 0), (2, length), (3, 2 * length)]);
    let last = 3 * length + 1_000 + PAUSE as u64;
    assert!(starts[3].0 == 4 && starts[3].1.abs_diff(last) <= 512, "{starts:?}");
    assert!(events.is_sorted_by_key(|event| event.at), "time never goes back");
    let EventBody::CallEnded { duration, .. } = &events.last().unwrap().body else { panic!() };
    let all = crate::audio::samples_duration(last + (WORD + PAUSE) as u64);
    assert!(duration.abs_diff(all) <= Duration::from_millis(32), "{duration:?} {all:?}");
}

#[test]
fn sound_that_is_handed_over_is_never_dropped_however_much_it_is() {
    let narrow = Config { waiting_audio: Duration::from_millis(100), ..config() };
    let live = Live::start(parts(reader(), 1), &narrow).unwrap();
    let call = open(&live);
    for _ in 0..2 {
        assert!(!call.has_room(0, 16_000));
        call.hand_over(0, &[spoken(&[1, 2, 3, 4, 5]), silence(2 * PAUSE)].concat());
        call.wait_until_idle();
    }
    assert_eq!(finals(&end(call)), ["mot1 mot2 mot3 mot4 mot5"; 2]);
    assert_eq!(live.snapshot().samples_dropped, 0);
}

/// Says that the playback ended in the very moment in which it is handed to the connection.
struct EndsAtOnce(Arc<Call>);

impl std::task::Wake for EndsAtOnce {
    fn wake(self: Arc<Self>) {
        self.0.playback_finished("kurz".to_owned(), true);
    }
}

#[test]
fn a_playback_that_ends_at_once_does_not_count_as_played_for_ever() {
    let live = live(reader());
    let call = Arc::new(open(&live));
    let mut commands = call.commands().unwrap();
    let waker = std::task::Waker::from(Arc::new(EndsAtOnce(Arc::clone(&call))));
    let mut context = std::task::Context::from_waker(&waker);
    assert!(commands.poll_recv(&mut context).is_pending());
    call.controls().play(vec![0.0; 80].into(), RATE, Some("kurz".into())).unwrap();
    say(&call, [silence(PAUSE), spoken(&[1, 2, 3, 4, 5, 6]), silence(PAUSE)].concat());
    let log = call.events();
    call.controls().control_for_test(crate::live::inbox::Control::End { reason: CallEndReason::HungUp });
    let names = names(&all_events(&log));
    assert!(names.contains(&"playback.finished") && !names.contains(&"interrupted"), "{names:?}");
}

#[test]
fn where_the_time_of_a_final_went_is_counted_with_it() {
    let live = live(reader());
    let call = open(&live);
    say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
    assert_eq!(finals(&end(call)), ["mot1 mot2"]);
    let it = live.snapshot();
    let stages = [it.final_turn, it.final_text, it.final_asked];
    assert_eq!(stages.map(|stage| stage.count()), [1; 3]);
}

#[test]
fn a_turn_that_is_joined_is_counted_once() {
    let live = live(reader());
    let turn =
        turn::Config { settle_delay: Duration::ZERO, repair_window: Duration::from_secs(3), ..turns() };
    let call = live.open(CallSetup { turn: Some(turn), ..setup(&[Channel::Caller]) }).unwrap();
    say(&call, [spoken(&[1, 2]), silence(24_000), spoken(&[3, 4]), silence(PAUSE)].concat());
    let joined = picked(&end(call), |body| {
        let EventBody::TranscriptFinal { joins, .. } = body else { return None };
        Some(*joins)
    });
    assert_eq!(joined, [None, Some(1)]);
    assert_eq!(live.snapshot().turns_joined, 1);
}

#[test]
fn an_interruption_is_counted() {
    let live = live(reader());
    let call = open(&live);
    call.controls().play(vec![0.0; 80].into(), RATE, Some("accueil".into())).unwrap();
    say(&call, [silence(PAUSE), spoken(&[1, 2, 3, 4, 5, 6]), silence(PAUSE)].concat());
    let interruptions = names(&end(call)).iter().filter(|name| **name == "interrupted").count();
    assert_eq!((interruptions, live.snapshot().interrupted), (1, 1));
}

#[test]
fn a_hung_up_call_still_gets_its_last_final() {
    let live = live(reader());
    let call = open(&live);
    say(&call, [silence(PAUSE), spoken(&[1, 2, 3])].concat());
    let events = end(call);
    assert_eq!(finals(&events), ["mot1 mot2 mot3"]);
    let EventBody::CallEnded { reason, duration } = &events.last().unwrap().body else { panic!() };
    assert_eq!(*reason, CallEndReason::HungUp);
    assert!(duration.as_secs_f64() > 3.1, "{duration:?}");
}

#[test]
fn a_handle_that_is_dropped_ends_the_call_as_disconnected() {
    let live = live(reader());
    let call = open(&live);
    let log = call.events();
    drop(call);
    let EventBody::CallEnded { reason, .. } = all_events(&log).last().unwrap().body.clone() else { panic!() };
    assert_eq!(reason, CallEndReason::Disconnected);
    assert!(live.call(log.call()).is_some(), "its events are kept for a while");
}

#[test]
fn keys_and_playback_are_announced_and_what_has_no_mark_is_not() {
    let live = live(reader());
    let call = open(&live);
    let mut commands = call.commands().unwrap();
    let controls = call.controls();
    controls.play(vec![0.0; 80].into(), RATE, Some("accueil".into())).unwrap();
    controls.play(vec![0.0; 80].into(), RATE, None).unwrap();
    for expected in ["accueil", INTERNAL_MARK] {
        let Ok(Command::Play { mark, .. }) = commands.try_recv() else { panic!("no command") };
        assert!(mark.starts_with(expected));
        call.playback_finished(mark, true);
    }
    call.dtmf(0, '5'.into());
    let events = end(call);
    assert_eq!(names(&events), ["call.started", "playback.finished", "dtmf", "call.ended"]);
}

#[test]
fn speech_to_play_never_takes_the_room_of_the_command_that_stops_it() {
    let live = live(reader());
    let call = open(&live);
    let controls = call.controls();
    let played = (0..1_000).take_while(|_| controls.play(Arc::new([]), RATE, None).is_ok()).count();
    assert!(played < 64, "{played}");
    assert_eq!(controls.flush(), Ok(()));
    assert_eq!(controls.hang_up(), Ok(()));
    end(call);
}

#[derive(Debug, Clone)]
enum Step {
    Say(Vec<usize>),
    Pause(usize),
    Lose(u64),
    Key,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        proptest::collection::vec(0_usize..20, 1..6).prop_map(Step::Say),
        (100_usize..40_000).prop_map(Step::Pause),
        (1_u64..30_000).prop_map(Step::Lose),
        Just(Step::Key),
    ];
    proptest::collection::vec(step, 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn numbers_have_no_holes_every_turn_ends_once_and_what_is_stable_stays(steps in steps()) {
        let live = live(reader());
        let call = open(&live);
        for step in steps {
            match step {
                Step::Say(words) => say(&call, spoken(&words)),
                Step::Pause(samples) => say(&call, silence(samples)),
                Step::Lose(samples) => {
                    call.lost(0, samples);
                    call.wait_until_idle();
                }
                Step::Key => call.dtmf(0, '1'.into()),
            }
        }
        let log = call.events();
        let events = end(call);
        let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        prop_assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>());
        prop_assert_eq!(&all_events(&log), &events, "a replay gives the same");
        let mut open_turns = std::collections::BTreeSet::new();
        let mut stable = (0, String::new());
        for event in &events {
            if let EventBody::SpeechStarted { turn, .. } = &event.body {
                prop_assert!(open_turns.insert(*turn));
            }
            if let EventBody::TurnEnded { turn, .. } | EventBody::SpeechDiscarded { turn, .. } = &event.body {
                prop_assert!(open_turns.remove(turn), "turn {} ended twice", turn);
            }
            if let EventBody::TranscriptPartial { start, stable: shown, .. } = &event.body {
                if stable.0 == start.0 {
                    prop_assert!(shown.reveal().starts_with(&stable.1));
                }
                stable = (start.0, shown.reveal().clone());
            }
            if let EventBody::TranscriptFinal { utterance, .. } = &event.body {
                prop_assert!(utterance.text.reveal().starts_with(&stable.1));
                stable = (u64::MAX, String::new());
            }
        }
        prop_assert!(open_turns.is_empty(), "{:?} never ended", open_turns);
        prop_assert_eq!(events.last().unwrap().body.name(), "call.ended");
    }
}
