//! With meanings: a source of them that knows which words mean the same.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use proptest::prelude::*;

use super::*;

/// Words of one line mean the same.
const CONCEPTS: [&[&str]; 5] = [
    &["payer", "régler", "acquitter"],
    &["résilier", "annuler", "arrêter"],
    &["internet", "connexion", "wifi"],
    &["téléphone", "portable", "mobile"],
    &["colis", "paquet", "livraison"],
];

#[derive(Debug)]
struct Concepts {
    fails: bool,
}

impl Meaning for Concepts {
    fn identity(&self) -> &str {
        "concepts"
    }

    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        if self.fails {
            return Err(MeaningFailed("out of order".into()));
        }
        let vector = |text: &&str| {
            let words: Vec<&str> = text.split_whitespace().collect();
            let count = |concept: &&[&str]| words.iter().filter(|word| concept.contains(word)).count() as f32;
            // All vectors have most in common, as those of an encoder have.
            CONCEPTS.iter().map(count).chain([5.0, 0.01 * words.len() as f32]).collect()
        };
        Ok(texts.iter().map(vector).collect())
    }
}

fn with_meaning() -> Classifier {
    let source = Arc::new(Concepts { fails: false });
    Classifier::train_with_meaning(&combined(), &[], &TrainOptions::default(), source).unwrap()
}

/// Remembers what it read.
#[derive(Debug, Default)]
struct Watched {
    read: Mutex<Vec<String>>,
}

impl Meaning for Watched {
    fn identity(&self) -> &str {
        "concepts"
    }

    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.extend(texts.iter().map(|text| (*text).to_owned()));
        Concepts { fails: false }.vectors(texts)
    }
}

impl Watched {
    /// What was read since this was asked last, in alphabetical order.
    fn take(&self) -> Vec<String> {
        let mut read = std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner));
        read.sort();
        read
    }
}

fn watched() -> (Classifier, Arc<Watched>) {
    let source = Arc::new(Watched::default());
    let meaning: Arc<dyn Meaning> = source.clone();
    (Classifier { meaning: Some(meaning), ..with_meaning() }, source)
}

/// The wishes in `heard`, found by reading all parts.
fn wishes_by_reading_all(classifier: &Classifier, heard: &Heard) -> Vec<Ranking> {
    let by_words = |text: &str| classifier.judge_words(text).best();
    let clear = classifier.thresholds().likely.max(classifier::PART_PROBABILITY_MIN);
    let is_wish = |part: &Ranking| {
        part.in_scope >= classifier.thresholds().in_scope && part.candidates[0].probability >= clear
    };
    let whole = classifier.understand(heard);
    let places = wishes::parts(heard.text.reveal())
        .into_iter()
        .filter(|(first, second)| by_words(first) != by_words(second))
        .take(classifier::PLACES_READ_MAX);
    for (first, second) in places {
        let both = [first, second].map(|part| {
            let words = part.split_whitespace().count();
            classifier.understand(&Heard::from(part).with_confidences(vec![heard.reliability(); words]))
        });
        let [first, second] = both.each_ref().map(|part| &part.candidates[0]);
        if first.intent != second.intent
            && both.iter().all(is_wish)
            && first.probability * second.probability > whole.candidates[0].probability
        {
            return both.into();
        }
    }
    vec![whole]
}

/// One core; remembers who gave way.
#[derive(Debug, Default)]
struct OneCore {
    threads: Mutex<Vec<ThreadId>>,
}

impl Pace for OneCore {
    fn takes_all_cores(&self) -> bool {
        false
    }

    fn give_way(&self) {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread::current().id());
    }
}

#[test]
fn on_one_core_the_same_is_learnt_and_every_fit_gives_way() {
    let (examples, options, pace) = (combined(), TrainOptions::default(), OneCore::default());
    let source: Arc<dyn Meaning> = Arc::new(Concepts { fails: false });
    let slow = Classifier::train_at(&pace, (&examples, &[]), &options, Some(source)).unwrap();
    assert!(slow.save() == with_meaning().save(), "the classifiers differ");
    let threads = pace.threads.into_inner().unwrap();
    assert!(threads.iter().all(|thread| *thread == thread::current().id()), "learning took another thread");
    // Each part is held out twice, and all is learnt; words and meanings give way before each pass.
    assert!(threads.len() >= 2 * (2 * options.folds + 1), "{}", threads.len());
}

#[test]
fn a_meaning_is_known_whose_words_are_not() {
    let classifier = with_meaning();
    assert!(classifier.report().meaning_share > 0.0);
    for (text, intent) in [("Acquitter !", "payer"), ("annuler", "resilier"), ("paquet, livraison", "colis")]
    {
        assert_eq!(best(&classifier, text), intent, "{text}");
    }
}

#[test]
fn what_is_kept_is_the_classifier_that_was_trained() {
    for classifier in [with_meaning(), Classifier::train(&combined(), &[], &TrainOptions::default()).unwrap()]
    {
        let bytes = classifier.save();
        let restored = Classifier::restore(&bytes, classifier.meaning.clone()).unwrap();
        for text in ["je veux régler", "suivre mon colis", "wxyz", ""] {
            assert_eq!(restored.classify(text), classifier.classify(text));
        }
        assert_eq!(restored.report(), classifier.report());
        assert_eq!(restored.thresholds(), classifier.thresholds());
        assert_eq!(restored.save(), bytes);
        let other = match classifier.meaning {
            Some(_) => None,
            None => Some(Arc::new(Concepts { fails: false }) as Arc<dyn Meaning>),
        };
        assert!(Classifier::restore(&bytes, other).is_none());
        for length in (0..bytes.len()).step_by(97) {
            assert!(Classifier::restore(&bytes[..length], classifier.meaning.clone()).is_none());
        }
    }
}

#[test]
fn a_source_that_fails_stops_training_but_no_call() {
    let source = Arc::new(Concepts { fails: true });
    let error = Classifier::train_with_meaning(&combined(), &[], &TrainOptions::default(), source.clone())
        .unwrap_err();
    assert_eq!(error, Error::Meaning { reason: "out of order".to_owned() });
    let mut classifier = with_meaning();
    classifier.meaning = Some(source);
    assert_eq!(best(&classifier, "je voudrais suivre mon colis"), "colis");
    assert_eq!(classifier.wishes(&Heard::from("payer ma facture et suivre mon colis")).len(), 2);
}

#[test]
fn out_of_a_big_set_as_many_of_each_intent_are_read_as_there_are_characters_to_spend() {
    let examples: Vec<Example> = (0..9_000)
        .map(|index| Example::new(format!("{index:060}"), (index % 450).to_string(), Language::Fr))
        .collect();
    let chosen = classifier::chosen(&examples, 3);
    assert_eq!(chosen.len(), 9_003);
    assert!(chosen[9_000..].iter().all(|is_read| *is_read));
    for intent in 0..450 {
        let read = (0..9_000).filter(|index| index % 450 == intent && chosen[*index]);
        assert_eq!(read.count(), 11, "five ninths of the characters can be read");
    }
}

#[test]
fn the_longer_part_is_read_only_where_the_shorter_one_leaves_it_a_say() {
    let (classifier, source) = watched();
    let wishes =
        ["payer ma facture", "résilier mon abonnement", "bloquer mon téléphone perdu", "suivre mon colis"];
    let (mut left_unread, mut told_apart) = (0, 0);
    for second in wishes {
        for nothing in ["wxyz kkk", "qqq jjj", "zzz www"] {
            classifier.wishes(&Heard::from(format!("{nothing} et je voudrais {second}")));
            let read = source.take();
            left_unread += usize::from(read.len() == 2 && read.iter().any(|text| text == nothing));
        }
        for first in wishes {
            let found = classifier.wishes(&Heard::from(format!("{first} et {second}")));
            let read = source.take();
            assert!(found.len() == 1 || read.len() == 3, "{read:?}");
            told_apart += usize::from(found.len() == 2);
        }
    }
    assert!(left_unread > 0, "every longer part was read");
    assert!(told_apart > 0, "no two wishes were told apart");
}

#[test]
fn what_differs_in_punctuation_and_case_only_is_read_once() {
    let (classifier, source) = watched();
    let heard = Heard::from("Je veux régler !")
        .with_alternative("je veux régler", 0.5)
        .with_alternative("je veux annuler", 0.25);
    let understood = classifier.understand(&heard);
    assert_eq!(source.take(), ["je veux annuler", "je veux régler"]);
    assert_eq!(classifier.wishes(&heard), [understood]);
    assert_eq!(source.take().len(), 2);
}

static TRAINED: LazyLock<Classifier> = LazyLock::new(with_meaning);

proptest! {
    #[test]
    fn what_is_left_unread_changes_no_wish(
        clauses in proptest::collection::vec(
            "(je veux régler ma facture|suivre mon paquet|annuler|mon portable|wxyz kkk|bonjour madame)",
            1..5,
        ),
        between in "( et | et aussi |, |\\. )",
        confidence in proptest::sample::select(vec![1.0_f32, 0.75, 0.5]),
        has_other_reading in any::<bool>(),
    ) {
        let text = clauses.join(between.as_str());
        let words = text.split_whitespace().count();
        let mut heard = Heard::from(text.as_str()).with_confidences(vec![confidence; words]);
        if has_other_reading {
            heard = heard.with_alternative(format!("{text} oui"), 0.5);
        }
        prop_assert_eq!(TRAINED.wishes(&heard), wishes_by_reading_all(&TRAINED, &heard));
    }
}
