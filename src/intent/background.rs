//! Sentences that no customer service is for, in three languages: what speaks against a sentence being in scope.
//!
//! General knowledge, weather, cooking, chat, and what a telephone picks up from the room. They are evidence only, no
//! intent: a scenario that has an intent for one of them is right, and those near its own sentences are left out.

use crate::call::Language;

const FR: &str = include_str!("background/fr.txt");
const EN: &str = include_str!("background/en.txt");
const NL: &str = include_str!("background/nl.txt");

/// The sentences of `languages`.
pub(super) fn sentences(languages: &[Language]) -> Vec<&'static str> {
    let of = |language: &Language| match language {
        Language::Fr => FR,
        Language::En => EN,
        Language::Nl => NL,
    };
    languages.iter().flat_map(|language| of(language).lines()).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_language_has_enough_and_none_twice() {
        for language in Language::ALL {
            let sentences = sentences(&[language]);
            assert!(sentences.len() >= 90, "{language}: {}", sentences.len());
            let different: BTreeSet<_> = sentences.iter().collect();
            assert_eq!(different.len(), sentences.len());
        }
    }
}
