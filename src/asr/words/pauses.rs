//! Moves the edges of words to the pauses beside them.
//!
//! An engine knows where words meet to a tenth of a second; where the line is silent there, that is known to 10 ms. So
//! the silence that an edge lies in, or nearly, belongs to no word.

use crate::asr::RecognizedWord;
use crate::audio::{SamplePos, SampleSpan};

/// Samples of one loudness frame, 10 ms.
pub(super) const FRAME_SAMPLES: usize = 160;
/// A frame counts as speech when it is at most this far below the loudest tenth of the request. Telephone speech
/// spans about 30 dB; below that lies line noise.
const SPEECH_RANGE_DB: f32 = 30.0;
/// Shorter silences are the closures of consonants.
const SHORTEST_FRAMES: usize = 6;
/// How far an edge is moved at most over sound to reach a silence, 120 ms.
const REACH: u64 = 12 * FRAME_SAMPLES as u64;
/// The same away from the first and the last word, 400 ms: what sounds there belongs to no other word.
const OUTER_REACH: u64 = 40 * FRAME_SAMPLES as u64;
/// What is left of a word at least, 40 ms.
const LEAST: u64 = 4 * FRAME_SAMPLES as u64;

/// Whether each frame of `samples` is loud enough to be speech.
pub(super) fn loud_frames(samples: &[f32]) -> impl Iterator<Item = bool> {
    let levels: Vec<f32> = samples
        .chunks(FRAME_SAMPLES)
        .map(|frame| {
            let power = frame.iter().map(|sample| sample * sample).sum::<f32>() / frame.len() as f32;
            10.0 * (power + 1e-10).log10()
        })
        .collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let reference = sorted.get(sorted.len() * 9 / 10).copied().unwrap_or(0.0);
    levels.into_iter().map(move |level| level >= reference - SPEECH_RANGE_DB)
}

/// The silences in `samples`.
fn silences(samples: &[f32]) -> Vec<SampleSpan> {
    let loud: Vec<bool> = loud_frames(samples).collect();
    let position = |frame: usize| SamplePos((frame * FRAME_SAMPLES).min(samples.len()) as u64);
    let mut silences = Vec::new();
    let mut first = 0;
    for run in loud.chunk_by(|one, other| one == other) {
        if !run[0] && run.len() >= SHORTEST_FRAMES {
            silences.push(SampleSpan::new(position(first), position(first + run.len())));
        }
        first += run.len();
    }
    silences
}

/// Moves the edges of `words`, which rise and lie in `samples`; they do so afterwards too.
pub(super) fn snap(words: &mut [RecognizedWord], samples: &[f32]) {
    let silences = silences(samples);
    for place in 0..=words.len() {
        let (before, after) = words.split_at_mut(place);
        let before = before.last_mut().map(|word| &mut word.span);
        let after = after.first_mut().map(|word| &mut word.span);
        let outward = if before.is_some() && after.is_some() { REACH } else { OUTER_REACH };
        // Half of a silence may lie outside: only its nearer border has to be within reach.
        let fits_before = |silence: &SampleSpan, span: &SampleSpan| {
            (span.start.0 + LEAST..=span.end.0 + outward).contains(&silence.start.0)
                && silence.end.0 + REACH > span.end.0
        };
        let fits_after = |silence: &SampleSpan, span: &SampleSpan| {
            silence.end.0 + outward >= span.start.0
                && silence.end.0 + LEAST <= span.end.0
                && silence.start.0 < span.start.0 + REACH
        };
        let fits = |silence: &&SampleSpan| {
            before.as_ref().is_none_or(|span| fits_before(silence, span))
                && after.as_ref().is_none_or(|span| fits_after(silence, span))
        };
        let longest = silences.iter().filter(fits).max_by_key(|silence| silence.end.0 - silence.start.0);
        let Some(silence) = longest else { continue };
        if let Some(span) = before {
            span.end = silence.start;
        }
        if let Some(span) = after {
            span.start = silence.end;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redact::Redacted;

    fn words(spans: &[(u64, u64)]) -> Vec<RecognizedWord> {
        let word = |(start, end): &(u64, u64)| RecognizedWord {
            text: Redacted::new("mot".to_owned()),
            span: SampleSpan::new(SamplePos(*start), SamplePos(*end)),
            confidence: 0.9,
        };
        spans.iter().map(word).collect()
    }

    /// Loud and silent stretches of so many milliseconds, in turn.
    fn audio(stretches_ms: &[usize]) -> Vec<f32> {
        let stretch =
            |(index, length): (usize, &usize)| vec![if index % 2 == 0 { 0.3 } else { 0.0 }; length * 16];
        stretches_ms.iter().enumerate().flat_map(stretch).collect()
    }

    fn snapped(spans_ms: &[(u64, u64)], stretches_ms: &[usize]) -> Vec<(u64, u64)> {
        let spans: Vec<_> = spans_ms.iter().map(|(start, end)| (start * 16, end * 16)).collect();
        let mut words = words(&spans);
        snap(&mut words, &audio(stretches_ms));
        words.iter().map(|word| (word.span.start.0 / 16, word.span.end.0 / 16)).collect()
    }

    #[test]
    fn an_edge_in_or_near_a_silence_lies_at_its_borders_afterwards() {
        // 500 ms of speech, 300 of silence, 500 of speech.
        for edge in [400, 500, 650, 800, 900] {
            assert_eq!(
                snapped(&[(0, edge), (edge, 1_300)], &[500, 300, 500]),
                [(0, 500), (800, 1_300)],
                "{edge}"
            );
        }
        for edge in [300, 1_000] {
            assert_eq!(snapped(&[(0, edge), (edge, 1_300)], &[500, 300, 500]), [(0, edge), (edge, 1_300)]);
        }
    }

    #[test]
    fn silence_before_the_first_and_behind_the_last_word_is_no_part_of_them() {
        assert_eq!(snapped(&[(0, 900), (900, 1_500)], &[0, 400, 800, 300]), [(400, 900), (900, 1_200)]);
    }

    #[test]
    fn a_pause_behind_the_first_word_is_no_silence_before_it() {
        // The engine gave the pause to the first word: it loses it at its end, not the word before it.
        assert_eq!(snapped(&[(0, 600), (600, 1_200)], &[200, 300, 700]), [(0, 200), (500, 1_200)]);
    }

    #[test]
    fn sound_beyond_the_last_word_is_its_own() {
        assert_eq!(snapped(&[(0, 400), (400, 700)], &[1_000, 300]), [(0, 400), (400, 1_000)]);
    }

    #[test]
    fn the_closure_of_a_consonant_is_no_pause() {
        assert_eq!(snapped(&[(0, 300), (300, 1_040)], &[300, 40, 700]), [(0, 300), (300, 1_040)]);
    }

    #[test]
    fn a_word_in_the_silence_keeps_its_place() {
        assert_eq!(snapped(&[(0, 500), (550, 700), (800, 1_300)], &[500, 300, 500])[1], (550, 700));
        assert_eq!(snapped(&[], &[100, 200]), []);
    }

    proptest! {
        #[test]
        fn words_rise_stay_inside_and_are_never_lost(
            edges in proptest::collection::btree_set(0_u64..32_000, 0..24),
            stretches in proptest::collection::vec(0_usize..400, 0..8),
        ) {
            let samples = audio(&stretches);
            let edges: Vec<u64> = edges.into_iter().filter(|edge| *edge <= samples.len() as u64).collect();
            let spans: Vec<(u64, u64)> = edges.windows(2).map(|pair| (pair[0], pair[1])).collect();
            let mut found = words(&spans);
            snap(&mut found, &samples);
            prop_assert_eq!(found.len(), spans.len());
            let mut last = 0;
            for word in &found {
                prop_assert!(word.span.start.0 >= last && word.span.end >= word.span.start);
                last = word.span.end.0;
            }
            prop_assert!(last <= samples.len() as u64);
        }
    }
}
