//! Opus packets of a live stream to samples and back, by libopus. (Recordings have their own decoder in `media`.)

use opus::{Application, Channels};

use crate::audio::SampleRate;

/// The rates that Opus knows, in hertz.
pub(super) const RATES_HZ: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];
/// The longest packet that RFC 6716 allows: 120 ms.
const PACKET_MS_MAX: u32 = 120;
/// More than 20 ms of speech ever need at the bit rate below.
const PACKET_BYTES_MAX: usize = 1_500;
/// Speech of the whole band without audible loss (RFC 7587 section 3.1.1).
const BITS_PER_SECOND: i32 = 32_000;

/// Decodes one stream of one or two channels.
pub(super) struct Decoder {
    inner: opus::Decoder,
    channels: usize,
    interleaved: Vec<f32>,
}

impl Decoder {
    /// `None` for a rate that Opus does not know, or more than two channels.
    pub(super) fn new(rate: SampleRate, channels: usize) -> Option<Self> {
        let layout = match channels {
            1 => Channels::Mono,
            2 => Channels::Stereo,
            _ => return None,
        };
        let inner = opus::Decoder::new(rate.hz(), layout).ok()?;
        let frames = (rate.hz() * PACKET_MS_MAX / 1_000) as usize;
        Some(Self { inner, channels, interleaved: vec![0.0; frames * channels] })
    }

    /// The audio of one packet, one list a channel; `None` when it is no packet.
    pub(super) fn decode(&mut self, packet: &[u8]) -> Option<Vec<Vec<f32>>> {
        // libopus takes an empty packet for a lost one and would invent 120 ms.
        if packet.is_empty() {
            return Some(vec![Vec::new(); self.channels]);
        }
        let frames = self.inner.decode_float(packet, &mut self.interleaved, false).ok()?;
        let decoded = &self.interleaved[..frames * self.channels];
        let plane = |channel| decoded.iter().skip(channel).step_by(self.channels).copied().collect();
        Some((0..self.channels).map(plane).collect())
    }
}

/// Encodes one channel.
pub(super) struct Encoder {
    inner: opus::Encoder,
}

impl Encoder {
    /// `None` for a rate that Opus does not know.
    pub(super) fn new(rate: SampleRate) -> Option<Self> {
        let mut inner = opus::Encoder::new(rate.hz(), Channels::Mono, Application::Voip).ok()?;
        inner.set_bitrate(opus::Bitrate::Bits(BITS_PER_SECOND)).ok()?;
        Some(Self { inner })
    }

    /// The packet of a frame of 20 ms; `None` when the frame has another length.
    pub(super) fn encode(&mut self, frame: &[f32]) -> Option<Vec<u8>> {
        self.inner.encode_vec_float(frame, PACKET_BYTES_MAX).ok()
    }
}
