//! Samples, rates and positions: the units that every stage shares.
//!
//! Inside Allo, audio is `f32` mono in [-1, 1] at [`SampleRate::PIPELINE`] (16 kHz), one stream a channel.
//! Time is a [`SamplePos`] in such a stream, counted from the first sample of the recording or call; it never comes
//! from a clock. Foreign rates and formats end in `media` (files) and [`resample`].

pub mod g711;
pub mod mel;
pub mod resample;

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// Samples a second of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(NonZeroU32);

impl SampleRate {
    /// Narrow-band telephony (G.711).
    pub const TELEPHONE: Self = Self::from_hz_const(8_000);
    /// What Silero, Whisper and every stage behind the resampler work on.
    pub const PIPELINE: Self = Self::from_hz_const(16_000);

    /// `None` for zero.
    pub const fn from_hz(hz: u32) -> Option<Self> {
        match NonZeroU32::new(hz) {
            Some(hz) => Some(Self(hz)),
            None => None,
        }
    }

    const fn from_hz_const(hz: u32) -> Self {
        match Self::from_hz(hz) {
            Some(rate) => rate,
            None => panic!("a constant rate is not zero"),
        }
    }

    /// The rate in hertz.
    pub const fn hz(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} Hz", self.hz())
    }
}

/// A position in one channel's 16 kHz stream, in samples from its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SamplePos(pub u64);

impl SamplePos {
    /// The start of the stream.
    pub const ZERO: Self = Self(0);

    /// Nearest position to a time in seconds; negative or not-a-number times are the start.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds.max(0.0) * f64::from(SampleRate::PIPELINE.hz())).round() as u64)
    }

    /// Seconds from the start of the stream.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / f64::from(SampleRate::PIPELINE.hz())
    }

    /// The position `samples` later.
    #[must_use]
    pub const fn plus(self, samples: u64) -> Self {
        Self(self.0 + samples)
    }

    /// The position `samples` earlier, at least the start.
    #[must_use]
    pub const fn minus(self, samples: u64) -> Self {
        Self(self.0.saturating_sub(samples))
    }
}

/// A half-open stretch of one channel's 16 kHz stream, `start <= end`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleSpan {
    /// First sample.
    pub start: SamplePos,
    /// First sample after the stretch.
    pub end: SamplePos,
}

impl SampleSpan {
    /// # Panics
    /// When `end` lies before `start`: spans are built by our own arithmetic, never from input.
    pub fn new(start: SamplePos, end: SamplePos) -> Self {
        assert!(start <= end, "a span ends at or after its start");
        Self { start, end }
    }

    /// Length in samples.
    pub const fn samples(self) -> u64 {
        self.end.0 - self.start.0
    }

    /// Length in time.
    pub fn duration(self) -> Duration {
        samples_duration(self.samples())
    }

    /// Samples that both spans hold.
    pub fn overlap_samples(self, other: Self) -> u64 {
        let start = self.start.max(other.start).0;
        let end = self.end.min(other.end).0;
        end.saturating_sub(start)
    }
}

/// Samples at 16 kHz in a duration, rounded down.
pub const fn duration_samples(duration: Duration) -> u64 {
    (duration.as_micros() * SampleRate::PIPELINE.hz() as u128 / 1_000_000) as u64
}

/// Duration of `samples` at 16 kHz.
pub const fn samples_duration(samples: u64) -> Duration {
    Duration::from_nanos(samples * (1_000_000_000 / SampleRate::PIPELINE.hz() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_positions_agree() {
        assert_eq!(SamplePos::from_seconds(1.5), SamplePos(24_000));
        assert_eq!(SamplePos(24_000).seconds(), 1.5);
        assert_eq!(SamplePos::from_seconds(-3.0), SamplePos::ZERO);
        assert_eq!(SamplePos::from_seconds(f64::NAN), SamplePos::ZERO);
        assert_eq!(duration_samples(Duration::from_millis(32)), 512);
        assert_eq!(samples_duration(512), Duration::from_millis(32));
    }

    #[test]
    fn overlap_is_symmetric_and_empty_when_apart() {
        let early = SampleSpan::new(SamplePos(0), SamplePos(100));
        let late = SampleSpan::new(SamplePos(60), SamplePos(200));
        assert_eq!(early.overlap_samples(late), 40);
        assert_eq!(late.overlap_samples(early), 40);
        assert_eq!(early.overlap_samples(SampleSpan::new(SamplePos(100), SamplePos(101))), 0);
    }
}
