//! What is wrong with a scenario: all of it at once, each with its place and its remedy.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file, relative to the scenario folder.
    pub file: PathBuf,
    /// The line, from 1; `None` when the file as a whole is meant.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {}\n  remedy: {}", self.problem, self.remedy)
    }
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    /// What keeps a scenario from being used.
    pub found: Vec<Mistake>,
    /// What can be used and is hardly meant.
    pub warnings: Vec<Mistake>,
}

/// A place in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub file: &'a Path,
    pub line: Option<usize>,
}

impl Mistakes {
    pub fn add(&mut self, place: Place<'_>, problem: impl Into<String>, remedy: impl Into<String>) {
        self.found.push(mistake(place, problem, remedy));
    }

    pub fn warn(&mut self, place: Place<'_>, problem: impl Into<String>, remedy: impl Into<String>) {
        self.warnings.push(mistake(place, problem, remedy));
    }
}

fn mistake(place: Place<'_>, problem: impl Into<String>, remedy: impl Into<String>) -> Mistake {
    Mistake { file: place.file.to_owned(), line: place.line, problem: problem.into(), remedy: remedy.into() }
}

/// The line of byte `offset` in `text`, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
