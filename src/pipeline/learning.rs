//! Learning a scenario: with the sentence encoder of this machine where there is one, and only once.
//!
//! A trained classifier is kept below the data folder under a name made of everything that it depends on: sentences,
//! options, program version, encoder. The same scenario is then ready in milliseconds, in every process; a changed one
//! has another name and is trained, and only its new sentences are read for their meaning (`vectors`).

mod beside;
mod folder;
mod vectors;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use self::beside::BesideCalls;
use self::vectors::{Remembering, VectorFile};
use super::machinery::cores;
use crate::encoder::SentenceEncoder;
use crate::home::Home;
use crate::intent::{Classifier, FullPace, Meaning, Pace};
use crate::models::{self, Manifest, ModelFolder};
use crate::onnx;
use crate::pipeline::Error;
use crate::progress::Progress;
use crate::scenario::Scenario;

/// Name of the sentence encoder in the manifest.
pub const SENTENCE_ENCODER: &str = "e5-small";
/// Trained classifiers that are kept: the scenarios of one machine with a version or two of each.
const KEPT_MAX: usize = 16;

/// The sentence encoder of this machine; `None` when it, or the library that runs it, was not pulled.
///
/// # Errors
/// It is there and cannot be used.
pub fn sentence_encoder(home: &Home) -> Result<Option<Arc<dyn Meaning>>, Error> {
    let manifest = Manifest::builtin();
    let folder = ModelFolder::new(home.models());
    let (library, files) = match (folder.onnx_runtime(&manifest), folder.files(&manifest, SENTENCE_ENCODER)) {
        (Ok(library), Ok(files)) => (library, files),
        (Err(models::Error::Missing { .. } | models::Error::UnknownModel { .. }), _)
        | (_, Err(models::Error::Missing { .. })) => return Ok(None),
        (Err(error), _) | (_, Err(error)) => return Err(error.into()),
    };
    let runtime = onnx::Runtime::load(&library)?;
    let folder = files.first().and_then(|file| file.parent()).unwrap_or(Path::new(""));
    Ok(Some(Arc::new(SentenceEncoder::open(&runtime, folder, cores())?)))
}

/// The classifier of `scenario`: kept from an earlier time, else trained now on all cores and kept, with the vectors of its
/// sentences. `progress` counts the sentences whose meaning is read.
///
/// # Errors
/// The scenario's sentences cannot be learnt from. A folder that cannot be written only means training again next time.
pub fn classifier(
    scenario: &Scenario,
    home: &Home,
    meaning: Option<Arc<dyn Meaning>>,
    progress: &Progress,
) -> Result<Classifier, Error> {
    Learner { home, progress, pace: Arc::new(FullPace) }.classifier(scenario, meaning)
}

/// How scenarios are learnt.
#[derive(Debug)]
pub struct Learner<'a> {
    /// Where what was learnt is kept.
    pub home: &'a Home,
    /// Counts the sentences whose meaning is read.
    pub progress: &'a Progress,
    /// How much of the machine it may take.
    pub pace: Arc<dyn Pace>,
}

impl Learner<'_> {
    /// As [`classifier`], at this learner's pace.
    ///
    /// # Errors
    /// As [`classifier`].
    pub fn classifier(
        &self,
        scenario: &Scenario,
        meaning: Option<Arc<dyn Meaning>>,
    ) -> Result<Classifier, Error> {
        let folder = self.home.root().join("intents");
        let path = folder.join(format!("{}.bin", fingerprint(scenario, meaning.as_deref())));
        let restore = |bytes: Vec<u8>| Classifier::restore(&bytes, meaning.clone());
        if let Some(kept) = fs::read(&path).ok().and_then(restore) {
            return Ok(kept);
        }
        let options = scenario.train_options();
        let remembering = meaning.clone().map(|meaning| self.remembering(meaning, &folder));
        let sentences = (scenario.examples.as_slice(), scenario.out_of_scope.as_slice());
        let trained = Classifier::train_at(self.pace.as_ref(), sentences, &options, remembering)?;
        let bytes = trained.save();
        if let Err(error) = folder::keep(&bytes, &path, KEPT_MAX) {
            tracing::warn!(%error, path = %path.display(), "a trained classifier cannot be kept");
        }
        // What is used asks the encoder itself: what callers say is neither counted nor kept.
        Ok(Classifier::restore(&bytes, meaning).unwrap_or(trained))
    }

    fn remembering(&self, meaning: Arc<dyn Meaning>, folder: &Path) -> Arc<dyn Meaning> {
        let file = VectorFile::of(meaning.as_ref(), folder, vectors::BYTES_MAX);
        let (progress, pace) = (self.progress.clone(), Arc::clone(&self.pace));
        Arc::new(Remembering { meaning, file, progress, pace })
    }
}

/// Everything that a trained classifier depends on, as one name.
fn fingerprint(scenario: &Scenario, meaning: Option<&dyn Meaning>) -> String {
    let options = format!("{:?}", scenario.train_options());
    let encoder = meaning.map_or("words", |meaning| meaning.identity());
    let mut pieces = vec![env!("CARGO_PKG_VERSION"), encoder, options.as_str()];
    for example in &scenario.examples {
        let said = example.said.as_deref().unwrap_or_default();
        pieces.extend([example.text.as_str(), example.intent.as_str(), example.language.code(), said]);
    }
    for one in &scenario.out_of_scope {
        pieces.extend([one.text.as_str(), one.language.code()]);
    }
    in_hex(&hash_of(&pieces))
}

fn hash_of(pieces: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for piece in pieces {
        // The length before each piece: no two lists of pieces are the same bytes.
        hasher.update((piece.len() as u64).to_le_bytes());
        hasher.update(piece.as_bytes());
    }
    hasher.finalize().into()
}

fn in_hex(hash: &[u8]) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
