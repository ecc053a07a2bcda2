//! The mel filter bank of the Whisper models, computed rather than downloaded.
//!
//! Whisper was trained with triangular filters on Slaney's mel scale (linear below 1 kHz, logarithmic above), each of
//! unit area, over the 201 bins of a 400-point transform at 16 kHz. The order of rounding below reproduces the
//! published tables bit for bit; the hash of the converted models depends on it.

use super::BINS;

const NYQUIST_HZ: f64 = 8000.0;
const LINEAR_HZ_PER_MEL: f64 = 200.0 / 3.0;
const LOGARITHMIC_FROM_HZ: f64 = 1000.0;

/// `bands` rows of [`BINS`] weights.
///
/// # Panics
/// When `bands` is 0.
pub fn filters(bands: usize) -> Vec<f32> {
    let step = ln_step();
    let first_logarithmic_mel = LOGARITHMIC_FROM_HZ / LINEAR_HZ_PER_MEL;
    let top_mel = first_logarithmic_mel + (NYQUIST_HZ / LOGARITHMIC_FROM_HZ).ln() / step;
    let edges_hz: Vec<f64> = spaced(top_mel, bands + 2)
        .map(|mel| {
            if mel >= first_logarithmic_mel {
                LOGARITHMIC_FROM_HZ * (step * (mel - first_logarithmic_mel)).exp()
            } else {
                LINEAR_HZ_PER_MEL * mel
            }
        })
        .collect();
    let bins_hz: Vec<f64> = spaced(NYQUIST_HZ, BINS).collect();
    let mut weights = Vec::with_capacity(bands * BINS);
    for edges in edges_hz.windows(3) {
        let area = 2.0 / (edges[2] - edges[0]);
        for bin_hz in &bins_hz {
            let rising = (bin_hz - edges[0]) / (edges[1] - edges[0]);
            let falling = (edges[2] - bin_hz) / (edges[2] - edges[1]);
            let triangle = rising.min(falling).max(0.0) as f32;
            weights.push((f64::from(triangle) * area) as f32);
        }
    }
    // The published tables hold a negative zero at the very first edge.
    weights[0] = -0.0;
    weights
}

fn ln_step() -> f64 {
    6.4_f64.ln() / 27.0
}

/// `count` values from 0 to `end` inclusive.
fn spaced(end: f64, count: usize) -> impl Iterator<Item = f64> {
    let step = end / (count - 1) as f64;
    (0..count).map(move |index| if index + 1 == count { end } else { index as f64 * step })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn hash(bands: usize) -> String {
        let bytes: Vec<u8> = filters(bands).iter().flat_map(|weight| weight.to_le_bytes()).collect();
        Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_tables_are_those_the_models_were_trained_with() {
        // Hashes of the `mel_80` and `mel_128` arrays that the models' publisher distributes.
        assert_eq!(hash(80), "4f2701b1d287d74a0dc9871026e9519d98cb76426615f2539b0d151a0ae4ec2e");
        assert_eq!(hash(128), "2a5f9822897750e047c85dea37cc268d3be0ecfd23c28a5f10da129d99d05afe");
    }
}
