//! Which engine recognises on this machine, with which model.
//!
//! | `asr.engine` | what runs |
//! |---|---|
//! | `auto` | ONNX Runtime when the model is there in its form, else whisper.cpp; whisper.cpp on a graphics device |
//! | `onnx` | ONNX Runtime; a model that is not there in its form is an error |
//! | `whisper.cpp` | whisper.cpp |
//!
//! | `asr.device` | where it runs |
//! |---|---|
//! | `auto` | on the first graphics device that whisper.cpp finds, in a build for one, else on the processor |
//! | `cpu` | on the processor |
//! | `gpu`, `gpu:1` | on that device: one that whisper.cpp finds, or an NVIDIA device with `asr.engine = "onnx"`; else an error |
//!
//! `asr.model` is a name of the manifest, or a path: to a folder of graphs or to a ggml file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::machinery::cores;
use crate::asr::config::{Device, EngineKind, Purpose};
use crate::asr::devices::{self, DEVICE_REMEDY};
use crate::asr::onnx::OnnxEngine;
use crate::asr::whisper::WhisperEngine;
use crate::asr::{Engine, Error as AsrError};
use crate::config::Config;
use crate::models::{self, Manifest, ModelFolder};
use crate::onnx::Runtime;
use crate::pipeline::Error;

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
/// The model is not there in the form that the engine reads; the error names the command that helps. The device that the
/// settings name is not there.
pub fn choose(config: &Config, folder: &ModelFolder) -> Result<Choice, Error> {
    choose_among(config, folder, &devices::gpus())
}

/// The graphics device that whisper.cpp will run on, if any.
fn device(wanted: Device, engine: EngineKind, gpus: &[String]) -> Result<Option<&str>, AsrError> {
    let number = match wanted {
        Device::Cpu => return Ok(None),
        Device::Auto => 0,
        Device::Gpu(number) => usize::from(number),
    };
    // With ONNX Runtime the device is looked for when the model is loaded.
    if engine == EngineKind::Onnx {
        return Ok(None);
    }
    match gpus.get(number) {
        Some(name) => Ok(Some(name)),
        None if wanted == Device::Auto => Ok(None),
        None => Err(AsrError::Device {
            wanted,
            reason: if devices::CAN_USE_GPU {
                format!("whisper.cpp finds {} graphics devices on this machine", gpus.len())
            } else {
                "this build has no back end for graphics devices".to_owned()
            },
            remedy: DEVICE_REMEDY.to_owned(),
        }),
    }
}

fn choose_among(config: &Config, folder: &ModelFolder, gpus: &[String]) -> Result<Choice, Error> {
    let model = Path::new(&config.asr.model);
    if model.components().count() > 1 {
        models::check_there(model)?;
        let choice = of_path(config.asr.engine, model);
        device(config.asr.device, choice.engine, gpus)?;
        return Ok(choice);
    }
    let device = device(config.asr.device, config.asr.engine, gpus)?;
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
        EngineKind::WhisperCpp => whisper_cpp(match device {
            Some(device) => Reason::Wanted(format!("asr.engine says so, on {device}")),
            None => wanted("asr.engine says so"),
        }),
        EngineKind::Auto if device.is_some() => {
            let device = device.unwrap_or_default();
            whisper_cpp(Reason::Wanted(format!("there is a graphics device ({device})")))
        }
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
pub fn engine(
    config: &Config,
    purpose: Purpose,
    runtime: &Runtime,
    folder: &ModelFolder,
) -> Result<Arc<dyn Engine>, Error> {
    let choice = choose(config, folder)?;
    let threads = config.asr.resolved_threads(choice.engine, purpose, cores());
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

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: [&str; 2] = ["first card", "second card"];

    fn on(engine: EngineKind, wanted: Device, gpus: &[&str]) -> Result<Option<String>, String> {
        let gpus: Vec<String> = gpus.iter().map(|name| (*name).to_owned()).collect();
        let found = device(wanted, engine, &gpus);
        found.map(|name| name.map(str::to_owned)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_device_that_is_asked_for_is_there_or_an_error_that_says_what_helps() {
        use EngineKind::{Auto, Onnx, WhisperCpp};
        assert_eq!(on(Auto, Device::Auto, &[]), Ok(None));
        assert_eq!(on(Auto, Device::Auto, &TWO), Ok(Some("first card".to_owned())));
        assert_eq!(on(WhisperCpp, Device::Cpu, &TWO), Ok(None));
        assert_eq!(on(WhisperCpp, Device::Gpu(1), &TWO), Ok(Some("second card".to_owned())));
        // The other runtime says itself what it lacks, when it loads the model.
        assert_eq!(on(Onnx, Device::Gpu(0), &[]), Ok(None));
        for (engine, wanted, gpus) in [(Auto, Device::Gpu(0), &TWO[..0]), (WhisperCpp, Device::Gpu(2), &TWO)]
        {
            let error = on(engine, wanted, gpus).unwrap_err();
            assert!(error.starts_with(&format!("asr.device is \"{wanted}\", but ")), "{error}");
            assert!(error.contains("\nhint: docs/gpu.md says what a device needs"), "{error}");
        }
    }

    #[test]
    fn on_a_graphics_device_whisper_cpp_is_chosen_and_on_a_processor_onnx_runtime() {
        let models = tempfile::tempdir().expect("a folder");
        let folder = ModelFolder::new(models.path());
        let mut config = Config::default();
        let missing = |config: &Config, gpus: &[&str]| {
            let gpus: Vec<String> = gpus.iter().map(|name| (*name).to_owned()).collect();
            choose_among(config, &folder, &gpus).expect_err("no model is there").to_string()
        };
        assert!(missing(&config, &TWO).contains("`whisper-base` is not there"), "{}", missing(&config, &TWO));
        assert!(missing(&config, &[]).contains("whisper-base-onnx-int8"), "{}", missing(&config, &[]));
        config.asr.device = Device::Cpu;
        assert!(missing(&config, &TWO).contains("whisper-base-onnx-int8"), "{}", missing(&config, &TWO));
    }
}
