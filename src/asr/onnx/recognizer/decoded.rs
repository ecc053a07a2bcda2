//! What a search found as words with their times.

use super::OnnxRecognizer;
use super::beginning::Heard;
use crate::asr::Alternative;
use crate::asr::context::SAMPLES_PER_POSITION;
use crate::asr::decode::align::{self, CrossAttention};
use crate::asr::onnx::search::{Chosen, Hypothesis};
use crate::asr::words::{self, TextToken, TimedToken};
use crate::audio::{SamplePos, SampleSpan};
use crate::call::Language;
use crate::redact::Redacted;

/// One decoding of a segment.
pub(super) struct Decoded {
    pub(super) language: Language,
    pub(super) hypothesis: Hypothesis,
    pub(super) assembled: words::Assembled,
    pub(super) text_tokens: Vec<u32>,
    /// Tokens of the hypothesis that were not searched for.
    pub(super) forced: usize,
    pub(super) alternatives: Vec<Alternative>,
    pub(super) no_speech_probability: f32,
    pub(super) foreign_share: Option<f32>,
    pub(super) positions: usize,
}

impl Decoded {
    /// Mean log-probability of the text tokens; 0 without any.
    pub(super) fn mean(&self, first_special: u32) -> f32 {
        let searched = self.hypothesis.tokens.iter().skip(self.forced);
        let text = searched.filter(|chosen| chosen.token < first_special);
        let (sum, count) =
            text.fold((0.0, 0_usize), |(sum, count), chosen| (sum + chosen.log_probability, count + 1));
        (sum / count.max(1) as f32).min(0.0)
    }
}

impl OnnxRecognizer {
    /// The other texts that the search ended with, each once, without the best.
    pub(super) fn alternatives(&self, others: &[Hypothesis], best: &str) -> Vec<Alternative> {
        let end_of_text = self.vocabulary.eot();
        let mut found: Vec<Alternative> = Vec::new();
        for other in others {
            let words = other.tokens.iter().filter(|chosen| chosen.token < end_of_text);
            let bytes: Vec<u8> =
                words.flat_map(|chosen| self.vocabulary.bytes(chosen.token)).copied().collect();
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            if text.is_empty() || text == best || found.iter().any(|known| *known.text.reveal() == text) {
                continue;
            }
            let mean_log_probability = other.log_probability / (other.tokens.len() + 1) as f32;
            found.push(Alternative { text: Redacted::new(text), mean_log_probability });
        }
        found
    }

    /// From where to where each token is heard, in encoder positions. Without heads that tell, all tokens have the whole
    /// time.
    fn times(
        &self,
        text: &[Chosen],
        end: Option<Chosen>,
        (positions, speech): (usize, usize),
    ) -> Vec<(u32, u32)> {
        let steps: Vec<Chosen> = text.iter().copied().chain(end).collect();
        let attention = CrossAttention {
            weights: &self.reading.attention.of(&steps),
            heads: self.alignment_heads,
            tokens: steps.len(),
            positions,
        };
        let whole = (0, u32::try_from(speech).unwrap_or(u32::MAX));
        match align::token_times(&attention, speech) {
            Ok(mut times) if self.alignment_heads > 0 => {
                times.truncate(text.len());
                times
            }
            Ok(_) | Err(_) => vec![whole; text.len()],
        }
    }

    /// The words of a hypothesis with their times.
    pub(super) fn read(&self, hypothesis: Hypothesis, heard: Heard, samples: &[f32]) -> Decoded {
        let Heard { language, no_speech_probability, foreign_share, positions } = heard;
        let end_of_text = self.vocabulary.eot();
        let text: Vec<Chosen> =
            hypothesis.tokens.iter().copied().filter(|chosen| chosen.token < end_of_text).collect();
        let speech = samples.len().div_ceil(SAMPLES_PER_POSITION).clamp(1, positions.max(1));
        let times = self.times(&text, hypothesis.end, (positions, speech));
        let place = |position: u32| SamplePos(u64::from(position) * SAMPLES_PER_POSITION as u64);
        let tokens: Vec<TimedToken> = text
            .iter()
            .zip(times)
            .map(|(chosen, (start, end))| TimedToken {
                token: TextToken {
                    bytes: self.vocabulary.bytes(chosen.token).to_vec(),
                    log_confidence: chosen.log_confidence,
                },
                span: SampleSpan::new(place(start), place(end)),
            })
            .collect();
        Decoded {
            language,
            assembled: words::assemble_timed(&tokens, samples),
            text_tokens: text.iter().map(|chosen| chosen.token).collect(),
            hypothesis,
            forced: 0,
            alternatives: Vec::new(),
            no_speech_probability,
            foreign_share,
            positions,
        }
    }
}
