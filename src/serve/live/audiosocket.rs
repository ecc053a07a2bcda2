//! Asterisk's AudioSocket over TCP: one task a connection, frames at their 20 ms.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::alarm::Alarm;
use super::ingress::Wishes;
use super::line::written;
use super::talk::{Talk, Write};
use crate::ingress::{Message, Options, Protocol, bridge};
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
                Err(_) => service.metrics.refused(Refusal::Connections),
            },
            Err(error) => {
                tracing::warn!(%error, "an AudioSocket connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

async fn talk(mut stream: TcpStream, service: Arc<Service>) {
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
    let mut heard = clock.monotonic();
    let mut alarm = Alarm::new(heard + SILENT_MAX);
    loop {
        let silent = heard + SILENT_MAX;
        let wake = talk.next_deadline().map_or(silent, |deadline| deadline.min(silent));
        let is_calling = talk.is_calling();
        let writes = tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    heard = clock.monotonic();
                    talk.receive(Message::Binary(&buffer[..count]))
                }
            },
            side = talk.side(), if is_calling => talk.answer(side),
            () = alarm.at(wake) => {
                if clock.monotonic() >= silent {
                    return;
                }
                talk.poll()
            }
        };
        for write in writes {
            match write {
                Write::Binary(bytes) => {
                    if !written(SILENT_MAX, stream.write_all(&bytes)).await {
                        return;
                    }
                }
                Write::Text(_) => {}
                Write::Close { .. } => {
                    written(SILENT_MAX, stream.shutdown()).await;
                    return;
                }
            }
        }
    }
}
