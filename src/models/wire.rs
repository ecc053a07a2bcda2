//! What is remembered between runs: which files were hashed, so that a check costs milliseconds the next time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The content of `.verified.json` in the models folder. A file that cannot be read counts as empty.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct VerifiedFiles {
    /// By path in the models folder.
    pub files: BTreeMap<String, VerifiedFile>,
}

/// One hashed file. Valid as long as size and modification time are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedFile {
    /// Size in bytes.
    pub size_bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: u64,
    /// Hash, hexadecimal.
    pub sha256: String,
}
