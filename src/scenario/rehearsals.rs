//! `tests/*.toml`: conversations that a scenario must hold as written.

use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use serde::Deserialize;
use toml::Spanned;

use super::mistakes::{Mistakes, Place, line_of};
use super::{Error, Mistake};
use crate::call::Language;

/// One conversation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsed {
    /// What it shows.
    pub name: String,
    /// The language that the caller begins with.
    language: Option<Spanned<String>>,
    /// Local time of the call.
    pub at: DateTime,
    /// What happens, in order.
    pub turns: Vec<RehearsedTurn>,
    /// How the call ends: `end` or `route:<id>`; nothing: that is not looked at.
    ends: Option<Spanned<String>>,
}

/// One thing that happens, and what must follow.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RehearsedTurn {
    /// The caller says this.
    pub caller: Option<String>,
    /// The caller presses these keys.
    pub keypad: Option<String>,
    /// The caller says nothing.
    pub silence: bool,
    /// There is noise.
    pub noise: bool,
    /// What the answer must contain.
    pub says: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RehearsalFile {
    #[serde(default)]
    conversation: Vec<Rehearsed>,
}

impl Rehearsed {
    /// How the call ends: `end` or `route:<id>`; `None`: that is not looked at.
    pub fn ends(&self) -> Option<&str> {
        self.ends.as_ref().map(|ends| ends.get_ref().as_str())
    }

    /// The language, if it is one.
    pub fn language(&self) -> Option<Language> {
        self.language.as_ref().and_then(|code| code.get_ref().parse().ok())
    }
}

/// The conversations of the scenario in `folder`, by file.
///
/// # Errors
/// [`Error::Mistakes`] with everything that cannot be read.
pub fn conversations(folder: &Path) -> Result<Vec<(PathBuf, Vec<Rehearsed>)>, Error> {
    let mut mistakes = Mistakes::default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("tests"))
        .map(|entries| {
            entries.flatten().map(|entry| PathBuf::from("tests").join(entry.file_name())).collect()
        })
        .unwrap_or_default();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let text = match std::fs::read_to_string(folder.join(&file)) {
            Ok(text) => text,
            Err(error) => {
                let place = Place { file: &file, line: None };
                mistakes.add(place, format!("not readable: {error}"), "save it as UTF-8");
                continue;
            }
        };
        match toml::from_str::<RehearsalFile>(&text) {
            Ok(written) => found.push((file, written.conversation)),
            Err(error) => {
                let line = error.span().map(|span| line_of(&text, span.start));
                let place = Place { file: &file, line };
                mistakes.add(place, error.message(), "correct this line; docs/answers.md shows a whole file");
            }
        }
    }
    let mistakes: Vec<Mistake> = mistakes.0;
    if mistakes.is_empty() { Ok(found) } else { Err(Error::Mistakes { path: folder.to_owned(), mistakes }) }
}
