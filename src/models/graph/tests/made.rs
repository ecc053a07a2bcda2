//! A Whisper of any size whose weights are drawn at random, the same every time.

use std::borrow::Cow;

use crate::audio::mel;
use crate::models::Error;
use crate::models::weights::{Dimensions, HEAD_WIDTH, Matrix, WeightSource, catalogue};

/// Numbers in (-1, 1), the same every time.
pub(super) struct Draws(u64);

impl Draws {
    pub(super) fn of(name: &str) -> Self {
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        Self(name.bytes().fold(0xCBF2_9CE4_8422_2325, hash) | 1)
    }

    pub(super) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

/// The made model; each tensor is drawn when it is asked for.
#[derive(Debug)]
pub(super) struct MadeSource {
    pub(super) size: Dimensions,
    pub(super) alignment_heads: Option<Vec<(usize, usize)>>,
    tokens: Vec<Vec<u8>>,
}

impl MadeSource {
    pub(super) fn new(size: Dimensions) -> Self {
        Self { size, alignment_heads: None, tokens: vec![b"a".to_vec(), b" b".to_vec()] }
    }
}

/// A size with few positions; `layers` of encoder and decoder.
pub(super) fn size(heads: usize, layers: (usize, usize), mel_bands: usize) -> Dimensions {
    Dimensions {
        vocabulary: 23,
        audio_positions: 24,
        text_positions: 12,
        width: heads * HEAD_WIDTH,
        heads,
        audio_layers: layers.0,
        text_layers: layers.1,
        mel_bands,
    }
}

impl WeightSource for MadeSource {
    fn dimensions(&self) -> Dimensions {
        self.size
    }

    fn tensor(&mut self, name: &str) -> Result<Matrix, Error> {
        let spec = catalogue(&self.size).into_iter().find(|spec| spec.name() == name);
        let dims = spec.unwrap_or_else(|| panic!("no Whisper has `{name}`")).dims().to_vec();
        let inputs: usize = dims[1..].iter().product();
        let mut draws = Draws::of(name);
        let is_norm = name.contains("ln") && name.ends_with(".weight");
        // About the spread of a trained model: matrices keep the size of what they multiply, norms are near 1.
        let (middle, spread) = match (is_norm, dims.len()) {
            (true, _) => (1.0, 0.3),
            (false, 1) => (0.0, 0.2),
            (false, _) => (0.0, 1.7 / (inputs as f32).sqrt()),
        };
        let values = (0..dims.iter().product()).map(|_| middle + spread * draws.next()).collect();
        Ok(Matrix { dims, values })
    }

    fn tokens(&self) -> &[Vec<u8>] {
        &self.tokens
    }

    fn mel_filters(&self) -> Cow<'_, [f32]> {
        Cow::Owned(mel::filters(self.size.mel_bands))
    }

    fn alignment_heads(&self) -> Option<Vec<(usize, usize)>> {
        self.alignment_heads.clone()
    }
}
