//! A recogniser: one request after the other, poor texts tried again.

mod beginning;
mod decoded;

use std::sync::Arc;

use self::decoded::Decoded;
use super::network::{Encoded, Network};
use super::rules::Rules;
use super::running::{Reading, Running};
use super::search::{Guide, Hypothesis, LONGEST_LOOP_PERIOD, Search, Settings};
use super::wording::Wording;
use super::{EngineSettings, OnnxEngine};
use crate::asr::context::SAMPLES_PER_POSITION;
use crate::asr::decode::bias::BiasTrie;
use crate::asr::decode::tokens::Vocabulary;
use crate::asr::repetition::{is_decoder_loop, trailing_loop};
use crate::asr::{
    CancelFlag, Capabilities, Error, LanguageChoice, Priority, Recognition, Recognizer, Request,
    check_samples, check_task, spoken_forms,
};
use crate::audio::mel::{InvalidFilters, MelFrontEnd};
use crate::call::Language;
use crate::onnx;

/// Frames of the spectrogram for each encoder position.
const FRAMES_A_POSITION: usize = 2;
/// A text with a lower mean log-probability is decoded again; the original's threshold.
const POOR_MEAN: f32 = -1.0;
/// Above this probability of no speech, together with [`POOR_MEAN`], the model hears no speech; the original's value.
const NO_SPEECH: f32 = 0.6;
/// A context that lacks less than this part of the window is not widened to it: a poor text of 23 s would be heard anew for half a
/// second more.
const NEARLY_WHOLE: usize = 4;
/// What is tried after a text was poor, in this order: the whole window, then drawing at a temperature. A second draw at 0.8
/// took four hundredths of the time of a recording with many poor texts and changed no word of 120 clips (BENCHMARKS.md).
const AGAIN: [Again; 2] = [Again::WholeWindow, Again::Draw { temperature: 0.4 }];
/// The same for somebody who waits on the line. A poor text is mostly of a voice that the model does not understand: each
/// try takes as long as the first, the whole window twice that, and few of them find better words.
const AGAIN_LIVE: [Again; 2] = [Again::FromTheStart, Again::Draw { temperature: 0.4 }];
/// Tokens and time stamps for each second of audio beyond a start of [`TOKENS_BEFORE`]; see `whisper.rs`.
const TOKENS_A_SECOND: usize = 12;
/// See [`TOKENS_A_SECOND`].
const TOKENS_BEFORE: usize = 24;
/// From 20 s on a window takes so much memory, and so long, that giving it back at once is worth its time.
const LONG_POSITIONS: usize = 1_000;

/// Names with their trie.
type Leaning = (Arc<[String]>, BiasTrie);

/// Runs the graphs of an [`OnnxEngine`], one request after the other.
pub(super) struct OnnxRecognizer {
    network: Network,
    mel: MelFrontEnd,
    vocabulary: Arc<Vocabulary>,
    rules: Arc<Rules>,
    search: Search,
    spectrogram: Vec<f32>,
    reading: Reading,
    /// The names of the last request with their trie: most requests of a call have the same.
    names: Option<Leaning>,
    /// The same of the last one for which names were asked: they return with the next question, of this call or another.
    asked: Option<Leaning>,
    wording: Arc<Wording>,
    name: String,
    alignment_heads: usize,
    audio_positions: usize,
    text_positions: usize,
    settings: EngineSettings,
}

impl OnnxRecognizer {
    pub(super) fn new(network: Network, engine: &OnnxEngine) -> Result<Self, InvalidFilters> {
        let description = &engine.description;
        Ok(Self {
            network,
            mel: MelFrontEnd::new(description.mel_filters.clone(), description.mel_bands)?,
            rules: Arc::clone(&engine.rules),
            vocabulary: Arc::clone(&engine.vocabulary),
            search: Search::default(),
            spectrogram: Vec::new(),
            reading: Reading::default(),
            names: None,
            asked: None,
            wording: Arc::clone(&engine.wording),
            name: engine.name.clone(),
            alignment_heads: description.alignment_heads.len(),
            audio_positions: description.audio_positions,
            text_positions: description.text_positions,
            settings: engine.settings,
        })
    }
}

impl Recognizer for OnnxRecognizer {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            word_times: true,
            vocabulary: true,
            language_detection: self.vocabulary.is_multilingual(),
            prefix: true,
            translation: self.vocabulary.is_multilingual(),
        }
    }

    fn recognize(&mut self, request: &Request, cancel: &CancelFlag) -> Result<Recognition, Error> {
        check_samples(&request.samples)?;
        let allowed = self.allowed_languages(&request.language)?;
        check_task(request.task, self.capabilities(), &self.name)?;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        self.network.watch(cancel);
        self.learn(request);
        let outcome = self.recognize_watched(request, &allowed, cancel);
        cancel.forget_bell();
        if request.samples.len() >= LONG_POSITIONS * SAMPLES_PER_POSITION {
            onnx::give_memory_back();
        }
        // A pass that was ended from outside fails with the runtime's own words.
        if cancel.is_cancelled() { Err(Error::Cancelled) } else { outcome }
    }
}

/// Another way to decode the same audio.
#[derive(Debug, Clone, Copy)]
enum Again {
    /// Without the beginning that was given; nothing where none was.
    FromTheStart,
    /// The encoder sees all of its window.
    WholeWindow,
    /// Tokens are drawn at a temperature.
    Draw { temperature: f32 },
}

impl Again {
    /// What a request of this priority is worth after a poor text; a partial is decoded anew in half a second anyway.
    const fn after_poor(priority: Priority) -> &'static [Self] {
        match priority {
            Priority::Batch => &AGAIN,
            Priority::LiveFinal => &AGAIN_LIVE,
            Priority::LivePartial => &[],
        }
    }
}

/// What is to be decoded, and how.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    request: &'a Request,
    allowed: &'a [Language],
    temperature: f32,
    /// What the text begins with; empty for nothing.
    prefix: &'a str,
    cancel: &'a CancelFlag,
}

impl OnnxRecognizer {
    fn recognize_watched(
        &mut self,
        request: &Request,
        allowed: &[Language],
        cancel: &CancelFlag,
    ) -> Result<Recognition, Error> {
        let full = self.audio_positions;
        let positions = (self.settings.rule.positions(request.samples.len()) as usize).min(full);
        let mut encoded = self.encode(&request.samples, positions)?;
        let prefix = request.prefix.reveal().as_str();
        let first = Attempt { request, allowed, temperature: 0.0, prefix, cancel };
        let mut best = self.decode(&encoded, &first)?;
        // A beginning that leads nowhere is not held on to.
        let first = Attempt { prefix: "", ..first };
        let mut decodings = 1;
        let mut tries = Again::after_poor(request.priority).iter();
        while self.is_broken(&best) {
            let Some(again) = tries.next() else { break };
            let again = match *again {
                Again::WholeWindow if positions < full - full / NEARLY_WHOLE => {
                    encoded = self.encode(&request.samples, full)?;
                    self.decode(&encoded, &first)?
                }
                Again::FromTheStart if !prefix.is_empty() => self.decode(&encoded, &first)?,
                Again::WholeWindow | Again::FromTheStart => continue,
                Again::Draw { temperature } => self.decode(&encoded, &Attempt { temperature, ..first })?,
            };
            decodings += 1;
            let end = self.vocabulary.eot();
            if (!self.is_broken(&again), again.mean(end)) > (!self.is_broken(&best), best.mean(end)) {
                best = again;
            }
        }
        let mean_log_probability = best.mean(self.vocabulary.eot());
        Ok(Recognition {
            language: best.language,
            text: best.assembled.text,
            words: best.assembled.words,
            mean_log_probability,
            no_speech_probability: best.no_speech_probability,
            foreign_share: best.foreign_share,
            context_positions: best.positions as u32,
            decodings,
            alternatives: best.alternatives,
            corrections: Vec::new(),
        })
    }

    /// Signs that the text is not what was said: cut-off letters, a loop, or words that hardly fit. Where the model
    /// itself hears no speech another decoding helps nothing.
    fn is_broken(&self, decoded: &Decoded) -> bool {
        let mean = decoded.mean(self.vocabulary.eot());
        if decoded.no_speech_probability > NO_SPEECH && mean < POOR_MEAN {
            return false;
        }
        let ids: Vec<i32> = decoded.text_tokens.iter().map(|token| token.cast_signed()).collect();
        !decoded.assembled.is_valid_utf8
            || mean < POOR_MEAN
            || trailing_loop(&ids, LONGEST_LOOP_PERIOD).is_some_and(is_decoder_loop)
    }

    fn allowed_languages(&self, choice: &LanguageChoice) -> Result<Vec<Language>, Error> {
        let wanted = choice.languages();
        // A model of one language is English in every release.
        let known = |language: &Language| self.vocabulary.is_multilingual() || *language == Language::En;
        let allowed: Vec<Language> = wanted.iter().copied().filter(known).collect();
        if allowed.is_empty() { Err(Error::NoLanguage { model: self.name.clone() }) } else { Ok(allowed) }
    }

    /// Makes the trie of the names that the search is to lean to, unless it is there.
    fn learn(&mut self, request: &Request) {
        let is_asked = !self.settings.asked(request).is_empty();
        let (names, boost) = self.settings.leaning(request);
        let known = if is_asked { &mut self.asked } else { &mut self.names };
        if known.as_ref().is_some_and(|(known, _)| known == names) {
            return;
        }
        *known = (!names.is_empty() && boost > 0.0).then(|| {
            let forms: Vec<String> = spoken_forms(names).map(str::to_owned).collect();
            (Arc::clone(names), BiasTrie::new(&self.vocabulary, &forms, boost))
        });
    }

    fn encode(&mut self, samples: &[f32], positions: usize) -> Result<Encoded, Error> {
        let frames = positions * FRAMES_A_POSITION;
        self.mel.compute(samples, frames, &mut self.spectrogram);
        let encoded = self.network.encode(&self.spectrogram, frames);
        if positions >= LONG_POSITIONS {
            onnx::give_memory_back();
        }
        encoded
    }

    fn decode(&mut self, encoded: &Encoded, attempt: &Attempt<'_>) -> Result<Decoded, Error> {
        let Attempt { request, allowed, temperature, prefix, cancel } = *attempt;
        let before = self.prompt(request);
        let (heard, prompt) = self.read_prompt(encoded, before, (request, allowed))?;
        self.reading.attention.clear(self.alignment_heads, encoded.positions);
        self.reading.attention.keep(&self.reading.scores.attention, &[0]);
        let forced = self.force(encoded, prefix)?;
        let room = self.text_positions.saturating_sub(prompt + forced.len());
        let seconds = request.samples.len().div_ceil(16_000);
        let longest = (TOKENS_BEFORE + TOKENS_A_SECOND * seconds).min(self.text_positions / 2).min(room);
        let settings = Settings { beams: self.settings.beams, longest, temperature };
        let mut running = Running {
            network: &mut self.network,
            encoded,
            reading: &mut self.reading,
            vocabulary_size: self.vocabulary.size() as usize,
            cancel,
        };
        let is_asked = !self.settings.asked(request).is_empty();
        let leaning = if is_asked { &self.asked } else { &self.names };
        let trie = leaning.as_ref().map(|(_, trie)| trie);
        // Who was asked for a name does not say one of these sentences.
        let weight = if is_asked { 0.0 } else { self.settings.sentences_weight };
        let phrasing = self.wording.of(&self.vocabulary, &request.sentences, weight);
        let phrasing = phrasing.as_deref();
        let guide = Guide { rules: &self.rules, bias: trie, phrasing, forced: &forced, settings };
        let mut hypotheses = self.search.run(&mut running, &guide)?.into_iter();
        let hypothesis = hypotheses.next().ok_or(Error::Inference {
            step: "decode",
            reason: "the search found no text at all".to_owned(),
        })?;
        let others: Vec<Hypothesis> = hypotheses.collect();
        let mut decoded = self.read(hypothesis, heard, &request.samples);
        decoded.forced = forced.len();
        decoded.alternatives = self.alternatives(&others, decoded.assembled.text.reveal());
        Ok(decoded)
    }
}
