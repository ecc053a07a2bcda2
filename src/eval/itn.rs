//! How often number words come out as people write them: pairs of spoken and written text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::wire::{ItnFigures, ItnReport};
use crate::call::Language;
use crate::redact::Redacted;
use crate::slots::written;

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// One text as it is said and as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The kind of text, from the name of its file.
    pub category: String,
    /// In number words.
    pub spoken: Redacted<String>,
    /// In figures.
    pub written: Redacted<String>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read, or is larger than any list of pairs.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A line is no pair.
    #[error("line {line} of `{}` has no tilde\nhint: each line is spoken~written", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// There is no pair in it.
    #[error("`{}` holds no pair\nhint: each line is spoken~written", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// A pair with what Allo made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The pair.
    pub pair: Pair,
    /// What came out.
    pub text: Redacted<String>,
    /// Whether that is what was asked for.
    pub is_right: bool,
}

/// Reads a file of pairs. The category is the last part of its name: `fr_itn_test_cases_money.txt` is `money`.
/// Lines with nothing on either side are passed over.
///
/// # Errors
/// See [`Error`].
pub fn read(path: &Path) -> Result<Vec<Pair>, Error> {
    let read_error = |source| Error::Read { path: path.to_owned(), source };
    let size_bytes = std::fs::metadata(path).map_err(read_error)?.len();
    if size_bytes > FILE_BYTES_MAX {
        return Err(read_error(std::io::Error::other(format!("{size_bytes} bytes are too many for a list"))));
    }
    let text = std::fs::read_to_string(path).map_err(read_error)?;
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let category = name.rsplit('_').next().unwrap_or_default().to_owned();
    let mut pairs = Vec::new();
    for (place, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let (spoken, written) =
            line.split_once('~').ok_or_else(|| Error::Line { path: path.to_owned(), line: place + 1 })?;
        if spoken.trim().is_empty() && written.trim().is_empty() {
            continue;
        }
        pairs.push(Pair { category: category.clone(), spoken: spoken.into(), written: written.into() });
    }
    if pairs.is_empty() { Err(Error::Empty { path: path.to_owned() }) } else { Ok(pairs) }
}

/// Writes every pair.
pub fn run(pairs: Vec<Pair>, language: Language) -> Vec<Outcome> {
    let outcome = |pair: Pair| {
        let text = written(pair.spoken.reveal(), language);
        let is_right = comparable(&text) == comparable(pair.written.reveal());
        Outcome { pair, text: text.into(), is_right }
    };
    pairs.into_iter().map(outcome).collect()
}

/// Figures by category and over all.
pub fn report(outcomes: &[Outcome]) -> ItnReport {
    let mut categories: BTreeMap<String, ItnFigures> = BTreeMap::new();
    let mut total = ItnFigures::default();
    for outcome in outcomes {
        for figures in [categories.entry(outcome.pair.category.clone()).or_default(), &mut total] {
            figures.pairs += 1;
            figures.right += usize::from(outcome.is_right);
        }
    }
    for figures in categories.values_mut().chain([&mut total]) {
        figures.accuracy = (figures.pairs > 0).then(|| figures.right as f64 / figures.pairs as f64);
    }
    ItnReport { total, categories }
}

/// Texts differ in more than blanks: every kind of space is one.
fn comparable(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_counted_by_the_name_of_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fr_itn_test_cases_money.txt");
        std::fs::write(&file, "onze euros~11 €\ndouze euros~12€\n~\n\n").unwrap();
        let outcomes = run(read(&file).unwrap(), Language::Fr);
        let report = report(&outcomes);
        assert_eq!((report.total.pairs, report.total.right, report.total.accuracy), (2, 1, Some(0.5)));
        assert_eq!(report.categories.keys().collect::<Vec<_>>(), ["money"]);
    }

    #[test]
    fn a_line_without_a_tilde_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pairs.txt");
        std::fs::write(&file, "onze~11\ndouze\n").unwrap();
        let error = read(&file).unwrap_err().to_string();
        assert!(error.starts_with("line 2 of"), "{error}");
    }
}
