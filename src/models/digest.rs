//! SHA-256 of files and streams, without holding them in memory.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use sha2::Digest;

use super::{Error, Sha256};
use crate::progress::Progress;

/// Big enough that hashing, not reading, is the cost.
const CHUNK_BYTES: usize = 256 * 1024;

/// A running hash of what passes through.
#[derive(Default)]
pub(super) struct Hasher(sha2::Sha256);

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Sha256 {
        Sha256::new(self.0.finalize().into())
    }
}

/// SHA-256 of a file, read in pieces; `progress` is moved by bytes.
///
/// # Errors
/// [`Error`] names the file that cannot be read.
pub fn hash_file(path: &Path, progress: &Progress) -> Result<Sha256, Error> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut hasher = Hasher::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = file.read(&mut chunk).map_err(Error::io("read", path))?;
        if length == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&chunk[..length]);
        progress.advance(length as u64);
    }
}

/// Where a bounded copy failed.
pub(super) enum CopyError {
    Read(std::io::Error),
    Write(std::io::Error),
    TooLong,
}

/// Copies at most `limit_bytes`; one byte more is [`CopyError::TooLong`]. Returns how much was copied.
pub(super) fn copy_bounded(
    from: &mut dyn Read,
    to: &mut dyn Write,
    limit_bytes: u64,
    mut seen: impl FnMut(&[u8]),
) -> Result<u64, CopyError> {
    let mut copied = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = match from.read(&mut chunk) {
            Ok(0) => return Ok(copied),
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        if copied + length as u64 > limit_bytes {
            return Err(CopyError::TooLong);
        }
        to.write_all(&chunk[..length]).map_err(CopyError::Write)?;
        copied += length as u64;
        seen(&chunk[..length]);
    }
}
