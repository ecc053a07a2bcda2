//! The scenario folder: the one thing that the owner of a voicebot edits.
//!
//! ```text
//! scenario.toml      name, languages, greeting, routes, intent → route, thresholds
//! intents/*.csv      text,intent,lang: what callers say
//! intents/heard.csv  text,intent,lang,said: what a recogniser misheard of these (`allo intents augment` makes it)
//! out-of-scope.csv   text,lang: what they say that nothing here is for
//! labels.csv         intent,lang,label: how an intent is named when the caller is asked to confirm it
//! answers/*.toml     intents that are answered without a person (`<intent>.toml`)
//! handover/*.toml    what the person who takes a call is shown of it: slots of the caller's sentence, the document in question
//! messages.toml      other words for what a dialogue says
//! steps/*.md         what the agent does, by intent (`<intent>.md`) or for a whole route (`<route>.md`)
//! vocabulary.txt     names that the recogniser should expect, one a line
//! ```
//!
//! [`Scenario::load`] reads all of it or nothing: every mistake is reported with file, line and remedy, so that an owner
//! corrects a folder in one go. It does not train anything (see `intent`) and does not watch for changes.

mod answering;
mod config;
mod dialog_file;
mod handing_over;
mod mistakes;
mod names;
mod opening;
mod planning;
pub mod rehearsals;
mod sentences;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::call::Language;
use crate::dialog::Plan;
use crate::intent::{Example, OutOfScope, TrainOptions};
use config::{RouteFile, ScenarioFile};
pub use mistakes::Mistake;
use mistakes::{Mistakes, Place, line_of};
use planning::{MARKUP_REMEDY, Tongues, markup_problem};
use sentences::SentenceReader;
pub use sentences::{MISHEARD_COLUMNS, MISHEARD_FILE};

/// Bytes of one file of a scenario; 1,000 intents × 20 sentences are 2 MB.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Names given to the recogniser; its prompt holds about 200 tokens, and more would push the earlier ones out.
const VOCABULARY_MAX: usize = 200;

/// Where a call can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Short name.
    pub id: String,
    /// Name of the team, in every language of the scenario.
    pub label: BTreeMap<Language, String>,
    /// Queue of the telephone system.
    pub queue: String,
    /// What the team does.
    pub description: String,
}

/// A scenario without mistakes.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Languages that callers may speak; never empty.
    pub languages: Vec<Language>,
    /// The language of a caller of whom nothing is known.
    pub default_language: Language,
    /// What is said first, in every language.
    pub greeting: BTreeMap<Language, String>,
    /// Where calls can go, in the order of the file.
    pub routes: Vec<Route>,
    /// Intent → id of its route; every intent has at least one example.
    pub intents: BTreeMap<String, String>,
    /// What callers say.
    pub examples: Vec<Example>,
    /// What they say that no intent is for.
    pub out_of_scope: Vec<OutOfScope>,
    /// Business steps (Markdown) by intent or route.
    steps: BTreeMap<String, String>,
    /// Names that the recogniser should expect.
    pub vocabulary: Vec<String>,
    /// What dialogues follow.
    pub plan: Arc<Plan>,
    /// A hash of its files: another one for every change.
    pub version: String,
    /// What can be used and is hardly meant, in order of file and line.
    pub warnings: Vec<Mistake>,
    in_scope_kept: f32,
    sure_precision: f32,
}

/// Why a scenario cannot be used. Nothing that runs is affected: a scenario is taken whole or not at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no `scenario.toml`, or it cannot be read.
    #[error("no scenario in {}\nhint: name a folder that holds scenario.toml", path.display())]
    Unreadable {
        /// The file that was looked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The folder has mistakes; each names its file, line and remedy.
    #[error("{} mistakes in {}\n{}", mistakes.len(), path.display(), listed(mistakes))]
    Mistakes {
        /// The folder.
        path: PathBuf,
        /// In order of file and line.
        mistakes: Vec<Mistake>,
    },
}

fn listed(mistakes: &[Mistake]) -> String {
    mistakes.iter().fold(String::new(), |mut text, mistake| {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{mistake}");
        text
    })
}

impl Scenario {
    /// Reads the folder at `path`.
    ///
    /// # Errors
    /// [`Error::Unreadable`] without a readable `scenario.toml`; [`Error::Mistakes`] with everything that is wrong.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = path.join(SCENARIO_FILE);
        let text =
            std::fs::read_to_string(&file).map_err(|source| Error::Unreadable { path: file, source })?;
        let mut mistakes = Mistakes::default();
        let scenario = Reader { folder: path, text: &text, mistakes: &mut mistakes }.scenario();
        for list in [&mut mistakes.found, &mut mistakes.warnings] {
            list.sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
        }
        match scenario {
            Some(scenario) if mistakes.found.is_empty() => {
                Ok(Self { warnings: mistakes.warnings, ..scenario })
            }
            _ => Err(Error::Mistakes { path: path.to_owned(), mistakes: mistakes.found }),
        }
    }

    /// The version that the folder at `path` has now, without reading what is in it.
    pub fn version_of(path: &Path) -> String {
        version::of(path)
    }

    /// Id of the route of `intent`; `None` for an unknown intent.
    pub fn route_of(&self, intent: &str) -> Option<&str> {
        self.intents.get(intent).map(String::as_str)
    }

    /// The route with this id.
    pub fn route(&self, id: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.id == id)
    }

    /// What an agent does for `intent`, as Markdown: its own steps, else those of its route.
    pub fn steps_of(&self, intent: &str) -> Option<&str> {
        let own = self.steps.get(intent);
        own.or_else(|| self.steps.get(self.route_of(intent)?)).map(String::as_str)
    }

    /// What the team of `route` does, whatever the call is about.
    pub fn steps_of_route(&self, route: &str) -> Option<&str> {
        self.steps.get(route).map(String::as_str)
    }

    /// How a classifier for this scenario is trained.
    pub fn train_options(&self) -> TrainOptions {
        TrainOptions {
            in_scope_kept: self.in_scope_kept,
            sure_precision: self.sure_precision,
            ..TrainOptions::default()
        }
    }

    /// What callers say: those of its examples that people wrote.
    pub fn sentences(&self) -> Arc<[String]> {
        self.written().map(str::to_owned).collect()
    }

    fn written(&self) -> impl Iterator<Item = &str> {
        let written = self.examples.iter().filter(|example| example.said.is_none());
        written.map(|example| example.text.as_str())
    }

    /// Words that callers say for their own sake, each once: those of [`Self::sentences`].
    pub fn ordinary_words(&self) -> Arc<[String]> {
        let words: BTreeSet<&str> = self.written().flat_map(str::split_whitespace).collect();
        words.into_iter().map(str::to_owned).collect()
    }
}

const SCENARIO_FILE: &str = "scenario.toml";

/// Reads the files of one folder and gathers what is wrong with them.
struct Reader<'a> {
    folder: &'a Path,
    /// Content of `scenario.toml`.
    text: &'a str,
    mistakes: &'a mut Mistakes,
}

impl Reader<'_> {
    /// The text of a file as what it is to hold; `None`, with a mistake that names the line, when it cannot be read so.
    fn written<T: DeserializeOwned>(&mut self, file: &Path, text: &str, remedy: &str) -> Option<T> {
        let read = toml::from_str(text);
        read.map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            self.mistakes.add(Place { file, line }, error.message(), remedy);
        })
        .ok()
    }

    /// `None` when nothing sensible can be made of the file; otherwise the scenario as far as it is right.
    fn scenario(&mut self) -> Option<Scenario> {
        let remedy = "correct this line; docs/intents.md shows a whole file";
        let written: ScenarioFile = self.written(Path::new(SCENARIO_FILE), self.text, remedy)?;
        let languages: Vec<Language> =
            written.languages.iter().filter_map(|code| self.language(code)).collect();
        let default_language = self.language(&written.default_language)?;
        if !languages.contains(&default_language) {
            let problem = format!("default_language `{default_language}` is not one of the languages");
            self.at(&written.default_language, problem, "add it to languages, or choose one of them");
        }
        let greeting = self.greeting(&written, &languages);
        let routes: Vec<Route> =
            written.routes.iter().filter_map(|route| self.route(route, &languages)).collect();
        self.repeated_routes(&written.routes);
        let intents = self.intents(&written, &routes);
        let (in_scope_kept, sure_precision) =
            (&written.thresholds.in_scope_kept, &written.thresholds.sure_precision);
        for (key, value) in [("in_scope_kept", in_scope_kept), ("sure_precision", sure_precision)] {
            if !(0.5..=1.0).contains(value.get_ref()) {
                self.at(value, format!("{key} is {}", value.get_ref()), "write a share from 0.5 to 1.0");
            }
        }
        let (examples, out_of_scope) = self.sentences(&languages, &intents);
        self.intents_without_examples(&written, &examples);
        let tongues = Tongues { languages: &languages, default: default_language };
        let plan = Arc::new(self.plan(&written, &tongues, (greeting.clone(), &intents)));
        Some(Scenario {
            name: written.name.get_ref().clone(),
            default_language,
            greeting,
            steps: self.steps(&routes, &intents),
            vocabulary: self.vocabulary(),
            plan,
            version: version::of(self.folder),
            warnings: Vec::new(),
            routes,
            intents,
            examples,
            out_of_scope,
            languages,
            in_scope_kept: *in_scope_kept.get_ref(),
            sure_precision: *sure_precision.get_ref(),
        })
    }

    fn at<T>(&mut self, what: &Spanned<T>, problem: impl Into<String>, remedy: impl Into<String>) {
        let line = Some(line_of(self.text, what.span().start));
        self.mistakes.add(Place { file: Path::new(SCENARIO_FILE), line }, problem, remedy);
    }

    fn language(&mut self, code: &Spanned<String>) -> Option<Language> {
        let parsed = code.get_ref().parse::<Language>();
        parsed.map_err(|error| self.at(code, error.to_string(), "write \"fr\", \"en\" or \"nl\"")).ok()
    }

    fn greeting(&mut self, written: &ScenarioFile, languages: &[Language]) -> BTreeMap<Language, String> {
        let greeting = by_language(written.greeting.get_ref());
        for language in languages.iter().filter(|language| !greeting.contains_key(language)) {
            let problem = format!("no greeting in `{language}`");
            self.at(&written.greeting, problem, format!("add `{language} = \"…\"` under [greeting]"));
        }
        for text in written.greeting.get_ref().values() {
            if let Some(problem) = markup_problem(text.get_ref()) {
                self.at(text, problem, MARKUP_REMEDY);
            }
        }
        greeting
    }

    fn route(&mut self, written: &RouteFile, languages: &[Language]) -> Option<Route> {
        let label = by_language(&written.label);
        for language in languages.iter().filter(|language| !label.contains_key(language)) {
            let problem = format!("route `{}` has no label in `{language}`", written.id.get_ref());
            self.at(&written.id, problem, format!("add `{language} = \"…\"` to its label"));
        }
        if written.queue.get_ref().trim().is_empty() {
            let problem = format!("route `{}` has an empty queue", written.id.get_ref());
            self.at(&written.queue, problem, "write the queue of the telephone system");
        }
        Some(Route {
            id: written.id.get_ref().clone(),
            label,
            queue: written.queue.get_ref().clone(),
            description: written.description.clone(),
        })
    }

    fn repeated_routes(&mut self, routes: &[RouteFile]) {
        for (index, route) in routes.iter().enumerate() {
            if routes[..index].iter().any(|earlier| earlier.id.get_ref() == route.id.get_ref()) {
                let problem = format!("route `{}` is there twice", route.id.get_ref());
                self.at(&route.id, problem, "give it another id, or remove one of the two");
            }
        }
    }

    fn intents(&mut self, written: &ScenarioFile, routes: &[Route]) -> BTreeMap<String, String> {
        let mut intents = BTreeMap::new();
        for (intent, route) in written.intents.get_ref() {
            if !routes.iter().any(|known| known.id == *route.get_ref()) {
                let known: Vec<&str> = routes.iter().map(|route| route.id.as_str()).collect();
                let problem =
                    format!("intent `{}` goes to unknown route `{}`", intent.get_ref(), route.get_ref());
                self.at(route, problem, format!("write one of: {}", known.join(", ")));
            }
            intents.insert(intent.get_ref().clone(), route.get_ref().clone());
        }
        intents
    }

    fn sentences(
        &mut self,
        languages: &[Language],
        intents: &BTreeMap<String, String>,
    ) -> (Vec<Example>, Vec<OutOfScope>) {
        let mut files = self.files("intents", "csv");
        let outside = PathBuf::from("out-of-scope.csv");
        if self.folder.join(&outside).exists() {
            files.push(outside.clone());
        }
        let texts: Vec<(PathBuf, String)> =
            files.into_iter().filter_map(|file| self.read(&file).map(|text| (file, text))).collect();
        let mut reader = SentenceReader::new(languages, intents, self.mistakes);
        let (mut examples, mut out_of_scope) = (Vec::new(), Vec::new());
        for (file, text) in &texts {
            if *file == outside {
                out_of_scope = reader.out_of_scope(file, text);
            } else if file != Path::new(MISHEARD_FILE) {
                examples.extend(reader.examples(file, text));
            }
        }
        // Last, when all that people wrote is known.
        if let Some((file, text)) = texts.iter().find(|(file, _)| file == Path::new(MISHEARD_FILE)) {
            let misheard = reader.misheard(file, text, &examples);
            examples.extend(misheard);
        }
        (examples, out_of_scope)
    }

    fn intents_without_examples(&mut self, written: &ScenarioFile, examples: &[Example]) {
        for intent in written.intents.get_ref().keys() {
            if !examples.iter().any(|example| example.intent == *intent.get_ref()) {
                let problem = format!("intent `{}` has no sentence", intent.get_ref());
                self.at(intent, problem, "add some under intents/, or remove the intent");
            }
        }
        if written.intents.get_ref().len() < 2 {
            let remedy = "add at least two intents: with one there is nothing to tell apart";
            self.at(&written.intents, "fewer than 2 intents", remedy);
        }
    }

    fn steps(&mut self, routes: &[Route], intents: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut steps = BTreeMap::new();
        for file in self.files("steps", "md") {
            let subject = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            let place = Place { file: &file, line: None };
            if !intents.contains_key(&subject) && !routes.iter().any(|route| route.id == subject) {
                let problem = format!("`{subject}` is neither an intent nor a route");
                self.mistakes.add(place, problem, "name the file after an intent or a route");
            }
            match self.read(&file) {
                Some(text) if text.trim().is_empty() => {
                    let place = Place { file: &file, line: None };
                    self.mistakes.add(place, "the file is empty", "write the steps, or remove the file");
                }
                Some(text) => {
                    steps.insert(subject, text);
                }
                None => {}
            }
        }
        steps
    }

    fn vocabulary(&mut self) -> Vec<String> {
        let file = Path::new("vocabulary.txt");
        if !self.folder.join(file).exists() {
            return Vec::new();
        }
        let text = self.read(file).unwrap_or_default();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let names: Vec<String> = lines.map(str::to_owned).collect();
        if names.len() > VOCABULARY_MAX {
            let problem = format!("{} names, at most {VOCABULARY_MAX} have an effect", names.len());
            self.mistakes.add(Place { file, line: None }, problem, "keep the names that callers really say");
        }
        names
    }

    /// The files of `subfolder` that end in `extension`, by name, relative to the scenario folder.
    fn files(&mut self, subfolder: &str, extension: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.folder.join(subfolder)) else {
            let place = Place { file: Path::new(subfolder), line: None };
            self.mistakes.add(place, "the folder is missing", format!("create {subfolder}/"));
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| Path::new(subfolder).join(entry.file_name()))
            .filter(|file| file.extension().is_some_and(|found| found == extension))
            .collect();
        files.sort();
        files
    }

    fn read(&mut self, file: &Path) -> Option<String> {
        let path = self.folder.join(file);
        let place = Place { file, line: None };
        if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() > FILE_BYTES_MAX) {
            self.mistakes.add(place, format!("more than {FILE_BYTES_MAX} bytes"), "split the file");
            return None;
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.mistakes.add(
                    place,
                    format!("not readable: {error}"),
                    "save it as UTF-8, readable for all",
                );
                None
            }
        }
    }
}

/// Entries in languages that exist; the others are reported where the languages are.
fn by_language(written: &BTreeMap<String, Spanned<String>>) -> BTreeMap<Language, String> {
    written
        .iter()
        .filter(|(_, text)| !text.get_ref().trim().is_empty())
        .filter_map(|(code, text)| code.parse().ok().map(|language| (language, text.get_ref().clone())))
        .collect()
}

#[cfg(test)]
mod tests;
