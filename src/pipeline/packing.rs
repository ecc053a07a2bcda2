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

/// Sound kept before the speech of a packed segment, 400 ms: soft first consonants lie there. More only fills the window.
const BEFORE_SAMPLES: u64 = 6_400;
/// Sound kept after the speech, 300 ms: together with the next segment's start it makes the pause that tells the
/// recogniser that a sentence ended.
const AFTER_SAMPLES: u64 = 4_800;
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
        let fits = |pack: &Pack| {
            let window = pack.window_samples() + taken(&segment).len();
            pack.parts.len() > 1 && window <= self.longest_samples
                || pack.parts.len() == 1
                    && taken(&pack.parts[0].segment).len() + taken(&segment).len() <= self.longest_samples
        };
        match &mut self.open {
            Some(pack) if fits(pack) => {
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

/// The speech of a segment with a little of the sound around it.
fn taken(segment: &Segment) -> Range<usize> {
    let within = |position: u64| {
        usize::try_from(position.saturating_sub(segment.span.start.0))
            .unwrap_or(usize::MAX)
            .min(segment.samples.len())
    };
    let start = within(segment.speech.start.0.saturating_sub(BEFORE_SAMPLES));
    let end = within(segment.speech.end.0.saturating_add(AFTER_SAMPLES));
    start..end.max(start)
}

impl Pack {
    /// A pack of one segment, with all of its sound.
    pub fn of(segment: Segment) -> Self {
        let taken = 0..segment.samples.len();
        Self { parts: vec![Part { segment, taken, at: 0 }] }
    }

    fn add(&mut self, segment: Segment) {
        if let [only] = self.parts.as_mut_slice() {
            only.taken = taken(&only.segment);
        }
        let (taken, at) = (taken(&segment), self.window_samples());
        self.parts.push(Part { segment, taken, at });
    }

    /// Segments in it.
    pub const fn segments(&self) -> usize {
        self.parts.len()
    }

    fn window_samples(&self) -> usize {
        self.parts.last().map_or(0, |part| part.at + part.taken.len())
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
        let starts: Vec<usize> = self.parts.iter().skip(1).map(|part| part.at).chain([usize::MAX]).collect();
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
        // Where they stood is not where they stand in a part, and nobody asks of a recording.
        corrections: Vec::new(),
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
            speech_seconds: speech as f32 / 16_000.0,
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
            foreign_share: None,
            context_positions: 768,
            decodings: 1,
            alternatives: Vec::new(),
            corrections: Vec::new(),
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
        // 6400 + 16000 + 4800 samples of the first, then the second.
        assert_eq!(pack.samples().len(), 27_200 + 43_200);
        assert_eq!(pack.samples()[0], 9_600.0);
        assert_eq!(pack.samples()[27_200], 109_600.0);
        let words =
            vec![word("bonjour", 6_400, 22_000), word("ma", 27_000, 34_000), word("facture", 34_000, 60_000)];
        let split = pack.split(recognition(words));
        assert_eq!(split[0].1.text.reveal(), "bonjour");
        assert_eq!(split[1].1.text.reveal(), "ma facture");
        let places: Vec<u64> =
            split[1].1.words.iter().map(|word| split[1].0.span.start.0 + word.span.start.0).collect();
        assert_eq!(places, [109_600, 109_600 + 6_800], "a word does not begin before its segment's sound");
        assert!((split[1].1.mean_log_probability - 0.5_f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn a_segment_without_words_has_an_empty_recognition() {
        let mut packer = Packer::new(163_840);
        packer.push(segment(0, [16_000, 16_000, 8_000]));
        packer.push(segment(100_000, [16_000, 16_000, 8_000]));
        let split = packer.flush().unwrap().split(recognition(vec![word("oui", 30_000, 40_000)]));
        assert!(split[0].1.words.is_empty() && split[0].1.text.reveal().is_empty());
        assert_eq!(split[1].1.text.reveal(), "oui");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_every_word_lies_in_its_segment(
            shapes in proptest::collection::vec((0_u64..20_000, 100_u64..60_000, 0_u64..9_000), 1..12),
            cuts in proptest::collection::vec(0_u64..200_000, 0..30),
        ) {
            let mut packer = Packer::new(163_840);
            let (mut start, mut packs) = (0, Vec::new());
            for (before, speech, after) in &shapes {
                let segment = segment(start, [*before, *speech, *after]);
                start = segment.span.end.0 + 1_000;
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
