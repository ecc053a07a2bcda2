//! Which engine recognises on this machine, with which model.
//!
//! | `asr.engine` | what runs |
//! |---|---|
//! | `auto` | ONNX Runtime when the model is there in its form, else whisper.cpp; whisper.cpp in a build for a GPU |
//! | `onnx` | ONNX Runtime; a model that is not there in its form is an error |
//! | `whisper.cpp` | whisper.cpp |
//!
//! `asr.model` is a name of the manifest, or a path: to a folder of graphs or to a ggml file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::machinery::cores;
use crate::asr::Engine;
use crate::asr::config::EngineKind;
use crate::asr::onnx::OnnxEngine;
use crate::asr::whisper::WhisperEngine;
use crate::config::Config;
use crate::models::{self, Manifest, ModelFolder};
use crate::onnx::Runtime;
use crate::pipeline::Error;

/// Whether this build has a GPU back end of whisper.cpp.
const HAS_GPU: bool = cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal", feature = "hipblas"));

/// What will recognise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The engine, never [`EngineKind::Auto`].
    pub engine: EngineKind,
    /// Its model: a folder for ONNX Runtime, a file for whisper.cpp.
    pub model: PathBuf,
    /// Why that engine.
    pub reason: Reason,
}

/// Why an engine was chosen, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The settings and this machine ask for it.
    Wanted(String),
    /// A faster one was wanted and its model is not there; the text names the command that brings it.
    FallsBack(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wanted(text) | Self::FallsBack(text) => formatter.write_str(text),
        }
    }
}

/// Chooses engine and model.
///
/// # Errors
/// The model is not there in the form that the engine reads; the error names the command that helps.
pub fn choose(config: &Config, folder: &ModelFolder) -> Result<Choice, Error> {
    let model = Path::new(&config.asr.model);
    if model.components().count() > 1 {
        models::check_there(model)?;
        return Ok(of_path(config.asr.engine, model));
    }
    let manifest = Manifest::builtin();
    let precision = config.asr.precision;
    let graphs = format!("{}-onnx-{precision}", config.asr.model);
    let onnx = |reason: String| {
        let files = folder.files(&manifest, &graphs)?;
        let model = files[0].parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Choice { engine: EngineKind::Onnx, model, reason: Reason::Wanted(reason) })
    };
    let whisper_cpp = |reason: Reason| {
        let model = folder.file(&manifest, &config.asr.model)?;
        Ok(Choice { engine: EngineKind::WhisperCpp, model, reason })
    };
    let wanted = |reason: &str| Reason::Wanted(reason.to_owned());
    match config.asr.engine {
        EngineKind::Onnx => onnx(format!("asr.engine says so ({precision})")),
        EngineKind::WhisperCpp => whisper_cpp(wanted("asr.engine says so")),
        EngineKind::Auto if HAS_GPU => whisper_cpp(wanted("this build has a GPU back end")),
        EngineKind::Auto if manifest.entry(&graphs).is_err() => {
            whisper_cpp(wanted("the model has no form for ONNX Runtime"))
        }
        EngineKind::Auto => match onnx(format!("the fastest on a processor ({precision})")) {
            // Only what is missing is made up for: a damaged model is an error, or nobody would mend it.
            Err(Error::Models(models::Error::Missing { .. }))
                if folder.file(&manifest, &config.asr.model).is_ok() =>
            {
                whisper_cpp(Reason::FallsBack(format!(
                    "{graphs} is not there; `allo models pull {graphs}` brings the faster engine"
                )))
            }
            found => found,
        },
    }
}

fn of_path(engine: EngineKind, model: &Path) -> Choice {
    let engine = match engine {
        EngineKind::Auto if model.is_dir() => EngineKind::Onnx,
        EngineKind::Auto => EngineKind::WhisperCpp,
        EngineKind::Onnx | EngineKind::WhisperCpp => engine,
    };
    let reason = Reason::Wanted("the form of the model that asr.model names".to_owned());
    Choice { engine, model: model.to_path_buf(), reason }
}

/// Loads the engine that [`choose`] names.
///
/// # Errors
/// As [`choose`]; the engine refuses the model.
pub fn engine(config: &Config, runtime: &Runtime, folder: &ModelFolder) -> Result<Arc<dyn Engine>, Error> {
    let choice = choose(config, folder)?;
    let threads = config.asr.resolved_threads(choice.engine, cores());
    let (engine, reason) = (choice.engine, &choice.reason);
    match reason {
        Reason::Wanted(_) => tracing::info!(%engine, %reason, "speech recognition"),
        Reason::FallsBack(_) => {
            tracing::warn!(%engine, %reason, "speech recognition is slower than it could be")
        }
    }
    Ok(match choice.engine {
        EngineKind::WhisperCpp => {
            models::weights::check_ggml(&choice.model)?;
            Arc::new(WhisperEngine::load(&choice.model, &config.asr, threads)?)
        }
        EngineKind::Onnx | EngineKind::Auto => {
            Arc::new(OnnxEngine::load(runtime, &choice.model, &config.asr, threads)?)
        }
    })
}
