//! The wording of the sentences that are said on calls, counted once for all recognisers of a model.

use std::sync::{Arc, Mutex, PoisonError};

use crate::asr::decode::phrasing::Phrasing;
use crate::asr::decode::tokens::Vocabulary;

/// Sentences with their wording.
type Counted = (Arc<[String]>, Arc<Phrasing>);

/// That of the last request that had sentences: all calls of a voicebot have the same.
#[derive(Default)]
pub(super) struct Wording(Mutex<Option<Counted>>);

impl Wording {
    /// That of `sentences`, worth `weight`; `None` without either.
    pub(super) fn of(
        &self,
        vocabulary: &Vocabulary,
        sentences: &Arc<[String]>,
        weight: f32,
    ) -> Option<Arc<Phrasing>> {
        if sentences.is_empty() || weight <= 0.0 {
            return None;
        }
        // Whoever comes meanwhile waits for the same.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((of, phrasing)) if of == sentences => Some(Arc::clone(phrasing)),
            Some(_) | None => {
                let texts = sentences.iter().map(String::as_str);
                let phrasing = Arc::new(Phrasing::new(vocabulary, texts, weight));
                *known = Some((Arc::clone(sentences), Arc::clone(&phrasing)));
                Some(phrasing)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::vocabulary;
    use super::*;

    #[test]
    fn sentences_are_counted_once_and_anew_when_they_change() {
        let (vocabulary, wording) = (vocabulary(), Wording::default());
        let sentences = |text: &str| -> Arc<[String]> { [text.to_owned()].into() };
        let (one, other) = (sentences(" un deux"), sentences(" deux un"));
        let counted = |sentences: &Arc<[String]>| wording.of(&vocabulary, sentences, 0.2).expect("counted");
        let first = counted(&one);
        assert!(Arc::ptr_eq(&first, &counted(&one)));
        assert!(!Arc::ptr_eq(&first, &counted(&other)));
        assert!(wording.of(&vocabulary, &one, 0.0).is_none());
        assert!(wording.of(&vocabulary, &Arc::default(), 0.2).is_none());
    }
}
