//! One conversation a protocol, as a snapshot of what each step gives.

use super::replay::Replay;
use crate::ingress::Protocol;

fn check(name: &str, protocol: Protocol, parameters: &[(&str, &str)], script: &str) {
    let log = Replay::with_parameters(protocol, parameters).run(script);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, log);
    });
}

#[test]
fn a_call_over_the_generic_protocol() {
    check("generic", Protocol::Generic, &[("tenant", "a")], include_str!("conversations/generic.txt"));
}

#[test]
fn a_recorded_leg_of_two_channels_in_opus() {
    let start = r#"{"type":"start","encoding":"opus","sample_rate":16000,"channels":["caller","agent"]}"#;
    // The comfort-noise packet of a stereo stream: one frame of 20 ms, hybrid, with an empty payload.
    let log = Replay::new(Protocol::Generic).run(&format!("< {start}\n<# 7c\n<# ff"));
    assert!(log.contains("audio of track 0: 320 samples"), "{log}");
    assert!(log.contains("audio of track 1: 320 samples"), "{log}");
    assert!(log.contains("error invalid_audio"), "{log}");
}

#[test]
fn a_two_way_twilio_stream() {
    check("twilio", Protocol::Twilio, &[], include_str!("conversations/twilio.txt"));
}

#[test]
fn a_forked_twilio_stream_with_both_tracks() {
    check("twilio-fork", Protocol::Twilio, &[], include_str!("conversations/twilio-fork.txt"));
}

#[test]
fn a_telnyx_stream_out_of_order() {
    check("telnyx", Protocol::Telnyx, &[], include_str!("conversations/telnyx.txt"));
}

#[test]
fn a_vonage_websocket_leg() {
    check("vonage", Protocol::Vonage, &[], include_str!("conversations/vonage.txt"));
}

#[test]
fn a_jambonz_stream() {
    check("jambonz", Protocol::Jambonz, &[], include_str!("conversations/jambonz.txt"));
}

#[test]
fn a_jambonz_stream_that_takes_prompts_whole() {
    let parameters = [("playback", "files"), ("play_rate", "8000")];
    check("jambonz-files", Protocol::Jambonz, &parameters, include_str!("conversations/jambonz-files.txt"));
}

#[test]
fn a_stereo_fork_of_mod_audio_stream() {
    check("audio-stream", Protocol::AudioStream, &[], include_str!("conversations/audio-stream.txt"));
}

#[test]
fn a_fork_of_mod_audio_fork_without_metadata() {
    check("audio-fork", Protocol::AudioFork, &[], include_str!("conversations/audio-fork.txt"));
}

#[test]
fn a_chan_websocket_call_in_plain_text() {
    check(
        "chan-websocket-plain",
        Protocol::ChanWebsocket,
        &[],
        include_str!("conversations/chan-websocket-plain.txt"),
    );
}

#[test]
fn a_chan_websocket_call_in_json() {
    check(
        "chan-websocket-json",
        Protocol::ChanWebsocket,
        &[],
        include_str!("conversations/chan-websocket-json.txt"),
    );
}

#[test]
fn an_audiosocket_call() {
    check("audiosocket", Protocol::AudioSocket, &[], include_str!("conversations/audiosocket.txt"));
}

#[test]
fn an_older_asterisk_sends_16_khz_under_the_kind_of_8() {
    check("audiosocket-old", Protocol::AudioSocket, &[], include_str!("conversations/audiosocket-old.txt"));
}
