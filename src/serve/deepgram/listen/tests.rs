use proptest::prelude::*;

use super::*;
use crate::asr::LanguageChoice;
use crate::audio::{SampleRate, SampleSpan};
use crate::call::event::TurnEndReason;
use crate::call::{CallId, Language};
use crate::clock::{Clock, SystemClock};
use crate::serve::Offer;
use crate::serve::error::ApiError;
use crate::serve::face::Reply;

fn read(query: &str) -> Result<Query, ApiError> {
    let offer = Offer { model: "whisper-base".into(), languages: Language::ALL.to_vec() };
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Query::read(&pairs, &offer, &["nova-3".to_owned()])
}

/// A connection and what it did.
struct Script {
    face: Listen,
    now: Instant,
    demands: Vec<Demand>,
    told: Vec<Value>,
    closed: Option<u16>,
}

impl Script {
    fn new(query: &str) -> Self {
        let identity =
            Identity { request: Uuid::nil(), created: "2026-01-01T00:00:00Z".into(), version: "1" };
        let mut effects = Effects::default();
        let now = SystemClock.monotonic();
        let face = Listen::new(read(query).unwrap(), identity, now, &mut effects);
        let mut script = Self { face, now, demands: Vec::new(), told: Vec::new(), closed: None };
        script.take(effects);
        script
    }

    fn take(&mut self, effects: Effects) {
        self.demands.extend(effects.demands);
        for send in effects.sends {
            match send {
                Reply::Text(text) => self.told.push(serde_json::from_str(&text).unwrap()),
                Reply::Close { code, .. } => self.closed = Some(code),
            }
        }
    }

    fn sends(&mut self, message: Received<'_>) -> &mut Self {
        let mut effects = Effects::default();
        self.face.receive(message, self.now, &mut effects);
        self.take(effects);
        self
    }

    /// So much silence, as linear16.
    fn hears(&mut self, seconds: f64) -> &mut Self {
        let query = &self.face.query;
        let samples = (seconds * f64::from(query.rate.hz())) as usize * query.channels;
        self.sends(Received::Binary(&vec![0; samples * 2]))
    }

    fn happens(&mut self, body: EventBody) -> &mut Self {
        let event = Event { call: CallId(Uuid::nil()), sequence: 1, at: SamplePos(0), body };
        let mut effects = Effects::default();
        self.face.event(&event, &mut effects);
        self.take(effects);
        self
    }

    fn settles(&mut self) -> &mut Self {
        let mut effects = Effects::default();
        self.face.settled(&mut effects);
        self.take(effects);
        self
    }
}

fn started(channel: Channel, turn: u64, seconds: f64) -> EventBody {
    EventBody::SpeechStarted { channel, turn, at: SamplePos::from_seconds(seconds) }
}

fn partial(channel: Channel, stable: &str, unstable: &str) -> EventBody {
    let start = SamplePos::from_seconds(0.5);
    EventBody::TranscriptPartial { channel, turn: 1, start, stable: stable.into(), unstable: unstable.into() }
}

fn said(channel: Channel, start: f64, text: &str) -> EventBody {
    let span = SampleSpan::new(SamplePos::from_seconds(start), SamplePos::from_seconds(start + 0.5));
    let utterance = Utterance {
        channel,
        span,
        language: Language::Fr,
        text: text.into(),
        confidence: 0.9,
        words: vec![Word { text: text.into(), span, confidence: 0.8 }],
    };
    EventBody::TranscriptFinal {
        channel,
        turn: 1,
        utterance,
        alternatives: Vec::new(),
        corrections: Vec::new(),
        foreign_share: None,
        joins: None,
        latency: Duration::ZERO,
        delay: Default::default(),
    }
}

fn ended(channel: Channel, seconds: f64) -> EventBody {
    let end_of_speech = SamplePos::from_seconds(seconds);
    let reason = TurnEndReason::Finished;
    EventBody::TurnEnded { channel, turn: 1, end_of_speech, reason, continues: None, is_back_channel: false }
}

fn call_ended() -> EventBody {
    EventBody::CallEnded { reason: CallEndReason::Stopped, duration: Duration::ZERO }
}

const BASIC: &str = "model=nova-3&encoding=linear16&sample_rate=8000&interim_results=true&vad_events=true\
                     &utterance_end_ms=1000&endpointing=300&language=fr-FR";

#[test]
fn a_turn_has_interim_results_and_a_last_final_and_then_the_utterance_ends() {
    let mut script = Script::new(BASIC);
    script
        .hears(1.0)
        .happens(started(Channel::Mixed, 1, 0.5))
        .happens(partial(Channel::Mixed, "bonjour", "je"))
        .happens(said(Channel::Mixed, 0.5, "Bonjour,"))
        .happens(said(Channel::Mixed, 1.2, "Merci."))
        .happens(ended(Channel::Mixed, 1.7))
        .hears(1.0)
        .hears(1.0)
        .sends(Received::Text(r#"{"type":"KeepAlive"}"#))
        .sends(Received::Text(r#"{"type":"CloseStream"}"#))
        .happens(call_ended());
    insta::assert_json_snapshot!("turn", script.told);
    assert_eq!(script.closed, Some(1000));
    let Demand::Open(opening) = &script.demands[0] else { panic!("the first demand opens the call") };
    assert_eq!(opening.pause.map(|pause| pause.length), Some(Duration::from_millis(300)));
    assert_eq!(opening.language, LanguageChoice::Known(Language::Fr));
    assert_eq!(script.demands.last(), Some(&Demand::End));
}

#[test]
fn each_channel_has_its_own_results_when_it_is_asked_for() {
    let query = "encoding=linear16&sample_rate=16000&channels=2&multichannel=true";
    let mut script = Script::new(query);
    // The frame is cut in the middle of a sample.
    let frames: Vec<u8> = [1_i16, -1, 2, -2, 3, -3].iter().flat_map(|it| it.to_le_bytes()).collect();
    script.sends(Received::Binary(&frames[..5])).sends(Received::Binary(&frames[5..]));
    let heard = |track: usize| -> Vec<f32> {
        let of_track = script.demands.iter().filter_map(|demand| match demand {
            Demand::Audio { track: found, samples } if *found == track => Some(samples.clone()),
            Demand::Audio { .. } | Demand::Open(_) | Demand::Settle | Demand::End => None,
        });
        of_track.flatten().map(|sample| sample * 32_768.0).collect()
    };
    assert_eq!((heard(0), heard(1)), (vec![1.0, 2.0, 3.0], vec![-1.0, -2.0, -3.0]));
    script.happens(said(Channel::Numbered(1), 0.0, "Oui.")).happens(ended(Channel::Numbered(1), 0.5));
    let [result] = script.told.as_slice() else { panic!("{:?}", script.told) };
    assert_eq!((&result["channel_index"], &result["speech_final"]), (&json!([1, 2]), &json!(true)));
}

#[test]
fn who_finalizes_gets_an_answer_also_when_nothing_is_left() {
    let mut script = Script::new("encoding=linear16&sample_rate=8000&punctuate=false");
    script.hears(1.0).sends(Received::Text(r#"{"type":"Finalize"}"#));
    assert_eq!(script.demands.last(), Some(&Demand::Settle));
    script.happens(said(Channel::Mixed, 0.2, "Bonjour !")).happens(ended(Channel::Mixed, 0.7)).settles();
    script.hears(1.0).sends(Received::Text(r#"{"type":"Finalize"}"#)).settles();
    // Settling takes no time of the call.
    script.happens(said(Channel::Mixed, 1.2, "Au revoir.")).happens(ended(Channel::Mixed, 1.7));
    let told: Vec<(Value, Value, Value)> = script
        .told
        .iter()
        .map(|it| {
            let text = it["channel"]["alternatives"][0]["transcript"].clone();
            (text, it["from_finalize"].clone(), it["start"].clone())
        })
        .collect();
    let expected = [
        (json!("bonjour"), json!(true), json!(0.2)),
        (json!(""), json!(true), json!(2.0)),
        (json!("au revoir"), json!(false), json!(1.2)),
    ];
    assert_eq!(told, expected);
}

#[test]
fn audio_that_has_no_result_is_told_as_an_error_with_its_place() {
    let mut script = Script::new(BASIC);
    let span = SampleSpan::new(SamplePos::from_seconds(0.5), SamplePos::from_seconds(2.0));
    let gap = |reason| EventBody::Gap { channel: Channel::Mixed, span, reason };
    script.happens(started(Channel::Mixed, 1, 0.5));
    script.told.clear();
    script.happens(gap(GapReason::Lost));
    assert!(script.told.is_empty(), "the client's own network");
    script.happens(gap(GapReason::Failed));
    script.happens(EventBody::SpeechDiscarded { channel: Channel::Mixed, turn: 1 });
    let [error] = script.told.as_slice() else { panic!("{:?}", script.told) };
    let told = (&error["type"], &error["err_code"], &error["start"], &error["duration"]);
    assert_eq!(told, (&json!("Error"), &json!("NOT_RECOGNISED"), &json!(0.5), &json!(1.5)));
}

#[test]
fn a_client_that_is_silent_for_ten_seconds_is_let_go() {
    let mut script = Script::new(BASIC);
    let begun = script.now;
    script.now = begun + Duration::from_secs(6);
    script.sends(Received::Text(r#"{"type":"KeepAlive"}"#));
    let mut effects = Effects::default();
    script.face.poll(begun + Duration::from_secs(11), &mut effects);
    assert!(effects.sends.is_empty());
    script.face.poll(begun + Duration::from_secs(16), &mut effects);
    assert!(matches!(effects.sends.as_slice(), [Reply::Close { code: 1011, .. }]), "{effects:?}");
    assert_eq!(effects.demands, [Demand::End]);
}

#[test]
fn whatever_is_not_supported_is_refused_by_name() {
    for (added, parameter) in [
        ("diarize=true", "diarize"),
        ("encoding=opus", "encoding"),
        ("sample_rate=96000", "sample_rate"),
        ("channels=9", "channels"),
        ("language=de", "language"),
        ("model=aura", "model"),
        ("endpointing=soon", "endpointing"),
        ("utterance_end_ms=200", "utterance_end_ms"),
        ("interim_results=1", "interim_results"),
        ("keywords=Sosh:2", "keywords"),
        ("callback=https://example.com", "callback"),
        ("redact=pci", "redact"),
    ] {
        let error = read(&format!("encoding=linear16&sample_rate=8000&{added}")).unwrap_err();
        assert_eq!(error.parameter_name(), Some(parameter), "{error}");
    }
    assert_eq!(read("sample_rate=8000").unwrap_err().parameter_name(), Some("encoding"));
    assert_eq!(read("encoding=mulaw").unwrap_err().parameter_name(), Some("sample_rate"));
    let without_interim = "encoding=mulaw&sample_rate=8000&utterance_end_ms=1000";
    assert_eq!(read(without_interim).unwrap_err().parameter_name(), Some("utterance_end_ms"));
}

#[test]
fn what_asks_for_nothing_special_is_taken() {
    let query = read("encoding=mulaw&sample_rate=8000&smart_format=true&diarize=false&redact=false&keyterm=Livebox&keyterm=Sosh")
        .unwrap();
    assert_eq!(query.rate, SampleRate::TELEPHONE);
    assert_eq!(*query.vocabulary, ["Livebox", "Sosh"].map(str::to_owned));
    assert_eq!(query.endpointing, Endpointing::Own);
}

#[test]
fn smart_formatting_keeps_what_the_recogniser_wrote_also_where_punctuation_was_declined() {
    for (asked, expected) in [
        ("punctuate=false", "merci à 10 h 30"),
        ("punctuate=false&smart_format=false", "merci à 10 h 30"),
        ("smart_format=true", "Merci, à 10 h 30."),
        ("punctuate=false&smart_format=true", "Merci, à 10 h 30."),
        ("smart_format=true&punctuate=false", "Merci, à 10 h 30."),
    ] {
        let mut script = Script::new(&format!("encoding=linear16&sample_rate=8000&{asked}"));
        script.happens(said(Channel::Mixed, 0.2, "Merci, à 10 h 30.")).happens(ended(Channel::Mixed, 0.7));
        let [result] = script.told.as_slice() else { panic!("{:?}", script.told) };
        assert_eq!(result["channel"]["alternatives"][0]["transcript"], *expected, "{asked}");
    }
}

proptest! {
    #[test]
    fn audio_is_the_same_however_it_is_cut(
        bytes in proptest::collection::vec(any::<u8>(), 1..400),
        cuts in proptest::collection::vec(0_usize..400, 0..8),
        channels in 1_usize..4,
        multichannel: bool,
    ) {
        let query = format!("encoding=linear16&sample_rate=8000&channels={channels}&multichannel={multichannel}");
        let heard = |pieces: Vec<&[u8]>| -> Vec<Vec<f32>> {
            let mut script = Script::new(&query);
            for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
                script.sends(Received::Binary(piece));
            }
            let mut planes = vec![Vec::new(); channels];
            for demand in script.demands {
                if let Demand::Audio { track, samples } = demand {
                    planes[track].extend(samples);
                }
            }
            planes
        };
        let mut places: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(heard(pieces), heard(vec![&bytes]));
    }

    #[test]
    fn whatever_a_client_sends_is_answered_or_taken(texts in proptest::collection::vec(".{0,40}", 0..8)) {
        let mut script = Script::new(BASIC);
        for text in &texts {
            script.sends(Received::Text(text));
        }
        prop_assert!(script.told.iter().all(|told| told["type"] == "Error"));
    }

    #[test]
    fn any_query_is_read_or_refused_by_name(name in "[a-z_]{0,16}", value in ".{0,20}") {
        let offer = Offer { model: "whisper-base".into(), languages: Language::ALL.to_vec() };
        let usual = [("encoding", "mulaw"), ("sample_rate", "8000")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let pairs: Vec<_> = usual.into_iter().chain([(name.clone(), value)]).collect();
        if let Err(error) = Query::read(&pairs, &offer, &[]) {
            prop_assert_eq!(error.parameter_name(), Some(&*name));
        }
    }
}
