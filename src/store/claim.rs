//! Who listens to live calls: one process a store.
//!
//! Whoever starts completes the calls that nobody listens to any more. Were another process still listening to them, they
//! would be marked as failed while they go on, so the second one has to be refused. The claim is a lock on a file beside the
//! store: the system lets go of it with the process, however that ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{beside, lock_file, private_folders};

/// The right to listen to the calls of a store, for as long as this is held.
#[derive(Debug)]
pub struct Claim {
    _locked: File,
}

/// Why a store cannot be claimed.
#[derive(Debug, thiserror::Error)]
pub enum Claimed {
    /// Another process listens to its calls.
    #[error(
        "another allo serves the store {}\nhint: stop it first, or give this one a folder of its own with ALLO_HOME",
        path.display()
    )]
    Other {
        /// The store.
        path: PathBuf,
    },
    /// The lock file cannot be made or locked.
    #[error("cannot claim the store {}\nhint: set ALLO_HOME to a folder you may write to", path.display())]
    Lock {
        /// The store.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Claim {
    /// Claims the store in `path`, which need not be there yet. Does not wait.
    ///
    /// # Errors
    /// [`Claimed`].
    pub fn take(path: &Path) -> Result<Self, Claimed> {
        let failed = |source| Claimed::Lock { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            private_folders().create(folder).map_err(failed)?;
        }
        let file = lock_file(&beside(path, "serving")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _locked: file }),
            Err(TryLockError::WouldBlock) => Err(Claimed::Other { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_listens_to_the_calls_of_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home/allo.db");
        let first = Claim::take(&path).unwrap();
        let refused = Claim::take(&path).unwrap_err();
        assert!(matches!(refused, Claimed::Other { .. }));
        let told = refused.to_string();
        assert!(told.contains("allo.db") && told.contains("hint: stop it first"), "{told}");
        drop(first);
        Claim::take(&path).unwrap();
    }
}
