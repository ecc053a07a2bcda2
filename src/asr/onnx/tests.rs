//! The network beside whisper.cpp, what becomes of damaged graphs, and one loaded model in many hands.

mod damaged;
mod numerics;
mod shared;

use std::path::PathBuf;
use std::sync::Arc;

use super::EngineSettings;
use crate::asr::config::Config;
use crate::asr::{LanguageChoice, Priority, Request, Task};
use crate::call::Language;
use crate::home::Home;
use crate::onnx::Runtime;
use crate::redact::Redacted;

/// The file among the models of this machine, or `None` with a word about it; in CI it has to be there.
fn model(file: &str) -> Option<PathBuf> {
    let home = Home::resolve(|name| std::env::var_os(name)).expect("a home folder");
    let path = home.models().join(file);
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "missing in CI: {}", path.display());
    eprintln!("skipped, missing: {}", path.display());
    None
}

fn runtime() -> Option<Runtime> {
    Some(Runtime::load(&model("libonnxruntime.so")?).expect("the library loads"))
}

#[test]
fn the_search_leans_to_names_that_were_asked_for_and_reads_them_first_unless_that_is_off() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Arc<[String]>>();
    let request = |asked: &[&str]| Request {
        samples: Arc::new([]),
        language: LanguageChoice::Known(Language::Fr),
        task: Task::Transcribe,
        vocabulary: names(&["Livebox|box"]),
        asked: names(asked),
        sentences: names(&[]),
        prefix: Redacted::default(),
        priority: Priority::LiveFinal,
    };
    let (asked, free) = (request(&["Velmoxine", "Dorzanil"]), request(&[]));
    let check = |config: &Config, request: &Request, leaning: (&Arc<[String]>, f32), prompted: &[&str]| {
        let settings = EngineSettings::of(config);
        assert_eq!(settings.leaning(request), leaning);
        assert_eq!(settings.prompted(request).collect::<Vec<_>>(), prompted);
    };
    let usual = Config::default();
    check(&usual, &asked, (&asked.asked, 1.0), &["Velmoxine", "Dorzanil"]);
    check(&usual, &free, (&free.vocabulary, 0.0), &[]);
    let strong = Config { vocabulary_boost: 2.0, vocabulary_prompt: true, ..Config::default() };
    check(&strong, &asked, (&asked.asked, 2.0), &["Velmoxine", "Dorzanil", "Livebox", "box"]);
    check(&strong, &free, (&free.vocabulary, 2.0), &["Livebox", "box"]);
    let off = Config { vocabulary_boost_asked: 0.0, ..Config::default() };
    check(&off, &asked, (&asked.vocabulary, 0.0), &[]);
}
