//! The sentences of a scenario: `intents/*.csv` and `out-of-scope.csv`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::mistakes::{Mistakes, Place};
use crate::call::Language;
use crate::intent::{Example, OutOfScope};
use crate::text::words_for_scoring;

/// A sentence longer than this is a pasted text, not what a caller says in one breath.
const SENTENCE_CHARACTERS_MAX: usize = 600;

/// The file that `allo intents augment` makes, relative to the scenario folder.
pub const MISHEARD_FILE: &str = "intents/heard.csv";
/// Its columns: what was heard, its intent and language, and the example that was said.
pub const MISHEARD_COLUMNS: [&str; 4] = ["text", "intent", "lang", "said"];

/// One row of a CSV file with its place.
struct Row {
    line: usize,
    cells: Vec<String>,
}

/// What may be in a row, and what has been read so far.
pub(super) struct SentenceReader<'a> {
    pub languages: &'a [Language],
    /// Intents that `scenario.toml` routes.
    pub intents: &'a BTreeMap<String, String>,
    pub mistakes: &'a mut Mistakes,
    /// Words of a sentence → its intent (`None`: out of scope) and place.
    seen: HashMap<Vec<String>, (Option<String>, PathBuf, usize)>,
}

impl<'a> SentenceReader<'a> {
    pub fn new(
        languages: &'a [Language],
        intents: &'a BTreeMap<String, String>,
        mistakes: &'a mut Mistakes,
    ) -> Self {
        Self { languages, intents, mistakes, seen: HashMap::new() }
    }

    /// The examples of one file whose content is `text`.
    pub fn examples(&mut self, file: &Path, text: &str) -> Vec<Example> {
        let mut examples = Vec::new();
        for row in self.rows(file, text, &["text", "intent", "lang"]) {
            let [sentence, intent, code] = row.cells.as_slice() else { continue };
            let place = Place { file, line: Some(row.line) };
            let language = self.language(place, code);
            if !self.intents.contains_key(intent) {
                self.mistakes.add(
                    place,
                    format!("intent `{intent}` has no route"),
                    format!("add `{intent} = \"<route id>\"` under [intents] in scenario.toml, or correct the name"),
                );
            }
            if let (true, Some(language)) = (self.is_new(place, sentence, Some(intent)), language) {
                examples.push(Example::new(sentence, intent, language));
            }
        }
        examples
    }

    /// What a recogniser misheard of `written` sentences, from the file that was made of it. A line whose sentence is gone,
    /// or whose text somebody wrote meanwhile, has no effect until the file is made again: it is nobody's mistake.
    pub fn misheard(&mut self, file: &Path, text: &str, written: &[Example]) -> Vec<Example> {
        let written: HashSet<(&str, &str)> =
            written.iter().map(|one| (one.text.as_str(), one.intent.as_str())).collect();
        let mut examples = Vec::new();
        for row in self.rows(file, text, &MISHEARD_COLUMNS) {
            let [heard, intent, code, said] = row.cells.as_slice() else { continue };
            let words = words_for_scoring(heard);
            let language = self.language(Place { file, line: Some(row.line) }, code);
            let (true, Some(language)) = (written.contains(&(said.as_str(), intent.as_str())), language)
            else {
                continue;
            };
            if words.is_empty() || self.seen.contains_key(&words) {
                continue;
            }
            self.seen.insert(words, (Some(intent.clone()), file.to_owned(), row.line));
            examples.push(Example { said: Some(said.clone()), ..Example::new(heard, intent, language) });
        }
        examples
    }

    /// The out-of-scope sentences of one file whose content is `text`.
    pub fn out_of_scope(&mut self, file: &Path, text: &str) -> Vec<OutOfScope> {
        let mut sentences = Vec::new();
        for row in self.rows(file, text, &["text", "lang"]) {
            let [sentence, code] = row.cells.as_slice() else { continue };
            let place = Place { file, line: Some(row.line) };
            let language = self.language(place, code);
            if let (true, Some(language)) = (self.is_new(place, sentence, None), language) {
                sentences.push(OutOfScope { text: sentence.clone(), language });
            }
        }
        sentences
    }

    fn rows(&mut self, file: &Path, text: &str, columns: &[&str]) -> Vec<Row> {
        // The file that is made says so in a comment; in those of people a line may begin with any character.
        let comment = (file == Path::new(MISHEARD_FILE)).then_some(b'#');
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .comment(comment)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let header: Vec<String> =
            reader.headers().map(|header| header.iter().map(str::to_owned).collect()).unwrap_or_default();
        let wanted = columns.join(",");
        if header != columns {
            let place = Place { file, line: Some(1) };
            let problem = format!("the first line is `{}`", header.join(","));
            self.mistakes.add(place, problem, format!("make it `{wanted}`"));
            return Vec::new();
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line =
                        record.position().map_or(1, |position| usize::try_from(position.line()).unwrap_or(1));
                    let cells: Vec<String> = record.iter().map(str::to_owned).collect();
                    if cells.len() == columns.len() {
                        rows.push(Row { line, cells });
                    } else {
                        self.mistakes.add(
                            Place { file, line: Some(line) },
                            format!("{} columns instead of {}", cells.len(), columns.len()),
                            format!("write `{wanted}`, with a sentence that holds a comma in double quotes"),
                        );
                    }
                }
                Err(error) => self.mistakes.add(
                    Place { file, line: None },
                    format!("not readable as CSV: {error}"),
                    "save the file as UTF-8 with commas between the columns",
                ),
            }
        }
        rows
    }

    fn language(&mut self, place: Place<'_>, code: &str) -> Option<Language> {
        match code.parse::<Language>() {
            Ok(language) if self.languages.contains(&language) => Some(language),
            Ok(language) => {
                self.mistakes.add(
                    place,
                    format!("language `{language}` is not one of the scenario's"),
                    format!("add \"{language}\" to languages in scenario.toml, or remove the sentence"),
                );
                None
            }
            Err(error) => {
                self.mistakes.add(place, error.to_string(), "write fr, en or nl in the column `lang`");
                None
            }
        }
    }

    /// Whether the sentence is usable and was not there before.
    fn is_new(&mut self, place: Place<'_>, sentence: &str, intent: Option<&String>) -> bool {
        let words = words_for_scoring(sentence);
        if words.is_empty() {
            self.mistakes.add(place, "the sentence is empty", "write what a caller says, or remove the line");
            return false;
        }
        if sentence.chars().count() > SENTENCE_CHARACTERS_MAX {
            let problem = format!("the sentence is longer than {SENTENCE_CHARACTERS_MAX} characters");
            self.mistakes.add(place, problem, "keep the part that says what the caller wants");
            return false;
        }
        let named =
            |intent: Option<&String>| intent.map_or("out of scope".to_owned(), |name| format!("`{name}`"));
        if let Some((first, file, line)) = self.seen.get(&words) {
            let problem = format!(
                "the sentence is already {} at {}:{line}, here it is {}",
                named(first.as_ref()),
                file.display(),
                named(intent)
            );
            self.mistakes.add(place, problem, "keep it in one place, or word one of the two differently");
            return false;
        }
        self.seen.insert(words, (intent.cloned(), place.file.to_owned(), place.line.unwrap_or(0)));
        true
    }
}
