//! What goes wrong, and what it must not touch.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::*;
use crate::call::event::GapReason;
use crate::clock::ManualClock;
use crate::live::inbox::Control;
use crate::live::watch;
use crate::queue;

/// Gaps of a call: reason, start, length.
fn gaps(events: &[Arc<Event>]) -> Vec<(GapReason, u64, u64)> {
    picked(events, |body| {
        let EventBody::Gap { span, reason, .. } = body else { return None };
        Some((*reason, span.start.0, span.samples()))
    })
}

#[test]
fn lost_sound_is_marked_and_what_comes_after_it_keeps_its_time() {
    let live = live(reader());
    let call = open(&live);
    say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
    call.lost(0, 5 * 16_000);
    say(&call, [spoken(&[3, 4]), silence(PAUSE)].concat());
    let events = end(call);
    let before = (2 * WORD + PAUSE) as u64;
    assert_eq!(gaps(&events), [(GapReason::Lost, before, 80_000)]);
    let starts = starts(&events);
    assert!(starts[1].1.abs_diff(before + 80_000) <= 512, "{starts:?}");
    assert_eq!(finals(&events), ["mot1 mot2", "mot3 mot4"]);
}

#[test]
fn a_flood_of_sound_becomes_a_gap_of_its_own_length() {
    let narrow = Config { waiting_audio: Duration::from_secs(1), ..config() };
    let live = Live::start(parts(reader(), 1), &narrow).unwrap();
    let call = open(&live);
    call.audio(0, &silence(160_000));
    call.wait_until_idle();
    let events = end(call);
    assert_eq!(gaps(&events), [(GapReason::Dropped, 0, 96_000)]);
    assert_eq!(live.snapshot().samples_dropped, 96_000);
    let EventBody::CallEnded { duration, .. } = &events.last().unwrap().body else { panic!() };
    assert!(duration.as_millis().abs_diff(10_000) <= 32, "{duration:?}");
}

#[test]
fn a_hole_as_long_as_the_peer_likes_ends_and_lets_the_call_go_on() {
    let live = live(reader());
    let call = open(&live);
    call.lost(0, u64::MAX);
    call.lost(7, 100);
    call.audio(7, &[0.0; 160]);
    say(&call, [spoken(&[3, 4]), silence(PAUSE)].concat());
    assert_eq!(finals(&end(call)), ["mot3 mot4"]);
}

#[test]
fn a_panic_in_one_call_starts_its_channels_anew_and_the_others_do_not_notice() {
    let live = live(reader());
    let (broken, sound) = (open(&live), open(&live));
    say(&broken, [silence(PAUSE), spoken(&[1, 2])].concat());
    say(&sound, spoken(&[5, 6]));
    broken.controls().control_for_test(Control::Panic);
    broken.wait_until_idle();
    say(&sound, [spoken(&[7]), silence(PAUSE)].concat());
    say(&broken, [silence(PAUSE), spoken(&[3, 4]), silence(PAUSE)].concat());
    let events = end(broken);
    assert_eq!(finals(&events), ["mot3 mot4"]);
    assert_eq!(gaps(&events).len(), 1);
    assert!(names(&events).contains(&"speech.discarded"), "the turn that was lost ends too");
    let turns: Vec<u64> = starts(&events).into_iter().map(|(turn, _)| turn).collect();
    assert_eq!(turns, [1, 2], "turns are counted on");
    assert_eq!(finals(&end(sound)), ["mot5 mot6 mot7"]);
    assert_eq!((live.snapshot().panics, live.snapshot().chains_restarted), (1, 1));
}

#[test]
fn what_is_played_can_be_interrupted_also_when_its_channel_was_started_anew_meanwhile() {
    let live = live(reader());
    let call = open(&live);
    call.controls().play(vec![0.0; 80].into(), RATE, Some("accueil".into())).unwrap();
    call.controls().control_for_test(Control::Panic);
    call.wait_until_idle();
    say(&call, [silence(PAUSE), spoken(&[1, 2, 3, 4, 5, 6]), silence(PAUSE)].concat());
    call.playback_finished("accueil".to_owned(), false);
    call.controls().control_for_test(Control::Panic);
    say(&call, [silence(PAUSE), spoken(&[1, 2, 3, 4, 5, 6]), silence(PAUSE)].concat());
    let interruptions = names(&end(call)).iter().filter(|name| **name == "interrupted").count();
    assert_eq!(interruptions, 1, "the second time nothing was played");
}

#[test]
fn a_turn_that_was_told_in_part_when_its_channel_starts_anew_has_ended_and_keeps_what_was_told() {
    let live = live(reader());
    let call = live.open(CallSetup { finals_only: true, ..setup(&[Channel::Caller]) }).unwrap();
    // The pause is long enough to tell the text and too short to end the turn.
    say(&call, [silence(PAUSE), spoken(&[1, 2]), silence(26 * WINDOW_SAMPLES)].concat());
    call.controls().control_for_test(Control::Panic);
    call.wait_until_idle();
    let names = names(&end(call));
    assert_eq!(names[1..], ["speech.started", "transcript.final", "gap", "turn.ended", "call.ended"]);
}

#[test]
fn a_call_that_panics_again_and_again_is_given_up() {
    let live = live(reader());
    let (broken, sound) = (open(&live), open(&live));
    let log = broken.events();
    for _ in 0..10 {
        broken.controls().control_for_test(Control::Panic);
        broken.wait_until_idle();
    }
    let EventBody::CallEnded { reason, .. } = all_events(&log).last().unwrap().body.clone() else { panic!() };
    assert_eq!(reason, CallEndReason::Failed);
    say(&sound, [spoken(&[1]), silence(PAUSE)].concat());
    assert_eq!(finals(&end(sound)), ["mot1"]);
}

#[test]
fn a_panic_while_a_panic_is_mended_ends_that_call_and_no_other() {
    let live = live(reader());
    let (broken, sound) = (open(&live), open(&live));
    say(&sound, spoken(&[5, 6]));
    broken.controls().control_for_test(Control::PanicTwice);
    broken.wait_until_idle();
    let EventBody::CallEnded { reason, .. } = end(broken).last().unwrap().body.clone() else { panic!() };
    assert_eq!(reason, CallEndReason::Failed);
    say(&sound, silence(PAUSE));
    assert_eq!(finals(&end(sound)), ["mot5 mot6"]);
    assert!(live.is_listening());
    assert_eq!(live.snapshot().open_calls, 0);
}

#[test]
fn nobody_waits_for_a_thread_that_is_gone_and_no_call_is_taken() {
    let live = live(reader());
    let call = open(&live);
    let log = call.events();
    // However it ends.
    live.machine.bell.stop();
    assert_eq!(all_events(&log).last().unwrap().body.name(), "call.ended");
    call.audio(0, &silence(160_000));
    call.wait_for_room(0, 160_000);
    call.hand_over(0, &silence(320_000));
    call.wait_until_idle();
    while live.is_listening() {
        std::thread::yield_now();
    }
    assert!(matches!(live.open(setup(&[Channel::Caller])), Err(Refused::Deaf { .. })));
    assert!(matches!(live.has_room(), Err(Refused::Deaf { .. })));
}

#[test]
fn a_final_that_the_recogniser_fails_on_is_tried_again() {
    let tries = Arc::new(AtomicBool::new(false));
    let engine = FakeEngine::new(move |request| {
        if tries.swap(true, Ordering::AcqRel) { Reply::Text(read(&request.samples)) } else { Reply::Panic }
    });
    let live = live(engine);
    let call = live.open(CallSetup { finals_only: true, ..setup(&[Channel::Caller]) }).unwrap();
    say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
    assert_eq!(finals(&end(call)), ["mot1 mot2"]);
}

#[test]
fn a_final_that_the_recogniser_keeps_failing_on_is_marked_as_not_heard() {
    let live = live(FakeEngine::new(|_| Reply::Fail));
    let call = open(&live);
    say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
    let events = end(call);
    assert_eq!(names(&events)[1..], ["speech.started", "gap", "speech.discarded", "call.ended"]);
    assert_eq!(gaps(&events)[0].0, GapReason::Failed);
    assert_eq!(live.snapshot().finals_failed, 1);
}

/// Answers nothing while it is stuck.
struct Stuck(Arc<AtomicBool>, Box<dyn VoiceDetector>);

impl VoiceDetector for Stuck {
    fn reset(&mut self, voice: VoiceId) {
        self.1.reset(voice);
    }

    fn close(&mut self, voice: VoiceId) {
        self.1.close(voice);
    }

    fn judge(&mut self, windows: &[Window], probabilities: &mut Vec<Option<f32>>) {
        self.1.judge(windows, probabilities);
        if self.0.load(Ordering::Acquire) {
            probabilities.fill(None);
        }
    }
}

#[test]
fn a_channel_that_stands_still_is_started_anew_and_goes_on_behind_a_gap() {
    let (stuck, clock) = (Arc::new(AtomicBool::new(true)), Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)));
    let detector = Box::new(Stuck(Arc::clone(&stuck), detector()));
    let watched = Parts { detector, clock: Arc::<ManualClock>::clone(&clock), ..parts(reader(), 1) };
    let live = Live::start(watched, &config()).unwrap();
    let call = open(&live);
    let log = call.events();
    let mut pushed = 0;
    while live.snapshot().chains_restarted == 0 {
        call.wait_for_room(0, 1_024);
        call.audio(0, &silence(1_024));
        clock.advance(Duration::from_secs(2));
        pushed += 1_024;
        assert!(pushed < 100_000_000, "it is never started anew");
        std::thread::yield_now();
    }
    stuck.store(false, Ordering::Release);
    say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
    let events = end(call);
    let first = gaps(&events)[0];
    assert_eq!((first.0, first.1), (GapReason::Restarted, 0));
    assert!(first.2 > 0);
    assert_eq!(finals(&events), ["mot1 mot2"]);
    assert_eq!(all_events(&log), events);
}

/// What the thread that watches would find after so much more time.
fn found(live: &Live, clock: &ManualClock, after: Duration) -> Option<Trouble> {
    clock.advance(after);
    watch::look(&live.machine);
    live.trouble()
}

/// Says that it was asked and does not come back before the other end of its door is gone, when it is told to hang.
struct Hanging {
    hangs: Arc<AtomicBool>,
    arrive: queue::Sender<()>,
    door: queue::Receiver<()>,
    inner: Box<dyn VoiceDetector>,
}

impl VoiceDetector for Hanging {
    fn reset(&mut self, voice: VoiceId) {
        self.inner.reset(voice);
    }

    fn close(&mut self, voice: VoiceId) {
        self.inner.close(voice);
    }

    fn judge(&mut self, windows: &[Window], probabilities: &mut Vec<Option<f32>>) {
        if self.hangs.load(Ordering::Acquire) {
            self.arrive.try_send(()).unwrap();
            self.door.receive();
        }
        self.inner.judge(windows, probabilities);
    }
}

#[test]
fn a_detector_that_hangs_is_seen_and_no_call_is_taken_until_it_comes_back() {
    let (arrive, arrived) = queue::bounded("arrived", 1);
    let (open_door, door) = queue::bounded("door", 1);
    let (hangs, clock) = (Arc::new(AtomicBool::new(true)), Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH)));
    let detector = Box::new(Hanging { hangs: Arc::clone(&hangs), arrive, door, inner: detector() });
    let watched = Parts { detector, clock: Arc::<ManualClock>::clone(&clock), ..parts(reader(), 1) };
    let live = Live::start(watched, &config()).unwrap();
    let call = open(&live);
    // An hour without sound is no hanging.
    assert_eq!(found(&live, &clock, Duration::from_secs(3_600)), None);
    call.audio(0, &spoken(&[1, 2]));
    arrived.receive().unwrap();
    for seconds in [0, 4] {
        assert_eq!(found(&live, &clock, Duration::from_secs(seconds)), None);
    }
    for _ in 0..2 {
        assert_eq!(found(&live, &clock, Duration::from_secs(1)), Some(Trouble::HearingStuck));
    }
    assert!(matches!(live.open(setup(&[Channel::Caller])), Err(Refused::Deaf { .. })));
    let snapshot = live.snapshot();
    assert_eq!((snapshot.hearing_stuck, snapshot.is_hearing_stuck), (1, true));
    hangs.store(false, Ordering::Release);
    drop(open_door);
    call.wait_until_idle();
    assert_eq!(found(&live, &clock, Duration::ZERO), None);
    say(&call, silence(PAUSE));
    assert_eq!(finals(&end(call)), ["mot1 mot2"]);
}

#[test]
fn a_thread_that_hangs_and_was_not_seen_yet_does_not_hold_the_end() {
    let (arrive, arrived) = queue::bounded("arrived", 1);
    let (open_door, door) = queue::bounded("door", 1);
    let hangs = Arc::new(AtomicBool::new(true));
    let detector = Box::new(Hanging { hangs: Arc::clone(&hangs), arrive, door, inner: detector() });
    let mut live = Live::start(Parts { detector, ..parts(reader(), 1) }, &config()).unwrap();
    let call = open(&live);
    call.audio(0, &spoken(&[1, 2]));
    arrived.receive().unwrap();
    assert_eq!(live.trouble(), None);
    Arc::get_mut(&mut live).unwrap().hearing_ends_within = Duration::ZERO;
    drop(live);
    hangs.store(false, Ordering::Release);
    drop(open_door);
}

#[test]
fn a_recogniser_that_hangs_costs_one_final_and_another_takes_its_place() {
    let (arrive, arrived) = queue::bounded("arrived", 1);
    let (open_door, door) = queue::bounded::<()>("door", 1);
    let engine = FakeEngine::new(move |request| {
        let text = read(&request.samples);
        if text.starts_with("mot1") {
            arrive.try_send(()).unwrap();
            door.receive();
        }
        Reply::Text(text)
    });
    let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
    let watched = Parts { clock: Arc::<ManualClock>::clone(&clock), ..parts(engine.clone(), 1) };
    let live = Live::start(watched, &config()).unwrap();
    let calls: Vec<Call> = (0..2)
        .map(|_| live.open(CallSetup { finals_only: true, ..setup(&[Channel::Caller]) }).unwrap())
        .collect();
    calls[0].hand_over(0, &[spoken(&[1, 2]), silence(PAUSE)].concat());
    arrived.receive().unwrap();
    calls[1].hand_over(0, &[spoken(&[5, 6]), silence(PAUSE)].concat());
    assert_eq!(found(&live, &clock, Duration::ZERO), None);
    assert_eq!(live.snapshot().recognizer.stuck, 0);
    // The thread that listens goes on meanwhile.
    say(&open(&live), silence(320));
    assert_eq!(found(&live, &clock, config().watchdog), None, "it was replaced at once");
    calls.iter().for_each(Call::wait_until_idle);
    say(&calls[0], [spoken(&[3, 4]), silence(PAUSE)].concat());
    let told: Vec<_> = calls.into_iter().map(end).collect();
    assert_eq!(finals(&told[0]), ["mot3 mot4"]);
    assert_eq!(finals(&told[1]), ["mot5 mot6"]);
    let reasons: Vec<GapReason> = gaps(&told[0]).into_iter().map(|(reason, _, _)| reason).collect();
    assert_eq!((reasons, gaps(&told[1])), (vec![GapReason::Failed], vec![]));
    let snapshot = live.snapshot();
    assert_eq!((snapshot.finals_failed, snapshot.recognizer.stuck), (1, 1));
    assert_eq!(engine.recognizers_made(), 2);
    drop(open_door);
    while live.snapshot().recognizer.left_behind > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn calls_with_impossible_streams_are_refused_and_take_no_place() {
    let live = live(reader());
    assert!(matches!(live.open(setup(&[])), Err(Refused::Tracks { found: 0 })));
    let slow = Track { channel: Channel::Caller, rate: SampleRate::from_hz(10).unwrap() };
    let wrong = CallSetup { tracks: vec![slow], ..setup(&[]) };
    assert!(matches!(live.open(wrong), Err(Refused::Invalid(Error::Resample(_)))));
    assert_eq!(live.snapshot().open_calls, 0);
}
