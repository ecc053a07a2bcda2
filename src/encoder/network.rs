//! The network on ONNX Runtime; the only file of this module that names `ort`.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ort::session::{RunOptions, SessionInputValue};
use ort::value::TensorRef;

use super::package::{
    ATTENTION_MASK, EMBEDDING, GRAPH_FILE, INPUT_IDS, MIDDLE, ORIGIN, VOCABULARY_FILE, Vocabulary,
};
use super::{Error, Tokenizer};
use crate::onnx::{Runtime, SessionOptions, SharedSession};

/// What the publisher asks for before every text that is compared with its like.
const PREFIX: &str = "query: ";
/// Pieces of one sentence, about 90 words: what a caller says in one turn. Of more the beginning counts.
const PIECES_MAX: usize = 128;
/// What the graph gives, in its order.
const OUTPUTS: [&str; PARTS] = [EMBEDDING, MIDDLE];
/// Vectors of one sentence.
pub const PARTS: usize = 2;
/// Sentences that go through the network at once when there are many.
const BATCH: usize = 16;
/// Up to so many, the readings and parts of what one caller said, each sentence goes alone: they are shared out to the
/// threads, and none is padded to the longest.
const FEW: usize = 8;

/// The loaded model, about 90 MB; shared among threads.
pub struct SentenceEncoder {
    tokenizer: Tokenizer,
    session: SharedSession,
    /// Batches that run at a time when there are many; at least 1.
    at_once: usize,
    identity: String,
}

impl SentenceEncoder {
    /// Opens the model in `folder`; many sentences are encoded on `at_once` threads (at least 1). Blocks for some tenths of
    /// a second.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Read`] or [`Error::Format`].
    pub fn open(runtime: &Runtime, folder: &Path, at_once: usize) -> Result<Self, Error> {
        let path = folder.join(VOCABULARY_FILE);
        let bytes = std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let vocabulary = Vocabulary::parse(&bytes).map_err(|reason| Error::format(&path, reason))?;
        let graph = folder.join(GRAPH_FILE);
        let session = SharedSession::open(
            runtime,
            &graph,
            SessionOptions { keeps_memory: false, ..SessionOptions::default() },
        )?;
        let metadata = session.session().metadata().ok();
        let origin = metadata.and_then(|metadata| metadata.custom(ORIGIN));
        let Some(origin) = origin else {
            return Err(Error::format(&graph, "not a sentence encoder that Allo made"));
        };
        let names = |outlets: &[ort::value::Outlet]| -> Vec<String> {
            outlets.iter().map(|outlet| outlet.name().to_owned()).collect()
        };
        if names(session.session().inputs()) != [INPUT_IDS, ATTENTION_MASK]
            || names(session.session().outputs()) != OUTPUTS
        {
            return Err(Error::format(&graph, "not a sentence encoder that this version of Allo made"));
        }
        let tokenizer = Tokenizer::new(vocabulary);
        Ok(Self { tokenizer, session, at_once: at_once.max(1), identity: origin })
    }

    /// What tells this model from others: vectors of two models cannot be compared.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The vectors of each of `texts`, in their order: [`PARTS`] of them one behind the other, each of length 1. Blocks, some
    /// milliseconds a sentence.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        self.encode_many(texts, &|_| {})
    }

    /// As [`SentenceEncoder::encode`]; `encoded` is told, from the threads that encode, how many more are done.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub fn encode_many(
        &self,
        texts: &[&str],
        encoded: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Vec<f32>>, Error> {
        self.encode_in_batches(texts, if texts.len() <= FEW { 1 } else { BATCH }, encoded)
    }

    pub(super) fn encode_in_batches(
        &self,
        texts: &[&str],
        batch: usize,
        encoded: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Vec<f32>>, Error> {
        let cut: Vec<Vec<u32>> = texts.iter().map(|text| self.cut(text)).collect();
        // Sentences of like length go together: padding is computed like the rest.
        let mut order: Vec<usize> = (0..cut.len()).collect();
        order.sort_by_key(|&index| cut[index].len());
        let batches: Vec<&[usize]> = order.chunks(batch).collect();
        let mut vectors = vec![Vec::new(); cut.len()];
        for (index, vector) in self.run_all(&batches, &cut, encoded)? {
            vectors[index] = vector;
        }
        Ok(vectors)
    }

    /// The vectors of all batches with the index of their sentence; many batches are shared out to threads.
    fn run_all(
        &self,
        batches: &[&[usize]],
        cut: &[Vec<u32>],
        encoded: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<(usize, Vec<f32>)>, Error> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut found = Vec::new();
            // The longest first: at the end no thread waits for another's long one.
            while let Some(batch) = batches.iter().rev().nth(next.fetch_add(1, Ordering::Relaxed)) {
                let sentences: Vec<&[u32]> = batch.iter().map(|&index| cut[index].as_slice()).collect();
                let vectors = self.run(&sentences).map_err(|source| Error::Inference(source.into()))?;
                found.extend(batch.iter().copied().zip(vectors));
                encoded(batch.len());
            }
            Ok(found)
        };
        // A single text takes no other thread: `Meaning::vectors` says so.
        if batches.len() <= 1 {
            return work();
        }
        std::thread::scope(|scope| {
            let count = self.at_once.min(batches.len());
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
            let mut all = Vec::new();
            for thread in threads {
                let died = || Error::Inference("a thread of the encoder died".into());
                all.extend(thread.join().map_err(|_| died())??);
            }
            Ok(all)
        })
    }

    fn cut(&self, text: &str) -> Vec<u32> {
        self.tokenizer.cut(&format!("{PREFIX}{text}"), PIECES_MAX)
    }

    /// The vectors of `sentences`, which are padded to the longest.
    fn run(&self, sentences: &[&[u32]]) -> ort::Result<Vec<Vec<f32>>> {
        let longest = sentences.iter().map(|sentence| sentence.len()).max().unwrap_or(0);
        let shape = [sentences.len(), longest];
        let mut ids = vec![0_i64; sentences.len() * longest];
        let mut mask = ids.clone();
        for (row, sentence) in sentences.iter().enumerate() {
            for (column, id) in sentence.iter().enumerate() {
                ids[row * longest + column] = i64::from(*id);
                mask[row * longest + column] = 1;
            }
        }
        let inputs: [SessionInputValue<'_>; 2] = [
            TensorRef::from_array_view((shape, ids.as_slice()))?.into(),
            TensorRef::from_array_view((shape, mask.as_slice()))?.into(),
        ];
        let outputs = self.session.run(&inputs, &RunOptions::new()?)?;
        let mut vectors = vec![Vec::new(); sentences.len()];
        for output in &outputs {
            let (_, values) = output.try_extract_tensor::<f32>()?;
            if values.is_empty()
                || values.len() % sentences.len() != 0
                || values.iter().any(|value| value.is_nan())
            {
                return Err(ort::Error::new("no vector for each sentence came out"));
            }
            let each = values.chunks(values.len() / sentences.len());
            vectors.iter_mut().zip(each).for_each(|(vector, part)| vector.extend_from_slice(part));
        }
        Ok(vectors)
    }

    /// How many pieces `text` has for the network.
    #[cfg(test)]
    pub(super) fn pieces(&self, text: &str) -> usize {
        self.cut(text).len()
    }
}

impl fmt::Debug for SentenceEncoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SentenceEncoder").field("identity", &self.identity).finish_non_exhaustive()
    }
}
