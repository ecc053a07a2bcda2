//! Which files a command is to work on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Endings by which a folder's recordings are told from its other files. A file that is named itself is always
/// taken, whatever its ending.
const RECORDING_ENDINGS: &[&str] = &[
    "wav", "wave", "flac", "mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "aif", "aiff", "aifc", "caf",
    "webm", "mkv", "mka", "alaw", "ulaw", "al", "ul", "raw", "pcm", "sln",
];

/// Deepest folder nesting that is followed; deeper is a loop of links or a mistake.
const FOLDER_DEPTH_MAX: usize = 32;

/// One recording to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its place below the folder that was named; only the file name for a file that was named itself.
    pub relative: PathBuf,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Inputs {
    /// In the order of the arguments, folders sorted by name.
    pub files: Vec<InputFile>,
    /// Files of folders that are no recordings by their ending.
    pub ignored: Vec<PathBuf>,
    /// What could not be looked at; the rest is not touched by it.
    pub failed: Vec<Error>,
}

/// Why an input cannot be listed, or all of them cannot be worked on together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that was named is not there or cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Folders are nested beyond any sensible depth.
    #[error("`{}` lies {FOLDER_DEPTH_MAX} folders deep: is there a loop of links?", path.display())]
    TooDeep {
        /// The folder.
        path: PathBuf,
    },
    /// Two inputs would be written to the same result file.
    #[error("`{}` and `{}` would both be written to `{}`\nhint: give them separate runs with separate --output folders",
        first.display(), second.display(), relative.display())]
    SameResult {
        /// One input.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// Their common place below the output folder.
        relative: PathBuf,
    },
}

/// Lists the recordings that `paths` name; folders are searched through. What cannot be looked at is in
/// [`Inputs::failed`].
pub fn list(paths: &[PathBuf]) -> Inputs {
    let mut inputs = Inputs::default();
    for path in paths {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => search(path, path, &mut inputs, 0),
            Ok(_) => {
                let relative = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
                inputs.files.push(InputFile { path: path.clone(), relative });
            }
            Err(source) => inputs.failed.push(Error::Unreadable { path: path.clone(), source }),
        }
    }
    inputs
}

/// Checks that no two inputs share a place below an output folder.
///
/// # Errors
/// [`Error::SameResult`].
pub fn check_distinct(inputs: &Inputs) -> Result<(), Error> {
    let mut seen: BTreeMap<&Path, &Path> = BTreeMap::new();
    for file in &inputs.files {
        if let Some(first) = seen.insert(&file.relative, &file.path)
            && first != file.path
        {
            return Err(Error::SameResult {
                first: first.to_owned(),
                second: file.path.clone(),
                relative: file.relative.clone(),
            });
        }
    }
    Ok(())
}

fn search(root: &Path, folder: &Path, inputs: &mut Inputs, depth: usize) {
    if depth >= FOLDER_DEPTH_MAX {
        inputs.failed.push(Error::TooDeep { path: folder.to_owned() });
        return;
    }
    let unreadable = |source| Error::Unreadable { path: folder.to_owned(), source };
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(source) => {
            inputs.failed.push(unreadable(source));
            return;
        }
    };
    let mut entries = Vec::new();
    for entry in listed {
        match entry {
            Ok(entry) => entries.push(entry.path()),
            Err(source) => inputs.failed.push(unreadable(source)),
        }
    }
    entries.sort();
    for path in entries {
        if path.is_dir() {
            search(root, &path, inputs, depth + 1);
        } else if is_recording(&path) {
            let relative = path.strip_prefix(root).unwrap_or(&path).to_owned();
            inputs.files.push(InputFile { path, relative });
        } else {
            inputs.ignored.push(path);
        }
    }
}

fn is_recording(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        let ending = extension.to_string_lossy().to_ascii_lowercase();
        RECORDING_ENDINGS.contains(&ending.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_recordings_sorted_and_keeps_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let touch = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        };
        for name in ["b.wav", "a.MP3", "notes.txt", "monday/c.flac"] {
            touch(name);
        }
        let inputs = list(&[folder.path().to_owned()]);
        let relative: Vec<_> = inputs.files.iter().map(|file| file.relative.to_str().unwrap()).collect();
        assert_eq!(relative, ["a.MP3", "b.wav", "monday/c.flac"]);
        assert_eq!(inputs.ignored, [folder.path().join("notes.txt")]);
        let named = list(&[folder.path().join("notes.txt")]);
        assert_eq!(named.files.len(), 1, "a file that is named itself is always taken");
    }

    #[test]
    fn what_is_not_there_is_named_and_the_rest_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.wav"), b"").unwrap();
        let inputs = list(&[PathBuf::from("nowhere.wav"), folder.path().to_owned()]);
        let [error] = inputs.failed.as_slice() else { panic!("one failure: {:?}", inputs.failed) };
        assert!(error.to_string().contains("nowhere.wav"));
        assert_eq!(inputs.files.len(), 1);
    }

    #[test]
    fn folders_nested_without_end_are_named_and_what_lies_above_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let deep: PathBuf = std::iter::repeat_n("a", FOLDER_DEPTH_MAX).collect();
        std::fs::create_dir_all(folder.path().join(deep)).unwrap();
        std::fs::write(folder.path().join("a/b.wav"), b"").unwrap();
        let inputs = list(&[folder.path().to_owned()]);
        assert!(matches!(inputs.failed.as_slice(), [Error::TooDeep { .. }]), "{:?}", inputs.failed);
        assert_eq!(inputs.files.len(), 1);
    }

    #[test]
    fn two_inputs_for_one_result_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x/a.wav", "y/a.wav"] {
            std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let inputs = list(&[folder.path().join("x"), folder.path().join("y")]);
        assert!(matches!(check_distinct(&inputs), Err(Error::SameResult { .. })));
        assert!(check_distinct(&list(&[folder.path().to_owned()])).is_ok());
    }
}
