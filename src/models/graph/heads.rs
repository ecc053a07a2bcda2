//! Which cross-attention heads follow the audio in the published models, as (layer, head).
//!
//! Facts published with the models (`alignment_heads` in their `generation_config.json`); used where a source of weights
//! does not say. A model of another shape gets every head of the upper half of its layers, which is what the original
//! does for a model it does not know.

use super::super::weights::Dimensions;

type Heads = &'static [(usize, usize)];

const TINY_EN: Heads = &[(1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)];
const TINY: Heads = &[(2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5)];
const BASE_EN: Heads = &[(3, 3), (4, 7), (5, 1), (5, 5), (5, 7)];
const BASE: Heads = &[(3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)];
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
        (768, 12, true) => Some(SMALL),
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
