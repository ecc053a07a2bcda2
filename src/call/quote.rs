//! A part of an utterance as evidence: the same bytes as text and as time.

use std::ops::Range;

use super::{Evidence, Utterance};
use crate::audio::SampleSpan;
use crate::redact::Redacted;

impl Utterance {
    /// The part of the text in `bytes` as evidence, timed by its words; by the whole utterance where no words are
    /// known. `None` when `bytes` is not a part of the text (out of range, or inside a character).
    pub fn quote(&self, bytes: Range<usize>) -> Option<Evidence> {
        let quote = self.text.reveal().get(bytes.clone())?;
        let span = self.span_of(&bytes).unwrap_or(self.span);
        Some(Evidence { quote: Redacted::new(quote.to_owned()), channel: self.channel, span })
    }

    /// When the part of the text in `bytes` is heard, from its first to its last word and never outside the
    /// utterance. `None` when no word with a time lies in it.
    pub fn span_of(&self, bytes: &Range<usize>) -> Option<SampleSpan> {
        let within = |position| self.span.start.max(self.span.end.min(position));
        let mut touched = self
            .word_places()
            .filter(|(place, _)| place.start < bytes.end && bytes.start < place.end)
            .map(|(_, span)| span);
        let first = touched.next()?;
        let (start, end) = touched
            .fold((first.start, first.end), |(start, end), span| (start.min(span.start), end.max(span.end)));
        Some(SampleSpan::new(within(start), within(end)))
    }

    /// Where each word stands in the text. The text may hold more than the words (masking, punctuation), so a word
    /// that is not found further on is left out rather than guessed.
    fn word_places(&self) -> impl Iterator<Item = (Range<usize>, SampleSpan)> {
        let text = self.text.reveal();
        self.words
            .iter()
            .scan(0, |from, word| {
                let spoken = word.text.reveal().trim();
                let place = text.get(*from..).and_then(|rest| rest.find(spoken)).map(|offset| {
                    let start = *from + offset;
                    *from = start + spoken.len();
                    (start..*from, word.span)
                });
                Some(place.filter(|_| !spoken.is_empty()))
            })
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SamplePos;
    use crate::call::{Channel, Language, Word};

    fn utterance(text: &str, words: &[(&str, u64, u64)]) -> Utterance {
        Utterance {
            channel: Channel::Caller,
            span: SampleSpan::new(SamplePos(100), SamplePos(900)),
            language: Language::Fr,
            text: text.into(),
            confidence: 0.9,
            words: words
                .iter()
                .map(|&(text, start, end)| Word {
                    text: text.into(),
                    span: SampleSpan::new(SamplePos(start), SamplePos(end)),
                    confidence: 0.9,
                })
                .collect(),
        }
    }

    #[test]
    fn a_quote_is_timed_by_its_own_words() {
        let spoken = utterance(
            "Bonjour. Ma facture.",
            &[("Bonjour.", 100, 300), ("Ma", 400, 500), ("facture.", 500, 950)],
        );
        let evidence = spoken.quote(9..20).unwrap();
        assert_eq!(evidence.quote.reveal(), "Ma facture.");
        assert_eq!(evidence.span, SampleSpan::new(SamplePos(400), SamplePos(900)));
    }

    #[test]
    fn without_words_the_whole_utterance_is_the_time() {
        let spoken = utterance("Déjà vu", &[]);
        assert_eq!(spoken.quote(0..6).unwrap().span, spoken.span);
        assert!(spoken.quote(0..2).is_none(), "inside a character");
        assert!(spoken.quote(3..40).is_none(), "past the end");
    }

    #[test]
    fn a_word_that_the_text_lacks_does_not_shift_the_others() {
        let spoken = utterance("un deux", &[("un", 100, 200), ("euh", 200, 300), ("deux", 300, 400)]);
        assert_eq!(spoken.span_of(&(3..7)), Some(SampleSpan::new(SamplePos(300), SamplePos(400))));
    }
}
