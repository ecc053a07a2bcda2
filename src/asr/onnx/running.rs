//! The decoder as the search sees it, and where it looked while it ran.

use super::network::{Encoded, Feed, Network, Past, Scores};
use super::search::{Chosen, Decoder};
use super::tree::Tree;
use crate::asr::{CancelFlag, Error};

/// A text that is being read: the decoder's past with its tree, and what a pass gives.
#[derive(Default)]
pub(super) struct Reading {
    past: Option<Past>,
    tree: Tree,
    scored: Vec<i64>,
    tokens: Vec<i64>,
    pub(super) scores: Scores,
    pub(super) attention: AttentionLog,
}

impl Reading {
    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.past = None;
        self.tree.clear();
    }

    /// Reads tokens that are not searched for, of the only row; gives the scores after those of `scored`.
    pub(super) fn read(
        &mut self,
        (network, encoded): (&mut Network, &Encoded),
        tokens: &[u32],
        scored: &[usize],
    ) -> Result<(), Error> {
        self.tree.read(tokens.len());
        self.pass((network, encoded), tokens, scored.iter().copied())
    }

    /// Reads one token for each row, which continues row `parents` of the pass before.
    fn step(
        &mut self,
        (network, encoded): (&mut Network, &Encoded),
        tokens: &[u32],
        parents: &[usize],
    ) -> Result<(), Error> {
        if let Some(kept) = self.tree.prune(parents)
            && let Some(past) = &self.past
        {
            self.past = Some(network.keep(past, &kept)?);
        }
        self.tree.step(parents);
        self.pass((network, encoded), tokens, 0..tokens.len())?;
        self.attention.keep(&self.scores.attention, parents);
        Ok(())
    }

    fn pass(
        &mut self,
        (network, encoded): (&mut Network, &Encoded),
        tokens: &[u32],
        scored: impl Iterator<Item = usize>,
    ) -> Result<(), Error> {
        self.tokens.clear();
        self.tokens.extend(tokens.iter().map(|token| i64::from(*token)));
        self.scored.clear();
        self.scored.extend(scored.map(|token| token as i64));
        let past = match self.past.take() {
            Some(past) => past,
            None => network.nothing()?,
        };
        let (places, seen) = (self.tree.new_places(), self.tree.seen());
        let feed = Feed { encoded, past: &past, tokens: &self.tokens, places, seen, scored: &self.scored };
        self.past = Some(network.decode(&feed, &mut self.scores)?);
        Ok(())
    }
}

/// The decoder as the search sees it.
pub(super) struct Running<'a> {
    pub(super) network: &'a mut Network,
    pub(super) encoded: &'a Encoded,
    pub(super) reading: &'a mut Reading,
    pub(super) vocabulary_size: usize,
    pub(super) cancel: &'a CancelFlag,
}

impl Decoder for Running<'_> {
    fn step(&mut self, tokens: &[u32], parents: &[usize]) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        self.reading.step((self.network, self.encoded), tokens, parents)
    }

    fn forget(&mut self, needed: &[(usize, usize)]) {
        self.reading.attention.forget(needed);
    }

    fn logits(&mut self, row: usize) -> &mut [f32] {
        &mut self.reading.scores.logits[row * self.vocabulary_size..][..self.vocabulary_size]
    }
}

/// Where the decoder looked in every step, for the times of the words.
///
/// All rows of a long text are 50 MB with `base`, most of them of hypotheses that were given up; [`AttentionLog::forget`]
/// keeps it to the few that are left.
#[derive(Debug, Default)]
pub(super) struct AttentionLog {
    heads: usize,
    positions: usize,
    steps: Vec<Vec<Row>>,
    /// Memory of forgotten rows.
    spare: Vec<Vec<f32>>,
    /// Memory of the steps of texts that are done.
    spare_steps: Vec<Vec<Row>>,
}

/// One row of one step.
#[derive(Debug, Default)]
struct Row {
    /// The row of the step before that it continues.
    parent: usize,
    /// Heads × positions; `None` when it is forgotten.
    weights: Option<Vec<f32>>,
}

impl AttentionLog {
    pub(super) fn clear(&mut self, heads: usize, positions: usize) {
        self.heads = heads;
        self.positions = positions;
        for mut step in self.steps.drain(..) {
            self.spare.extend(step.drain(..).filter_map(|row| row.weights));
            self.spare_steps.push(step);
        }
    }

    /// Keeps heads × queries × positions, of which each row of `parents` has one, the last ones. Of a pass over several
    /// tokens the last one counts.
    pub(super) fn keep(&mut self, attention: &[f32], parents: &[usize]) {
        let queries = attention.len() / (self.heads * self.positions).max(1);
        let first = queries.saturating_sub(parents.len());
        self.push(attention, queries, (first..).zip(parents.iter().copied()));
    }

    /// Keeps a pass over several tokens of one row as a step for each token.
    pub(super) fn keep_each(&mut self, attention: &[f32]) {
        let queries = attention.len() / (self.heads * self.positions).max(1);
        for query in 0..queries {
            self.push(attention, queries, [(query, 0)].into_iter());
        }
    }

    /// A step with a row for each query and its parent.
    fn push(&mut self, attention: &[f32], queries: usize, rows: impl Iterator<Item = (usize, usize)>) {
        let mut step = self.spare_steps.pop().unwrap_or_default();
        step.extend(rows.map(|(query, parent)| {
            let mut weights = self.spare.pop().unwrap_or_default();
            weights.clear();
            weights.reserve_exact(self.heads * self.positions);
            for head in attention.chunks_exact((queries * self.positions).max(1)) {
                weights.extend_from_slice(&head[query * self.positions..][..self.positions]);
            }
            Row { parent, weights: Some(weights) }
        }));
        self.steps.push(step);
    }

    /// Forgets all rows but those of `needed` (step and row) and those that they continue.
    pub(super) fn forget(&mut self, needed: &[(usize, usize)]) {
        let mut wanted: Vec<usize> = Vec::new();
        for (index, step) in self.steps.iter_mut().enumerate().rev() {
            wanted.extend(needed.iter().filter(|(step, _)| *step == index).map(|(_, row)| *row));
            wanted.sort_unstable();
            wanted.dedup();
            for (row, kept) in step.iter_mut().enumerate() {
                if wanted.binary_search(&row).is_err() {
                    self.spare.extend(kept.weights.take());
                }
            }
            for row in &mut wanted {
                *row = step.get(*row).map_or(0, |row| row.parent);
            }
        }
    }

    /// Heads × tokens × positions for the tokens of one hypothesis.
    pub(super) fn of(&self, tokens: &[Chosen]) -> Vec<f32> {
        let mut weights = Vec::with_capacity(self.heads * tokens.len() * self.positions);
        for head in 0..self.heads {
            for chosen in tokens {
                let row = self.steps.get(chosen.step).and_then(|step| step.get(chosen.row));
                match row.and_then(|row| row.weights.as_deref()) {
                    Some(row) => weights.extend_from_slice(&row[head * self.positions..][..self.positions]),
                    // Nobody asks for a row that was given up; one that is not there has looked nowhere.
                    None => weights.resize(weights.len() + self.positions, 0.0),
                }
            }
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(step: usize, row: usize) -> Chosen {
        Chosen { token: 0, log_probability: 0.0, log_confidence: 0.0, step, row }
    }

    #[test]
    fn what_a_needed_row_continues_is_kept_and_the_rest_forgotten() {
        let (heads, positions) = (2, 3);
        let mut log = AttentionLog::default();
        log.clear(heads, positions);
        // Weights that tell head, step and row.
        let step = |step: usize, rows: usize| -> Vec<f32> {
            let head = |head: usize| {
                (0..rows * positions).map(move |at| (100 * head + 10 * step + at / positions) as f32)
            };
            (0..heads).flat_map(head).collect()
        };
        log.keep(&step(0, 1), &[0]);
        log.keep(&step(1, 3), &[0, 0, 0]);
        log.keep(&step(2, 3), &[2, 2, 0]);
        let tokens = [chosen(0, 0), chosen(1, 2), chosen(2, 1)];
        let before = log.of(&tokens);
        assert_eq!(before[..9], [0.0, 0.0, 0.0, 12.0, 12.0, 12.0, 21.0, 21.0, 21.0]);
        assert_eq!(before[9..12], [100.0; 3]);
        log.forget(&[(2, 1)]);
        assert_eq!(log.of(&tokens), before);
        let kept = log.steps.iter().flatten().filter(|row| row.weights.is_some()).count();
        assert_eq!((kept, log.spare.len()), (3, 4));
        log.keep(&step(3, 2), &[1, 1]);
        assert_eq!(log.spare.len(), 2, "forgotten memory is used again");
    }

    #[test]
    fn of_a_pass_over_several_tokens_the_last_counts_or_each() {
        let mut log = AttentionLog::default();
        log.clear(1, 2);
        let pass = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0];
        log.keep(&pass, &[0]);
        log.keep_each(&pass);
        assert_eq!(log.of(&[chosen(0, 0), chosen(1, 0), chosen(3, 0)]), [3.0, 3.0, 1.0, 1.0, 3.0, 3.0]);
    }
}
