use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::asr::LanguageChoice;
use crate::audio::SampleSpan;
use crate::call::event::TurnEndReason;
use crate::call::{CallId, Channel, Language, Utterance};
use crate::clock::{Clock, SystemClock};
use crate::serve::Offer;
use crate::serve::face::Reply;

fn allowed() -> Allowed {
    let offer = Offer { model: "whisper-base".into(), languages: Language::ALL.to_vec() };
    Allowed { offer, aliases: vec!["gpt-4o-transcribe".into()] }
}

/// A session and what it did.
struct Script {
    face: Realtime,
    demands: Vec<Demand>,
    told: Vec<Value>,
    closed: Option<u16>,
    sequence: u64,
}

impl Script {
    fn new(shape: Shape) -> Self {
        let mut effects = Effects::default();
        let face = Realtime::new(allowed(), shape, &mut effects);
        let mut script = Self { face, demands: Vec::new(), told: Vec::new(), closed: None, sequence: 0 };
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

    fn says(&mut self, message: Value) -> &mut Self {
        let mut effects = Effects::default();
        self.face.receive(Received::Text(&message.to_string()), SystemClock.monotonic(), &mut effects);
        self.take(effects);
        self
    }

    fn happens(&mut self, body: EventBody) -> &mut Self {
        self.sequence += 1;
        let call = CallId(Uuid::nil());
        let event = Event { call, sequence: self.sequence, at: SamplePos(0), body };
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

    /// What was told since the last time; the id of the session is not the same twice.
    fn news(&mut self) -> Vec<Value> {
        let mut news = std::mem::take(&mut self.told);
        for event in &mut news {
            if let Some(session) = event.get_mut("session") {
                session["id"] = "sess".into();
            }
        }
        news
    }

    fn kinds(&mut self) -> Vec<String> {
        self.news().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

const CHANNEL: Channel = Channel::Mixed;

fn started(turn: u64, seconds: f64) -> EventBody {
    EventBody::SpeechStarted { channel: CHANNEL, turn, at: SamplePos::from_seconds(seconds) }
}

fn partial(turn: u64, stable: &str, unstable: &str) -> EventBody {
    EventBody::TranscriptPartial {
        channel: CHANNEL,
        turn,
        start: SamplePos(0),
        stable: stable.into(),
        unstable: unstable.into(),
    }
}

fn final_text(turn: u64, text: &str) -> EventBody {
    let span = SampleSpan::new(SamplePos::from_seconds(1.0), SamplePos::from_seconds(2.5));
    let utterance = Utterance {
        channel: CHANNEL,
        span,
        language: Language::Fr,
        text: text.into(),
        confidence: 0.9,
        words: Vec::new(),
    };
    EventBody::TranscriptFinal {
        channel: CHANNEL,
        turn,
        utterance,
        alternatives: Vec::new(),
        corrections: Vec::new(),
        foreign_share: None,
        joins: None,
        latency: Duration::ZERO,
        delay: Default::default(),
    }
}

fn ended(turn: u64, seconds: f64) -> EventBody {
    let end_of_speech = SamplePos::from_seconds(seconds);
    let reason = TurnEndReason::Finished;
    EventBody::TurnEnded {
        channel: CHANNEL,
        turn,
        end_of_speech,
        reason,
        continues: None,
        is_back_channel: false,
    }
}

fn append(bytes: &[u8]) -> Value {
    json!({ "type": "input_audio_buffer.append", "audio": BASE64_STANDARD.encode(bytes) })
}

fn set(input: Value) -> Value {
    json!({ "type": "session.update", "session": { "type": "transcription", "audio": { "input": input } } })
}

#[test]
fn a_turn_is_an_item_with_deltas_and_one_transcript() {
    let mut script = Script::new(Shape::Present);
    script
        .says(set(json!({
            "format": { "type": "audio/pcmu" },
            "transcription": { "model": "gpt-4o-transcribe", "language": "fr", "prompt": "Livebox, Sosh" },
            "turn_detection": { "type": "server_vad", "threshold": 0.6, "silence_duration_ms": 400 },
        })))
        .says(append(&[0xff; 800]))
        .happens(started(1, 1.0))
        .happens(partial(1, "bonjour", "je vous"))
        .happens(partial(1, "bonjour je vous appelle", "pour"))
        .happens(final_text(1, "bonjour je vous appelle pour ma facture."))
        .happens(ended(1, 2.5))
        .happens(started(2, 4.0))
        .happens(final_text(2, "Merci."))
        .happens(ended(2, 4.5));
    insta::assert_json_snapshot!("turns", script.news());
    let [Demand::Open(opening), Demand::Audio { samples, .. }] = script.demands.as_slice() else {
        panic!("{:?}", script.demands)
    };
    assert_eq!((opening.rate, samples.len()), (SampleRate::TELEPHONE, 800));
    assert_eq!(opening.language, LanguageChoice::Known(Language::Fr));
    assert_eq!(*opening.vocabulary, ["Livebox", "Sosh"].map(str::to_owned));
    assert_eq!(opening.pause.map(|pause| pause.length), Some(Duration::from_millis(400)));
}

#[test]
fn without_turn_detection_the_client_says_what_an_item_is() {
    let mut script = Script::new(Shape::Present);
    script.says(set(json!({ "turn_detection": null })));
    script.says(append(&[0; 24_000])).says(json!({ "type": "input_audio_buffer.clear" }));
    script.says(json!({ "type": "input_audio_buffer.commit" }));
    assert_eq!(
        script.kinds(),
        ["session.created", "session.updated", "input_audio_buffer.cleared", "error"],
        "what was cleared cannot be committed"
    );
    script.says(append(&[0; 48_001])).says(append(&[0])).says(json!({ "type": "input_audio_buffer.commit" }));
    script.happens(started(1, 0.2)).happens(final_text(1, "Un.")).happens(ended(1, 0.8));
    script.happens(started(2, 0.9)).happens(final_text(2, "Deux.")).happens(ended(2, 1.0)).settles();
    insta::assert_json_snapshot!("commit", script.news());
    let heard: usize = script
        .demands
        .iter()
        .map(|it| if let Demand::Audio { samples, .. } = it { samples.len() } else { 0 })
        .sum();
    assert_eq!(heard, 24_001, "only what was committed, and every sample of it");
    assert_eq!(script.demands.last(), Some(&Demand::Settle));
}

/// The recogniser failed on the audio.
fn failed() -> EventBody {
    let span = SampleSpan::new(SamplePos::from_seconds(1.0), SamplePos::from_seconds(2.5));
    EventBody::Gap { channel: CHANNEL, span, reason: GapReason::Failed }
}

#[test]
fn what_could_not_be_recognised_is_told_as_failed_and_not_as_an_empty_transcript() {
    let mut script = Script::new(Shape::Present);
    script.says(append(&[0; 480])).happens(started(1, 1.0)).happens(started(2, 3.0));
    script.happens(failed()).happens(EventBody::SpeechDiscarded { channel: CHANNEL, turn: 1 });
    script.happens(final_text(2, "Merci.")).happens(ended(2, 4.5));
    let outcome = |script: &mut Script| -> Vec<(String, Value)> {
        let news = script.news().into_iter().filter_map(|it| {
            let kind = it["type"].as_str()?.strip_prefix("conversation.item.input_audio_transcription.")?;
            (kind != "delta").then(|| (kind.to_owned(), it["item_id"].clone()))
        });
        news.collect()
    };
    let expected = [("failed".to_owned(), json!("item_1")), ("completed".to_owned(), json!("item_2"))];
    assert_eq!(outcome(&mut script), expected);

    let mut script = Script::new(Shape::Present);
    script.says(set(json!({ "turn_detection": null })));
    for is_failing in [true, false] {
        script.says(append(&[0; 48_000])).says(json!({ "type": "input_audio_buffer.commit" }));
        if is_failing {
            script.happens(failed());
        }
        script.settles();
    }
    assert_eq!(outcome(&mut script), expected);
}

#[test]
fn a_client_of_the_beta_is_spoken_to_in_its_own_words() {
    let mut script = Script::new(Shape::Beta);
    script.says(json!({ "type": "transcription_session.update", "session": {
        "input_audio_format": "g711_alaw",
        "input_audio_transcription": { "model": "whisper-base", "language": "nl" },
        "turn_detection": { "type": "server_vad", "prefix_padding_ms": 200 },
    } }));
    insta::assert_json_snapshot!("beta", script.news());
}

#[test]
fn whatever_is_not_supported_is_refused_by_its_path() {
    let mut script = Script::new(Shape::Present);
    for (input, parameter) in [
        (json!({ "format": { "type": "audio/opus" } }), "session.audio.input.format"),
        (json!({ "format": { "type": "audio/pcm", "rate": 16_000 } }), "session.audio.input.format.rate"),
        (json!({ "noise_reduction": { "type": "near_field" } }), "session.audio.input.noise_reduction"),
        (json!({ "transcription": { "model": "gpt-9" } }), "session.audio.input.transcription.model"),
        (json!({ "transcription": { "language": "de" } }), "session.audio.input.transcription.language"),
        (json!({ "transcription": { "delay": "low" } }), "session.audio.input.transcription.delay"),
        (json!({ "turn_detection": { "type": "none" } }), "session.audio.input.turn_detection.type"),
        (json!({ "turn_detection": {} }), "session.audio.input.turn_detection.type"),
        (
            json!({ "turn_detection": { "type": "semantic_vad", "eagerness": "low" } }),
            "session.audio.input.turn_detection.eagerness",
        ),
        (
            json!({ "turn_detection": { "type": "server_vad", "silence_duration_ms": 9_000 } }),
            "session.audio.input.turn_detection.silence_duration_ms",
        ),
    ] {
        script.news();
        script.says(set(input));
        let news = script.news();
        let [error] = news.as_slice() else { panic!("{news:?}") };
        assert_eq!(
            (&error["type"], &error["error"]["param"]),
            (&json!("error"), &json!(parameter)),
            "{error}"
        );
    }
    script.news();
    script.says(json!({ "type": "response.create", "event_id": "mine" }));
    assert_eq!(script.news()[0]["error"]["event_id"], "mine");
}

#[test]
fn settings_of_the_call_are_settled_once_audio_came() {
    let mut script = Script::new(Shape::Present);
    script.says(append(&[0; 480])).news();
    script.says(set(json!({ "turn_detection": null })));
    assert_eq!(script.kinds(), ["error"]);
    script.says(set(json!({ "transcription": { "model": "gpt-4o-transcribe" } })));
    assert_eq!(script.kinds(), ["session.updated"]);
}

#[test]
fn a_full_machine_says_so_and_closes_with_try_again_later() {
    let mut script = Script::new(Shape::Present);
    let mut effects = Effects::default();
    script.face.refused(&Refusal::Busy { retry_after: Duration::from_secs(5) }, &mut effects);
    script.take(effects);
    assert_eq!(script.told.last().unwrap()["error"]["code"], "busy");
    assert_eq!(script.closed, Some(1013));
}

/// Anything between a message and noise: real names in wrong places find more than random bytes do.
fn json_value() -> impl Strategy<Value = Value> {
    let names = [
        "type",
        "session",
        "audio",
        "input",
        "format",
        "rate",
        "transcription",
        "turn_detection",
        "server_vad",
        "model",
        "session.update",
        "transcription_session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "audio/pcmu",
        "silence_duration_ms",
        "language",
        "fr",
        "AAAA",
        "",
    ];
    let text = proptest::sample::select(names.to_vec()).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_map(|number| serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)),
        text.clone().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(text.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_client_sends_is_answered_or_taken(messages in proptest::collection::vec(json_value(), 0..12)) {
        let mut script = Script::new(Shape::Present);
        for message in messages {
            script.says(message);
        }
        for told in script.told {
            prop_assert!(told["type"].is_string() && told["event_id"].is_string());
        }
    }

    #[test]
    fn audio_is_the_same_however_it_is_cut(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        cuts in proptest::collection::vec(0_usize..400, 0..8),
    ) {
        let heard = |pieces: Vec<&[u8]>| -> Vec<f32> {
            let mut script = Script::new(Shape::Present);
            for piece in pieces {
                script.says(append(piece));
            }
            let audio = script.demands.into_iter().filter_map(|demand| match demand {
                Demand::Audio { samples, .. } => Some(samples),
                Demand::Open(_) | Demand::Settle | Demand::End => None,
            });
            audio.flatten().collect()
        };
        let mut places: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(heard(pieces), heard(vec![&bytes]));
    }
}
