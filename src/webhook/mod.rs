//! The signed webhook: each call that is handed over is told to the customer's own systems.
//!
//! ```text
//! EventLog ─ call.handed_over ─▶ outbox (store) ─▶ receiver: a few attempts at once, a pause, again ─▶ delivered, given up
//! ```
//!
//! It follows the events of every call like any other reader, so the transfer never waits for it. Messages are in the
//! outbox before the first attempt and outlive the process; each has one id on every attempt, so that receivers can drop
//! doubles. The scheme is that of Standard Webhooks.
//!
//! Invariants: a receiver that is slow or away holds up nobody else; an outbox is bounded by the setting `queue`, beyond
//! it the oldest message is given up and logged by its id; neither secret, address nor body is in a log or an error.
//! Instants are wall time, lengths monotonic time.

pub mod config;
mod figures;
mod http;
mod receiver;
pub mod schedule;
pub mod sign;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::config::{Config, Webhook};
use self::figures::Figures;
pub use self::figures::Snapshot;
pub use self::http::Poster;
use self::receiver::Receiver;
use self::sign::{InvalidSecret, Secrets};
use crate::call::event::{Event, EventBody};
use crate::call::handover::Handover;
use crate::clock::Clock;
use crate::export::handover::handover_json;
use crate::live::{EventLog, Live};
use crate::redact::Redacted;
use crate::store::{self, Message, Store};

/// Largest file that is read for a secret.
const SECRET_BYTES_MAX: u64 = 4_096;

/// Why a webhook cannot work. Nothing has started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment has no such variable.
    #[error(
        "webhook `{name}`: the environment has no {variable}\nhint: set it to a secret; `allo webhook secret` makes one"
    )]
    NoVariable {
        /// The webhook.
        name: String,
        /// The variable.
        variable: String,
    },
    /// The file of the secret cannot be read.
    #[error("webhook `{name}`: cannot read the secret in {}", path.display())]
    SecretFile {
        /// The webhook.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What is there is no secret.
    #[error("webhook `{name}`: {place} holds no secret that can be used")]
    Secret {
        /// The webhook.
        name: String,
        /// Where it was looked for.
        place: String,
        /// Why not.
        #[source]
        source: InvalidSecret,
    },
    /// `SSL_CERT_FILE` is no use.
    #[error("SSL_CERT_FILE names no file with certificates")]
    Certificates,
    /// The outbox cannot be read.
    #[error("the outbox of the webhooks cannot be read")]
    Store(#[from] store::Error),
}

/// What the webhooks work with.
pub struct Parts {
    /// Section `[handover]`, validated.
    pub config: Config,
    /// Where messages are kept.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The webhooks of a service.
pub struct Webhooks {
    receivers: Vec<Arc<Receiver>>,
    clock: Arc<dyn Clock>,
    stop: watch::Sender<bool>,
    running: Mutex<Vec<JoinHandle<()>>>,
    /// Calls that are followed.
    followed: watch::Sender<usize>,
}

impl Webhooks {
    /// Reads the secrets through `variable` and begins with what an earlier process left in the outbox.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(parts: Parts, variable: impl Fn(&str) -> Option<String>) -> Result<Arc<Self>, Error> {
        let Parts { config, store, clock } = parts;
        let waiting = store.messages_waiting().await?;
        for (name, count) in &waiting {
            if !config.webhook.iter().any(|webhook| webhook.name == *name) {
                tracing::warn!(
                    receiver = name,
                    count,
                    "hand-overs wait for a webhook that is not configured any more"
                );
            }
        }
        let mut receivers = Vec::new();
        for webhook in config.webhook {
            let poster = poster(&webhook, &variable)?;
            let figures = Figures::default();
            let left = waiting.iter().find(|(name, _)| *name == webhook.name).map_or(0, |(_, count)| *count);
            figures.waiting.store(left, Ordering::Relaxed);
            let (store, clock) = (store.clone(), Arc::clone(&clock));
            receivers.push(Arc::new(Receiver {
                webhook,
                poster,
                store,
                clock,
                figures,
                bell: Notify::new(),
            }));
        }
        let (stop, stopping) = watch::channel(false);
        let run = |receiver: &Arc<Receiver>| tokio::spawn(Arc::clone(receiver).run(stopping.clone()));
        let running = Mutex::new(receivers.iter().map(run).collect());
        let (followed, _) = watch::channel(0);
        Ok(Arc::new(Self { receivers, clock, stop, running, followed }))
    }

    /// Follows every call that begins from now on.
    pub fn follow_all(self: &Arc<Self>, live: &Live, runtime: Handle) {
        let webhooks = Arc::clone(self);
        live.on_open(move |log| {
            webhooks.followed.send_modify(|count| *count += 1);
            runtime.spawn(Arc::clone(&webhooks).follow(log));
        });
    }

    async fn follow(self: Arc<Self>, log: Arc<EventLog>) {
        let mut reader = log.subscribe(1);
        loop {
            match reader.next().await {
                Ok(Some(event)) => {
                    if let EventBody::HandedOver { handover } = &event.body {
                        self.tell(&event, handover).await;
                    }
                }
                Ok(None) => break,
                Err(missed) => {
                    tracing::error!(call = %log.call(), %missed, "a hand-over may have been missed");
                }
            }
        }
        self.followed.send_modify(|count| *count -= 1);
    }

    async fn tell(&self, event: &Event, handover: &Handover) {
        let body = Redacted::new(body(handover, false));
        for receiver in self.receivers.iter().filter(|it| it.webhook.wants(&handover.route)) {
            let message = Message {
                receiver: receiver.webhook.name.clone(),
                id: message_id(event),
                call: event.call,
                // Not later than now: a message that is due in the future would wait.
                told: handover.at.min(self.clock.wall()),
                body: body.clone(),
            };
            receiver.tell(&message).await;
        }
    }

    /// Waits at most `within` until what is told is in the outbox and the attempts under way have ended. What is not
    /// delivered by then is sent when the service starts again.
    pub async fn stop(&self, within: Duration) {
        let stopping = async {
            let mut followed = self.followed.subscribe();
            // The guard that this gives must not live on.
            drop(followed.wait_for(|count| *count == 0).await.map(|_| ()));
            self.stop.send_replace(true);
            let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
            for task in running {
                drop(task.await);
            }
        };
        if tokio::time::timeout(within, stopping).await.is_err() {
            tracing::warn!("attempts at webhooks were cut off; they are made again at the next start");
        }
        self.stop.send_replace(true);
    }

    /// What is counted, by receiver.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        self.receivers.iter().map(|receiver| receiver.figures.snapshot(&receiver.webhook.name)).collect()
    }
}

/// One id for each hand-over, the same for every receiver and on every attempt.
fn message_id(event: &Event) -> String {
    format!("msg_{}_{}", event.call.0.simple(), event.sequence)
}

/// What is sent. `is_test` marks what an integrator sends himself.
pub fn body(handover: &Handover, is_test: bool) -> Vec<u8> {
    let mut message = json!({
        "type": "call.handed_over",
        "timestamp": handover.at.to_string(),
        "data": handover_json(handover),
    });
    if is_test {
        message["test"] = true.into();
    }
    message.to_string().into_bytes()
}

/// Who sends to a receiver, with its secret.
///
/// # Errors
/// [`Error::NoVariable`], [`Error::SecretFile`], [`Error::Secret`], [`Error::Certificates`].
pub fn poster(webhook: &Webhook, variable: impl Fn(&str) -> Option<String>) -> Result<Poster, Error> {
    let name = || webhook.name.clone();
    let (place, text) = match (&webhook.secret_env, &webhook.secret_file) {
        (Some(secret), _) => {
            let no_variable = || Error::NoVariable { name: name(), variable: secret.clone() };
            (secret.clone(), variable(secret).filter(|text| !text.trim().is_empty()).ok_or_else(no_variable)?)
        }
        (None, Some(path)) => {
            let unreadable = |source| Error::SecretFile { name: name(), path: path.clone(), source };
            (path.display().to_string(), read_secret(path).map_err(unreadable)?)
        }
        (None, None) => ("the configuration".to_owned(), String::new()),
    };
    let secrets = Secrets::parse(&Redacted::new(text));
    let secrets = secrets.map_err(|source| Error::Secret { name: name(), place, source })?;
    Poster::new(webhook, secrets, variable("SSL_CERT_FILE").as_deref())
}

fn read_secret(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// A hand-over for an integrator to try his receiver with, of a call that never was.
pub fn sample(now: Timestamp) -> Handover {
    let mut sample = crate::call::handover::sample();
    (sample.at, sample.call.0) = (now, uuid::Uuid::new_v4());
    sample
}
