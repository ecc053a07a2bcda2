//! Who speaks a language: engines that are opened when they are first needed and kept for the next sentence.
//!
//! Pico engines are cheap (2.5 MB, 16 ms), so as many are opened as speak at once, and some stay. A Piper network takes
//! a second and 100 MB: there is one of each, and sentences wait for it. An engine that stays is prepared for its next
//! sentence: where that needs a program, the program runs already.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::UNIX_EPOCH;

use super::config::EngineName;
use crate::audio::resample;
use crate::models::{self, Manifest, ModelFolder};
use crate::onnx::{self, Runtime};
use crate::tts::espeak::Espeak;
use crate::tts::pico::Pico;
use crate::tts::piper::Piper;
use crate::tts::{self, Delivery, Voice};

/// Pico engines that stay open: more sentences than this at once are rare, and opening one takes 16 ms.
const IDLE_MAX: usize = 8;

/// Why an engine does not speak.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine itself.
    #[error(transparent)]
    Engine(#[from] tts::Error),
    /// Its model.
    #[error(transparent)]
    Model(#[from] models::Error),
    /// The library that it runs on.
    #[error(transparent)]
    Runtime(#[from] onnx::Error),
    /// It spoke, and nothing can be heard.
    #[error("nothing can be heard of what it says")]
    Silent,
    /// Its rate cannot be brought to that of the line.
    #[error(transparent)]
    Resample(#[from] resample::Error),
}

type Opened = Box<dyn Voice + Send>;

/// See the module. May be used from any thread.
pub struct Engines {
    models: ModelFolder,
    manifest: Manifest,
    idle: Mutex<HashMap<EngineName, Vec<Opened>>>,
    pipers: Mutex<HashMap<EngineName, Arc<Mutex<Option<Piper>>>>>,
    espeak_version: OnceLock<String>,
}

impl Engines {
    /// Nothing is opened yet.
    pub fn new(models: ModelFolder) -> Self {
        Self {
            models,
            manifest: Manifest::builtin(),
            idle: Mutex::default(),
            pipers: Mutex::default(),
            espeak_version: OnceLock::new(),
        }
    }

    /// What shapes the sound of an engine beside its name: the version of a program, the file of a network.
    pub fn version(&self, name: &EngineName) -> String {
        match name {
            EngineName::Pico(_) => String::new(),
            EngineName::Espeak(_) => {
                self.espeak_version.get_or_init(|| Espeak::version().unwrap_or_default()).clone()
            }
            EngineName::Piper(voice) => {
                let about = self.piper_file(voice).ok().and_then(|path| std::fs::metadata(path).ok());
                about.map_or_else(String::new, |about| {
                    let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                    format!("{} {}", about.len(), changed.unwrap_or_default().as_nanos())
                })
            }
        }
    }

    /// Speaks `words` with the engine `name`. Blocks.
    ///
    /// # Errors
    /// The engine cannot be opened or does not speak; another one may.
    pub fn speak(&self, name: &EngineName, words: &str, delivery: Delivery) -> Result<tts::Speech, Error> {
        if let EngineName::Piper(voice) = name {
            return self.with_piper(name, voice, |piper| {
                piper.deliver(delivery)?;
                let speech = piper.speak(words);
                piper.prepare();
                Ok(speech?)
            });
        }
        let mut engine = self.take(name)?;
        engine.deliver(delivery)?;
        let speech = engine.speak(words);
        self.put_back(name, engine);
        Ok(speech?)
    }

    /// Opens the engine, so that the first sentence does not wait for it.
    ///
    /// # Errors
    /// The engine cannot be opened.
    pub fn open(&self, name: &EngineName) -> Result<(), Error> {
        if let EngineName::Piper(voice) = name {
            return self.with_piper(name, voice, |piper| {
                piper.prepare();
                Ok(())
            });
        }
        let engine = self.take(name)?;
        self.put_back(name, engine);
        if matches!(name, EngineName::Espeak(_)) {
            // The program is looked for now and not by the first sentence.
            Espeak::version()?;
            self.version(name);
        }
        Ok(())
    }

    /// Whether the engine is open, and not in use.
    #[cfg(test)]
    pub fn is_open(&self, name: &EngineName) -> bool {
        let piper = locked(&self.pipers).get(name).map(Arc::clone);
        piper.is_some_and(|piper| locked(&piper).is_some())
            || locked(&self.idle).get(name).is_some_and(|engines| !engines.is_empty())
    }

    fn take(&self, name: &EngineName) -> Result<Opened, Error> {
        let idle = locked(&self.idle).get_mut(name).and_then(Vec::pop);
        if let Some(engine) = idle {
            return Ok(engine);
        }
        Ok(match name {
            EngineName::Pico(locale) => {
                Box::new(Pico::open(self.models.root(), *locale, Delivery::default())?)
            }
            EngineName::Espeak(voice) => Box::new(Espeak::new(voice.clone(), Delivery::default())?),
            EngineName::Piper(voice) => Box::new(self.open_piper(voice)?),
        })
    }

    fn put_back(&self, name: &EngineName, mut engine: Opened) {
        engine.prepare();
        let mut idle = locked(&self.idle);
        let engines = idle.entry(name.clone()).or_default();
        if engines.len() < IDLE_MAX {
            engines.push(engine);
        }
    }

    fn with_piper<T>(
        &self,
        name: &EngineName,
        voice: &str,
        act: impl FnOnce(&mut Piper) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let place = Arc::clone(locked(&self.pipers).entry(name.clone()).or_default());
        let mut opened = locked(&place);
        match &mut *opened {
            Some(piper) => act(piper),
            empty => act(empty.insert(self.open_piper(voice)?)),
        }
    }

    fn open_piper(&self, voice: &str) -> Result<Piper, Error> {
        let path = self.piper_file(voice)?;
        let library = self.models.onnx_runtime(&self.manifest)?;
        Ok(Piper::open(&Runtime::load(&library)?, &path)?)
    }

    /// The network of a voice: a file of its own, or a model of the manifest.
    fn piper_file(&self, voice: &str) -> Result<PathBuf, Error> {
        let path = PathBuf::from(voice);
        if path.extension().is_some_and(|extension| extension == "onnx") {
            return Ok(path);
        }
        // The network is the first of the files of such an entry.
        Ok(self.models.file(&self.manifest, voice)?)
    }
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engines").field("models", &self.models).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
