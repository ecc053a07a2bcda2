//! Pieces of speech in a folder, bounded in bytes; what was used longest ago goes first.
//!
//! Uses are counted while the process runs; after a start the time of writing orders the files. Several processes may
//! share a folder: what one writes the others find, and each keeps to the bound by what it knows of.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::Key;
use crate::audio::SampleRate;
use crate::voice::wave::{bytes_to_samples, samples_to_bytes};

/// Begin of a file: what it is and in which version.
const MAGIC: &[u8; 8] = b"allosay1";
/// Magic, rate, number of samples, begin of the SHA-256 of the samples.
const HEADER_BYTES: usize = 8 + 4 + 4 + 8;
/// A piece is a sentence; ten minutes of 48 kHz, which no engine exceeds.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
const UNFINISHED: &str = ".unfinished-";

/// See the module.
pub struct Disk {
    folder: PathBuf,
    bytes_max: u64,
    bytes: u64,
    files: HashMap<String, (u64, u64)>,
    /// Names by last use.
    order: BTreeMap<u64, String>,
    uses: u64,
}

impl Disk {
    /// The folder with what is in it; made when it is not there. What a killed process left unfinished goes.
    pub fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        make_private(folder)?;
        let mut disk = Self {
            folder: folder.to_path_buf(),
            bytes_max,
            bytes: 0,
            files: HashMap::new(),
            order: BTreeMap::new(),
            uses: 0,
        };
        let mut found: Vec<(SystemTime, String, u64)> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with(UNFINISHED) {
                let _ = fs::remove_file(entry.path());
            } else if is_ours(&name)
                && let Ok(about) = entry.metadata()
            {
                found.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), name, about.len()));
            }
        }
        found.sort();
        for (_, name, bytes) in found {
            disk.remember(name, bytes);
        }
        disk.make_room();
        Ok(disk)
    }

    /// The piece of `key`; a damaged file is removed.
    pub fn get(&mut self, key: Key, rate: SampleRate) -> Option<Vec<f32>> {
        let name = key.name();
        let file = match fs::File::open(self.folder.join(&name)) {
            Ok(file) => file,
            Err(_) => {
                self.forget(&name);
                return None;
            }
        };
        let mut bytes = Vec::new();
        let samples =
            file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok().and_then(|_| parse(&bytes, rate));
        if samples.is_some() {
            self.remember(name, bytes.len() as u64);
        } else {
            self.remove(&name);
        }
        samples
    }

    /// Keeps a piece, unless it alone is beyond the bound.
    pub fn put(&mut self, key: Key, rate: SampleRate, samples: &[f32]) -> io::Result<()> {
        let body: Vec<u8> = samples_to_bytes(samples).collect();
        let bytes = (HEADER_BYTES + body.len()) as u64;
        if bytes > self.bytes_max.min(FILE_BYTES_MAX) {
            return Ok(());
        }
        let count = u32::try_from(samples.len()).expect("below FILE_BYTES_MAX");
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&rate.hz().to_le_bytes())?;
        file.write_all(&count.to_le_bytes())?;
        file.write_all(&check_sum(&body))?;
        file.write_all(&body)?;
        let name = key.name();
        file.persist(self.folder.join(&name)).map_err(|error| error.error)?;
        self.remember(name, bytes);
        self.make_room();
        Ok(())
    }

    /// Notes that the piece of `key` was used, without reading it.
    pub fn used(&mut self, key: Key) {
        let name = key.name();
        if let Some((bytes, _)) = self.files.get(&name) {
            let bytes = *bytes;
            self.remember(name, bytes);
        }
    }

    /// The file is now the last used.
    fn remember(&mut self, name: String, bytes: u64) {
        self.forget(&name);
        self.uses += 1;
        self.bytes += bytes;
        self.order.insert(self.uses, name.clone());
        self.files.insert(name, (bytes, self.uses));
    }

    fn forget(&mut self, name: &str) {
        if let Some((bytes, used)) = self.files.remove(name) {
            self.bytes -= bytes;
            self.order.remove(&used);
        }
    }

    fn remove(&mut self, name: &str) {
        // One that somebody else removed is gone as well.
        let _ = fs::remove_file(self.folder.join(name));
        self.forget(name);
    }

    fn make_room(&mut self) {
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.order.values().next().cloned() else { break };
            self.remove(&oldest);
        }
    }
}

fn parse(bytes: &[u8], rate: SampleRate) -> Option<Vec<f32>> {
    let (header, body) = bytes.split_at_checked(HEADER_BYTES)?;
    let number = |at: usize| header[at..at + 4].try_into().map(u32::from_le_bytes).ok();
    let is_whole = &header[..8] == MAGIC
        && number(8)? == rate.hz()
        && u64::from(number(12)?) * 2 == body.len() as u64
        && header[16..24] == check_sum(body);
    is_whole.then(|| bytes_to_samples(body).collect())
}

fn check_sum(body: &[u8]) -> [u8; 8] {
    let hash: [u8; 32] = Sha256::digest(body).into();
    *hash.first_chunk().expect("a hash has 32 bytes")
}

fn is_ours(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|sign| sign.is_ascii_digit() || matches!(sign, b'a'..=b'f'))
}

/// What callers are told may be personal: only the owner reads it. Files of `tempfile` are private already.
fn make_private(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
