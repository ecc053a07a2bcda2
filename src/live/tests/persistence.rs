//! What is announced is kept.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command as Process, Stdio};

use super::*;
use crate::call::decision::{self, DecisionRecord};
use crate::store::CallFilter;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn keeping(store: &Store) -> Arc<Live> {
    let parts = Parts { store: Some(store.clone()), ..parts(reader(), 1) };
    Live::start(parts, &config()).unwrap()
}

#[test]
fn a_final_is_in_the_store_when_it_is_announced_and_the_record_when_the_call_has_ended() {
    let runtime = runtime();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    let live = keeping(&store);
    let call = live.open(setup(&[Channel::Caller, Channel::Agent])).unwrap();
    let (id, mut reader) = (call.id(), call.events().subscribe(1));
    say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
    let mut seen = 0;
    while seen == 0 {
        let event = reader.next_blocking().unwrap().unwrap();
        seen += usize::from(matches!(event.body, EventBody::TranscriptFinal { .. }));
    }
    let kept = runtime.block_on(store.call(id)).unwrap().unwrap();
    assert_eq!(kept.transcript.text_of(None, "|").reveal(), "mot1 mot2");
    assert_eq!(runtime.block_on(store.incomplete_live_calls()).unwrap(), [id]);
    say(&call, [spoken(&[3, 4, 5]), silence(PAUSE)].concat());
    let events = end(call);
    assert_eq!(finals(&events).len(), 2);
    let kept = runtime.block_on(store.call(id)).unwrap().unwrap();
    assert_eq!(kept.transcript.text_of(None, "|").reveal(), "mot1 mot2|mot3 mot4 mot5");
    assert_eq!(kept.transcript.channels, [Channel::Caller, Channel::Agent]);
    assert_eq!((kept.model.as_str(), kept.transcript.language), ("fake", Some(Language::Fr)));
    assert!(kept.started_at.is_some() && kept.note.key_sentences.len() <= 2);
    let ended = runtime.block_on(store.end_reason(id)).unwrap();
    assert_eq!(ended.as_deref(), Some("hung_up"));
    assert!(runtime.block_on(store.incomplete_live_calls()).unwrap().is_empty());
    assert_eq!(runtime.block_on(store.check()).unwrap(), []);
}

#[test]
fn a_part_that_is_heard_again_with_what_follows_is_kept_once() {
    let runtime = runtime();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    let live = keeping(&store);
    let turn = turn::Config { repair_window: Duration::from_secs(3), ..turns() };
    let call = live.open(CallSetup { turn: Some(turn), ..setup(&[Channel::Caller]) }).unwrap();
    let id = call.id();
    // Told 288 ms after the detector hears the pause, and gone on with 112 ms later.
    let gap = || silence(6_400);
    let said = [spoken(&[1, 2]), gap(), spoken(&[3, 4]), gap(), spoken(&[5]), silence(24_000)];
    say(&call, said.concat());
    say(&call, [spoken(&[6, 7]), silence(PAUSE)].concat());
    let events = end(call);
    assert_eq!(
        finals(&events),
        ["mot1 mot2", "mot1 mot2 mot3 mot4", "mot1 mot2 mot3 mot4 mot5", "mot6 mot7"]
    );
    let joined = picked(&events, |body| {
        let EventBody::TranscriptFinal { turn, joins, .. } = body else { return None };
        Some((*turn, *joins))
    });
    assert_eq!(joined, [(1, None), (1, Some(1)), (1, Some(1)), (2, None)]);
    let kept = runtime.block_on(store.call(id)).unwrap().unwrap();
    assert_eq!(kept.transcript.text_of(None, "|").reveal(), "mot1 mot2 mot3 mot4 mot5|mot6 mot7");
    assert_eq!(live.snapshot().turns_joined, 0, "it is one turn");
    assert_eq!(runtime.block_on(store.check()).unwrap(), []);
}

#[test]
fn a_call_that_the_store_has_no_room_for_is_refused_and_leaves_nothing_behind() {
    let runtime = runtime();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    let live = keeping(&store);
    // As when as much waits for the disk as may.
    live.machine.keeper.as_ref().unwrap().close();
    assert!(matches!(live.open(setup(&[Channel::Caller])), Err(Refused::Busy { .. })));
    let snapshot = live.snapshot();
    assert_eq!((snapshot.open_calls, snapshot.calls_refused, snapshot.calls_ended), (0, 1, 0));
    assert!(live.machine.calls().ended.is_empty(), "its log would have no end");
}

#[test]
fn nothing_that_was_said_is_kept_of_a_caller_who_refused() {
    let runtime = runtime();
    for (agreed, expected) in [(Some(true), "mot1 mot2"), (Some(false), ""), (None, "mot1 mot2")] {
        let store = runtime.block_on(Store::in_memory()).unwrap();
        let live = keeping(&store);
        let call = open(&live);
        let id = call.id();
        let decision = DecisionRecord { call: id, recording_agreed: agreed, ..decision::sample() };
        runtime.block_on(store.put_decision(&decision)).unwrap();
        say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
        end(call);
        let kept = runtime.block_on(store.call(id)).unwrap().unwrap();
        assert_eq!(kept.transcript.text_of(None, "|").reveal(), expected, "{agreed:?}");
        assert_eq!(runtime.block_on(store.check()).unwrap(), []);
    }
}

#[test]
fn a_store_that_fails_ends_the_call_and_its_final_is_not_announced() {
    let runtime = runtime();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    let live = keeping(&store);
    let call = open(&live);
    say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
    runtime.block_on(store.close());
    say(&call, [spoken(&[3, 4]), silence(PAUSE)].concat());
    let events = end(call);
    assert_eq!(finals(&events), ["mot1 mot2"]);
    let EventBody::CallEnded { reason, .. } = &events.last().unwrap().body else { panic!() };
    assert_eq!(*reason, CallEndReason::Failed);
}

/// A clock that panics once when a call is completed, as anything might that its analysis does.
struct BreaksOnce(std::sync::atomic::AtomicBool);

impl crate::clock::Clock for BreaksOnce {
    fn wall(&self) -> jiff::Timestamp {
        let is_completing = std::thread::current().name() == Some("live-endings");
        assert!(!is_completing || self.0.swap(true, std::sync::atomic::Ordering::AcqRel), "a test says so");
        SystemClock.wall()
    }

    fn monotonic(&self) -> std::time::Instant {
        SystemClock.monotonic()
    }
}

#[test]
fn a_panic_while_a_record_is_completed_costs_that_record_alone() {
    let runtime = runtime();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    let parts =
        Parts { store: Some(store.clone()), clock: Arc::new(BreaksOnce(false.into())), ..parts(reader(), 1) };
    let live = Live::start(parts, &config()).unwrap();
    let [first, second] = [(); 2].map(|()| {
        let call = open(&live);
        let id = call.id();
        say(&call, [spoken(&[1, 2]), silence(PAUSE)].concat());
        // It is answered, whatever became of its record.
        assert_eq!(finals(&end(call)), ["mot1 mot2"]);
        id
    });
    assert_eq!(runtime.block_on(store.incomplete_live_calls()).unwrap(), [first]);
    assert_eq!(runtime.block_on(store.end_reason(second)).unwrap().as_deref(), Some("hung_up"));
    assert_eq!(live.snapshot().panics, 1);
}

#[test]
fn calls_that_were_left_behind_are_completed_although_one_of_them_panics() {
    let runtime = runtime();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    let [first, second] = [1, 2].map(|number| CallId(uuid::Uuid::from_u128(number)));
    for id in [first, second] {
        let started_at = jiff::Timestamp::UNIX_EPOCH;
        let channels = vec![Channel::Caller];
        let call = LiveCall { id, source: "test".into(), started_at, model: "fake".into(), channels };
        runtime.block_on(store.begin_live_call(&call)).unwrap();
    }
    let parts =
        Parts { store: Some(store.clone()), clock: Arc::new(BreaksOnce(false.into())), ..parts(reader(), 1) };
    drop(Live::start(parts, &config()).unwrap());
    assert_eq!(runtime.block_on(store.incomplete_live_calls()).unwrap(), [first]);
    assert_eq!(runtime.block_on(store.end_reason(second)).unwrap().as_deref(), Some("failed"));
}

/// Where the child of the next test keeps its calls; set for the child only.
const CHILD_STORE: &str = "ALLO_TEST_LIVE_STORE";

/// The process that is killed: it announces final after final on its standard output.
#[test]
#[ignore = "the child of the test below"]
fn a_process_that_listens() {
    let Some(path) = std::env::var_os(CHILD_STORE) else { return };
    let store = runtime().block_on(Store::open(path.as_ref())).unwrap();
    let live = keeping(&store);
    let call = open(&live);
    let mut reader = call.events().subscribe(1);
    std::thread::spawn(move || {
        while let Ok(Some(event)) = reader.next_blocking() {
            if let EventBody::TranscriptFinal { utterance, .. } = &event.body {
                let mut output = std::io::stdout().lock();
                writeln!(output, "final:{}", utterance.text.reveal()).unwrap();
                output.flush().unwrap();
            }
        }
    });
    for number in 0.. {
        say(&call, [spoken(&[number % 20, (number + 7) % 20]), silence(PAUSE / 2)].concat());
    }
}

#[test]
fn killing_the_process_loses_no_announced_final() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.sqlite");
    for announced_before_the_kill in [1, 4, 9] {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["live::tests::persistence::a_process_that_listens", "--exact", "--ignored", "--nocapture"])
            .env(CHILD_STORE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_final = |line: String| line.split_once("final:").map(|(_, text)| text.to_owned());
        let mut announced: Vec<String> = lines
            .by_ref()
            .map_while(Result::ok)
            .filter_map(is_final)
            .take(announced_before_the_kill)
            .collect();
        child.kill().unwrap();
        // What it had written before it died was announced too.
        announced.extend(lines.map_while(Result::ok).filter_map(is_final));
        child.wait().unwrap();
        let runtime = runtime();
        let store = runtime.block_on(Store::open(&path)).unwrap();
        let [id] = runtime.block_on(store.incomplete_live_calls()).unwrap()[..] else { panic!("one call") };
        let texts = |record: crate::call::CallRecord| -> Vec<String> {
            record.transcript.utterances.into_iter().map(|spoken| spoken.text.into_inner()).collect()
        };
        let kept = texts(runtime.block_on(store.call(id)).unwrap().unwrap());
        assert!(kept.len() >= announced.len() && kept.starts_with(&announced), "{announced:?} {kept:?}");
        // The next process completes what this one left behind.
        drop(keeping(&store));
        assert!(runtime.block_on(store.incomplete_live_calls()).unwrap().is_empty());
        assert_eq!(runtime.block_on(store.end_reason(id)).unwrap().as_deref(), Some("failed"));
        assert_eq!(texts(runtime.block_on(store.call(id)).unwrap().unwrap()), kept);
        assert_eq!(runtime.block_on(store.check()).unwrap(), []);
        runtime.block_on(store.close());
    }
    let store = runtime().block_on(Store::open(&path)).unwrap();
    assert_eq!(runtime().block_on(store.calls(&CallFilter::default())).unwrap().len(), 3);
}
