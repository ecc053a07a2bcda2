//! A call on its way to a collector on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::audio::{SamplePos, SampleSpan};
use crate::call::event::TurnEndReason;
use crate::call::{CallId, Channel, Language, Utterance};
use crate::clock::SystemClock;

/// What was sent: path and body of each request.
type Sent = Vec<(String, Vec<u8>)>;

/// Takes requests until one asks for another path than traces; gives what each held.
fn collector() -> (String, std::thread::JoinHandle<Sent>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let mut received = Vec::new();
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut request = String::new();
            stream.read_line(&mut request).unwrap();
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            if !request.starts_with("POST /v1/traces ") {
                return received;
            }
            received.push((request, body));
        }
        received
    });
    (format!("http://{address}"), thread)
}

fn event(sequence: u64, body: EventBody) -> Event {
    Event { call: CallId(Uuid::nil()), sequence, at: SamplePos::from_seconds(2.0), body }
}

fn call() -> Vec<Event> {
    let channel = Channel::Caller;
    let span = SampleSpan::new(SamplePos::from_seconds(0.5), SamplePos::from_seconds(1.5));
    let utterance = Utterance {
        channel,
        span,
        language: Language::Fr,
        text: "secret-spoken-words".into(),
        confidence: 0.9,
        words: Vec::new(),
    };
    let ms = Duration::from_millis;
    let delay = FinalDelay {
        turn: ms(380),
        text: ms(20),
        keep: ms(5),
        asked: ms(64),
        queued: ms(3),
        decoded: ms(250),
    };
    let bodies = [
        EventBody::CallStarted {
            ingress: "twilio",
            channels: vec![channel],
            started: Timestamp::UNIX_EPOCH,
            partials: true,
        },
        EventBody::SpeechStarted { channel, turn: 1, at: span.start },
        EventBody::TranscriptFinal {
            channel,
            turn: 1,
            utterance,
            alternatives: Vec::new(),
            corrections: Vec::new(),
            foreign_share: None,
            joins: None,
            latency: ms(405),
            delay,
        },
        EventBody::TurnEnded {
            channel,
            turn: 1,
            end_of_speech: span.end,
            reason: TurnEndReason::Finished,
            continues: None,
            is_back_channel: false,
        },
        EventBody::Dtmf { channel, digit: crate::redact::Redacted::new('7') },
        EventBody::CallEnded { reason: CallEndReason::HungUp, duration: ms(2_000) },
    ];
    bodies.into_iter().zip(1..).map(|(body, sequence)| event(sequence, body)).collect()
}

#[test]
fn a_call_reaches_the_collector_with_its_stages_and_without_its_words() {
    let (address, thread) = collector();
    let traces = Traces::to(&format!("{address}/v1/traces"), Arc::new(SystemClock)).unwrap();
    let mut trace = Trace { tracer: traces.provider.tracer("allo"), call: None };
    call().iter().for_each(|event| trace.event(event, SystemClock.wall().into()));
    traces.stop();
    drop(ureq::get(format!("{address}/enough")).call());
    let received = thread.join().unwrap();
    assert!(!received.is_empty(), "nothing was exported");
    let sent: Vec<u8> = received.into_iter().flat_map(|(_, body)| body).collect();
    let holds = |text: &str| sent.windows(text.len()).any(|window| window == text.as_bytes());
    for name in [
        "call",
        "final",
        "turn",
        "text",
        "keep",
        "queue",
        "recognition",
        "turn.ended",
        "finished",
        "twilio",
        "allo",
    ] {
        assert!(holds(name), "{name} is not in the trace");
    }
    assert!(!holds("secret-spoken-words"));
}

#[test]
fn without_an_endpoint_nothing_is_traced() {
    let none = Traces::from_environment(|_| None, Arc::new(SystemClock)).unwrap();
    assert!(none.is_none());
    let empty = Traces::from_environment(|_| Some(String::new()), Arc::new(SystemClock)).unwrap();
    assert!(empty.is_none());
}
