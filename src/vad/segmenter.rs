//! From one probability a window to segments; pure, without audio.
//!
//! Invariants: segments are in order, do not overlap, end at or before the last window pushed (or the given end), are
//! at most `max_segment` long, and hold every run of windows at or above the threshold that lasts `min_speech`.
//! A segment is decided `min_silence` after its speech ended.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Config, InvalidConfig, Strengths, WINDOW_SAMPLES};
use crate::audio::{SamplePos, SampleSpan, duration_samples};

const WINDOW: u64 = WINDOW_SAMPLES as u64;
/// Why a segment ended where it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CutReason {
    /// The speaker paused.
    Pause,
    /// The speaker did not pause; the text goes on in the next segment.
    MaxLength,
    /// The audio ended.
    EndOfAudio,
}

/// What the segmenter found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentEvent {
    /// Somebody began to speak. Comes once for speech that is cut at the maximum length several times.
    SpeechStarted {
        /// Start of the first speech window, without pre-roll.
        at: SamplePos,
    },
    /// A stretch of speech is complete.
    Segment {
        /// Where, pre-roll and post-roll included.
        span: SampleSpan,
        /// The part of it that was heard as speech: from its first speech window to the start of the pause that
        /// closed it, or to the cut. Never empty.
        speech: SampleSpan,
        /// Why it ended there.
        cut: CutReason,
    },
}

/// Turns windows into segments. Drain [`Segmenter::poll`] after every push; at most two events come of one.
#[derive(Debug)]
pub struct Segmenter {
    settings: Settings,
    windows_pushed: u64,
    /// No segment may start before: the end of the last one.
    free_from: SamplePos,
    state: State,
    /// Strengths of the windows since the segment's start, for the weakest point.
    strengths: Strengths,
    events: VecDeque<SegmentEvent>,
}

/// The configuration in samples and windows.
#[derive(Debug, Clone, Copy)]
struct Settings {
    threshold: f32,
    negative_threshold: f32,
    min_speech_windows: u64,
    min_silence_samples: u64,
    pre_roll_samples: u64,
    post_roll_samples: u64,
    max_segment_samples: u64,
    join_below_samples: u64,
    join_up_to_samples: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Idle,
    /// Speech was heard, not enough of it yet.
    Candidate(Speech),
    /// Enough of it.
    Speaking(Speech),
}

#[derive(Debug, Clone, Copy)]
struct Speech {
    /// Start of the segment to be, pre-roll included.
    start: SamplePos,
    /// Start of the first speech window.
    speech_start: SamplePos,
    /// Windows at or above the threshold so far.
    speech_windows: u64,
    /// Where the present pause began.
    pause_start: Option<SamplePos>,
}

impl Segmenter {
    /// A segmenter at the start of a channel.
    ///
    /// # Errors
    /// [`InvalidConfig`] when the values do not fit together.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        config.validate()?;
        let windows = |duration: Duration| duration_samples(duration).div_ceil(WINDOW);
        Ok(Self {
            settings: Settings {
                threshold: config.threshold,
                negative_threshold: config.negative_threshold,
                min_speech_windows: windows(config.min_speech).max(1),
                min_silence_samples: duration_samples(config.min_silence),
                pre_roll_samples: duration_samples(config.pre_roll),
                post_roll_samples: duration_samples(config.post_roll),
                max_segment_samples: duration_samples(config.max_segment),
                join_below_samples: duration_samples(config.join_below),
                join_up_to_samples: duration_samples(config.join_up_to),
            },
            windows_pushed: 0,
            free_from: SamplePos::ZERO,
            state: State::Idle,
            strengths: Strengths::default(),
            events: VecDeque::new(),
        })
    }

    /// The next window: its probability (0 to 1; not-a-number counts as 0) and its level in dBFS.
    pub fn push(&mut self, probability: f32, level_dbfs: f32) {
        let probability = if probability.is_nan() { 0.0 } else { probability };
        let window_start = SamplePos(self.windows_pushed * WINDOW);
        self.windows_pushed += 1;
        self.strengths.push(probability, level_dbfs);
        let is_speech = probability >= self.settings.threshold;
        self.state = match self.state {
            State::Idle if is_speech => self.listen(self.begin(window_start), window_start, probability),
            State::Idle => State::Idle,
            State::Candidate(speech) => self.listen(speech, window_start, probability),
            State::Speaking(speech) => {
                self.settle(speech.with_window(self.settings, window_start, probability))
            }
        };
        self.forget();
    }

    /// The next event in order of time.
    pub fn poll(&mut self) -> Option<SegmentEvent> {
        self.events.pop_front()
    }

    /// The channel ends at `end`, which lies within or at the end of the last window pushed; windows pushed later are
    /// those of a new channel that starts where this one ended.
    pub fn finish(&mut self, end: SamplePos) {
        // A cut inside the last window may lie behind the end: nothing is left then.
        if let State::Speaking(speech) = self.state
            && speech.start < end
        {
            let heard_until = speech.pause_start.unwrap_or(end).min(end);
            let segment_end = heard_until.plus(self.settings.post_roll_samples).min(end);
            self.emit(speech, Ending { heard_until, end: segment_end, cut: CutReason::EndOfAudio });
        }
        self.state = State::Idle;
        self.forget();
    }

    /// No later segment starts before; audio older than that is not needed any more.
    pub fn earliest_start(&self) -> SamplePos {
        match self.state {
            State::Idle => self.now().minus(self.settings.pre_roll_samples).max(self.free_from),
            State::Candidate(speech) | State::Speaking(speech) => speech.start,
        }
    }

    fn now(&self) -> SamplePos {
        SamplePos(self.windows_pushed * WINDOW)
    }

    fn begin(&self, window_start: SamplePos) -> Speech {
        Speech {
            start: window_start.minus(self.settings.pre_roll_samples).max(self.free_from),
            speech_start: window_start,
            speech_windows: 0,
            pause_start: None,
        }
    }

    /// A window while it is not yet sure that this is speech.
    fn listen(&mut self, speech: Speech, window_start: SamplePos, probability: f32) -> State {
        let speech = speech.with_window(self.settings, window_start, probability);
        if speech.speech_windows >= self.settings.min_speech_windows || self.is_full(speech) {
            self.events.push_back(SegmentEvent::SpeechStarted { at: speech.speech_start });
            return self.settle(speech);
        }
        let pause = speech.pause_start.map_or(0, |start| self.now().0 - start.0);
        if pause >= self.settings.min_silence_samples { State::Idle } else { State::Candidate(speech) }
    }

    /// Ends or cuts the segment where it must.
    fn settle(&mut self, speech: Speech) -> State {
        if let Some(pause_start) = speech.pause_start
            && self.now().0 - pause_start.0 >= self.silence_that_ends(speech, pause_start)
        {
            let end = pause_start.plus(self.settings.post_roll_samples);
            self.emit(speech, Ending { heard_until: pause_start, end, cut: CutReason::Pause });
            return State::Idle;
        }
        if !self.is_full(speech) {
            return State::Speaking(speech);
        }
        let cut = self.weakest_point(speech.start);
        match speech.pause_start {
            // The weakest point lies in a pause that goes on: what follows is not yet speech.
            Some(pause_start) if cut >= pause_start => {
                let end = pause_start.plus(self.settings.post_roll_samples).min(self.now());
                self.emit(speech, Ending { heard_until: pause_start, end, cut: CutReason::MaxLength });
                State::Idle
            }
            Some(_) | None => {
                self.emit(speech, Ending { heard_until: cut, end: cut, cut: CutReason::MaxLength });
                State::Speaking(Speech { start: cut, ..speech })
            }
        }
    }

    /// Whether one more window would make the segment too long.
    fn is_full(&self, speech: Speech) -> bool {
        self.now().0 + WINDOW - speech.start.0 > self.settings.max_segment_samples
    }

    fn silence_that_ends(&self, speech: Speech, pause_start: SamplePos) -> u64 {
        let is_short = pause_start.0.saturating_sub(speech.start.0) < self.settings.join_up_to_samples;
        let joined = if is_short { self.settings.join_below_samples } else { 0 };
        self.settings.min_silence_samples.max(joined)
    }

    /// The middle of the weakest window in the second half of the segment; the latest of equals.
    fn weakest_point(&self, start: SamplePos) -> SamplePos {
        let half = start.plus(self.settings.max_segment_samples / 2);
        self.strengths.weakest(SampleSpan::new(half.min(self.now()), self.now()))
    }

    fn emit(&mut self, speech: Speech, ending: Ending) {
        let Ending { heard_until, end, cut } = ending;
        self.free_from = end;
        // After a cut the first speech window lies in an earlier segment.
        let heard_from = speech.speech_start.max(speech.start);
        self.events.push_back(SegmentEvent::Segment {
            span: SampleSpan::new(speech.start, end),
            speech: SampleSpan::new(heard_from, heard_until),
            cut,
        });
    }

    /// Drops the strengths that no later cut looks at.
    fn forget(&mut self) {
        self.strengths.forget_before(self.earliest_start().min(self.now()));
    }
}

/// How a segment ends.
struct Ending {
    /// Start of the closing pause.
    heard_until: SamplePos,
    /// Last sample of the segment, post-roll included.
    end: SamplePos,
    cut: CutReason,
}

impl Speech {
    fn with_window(mut self, settings: Settings, window_start: SamplePos, probability: f32) -> Self {
        if probability >= settings.threshold {
            self.speech_windows += 1;
            self.pause_start = None;
        } else if probability < settings.negative_threshold {
            self.pause_start.get_or_insert(window_start);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPEECH: (f32, f32) = (0.9, -20.0);
    const QUIET: (f32, f32) = (0.05, -70.0);

    /// Runs of windows, then the end.
    fn run(config: &Config, runs: &[((f32, f32), usize)]) -> Vec<SegmentEvent> {
        let windows: Vec<(f32, f32)> =
            runs.iter().flat_map(|(window, count)| std::iter::repeat_n(*window, *count)).collect();
        run_windows(config, &windows)
    }

    fn run_windows(config: &Config, windows: &[(f32, f32)]) -> Vec<SegmentEvent> {
        let mut segmenter = Segmenter::new(config).unwrap();
        let mut events = Vec::new();
        for (probability, level) in windows {
            segmenter.push(*probability, *level);
            events.extend(std::iter::from_fn(|| segmenter.poll()));
        }
        segmenter.finish(SamplePos(windows.len() as u64 * WINDOW));
        events.extend(std::iter::from_fn(|| segmenter.poll()));
        events
    }

    fn segments(events: &[SegmentEvent]) -> Vec<(SampleSpan, CutReason)> {
        events
            .iter()
            .filter_map(|event| match event {
                SegmentEvent::Segment { span, cut, .. } => Some((*span, *cut)),
                SegmentEvent::SpeechStarted { .. } => None,
            })
            .collect()
    }

    fn window(index: u64) -> SamplePos {
        SamplePos(index * WINDOW)
    }

    /// Rolls of 200 ms, which these tests count with.
    fn short_rolls() -> Config {
        let roll = Duration::from_millis(200);
        Config { pre_roll: roll, post_roll: roll, ..Config::default() }
    }

    #[test]
    fn a_pause_ends_a_segment_with_both_rolls() {
        let events = run(&short_rolls(), &[(QUIET, 50), (SPEECH, 40), (QUIET, 50)]);
        assert_eq!(events[0], SegmentEvent::SpeechStarted { at: window(50) });
        let span = SampleSpan::new(window(50).minus(3_200), window(90).plus(3_200));
        let speech = SampleSpan::new(window(50), window(90));
        assert_eq!(events[1..], [SegmentEvent::Segment { span, speech, cut: CutReason::Pause }]);
    }

    #[test]
    fn a_click_is_no_segment_and_a_short_word_is() {
        assert_eq!(run(&short_rolls(), &[(QUIET, 50), (SPEECH, 2), (QUIET, 50)]), []);
        assert_eq!(segments(&run(&short_rolls(), &[(QUIET, 50), (SPEECH, 4), (QUIET, 50)])).len(), 1);
    }

    #[test]
    fn a_short_pause_and_an_unsure_window_do_not_cut() {
        let unsure = (0.4, -40.0);
        let found = segments(&run(
            &short_rolls(),
            &[(SPEECH, 20), (QUIET, 10), (SPEECH, 20), (unsure, 30), (SPEECH, 20), (QUIET, 30)],
        ));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0.start, SamplePos::ZERO);
    }

    #[test]
    fn pre_roll_stops_at_the_segment_before() {
        let config = Config { pre_roll: Duration::from_secs(2), ..short_rolls() };
        let found = segments(&run(&config, &[(SPEECH, 20), (QUIET, 17), (SPEECH, 20), (QUIET, 30)]));
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].0.start, found[0].0.end);
    }

    #[test]
    fn speech_at_the_end_of_the_audio_is_kept() {
        let events = run(&short_rolls(), &[(QUIET, 20), (SPEECH, 20)]);
        assert_eq!(
            segments(&events),
            [(SampleSpan::new(window(20).minus(3_200), window(40)), CutReason::EndOfAudio)]
        );
    }

    #[test]
    fn long_speech_is_cut_at_its_weakest_point() {
        let softer = (0.88, -45.0);
        let events = run(&short_rolls(), &[(SPEECH, 600), (softer, 5), (SPEECH, 600), (QUIET, 20)]);
        let found = segments(&events);
        assert_eq!(found[0], (SampleSpan::new(window(0), window(602).plus(256)), CutReason::MaxLength));
        assert_eq!(found[1].0.start, found[0].0.end);
        assert_eq!(found[1].1, CutReason::Pause);
        let starts =
            events.iter().filter(|event| matches!(event, SegmentEvent::SpeechStarted { .. })).count();
        assert_eq!(starts, 1, "speech went on across the cut");
    }

    #[test]
    fn a_cut_inside_a_pause_leaves_no_empty_segment() {
        let config = Config { min_silence: Duration::from_secs(3), ..short_rolls() };
        let found = segments(&run(&config, &[(SPEECH, 720), (QUIET, 200)]));
        assert_eq!(found, [(SampleSpan::new(window(0), window(720).plus(3_200)), CutReason::MaxLength)]);
    }

    #[test]
    fn short_pauses_are_joined_up_to_a_length_when_asked() {
        let calls = [(SPEECH, 100), (QUIET, 25), (SPEECH, 100), (QUIET, 25), (SPEECH, 100), (QUIET, 60)];
        assert_eq!(segments(&run(&short_rolls(), &calls)).len(), 3);
        let joining = Config {
            join_below: Duration::from_secs(1),
            join_up_to: Duration::from_secs(5),
            ..short_rolls()
        };
        let found = segments(&run(&joining, &calls));
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0.end, window(225).plus(3_200));
    }

    #[test]
    fn not_a_number_is_not_speech() {
        assert_eq!(run(&short_rolls(), &[((f32::NAN, f32::NAN), 100)]), []);
    }

    fn any_config() -> impl Strategy<Value = Config> {
        (0_u64..400, 1_u64..1500, 0_u64..600, 0_u64..600, 0_u64..2000, 0_u64..9000).prop_map(
            |(speech, silence, pre, post, join_below, join_up_to)| {
                let milliseconds = Duration::from_millis;
                Config {
                    min_speech: milliseconds(speech),
                    min_silence: milliseconds(silence),
                    pre_roll: milliseconds(pre),
                    post_roll: milliseconds(post.min(silence)),
                    max_segment: milliseconds(2_000 + speech + pre + silence.max(join_below) + join_up_to),
                    join_below: milliseconds(join_below),
                    join_up_to: milliseconds(join_up_to),
                    ..short_rolls()
                }
            },
        )
    }

    fn any_windows() -> impl Strategy<Value = Vec<(f32, f32)>> {
        let run = (prop_oneof![0.0_f32..0.3, 0.3_f32..0.6, 0.6_f32..1.0], -90.0_f32..0.0, 1_usize..80);
        proptest::collection::vec(run, 0..30).prop_map(|runs| {
            runs.into_iter()
                .flat_map(|(probability, level, count)| std::iter::repeat_n((probability, level), count))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn segments_are_ordered_apart_bounded_and_within_the_audio(
            config in any_config(),
            windows in any_windows(),
        ) {
            let mut free_from = SamplePos::ZERO;
            for event in run_windows(&config, &windows) {
                let SegmentEvent::Segment { span, speech, .. } = event else { continue };
                prop_assert!(span.start >= free_from && span.start < span.end);
                prop_assert!(span.start <= speech.start && speech.start < speech.end && speech.end <= span.end);
                prop_assert!(span.end.0 <= windows.len() as u64 * WINDOW);
                prop_assert!(span.duration() <= config.max_segment);
                free_from = span.end;
            }
        }

        #[test]
        fn speech_that_lasts_is_inside_a_segment(config in any_config(), windows in any_windows()) {
            let found = segments(&run_windows(&config, &windows));
            let enough = duration_samples(config.min_speech).div_ceil(WINDOW).max(1) as usize;
            let mut run_start = 0;
            for index in 0..=windows.len() {
                if windows.get(index).is_some_and(|(probability, _)| *probability >= config.threshold) {
                    continue;
                }
                if index - run_start >= enough {
                    let run = SampleSpan::new(window(run_start as u64), window(index as u64));
                    let held: u64 = found.iter().map(|(span, _)| span.overlap_samples(run)).sum();
                    prop_assert_eq!(held, run.samples(), "windows {}..{}", run_start, index);
                }
                run_start = index + 1;
            }
        }

        #[test]
        fn no_segment_starts_in_audio_that_was_given_up(config in any_config(), windows in any_windows()) {
            let mut segmenter = Segmenter::new(&config).unwrap();
            let mut given_up = SamplePos::ZERO;
            for (probability, level) in windows {
                segmenter.push(probability, level);
                while let Some(event) = segmenter.poll() {
                    if let SegmentEvent::Segment { span, .. } = event {
                        prop_assert!(span.start >= given_up);
                    }
                }
                prop_assert!(segmenter.earliest_start() >= given_up);
                given_up = segmenter.earliest_start();
                let kept = segmenter.now().0 - given_up.0;
                prop_assert!(kept <= duration_samples(config.max_segment));
            }
        }
    }
}
