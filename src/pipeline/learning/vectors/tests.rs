//! Vectors that are kept, by a source of meanings that tells sentences apart by their length.

use std::sync::Mutex;

use super::*;
use crate::intent::FullPace;

/// Knows of a sentence how long it is.
#[derive(Debug)]
struct Lengths {
    identity: &'static str,
}

const LENGTHS: Lengths = Lengths { identity: "lengths" };

impl Meaning for Lengths {
    fn identity(&self) -> &str {
        self.identity
    }

    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        Ok(texts.iter().map(|text| vec![1.0, text.len() as f32]).collect())
    }
}

fn remembering(folder: &Path, bytes_max: usize) -> Remembering {
    let file = VectorFile::of(&LENGTHS, folder, bytes_max);
    Remembering { meaning: Arc::new(LENGTHS), file, progress: Progress::hidden(), pace: Arc::new(FullPace) }
}

/// How many of `texts` are read.
fn read(folder: &Path, texts: &[&str]) -> u64 {
    let remembering = remembering(folder, BYTES_MAX);
    let vectors = remembering.vectors(texts).expect("they can be read");
    assert_eq!(vectors, LENGTHS.vectors(texts).expect("they can be read"));
    remembering.progress.position()
}

/// Bytes of a file of so many sentences.
fn bytes_of(sentences: usize) -> usize {
    HEADER_BYTES + sentences * (SENTENCE_BYTES + 2 * VALUE_BYTES)
}

#[test]
fn sentences_are_read_and_counted_once() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(read(folder.path(), &["payer", "où est mon colis", "payer"]), 2);
    assert_eq!(read(folder.path(), &["où est mon colis", "suivre"]), 1);
    assert_eq!(read(folder.path(), &["suivre", "payer"]), 0);
    assert_eq!(read(folder.path(), &[]), 0);
    let remembering = remembering(folder.path(), BYTES_MAX);
    assert_eq!((remembering.identity(), remembering.parts()), (LENGTHS.identity(), LENGTHS.parts()));
    assert_eq!(fs::metadata(&remembering.file.path).expect("it is there").len(), bytes_of(3) as u64);
}

#[test]
fn beside_something_else_one_sentence_is_read_at_a_time_and_each_gives_way() {
    /// A source that takes one core and notes what happens to it, in order.
    #[derive(Debug, Default)]
    struct Noting(Mutex<Vec<String>>);

    impl Noting {
        fn note(&self, what: String) {
            self.0.lock().expect("nobody panicked").push(what);
        }
    }

    impl Meaning for Noting {
        fn identity(&self) -> &str {
            LENGTHS.identity
        }

        fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed> {
            self.note(texts.join(", "));
            LENGTHS.vectors(texts)
        }
    }

    impl Pace for Noting {
        fn takes_all_cores(&self) -> bool {
            false
        }

        fn give_way(&self) {
            self.note("gives way".to_owned());
        }
    }

    let (folder, noting) = (tempfile::tempdir().expect("a folder"), Arc::new(Noting::default()));
    let slow = Remembering {
        meaning: Arc::<Noting>::clone(&noting),
        pace: Arc::<Noting>::clone(&noting),
        ..remembering(folder.path(), BYTES_MAX)
    };
    let texts = ["payer", "suivre", "payer"];
    assert_eq!(slow.vectors(&texts).expect("read"), LENGTHS.vectors(&texts).expect("read"));
    assert_eq!(slow.progress.position(), 2);
    assert_eq!(*noting.0.lock().expect("free"), ["gives way", "payer", "gives way", "suivre"]);
}

#[test]
fn a_file_stays_within_its_bound_and_what_was_used_longest_ago_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    // A little more than three sentences.
    let remembering = remembering(folder.path(), bytes_of(4) - 1);
    let is_kept = |text: &str| remembering.file.read().vectors.contains_key(&sentence(text));
    for texts in [&["a", "b"][..], &["c", "a"]] {
        remembering.vectors(texts).expect("they can be read");
    }
    assert!(is_kept("a") && is_kept("b") && is_kept("c"));
    remembering.vectors(&["d", "c"]).expect("they can be read");
    assert!(is_kept("d") && is_kept("c") && is_kept("a") && !is_kept("b"));
    // More at once than there is room for.
    let many = ["e", "f", "g", "h", "i"];
    let vectors = remembering.vectors(&many).expect("they can be read");
    assert_eq!(vectors, LENGTHS.vectors(&many).expect("they can be read"));
    assert_eq!(many.map(is_kept), [true, true, true, false, false]);
    assert_eq!(fs::metadata(&remembering.file.path).expect("it is there").len(), bytes_of(3) as u64);
}

#[test]
fn what_is_no_file_of_this_source_holds_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    read(folder.path(), &["payer", "suivre"]);
    let own = VectorFile::of(&LENGTHS, folder.path(), BYTES_MAX);
    let other = VectorFile::of(&Lengths { identity: "other" }, folder.path(), BYTES_MAX);
    assert_ne!(own.path, other.path);
    fs::copy(&own.path, &other.path).expect("it can be copied");
    assert_eq!((own.read().order.len(), other.read()), (2, Kept::default()));
    let bytes = fs::read(&own.path).expect("it is there");
    for length in 0..bytes.len() {
        assert_eq!(own.parse(&bytes[..length]), None);
    }
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x10;
        assert_eq!(own.parse(&damaged), None, "byte {place}");
    }
    let narrow = VectorFile { bytes_max: bytes.len() - 1, ..own };
    assert_eq!(narrow.read(), Kept::default(), "too big");
}

#[test]
fn what_another_process_has_written_meanwhile_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, other] = [0, 1].map(|_| VectorFile::of(&LENGTHS, folder.path(), BYTES_MAX));
    let known = |text: &str| {
        let mut known = one.read();
        known.add(sentence(text), vec![1.0, text.len() as f32]);
        known
    };
    // Both have looked before either wrote.
    let (of_one, of_other) = (known("payer"), known("suivre"));
    one.write(&[sentence("payer")], &of_one).expect("it can be written");
    other.write(&[sentence("suivre")], &of_other).expect("it can be written");
    assert_eq!(one.read().order, [sentence("suivre"), sentence("payer")]);
}

#[test]
fn files_that_are_written_and_read_at_once_are_whole() {
    const ROUNDS: usize = 50;
    let folder = tempfile::tempdir().expect("a folder");
    let work = |name: &str| {
        for round in 0..ROUNDS {
            let texts = ["payer".to_owned(), format!("{name} {round}")];
            let vectors =
                remembering(folder.path(), BYTES_MAX).vectors(&texts.each_ref().map(String::as_str));
            let expected = texts.iter().map(|text| vec![1.0, text.len() as f32]).collect::<Vec<_>>();
            assert_eq!(vectors.expect("they can be read"), expected);
            let file = VectorFile::of(&LENGTHS, folder.path(), BYTES_MAX);
            let bytes = file.bytes().expect("it was written");
            assert!(file.parse(&bytes).is_some_and(|kept| kept.order.contains(&sentence("payer"))));
        }
    };
    std::thread::scope(|scope| {
        for name in ["one", "other"] {
            scope.spawn(move || work(name));
        }
    });
    let left = fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 1, "unfinished files are left");
}

#[test]
fn files_of_sources_that_are_gone_go() {
    let folder = tempfile::tempdir().expect("a folder");
    for identity in ["a", "b", "c", "d"] {
        let (meaning, mut known) = (Lengths { identity }, Kept::default());
        known.add(sentence("payer"), vec![1.0, 5.0]);
        let file = VectorFile::of(&meaning, folder.path(), BYTES_MAX);
        file.write(&[sentence("payer")], &known).expect("it can be written");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), FILES_MAX);
}
