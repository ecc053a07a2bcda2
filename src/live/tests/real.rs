//! The real models on a fixture call.

use std::path::{Path, PathBuf};

use super::*;
use crate::home::Home;
use crate::pipeline::transcribe::Instructions;
use crate::progress::Progress;
use crate::text::words_for_scoring;

/// How much worse a live call may be heard than its recording, as a part of the words that were said: turns are cut
/// elsewhere than segments.
const WORSE: f64 = 0.08;

/// Words that have to be changed, added or left out to make one text the other.
fn distance(left: &[String], right: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, word) in left.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(word != other);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio/fr-facture-mars.wav")
}

#[test]
fn a_live_call_is_heard_as_its_recording_is() {
    let home = Home::resolve(|name| std::env::var_os(name)).expect("a home folder");
    let is_there = home.models().join("libonnxruntime.so").exists();
    assert!(is_there || std::env::var_os("CI").is_none(), "CI needs the models: run `allo models pull`");
    if !is_there {
        return;
    }
    let mut config = crate::config::Config::default();
    // A live call hears each stretch by itself, so the recording is heard that way too.
    config.asr.pack_up_to = 0;
    let script = std::fs::read(path().with_extension("json")).unwrap();
    let script: serde_json::Value = serde_json::from_slice(&script).unwrap();
    let path = path();
    let language = LanguageChoice::Known(Language::Fr);
    let transcriber = crate::pipeline::machinery::start(&config, &home).unwrap();
    let instructions = Instructions {
        open: crate::media::OpenOptions::default(),
        language: language.clone(),
        task: crate::asr::Task::Transcribe,
        vocabulary: Arc::new([]),
        sentences: Arc::new([]),
        channels: None,
        telephone: false,
    };
    let recorded = transcriber.transcribe(&path, &instructions, &Progress::hidden()).unwrap().transcript;
    drop(transcriber);

    let live = Live::start(machinery::parts(&config, &home).unwrap(), &super::config()).unwrap();
    let replay = replay::Replay::open(&path).unwrap();
    let tracks = replay.tracks(config.recording.channels.get());
    let setup = CallSetup { language, finals_only: true, ..CallSetup::new("test", tracks) };
    let call = live.open(setup).unwrap();
    replay.play(&call, Pace::AsFastAsPossible).unwrap();
    let events = end(call);
    for channel in config.recording.channels.get() {
        // A final that joins an earlier turn takes its place.
        let joined: Vec<u64> = picked(&events, |body| {
            let EventBody::TranscriptFinal { channel: its, joins, .. } = body else { return None };
            joins.filter(|_| *its == channel)
        });
        let heard: Vec<String> = picked(&events, |body| {
            let EventBody::TranscriptFinal { channel: its, turn, utterance, .. } = body else { return None };
            (*its == channel && !joined.contains(turn)).then(|| utterance.text.reveal().clone())
        });
        let said: Vec<&str> = script["utterances"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|utterance| utterance["channel"] == channel.to_string())
            .map(|utterance| utterance["text"].as_str().unwrap())
            .collect();
        let said = words_for_scoring(&said.join(" "));
        let wrong = |text: &str| distance(&words_for_scoring(text), &said) as f64 / said.len() as f64;
        let live = wrong(&heard.join(" "));
        let recording = wrong(recorded.text_of(Some(channel), " ").reveal());
        eprintln!("{channel}: WER {live:.3} live, {recording:.3} as a recording");
        assert!(live <= recording + WORSE, "{channel}: WER {live:.3} live, {recording:.3} as a recording");
    }
}
