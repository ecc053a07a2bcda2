//! What of a growing text can be shown for good.
//!
//! Each decoding of a growing stretch of speech may read the last words anew. A word becomes stable when [`AGREEMENTS`]
//! decodings, one after the other, agree on it and on everything before it (Liu et al. 2020 call it local agreement;
//! Macháček et al. 2023 use it for Whisper), and when it ends far enough from the end of the audio that it is not half a word.
//!
//! Invariants: stable words never change and never become fewer; the final begins with them, letter by letter. Pure.

use crate::asr::RecognizedWord;
use crate::audio::SamplePos;
use crate::redact::Redacted;
use crate::text::fold;

/// Speech behind a word before it can be stable: the end of cut audio is where decodings make words up. 600 ms is one
/// or two words.
const HELD_BACK_SAMPLES: u64 = 9_600;

/// Decodings that must agree. After two, what follows is heard through words that half a sentence suggested: one word in seventy
/// more is wrong at the end, in English one in twenty (BENCHMARKS.md, "End of speech to final text").
const AGREEMENTS: u32 = 3;

/// The text of one stretch of speech while it grows.
#[derive(Debug, Default)]
pub(super) struct StablePrefix {
    stable: Vec<RecognizedWord>,
    /// The words behind the stable ones in the last decoding, and how many decodings in a row read each of them, and all before
    /// it, like that; never more the further back.
    unstable: Vec<(RecognizedWord, u32)>,
    /// Stable words that are those of a final before, which this stretch continues.
    told_before: usize,
}

impl StablePrefix {
    /// Takes the words of one more decoding, which all begin at the same sample; `end` is the length of its audio.
    pub(super) fn hear(&mut self, words: &[RecognizedWord], end: SamplePos) {
        let rest = self.behind_stable(words);
        let same = rest.iter().zip(&self.unstable).take_while(|(new, (old, _))| new.text == old.text).count();
        let times = |index: usize| 1 + if index < same { self.unstable[index].1 } else { 0 };
        let heard: Vec<_> =
            rest.iter().enumerate().map(|(index, word)| (word.clone(), times(index))).collect();
        let is_stable = |(word, times): &(RecognizedWord, u32)| {
            *times >= AGREEMENTS && word.span.end.plus(HELD_BACK_SAMPLES) <= end
        };
        let agreed = heard.iter().take_while(|heard| is_stable(heard)).count();
        self.unstable = heard;
        self.stable.extend(self.unstable.drain(..agreed).map(|(word, _)| word));
    }

    /// Goes on with the words of a final, which lie in the first `end` of the audio.
    pub(super) fn continue_from(&mut self, words: &[RecognizedWord], end: SamplePos) {
        // As many decodings that agree.
        (0..AGREEMENTS).for_each(|_| self.hear(words, end));
        self.told_before = self.stable.len();
    }

    /// The words that stay, where some of them were told of this stretch for the first time.
    pub(super) fn told(&self) -> Option<&[RecognizedWord]> {
        (self.stable.len() > self.told_before).then_some(&*self.stable)
    }

    /// The text that stays.
    pub(super) fn stable_text(&self) -> Redacted<String> {
        joined(&self.stable)
    }

    /// The text that may change.
    pub(super) fn unstable_text(&self) -> Redacted<String> {
        joined(self.unstable.iter().map(|(word, _)| word))
    }

    /// The words of the final: the stable ones as they were shown, with the times of the final decoding where it has
    /// them too, and what it heard behind them.
    pub(super) fn complete(&self, words: &[RecognizedWord]) -> Vec<RecognizedWord> {
        let rest = self.behind_stable(words);
        let heard_again = words.len() - rest.len() == self.stable.len();
        let stable = self.stable.iter().enumerate().map(|(index, shown)| match words.get(index) {
            Some(again) if heard_again => RecognizedWord { text: shown.text.clone(), ..again.clone() },
            Some(_) | None => shown.clone(),
        });
        stable.chain(rest.iter().cloned()).collect()
    }

    /// What `words` has behind the stable words: by their number where it begins with the same words, else by time.
    fn behind_stable<'a>(&self, words: &'a [RecognizedWord]) -> &'a [RecognizedWord] {
        let Some(last) = self.stable.last() else { return words };
        let same = words.len() >= self.stable.len()
            && words.iter().zip(&self.stable).all(|(word, shown)| is_same_word(word, shown));
        if same {
            return &words[self.stable.len()..];
        }
        // Another reading of what was shown: the words whose middle lies behind the end of the last stable one.
        let middle = |word: &RecognizedWord| word.span.start.0.midpoint(word.span.end.0);
        &words[words.partition_point(|word| middle(word) < last.span.end.0)..]
    }
}

/// Whether it is the same word whatever its case and punctuation.
fn is_same_word(word: &RecognizedWord, shown: &RecognizedWord) -> bool {
    let bare = |word: &RecognizedWord| -> String {
        fold(word.text.reveal()).chars().filter(|letter| letter.is_alphanumeric()).collect()
    };
    word.text == shown.text || bare(word) == bare(shown)
}

fn joined<'a>(words: impl IntoIterator<Item = &'a RecognizedWord>) -> Redacted<String> {
    let texts: Vec<&str> = words.into_iter().map(|word| word.text.reveal().as_str()).collect();
    Redacted::new(texts.join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audio::SampleSpan;

    /// Words of half a second each.
    fn words(text: &str) -> Vec<RecognizedWord> {
        let word = |(index, text): (u64, &str)| RecognizedWord {
            text: text.into(),
            span: SampleSpan::new(SamplePos(index * 8_000), SamplePos((index + 1) * 8_000)),
            confidence: 0.9,
        };
        (0..).zip(text.split_whitespace()).map(word).collect()
    }

    fn hear(prefix: &mut StablePrefix, text: &str) -> (String, String) {
        let words = words(text);
        prefix.hear(&words, SamplePos(words.len() as u64 * 8_000));
        (prefix.stable_text().into_inner(), prefix.unstable_text().into_inner())
    }

    fn shown(stable: &str, unstable: &str) -> (String, String) {
        (stable.to_owned(), unstable.to_owned())
    }

    #[test]
    fn a_word_is_stable_when_three_decodings_agree_and_it_is_not_at_the_edge() {
        let mut prefix = StablePrefix::default();
        assert_eq!(hear(&mut prefix, "Bonjour je"), shown("", "Bonjour je"));
        assert_eq!(hear(&mut prefix, "Bonjour je vous appelle"), shown("", "Bonjour je vous appelle"));
        assert_eq!(hear(&mut prefix, "Bonjour je vous appelle"), shown("Bonjour je", "vous appelle"));
        assert_eq!(
            hear(&mut prefix, "Bonjour je vous rappelle pour"),
            shown("Bonjour je vous", "rappelle pour")
        );
        assert_eq!(
            hear(&mut prefix, "Bonjour je vous appelle pour ma"),
            shown("Bonjour je vous", "appelle pour ma")
        );
    }

    #[test]
    fn a_word_that_is_read_otherwise_once_begins_anew_and_so_does_all_behind_it() {
        let mut prefix = StablePrefix::default();
        hear(&mut prefix, "Le chat dort bien ici");
        hear(&mut prefix, "Le rat dort bien ici");
        assert_eq!(hear(&mut prefix, "Le rat dort bien ici"), shown("Le", "rat dort bien ici"));
        assert_eq!(hear(&mut prefix, "Le rat dort bien ici"), shown("Le rat dort", "bien ici"));
    }

    #[test]
    fn the_final_begins_with_what_was_shown_as_stable() {
        let mut prefix = StablePrefix::default();
        hear(&mut prefix, "Ma facture de mars est");
        hear(&mut prefix, "Ma facture de mars est trop");
        hear(&mut prefix, "Ma facture de mars est trop haute");
        assert_eq!(prefix.stable_text().reveal(), "Ma facture de mars est");
        let complete = |text: &str| joined(&prefix.complete(&words(text))).into_inner();
        assert_eq!(complete("ma facture de mars, est trop haute."), "Ma facture de mars est trop haute.");
        assert_eq!(complete("La facture de mars est trop haute."), "Ma facture de mars est trop haute.");
        assert_eq!(complete("Ma facture"), "Ma facture de mars est");
    }

    proptest! {
        #[test]
        fn what_is_stable_never_changes_whatever_is_heard(
            texts in proptest::collection::vec(proptest::collection::vec("[abc]", 0..8), 1..12),
        ) {
            let mut prefix = StablePrefix::default();
            let mut before = String::new();
            for text in &texts {
                let (stable, _) = hear(&mut prefix, &text.join(" "));
                prop_assert!(stable.starts_with(&before), "{before:?} became {stable:?}");
                let last = joined(&prefix.complete(&words(&text.join(" ")))).into_inner();
                prop_assert!(last.starts_with(&stable), "{last:?} lacks {stable:?}");
                before = stable;
            }
        }

        #[test]
        fn a_growing_text_that_is_always_read_alike_becomes_stable_up_to_its_edge(count in 4_usize..20) {
            let mut prefix = StablePrefix::default();
            let text: Vec<String> = (0..count).map(|index| format!("mot{index}")).collect();
            for length in 1..=count {
                hear(&mut prefix, &text[..length].join(" "));
            }
            prop_assert_eq!(prefix.stable_text().into_inner(), text[..count - 2].join(" "));
        }
    }
}
