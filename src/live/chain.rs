//! One channel of a live call, from the frames of its track to the turns of its speaker.
//!
//! Positions that leave this file are those of the call. A chain that is started anew begins its own time at
//! [`Chain::origin`] and its turns behind those before, so numbers and times of a channel only rise.

use std::collections::VecDeque;
use std::time::Instant;

use super::Error;
use super::inbox::Sound;
use super::ring::AudioRing;
use super::voices::{VoiceId, Window};
use crate::audio::resample::ChannelResampler;
use crate::audio::{SamplePos, SampleRate, SampleSpan};
use crate::call::Channel;
use crate::turn::{self, Expectation, Input, Output, RequestId, TurnTaker};
use crate::vad::{
    self, EVIDENT_FROM, NOISE_BELOW, QUIET_DBFS, SILENCE_DBFS, SteadyNoise, WINDOW_SAMPLES, level_dbfs,
};

const WINDOW: u64 = WINDOW_SAMPLES as u64;
/// A channel that is quiet (`vad::QUIET_DBFS`) for so many windows is silent without asking a model: after a second the
/// detector would not run it either, so it need not be carried there.
const SILENT_AFTER_WINDOWS: u32 = 32;
/// A channel in which nobody spoke for so many windows, a second, is calm.
const CALM_AFTER_WINDOWS: u32 = 32;
/// Arrivals of audio that are remembered, one for each frame: twenty seconds, longer than any pause that is waited for.
const ARRIVALS_MAX: usize = 1_000;
/// Silence of a hole that is worked on at once; the rest comes with the next round, so that a long hole of one call does
/// not keep the others waiting.
const HOLE_SAMPLES_A_ROUND: u64 = 16_000;
/// A quarter of a second of zeros leaves nothing else in the resampler, whose filter is some 30 ms long.
const RESAMPLER_EMPTY_PARTS: u64 = 4;
const RESAMPLER_BLOCKS_A_SECOND: u64 = 50;
/// Silence that is resampled at once.
static SILENCE: [f32; 1_600] = [0.0; 1_600];
/// Longest hole that the time line keeps: a peer that reports more has a broken clock.
const HOLE_LONGEST_S: u64 = 600;
/// Probability from which a window may be the first of the evidence for the guard.
const SPEECH_FROM: f32 = 0.5;

/// What a stretch of sound says for itself, for the guard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    pub(super) detector: vad::Evidence,
    pub(super) level_dbfs: f32,
}

/// What a chain wants next.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack; a box would be an allocation a window"
)]
pub(super) enum Next {
    /// More audio.
    NotYet,
    /// Nothing: lasting digital silence needs no detector; it is judged 0.
    Silent { level_dbfs: f32 },
    /// Nothing: the noise of the line goes on as it was, and most windows of it are judged as the one before.
    Steady { probability: f32, level_dbfs: f32 },
    /// The detector's answer. Asking again gives the same window.
    Ask { window: Window, level_dbfs: f32 },
}

/// See the module.
pub(super) struct Chain {
    pub(super) channel: Channel,
    pub(super) voice: VoiceId,
    /// How many times it was started; answers to an earlier one are nobody's.
    pub(super) generation: u32,
    /// When a window was last judged, or none was due.
    pub(super) progressed: Instant,
    rate: SampleRate,
    turn: turn::Config,
    taker: TurnTaker,
    /// What its speaker was asked for last; survives a restart.
    expectation: Option<Expectation>,
    /// Whether something is played to its speaker; survives a restart too, or nothing could interrupt it.
    is_played_to: bool,
    origin: SamplePos,
    turns_before: u64,
    newest_turn: u64,
    /// Requests of the takers before this one; ids of a chain are never used twice.
    requests_before: u64,
    newest_request: u64,
    resampler: ChannelResampler,
    resampled: Vec<f32>,
    /// Samples that came, holes included, at the rate of the track.
    came: u64,
    /// Digital silence at the end of what came, in samples at the rate of the track.
    zeros: u64,
    /// Samples of holes, at the rate of the track, that are still to be put in.
    hole: u64,
    ring: AudioRing,
    /// Start of the next window.
    heard: SamplePos,
    /// How far it had been listened to, with the silence that filled the last window, when its turns were last ended.
    settled: SamplePos,
    /// The turns under way are being ended; sound that came later waits.
    is_settling: bool,
    /// Probabilities of the last windows; the newest ends at `heard`.
    probabilities: VecDeque<f32>,
    /// Speech that was heard since it was last asked for, in samples.
    speech: u64,
    silent_windows: u32,
    /// Windows since somebody may have spoken.
    calm_windows: u32,
    noise: SteadyNoise,
    /// From here on the ring holds digital silence only.
    silent_from: Option<SamplePos>,
    arrivals: VecDeque<(SamplePos, Instant)>,
    has_ended: bool,
}

impl Chain {
    /// A chain at the start of a call.
    pub(super) fn new(
        (channel, rate): (Channel, SampleRate),
        voice: VoiceId,
        turn: &turn::Config,
        now: Instant,
    ) -> Result<Self, Error> {
        Ok(Self {
            channel,
            voice,
            generation: 0,
            progressed: now,
            rate,
            turn: turn.clone(),
            taker: TurnTaker::new(turn)?,
            expectation: None,
            is_played_to: false,
            origin: SamplePos::ZERO,
            turns_before: 0,
            newest_turn: 0,
            requests_before: 0,
            newest_request: 0,
            resampler: ChannelResampler::new(rate)?,
            resampled: Vec::new(),
            came: 0,
            zeros: 0,
            hole: 0,
            ring: AudioRing::default(),
            heard: SamplePos::ZERO,
            settled: SamplePos::ZERO,
            is_settling: false,
            probabilities: VecDeque::new(),
            speech: 0,
            silent_windows: 0,
            calm_windows: 0,
            noise: SteadyNoise::default(),
            silent_from: None,
            arrivals: VecDeque::new(),
            has_ended: false,
        })
    }

    /// How far the channel was listened to; never goes back.
    pub(super) fn heard(&self) -> SamplePos {
        self.heard.max(self.settled)
    }

    /// Takes sound; what is left of a hole must have been put in.
    pub(super) fn push_audio(&mut self, sound: &Sound, arrived: Instant) {
        debug_assert_eq!(self.hole, 0, "sound after a hole waits for the hole");
        self.came += sound.len() as u64;
        match sound {
            Sound::Silence(samples) => self.push_silence(*samples as u64),
            Sound::Samples(samples) => {
                self.zeros = 0;
                self.resample(samples);
            }
        }
        if self.arrivals.len() >= ARRIVALS_MAX {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back((self.position(self.came), arrived));
    }

    /// Whether a hole is still to be put in.
    pub(super) fn has_hole(&self) -> bool {
        self.hole > 0
    }

    /// Notes a hole of `samples` at the rate of the track, at most [`HOLE_LONGEST_S`], and gives its place.
    pub(super) fn push_hole(&mut self, samples: u64) -> SampleSpan {
        let samples = samples.min(u64::from(self.rate.hz()) * HOLE_LONGEST_S);
        let start = self.position(self.came + self.hole);
        self.hole = self.hole.saturating_add(samples);
        SampleSpan::new(start, self.position(self.came.saturating_add(self.hole)))
    }

    /// Puts some silence of a hole in; `true` when there is more.
    pub(super) fn fill_hole_a_little(&mut self) -> bool {
        let mut rest = self.hole.min(HOLE_SAMPLES_A_ROUND);
        self.hole -= rest;
        self.came += rest;
        while rest > 0 {
            let part = rest.min(SILENCE.len() as u64);
            self.push_silence(part);
            rest -= part;
        }
        self.hole > 0
    }

    /// Puts digital silence in, behind digital silence without resampling it: the resampler then holds nothing but zeros, and
    /// what it would give is known. A call on hold, or muted, costs next to nothing by this.
    fn push_silence(&mut self, samples: u64) {
        let before = self.zeros;
        self.zeros = self.zeros.saturating_add(samples);
        let (from, to) = (u64::from(self.rate.hz()), u64::from(SampleRate::PIPELINE.hz()));
        // Whole blocks of the resampler only, so that it stays in step to the sample: of the usual rates, 20 ms.
        let is_whole = (samples * RESAMPLER_BLOCKS_A_SECOND).is_multiple_of(from)
            && (from.is_multiple_of(to) || to.is_multiple_of(from));
        if before * RESAMPLER_EMPTY_PARTS >= from && is_whole {
            self.silent_from.get_or_insert(self.ring.end());
            self.ring.push_silence((samples * to / from) as usize);
            return;
        }
        let mut rest = samples;
        while rest > 0 {
            let part = rest.min(SILENCE.len() as u64);
            self.resample(&SILENCE[..part as usize]);
            rest -= part;
        }
    }

    fn resample(&mut self, samples: &[f32]) {
        self.silent_from = None;
        self.resampled.clear();
        self.resampler.push(samples, &mut self.resampled);
        self.ring.push(&self.resampled);
    }

    /// Position in the call of sample number `sample` of the track.
    fn position(&self, sample: u64) -> SamplePos {
        let (from, to) = (u128::from(self.rate.hz()), u128::from(SampleRate::PIPELINE.hz()));
        SamplePos(u64::try_from(u128::from(sample) * to / from).unwrap_or(u64::MAX))
    }

    /// Takes the end of the track: what the resampler holds, and silence up to a whole window. What is left of a hole is
    /// silence that nobody speaks into.
    pub(super) fn end_audio(&mut self) {
        self.came += std::mem::take(&mut self.hole);
        self.resampled.clear();
        self.resampler.finish(&mut self.resampled);
        self.ring.push(&self.resampled);
        let open = (self.ring.end().0 - self.heard.0) % WINDOW;
        self.ring.push_silence(if open == 0 { 0 } else { (WINDOW - open) as usize });
    }

    /// Ends what is being said with the sound that came so far, as the end of the track would, but sound may follow. The
    /// driver calls [`Chain::end_turns`] when every window was judged, and then [`Chain::renew`].
    pub(super) fn begin_settling(&mut self) {
        if !self.is_settling {
            self.is_settling = true;
            self.end_audio();
        }
    }

    /// Whether sound has to wait until the turns under way have ended.
    pub(super) fn is_settling(&self) -> bool {
        self.is_settling
    }

    /// Goes on behind the sound that came, with a taker that has heard nothing. The silence that filled the last window
    /// takes no time of the call: what comes next begins where the sound ended.
    pub(super) fn renew(&mut self) -> Result<(), Error> {
        self.settled = self.settled.max(self.heard);
        self.begin_at(self.position(self.came))
    }

    /// Tells the turn taker that nothing follows; once, when every window was judged.
    pub(super) fn end_turns(&mut self) {
        if !self.has_ended {
            self.has_ended = true;
            self.taker.push(Input::EndOfAudio);
        }
    }

    /// Whether a window waits to be judged.
    pub(super) fn has_window(&self) -> bool {
        self.heard.plus(WINDOW) <= self.ring.end()
    }

    /// The next window to judge.
    pub(super) fn next_window(&mut self) -> Next {
        let is_zero = self.silent_from.is_some_and(|from| from <= self.heard);
        if is_zero && self.silent_windows >= SILENT_AFTER_WINDOWS && self.has_window() {
            return Next::Silent { level_dbfs: SILENCE_DBFS };
        }
        let mut samples = [0.0; WINDOW_SAMPLES];
        if !self.ring.window_at(self.heard, &mut samples) {
            return Next::NotYet;
        }
        let level_dbfs = level_dbfs(&samples);
        if level_dbfs >= QUIET_DBFS {
            self.silent_windows = 0;
            if self.taker.is_idle()
                && let Some(probability) = self.noise.goes_on(level_dbfs)
            {
                return Next::Steady { probability, level_dbfs };
            }
        } else if self.silent_windows >= SILENT_AFTER_WINDOWS {
            return Next::Silent { level_dbfs };
        } else {
            self.silent_windows += 1;
        }
        Next::Ask { window: Window { voice: self.voice, samples }, level_dbfs }
    }

    /// The detector's answer for the window that [`Chain::next_window`] gave.
    pub(super) fn judged(&mut self, probability: f32, level_dbfs: f32) {
        self.noise.judged(probability, level_dbfs);
        self.take(probability, level_dbfs);
    }

    /// A window that needed no detector.
    pub(super) fn skipped(&mut self, probability: f32, level_dbfs: f32) {
        self.noise.skipped(level_dbfs);
        self.take(probability, level_dbfs);
    }

    fn take(&mut self, probability: f32, level_dbfs: f32) {
        self.heard = self.heard.plus(WINDOW);
        self.probabilities.push_back(probability);
        self.speech += if probability >= SPEECH_FROM { WINDOW } else { 0 };
        self.calm_windows = if probability < NOISE_BELOW { self.calm_windows.saturating_add(1) } else { 0 };
        self.taker.push(Input::Window { speech_probability: probability, level_dbfs });
    }

    /// Whether nobody has spoken for a while, nothing that was said is being worked on and nothing is played to the speaker.
    pub(super) fn is_calm(&self) -> bool {
        self.calm_windows >= CALM_AFTER_WINDOWS && self.taker.is_idle() && !self.is_played_to
    }

    /// How many samples of speech were heard since the last time.
    pub(super) fn take_speech(&mut self) -> u64 {
        std::mem::take(&mut self.speech)
    }

    /// What its speaker was asked for last.
    pub(super) fn expectation(&self) -> Expectation {
        self.expectation.unwrap_or_default()
    }

    /// Tells the turn taker something else.
    pub(super) fn tell(&mut self, input: Input) {
        let Some(input) = self.to_taker(input) else { return };
        if let Input::Expect(expectation) = input {
            self.expectation = Some(expectation);
        } else if input == Input::PlaybackStarted {
            self.expectation.get_or_insert_default();
            self.is_played_to = true;
        } else if input == Input::PlaybackEnded {
            self.is_played_to = false;
        }
        self.taker.push(input);
    }

    /// What follows, in positions and turns of the call; `None` when nothing more does. Audio that is not needed any more
    /// is forgotten then.
    pub(super) fn poll(&mut self) -> Option<Output> {
        let Some(output) = self.taker.poll() else {
            let needed = self.in_call(self.taker.earliest_needed()).min(self.heard);
            self.ring.forget_before(needed);
            let kept = (self.heard.0 - needed.0).div_ceil(WINDOW) as usize;
            self.probabilities.drain(..self.probabilities.len().saturating_sub(kept));
            return None;
        };
        Some(self.placed(output))
    }

    /// The samples of a stretch.
    pub(super) fn samples(&self, span: SampleSpan) -> std::sync::Arc<[f32]> {
        self.ring.slice(span)
    }

    /// What the detector thought of a stretch; the mean goes from its first speech window to its last, since the rolls
    /// around a lone "oui" are longer than the word.
    pub(super) fn evidence(&self, span: SampleSpan, samples: &[f32]) -> Evidence {
        let first = self.heard.0 - self.probabilities.len() as u64 * WINDOW;
        let index = |position: SamplePos| {
            (position.0.saturating_sub(first) / WINDOW).min(self.probabilities.len() as u64) as usize
        };
        let all: Vec<f32> = self.probabilities.range(index(span.start)..index(span.end)).copied().collect();
        let from = all.iter().position(|probability| *probability >= SPEECH_FROM);
        let to = all.iter().rposition(|probability| *probability >= EVIDENT_FROM);
        let speech = match (from, to) {
            (Some(from), Some(to)) => &all[from..=to.max(from)],
            (None, _) | (_, None) => &all[..],
        };
        let detector = vad::Evidence::of(speech.iter().copied());
        Evidence { detector, level_dbfs: level_dbfs(samples) }
    }

    /// When the sound at `position` came; `now` when that is not known any more.
    pub(super) fn arrival(&self, position: SamplePos, now: Instant) -> Instant {
        let place = self.arrivals.partition_point(|(end, _)| *end < position);
        self.arrivals.get(place).or(self.arrivals.back()).map_or(now, |(_, arrived)| *arrived)
    }

    /// When the sound came that was heard last; `now` for the silence of a hole, behind which nothing came yet.
    pub(super) fn last_arrival(&self, now: Instant) -> Instant {
        let place = self.arrivals.partition_point(|(end, _)| *end < self.heard);
        self.arrivals.get(place).map_or(now, |(_, arrived)| *arrived)
    }

    /// Begins anew with what comes next, and gives the stretch that is lost by it.
    pub(super) fn restart(&mut self, now: Instant) -> Result<SampleSpan, Error> {
        let resume = self.position(self.came + self.hole).max(self.heard);
        let lost = SampleSpan::new(self.heard, resume);
        self.came += self.hole;
        self.hole = 0;
        self.begin_at(resume)?;
        self.generation += 1;
        self.progressed = now;
        Ok(lost)
    }

    /// A taker, a resampler and a ring that begin at `position`.
    fn begin_at(&mut self, position: SamplePos) -> Result<(), Error> {
        self.taker = TurnTaker::new(&self.turn)?;
        if let Some(expectation) = self.expectation {
            self.taker.push(Input::Expect(expectation));
        }
        if self.is_played_to {
            self.taker.push(Input::PlaybackStarted);
        }
        self.resampler = ChannelResampler::new(self.rate)?;
        self.zeros = 0;
        self.ring = AudioRing::starting_at(position);
        (self.origin, self.heard) = (position, position);
        (self.turns_before, self.requests_before) = (self.newest_turn, self.newest_request);
        self.probabilities.clear();
        (self.silent_windows, self.calm_windows) = (0, 0);
        (self.noise, self.silent_from) = (SteadyNoise::default(), None);
        (self.is_settling, self.has_ended) = (false, false);
        Ok(())
    }

    /// An input as the taker knows it; `None` for the answer to a question of a taker before it.
    fn to_taker(&self, input: Input) -> Option<Input> {
        let own = |request: RequestId| {
            request.0.checked_sub(self.requests_before).filter(|own| *own > 0).map(RequestId)
        };
        Some(match input {
            Input::Judged { request, done_probability } => {
                Input::Judged { request: own(request)?, done_probability }
            }
            Input::Heard { request, reading } => Input::Heard { request: own(request)?, reading },
            Input::Window { .. }
            | Input::Expect(_)
            | Input::PlaybackStarted
            | Input::PlaybackEnded
            | Input::OtherStarted
            | Input::OtherEnded
            | Input::Dtmf
            | Input::EndOfAudio => input,
        })
    }

    fn in_call(&self, position: SamplePos) -> SamplePos {
        position.plus(self.origin.0)
    }

    /// Moves an output from the time, turns and requests of the taker to those of the call.
    fn placed(&mut self, mut placed: Output) -> Output {
        let (requests, turns, origin) = (self.requests_before, self.turns_before, self.origin.0);
        let ask = |request: &mut RequestId| request.0 += requests;
        let count = |turn: &mut u64| *turn += turns;
        let tie = |earlier: [&mut Option<u64>; 2]| earlier.into_iter().flatten().for_each(count);
        let put = |position: &mut SamplePos| *position = position.plus(origin);
        let lay =
            |span: &mut SampleSpan| *span = SampleSpan::new(span.start.plus(origin), span.end.plus(origin));
        match &mut placed {
            Output::SpeechStarted { turn, at, joins, continues } => {
                count(turn);
                put(at);
                tie([joins, continues]);
            }
            Output::Partial { request, turn, span } | Output::Speculate { request, turn, span } => {
                ask(request);
                count(turn);
                lay(span);
            }
            Output::Judge { request, span } => {
                ask(request);
                lay(span);
            }
            Output::Cancel { request } => ask(request),
            Output::Part { turn, speculation, speech, audio, joins } => {
                count(turn);
                ask(speculation);
                [speech, audio].into_iter().for_each(lay);
                joins.iter_mut().for_each(count);
            }
            Output::TurnEnded { turn, speech, audio, speculation, joins, continues, .. } => {
                count(turn);
                ask(speculation);
                [speech, audio].into_iter().for_each(lay);
                tie([joins, continues]);
            }
            Output::TurnOver { turn, end_of_speech, continues, .. } => {
                count(turn);
                put(end_of_speech);
                continues.iter_mut().for_each(count);
            }
            Output::Discarded { turn, joins, continues } => {
                count(turn);
                tie([joins, continues]);
            }
            Output::Interrupt { at } => put(at),
        }
        if let Output::SpeechStarted { turn, .. } = placed {
            self.newest_turn = turn;
        }
        if let Output::Partial { request, .. }
        | Output::Judge { request, .. }
        | Output::Speculate { request, .. } = placed
        {
            self.newest_request = request.0;
        }
        placed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audio::resample::resample_all;
    use crate::clock::{Clock, SystemClock};
    use crate::live::voices::VoiceIds;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn silence_that_is_not_resampled_changes_no_sample(
            stretches in proptest::collection::vec((any::<bool>(), 1_usize..6_000), 1..6),
            frames in 1_usize..4,
            hz in prop_oneof![Just(8_000), Just(16_000), Just(44_100), Just(48_000)],
        ) {
            let rate = SampleRate::from_hz(hz).unwrap();
            let now = SystemClock.monotonic();
            let voice = VoiceIds::default().next();
            let track = (Channel::Caller, rate);
            let mut chain = Chain::new(track, voice, &turn::Config::default(), now).unwrap();
            let mut all = Vec::new();
            for (is_loud, length) in stretches {
                let length = if is_loud { length } else { length * 4 };
                let sound = |index: usize| if is_loud { (index as f32 * 0.7).sin() * 0.5 } else { 0.0 };
                all.extend((0..length).map(sound));
            }
            for samples in all.chunks(frames * hz as usize / 50) {
                chain.push_audio(&Sound::of(samples), now);
            }
            chain.resampled.clear();
            chain.resampler.finish(&mut chain.resampled);
            chain.ring.push(&chain.resampled);
            let expected = resample_all(&all, rate, SampleRate::PIPELINE).unwrap();
            let heard = chain.samples(SampleSpan::new(SamplePos::ZERO, chain.ring.end()));
            prop_assert!(heard.len().abs_diff(expected.len()) <= 1, "{} {}", heard.len(), expected.len());
            for (index, (heard, expected)) in heard.iter().zip(&expected).enumerate() {
                prop_assert!((heard - expected).abs() < 1e-5, "sample {}", index);
            }
        }
    }
}
