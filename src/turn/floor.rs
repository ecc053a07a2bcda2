//! Who else is heard while somebody speaks.

use crate::audio::SamplePos;

/// Speech of another, since the end of a turn, after which the floor has changed hands: 1 s. Less is a sign of
/// listening, or an answer that begins while the speaker goes on.
const TAKEN_SAMPLES: u64 = 16_000;

/// The bot and the other person, as one channel's turn-taking needs to know of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Floor {
    playback: Option<SamplePos>,
    other: Option<SamplePos>,
    was_interrupted: bool,
    /// Since when it is counted, and what was counted of stretches that are over.
    watched_from: SamplePos,
    counted_samples: u64,
}

impl Floor {
    pub(super) fn playback_started(&mut self, now: SamplePos) {
        if self.playback.is_none() {
            self.playback = Some(now);
            self.was_interrupted = false;
        }
    }

    pub(super) fn playback_ended(&mut self, now: SamplePos) {
        let playback = self.playback.take();
        self.counted_samples += self.since(playback, now);
    }

    pub(super) fn other_started(&mut self, now: SamplePos) {
        self.other.get_or_insert(now);
    }

    pub(super) fn other_ended(&mut self, now: SamplePos) {
        let other = self.other.take();
        self.counted_samples += self.since(other, now);
    }

    /// Whether somebody else is heard right now.
    pub(super) const fn is_taken(&self) -> bool {
        self.playback.is_some() || self.other.is_some()
    }

    /// Whether what is played now was already played at `at`.
    pub(super) fn was_playing(&self, at: SamplePos) -> bool {
        self.playback.is_some_and(|start| start <= at)
    }

    /// Counts from here on.
    pub(super) fn watch(&mut self, now: SamplePos) {
        self.watched_from = now;
        self.counted_samples = 0;
    }

    /// Whether another has spoken long enough, since it is watched, for the floor to be theirs.
    pub(super) fn was_taken(&self, now: SamplePos) -> bool {
        let running = self.since(self.playback, now).max(self.since(self.other, now));
        self.counted_samples + running >= TAKEN_SAMPLES
    }

    /// Whether something is played that was not interrupted.
    pub(super) const fn is_playing_on(&self) -> bool {
        self.playback.is_some() && !self.was_interrupted
    }

    /// Whether something is played that may be interrupted at `now`.
    pub(super) fn can_interrupt(&self, now: SamplePos, protection_samples: u64) -> bool {
        !self.was_interrupted && self.playback.is_some_and(|start| now >= start.plus(protection_samples))
    }

    /// Marks what is played as interrupted; false when there is nothing, or it was before.
    pub(super) fn interrupt(&mut self) -> bool {
        let interrupts = self.is_playing_on();
        self.was_interrupted |= interrupts;
        interrupts
    }

    fn since(&self, start: Option<SamplePos>, now: SamplePos) -> u64 {
        start.map_or(0, |start| now.0.saturating_sub(start.max(self.watched_from).0))
    }
}
