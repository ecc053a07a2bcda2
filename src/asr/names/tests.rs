use proptest::prelude::*;

use super::*;
use crate::asr::fake::recognition;
use crate::call::Language;

const NAMES: [&str; 5] = ["Velmoxine", "Dorzanil", "Épargnix", "Casque Orion", "Gastravine"];

fn vocabulary() -> Arc<[String]> {
    NAMES.map(str::to_owned).into()
}

fn expected(sentences: &[&str]) -> Expected {
    Expected { names: vocabulary(), sentences: sentences.iter().map(|words| (*words).to_owned()).collect() }
}

/// What becomes of `text` when the engine was `confident` of every word.
fn put_right(text: &str, confidence: f32) -> Recognition {
    let mut heard = recognition(text, 32_000, Language::Fr);
    for word in &mut heard.words {
        word.confidence = confidence;
    }
    NameEar::default().put_right(expected(&[]), &mut heard);
    heard
}

fn words(heard: &Recognition) -> Vec<&str> {
    heard.words.iter().map(|word| word.text.reveal().as_str()).collect()
}

#[test]
fn two_words_that_sound_like_a_name_become_it_in_text_and_words() {
    let before = recognition("est-ce que la vel moxine, est là ?", 32_000, Language::Fr);
    let heard = put_right("est-ce que la vel moxine, est là ?", 0.5);
    assert_eq!(heard.text.reveal(), "est-ce que la Velmoxine, est là ?");
    assert_eq!(words(&heard), ["est-ce", "que", "la", "Velmoxine,", "est", "là", "?"]);
    assert_eq!(heard.words[3].span, SampleSpan::new(before.words[3].span.start, before.words[4].span.end));
}

#[test]
fn three_words_become_one_with_the_time_of_all() {
    let before = recognition("du gaz très vignes ici", 40_000, Language::Fr);
    let mut heard = before.clone();
    heard.words[3].confidence = 0.3;
    let names = ["Gastravine".to_owned()].into();
    NameEar::default().put_right(Expected { names, ..expected(&[]) }, &mut heard);
    assert_eq!(words(&heard), ["du", "Gastravine", "ici"]);
    assert_eq!(heard.words[1].span, SampleSpan::new(before.words[1].span.start, before.words[3].span.end));
    assert!((heard.words[1].confidence - 0.3).abs() < f32::EPSILON);
}

#[test]
fn what_stands_before_a_name_in_its_word_stays() {
    let heard = put_right("je cherche l'epargnixe.", 0.4);
    assert_eq!(heard.text.reveal(), "je cherche l'Épargnix.");
    assert_eq!(words(&heard), ["je", "cherche", "l'Épargnix."]);
}

#[test]
fn a_word_that_was_heard_for_sure_is_no_name() {
    assert_eq!(put_right("mon épargne est vide", 0.99).text.reveal(), "mon épargne est vide");
}

#[test]
fn another_vocabulary_brings_other_names() {
    let mut ear = NameEar::default();
    let mut heard = recognition("la vel moxine", 16_000, Language::Fr);
    let names = ["Dorzanil".to_owned()].into();
    ear.put_right(Expected { names, ..expected(&[]) }, &mut heard);
    assert_eq!(heard.text.reveal(), "la vel moxine");
    ear.put_right(expected(&[]), &mut heard);
    assert_eq!(heard.text.reveal(), "la Velmoxine");
}

#[test]
fn an_alias_is_written_as_it_was_said_under_the_key_of_its_name_and_is_no_rival_to_it() {
    let hears = |name: &str| {
        let mut heard = recognition("la vel moxine", 32_000, Language::Fr);
        heard.words.iter_mut().for_each(|word| word.confidence = 0.4);
        let names = [name.to_owned()].into();
        NameEar::default().put_right(Expected { names, ..expected(&[]) }, &mut heard);
        assert_eq!(heard.text.reveal(), "la Velmoxine");
        let [change] = heard.corrections.as_slice() else { panic!("{:?}", heard.corrections) };
        assert_eq!(change.runner_up, None);
        change.id.reveal().clone()
    };
    assert_eq!(hears("Amoxil | Velmoxine"), "Amoxil");
    assert_eq!(hears("Velmoxine|Velmoxin"), "Velmoxine");
}

#[test]
fn words_of_the_scenario_are_no_names_however_badly_they_were_heard() {
    let mut ear = NameEar::default();
    let mut hears = |ordinary_words: &[&str]| {
        let mut heard = recognition("je cherche l'epargnixe", 32_000, Language::Fr);
        heard.words.iter_mut().for_each(|word| word.confidence = 0.4);
        ear.put_right(expected(ordinary_words), &mut heard);
        heard.text.reveal().clone()
    };
    assert_eq!(hears(&[]), "je cherche l'Épargnix");
    assert_eq!(hears(&["une bonne", "Epargnixe,"]), "je cherche l'epargnixe");
    assert_eq!(hears(&["une bonne"]), "je cherche l'Épargnix");
}

#[test]
fn what_was_put_right_is_noted_with_its_place() {
    let heard = put_right("est-ce que la vel moxine, est là ?", 0.5);
    let [change] = heard.corrections.as_slice() else { panic!("{:?}", heard.corrections) };
    assert_eq!((change.said.reveal().as_str(), change.name.reveal().as_str()), ("vel moxine", "Velmoxine"));
    assert_eq!(&heard.text.reveal()[change.span.clone()], "Velmoxine");
    assert!(change.score > 0.7);
    assert_eq!(put_right("la Velmoxine est là", 0.5).corrections, []);
}

proptest! {
    /// Whatever was heard: the words still spell the text, in order, within the time they had.
    #[test]
    fn words_and_text_stay_one(picked in prop::collection::vec(0_usize..12, 1..12), confidence in 0.0_f32..1.0) {
        let parts = ["gaz", "très", "vignes", "vel", "moxine,", "l'epargnixe", "Velmoxine", "dorza", "nil.", "casque", "orion", "bonjour"];
        let text: Vec<&str> = picked.iter().map(|place| parts[*place]).collect();
        let heard = put_right(&text.join(" "), confidence);
        prop_assert_eq!(words(&heard).join(" "), heard.text.reveal().as_str());
        for change in &heard.corrections {
            prop_assert_eq!(heard.text.reveal().get(change.span.clone()), Some(change.name.reveal().as_str()));
        }
        let spans: Vec<_> = heard.words.iter().map(|word| word.span).collect();
        prop_assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
    }
}
