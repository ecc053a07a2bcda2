//! Speech as a WAV file: 16-bit linear, one channel.

use crate::audio::SampleRate;

const HEADER_BYTES: u32 = 44;

/// The bytes of the file.
///
/// # Panics
/// For more than four gigabytes, some 70 hours at 8 kHz.
pub fn file(samples: &[f32], rate: SampleRate) -> Vec<u8> {
    let data_bytes = u32::try_from(samples.len() * 2).expect("speech lasts minutes");
    let mut bytes = Vec::with_capacity((HEADER_BYTES + data_bytes) as usize);
    bytes.extend(b"RIFF");
    bytes.extend((HEADER_BYTES - 8 + data_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    // Linear, one channel; rate and bytes a second; bytes a frame, bits a sample.
    bytes.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    bytes.extend([rate.hz(), rate.hz() * 2].map(u32::to_le_bytes).concat());
    bytes.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    bytes.extend(b"data");
    bytes.extend(data_bytes.to_le_bytes());
    bytes.extend(samples_to_bytes(samples));
    bytes
}

/// The samples as 16 bits each, little-endian; louder than full scale is clipped.
pub fn samples_to_bytes(samples: &[f32]) -> impl Iterator<Item = u8> + '_ {
    samples.iter().flat_map(|sample| ((sample * 32_767.0).round() as i16).to_le_bytes())
}

/// The samples of [`samples_to_bytes`]; a last odd byte is left out.
pub fn bytes_to_samples(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_767.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_programs_read_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let samples = [0.0, 0.5, -0.5, 2.0];
        std::fs::write(&path, file(&samples, SampleRate::TELEPHONE)).unwrap();
        let options = crate::media::OpenOptions::default();
        let mut recording = crate::media::Recording::open(&path, &options).unwrap();
        assert_eq!((recording.info().sample_rate.hz(), recording.info().channels), (8_000, 1));
        let mut block = crate::media::Block::new();
        assert!(recording.next_block(&mut block).unwrap());
        let found = &block.planes()[0];
        assert_eq!(found.len(), 4);
        assert!((found[1] - 0.5).abs() < 1e-3 && (found[3] - 1.0).abs() < 1e-3);
    }

    #[test]
    fn sixteen_bits_and_back_are_within_half_a_step() {
        let samples: Vec<f32> = (0..200).map(|at| (at as f32 * 0.1).sin()).collect();
        let bytes: Vec<u8> = samples_to_bytes(&samples).collect();
        assert!(
            bytes_to_samples(&bytes).zip(&samples).all(|(one, other)| (one - other).abs() < 1.0 / 60_000.0)
        );
    }
}
