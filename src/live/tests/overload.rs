//! More work than the machine can do.

use super::*;
use crate::asr::fake::Gate;
use crate::call::event::FinalDelay;
use crate::clock::ManualClock;
use crate::live::config::Overload;
use crate::live::finals::YIELDS;
use crate::live::outbox::Announced;

/// Plays sound without waiting for what it leads to.
fn feed(call: &Call, samples: &[f32]) {
    for frame in samples.chunks(320) {
        call.wait_for_room(0, frame.len());
        call.audio(0, frame);
    }
}

#[test]
fn a_backlog_of_finals_loses_none_of_them_and_lets_partials_go() {
    let gate = Gate::closed();
    let held = gate.clone();
    let engine = FakeEngine::new(move |request| Reply::AfterGate(held.clone(), read(&request.samples)));
    let live = live(engine);
    let calls: Vec<Call> = (0..12).map(|_| open(&live)).collect();
    let logs: Vec<_> = calls.iter().map(Call::events).collect();
    for call in &calls {
        feed(call, &[spoken(&[1, 2, 3, 4, 5, 6, 7]), silence(PAUSE)].concat());
    }
    // All of it is taken up once the calls have ended on the side of their audio.
    calls.into_iter().for_each(|call| call.end(CallEndReason::HungUp));
    gate.wait_for_arrivals(1);
    gate.open();
    for log in &logs {
        assert_eq!(finals(&all_events(log)), ["mot1 mot2 mot3 mot4 mot5 mot6 mot7"]);
    }
    let snapshot = live.snapshot();
    assert_eq!((snapshot.finals, snapshot.finals_failed), (12, 0));
    assert!(snapshot.partials_dropped > 0);
    let lane = &snapshot.recognizer.queue.lanes[0];
    assert_eq!((lane.refused, lane.dropped), (0, 0));
}

#[test]
fn finals_that_find_the_lane_full_are_sent_again() {
    let gate = Gate::closed();
    let held = gate.clone();
    let engine = FakeEngine::new(move |request| Reply::AfterGate(held.clone(), read(&request.samples)));
    let pool = Pool::start(Arc::new(engine), PoolConfig { workers: 1, queue_capacity: 1 }).unwrap();
    let narrow = Parts { pool: Arc::new(pool), ..parts(reader(), 1) };
    let live = Live::start(narrow, &config()).unwrap();
    let calls: Vec<Call> = (0..6)
        .map(|_| live.open(CallSetup { finals_only: true, ..setup(&[Channel::Caller]) }).unwrap())
        .collect();
    let logs: Vec<_> = calls.iter().map(Call::events).collect();
    calls.iter().for_each(|call| feed(call, &[spoken(&[1, 2]), silence(PAUSE)].concat()));
    gate.wait_for_arrivals(1);
    gate.open();
    // Each call asks again when anything of it moves, and its connection brings a frame every 20 ms.
    while live.snapshot().finals < 6 {
        calls.iter().for_each(|call| feed(call, &silence(320)));
    }
    calls.into_iter().for_each(|call| call.end(CallEndReason::HungUp));
    logs.iter().for_each(|log| assert_eq!(finals(&all_events(log)), ["mot1 mot2"]));
}

fn admitting(overload: Overload) -> Arc<Live> {
    // Time stands still: what a call costs is not learnt meanwhile.
    let clock = Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
    admitting_with(overload, Parts { clock, ..parts(reader(), 1) })
}

fn admitting_with(overload: Overload, parts: Parts) -> Arc<Live> {
    // One worker, 70 % of it, a tenth for the finals of a call and a tenth for its partials.
    let config = Config { admission: true, overload, assumed_load: 0.1, load_limit: 0.7, ..config() };
    Live::start(parts, &config).unwrap()
}

#[test]
fn a_full_machine_refuses_the_next_call_until_one_ends() {
    let live = admitting(Overload::Refuse);
    let mut calls: Vec<Call> = (0..3).map(|_| open(&live)).collect();
    let Err(Refused::Busy { retry_after }) = live.open(setup(&[Channel::Caller])) else { panic!("admitted") };
    assert_eq!(retry_after, Config::default().retry_after);
    // Who only asks is told the same, and takes no place.
    assert!(matches!(live.has_room(), Err(Refused::Busy { .. })));
    end(calls.pop().unwrap());
    assert!(live.has_room().is_ok() && live.has_room().is_ok());
    calls.push(open(&live));
    let snapshot = live.snapshot();
    assert_eq!((snapshot.open_calls, snapshot.calls_opened, snapshot.calls_refused), (3, 4, 2));
}

#[test]
fn a_full_machine_may_serve_finals_only_before_it_refuses() {
    let live = admitting(Overload::FinalsOnly);
    let mut calls: Vec<Call> = Vec::new();
    while let Ok(call) = live.open(setup(&[Channel::Caller])) {
        calls.push(call);
    }
    let finals_only = calls.iter().filter(|call| call.is_finals_only()).count();
    assert_eq!((calls.len(), finals_only), (7, 4));
    say(&calls[6], [spoken(&[1, 2, 3, 4, 5, 6]), silence(PAUSE)].concat());
    let events = end(calls.pop().unwrap());
    assert_eq!(finals(&events), ["mot1 mot2 mot3 mot4 mot5 mot6"]);
    assert!(!names(&events).contains(&"transcript.partial"));
}

#[test]
fn a_final_of_a_call_that_a_full_machine_took_yields_to_those_of_the_others_for_a_while() {
    let begun = |later: Duration| {
        let clock = Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
        let (gate, texts) = (Gate::closed(), Arc::new(Mutex::new(Vec::new())));
        let (held, log) = (gate.clone(), Arc::clone(&texts));
        let engine = FakeEngine::new(move |request| {
            let text = read(&request.samples);
            log.lock().unwrap().push(text.clone());
            Reply::AfterGate(held.clone(), text)
        });
        let parts = Parts { clock: Arc::<ManualClock>::clone(&clock), ..parts(engine, 1) };
        let live = admitting_with(Overload::FinalsOnly, parts);
        let calls: Vec<Call> = (0..7).map(|_| open(&live)).collect();
        assert!(!calls[1].is_finals_only() && calls[6].is_finals_only());
        let speak = |call: &Call, word: usize, waiting: usize| {
            feed(call, &[spoken(&[word]), silence(PAUSE)].concat());
            while live.snapshot().recognizer.queue.lanes[0].depth < waiting {
                std::thread::yield_now();
            }
        };
        speak(&calls[0], 1, 0);
        gate.wait_for_arrivals(1);
        speak(&calls[6], 3, 1);
        clock.advance(later);
        speak(&calls[1], 5, 2);
        gate.open();
        calls.into_iter().for_each(|call| {
            end(call);
        });
        let texts = texts.lock().unwrap().clone();
        let first = |text: &str| texts.iter().position(|one| one == text).expect("it was decoded");
        first("mot3") < first("mot5")
    };
    assert!(!begun(YIELDS - Duration::from_millis(1)), "it did not yield");
    assert!(begun(YIELDS + Duration::from_millis(1)), "it waits for all others");
}

#[test]
fn no_call_gets_partials_while_finals_are_nearly_too_late() {
    let clock = Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
    let slow = Parts { clock: Arc::<ManualClock>::clone(&clock), ..parts(reader(), 1) };
    let live = Live::start(slow, &Config { admission: true, ..config() }).unwrap();
    let call = open(&live);
    let speech = [spoken(&[1, 2, 3, 4, 5, 6]), silence(PAUSE)].concat();
    say(&call, speech.clone());
    assert_eq!(live.snapshot().partials_dropped, 0);
    let (lag, machine) = (Duration::from_millis(900), Duration::from_millis(500));
    let late = Announced { lag, machine, delay: FinalDelay::default() };
    (0..100).for_each(|_| live.machine.admission().announced(live.machine.clock.monotonic(), late));
    // Calls are looked after once a second.
    clock.advance(Duration::from_secs(1));
    say(&call, silence(PAUSE));
    say(&call, speech.clone());
    let dropped = live.snapshot().partials_dropped;
    assert!(dropped > 0, "partials are decoded");
    clock.advance(Duration::from_secs(60));
    say(&call, silence(PAUSE));
    say(&call, speech);
    let it = live.snapshot();
    assert_eq!((it.partials_dropped, it.partials_stopped, it.partials_resumed), (dropped, 1, 1));
    assert_eq!(finals(&end(call)).len(), 3);
}

/// Speaks six turns in real time, each with a final seconds behind the speech, which the machine has no part in.
#[track_caller]
fn check_that_nobody_is_refused(turn: turn::Config, pause: impl Fn(&Call, &dyn Fn(&[f32]), &ManualClock)) {
    let clock = Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
    let idle = Parts { clock: Arc::<ManualClock>::clone(&clock), ..parts(reader(), 1) };
    let live = Live::start(idle, &Config { admission: true, ..config() }).unwrap();
    let turn = Some(turn::Config { settle_delay: Duration::ZERO, ..turn });
    let call = live.open(CallSetup { turn, finals_only: true, ..setup(&[Channel::Caller]) }).unwrap();
    let say = |samples: &[f32]| {
        for frame in samples.chunks(320) {
            clock.advance(Duration::from_millis(20));
            call.audio(0, frame);
            call.wait_until_idle();
        }
    };
    for _ in 0..6 {
        say(&spoken(&[1, 2]));
        pause(&call, &say, &clock);
    }
    let lag = live.snapshot().final_lag;
    assert!(lag.count() == 6 && lag.sum > Duration::from_secs(16), "{lag:?}");
    assert!(live.has_room().is_ok());
}

#[test]
fn a_pause_that_a_turn_is_to_wait_for_makes_no_final_late() {
    let patient = turn::Config { max_delay: Duration::from_secs(3), ..turns() };
    check_that_nobody_is_refused(patient, |_, say, _| say(&silence(2 * PAUSE)));
}

#[test]
fn sound_that_did_not_come_makes_no_final_late() {
    check_that_nobody_is_refused(turns(), |call, _, clock| {
        clock.advance(Duration::from_secs(3));
        call.lost(0, 3 * 16_000);
        call.wait_until_idle();
    });
}

#[test]
fn the_most_calls_hold_whatever_they_cost() {
    let config = Config { max_calls: 2, ..config() };
    let live = Live::start(parts(reader(), 1), &config).unwrap();
    let calls = [open(&live), open(&live)];
    assert!(matches!(live.open(setup(&[Channel::Caller])), Err(Refused::Busy { .. })));
    drop(calls);
}

#[tokio::test]
async fn a_drained_service_takes_no_call_and_ends_those_that_go_on_with_their_finals() {
    let live = live(reader());
    let speaking = open(&live);
    let silent = open(&live);
    say(&speaking, [silence(PAUSE), spoken(&[1, 2, 3])].concat());
    let logs = [speaking.events(), silent.events()];
    assert_eq!(live.drain_in(Duration::ZERO, Duration::from_secs(60)).await, 0);
    assert!(matches!(live.open(setup(&[Channel::Caller])), Err(Refused::Draining)));
    let events = logs.map(|log| all_events(&log));
    assert_eq!(finals(&events[0]), ["mot1 mot2 mot3"]);
    for events in &events {
        let EventBody::CallEnded { reason, .. } = &events.last().unwrap().body else { panic!() };
        assert_eq!(*reason, CallEndReason::Shutdown);
    }
}

#[tokio::test]
async fn a_drain_waits_for_a_final_that_is_being_decoded_and_says_when_it_is_not_done_in_time() {
    let gate = Gate::closed();
    let held = gate.clone();
    let engine = FakeEngine::new(move |request| Reply::AfterGate(held.clone(), read(&request.samples)));
    let live = live(engine);
    let call = live.open(CallSetup { finals_only: true, ..setup(&[Channel::Caller]) }).unwrap();
    feed(&call, &[spoken(&[1, 2, 3]), silence(PAUSE)].concat());
    gate.wait_for_arrivals(1);
    assert_eq!(live.drain_in(Duration::ZERO, Duration::ZERO).await, 1);
    gate.open();
    assert_eq!(live.drain_in(Duration::from_secs(60), Duration::ZERO).await, 0);
    assert_eq!(finals(&all_events(&call.events())), ["mot1 mot2 mot3"]);
}

#[test]
fn dropping_the_service_ends_every_call() {
    let live = live(reader());
    let call = open(&live);
    say(&call, spoken(&[1, 2]));
    let log = call.events();
    drop(live);
    let events = all_events(&log);
    assert_eq!(events.last().unwrap().body.name(), "call.ended");
}
