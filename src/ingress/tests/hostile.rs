//! Malformed messages: each gets a named error or a clean close, and the process goes on.

use super::replay::Replay;
use crate::ingress::{Error, Exchange, Incoming, Message, Protocol, Reply};

const TWILIO_START: &str = r#"{"event":"start","start":{"streamSid":"MZ1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#;
const TELNYX_START: &str = r#"{"event":"start","start":{"call_control_id":"c1","media_format":{"encoding":"PCMU","sample_rate":8000,"channels":1}}}"#;
const VONAGE_START: &str = r#"{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}"#;
const JAMBONZ_START: &str = r#"{"callSid":"j1","sampleRate":8000,"mixType":"mono"}"#;
const GENERIC_START: &str = r#"{"type":"start","encoding":"pcm_s16le","sample_rate":16000,"playback":true}"#;
const ASTERISK_START: &str = "MEDIA_START connection_id:c channel_id:d format:ulaw optimal_frame_size:160";

/// What starts a call of each protocol.
pub(super) fn start_of(protocol: Protocol) -> Vec<Message<'static>> {
    match protocol {
        Protocol::Generic => vec![Message::Text(GENERIC_START)],
        Protocol::Twilio => vec![Message::Text(TWILIO_START)],
        Protocol::Telnyx => vec![Message::Text(TELNYX_START)],
        Protocol::Vonage => vec![Message::Text(VONAGE_START)],
        Protocol::Jambonz => vec![Message::Text(JAMBONZ_START)],
        Protocol::AudioStream | Protocol::AudioFork => vec![Message::Text("{}")],
        Protocol::ChanWebsocket => vec![Message::Text(ASTERISK_START)],
        Protocol::AudioSocket => vec![Message::Binary(b"\x01\x00\x100123456789abcdef\x10\x00\x02\x00\x00")],
    }
}

fn started(protocol: Protocol) -> Replay {
    let mut replay = Replay::new(protocol);
    let mut exchange = Exchange::default();
    for message in start_of(protocol) {
        replay.bridge.receive(message, &mut exchange).unwrap();
    }
    assert!(matches!(exchange.facts[0], Incoming::Started(_)), "{protocol}");
    replay
}

fn closes(exchange: &Exchange) -> bool {
    exchange.replies.iter().any(|reply| matches!(reply, Reply::Close { .. }))
}

/// The message comes first: it is refused with this code, about this field, and the connection is closed.
fn refused_at_once(protocol: Protocol, message: Message<'_>) -> Error {
    let mut replay = Replay::new(protocol);
    let mut exchange = Exchange::default();
    let error = replay.bridge.receive(message, &mut exchange).expect_err(&format!("{protocol}: {message:?}"));
    assert!(closes(&exchange), "{protocol}: {error}");
    assert!(exchange.facts.is_empty(), "{protocol}: {error}");
    let mut after = Exchange::default();
    replay.bridge.receive(start_of(protocol)[0], &mut after).unwrap();
    assert!(after.facts.is_empty() && after.replies.is_empty(), "{protocol}: nothing follows a close");
    error
}

/// The message comes in a running call: it is refused, and the call goes on.
fn refused_and_survived(protocol: Protocol, message: Message<'_>) -> Error {
    let mut replay = started(protocol);
    let mut exchange = Exchange::default();
    let error = replay.bridge.receive(message, &mut exchange).expect_err(&format!("{protocol}: {message:?}"));
    assert!(!closes(&exchange), "{protocol}: {error}");
    error
}

#[test]
fn a_key_of_twilio_is_the_callers_wherever_the_start_lists_his_track() {
    for (tracks, expected) in [
        (r#"["inbound"]"#, 0),
        (r#"["inbound","outbound"]"#, 0),
        (r#"["outbound","inbound"]"#, 1),
        (r#"["outbound"]"#, 0),
    ] {
        let mut replay = Replay::new(Protocol::Twilio);
        let start = TWILIO_START.replace(r#"["inbound"]"#, tracks);
        replay.bridge.receive(Message::Text(&start), &mut Exchange::default()).unwrap();
        let mut exchange = Exchange::default();
        let key = Message::Text(r#"{"event":"dtmf","dtmf":{"digit":"5"}}"#);
        replay.bridge.receive(key, &mut exchange).unwrap();
        assert_eq!(exchange.facts, [Incoming::Dtmf { track: expected, digit: '5'.into() }], "{tracks}");
    }
}

#[test]
fn starts_that_are_wrong_name_the_field() {
    use Protocol::{ChanWebsocket, Generic, Jambonz, Telnyx, Twilio, Vonage};
    let cases = [
        (Generic, r#"{"type":"start","sample_rate":16000}"#, "encoding"),
        (Generic, r#"{"type":"start","encoding":"flac","sample_rate":16000}"#, "encoding"),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":"8000"}"#, "sample_rate"),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":7999}"#, "sample_rate"),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":48001}"#, "sample_rate"),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":-8000}"#, "sample_rate"),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":8000.5}"#, "sample_rate"),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":1e30}"#, "sample_rate"),
        (Generic, r#"{"type":"start","encoding":"opus","sample_rate":44100}"#, "sample_rate"),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":8000,"channels":[]}"#, "channels"),
        (
            Generic,
            r#"{"type":"start","encoding":"mulaw","sample_rate":8000,"channels":["caller","caller"]}"#,
            "channels",
        ),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":8000,"channels":["x"]}"#, "channels"),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":8000,"language":"de"}"#, "language"),
        (
            Generic,
            r#"{"type":"start","encoding":"mulaw","sample_rate":8000,"parameters":{"a":1}}"#,
            "parameters.a",
        ),
        (Generic, r#"{"type":"start","encoding":"mulaw","sample_rate":8000,"interim":true}"#, "interim"),
        (Generic, r#"{"type":1}"#, "type"),
        (Generic, r#"{"encoding":"mulaw"}"#, "type"),
        (Twilio, r#"{"event":"start"}"#, "start"),
        (Twilio, r#"{"event":"start","start":{"callSid":"CA1"}}"#, "start.streamSid"),
        (
            Twilio,
            r#"{"event":"start","start":{"streamSid":"a","callSid":"b","mediaFormat":{"encoding":"audio/x-l16","sampleRate":8000,"channels":1}}}"#,
            "start.mediaFormat.encoding",
        ),
        (
            Twilio,
            r#"{"event":"start","start":{"streamSid":"a","callSid":"b","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":"NaN","channels":1}}}"#,
            "start.mediaFormat.sampleRate",
        ),
        (
            Twilio,
            r#"{"event":"start","start":{"streamSid":"a","callSid":"b","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":99999999999999999999,"channels":1}}}"#,
            "start.mediaFormat.sampleRate",
        ),
        (
            Twilio,
            r#"{"event":"start","start":{"streamSid":"a","callSid":"b","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":2}}}"#,
            "start.mediaFormat.channels",
        ),
        (
            Twilio,
            r#"{"event":"start","start":{"streamSid":"a","callSid":"b","tracks":["inbound","inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#,
            "start.tracks",
        ),
        (
            Twilio,
            r#"{"event":"start","start":{"streamSid":"a","callSid":"b","customParameters":{"language":"de"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#,
            "parameters.language",
        ),
        (
            Twilio,
            r#"{"event":"start","start":{"streamSid":"a","callSid":"b","customParameters":{"channels":"caller,agent"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#,
            "parameters.channels",
        ),
        (
            Telnyx,
            r#"{"event":"start","start":{"call_control_id":"c","media_format":{"encoding":"G722","sample_rate":8000,"channels":1}}}"#,
            "start.media_format.encoding",
        ),
        (
            Telnyx,
            r#"{"event":"start","start":{"call_control_id":"c","media_format":{"encoding":"L16","sample_rate":4294967296,"channels":1}}}"#,
            "start.media_format.sample_rate",
        ),
        (
            Telnyx,
            r#"{"event":"start","start":{"call_control_id":"c","media_format":{"encoding":"L16","sample_rate":16000,"channels":2}}}"#,
            "start.media_format.channels",
        ),
        (Vonage, r#"{"event":"websocket:connected"}"#, "content-type"),
        (Vonage, r#"{"event":"websocket:connected","content-type":"audio/l16;rate=NaN"}"#, "content-type"),
        (Vonage, r#"{"event":"websocket:connected","content-type":"audio/l16;rate=0"}"#, "content-type"),
        (Vonage, r#"{"event":"websocket:connected","content-type":"audio/opus;rate=16000"}"#, "content-type"),
        (
            Vonage,
            r#"{"event":"websocket:connected","content-type":"audio/l16;rate=8000","vocabulary":7,"playback":"loud"}"#,
            "parameters.playback",
        ),
        (Jambonz, r#"{"callSid":"j"}"#, "sampleRate"),
        (Jambonz, r#"{"callSid":"j","sampleRate":3999}"#, "sampleRate"),
        (Jambonz, r#"{"callSid":"j","sampleRate":8000,"mixType":"5.1"}"#, "mixType"),
        (
            Jambonz,
            r#"{"callSid":"j","sampleRate":8000,"metadata":{"play_rate":"-1"}}"#,
            "parameters.play_rate",
        ),
        (ChanWebsocket, "MEDIA_START channel_id:x", "format"),
        (ChanWebsocket, "MEDIA_START format:opus", "format"),
        (ChanWebsocket, "MEDIA_START format:ulaw optimal_frame_size:0", "optimal_frame_size"),
        (ChanWebsocket, "MEDIA_START format:slin16 optimal_frame_size:641", "optimal_frame_size"),
        (
            ChanWebsocket,
            "MEDIA_START format:ulaw optimal_frame_size:18446744073709551615",
            "optimal_frame_size",
        ),
        (
            ChanWebsocket,
            r#"{"event":"MEDIA_START","format":"ulaw","optimal_frame_size":{}}"#,
            "optimal_frame_size",
        ),
        (Protocol::AudioFork, r#"{"sampleRate":"fast"}"#, "parameters.sample_rate"),
        (Protocol::AudioStream, r#"{"mixType":"quad"}"#, "parameters.mixType"),
        (Protocol::AudioStream, r#"{"channels":"caller,agent,bot"}"#, "parameters.channels"),
    ];
    for (protocol, message, field) in cases {
        let error = refused_at_once(protocol, Message::Text(message));
        assert_eq!(error.field(), Some(field), "{protocol}: {message}: {error}");
    }
}

#[test]
fn text_that_is_no_json_ends_a_call_that_has_not_started() {
    let texts =
        ["", " ", "{", "nonsense", "[1,2", "\u{0}", "{\"event\":\"start\"} {}", "{\"event\":", "\"a\""];
    for protocol in
        [Protocol::Generic, Protocol::Twilio, Protocol::Telnyx, Protocol::Vonage, Protocol::Jambonz]
    {
        for text in texts {
            let error = refused_at_once(protocol, Message::Text(text));
            assert!(
                matches!(error, Error::Unreadable { .. } | Error::InvalidField { .. }),
                "{protocol}: {error}"
            );
        }
    }
    for text in ["", "   ", "{\"event\":7}", "MEDIA_START format:ulaw optimal_frame_size:abc"] {
        refused_at_once(Protocol::ChanWebsocket, Message::Text(text));
    }
}

#[test]
fn deeply_nested_json_is_refused_and_not_followed() {
    let deep = format!(r#"{{"event":"start","x":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    for protocol in
        [Protocol::Generic, Protocol::Twilio, Protocol::Telnyx, Protocol::Vonage, Protocol::Jambonz]
    {
        refused_at_once(protocol, Message::Text(&deep));
    }
}

#[test]
fn audio_before_the_start_ends_the_connection() {
    for protocol in [Protocol::Generic, Protocol::Vonage, Protocol::Jambonz, Protocol::ChanWebsocket] {
        let error = refused_at_once(protocol, Message::Binary(&[0; 320]));
        assert!(matches!(error, Error::OutOfOrder { .. }), "{protocol}: {error}");
    }
    let media =
        r#"{"event":"media","media":{"track":"inbound","chunk":"1","timestamp":"1","payload":"//8="}}"#;
    for protocol in [Protocol::Twilio, Protocol::Telnyx] {
        assert!(matches!(refused_at_once(protocol, Message::Text(media)), Error::OutOfOrder { .. }));
        assert!(matches!(refused_at_once(protocol, Message::Binary(b"")), Error::OutOfOrder { .. }));
    }
    for bytes in [
        &b"\x10\x00\x02\x00\x00"[..],
        b"\x03\x00\x011",
        b"\xff\x00\x00",
        b"GET / HTTP/1.1\r\n".repeat(2_000).as_slice(),
    ] {
        let error = refused_at_once(Protocol::AudioSocket, Message::Binary(bytes));
        assert!(matches!(error, Error::OutOfOrder { .. }), "{error}");
    }
    let error = refused_at_once(Protocol::AudioSocket, Message::Binary(b"\x01\x00\x01a"));
    assert_eq!(error.field(), Some("identity"));
    assert!(matches!(refused_at_once(Protocol::AudioSocket, Message::Text("")), Error::OutOfOrder { .. }));
}

#[test]
fn a_second_start_is_refused_and_the_call_goes_on() {
    for protocol in
        [Protocol::Generic, Protocol::Twilio, Protocol::Telnyx, Protocol::Vonage, Protocol::ChanWebsocket]
    {
        let error = refused_and_survived(protocol, start_of(protocol)[0]);
        assert!(matches!(error, Error::OutOfOrder { .. }), "{protocol}: {error}");
    }
    let error = refused_and_survived(Protocol::AudioSocket, Message::Binary(b"\x01\x00\x100123456789abcdef"));
    assert!(matches!(error, Error::OutOfOrder { .. }), "{error}");
}

#[test]
fn ten_megabytes_are_refused_unread() {
    let text = "x".repeat(10_000_000);
    let bytes = vec![0; 10_000_000];
    for protocol in Protocol::ALL {
        for message in [Message::Text(&text), Message::Binary(&bytes)] {
            let error = refused_at_once(protocol, message);
            assert!(matches!(error, Error::TooLarge { bytes: 10_000_000, .. }), "{protocol}: {error}");
            let mut replay = started(protocol);
            let mut exchange = Exchange::default();
            replay.bridge.receive(message, &mut exchange).unwrap_err();
            assert!(matches!(exchange.facts[..], [Incoming::Ended { .. }]), "{protocol}");
            assert!(matches!(exchange.replies.last(), Some(Reply::Close { code: 1009, .. })), "{protocol}");
        }
    }
}

#[test]
fn audio_that_is_broken_is_dropped_and_the_call_goes_on() {
    for protocol in [Protocol::Generic, Protocol::Vonage, Protocol::Jambonz, Protocol::AudioFork] {
        let error = refused_and_survived(protocol, Message::Binary(&[0, 1, 2]));
        assert!(matches!(error, Error::InvalidAudio { .. }), "{protocol}: {error}");
    }
    for payload in ["!!!!", "AAAAA", "A", "é"] {
        let media =
            format!(r#"{{"event":"media","media":{{"chunk":"1","timestamp":"1","payload":"{payload}"}}}}"#);
        for protocol in [Protocol::Twilio, Protocol::Telnyx] {
            let error = refused_and_survived(protocol, Message::Text(&media));
            assert!(matches!(error, Error::InvalidAudio { .. }), "{protocol}: {error}");
        }
    }
}

#[test]
fn fields_that_are_wrong_in_a_running_call_are_named_and_survived() {
    let cases = [
        (Protocol::Twilio, r#"{"event":"media"}"#, "media"),
        (Protocol::Twilio, r#"{"event":"media","media":{}}"#, "media.payload"),
        (Protocol::Twilio, r#"{"event":"media","media":{"chunk":"-1","payload":""}}"#, "media.chunk"),
        (Protocol::Twilio, r#"{"event":"media","media":{"timestamp":1.5,"payload":""}}"#, "media.timestamp"),
        (Protocol::Twilio, r#"{"event":"media","media":{"track":"outbound","payload":""}}"#, "media.track"),
        (Protocol::Twilio, r#"{"event":"dtmf","dtmf":{"digit":"12"}}"#, "dtmf.digit"),
        (Protocol::Twilio, r#"{"event":"mark","mark":{}}"#, "mark.name"),
        (Protocol::Twilio, r#"{"event":"media","event":"media"}"#, "event"),
        (Protocol::Telnyx, r#"{"event":"media","media":{"track":"outbound","payload":""}}"#, "media.track"),
        (Protocol::Telnyx, r#"{"event":"media","media":{"track":"both","payload":""}}"#, "media.track"),
        (Protocol::Telnyx, r#"{"event":"dtmf","dtmf":{"digit":""}}"#, "dtmf.digit"),
        (Protocol::Vonage, r#"{"event":"websocket:dtmf"}"#, "digit"),
        (Protocol::Vonage, r#"{"event":"websocket:dtmf","digit":5}"#, "digit"),
        (Protocol::Jambonz, r#"{"event":"dtmf"}"#, "dtmf"),
        (Protocol::Jambonz, r#"{"type":"mark","data":{"name":"a","event":"lost"}}"#, "data.event"),
        (Protocol::ChanWebsocket, "DTMF_END channel_id:1", "digit"),
        (Protocol::ChanWebsocket, "DTMF_END digit:E", "digit"),
        (Protocol::AudioStream, r#"{"event":"dtmf","dtmf":"xx"}"#, "dtmf"),
    ];
    for (protocol, message, field) in cases {
        let error = refused_and_survived(protocol, Message::Text(message));
        assert_eq!(error.field(), Some(field), "{protocol}: {message}: {error}");
    }
    let error = refused_and_survived(Protocol::AudioSocket, Message::Binary(b"\x03\x00\x01x"));
    assert_eq!(error.field(), Some("dtmf"));
}

#[test]
fn nothing_but_garbage_ends_a_running_call() {
    for protocol in
        [Protocol::Generic, Protocol::Twilio, Protocol::Telnyx, Protocol::Vonage, Protocol::Jambonz]
    {
        let mut replay = started(protocol);
        let mut exchange = Exchange::default();
        let mut taken = 0;
        while !closes(&exchange) {
            replay.bridge.receive(Message::Text("{"), &mut exchange).unwrap_err();
            taken += 1;
        }
        assert_eq!(taken, 50, "{protocol}");
        assert!(matches!(exchange.facts[..], [Incoming::Ended { .. }]), "{protocol}");
    }
}

#[test]
fn a_long_call_survives_many_mistakes_among_good_messages() {
    let mut replay = started(Protocol::Twilio);
    let mut exchange = Exchange::default();
    for _ in 0..200 {
        replay.bridge.receive(Message::Text("{"), &mut exchange).unwrap_err();
        replay.bridge.receive(Message::Text(r#"{"event":"connected"}"#), &mut exchange).unwrap();
    }
    assert!(exchange.replies.is_empty() && exchange.facts.is_empty());
}

#[test]
fn numbers_at_the_edge_lose_nothing_and_break_nothing() {
    for protocol in [Protocol::Twilio, Protocol::Telnyx] {
        let mut replay = started(protocol);
        let mut exchange = Exchange::default();
        for chunk in [1, u64::MAX, 0, u64::MAX - 1, 2, 1 << 63] {
            let media = format!(
                r#"{{"event":"media","media":{{"chunk":"{chunk}","timestamp":"{chunk}","payload":"//////8="}}}}"#
            );
            let _ = replay.bridge.receive(Message::Text(&media), &mut exchange);
        }
        replay.bridge.receive(Message::Text(r#"{"event":"stop"}"#), &mut exchange).unwrap();
        assert!(exchange.facts.iter().any(|fact| matches!(fact, Incoming::Audio { .. })), "{protocol}");
        assert!(
            !exchange.facts.iter().any(|fact| matches!(fact, Incoming::Lost { .. })),
            "{protocol}: a jump is no loss"
        );
    }
}

#[test]
fn an_error_never_holds_what_the_peer_sent() {
    let secret = "4970101234567890";
    let messages = [
        format!(r#"{{"type":"start","encoding":"{secret}","sample_rate":8000}}"#),
        format!(r#"{{"type":"start","encoding":"mulaw","sample_rate":"{secret}"}}"#),
        format!(
            r#"{{"type":"start","encoding":"mulaw","sample_rate":8000,"channels":["{secret}"],"language":"{secret}"}}"#
        ),
        format!(r#"{{"type":"{secret}"}}"#),
        format!(r#"{{"event":"start","start":"{secret}"}}"#),
        format!(r#"{{"event":"websocket:connected","content-type":"{secret}"}}"#),
        format!(r#"{{"callSid":"{secret}","sampleRate":"{secret}"}}"#),
        format!("MEDIA_START format:{secret}"),
        format!("{secret} {{"),
    ];
    for protocol in Protocol::ALL {
        for message in &messages {
            let mut exchange = Exchange::default();
            let mut replay = Replay::new(protocol);
            if let Err(error) = replay.bridge.receive(Message::Text(message), &mut exchange) {
                let said = format!("{error} {error:?} {exchange:?}");
                assert!(!said.contains(secret), "{protocol}: {said}");
            }
        }
    }
}

#[test]
fn every_protocol_is_found_by_its_name() {
    for protocol in Protocol::ALL {
        assert_eq!(Protocol::named(protocol.name()), Some(protocol));
        assert_eq!(Replay::new(protocol).bridge.name(), protocol.name());
    }
    assert_eq!(Protocol::named("sip"), None);
}
