//! Opus packets to samples, by libopus; one to eight channels.

use opus::MSDecoder;

/// Opus decodes at this rate, whatever was recorded.
pub(super) const RATE_HZ: u32 = 48_000;

/// The longest packet that RFC 6716 allows: 120 ms.
const MAX_PACKET_FRAMES: usize = 5_760;

/// What the identification header says (RFC 7845 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) channels: usize,
    /// Frames to drop from the start of the decoded audio.
    pub(super) pre_skip: u32,
    /// Gain to apply, in 1/256 dB.
    gain: i16,
    streams: u8,
    coupled: u8,
    mapping: Vec<u8>,
}

impl Head {
    /// Reads `OpusHead`, or what MP4 has instead behind the same mark; `None` when it is not one that can be decoded.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let fields = bytes.strip_prefix(b"OpusHead")?;
        let &[version, channels, skip_low, skip_high, _, _, _, _, gain_low, gain_high, family, ref rest @ ..] =
            fields
        else {
            return None;
        };
        let count = usize::from(channels);
        let (streams, coupled, mapping) = match (family, rest) {
            (0, _) if channels == 1 => (1, 0, vec![0]),
            (0, _) if channels == 2 => (1, 1, vec![0, 1]),
            (1 | 255, &[streams, coupled, ref mapping @ ..]) => {
                (streams, coupled, mapping.get(..count)?.to_vec())
            }
            _ => return None,
        };
        let [pre_skip, gain] = [[skip_low, skip_high], [gain_low, gain_high]].map(|bytes| {
            // The header of MP4 has version 0, and numbers in the other order.
            if version == 0 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
        });
        let (pre_skip, gain) = (u32::from(pre_skip), gain.cast_signed());
        Some(Self { channels: count, pre_skip, gain, streams, coupled, mapping })
    }
}

/// Decodes the packets of one stream.
pub(super) struct Decoder {
    inner: MSDecoder,
    channels: usize,
    interleaved: Vec<f32>,
}

impl Decoder {
    /// A decoder for the stream that `head` describes.
    pub(super) fn new(head: &Head) -> Result<Self, opus::Error> {
        let mut inner = MSDecoder::new(RATE_HZ, head.streams, head.coupled, &head.mapping)?;
        inner.set_gain(i32::from(head.gain))?;
        let interleaved = vec![0.0; MAX_PACKET_FRAMES * head.channels];
        Ok(Self { inner, channels: head.channels, interleaved })
    }

    /// Appends the audio of one packet to `planes`; gives its frames.
    pub(super) fn decode(&mut self, packet: &[u8], planes: &mut [Vec<f32>]) -> Result<usize, opus::Error> {
        // libopus takes an empty packet for a lost one and would invent 120 ms.
        if packet.is_empty() {
            return Ok(0);
        }
        let frames = self.inner.decode_float(packet, &mut self.interleaved, false)?;
        let decoded = &self.interleaved[..frames * self.channels];
        for (channel, plane) in planes.iter_mut().enumerate() {
            plane.extend(decoded.iter().skip(channel).step_by(self.channels));
        }
        Ok(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_or_refused() {
        let mono = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
        let head = Head::parse(mono).unwrap();
        assert_eq!((head.channels, head.pre_skip), (1, 312));
        assert!(Head::parse(&mono[..18]).is_none());
        let of_mp4 = Head::parse(b"OpusHead\0\x02\x01\x38\0\0\xbb\x80\xff\0\0").unwrap();
        assert_eq!((of_mp4.channels, of_mp4.pre_skip, of_mp4.gain), (2, 312, -256));
        assert!(
            Head::parse(b"OpusHead\x01\x03\x38\x01\x80\xbb\0\0\0\0\0").is_none(),
            "family 0 has two at most"
        );
        let three = b"OpusHead\x01\x03\x38\x01\x80\xbb\0\0\0\0\x01\x02\x01\x00\x02\x01";
        assert!(Decoder::new(&Head::parse(three).unwrap()).is_ok());
        let wrong = b"OpusHead\x01\x03\x38\x01\x80\xbb\0\0\0\0\x01\x02\x01\x00\x09\x01";
        assert!(
            Decoder::new(&Head::parse(wrong).unwrap()).is_err(),
            "a channel of a stream that is not there"
        );
    }
}
