//! Settings of the service, section `[serve]`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text::duration::as_text;

/// Section `[serve]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port of HTTP and WebSocket; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How long calls and requests that are under way may take to end when the service is stopped.
    #[serde(with = "as_text")]
    pub drain: Duration,
    /// Names of OpenAI's models that clients may ask for; all are answered by the one model that is loaded.
    pub model_aliases: Vec<String>,
    /// Origins of web pages that may call the service, such as `https://desk.example.com`; none by default.
    pub cors_origins: Vec<String>,
    /// Limits on what clients may take.
    pub limits: Limits,
    /// Certificate and key; without them the service speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Asterisk's AudioSocket; not served without it.
    pub audiosocket: Option<AudioSocket>,
    /// The page of a team.
    pub desk: Desk,
    /// API keys. The environment variable `ALLO_API_KEY` adds one with all rights.
    pub keys: Vec<KeyEntry>,
}

/// Section `[serve.limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest request, in bytes: the recording that is sent, with its form.
    pub body_bytes: u64,
    /// Connections at once, WebSockets included.
    pub connections: usize,
    /// Recordings that are transcribed at once; 0 for one a recognition worker.
    pub transcriptions: usize,
    /// Requests with recordings that may wait for their turn; further ones are refused with 503.
    pub waiting: usize,
    /// Longest silence of a client in the middle of a request.
    #[serde(with = "as_text")]
    pub idle: Duration,
    /// Largest WebSocket message, in bytes.
    pub message_bytes: usize,
    /// WebSocket messages that one connection may send a second, averaged over ten seconds.
    pub messages_per_second: u32,
}

/// Section `[serve.tls]`, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Section `[serve.audiosocket]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioSocket {
    /// Address and port; 9092 is the usual one.
    pub listen: SocketAddr,
    /// Rate of an Asterisk that does not tell it.
    #[serde(default)]
    pub sample_rate: Option<u32>,
    /// Whether addresses other than loopback are fine: the protocol has no keys.
    #[serde(default)]
    pub allow_remote: bool,
    /// Whether only calls are taken of which `POST /v1/calls/expected` told before.
    #[serde(default)]
    pub only_expected: bool,
}

/// Section `[serve.desk]`: the page that shows a team the calls that are handed to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desk {
    /// How long a browser stays signed in.
    #[serde(with = "as_text")]
    pub session: Duration,
    /// How long a call that nobody has taken is shown after its sound has ended: for telephone systems that take the sound
    /// away with the transfer. 0: it leaves at once.
    #[serde(with = "as_text")]
    pub shown_after_end: Duration,
}

impl Default for Desk {
    fn default() -> Self {
        // A shift; whoever finds the browser open afterwards finds it signed out.
        Self { session: Duration::from_secs(8 * 3_600), shown_after_end: Duration::ZERO }
    }
}

/// One `[[serve.keys]]`: who may do what. The key itself is nowhere; `allo keys new` makes one and shows it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Name for logs and metrics.
    pub name: String,
    /// SHA-256 of the key, 64 hexadecimal digits.
    pub sha256: String,
    /// What it opens.
    pub rights: Vec<Right>,
}

/// What a key may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Send recordings and get their text.
    Transcribe,
    /// Bring live calls.
    Stream,
    /// Follow and read calls.
    Read,
    /// Play to the callers of calls that go on, transfer them and end them.
    Control,
    /// See the calls that are handed over, and sign in to the page of a team.
    Desk,
    /// Read the figures of the service, and all other rights.
    Admin,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 6] =
        [Self::Transcribe, Self::Stream, Self::Read, Self::Control, Self::Desk, Self::Admin];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transcribe => "transcribe",
            Self::Stream => "stream",
            Self::Read => "read",
            Self::Control => "control",
            Self::Desk => "desk",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A name that is no right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown right `{name}`, expected transcribe, stream, read, control, desk or admin")]
pub struct UnknownRight {
    /// What was found.
    pub name: String,
}

impl std::str::FromStr for Right {
    type Err = UnknownRight;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|right| right.name() == name)
            .ok_or_else(|| UnknownRight { name: name.to_owned() })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8_470)),
            drain: Duration::from_secs(30),
            model_aliases: [
                "whisper-1",
                "gpt-transcribe",
                "gpt-4o-transcribe",
                "gpt-4o-mini-transcribe",
                "gpt-4o-transcribe-diarize",
                "nova-2",
                "nova-2-general",
                "nova-2-phonecall",
                "nova-3",
                "nova-3-general",
            ]
            .map(str::to_owned)
            .to_vec(),
            cors_origins: Vec::new(),
            limits: Limits::default(),
            tls: None,
            audiosocket: None,
            desk: Desk::default(),
            keys: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Two hours of two-channel G.711; OpenAI takes 25 MB.
            body_bytes: 256 * 1024 * 1024,
            connections: 1_024,
            transcriptions: 0,
            waiting: 32,
            idle: Duration::from_secs(30),
            // Half a minute of 16 kHz PCM, and no more than a peer may put into memory at once.
            message_bytes: 1024 * 1024,
            // 20 ms frames of two tracks are 100 a second; bursts after a stall are twice that.
            messages_per_second: 250,
        }
    }
}

/// A value of the section that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("serve.{key} is {value}, expected {expected}")]
pub struct InvalidConfig {
    /// The key within the section.
    pub key: String,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub expected: &'static str,
}

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the first key whose value cannot be used.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let invalid =
            |key: &str, value: String, expected| Err(InvalidConfig { key: key.into(), value, expected });
        let limits = &self.limits;
        for (key, value) in [
            ("limits.body_bytes", limits.body_bytes),
            ("limits.connections", limits.connections as u64),
            ("limits.message_bytes", limits.message_bytes as u64),
            ("limits.messages_per_second", u64::from(limits.messages_per_second)),
        ] {
            if value == 0 {
                return invalid(key, "0".into(), "at least 1");
            }
        }
        if limits.idle.is_zero() {
            return invalid("limits.idle", "0".into(), "more than 0");
        }
        if self.desk.session < Duration::from_secs(60) {
            return invalid("desk.session", format!("{} s", self.desk.session.as_secs()), "at least 1min");
        }
        for (index, key) in self.keys.iter().enumerate() {
            let at = |field: &str| format!("keys[{index}].{field}");
            if key.name.trim().is_empty() {
                return invalid(&at("name"), "empty".into(), "a name");
            }
            if key.sha256.len() != 64 || !key.sha256.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                // Never the value: somebody may have put the key itself there.
                return invalid(
                    &at("sha256"),
                    "no hash".into(),
                    "64 hexadecimal digits, as `allo keys new` prints",
                );
            }
            if key.rights.is_empty() {
                let expected = "transcribe, stream, read, control, desk or admin";
                return invalid(&at("rights"), "empty".into(), expected);
            }
            if self.keys[..index].iter().any(|other| other.name == key.name) {
                return invalid(&at("name"), format!("`{}` again", key.name), "a name of its own");
            }
        }
        for origin in &self.cors_origins {
            let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if !rest.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' '])) {
                return invalid(
                    "cors_origins",
                    format!("`{origin}`"),
                    "origins such as https://desk.example.com",
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_survives_toml() {
        let config = Config::default();
        assert_eq!(config.validate(), Ok(()));
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains("drain = \"30s\""), "{text}");
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = toml::from_str::<Config>(text).unwrap().validate().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_key_in_the_place_of_its_hash_is_refused_and_not_repeated() {
        let text = "[[keys]]\nname = \"bot\"\nsha256 = \"allo_secret\"\nrights = [\"stream\"]";
        check(text, "serve.keys[0].sha256");
        let error = toml::from_str::<Config>(text).unwrap().validate().unwrap_err().to_string();
        assert!(!error.contains("allo_secret"), "{error}");
    }

    #[test]
    fn values_that_cannot_work_are_named() {
        let hash = "0".repeat(64);
        check("[limits]\nconnections = 0", "serve.limits.connections is 0");
        check("cors_origins = [\"*\"]", "serve.cors_origins is `*`");
        check(&format!("[[keys]]\nname = \"a\"\nsha256 = \"{hash}\"\nrights = []"), "serve.keys[0].rights");
        let twice = format!("[[keys]]\nname = \"a\"\nsha256 = \"{hash}\"\nrights = [\"read\"]\n").repeat(2);
        check(&twice, "serve.keys[1].name is `a` again");
    }
}
