//! Which names are worth comparing with some words, and how alike they are.

use std::collections::HashMap;

use super::distance::{between_letters, between_sounds};
use super::sounds::{Sound, sounds};
use crate::call::Language;

/// A name, or words that may be one.
#[derive(Debug, Clone)]
pub(super) struct Form {
    sounds: Vec<Sound>,
    letters: Vec<char>,
    /// Pairs of coarse sounds, with the ends marked.
    pairs: Vec<u16>,
    entry: usize,
}

/// How alike an entry is to some words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    pub entry: usize,
    pub score: f32,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    forms: Vec<Form>,
    by_pair: HashMap<u16, Vec<u32>>,
    by_letters: HashMap<String, u32>,
    /// Sounds of the longest name.
    longest: usize,
}

/// Names compared in full with one stretch of words; most of the time goes there. With 24 the bench finds two names of 200
/// less and is a tenth faster.
const COMPARED_MAX: usize = 40;

/// Share of the pairs of sounds that words and a name have in common, at least. `a lieu` and Aerius share half; without
/// this the bench finds the same names in twice the time.
const SHARED_MIN: f32 = 0.3;

/// How much sounds count against letters.
const SOUNDS_WEIGHT: f32 = 0.75;

/// No sound costs less, but for a silent one at the end.
const GAP_MIN: f32 = 0.65;

/// How far below the wanted score a runner-up is still of interest.
const RUNNER_UP_BEHIND: f32 = 0.15;

impl Form {
    /// From the words as written and folded, without blanks.
    pub fn new(spoken: &str, folded: &str, language: Language, entry: usize) -> Self {
        let sounds = sounds(spoken, language);
        let mut pairs = Vec::with_capacity(sounds.len() + 1);
        let mut before = 0;
        for sound in sounds.iter().map(|sound| sound.coarse()).chain(std::iter::once(0)) {
            pairs.push(before << 8 | sound);
            before = sound;
        }
        Self {
            sounds,
            letters: folded.chars().filter(|letter| letter.is_alphanumeric()).collect(),
            pairs,
            entry,
        }
    }

    /// 0 to 1; 0 when it is less than `score_min`.
    fn likeness(&self, other: &Self, score_min: f32) -> f32 {
        let longest = self.sounds.len().max(other.sounds.len()).max(1) as f32;
        // Even with equal letters the sounds may not be farther apart than this.
        let limit = (1.0 - (score_min - (1.0 - SOUNDS_WEIGHT)) / SOUNDS_WEIGHT) * longest;
        // Cheaper than the work: so many sounds must at least be added or left out.
        let lengths_apart = self.sounds.len().abs_diff(other.sounds.len()) as f32;
        if GAP_MIN * (lengths_apart - 1.0) > limit {
            return 0.0;
        }
        let apart = between_sounds(&self.sounds, &other.sounds, limit);
        if apart > limit {
            return 0.0;
        }
        let longest_letters = self.letters.len().max(other.letters.len()).max(1) as f32;
        let by_letters = 1.0 - between_letters(&self.letters, &other.letters) / longest_letters;
        let by_sounds = 1.0 - apart / longest;
        SOUNDS_WEIGHT * by_sounds + (1.0 - SOUNDS_WEIGHT) * by_letters
    }
}

impl Index {
    pub fn new(forms: &[Form]) -> Self {
        let mut index = Self { forms: forms.to_vec(), ..Self::default() };
        for (place, form) in forms.iter().enumerate() {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            index.longest = index.longest.max(form.sounds.len());
            for pair in distinct(&form.pairs) {
                index.by_pair.entry(pair).or_default().push(place);
            }
            index.by_letters.entry(form.letters.iter().collect()).or_insert(place);
        }
        index
    }

    /// Whether the words are a name, letter for letter.
    pub fn holds(&self, form: &Form) -> bool {
        self.by_letters.contains_key(&form.letters.iter().collect::<String>())
    }

    /// The entries that are at least `score_min` like `form`, the most alike first, and the best of the others behind
    /// the first one whatever its score.
    pub fn rank(&self, form: &Form, score_min: f32) -> Vec<Scored> {
        let exact = self.by_letters.get(&form.letters.iter().collect::<String>());
        let mut ranked: Vec<Scored> = self
            .worth_comparing(form)
            .into_iter()
            .filter_map(|place| {
                let other = &self.forms[place as usize];
                if exact == Some(&place) {
                    return Some(Scored { entry: other.entry, score: super::EXACT });
                }
                // Only the name itself is a full match: the same sounds in other letters are a reading.
                let score = form.likeness(other, score_min - RUNNER_UP_BEHIND).min(0.99);
                (score > 0.0).then_some(Scored { entry: other.entry, score })
            })
            .collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.entry.cmp(&b.entry)));
        if ranked.first().is_none_or(|first| first.score < score_min) {
            ranked.clear();
        }
        ranked
    }

    fn worth_comparing(&self, form: &Form) -> Vec<u32> {
        // Words with far more sounds than any name.
        if form.sounds.len() > self.longest * 3 / 2 + 2 {
            return Vec::new();
        }
        let pairs = distinct(&form.pairs);
        let mut shared = vec![0_u16; self.forms.len()];
        for pair in &pairs {
            for place in self.by_pair.get(pair).into_iter().flatten() {
                shared[*place as usize] += 1;
            }
        }
        let needed = u16::try_from(pairs.len() / 3).unwrap_or(u16::MAX).max(1);
        let dice = |place: u32, count: u16| {
            2.0 * f32::from(count) / (pairs.len() + self.forms[place as usize].pairs.len()) as f32
        };
        let mut candidates: Vec<(u32, f32)> = (0..)
            .zip(shared)
            .filter(|(_, count)| *count >= needed)
            .map(|(place, count)| (place, dice(place, count)))
            .filter(|(_, dice)| *dice >= SHARED_MIN)
            .collect();
        let best_first = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if candidates.len() > COMPARED_MAX {
            candidates.select_nth_unstable_by(COMPARED_MAX - 1, best_first);
            candidates.truncate(COMPARED_MAX);
        }
        candidates.into_iter().map(|(place, _)| place).collect()
    }
}

fn distinct(pairs: &[u16]) -> Vec<u16> {
    let mut distinct = pairs.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}
