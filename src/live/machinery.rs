//! Builds what live calls run on from the configuration and the models on this machine.

use std::sync::Arc;

use super::{Batched, Error, Live, Parts, TurnJudge};
use crate::asr::config::Purpose;
use crate::asr::worker::{Pool, PoolConfig};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::guard::Guard;
use crate::home::Home;
use crate::models::{Manifest, ModelFolder};
use crate::onnx;
use crate::pipeline::machinery::{VOICE_DETECTION, name_all_missing, workers};
use crate::pipeline::understanding::Understanding;
use crate::pipeline::{self, recognition};
use crate::store::Store;
use crate::turn::SmartTurn;
use crate::vad::SileroModel;

/// Name of the model of turn ends in the manifest.
pub const TURN_END: &str = "smart-turn-v3.2";

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
    Ok(load(config, home).map_err(|error| name_all_missing(error, home))?)
}

fn load(config: &Config, home: &Home) -> Result<Parts, pipeline::Error> {
    let manifest = Manifest::builtin();
    let folder = ModelFolder::new(home.models());
    let runtime = onnx::Runtime::load(&folder.onnx_runtime(&manifest)?)?;
    let silero = SileroModel::open(&runtime, &folder.file(&manifest, VOICE_DETECTION)?)?;
    let engine = recognition::engine(config, Purpose::Calls, &runtime, &folder)?;
    let model = engine.name().to_owned();
    let workers = workers(config);
    let pool = Pool::start(engine, PoolConfig { workers, queue_capacity: config.asr.queue_capacity })?;
    let turn_judges = turn_judges(config, &runtime, &folder);
    let scenario = config.intent.scenario.as_deref();
    let understanding = scenario.map(|folder| Understanding::open_in(folder, home)).transpose()?;
    Ok(Parts {
        pool: Arc::new(pool),
        workers,
        model,
        detector: Box::new(Batched::new(&silero)),
        turn_judges,
        guard: Guard::new(&config.guard),
        turn: config.turn.clone(),
        store: None,
        understanding: understanding.map(Arc::new),
        clock: Arc::new(SystemClock),
    })
}

/// Smart Turn for each of its threads. Without its model turns end by silence and text, later but as surely, so what is
/// missing is said and no error.
fn turn_judges(config: &Config, runtime: &onnx::Runtime, folder: &ModelFolder) -> Vec<TurnJudge> {
    if !config.turn.smart_turn {
        return Vec::new();
    }
    let open = |_| -> Result<TurnJudge, Box<dyn std::error::Error>> {
        let mut model = SmartTurn::open(runtime, &folder.file(&Manifest::builtin(), TURN_END)?)?;
        Ok(Box::new(move |samples| {
            let judged = model.done_probability(samples);
            judged.inspect_err(|error| tracing::warn!(%error, "a turn is judged by silence alone")).ok()
        }))
    };
    let opened: Result<Vec<_>, _> = (0..config.live.turn_threads).map(open).collect();
    opened.unwrap_or_else(|error| {
        tracing::warn!(%error, "turns are judged by silence alone");
        Vec::new()
    })
}
