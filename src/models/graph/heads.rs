//! Which cross-attention heads follow the audio in the published models, as (layer, head).
//!
//! Facts published with the models (`alignment_heads` in their `generation_config.json`); used where a source of weights
//! does not say. A model of another shape gets every head of the upper half of its layers, which is what the original
//! does for a model it does not know; so do large-v1 and large-v2, whose heads differ and whose shape is the same, unless the
//! source says which it is.

use super::super::weights::Dimensions;

type Heads = &'static [(usize, usize)];

const TINY_EN: Heads = &[(1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)];
const TINY: Heads = &[(2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5)];
const BASE_EN: Heads = &[(3, 3), (4, 7), (5, 1), (5, 5), (5, 7)];
const BASE: Heads = &[(3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)];
const SMALL_EN: Heads = &[
    (6, 6),
    (7, 0),
    (7, 3),
    (7, 8),
    (8, 2),
    (8, 5),
    (8, 7),
    (9, 0),
    (9, 4),
    (9, 8),
    (9, 10),
    (10, 0),
    (10, 1),
    (10, 2),
    (10, 3),
    (10, 6),
    (10, 11),
    (11, 2),
    (11, 4),
];
const MEDIUM_EN: Heads = &[
    (11, 4),
    (14, 1),
    (14, 12),
    (14, 14),
    (15, 4),
    (16, 0),
    (16, 4),
    (16, 9),
    (17, 12),
    (17, 14),
    (18, 7),
    (18, 10),
    (18, 15),
    (20, 0),
    (20, 3),
    (20, 9),
    (20, 14),
    (21, 12),
];
const SMALL: Heads = &[(5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5)];
const MEDIUM: Heads = &[(13, 15), (15, 4), (15, 15), (16, 1), (20, 0), (23, 4)];
const LARGE_V3: Heads =
    &[(7, 0), (10, 17), (12, 18), (13, 12), (16, 1), (17, 14), (19, 11), (21, 4), (24, 1), (25, 6)];
const LARGE_V3_TURBO: Heads = &[(2, 4), (2, 11), (3, 3), (3, 6), (3, 11), (3, 14)];

/// Size from which a vocabulary is that of the multilingual models.
const MULTILINGUAL: usize = 51_865;
/// Size of the vocabulary of large-v3 and turbo, which have one language more.
const LARGE_V3_VOCABULARY: usize = 51_866;

/// The heads of the model of this shape.
pub(super) fn of(dimensions: Dimensions) -> Vec<(usize, usize)> {
    let is_multilingual = dimensions.vocabulary >= MULTILINGUAL;
    let known = match (dimensions.width, dimensions.text_layers, is_multilingual) {
        (384, 4, false) => Some(TINY_EN),
        (384, 4, true) => Some(TINY),
        (512, 6, false) => Some(BASE_EN),
        (512, 6, true) => Some(BASE),
        (768, 12, false) => Some(SMALL_EN),
        (768, 12, true) => Some(SMALL),
        (1024, 24, false) => Some(MEDIUM_EN),
        (1024, 24, true) => Some(MEDIUM),
        (1280, 32, true) if dimensions.vocabulary >= LARGE_V3_VOCABULARY => Some(LARGE_V3),
        (1280, 4, true) => Some(LARGE_V3_TURBO),
        _ => None,
    };
    match known {
        Some(heads) => heads.to_vec(),
        None => (dimensions.text_layers / 2..dimensions.text_layers)
            .flat_map(|layer| (0..dimensions.heads).map(move |head| (layer, head)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_head_lies_within_its_model() {
        // Width, layers, heads, vocabulary of the published sizes.
        let sizes = [(384, 4, 6), (512, 6, 8), (768, 12, 12), (1024, 24, 16)];
        for (width, text_layers, heads) in sizes {
            for vocabulary in [MULTILINGUAL - 1, MULTILINGUAL] {
                let known = of(dimensions(width, (text_layers, heads), vocabulary));
                let upper_half = text_layers / 2 * heads;
                assert!(!known.is_empty() && known.len() < upper_half, "{width} {vocabulary}: not known");
                assert!(known.iter().all(|(layer, head)| *layer < text_layers && *head < heads));
                assert!(known.is_sorted() && known.windows(2).all(|pair| pair[0] != pair[1]), "{width}");
            }
        }
        for (text_layers, vocabulary) in [(32, LARGE_V3_VOCABULARY), (4, LARGE_V3_VOCABULARY)] {
            let known = of(dimensions(1280, (text_layers, 20), vocabulary));
            assert!(known.len() < text_layers / 2 * 20);
            assert!(known.iter().all(|(layer, head)| *layer < text_layers && *head < 20));
        }
        // The second large model, and the first: not told apart.
        assert_eq!(of(dimensions(1280, (32, 20), MULTILINGUAL)).len(), 16 * 20);
    }

    fn dimensions(width: usize, (text_layers, heads): (usize, usize), vocabulary: usize) -> Dimensions {
        Dimensions {
            vocabulary,
            audio_positions: 1_500,
            text_positions: 448,
            width,
            heads,
            audio_layers: text_layers,
            text_layers,
            mel_bands: 80,
        }
    }
}
