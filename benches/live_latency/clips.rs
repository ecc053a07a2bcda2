//! What is played: recordings with what is said in them, and, for the fixture calls, when.

use std::path::{Path, PathBuf};

use allo::audio::SampleRate;
use allo::audio::g711::Law;
use allo::audio::resample::resample_all;
use allo::call::{Channel, Language};
use allo::eval::manifest;
use allo::media::{Block, OpenOptions, Recording};

/// One recording.
pub struct Clip {
    pub path: PathBuf,
    pub language: Language,
    /// What is said, by channel; `None` for all channels together.
    pub said: Vec<(Option<Channel>, String)>,
    /// Who speaks when, where that is known.
    pub utterances: Vec<Utterance>,
}

/// One stretch of a script.
pub struct Utterance {
    pub channel: Channel,
    pub start_s: f64,
    pub end_s: f64,
}

/// The sound of a clip.
pub struct Sound {
    pub rate: SampleRate,
    pub channels: Vec<(Channel, Vec<f32>)>,
}

/// The clips of a manifest, or the fixture calls. Clips in languages that Allo does not speak are left out.
pub fn load(path: Option<&Path>, limit: usize) -> anyhow::Result<Vec<Clip>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio/manifest.tsv");
    let mut clips: Vec<Clip> = Vec::new();
    for row in manifest::read(path.unwrap_or(&fixtures))? {
        let Some(language) = row.language else { continue };
        let said = (row.channel, row.transcript.into_inner());
        if let Some(last) = clips.last_mut().filter(|last| last.path == row.path) {
            last.said.push(said);
        } else if clips.len() == limit {
            break;
        } else {
            let utterances = utterances(&row.path.with_extension("json"))?;
            clips.push(Clip { path: row.path, language, said: vec![said], utterances });
        }
    }
    Ok(clips)
}

fn utterances(script: &Path) -> anyhow::Result<Vec<Utterance>> {
    let Ok(text) = std::fs::read_to_string(script) else { return Ok(Vec::new()) };
    let script: serde_json::Value = serde_json::from_str(&text)?;
    let read = |utterance: &serde_json::Value| {
        Some(Utterance {
            channel: utterance["channel"].as_str()?.parse().ok()?,
            start_s: utterance["start"].as_f64()?,
            end_s: utterance["end"].as_f64()?,
        })
    };
    Ok(script["utterances"].as_array().into_iter().flatten().filter_map(read).collect())
}

impl Clip {
    /// Its sound as it is, or as a telephone hears it: 8 kHz, A-law.
    pub fn sound(&self, phone: bool) -> anyhow::Result<Sound> {
        let mut recording = Recording::open(&self.path, &OpenOptions::default())?;
        let (rate, count) = (recording.info().sample_rate, recording.info().channels);
        let names = if count == 2 { vec![Channel::Caller, Channel::Agent] } else { Channel::layout(count) };
        let (mut block, mut planes) = (Block::new(), vec![Vec::new(); count]);
        while recording.next_block(&mut block)? {
            planes.iter_mut().zip(block.planes()).for_each(|(plane, new)| plane.extend_from_slice(new));
        }
        let mut sound = Sound { rate, channels: names.into_iter().zip(planes).collect() };
        if phone {
            for (_, samples) in &mut sound.channels {
                let narrow = resample_all(samples, rate, SampleRate::TELEPHONE)?;
                *samples =
                    narrow.into_iter().map(|sample| Law::A.decode_f32(Law::A.encode_f32(sample))).collect();
            }
            sound.rate = SampleRate::TELEPHONE;
        }
        Ok(sound)
    }

    /// Each utterance of a channel as a piece of sound, with a little around it.
    pub fn pieces(&self, wanted: Channel) -> anyhow::Result<Vec<Vec<f32>>> {
        const AROUND_S: f64 = 0.15;
        let sound = self.sound(true)?;
        let samples = sound.channels.iter().find(|(channel, _)| *channel == wanted);
        let samples = samples.map(|(_, samples)| samples.as_slice()).unwrap_or_default();
        let at = |seconds: f64| ((seconds.max(0.0) * f64::from(sound.rate.hz())) as usize).min(samples.len());
        let of_channel = self.utterances.iter().filter(|utterance| utterance.channel == wanted);
        Ok(of_channel
            .map(|utterance| {
                samples[at(utterance.start_s - AROUND_S)..at(utterance.end_s + AROUND_S)].to_vec()
            })
            .collect())
    }
}

/// Silence of a length.
pub fn silence(rate: SampleRate, seconds: f64) -> Vec<f32> {
    vec![0.0; (f64::from(rate.hz()) * seconds) as usize]
}
