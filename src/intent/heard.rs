//! What a recogniser heard of one turn: the text it believes, what it might have been instead, and how sure it was.

use crate::redact::Redacted;

/// One turn as it was heard. Text that was typed is heard with certainty: `Heard::from("…")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The text that is believed.
    pub text: Redacted<String>,
    /// Other texts of the same speech, likeliest first; empty when the recogniser gives none.
    pub alternatives: Vec<Alternative>,
    /// Probability of each word of `text` that it is right, 0 to 1; empty when nobody knows.
    pub confidences: Vec<f32>,
}

/// Another text of the same speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// The text.
    pub text: Redacted<String>,
    /// How likely it is beside the best text, which counts 1: above 0, at most 1.
    pub weight: f32,
}

impl Heard {
    /// A text without alternatives that is as sure as if it had been typed.
    pub fn new(text: impl Into<Redacted<String>>) -> Self {
        Self { text: text.into(), alternatives: Vec::new(), confidences: Vec::new() }
    }

    /// With the recogniser's probability of each word.
    #[must_use]
    pub fn with_confidences(mut self, confidences: Vec<f32>) -> Self {
        self.confidences = confidences;
        self
    }

    /// With another text; one whose weight is not above 0 is left out.
    #[must_use]
    pub fn with_alternative(mut self, text: impl Into<Redacted<String>>, weight: f32) -> Self {
        if weight > 0.0 {
            self.alternatives.push(Alternative { text: text.into(), weight: weight.min(1.0) });
        }
        self
    }

    /// How reliable the text is as a whole, 0 to 1: the mean probability of its words; 1 when nobody knows.
    pub fn reliability(&self) -> f32 {
        if self.confidences.is_empty() {
            return 1.0;
        }
        let sum: f32 = self.confidences.iter().map(|one| one.clamp(0.0, 1.0)).sum();
        sum / self.confidences.len() as f32
    }

    /// The texts with their shares, which sum to 1: the best one first, then at most `alternatives_max` others.
    pub(super) fn texts(&self, alternatives_max: usize) -> Vec<(&str, f32)> {
        let others = self.alternatives.iter().take(alternatives_max);
        let mut texts = vec![(self.text.reveal().as_str(), 1.0)];
        texts.extend(others.map(|one| (one.text.reveal().as_str(), one.weight.clamp(0.0, 1.0))));
        let sum: f32 = texts.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut texts {
            *weight /= sum;
        }
        texts
    }
}

impl From<&str> for Heard {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Heard {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_texts_sum_to_one_and_the_best_comes_first() {
        let heard = Heard::from("ma facture")
            .with_alternative("la facture", 0.5)
            .with_alternative("ma voiture", 0.5)
            .with_alternative("impossible", 0.0);
        assert_eq!(heard.texts(5), [("ma facture", 0.5), ("la facture", 0.25), ("ma voiture", 0.25)]);
        assert_eq!(heard.texts(0), [("ma facture", 1.0)]);
    }

    #[test]
    fn what_was_typed_is_certain() {
        assert_eq!(Heard::from("ma facture").reliability(), 1.0);
        assert_eq!(Heard::from("ma facture").with_confidences(vec![1.0, 0.5]).reliability(), 0.75);
    }

    #[test]
    fn debug_output_holds_no_word_that_was_said() {
        let heard = Heard::from("ma facture").with_alternative("la facture", 0.5);
        assert!(!format!("{heard:?}").contains("facture"));
    }
}
