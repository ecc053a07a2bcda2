//! Speakers who correct themselves: `douze, non pardon, treize`.

use super::words::Words;
use crate::call::Language;

const FRENCH: &str = "non pardon|pardon|euh non pardon|euh pardon|oh pardon|non|euh non|ah non|non non|\
    non excusez moi|excusez moi|non excuse moi|pardon non|je veux dire|non je veux dire|\
    enfin non|enfin|ou plutot|non plutot|plutot|je me trompe|non je me trompe|non attendez|\
    je corrige";

const ENGLISH: &str = "no sorry|sorry|no|i mean|no i mean|sorry i mean|no wait|wait no|wait|actually|no actually|\
    or rather|rather|scratch that|correction|oh sorry";

const DUTCH: &str = "nee sorry|sorry|nee|ik bedoel|nee ik bedoel|sorry ik bedoel|nee wacht|wacht|pardon|\
    nee pardon|of nee|eigenlijk|correctie|of liever|excuus";

/// The length in words of the correction that stands at `at`.
pub(super) fn marker_at(words: &Words<'_>, at: usize) -> Option<usize> {
    let phrases = match words.language {
        Language::Fr => FRENCH,
        Language::En => ENGLISH,
        Language::Nl => DUTCH,
    };
    let length = words.phrase_in(at, phrases)?;
    // `non, c'est le douze`: what leads to the value again.
    let leads: &[&str] = match words.language {
        Language::Fr => {
            &["c est", "c est le", "c est plutot", "le", "la", "du", "au", "de", "a", "euh", "plutot"]
        }
        Language::En => &["it's", "it s", "it is", "it's the", "the", "on", "on the", "for", "of", "uh"],
        Language::Nl => &["het is", "'t is", "het is de", "de", "op", "van", "eh", "is"],
    };
    Some(length + words.phrase_at(at + length, leads).unwrap_or(0))
}
