//! Plays a recording into a live call, as its callers would have spoken it or as fast as the machine allows.
//!
//! In real time each frame is due at its own time after the first, so that a late frame does not delay the next. As fast
//! as possible, each frame waits until all that the one before it led to is done: audio time is then the only time, and
//! the same recording leads to the same turns and texts on any machine.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Call, Track};
use crate::audio::SampleRate;
use crate::call::Channel;
use crate::clock::Clock;
use crate::media::{Block, OpenOptions, Recording};

/// Length of a frame: what telephony sends.
pub const FRAME: Duration = Duration::from_millis(20);

/// How fast a recording is played.
#[derive(Clone, Copy)]
pub enum Pace<'a> {
    /// As it was spoken, by this clock.
    RealTime(&'a dyn Clock),
    /// Each frame when everything before it is done.
    AsFastAsPossible,
}

/// A recording that is played.
pub struct Replay {
    recording: Recording,
    rate: SampleRate,
    channels: usize,
}

impl Replay {
    /// Opens a recording.
    ///
    /// # Errors
    /// It cannot be read; the error names it.
    pub fn open(path: &Path) -> Result<Self, crate::media::Error> {
        let recording = Recording::open(path, &OpenOptions::default())?;
        let (rate, channels) = (recording.info().sample_rate, recording.info().channels);
        Ok(Self { recording, rate, channels })
    }

    /// The streams of the call that it is played into: the names of `two_channels` for a recording of two.
    pub fn tracks(&self, two_channels: [Channel; 2]) -> Vec<Track> {
        let names = if self.channels == 2 { two_channels.to_vec() } else { Channel::layout(self.channels) };
        names.into_iter().map(|channel| Track { channel, rate: self.rate }).collect()
    }

    /// Plays all of it and gives its length. The call goes on; end it when nothing more is to be said.
    ///
    /// # Errors
    /// The recording is damaged; what was there before has been played.
    pub fn play(mut self, call: &Call, pace: Pace<'_>) -> Result<Duration, crate::media::Error> {
        let mut player = Player::new(call, self.rate, pace);
        let mut block = Block::new();
        while self.recording.next_block(&mut block)? {
            player.push(block.planes());
        }
        Ok(player.finish())
    }
}

/// Cuts the sound of a call into frames and sends each when it is due.
pub struct Player<'a> {
    call: &'a Call,
    pace: Pace<'a>,
    frame_samples: usize,
    waiting: Vec<Vec<f32>>,
    frames: u32,
    began: Option<Instant>,
    pacer: Pacer,
}

impl<'a> Player<'a> {
    /// A player of sound at `rate` that has played nothing.
    pub fn new(call: &'a Call, rate: SampleRate, pace: Pace<'a>) -> Self {
        let frame_samples = (rate.hz() as usize * FRAME.as_millis() as usize / 1_000).max(1);
        Self {
            call,
            pace,
            frame_samples,
            waiting: Vec::new(),
            frames: 0,
            began: None,
            pacer: Pacer::default(),
        }
    }

    /// Plays the next sound, of the same length in each track; what does not fill a frame waits for more.
    pub fn push(&mut self, tracks: &[Vec<f32>]) {
        self.waiting.resize_with(tracks.len().max(self.waiting.len()), Vec::new);
        for (waiting, samples) in self.waiting.iter_mut().zip(tracks) {
            waiting.extend_from_slice(samples);
        }
        while self.waiting.first().is_some_and(|waiting| waiting.len() >= self.frame_samples) {
            self.send_frame();
        }
    }

    /// Plays what does not fill a frame, and gives the length of everything.
    pub fn finish(mut self) -> Duration {
        if self.waiting.first().is_some_and(|waiting| !waiting.is_empty()) {
            self.send_frame();
        }
        FRAME * self.frames
    }

    fn send_frame(&mut self) {
        match self.pace {
            Pace::RealTime(clock) => {
                // A frame is sent when its last sample has been spoken.
                let began = *self.began.get_or_insert_with(|| clock.monotonic());
                self.pacer.wait_until(began + FRAME * (self.frames + 1), clock);
            }
            Pace::AsFastAsPossible => self.call.wait_until_idle(),
        }
        self.frames += 1;
        for (track, waiting) in self.waiting.iter_mut().enumerate() {
            let length = self.frame_samples.min(waiting.len());
            self.call.audio(track, &waiting[..length]);
            waiting.drain(..length);
        }
    }
}

/// Waits for points in time.
#[derive(Debug, Default)]
pub struct Pacer {
    nobody: Mutex<()>,
    rings: Condvar,
}

impl Pacer {
    /// Waits until `due` by `clock`; returns at once when that has passed.
    pub fn wait_until(&self, due: Instant, clock: &dyn Clock) {
        let mut guard = self.nobody.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = due.saturating_duration_since(clock.monotonic());
            if left.is_zero() {
                return;
            }
            guard = self.rings.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
