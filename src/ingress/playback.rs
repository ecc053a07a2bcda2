//! What is played to a peer: prompts in a queue, cut into the frames that the peer wants, each at its time.
//!
//! Prompts are resampled as their frames leave, not when they are queued, so that a long prompt costs nothing at once and
//! a flush throws no work away. One prompt follows the other without a gap inside a frame; silence fills the last
//! frame only when nothing follows.
//!
//! The end of a playback is what the peer reports where it can, and otherwise the time at which the last frame
//! will have been heard if the peer plays it as it comes. A peer that should report it and does not is waited for a while
//! beyond that time: whoever asked for the playback waits for its end, and the caller's speech would be an interruption of it
//! for the rest of the call.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Error;
use super::pacing::{Pace, Pacer};
use crate::audio::SampleRate;
use crate::audio::resample::ChannelResampler;

/// Most audio that waits. A prompt is seconds, a menu a minute; more is a mistake that would only fill the memory.
const QUEUE_SECONDS_MAX: u64 = 120;
/// Most prompts that wait, so that a flood of empty ones is bounded too.
const QUEUE_PLAYS_MAX: usize = 256;
/// Most prompts whose end is not known yet; a peer that never confirms one must not fill the memory.
const UNHEARD_MAX: usize = 512;
/// How long a report may come after the moment at which the playback should have been heard: what a peer on a bad network
/// keeps in its buffers, and more. Earlier, a bot could go on while its last sentence is still heard.
const REPORT_WITHIN: Duration = Duration::from_secs(10);
/// How many late frames leave at once: 100 ms of 20 ms frames, what a busy machine may lose without a listener noticing.
const BURST_FRAMES_MAX: u32 = 5;
/// One frame of telephony: 20 ms, in frames a second.
const FRAMES_PER_SECOND: u32 = 50;

/// How a peer takes audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// At which rate.
    pub(super) rate: SampleRate,
    /// In which pieces.
    pub(super) pieces: Pieces,
    /// Who knows when a playback has come to its end.
    pub(super) end: End,
}

/// In which pieces audio leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pieces {
    /// Frames of so many samples, `lead` ahead of the moment when they are heard.
    Frames { frame_samples: usize, lead: Duration, silence: Silence },
    /// Each prompt whole, as long as fewer than this many are unheard.
    Whole { unheard_max: usize },
}

impl Pieces {
    /// Frames of 20 ms, and nothing while nothing is played.
    pub(super) fn frames(rate: SampleRate, lead: Duration) -> Self {
        Self::Frames { frame_samples: frame_samples(rate), lead, silence: Silence::Nothing }
    }
}

/// Samples of a frame of 20 ms.
pub(super) fn frame_samples(rate: SampleRate) -> usize {
    (rate.hz() / FRAMES_PER_SECOND).max(1) as usize
}

/// What is sent while nothing is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing.
    Nothing,
    /// Frames of silence: the peer hangs up without them.
    Frames,
}

/// Who knows when a playback has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The peer says so, by the name of the mark ([`Player::heard`]).
    Named,
    /// The peer says so, in order and without a name ([`Player::heard_next`]).
    InOrder,
    /// Nobody: it follows from what was sent when.
    Computed,
}

/// What has become due.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Due {
    /// A piece to send, at the rate of the peer.
    Piece(Vec<f32>),
    /// Everything before this was sent: ask the peer to say when it was heard.
    Mark(String),
    /// This was heard to its end.
    Finished(String),
    /// Nothing is left to send.
    Drained,
}

/// Plays prompts to one peer.
#[derive(Debug)]
pub(super) struct Player {
    protocol: &'static str,
    manner: Manner,
    pacer: Pacer,
    frame_samples: usize,
    queue: VecDeque<Prompt>,
    /// Sent and not known to be heard.
    unheard: VecDeque<Unheard>,
    due: VecDeque<Due>,
    /// Reports without a name that were not waited for any longer; they may still come.
    overdue: usize,
    is_held: bool,
    is_sending: bool,
}

#[derive(Debug)]
struct Prompt {
    samples: Arc<[f32]>,
    taken: usize,
    step: usize,
    duration: Duration,
    resampler: ChannelResampler,
    is_finished: bool,
    ready: VecDeque<f32>,
    mark: Option<String>,
}

#[derive(Debug)]
struct Unheard {
    mark: Option<String>,
    at: Instant,
}

impl Player {
    pub(super) fn new(protocol: &'static str, manner: Manner) -> Self {
        let (frame_samples, lead) = match manner.pieces {
            Pieces::Frames { frame_samples, lead, .. } => (frame_samples.max(1), lead),
            Pieces::Whole { .. } => (frame_samples(manner.rate), Duration::ZERO),
        };
        let pace = Pace { frame_samples, rate: manner.rate, lead, burst_frames_max: BURST_FRAMES_MAX };
        Self {
            protocol,
            manner,
            pacer: Pacer::new(pace),
            frame_samples,
            queue: VecDeque::new(),
            unheard: VecDeque::new(),
            due: VecDeque::new(),
            overdue: 0,
            is_held: false,
            is_sending: false,
        }
    }

    /// Queues a prompt.
    pub(super) fn play(
        &mut self,
        samples: &Arc<[f32]>,
        rate: SampleRate,
        mark: Option<String>,
    ) -> Result<(), Error> {
        let duration = Duration::from_secs_f64(samples.len() as f64 / f64::from(rate.hz()));
        let waiting = self.queue.iter().map(|prompt| prompt.duration).sum::<Duration>() + duration;
        if waiting.as_secs() > QUEUE_SECONDS_MAX
            || self.queue.len() >= QUEUE_PLAYS_MAX
            || self.unheard.len() >= UNHEARD_MAX
        {
            return Err(Error::PlaybackFull {
                protocol: self.protocol,
                queued_s: waiting.as_secs(),
                limit_s: QUEUE_SECONDS_MAX,
            });
        }
        let resampler = ChannelResampler::between(rate, self.manner.rate)
            .map_err(|_| Error::Unsupported { protocol: self.protocol, what: "play audio of this rate" })?;
        self.queue.push_back(Prompt {
            samples: Arc::clone(samples),
            taken: 0,
            step: frame_samples(rate),
            duration,
            resampler,
            is_finished: false,
            ready: VecDeque::new(),
            mark,
        });
        Ok(())
    }

    /// Forgets everything; gives the marks that were not heard to their end, in order.
    pub(super) fn flush(&mut self) -> Vec<String> {
        self.overdue = 0;
        let mut marks: Vec<String> = self.unheard.drain(..).filter_map(|unheard| unheard.mark).collect();
        for due in self.due.drain(..) {
            match due {
                Due::Finished(mark) => marks.push(mark),
                // The mark of a prompt that was sent is among the unheard already.
                Due::Piece(_) | Due::Mark(_) | Due::Drained => {}
            }
        }
        marks.extend(self.queue.drain(..).filter_map(|prompt| prompt.mark));
        self.pacer.flush();
        self.is_sending = false;
        marks
    }

    /// The peer can take no more, or takes more again.
    pub(super) const fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// The peer reports a mark; true when it is one that was waited for.
    pub(super) fn heard(&mut self, mark: &str) -> bool {
        let found = self.unheard.iter().position(|unheard| unheard.mark.as_deref() == Some(mark));
        found.and_then(|at| self.unheard.remove(at)).is_some()
    }

    /// The peer reports the end of the next prompt; gives its mark.
    pub(super) fn heard_next(&mut self) -> Option<String> {
        if let Some(left) = self.overdue.checked_sub(1) {
            self.overdue = left;
            return None;
        }
        self.unheard.pop_front().and_then(|unheard| unheard.mark)
    }

    /// The next thing that is due at `now`; call until `None`.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Due> {
        loop {
            if let Some(due) = self.due.pop_front() {
                return Some(due);
            }
            let has_more = self.end(now) || !self.is_held && self.produce(now);
            if !has_more {
                return None;
            }
        }
    }

    /// When [`Player::poll`] has something to do.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let end = self.unheard.front().map(|unheard| self.ends_at(unheard));
        let frame = if self.is_held { None } else { self.pacer.next_deadline() };
        match (end, frame) {
            (Some(end), Some(frame)) => Some(end.min(frame)),
            (one, other) => one.or(other),
        }
    }

    /// When a prompt that was sent has ended without a word of the peer.
    fn ends_at(&self, unheard: &Unheard) -> Instant {
        match self.manner.end {
            End::Computed => unheard.at,
            End::Named | End::InOrder => unheard.at + REPORT_WITHIN,
        }
    }

    /// Ends the oldest prompt when its end has come without a report; false when it has not.
    fn end(&mut self, now: Instant) -> bool {
        if self.unheard.front().is_none_or(|unheard| self.ends_at(unheard) > now) {
            return false;
        }
        if self.manner.end == End::InOrder {
            self.overdue += 1;
        }
        let mark = self.unheard.pop_front().and_then(|unheard| unheard.mark);
        self.due.extend(mark.map(Due::Finished));
        true
    }

    /// Puts what may leave at `now` into `due`; false when nothing may.
    fn produce(&mut self, now: Instant) -> bool {
        match self.manner.pieces {
            Pieces::Frames { silence, .. } => self.produce_frame(now, silence),
            Pieces::Whole { unheard_max } => self.produce_whole(now, unheard_max),
        }
    }

    fn produce_frame(&mut self, now: Instant, silence: Silence) -> bool {
        let is_playing = self.queue.front().is_some();
        if !is_playing && silence == Silence::Nothing {
            self.pacer.pause();
            return self.drained();
        }
        self.pacer.run(now);
        let Some(heard) = self.pacer.take(now) else { return false };
        let mut frame = Vec::with_capacity(self.frame_samples);
        let mut ended = Vec::new();
        while frame.len() < self.frame_samples
            && let Some(prompt) = self.queue.front_mut()
        {
            prompt.fill(&mut frame, self.frame_samples);
            if prompt.is_exhausted() {
                ended.push(self.queue.pop_front().and_then(|prompt| prompt.mark));
            }
        }
        frame.resize(self.frame_samples, 0.0);
        self.is_sending |= is_playing;
        self.due.push_back(Due::Piece(frame));
        for mark in ended {
            self.sent(mark, heard);
        }
        if is_playing && self.queue.is_empty() {
            self.drained();
        }
        true
    }

    fn produce_whole(&mut self, now: Instant, unheard_max: usize) -> bool {
        if self.unheard.len() >= unheard_max {
            return false;
        }
        let Some(mut prompt) = self.queue.pop_front() else { return self.drained() };
        let mut piece = Vec::new();
        prompt.fill(&mut piece, usize::MAX);
        let before = self.unheard.back().map_or(now, |unheard| unheard.at.max(now));
        self.is_sending = true;
        self.due.push_back(Due::Piece(piece));
        self.unheard.push_back(Unheard { mark: prompt.mark, at: before + prompt.duration });
        true
    }

    fn sent(&mut self, mark: Option<String>, heard: Instant) {
        let Some(mark) = mark else { return };
        if self.manner.end == End::Named {
            self.due.push_back(Due::Mark(mark.clone()));
        }
        self.unheard.push_back(Unheard { mark: Some(mark), at: heard });
    }

    fn drained(&mut self) -> bool {
        let was_sending = std::mem::replace(&mut self.is_sending, false);
        if was_sending {
            self.due.push_back(Due::Drained);
        }
        was_sending
    }
}

impl Prompt {
    /// Moves samples at the peer's rate to `frame` until it holds `wanted` or the prompt is over.
    fn fill(&mut self, frame: &mut Vec<f32>, wanted: usize) {
        let mut made = Vec::new();
        loop {
            let take = self.ready.len().min(wanted - frame.len());
            frame.extend(self.ready.drain(..take));
            if frame.len() >= wanted || self.is_finished {
                return;
            }
            let end = self.samples.len().min(self.taken + self.step);
            self.resampler.push(&self.samples[self.taken..end], &mut made);
            self.taken = end;
            if end == self.samples.len() {
                self.resampler.finish(&mut made);
                self.is_finished = true;
            }
            self.ready.extend(made.drain(..));
        }
    }

    fn is_exhausted(&self) -> bool {
        self.is_finished && self.ready.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_without_a_name_that_comes_too_late_is_not_taken_for_the_next() {
        let (rate, second) = (SampleRate::TELEPHONE, Duration::from_secs(1));
        let pieces = Pieces::Whole { unheard_max: 1 };
        let mut player = Player::new("test", Manner { rate, pieces, end: End::InOrder });
        let start = crate::clock::Clock::monotonic(&crate::clock::SystemClock);
        for mark in ["one", "two"] {
            player.play(&vec![0.1; 8_000].into(), rate, Some(mark.to_owned())).unwrap();
        }
        assert!(matches!(player.poll(start), Some(Due::Piece(_))));
        assert_eq!(player.poll(start + second + REPORT_WITHIN - second / 10), None);
        let late = start + second + REPORT_WITHIN;
        assert_eq!(player.next_deadline(), Some(late));
        assert_eq!(player.poll(late), Some(Due::Finished("one".to_owned())));
        assert!(matches!(player.poll(late), Some(Due::Piece(_))), "the next one waits no longer");
        assert_eq!(player.heard_next(), None);
        assert_eq!(player.heard_next().as_deref(), Some("two"));
    }
}
