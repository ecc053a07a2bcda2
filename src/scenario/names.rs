//! Names that callers say, and names that callers are asked by: catalogues and labels.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::Reader;
use super::config::ScenarioFile;
use super::dialog_file::CatalogFile;
use super::mistakes::Place;
use super::planning::{Tongues, Writing};
use crate::dialog::plan::{CatalogPlan, Said, SourcePlan};
use crate::slots::Entry;

/// After how long a catalogue is asked for again if it does not say.
const REFRESH: Duration = Duration::from_secs(300);
/// Names in one catalogue.
const ENTRIES_MAX: usize = 100_000;

impl Reader<'_> {
    pub(super) fn catalogs(
        &mut self,
        written: &ScenarioFile,
        sources: &BTreeMap<String, SourcePlan>,
    ) -> BTreeMap<String, CatalogPlan> {
        let mut catalogs = BTreeMap::new();
        for (name, catalog) in &written.catalog {
            let found = match &catalog.file {
                Some(file) => self.catalog_file(file).map(CatalogPlan::Fixed),
                None => self.catalog_query(name, catalog, sources),
            };
            catalogs.extend(found.map(|found| (name.get_ref().clone(), found)));
        }
        catalogs
    }

    fn catalog_query(
        &mut self,
        name: &Spanned<String>,
        catalog: &CatalogFile,
        sources: &BTreeMap<String, SourcePlan>,
    ) -> Option<CatalogPlan> {
        let mut writing =
            Writing { file: Path::new(super::SCENARIO_FILE), text: self.text, mistakes: self.mistakes };
        let (Some(source), Some(query)) = (&catalog.source, &catalog.query) else {
            let problem =
                format!("catalogue `{}` has neither a file nor a source with a query", name.get_ref());
            writing.at(name, problem, "write `file = \"catalog.csv\"`, or source and query");
            return None;
        };
        let refresh = writing.duration(catalog.refresh.as_ref(), REFRESH);
        writing.known(source, "source", sources.keys()).then(|| CatalogPlan::Query {
            source: source.get_ref().clone(),
            query: query.get_ref().clone(),
            refresh,
        })
    }

    fn catalog_file(&mut self, written: &Spanned<String>) -> Option<Vec<Entry>> {
        let file = PathBuf::from(written.get_ref());
        let text = self.read(&file)?;
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
        let header = reader.headers().cloned().unwrap_or_default();
        let column = |name: &str| header.iter().position(|found| found == name);
        let (Some(id), Some(name)) = (column("id"), column("name")) else {
            let place = Place { file: &file, line: Some(1) };
            self.mistakes.add(place, "no columns `id` and `name`", "make the first line `id,name,aliases`");
            return None;
        };
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = BTreeSet::new();
        for record in reader.records().flatten() {
            let line = record.position().map(|position| usize::try_from(position.line()).unwrap_or(1));
            let cell = |at: usize| record.get(at).unwrap_or_default();
            let place = Place { file: &file, line };
            if cell(id).is_empty() || cell(name).is_empty() {
                self.mistakes.add(place, "an entry without id or name", "fill both in, or remove the line");
            } else if !seen.insert(cell(id).to_owned()) {
                let problem = format!("id `{}` is there twice", cell(id));
                self.mistakes.add(place, problem, "give each entry an id of its own");
            } else {
                let aliases = column("aliases").map_or("", cell);
                entries.push(Entry::listed(cell(id), cell(name), aliases));
            }
        }
        if entries.len() > ENTRIES_MAX {
            let problem = format!("{} names, at most {ENTRIES_MAX}", entries.len());
            self.mistakes.add(Place { file: &file, line: None }, problem, "keep those that callers say");
        }
        Some(entries)
    }

    /// Intent → how it is named when it is asked about.
    pub(super) fn labels(
        &mut self,
        tongues: &Tongues<'_>,
        intents: &BTreeMap<String, String>,
    ) -> BTreeMap<String, Said<String>> {
        let file = PathBuf::from("labels.csv");
        if !self.folder.join(&file).exists() {
            return BTreeMap::new();
        }
        let text = self.read(&file).unwrap_or_default();
        let mut labels: BTreeMap<String, Said<String>> = BTreeMap::new();
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
        if reader.headers().ok().is_none_or(|header| header != vec!["intent", "lang", "label"]) {
            let place = Place { file: &file, line: Some(1) };
            self.mistakes.add(place, "the first line is another", "make it `intent,lang,label`");
            return labels;
        }
        for record in reader.records().flatten() {
            let line = record.position().map(|position| usize::try_from(position.line()).unwrap_or(1));
            let place = Place { file: &file, line };
            let (intent, code, label) =
                (&record[0], record.get(1).unwrap_or(""), record.get(2).unwrap_or(""));
            let language = code.parse().ok().filter(|language| tongues.languages.contains(language));
            match (intents.contains_key(intent), language, label.is_empty()) {
                (false, ..) => {
                    let problem = format!("intent `{intent}` is not known");
                    self.mistakes.add(place, problem, "correct the name, or add the intent to scenario.toml");
                }
                (_, None, _) => {
                    let problem = format!("language `{code}` is not one of the scenario's");
                    self.mistakes.add(place, problem, "write one of its languages");
                }
                (.., true) => self.mistakes.add(place, "the label is empty", "write a noun phrase"),
                (true, Some(language), false) => {
                    let said = labels.entry(intent.to_owned()).or_default();
                    if said.insert(language, label.to_owned()).is_some() {
                        let problem = format!("`{intent}` has two labels in `{language}`");
                        self.mistakes.add(place, problem, "keep one of them");
                    }
                }
            }
        }
        labels
    }
}
