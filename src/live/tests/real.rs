//! The real models on a fixture call.

use std::path::Path;

use super::*;
use crate::home::Home;
use crate::pipeline::transcribe::Instructions;
use crate::progress::Progress;
use crate::text::words_for_scoring;

/// Part of the words that may be heard otherwise than in the recording: turns are cut elsewhere than segments, and the
/// recogniser hears each stretch by itself.
const WORDS_APART: f64 = 0.1;

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

#[test]
fn a_live_call_is_heard_as_its_recording_is() {
    let home = Home::resolve(|name| std::env::var_os(name)).expect("a home folder");
    let is_there = home.models().join("libonnxruntime.so").exists();
    assert!(is_there || std::env::var_os("CI").is_none(), "CI needs the models: run `allo models pull`");
    if !is_there {
        return;
    }
    let config = crate::config::Config::default();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio/fr-facture-mars.wav");
    let language = LanguageChoice::Known(Language::Fr);
    let transcriber = crate::pipeline::machinery::start(&config, &home).unwrap();
    let instructions = Instructions {
        open: crate::media::OpenOptions::default(),
        language: language.clone(),
        vocabulary: Arc::new([]),
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
        let heard: Vec<String> = picked(&events, |body| {
            let EventBody::TranscriptFinal { channel: its, utterance, .. } = body else { return None };
            (*its == channel).then(|| utterance.text.reveal().clone())
        });
        let heard = words_for_scoring(&heard.join(" "));
        let expected = words_for_scoring(recorded.text_of(Some(channel), " ").reveal());
        let apart = distance(&heard, &expected) as f64 / expected.len().max(1) as f64;
        assert!(apart <= WORDS_APART, "{channel}: {apart}\n{}\n{}", heard.join(" "), expected.join(" "));
    }
}
