//! The list of clips that `allo eval asr` measures on: tab-separated, columns found by name.

use std::path::{Path, PathBuf};

use crate::call::{Channel, Language, UnknownChannel};
use crate::redact::Redacted;

/// Largest manifest that is read.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One clip with what is said in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// The recording; a relative path counts from the manifest's folder.
    pub path: PathBuf,
    /// The language column up to a hyphen, lower case, as results are grouped by it.
    pub language_group: String,
    /// The language, when it is one that Allo speaks.
    pub language: Option<Language>,
    /// The channel whose words count, where the manifest has a `channel` column; else all of them.
    pub channel: Option<Channel>,
    /// What is said; empty when nothing is.
    pub transcript: Redacted<String>,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read, or is larger than any manifest.
    #[error("cannot read the manifest `{}`", path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A column is missing.
    #[error("the manifest `{}` has no column `{column}`\nhint: its first line names the columns file, lang and transcript, separated by tabs", path.display())]
    Column {
        /// The manifest.
        path: PathBuf,
        /// The missing column.
        column: &'static str,
    },
    /// A line has too few columns.
    #[error("line {line} of the manifest `{}` has too few columns", path.display())]
    Line {
        /// The manifest.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// A channel name is none.
    #[error("line {line} of the manifest `{}` cannot be used", path.display())]
    Channel {
        /// The manifest.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The name and what is expected.
        #[source]
        source: UnknownChannel,
    },
    /// There is no clip in it.
    #[error("the manifest `{}` names no clip", path.display())]
    Empty {
        /// The manifest.
        path: PathBuf,
    },
}

/// Reads a manifest.
///
/// # Errors
/// See [`Error`]; the message names file, line and column.
pub fn read(path: &Path) -> Result<Vec<Clip>, Error> {
    let read_error = |source| Error::Read { path: path.to_owned(), source };
    let size_bytes = std::fs::metadata(path).map_err(read_error)?.len();
    if size_bytes > FILE_BYTES_MAX {
        return Err(read_error(std::io::Error::other(format!(
            "{size_bytes} bytes, at most {FILE_BYTES_MAX} are read"
        ))));
    }
    let text = std::fs::read_to_string(path).map_err(read_error)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    parse(&text, folder, path)
}

fn parse(text: &str, folder: &Path, path: &Path) -> Result<Vec<Clip>, Error> {
    let mut lines = text.lines().enumerate();
    let header: Vec<&str> = lines.next().map(|(_, line)| line.split('\t').collect()).unwrap_or_default();
    let column = |name: &'static str| {
        header
            .iter()
            .position(|found| found.trim() == name)
            .ok_or_else(|| Error::Column { path: path.to_owned(), column: name })
    };
    let (file, lang, transcript) = (column("file")?, column("lang")?, column("transcript")?);
    let channel = header.iter().position(|found| found.trim() == "channel");
    let mut clips = Vec::new();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |column: usize| {
            fields.get(column).copied().ok_or(Error::Line { path: path.to_owned(), line: index + 1 })
        };
        let tag = field(lang)?.trim();
        let name = channel.map(&field).transpose()?.map(str::trim).filter(|name| !name.is_empty());
        let channel = name.map(str::parse).transpose().map_err(|source| Error::Channel {
            path: path.to_owned(),
            line: index + 1,
            source,
        })?;
        clips.push(Clip {
            path: folder.join(field(file)?),
            language_group: tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase(),
            language: tag.parse().ok(),
            channel,
            transcript: Redacted::new(field(transcript)?.to_owned()),
        });
    }
    if clips.is_empty() { Err(Error::Empty { path: path.to_owned() }) } else { Ok(clips) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Vec<Clip>, String> {
        parse(text, Path::new("set"), Path::new("set/m.tsv")).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error}: {cause}")
        })
    }

    #[test]
    fn columns_are_found_by_name_and_regions_are_grouped() {
        let clips =
            check("lang\tfile\textra\ttranscript\nfr-CA\ta.wav\t1\tBonjour.\nnone\tb.wav\t2\t\n").unwrap();
        assert_eq!(clips.len(), 2);
        assert_eq!(clips[0].path, Path::new("set/a.wav"));
        assert_eq!((clips[0].language_group.as_str(), clips[0].language), ("fr", Some(Language::Fr)));
        assert_eq!((clips[1].language_group.as_str(), clips[1].language), ("none", None));
        assert!(clips[1].transcript.reveal().is_empty());
    }

    #[test]
    fn a_channel_column_picks_the_speaker() {
        let clips = check("file\tlang\ttranscript\tchannel\na.wav\tfr\toui\tagent\n").unwrap();
        assert_eq!(clips[0].channel, Some(Channel::Agent));
        let wrong = check("file\tlang\ttranscript\tchannel\na.wav\tfr\toui\tboss\n").unwrap_err();
        assert!(wrong.contains("line 2") && wrong.contains("boss"), "{wrong}");
    }

    #[test]
    fn mistakes_are_named() {
        assert!(check("file\ttranscript\na\tb").unwrap_err().contains("no column `lang`"));
        assert!(check("file\tlang\ttranscript\na.wav\tfr").unwrap_err().contains("line 2"));
        assert!(check("file\tlang\ttranscript\n").unwrap_err().contains("no clip"));
    }
}
