//! Whisper on ONNX Runtime, the engine for processors.
//!
//! What makes it fast: 8-bit matrices, an encoder that sees only as much time as there is speech, and a decoder whose
//! hypotheses share the keys and values of the audio. [`package`] is the model's form on disk, [`network`] runs its
//! graphs, `rules` and `search` choose the tokens; what has no need of the runtime is in [`super::decode`].
//!
//! Invariants: translates only when told to; no text is carried from one request to the next; the same request gives the same
//! recognition, draws of the fall-back included.
//!
//! Units: encoder positions are 20 ms; they become samples here and nowhere else.

pub mod network;
pub mod package;
mod rules;
mod running;
mod search;
mod tree;
mod wording;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::network::{Encoded, Graphs, Network};
use self::package::Description;
use self::rules::Rules;
use self::running::{Reading, Running};
use self::search::{Chosen, Guide, History, Hypothesis, LONGEST_LOOP_PERIOD, Search, Settings};
use self::wording::Wording;
use super::config::{Config, Device};
use super::context::{ContextRule, SAMPLES_PER_POSITION};
use super::decode::align::{self, CrossAttention};
use super::decode::bias::BiasTrie;
use super::decode::scores::log_sum_exp;
use super::decode::tokens::Vocabulary;
use super::language;
use super::repetition::{is_decoder_loop, trailing_loop};
use super::words::{self, TextToken, TimedToken};
use super::{
    Alternative, CancelFlag, Capabilities, Engine, Error, LanguageChoice, Priority, Recognition, Recognizer,
    Request, Task, check_samples, check_task, spoken_forms,
};
use crate::audio::mel::{InvalidFilters, MelFrontEnd};
use crate::audio::{SamplePos, SampleSpan};
use crate::call::Language;
use crate::onnx::{self, Runtime};
use crate::redact::Redacted;

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

/// A loaded model: all recognisers run the same graphs with the same tokens, so that both are in memory once.
pub struct OnnxEngine {
    graphs: Arc<Graphs>,
    vocabulary: Arc<Vocabulary>,
    rules: Arc<Rules>,
    /// Without its tokens, which are in the vocabulary.
    description: Description,
    folder: PathBuf,
    name: String,
    wording: Arc<Wording>,
    settings: EngineSettings,
}

#[derive(Debug, Clone, Copy)]
struct EngineSettings {
    beams: usize,
    rule: ContextRule,
    language_margin: f32,
    vocabulary_boost: f32,
    vocabulary_prompt: bool,
    vocabulary_boost_asked: f32,
    sentences_weight: f32,
}

impl EngineSettings {
    fn of(config: &Config) -> Self {
        Self {
            beams: config.beam_size,
            rule: config.context_rule(),
            language_margin: config.language_margin,
            vocabulary_boost: config.vocabulary_boost,
            vocabulary_prompt: config.vocabulary_prompt,
            vocabulary_boost_asked: config.vocabulary_boost_asked,
            sentences_weight: config.sentences_weight,
        }
    }

    /// The names that the search leans to, and how much for each token: those one of which was just asked for, else those of
    /// the call.
    fn leaning<'r>(&self, request: &'r Request) -> (&'r Arc<[String]>, f32) {
        if self.asked(request).is_empty() {
            (&request.vocabulary, self.vocabulary_boost)
        } else {
            (&request.asked, self.vocabulary_boost_asked.max(self.vocabulary_boost))
        }
    }

    /// The names that are read as text that came before, those that were asked for first.
    fn prompted<'r>(&self, request: &'r Request) -> impl Iterator<Item = &'r str> {
        let usual: &[String] = if self.vocabulary_prompt { &request.vocabulary } else { &[] };
        spoken_forms(self.asked(request)).chain(spoken_forms(usual))
    }

    fn asked<'r>(&self, request: &'r Request) -> &'r [String] {
        if self.vocabulary_boost_asked > 0.0 { &request.asked } else { &[] }
    }
}

impl OnnxEngine {
    /// An engine over the model in `folder`. `config` gives the search and the context rule; `threads` is the number of
    /// threads of one inference ([`Config::resolved_threads`]).
    ///
    /// # Errors
    /// [`Error::Load`] when a file is missing, cut or of another kind.
    pub fn load(runtime: &Runtime, folder: &Path, config: &Config, threads: usize) -> Result<Self, Error> {
        let cuda_device = match config.device {
            Device::Gpu(number) => Some(number),
            Device::Auto | Device::Cpu => None,
        };
        let (graphs, mut description) = Graphs::open(runtime, folder, (threads.max(1), cuda_device))?;
        let vocabulary = Vocabulary::new(std::mem::take(&mut description.tokens), description.vocabulary)
            .map_err(|error| Error::Load { path: folder.to_path_buf(), reason: error.to_string() })?;
        let stem = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self {
            graphs: Arc::new(graphs),
            rules: Arc::new(Rules::new(&vocabulary)),
            vocabulary: Arc::new(vocabulary),
            description,
            folder: folder.to_path_buf(),
            name: format!("onnx {stem}"),
            wording: Arc::default(),
            settings: EngineSettings::of(config),
        })
    }
}

impl Engine for OnnxEngine {
    fn recognizer(&self) -> Result<Box<dyn Recognizer>, Error> {
        let network = Network::over(Arc::clone(&self.graphs))?;
        let recognizer = OnnxRecognizer::new(network, self)
            .map_err(|error| Error::Load { path: self.folder.clone(), reason: error.to_string() })?;
        Ok(Box::new(recognizer))
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// Names with their trie.
type Leaning = (Arc<[String]>, BiasTrie);

struct OnnxRecognizer {
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
    fn new(network: Network, engine: &OnnxEngine) -> Result<Self, InvalidFilters> {
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

/// What a decoding knows beside its words.
#[derive(Clone, Copy)]
struct Heard {
    language: Language,
    no_speech_probability: f32,
    foreign_share: Option<f32>,
    positions: usize,
}

/// One decoding of a segment.
struct Decoded {
    language: Language,
    hypothesis: Hypothesis,
    assembled: words::Assembled,
    text_tokens: Vec<u32>,
    /// Tokens of the hypothesis that were not searched for.
    forced: usize,
    alternatives: Vec<Alternative>,
    no_speech_probability: f32,
    foreign_share: Option<f32>,
    positions: usize,
}

impl Decoded {
    /// Mean log-probability of the text tokens; 0 without any.
    fn mean(&self, first_special: u32) -> f32 {
        let searched = self.hypothesis.tokens.iter().skip(self.forced);
        let text = searched.filter(|chosen| chosen.token < first_special);
        let (sum, count) =
            text.fold((0.0, 0_usize), |(sum, count), chosen| (sum + chosen.log_probability, count + 1));
        (sum / count.max(1) as f32).min(0.0)
    }
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

    /// Reads what stands before a text: `before`, the start mark, the language and the task. Gives what is known from it, and
    /// how many tokens that were.
    fn read_prompt(
        &mut self,
        encoded: &Encoded,
        before: Vec<u32>,
        (request, allowed): (&Request, &[Language]),
    ) -> Result<(Heard, usize), Error> {
        self.reading.clear();
        let mut prompt = before;
        prompt.push(self.vocabulary.sot());
        let start_mark = prompt.len() - 1;
        let known = match allowed {
            [only] => Some(*only),
            _ => None,
        };
        if let Some(language) = known {
            // One pass for all of it: the scores after the start mark and those of the first token.
            prompt.extend(self.task(language, request.task));
            let last = prompt.len() - 1;
            let scored = [start_mark, last];
            let scored = if last == start_mark { &scored[..1] } else { &scored[..] };
            self.reading.read((&mut self.network, encoded), &prompt, scored)?;
            let heard = self.heard_at_start(encoded, (language, allowed), &request.language);
            let rows_before = (scored.len() - 1) * self.vocabulary.size() as usize;
            self.reading.scores.logits.drain(..rows_before);
            return Ok((heard, prompt.len()));
        }
        self.reading.read((&mut self.network, encoded), &prompt, &[start_mark])?;
        let language = self.choose_language(allowed, &request.language, request.samples.len());
        let heard = self.heard_at_start(encoded, (language, allowed), &request.language);
        let task = self.task(language, request.task);
        if let Some(last) = task.len().checked_sub(1) {
            self.reading.read((&mut self.network, encoded), &task, &[last])?;
        }
        Ok((heard, prompt.len() + task.len()))
    }

    /// What the scores after the start mark, the first of the last ones, say of the speech.
    fn heard_at_start(
        &self,
        encoded: &Encoded,
        (language, allowed): (Language, &[Language]),
        choice: &LanguageChoice,
    ) -> Heard {
        Heard {
            language,
            no_speech_probability: self.probability(self.vocabulary.no_speech()),
            foreign_share: self.foreign_share(allowed, choice),
            positions: encoded.positions,
        }
    }

    /// The share of probability on other languages than the allowed ones, where it is not known which one is spoken.
    fn foreign_share(&self, allowed: &[Language], choice: &LanguageChoice) -> Option<f32> {
        if !choice.is_open() || !self.vocabulary.is_multilingual() {
            return None;
        }
        let tokens: Vec<u32> =
            allowed.iter().filter_map(|language| self.vocabulary.language(language.code())).collect();
        let all = self.vocabulary.languages();
        let scores = self.reading.scores.logits.get(all.start as usize..all.end as usize)?;
        let scores: Vec<(f32, bool)> =
            all.zip(scores).map(|(token, score)| (*score, tokens.contains(&token))).collect();
        language::foreign_share(&scores)
    }

    /// The marks of language and task; none for a model of one language.
    fn task(&self, language: Language, task: Task) -> Vec<u32> {
        if !self.vocabulary.is_multilingual() {
            return Vec::new();
        }
        let language = self.vocabulary.language(language.code()).unwrap_or_default();
        let task = match task {
            Task::Transcribe => self.vocabulary.transcribe(),
            Task::Translate => self.vocabulary.translate(),
        };
        vec![language, task]
    }

    /// Reads what the text is known to begin with in one pass: the time stamp that fits best, then the words. Gives the
    /// tokens as if they had been searched for.
    fn force(&mut self, encoded: &Encoded, prefix: &str) -> Result<Vec<Chosen>, Error> {
        let words = self.vocabulary.encode(&format!(" {}", prefix.trim().replace('\0', " ")));
        if prefix.trim().is_empty() || words.len() >= self.text_positions / 2 {
            return Ok(Vec::new());
        }
        let mut start = Vec::new();
        let logits = &mut self.reading.scores.logits;
        let allowed = self.rules.apply(&History::start(), logits);
        allowed.top_k(logits, 1, &mut start);
        let tokens: Vec<u32> = start.iter().map(|(token, _)| *token).chain(words).collect();
        self.reading.read((&mut self.network, encoded), &tokens, &[tokens.len() - 1])?;
        self.reading.attention.keep_each(&self.reading.scores.attention);
        let chosen = |(step, token)| Chosen { token, log_probability: 0.0, step, row: 0 };
        Ok(tokens.into_iter().enumerate().map(chosen).collect())
    }

    /// The other texts that the search ended with, each once, without the best.
    fn alternatives(&self, others: &[Hypothesis], best: &str) -> Vec<Alternative> {
        let end_of_text = self.vocabulary.eot();
        let mut found: Vec<Alternative> = Vec::new();
        for other in others {
            let words = other.tokens.iter().filter(|chosen| chosen.token < end_of_text);
            let bytes: Vec<u8> =
                words.flat_map(|chosen| self.vocabulary.bytes(chosen.token)).copied().collect();
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            if text.is_empty() || text == best || found.iter().any(|known| *known.text.reveal() == text) {
                continue;
            }
            let mean_log_probability = other.log_probability / (other.tokens.len() + 1) as f32;
            found.push(Alternative { text: Redacted::new(text), mean_log_probability });
        }
        found
    }

    /// The names as text that came before, as many from the start of the list as fit in half of the decoder's window.
    fn prompt(&self, request: &Request) -> Vec<u32> {
        let most = self.text_positions / 2 - 1;
        let mut prompt = Vec::new();
        for name in self.settings.prompted(request) {
            let separator = if prompt.is_empty() { " " } else { ", " };
            let name = name.replace('\0', " ");
            let tokens = self.vocabulary.encode(&format!("{separator}{}", name.trim()));
            if prompt.len() + 1 + tokens.len() > most {
                break;
            }
            prompt.extend(tokens);
        }
        if !prompt.is_empty() {
            prompt.insert(0, self.vocabulary.start_of_previous());
        }
        prompt
    }

    /// Probability of one token under the first of the last scores.
    fn probability(&self, token: u32) -> f32 {
        let scores = &self.reading.scores.logits;
        let scores = &scores[..scores.len().min(self.vocabulary.size() as usize)];
        let Some(logit) = scores.get(token as usize) else { return 0.0 };
        (logit - log_sum_exp(scores)).exp().clamp(0.0, 1.0)
    }

    /// The language among `allowed`, from the scores after the start mark.
    fn choose_language(&self, allowed: &[Language], choice: &LanguageChoice, samples: usize) -> Language {
        if let [only] = allowed {
            return *only;
        }
        let score = |language: &Language| {
            let token = self.vocabulary.language(language.code());
            token
                .and_then(|token| self.reading.scores.logits.get(token as usize))
                .copied()
                .unwrap_or(f32::NEG_INFINITY)
        };
        let highest = allowed.iter().map(score).fold(f32::NEG_INFINITY, f32::max);
        let scored: Vec<_> =
            allowed.iter().map(|language| (*language, (score(language) - highest).exp())).collect();
        language::choose(&scored, samples, choice.margin(self.settings.language_margin)).unwrap_or(allowed[0])
    }

    /// From where to where each token is heard, in encoder positions. Without heads that tell, all tokens have the whole
    /// time.
    fn times(
        &self,
        text: &[Chosen],
        end: Option<Chosen>,
        (positions, speech): (usize, usize),
    ) -> Vec<(u32, u32)> {
        let steps: Vec<Chosen> = text.iter().copied().chain(end).collect();
        let attention = CrossAttention {
            weights: &self.reading.attention.of(&steps),
            heads: self.alignment_heads,
            tokens: steps.len(),
            positions,
        };
        let whole = (0, u32::try_from(speech).unwrap_or(u32::MAX));
        match align::token_times(&attention, speech) {
            Ok(mut times) if self.alignment_heads > 0 => {
                times.truncate(text.len());
                times
            }
            Ok(_) | Err(_) => vec![whole; text.len()],
        }
    }

    /// The words of a hypothesis with their times.
    fn read(&self, hypothesis: Hypothesis, heard: Heard, samples: &[f32]) -> Decoded {
        let Heard { language, no_speech_probability, foreign_share, positions } = heard;
        let end_of_text = self.vocabulary.eot();
        let text: Vec<Chosen> =
            hypothesis.tokens.iter().copied().filter(|chosen| chosen.token < end_of_text).collect();
        let speech = samples.len().div_ceil(SAMPLES_PER_POSITION).clamp(1, positions.max(1));
        let times = self.times(&text, hypothesis.end, (positions, speech));
        let place = |position: u32| SamplePos(u64::from(position) * SAMPLES_PER_POSITION as u64);
        let tokens: Vec<TimedToken> = text
            .iter()
            .zip(times)
            .map(|(chosen, (start, end))| TimedToken {
                token: TextToken {
                    bytes: self.vocabulary.bytes(chosen.token).to_vec(),
                    log_probability: chosen.log_probability,
                },
                span: SampleSpan::new(place(start), place(end)),
            })
            .collect();
        Decoded {
            language,
            assembled: words::assemble_timed(&tokens, samples),
            text_tokens: text.iter().map(|chosen| chosen.token).collect(),
            hypothesis,
            forced: 0,
            alternatives: Vec::new(),
            no_speech_probability,
            foreign_share,
            positions,
        }
    }
}

#[cfg(test)]
mod tests;
