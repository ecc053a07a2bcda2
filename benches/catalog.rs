//! How well and how fast names of a catalogue are found in text; `cargo bench --bench catalog`.
//!
//! Three questions: how many misspelt names are found and corrected (the 300 names of fixtures/vocabulary, misspelt by
//! rules that follow what recognisers do), how many ordinary sentences are changed by mistake (none of them names
//! anything), and how long one sentence takes with 10,000 names. With the file that `allo eval names --hypotheses` wrote as
//! an argument, also what correction makes of recognised speech.

use std::time::Instant;

use allo::call::Language;
use allo::slots::{Catalog, Entry, correct};
use allo::text::fold;

/// What is replaced in a name, one rule a misspelling: sounds alike, or hardly not.
const RULES: [(&str, &str); 24] = [
    ("é", "ai"),
    ("è", "ai"),
    ("ine", "inne"),
    ("ane", "anne"),
    ("c", "k"),
    ("s", "c"),
    ("z", "s"),
    ("v", "f"),
    ("b", "p"),
    ("d", "t"),
    ("p", "b"),
    ("g", "k"),
    ("l", "ll"),
    ("r", "rr"),
    ("o", "au"),
    ("au", "o"),
    ("ph", "f"),
    ("i", "y"),
    ("y", "i"),
    ("n", "m"),
    ("m", "n"),
    ("l", "r"),
    ("a", "e"),
    ("u", "ou"),
];

const LIKENESS_MIN: f32 = 0.62;

fn main() -> anyhow::Result<()> {
    let names = names()?;
    let catalog = Catalog::new(entries(names.iter().map(|(name, _)| name.as_str())));
    misspelt(&catalog, &names);
    ordinary(&catalog)?;
    for file in std::env::args().filter(|argument| argument.ends_with(".tsv")) {
        heard(&catalog, &file)?;
    }
    speed();
    Ok(())
}

fn misspelt(catalog: &Catalog, names: &[(String, Language)]) {
    for (what, spell) in [
        ("one rule", one_rule as fn(&str, usize) -> String),
        ("two rules", two_rules),
        ("two words", two_words),
    ] {
        let (mut said, mut found, mut corrected, mut wrong) = (0_u32, 0_u32, 0_u32, 0_u32);
        for (place, (name, language)) in names.iter().enumerate() {
            let spelt = spell(name, place);
            if spelt.to_lowercase() == name.to_lowercase() {
                continue;
            }
            said += 1;
            let sentence = frame(*language).replace("{}", &spelt.to_lowercase());
            let matches = catalog.find(&sentence, *language, LIKENESS_MIN);
            found += u32::from(matches.iter().any(|found| found.entity.name == *name));
            let result = correct(&sentence, catalog, *language);
            corrected += u32::from(result.changes.iter().any(|change| change.name == *name));
            wrong += u32::from(result.changes.iter().any(|change| change.name != *name));
        }
        say(&format!(
            "{what}: {said} names, found {found}, corrected {corrected}, corrected into another name {wrong}"
        ));
    }
}

fn ordinary(catalog: &Catalog) -> anyhow::Result<()> {
    let mut sentences: Vec<(String, Language)> = Vec::new();
    for entry in std::fs::read_dir("scenarios/telecom-fr/intents")? {
        sentences.extend(column(&entry?.path().to_string_lossy())?);
    }
    sentences.extend(column("scenarios/telecom-fr/out-of-scope.csv")?);
    let mut changed = Vec::new();
    for (sentence, language) in &sentences {
        for change in correct(sentence, catalog, *language).changes {
            changed.push(format!("{} -> {} ({:.2})", change.said.reveal(), change.name, change.score));
        }
    }
    say(&format!("ordinary: {} sentences, {} changes {changed:?}", sentences.len(), changed.len()));
    Ok(())
}

/// What `allo eval names --hypotheses FILE.tsv` heard, without and with the list of names.
fn heard(catalog: &Catalog, file: &str) -> anyhow::Result<()> {
    for column in ["without", "with"] {
        let (mut said, mut right, mut corrected, mut wrong, mut best) = (0, 0, 0, 0, 0);
        let text = std::fs::read_to_string(file)?;
        let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<&str>>());
        let header = lines.next().unwrap_or_default();
        let place = |name: &str| {
            header
                .iter()
                .position(|column| *column == name)
                .ok_or_else(|| anyhow::anyhow!("no column {name}"))
        };
        let places = [place("lang")?, place("reference")?, place(column)?];
        for line in lines {
            let [language, reference, text] =
                places.map(|place| line.get(place).copied().unwrap_or_default());
            let reference = fold(reference);
            let is_said = |entry: &&Entry| reference.contains(&fold(&entry.name));
            let Some(name) = catalog.entries().iter().filter(is_said).max_by_key(|entry| entry.name.len())
            else {
                continue;
            };
            let language: Language = language.parse()?;
            let result = correct(text, catalog, language);
            let matches = catalog.find(text, language, LIKENESS_MIN);
            let first = matches.iter().max_by(|a, b| a.score.total_cmp(&b.score));
            said += 1;
            right += u32::from(fold(text).contains(&fold(&name.name)));
            corrected += u32::from(fold(result.text.reveal()).contains(&fold(&name.name)));
            wrong += result.changes.iter().filter(|change| change.id != name.id).count();
            best += u32::from(first.is_some_and(|first| first.entity.id == name.id));
        }
        say(&format!(
            "heard {column} the list: {said} names, right {right}, after correction {corrected}, \
             changed into another name {wrong}, best match {best}"
        ));
    }
    Ok(())
}

fn speed() {
    const NAMES: usize = 10_000;
    const SENTENCES: usize = 200;
    let names: Vec<String> = (0..NAMES).map(made_up).collect();
    #[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
    let start = Instant::now();
    let catalog = Catalog::new(entries(names.iter().map(String::as_str)));
    say(&format!("{NAMES} names: made ready in {:.0} ms", start.elapsed().as_secs_f64() * 1e3));
    let mut times_ms = Vec::new();
    let mut right = 0;
    for place in 0..SENTENCES {
        let name = two_rules(&names[place * 37 % NAMES], place);
        let sentence = frame(Language::Fr).replace("{}", &name);
        #[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
        let start = Instant::now();
        let found = catalog.find(&sentence, Language::Fr, LIKENESS_MIN);
        times_ms.push(start.elapsed().as_secs_f64() * 1e3);
        right += usize::from(found.iter().any(|found| found.entity.name == names[place * 37 % NAMES]));
    }
    times_ms.sort_by(f64::total_cmp);
    say(&format!(
        "one sentence of 12 words: median {:.1} ms, 95th percentile {:.1} ms; right name {right} of {SENTENCES}",
        times_ms[SENTENCES / 2],
        times_ms[SENTENCES * 95 / 100]
    ));
}

fn entries<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Entry> {
    let entry = |(place, name): (usize, &str)| Entry {
        id: place.to_string(),
        name: name.to_owned(),
        aliases: Vec::new(),
    };
    names.enumerate().map(entry).collect()
}

fn frame(language: Language) -> &'static str {
    match language {
        Language::Fr => "bonjour je voudrais savoir si vous avez encore du {} en stock",
        Language::En => "hello I would like to know whether you still have {} in stock",
        Language::Nl => "hallo ik wil graag weten of u nog {} op voorraad heeft",
    }
}

/// The first rule from `seed` on that changes the name.
fn one_rule(name: &str, seed: usize) -> String {
    let folded = name.to_lowercase();
    let changed =
        (0..RULES.len()).map(|at| RULES[(seed + at) % RULES.len()]).find(|(from, _)| folded.contains(from));
    changed.map_or(folded.clone(), |(from, to)| folded.replacen(from, to, 1))
}

fn two_rules(name: &str, seed: usize) -> String {
    one_rule(&one_rule(name, seed), seed + 7)
}

/// Cut before the consonant nearest to the middle.
fn two_words(name: &str, _: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    let middle = letters.len() / 2;
    let cut =
        (middle..letters.len() - 1).find(|at| !"aeiouyéèàAEIOU ".contains(letters[*at])).unwrap_or(middle);
    format!("{} {}", letters[..cut].iter().collect::<String>(), letters[cut..].iter().collect::<String>())
}

/// Three or four syllables, all different by their number.
fn made_up(place: usize) -> String {
    const STARTS: [&str; 15] = ["b", "c", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "v", "br", "tr"];
    const VOWELS: [&str; 7] = ["a", "e", "i", "o", "u", "ou", "é"];
    const ENDS: [&str; 8] = ["l", "n", "x", "r", "s", "ne", "ra", "dol"];
    let mut rest = place * 7_919 + 13;
    let mut name = String::new();
    for _ in 0..3 {
        name.push_str(STARTS[rest % STARTS.len()]);
        rest /= STARTS.len();
        name.push_str(VOWELS[rest % VOWELS.len()]);
        rest /= VOWELS.len();
    }
    name + ENDS[place % ENDS.len()]
}

fn names() -> anyhow::Result<Vec<(String, Language)>> {
    column_named("fixtures/vocabulary/names.csv", "name")
}

fn column(file: &str) -> anyhow::Result<Vec<(String, Language)>> {
    column_named(file, "text")
}

fn column_named(file: &str, name: &str) -> anyhow::Result<Vec<(String, Language)>> {
    let mut reader = csv::Reader::from_path(file)?;
    let headers = reader.headers()?.clone();
    let place = |name: &str| headers.iter().position(|header| header == name);
    let text = place(name).ok_or_else(|| anyhow::anyhow!("{file} has no column {name}"))?;
    let lang = place("lang").ok_or_else(|| anyhow::anyhow!("{file} has no column lang"))?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        rows.push((record[text].to_owned(), record[lang].parse()?));
    }
    Ok(rows)
}

#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn say(line: &str) {
    println!("{line}");
}
