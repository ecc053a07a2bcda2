//! Learning a scenario: with the sentence encoder of this machine where there is one, and only once.
//!
//! A trained classifier is kept below the data folder under a name made of everything that it depends on: sentences,
//! options, program version, encoder. The same scenario is then ready in milliseconds, in every process; a changed one
//! has another name and is trained.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::machinery::cores;
use crate::encoder::SentenceEncoder;
use crate::home::Home;
use crate::intent::{self, Classifier, Meaning, MeaningFailed};
use crate::models::{self, Manifest, ModelFolder};
use crate::onnx;
use crate::pipeline::Error;
use crate::progress::Progress;
use crate::scenario::Scenario;

/// Name of the sentence encoder in the manifest.
pub const SENTENCE_ENCODER: &str = "e5-small";
/// Trained classifiers that are kept: the scenarios of one machine with a version or two of each.
const KEPT_MAX: usize = 16;

/// The sentence encoder of this machine; `None` when it, or the library that runs it, was not pulled.
///
/// # Errors
/// It is there and cannot be used.
pub fn sentence_encoder(home: &Home) -> Result<Option<Arc<dyn Meaning>>, Error> {
    let manifest = Manifest::builtin();
    let folder = ModelFolder::new(home.models());
    let (library, files) = match (folder.onnx_runtime(&manifest), folder.files(&manifest, SENTENCE_ENCODER)) {
        (Ok(library), Ok(files)) => (library, files),
        (Err(models::Error::Missing { .. } | models::Error::UnknownModel { .. }), _)
        | (_, Err(models::Error::Missing { .. })) => return Ok(None),
        (Err(error), _) | (_, Err(error)) => return Err(error.into()),
    };
    let runtime = onnx::Runtime::load(&library)?;
    let folder = files.first().and_then(|file| file.parent()).unwrap_or(Path::new(""));
    Ok(Some(Arc::new(SentenceEncoder::open(&runtime, folder, cores())?)))
}

/// The encoder while a scenario is learnt: `progress` counts the sentences that it has read.
#[derive(Debug)]
struct Counted {
    meaning: Arc<dyn Meaning>,
    progress: Progress,
}

impl Meaning for Counted {
    fn identity(&self) -> &str {
        self.meaning.identity()
    }

    fn parts(&self) -> usize {
        self.meaning.parts()
    }

    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        self.progress.set_total(texts.len() as u64);
        self.meaning.vectors_of_many(texts, &|more| self.progress.advance(more as u64))
    }
}

/// The classifier of `scenario`: kept from an earlier time, else trained now and kept. `progress` counts the sentences whose
/// meaning is read.
///
/// # Errors
/// The scenario's sentences cannot be learnt from. A folder that cannot be written only means training again next time.
pub fn classifier(
    scenario: &Scenario,
    home: &Home,
    meaning: Option<Arc<dyn Meaning>>,
    progress: &Progress,
) -> Result<Classifier, Error> {
    let folder = home.root().join("intents");
    let path = folder.join(format!("{}.bin", fingerprint(scenario, meaning.as_deref())));
    if let Some(kept) = fs::read(&path).ok().and_then(|bytes| Classifier::restore(&bytes, meaning.clone())) {
        return Ok(kept);
    }
    let options = scenario.train_options();
    let counted = meaning
        .clone()
        .map(|meaning| -> Arc<dyn Meaning> { Arc::new(Counted { meaning, progress: progress.clone() }) });
    let trained = train(scenario, &options, counted)?;
    let bytes = trained.save();
    if let Err(error) = keep(&bytes, &path) {
        tracing::warn!(%error, path = %path.display(), "a trained classifier cannot be kept");
    }
    // What is used asks the encoder itself: nothing is counted any more.
    Ok(Classifier::restore(&bytes, meaning).unwrap_or(trained))
}

fn train(
    scenario: &Scenario,
    options: &intent::TrainOptions,
    meaning: Option<Arc<dyn Meaning>>,
) -> Result<Classifier, intent::Error> {
    let (examples, out_of_scope) = (&scenario.examples, &scenario.out_of_scope);
    match meaning {
        Some(meaning) => Classifier::train_with_meaning(examples, out_of_scope, options, meaning),
        None => Classifier::train(examples, out_of_scope, options),
    }
}

/// Everything that a trained classifier depends on, as one name.
fn fingerprint(scenario: &Scenario, meaning: Option<&dyn Meaning>) -> String {
    let mut hasher = Sha256::new();
    // The length before each piece: no two lists of pieces are the same bytes.
    let mut add = |piece: &str| {
        hasher.update((piece.len() as u64).to_le_bytes());
        hasher.update(piece.as_bytes());
    };
    add(env!("CARGO_PKG_VERSION"));
    add(meaning.map_or("words", |meaning| meaning.identity()));
    add(&format!("{:?}", scenario.train_options()));
    for example in &scenario.examples {
        add(&example.text);
        add(&example.intent);
        add(example.language.code());
        add(example.said.as_deref().unwrap_or_default());
    }
    for one in &scenario.out_of_scope {
        add(&one.text);
        add(one.language.code());
    }
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes under a temporary name, renames, and lets go of the oldest beyond [`KEPT_MAX`].
fn keep(bytes: &[u8], path: &Path) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, path)?;
    let mut kept: Vec<(std::time::SystemTime, PathBuf)> = fs::read_dir(folder)?
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    let too_many = kept.len().saturating_sub(KEPT_MAX);
    kept.iter().take(too_many).try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(sentence: &str) -> (tempfile::TempDir, Scenario) {
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
        write("intents/a.csv", &format!("text,intent,lang\nje veux payer,payer,fr\n{sentence},colis,fr\n"));
        fs::create_dir_all(folder.path().join("steps")).unwrap();
        let scenario = Scenario::load(folder.path()).unwrap();
        (folder, scenario)
    }

    #[test]
    fn a_scenario_is_trained_once_and_a_changed_one_again() {
        let root = tempfile::tempdir().unwrap();
        let home =
            Home::resolve(|name| (name == "ALLO_HOME").then(|| root.path().as_os_str().to_owned())).unwrap();
        let kept = || {
            let mut names: Vec<_> =
                fs::read_dir(root.path().join("intents")).unwrap().flatten().map(|one| one.path()).collect();
            names.sort();
            names
        };
        let (_folder, first) = scenario("où est mon colis");
        let trained = classifier(&first, &home, None, &Progress::hidden()).unwrap();
        assert_eq!(kept().len(), 1);
        let restored = classifier(&first, &home, None, &Progress::hidden()).unwrap();
        assert_eq!(restored.classify("mon colis"), trained.classify("mon colis"));
        assert_eq!((kept().len(), restored.report()), (1, trained.report()));

        fs::write(&kept()[0], b"damaged").unwrap();
        assert_eq!(
            classifier(&first, &home, None, &Progress::hidden()).unwrap().thresholds(),
            trained.thresholds()
        );

        let (_folder, second) = scenario("suivre mon paquet");
        classifier(&second, &home, None, &Progress::hidden()).unwrap();
        assert_eq!(kept().len(), 2);
    }

    /// Knows of a sentence how long it is.
    #[derive(Debug)]
    struct Lengths;

    impl Meaning for Lengths {
        fn identity(&self) -> &str {
            "lengths"
        }

        fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
            Ok(texts.iter().map(|text| vec![1.0, text.len() as f32]).collect())
        }
    }

    #[test]
    fn the_sentences_that_are_read_are_counted() {
        let counted = Counted { meaning: Arc::new(Lengths), progress: Progress::hidden() };
        let vectors = counted.vectors(&["payer", "où est mon colis"]).unwrap();
        assert_eq!(vectors, Lengths.vectors(&["payer", "où est mon colis"]).unwrap());
        assert_eq!(counted.progress.position(), 2);
        assert_eq!(counted.identity(), Lengths.identity());
    }

    #[test]
    fn no_more_are_kept_than_there_is_use_for() {
        let folder = tempfile::tempdir().unwrap();
        for index in 0..KEPT_MAX + 3 {
            keep(b"x", &folder.path().join(format!("{index}.bin"))).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), KEPT_MAX);
    }
}
