//! From what an engine heard in a request to what was said in a call.

use super::Recognition;
use crate::audio::{SamplePos, SampleSpan};
use crate::call::{Channel, Utterance, Word};

/// A position within a segment as a position in the call; never past the segment.
pub fn moved(segment: SampleSpan, position: SamplePos) -> SamplePos {
    segment.start.plus(position.0).min(segment.end)
}

impl Recognition {
    /// Moves a recognition from the time of its segment to the time of the call. `None` when no word was heard.
    pub fn into_utterance(self, channel: Channel, segment: SampleSpan) -> Option<Utterance> {
        if self.text.reveal().is_empty() {
            return None;
        }
        let words: Vec<Word> = self
            .words
            .into_iter()
            .map(|word| Word {
                text: word.text,
                span: SampleSpan::new(moved(segment, word.span.start), moved(segment, word.span.end)),
                confidence: word.confidence,
            })
            .collect();
        let span = match (words.first(), words.last()) {
            (Some(first), Some(last)) => {
                SampleSpan::new(first.span.start, last.span.end.max(first.span.start))
            }
            (None, _) | (_, None) => segment,
        };
        let confidence = self.mean_log_probability.exp().clamp(0.0, 1.0);
        Some(Utterance { channel, span, language: self.language, text: self.text, confidence, words })
    }
}
