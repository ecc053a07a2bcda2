//! From a sentence to a sparse vector that two wordings of one wish share.
//!
//! Word n-grams carry the meaning, character n-grams inside word borders survive inflection and the recogniser's
//! mistakes ("facturation" for "facture", "rooteur" for "routeur"). Both are counted sublinearly, weighted by how rare
//! they are among the intents, and scaled so that each of the two blocks has a fixed share of a vector of length 1.
//!
//! Invariant: the index of a feature depends only on the order of the training sentences, so training is repeatable.
//! Features never seen in training have no index; [`Vector::known_share`] says how much of a sentence was known.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::RangeInclusive;

use super::saved::{Reader, Writer};
use crate::text::fold;

/// Which n-grams count and how much.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureOptions {
    /// Lengths of word n-grams, in words.
    pub word_ngrams: RangeInclusive<usize>,
    /// Lengths of character n-grams, in characters, the space at either end of a word included.
    pub character_ngrams: RangeInclusive<usize>,
    /// Share of the squared length that the word block has, 0 to 1; the character block has the rest.
    pub word_share: f32,
}

impl Default for FeatureOptions {
    /// Chosen over French, English and Dutch request sets: word pairs gained nothing, characters alone or a word share
    /// above 0.4 lost a point each, and so did character n-grams across words.
    fn default() -> Self {
        Self { word_ngrams: 1..=1, character_ngrams: 1..=5, word_share: 0.25 }
    }
}

/// A sentence as features; indices ascending.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vector {
    /// Feature index and weight. The squared weights sum to [`Vector::known_share`]: what training never saw takes its
    /// part of the length, so a sentence of unknown words is short and scores low for every intent.
    pub weights: Vec<(u32, f32)>,
    /// Share of the squared length that training has seen, 0 to 1; an unseen n-gram counts as the rarest seen one.
    pub known_share: f32,
}

impl Vector {
    /// Sum of squared weights.
    pub fn squared_length(&self) -> f32 {
        self.weights.iter().map(|(_, weight)| weight * weight).sum()
    }
}

/// By the hash of an n-gram.
type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Hashed>>;

/// Takes a hash for a hash: hashing it once more would be a good part of the time of learning.
#[derive(Debug, Clone, Copy, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        // The last bits of FNV-1a say little of the first characters, and a table looks at both ends.
        self.0 = hash ^ (hash >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The dictionary of n-grams with their rarity, learnt from the training sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectorizer {
    options: FeatureOptions,
    /// Hash of an n-gram → its index. 64 bits: two of a million n-grams collide with probability 3e-8.
    dictionary: ByHash<u32>,
    rarity: Vec<f32>,
    rarest: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Word,
    Character,
}

/// In how many classes an n-gram occurs, and in how many sentences; those of one class need not come together.
#[derive(Debug, Default)]
struct ClassCount {
    classes: Vec<u32>,
    sentences: u32,
}

/// The number of n-grams times classes that a dictionary is meant for: the weights of a regression over them take four bytes
/// each. Where there are more, those of the fewest sentences are left out.
const WEIGHTS_MAX: usize = 50_000_000;

impl Vectorizer {
    /// Learns the dictionary from `sentences`, each with its class.
    ///
    /// An n-gram is rare when few classes hold it, however many sentences of them do: "facture" in every sentence of one
    /// intent is what tells it apart. Against counting sentences this gained 0.5 points on average.
    pub fn learn<'a>(options: FeatureOptions, sentences: impl Iterator<Item = (&'a str, usize)>) -> Self {
        let mut dictionary: ByHash<u32> = ByHash::default();
        let mut holding: Vec<ClassCount> = Vec::new();
        let mut classes = 0;
        for (sentence, class) in sentences {
            classes = classes.max(class + 1);
            let class = u32::try_from(class).unwrap_or(u32::MAX);
            for ngram in counted_ngrams(&options, sentence) {
                let next = u32::try_from(holding.len()).unwrap_or(u32::MAX);
                let index = *dictionary.entry(ngram.hash).or_insert(next);
                if index == next {
                    holding.push(ClassCount::default());
                }
                let seen = &mut holding[index as usize];
                seen.sentences += 1;
                // Sentences of one class often come together: the search is then for nothing.
                if seen.classes.last() != Some(&class) && !seen.classes.contains(&class) {
                    seen.classes.push(class);
                }
            }
        }
        leave_out_rare(&mut dictionary, &mut holding, WEIGHTS_MAX / classes.max(1));
        let rarity = |holding: usize| 1.0 + ((1.0 + classes as f32) / (1.0 + holding as f32)).ln();
        Self {
            rarity: holding.iter().map(|count| rarity(count.classes.len())).collect(),
            rarest: rarity(0),
            dictionary,
            options,
        }
    }

    pub(super) fn save(&self, to: &mut Writer) {
        for lengths in [&self.options.word_ngrams, &self.options.character_ngrams] {
            to.length(*lengths.start());
            to.length(*lengths.end());
        }
        to.floats(&[self.options.word_share, self.rarest]);
        to.floats(&self.rarity);
        let mut hashes = vec![0; self.rarity.len()];
        for (hash, index) in &self.dictionary {
            hashes[*index as usize] = *hash;
        }
        to.numbers(hashes.into_iter());
    }

    pub(super) fn load(from: &mut Reader<'_>) -> Option<Self> {
        let word_ngrams = from.length()?..=from.length()?;
        let character_ngrams = from.length()?..=from.length()?;
        let [word_share, rarest] = from.floats()?.try_into().ok()?;
        let rarity = from.floats()?;
        let hashes = from.numbers()?;
        let dictionary: ByHash<u32> = hashes.into_iter().zip(0..).collect();
        let options = FeatureOptions { word_ngrams, character_ngrams, word_share };
        (dictionary.len() == rarity.len()).then_some(Self { options, dictionary, rarity, rarest })
    }

    /// How many features there are.
    pub fn len(&self) -> usize {
        self.rarity.len()
    }

    /// Whether training saw no n-gram at all.
    pub fn is_empty(&self) -> bool {
        self.rarity.is_empty()
    }

    /// The vector of `sentence`.
    pub fn vector(&self, sentence: &str) -> Vector {
        let mut known: [Vec<(u32, f32)>; 2] = [Vec::new(), Vec::new()];
        let mut squared_known = [0.0_f32; 2];
        let mut squared_unknown = [0.0_f32; 2];
        for ngram in counted_ngrams(&self.options, sentence) {
            let block = ngram.block as usize;
            let frequency = 1.0 + (ngram.count as f32).ln();
            match self.dictionary.get(&ngram.hash) {
                Some(&index) => {
                    let weight = frequency * self.rarity[index as usize];
                    squared_known[block] += weight * weight;
                    known[block].push((index, weight));
                }
                None => squared_unknown[block] += (frequency * self.rarest).powi(2),
            }
        }
        let mut weights = Vec::with_capacity(known[0].len() + known[1].len());
        let mut known_share = 0.0;
        for (block, share) in [self.options.word_share, 1.0 - self.options.word_share].into_iter().enumerate()
        {
            if squared_known[block] > 0.0 {
                let squared_scale = share / (squared_known[block] + squared_unknown[block]);
                known_share += squared_known[block] * squared_scale;
                let scale = squared_scale.sqrt();
                weights.extend(known[block].iter().map(|&(index, weight)| (index, weight * scale)));
            }
        }
        weights.sort_unstable_by_key(|&(index, _)| index);
        Vector { weights, known_share }
    }
}

/// Keeps the `limit` n-grams of the most sentences, in their order.
fn leave_out_rare(dictionary: &mut ByHash<u32>, holding: &mut Vec<ClassCount>, limit: usize) {
    if holding.len() <= limit {
        return;
    }
    let mut order: Vec<usize> = (0..holding.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(holding[index].sentences), index));
    order.truncate(limit);
    order.sort_unstable();
    let mut new_index = vec![None; holding.len()];
    for (new, old) in order.into_iter().enumerate() {
        new_index[old] = u32::try_from(new).ok();
    }
    let mut old = 0;
    holding.retain(|_| {
        old += 1;
        new_index[old - 1].is_some()
    });
    dictionary.retain(|_, index| match new_index[*index as usize] {
        Some(new) => {
            *index = new;
            true
        }
        None => false,
    });
}

struct Ngram {
    hash: u64,
    block: Block,
    count: u32,
}

/// Every n-gram of a sentence once, with how often it occurs, in order of first occurrence.
fn counted_ngrams(options: &FeatureOptions, sentence: &str) -> Vec<Ngram> {
    let folded = fold(sentence);
    let words: Vec<&str> = folded
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut seen: ByHash<usize> = ByHash::default();
    let mut ngrams: Vec<Ngram> = Vec::new();
    let mut count = |hash: u64, block: Block| match seen.get(&hash) {
        Some(&position) => ngrams[position].count += 1,
        None => {
            seen.insert(hash, ngrams.len());
            ngrams.push(Ngram { hash, block, count: 1 });
        }
    };
    for length in options.word_ngrams.clone() {
        for window in words.windows(length) {
            count(
                hash_of(Block::Word, window.iter().flat_map(|word| word.chars().chain([' ']))),
                Block::Word,
            );
        }
    }
    for word in &words {
        let characters: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
        for length in options.character_ngrams.clone() {
            for window in characters.windows(length) {
                count(hash_of(Block::Character, window.iter().copied()), Block::Character);
            }
        }
    }
    ngrams
}

/// FNV-1a over the block and the characters: stable across runs and machines, unlike the standard hasher.
fn hash_of(block: Block, characters: impl Iterator<Item = char>) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let start = (OFFSET ^ block as u64).wrapping_mul(PRIME);
    characters.fold(start, |hash, character| (hash ^ u64::from(u32::from(character))).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt() -> Vectorizer {
        let sentences =
            [("ma facture est trop élevée", 0), ("je veux résilier", 1), ("ma facture, s'il vous plaît", 2)];
        Vectorizer::learn(FeatureOptions::default(), sentences.into_iter())
    }

    fn similarity(left: &Vector, right: &Vector) -> f32 {
        let right: HashMap<u32, f32> = right.weights.iter().copied().collect();
        left.weights.iter().filter_map(|(index, weight)| right.get(index).map(|other| weight * other)).sum()
    }

    #[test]
    fn a_known_sentence_has_length_one_whatever_its_case_accents_and_punctuation() {
        let vectorizer = learnt();
        let vector = vectorizer.vector("Ma FACTURE est trop elevee !");
        assert_eq!(vector, vectorizer.vector("ma facture est trop élevée"));
        assert!((vector.squared_length() - 1.0).abs() < 1e-5);
        assert!((vector.known_share - 1.0).abs() < 1e-5);
    }

    #[test]
    fn the_rarest_are_left_out_where_there_are_too_many() {
        let counts = [3, 1, 2, 1, 5];
        let mut holding: Vec<ClassCount> =
            counts.iter().map(|sentences| ClassCount { classes: vec![0], sentences: *sentences }).collect();
        let mut dictionary: ByHash<u32> = (0..5).map(|index| (u64::from(index) + 100, index)).collect();
        leave_out_rare(&mut dictionary, &mut holding, 3);
        assert_eq!(holding.iter().map(|count| count.sentences).collect::<Vec<_>>(), [3, 2, 5]);
        assert_eq!(dictionary, ByHash::from_iter([(100, 0), (102, 1), (104, 2)]));
    }

    #[test]
    fn unknown_words_shorten_the_vector_and_nothing_known_empties_it() {
        let vectorizer = learnt();
        let partly = vectorizer.vector("ma facture zébrée");
        assert!(partly.known_share < 0.9 && partly.known_share > 0.2, "{}", partly.known_share);
        assert!((partly.squared_length() - partly.known_share).abs() < 1e-5);
        assert_eq!(vectorizer.vector("???"), Vector::default());
        assert_eq!(vectorizer.vector(""), Vector::default());
    }

    #[test]
    fn a_misheard_word_stays_near_the_right_one() {
        let vectorizer = learnt();
        let meant = vectorizer.vector("facture");
        let misheard = similarity(&meant, &vectorizer.vector("factures"));
        assert!(misheard > 3.0 * similarity(&meant, &vectorizer.vector("plait")), "{misheard}");
    }

    #[test]
    fn indices_ascend_and_stay_below_the_number_of_features() {
        let vectorizer = learnt();
        let vector = vectorizer.vector("je veux ma facture je veux");
        assert!(vector.weights.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(vector.weights.iter().all(|(index, _)| (*index as usize) < vectorizer.len()));
    }
}
