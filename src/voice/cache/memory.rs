//! Pieces of speech in memory, bounded in bytes; what was used longest ago goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Key;

/// See the module.
pub struct Memory {
    bytes_max: u64,
    bytes: u64,
    pieces: HashMap<Key, (Arc<[f32]>, u64)>,
    /// Keys by last use.
    order: BTreeMap<u64, Key>,
    uses: u64,
}

impl Memory {
    /// An empty one.
    pub fn new(bytes_max: u64) -> Self {
        Self { bytes_max, bytes: 0, pieces: HashMap::new(), order: BTreeMap::new(), uses: 0 }
    }

    /// The piece of `key`, which is now the last used.
    pub fn get(&mut self, key: Key) -> Option<Arc<[f32]>> {
        let (samples, used) = self.pieces.get_mut(&key)?;
        self.uses += 1;
        self.order.remove(used);
        self.order.insert(self.uses, key);
        *used = self.uses;
        Some(Arc::clone(samples))
    }

    /// Keeps a piece, unless it alone is beyond the bound.
    pub fn put(&mut self, key: Key, samples: Arc<[f32]>) {
        let bytes = size(&samples);
        if bytes > self.bytes_max || self.get(key).is_some() {
            return;
        }
        self.bytes += bytes;
        self.uses += 1;
        self.pieces.insert(key, (samples, self.uses));
        self.order.insert(self.uses, key);
        while self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            if let Some((samples, _)) = self.pieces.remove(&oldest) {
                self.bytes -= size(&samples);
            }
        }
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// With what the tables need for a piece.
fn size(samples: &[f32]) -> u64 {
    const TABLES_BYTES: u64 = 160;
    size_of_val(samples) as u64 + TABLES_BYTES
}
