//! Where meanings come from: a sentence encoder, seen from the classifier.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::features::Vector;

/// Gives sentences vectors whose direction is their meaning, whatever their words.
pub trait Meaning: fmt::Debug + Send + Sync {
    /// What tells this source from others: vectors of two sources cannot be compared.
    fn identity(&self) -> &str;

    /// How many parts its vectors have, at least 1: vectors of their own, all of one length, one behind the other, that which
    /// tells most first.
    fn parts(&self) -> usize {
        1
    }

    /// The vector of each of `texts`, all of one length, in their order. Blocks; a single text is read on the thread that
    /// asks.
    ///
    /// # Errors
    /// [`MeaningFailed`] when there are no vectors to be had; nothing is cached about it.
    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, MeaningFailed>;

    /// The same for many texts; `encoded` is told how many more are done, from any thread.
    ///
    /// # Errors
    /// As [`Meaning::vectors`].
    fn vectors_of_many(
        &self,
        texts: &[&str],
        encoded: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Vec<f32>>, MeaningFailed> {
        let vectors = self.vectors(texts)?;
        encoded(texts.len());
        Ok(vectors)
    }
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

/// How much the parts after the first count beside it. 0.5 and 0.8 are alike on held-out training sentences, 1 loses.
const OTHER_PART: f32 = 0.5;

/// The direction from which vectors are looked at. Those of an encoder lie in a narrow cone; what they have in common is
/// taken away, and the rest brought to length 1, which gained 2 to 7 points. The parts of a vector are added up after that.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Viewpoint {
    pub centre: Vec<f32>,
    pub parts: usize,
}

impl Viewpoint {
    /// The mean of `vectors`, which have `parts` parts.
    pub fn amid<'a>(vectors: impl Iterator<Item = &'a Vec<f32>>, parts: usize) -> Self {
        let mut centre: Vec<f32> = Vec::new();
        let mut count = 0.0_f32;
        for vector in vectors {
            centre.resize(vector.len().max(centre.len()), 0.0);
            centre.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
            count += 1.0;
        }
        centre.iter_mut().for_each(|sum| *sum /= count.max(1.0));
        Self { centre, parts: parts.max(1) }
    }

    /// Values of a direction.
    pub fn width(&self) -> usize {
        self.centre.len() / self.parts
    }

    /// `vector` from here, of length 1; all zeros at the centre itself.
    pub fn direction(&self, vector: &[f32]) -> Vec<f32> {
        let width = self.width().max(1);
        let mut sum = vec![0.0; width];
        for (part, (vector, centre)) in vector.chunks(width).zip(self.centre.chunks(width)).enumerate() {
            let mut direction: Vec<f32> =
                vector.iter().zip(centre).map(|(value, centre)| value - centre).collect();
            bring_to_length_one(&mut direction);
            let weight = if part == 0 { 1.0 } else { OTHER_PART };
            sum.iter_mut().zip(direction).for_each(|(sum, value)| *sum += weight * value);
        }
        bring_to_length_one(&mut sum);
        sum
    }
}

/// All zeros stay as they are.
pub(super) fn bring_to_length_one(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 1e-6 {
        vector.iter_mut().for_each(|value| *value /= length);
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
        let viewpoint = Viewpoint::amid(vectors.iter(), 1);
        let [left, right] = vectors.map(|vector| viewpoint.direction(&vector));
        assert!((dot(&left, &left) - 1.0).abs() < 1e-6 && (dot(&left, &right) + 1.0).abs() < 1e-6);
        assert_eq!(viewpoint.direction(&viewpoint.centre), [0.0; 3]);
    }

    #[test]
    fn the_first_part_of_a_vector_counts_most() {
        let vectors = [vec![1.0, 0.0, 0.0, 3.0], vec![-1.0, 0.0, 0.0, -3.0]];
        let viewpoint = Viewpoint::amid(vectors.iter(), 2);
        let direction = viewpoint.direction(&vectors[0]);
        assert_eq!((direction.len(), viewpoint.width()), (2, 2));
        assert!((direction[1] / direction[0] - OTHER_PART).abs() < 1e-6, "{direction:?}");
        assert!((dot(&direction, &direction) - 1.0).abs() < 1e-6);
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
