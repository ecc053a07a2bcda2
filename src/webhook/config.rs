//! Settings of what leaves with a call that is handed over, section `[handover]`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::text::duration::as_text;

/// Longest time-out of an attempt; a receiver that needs longer should answer first and work then.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Most attempts: at the longest pause that is a week.
const ATTEMPTS_MAX: u32 = 200;
/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Most deliveries that may wait for one receiver.
const QUEUE_MAX: u32 = 1_000_000;

/// Section `[handover]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Who is told of each call that is handed over: one table, or a list of them.
    #[serde(deserialize_with = "one_or_several")]
    pub webhook: Vec<Webhook>,
}

/// One `[[handover.webhook]]`: a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Name for logs, figures and the outbox. Deliveries that wait belong to it: keep it when the address changes.
    #[serde(default = "Webhook::usual_name")]
    pub name: String,
    /// Where hand-overs are sent.
    pub url: String,
    /// Environment variable that holds the secret, or several while it is changed, with spaces between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
    /// File that holds it instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Ids of the routes whose hand-overs are sent; all without.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Longest time of one attempt, from the connection to the answer.
    #[serde(default = "Webhook::usual_timeout", with = "as_text")]
    pub timeout: Duration,
    /// Attempts before a delivery is given up.
    #[serde(default = "Webhook::usual_attempts")]
    pub attempts: u32,
    /// Pause after the first attempt that failed; each further one is twice as long.
    #[serde(default = "Webhook::usual_first_pause", with = "as_text")]
    pub first_pause: Duration,
    /// Longest pause.
    #[serde(default = "Webhook::usual_longest_pause", with = "as_text")]
    pub longest_pause: Duration,
    /// Deliveries that may wait; then the oldest makes room and is given up.
    #[serde(default = "Webhook::usual_queue")]
    pub queue: u32,
    /// Whether plain HTTP is fine beyond this machine.
    #[serde(default)]
    pub allow_plain: bool,
}

impl Webhook {
    fn usual_name() -> String {
        "webhook".to_owned()
    }

    const fn usual_timeout() -> Duration {
        Duration::from_secs(10)
    }

    /// With the usual pauses: half an hour.
    const fn usual_attempts() -> u32 {
        12
    }

    const fn usual_first_pause() -> Duration {
        Duration::from_secs(1)
    }

    const fn usual_longest_pause() -> Duration {
        Duration::from_secs(600)
    }

    const fn usual_queue() -> u32 {
        10_000
    }

    /// A receiver with everything else as usual, and no secret.
    pub fn new(url: &str) -> Self {
        Self {
            name: Self::usual_name(),
            url: url.to_owned(),
            secret_env: None,
            secret_file: None,
            routes: Vec::new(),
            timeout: Self::usual_timeout(),
            attempts: Self::usual_attempts(),
            first_pause: Self::usual_first_pause(),
            longest_pause: Self::usual_longest_pause(),
            queue: Self::usual_queue(),
            allow_plain: false,
        }
    }

    /// Whether hand-overs to a route are sent to it.
    pub fn wants(&self, route: &str) -> bool {
        self.routes.is_empty() || self.routes.iter().any(|wanted| wanted == route)
    }

    /// What is wrong with its address; `None` when it can be used.
    pub fn wrong_address(&self) -> Option<&'static str> {
        let (is_plain, rest) = match (self.url.strip_prefix("https://"), self.url.strip_prefix("http://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Some("an address that begins with https:// or http://"),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Some("an address without a user name; the signature says who sends");
        }
        if host(authority).is_empty() || rest.chars().any(|sign| sign.is_whitespace() || sign.is_control()) {
            return Some("an address such as https://crm.example.com/allo");
        }
        if is_plain && !self.allow_plain && !is_loopback(host(authority)) {
            return Some(
                "https:// beyond this machine, or allow_plain = true on a network that nobody else hears",
            );
        }
        None
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let bounded = |length: Duration, longest| !length.is_zero() && length <= longest;
        let checks = [
            (!self.name.trim().is_empty() && self.name.len() <= 64, "name", "a name of at most 64 bytes"),
            (self.name.chars().all(is_plain_sign), "name", "letters, digits, `-`, `_` and `.`"),
            (
                self.secret_env.is_some() != self.secret_file.is_some(),
                "secret_env",
                "either secret_env or secret_file; `allo webhook secret` makes one",
            ),
            (bounded(self.timeout, TIMEOUT_MAX), "timeout", "more than 0 and at most 1min"),
            ((1..=ATTEMPTS_MAX).contains(&self.attempts), "attempts", "1 to 200"),
            (bounded(self.first_pause, PAUSE_MAX), "first_pause", "more than 0 and at most 1d"),
            (
                bounded(self.longest_pause, PAUSE_MAX) && self.longest_pause >= self.first_pause,
                "longest_pause",
                "at least first_pause and at most 1d",
            ),
            ((1..=QUEUE_MAX).contains(&self.queue), "queue", "1 to 1000000"),
        ];
        for (is_right, key, expected) in checks {
            if !is_right {
                return Err((key, expected));
            }
        }
        self.wrong_address().map_or(Ok(()), |expected| Err(("url", expected)))
    }
}

const fn is_plain_sign(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.')
}

fn host(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A value that cannot be used. It holds no address: that may carry a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("handover.webhook[{index}].{key}: expected {expected}")]
pub struct InvalidConfig {
    /// Which webhook, from 0.
    pub index: usize,
    /// The key.
    pub key: &'static str,
    /// What it may be.
    pub expected: &'static str,
}

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the first key whose value cannot be used.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        for (index, webhook) in self.webhook.iter().enumerate() {
            webhook.check().map_err(|(key, expected)| InvalidConfig { index, key, expected })?;
            if self.webhook[..index].iter().any(|other| other.name == webhook.name) {
                return Err(InvalidConfig {
                    index,
                    key: "name",
                    expected: "a name that no other webhook has",
                });
            }
        }
        Ok(())
    }
}

/// A table is a list of one.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Webhook>, D::Error> {
    struct OneOrSeveral;

    impl<'de> Visitor<'de> for OneOrSeveral {
        type Value = Vec<Webhook>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a webhook, or a list of them")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            Webhook::deserialize(MapAccessDeserializer::new(map)).map(|webhook| vec![webhook])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(OneOrSeveral)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn one_webhook_and_several_are_read_and_survive_toml() {
        let one = read("webhook = { url = \"https://a.example/x\", secret_env = \"S\" }");
        assert_eq!(one.validate(), Ok(()));
        assert_eq!((one.webhook.len(), one.webhook[0].name.as_str()), (1, "webhook"));
        let text = "[[webhook]]\nname = \"a\"\nurl = \"https://a.example\"\nsecret_env = \"A\"\ntimeout = \"3s\"\n\
                    [[webhook]]\nname = \"b\"\nurl = \"http://[::1]:9/x\"\nsecret_file = \"/b\"\nroutes = [\"sav\"]\n";
        let several = read(text);
        assert_eq!(several.validate(), Ok(()));
        assert!(several.webhook[1].wants("sav") && !several.webhook[1].wants("ventes"));
        assert!(several.webhook[0].wants("ventes"));
        assert_eq!(read(&toml::to_string(&several).unwrap()), several);
        assert_eq!(read(&toml::to_string(&Config::default()).unwrap()), Config::default());
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_it_is_allowed() {
        let wrong =
            |url: &str, allow_plain| Webhook { allow_plain, ..Webhook::new(url) }.wrong_address().is_some();
        for url in ["http://127.0.0.1:80/a", "http://localhost", "http://[::1]:80", "https://crm.example.com"]
        {
            assert!(!wrong(url, false), "{url}");
        }
        assert!(wrong("http://crm.example.com/a", false));
        assert!(!wrong("http://crm.example.com/a", true));
        let tricks =
            ["http://127.0.0.1.example.com", "http://127.0.0.1@example.com/", "http://example.com#127.0.0.1"];
        for url in tricks.into_iter().chain(["ftp://127.0.0.1", "https://", "https://a b"]) {
            assert!(wrong(url, false), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_key_and_without_its_value() {
        for (lines, key) in [
            ("url = \"https://a.example\"", "webhook[0].secret_env"),
            (
                "url = \"https://a.example\"\nsecret_env = \"A\"\nsecret_file = \"/a\"",
                "webhook[0].secret_env",
            ),
            ("url = \"http://token-4711.example\"\nsecret_env = \"A\"", "webhook[0].url"),
            ("url = \"https://a.example\"\nsecret_env = \"A\"\nattempts = 0", "webhook[0].attempts"),
            (
                "url = \"https://a.example\"\nsecret_env = \"A\"\nlongest_pause = \"1ms\"",
                "webhook[0].longest_pause",
            ),
            ("url = \"https://a.example\"\nsecret_env = \"A\"\nname = \"a b\"", "webhook[0].name"),
        ] {
            let error = read(&format!("[[webhook]]\n{lines}")).validate().unwrap_err().to_string();
            assert!(error.contains(key) && !error.contains("4711"), "{error}");
        }
        let twice = "[[webhook]]\nurl = \"https://a.example\"\nsecret_env = \"A\"\n".repeat(2);
        assert_eq!(read(&twice).validate().unwrap_err().key, "name");
    }
}
