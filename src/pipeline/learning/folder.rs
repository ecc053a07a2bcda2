//! Files of what was learnt: each written whole, and no more of a kind than there is use for.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Ending of a file that is being written.
const UNFINISHED: &str = "part";
/// Unfinished files that may lie about: those of the processes that write now, and of some that were killed.
const UNFINISHED_MAX: usize = 4;

/// Files that this process has begun to write.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// Writes under a temporary name, renames, and lets go of the oldest files with the ending of `path` beyond `at_most`.
pub(super) fn keep(bytes: &[u8], path: &Path, at_most: usize) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // A name that no other process and no other thread writes under.
    let number = BEGUN.fetch_add(1, Ordering::Relaxed);
    let unfinished = path.with_extension(format!("{}-{number}.{UNFINISHED}", std::process::id()));
    let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // Half a file is of no use; that it cannot be written is told.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    let_go(folder, path.extension(), at_most)?;
    let_go(folder, Some(OsStr::new(UNFINISHED)), UNFINISHED_MAX)
}

/// Removes the oldest files of `folder` with this ending, but for `at_most`.
fn let_go(folder: &Path, ending: Option<&OsStr>, at_most: usize) -> io::Result<()> {
    let mut kept: Vec<(SystemTime, PathBuf)> = fs::read_dir(folder)?
        .flatten()
        .filter(|entry| entry.path().extension() == ending)
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    let too_many = kept.len().saturating_sub(at_most);
    for (_, path) in kept.iter().take(too_many) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // One that another process removed is gone as well.
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it was made");
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn no_more_of_a_kind_are_kept_than_there_is_use_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        keep(b"y", &path("other.vectors"), 2).expect("it can be written");
        for index in 0..9 {
            keep(b"x", &path(&format!("{index}.bin")), 3).expect("it can be written");
        }
        let left = names(folder.path());
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(left.contains(&"other.vectors".to_owned()), "of another kind: {left:?}");
    }

    #[test]
    fn what_killed_processes_left_unfinished_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        for index in 0..9 {
            fs::write(folder.path().join(format!("a.{index}-0.{UNFINISHED}")), b"half").expect("written");
        }
        keep(b"x", &folder.path().join("a.bin"), 3).expect("it can be written");
        assert_eq!(names(folder.path()).len(), UNFINISHED_MAX + 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        // A folder of that name cannot be replaced by a file.
        fs::create_dir_all(folder.path().join("a.bin/b")).expect("a folder");
        assert!(keep(b"x", &folder.path().join("a.bin"), 3).is_err());
        assert_eq!(names(folder.path()), ["a.bin"]);
    }
}
