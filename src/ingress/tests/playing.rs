//! What is played: whole, in order, resampled, flushed at once, and bounded.

use std::time::Duration;

use proptest::prelude::*;

use super::hostile::start_of;
use super::replay::{Replay, encoding_named, play, tone};
use crate::audio::SampleRate;
use crate::audio::resample::resample_all;
use crate::ingress::{Error, Exchange, Incoming, Message, Outgoing, Protocol, Reply};

fn started(protocol: Protocol) -> Replay {
    let mut replay = Replay::new(protocol);
    for message in start_of(protocol) {
        replay.bridge.receive(message, &mut Exchange::default()).unwrap();
    }
    replay
}

/// Everything that a bridge gives within `duration`, driven by its own deadlines.
fn drive(replay: &mut Replay, duration: Duration) -> Exchange {
    let end = replay.now + duration;
    let mut exchange = Exchange::default();
    replay.bridge.poll(replay.now, &mut exchange);
    while let Some(deadline) = replay.bridge.next_deadline().filter(|&deadline| deadline <= end) {
        replay.now = replay.now.max(deadline);
        replay.bridge.poll(replay.now, &mut exchange);
    }
    replay.now = end;
    exchange
}

fn binary(exchange: &Exchange) -> Vec<u8> {
    exchange
        .replies
        .iter()
        .flat_map(|reply| match reply {
            Reply::Binary(bytes) => bytes.clone(),
            Reply::Text(_) | Reply::Close { .. } => Vec::new(),
        })
        .collect()
}

fn finished(exchange: &Exchange) -> Vec<(String, bool)> {
    exchange
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Incoming::PlaybackFinished { mark, completed } => Some((mark.clone(), *completed)),
            Incoming::Started(_)
            | Incoming::Audio { .. }
            | Incoming::Lost { .. }
            | Incoming::Dtmf { .. }
            | Incoming::TransferFailed
            | Incoming::Ended { .. } => None,
        })
        .collect()
}

#[test]
fn two_prompts_are_one_stream_without_a_gap_at_the_peers_rate() {
    let mut replay = started(Protocol::Generic);
    for rate in [24_000, 8_000] {
        replay.bridge.send(&play(33, rate, None), &mut Exchange::default()).unwrap();
    }
    let exchange = drive(&mut replay, Duration::from_secs(1));
    let mut expected = Vec::new();
    for rate_hz in [24_000, 8_000] {
        let samples = tone(33 * rate_hz as usize / 1_000, rate_hz);
        let rate = SampleRate::from_hz(rate_hz).unwrap();
        expected.extend(resample_all(&samples, rate, SampleRate::PIPELINE).unwrap());
    }
    expected.resize(expected.len().next_multiple_of(320), 0.0);
    assert_eq!(binary(&exchange), encoding_named("pcm_s16le").encode(&expected));
}

#[test]
fn a_playback_ends_when_its_last_frame_was_heard() {
    for protocol in [Protocol::Generic, Protocol::AudioSocket, Protocol::AudioFork] {
        let mut replay = started(protocol);
        replay.bridge.send(&play(1_000, 16_000, Some("m")), &mut Exchange::default()).unwrap();
        let early = drive(&mut replay, Duration::from_millis(999));
        assert_eq!(finished(&early), [], "{protocol}");
        let late = drive(&mut replay, Duration::from_millis(25));
        assert_eq!(finished(&late), [("m".to_owned(), true)], "{protocol}");
    }
}

#[test]
fn a_mark_that_the_peer_never_returns_ends_its_playback_some_time_after_it_was_heard() {
    for protocol in [Protocol::Twilio, Protocol::Telnyx, Protocol::Vonage, Protocol::ChanWebsocket] {
        let mut replay = started(protocol);
        replay.bridge.send(&play(1_000, 8_000, Some("m")), &mut Exchange::default()).unwrap();
        let early = drive(&mut replay, Duration::from_millis(10_900));
        assert_eq!(finished(&early), [], "{protocol}");
        let late = drive(&mut replay, Duration::from_millis(200));
        assert_eq!(finished(&late), [("m".to_owned(), true)], "{protocol}");
        assert_eq!(replay.bridge.next_deadline(), None, "{protocol}");
    }
}

#[test]
fn a_flush_stops_at_once_on_every_two_way_protocol() {
    for protocol in Protocol::ALL {
        let mut replay = started(protocol);
        for mark in ["one", "two"] {
            replay.bridge.send(&play(3_000, 16_000, Some(mark)), &mut Exchange::default()).unwrap();
        }
        drive(&mut replay, Duration::from_millis(100));
        let mut flushed = Exchange::default();
        replay.bridge.send(&Outgoing::Flush, &mut flushed).unwrap();
        let cut_off = [("one".to_owned(), false), ("two".to_owned(), false)];
        assert_eq!(finished(&flushed), cut_off, "{protocol}");
        let after = drive(&mut replay, Duration::from_secs(10));
        assert_eq!(finished(&after), [], "{protocol}");
        let is_silent = binary(&after).chunks(323).all(|frame| frame[3..].iter().all(|&byte| byte == 0));
        assert!(
            if protocol == Protocol::AudioSocket { is_silent } else { after.replies.is_empty() },
            "{protocol}"
        );
    }
}

#[test]
fn nothing_follows_a_hang_up() {
    for protocol in Protocol::ALL {
        let mut replay = started(protocol);
        replay.bridge.send(&play(3_000, 16_000, Some("m")), &mut Exchange::default()).unwrap();
        let mut exchange = Exchange::default();
        replay.bridge.send(&Outgoing::HangUp, &mut exchange).unwrap();
        assert_eq!(finished(&exchange), [("m".to_owned(), false)], "{protocol}");
        assert!(matches!(exchange.replies.last(), Some(Reply::Close { code: 1000, .. })), "{protocol}");
        let mut after = drive(&mut replay, Duration::from_secs(1));
        replay.bridge.receive(start_of(protocol)[0], &mut after).unwrap();
        assert!(replay.bridge.send(&play(20, 8_000, None), &mut after).is_err(), "{protocol}");
        assert!(after.replies.is_empty() && after.facts.is_empty(), "{protocol}: {after:?}");
    }
}

#[test]
fn audiosocket_gets_one_frame_every_20_ms_whatever_is_played() {
    let mut replay = started(Protocol::AudioSocket);
    let mut exchange = drive(&mut replay, Duration::from_secs(1));
    replay.bridge.send(&play(500, 16_000, Some("m")), &mut exchange).unwrap();
    let second = drive(&mut replay, Duration::from_secs(1));
    assert_eq!(exchange.replies.len(), 51);
    assert_eq!(second.replies.len(), 50);
    assert!(second.replies.iter().all(|reply| matches!(reply, Reply::Binary(bytes) if bytes.len() == 323)));
}

#[test]
fn flushing_does_not_disturb_the_pace_of_audiosocket() {
    let mut replay = started(Protocol::AudioSocket);
    let mut exchange = Exchange::default();
    for _ in 0..100 {
        replay.bridge.send(&play(30, 16_000, None), &mut exchange).unwrap();
        replay.bridge.send(&Outgoing::Flush, &mut exchange).unwrap();
        exchange.replies.extend(drive(&mut replay, Duration::from_millis(7)).replies);
    }
    assert_eq!(exchange.replies.len(), 36, "700 ms and the first frame");
}

#[test]
fn too_much_audio_is_refused_and_what_was_queued_is_played() {
    for protocol in Protocol::ALL {
        let mut replay = started(protocol);
        let mut exchange = Exchange::default();
        replay.bridge.send(&play(100_000, 8_000, None), &mut exchange).unwrap();
        let error = replay.bridge.send(&play(30_000, 8_000, None), &mut exchange).unwrap_err();
        assert!(matches!(error, Error::PlaybackFull { queued_s: 130, .. }), "{protocol}: {error}");
        let mut empties = started(protocol);
        let refused = (0..300)
            .filter(|_| empties.bridge.send(&play(0, 8_000, Some("m")), &mut exchange).is_err())
            .count();
        assert_eq!(refused, 44, "{protocol}: 256 prompts wait");
    }
}

#[test]
fn an_empty_prompt_ends_too() {
    for protocol in [Protocol::Generic, Protocol::AudioSocket, Protocol::AudioStream] {
        let mut replay = started(protocol);
        replay.bridge.send(&play(0, 8_000, Some("empty")), &mut Exchange::default()).unwrap();
        assert_eq!(finished(&drive(&mut replay, Duration::from_millis(50))), [("empty".to_owned(), true)]);
    }
}

#[test]
fn a_stream_that_goes_one_way_plays_nothing_and_says_so() {
    let mut replay = Replay::new(Protocol::Generic);
    let start = r#"{"type":"start","encoding":"alaw","sample_rate":8000}"#;
    let mut exchange = Exchange::default();
    let early = replay.bridge.send(&play(20, 8_000, None), &mut exchange).unwrap_err();
    assert!(matches!(early, Error::OutOfOrder { .. }));
    replay.bridge.receive(Message::Text(start), &mut exchange).unwrap();
    let error = replay.bridge.send(&play(20, 8_000, None), &mut exchange).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}

#[test]
fn values_beyond_the_scale_and_no_numbers_are_played_clipped_and_silent() {
    let mut replay = started(Protocol::Vonage);
    let samples = [f32::NAN, 9.0, -9.0, f32::INFINITY].repeat(80).into();
    let play = Outgoing::Play { samples, rate: SampleRate::PIPELINE, mark: None };
    replay.bridge.send(&play, &mut Exchange::default()).unwrap();
    let bytes = binary(&drive(&mut replay, Duration::from_millis(20)));
    assert_eq!(bytes[..8], [0, 0, 0xff, 0x7f, 0, 0x80, 0xff, 0x7f]);
}

#[test]
fn opus_is_played_in_packets_that_decode_to_what_was_said() {
    let mut replay = Replay::new(Protocol::Generic);
    let start = r#"{"type":"start","encoding":"opus","sample_rate":16000,"playback":true}"#;
    replay.bridge.receive(Message::Text(start), &mut Exchange::default()).unwrap();
    replay.bridge.send(&play(400, 16_000, None), &mut Exchange::default()).unwrap();
    let played = drive(&mut replay, Duration::from_secs(1));
    assert_eq!(played.replies.len(), 20);
    let mut heard = Exchange::default();
    for reply in &played.replies {
        let Reply::Binary(packet) = reply else { panic!("{reply:?}") };
        replay.bridge.receive(Message::Binary(packet), &mut heard).unwrap();
    }
    let samples: Vec<f32> = heard
        .facts
        .iter()
        .flat_map(|fact| {
            let Incoming::Audio { samples, .. } = fact else { panic!("{fact:?}") };
            samples.clone()
        })
        .collect();
    assert_eq!(samples.len(), 6_400);
    let power = samples[1_600..].iter().map(|sample| sample * sample).sum::<f32>() / 4_800.0;
    assert!((power.sqrt() - 0.4 / 2f32.sqrt()).abs() < 0.03, "{}", power.sqrt());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_mark_ends_exactly_once_whatever_happens(
        commands in proptest::collection::vec((0usize..4, 0usize..300, 0u64..200), 1..24),
        protocol in proptest::sample::select(&[Protocol::Generic, Protocol::AudioSocket, Protocol::AudioFork][..]),
    ) {
        let mut replay = started(protocol);
        let mut ended = Vec::new();
        let mut sent = 0;
        for (index, (kind, milliseconds, wait_ms)) in commands.into_iter().enumerate() {
            let mut exchange = Exchange::default();
            let command = if kind == 0 {
                Outgoing::Flush
            } else {
                sent += 1;
                play(milliseconds, 8_000, Some(&index.to_string()))
            };
            replay.bridge.send(&command, &mut exchange).unwrap();
            ended.extend(finished(&exchange));
            ended.extend(finished(&drive(&mut replay, Duration::from_millis(wait_ms))));
        }
        ended.extend(finished(&drive(&mut replay, Duration::from_secs(60))));
        prop_assert_eq!(ended.len(), sent);
        let order: Vec<usize> = ended.iter().map(|(mark, _)| mark.parse().unwrap()).collect();
        prop_assert!(order.is_sorted(), "{order:?}");
    }
}
