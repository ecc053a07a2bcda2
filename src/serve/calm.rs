//! Connections that are looked at ten times a second while nobody speaks on them.
//!
//! A call brings 50 messages a second. While nothing is said on it, to be woken for each of them costs the kernel and the
//! runtime more than all that is done with it. So a calm connection is taken off the list of those that wake somebody, and all
//! of them are read at the same moments, [`LOOK_EVERY`] apart, what has come together. Whoever begins to speak is heard a tenth
//! of a second later at most, less than the sound that is kept before a turn; from then on every message is read as it comes.
//! Nothing is ever left lying for longer, and nothing is written later.

use std::io::{self, ErrorKind, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// How often a calm connection is read: five frames of the usual 20 ms at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whether a connection is calm: said by who reads it, heeded where its socket is.
#[derive(Debug, Clone, Default)]
pub struct Calm(Arc<AtomicBool>);

impl Calm {
    /// Says whether nobody speaks.
    pub fn set(&self, is_calm: bool) {
        self.0.store(is_calm, Ordering::Relaxed);
    }

    fn is_calm(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A socket whose reader says when it is calm.
#[derive(Debug)]
pub struct CalmStream {
    socket: Socket,
    calm: Calm,
    /// All connections are looked at at whole numbers of [`LOOK_EVERY`] from here, so that one moment serves them all.
    epoch: Instant,
    /// The next look, once the connection has been calm.
    look: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum Socket {
    /// Whoever reads is woken by what comes.
    Waking(TcpStream),
    /// Nobody is woken. Does not block.
    Calm(std::net::TcpStream),
    /// It was lost between the two.
    Gone,
}

impl CalmStream {
    /// Over `socket`, which is calm when `calm` says so.
    pub fn new(socket: TcpStream, calm: Calm, epoch: Instant) -> Self {
        Self { socket: Socket::Waking(socket), calm, epoch, look: None }
    }

    /// The socket, woken by what comes.
    fn waking(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if let Socket::Calm(_) = self.socket
            && let Socket::Calm(socket) = std::mem::replace(&mut self.socket, Socket::Gone)
        {
            self.socket = Socket::Waking(TcpStream::from_std(socket)?);
        }
        match &mut self.socket {
            Socket::Waking(socket) => Ok(Pin::new(socket)),
            Socket::Calm(_) | Socket::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// The socket, which wakes nobody.
    fn calmed(&mut self) -> io::Result<&mut std::net::TcpStream> {
        if let Socket::Waking(_) = self.socket
            && let Socket::Waking(socket) = std::mem::replace(&mut self.socket, Socket::Gone)
        {
            self.socket = Socket::Calm(socket.into_std()?);
        }
        match &mut self.socket {
            Socket::Calm(socket) => Ok(socket),
            Socket::Waking(_) | Socket::Gone => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Waits for the next look.
    fn poll_look(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let look = self.look.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next_look(self.epoch))));
        ready!(look.as_mut().poll(context));
        look.as_mut().reset(next_look(self.epoch));
        Poll::Ready(())
    }
}

/// The first moment of the grid after now.
fn next_look(epoch: Instant) -> Instant {
    let looks = epoch.elapsed().as_nanos() / LOOK_EVERY.as_nanos() + 1;
    epoch + LOOK_EVERY * u32::try_from(looks).unwrap_or(u32::MAX)
}

impl AsyncRead for CalmStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = &mut *self;
        if !stream.calm.is_calm() {
            stream.look = None;
            return stream.waking()?.poll_read(context, buffer);
        }
        loop {
            ready!(stream.poll_look(context));
            match stream.calmed()?.read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for CalmStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.waking()?.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket keeps nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waking()?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A stream, what says that it is calm, and its peer.
    async fn pair() -> (CalmStream, Calm, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        peer.set_nodelay(true).unwrap();
        let (socket, calm) = (listener.accept().await.unwrap().0, Calm::default());
        (CalmStream::new(socket, calm.clone(), Instant::now()), calm, peer)
    }

    #[tokio::test]
    async fn what_comes_on_a_calm_connection_is_read_together_and_at_the_next_look() {
        let (mut stream, calm, mut peer) = pair().await;
        let mut buffer = [0; 64];
        peer.write_all(b"one").await.unwrap();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 3);
        calm.set(true);
        for message in [b"two", b"six"] {
            peer.write_all(message).await.unwrap();
        }
        let began = Instant::now();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 6, "both at once");
        assert_eq!(&buffer[..6], b"twosix");
        assert!(began.elapsed() <= 2 * LOOK_EVERY);
        // What is written goes at once, and reading goes on.
        stream.write_all(b"yes").await.unwrap();
        assert_eq!(peer.read(&mut buffer).await.unwrap(), 3);
        peer.write_all(b"ten").await.unwrap();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 3);
        calm.set(false);
        peer.write_all(b"now").await.unwrap();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 3);
        assert!(stream.look.is_none(), "nobody waits for a look any more");
        calm.set(true);
        drop(peer);
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 0, "the end is seen");
    }

    #[tokio::test]
    async fn nothing_is_lost_or_turned_round_however_often_a_connection_calms_down() {
        let (mut stream, calm, mut peer) = pair().await;
        let sent: Vec<u8> = (0..20_000_u32).map(|number| (number % 251) as u8).collect();
        let expected = sent.clone();
        let sending = tokio::spawn(async move {
            for part in sent.chunks(1_000) {
                peer.write_all(part).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let (mut read, mut buffer) = (Vec::new(), [0; 1_500]);
        loop {
            calm.set(read.len() % 3_000 < 1_500);
            let count = stream.read(&mut buffer).await.unwrap();
            if count == 0 {
                break;
            }
            read.extend_from_slice(&buffer[..count]);
        }
        sending.await.unwrap();
        assert!(read == expected);
    }

    #[test]
    fn all_connections_are_looked_at_in_the_same_moments() {
        let epoch = Instant::now() - LOOK_EVERY * 5 / 2;
        assert_eq!(next_look(epoch) - epoch, LOOK_EVERY * 3);
        assert_eq!(next_look(epoch - LOOK_EVERY * 7) - epoch, LOOK_EVERY * 3);
    }
}
