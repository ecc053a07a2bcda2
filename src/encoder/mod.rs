//! The meaning of a sentence as a vector: multilingual-e5-small on ONNX Runtime.
//!
//! Two sentences that mean the same have vectors in nearly the same direction, whatever their words and whichever of a
//! hundred languages they are in. [`SentenceEncoder`] cuts a sentence into the model's pieces ([`Tokenizer`]) and runs the
//! network over them; the classifier of `intent` takes the vectors as one more kind of feature. There are two of a sentence:
//! that of the last layer, and one of layers before it, which is nearer to the words.
//!
//! The model is a folder of three files, described in [`package`]: the graph, its weights, and the pieces of its
//! vocabulary. Invariants: a vector has length 1; a sentence gives nearly the same vectors alone and among others
//! (a cosine of 0.998 and more: inputs are rounded together). Text is never logged.

mod network;
pub mod package;
mod tokenizer;

use std::path::{Path, PathBuf};

use crate::intent::{Meaning, MeaningFailed};
pub use network::{PARTS, SentenceEncoder};
pub use tokenizer::Tokenizer;

/// Why sentences cannot be encoded. Intents are then told apart by their words alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The runtime or the graph is not usable.
    #[error("cannot open the sentence encoder")]
    Open(#[from] crate::onnx::Error),
    /// The vocabulary cannot be read.
    #[error("cannot read {}\nhint: run `allo models pull e5-small`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the model is not what it should be.
    #[error("{}: {reason}\nhint: run `allo models verify`", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The network failed on its input.
    #[error("the sentence encoder failed")]
    Inference(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Meaning for SentenceEncoder {
    fn identity(&self) -> &str {
        SentenceEncoder::identity(self)
    }

    fn parts(&self) -> usize {
        PARTS
    }

    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        self.encode(texts).map_err(|error| MeaningFailed(Box::new(error)))
    }

    fn vectors_of_many(
        &self,
        texts: &[&str],
        encoded: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        self.encode_many(texts, encoded).map_err(|error| MeaningFailed(Box::new(error)))
    }
}

impl Error {
    fn format(path: &Path, reason: &'static str) -> Self {
        Self::Format { path: path.to_path_buf(), reason }
    }
}

#[cfg(test)]
mod tests;
