//! Asterisk's AudioSocket over TCP: one task a connection, frames at their 20 ms.
//!
//! Every connection that this side ends has the hang-up frame last: behind it Asterisk goes on in its dialplan, and a
//! caller whose connection ends without it is hung up on.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::alarm::Alarm;
use super::line::written;
use super::talk::{Talk, Write};
use super::wishes::Wishes;
use crate::ingress::{AUDIOSOCKET_HANG_UP, Message, Options, Protocol, bridge};
use crate::redact::Redacted;
use crate::serve::Service;
use crate::serve::listener::stop;
use crate::serve::metrics::Refusal;

/// Asterisk sends 50 frames a second; a connection on which nothing comes for so long is dead.
const SILENT_MAX: Duration = Duration::from_secs(10);
/// After a failed accept, as for HTTP.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// A read: some frames at 48 kHz.
const READ_BYTES: usize = 16 * 1024;
/// How long a peer that was hung up on may take to close its side, as for a WebSocket.
const HEARD_OUT_MAX: Duration = Duration::from_secs(2);

/// Serves a socket until the service is being stopped. Calls that go on are ended by the drain of the live calls.
pub async fn serve(socket: TcpListener, service: Arc<Service>) {
    let room = Arc::new(Semaphore::new(service.config.limits.connections));
    let mut stopping = service.stopping();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop(&mut stopping) => return,
        };
        match accepted {
            Ok((stream, _)) => match Arc::clone(&room).try_acquire_owned() {
                Ok(permit) => {
                    let service = Arc::clone(&service);
                    tokio::spawn(async move {
                        talk(stream, service).await;
                        drop(permit);
                    });
                }
                Err(_) => {
                    service.metrics.refused(Refusal::Connections);
                    turn_away(stream);
                }
            },
            Err(error) => {
                tracing::warn!(%error, "an AudioSocket connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

/// Nobody waits for a connection beyond the limit: the socket is new, and its buffer has room for a frame.
fn turn_away(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        drop(stream.write_all(&AUDIOSOCKET_HANG_UP));
    }
}

/// How a connection ends.
enum End {
    /// The peer has gone, or takes nothing any more.
    Gone,
    /// By this side.
    Ours {
        /// The bridge has said the hang-up frame.
        is_told: bool,
    },
}

async fn talk(mut stream: TcpStream, service: Arc<Service>) {
    let End::Ours { is_told } = converse(&mut stream, service).await else { return };
    let farewell: &[u8] = if is_told { &[] } else { &AUDIOSOCKET_HANG_UP };
    if !written(SILENT_MAX, stream.write_all(farewell)).await {
        return;
    }
    written(SILENT_MAX, stream.shutdown()).await;
    // Sound that lies unread when the socket is closed resets the connection, and the frame can be lost with it.
    let mut unread = vec![0; READ_BYTES];
    let heard_out = async { while stream.read(&mut unread).await.is_ok_and(|count| count > 0) {} };
    drop(tokio::time::timeout(HEARD_OUT_MAX, heard_out).await);
}

async fn converse(stream: &mut TcpStream, service: Arc<Service>) -> End {
    // A frame that waits for more is a late frame.
    drop(stream.set_nodelay(true));
    let mut options = Options::default();
    if let Some(rate) = service.config.audiosocket.as_ref().and_then(|config| config.sample_rate) {
        options.parameters.insert("sample_rate".to_owned(), Redacted::new(rate.to_string()));
    }
    let clock = Arc::clone(&service.clock);
    let mut talk =
        Talk::new(service, Protocol::AudioSocket, bridge(Protocol::AudioSocket, options), Wishes::OF_PEERS);
    let mut buffer = vec![0; READ_BYTES];
    let mut is_told = false;
    let mut heard = clock.monotonic();
    let mut alarm = Alarm::new(heard + SILENT_MAX);
    loop {
        let silent = heard + SILENT_MAX;
        let wake = talk.next_deadline().map_or(silent, |deadline| deadline.min(silent));
        let is_calling = talk.is_calling();
        let writes = tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return End::Gone,
                Ok(count) => {
                    heard = clock.monotonic();
                    talk.receive(Message::Binary(&buffer[..count]))
                }
            },
            side = talk.side(), if is_calling => talk.answer(side),
            () = alarm.at(wake) => {
                if clock.monotonic() >= silent {
                    return End::Ours { is_told };
                }
                talk.poll()
            }
        };
        for write in writes {
            match write {
                Write::Binary(bytes) => {
                    is_told |= bytes == AUDIOSOCKET_HANG_UP;
                    if !written(SILENT_MAX, stream.write_all(&bytes)).await {
                        return End::Gone;
                    }
                }
                Write::Text(_) => {}
                Write::Close { .. } => return End::Ours { is_told },
            }
        }
    }
}
