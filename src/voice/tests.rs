use std::path::{Path, PathBuf};

use super::*;
use crate::tts::pico::Locale;

const RATE: SampleRate = SampleRate::TELEPHONE;

/// A home of its own over the models of this machine, or `None` (said aloud) where the French voice is not installed.
struct Place {
    folder: tempfile::TempDir,
    home: Home,
}

impl Place {
    fn new() -> Option<Self> {
        let models = Home::resolve(|name| std::env::var_os(name)).unwrap().models().to_path_buf();
        if !models.join(Locale::FrFr.files()[0]).is_file() {
            assert!(std::env::var_os("CI").is_none(), "the Pico voices are not installed");
            eprintln!("skipped: no Pico voices in {}", models.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let home = Home::resolve(|name| match name {
            "ALLO_HOME" => Some(folder.path().as_os_str().to_owned()),
            "ALLO_MODELS" => Some(models.as_os_str().to_owned()),
            _ => None,
        });
        Some(Self { home: home.unwrap(), folder })
    }

    fn voice(&self, config: &Config) -> Voice {
        Voice::new(config, &self.home).unwrap()
    }

    fn prompts(&self, index: &str, recordings: &[(&str, Vec<f32>, SampleRate)]) -> Config {
        let folder = self.folder.path().join("prompts");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("prompts.csv"), index).unwrap();
        for (name, samples, rate) in recordings {
            std::fs::write(folder.join(name), wave::file(samples, *rate)).unwrap();
        }
        Config { prompts: Some(folder), ..Config::default() }
    }
}

fn pieces(voice: &Voice, text: &str) -> Vec<Piece> {
    voice.speak(&Redacted::from(text), Language::Fr).unwrap().collect::<Result<_, _>>().unwrap()
}

fn level(samples: &[f32]) -> f32 {
    sound::speech_level_dbfs(samples, RATE).unwrap()
}

/// A voice-like recording: a tone whose loudness rises and falls four times a second, with silence around.
fn recording(amplitude: f32, rate: SampleRate) -> Vec<f32> {
    let hz = rate.hz() as f32;
    let voiced = (0..rate.hz()).map(|at| {
        let time = at as f32 / hz;
        let wave = |hz: f32| (std::f32::consts::TAU * hz * time).sin();
        amplitude * wave(1_300.0) * (0.55 + 0.45 * wave(4.0))
    });
    let pause = vec![0.0; rate.hz() as usize / 2];
    pause.iter().copied().chain(voiced).chain(pause.iter().copied()).collect()
}

#[test]
fn an_answer_comes_sentence_by_sentence_at_the_rate_and_level_of_the_line() {
    let Some(place) = Place::new() else { return };
    let voice = place.voice(&Config::default());
    assert_eq!(voice.warm_up(Language::Fr).unwrap(), EngineName::Pico(Locale::FrFr));
    let found = pieces(&voice, "Bonjour et bienvenue. Votre commande est partie ce matin.");
    assert_eq!(found.len(), 3);
    assert_eq!(found[1].samples.len(), 2_800);
    for piece in [&found[0], &found[2]] {
        assert_eq!(piece.rate, RATE);
        assert!((4_000..40_000).contains(&piece.samples.len()), "{piece:?}");
        assert!((level(&piece.samples) + 20.0).abs() < 0.5, "{} dBFS", level(&piece.samples));
    }
    let wide = voice.at_rate(SampleRate::PIPELINE).unwrap();
    let same = pieces(&wide, "Bonjour et bienvenue.");
    let (one, other) = (found[0].samples.len() * 2, same[0].samples.len());
    assert!(one.abs_diff(other) < 800, "{one} and {other}");
    assert!(voice.at_rate(SampleRate::from_hz(4_000).unwrap()).is_err());
}

#[test]
fn recordings_and_made_speech_are_of_one_loudness_and_meet_without_a_click() {
    let Some(place) = Place::new() else { return };
    let rate = SampleRate::from_hz(44_100).unwrap();
    let files = [("quiet.wav", recording(0.02, rate), rate), ("loud.wav", recording(0.9, rate), rate)];
    let config = place.prompts("text,lang,file\nfacture de mars,fr,quiet.wav\nmerci,fr,loud.wav\n", &files);
    let voice = place.voice(&config);
    let found = pieces(&voice, "Votre FACTURE de Mars est payée. Merci !");
    let spoken: Vec<&Piece> =
        found.iter().filter(|piece| piece.samples.iter().any(|sample| *sample != 0.0)).collect();
    assert_eq!(spoken.len(), 4, "made, recorded, made, recorded");
    let made = level(&[&spoken[0].samples[..], &spoken[2].samples].concat());
    for recorded in [spoken[1], spoken[3]] {
        assert!((level(&recorded.samples) - made).abs() < 1.0);
        // The half seconds of silence around the recording are gone.
        assert!((7_900..8_500).contains(&recorded.samples.len()), "{recorded:?}");
    }
    let whole: Vec<f32> = found.iter().flat_map(|piece| piece.samples.iter().copied()).collect();
    let mut end = 0;
    for piece in &found {
        let around = &whole[end.max(8) - 8..(end + 8).min(whole.len())];
        assert!(around.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.03), "a click at {end}");
        end += piece.samples.len();
    }
}

#[test]
fn what_was_said_once_is_not_made_again_and_no_name_tells_it() {
    let Some(place) = Place::new() else { return };
    let (text, config) = ("Bonjour et bienvenue. Au revoir.", Config::default());
    let voice = place.voice(&config);
    let first = pieces(&voice, text);
    assert_eq!(pieces(&voice, text), first);
    assert_eq!(voice.counts(), Counts { memory: 2, disk: 0, spoken: 2 });
    let next_process = place.voice(&config);
    assert_eq!(pieces(&next_process, text).len(), 3);
    assert_eq!(next_process.counts(), Counts { memory: 0, disk: 2, spoken: 0 });
    // Otherwise said is another piece.
    pieces(&voice, "<speak><prosody rate='slow'>Au revoir.</prosody></speak>");
    pieces(&voice, "<speak><prosody volume='soft'>Au revoir.</prosody></speak>");
    assert_eq!(voice.counts().spoken, 4);
    for entry in std::fs::read_dir(place.home.voice_folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.len() == 64 && name.bytes().all(|sign| sign.is_ascii_hexdigit()), "{name}");
    }
}

#[test]
fn slower_is_longer_and_softer_is_softer() {
    let Some(place) = Place::new() else { return };
    let voice = place.voice(&Config::default());
    let usual = pieces(&voice, "Votre commande est partie ce matin.").remove(0).samples;
    let slow =
        "<speak><prosody rate='80%' volume='-6dB'>Votre commande est partie ce matin.</prosody></speak>";
    let slow = pieces(&voice, slow).remove(0).samples;
    assert!(slow.len() * 10 > usual.len() * 11, "{} and {}", slow.len(), usual.len());
    assert!((level(&usual) - level(&slow) - 6.0).abs() < 0.5);
}

fn with_french(engines: Vec<EngineName>) -> Config {
    Config { engines: config::Engines { fr: engines, ..config::Engines::default() }, ..Config::default() }
}

#[test]
fn the_next_engine_speaks_where_the_first_cannot() {
    let Some(place) = Place::new() else { return };
    let missing = EngineName::Piper("/nowhere/voice.onnx".to_owned());
    let voice = place.voice(&with_french(vec![missing, EngineName::Pico(Locale::FrFr)]));
    assert_eq!(voice.warm_up(Language::Fr).unwrap(), EngineName::Pico(Locale::FrFr));
    assert_eq!(pieces(&voice, "Bonjour.").len(), 1);
    let greeting = "Bonjour, votre commande est partie.";
    assert_eq!(pieces(&voice, greeting).len(), 3, "cut at its comma, for the network that comes first");
    assert_eq!(pieces(&place.voice(&Config::default()), greeting).len(), 1);
}

#[test]
fn when_nobody_speaks_the_error_names_everybody_and_no_word() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::resolve(|name| (name == "ALLO_HOME").then(|| folder.path().into())).unwrap();
    let engines = vec![EngineName::Piper("piper-en-US-joe".to_owned()), EngineName::Pico(Locale::FrFr)];
    let voice = Voice::new(&with_french(engines), &home).unwrap();
    let mut speech = voice.speak(&Redacted::from("Un secret."), Language::Fr).unwrap();
    let error = speech.next().unwrap().unwrap_err();
    assert!(matches!(&error, Error::NoVoice { failures, .. } if failures.len() == 2));
    let shown = format!("{error} {error:?} {speech:?}");
    for expected in
        ["nobody speaks fr", "piper:piper-en-US-joe", "allo models pull piper-en-US-joe", "pico:fr-FR"]
    {
        assert!(shown.contains(expected), "{shown}");
    }
    assert!(!shown.contains("secret"));
    assert!(speech.next().is_none());
}

#[test]
fn a_text_without_words_or_with_wrong_markup_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::resolve(|name| (name == "ALLO_HOME").then(|| folder.path().into())).unwrap();
    let voice = Voice::new(&Config::default(), &home).unwrap();
    let refused = |text: &str| voice.speak(&Redacted::from(text), Language::Fr).unwrap_err();
    assert!(matches!(refused(" … "), Error::NothingToSay));
    let error = refused("<speak>secret <audio/></speak>").to_string();
    assert!(error.contains("line 1, column 15: element <audio>") && !error.contains("secret"), "{error}");
    let nowhere = Config { prompts: Some(PathBuf::from("/nowhere")), ..Config::default() };
    let error = Voice::new(&nowhere, &home).unwrap_err().to_string();
    assert!(error.contains(&Path::new("/nowhere").join("prompts.csv").display().to_string()), "{error}");
}
