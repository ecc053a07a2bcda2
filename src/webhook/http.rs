//! One attempt: a POST over HTTP, signed. Blocks; whoever calls it has a thread for it.
//!
//! The proxy variables of the environment (`HTTPS_PROXY`, `NO_PROXY`, …) are honoured, redirects are not followed.

use std::io::ErrorKind;

use jiff::Timestamp;
use ureq::Agent;
use ureq::tls::TlsConfig;

use super::Error;
use super::config::Webhook;
use super::schedule::{Outcome, retry_after};
use super::sign::Secrets;
use crate::trust;

/// Who sends to one receiver. Its connections are used again.
pub struct Poster {
    agent: Agent,
    url: String,
    secrets: Secrets,
}

impl Poster {
    /// `certificates` is a PEM file of the authorities that are trusted instead of the usual ones.
    ///
    /// # Errors
    /// [`Error::Certificates`].
    pub fn new(webhook: &Webhook, secrets: Secrets, certificates: Option<&str>) -> Result<Self, Error> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("allo/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(webhook.timeout));
        if let Some(file) = certificates {
            let roots = trust::authorities(file).ok_or(Error::Certificates)?;
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self { agent: config.build().into(), url: webhook.url.clone(), secrets })
    }

    /// Sends `body` once, signed as sent at `now`.
    pub fn post(&self, id: &str, now: Timestamp, body: &[u8]) -> Outcome {
        self.post_signed(id, now, (body, &self.secrets.sign(id, now, body)))
    }

    /// Sends a body with any signature, for whoever tries whether the receiver checks it.
    pub fn post_signed(&self, id: &str, now: Timestamp, (body, signature): (&[u8], &str)) -> Outcome {
        let request = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now.as_second().to_string())
            .header("webhook-signature", signature);
        match request.send(body) {
            Ok(response) => {
                let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
                Outcome::Answered {
                    status: response.status().as_u16(),
                    retry_after: header.and_then(|header| retry_after(header, now)),
                }
            }
            Err(error) => failed(&error),
        }
    }
}

/// The client's own words may hold the address, and that a secret: only their kind is told.
fn failed(error: &ureq::Error) -> Outcome {
    use ureq::Error as Client;
    if let Client::Io(error) = error {
        let kind = error.kind();
        return if kind == ErrorKind::TimedOut {
            Outcome::TimedOut
        } else if kind == ErrorKind::ConnectionRefused {
            Outcome::Unreachable("the connection was refused")
        } else {
            Outcome::Unreachable("no connection, or it broke")
        };
    }
    if matches!(error, Client::Timeout(_)) {
        return Outcome::TimedOut;
    }
    let is_tls = matches!(error, Client::Tls(_) | Client::Rustls(_) | Client::Pem(_));
    Outcome::Unreachable(if is_tls {
        "no TLS connection; is its certificate one that is trusted here?"
    } else if matches!(error, Client::HostNotFound) {
        "its host name is not known"
    } else if matches!(
        error,
        Client::ConnectionFailed | Client::ConnectProxyFailed(_) | Client::InvalidProxyUrl
    ) {
        "no connection"
    } else {
        "it does not speak HTTP"
    })
}
