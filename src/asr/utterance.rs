//! From what an engine heard in a request to what was said in a call.

use super::{Recognition, RecognizedWord};
use crate::audio::{SamplePos, SampleSpan};
use crate::call::decision::CorrectionRecord;
use crate::call::{Channel, Utterance, Word};
use crate::redact::Redacted;

/// Other texts of one final that are told; a classifier reads no more.
pub const ALTERNATIVES_MAX: usize = 4;

/// A position within a segment as a position in the call; never past the segment.
pub fn moved(segment: SampleSpan, position: SamplePos) -> SamplePos {
    segment.start.plus(position.0).min(segment.end)
}

impl Recognition {
    /// Other texts, at most [`ALTERNATIVES_MAX`], with their weight beside the best one. Log-probabilities are means over
    /// tokens, of which nobody knows the number here; words are fewer, so that the others count for rather too much than
    /// too little.
    pub fn weighted_alternatives(&self) -> Vec<(Redacted<String>, f32)> {
        let length = self.words.len().max(1) as f32;
        let weight = |mean: f32| ((mean - self.mean_log_probability) * length).exp().min(1.0);
        let others = self.alternatives.iter().take(ALTERNATIVES_MAX);
        others.map(|other| (other.text.clone(), weight(other.mean_log_probability))).collect()
    }

    /// The same with other words before those that it ends with: what was told of it already stays as it was told. Of the names
    /// that were put right those that still stand there are kept.
    #[must_use]
    pub fn retold(self, words: Vec<RecognizedWord>) -> Self {
        if words.is_empty() {
            // An engine that gives no words gives a text all the same.
            return Self { words, ..self };
        }
        let texts: Vec<&str> = words.iter().map(|word| word.text.reveal().as_str()).collect();
        let text = texts.join(" ");
        let length_before = self.text.reveal().len();
        let place = |before: usize| (text.len() + before).checked_sub(length_before);
        let still_there = |one: CorrectionRecord| {
            let span = place(one.span.start)?..place(one.span.end)?;
            let is_there = text.get(span.clone()) == Some(one.name.reveal().as_str());
            is_there.then_some(CorrectionRecord { span, ..one })
        };
        let corrections = self.corrections.into_iter().filter_map(still_there).collect();
        Self { text: text.into(), words, corrections, ..self }
    }

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

#[cfg(test)]
mod tests {
    use super::super::Alternative;
    use super::super::fake::recognition;
    use super::*;
    use crate::call::Language;

    #[test]
    fn names_that_were_put_right_are_known_where_they_stand_behind_another_beginning() {
        let mut heard = recognition("du Dorzanil ou de la Velmoxine, oui", 64_000, Language::Fr);
        let record = |name: &str| {
            let start = heard.text.reveal().find(name).expect("it was said");
            CorrectionRecord {
                said: "autrement".into(),
                span: start..start + name.len(),
                id: name.into(),
                name: name.into(),
                score: 0.75,
                runner_up: None,
            }
        };
        heard.corrections = vec![record("Dorzanil"), record("Velmoxine")];
        let told = recognition("De la dorza nil", 32_000, Language::Fr).words;
        let words: Vec<RecognizedWord> = told.into_iter().chain(heard.words[2..].to_vec()).collect();
        let kept = heard.clone().retold(words);
        assert_eq!(kept.text.reveal(), "De la dorza nil ou de la Velmoxine, oui");
        let [one] = kept.corrections.as_slice() else { panic!("{:?}", kept.corrections) };
        assert_eq!(&kept.text.reveal()[one.span.clone()], "Velmoxine");
        let words = heard.words.clone();
        assert_eq!(heard.clone().retold(words), heard);
    }

    #[test]
    fn other_texts_weigh_by_how_much_less_likely_their_words_are() {
        let word = RecognizedWord {
            text: "facture".into(),
            span: SampleSpan::new(SamplePos(0), SamplePos(1)),
            confidence: 0.5,
        };
        let other =
            |text: &str, mean_log_probability| Alternative { text: text.into(), mean_log_probability };
        let mut alternatives = vec![other("la fracture", -0.6), other("likelier", -0.1)];
        alternatives.extend((0..ALTERNATIVES_MAX).map(|_| other("one more", -9.0)));
        let heard = Recognition {
            language: Language::Fr,
            text: "ma facture".into(),
            words: vec![word.clone(), word],
            mean_log_probability: -0.5,
            no_speech_probability: 0.0,
            foreign_share: None,
            context_positions: 1,
            decodings: 1,
            alternatives,
            corrections: Vec::new(),
        };
        let weighted = heard.weighted_alternatives();
        assert_eq!(weighted.len(), ALTERNATIVES_MAX);
        // Two words, each a tenth of a nat less likely.
        assert!((weighted[0].1 - (-0.2_f32).exp()).abs() < 1e-6);
        assert_eq!((weighted[1].0.reveal().as_str(), weighted[1].1), ("likelier", 1.0));
    }
}
