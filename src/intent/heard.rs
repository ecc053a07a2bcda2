//! What a recogniser heard of one turn: the text it believes, what it might have been instead, and how sure it was.

use std::ops::Range;

use crate::call::decision::CorrectionRecord;
use crate::call::{Utterance, WordConfidence};
use crate::redact::Redacted;

/// One turn as it was heard. Text that was typed is heard with certainty: `Heard::from("…")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The text that is believed.
    pub text: Redacted<String>,
    /// Other texts of the same speech, likeliest first; empty when the recogniser gives none.
    pub alternatives: Vec<Alternative>,
    /// How sure the recogniser was of each word that it heard, in their order; empty when nobody knows.
    pub words: Vec<WordConfidence>,
    /// Names that were put right in `text`, from left to right.
    pub corrections: Vec<CorrectionRecord>,
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
        let (alternatives, words, corrections) = (Vec::new(), Vec::new(), Vec::new());
        Self { text: text.into(), alternatives, words, corrections }
    }

    /// With the words of the text as the recogniser gave them, each with its probability, 0 to 1.
    #[must_use]
    pub fn with_words<'w>(mut self, words: impl IntoIterator<Item = (&'w str, f32)>) -> Self {
        let text = self.text.reveal();
        let mut from = 0;
        let mut place = |(word, confidence): (&str, f32)| {
            let found = text[from..].find(word).map(|at| from + at..from + at + word.len());
            let span = found.unwrap_or(from..from);
            from = span.end;
            WordConfidence { span, confidence }
        };
        self.words = words.into_iter().map(&mut place).collect();
        self
    }

    /// With the recogniser's probability of each word, where blanks separate them.
    #[must_use]
    pub fn with_confidences(self, confidences: Vec<f32>) -> Self {
        let text = self.text.clone();
        self.with_words(text.reveal().split_whitespace().zip(confidences))
    }

    /// With names that were put right in the text before.
    #[must_use]
    pub fn with_corrections(mut self, corrections: Vec<CorrectionRecord>) -> Self {
        self.corrections = corrections;
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

    /// This, and behind it what was said next. Other texts are left out: which of them belong together nobody knows.
    #[must_use]
    pub fn then(mut self, next: &Self) -> Self {
        let text = format!("{} {}", self.text.reveal(), next.text.reveal());
        let offset = text.len() - next.text.reveal().len();
        let behind = |span: &Range<usize>| span.start + offset..span.end + offset;
        let words = next.words.iter();
        self.words.extend(
            words.map(|word| WordConfidence { span: behind(&word.span), confidence: word.confidence }),
        );
        let corrections = next.corrections.iter();
        self.corrections
            .extend(corrections.map(|one| CorrectionRecord { span: behind(&one.span), ..one.clone() }));
        self.alternatives.clear();
        self.text = text.into();
        self
    }

    /// Takes the text in which names were put right: where each stood before, and the record of it, from left to right. The
    /// words that became a name keep their confidence, so that it is as doubtful as they were.
    pub fn put_right(&mut self, text: Redacted<String>, changes: Vec<(Range<usize>, CorrectionRecord)>) {
        let words = self.words.iter_mut().map(|word| &mut word.span);
        for span in words.chain(self.corrections.iter_mut().map(|one| &mut one.span)) {
            *span = moved(span, &changes);
        }
        self.corrections.extend(changes.into_iter().map(|(_, record)| record));
        self.corrections.sort_by_key(|one| one.span.start);
        self.text = text;
    }

    /// How reliable the text is as a whole, 0 to 1: the mean probability of its words; 1 when nobody knows.
    pub fn reliability(&self) -> f32 {
        if self.words.is_empty() {
            return 1.0;
        }
        let sum: f32 = self.words.iter().map(|word| word.confidence.clamp(0.0, 1.0)).sum();
        sum / self.words.len() as f32
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

/// Where a stretch is after `changes`: what touches one of them holds all of its name.
fn moved(span: &Range<usize>, changes: &[(Range<usize>, CorrectionRecord)]) -> Range<usize> {
    let shifted = |place: usize| {
        let last = changes.iter().rev().find(|(before, _)| before.end <= place);
        last.map_or(place, |(before, record)| record.span.end + (place - before.end))
    };
    if span.is_empty() {
        return shifted(span.start)..shifted(span.start);
    }
    let touches =
        |(before, _): &&(Range<usize>, CorrectionRecord)| before.start < span.end && span.start < before.end;
    let first = changes.iter().find(touches).filter(|(before, _)| before.start <= span.start);
    let last = changes.iter().rev().find(touches).filter(|(before, _)| span.end <= before.end);
    first.map_or_else(|| shifted(span.start), |(_, record)| record.span.start)
        ..last.map_or_else(|| shifted(span.end), |(_, record)| record.span.end)
}

/// What was heard in one stretch of speech.
impl From<&Utterance> for Heard {
    fn from(said: &Utterance) -> Self {
        let words = said.words.iter().map(|word| (word.text.reveal().as_str(), word.confidence));
        Self::new(said.text.clone()).with_words(words)
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

    /// The text under each confidence.
    fn words(heard: &Heard) -> Vec<(&str, f32)> {
        heard.words.iter().map(|word| (&heard.text.reveal()[word.span.clone()], word.confidence)).collect()
    }

    fn change(heard: &Heard, said: &str, name: &str) -> (Range<usize>, CorrectionRecord) {
        let start = heard.text.reveal().find(said).expect("it was said");
        let record = CorrectionRecord {
            said: said.into(),
            span: start..start + name.len(),
            id: "17".into(),
            name: name.into(),
            score: 0.75,
            runner_up: None,
        };
        (start..start + said.len(), record)
    }

    #[test]
    fn each_word_is_found_where_it_stands() {
        let heard = Heard::from("oui, le quatre ?").with_words([
            ("oui,", 0.5),
            ("le", 1.0),
            ("cinq", 0.25),
            ("quatre ?", 0.75),
        ]);
        assert_eq!(words(&heard), [("oui,", 0.5), ("le", 1.0), ("", 0.25), ("quatre ?", 0.75)]);
        let typed = Heard::from("bonjour");
        let both = typed.then(&heard);
        assert_eq!(both.text.reveal(), "bonjour oui, le quatre ?");
        assert_eq!(words(&both), [("oui,", 0.5), ("le", 1.0), ("", 0.25), ("quatre ?", 0.75)]);
    }

    #[test]
    fn a_name_that_was_put_right_is_as_doubtful_as_the_words_that_became_it() {
        let mut heard =
            Heard::from("de la vel moxine ou non").with_confidences(vec![0.5, 0.5, 0.25, 0.125, 1.0, 1.0]);
        let (reliability, changed) = (heard.reliability(), change(&heard, "vel moxine", "Velmoxine"));
        heard.put_right("de la Velmoxine ou non".into(), vec![changed]);
        let expected =
            [("de", 0.5), ("la", 0.5), ("Velmoxine", 0.25), ("Velmoxine", 0.125), ("ou", 1.0), ("non", 1.0)];
        assert_eq!(words(&heard), expected);
        assert_eq!(heard.reliability(), reliability);
        // A change before it moves what is known of it.
        let changed = change(&heard, "de la", "du");
        heard.put_right("du Velmoxine ou non".into(), vec![changed]);
        let spans = heard.corrections.iter().map(|one| &heard.text.reveal()[one.span.clone()]);
        assert_eq!(spans.collect::<Vec<_>>(), ["du", "Velmoxine"]);
        assert_eq!(words(&heard)[2..5], [("Velmoxine", 0.25), ("Velmoxine", 0.125), ("ou", 1.0)]);
    }

    #[test]
    fn what_was_put_right_in_the_second_of_two_sentences_stands_in_both() {
        let second = Heard::from("du Dorzanil");
        let corrections = vec![change(&second, "Dorzanil", "Dorzanil").1];
        let both = Heard::from("bonjour")
            .with_alternative("bonsoir", 0.5)
            .then(&second.with_corrections(corrections));
        assert_eq!(&both.text.reveal()[both.corrections[0].span.clone()], "Dorzanil");
        assert!(both.alternatives.is_empty(), "nobody knows which belong together");
    }

    #[test]
    fn debug_output_holds_no_word_that_was_said() {
        let heard = Heard::from("ma facture").with_alternative("la facture", 0.5);
        assert!(!format!("{heard:?}").contains("facture"));
    }
}
