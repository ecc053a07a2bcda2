//! What was spoken once is not spoken again: pieces of speech in memory and on disk, found by what shaped them.
//!
//! A [`Key`] is the SHA-256 of everything that shapes a piece: the words, the engine with its voice and way of speaking,
//! rate, level and the version of this program's own processing. It is also the name of the file, so that no name holds
//! what is said; the files themselves hold it, and only their owner may read them.
//!
//! Invariants: memory and disk stay below their bounds, whatever was used longest ago goes first; a file has its name
//! only when it is whole; a file that is damaged or of another version is a piece that was never spoken. What goes wrong
//! on the disk costs time, never a sentence.

mod disk;
mod memory;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use self::disk::Disk;
use self::memory::Memory;
use crate::audio::SampleRate;

/// What shaped a piece of speech.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of all `parts` in order; no part runs into its neighbour.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    fn name(self) -> String {
        use fmt::Write;
        self.0.iter().fold(String::with_capacity(64), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        })
    }
}

impl fmt::Debug for Key {
    /// The hash of a short text can be guessed: not even that is shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key")
    }
}

/// How much may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of samples in memory; 0 keeps none.
    pub memory_bytes: u64,
    /// Folder and bytes of files; `None` keeps none.
    pub disk: Option<(PathBuf, u64)>,
}

/// How often what was asked for was there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Found in memory.
    pub memory: u64,
    /// Found on disk.
    pub disk: u64,
    /// Spoken.
    pub spoken: u64,
}

/// Pieces of speech that were spoken before. May be used from any thread.
pub struct Cache {
    memory: Mutex<Memory>,
    disk: Option<Mutex<Disk>>,
    /// Pieces that are being spoken, each with the lock that others wait for.
    under_way: Mutex<HashMap<Key, Arc<Mutex<()>>>>,
    counts: Mutex<Counts>,
}

impl Cache {
    /// An empty memory over what the disk kept. A folder that cannot be used is left alone, with one warning.
    pub fn new(bounds: &Bounds) -> Self {
        let disk = bounds.disk.as_ref().filter(|(_, bytes)| *bytes > 0).and_then(|(folder, bytes)| {
            Disk::open(folder, *bytes)
                .inspect_err(|error| {
                    tracing::warn!(folder = %folder.display(), %error, "speech is not kept on disk");
                })
                .ok()
        });
        Self {
            memory: Mutex::new(Memory::new(bounds.memory_bytes)),
            disk: disk.map(Mutex::new),
            under_way: Mutex::default(),
            counts: Mutex::default(),
        }
    }

    /// How often what was asked for was there.
    pub fn counts(&self) -> Counts {
        *locked(&self.counts)
    }

    /// The piece of `key`, if it was spoken before.
    pub fn get(&self, key: Key, rate: SampleRate) -> Option<Arc<[f32]>> {
        if let Some(samples) = locked(&self.memory).get(key) {
            locked(&self.counts).memory += 1;
            // What is used from memory all day must not be the oldest file; a busy disk may miss a use.
            if let Some(mut disk) = self.disk.as_ref().and_then(|disk| disk.try_lock().ok()) {
                disk.used(key);
            }
            return Some(samples);
        }
        let samples: Arc<[f32]> = locked(self.disk.as_ref()?).get(key, rate)?.into();
        locked(&self.memory).put(key, Arc::clone(&samples));
        locked(&self.counts).disk += 1;
        Some(samples)
    }

    /// The piece of `key`, spoken by `speak` if it never was. Of several callers who want the same at the same time one
    /// speaks and the others wait for it.
    ///
    /// # Errors
    /// What `speak` gives; then nothing is kept and the next caller tries again.
    pub fn get_or_speak<E>(
        &self,
        key: Key,
        rate: SampleRate,
        speak: impl FnOnce() -> Result<Vec<f32>, E>,
    ) -> Result<Arc<[f32]>, E> {
        if let Some(samples) = self.get(key, rate) {
            return Ok(samples);
        }
        let turn = Arc::clone(locked(&self.under_way).entry(key).or_default());
        let result = {
            let _mine = locked(&turn);
            match self.get(key, rate) {
                Some(samples) => Ok(samples),
                None => speak().map(|samples| self.keep(key, rate, samples)),
            }
        };
        let mut under_way = locked(&self.under_way);
        // Two owners: the map and this call. Whoever else holds it takes it away when done.
        if Arc::strong_count(&turn) <= 2 {
            under_way.remove(&key);
        }
        result
    }

    fn keep(&self, key: Key, rate: SampleRate, samples: Vec<f32>) -> Arc<[f32]> {
        locked(&self.counts).spoken += 1;
        let samples: Arc<[f32]> = samples.into();
        locked(&self.memory).put(key, Arc::clone(&samples));
        if let Some(disk) = &self.disk
            && let Err(error) = locked(disk).put(key, rate, &samples)
        {
            tracing::warn!(%error, "a piece of speech is not kept on disk");
        }
        samples
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cache").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

/// A panic of another caller leaves nothing half done that matters: the lock is taken all the same.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
