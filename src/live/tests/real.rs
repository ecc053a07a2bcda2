//! The real models on a fixture call, and on sounds in which nobody speaks.

use std::path::{Path, PathBuf};

use super::*;
use crate::fixtures::{Truth, TruthUtterance};
use crate::home::Home;
use crate::media::{Block, OpenOptions, Recording};
use crate::pipeline::transcribe::Instructions;
use crate::progress::Progress;
use crate::scenario::Scenario;
use crate::text::words_for_scoring;

/// How much worse a live call may be heard than its recording, as a part of the words that were said: turns are cut
/// elsewhere than segments.
const WORSE: f64 = 0.08;
/// Hold music as contact centres ship it.
const MUSIC: &str = "/usr/share/asterisk/moh";
/// How much is played of each track of music and of each noise, seconds.
const STRETCH_S: usize = 30;
/// Sound kept around a sentence, and silence behind it in which its turn ends, seconds.
const AROUND_S: f64 = 0.3;
const AFTER_S: f64 = 3.0;

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

/// The home, or `None` where it holds no models; in CI it does.
fn home() -> Option<Home> {
    let home = Home::resolve(|name| std::env::var_os(name)).expect("a home folder");
    let is_there = home.models().join("libonnxruntime.so").exists();
    assert!(is_there || std::env::var_os("CI").is_none(), "CI needs the models: run `allo models pull`");
    is_there.then_some(home)
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio/fr-facture-mars.wav")
}

#[test]
fn a_live_call_is_heard_as_its_recording_is() {
    let Some(home) = home() else { return };
    let mut config = crate::config::Config::default();
    // A live call hears each stretch by itself, so the recording is heard that way too.
    config.asr.pack_up_to = 0;
    let script = std::fs::read(path().with_extension("json")).unwrap();
    let script: serde_json::Value = serde_json::from_slice(&script).unwrap();
    let path = path();
    let language = LanguageChoice::Known(Language::Fr);
    let transcriber = crate::pipeline::machinery::start(&config, &home).unwrap();
    let instructions = Instructions {
        open: OpenOptions::default(),
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
        let mut heard: Vec<(u64, String)> = Vec::new();
        for event in &events {
            if let EventBody::TranscriptFinal { channel: its, turn, utterance, joins, .. } = &event.body
                && *its == channel
            {
                // It takes the place of the finals of the turn that it joins.
                heard.retain(|(earlier, _)| Some(*earlier) != *joins);
                heard.push((*turn, utterance.text.reveal().clone()));
            }
        }
        let heard: Vec<&str> = heard.iter().map(|(_, text)| text.as_str()).collect();
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

/// The first channel of a recording at 8 kHz, at most so many seconds of it.
fn first_channel(path: &Path, most_s: usize) -> Vec<f32> {
    let mut recording = Recording::open(path, &OpenOptions::default()).unwrap();
    assert_eq!(recording.info().sample_rate, SampleRate::TELEPHONE, "{}", path.display());
    let most = at(most_s as f64);
    let (mut samples, mut block) = (Vec::new(), Block::new());
    while samples.len() < most && recording.next_block(&mut block).unwrap() {
        samples.extend_from_slice(&block.planes()[0]);
    }
    samples.truncate(most);
    samples
}

/// So many seconds in samples at 8 kHz.
fn at(seconds: f64) -> usize {
    (seconds.max(0.0) * f64::from(SampleRate::TELEPHONE.hz())) as usize
}

/// White noise, the same every time.
fn white() -> Vec<f32> {
    vad::tests::noise(at(STRETCH_S as f64), 0.5, false)
}

/// Noise around 900 Hz that swells and falls as syllables do, as a room full of voices sounds.
fn murmur() -> Vec<f32> {
    // The constant-peak band-pass of the audio EQ cookbook, as wide as its frequency.
    let angle = std::f32::consts::TAU * 900.0 / 8_000.0;
    let alpha = angle.sin() / 2.0;
    let (mut inputs, mut outputs) = ([0.0_f32; 2], [0.0_f32; 2]);
    let mut filtered = |input: f32| {
        let sum = alpha * (input - inputs[1]) + 2.0 * angle.cos() * outputs[0] - (1.0 - alpha) * outputs[1];
        let output = sum / (1.0 + alpha);
        (inputs, outputs) = ([input, inputs[0]], [output, outputs[0]]);
        output
    };
    let swelling = |(at, sample): (usize, f32)| {
        let phase = std::f32::consts::TAU * 4.0 * (at % 8_000) as f32 / 8_000.0;
        filtered(sample) * (0.55 + 0.45 * phase.sin())
    };
    white().into_iter().enumerate().map(swelling).collect()
}

/// The same as loud as `level_dbfs` on the average.
fn as_loud_as(level_dbfs: f32, mut samples: Vec<f32>) -> Vec<f32> {
    let gain = 10.0_f32.powf((level_dbfs - vad::level_dbfs(&samples)) / 20.0);
    samples.iter_mut().for_each(|sample| *sample *= gain);
    samples
}

/// Sounds at 8 kHz in which nobody says a word, by name; `None` without the package of the music, which CI has.
fn wordless() -> Option<Vec<(String, Vec<f32>)>> {
    let Ok(entries) = std::fs::read_dir(MUSIC) else {
        assert!(std::env::var_os("CI").is_none(), "missing in CI: {MUSIC}");
        eprintln!("skipped, missing: {MUSIC}");
        return None;
    };
    let mut tracks: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    tracks.retain(|path| path.extension().is_some_and(|extension| extension == "wav"));
    tracks.sort();
    assert!(tracks.len() >= 5, "{} tracks in {MUSIC}", tracks.len());
    let music = tracks.iter().map(|path| (path.display().to_string(), first_channel(path, STRETCH_S)));
    let made = [
        // As loud as a voice, and as the noise of a bad line.
        ("murmur", as_loud_as(-25.0, murmur())),
        ("noise", as_loud_as(-35.0, white())),
        ("silence", silence(at(STRETCH_S as f64))),
    ];
    Some(music.chain(made.map(|(name, samples)| (name.to_owned(), samples))).collect())
}

/// The sentence in which the caller says what the call is about, with silence behind it.
fn sentence() -> Vec<f32> {
    let truth = std::fs::read(path().with_extension("json")).unwrap();
    let truth: Truth = serde_json::from_slice(&truth).unwrap();
    let is_reason = |utterance: &&TruthUtterance| utterance.reason;
    let reason = truth.utterances.iter().find(is_reason).expect("the caller says why");
    let mut samples = first_channel(&path(), reason.end.ceil() as usize + 1);
    samples.truncate(at(reason.end + AROUND_S));
    samples.drain(..at(reason.start - AROUND_S));
    samples.extend(silence(at(AFTER_S)));
    samples
}

/// Plays `samples` into a call and gives the partials and the finals that came of it.
fn told(live: &Arc<Live>, setup: CallSetup, samples: Vec<f32>) -> [Vec<String>; 2] {
    let call = live.open(setup).unwrap();
    assert!(!call.is_finals_only());
    let mut player = Player::new(&call, SampleRate::TELEPHONE, Pace::AsFastAsPossible);
    player.push(&[samples]);
    player.finish();
    call.wait_until_idle();
    let events = end(call);
    eprintln!("speech started {} times", starts(&events).len());
    let partials = picked(&events, |body| {
        let EventBody::TranscriptPartial { stable, unstable, .. } = body else { return None };
        Some(format!("{}|{}", stable.reveal(), unstable.reveal()))
    });
    [partials, finals(&events)]
}

/// Sounds without a word lead to none in a live call, to no partial either; a sentence on the same line leads to both.
fn check_wordless(expecting: impl Fn(CallSetup) -> CallSetup) {
    let (Some(home), Some(sounds)) = (home(), wordless()) else { return };
    let parts = machinery::parts(&crate::config::Config::default(), &home).unwrap();
    assert_eq!(parts.model, "onnx whisper-base-onnx-int8", "the engine as it is shipped");
    let live = Live::start(parts, &super::config()).unwrap();
    let setup = || {
        let track = Track { channel: Channel::Caller, rate: SampleRate::TELEPHONE };
        expecting(CallSetup::new("test", vec![track]))
    };
    let mut invented = Vec::new();
    for (name, samples) in sounds {
        eprintln!("{name}");
        let [partials, finals] = told(&live, setup(), samples);
        if !(partials.is_empty() && finals.is_empty()) {
            invented.push(format!("{name}: partials {partials:?}, finals {finals:?}"));
        }
    }
    assert!(invented.is_empty(), "{}", invented.join("\n"));
    let [partials, finals] = told(&live, setup(), sentence());
    assert!(!partials.is_empty() && !finals.is_empty(), "what is said is heard");
}

#[test]
fn music_murmur_noise_and_silence_give_a_live_call_no_word() {
    check_wordless(|setup| setup);
}

#[test]
fn they_give_none_where_names_and_sentences_are_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/telecom-fr");
    let scenario = Scenario::load(&folder).unwrap();
    let vocabulary: Arc<[String]> = scenario.vocabulary.as_slice().into();
    let sentences = scenario.sentences();
    check_wordless(|setup| CallSetup {
        language: LanguageChoice::Among(scenario.languages.clone()),
        vocabulary: Arc::clone(&vocabulary),
        sentences: Arc::clone(&sentences),
        ..setup
    });
}
