//! Signatures of the Standard Webhooks scheme: HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

use crate::redact::Redacted;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret, as the scheme has it.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secrets that sign for one receiver: one, or several while it is changed.
#[derive(Debug, Clone)]
pub struct Secrets(Vec<Redacted<Vec<u8>>>);

/// Why a text holds no secret. It never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// There is none.
    #[error("no secret in it")]
    None,
    /// It does not look like one.
    #[error("expected `whsec_` and base64 of 24 to 64 bytes; `allo webhook secret` makes one")]
    Malformed,
}

/// No random numbers could be had from the system.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

impl Secrets {
    /// Reads `whsec_…`, or several with white space between them.
    ///
    /// # Errors
    /// [`InvalidSecret`].
    pub fn parse(text: &Redacted<String>) -> Result<Self, InvalidSecret> {
        let secrets: Vec<_> = text.reveal().split_whitespace().map(parse_one).collect::<Result<_, _>>()?;
        if secrets.is_empty() { Err(InvalidSecret::None) } else { Ok(Self(secrets)) }
    }

    /// The content of the header `webhook-signature`: `v1,` and base64, once for each secret.
    pub fn sign(&self, id: &str, sent: Timestamp, body: &[u8]) -> String {
        let seconds = sent.as_second().to_string();
        let one = |secret: &Redacted<Vec<u8>>| {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(secret.reveal()).expect("HMAC takes keys of any length");
            for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
                mac.update(part);
            }
            format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

fn parse_one(text: &str) -> Result<Redacted<Vec<u8>>, InvalidSecret> {
    let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret::Malformed)?;
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret::Malformed)?;
    if BYTES.contains(&bytes.len()) { Ok(Redacted::new(bytes)) } else { Err(InvalidSecret::Malformed) }
}

/// A new secret of 256 random bits.
///
/// # Errors
/// [`NoRandomness`].
pub fn generate() -> Result<Redacted<String>, NoRandomness> {
    let mut bits = [0_u8; 32];
    getrandom::fill(&mut bits).map_err(|_| NoRandomness)?;
    Ok(Redacted::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(bits))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(text: &str) -> Result<Secrets, InvalidSecret> {
        Secrets::parse(&Redacted::from(text))
    }

    #[test]
    fn the_signature_is_that_of_an_independent_implementation() {
        // Made with Python's hmac and base64 over b"msg_1.1614265330.{\"test\": 2432232314}".
        let secrets = secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let sent = Timestamp::from_second(1_614_265_330).unwrap();
        let signature = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", sent, b"{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_changed_both_sign() {
        let (old, new) = (generate().unwrap(), generate().unwrap());
        let both = secrets(&format!("{} \n{}\n", new.reveal(), old.reveal())).unwrap();
        let sent = Timestamp::UNIX_EPOCH;
        let alone = |secret: &Redacted<String>| Secrets::parse(secret).unwrap().sign("a", sent, b"{}");
        assert_eq!(both.sign("a", sent, b"{}"), format!("{} {}", alone(&new), alone(&old)));
        assert_ne!(alone(&new), alone(&old));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_nothing_shows_one() {
        assert_eq!(secrets(" \n").unwrap_err(), InvalidSecret::None);
        for text in ["c2VjcmV0", "whsec_", "whsec_!!", "whsec_c2hvcnQ="] {
            assert_eq!(secrets(text).unwrap_err(), InvalidSecret::Malformed, "{text}");
        }
        let shown = format!("{:?}", secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        assert!(!shown.contains("77") && shown.contains("[redacted]"), "{shown}");
    }
}
