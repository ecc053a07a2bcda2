//! The file of `--hypotheses` or `--decisions`: what was heard or decided, line by line, for whoever wants to look.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The lines, and the file for them where one was asked for.
#[derive(Debug)]
pub(super) struct Hypotheses {
    file: Option<(PathBuf, File)>,
    /// The one that names the file.
    argument: &'static str,
    text: String,
}

impl Hypotheses {
    /// Makes the file of `--hypotheses`, so that a place that cannot be written is known before anything is measured.
    pub(super) fn create(path: Option<&Path>, heading: &str) -> anyhow::Result<Self> {
        Self::create_for("--hypotheses", path, heading)
    }

    /// The same for another argument.
    pub(super) fn create_for(
        argument: &'static str,
        path: Option<&Path>,
        heading: &str,
    ) -> anyhow::Result<Self> {
        let create = |path: &Path| {
            let file = File::create(path).with_context(|| cannot_write(argument, path))?;
            anyhow::Ok((path.to_owned(), file))
        };
        Ok(Self { file: path.map(create).transpose()?, argument, text: format!("{heading}\n") })
    }

    /// Whether somebody asked for the file.
    pub(super) const fn are_wanted(&self) -> bool {
        self.file.is_some()
    }

    /// Keeps `line`, which holds its own end.
    pub(super) fn add(&mut self, line: &str) {
        self.text += line;
    }

    /// Writes what was kept. Comes after the report, which a full disk must not take away.
    pub(super) fn write(self) -> anyhow::Result<()> {
        let Some((path, mut file)) = self.file else { return Ok(()) };
        file.write_all(self.text.as_bytes()).with_context(|| cannot_write(self.argument, &path))
    }
}

fn cannot_write(argument: &str, path: &Path) -> String {
    format!(
        "cannot write `{}`\nhint: give {argument} a file in a folder that you may write to",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_below_the_heading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.tsv");
        let mut hypotheses = Hypotheses::create(Some(&path), "file\ttext").unwrap();
        hypotheses.add("a.wav\tbonjour\n");
        hypotheses.write().unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "file\ttext\na.wav\tbonjour\n");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nowhere/heard.tsv");
        let error = Hypotheses::create(Some(&path), "file\ttext").unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains("hint: "), "{error}");
    }

    #[test]
    fn nobody_has_to_ask_for_a_file() {
        Hypotheses::create(None, "file\ttext").unwrap().write().unwrap();
    }
}
