//! Plays a recording into the service as a telephone platform would: over a WebSocket, frame by frame.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::call::{Channel, Language};
use crate::media::{Block, OpenOptions, Recording};

/// What telephony sends at once.
const FRAME: Duration = Duration::from_millis(20);
/// What is sent at once of a call that is not played in real time: the service takes a message when all that the one before
/// led to is done, so that small ones would spend their time waiting for each other.
const FAST_FRAME: Duration = Duration::from_millis(200);
/// Most names that the protocol takes for one call.
const VOCABULARY_MAX: usize = 500;

/// How fast a call is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As it was spoken, with texts while somebody speaks.
    RealTime,
    /// As fast as it is worked on.
    Fast,
}

impl Pace {
    const fn frame(self) -> Duration {
        match self {
            Self::RealTime => FRAME,
            Self::Fast => FAST_FRAME,
        }
    }
}

/// What one call is.
pub(super) struct Telephone<'a> {
    /// Where the service listens.
    pub(super) address: SocketAddr,
    /// How fast.
    pub(super) pace: Pace,
    /// Names for the channels of two-channel recordings.
    pub(super) two_channels: [Channel; 2],
    /// Names that may be said.
    pub(super) vocabulary: &'a [String],
}

type Socket = WebSocketStream<TcpStream>;

impl Telephone<'_> {
    /// Plays a recording under `name` and tells each event of the call; returns when the last one came.
    pub(super) async fn call(
        &self,
        recording: &Path,
        name: &str,
        mut heard: impl FnMut(&Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let language = described_language(recording);
        let recording = Recording::open(recording, &OpenOptions::default())?;
        let (mut to, mut from) = self.dial().await?.split();
        let start = self.start(&recording, name, language.as_deref()).to_string();
        to.send(Message::text(start)).await.context("the service hung up")?;
        let (spoken, listened) = tokio::join!(self.speak(recording, &mut to), listen(&mut from, &mut heard));
        // Why the service hung up says more than that it did.
        listened?;
        spoken
    }

    async fn dial(&self) -> anyhow::Result<Socket> {
        let stream = TcpStream::connect(self.address).await.context("cannot reach the service")?;
        stream.set_nodelay(true)?;
        let wishes = match self.pace {
            Pace::RealTime => "partials=true",
            Pace::Fast => "partials=false&recording=true",
        };
        let address = format!("ws://{}/v1/calls/stream?{wishes}", self.address);
        let (socket, _) = tokio_tungstenite::client_async(address, stream).await?;
        Ok(socket)
    }

    fn start(&self, recording: &Recording, name: &str, language: Option<&str>) -> Value {
        let info = recording.info();
        let channels =
            if info.channels == 2 { self.two_channels.to_vec() } else { Channel::layout(info.channels) };
        let channels: Vec<String> = channels.iter().map(ToString::to_string).collect();
        let vocabulary = &self.vocabulary[..self.vocabulary.len().min(VOCABULARY_MAX)];
        json!({
            "type": "start",
            "encoding": "pcm_s16le",
            "sample_rate": info.sample_rate.hz(),
            "channels": channels,
            "call_id": name,
            "vocabulary": vocabulary,
            "language": language.unwrap_or("auto"),
        })
    }

    async fn speak(
        &self,
        mut recording: Recording,
        to: &mut SplitSink<Socket, Message>,
    ) -> anyhow::Result<()> {
        let info = recording.info();
        let frame = self.pace.frame();
        let samples = info.sample_rate.hz() as usize * frame.as_millis() as usize / 1_000;
        let frame_bytes = samples * info.channels * size_of::<i16>();
        let (began, mut frames) = (Instant::now(), 0);
        let (mut block, mut waiting) = (Block::new(), Vec::new());
        let damage = loop {
            match recording.next_block(&mut block) {
                Ok(true) => interleave(block.planes(), &mut waiting),
                Ok(false) => break None,
                // What was there before was said; the rest of the call is silence.
                Err(damage) => break Some(damage),
            }
            while waiting.len() >= frame_bytes {
                let rest = waiting.split_off(frame_bytes);
                frames += 1;
                if self.pace == Pace::RealTime {
                    // A frame leaves when its last sample has been spoken; a late one does not delay the next.
                    tokio::time::sleep_until(began + frame * frames).await;
                }
                to.send(Message::binary(std::mem::replace(&mut waiting, rest))).await?;
            }
        };
        if !waiting.is_empty() {
            to.send(Message::binary(waiting)).await?;
        }
        to.send(Message::text(json!({ "type": "stop" }).to_string())).await?;
        damage.map_or(Ok(()), |damage| Err(damage.into()))
    }
}

/// The language that the description beside a recording names, as a platform knows that of the number that was called; it is
/// detected where nobody says.
fn described_language(recording: &Path) -> Option<String> {
    let description = std::fs::read(recording.with_extension("json")).ok()?;
    let description: Value = serde_json::from_slice(&description).ok()?;
    let language = description["language"].as_str()?;
    language.parse::<Language>().is_ok().then(|| language.to_owned())
}

/// Hands on what the service tells until the call has ended.
async fn listen(
    from: &mut SplitStream<Socket>,
    heard: &mut impl FnMut(&Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut has_ended = false;
    while let Some(message) = from.next().await {
        match message? {
            Message::Text(text) => {
                let event: Value = serde_json::from_str(&text)?;
                if event["type"] == "error" {
                    bail!("the service refused the call: {}", event["message"].as_str().unwrap_or_default());
                }
                has_ended |= event["type"] == "call.ended";
                heard(&event)?;
            }
            Message::Close(frame) if !has_ended => {
                bail!(
                    "the service ended the call: {}",
                    frame.map_or(String::new(), |it| it.reason.to_string())
                )
            }
            Message::Close(_) => return Ok(()),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    if has_ended { Ok(()) } else { bail!("the connection to the service broke") }
}

/// Appends the samples of all channels in turn, as 16-bit numbers.
fn interleave(planes: &[Vec<f32>], out: &mut Vec<u8>) {
    let length = planes.iter().map(Vec::len).min().unwrap_or(0);
    for at in 0..length {
        for plane in planes {
            let sample = (plane[at] * f32::from(i16::MAX)).round().clamp(-32_768.0, 32_767.0) as i16;
            out.extend_from_slice(&sample.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_interleaved_and_loud_samples_do_not_wrap() {
        let mut out = Vec::new();
        interleave(&[vec![0.0, 2.0], vec![1.0, -2.0]], &mut out);
        let samples: Vec<i16> = out.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(samples, [0, i16::MAX, i16::MAX, i16::MIN]);
    }

    #[test]
    fn the_language_is_that_of_the_description_beside_the_recording() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("call.wav");
        assert_eq!(described_language(&recording), None, "there is no description");
        for (description, language) in [
            (r#"{"language": "nl", "channels": ["caller", "agent"]}"#, Some("nl")),
            (r#"{"language": "xx"}"#, None),
            (r#"{"channels": []}"#, None),
            ("no JSON", None),
        ] {
            std::fs::write(recording.with_extension("json"), description).unwrap();
            assert_eq!(described_language(&recording).as_deref(), language, "{description}");
        }
    }
}
