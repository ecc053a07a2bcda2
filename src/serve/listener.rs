//! Connections: accepted, counted, encrypted, served, and let end.
//!
//! Invariants: never more than `connections` are open, WebSockets included; the next one gets 503 and is closed. A
//! client that does not finish its handshake or its request head in time is closed. When the service stops nothing new
//! is accepted; what is under way may finish until the deadline.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::calm::{Calm, CalmStream};
use super::metrics::{Metrics, Refusal};

/// A TLS handshake or a request head takes no longer than this; slower is no client but an attack or a dead line.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Largest request head; keys, cookies and paths of any real client fit many times.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// After a failed accept (no file handles, mostly), so that the loop does not burn the processor.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Answer of last resort, when there is not even room for a connection.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// What is served on a socket, and how.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Encryption, if any.
    pub tls: Option<TlsAcceptor>,
    /// What answers.
    pub router: Router,
    /// Most connections at once.
    pub connections_max: usize,
    /// Where connections are counted.
    pub metrics: Arc<Metrics>,
}

impl Listener {
    /// Serves until `stopping` is true, then lets what is under way end within `drain`. Returns whether all of it did.
    pub async fn serve(self, mut stopping: watch::Receiver<bool>, drain: Duration) -> bool {
        let epoch = Instant::now();
        let room = Arc::new(Semaphore::new(self.connections_max));
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = stop(&mut stopping) => break,
            };
            match accepted {
                Ok((stream, _)) => match Arc::clone(&room).try_acquire_owned() {
                    Ok(permit) => self.connect((stream, epoch), permit, stopping.clone()),
                    Err(_) => self.turn_away(stream),
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                }
            }
        }
        drop(self.socket);
        let all = u32::try_from(self.connections_max.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        // Every connection holds a permit until it is closed, WebSockets too, which have left hyper's hands.
        tokio::time::timeout(drain, room.acquire_many(all)).await.is_ok()
    }

    fn connect(
        &self,
        (stream, epoch): (TcpStream, Instant),
        permit: OwnedSemaphorePermit,
        stopping: watch::Receiver<bool>,
    ) {
        // Small frames must leave at once: a partial that waits for more is a late partial.
        drop(stream.set_nodelay(true));
        let metrics = Arc::clone(&self.metrics);
        metrics.connections(1);
        let held = Held { _permit: permit, metrics };
        let calm = Calm::default();
        let stream = CalmStream::new(stream, calm.clone(), epoch);
        let served = (self.router.clone(), calm);
        let tls = self.tls.clone();
        tokio::spawn(async move {
            let Some(tls) = tls else {
                return speak(Counted { stream, _held: held }, served, stopping).await;
            };
            match tokio::time::timeout(HEAD_WITHIN, tls.accept(stream)).await {
                Ok(Ok(stream)) => speak(Counted { stream, _held: held }, served, stopping).await,
                Ok(Err(error)) => {
                    held.metrics.refused(Refusal::Handshake);
                    tracing::debug!(%error, "a TLS handshake failed");
                }
                Err(_) => {
                    held.metrics.refused(Refusal::Handshake);
                    tracing::debug!("a TLS handshake took too long");
                }
            }
        });
    }

    fn turn_away(&self, mut stream: TcpStream) {
        self.metrics.refused(Refusal::Connections);
        if self.tls.is_some() {
            return;
        }
        tokio::spawn(async move {
            // Whether the client reads it is its own affair.
            drop(tokio::time::timeout(HEAD_WITHIN, stream.write_all(FULL)).await);
        });
    }
}

/// Waits until the service is being stopped.
pub async fn stop(stopping: &mut watch::Receiver<bool>) {
    // The guard that this gives must not live on in a task that moves between threads.
    drop(stopping.wait_for(|is_stopping| *is_stopping).await);
}

async fn speak<S>(stream: Counted<S>, (router, calm): (Router, Calm), mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    // Whoever reads a WebSocket of this connection finds it there.
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(calm.clone());
        router.call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop(&mut stopping) => {
            // Idle ones close at once, the others after the answer that is under way.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// A place among the connections.
struct Held {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<Metrics>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.metrics.connections(-1);
    }
}

/// A stream that holds its place as long as it is open, also as a WebSocket.
struct Counted<S> {
    stream: S,
    _held: Held,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
