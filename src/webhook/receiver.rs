//! The deliveries to one receiver: a task that takes what is due from the outbox and sends it, a few at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::config::Webhook;
use super::figures::{Figures, count, gone};
use super::http::Poster;
use super::schedule::{self, Next, Outcome, Patience};
use crate::clock::Clock;
use crate::store::{self, Message, Store, Waiting};

/// Attempts at once, so that one that hangs does not hold up the others.
const AT_ONCE: usize = 4;
/// After the store failed, and at the latest whatever it says: the wall clock may have been set.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// Attempts at a statement of the store, which itself waits ten seconds for another writer.
const STORE_ATTEMPTS: usize = 3;

/// See the module.
pub(super) struct Receiver {
    pub(super) webhook: Webhook,
    pub(super) poster: Poster,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) figures: Figures,
    /// Rung when something was put into the outbox.
    pub(super) bell: Notify,
}

/// What became of an attempt.
struct Attempted {
    key: i64,
    /// Whether the outbox knows it.
    is_noted: bool,
}

impl Receiver {
    /// Keeps a message and has it sent.
    pub(super) async fn tell(&self, message: &Message) {
        let mut kept = Err(store::Error::Unreadable { what: "message" });
        for _ in 0..STORE_ATTEMPTS {
            kept = self.store.put_message(message, self.webhook.queue).await;
            if kept.is_ok() {
                break;
            }
        }
        match kept {
            Ok(made_room) => {
                self.figures.waiting.fetch_add(1, Ordering::Relaxed);
                for gone_one in made_room {
                    count(&self.figures.dropped);
                    gone(&self.figures.waiting);
                    let (receiver, id, call) = (&self.webhook.name, &gone_one.id, gone_one.call);
                    tracing::error!(receiver, id, %call, "a hand-over was given up: too many wait for the receiver");
                }
                self.bell.notify_one();
            }
            Err(error) => {
                count(&self.figures.failed);
                let (receiver, id) = (&self.webhook.name, &message.id);
                tracing::error!(receiver, id, call = %message.call, %error, "a hand-over could not be kept");
            }
        }
    }

    /// Delivers until `stopping` is true; then what is under way may end.
    pub(super) async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut attempts = JoinSet::new();
        // Keys of what is being sent, and of what the store could not be told of: that is not sent twice in one run.
        let mut taken = BTreeSet::new();
        while !*stopping.borrow_and_update() {
            let wait = match self.start_due(&mut attempts, &mut taken).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(receiver = self.webhook.name, %error, "the outbox cannot be read");
                    LOOK_AGAIN
                }
            };
            tokio::select! {
                Some(ended) = attempts.join_next() => note(ended, &mut taken),
                () = self.bell.notified() => {}
                () = tokio::time::sleep(wait) => {}
                _ = stopping.changed() => {}
            }
        }
        while let Some(ended) = attempts.join_next().await {
            note(ended, &mut taken);
        }
    }

    /// Begins as many attempts as there is room for; how long to wait for the next that is due.
    async fn start_due(
        self: &Arc<Self>,
        attempts: &mut JoinSet<Attempted>,
        taken: &mut BTreeSet<i64>,
    ) -> Result<Duration, store::Error> {
        let room = AT_ONCE.saturating_sub(attempts.len());
        if room == 0 {
            return Ok(LOOK_AGAIN);
        }
        let (name, limit) = (&self.webhook.name, u32::try_from(room).unwrap_or(1));
        let keys: Vec<i64> = taken.iter().copied().collect();
        for waiting in self.store.due_messages(name, self.clock.wall(), &keys, limit).await? {
            taken.insert(waiting.key);
            let receiver = Arc::clone(self);
            attempts.spawn(async move { receiver.attempt(waiting).await });
        }
        let keys: Vec<i64> = taken.iter().copied().collect();
        let Some(due) = self.store.next_message_due(name, &keys).await? else { return Ok(LOOK_AGAIN) };
        if attempts.len() >= AT_ONCE {
            return Ok(LOOK_AGAIN);
        }
        let until = due.duration_since(self.clock.wall());
        Ok(Duration::try_from(until).unwrap_or_default().min(LOOK_AGAIN))
    }

    async fn attempt(self: Arc<Self>, waiting: Waiting) -> Attempted {
        let Waiting { key, message, attempts } = waiting;
        let (id, call) = (message.id.clone(), message.call);
        let (sent, began) = (self.clock.wall(), self.clock.monotonic());
        if attempts == 0 {
            let delay = Duration::try_from(sent.duration_since(message.told)).unwrap_or_default();
            self.figures.delay.record(delay);
        }
        let sender = Arc::clone(&self);
        let sending = move || sender.poster.post(&message.id, sent, message.body.reveal());
        let outcome = tokio::task::spawn_blocking(sending).await;
        let outcome = outcome.unwrap_or(Outcome::Unreachable("the attempt broke off"));
        self.figures.attempt.record(self.clock.monotonic().saturating_duration_since(began));
        let number = attempts.saturating_add(1);
        let next = schedule::next(self.patience(), number, outcome, chance());
        let receiver = &self.webhook.name;
        match next {
            Next::Delivered => {
                count(&self.figures.delivered);
                tracing::debug!(receiver, id, %call, number, "a hand-over was delivered");
            }
            Next::Retry(pause) => {
                count(&self.figures.retried);
                let pause_s = pause.as_secs_f64();
                tracing::warn!(receiver, id, %call, number, ?outcome, pause_s, "a hand-over is tried again");
            }
            Next::GiveUp => {
                count(&self.figures.failed);
                tracing::error!(receiver, id, %call, number, ?outcome, "a hand-over was given up");
            }
        }
        Attempted { key, is_noted: self.note_in_store(key, next).await }
    }

    async fn note_in_store(&self, key: i64, next: Next) -> bool {
        for _ in 0..STORE_ATTEMPTS {
            let noted = match next {
                Next::Retry(pause) => self.store.put_message_off(key, self.clock.wall() + pause).await,
                Next::Delivered | Next::GiveUp => self.store.remove_message(key).await,
            };
            match noted {
                Ok(()) => {
                    if !matches!(next, Next::Retry(_)) {
                        gone(&self.figures.waiting);
                    }
                    return true;
                }
                Err(error) => {
                    tracing::error!(receiver = self.webhook.name, %error, "the outbox cannot be written");
                }
            }
        }
        false
    }

    fn patience(&self) -> Patience {
        let Webhook { attempts, first_pause, longest_pause, .. } = self.webhook;
        Patience { attempts, first_pause, longest_pause }
    }
}

fn note(ended: Result<Attempted, tokio::task::JoinError>, taken: &mut BTreeSet<i64>) {
    match ended {
        Ok(Attempted { key, is_noted: true }) => {
            taken.remove(&key);
        }
        Ok(Attempted { is_noted: false, .. }) => {}
        Err(error) => {
            tracing::error!(%error, "an attempt broke off; its hand-over is sent when the service starts again")
        }
    }
}

/// A random number in [0, 1).
fn chance() -> f64 {
    let (_, random) = uuid::Uuid::new_v4().as_u64_pair();
    f64::from((random & 0xFFFF_FFFF) as u32) / (f64::from(u32::MAX) + 1.0)
}
