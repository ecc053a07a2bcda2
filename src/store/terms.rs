//! What the index holds of a text: folded words, light stems, compounds written as one.
//!
//! Index and query are cut by the same functions, so a word finds itself however it is accented, elided or hyphenated.
//! A change to what these functions return changes what a stored index means and needs a migration that rebuilds it.

use std::ops::Range;

use crate::call::Language;
use crate::text;

/// One word as the index sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Folded, letters and digits only.
    pub term: String,
    /// Where it stands in the text.
    pub bytes: Range<usize>,
    /// Whether an apostrophe follows that cut it off (`l'`, `qu'`).
    pub elided: bool,
    /// Whether it belongs to the word before it: behind a hyphen, or a further group of digits of one number.
    pub glued: bool,
}

/// Digits of the longest number that is written in groups; an IBAN has 34 characters. Longer runs are lists.
const GROUPED_UNITS_MAX: usize = 20;

/// The words of a text in order.
pub(super) fn units(written: &str) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for token in text::tokens(written) {
        let folded = text::fold(token.text);
        let elided = folded.ends_with('\'');
        let bytes = token.start_byte..token.end_byte;
        // An apostrophe inside a word writes it together (don't, aujourd'hui); a decimal sign parts a number, so that
        // its whole part is found by itself.
        for part in folded.split(['.', ',']) {
            let term: String = part.chars().filter(|character| character.is_alphanumeric()).collect();
            if !term.is_empty() {
                let glued = units.last().is_some_and(|before| is_glued(written, before, &bytes, &term));
                units.push(Unit { term, bytes: bytes.clone(), elided, glued });
            }
        }
    }
    units
}

fn is_glued(written: &str, before: &Unit, bytes: &Range<usize>, term: &str) -> bool {
    let Some(between) = written.get(before.bytes.end..bytes.start) else { return false };
    let grouped_digits = is_number(&before.term)
        && is_number(term)
        && matches!(between, " " | "\u{a0}" | "\u{202f}" | "." | "-" | "/");
    grouped_digits || matches!(between, "-" | "\u{2010}" | "\u{2011}")
}

pub(super) fn is_number(term: &str) -> bool {
    term.bytes().all(|byte| byte.is_ascii_digit())
}

/// The compounds of a text, each as the places of its words: `rendez-vous`, `e-mail`, `06 12 34 56 78`.
pub(super) fn compounds(units: &[Unit]) -> Vec<Range<usize>> {
    let mut compounds = Vec::new();
    let mut start = 0;
    for at in 1..=units.len() {
        if units.get(at).is_some_and(|unit| unit.glued) {
            continue;
        }
        if (2..=GROUPED_UNITS_MAX).contains(&(at - start)) {
            compounds.push(start..at);
        }
        start = at;
    }
    compounds
}

/// The words of a compound written as one.
pub(super) fn joined(units: &[Unit]) -> String {
    units.iter().map(|unit| unit.term.as_str()).collect()
}

/// The two indexed columns of a text: its words, and its stems followed by the stems of its compounds.
pub(super) fn index_columns(written: &str, language: Language) -> (String, String) {
    let units = units(written);
    let words: Vec<&str> = units.iter().map(|unit| unit.term.as_str()).collect();
    let mut stems: Vec<String> = units.iter().map(|unit| stem(&unit.term, language)).collect();
    stems.extend(compounds(&units).into_iter().map(|places| stem(&joined(&units[places]), language)));
    (words.join(" "), stems.join(" "))
}

/// A folded word without its plural, so that `abonnements` finds `abonnement`. In French also without what is not
/// heard: `facturé`, `facturée` and `facturer` sound alike and recognisers mix them up. Deliberately light: a stem
/// that took more off would find what a user did not ask for.
pub(super) fn stem(term: &str, language: Language) -> String {
    if !term.is_ascii() || term.len() < 4 || term.bytes().any(|byte| byte.is_ascii_digit()) {
        return term.to_owned();
    }
    match language {
        Language::Fr => french(term),
        Language::En => english(term),
        Language::Nl => dutch(term),
    }
}

fn french(term: &str) -> String {
    let singular = match term.strip_suffix("aux") {
        Some(base) if base.len() >= 3 && !base.ends_with('e') => return format!("{base}al"),
        // Short words end in s or x by nature: mois, prix, voix.
        _ => term.strip_suffix(['s', 'x']).filter(|base| base.len() >= 4).unwrap_or(term),
    };
    if singular.len() >= 6
        && let Some(base) = singular.strip_suffix("er").or_else(|| singular.strip_suffix("ez"))
    {
        return format!("{base}e");
    }
    match singular.strip_suffix("ee") {
        Some(base) if base.len() >= 3 => format!("{base}e"),
        _ => singular.to_owned(),
    }
}

fn english(term: &str) -> String {
    if let Some(base) = term.strip_suffix("ies").filter(|base| base.len() >= 2) {
        return format!("{base}y");
    }
    if let Some(base) = term.strip_suffix("es")
        && ["s", "x", "z", "ch", "sh"].iter().any(|hiss| base.ends_with(hiss))
    {
        return base.to_owned();
    }
    match term.strip_suffix('s') {
        Some(base) if !base.ends_with(['s', 'u', 'i']) => base.to_owned(),
        _ => term.to_owned(),
    }
}

fn dutch(term: &str) -> String {
    let base = match (term.strip_suffix("en"), term.strip_suffix('s')) {
        (Some(base), _) if base.len() >= 3 => base,
        (_, Some(base)) if base.len() >= 4 && !base.ends_with('s') => base,
        _ => term,
    };
    let mut letters: Vec<u8> = base.bytes().collect();
    // Spelling follows the syllable: factuur, facturen; abonnement, bellen, bel; brief, brieven; reis, reizen.
    if let [.., before, last] = letters.as_slice()
        && before == last
        && !is_vowel(*last)
    {
        letters.pop();
    }
    if let [.., first, second, last] = *letters.as_slice()
        && first == second
        && is_vowel(first)
        && !is_vowel(last)
    {
        letters.truncate(letters.len() - 2);
        letters.push(last);
    }
    if let Some(last) = letters.last_mut() {
        *last = match *last {
            b'v' => b'f',
            b'z' => b's',
            other => other,
        };
    }
    letters.into_iter().map(char::from).collect()
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_users_take_for_the_same_share_a_stem() {
        for (language, words) in [
            (Language::Fr, "abonnement abonnements"),
            (Language::Fr, "facture factures facturee facturees facturer facturez"),
            (Language::Fr, "journal journaux"),
            (Language::Fr, "bureau bureaux"),
            (Language::En, "invoice invoices"),
            (Language::En, "query queries"),
            (Language::En, "box boxes"),
            (Language::En, "address addresses"),
            (Language::Nl, "factuur facturen"),
            (Language::Nl, "abonnement abonnementen"),
            (Language::Nl, "rekening rekeningen"),
            (Language::Nl, "brief brieven"),
            (Language::Nl, "bestelling bestellingen"),
        ] {
            let stems: Vec<String> = words.split(' ').map(|word| stem(word, language)).collect();
            assert!(stems.iter().all(|other| *other == stems[0]), "{words}: {stems:?}");
        }
    }

    #[test]
    fn different_words_keep_different_stems() {
        for (language, one, other) in [
            (Language::Fr, "compte", "comptoir"),
            (Language::Fr, "mois", "moi"),
            (Language::En, "bus", "bu"),
            (Language::En, "bill", "billing"),
            (Language::Nl, "betaling", "betaald"),
        ] {
            assert_ne!(stem(one, language), stem(other, language), "{one} {other}");
        }
    }

    #[test]
    fn compounds_are_indexed_apart_and_as_one() {
        let (words, stems) = index_columns("L’e-mail du 06 12 34, 49,90 € au rendez-vous", Language::Fr);
        assert_eq!(words, "l e mail du 06 12 34 49 90 au rendez vous");
        assert!(stems.ends_with("email 061234 rendezvou"), "{stems}");
    }
}
