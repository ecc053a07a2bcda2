//! How sure a search is that a token was said.
//!
//! The probability of a token is that of one way to write a word, before anything is known of the call. Its confidence counts
//! every way to write it ("Mars" and "mars" share what belongs to the word), and the wording of the sentences that are said here
//! as the search does: a word that is chosen for it is as sure as it was when it was chosen. The names of a catalogue do not count:
//! how sure a name is must tell it from what only sounds like one.
//!
//! With p the probability of a candidate and b what its wording is worth: the sum of p·e^b of what is the same in lower case, over
//! that of all candidates and what is left of the probability, which is worth no more than the least of them.

use super::{Candidate, Rules};

/// Gives the candidates of one hypothesis, each once, their confidences.
pub(super) fn weigh(candidates: &mut [Candidate], rules: &Rules) {
    let worth = |one: &Candidate| (one.log_probability + one.of_wording).exp();
    let known: f32 = candidates.iter().map(|one| one.log_probability.exp()).sum();
    let least = candidates.iter().map(|one| one.of_wording).fold(0.0, f32::min);
    let all = candidates.iter().map(worth).sum::<f32>() + (1.0 - known).max(0.0) * least.exp();
    for at in 0..candidates.len() {
        let word = rules.in_lower_case(candidates[at].token);
        let same = candidates.iter().filter(|one| rules.in_lower_case(one.token) == word);
        let share = same.map(worth).sum::<f32>() / all;
        candidates[at].log_confidence = share.clamp(f32::MIN_POSITIVE, 1.0).ln();
    }
}
