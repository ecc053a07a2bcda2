use std::sync::Arc;

use super::*;

mod meaning;

fn examples(rows: &[(&str, &str)]) -> Vec<Example> {
    rows.iter().map(|(text, intent)| Example::new(*text, *intent, Language::Fr)).collect()
}

/// Sentences by recombination: enough to fit everything, and separable.
fn combined() -> Vec<Example> {
    let frames = [
        "bonjour je veux",
        "euh je voudrais",
        "s'il vous plaît",
        "est-ce que je peux",
        "il faudrait",
        "alors",
    ];
    let wishes = [
        ("payer", "payer ma facture"),
        ("resilier", "résilier mon abonnement"),
        ("panne", "réparer internet en panne"),
        ("perte", "bloquer mon téléphone perdu"),
        ("colis", "suivre mon colis"),
    ];
    let all =
        wishes.iter().flat_map(|(intent, wish)| frames.map(|frame| (format!("{frame} {wish}"), *intent)));
    let pairs: Vec<(String, &str)> = all.collect();
    examples(&pairs.iter().map(|(text, intent)| (text.as_str(), *intent)).collect::<Vec<_>>())
}

fn best(classifier: &Classifier, text: &str) -> String {
    classifier.classify(text).candidates[0].intent.clone()
}

#[test]
fn one_sentence_an_intent_is_enough_to_start() {
    let examples = examples(&[
        ("je veux payer ma facture", "payer"),
        ("mon téléphone a été volé", "vol"),
        ("je n'ai plus internet", "panne"),
    ]);
    let classifier = Classifier::train(&examples, &[], &TrainOptions::default()).unwrap();
    assert_eq!(best(&classifier, "on m'a volé mon téléphone"), "vol");
    assert_eq!(best(&classifier, "internet ne marche plus"), "panne");
    assert_eq!(classifier.report().held_out, 0);
}

#[test]
fn misheard_words_keep_their_intent() {
    let classifier = Classifier::train(&combined(), &[], &TrainOptions::default()).unwrap();
    assert_eq!(best(&classifier, "resilie mon abonnemant"), "resilier");
    assert_eq!(best(&classifier, "bloqué mon télé phone perdue"), "perte");
}

#[test]
fn probabilities_are_ranked_and_sum_to_at_most_one() {
    let classifier = Classifier::train(&combined(), &[], &TrainOptions::default()).unwrap();
    for text in ["je veux payer", "", "???", "quelle heure est-il", "payer résilier panne"] {
        let ranking = classifier.classify(text);
        assert!(ranking.candidates.len() <= CANDIDATES_MAX);
        assert!(ranking.candidates.windows(2).all(|pair| pair[0].probability >= pair[1].probability));
        let sum: f32 = ranking.candidates.iter().map(|candidate| candidate.probability).sum();
        assert!(sum < 1.0 + 1e-4 && sum.is_finite(), "{text}: {sum}");
        assert!((0.0..=1.0).contains(&ranking.in_scope));
    }
}

#[test]
fn unknown_words_are_less_in_scope_than_known_ones() {
    let classifier = Classifier::train(&combined(), &[], &TrainOptions::default()).unwrap();
    let known = classifier.classify("je voudrais suivre mon colis").in_scope;
    let unknown = classifier.classify("wxyz kkk qqq jjj").in_scope;
    assert!(known > unknown, "{known} {unknown}");
    assert!(unknown < classifier.thresholds().in_scope);
}

#[test]
fn alternatives_count_by_their_weight_and_doubtful_words_flatten() {
    let classifier = Classifier::train(&combined(), &[], &TrainOptions::default()).unwrap();
    let sure = Heard::from("je veux payer ma facture");
    assert_eq!(classifier.understand(&sure), classifier.classify("je veux payer ma facture"));
    let probability = |heard: &Heard| classifier.understand(heard).candidates[0].probability;
    let doubtful = sure.clone().with_confidences(vec![0.4; 5]);
    let other = sure.clone().with_alternative("je veux suivre mon colis", 0.9);
    assert!(probability(&doubtful) < probability(&sure));
    assert!(probability(&other) < probability(&sure));
    assert_eq!(classifier.understand(&doubtful).candidates[0].intent, "payer");
    let outvoted = Heard::from("je veux suivre ma facture")
        .with_alternative("je veux suivre mon colis", 1.0)
        .with_alternative("je peux suivre mon colis", 1.0);
    assert_eq!(classifier.understand(&outvoted).candidates[0].intent, "colis");
}

#[test]
fn two_wishes_in_one_sentence_are_both_given() {
    let classifier = Classifier::train(&combined(), &[], &TrainOptions::default()).unwrap();
    let wishes = |text: &str| -> Vec<String> {
        let rankings = classifier.wishes(&Heard::from(text));
        rankings.iter().map(|ranking| ranking.candidates[0].intent.clone()).collect()
    };
    assert_eq!(wishes("je veux payer ma facture et suivre mon colis"), ["payer", "colis"]);
    assert_eq!(wishes("alors je voudrais suivre mon colis"), ["colis"]);
    assert_eq!(wishes("je veux payer ma facture et aussi payer ma facture"), ["payer"]);
    assert_eq!(wishes("je veux payer ma facture, suivre mon colis").len(), 1, "a comma alone parts nothing");
    assert_eq!(wishes("je veux payer ma facture, aussi suivre mon colis"), ["payer", "colis"]);
    assert_eq!(wishes("je veux payer ma facture. Suivre mon colis"), ["payer", "colis"]);
    assert_eq!(wishes("").len(), 1);
}

#[test]
fn training_twice_gives_the_same_classifier() {
    let [first, second] =
        [(); 2].map(|()| Classifier::train(&combined(), &[], &TrainOptions::default()).unwrap());
    let text = "je veux suivre ma facture";
    assert_eq!(first.classify(text), second.classify(text));
    assert_eq!(first.thresholds(), second.thresholds());
    assert_eq!(first.report(), second.report());
}

#[test]
fn sentences_that_are_easily_told_apart_make_no_guess_sure() {
    let classifier = Classifier::train(&combined(), &[], &TrainOptions::default()).unwrap();
    // A wrong transfer costs ten questions: what the model promises counts for half and reaches down to 0.8.
    assert!(classifier.thresholds().sure >= 0.8, "{:?}", classifier.thresholds());
    let guess = |probability: f32| Ranking {
        candidates: vec![IntentScore { intent: "payer".to_owned(), probability }],
        in_scope: 1.0,
    };
    for cost in [0.1, 1.0, 5.0] {
        let weighed = Weighed::of(guess(0.4), &classifier.thresholds(), |_| cost);
        assert_ne!(weighed.band, Band::Sure, "{cost}");
    }
    let weighed = classifier.weigh(&Heard::from("je veux payer ma facture"), |_| 2.0);
    let of_ranking = Weighed::of(weighed[0].ranking.clone(), &classifier.thresholds(), |_| 2.0);
    assert_eq!(weighed, [of_ranking]);
}

#[test]
fn thresholds_lead_from_ranking_to_outcome() {
    let thresholds = Thresholds { in_scope: 0.3, likely: 0.8, sure: 0.95 };
    let ranking = |in_scope: f32, probability: f32| Ranking {
        candidates: vec![IntentScore { intent: "payer".to_owned(), probability }],
        in_scope,
    };
    let outcome =
        |in_scope, probability| decide(&ranking(in_scope, probability), &thresholds, |_| Some("compta"));
    assert_eq!(outcome(0.2, 0.99), IntentOutcome::OutOfScope);
    assert_eq!(outcome(0.3, 0.79), IntentOutcome::Unsure);
    let routed = IntentOutcome::Routed { intent: "payer".to_owned(), route: "compta".to_owned() };
    assert_eq!(outcome(0.3, 0.8), routed);
    assert_eq!(decide(&ranking(0.9, 0.9), &thresholds, |_| None), IntentOutcome::Unsure);
    let nothing = Ranking { candidates: Vec::new(), in_scope: 1.0 };
    assert_eq!(decide(&nothing, &thresholds, |_| Some("compta")), IntentOutcome::Unsure);
}

#[test]
fn what_cannot_be_trained_on_is_said() {
    let one = examples(&[("payer", "payer")]);
    let train = |examples: &[Example], folds| {
        Classifier::train(examples, &[], &TrainOptions { folds, ..TrainOptions::default() }).unwrap_err()
    };
    assert_eq!(train(&one, 5), Error::TooFewIntents { found: 1 });
    assert_eq!(train(&[], 5), Error::TooFewIntents { found: 0 });
    assert_eq!(train(&combined(), 1), Error::TooFewFolds { found: 1 });
    let many: Vec<Example> =
        (0..=INTENTS_MAX).map(|index| Example::new("a", index.to_string(), Language::Fr)).collect();
    assert!(matches!(train(&many, 5), Error::TooMany { found, .. } if found == INTENTS_MAX + 1));
}

#[test]
fn what_was_misheard_is_held_out_with_what_was_said() {
    let mut examples = combined();
    let said = examples.clone();
    let misheard = said.iter().rev().map(|one| Example {
        said: Some(one.text.clone()),
        ..Example::new(format!("{} heu", one.text), &one.intent, Language::Fr)
    });
    examples.extend(misheard);
    let intents: Vec<String> = ["colis", "panne", "payer", "perte", "resilier"].map(str::to_owned).to_vec();
    let parts = crossfit::TrainingSet::new(&examples, &[], &intents, None).parts(5);
    let alone = crossfit::TrainingSet::new(&said, &[], &intents, None).parts(5);
    assert_eq!(parts[..said.len()], alone, "the written ones are held out as without them");
    let misheard: Vec<Option<usize>> = parts[said.len()..].iter().rev().copied().collect();
    assert_eq!(misheard, alone);
    assert!(alone.iter().all(Option::is_some));
}
