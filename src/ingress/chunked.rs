//! Audio that comes in numbered chunks: in order, and with its holes.

use super::Incoming;
use super::sequence::{Piece, Sequence};
use crate::audio::SampleRate;

/// One track of chunks.
#[derive(Debug)]
pub(super) struct ChunkedTrack {
    track: usize,
    rate: SampleRate,
    sequence: Sequence<Chunk>,
    ordered: Vec<Piece<Chunk>>,
    /// When the next chunk begins, by the peer's clock.
    expected_ms: Option<u64>,
    last_samples: u64,
}

/// One chunk.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) samples: Vec<f32>,
    /// Where it begins, by the peer's clock.
    pub(super) timestamp_ms: Option<u64>,
}

impl ChunkedTrack {
    /// `depth` chunks at most wait for one that comes late.
    pub(super) const fn new(track: usize, rate: SampleRate, depth: usize) -> Self {
        Self {
            track,
            rate,
            sequence: Sequence::new(depth),
            ordered: Vec::new(),
            expected_ms: None,
            last_samples: 0,
        }
    }

    /// Takes a chunk; without a number it is taken as the next one. False when it came twice or too late.
    pub(super) fn push(&mut self, number: Option<u64>, chunk: Chunk, facts: &mut Vec<Incoming>) -> bool {
        let Some(number) = number else {
            self.emit(chunk, 0, facts);
            return true;
        };
        let mut ordered = std::mem::take(&mut self.ordered);
        let is_taken = self.sequence.push(number, chunk, &mut ordered);
        self.drain(&mut ordered, facts);
        self.ordered = ordered;
        is_taken
    }

    /// The stream is over: what waits for a missing chunk waits no longer.
    pub(super) fn finish(&mut self, facts: &mut Vec<Incoming>) {
        let mut ordered = std::mem::take(&mut self.ordered);
        self.sequence.finish(&mut ordered);
        self.drain(&mut ordered, facts);
        self.ordered = ordered;
    }

    fn drain(&mut self, ordered: &mut Vec<Piece<Chunk>>, facts: &mut Vec<Incoming>) {
        let mut missing = 0;
        for piece in ordered.drain(..) {
            match piece {
                Piece::Missing(chunks) => missing += chunks,
                Piece::Here(chunk) => self.emit(chunk, std::mem::take(&mut missing), facts),
            }
        }
    }

    fn emit(&mut self, chunk: Chunk, missing: u64, facts: &mut Vec<Incoming>) {
        let lost = self.lost_samples(&chunk, missing);
        if lost > 0 {
            facts.push(Incoming::Lost { track: self.track, samples: lost });
        }
        self.last_samples = chunk.samples.len() as u64;
        let length_ms = self.last_samples * 1_000 / u64::from(self.rate.hz());
        self.expected_ms = chunk.timestamp_ms.map(|at| at.saturating_add(length_ms));
        if !chunk.samples.is_empty() {
            facts.push(Incoming::Audio { track: self.track, samples: chunk.samples });
        }
    }

    /// What `missing` chunks held. Numbers alone do not prove a loss: a peer may count the chunks of all its tracks together.
    /// Its clock does, and bounds it.
    fn lost_samples(&self, chunk: &Chunk, missing: u64) -> u64 {
        let by_number = missing.saturating_mul(self.last_samples.max(1));
        match (self.expected_ms, chunk.timestamp_ms) {
            (Some(expected), Some(at)) => {
                let gap_ms = at.saturating_sub(expected);
                by_number.min(gap_ms.saturating_mul(u64::from(self.rate.hz())) / 1_000)
            }
            _ => by_number,
        }
    }
}
