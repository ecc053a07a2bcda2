//! Where connected speech is weakest, for cuts that no pause offers.

use std::collections::VecDeque;

use super::{SILENCE_DBFS, WINDOW_SAMPLES};
use crate::audio::{SamplePos, SampleSpan};

const WINDOW: u64 = WINDOW_SAMPLES as u64;
/// Windows on each side that smooth the search for the weakest point: 160 ms in all, so that the closure of a single
/// plosive does not pass for a pause.
const SMOOTHING_WINDOWS: usize = 2;
/// Level range that counts as much as the whole range of the probability when the weakest point is looked for.
const LEVEL_RANGE_DB: f32 = 80.0;

/// How strongly each of the latest windows of a channel is speech.
#[derive(Debug, Clone, Default)]
pub struct Strengths {
    kept: VecDeque<f32>,
    windows_pushed: u64,
}

impl Strengths {
    /// The next window: its speech probability and level.
    pub fn push(&mut self, probability: f32, level_dbfs: f32) {
        self.windows_pushed += 1;
        self.kept.push_back(strength(probability, level_dbfs));
    }

    /// Drops the windows that end at or before `position`.
    pub fn forget_before(&mut self, position: SamplePos) {
        let needed = self.windows_pushed.saturating_sub(position.0 / WINDOW);
        while self.kept.len() as u64 > needed {
            self.kept.pop_front();
        }
    }

    /// The middle of the weakest window that begins within `span`, the latest of equals; near the last window kept
    /// when none begins there.
    pub fn weakest(&self, span: SampleSpan) -> SamplePos {
        let oldest = self.windows_pushed - self.kept.len() as u64;
        let index = |window: u64| usize::try_from(window.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let newest = self.kept.len().saturating_sub(1);
        let last = index(span.end.0.div_ceil(WINDOW).saturating_sub(1)).min(newest);
        let first = index(span.start.0.div_ceil(WINDOW)).min(last);
        let weakest = (first..=last)
            .rev()
            .min_by(|left, right| self.smoothed(*left).total_cmp(&self.smoothed(*right)))
            .unwrap_or(last);
        SamplePos((oldest + weakest as u64) * WINDOW + WINDOW / 2)
    }

    fn smoothed(&self, index: usize) -> f32 {
        let first = index.saturating_sub(SMOOTHING_WINDOWS);
        let end = (index + SMOOTHING_WINDOWS + 1).min(self.kept.len());
        let around = self.kept.range(first.min(end)..end);
        let count = around.len().max(1);
        around.sum::<f32>() / count as f32
    }
}

/// Probability and loudness together: within connected speech the probability stays near 1 and only the level tells
/// a word boundary.
fn strength(probability: f32, level_dbfs: f32) -> f32 {
    let level = level_dbfs.clamp(SILENCE_DBFS, 0.0);
    probability + ((level + LEVEL_RANGE_DB) / LEVEL_RANGE_DB).max(0.0)
}
