//! The model against the C program of the package its weights come from. What is missing fails where `CI` is set and is
//! skipped elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::home::Home;
use crate::onnx::Runtime;

/// Sentences with the number of pieces that the other program cuts them into ("query: " before each, the marks of begin
/// and end included), and the first values of its vectors.
const SENTENCES: [(&str, usize, [f32; 4]); 9] = [
    ("je n'ai plus internet depuis hier soir", 14, [0.0244, -0.0046, 0.0012, -0.0489]),
    ("ma connexion internet ne marche plus", 11, [0.0127, -0.0304, -0.0162, -0.0375]),
    ("I lost my bank card yesterday", 11, [0.0589, -0.0447, -0.0042, -0.0668]),
    ("ik ben gisteren mijn bankpas kwijtgeraakt", 16, [0.0603, -0.0527, 0.0063, -0.0772]),
    ("où est mon colis ?", 11, [-0.0041, -0.0472, -0.0229, -0.0616]),
    (
        "can you tell me how much money I have on my savings account please",
        20,
        [0.0208, -0.0417, -0.0312, -0.0468],
    ),
    ("ik wil mijn abonnement opzeggen", 12, [0.0452, -0.0401, -0.0308, -0.0876]),
    ("je voudrais résilier mon abonnement", 12, [0.0197, -0.0232, -0.0185, -0.0948]),
    ("Œuvre ﬁnale, n° 12 … 日本", 16, [0.0489, -0.0079, -0.0614, -0.0353]),
];
/// Cosines of pairs of them in the other program.
const COSINES: [(usize, usize, f32); 10] = [
    (0, 1, 0.9266),
    (0, 2, 0.9043),
    (0, 5, 0.8064),
    (1, 4, 0.8367),
    (2, 3, 0.9154),
    (3, 4, 0.8011),
    (4, 5, 0.7870),
    (6, 7, 0.9238),
    (6, 4, 0.8077),
    (8, 5, 0.7770),
];

fn encoder() -> Option<SentenceEncoder> {
    let folder = Home::resolve(|name| std::env::var_os(name)).ok()?.models().to_path_buf();
    let (library, model) = (folder.join("libonnxruntime.so"), folder.join("e5-small"));
    let graph = model.join(package::GRAPH_FILE);
    if let Some(missing) = [&library, &graph].into_iter().find(|path| !path.is_file()) {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", missing.display());
        eprintln!("skipped: {} is missing", missing.display());
        return None;
    }
    Some(SentenceEncoder::open(&Runtime::load(&library).unwrap(), &model, 2).unwrap())
}

fn cosine(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[test]
fn vectors_are_those_of_the_package_the_weights_come_from() {
    let Some(encoder) = encoder() else { return };
    let texts = SENTENCES.map(|(text, _, _)| text);
    let done = AtomicUsize::new(0);
    let count = |more: usize| {
        done.fetch_add(more, Ordering::Relaxed);
    };
    let vectors = encoder.encode_many(&texts, &count).unwrap();
    assert_eq!(done.into_inner(), texts.len(), "each sentence is told of once");
    for part in vectors.iter().flat_map(|vector| vector.chunks(vector.len() / PARTS)) {
        assert!((cosine(part, part) - 1.0).abs() < 1e-4);
    }
    // The package has the first part only.
    let vectors: Vec<&[f32]> = vectors.iter().map(|vector| &vector[..vector.len() / PARTS]).collect();
    for ((text, _, first), vector) in SENTENCES.iter().zip(&vectors) {
        for (found, expected) in vector.iter().zip(first) {
            // A value is 0.05 on average.
            assert!((found - expected).abs() < 0.01, "{text}: {found} for {expected}");
        }
    }
    for (left, right, expected) in COSINES {
        let found = cosine(vectors[left], vectors[right]);
        assert!((found - expected).abs() < 0.01, "{left} and {right}: {found} for {expected}");
    }
}

#[test]
fn sentences_are_cut_as_the_package_cuts_them() {
    let Some(encoder) = encoder() else { return };
    for (text, pieces, _) in SENTENCES {
        assert_eq!(encoder.pieces(text), pieces, "{text}");
    }
}

#[test]
fn a_sentence_has_nearly_the_same_vector_alone_and_among_longer_ones() {
    let Some(encoder) = encoder() else { return };
    let alone = encoder.encode(&["où est mon colis ?"]).unwrap();
    let long = "je voudrais savoir où en est la livraison de mon colis ".repeat(4);
    let among = encoder.encode(&[&long, "où est mon colis ?", ""]).unwrap();
    // Inputs are rounded on one scale for all rows of a batch: as far apart as from the vectors in f32.
    let width = alone[0].len() / PARTS;
    for (alone, among) in alone[0].chunks(width).zip(among[1].chunks(width)) {
        assert!(cosine(alone, among) > 0.998, "{}", cosine(alone, among));
    }
    assert!(among[2].iter().all(|value| value.is_finite()));
    assert!(encoder.encode(&[]).unwrap().is_empty());
}

#[test]
fn what_is_not_a_model_is_said_to_be_none() {
    let Some(library) =
        Home::resolve(|name| std::env::var_os(name)).ok().map(|home| home.models().join("libonnxruntime.so"))
    else {
        return;
    };
    if !library.is_file() {
        return;
    }
    let runtime = Runtime::load(&library).unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(SentenceEncoder::open(&runtime, folder.path(), 1), Err(Error::Read { .. })));
    std::fs::write(folder.path().join(package::VOCABULARY_FILE), b"nothing").unwrap();
    let error = SentenceEncoder::open(&runtime, folder.path(), 1).unwrap_err();
    assert!(error.to_string().contains("hint: run `allo models verify`"), "{error}");
}

/// `cargo test --release --lib encoder -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a check"]
fn speed_by_size_of_batch() {
    use crate::clock::{Clock as _, SystemClock};
    let Some(encoder) = encoder() else { return };
    let lengths =
        ["ma facture", SENTENCES[0].0, SENTENCES[5].0, "covorive je voudrais bacofudi mon fudiconomi leruga"];
    let texts: Vec<String> = (0..512).map(|index| format!("{} {index}", lengths[index % 4])).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for batch in [1, 2, 4, 8, 16, 32, 64, 4, 16] {
        let start = SystemClock.monotonic();
        let vectors = encoder.encode_in_batches(&texts, batch, &|_| {}).unwrap();
        let taken = SystemClock.monotonic() - start;
        eprintln!("{batch:>3}: {:.2} ms a sentence", taken.as_secs_f64() * 1e3 / vectors.len() as f64);
    }
}
