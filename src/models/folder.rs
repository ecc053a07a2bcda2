//! The models folder of this machine: which files are there and whether they are the right ones.
//!
//! A file is hashed once; `.verified.json` remembers size, modification time and hash, so that later checks cost
//! milliseconds. Whatever changes a file changes its modification time and with it that memory.

use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::digest::hash_file;
use super::manifest::{Entry, FileSpec, Manifest, Sha256};
use super::pull::Talk;
use super::wire::{VerifiedFile, VerifiedFiles};
use super::{Error, digest};
use crate::progress::{Progress, Unit};

/// Name of the library in the manifest.
const ONNX_RUNTIME: &str = "onnxruntime";
/// Where in the folder a library of the user's own lies. It is not in the manifest, so it is neither pulled nor verified.
const OWN_ONNX_RUNTIME: &str = "own/libonnxruntime.so";

const MEMORY_FILE: &str = ".verified.json";
/// The memory of a few dozen models is some kilobytes; anything bigger is not ours and is ignored.
const MEMORY_BYTES_MAX: u64 = 1024 * 1024;

/// Where models lie.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    root: PathBuf,
}

/// How a model on this machine compares with the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// All files are there with the right hash.
    Present,
    /// At least one file is not there.
    Missing,
    /// A file has the wrong size, as after a broken copy.
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Its size.
        found_bytes: u64,
        /// The size it should have.
        expected_bytes: u64,
    },
    /// A file has the right size and another content.
    WrongHash {
        /// Which file.
        path: PathBuf,
        /// The hash it should have.
        expected: Sha256,
        /// Its hash.
        found: Sha256,
    },
}

/// Whether an earlier hash counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// A file that did not change since it was hashed is not hashed again.
    Remembered,
    /// Every file is hashed.
    Full,
}

/// How a file is looked at.
#[derive(Clone, Copy)]
struct Look {
    check: Check,
    talk: Talk,
}

impl ModelFolder {
    /// The folder at `root`; it need not exist.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The (first) file of a model, for an engine to open. Looks at existence and size, does not hash.
    ///
    /// # Errors
    /// [`Error::UnknownModel`], [`Error::Missing`] or [`Error::Damaged`], with the command that helps.
    pub fn file(&self, manifest: &Manifest, name: &str) -> Result<PathBuf, Error> {
        let mut files = self.files(manifest, name)?;
        Ok(files.swap_remove(0))
    }

    /// All files of a model in the order of the manifest; at least one.
    ///
    /// # Errors
    /// As [`ModelFolder::file`].
    pub fn files(&self, manifest: &Manifest, name: &str) -> Result<Vec<PathBuf>, Error> {
        let entry = manifest.entry(name)?;
        let check = |file: &FileSpec| {
            let path = self.place(&file.path);
            match metadata(&path)? {
                None => Err(Error::Missing { name: entry.name.clone(), path }),
                Some(present) => match unexpected_size(entry, file, &present) {
                    None => Ok(path),
                    Some(found_bytes) => Err(Error::Damaged {
                        name: entry.name.clone(),
                        path,
                        found_bytes,
                        expected_bytes: file.size_bytes,
                    }),
                },
            }
        };
        entry.files.iter().map(check).collect()
    }

    /// The ONNX Runtime library: the user's own at `own/libonnxruntime.so`, such as one with a provider for graphics devices, else
    /// the one of the manifest.
    ///
    /// # Errors
    /// As [`ModelFolder::file`] where there is none of the user's own.
    pub fn onnx_runtime(&self, manifest: &Manifest) -> Result<PathBuf, Error> {
        let own = self.place(OWN_ONNX_RUNTIME);
        if own.is_file() { Ok(own) } else { self.file(manifest, ONNX_RUNTIME) }
    }

    /// How `entry` compares with the manifest.
    ///
    /// # Errors
    /// [`Error::Io`] when a file that is there cannot be read.
    pub fn state(&self, entry: &Entry, check: Check, talk: Talk) -> Result<State, Error> {
        for file in &entry.files {
            let state = self.file_state(entry, file, Look { check, talk })?;
            if state != State::Present {
                return Ok(state);
            }
        }
        Ok(State::Present)
    }

    /// Whether `file` is there with an accepted hash.
    fn file_state(&self, entry: &Entry, file: &FileSpec, look: Look) -> Result<State, Error> {
        let path = self.place(&file.path);
        let Some(present) = metadata(&path)? else { return Ok(State::Missing) };
        if let Some(found_bytes) = unexpected_size(entry, file, &present) {
            return Ok(State::Damaged { path, found_bytes, expected_bytes: file.size_bytes });
        }
        let found = match self.remembered(&file.path, &present) {
            Some(found) if look.check == Check::Remembered => found,
            Some(_) | None => {
                let label = format!("checking {}", file.path);
                let progress = look.talk.progress(label, Unit::Bytes, Some(present.len()));
                let found = hash_file(&path, &progress)?;
                progress.finish("hashed");
                self.remember(&file.path, found);
                found
            }
        };
        if entry.accepted(file).iter().any(|(_, sha256)| *sha256 == found) {
            Ok(State::Present)
        } else {
            Ok(State::WrongHash { path, expected: file.sha256, found })
        }
    }

    /// Where a file of the manifest lies.
    pub(super) fn place(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Notes the hash of a file that was just checked. The memory only saves time, so a folder that cannot be written
    /// to is no failure.
    pub(super) fn remember(&self, relative: &str, found: Sha256) {
        let Ok(Some(present)) = metadata(&self.place(relative)) else { return };
        let Some(modified_ns) = modified_ns(&present) else { return };
        let mut memory = self.memory();
        let verified = VerifiedFile { size_bytes: present.len(), modified_ns, sha256: found.to_string() };
        memory.files.insert(relative.to_owned(), verified);
        if let Err(error) = self.write_memory(&memory) {
            tracing::debug!(%error, "cannot note which models were checked");
        }
    }

    fn remembered(&self, relative: &str, present: &Metadata) -> Option<Sha256> {
        let noted = self.memory().files.remove(relative)?;
        let unchanged = noted.size_bytes == present.len() && Some(noted.modified_ns) == modified_ns(present);
        if unchanged { Sha256::try_from(noted.sha256).ok() } else { None }
    }

    fn memory(&self) -> VerifiedFiles {
        let path = self.root.join(MEMORY_FILE);
        match fs::metadata(&path) {
            Ok(present) if present.len() <= MEMORY_BYTES_MAX => {
                fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
            }
            Ok(_) | Err(_) => VerifiedFiles::default(),
        }
    }

    fn write_memory(&self, memory: &VerifiedFiles) -> Result<(), std::io::Error> {
        // Not a private temporary file: other users of the folder read this memory too.
        let part = self.root.join(format!("{MEMORY_FILE}.{}", uuid::Uuid::new_v4().simple()));
        let written = serde_json::to_vec_pretty(memory)
            .map_err(std::io::Error::from)
            .and_then(|bytes| fs::write(&part, bytes))
            .and_then(|()| fs::rename(&part, self.root.join(MEMORY_FILE)));
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written
    }
}

/// Puts a finished file under its real name so that a crash leaves either the old or the new one.
///
/// # Errors
/// [`Error::Io`]; `to` is then as it was.
pub fn promote(from: &Path, to: &Path) -> Result<(), Error> {
    File::open(from).and_then(|file| file.sync_all()).map_err(Error::io("write", from))?;
    fs::rename(from, to).map_err(Error::io("rename to", to))?;
    if let Some(folder) = to.parent()
        && let Ok(folder) = File::open(folder)
    {
        // Not every file system can do this for a folder; the file's own content is safe either way.
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Hash of `path`, with a bar.
pub(super) fn hash_with_bar(path: &Path, label: String, talk: Talk) -> Result<Sha256, Error> {
    let total = metadata(path)?.map(|present| present.len());
    let progress: Progress = talk.progress(label, Unit::Bytes, total);
    let found = digest::hash_file(path, &progress)?;
    progress.finish("hashed");
    Ok(found)
}

fn metadata(path: &Path) -> Result<Option<Metadata>, Error> {
    match fs::metadata(path) {
        Ok(present) => Ok(Some(present)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

fn unexpected_size(entry: &Entry, file: &FileSpec, present: &Metadata) -> Option<u64> {
    let found = present.len();
    let is_accepted = entry.accepted(file).iter().any(|(size_bytes, _)| *size_bytes == found);
    if is_accepted && present.is_file() { None } else { Some(found) }
}

fn modified_ns(present: &Metadata) -> Option<u64> {
    let since = present.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_of_the_users_own_goes_before_the_pulled_one() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = ModelFolder::new(root.path());
        let manifest = Manifest::builtin();
        assert!(matches!(folder.onnx_runtime(&manifest), Err(Error::Missing { .. })));
        let own = root.path().join(OWN_ONNX_RUNTIME);
        fs::create_dir_all(own.parent().expect("it has one")).expect("an empty folder");
        fs::write(&own, "whatever it is, loading it is for others").expect("a file");
        assert_eq!(folder.onnx_runtime(&manifest).expect("it is there"), own);
    }
}
