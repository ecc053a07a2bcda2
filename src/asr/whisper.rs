//! Whisper by whisper.cpp; with `asr/devices.rs` and `models/quantize.rs` the only module that names whisper-rs.
//!
//! One [`WhisperEngine`] is one loaded model; each recogniser has a `WhisperState` of its own over it. The library
//! decodes with its time stamps on: measured on 40 French telephone clips with `base`, greedy, that gives 3.5 points
//! less WER than without them (31.8 against 35.3), and its stretches tell where a sentence begins. The language is
//! read from an encoding of its own, and only as long as the call's language is open.
//!
//! Why a beam of five gains so little here, and 1 to 4 points in CTranslate2: `whisper_sample_token_topk` of whisper.cpp
//! 1.8.3 does not take the k best tokens, it draws k times from the distribution, so that where the decoder is sure the
//! beams are copies of the greedy path. No parameter changes that; more draws help a little, see `drawn_beams`. A search of our own over the library's
//! one-token decoder was tried (greedy path, then detours at unsure tokens): 34.5 against 32.6 for the library's beam.
//!
//! Invariants: translates only when told to; no text is carried from one request to the next; the same request gives the same
//! recognition as far as the library does not draw at random, which its beam search does (see above), and the fall-back to higher
//! temperatures after a poor decoding. The library's own log, which holds tokens of the text in debug builds, is discarded.
//!
//! Units: encoder positions are 20 ms, the library's time stamps 10 ms; they become samples here and nowhere else.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError, WhisperState,
};

use super::config::{Config, Device, FULL_CONTEXT};
use super::context::ContextRule;
use super::language;
use super::repetition::{is_decoder_loop, trailing_loop};
use super::words::{self, Assembled, Stretch, TextToken};
use super::{
    CancelFlag, Capabilities, Engine, Error, LanguageChoice, Recognition, Recognizer, Request, Task,
    check_samples, check_task, spoken_forms,
};
use crate::audio::{SamplePos, SampleSpan};
use crate::call::Language;

/// The library refuses less than one second and a few frames; shorter speech is padded with silence to this.
const SHORTEST_SAMPLES: usize = 17_600;
/// Samples of one of the library's time units, 10 ms.
const SAMPLES_PER_CENTISECOND: u64 = 160;
/// Most decoders of the library (`WHISPER_MAX_DECODERS`).
const MOST_DRAWN: usize = 8;
/// Tokens that the decoder takes in all, prompt and text.
const TEXT_CONTEXT: usize = 448;
/// Most tokens of vocabulary: half of the context as in the original, less the marker before it. More would leave the
/// text too little room.
const LONGEST_VOCABULARY: usize = TEXT_CONTEXT / 2 - 1;
/// A text with a lower mean log-probability is decoded again with the whole window; the threshold of the original's
/// fall-back.
const POOR_MEAN: f32 = -1.0;
/// Above this probability of no speech, together with [`POOR_MEAN`], the model hears no speech; the original's value.
const NO_SPEECH: f32 = 0.6;
/// Longest phrase, in tokens, whose repetition counts as a loop.
const LONGEST_LOOP_PERIOD: usize = 24;
/// Step of the temperatures that are tried after a poor decoding: 0.4 and 0.8. The original's 0.2 tries five, and each
/// may run to the longest text: one second of noise then took a minute.
const TEMPERATURE_STEP: f32 = 0.4;
/// Text tokens and time stamps for each second of audio beyond a start of [`TOKENS_BEFORE`]: the fastest speakers reach 7
/// words and 10 tokens a second. A decoder that goes on is inventing; lower cuts fast speakers off.
const TOKENS_A_SECOND: usize = 12;
/// See [`TOKENS_A_SECOND`].
const TOKENS_BEFORE: usize = 24;

/// A loaded ggml model.
pub struct WhisperEngine {
    context: Arc<WhisperContext>,
    name: String,
    settings: Settings,
}

/// What every recogniser of the engine needs to know.
#[derive(Debug, Clone, Copy)]
struct Settings {
    beam_size: usize,
    threads: usize,
    rule: ContextRule,
    language_margin: f32,
    is_multilingual: bool,
    /// Whether names that were asked for go before the others.
    takes_asked: bool,
}

impl WhisperEngine {
    /// Loads a ggml model from `path`. `config` gives the search and the context rule; `threads` is the number of
    /// threads of one inference ([`Config::resolved_threads`]). Blocks while the file is read. Whether a graphics device that
    /// `config` names is there is for [`super::devices`] to say: the library would go on without it.
    ///
    /// # Errors
    /// [`Error::Load`] when the file is missing or is no model.
    pub fn load(path: &Path, config: &Config, threads: usize) -> Result<Self, Error> {
        whisper_rs::install_logging_hooks();
        let failed = |reason: String| Error::Load { path: path.to_owned(), reason };
        if !path.is_file() {
            return Err(failed("no such file".to_owned()));
        }
        let mut parameters = WhisperContextParameters::default();
        parameters.flash_attn(config.flash_attention);
        match config.device {
            // The library takes a graphics device where it was built for one.
            Device::Auto => {}
            Device::Cpu => {
                parameters.use_gpu(false);
            }
            Device::Gpu(number) => {
                parameters.use_gpu(true).gpu_device(i32::from(number));
            }
        }
        let context =
            WhisperContext::new_with_params(path, parameters).map_err(|error| failed(lowercase(error)))?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let rule = config.context_rule();
        let settings = Settings {
            beam_size: config.beam_size,
            threads: threads.max(1),
            rule,
            language_margin: config.language_margin,
            is_multilingual: context.is_multilingual(),
            takes_asked: config.vocabulary_boost_asked > 0.0,
        };
        Ok(Self { context: Arc::new(context), name: format!("whisper.cpp {stem}"), settings })
    }
}

impl Engine for WhisperEngine {
    fn recognizer(&self) -> Result<Box<dyn Recognizer>, Error> {
        let state = self.context.create_state().map_err(|error| Error::State { reason: lowercase(error) })?;
        let running = Arc::new(Mutex::new(CancelFlag::new()));
        let parameters = Language::ALL
            .map(|language| (language, decoding_parameters(self.settings, language, Arc::clone(&running))));
        Ok(Box::new(WhisperRecognizer {
            context: Arc::clone(&self.context),
            state,
            parameters,
            running,
            name: self.name.clone(),
            settings: self.settings,
        }))
    }

    fn name(&self) -> &str {
        &self.name
    }
}

struct WhisperRecognizer {
    context: Arc<WhisperContext>,
    state: WhisperState,
    /// Made once: every call of a setter that takes text or a closure leaks a copy of it in whisper-rs 0.16.
    parameters: [(Language, FullParams<'static, 'static>); Language::ALL.len()],
    /// The flag of the request in progress, for the abort callback.
    running: Arc<Mutex<CancelFlag>>,
    name: String,
    settings: Settings,
}

impl Recognizer for WhisperRecognizer {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            word_times: true,
            vocabulary: true,
            language_detection: self.settings.is_multilingual,
            prefix: false,
            translation: self.settings.is_multilingual,
        }
    }

    fn recognize(&mut self, request: &Request, cancel: &CancelFlag) -> Result<Recognition, Error> {
        check_samples(&request.samples)?;
        let allowed = self.allowed_languages(&request.language)?;
        check_task(request.task, self.capabilities(), &self.name)?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = cancel.clone();
        let mut samples = request.samples.to_vec();
        samples.resize(samples.len().max(SHORTEST_SAMPLES), 0.0);
        let prompt = self.vocabulary_prompt(request)?;
        let positions = self.settings.rule.positions(samples.len());
        let (language, foreign_share) = if request.language.is_open() && self.settings.is_multilingual {
            self.detect((&samples, positions), &allowed, &request.language)?
        } else {
            (allowed[0], None)
        };
        let task = request.task;
        let attempt =
            Attempt { language, task, prompt: &prompt, positions, temperature_step: TEMPERATURE_STEP };
        let mut best = self.decode(&samples, &attempt)?;
        if best.is_broken() && positions < FULL_CONTEXT {
            // The temperatures were tried already; what may be wrong is the context.
            let longer = Attempt { positions: FULL_CONTEXT, temperature_step: 0.0, ..attempt };
            let longer = self.decode(&samples, &longer)?;
            if (!longer.is_broken(), longer.mean()) > (!best.is_broken(), best.mean()) {
                best = longer;
            }
            best.decodings = 2;
        }
        let recognition = best.into_recognition(request.samples.len() as u64);
        Ok(Recognition { foreign_share, ..recognition })
    }
}

/// One decoding of a segment.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    language: Language,
    task: Task,
    prompt: &'a [i32],
    positions: u32,
    temperature_step: f32,
}

/// What a decoding gave.
struct Decoded {
    language: Language,
    tokens: Vec<(i32, f32)>,
    assembled: Assembled,
    no_speech_probability: f32,
    positions: u32,
    decodings: u32,
}

impl Decoded {
    /// Mean log-probability of the text tokens; 0 without any.
    fn mean(&self) -> f32 {
        let sum: f32 = self.tokens.iter().map(|(_, log_probability)| log_probability).sum();
        (sum / self.tokens.len().max(1) as f32).min(0.0)
    }

    /// Signs that the encoder saw too little: cut-off letters, a loop, or words that hardly fit.
    ///
    /// Where the model itself hears no speech a longer context helps nothing and costs a second on every noise.
    fn is_broken(&self) -> bool {
        if self.no_speech_probability > NO_SPEECH && self.mean() < POOR_MEAN {
            return false;
        }
        let ids: Vec<i32> = self.tokens.iter().map(|(id, _)| *id).collect();
        !self.assembled.is_valid_utf8
            || self.mean() < POOR_MEAN
            || trailing_loop(&ids, LONGEST_LOOP_PERIOD).is_some_and(is_decoder_loop)
    }

    /// Drops what the padding added beyond the request's `samples`.
    fn into_recognition(self, samples: u64) -> Recognition {
        let mean_log_probability = self.mean();
        let mut words = self.assembled.words;
        for word in &mut words {
            word.span.end.0 = word.span.end.0.min(samples);
            word.span.start.0 = word.span.start.0.min(word.span.end.0);
        }
        Recognition {
            language: self.language,
            text: self.assembled.text,
            words,
            mean_log_probability,
            no_speech_probability: self.no_speech_probability,
            foreign_share: None,
            context_positions: self.positions,
            decodings: self.decodings,
            alternatives: Vec::new(),
            corrections: Vec::new(),
        }
    }
}

impl WhisperRecognizer {
    fn allowed_languages(&self, choice: &LanguageChoice) -> Result<Vec<Language>, Error> {
        // A model of one language is English in every release.
        let known = |language: &Language| self.settings.is_multilingual || *language == Language::En;
        let allowed: Vec<Language> = choice.languages().iter().copied().filter(known).collect();
        if allowed.is_empty() { Err(Error::NoLanguage { model: self.name.clone() }) } else { Ok(allowed) }
    }

    /// The names as tokens of a sentence that came before, those that were asked for first, as many as fit.
    fn vocabulary_prompt(&self, request: &Request) -> Result<Vec<i32>, Error> {
        let asked: &[String] = if self.settings.takes_asked { &request.asked } else { &[] };
        let mut text = String::new();
        let mut tokens = Vec::new();
        for name in spoken_forms(asked).chain(spoken_forms(&request.vocabulary)) {
            let name = name.replace('\0', " ");
            let longer = if text.is_empty() {
                format!(" {}", name.trim())
            } else {
                format!("{text}, {}", name.trim())
            };
            // The library corrupts memory when the tokens do not fit; there are never more tokens than bytes.
            let found =
                self.context.tokenize(&longer, longer.len() + 1).map_err(failed_to("read the vocabulary"))?;
            if found.len() > LONGEST_VOCABULARY {
                break;
            }
            (text, tokens) = (longer, found);
        }
        Ok(tokens)
    }

    /// The language among `allowed` and the share of probability on others, from one encoding and the decoder's first token.
    fn detect(
        &mut self,
        (samples, positions): (&[f32], u32),
        allowed: &[Language],
        choice: &LanguageChoice,
    ) -> Result<(Language, Option<f32>), Error> {
        // `full` is the only function that takes a context length; told to look at 100 ms, the shortest stretch it
        // takes for nothing, it computes the spectrogram of all samples, notes the length and returns.
        let mut parameters = self.parameters_for(allowed[0]);
        parameters.set_duration_ms(100);
        parameters.set_audio_ctx(context_length(positions));
        self.state.full(parameters, samples).map_err(failed_to("compute the spectrogram"))?;
        self.check_cancelled()?;
        let threads = self.settings.threads;
        self.state.encode(0, threads).map_err(failed_to("encode"))?;
        self.state.decode(&[self.context.token_sot()], 0, threads).map_err(failed_to("decode"))?;
        let scores = self.state.get_logits().map_err(failed_to("read the scores"))?;
        let token = |language: &Language| {
            whisper_rs::get_lang_id(language.code()).map(|id| self.context.token_lang(id))
        };
        let score_of = |token: i32| scores.get(usize::try_from(token).ok()?).copied();
        let score = |language: &Language| token(language).and_then(score_of).unwrap_or(f32::NEG_INFINITY);
        // The library names a language more than most models have; the languages end where the tasks begin.
        let all = self.context.token_lang(0)..self.context.token_translate();
        let allowed_tokens: Vec<_> = allowed.iter().filter_map(token).collect();
        let everywhere: Vec<_> =
            all.filter_map(|token| Some((score_of(token)?, allowed_tokens.contains(&token)))).collect();
        let highest = allowed.iter().map(score).fold(f32::NEG_INFINITY, f32::max);
        let scored: Vec<_> =
            allowed.iter().map(|language| (*language, (score(language) - highest).exp())).collect();
        let chosen = language::choose(&scored, samples.len(), choice.margin(self.settings.language_margin));
        let chosen = chosen.expect("at least one language is allowed");
        Ok((chosen, language::foreign_share(&everywhere)))
    }

    fn decode(&mut self, samples: &[f32], attempt: &Attempt<'_>) -> Result<Decoded, Error> {
        let mut parameters: FullParams<'_, '_> = self.parameters_for(attempt.language);
        parameters.set_translate(attempt.task == Task::Translate);
        parameters.set_audio_ctx(context_length(attempt.positions));
        parameters.set_tokens(attempt.prompt);
        parameters.set_temperature_inc(attempt.temperature_step);
        self.check_cancelled()?;
        let longest = TOKENS_BEFORE + TOKENS_A_SECOND * samples.len().div_ceil(16_000);
        parameters.set_max_tokens(i32::try_from(longest.min(TEXT_CONTEXT / 2)).expect("at most 224 tokens"));
        let outcome = self.state.full(parameters, samples);
        // An abort makes the library fail or end early with what it has; neither is a result.
        self.check_cancelled()?;
        outcome.map_err(failed_to("decode"))?;
        self.read(samples, attempt)
    }

    /// The text of the last decoding.
    fn read(&self, samples: &[f32], attempt: &Attempt<'_>) -> Result<Decoded, Error> {
        let end_of_text = self.context.token_eot();
        let mut tokens = Vec::new();
        let mut stretches = Vec::new();
        let mut no_speech_probability = 0.0_f32;
        for segment in self.state.as_iter() {
            no_speech_probability = no_speech_probability.max(segment.no_speech_probability());
            let mut text = Vec::new();
            for index in 0..segment.n_tokens() {
                let Some(token) = segment.get_token(index).filter(|token| token.token_id() < end_of_text)
                else {
                    continue;
                };
                let (id, log_probability) = (token.token_id(), token.token_data().plog);
                let bytes = self.context.token_to_bytes(id).map_err(failed_to("read a token"))?.to_vec();
                tokens.push((id, log_probability));
                text.push(TextToken { bytes, log_confidence: log_probability });
            }
            stretches.push(Stretch {
                span: stretch_span(segment.start_timestamp(), segment.end_timestamp(), samples.len()),
                tokens: text,
            });
        }
        Ok(Decoded {
            language: attempt.language,
            tokens,
            assembled: words::assemble(&stretches, samples),
            no_speech_probability,
            positions: attempt.positions,
            decodings: 1,
        })
    }

    /// The flag of the request in progress, which the library's abort callback asks too.
    fn check_cancelled(&self) -> Result<(), Error> {
        let cancelled = self.running.lock().unwrap_or_else(PoisonError::into_inner).is_cancelled();
        if cancelled { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn parameters_for(&self, language: Language) -> FullParams<'static, 'static> {
        let found = self.parameters.iter().find(|(known, _)| *known == language);
        found.expect("there are parameters for every language").1.clone()
    }
}

/// The library's 10 ms units as a span inside `samples`; whatever lies outside is moved to the edge.
fn stretch_span(start_cs: i64, end_cs: i64, samples: usize) -> SampleSpan {
    let position = |centiseconds: i64| {
        let position = u64::try_from(centiseconds).unwrap_or(0).saturating_mul(SAMPLES_PER_CENTISECOND);
        SamplePos(position.min(samples as u64))
    };
    let start = position(start_cs);
    SampleSpan::new(start, position(end_cs).max(start))
}

fn context_length(positions: u32) -> i32 {
    i32::try_from(positions.min(FULL_CONTEXT)).expect("at most 1500 positions")
}

/// How many beams the library is asked for so that about `beams` of them differ: it draws them with repetition. For 5 beams 8
/// draws gave 0.6 points less WER than 5 for a sixth more time (BENCHMARKS.md, "Settings of recognition").
const fn drawn_beams(beams: usize) -> usize {
    let drawn = if beams > 1 { (beams * 8).div_ceil(5) } else { beams };
    if drawn < MOST_DRAWN { drawn } else { MOST_DRAWN }
}

/// What all decodings in one language have in common.
fn decoding_parameters(
    settings: Settings,
    language: Language,
    running: Arc<Mutex<CancelFlag>>,
) -> FullParams<'static, 'static> {
    let strategy = match i32::try_from(drawn_beams(settings.beam_size)) {
        Ok(beam_size) if beam_size > 1 => SamplingStrategy::BeamSearch { beam_size, patience: -1.0 },
        Ok(_) | Err(_) => SamplingStrategy::Greedy { best_of: 1 },
    };
    let mut parameters = FullParams::new(strategy);
    parameters.set_n_threads(i32::try_from(settings.threads).unwrap_or(1));
    parameters.set_language(Some(language.code()));
    parameters.set_no_context(true);
    parameters.set_suppress_blank(true);
    parameters.set_suppress_nst(true);
    parameters.set_print_special(false);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_timestamps(false);
    // The callback must be this very boxed type: whisper-rs 0.16 stores a boxed closure but calls it as the type that
    // was given, which is sound only when the two are the same.
    let callback: Box<dyn FnMut() -> bool> =
        Box::new(move || running.lock().unwrap_or_else(PoisonError::into_inner).is_cancelled());
    parameters.set_abort_callback_safe::<_, Box<dyn FnMut() -> bool>>(callback);
    parameters
}

fn failed_to(step: &'static str) -> impl Fn(WhisperError) -> Error {
    move |error| Error::Inference { step, reason: lowercase(error) }
}

/// The library's messages as ours are written.
fn lowercase(error: WhisperError) -> String {
    let text = error.to_string();
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
