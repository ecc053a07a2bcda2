//! What an output folder knows about its results: which settings and which recording each was made from.
//!
//! One journal, `.allo-transcribe.jsonl`, only ever added to: a line before a result is written and one after it. The
//! last line of a result counts, so a run that was killed in between leaves a line that says so, and the recording is
//! done again. Lines that cannot be read (a torn one) count as not there.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// Name of the journal in the output folder.
const FILE_NAME: &str = ".allo-transcribe.jsonl";

/// Largest journal that is read: some hundred thousand results.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What earlier runs left of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Earlier {
    /// A whole result of this recording with these settings.
    Done,
    /// The same, but the recording is damaged; the text says how.
    Damaged(String),
    /// Nothing, or something made from another recording or with other settings.
    ToDo,
}

/// The results of one output folder.
#[derive(Debug)]
pub(super) struct Results {
    folder: PathBuf,
    settings: String,
    lines: HashMap<String, Line>,
}

/// What is written for one recording.
#[derive(Debug)]
pub(super) struct Written<'a> {
    /// The whole content.
    pub(super) text: &'a str,
    /// What is wrong with the recording, to be named in later runs too.
    pub(super) damage: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    input: Input,
    settings: String,
    finished: bool,
    damage: Option<String>,
}

/// How a recording that was replaced is told from what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Input {
    size_bytes: u64,
    modified_ns: u64,
}

impl Results {
    /// Reads the journal of `folder`, if there is one. `settings` stands for everything that shapes a result.
    pub(super) fn open(folder: &Path, settings: String) -> anyhow::Result<Self> {
        if folder.exists() && !folder.is_dir() {
            bail!("--output: `{}` is a file, and a folder is wanted", folder.display());
        }
        let path = folder.join(FILE_NAME);
        let named = || format!("cannot read `{}`", path.display());
        let mut lines = HashMap::new();
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > FILE_BYTES_MAX => bail!(
                "`{}` has {} bytes, at most {FILE_BYTES_MAX} are read\nhint: move it away; results newer than their recording still count as done",
                path.display(),
                metadata.len(),
            ),
            Ok(_) => {
                let bytes = std::fs::read(&path).with_context(named)?;
                lines.extend(String::from_utf8_lossy(&bytes).lines().filter_map(parse));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(named),
        }
        Ok(Self { folder: folder.to_owned(), settings, lines })
    }

    /// What is there for `recording`, whose result is `result` below the folder.
    pub(super) fn earlier(&self, recording: &Path, result: &Path) -> Earlier {
        let modified = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let (Some(heard), Some(written)) = (modified(recording), modified(&self.folder.join(result))) else {
            return Earlier::ToDo;
        };
        match self.lines.get(&key(result)) {
            // Made before there was a journal.
            None if written >= heard => Earlier::Done,
            Some(line)
                if line.finished
                    && line.settings == self.settings
                    && input(recording).is_ok_and(|input| input == line.input) =>
            {
                line.damage.clone().map_or(Earlier::Done, Earlier::Damaged)
            }
            None | Some(_) => Earlier::ToDo,
        }
    }

    /// Writes the result of `recording`: whole under its name, or not at all.
    pub(super) fn write(&self, recording: &Path, result: &Path, written: Written<'_>) -> anyhow::Result<()> {
        let Written { text, damage } = written;
        let path = self.folder.join(result);
        let named = || format!("cannot write `{}`", path.display());
        std::fs::create_dir_all(path.parent().unwrap_or(&self.folder)).with_context(named)?;
        let input = input(recording).with_context(|| format!("cannot read `{}`", recording.display()))?;
        let mut line = Line { input, settings: self.settings.clone(), finished: false, damage };
        self.append(result, &line)?;
        write_whole(&path, text).with_context(named)?;
        line.finished = true;
        self.append(result, &line)
    }

    fn append(&self, result: &Path, line: &Line) -> anyhow::Result<()> {
        let path = self.folder.join(FILE_NAME);
        let mut text = json!({
            "result": key(result),
            "size": line.input.size_bytes,
            "modified_ns": line.input.modified_ns,
            "settings": line.settings,
            "finished": line.finished,
            "damage": line.damage,
        })
        .to_string();
        text.push('\n');
        let mut write = || {
            let mut file = OpenOptions::new().create(true).append(true).read(true).open(&path)?;
            if is_torn(&mut file)? {
                text.insert(0, '\n');
            }
            file.write_all(text.as_bytes())?;
            file.sync_data()
        };
        write().with_context(|| format!("cannot write `{}`", path.display()))
    }
}

/// Whether the last line lacks its end: its writer was killed.
fn is_torn(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn key(result: &Path) -> String {
    result.to_string_lossy().into_owned()
}

fn input(recording: &Path) -> std::io::Result<Input> {
    let metadata = std::fs::metadata(recording)?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Input {
        size_bytes: metadata.len(),
        modified_ns: u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX),
    })
}

fn parse(line: &str) -> Option<(String, Line)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let input = Input { size_bytes: value["size"].as_u64()?, modified_ns: value["modified_ns"].as_u64()? };
    let line = Line {
        input,
        settings: value["settings"].as_str()?.to_owned(),
        finished: value["finished"].as_bool()?,
        damage: value["damage"].as_str().map(str::to_owned),
    };
    Some((value["result"].as_str()?.to_owned(), line))
}

/// Under another name first, on the disk before it gets its own. The rights are those of any new file (umask), unlike
/// those of a temporary file: results are made to be read by other programs.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".allo-");
    #[cfg(unix)]
    let rights: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(rights);
    let mut temporary = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Desk {
        folder: tempfile::TempDir,
        recording: PathBuf,
    }

    const RESULT: &str = "monday/a.wav.txt";

    impl Desk {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let recording = folder.path().join("a.wav");
            std::fs::write(&recording, b"first").unwrap();
            Self { folder, recording }
        }

        fn results(&self, settings: &str) -> Results {
            Results::open(&self.folder.path().join("texts"), settings.to_owned()).unwrap()
        }

        fn write(&self, settings: &str, damage: Option<&str>) {
            let damage = damage.map(str::to_owned);
            let written = Written { text: "bonjour\n", damage };
            self.results(settings).write(&self.recording, Path::new(RESULT), written).unwrap();
        }

        fn earlier(&self, settings: &str) -> Earlier {
            self.results(settings).earlier(&self.recording, Path::new(RESULT))
        }

        fn journal(&self) -> PathBuf {
            self.folder.path().join("texts").join(FILE_NAME)
        }
    }

    #[test]
    fn a_result_is_done_for_its_recording_and_settings_only() {
        let desk = Desk::new();
        assert_eq!(desk.earlier("a"), Earlier::ToDo);
        desk.write("a", None);
        assert_eq!((desk.earlier("a"), desk.earlier("b")), (Earlier::Done, Earlier::ToDo));
        std::fs::write(&desk.recording, b"another length").unwrap();
        assert_eq!(desk.earlier("a"), Earlier::ToDo);
    }

    #[test]
    fn damage_is_known_in_every_later_run() {
        let desk = Desk::new();
        desk.write("a", Some("`a.wav` ends early"));
        for _ in 0..2 {
            assert_eq!(desk.earlier("a"), Earlier::Damaged("`a.wav` ends early".to_owned()));
        }
        desk.write("a", None);
        assert_eq!(desk.earlier("a"), Earlier::Done);
    }

    #[test]
    fn a_result_from_before_the_journal_is_done_when_it_is_newer() {
        let desk = Desk::new();
        desk.write("a", None);
        std::fs::remove_file(desk.journal()).unwrap();
        assert_eq!(desk.earlier("b"), Earlier::Done);
        std::fs::remove_file(desk.folder.path().join("texts").join(RESULT)).unwrap();
        assert_eq!(desk.earlier("b"), Earlier::ToDo);
    }

    #[test]
    fn a_run_that_was_killed_leaves_nothing_that_counts_as_done() {
        let desk = Desk::new();
        desk.write("a", None);
        let journal = std::fs::read_to_string(desk.journal()).unwrap();
        let before_the_result = journal.lines().next().unwrap();
        std::fs::write(desk.journal(), format!("{before_the_result}\n")).unwrap();
        assert_eq!(desk.earlier("a"), Earlier::ToDo);
        std::fs::write(desk.journal(), &before_the_result[..20]).unwrap();
        desk.write("a", None);
        assert_eq!(desk.earlier("a"), Earlier::Done, "a torn line does not spoil the next");
    }

    #[cfg(unix)]
    #[test]
    fn a_result_has_the_rights_of_any_new_file_and_nothing_else_is_left() {
        use std::os::unix::fs::PermissionsExt;
        let desk = Desk::new();
        desk.write("a", None);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        let result = desk.folder.path().join("texts").join(RESULT);
        assert_eq!(mode(&result), mode(&desk.recording));
        assert_eq!(std::fs::read_dir(result.parent().unwrap()).unwrap().count(), 1);
    }
}
