//! The last stretch of one channel's audio: what a turn may still need.
//!
//! One piece of memory with what is forgotten in front, moved together when that is as much as what is kept: appending and
//! reading are copies of whole blocks, and each sample is moved once on the average. Digital silence at the end is a number
//! until other sound follows it: a call in which nobody speaks yet, or that is muted, holds no sample at all.

use std::sync::Arc;

use crate::audio::{SamplePos, SampleSpan};
use crate::vad::WINDOW_SAMPLES;

/// Audio of one channel at 16 kHz from [`AudioRing::start`] to [`AudioRing::end`].
#[derive(Debug, Default)]
pub(super) struct AudioRing {
    samples: Vec<f32>,
    /// Zeros that follow the samples.
    silence: usize,
    /// How many of the samples in front are forgotten.
    gone: usize,
    /// Position of the first sample that is not.
    start: SamplePos,
}

/// The ring gives memory back when it holds less than a quarter of what it has room for: a call that was silent for
/// minutes after a long sentence would keep the room of that sentence.
const ROOM_KEPT: usize = 4;
/// Room that is not worth giving back: half a second.
const ROOM_SMALL: usize = 8_000;

impl AudioRing {
    /// An empty ring whose first sample will be that at `start`.
    pub(super) fn starting_at(start: SamplePos) -> Self {
        Self { samples: Vec::new(), silence: 0, gone: 0, start }
    }

    pub(super) fn end(&self) -> SamplePos {
        self.start.plus(self.len() as u64)
    }

    fn len(&self) -> usize {
        self.kept().len() + self.silence
    }

    /// What is not forgotten but for the silence at the end.
    fn kept(&self) -> &[f32] {
        &self.samples[self.gone..]
    }

    /// Appends samples; one that is no number is silence and one beyond full scale is clipped, or it would stay in the
    /// detector's state for the rest of the call.
    pub(super) fn push(&mut self, samples: &[f32]) {
        let silence = std::mem::take(&mut self.silence);
        self.samples.resize(self.samples.len() + silence, 0.0);
        let sound = |sample: &f32| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        self.samples.extend(samples.iter().map(sound));
    }

    pub(super) fn push_silence(&mut self, samples: usize) {
        self.silence += samples;
    }

    /// Forgets what lies before `position`.
    pub(super) fn forget_before(&mut self, position: SamplePos) {
        let more = position.0.saturating_sub(self.start.0).min(self.len() as u64) as usize;
        let of_samples = more.min(self.kept().len());
        self.gone += of_samples;
        self.silence -= more - of_samples;
        self.start = self.start.plus(more as u64);
        if self.gone < self.kept().len().max(WINDOW_SAMPLES) {
            return;
        }
        self.samples.drain(..self.gone);
        self.gone = 0;
        if self.samples.capacity() > ROOM_SMALL.max(self.samples.len() * ROOM_KEPT) {
            self.samples.shrink_to(ROOM_SMALL.max(self.samples.len() * 2));
        }
    }

    /// The samples of `span`, or of the part of it that is still there.
    pub(super) fn slice(&self, span: SampleSpan) -> Arc<[f32]> {
        let place =
            |position: SamplePos| position.0.saturating_sub(self.start.0).min(self.len() as u64) as usize;
        let (from, to) = (place(span.start), place(span.end));
        let sound = self.sound(from, to);
        if sound.len() == to - from {
            return sound.into();
        }
        let mut samples = Vec::with_capacity(to - from);
        samples.extend_from_slice(sound);
        samples.resize(to - from, 0.0);
        samples.into()
    }

    /// Copies the window that begins at `position`; `false` when it is not all there.
    pub(super) fn window_at(&self, position: SamplePos, window: &mut [f32; WINDOW_SAMPLES]) -> bool {
        if position < self.start || position.plus(WINDOW_SAMPLES as u64) > self.end() {
            return false;
        }
        let from = (position.0 - self.start.0) as usize;
        let sound = self.sound(from, from + WINDOW_SAMPLES);
        let (heard, silent) = window.split_at_mut(sound.len());
        heard.copy_from_slice(sound);
        silent.fill(0.0);
        true
    }

    /// What lies between two places of the ring but for the silence at the end.
    fn sound(&self, from: usize, to: usize) -> &[f32] {
        let kept = self.kept();
        &kept[from.min(kept.len())..to.min(kept.len())]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(start: u64, end: u64) -> SampleSpan {
        SampleSpan::new(SamplePos(start), SamplePos(end))
    }

    #[test]
    fn positions_hold_while_the_past_is_forgotten() {
        let mut ring = AudioRing::starting_at(SamplePos(100));
        let samples: Vec<f32> = (0..2_000).map(|index| index as f32 / 2_000.0).collect();
        ring.push(&samples);
        ring.forget_before(SamplePos(600));
        assert_eq!(ring.end(), SamplePos(2_100));
        assert_eq!(&*ring.slice(span(600, 603)), &samples[500..503]);
        assert_eq!(ring.slice(span(0, 601)).len(), 1, "only what is still there");
        let mut window = [0.0; WINDOW_SAMPLES];
        assert!(ring.window_at(SamplePos(700), &mut window));
        assert_eq!(window[..], samples[600..600 + WINDOW_SAMPLES]);
        assert!(!ring.window_at(SamplePos(1_700), &mut window));
        assert!(!ring.window_at(SamplePos(500), &mut window));
    }

    proptest! {
        #[test]
        fn whatever_is_pushed_and_forgotten_the_rest_is_what_came(
            steps in proptest::collection::vec((any::<bool>(), 0_usize..3_000, 0_u64..3_000), 1..40),
        ) {
            let (mut ring, mut all) = (AudioRing::default(), Vec::new());
            let mut forgotten = 0;
            for (is_silent, length, forget) in steps {
                let sound = |at: usize| if is_silent { 0.0 } else { ((all.len() + at) % 997) as f32 / 997.0 };
                let samples: Vec<f32> = (0..length).map(sound).collect();
                if is_silent { ring.push_silence(length) } else { ring.push(&samples) }
                all.extend_from_slice(&samples);
                forgotten = (forgotten + forget).min(all.len() as u64);
                ring.forget_before(SamplePos(forgotten));
                prop_assert_eq!(ring.end(), SamplePos(all.len() as u64));
                let rest = ring.slice(span(0, all.len() as u64));
                prop_assert_eq!(&*rest, &all[forgotten as usize..]);
                for from in (forgotten as usize..all.len()).step_by(700) {
                    let mut window = [1.0; WINDOW_SAMPLES];
                    let is_there = ring.window_at(SamplePos(from as u64), &mut window);
                    prop_assert_eq!(is_there, from + WINDOW_SAMPLES <= all.len());
                    prop_assert!(!is_there || window[..] == all[from..from + WINDOW_SAMPLES]);
                    let part = ring.slice(span(from as u64, from as u64 + 300));
                    prop_assert_eq!(&*part, &all[from..all.len().min(from + 300)]);
                }
                let most = 2 * rest.len() + 2 * WINDOW_SAMPLES + 3_000;
                prop_assert!(ring.samples.len() <= most, "{} for {}", ring.samples.len(), rest.len());
            }
        }
    }

    #[test]
    fn silence_takes_no_room() {
        let mut ring = AudioRing::starting_at(SamplePos::ZERO);
        ring.push_silence(480_000);
        ring.forget_before(SamplePos(475_000));
        assert_eq!((ring.samples.capacity(), ring.end()), (0, SamplePos(480_000)));
    }

    #[test]
    fn a_sample_that_is_no_number_is_silence() {
        let mut ring = AudioRing::starting_at(SamplePos::ZERO);
        ring.push(&[f32::NAN, 3.0, f32::NEG_INFINITY]);
        assert_eq!(&*ring.slice(span(0, 3)), &[0.0, 1.0, 0.0]);
    }

    #[test]
    fn room_of_a_long_turn_is_given_back() {
        let mut ring = AudioRing::starting_at(SamplePos::ZERO);
        ring.push(&vec![0.1; 480_000]);
        ring.forget_before(SamplePos(475_000));
        assert!(ring.samples.capacity() <= 16_000, "{}", ring.samples.capacity());
    }
}
