//! Where meanings come from: a sentence encoder, seen from the classifier.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::features::Vector;

/// Gives sentences vectors whose direction is their meaning, whatever their words.
pub trait Meaning: fmt::Debug + Send + Sync {
    /// What tells this source from others: vectors of two sources cannot be compared.
    fn identity(&self) -> &str;

    /// The vector of each of `texts`, all of one length, in their order. Blocks.
    ///
    /// # Errors
    /// [`MeaningFailed`] when there are no vectors to be had; nothing is cached about it.
    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed>;
}

/// A source of meanings failed.
#[derive(Debug, thiserror::Error)]
#[error("sentences cannot be encoded")]
pub struct MeaningFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The text as a recogniser that knows no punctuation would write it: lower-case words and apostrophes. What was typed,
/// and what engines write with more or less punctuation, then has one meaning.
pub(super) fn as_spoken(text: &str) -> String {
    let mut spoken = String::with_capacity(text.len());
    for character in text.nfc().flat_map(char::to_lowercase) {
        match character {
            '’' | '\'' => spoken.push('\''),
            _ if character.is_alphanumeric() => spoken.push(character),
            _ if spoken.ends_with(' ') || spoken.is_empty() => {}
            _ => spoken.push(' '),
        }
    }
    spoken.truncate(spoken.trim_end().len());
    spoken
}

/// The direction from which vectors are looked at. Those of an encoder lie in a narrow cone; what they have in common is
/// taken away, and the rest brought to length 1, which gained 2 to 7 points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Viewpoint {
    pub centre: Vec<f32>,
}

impl Viewpoint {
    /// The mean of `vectors`.
    pub fn amid<'a>(vectors: impl Iterator<Item = &'a Vec<f32>>) -> Self {
        let mut centre: Vec<f32> = Vec::new();
        let mut count = 0.0_f32;
        for vector in vectors {
            centre.resize(vector.len().max(centre.len()), 0.0);
            centre.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
            count += 1.0;
        }
        centre.iter_mut().for_each(|sum| *sum /= count.max(1.0));
        Self { centre }
    }

    /// `vector` from here, of length 1; all zeros at the centre itself.
    pub fn direction(&self, vector: &[f32]) -> Vec<f32> {
        let mut direction: Vec<f32> =
            vector.iter().zip(&self.centre).map(|(value, centre)| value - centre).collect();
        let length = dot(&direction, &direction).sqrt();
        if length > 1e-6 {
            direction.iter_mut().for_each(|value| *value /= length);
        }
        direction
    }
}

/// A direction as features.
pub(super) fn features_of(direction: &[f32]) -> Vector {
    let weights = direction.iter().enumerate();
    Vector { weights: weights.map(|(index, value)| (index as u32, *value)).collect(), known_share: 1.0 }
}

/// Sum of the products; of two directions, the cosine between them.
pub(super) fn dot(left: &[f32], right: &[f32]) -> f32 {
    // Eight sums side by side: the compiler may not reorder one.
    let mut sums = [0.0_f32; 8];
    let (left_chunks, right_chunks) = (left.chunks_exact(8), right.chunks_exact(8));
    let rest: f32 =
        left_chunks.remainder().iter().zip(right_chunks.remainder()).map(|(left, right)| left * right).sum();
    for (left, right) in left_chunks.zip(right_chunks) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    rest + sums.iter().sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_and_case_have_no_meaning() {
        for (text, spoken) in [
            ("J’ai perdu ma carte, s'il vous plaît !", "j'ai perdu ma carte s'il vous plaît"),
            ("  E\u{301}TE\u{301} … ", "été"),
            ("alerte_perte/vol", "alerte perte vol"),
            ("?!", ""),
        ] {
            assert_eq!(as_spoken(text), spoken);
        }
    }

    #[test]
    fn directions_have_length_one_and_no_common_part() {
        let vectors = [vec![1.0, 0.0, 5.0], vec![0.0, 1.0, 5.0]];
        let viewpoint = Viewpoint::amid(vectors.iter());
        let [left, right] = vectors.map(|vector| viewpoint.direction(&vector));
        assert!((dot(&left, &left) - 1.0).abs() < 1e-6 && (dot(&left, &right) + 1.0).abs() < 1e-6);
        assert_eq!(viewpoint.direction(&viewpoint.centre), [0.0; 3]);
    }

    #[test]
    fn products_are_summed_whatever_the_length() {
        for length in 0..40_usize {
            let values: Vec<f32> = (0..length).map(|value| value as f32).collect();
            let expected: f32 = values.iter().map(|value| value * value).sum();
            assert!((dot(&values, &values) - expected).abs() <= expected * 1e-6);
        }
    }
}
