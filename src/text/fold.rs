//! One spelling for what differs only in case, accents or typography.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The text as matching and search compare it: lower-case, without accents, ligatures opened (`œ` is `oe`, `æ` is
/// `ae`, `ß` is `ss`, `ĳ` is `ij`), curly quotes straight, every kind of space a plain one.
///
/// Folding a folded text changes nothing.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase).nfd() {
        match opened(character) {
            Some(replacement) => folded.push_str(replacement),
            None if is_combining_mark(character) => {}
            None if character.is_whitespace() && character != '\n' => folded.push(' '),
            None => folded.push(character),
        }
    }
    folded
}

/// The words that word error rates compare: lower-case, curly quotes straight, `œ` and `æ` opened, everything that
/// is neither letter nor digit (punctuation, apostrophes, hyphens, symbols) a space. Accents are kept: `a` and `à`
/// are different words.
pub fn words_for_scoring(text: &str) -> Vec<String> {
    let mut normalized = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase).nfc() {
        match character {
            'œ' => normalized.push_str("oe"),
            'æ' => normalized.push_str("ae"),
            _ if character.is_alphanumeric() || is_combining_mark(character) => normalized.push(character),
            _ => normalized.push(' '),
        }
    }
    normalized.split_whitespace().map(str::to_owned).collect()
}

/// Letters that decomposition leaves alone, and quotes.
fn opened(character: char) -> Option<&'static str> {
    match character {
        'œ' => Some("oe"),
        'æ' => Some("ae"),
        'ß' => Some("ss"),
        'ĳ' => Some("ij"),
        '‘' | '’' | '‛' | 'ʼ' | '′' => Some("'"),
        '“' | '”' | '‟' | '″' => Some("\""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_drops_case_accents_ligatures_and_typography() {
        for (text, folded) in [
            ("", ""),
            ("Déjà Réglé, ÇA", "deja regle, ca"),
            ("l’œuvre d‘Ægir", "l'oeuvre d'aegir"),
            ("E\u{301}te\u{301}", "ete"),
            ("Straße ẞ", "strasse ss"),
            ("“Hé”\u{a0}!", "\"he\" !"),
            ("14\u{202f}h\u{a0}30", "14 h 30"),
            ("coördinatie ĳsje", "coordinatie ijsje"),
            ("İstanbul", "istanbul"),
            ("ligne 1\nligne 2", "ligne 1\nligne 2"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn scoring_words_keep_accents_and_lose_punctuation() {
        for (text, words) in [
            ("", ""),
            ("… ?!", ""),
            ("L’abonnement, s'il vous plaît !", "l abonnement s il vous plaît"),
            ("Ma sœur a du cæcum", "ma soeur a du caecum"),
            ("Peut-être à 14 h 30", "peut être à 14 h 30"),
            ("De\u{301}ja\u{300} vu", "déjà vu"),
            ("It's 12.50 — don't!", "it s 12 50 don t"),
            ("Foto's van ’s avonds", "foto s van s avonds"),
            ("50 % de rabais (TVA)", "50 de rabais tva"),
        ] {
            assert_eq!(words_for_scoring(text).join(" "), words, "{text}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,60}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.clone());
        }

        #[test]
        fn scoring_words_are_never_empty_and_hold_no_space(text in "\\PC{0,60}") {
            for word in words_for_scoring(&text) {
                prop_assert!(!word.is_empty() && !word.contains(char::is_whitespace));
            }
        }
    }
}
