//! The service: what other programs speak to, over HTTP and WebSocket.
//!
//! `cli` starts it with loaded models; [`Server::bind`] listens, [`Server::run`] serves until it is told to stop. The
//! only module that names axum, hyper and rustls.
//!
//! Invariants: without any key only loopback is served; every limit is checked before memory or disk is taken; an
//! unsupported parameter is refused with its name, never ignored; inference never runs on the threads that serve.
//! What protocols look like is in pure state machines ([`openai`], [`deepgram`]); sockets are driven elsewhere.

pub mod access;
mod calm;
pub mod config;
mod conversations;
pub mod deepgram;
pub mod deliveries;
pub mod desk;
pub mod error;
pub mod face;
pub mod health;
pub mod intake;
pub mod keys;
pub mod listener;
pub mod live;
pub mod metrics;
pub mod openai;
pub mod router;
pub mod scenario;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use self::config::Config;
use self::desk::hub::Hub;
use self::desk::session::Sessions;
use self::intake::{Intake, Room};
use self::keys::KeyRing;
use self::listener::Listener;
use self::live::expected::Expected;
use self::metrics::Metrics;
use crate::bot::Bot;
use crate::call::Language;
use crate::clock::Clock;
use crate::live::Live;
use crate::pipeline::transcribe::Transcriber;
use crate::redact::Redacted;
use crate::turn;
use crate::webhook::Webhooks;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another machine could reach the service and no key protects it.
    #[error(
        "refusing to serve {address} without an API key: anybody who reaches it could use it\n\
         hint: set ALLO_API_KEY, or put the output of `allo keys new` into the configuration, or listen on 127.0.0.1"
    )]
    Open {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}\nhint: choose another one with --listen; port 0 takes a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// AudioSocket has no keys, and another machine could reach it.
    #[error(
        "refusing to serve AudioSocket on {address}: the protocol has no keys, anybody who reaches it could use it\n\
         hint: listen on 127.0.0.1, or on a private network with serve.audiosocket.allow_remote = true"
    )]
    OpenAudioSocket {
        /// The address.
        address: SocketAddr,
    },
    /// Certificate or key.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// What the service works with.
pub struct Parts {
    /// Section `[serve]`, validated.
    pub config: Config,
    /// The content of `ALLO_API_KEY`.
    pub environment_key: Option<Redacted<String>>,
    /// Recognition of recordings.
    pub transcriber: Arc<Transcriber>,
    /// What is recognised, with what.
    pub offer: Offer,
    /// Live calls, where there are any.
    pub live: Option<Arc<Live>>,
    /// Webhooks, for their figures, where there are any.
    pub webhooks: Option<Arc<Webhooks>>,
    /// What answers them, where something does.
    pub bot: Option<Arc<Bot>>,
    /// When turns end, for clients that say it themselves.
    pub turn: turn::Config,
    /// Recognition workers, for the number of recordings at once.
    pub workers: usize,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What is recognised, with what.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Name of the loaded model, as the configuration has it.
    pub model: String,
    /// Languages that may be spoken, the preferred one first.
    pub languages: Vec<Language>,
}

/// What every handler works with.
pub struct Service {
    /// Section `[serve]`.
    pub config: Config,
    /// Who may do what.
    pub keys: KeyRing,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Where recordings go.
    pub intake: Intake,
    /// What is recognised, with what.
    pub offer: Offer,
    /// Live calls, where there are any.
    pub live: Option<Arc<Live>>,
    /// Webhooks, for their figures, where there are any.
    pub webhooks: Option<Arc<Webhooks>>,
    /// What answers them, where something does.
    pub bot: Option<Arc<Bot>>,
    /// When turns end, for clients that say it themselves.
    pub turn: turn::Config,
    /// What was told of calls that have not come yet.
    pub expected: Expected,
    /// The calls that are handed over.
    pub desk: Arc<Hub>,
    /// Browsers that are signed in to see them.
    pub sessions: Sessions,
    /// Time.
    pub clock: Arc<dyn Clock>,
    stopping: watch::Receiver<bool>,
}

impl Service {
    /// A service that ends when `stopping` becomes true.
    pub fn new(parts: Parts, stopping: watch::Receiver<bool>) -> Self {
        let Parts { config, environment_key, transcriber, offer, live, webhooks, bot, turn, workers, clock } =
            parts;
        let metrics = Arc::new(Metrics::default());
        let at_once = if config.limits.transcriptions == 0 { workers } else { config.limits.transcriptions };
        let room = Room { at_once, waiting: config.limits.waiting };
        if environment_key.as_ref().is_some_and(|key| (1..keys::SHORT_KEY).contains(&key.reveal().len())) {
            tracing::warn!(
                "{} is so short that it can be guessed; `allo keys new` makes one that cannot",
                keys::KEY_VARIABLE
            );
        }
        Self {
            keys: KeyRing::new(&config.keys, environment_key.as_ref()),
            desk: Hub::new(Arc::clone(&clock), config.desk.shown_after_end),
            sessions: Sessions::new(config.desk.session),
            expected: Expected::default(),
            intake: Intake::new(transcriber, room, Arc::clone(&metrics), Arc::clone(&clock)),
            metrics,
            offer,
            live,
            webhooks,
            bot,
            turn,
            clock,
            stopping,
            config,
        }
    }

    /// Whether the service is being stopped.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Becomes true when the service is being stopped.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }
}

/// A service that listens and does not answer yet.
pub struct Server {
    listener: Listener,
    audiosocket: Option<(TcpListener, SocketAddr)>,
    service: Arc<Service>,
    address: SocketAddr,
    config: Config,
    stop: watch::Sender<bool>,
    stopping: watch::Receiver<bool>,
}

impl Server {
    /// Looks, before models are loaded, for what would keep the service from being served.
    ///
    /// # Errors
    /// [`Error::Open`] or [`Error::Tls`].
    pub fn check(config: &Config, environment_key: Option<&Redacted<String>>) -> Result<(), Error> {
        let has_key = !KeyRing::new(&config.keys, environment_key).is_empty();
        if !has_key && !config.listen.ip().is_loopback() {
            return Err(Error::Open { address: config.listen });
        }
        if let Some(audiosocket) = &config.audiosocket
            && !audiosocket.allow_remote
            && !audiosocket.listen.ip().is_loopback()
        {
            return Err(Error::OpenAudioSocket { address: audiosocket.listen });
        }
        config.tls.as_ref().map(tls::load).transpose()?;
        Ok(())
    }

    /// Checks keys and certificate, then listens.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn bind(parts: Parts) -> Result<Self, Error> {
        Self::check(&parts.config, parts.environment_key.as_ref())?;
        let config = parts.config.clone();
        let tls = config.tls.as_ref().map(tls::load).transpose()?.map(TlsAcceptor::from);
        let (stop, stopping) = watch::channel(false);
        let service = Arc::new(Service::new(parts, stopping.clone()));
        if let Some(live) = &service.live {
            service.desk.follow_all(live, Handle::current());
        }
        let (socket, address) = listen(config.listen).await?;
        let audiosocket = match &config.audiosocket {
            Some(audiosocket) if service.live.is_some() => Some(listen(audiosocket.listen).await?),
            Some(_) | None => None,
        };
        let listener = Listener {
            socket,
            tls,
            metrics: Arc::clone(&service.metrics),
            connections_max: config.limits.connections,
            router: router::router(Arc::clone(&service)),
        };
        Ok(Self { listener, audiosocket, service, address, config, stop, stopping })
    }

    /// Where it listens, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same for clients.
    pub fn url(&self) -> String {
        let scheme = if self.config.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The line for stdout that tells so.
    pub fn ready_line(&self) -> String {
        let audiosocket = self.audiosocket.as_ref().map(|(_, address)| format!("tcp://{address}"));
        let line = wire::ReadyLine { ready: true, http: self.url(), audiosocket };
        serde_json::to_string(&line).expect("texts always serialise")
    }

    /// Serves until `stopped` ends, then drains. Returns whether everything under way ended in time.
    pub async fn run(self, stopped: impl Future<Output = ()>) -> bool {
        let drain = self.config.drain;
        if let Some((socket, _)) = self.audiosocket {
            tokio::spawn(live::audiosocket::serve(socket, Arc::clone(&self.service)));
        }
        let serving = self.listener.serve(self.stopping, drain);
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended,
            () = stopped => {}
        }
        tracing::info!(drain_s = drain.as_secs(), "stopping");
        self.stop.send_replace(true);
        // Calls end within the same time as requests; their connections close when they have ended.
        let calls = async {
            match &self.service.live {
                Some(live) => live.drain(drain).await == 0,
                None => true,
            }
        };
        let (connections_ended, calls_ended) = tokio::join!(serving, calls);
        connections_ended && calls_ended
    }
}

async fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let listen_error = |source| Error::Listen { address: wanted, source };
    let socket = TcpListener::bind(wanted).await.map_err(listen_error)?;
    let address = socket.local_addr().map_err(listen_error)?;
    Ok((socket, address))
}
