//! Any bytes are survived; how a stream is cut does not matter.

use std::time::Duration;

use proptest::prelude::*;

use super::hostile::start_of;
use super::replay::{Replay, play};
use crate::ingress::{Exchange, Incoming, Message, Outgoing, Protocol, Reply};

/// Pieces of every protocol's language, to be put together wrongly.
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "\\u0000",
    "é",
    "\"event\":",
    "\"type\":",
    "\"start\"",
    "\"media\"",
    "\"mark\"",
    "\"dtmf\"",
    "\"stop\"",
    "\"payload\":\"//8=\"",
    "\"chunk\":\"7\"",
    "\"digit\":\"5\"",
    "\"name\":\"m\"",
    "\"data\":",
    "\"playDone\"",
    "MEDIA_START",
    "MEDIA_XOFF",
    "DTMF_END",
    "format:slin16",
    "digit:1",
    "optimal_frame_size:640",
    "\"websocket:notify\"",
    "\"sampleRate\":8000",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(WORDS), 0..16).prop_map(|words| words.concat()),
        any::<String>(),
    ]
}

#[derive(Debug, Clone)]
enum Act {
    Text(String),
    Binary(Vec<u8>),
    Play(usize),
    Flush,
    HangUp,
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => text().prop_map(Act::Text),
        8 => proptest::collection::vec(any::<u8>(), 0..700).prop_map(Act::Binary),
        3 => (0usize..100).prop_map(Act::Play),
        3 => Just(Act::Flush),
        1 => Just(Act::HangUp),
        3 => (0u64..100).prop_map(Act::Wait),
    ]
}

/// What holds for every conversation, however wrong.
fn check(exchange: &Exchange) {
    let starts = exchange.facts.iter().filter(|fact| matches!(fact, Incoming::Started(_))).count();
    assert!(starts <= 1);
    if starts == 1 {
        assert!(matches!(exchange.facts[0], Incoming::Started(_)), "the start comes first");
    } else {
        assert!(exchange.facts.is_empty(), "nothing comes before the start");
    }
    let end = exchange.facts.iter().position(|fact| matches!(fact, Incoming::Ended { .. }));
    assert!(end.is_none_or(|end| end + 1 == exchange.facts.len()), "nothing follows the end");
    let close = exchange.replies.iter().position(|reply| matches!(reply, Reply::Close { .. }));
    assert!(close.is_none_or(|close| close + 1 == exchange.replies.len()), "nothing follows a close");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_conversation_is_survived_and_has_one_start_and_one_end(
        acts in proptest::collection::vec(act(), 0..40),
        protocol in proptest::sample::select(&Protocol::ALL[..]),
        is_started in any::<bool>(),
    ) {
        let mut replay = Replay::new(protocol);
        let mut exchange = Exchange::default();
        if is_started {
            for message in start_of(protocol) {
                replay.bridge.receive(message, &mut exchange).unwrap();
            }
        }
        for act in acts {
            let _ = match act {
                Act::Text(text) => replay.bridge.receive(Message::Text(&text), &mut exchange),
                Act::Binary(bytes) => replay.bridge.receive(Message::Binary(&bytes), &mut exchange),
                Act::Play(milliseconds) => replay.bridge.send(&play(milliseconds, 8_000, Some("m")), &mut exchange),
                Act::Flush => replay.bridge.send(&Outgoing::Flush, &mut exchange),
                Act::HangUp => replay.bridge.send(&Outgoing::HangUp, &mut exchange),
                Act::Wait(milliseconds) => {
                    replay.now += Duration::from_millis(milliseconds);
                    Ok(())
                }
            };
            replay.bridge.poll(replay.now, &mut exchange);
        }
        check(&exchange);
    }

    #[test]
    fn any_cutting_of_an_audiosocket_stream_gives_the_same_facts(
        payloads in proptest::collection::vec((0u8..4, proptest::collection::vec(any::<u8>(), 0..700)), 0..20),
        cuts in proptest::collection::vec(1usize..900, 1..40),
    ) {
        let mut stream = b"\x01\x00\x100123456789abcdef\x10\x00\x02\x00\x00".to_vec();
        for (kind, payload) in payloads {
            stream.push([0x10, 0x03, 0x11, 0x77][usize::from(kind)]);
            stream.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
            stream.extend_from_slice(&payload);
        }
        let facts = |pieces: &[&[u8]]| {
            let mut replay = Replay::new(Protocol::AudioSocket);
            let mut exchange = Exchange::default();
            for piece in pieces {
                let _ = replay.bridge.receive(Message::Binary(piece), &mut exchange);
            }
            exchange.facts
        };
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        for &cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        // Each bad frame is an error of its own when frames come alone; fewer than a peer is given up for.
        prop_assert_eq!(facts(&pieces), facts(&[&stream]));
    }
}
