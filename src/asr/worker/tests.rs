//! The pool against a scripted engine.

use std::thread;

use super::*;
use crate::asr::LanguageChoice;
use crate::asr::fake::{FakeEngine, Gate, Reply};
use crate::call::Language;

/// The number of samples names the request in the scripts below.
fn request(priority: Priority, samples: usize) -> Request {
    Request {
        samples: vec![0.0; samples].into(),
        language: LanguageChoice::Known(Language::Fr),
        task: crate::asr::Task::Transcribe,
        vocabulary: Arc::from(Vec::new()),
        asked: Arc::new([]),
        sentences: Arc::new([]),
        prefix: crate::redact::Redacted::default(),
        priority,
    }
}

fn start(engine: FakeEngine, workers: usize, queue_capacity: usize) -> Pool {
    Pool::start(Arc::new(engine), PoolConfig { workers, queue_capacity }).unwrap()
}

/// An engine whose request of 1 sample waits at the gate, and which notes the order of all.
fn gated(gate: &Gate, order: &Arc<Mutex<Vec<usize>>>) -> FakeEngine {
    let (gate, order) = (gate.clone(), Arc::clone(order));
    FakeEngine::new(move |request| {
        order.lock().unwrap().push(request.samples.len());
        if request.samples.len() == 1 {
            Reply::AfterGate(gate.clone(), "un".into())
        } else {
            Reply::Text("deux".into())
        }
    })
}

#[test]
fn urgent_requests_overtake_those_that_wait() {
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = start(gated(&gate, &order), 1, 8);
    let mut tickets = vec![pool.submit(request(Priority::Batch, 1)).unwrap()];
    gate.wait_for_arrivals(1);
    for (priority, samples) in [
        (Priority::Batch, 40),
        (Priority::LivePartial, 30),
        (Priority::LiveFinal, 20),
        (Priority::Batch, 41),
        (Priority::LiveFinal, 21),
    ] {
        tickets.push(pool.submit(request(priority, samples)).unwrap());
    }
    gate.open();
    for ticket in tickets {
        ticket.wait().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [1, 20, 21, 30, 40, 41]);
    assert_eq!(pool.drain().recognized, 6);
}

#[test]
fn full_lanes_follow_their_rules_by_exact_count() {
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = start(gated(&gate, &order), 1, 2);
    let running = pool.submit(request(Priority::Batch, 1)).unwrap();
    gate.wait_for_arrivals(1);
    let batch: Vec<_> = (0..2).map(|_| pool.submit(request(Priority::Batch, 40)).unwrap()).collect();
    let finals: Vec<_> = (0..2).map(|_| pool.submit(request(Priority::LiveFinal, 20)).unwrap()).collect();
    let refused = pool.submit(request(Priority::LiveFinal, 22));
    assert!(matches!(refused, Err(Error::Busy { waiting: 4 })));
    let mut partials: Vec<_> =
        (0..3).map(|index| pool.submit(request(Priority::LivePartial, 30 + index)).unwrap()).collect();
    assert!(matches!(partials.remove(2).wait(), Err(Error::Busy { .. })));
    let snapshot = pool.snapshot();
    assert_eq!(snapshot.running, 1);
    let lanes: Vec<_> =
        snapshot.queue.lanes.iter().map(|lane| (lane.depth, lane.refused, lane.dropped)).collect();
    assert_eq!(lanes, [(2, 1, 0), (2, 0, 1), (2, 0, 0)]);
    gate.open();
    for ticket in [running].into_iter().chain(batch).chain(finals).chain(partials) {
        ticket.wait().unwrap();
    }
    let end = pool.drain();
    assert_eq!((end.recognized, end.failed, end.cancelled, end.running), (7, 0, 0, 0));
}

#[test]
fn a_full_batch_lane_makes_the_submitter_wait() {
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = Arc::new(start(gated(&gate, &order), 1, 1));
    let running = pool.submit(request(Priority::Batch, 1)).unwrap();
    gate.wait_for_arrivals(1);
    let waiting = pool.submit(request(Priority::Batch, 40)).unwrap();
    let late = thread::spawn({
        let pool = Arc::clone(&pool);
        move || pool.submit(request(Priority::Batch, 41)).unwrap().wait()
    });
    gate.open();
    assert!(running.wait().is_ok() && waiting.wait().is_ok() && late.join().unwrap().is_ok());
    assert_eq!(*order.lock().unwrap(), [1, 40, 41]);
}

#[test]
fn a_panic_fails_one_request_and_the_worker_goes_on() {
    let engine = FakeEngine::new(|request| match request.samples.len() {
        1 => Reply::Panic,
        2 => Reply::Fail,
        _ => Reply::Text("trois".into()),
    });
    let pool = start(engine.clone(), 1, 4);
    assert!(matches!(pool.submit(request(Priority::Batch, 1)).unwrap().wait(), Err(Error::Panicked)));
    assert!(matches!(pool.submit(request(Priority::Batch, 2)).unwrap().wait(), Err(Error::Inference { .. })));
    assert_eq!(pool.submit(request(Priority::Batch, 3)).unwrap().wait().unwrap().text.reveal(), "trois");
    let end = pool.drain();
    assert_eq!((end.recognized, end.failed, end.panicked), (1, 2, 1));
    assert_eq!(engine.recognizers_made(), 2);
}

#[test]
fn cancelling_stops_a_request_that_runs_and_one_that_waits() {
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = start(gated(&gate, &order), 1, 4);
    let running = pool.submit(request(Priority::Batch, 1)).unwrap();
    gate.wait_for_arrivals(1);
    let waiting = pool.submit(request(Priority::Batch, 40)).unwrap();
    waiting.cancel();
    running.cancel();
    assert!(matches!(running.wait(), Err(Error::Cancelled)));
    assert!(matches!(waiting.wait(), Err(Error::Cancelled)));
    assert_eq!(*order.lock().unwrap(), [1]);
    assert_eq!(pool.drain().cancelled, 2);
}

/// Notes in what order results come.
struct Noting(usize, Arc<Mutex<Vec<(usize, bool)>>>);

impl Listener for Noting {
    fn begins(&mut self) -> bool {
        self.0 != 99
    }

    fn ends(self: Box<Self>, result: Result<Recognition, Error>) {
        self.1.lock().unwrap().push((self.0, result.is_ok()));
    }
}

#[test]
fn what_is_due_first_goes_first_and_what_nobody_wants_any_more_is_not_recognised() {
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = start(gated(&gate, &order), 1, 8);
    let held = pool.submit(request(Priority::Batch, 1)).unwrap();
    gate.wait_for_arrivals(1);
    let ends: Arc<Mutex<Vec<(usize, bool)>>> = Arc::default();
    let start = crate::clock::Clock::monotonic(&crate::clock::SystemClock);
    for (samples, due_s) in [(30, 3), (10, 1), (99, 2), (11, 1)] {
        let due = start + std::time::Duration::from_secs(due_s);
        let listener = Box::new(Noting(samples, Arc::clone(&ends)));
        pool.submit_to(request(Priority::LiveFinal, samples), due, listener).unwrap();
    }
    gate.open();
    assert!(held.wait().is_ok());
    pool.drain();
    assert_eq!(*order.lock().unwrap(), [1, 10, 11, 30]);
    assert_eq!(*ends.lock().unwrap(), [(10, true), (11, true), (99, false), (30, true)]);
}

#[test]
fn a_live_final_stops_a_partial_in_progress_when_no_worker_is_free() {
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = start(gated(&gate, &order), 1, 8);
    let partial = pool.submit(request(Priority::LivePartial, 1)).unwrap();
    gate.wait_for_arrivals(1);
    let last = pool.submit(request(Priority::LiveFinal, 50)).unwrap();
    assert!(last.wait().is_ok(), "the gate is still closed");
    assert!(matches!(partial.wait(), Err(Error::Cancelled)));
}

#[test]
fn batch_work_leaves_a_worker_to_the_calls_that_go_on() {
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = start(gated(&gate, &order), 2, 8);
    pool.keep_free(true);
    let batch: Vec<_> = (0..2).map(|_| pool.submit(request(Priority::Batch, 1)).unwrap()).collect();
    gate.wait_for_arrivals(1);
    // Both workers would wait at the gate.
    assert!(pool.submit(request(Priority::LiveFinal, 20)).unwrap().wait().is_ok());
    assert_eq!((pool.busy_with_batch(), pool.waiting_for(Priority::Batch)), (1, 1));
    // The last call has ended: nothing has to be left free.
    pool.keep_free(false);
    gate.wait_for_arrivals(2);
    assert_eq!(pool.busy_with_batch(), 2);
    gate.open();
    assert!(batch.into_iter().all(|ticket| ticket.wait().is_ok()));
    assert_eq!(pool.busy_with_batch(), 0);
}

#[test]
fn work_beside_the_workers_gives_way_to_those_that_are_busy_while_calls_go_on() {
    const LONG: Duration = Duration::from_secs(3_600);
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = start(gated(&gate, &order), 2, 8);
    pool.keep_free(true);
    assert!(pool.give_way(1, LONG), "nobody is busy");
    let last = pool.submit(request(Priority::LiveFinal, 1)).unwrap();
    gate.wait_for_arrivals(1);
    assert!(!pool.give_way(1, Duration::ZERO), "it goes on all the same when the time is over");
    assert!(pool.give_way(2, LONG), "there is a core for it");
    thread::scope(|scope| {
        let waits = scope.spawn(|| pool.give_way(1, LONG));
        gate.open();
        assert!(waits.join().unwrap(), "the request has ended");
    });
    assert!(last.wait().is_ok());
}

#[test]
fn work_beside_the_workers_waits_for_nobody_where_no_call_goes_on() {
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = start(gated(&gate, &order), 1, 8);
    let recording = pool.submit(request(Priority::Batch, 1)).unwrap();
    gate.wait_for_arrivals(1);
    assert!(pool.give_way(1, Duration::ZERO), "no call goes on");
    pool.keep_free(true);
    assert!(!pool.give_way(1, Duration::ZERO));
    thread::scope(|scope| {
        let waits = scope.spawn(|| pool.give_way(1, Duration::from_secs(3_600)));
        pool.keep_free(false);
        assert!(waits.join().unwrap(), "the last call has ended");
    });
    gate.open();
    assert!(recording.wait().is_ok());
}

#[test]
fn what_waits_for_a_worker_of_the_batch_is_done_when_one_is_free_also_while_draining() {
    let pool = start(FakeEngine::hearing("oui"), 2, 64);
    pool.keep_free(true);
    let tickets: Vec<_> = (0..50).map(|_| pool.submit(request(Priority::Batch, 10)).unwrap()).collect();
    assert_eq!(pool.drain().recognized, 50);
    assert!(tickets.into_iter().all(|ticket| ticket.wait().is_ok()));
    let alone = start(FakeEngine::hearing("oui"), 1, 4);
    alone.keep_free(true);
    assert!(alone.submit(request(Priority::Batch, 10)).unwrap().wait().is_ok(), "a single worker does both");
}

#[test]
fn dropping_the_pool_ends_what_runs_and_what_waits() {
    let (gate, order) = (Gate::closed(), Arc::default());
    let pool = start(gated(&gate, &order), 1, 4);
    let running = pool.submit(request(Priority::LiveFinal, 1)).unwrap();
    gate.wait_for_arrivals(1);
    let waiting = pool.submit(request(Priority::Batch, 40)).unwrap();
    drop(pool);
    assert!(matches!(running.wait(), Err(Error::Cancelled)));
    assert!(matches!(waiting.wait(), Err(Error::Closed)));
}

const PATIENCE: Patience = Patience { live: Duration::from_secs(5), batch: Duration::from_secs(60) };

/// An engine whose requests of 1 sample look at no flag and come back when the second end is dropped; they say to the first
/// that they have begun.
fn hanging() -> (FakeEngine, queue::Receiver<()>, queue::Sender<()>) {
    let (arrive, arrived) = queue::bounded("arrived", 8);
    let (open, door) = queue::bounded::<()>("door", 1);
    let engine = FakeEngine::new(move |request| {
        if request.samples.len() == 1 {
            arrive.try_send(()).unwrap();
            door.receive();
        }
        Reply::Text("oui".into())
    });
    (engine, arrived, open)
}

fn now() -> Instant {
    crate::clock::Clock::monotonic(&crate::clock::SystemClock)
}

#[test]
fn a_worker_whose_recogniser_hangs_is_replaced_and_its_request_fails() {
    let (engine, arrived, open) = hanging();
    let pool = start(engine.clone(), 1, 8);
    let hung = pool.submit(request(Priority::LiveFinal, 1)).unwrap();
    arrived.receive().unwrap();
    let now = now();
    for seconds in [0, 4] {
        assert_eq!(pool.look(now + Duration::from_secs(seconds), PATIENCE), Stuck::default());
    }
    let found = pool.look(now + PATIENCE.live, PATIENCE);
    assert_eq!(found, Stuck { found: 1, remaining: 0 });
    assert!(matches!(hung.wait(), Err(Error::Stuck)));
    assert!(pool.submit(request(Priority::LiveFinal, 20)).unwrap().wait().is_ok());
    assert_eq!(engine.recognizers_made(), 2);
    let it = pool.snapshot();
    assert_eq!((it.stuck, it.failed, it.recognized, it.running, it.left_behind), (1, 1, 1, 0, 1));
    drop(open);
    while pool.snapshot().left_behind > 0 {
        thread::yield_now();
    }
    assert_eq!(pool.drain().recognized, 1, "what came back is nobody's");
}

#[test]
fn a_pool_that_is_dropped_waits_no_longer_than_it_says_for_a_recogniser_that_hangs_unseen() {
    let (engine, arrived, open) = hanging();
    let mut pool = start(engine, 2, 8);
    let hung = pool.submit(request(Priority::LiveFinal, 1)).unwrap();
    arrived.receive().unwrap();
    pool.ends_within = Duration::ZERO;
    drop(pool);
    assert!(matches!(hung.wait(), Err(Error::Stuck)), "nobody waits for what it had in hand either");
    drop(open);
}

#[test]
fn a_final_that_wants_the_worker_of_a_partial_is_no_sign_of_life_of_it() {
    let (engine, arrived, open) = hanging();
    let pool = start(engine, 1, 8);
    let hung = pool.submit(request(Priority::LivePartial, 1)).unwrap();
    arrived.receive().unwrap();
    let now = now();
    assert_eq!(pool.look(now, PATIENCE), Stuck::default());
    let waiting = [20, 21].map(|samples| pool.submit(request(Priority::LiveFinal, samples)).unwrap());
    assert_eq!(pool.look(now + PATIENCE.live, PATIENCE).found, 1);
    assert!(matches!(hung.wait(), Err(Error::Stuck)));
    assert!(waiting.into_iter().all(|ticket| ticket.wait().is_ok()));
    drop(open);
}

#[test]
fn no_more_threads_are_left_behind_than_there_are_workers() {
    let (engine, arrived, open) = hanging();
    let pool = start(engine, 1, 8);
    let mut now = now();
    for found in [Stuck { found: 1, remaining: 0 }, Stuck { found: 1, remaining: 1 }] {
        let hung = pool.submit(request(Priority::LiveFinal, 1)).unwrap();
        arrived.receive().unwrap();
        pool.look(now, PATIENCE);
        now += PATIENCE.live;
        assert_eq!(pool.look(now, PATIENCE), found);
        assert!(matches!(hung.wait(), Err(Error::Stuck)));
    }
    assert_eq!(pool.look(now, PATIENCE), Stuck { found: 0, remaining: 1 });
    drop(open);
    // The one that stayed goes on.
    assert!(pool.submit(request(Priority::LiveFinal, 20)).unwrap().wait().is_ok());
    assert_eq!(pool.look(now + PATIENCE.live, PATIENCE), Stuck::default());
    assert_eq!(pool.drain().stuck, 2);
}

#[test]
fn a_worker_that_hangs_in_its_place_is_none_for_batch_work() {
    let (engine, arrived, open) = hanging();
    let pool = start(engine, 2, 8);
    let mut now = now();
    // Two are left behind, the third stays.
    for remaining in [0, 0, 1] {
        let hung = pool.submit(request(Priority::Batch, 1)).unwrap();
        arrived.receive().unwrap();
        pool.look(now, PATIENCE);
        now += PATIENCE.batch;
        assert_eq!(pool.look(now, PATIENCE), Stuck { found: 1, remaining });
        assert!(matches!(hung.wait(), Err(Error::Stuck)));
    }
    assert_eq!((pool.busy_with_batch(), pool.hung()), (0, 1));
    pool.keep_free(true);
    let recording = pool.submit(request(Priority::Batch, 30)).unwrap();
    for _ in 0..2 {
        assert!(pool.submit(request(Priority::LiveFinal, 20)).unwrap().wait().is_ok());
    }
    assert_eq!(pool.waiting_for(Priority::Batch), 1, "the last sound worker is for calls");
    drop(open);
    assert!(recording.wait().is_ok(), "one that came back is a worker again");
    assert_eq!(pool.hung(), 0);
}

#[test]
fn a_recording_may_take_longer_than_a_call_and_an_engine_that_goes_on_as_long_as_it_likes() {
    let (engine, arrived, open) = hanging();
    let pool = start(engine, 2, 8);
    let slow = pool.submit(request(Priority::Batch, 1)).unwrap();
    arrived.receive().unwrap();
    let now = now();
    assert_eq!(pool.look(now, PATIENCE), Stuck::default());
    assert_eq!(pool.look(now + PATIENCE.live * 2, PATIENCE), Stuck::default());
    assert_eq!(pool.look(now + PATIENCE.batch, PATIENCE).found, 1);
    assert!(matches!(slow.wait(), Err(Error::Stuck)));
    assert_eq!(pool.busy_with_batch(), 0);
    drop(open);
    let cancel = CancelFlag::new();
    let mut in_hand =
        InHand { priority: Priority::LiveFinal, cancel: cancel.clone(), listener: None, seen: None };
    for second in 0..100 {
        assert!(!in_hand.is_stuck(now + Duration::from_secs(second), PATIENCE), "after {second} s");
        let is_cancelled = cancel.is_cancelled();
        assert!(!is_cancelled, "an engine looks before each step");
    }
}

#[test]
fn draining_finishes_what_was_submitted() {
    let pool = start(FakeEngine::hearing("oui"), 3, 64);
    let tickets: Vec<_> = (0..50).map(|_| pool.submit(request(Priority::Batch, 10)).unwrap()).collect();
    assert_eq!(pool.drain().recognized, 50);
    assert!(tickets.into_iter().all(|ticket| ticket.wait().is_ok()));
}
