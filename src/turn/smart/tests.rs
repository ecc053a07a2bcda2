//! Smart Turn on the scripted calls. What is missing fails where `CI` is set and is skipped elsewhere.

use std::path::PathBuf;

use super::*;
use crate::audio::SampleRate;
use crate::audio::g711::Law;
use crate::audio::resample::ChannelResampler;
use crate::home::Home;

fn open(model: &str) -> Option<Result<SmartTurn, SmartTurnError>> {
    let folder: PathBuf = Home::resolve(|name| std::env::var_os(name)).ok()?.models().to_path_buf();
    let (library, model) = (folder.join("libonnxruntime.so"), folder.join(model));
    if let Some(missing) = [&library, &model].into_iter().find(|path| !path.is_file()) {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", missing.display());
        eprintln!("skipped: {} is missing", missing.display());
        return None;
    }
    Some(SmartTurn::open(&Runtime::load(&library).unwrap(), &model))
}

fn smart_turn() -> Option<SmartTurn> {
    open("smart-turn-v3.2-cpu.onnx").map(Result::unwrap)
}

/// Rises from 200 Hz by 24 kHz a second over a quarter of a second, beside a constant: the mean must go.
fn chirp() -> Vec<f32> {
    let at = |time: f64| 0.1 + 0.5 * (std::f64::consts::TAU * (200.0 * time + 12_000.0 * time * time)).sin();
    (0..4_000).map(|index| at(f64::from(index) / 16_000.0) as f32).collect()
}

#[test]
fn the_spectrogram_has_the_numbers_of_another_implementation() {
    // The publisher's formula in numpy, in double precision: silence in front, mean 0, variance 1, 80 bands.
    let expected = [
        (0, 0, 0.94334),
        (0, 774, 1.14299),
        (0, 776, 1.67446),
        (12, 775, 1.42793),
        (10, 776, 1.88900),
        (20, 780, 0.28743),
        (60, 790, 1.84579),
        (79, 400, -0.10347),
        (79, 797, -0.10347),
        (79, 799, 0.70685),
        (5, 799, 0.26698),
        (30, 799, 0.27971),
    ];
    let mut heard = Vec::new();
    normalise(&chirp(), &mut heard);
    let mut front_end = MelFrontEnd::new(mel::filters(BANDS), BANDS).unwrap().with_window(FRAMES);
    let mut found = Vec::new();
    front_end.compute(&heard, FRAMES, &mut found);
    assert_eq!(found.len(), BANDS * FRAMES);
    for (band, frame, value) in expected {
        let found = found[band * FRAMES + frame];
        assert!((found - value).abs() < 2e-3, "band {band}, frame {frame}: {found} for {value}");
    }
}

#[test]
fn the_probability_is_that_of_another_implementation() {
    let Some(mut smart_turn) = smart_turn() else { return };
    // ONNX Runtime 1.31 in Python on the numbers above.
    let found = smart_turn.done_probability(&chirp()).unwrap();
    assert!((found - 0.9875).abs() < 0.01, "{found}");
}

/// Whole utterances of a scripted call from 0.5 s before to 0.2 s behind each, with the length of the speech.
fn utterances(call: &str) -> Vec<(Vec<f32>, usize)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
    let truth = std::fs::read_to_string(folder.join(call).with_extension("json")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
    let bytes = std::fs::read(folder.join(call).with_extension("wav")).unwrap();
    let data = bytes.windows(4).position(|tag| tag == b"data").unwrap() + 8;
    let channels = ["caller", "agent"].map(|name| {
        let offset = usize::from(name == "agent");
        let narrow: Vec<f32> =
            bytes[data..].chunks_exact(2).map(|pair| Law::A.decode_f32(pair[offset])).collect();
        let mut wide = Vec::new();
        let mut resampler = ChannelResampler::new(SampleRate::TELEPHONE).unwrap();
        resampler.push(&narrow, &mut wide);
        resampler.finish(&mut wide);
        (name, wide)
    });
    let at =
        |utterance: &serde_json::Value, key: &str| (utterance[key].as_f64().unwrap() * 16_000.0) as usize;
    let utterances = truth["utterances"].as_array().unwrap().iter().filter(|utterance| {
        // Shorter ones are hardly more when they are whole.
        at(utterance, "end") - at(utterance, "start") > 32_000
    });
    utterances
        .map(|utterance| {
            let (_, samples) = channels.iter().find(|(name, _)| utterance["channel"] == *name).unwrap();
            let (start, end) = (at(utterance, "start").saturating_sub(8_000), at(utterance, "end"));
            (samples[start..(end + 3_200).min(samples.len())].to_vec(), end - start)
        })
        .collect()
}

#[test]
fn whole_sentences_sound_more_done_than_the_same_cut_in_the_middle() {
    let Some(mut smart_turn) = smart_turn() else { return };
    let (mut whole, mut cut) = (0.0, 0.0);
    let mut count = 0.0;
    for call in ["fr-facture-mars", "fr-resiliation", "en-router-delivery", "nl-factuur-te-hoog"] {
        for (samples, length) in utterances(call) {
            whole += smart_turn.done_probability(&samples).unwrap();
            // Without a pause: silence behind the cut would sound like the end that it is.
            cut += smart_turn.done_probability(&samples[..8_000 + length / 2]).unwrap();
            count += 1.0;
        }
    }
    println!("of {count}: whole {}, cut {}", whole / count, cut / count);
    assert!(count > 30.0 && whole > cut, "{whole} and {cut} of {count}");
}

#[test]
fn of_long_audio_the_end_is_heard() {
    let Some(mut smart_turn) = smart_turn() else { return };
    let chirps: Vec<f32> = chirp().into_iter().cycle().take(HEARD_SAMPLES).collect();
    let alone = smart_turn.done_probability(&chirps).unwrap();
    let behind = smart_turn.done_probability(&[vec![0.9; 9_000], chirps].concat()).unwrap();
    assert_eq!(behind, alone);
}

#[test]
fn silence_nothing_and_noise_have_an_answer() {
    let Some(mut smart_turn) = smart_turn() else { return };
    for samples in [vec![], vec![0.0; 3_000], vec![1.0; 200_000], vec![f32::MAX; 100]] {
        match smart_turn.done_probability(&samples) {
            Ok(probability) => assert!((0.0..=1.0).contains(&probability)),
            Err(error) => assert!(matches!(error, SmartTurnError::Inference(_)), "{error}"),
        }
    }
}

#[test]
fn a_file_that_is_another_model_is_refused() {
    if let Some(opened) = open("silero_vad.onnx") {
        assert!(matches!(opened.unwrap_err(), SmartTurnError::UnknownModel { .. }));
    }
}
