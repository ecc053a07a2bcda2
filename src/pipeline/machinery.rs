//! Builds what recordings run through from the configuration and the models on this machine.

use std::sync::Arc;

use crate::asr::config::Purpose;
use crate::asr::worker::{Pool, PoolConfig};
use crate::config::Config;
use crate::guard::Guard;
use crate::home::Home;
use crate::models::{self, Entry, Manifest, ModelFolder};
use crate::onnx;
use crate::pipeline::transcribe::Transcriber;
use crate::pipeline::{Error, recognition};
use crate::vad::{SileroModel, Sparing, SpeechDetector};

/// Name of the voice detection model in the manifest.
pub const VOICE_DETECTION: &str = "silero-vad";

/// Segments that one recording may have waiting for each recognition worker: one in work, one ready, so that a worker
/// never waits for decoding. More only costs memory (1.6 MB for 25 s of audio).
const SEGMENTS_A_WORKER: usize = 2;

/// Loads the models and starts the recognition workers.
///
/// # Errors
/// A model is missing or damaged, ONNX Runtime cannot be loaded, or the engine refuses the model; each names the
/// command that helps.
pub fn start(config: &Config, home: &Home) -> Result<Transcriber, Error> {
    load(config, home).map_err(|error| name_all_missing(error, home))
}

fn load(config: &Config, home: &Home) -> Result<Transcriber, Error> {
    let manifest = Manifest::builtin();
    let folder = ModelFolder::new(home.models());
    let runtime = onnx::Runtime::load(&folder.onnx_runtime(&manifest)?)?;
    let engine = recognition::engine(config, Purpose::Recordings, &runtime, &folder)?;
    let size = PoolConfig { workers: workers(config), queue_capacity: config.asr.queue_capacity };
    beside(Arc::new(Pool::start(engine, size)?), config, home)
}

/// The same over recognition workers that something else uses too: one model in memory for recordings and live calls.
///
/// # Errors
/// As [`start`].
pub fn beside(pool: Arc<Pool>, config: &Config, home: &Home) -> Result<Transcriber, Error> {
    let manifest = Manifest::builtin();
    let folder = ModelFolder::new(home.models());
    let runtime = onnx::Runtime::load(&folder.onnx_runtime(&manifest)?)?;
    let silero = SileroModel::open(&runtime, &folder.file(&manifest, VOICE_DETECTION)?)?;
    Ok(Transcriber {
        pool,
        detector: Box::new(move || Ok(Box::new(Sparing::new(silero.stream())) as Box<dyn SpeechDetector>)),
        segments: config.vad.clone(),
        guard: Guard::new(&config.guard),
        two_channels: config.recording.channels.get(),
        segments_under_way: workers(config) * SEGMENTS_A_WORKER,
        pack_up_to_samples: config.asr.pack_up_to_samples(),
    })
}

/// The error of a missing model names the command that brings this one. Where more is missing of what plain `allo models
/// pull` brings, as on a new machine, all of it is named instead: nobody should be sent for one model after the other.
pub fn name_all_missing(error: Error, home: &Home) -> Error {
    let Error::Models(models::Error::Missing { name, .. }) = &error else { return error };
    let manifest = Manifest::builtin();
    let folder = ModelFolder::new(home.models());
    let is_missing =
        |entry: &&Entry| matches!(folder.files(&manifest, &entry.name), Err(models::Error::Missing { .. }));
    let pulled = manifest.for_this_machine().filter(|entry| entry.default);
    let names: Vec<String> = pulled.filter(is_missing).map(|entry| entry.name.clone()).collect();
    if names.len() > 1 && names.contains(name) {
        return models::Error::SeveralMissing { names, folder: folder.root().to_path_buf() }.into();
    }
    error
}

/// Recognitions at the same time on this machine.
pub fn workers(config: &Config) -> usize {
    config.asr.resolved_workers(cores())
}

/// Processor cores that this process may use; 1 where the system does not tell.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::HOME_VARIABLE;

    /// A home with everything that plain `allo models pull` brings, as far as existence and size go, but `missing`.
    fn home_without(missing: &[&str]) -> (tempfile::TempDir, Home) {
        let root = tempfile::tempdir().unwrap();
        let home = Home::resolve(|name| (name == HOME_VARIABLE).then(|| root.path().as_os_str().to_owned()));
        let home = home.unwrap();
        let manifest = Manifest::builtin();
        let is_there = |entry: &&Entry| entry.default && !missing.contains(&entry.name.as_str());
        for file in manifest.for_this_machine().filter(is_there).flat_map(|entry| &entry.files) {
            let path = home.models().join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::File::create(path).unwrap().set_len(file.size_bytes).unwrap();
        }
        (root, home)
    }

    #[test]
    fn one_missing_model_is_brought_by_its_name_and_several_by_one_command() {
        let check = |missing: &[&str], expected: &str| {
            let (_root, home) = home_without(missing);
            let error = start(&Config::default(), &home).err().unwrap().to_string();
            let (message, hint) = error.split_once("\nhint: ").unwrap();
            assert_eq!(hint, expected);
            missing.iter().for_each(|name| assert!(message.contains(name), "{message}"));
        };
        check(&["onnxruntime"], "run `allo models pull onnxruntime`");
        check(&["onnxruntime", VOICE_DETECTION, "pico-fr-FR"], "run `allo models pull`");
    }
}
