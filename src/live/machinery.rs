//! Builds what live calls run on from the configuration and the models on this machine.

use std::sync::Arc;

use super::{Error, Live, OneByOne, Parts};
use crate::asr::worker::{Pool, PoolConfig};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::guard::Guard;
use crate::home::Home;
use crate::models::{Manifest, ModelFolder};
use crate::onnx;
use crate::pipeline::machinery::{ONNX_RUNTIME, VOICE_DETECTION, workers};
use crate::pipeline::understanding::Understanding;
use crate::pipeline::{self, recognition};
use crate::store::Store;
use crate::vad::{SileroModel, SpeechDetector};

/// Loads the models and starts to wait for calls. Calls are kept in `store`, where there is one.
///
/// # Errors
/// A model is missing or damaged, or an engine refuses it; each names the command that helps.
pub fn start(config: &Config, home: &Home, store: Option<Store>) -> Result<Arc<Live>, Error> {
    let mut parts = parts(config, home)?;
    parts.store = store;
    Live::start(parts, &config.live)
}

/// Loads the models and starts the recognition workers; nothing is kept.
///
/// # Errors
/// As [`start`].
pub fn parts(config: &Config, home: &Home) -> Result<Parts, Error> {
    Ok(load(config, home)?)
}

fn load(config: &Config, home: &Home) -> Result<Parts, pipeline::Error> {
    let manifest = Manifest::builtin();
    let folder = ModelFolder::new(home.models());
    let runtime = onnx::Runtime::load(&folder.file(&manifest, ONNX_RUNTIME)?)?;
    let silero = SileroModel::open(&runtime, &folder.file(&manifest, VOICE_DETECTION)?)?;
    let engine = recognition::engine(config, &runtime, &folder)?;
    let model = engine.name().to_owned();
    let workers = workers(config);
    let pool = Pool::start(engine, PoolConfig { workers, queue_capacity: config.asr.queue_capacity })?;
    let detector = OneByOne::new(Box::new(move || Ok(Box::new(silero.stream()) as Box<dyn SpeechDetector>)));
    let understanding = config.intent.scenario.as_deref().map(Understanding::open).transpose()?;
    Ok(Parts {
        pool: Arc::new(pool),
        workers,
        model,
        detector: Box::new(detector),
        turn_judges: Vec::new(),
        guard: Guard::new(&config.guard),
        turn: crate::turn::Config::default(),
        store: None,
        understanding: understanding.map(Arc::new),
        clock: Arc::new(SystemClock),
    })
}
