//! Scenarios that are learnt, changed and learnt again, with a source of meanings that says what it was asked.

use std::sync::{Mutex, PoisonError};

use super::*;
use crate::intent::MeaningFailed;

/// A scenario with two intents; `parcels` are the examples of the second one.
fn scenario(parcels: &[&str]) -> (tempfile::TempDir, Scenario) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "scenario.toml",
        "name = \"a\"\nlanguages = [\"fr\"]\ndefault_language = \"fr\"\n[greeting]\nfr = \"Bonjour\"\n\
         [[routes]]\nid = \"r\"\nqueue = \"1\"\nlabel = { fr = \"R\" }\n[intents]\npayer = \"r\"\ncolis = \"r\"\n",
    );
    let rows: Vec<String> = parcels.iter().map(|sentence| format!("{sentence},colis,fr\n")).collect();
    write("intents/a.csv", &format!("text,intent,lang\nje veux payer,payer,fr\n{}", rows.concat()));
    fs::create_dir_all(folder.path().join("steps")).unwrap();
    let scenario = Scenario::load(folder.path()).unwrap();
    (folder, scenario)
}

fn home() -> (tempfile::TempDir, Home) {
    let root = tempfile::tempdir().unwrap();
    let home = Home::resolve(|name| (name == "ALLO_HOME").then(|| root.path().as_os_str().to_owned()));
    (root, home.unwrap())
}

/// Files of what was learnt with this ending.
fn kept(home: &Home, ending: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(home.root().join("intents")).unwrap().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    paths.sort();
    paths
}

/// Knows of a sentence how long it is and how many vowels it has; remembers what it was asked.
#[derive(Debug, Default)]
struct Letters {
    read: Mutex<Vec<String>>,
}

impl Letters {
    /// What it has read since it was asked last.
    fn read(&self) -> Vec<String> {
        std::mem::take(&mut self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Meaning for Letters {
    fn identity(&self) -> &str {
        "letters"
    }

    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.extend(texts.iter().map(|text| (*text).to_owned()));
        let vowels = |text: &str| text.chars().filter(|letter| "aeiouyéèô".contains(*letter)).count();
        Ok(texts.iter().map(|text| vec![1.0, text.len() as f32 / 7.0, vowels(text) as f32]).collect())
    }
}

fn learn(scenario: &Scenario, home: &Home, meaning: &Arc<Letters>) -> Classifier {
    let meaning = Arc::<Letters>::clone(meaning);
    classifier(scenario, home, Some(meaning), &Progress::hidden()).unwrap()
}

#[test]
fn a_scenario_is_trained_once_and_a_changed_one_again() {
    let (_root, home) = home();
    let (_folder, first) = scenario(&["où est mon colis"]);
    let trained = classifier(&first, &home, None, &Progress::hidden()).unwrap();
    assert_eq!(kept(&home, "bin").len(), 1);
    let restored = classifier(&first, &home, None, &Progress::hidden()).unwrap();
    assert_eq!(restored.classify("mon colis"), trained.classify("mon colis"));
    assert_eq!((kept(&home, "bin").len(), restored.report()), (1, trained.report()));

    fs::write(&kept(&home, "bin")[0], b"damaged").unwrap();
    let again = classifier(&first, &home, None, &Progress::hidden()).unwrap();
    assert_eq!(again.thresholds(), trained.thresholds());

    let (_folder, second) = scenario(&["suivre mon paquet"]);
    classifier(&second, &home, None, &Progress::hidden()).unwrap();
    assert_eq!((kept(&home, "bin").len(), kept(&home, "vectors").len()), (2, 0));
}

#[test]
fn of_a_scenario_with_one_new_example_one_sentence_is_read_and_what_is_learnt_is_the_same() {
    let ((_root, home), meaning) = (self::home(), Arc::new(Letters::default()));
    let (_folder, first) = scenario(&["où est mon colis"]);
    learn(&first, &home, &meaning);
    assert!(meaning.read().contains(&"où est mon colis".to_owned()), "the first time everything is read");

    let (_folder, second) = scenario(&["où est mon colis", "Suivre mon paquet !"]);
    let changed = learn(&second, &home, &meaning);
    assert_eq!(meaning.read(), ["suivre mon paquet"]);
    let (_root, empty) = self::home();
    let from_nothing = learn(&second, &empty, &meaning);
    assert!(meaning.read().len() > 3);
    assert!(changed.save() == from_nothing.save(), "the classifiers differ");

    // As it was before, and with another punctuation, which has no meaning.
    let (_folder, third) = scenario(&["où est mon colis ?", "suivre mon paquet"]);
    learn(&third, &home, &meaning);
    assert_eq!(meaning.read(), [""; 0]);
    assert_eq!(kept(&home, "vectors").len(), 1);
}

/// One core, whatever it has to wait for.
#[derive(Debug)]
struct OneCore;

impl Pace for OneCore {
    fn takes_all_cores(&self) -> bool {
        false
    }

    fn give_way(&self) {}
}

#[test]
fn what_a_running_service_learns_of_a_changed_sentence_is_what_is_learnt_from_nothing() {
    let ((_root, home), meaning) = (self::home(), Arc::new(Letters::default()));
    let (_folder, before) = scenario(&["où est mon colis", "suivre mon paquet"]);
    learn(&before, &home, &meaning);
    meaning.read();
    let (_folder, changed) = scenario(&["où en est mon colis", "suivre mon paquet"]);
    let slow = Learner { home: &home, progress: &Progress::hidden(), pace: Arc::new(OneCore) };
    let source: Arc<dyn Meaning> = Arc::<Letters>::clone(&meaning);
    let reloaded = slow.classifier(&changed, Some(source)).unwrap();
    assert_eq!(meaning.read(), ["où en est mon colis"]);
    let (_root, empty) = self::home();
    assert!(reloaded.save() == learn(&changed, &empty, &meaning).save(), "the classifiers differ");
}

#[test]
fn damaged_vectors_are_made_anew() {
    let ((_root, home), meaning) = (self::home(), Arc::new(Letters::default()));
    let (_folder, first) = scenario(&["où est mon colis"]);
    let whole = learn(&first, &home, &meaning);
    let everything = meaning.read().len();
    let path = kept(&home, "vectors").remove(0);
    let bytes = fs::read(&path).unwrap();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [b"damaged".to_vec(), bytes[..bytes.len() - 20].to_vec(), flipped, Vec::new()] {
        fs::write(&path, damaged).unwrap();
        kept(&home, "bin").iter().for_each(|path| fs::remove_file(path).unwrap());
        let again = learn(&first, &home, &meaning);
        assert_eq!(meaning.read().len(), everything);
        assert!(again.save() == whole.save(), "the classifiers differ");
        assert!(fs::read(&path).unwrap() == bytes, "the file is not whole again");
    }
}

#[test]
fn a_source_that_fails_fails_the_learning_and_keeps_nothing() {
    #[derive(Debug)]
    struct Fails;

    impl Meaning for Fails {
        fn identity(&self) -> &str {
            "fails"
        }

        fn vectors(&self, _: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
            Err(MeaningFailed("out of order".into()))
        }
    }

    let (_root, home) = home();
    let (_folder, scenario) = scenario(&["où est mon colis"]);
    let error = classifier(&scenario, &home, Some(Arc::new(Fails)), &Progress::hidden()).unwrap_err();
    assert!(error.to_string().contains("out of order"), "{error}");
    assert!(!home.root().join("intents").exists());
}
