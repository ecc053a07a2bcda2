//! One channel's samples in, segments with their samples out.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{
    Config, CutReason, Error, Evidence, SegmentEvent, Segmenter, SpeechDetector, WINDOW_SAMPLES, level_dbfs,
};
use crate::audio::{SamplePos, SampleSpan};

const WINDOW: u64 = WINDOW_SAMPLES as u64;

/// A stretch of speech of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Where it lies in the channel.
    pub span: SampleSpan,
    /// Its speech, from the first speech window to the pause that closed it; the rolls lie around it.
    pub speech: SampleSpan,
    /// Its samples.
    pub samples: Arc<[f32]>,
    /// Mean speech probability from its first speech window to the pause that closed it, 0 to 1. The rolls do not
    /// count: around a lone "oui" they are longer than the word and would tell more of the silence than of it.
    pub mean_probability: f32,
    /// Seconds in which the detector heard somebody; pauses inside do not count.
    pub speech_seconds: f32,
    /// Root mean square level.
    pub level_dbfs: f32,
    /// Why it ended there.
    pub cut: CutReason,
}

/// Detector, segmenter and the audio they may still need.
///
/// Keeps at most `max_segment` plus one window of audio, whatever comes in; segments wait in a queue until they are
/// polled, so poll after every push and push seconds, not hours.
#[derive(Debug)]
pub struct SegmentStream<D> {
    detector: D,
    segmenter: Segmenter,
    /// Audio from `kept_from` on.
    samples: VecDeque<f32>,
    kept_from: SamplePos,
    /// Samples pushed so far; the silence that fills the last window does not count.
    end: SamplePos,
    /// Probabilities of the windows from the one that holds `kept_from` on.
    probabilities: VecDeque<f32>,
    windows_done: u64,
    ready: VecDeque<Segment>,
    has_ended: bool,
}

impl<D: SpeechDetector> SegmentStream<D> {
    /// A stream at the start of a channel. `detector` starts anew.
    ///
    /// # Errors
    /// [`Error::Config`] when the values do not fit together.
    pub fn new(mut detector: D, config: &Config) -> Result<Self, Error> {
        detector.reset();
        Ok(Self {
            detector,
            segmenter: Segmenter::new(config)?,
            samples: VecDeque::new(),
            kept_from: SamplePos::ZERO,
            end: SamplePos::ZERO,
            probabilities: VecDeque::new(),
            windows_done: 0,
            ready: VecDeque::new(),
            has_ended: false,
        })
    }

    /// Takes any number of samples. A sample beyond [-1, 1] is clipped and one that is no number is silence: either
    /// would stay in the detector's state for the rest of the call.
    ///
    /// # Errors
    /// When the detector fails, or after [`SegmentStream::finish`].
    pub fn push(&mut self, samples: &[f32]) -> Result<(), Error> {
        if self.has_ended {
            return Err(Error::AfterEnd);
        }
        let mut rest = samples;
        while !rest.is_empty() {
            let missing = (self.windows_done + 1) * WINDOW - self.end.0;
            let (now, later) = rest.split_at(rest.len().min(usize::try_from(missing).unwrap_or(usize::MAX)));
            self.samples.extend(now.iter().map(|sample| sound(*sample)));
            self.end = self.end.plus(now.len() as u64);
            rest = later;
            if now.len() as u64 == missing {
                self.judge_window()?;
            }
        }
        Ok(())
    }

    /// The channel ends here. The last window is filled up with silence; times stay exact.
    ///
    /// # Errors
    /// When the detector fails, or when the stream ended before.
    pub fn finish(&mut self) -> Result<(), Error> {
        if self.has_ended {
            return Err(Error::AfterEnd);
        }
        if self.end.0 > self.windows_done * WINDOW {
            let missing = (self.windows_done + 1) * WINDOW - self.end.0;
            self.samples.extend(std::iter::repeat_n(0.0, usize::try_from(missing).unwrap_or(0)));
            self.judge_window()?;
        }
        self.segmenter.finish(self.end);
        self.collect();
        self.has_ended = true;
        Ok(())
    }

    /// The next complete segment.
    pub fn poll(&mut self) -> Option<Segment> {
        self.ready.pop_front()
    }

    /// Samples pushed so far, the end of the channel once it is finished.
    pub const fn end(&self) -> SamplePos {
        self.end
    }

    fn judge_window(&mut self) -> Result<(), Error> {
        let start = usize::try_from(self.windows_done * WINDOW - self.kept_from.0)
            .expect("the window was pushed a moment ago and lies in memory");
        let mut window = [0.0; WINDOW_SAMPLES];
        for (slot, sample) in window.iter_mut().zip(self.samples.range(start..)) {
            *slot = *sample;
        }
        let probability = self.detector.probability(&window)?;
        self.windows_done += 1;
        self.probabilities.push_back(probability);
        self.segmenter.push(probability, level_dbfs(&window));
        self.collect();
        Ok(())
    }

    /// Takes what the segmenter decided, then drops the audio it does not need any more.
    fn collect(&mut self) {
        while let Some(event) = self.segmenter.poll() {
            match event {
                SegmentEvent::SpeechStarted { .. } => {}
                SegmentEvent::Segment { span, speech, cut } => {
                    // The segmenter does not know how much of the last window is real.
                    let span = SampleSpan::new(span.start, span.end.min(self.end));
                    let Evidence { mean_probability, speech_seconds } = self.evidence(speech);
                    let samples = self.samples_of(span);
                    let level_dbfs = level_dbfs(&samples);
                    let speech = SampleSpan::new(speech.start.max(span.start), speech.end.min(span.end));
                    self.ready.push_back(Segment {
                        span,
                        speech,
                        samples,
                        mean_probability,
                        speech_seconds,
                        level_dbfs,
                        cut,
                    });
                }
            }
        }
        let keep_from = self.segmenter.earliest_start().min(self.end);
        let dropped = keep_from.0.saturating_sub(self.kept_from.0);
        self.samples.drain(..usize::try_from(dropped).unwrap_or(usize::MAX).min(self.samples.len()));
        self.kept_from = self.kept_from.plus(dropped);
        let windows_kept = self.windows_done.saturating_sub(self.kept_from.0 / WINDOW);
        while self.probabilities.len() as u64 > windows_kept {
            self.probabilities.pop_front();
        }
    }

    fn samples_of(&self, span: SampleSpan) -> Arc<[f32]> {
        let at = |position: SamplePos| {
            usize::try_from(position.0 - self.kept_from.0).expect("a segment lies in the audio that was kept")
        };
        self.samples.range(at(span.start)..at(span.end)).copied().collect()
    }

    fn evidence(&self, speech: SampleSpan) -> Evidence {
        let oldest = self.windows_done - self.probabilities.len() as u64;
        let window = |position: u64| usize::try_from((position / WINDOW).saturating_sub(oldest)).unwrap_or(0);
        let last = window(speech.end.0.saturating_sub(1)).min(self.probabilities.len().saturating_sub(1));
        let first = window(speech.start.0).min(last);
        Evidence::of(self.probabilities.range(first..=last).copied())
    }
}

fn sound(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::audio::duration_samples;
    use crate::vad::EnergyDetector;

    /// Bursts of a buzz and near silence: (milliseconds, loud).
    fn audio(parts: &[(u32, bool)]) -> Vec<f32> {
        let mut samples = Vec::new();
        for (milliseconds, is_loud) in parts {
            let amplitude = if *is_loud { 0.3 } else { 0.0005 };
            let start = samples.len();
            let end = start + *milliseconds as usize * 16;
            samples.extend((start..end).map(|at| amplitude * ((at * at % 977) as f32 / 488.5 - 1.0)));
        }
        samples
    }

    fn run(config: &Config, chunks: &[&[f32]]) -> Vec<Segment> {
        let mut stream = SegmentStream::new(EnergyDetector::new(), config).unwrap();
        let mut segments = Vec::new();
        for chunk in chunks {
            stream.push(chunk).unwrap();
            segments.extend(std::iter::from_fn(|| stream.poll()));
        }
        stream.finish().unwrap();
        segments.extend(std::iter::from_fn(|| stream.poll()));
        segments
    }

    /// Rolls of 200 ms, which these tests count with.
    fn short_rolls() -> Config {
        let roll = Duration::from_millis(200);
        Config { pre_roll: roll, post_roll: roll, ..Config::default() }
    }

    #[test]
    fn a_segment_carries_the_samples_of_its_span() {
        let samples = audio(&[(1000, false), (1500, true), (1001, false), (700, true)]);
        let segments = run(&short_rolls(), &[&samples]);
        assert_eq!(segments.len(), 2);
        for segment in &segments {
            let (start, end) = (segment.span.start.0 as usize, segment.span.end.0 as usize);
            assert_eq!(segment.samples[..], samples[start..end]);
            assert_eq!(segment.level_dbfs, level_dbfs(&samples[start..end]));
            assert!(segment.mean_probability > 0.5, "{}", segment.mean_probability);
        }
        assert_eq!(segments[1].span.end, SamplePos(samples.len() as u64), "not the end of the filled window");
        assert_eq!(segments[1].cut, CutReason::EndOfAudio);
    }

    /// Sure of loud windows and of quiet ones, so that a mean tells which windows it was taken over.
    #[derive(Debug)]
    struct Sure;

    impl SpeechDetector for Sure {
        fn probability(&mut self, window: &[f32; WINDOW_SAMPLES]) -> Result<f32, Error> {
            Ok(if level_dbfs(window) > -30.0 { 1.0 } else { 0.0 })
        }

        fn reset(&mut self) {}
    }

    #[test]
    fn a_short_word_is_not_averaged_with_the_silence_around_it() {
        // 160 ms of sound, five windows, with 400 ms of rolls.
        let samples = audio(&[(960, false), (160, true), (992, false)]);
        let mut stream = SegmentStream::new(Sure, &short_rolls()).unwrap();
        stream.push(&samples).unwrap();
        let segment = stream.poll().unwrap();
        assert_eq!(segment.mean_probability, 1.0);
        assert_eq!(segment.span.duration(), Duration::from_millis(200 + 160 + 200));
        // A pause inside counts: 10 windows of speech, 10 of pause, 10 of speech.
        let samples = audio(&[(960, false), (320, true), (320, false), (320, true), (992, false)]);
        let mut stream = SegmentStream::new(Sure, &short_rolls()).unwrap();
        stream.push(&samples).unwrap();
        assert!((stream.poll().unwrap().mean_probability - 2.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn nothing_comes_of_no_audio_and_the_end_is_the_end() {
        let mut stream = SegmentStream::new(EnergyDetector::new(), &short_rolls()).unwrap();
        stream.finish().unwrap();
        assert_eq!(stream.poll(), None);
        assert!(matches!(stream.push(&[0.0]), Err(Error::AfterEnd)));
        assert!(matches!(stream.finish(), Err(Error::AfterEnd)));
    }

    #[test]
    fn samples_that_are_no_sound_do_not_reach_the_detector() {
        let mut samples = audio(&[(500, false), (1000, true), (600, false)]);
        samples[9_000] = f32::NAN;
        samples[9_001] = f32::INFINITY;
        samples[9_002] = 1e30;
        let segments = run(&short_rolls(), &[&samples]);
        assert_eq!(segments.len(), 1);
        assert!(segments[0].samples.iter().all(|sample| sample.abs() <= 1.0));
    }

    #[test]
    fn memory_is_bounded_by_the_longest_segment_over_an_hour() {
        let config = short_rolls();
        let bound = duration_samples(config.max_segment) as usize + WINDOW_SAMPLES;
        let mut stream = SegmentStream::new(EnergyDetector::new(), &config).unwrap();
        // A minute of endless sound, then a minute of bursts, thirty times: both keep as much as there may be.
        let endless: Vec<f32> = audio(&[(60_000, true)])
            .iter()
            .enumerate()
            .map(|(at, s)| s * (1.0 + (at % 9) as f32 / 9.0))
            .collect();
        let bursts = audio(&[(3_000, true), (2_000, false)].repeat(12));
        let mut segments = 0;
        let mut capacity_early = 0;
        for round in 0..30 {
            for part in [&endless, &bursts] {
                for chunk in part.chunks(1_600) {
                    stream.push(chunk).unwrap();
                    segments += std::iter::from_fn(|| stream.poll()).count();
                    assert!(stream.samples.len() <= bound);
                    assert!(stream.probabilities.len() <= bound / WINDOW_SAMPLES + 2);
                }
            }
            if round == 1 {
                capacity_early = stream.samples.capacity();
            }
        }
        assert!(segments > 300, "{segments}");
        assert!(stream.samples.capacity() <= 2 * bound);
        assert_eq!(stream.samples.capacity(), capacity_early, "flat after the first rounds");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_re_chunking_gives_the_same_segments(
            parts in proptest::collection::vec((1_u32..1_400, any::<bool>()), 0..8),
            sizes in proptest::collection::vec(0_usize..3_000, 1..12),
        ) {
            let config = Config {
                max_segment: Duration::from_secs(3),
                min_silence: Duration::from_millis(300),
                ..short_rolls()
            };
            let samples = audio(&parts);
            let mut chunks = Vec::new();
            let mut rest = samples.as_slice();
            for size in sizes.iter().cycle() {
                let (chunk, later) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk);
                rest = later;
                if rest.is_empty() || sizes.iter().all(|size| *size == 0) {
                    chunks.push(rest);
                    break;
                }
            }
            prop_assert_eq!(run(&config, &chunks), run(&config, &[&samples]));
        }
    }
}
