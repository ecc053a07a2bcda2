//! Yes and no.

use super::words::Words;
use super::{Located, Value};
use crate::call::Language;

/// Phrases with bars between them.
struct Answers {
    yes: &'static str,
    no: &'static str,
    /// Said before an answer: `ah oui`, `euh non`.
    openings: &'static str,
}

const FRENCH: Answers = Answers {
    yes: "oui|ouais|ouaip|ouep|mouais|si|si si|mais si|d accord|ok|okay|exact|exactement|tout a fait|\
        absolument|bien sur|bien entendu|evidemment|effectivement|en effet|c est ca|c est bien ca|\
        c est cela|c est exact|c est juste|c est correct|c est bon|c est bien moi|c est moi|voila|\
        voila c est ca|parfait|parfaitement|volontiers|avec plaisir|je veux bien|s il vous plait|\
        pourquoi pas|ca marche|ca roule|affirmatif|correct|carrement|je confirme|je suis d accord|\
        oui je veux bien|oui c est ca|mm hm|mmh|hum hum|allez y|vas y|entendu|il me semble|je crois|\
        je crois que oui|je pense que oui|c est parfait|super|nickel|impeccable",
    no: "non|nan|non non|nope|non merci|pas du tout|absolument pas|surement pas|certainement pas|\
        bien sur que non|non pas du tout|mais non|pas vraiment|non pas vraiment|pas exactement|\
        pas tout a fait|jamais|jamais de la vie|hors de question|c est faux|c est pas ca|\
        ce n est pas ca|c est pas bon|ce n est pas exact|c est inexact|negatif|je ne crois pas|\
        je crois pas|je crois que non|je ne pense pas|je pense pas|pas d accord|\
        je ne suis pas d accord|je ne veux pas|je veux pas|ca ne va pas|ca va pas|c est une erreur|\
        vous vous trompez|mm mm|incorrect|ni l un ni l autre|aucun des deux|surtout pas|sans facon|\
        ca ira|pas la peine|c est pas la peine|non ca ira",
    openings: "ah|euh|oh|ben|bah|eh|eh bien|alors|mais|donc|heu|bon|et|allo|bonjour",
};

const ENGLISH: Answers = Answers {
    yes: "yes|yeah|yep|yup|ya|aye|sure|of course|okay|ok|right|correct|exactly|absolutely|definitely|\
        certainly|indeed|that's right|that s right|that is right|that's correct|that is correct|\
        that's it|that's me|it is|i do|i did|i am|please|yes please|please do|go ahead|fine|\
        that's fine|sounds good|uh huh|mm hm|mhm|mm hmm|by all means|you got it|i think so|\
        i believe so|i guess so|affirmative|why not|perfect|too right|spot on|i agree|alright|\
        all right|speaking",
    no: "no|nope|nah|no thanks|no thank you|not at all|not really|not exactly|not quite|\
        absolutely not|definitely not|certainly not|of course not|never|no way|that's wrong|\
        that is wrong|that's not right|that is not right|that's not it|that's not correct|it isn't|\
        it's not|it is not|i don't|i do not|i didn't|i don't think so|i do not think so|\
        i don't want to|i m not|wrong|incorrect|negative|uh uh|mm mm|neither|neither of them|\
        i disagree|i d rather not|i would rather not|don't|please don't|none of them",
    openings: "oh|uh|um|well|er|ah|so|and|hello|hi|but",
};

const DUTCH: Answers = Answers {
    yes: "ja|jawel|jazeker|jep|yes|ja hoor|ja graag|graag|zeker|zeker weten|natuurlijk|uiteraard|\
        precies|inderdaad|klopt|dat klopt|ja dat klopt|juist|dat is juist|correct|akkoord|oke|ok|\
        okay|prima|is goed|dat is goed|goed|absoluut|helemaal|dat ben ik|daar spreekt u mee|\
        ik denk het wel|ik geloof het wel|doe maar|alstublieft|dat is het|zo is het|helemaal goed|\
        perfect|mm hm|mhm|tuurlijk|ga uw gang|dat is correct",
    no: "nee|neen|nee hoor|nee dank u|nee bedankt|nee dank je|nee helaas|helemaal niet|absoluut niet|\
        zeker niet|beslist niet|natuurlijk niet|niet echt|niet helemaal|niet precies|nooit|\
        dat klopt niet|klopt niet|dat is niet juist|dat is fout|fout|onjuist|dat is het niet|\
        ik denk het niet|ik denk van niet|ik geloof het niet|ik wil niet|dat wil ik niet|\
        liever niet|geen van beide|niet akkoord|nee nee|mm mm|dat hoeft niet|hoeft niet|laat maar|\
        in geen geval",
    openings: "eh|ehm|oh|nou|ach|ah|tja|dus|en|hallo|maar",
};

/// The answer at the start is what was asked for; the same word later may belong to the sentence.
const SCORE_AT_START: f32 = 0.95;
const SCORE_PHRASE: f32 = 0.85;
const SCORE_WORD: f32 = 0.6;
/// Words that are polite or hesitant as often as they are an answer.
const WEAK: &str = "si|s il vous plait|please|right|fine|alstublieft|goed|mm mm|je crois|il me semble|super|\
    jamais|never|nooit|voila|ok|okay|oke|bon|correct|juist|fout|wrong|i am|i do|it is|ca ira|\
    don't|parfait|perfect";
const SCORE_WEAK: f32 = 0.7;

/// Answers from left to right; equal ones side by side (`oui oui tout à fait`) are one, and `enfin non` takes back what
/// was said before.
pub(super) fn find(words: &Words<'_>) -> Vec<Located> {
    let answers = match words.language {
        Language::Fr => &FRENCH,
        Language::En => &ENGLISH,
        Language::Nl => &DUTCH,
    };
    let mut found: Vec<Located> = Vec::new();
    let mut at = 0;
    let mut is_start = true;
    while at < words.len() {
        let yes = words.phrase_in(at, answers.yes).unwrap_or(0);
        let no = words.phrase_in(at, answers.no).unwrap_or(0);
        let length = yes.max(no);
        if length == 0 {
            match words.phrase_in(at, answers.openings) {
                Some(opening) if is_start => at += opening,
                _ => {
                    is_start = false;
                    at += 1;
                }
            }
            continue;
        }
        let said = at..at + length;
        let value = Value::YesNo(yes > no);
        let score = score(words, &said, is_start);
        is_start = false;
        match found.last_mut() {
            Some(last) if last.words.end == at && last.value == value => {
                last.words.end = said.end;
                last.score = last.score.max(score);
            }
            _ => found.push(Located { value, words: said, score }),
        }
        at += length;
    }
    taken_back(words, found)
}

fn score(words: &Words<'_>, said: &std::ops::Range<usize>, is_start: bool) -> f32 {
    let is_weak = words.phrase_in(said.start, WEAK) == Some(said.len());
    let is_whole = said.len() == words.len();
    match (is_start, is_weak) {
        (true, false) => SCORE_AT_START,
        (true, true) if is_whole => SCORE_PHRASE,
        (_, true) => SCORE_WEAK.min(if is_start { SCORE_WEAK } else { SCORE_WORD - 0.1 }),
        (false, false) if said.len() > 1 => SCORE_PHRASE,
        (false, false) => SCORE_WORD,
    }
}

/// `oui, enfin non`: the last one holds, with all the words.
fn taken_back(words: &Words<'_>, found: Vec<Located>) -> Vec<Located> {
    let marks = [
        "enfin",
        "plutot",
        "euh",
        "actually",
        "wait",
        "sorry",
        "i mean",
        "eigenlijk",
        "wacht",
        "of",
        "pardon",
        "enfin euh",
    ];
    let mut kept: Vec<Located> = Vec::new();
    for next in found {
        if let Some(last) = kept.last()
            && last.value != next.value
            && words.phrase_at(last.words.end, &marks) == Some(next.words.start - last.words.end)
        {
            let start = last.words.start;
            kept.pop();
            kept.push(Located { words: start..next.words.end, score: 0.75, ..next });
        } else {
            kept.push(next);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Language, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let found: Vec<String> = find(&Words::of(text, language))
                .into_iter()
                .filter(|located| located.score >= 0.6)
                .map(|located| located.value.canonical())
                .collect();
            assert_eq!(found.join("|"), *expected, "{text}");
        }
    }

    #[test]
    fn answers_are_understood_in_many_words() {
        check(
            Language::Fr,
            &[
                ("Oui.", "yes"),
                ("ah oui oui, tout à fait", "yes"),
                ("c'est ça", "yes"),
                ("d'accord", "yes"),
                ("Euh, non merci.", "no"),
                ("pas du tout", "no"),
                ("non, pas du tout", "no"),
                ("mm-mm", "no"),
                ("mm-hm", "yes"),
                ("ben ouais", "yes"),
                ("non c'est pas ça", "no"),
                ("bien sûr que non", "no"),
                ("oui, enfin non", "no"),
                ("bonjour, oui bien sûr", "yes"),
                ("je voudrais ma facture", ""),
            ],
        );
        check(
            Language::En,
            &[
                ("Yes, please.", "yes"),
                ("yeah that's right", "yes"),
                ("no, that's not right", "no"),
                ("not at all", "no"),
                ("uh-huh", "yes"),
                ("well, I don't think so", "no"),
                ("my bill is too high", ""),
            ],
        );
        check(
            Language::Nl,
            &[
                ("Ja hoor", "yes"),
                ("dat klopt", "yes"),
                ("nee, dat klopt niet", "no"),
                ("helemaal niet", "no"),
                ("ik denk het wel", "yes"),
                ("mijn factuur van maart", ""),
            ],
        );
    }

    #[test]
    fn an_answer_inside_of_a_sentence_counts_less() {
        let first = |text| find(&Words::of(text, Language::Fr)).remove(0).score;
        assert!(first("non je voudrais autre chose") > first("je vous ai déjà dit non hier"));
    }
}
