//! Builds what recordings run through from the configuration and the models on this machine.

use std::sync::Arc;

use crate::asr::worker::{Pool, PoolConfig};
use crate::config::Config;
use crate::guard::Guard;
use crate::home::Home;
use crate::models::{Manifest, ModelFolder};
use crate::onnx;
use crate::pipeline::transcribe::Transcriber;
use crate::pipeline::{Error, recognition};
use crate::vad::{SileroModel, Sparing, SpeechDetector};

/// Name of the ONNX Runtime library in the manifest.
pub const ONNX_RUNTIME: &str = "onnxruntime";
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
    let manifest = Manifest::builtin();
    let folder = ModelFolder::new(home.models());
    let runtime = onnx::Runtime::load(&folder.file(&manifest, ONNX_RUNTIME)?)?;
    let engine = recognition::engine(config, &runtime, &folder)?;
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
    let runtime = onnx::Runtime::load(&folder.file(&manifest, ONNX_RUNTIME)?)?;
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

/// Recognitions at the same time on this machine.
pub fn workers(config: &Config) -> usize {
    config.asr.resolved_workers(cores())
}

/// Processor cores that this process may use; 1 where the system does not tell.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}
