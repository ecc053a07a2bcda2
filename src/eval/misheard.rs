//! Which examples of a scenario are spoken, and which of the texts that were heard instead are worth learning from.
//!
//! Pure: the same examples and the same texts give the same file.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::wer::compare;
use crate::intent::folds::SplitMix;
use crate::intent::{Example, OutOfScope};
use crate::text::words_for_scoring;

/// Seed of the order of the examples of an intent.
const ORDER_SEED: u64 = 3;
/// Share of wrong characters above which a text has too little in common with what was said to teach anything but noise.
const WRONG_CHARACTERS_MAX: f64 = 0.5;

/// The examples in the order in which they are spoken: one of every intent, then a second one, and so on. A longer run
/// begins with the examples of a shorter one. What was misheard itself is left out.
pub fn order(examples: &[Example]) -> Vec<usize> {
    let mut of_intent: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, example) in examples.iter().enumerate().filter(|(_, example)| example.said.is_none()) {
        of_intent.entry(&example.intent).or_default().push(index);
    }
    let mut random = SplitMix(ORDER_SEED);
    of_intent.values_mut().for_each(|indices| random.shuffle(indices));
    let longest = of_intent.values().map(Vec::len).max().unwrap_or(0);
    (0..longest)
        .flat_map(|rank| of_intent.values().filter_map(move |indices| indices.get(rank)))
        .copied()
        .collect()
}

/// Of `heard`, each the index of an example with a text heard of it, what is worth learning from: texts that are not
/// the example, are nobody else's sentence, were heard of one intent only, and have half of their characters right.
pub fn worth_learning(
    examples: &[Example],
    out_of_scope: &[OutOfScope],
    heard: &[(usize, String)],
) -> Vec<Example> {
    let written = examples.iter().filter(|one| one.said.is_none()).map(|one| &one.text);
    let written: HashSet<Vec<String>> =
        written.chain(out_of_scope.iter().map(|one| &one.text)).map(|text| words_for_scoring(text)).collect();
    let mut intents_of: HashMap<Vec<String>, HashSet<&str>> = HashMap::new();
    for (index, text) in heard {
        intents_of.entry(words_for_scoring(text)).or_default().insert(&examples[*index].intent);
    }
    let mut taken = HashSet::new();
    let mut kept = Vec::new();
    for (index, text) in heard {
        let (example, words) = (&examples[*index], words_for_scoring(text));
        let is_of_one = intents_of.get(&words).is_some_and(|intents| intents.len() == 1);
        let is_alike = compare(&example.text, text).characters.rate() <= WRONG_CHARACTERS_MAX;
        let is_new = !words.is_empty() && !written.contains(&words);
        if is_new && is_of_one && is_alike && taken.insert(words) {
            let said = Some(example.text.clone());
            kept.push(Example { said, ..Example::new(text.trim(), &example.intent, example.language) });
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Language;

    fn examples() -> Vec<Example> {
        [
            ("ma facture", "facture"),
            ("payer ma facture", "payer"),
            ("je résilie", "resilier"),
            ("régler", "payer"),
        ]
        .map(|(text, intent)| Example::new(text, intent, Language::Fr))
        .to_vec()
    }

    #[test]
    fn every_intent_has_its_turn_before_one_has_a_second() {
        let examples = examples();
        let spoken = order(&examples);
        let intents: Vec<&str> = spoken.iter().map(|index| examples[*index].intent.as_str()).collect();
        assert_eq!(intents, ["facture", "payer", "resilier", "payer"]);
        assert_eq!(spoken, order(&examples));
        let with_heard = [
            examples,
            vec![Example { said: Some("régler".into()), ..Example::new("aigler", "payer", Language::Fr) }],
        ];
        assert_eq!(order(&with_heard.concat()), spoken);
    }

    #[test]
    fn only_what_is_misheard_and_means_one_intent_is_learnt() {
        let outside = [OutOfScope { text: "je résine".into(), language: Language::Fr }];
        let cases = [
            (0, "Ma facture.", false, "the same words"),
            (0, "ma fracture", true, "misheard"),
            (0, "Ma fracture !", false, "misheard a second time"),
            (0, "je résilie", false, "another intent's example"),
            (1, "payer ma voiture", true, "misheard"),
            (2, "je résine", false, "out of scope"),
            (2, "il fait beau temps", false, "nothing in common"),
            (2, "", false, "nothing"),
            (2, "je réside", false, "heard of two intents"),
            (3, "je réside", false, "heard of two intents"),
        ];
        let heard: Vec<(usize, String)> =
            cases.iter().map(|(index, text, _, _)| (*index, (*text).into())).collect();
        let kept = worth_learning(&examples(), &outside, &heard);
        let expected: Vec<&str> =
            cases.iter().filter(|(_, _, is_kept, _)| *is_kept).map(|(_, text, _, _)| *text).collect();
        assert_eq!(kept.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), expected);
        assert_eq!(kept[1].said.as_deref(), Some("payer ma facture"));
        assert_eq!(kept[1].intent, "payer");
    }
}
