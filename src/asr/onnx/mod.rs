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
mod recognizer;
mod rules;
mod running;
mod search;
mod tree;
mod wording;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::network::{Graphs, Network};
use self::package::Description;
use self::recognizer::OnnxRecognizer;
use self::rules::Rules;
use self::wording::Wording;
use super::config::{Config, Device};
use super::context::ContextRule;
use super::decode::tokens::Vocabulary;
use super::{Engine, Error, Recognizer, Request, spoken_forms};
use crate::onnx::Runtime;

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

#[cfg(test)]
mod tests;
