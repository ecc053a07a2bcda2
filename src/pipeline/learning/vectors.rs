//! The vectors of example sentences, kept: a sentence is read for its meaning once, not with every change of a scenario.
//!
//! A file holds the vectors of one source of meanings, in the version of this program that made them:
//!
//! ```text
//! "ALLOVEC1" · source, 32 bytes · SHA-256 of the rest · values of a vector, u64 · (sentence, 16 bytes · values, f32) …
//! ```
//!
//! Numbers are little-endian; a sentence is the begin of the SHA-256 of its text as it is read. Invariants: the file is
//! whole or none, and within its bound, whatever was used longest ago goes first; one that is damaged, too big or of another
//! source holds nothing. Several processes may share it: each writes the whole file anew, with what it finds there. Of two
//! that write at the same moment the later one wins, and what the other had read is read again some time.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::folder;
use crate::intent::{Meaning, MeaningFailed, Pace};
use crate::progress::Progress;

/// First bytes; the last one counts versions of this format.
const MAGIC: &[u8; 8] = b"ALLOVEC1";
const HASH_BYTES: usize = 32;
const WIDTH_BYTES: usize = 8;
const HEADER_BYTES: usize = MAGIC.len() + 2 * HASH_BYTES + WIDTH_BYTES;
const SENTENCE_BYTES: usize = 16;
const VALUE_BYTES: usize = 4;
/// Bytes of a file: 21,000 sentences with the 768 values of `e5-small`, three scenarios as big as `telecom-fr`.
pub(super) const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Files that are kept: the encoder of this machine, and the one before or beside it.
const FILES_MAX: usize = 2;

/// Begin of the SHA-256 of a sentence.
type Sentence = [u8; SENTENCE_BYTES];

/// Vectors of sentences, last used first.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Kept {
    order: Vec<Sentence>,
    vectors: HashMap<Sentence, Vec<f32>>,
}

impl Kept {
    fn add(&mut self, sentence: Sentence, vector: Vec<f32>) {
        if self.vectors.insert(sentence, vector).is_none() {
            self.order.push(sentence);
        }
    }
}

/// Where the vectors of one source of meanings are kept.
#[derive(Debug)]
pub(super) struct VectorFile {
    path: PathBuf,
    source: [u8; HASH_BYTES],
    bytes_max: usize,
}

impl VectorFile {
    /// The file of `meaning` in `folder`; at most `bytes_max` bytes are written.
    pub(super) fn of(meaning: &dyn Meaning, folder: &Path, bytes_max: usize) -> Self {
        let parts = meaning.parts().to_string();
        let source = super::hash_of(&[env!("CARGO_PKG_VERSION"), meaning.identity(), &parts]);
        Self { path: folder.join(format!("{}.vectors", super::in_hex(&source))), source, bytes_max }
    }

    /// What is kept; nothing without a file that is whole and of this source.
    pub(super) fn read(&self) -> Kept {
        self.bytes().and_then(|bytes| self.parse(&bytes)).unwrap_or_default()
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        // A byte beyond the bound tells that the file is not of this program.
        let most = self.bytes_max as u64 + 1;
        fs::File::open(&self.path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
        (bytes.len() <= self.bytes_max).then_some(bytes)
    }

    fn parse(&self, bytes: &[u8]) -> Option<Kept> {
        let (magic, rest) = bytes.split_first_chunk::<{ MAGIC.len() }>()?;
        let (source, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
        let (sum, body) = rest.split_first_chunk::<HASH_BYTES>()?;
        let is_ours = magic == MAGIC && *source == self.source && *sum == check_sum(body);
        let (width, entries) = body.split_first_chunk::<WIDTH_BYTES>().filter(|_| is_ours)?;
        let width = usize::try_from(u64::from_le_bytes(*width)).ok()?;
        let entry_bytes = SENTENCE_BYTES.checked_add(width.checked_mul(VALUE_BYTES)?)?;
        let entries = entries.chunks_exact(entry_bytes);
        entries.remainder().is_empty().then_some(())?;
        let mut kept = Kept::default();
        for entry in entries {
            let (sentence, values) = entry.split_first_chunk::<SENTENCE_BYTES>()?;
            let (values, _) = values.as_chunks::<VALUE_BYTES>();
            kept.add(*sentence, values.iter().map(|value| f32::from_le_bytes(*value)).collect());
        }
        Some(kept)
    }

    /// Keeps the vectors of `used`, which `known` has, then those that others have used, up to the bound.
    pub(super) fn write(&self, used: &[Sentence], known: &Kept) -> io::Result<()> {
        // Read anew: another process may have written meanwhile.
        let body = self.body(used, known, &self.read());
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend(MAGIC);
        bytes.extend(self.source);
        bytes.extend(check_sum(&body));
        bytes.extend(body);
        folder::keep(&bytes, &self.path, FILES_MAX)
    }

    fn body(&self, used: &[Sentence], known: &Kept, before: &Kept) -> Vec<u8> {
        let width = used.first().and_then(|first| known.vectors.get(first)).map_or(0, Vec::len);
        let mut body = (width as u64).to_le_bytes().to_vec();
        let room = self.bytes_max.saturating_sub(HEADER_BYTES) / (SENTENCE_BYTES + VALUE_BYTES * width);
        let used = used.iter().filter_map(|sentence| known.vectors.get_key_value(sentence));
        let before = before.order.iter().filter_map(|sentence| before.vectors.get_key_value(sentence));
        let mut written = HashSet::new();
        for (sentence, vector) in used.chain(before) {
            if written.len() == room {
                break;
            }
            if vector.len() == width && written.insert(sentence) {
                body.extend(sentence);
                body.extend(vector.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
        body
    }
}

fn check_sum(body: &[u8]) -> [u8; HASH_BYTES] {
    Sha256::digest(body).into()
}

fn sentence(text: &str) -> Sentence {
    let hash: [u8; HASH_BYTES] = Sha256::digest(text.as_bytes()).into();
    *hash.first_chunk().expect("a hash has 32 bytes")
}

/// A source of meanings while a scenario is learnt: it reads only sentences whose vectors are not kept.
#[derive(Debug)]
pub(super) struct Remembering {
    /// What reads.
    pub(super) meaning: Arc<dyn Meaning>,
    /// Where vectors are kept.
    pub(super) file: VectorFile,
    /// Counts the sentences that are read.
    pub(super) progress: Progress,
    /// How many are read at a time.
    pub(super) pace: Arc<dyn Pace>,
}

impl Remembering {
    /// The vectors of `texts`, none of which is kept.
    fn read(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        self.progress.set_total(texts.len() as u64);
        let vectors = if self.pace.takes_all_cores() {
            self.meaning.vectors_of_many(texts, &|more| self.progress.advance(more as u64))?
        } else {
            self.read_one_by_one(texts)?
        };
        if vectors.len() != texts.len() {
            return Err(MeaningFailed("not one vector a sentence came back".into()));
        }
        Ok(vectors)
    }

    /// On this thread alone, which gives way before each.
    fn read_one_by_one(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        let mut vectors = Vec::with_capacity(texts.len());
        for text in texts {
            self.pace.give_way();
            vectors.extend(self.meaning.vectors(&[*text])?);
            self.progress.advance(1);
        }
        Ok(vectors)
    }
}

impl Meaning for Remembering {
    fn identity(&self) -> &str {
        self.meaning.identity()
    }

    fn parts(&self) -> usize {
        self.meaning.parts()
    }

    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        let sentences: Vec<Sentence> = texts.iter().map(|text| sentence(text)).collect();
        let mut known = self.file.read();
        let mut asked = HashSet::new();
        let (new, texts): (Vec<Sentence>, Vec<&str>) = sentences
            .iter()
            .zip(texts)
            .filter(|(sentence, _)| !known.vectors.contains_key(*sentence) && asked.insert(**sentence))
            .map(|(sentence, text)| (*sentence, *text))
            .unzip();
        let vectors = self.read(&texts)?;
        for (sentence, vector) in new.iter().zip(vectors) {
            known.add(*sentence, vector);
        }
        if !new.is_empty()
            && let Err(error) = self.file.write(&sentences, &known)
        {
            let path = self.file.path.display();
            tracing::warn!(%error, %path, "the vectors of example sentences cannot be kept");
        }
        Ok(sentences.iter().map(|sentence| known.vectors[sentence].clone()).collect())
    }
}

#[cfg(test)]
mod tests;
