//! Who may do what: API keys, kept as hashes.
//!
//! A key is 256 random bits in URL-safe base64 behind `allo_`. What is kept is its SHA-256. A slow password hash would
//! protect nothing here: it makes guessing a *guessable* secret dear, and nobody guesses 256 random bits; it would only
//! let anybody who sends wrong keys burn the processor. The presented key is hashed and compared with every entry in
//! constant time, so that neither the number of right bytes nor the place of the entry shows in the time of the answer.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::config::{KeyEntry, Right};
use crate::redact::Redacted;

/// Environment variable that holds a key with all rights.
pub const KEY_VARIABLE: &str = "ALLO_API_KEY";
/// A key from the environment that is shorter than this can be guessed; the log warns.
pub const SHORT_KEY: usize = 20;
/// What keys begin with, so that scanners for leaked secrets can know them.
const PREFIX: &str = "allo_";
/// Longest key that is looked at; a longer one is none.
const KEY_BYTES_MAX: usize = 512;

/// Every key that opens something. Without any key everything is open, and the service serves this machine only.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    name: String,
    digest: [u8; 32],
    rights: Vec<Right>,
}

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// It shows no key.
    NoKey,
    /// It shows one that is not known.
    UnknownKey,
    /// Its key does not open this.
    Lacks {
        /// The key's name.
        name: String,
        /// What it would need.
        right: Right,
    },
}

/// No random numbers could be had from the system.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

impl KeyRing {
    /// The keys of the configuration (validated) and the one of the environment, if it is not empty.
    pub fn new(entries: &[KeyEntry], environment: Option<&Redacted<String>>) -> Self {
        let configured = entries.iter().filter_map(|entry| {
            let digest = parse_digest(&entry.sha256)?;
            Some(Key { name: entry.name.clone(), digest, rights: entry.rights.clone() })
        });
        let added = environment.filter(|key| !key.reveal().is_empty()).map(|key| Key {
            name: KEY_VARIABLE.to_owned(),
            digest: digest(key.reveal()),
            rights: vec![Right::Admin],
        });
        Self { keys: configured.chain(added).collect() }
    }

    /// Whether there is no key, so that everything is open.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether `presented` opens what needs `right`; the name of the key when there are keys.
    ///
    /// # Errors
    /// [`Denied`] says why not.
    pub fn check(&self, presented: Option<&str>, right: Right) -> Result<Option<&str>, Denied> {
        if self.keys.is_empty() {
            return Ok(None);
        }
        let presented = presented.filter(|key| key.len() <= KEY_BYTES_MAX).ok_or(Denied::NoKey)?;
        let shown = digest(presented);
        let mut found = None;
        // No early end: see the head of the module.
        for key in &self.keys {
            if bool::from(key.digest.ct_eq(&shown)) {
                found = Some(key);
            }
        }
        let key = found.ok_or(Denied::UnknownKey)?;
        if key.rights.contains(&right) || key.rights.contains(&Right::Admin) {
            return Ok(Some(&key.name));
        }
        Err(Denied::Lacks { name: key.name.clone(), right })
    }
}

/// A new key.
///
/// # Errors
/// [`NoRandomness`].
pub fn generate() -> Result<Redacted<String>, NoRandomness> {
    let mut bits = [0_u8; 32];
    getrandom::fill(&mut bits).map_err(|_| NoRandomness)?;
    Ok(Redacted::new(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bits))))
}

/// What is kept of a key: 64 hexadecimal digits.
pub fn fingerprint(key: &Redacted<String>) -> String {
    digest(key.reveal()).iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// SHA-256 of a key, or of anything else as random.
pub fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn parse_digest(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, key: &str, rights: &[Right]) -> KeyEntry {
        let sha256 = fingerprint(&Redacted::from(key));
        KeyEntry { name: name.into(), sha256, rights: rights.to_vec() }
    }

    #[test]
    fn a_key_opens_what_it_has_the_right_to_and_nothing_else() {
        let ring = KeyRing::new(
            &[entry("bot", "one", &[Right::Stream]), entry("desk", "two", &[Right::Read])],
            None,
        );
        assert_eq!(ring.check(Some("one"), Right::Stream), Ok(Some("bot")));
        let lacks = Denied::Lacks { name: "bot".into(), right: Right::Transcribe };
        assert_eq!(ring.check(Some("one"), Right::Transcribe), Err(lacks));
        assert_eq!(ring.check(Some("two"), Right::Read), Ok(Some("desk")));
        assert_eq!(ring.check(Some("three"), Right::Read), Err(Denied::UnknownKey));
        assert_eq!(ring.check(Some(""), Right::Read), Err(Denied::UnknownKey));
        assert_eq!(ring.check(None, Right::Read), Err(Denied::NoKey));
    }

    #[test]
    fn the_key_of_the_environment_opens_everything_and_an_empty_one_is_none() {
        let ring = KeyRing::new(&[], Some(&Redacted::from("all")));
        assert!(Right::ALL.into_iter().all(|right| ring.check(Some("all"), right).is_ok()));
        assert!(KeyRing::new(&[], Some(&Redacted::from(""))).is_empty());
        assert_eq!(KeyRing::default().check(None, Right::Admin), Ok(None));
    }

    #[test]
    fn new_keys_differ_and_carry_256_bits() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one, other);
        let bits = one.reveal().strip_prefix(PREFIX).unwrap();
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(bits).unwrap().len(), 32);
        assert_eq!(parse_digest(&fingerprint(&one)), Some(digest(one.reveal())));
    }
}
