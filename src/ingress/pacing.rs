//! When the next frame may leave, where we own the clock.
//!
//! A frame is heard at its deadline: the start of the run plus the length of everything before it. It leaves up to `lead`
//! earlier, because some peers keep a buffer of their own and suffer less from a late frame when there is something in
//! it; a peer that plays at once has no lead. Deadlines are computed from the start, never from the last frame: errors do
//! not add up.
//!
//! A sender that was held up catches up: at most `burst_frames_max` frames leave at once beyond the lead, and what is
//! later than that moves the run, so that a peer is never flooded and nothing is skipped.
//!
//! Pure: time is an argument. A clock that goes backwards stands still.

use std::time::{Duration, Instant};

use crate::audio::SampleRate;

/// How a peer wants its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Samples of one frame, at least 1 (0 is taken as 1).
    pub frame_samples: usize,
    /// Their rate.
    pub rate: SampleRate,
    /// How long before it is heard a frame may leave.
    pub lead: Duration,
    /// How many late frames may leave at once; at least 1 (0 is taken as 1).
    pub burst_frames_max: u32,
}

/// Gives frames their time.
#[derive(Debug, Clone)]
pub struct Pacer {
    pace: Pace,
    run: Option<Run>,
    /// When everything that left so far has been heard.
    heard_until: Option<Instant>,
    now: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    start: Instant,
    frames: u64,
}

impl Pacer {
    /// A pacer that waits for [`Pacer::run`].
    pub fn new(pace: Pace) -> Self {
        let pace = Pace {
            frame_samples: pace.frame_samples.max(1),
            burst_frames_max: pace.burst_frames_max.max(1),
            ..pace
        };
        Self { pace, run: None, heard_until: None, now: None }
    }

    /// Begins to send, when it does not send already: at `now`, or when what left before has been heard.
    pub fn run(&mut self, now: Instant) {
        let now = self.advance(now);
        if self.run.is_none() {
            let start = self.heard_until.map_or(now, |until| until.max(now));
            self.run = Some(Run { start, frames: 0 });
        }
    }

    /// Takes the turn of one frame when it may leave at `now`. Gives when it will have been heard to its end.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        let now = self.advance(now);
        let run = self.run.as_mut()?;
        let due = run.start + length(run.frames, self.pace);
        if due > now + self.pace.lead {
            return None;
        }
        let allowed = length(u64::from(self.pace.burst_frames_max - 1), self.pace);
        let late = now.saturating_duration_since(due);
        if let Some(excess) = late.checked_sub(allowed) {
            run.start += excess;
        }
        run.frames += 1;
        let heard = now.max(run.start + length(run.frames - 1, self.pace)) + length(1, self.pace);
        let heard = self.heard_until.map_or(heard, |until| until.max(heard));
        self.heard_until = Some(heard);
        Some(heard)
    }

    /// Nothing more to send for now. What comes later is heard after what left already.
    pub const fn pause(&mut self) {
        self.run = None;
    }

    /// The peer forgot what it had: the next run starts when it is asked for. A peer without a lead had nothing to forget,
    /// and its run goes on.
    pub const fn flush(&mut self) {
        if !self.pace.lead.is_zero() {
            self.run = None;
            self.heard_until = None;
        }
    }

    /// When the next frame may leave.
    pub fn next_deadline(&self) -> Option<Instant> {
        let run = self.run?;
        let due = run.start + length(run.frames, self.pace);
        // A system whose clock began less than the lead ago cannot name the moment: then it is long past.
        Some(due.checked_sub(self.pace.lead).unwrap_or(run.start))
    }

    fn advance(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |before| before.max(now));
        self.now = Some(now);
        now
    }
}

/// Length of `frames` frames, to the nanosecond below.
fn length(frames: u64, pace: Pace) -> Duration {
    let nanoseconds =
        u128::from(frames) * pace.frame_samples as u128 * 1_000_000_000 / u128::from(pace.rate.hz());
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}
