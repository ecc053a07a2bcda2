//! The decoder as the search sees it, and where it looked while it ran.

use super::network::{Encoded, Feed, Network, Past, Scores};
use super::search::{Chosen, Decoder};
use crate::asr::{CancelFlag, Error};

/// The decoder as the search sees it.
pub(super) struct Running<'a> {
    pub(super) network: &'a mut Network,
    pub(super) encoded: &'a Encoded,
    pub(super) past: Past,
    pub(super) scores: &'a mut Scores,
    pub(super) attention: &'a mut AttentionLog,
    pub(super) vocabulary_size: usize,
    pub(super) tokens: Vec<i64>,
    pub(super) parents: Vec<i64>,
    pub(super) cancel: &'a CancelFlag,
}

impl Decoder for Running<'_> {
    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        self.tokens.clear();
        self.tokens.extend(tokens.iter().map(|token| i64::from(*token)));
        self.parents.clear();
        self.parents.extend(parents.iter().map(|row| *row as i64));
        let feed =
            Feed { encoded: self.encoded, past: &self.past, tokens: &self.tokens, parents: &self.parents };
        self.past = self.network.decode(&feed, self.scores)?;
        self.attention.keep(&self.scores.attention, tokens.len());
        Ok(())
    }

    fn logits(&mut self, row: usize) -> &mut [f32] {
        &mut self.scores.logits[row * self.vocabulary_size..][..self.vocabulary_size]
    }
}

/// Where the decoder looked in every step, for the times of the words.
#[derive(Debug, Default)]
pub(super) struct AttentionLog {
    heads: usize,
    positions: usize,
    values: Vec<f32>,
    /// Start of each step in `values`, and its rows.
    steps: Vec<(usize, usize)>,
}

impl AttentionLog {
    pub(super) fn clear(&mut self, heads: usize, positions: usize) {
        self.heads = heads;
        self.positions = positions;
        self.values.clear();
        self.steps.clear();
    }

    /// Keeps heads × queries × positions. Of a pass over several tokens the last one counts: it has one row.
    pub(super) fn keep(&mut self, attention: &[f32], rows: usize) {
        let queries = attention.len() / (self.heads * self.positions).max(1);
        self.steps.push((self.values.len(), rows));
        for head in attention.chunks_exact((queries * self.positions).max(1)) {
            self.values.extend_from_slice(&head[(queries - rows) * self.positions..]);
        }
    }

    /// Keeps a pass over several tokens of one row as a step for each token.
    pub(super) fn keep_each(&mut self, attention: &[f32]) {
        let queries = attention.len() / (self.heads * self.positions).max(1);
        for query in 0..queries {
            self.steps.push((self.values.len(), 1));
            for head in attention.chunks_exact((queries * self.positions).max(1)) {
                self.values.extend_from_slice(&head[query * self.positions..][..self.positions]);
            }
        }
    }

    /// Heads × tokens × positions for the tokens of one hypothesis.
    pub(super) fn of(&self, tokens: &[Chosen]) -> Vec<f32> {
        let mut weights = Vec::with_capacity(self.heads * tokens.len() * self.positions);
        for head in 0..self.heads {
            for chosen in tokens {
                let (start, rows) = self.steps[chosen.step];
                let row = start + (head * rows + chosen.row) * self.positions;
                weights.extend_from_slice(&self.values[row..row + self.positions]);
            }
        }
        weights
    }
}
