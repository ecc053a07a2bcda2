//! The version of a scenario: a hash of its files.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// What a scenario consists of; databases beside it change while it runs and are no part of its version.
const EXTENSIONS: [&str; 4] = ["toml", "csv", "md", "txt"];
/// A folder of these is part of a scenario; anything deeper is not.
const FOLDERS: [&str; 5] = ["intents", "answers", "handover", "steps", "tests"];
/// Characters of the hash that are kept: enough to tell versions apart, short enough to be read aloud.
const LENGTH: usize = 12;

/// The version of the scenario in `folder`; files that cannot be read are left out, the scenario's reader names them.
pub(super) fn of(folder: &Path) -> String {
    let mut files: Vec<PathBuf> = files_of(folder, Path::new(""));
    files.extend(FOLDERS.iter().flat_map(|sub| files_of(folder, Path::new(sub))));
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let Ok(bytes) = std::fs::read(folder.join(&file)) else { continue };
        hash.update(file.to_string_lossy().as_bytes());
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    digits.chars().take(LENGTH).collect()
}

fn files_of(folder: &Path, sub: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join(sub)).into_iter().flatten().flatten();
    entries
        .map(|entry| sub.join(entry.file_name()))
        .filter(|file| {
            file.extension().and_then(|one| one.to_str()).is_some_and(|one| EXTENSIONS.contains(&one))
        })
        .collect()
}
