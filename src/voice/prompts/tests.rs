use proptest::prelude::*;

use super::*;
use Heard::{Made, Recorded};

fn prompts(texts: &[&str]) -> Prompts {
    let mut prompts = Prompts::default();
    for (number, text) in texts.iter().enumerate() {
        let words: Vec<String> = words(text).into_iter().map(|word| word.folded).collect();
        prompts.by_first_word.entry((Language::Fr, words[0].clone())).or_default().push((words, number));
        prompts.prompts.push(Prompt { path: PathBuf::new(), digest: [0; 32] });
    }
    prompts.sort();
    prompts
}

fn check(texts: &[&str], text: &str, expected: &[Heard<'_>]) {
    assert_eq!(prompts(texts).find(text, Language::Fr), expected, "{text}");
}

#[test]
fn case_accents_and_punctuation_do_not_matter_and_whole_words_do() {
    check(&["Bonjour et bienvenue"], "bonjour, ET bienvenué !", &[Recorded(0), Made(" !")]);
    check(&["l'été"], "C’est L’ETE ici", &[Made("C’est "), Recorded(0), Made(" ici")]);
    check(&["bon"], "bonjour bon", &[Made("bonjour "), Recorded(0)]);
    check(&["rendez-vous"], "un rendez vous", &[Made("un "), Recorded(0)]);
}

#[test]
fn the_recording_with_the_most_words_wins() {
    let texts = ["merci", "merci de votre appel", "votre appel est important"];
    check(&texts, "Merci de votre appel.", &[Recorded(1), Made(".")]);
    check(&texts, "Merci de votre patience", &[Recorded(0), Made(" de votre patience")]);
    check(&texts, "Votre appel est important, merci", &[Recorded(2), Made(", "), Recorded(0)]);
}

#[test]
fn half_a_number_is_never_replaced() {
    for text in ["12,50", "1 250 heures", "12h", "3 250", "12 €", "+12", "12:30", "12/03"] {
        check(&["12", "1", "250", "50", "3"], text, &[Made(text)]);
    }
    check(&["12 €"], "soit 12 €.", &[Made("soit "), Recorded(0), Made(".")]);
    check(&["1 250"], "1\u{202f}250 euros", &[Recorded(0), Made(" euros")]);
    check(&["12"], "le 12 mars", &[Made("le "), Recorded(0), Made(" mars")]);
}

#[test]
fn recordings_of_another_language_are_not_heard() {
    assert_eq!(prompts(&["merci"]).find("merci", Language::En), [Made("merci")]);
}

fn tone_file(folder: &Path, name: &str) {
    std::fs::write(folder.join(name), crate::voice::wave::file(&[0.3; 800], SampleRate::TELEPHONE)).unwrap();
}

#[test]
fn the_index_is_read_and_its_mistakes_named_by_line() {
    let folder = tempfile::tempdir().unwrap();
    tone_file(folder.path(), "a.wav");
    let load = |index: &str| {
        std::fs::write(folder.path().join(INDEX), index).unwrap();
        Prompts::load(folder.path())
    };
    let good = load("text,lang,file\n\"Bonjour, madame.\",fr,a.wav\nHello,en,a.wav\n").unwrap();
    assert_eq!((good.len(), good.is_empty()), (2, false));
    assert_eq!(good.find("bonjour madame", Language::Fr), [Recorded(0)]);
    let (samples, rate) = good.get(0).unwrap().decode().unwrap();
    assert_eq!((samples.len(), rate.hz()), (800, 8_000));
    for (index, expected) in [
        ("text,file\n", "line 1: there is no column `lang`"),
        ("text,lang,file\nBonjour,de,a.wav\n", "line 2: `de` is not a language"),
        ("text,lang,file\nOui,fr,a.wav\n…,fr,a.wav\n", "line 3: the text has no word"),
        (
            "text,lang,file\nOui,fr,a.wav\n\"OUI !\",fr,a.wav\n",
            "line 3: these words have a recording already",
        ),
        ("text,lang,file\nOui,fr,../a.wav\n", "line 2: the file is not a path inside the folder"),
        ("text,lang,file\nOui,fr,/a.wav\n", "line 2: the file is not a path inside the folder"),
        ("text,lang,file\nOui,fr\n", "line 2: not a line of CSV"),
        ("text,lang,file\nOui,fr,b.wav\n", "b.wav"),
    ] {
        let error = load(index).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    std::fs::write(folder.path().join("b.wav"), b"no recording").unwrap();
    assert!(matches!(load("text,lang,file\nOui,fr,b.wav\n"), Err(Error::Recording { .. })));
}

/// Words near each other, so that recordings often fit, in part or as a whole.
fn sentence(words: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let word =
        prop::sample::select(vec!["Un", "deux", "TROIS", "été", "12", "1 250", "12,5", "€", "l’un", "où"]);
    let gap = prop::sample::select(vec![" ", ", ", " — ", "… ", "\u{a0}"]);
    prop::collection::vec((word, gap), words)
        .prop_map(|words| words.into_iter().map(|(word, gap)| format!("{word}{gap}")).collect())
}

fn folded(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.folded).collect()
}

proptest! {
    #[test]
    fn what_is_heard_is_the_text_word_for_word(
        texts in prop::collection::vec(sentence(1..4), 0..6),
        text in prop_oneof![sentence(0..12), "\\PC{0,40}"],
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let prompts = prompts(&texts);
        let heard = prompts.find(&text, Language::Fr);
        let mut words = Vec::new();
        for piece in &heard {
            match piece {
                Made(made) => words.extend(folded(made)),
                Recorded(number) => words.extend(folded(texts[*number])),
            }
        }
        prop_assert_eq!(words, folded(&text));
        let is_once = heard.windows(2).all(|pair| !matches!(pair, [Made(_), Made(_)]));
        prop_assert!(is_once);
    }

    #[test]
    fn no_recording_that_fits_at_the_start_has_more_words_than_the_one_heard(
        texts in prop::collection::vec(sentence(1..4), 1..6), text in sentence(1..8),
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        if let Some(Recorded(number)) = prompts(&texts).find(&text, Language::Fr).first() {
            let (all, heard) = (words(&text), folded(texts[*number]).len());
            for other in texts.iter().map(|text| folded(text)).filter(|other| other.len() > heard) {
                let fits = all.len() >= other.len()
                    && all.iter().zip(&other).all(|(word, other)| word.folded == *other);
                let is_cut = all.get(other.len()).is_some_and(|next| next.is_sign)
                    && !all.get(other.len() - 1).is_some_and(|last| last.is_sign);
                prop_assert!(!fits || is_cut);
            }
        }
    }
}
