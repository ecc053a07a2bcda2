//! Several segments of one channel in one window of the recogniser.
//!
//! Whisper's encoder costs the same for one word as for ten seconds ([`ContextRule`]), and most segments of a telephone
//! call are a sentence or less. So the segments of a recording are put one behind the other, each with a little of the
//! sound around its speech, until the shortest window is full, and the words are given back to their segments by their
//! times. A live call does not wait for a second segment and packs nothing.
//!
//! Invariants: every word of the window goes to exactly one segment, in order; its time lies inside that segment; a pack of
//! one segment is that segment, sample by sample.
//!
//! [`ContextRule`]: crate::asr::context::ContextRule

use std::ops::Range;
use std::sync::Arc;

use crate::asr::{Recognition, RecognizedWord};
use crate::audio::{SamplePos, SampleSpan};
use crate::redact::Redacted;
use crate::vad::Segment;

/// Sound kept before the speech of a segment behind another in the window, 400 ms: soft first consonants lie there.
const BEFORE_SAMPLES: u64 = 6_400;
/// Sound kept after the speech of one before another, 300 ms: together with the next segment's start it makes the pause that
/// tells the recogniser that a sentence ended.
const AFTER_SAMPLES: u64 = 4_800;
/// Between segments that are closer than two seconds all of the sound is kept: to cut a pause out cost 0.3 points of WER
/// (BENCHMARKS.md).
const CLOSE_SAMPLES: u64 = 32_000;
/// Probability that stands for a word that the recogniser gave none: its logarithm must be finite.
const LEAST_CONFIDENCE: f32 = 1e-4;

/// A segment and what of it lies in the window.
#[derive(Debug, Clone)]
struct Part {
    segment: Segment,
    /// Which of its samples.
    taken: Range<usize>,
    /// Where they begin in the window.
    at: usize,
    /// From where on in the window words are its own: its beginning, or the middle of the pause before it.
    own_from: usize,
}

/// Segments that are recognised together; never empty.
#[derive(Debug, Clone)]
pub struct Pack {
    parts: Vec<Part>,
}

/// Collects the segments of one channel.
#[derive(Debug)]
pub struct Packer {
    longest_samples: usize,
    open: Option<Pack>,
}

impl Packer {
    /// A packer for windows of at most `longest_samples`; 0 packs nothing.
    pub const fn new(longest_samples: usize) -> Self {
        Self { longest_samples, open: None }
    }

    /// Takes the next segment; gives the pack that is full.
    pub fn push(&mut self, segment: Segment) -> Option<Pack> {
        match &mut self.open {
            Some(pack) if pack.window_samples_with(&segment) <= self.longest_samples => {
                pack.add(segment);
                None
            }
            open => open.replace(Pack::of(segment)),
        }
    }

    /// Gives what was collected; nothing more is waited for.
    pub fn flush(&mut self) -> Option<Pack> {
        self.open.take()
    }
}

/// How two segments lie one behind the other in a window.
struct Seam {
    /// Where the sound of the first ends and that of the second begins, as places among their samples.
    end: usize,
    start: usize,
    /// How long before the sound of the second words are its own: the second half of a pause that is kept.
    early: usize,
}

fn seam(before: &Segment, after: &Segment) -> Seam {
    let pause = after.speech.start.0.saturating_sub(before.speech.end.0);
    if before.span.end == after.span.start && pause < CLOSE_SAMPLES {
        let middle = after.speech.start.0 - pause / 2;
        let early = usize::try_from(after.span.start.0.saturating_sub(middle)).unwrap_or_default();
        return Seam { end: before.samples.len(), start: 0, early };
    }
    let within = |segment: &Segment, position: u64| {
        let place = usize::try_from(position.saturating_sub(segment.span.start.0)).unwrap_or(usize::MAX);
        place.min(segment.samples.len())
    };
    Seam {
        end: within(before, before.speech.end.0.saturating_add(AFTER_SAMPLES)),
        start: within(after, after.speech.start.0.saturating_sub(BEFORE_SAMPLES)),
        early: 0,
    }
}

impl Pack {
    /// A pack of one segment, with all of its sound.
    pub fn of(segment: Segment) -> Self {
        let taken = 0..segment.samples.len();
        Self { parts: vec![Part { segment, taken, at: 0, own_from: 0 }] }
    }

    fn add(&mut self, segment: Segment) {
        let last = self.parts.last_mut().expect("a pack is never empty");
        let Seam { end, start, early } = seam(&last.segment, &segment);
        last.taken.end = end.max(last.taken.start);
        let (taken, at) = (start..segment.samples.len(), last.at + last.taken.len());
        self.parts.push(Part { segment, taken, at, own_from: at.saturating_sub(early) });
    }

    /// How long the window would be with one more segment.
    fn window_samples_with(&self, segment: &Segment) -> usize {
        let last = self.parts.last().expect("a pack is never empty");
        let Seam { end, start, .. } = seam(&last.segment, segment);
        last.at + end.saturating_sub(last.taken.start) + segment.samples.len() - start
    }

    /// Segments in it.
    pub const fn segments(&self) -> usize {
        self.parts.len()
    }

    /// What the recogniser hears.
    pub fn samples(&self) -> Arc<[f32]> {
        match self.parts.as_slice() {
            [only] => Arc::clone(&only.segment.samples),
            parts => {
                let sounds = parts.iter().map(|part| &part.segment.samples[part.taken.clone()]);
                sounds.flatten().copied().collect()
            }
        }
    }

    /// The segments with what was heard in each. A segment without words has an empty recognition.
    pub fn split(self, recognition: Recognition) -> Vec<(Segment, Recognition)> {
        if let [_] = self.parts.as_slice() {
            return self.parts.into_iter().map(|part| (part.segment, recognition.clone())).collect();
        }
        let mut words = recognition.words.iter().peekable();
        let mut split = Vec::with_capacity(self.parts.len());
        let starts: Vec<usize> =
            self.parts.iter().skip(1).map(|part| part.own_from).chain([usize::MAX]).collect();
        for (part, next) in self.parts.into_iter().zip(starts) {
            let mut own = Vec::new();
            while let Some(word) = words.next_if(|word| middle(word.span) < next as u64) {
                own.push(RecognizedWord { span: part.within_segment(word.span), ..word.clone() });
            }
            split.push((part.segment, alone(&recognition, own)));
        }
        split
    }
}

impl Part {
    /// A place in the window as a place in the segment.
    fn within_segment(&self, span: SampleSpan) -> SampleSpan {
        let place = |position: SamplePos| {
            let inside = (position.0.saturating_sub(self.at as u64)).min(self.taken.len() as u64);
            SamplePos(self.taken.start as u64 + inside)
        };
        SampleSpan::new(place(span.start), place(span.end))
    }
}

const fn middle(span: SampleSpan) -> u64 {
    span.start.0.midpoint(span.end.0)
}

/// The part of a recognition that `words` are.
fn alone(whole: &Recognition, words: Vec<RecognizedWord>) -> Recognition {
    let texts: Vec<&str> = words.iter().map(|word| word.text.reveal().as_str()).collect();
    let logarithms = words.iter().map(|word| word.confidence.max(LEAST_CONFIDENCE).ln());
    let mean_log_probability = logarithms.sum::<f32>() / words.len().max(1) as f32;
    Recognition {
        text: Redacted::new(texts.join(" ")),
        mean_log_probability: mean_log_probability.min(0.0),
        words,
        ..whole.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::Language;
    use crate::vad::CutReason;

    /// A segment of `before`, `speech` and `after` samples, each sample its own position in the call.
    fn segment(start: u64, [before, speech, after]: [u64; 3]) -> Segment {
        let end = start + before + speech + after;
        Segment {
            span: SampleSpan::new(SamplePos(start), SamplePos(end)),
            speech: SampleSpan::new(SamplePos(start + before), SamplePos(start + before + speech)),
            samples: (start..end).map(|at| at as f32).collect(),
            mean_probability: 0.9,
            level_dbfs: -20.0,
            cut: CutReason::Pause,
        }
    }

    fn word(text: &str, start: u64, end: u64) -> RecognizedWord {
        let span = SampleSpan::new(SamplePos(start), SamplePos(end));
        RecognizedWord { text: text.into(), span, confidence: 0.5 }
    }

    fn recognition(words: Vec<RecognizedWord>) -> Recognition {
        let texts: Vec<&str> = words.iter().map(|word| word.text.reveal().as_str()).collect();
        Recognition {
            language: Language::Fr,
            text: Redacted::new(texts.join(" ")),
            words,
            mean_log_probability: -0.5,
            no_speech_probability: 0.0,
            context_positions: 768,
            decodings: 1,
            alternatives: Vec::new(),
        }
    }

    #[test]
    fn a_segment_alone_is_given_as_it_is() {
        let mut packer = Packer::new(0);
        assert!(packer.push(segment(0, [16_000, 8_000, 8_000])).is_none());
        let pack = packer.push(segment(50_000, [16_000, 8_000, 8_000])).unwrap();
        assert_eq!(pack.samples().len(), 32_000);
        let heard = recognition(vec![word("oui", 16_100, 20_000)]);
        let [(_, same)] = pack.split(heard.clone()).try_into().unwrap();
        assert_eq!(same, heard);
        assert!(packer.flush().is_some() && packer.flush().is_none());
    }

    #[test]
    fn words_go_back_to_their_segments_with_the_times_of_the_call() {
        let mut packer = Packer::new(163_840);
        assert!(packer.push(segment(0, [16_000, 16_000, 8_000])).is_none());
        assert!(packer.push(segment(100_000, [16_000, 32_000, 8_000])).is_none());
        let pack = packer.flush().unwrap();
        // 16000 + 16000 + 4800 samples of the first, then 6400 + 32000 + 8000 of the second.
        assert_eq!(pack.samples().len(), 36_800 + 46_400);
        assert_eq!(pack.samples()[0], 0.0);
        assert_eq!(pack.samples()[36_800], 109_600.0);
        let words = vec![
            word("bonjour", 16_000, 31_600),
            word("ma", 36_600, 43_600),
            word("facture", 43_600, 69_600),
        ];
        let split = pack.split(recognition(words));
        assert_eq!(split[0].1.text.reveal(), "bonjour");
        assert_eq!(split[1].1.text.reveal(), "ma facture");
        let places: Vec<u64> =
            split[1].1.words.iter().map(|word| split[1].0.span.start.0 + word.span.start.0).collect();
        assert_eq!(places, [109_600, 109_600 + 6_800], "a word does not begin before its segment's sound");
        assert!((split[1].1.mean_log_probability - 0.5_f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn a_short_pause_is_heard_as_it_was_and_its_middle_parts_the_words() {
        let mut packer = Packer::new(163_840);
        packer.push(segment(0, [8_000, 16_000, 8_000]));
        packer.push(segment(32_000, [4_000, 16_000, 8_000]));
        let pack = packer.flush().unwrap();
        assert!(pack.samples().iter().copied().eq((0..60_000_u16).map(f32::from)));
        // The pause goes from 24,000 to 36,000.
        let split = pack.split(recognition(vec![word("un", 22_000, 26_000), word("deux", 30_000, 33_000)]));
        assert_eq!([0, 1].map(|part| split[part].1.text.reveal().as_str()), ["un", "deux"]);
        assert_eq!(split[1].1.words[0].span.start.0, 0, "not before its own sound");
    }

    #[test]
    fn a_segment_without_words_has_an_empty_recognition() {
        let mut packer = Packer::new(163_840);
        packer.push(segment(0, [16_000, 16_000, 8_000]));
        packer.push(segment(100_000, [16_000, 16_000, 8_000]));
        let split = packer.flush().unwrap().split(recognition(vec![word("oui", 38_000, 48_000)]));
        assert!(split[0].1.words.is_empty() && split[0].1.text.reveal().is_empty());
        assert_eq!(split[1].1.text.reveal(), "oui");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_every_word_lies_in_its_segment(
            shapes in proptest::collection::vec((0_u64..20_000, 100_u64..60_000, 0_u64..9_000, 0_u64..2), 1..12),
            cuts in proptest::collection::vec(0_u64..200_000, 0..30),
        ) {
            let mut packer = Packer::new(163_840);
            let (mut start, mut packs) = (0, Vec::new());
            for (before, speech, after, gap) in &shapes {
                let segment = segment(start, [*before, *speech, *after]);
                start = segment.span.end.0 + 1_000 * gap;
                packs.extend(packer.push(segment));
            }
            packs.extend(packer.flush());
            prop_assert_eq!(packs.iter().map(|pack| pack.parts.len()).sum::<usize>(), shapes.len());
            let mut cuts = cuts;
            cuts.sort_unstable();
            for pack in packs {
                let length = pack.samples().len();
                prop_assert!(pack.parts.len() == 1 || length <= 163_840);
                let words: Vec<RecognizedWord> = cuts
                    .windows(2)
                    .filter(|pair| pair[1] <= length as u64)
                    .enumerate()
                    .map(|(index, pair)| word(&index.to_string(), pair[0], pair[1]))
                    .collect();
                let split = pack.split(recognition(words.clone()));
                let back: Vec<&RecognizedWord> = split.iter().flat_map(|(_, heard)| &heard.words).collect();
                prop_assert!(back.iter().map(|word| &word.text).eq(words.iter().map(|word| &word.text)));
                for (segment, heard) in &split {
                    let mut last = 0;
                    for word in &heard.words {
                        prop_assert!(word.span.start.0 >= last && word.span.end >= word.span.start);
                        prop_assert!(word.span.end.0 <= segment.samples.len() as u64);
                        last = word.span.start.0;
                    }
                }
            }
        }
    }
}
