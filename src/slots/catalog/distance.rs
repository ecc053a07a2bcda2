//! How far two sequences of sounds, or of letters, are apart.

use super::sounds::Sound;

/// Cost of one sound too many or too few. Vowels come and go in telephone speech, some final consonants are silent in
/// French; with a small cost for every final consonant `mobile` would be Mobilune.
const CONSONANT: f32 = 1.0;
const VOWEL: f32 = 0.65;
const SILENT_FINAL: f32 = 0.4;

/// The weighted edit distance of two sequences of sounds; `limit` ends the work early with infinity.
pub(super) fn between_sounds(a: &[Sound], b: &[Sound], limit: f32) -> f32 {
    let last = |sounds: &[Sound], at: usize| at + 1 == sounds.len() && at > 0;
    let costs = Costs {
        remove: |at: usize| gap_cost(a[at], last(a, at)),
        insert: |at: usize| gap_cost(b[at], last(b, at)),
        replace: |at: usize, other: usize| a[at].distance(b[other]),
    };
    weighted(a.len(), b.len(), &costs, limit)
}

/// The plain edit distance of two texts in characters.
pub(super) fn between_letters(a: &[char], b: &[char]) -> f32 {
    let costs = Costs {
        remove: |_| 1.0,
        insert: |_| 1.0,
        replace: |at: usize, other: usize| if a[at] == b[other] { 0.0 } else { 1.0 },
    };
    weighted(a.len(), b.len(), &costs, f32::INFINITY)
}

fn gap_cost(sound: Sound, is_last: bool) -> f32 {
    match (sound.is_vowel(), is_last) {
        (true, _) => VOWEL,
        (false, true) if sound.may_be_silent() => SILENT_FINAL,
        (false, _) => CONSONANT,
    }
}

struct Costs<R, I, S> {
    remove: R,
    insert: I,
    replace: S,
}

fn weighted<R, I, S>(rows: usize, columns: usize, costs: &Costs<R, I, S>, limit: f32) -> f32
where
    R: Fn(usize) -> f32,
    I: Fn(usize) -> f32,
    S: Fn(usize, usize) -> f32,
{
    let mut previous: Vec<f32> = Vec::with_capacity(columns + 1);
    previous.push(0.0);
    for column in 0..columns {
        previous.push(previous[column] + (costs.insert)(column));
    }
    let mut current = vec![0.0; columns + 1];
    for row in 0..rows {
        let remove = (costs.remove)(row);
        current[0] = previous[0] + remove;
        let mut smallest = current[0];
        for column in 0..columns {
            let cost = (previous[column] + (costs.replace)(row, column))
                .min(previous[column + 1] + remove)
                .min(current[column] + (costs.insert)(column));
            current[column + 1] = cost;
            smallest = smallest.min(cost);
        }
        if smallest > limit {
            return f32::INFINITY;
        }
        std::mem::swap(&mut previous, &mut current);
    }
    previous[columns]
}
