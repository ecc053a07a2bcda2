//! One caller of a service, over the WebSocket of docs/ingress.md: µ-law at 8 kHz, frame by frame.

use std::net::SocketAddr;

use allo::audio::SampleRate;
use allo::audio::g711::Law;
use allo::call::Language;
use anyhow::{Context as _, bail};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Bytes, and samples, of a frame of 20 ms.
pub const FRAME_BYTES: usize = 160;

/// A connection.
pub type Socket = WebSocketStream<TcpStream>;

/// What became known of a call, or of several.
#[derive(Debug, Default)]
pub struct Heard {
    /// Turns that began.
    pub turns: usize,
    pub finals: usize,
    /// Stretches that were not heard.
    pub gaps: usize,
}

impl Heard {
    /// Counts another call too.
    pub fn add(&mut self, other: &Self) {
        self.turns += other.turns;
        self.finals += other.finals;
        self.gaps += other.gaps;
    }
}

/// Begins a call of one caller.
pub async fn dial(address: SocketAddr, language: Language) -> anyhow::Result<Socket> {
    let stream = TcpStream::connect(address).await.context("cannot reach the service")?;
    stream.set_nodelay(true)?;
    let url = format!("ws://{address}/v1/calls/stream");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
    let start = json!({
        "type": "start",
        "encoding": "mulaw",
        "sample_rate": SampleRate::TELEPHONE.hz(),
        "channels": ["caller"],
        "language": language.code(),
    });
    socket.send(Message::text(start.to_string())).await.context("the service hung up")?;
    Ok(socket)
}

/// Sound as it is sent.
pub fn encode(samples: &[f32]) -> Vec<u8> {
    samples.iter().map(|sample| Law::Mu.encode_f32(*sample)).collect()
}

/// The last message of a caller.
pub fn stop() -> Message {
    Message::text(json!({ "type": "stop" }).to_string())
}

/// Counts what becomes known until the call has ended and the service has closed.
pub async fn listen(from: &mut SplitStream<Socket>) -> anyhow::Result<Heard> {
    let (mut heard, mut has_ended) = (Heard::default(), false);
    while let Some(message) = from.next().await {
        match message? {
            Message::Text(text) => {
                let event: Value = serde_json::from_str(&text)?;
                match event["type"].as_str() {
                    Some("speech.started") => heard.turns += 1,
                    Some("transcript.final") => heard.finals += 1,
                    Some("gap") => heard.gaps += 1,
                    Some("call.ended") => has_ended = true,
                    Some("error") => bail!("the service refused a message: {}", event["message"]),
                    Some(_) | None => {}
                }
            }
            Message::Close(frame) if !has_ended => {
                bail!("the service ended a call: {}", frame.map_or(String::new(), |it| it.reason.to_string()))
            }
            Message::Close(_) => return Ok(heard),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    if has_ended { Ok(heard) } else { bail!("the connection to the service broke") }
}
