//! Which tokens may come next.
//!
//! The original's rules: symbols that are no speech never come; the text does not begin with a blank or the end; time
//! stamps come in pairs, never go back, and win where together they are more probable than any single word.

use std::ops::Range;

use super::search::History;
use crate::asr::decode::scores::{add_top_k, log_sum_exp};
use crate::asr::decode::tokens::Vocabulary;

/// The first time stamp is at most 1 s: 50 steps of 20 ms.
const LATEST_START: u32 = 50;

/// The rules of one vocabulary.
#[derive(Debug, Clone)]
pub struct Rules {
    suppressed: Vec<u32>,
    blank: Vec<u32>,
    end_of_text: u32,
    first_timestamp: u32,
    /// Of each text token the one that counts as the same word.
    words: Vec<u32>,
}

/// Two ranges of tokens: text with the end mark, and time stamps. Either may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    text: Range<usize>,
    timestamps: Range<usize>,
}

impl Rules {
    /// The rules for `vocabulary`.
    pub fn new(vocabulary: &Vocabulary) -> Self {
        Self {
            suppressed: vocabulary.suppressed(),
            blank: vocabulary.blank(),
            end_of_text: vocabulary.eot(),
            first_timestamp: vocabulary.first_timestamp(),
            words: (0..vocabulary.eot()).map(|id| vocabulary.in_lower_case(id)).collect(),
        }
    }

    /// The token that ends a text.
    pub const fn end_of_text(&self) -> u32 {
        self.end_of_text
    }

    /// The token that `token` is in lower case; itself where there is none.
    pub fn in_lower_case(&self, token: u32) -> u32 {
        self.words.get(token as usize).copied().unwrap_or(token)
    }

    /// Rules out tokens after `history`: writes minus infinity over their `logits`, or leaves their range out.
    pub fn apply(&self, history: &History<'_>, logits: &mut [f32]) -> Allowed {
        for token in &self.suppressed {
            rule_out(logits, *token);
        }
        let (end_of_text, first_timestamp) = (self.end_of_text as usize, self.first_timestamp as usize);
        let text = 0..end_of_text + 1;
        let none = 0..0;
        let mut backwards = history.backwards();
        let Some(last) = backwards.next() else {
            let latest = first_timestamp + LATEST_START as usize + 1;
            return Allowed { text: none, timestamps: first_timestamp..latest.min(logits.len()) };
        };
        let is_timestamp = |token: u32| token >= self.first_timestamp;
        let before = backwards.next();
        if is_timestamp(last) && before.is_none() {
            for token in &self.blank {
                rule_out(logits, *token);
            }
        }
        let latest = history.backwards().find(|token| is_timestamp(*token)).unwrap_or(self.first_timestamp);
        if is_timestamp(last) && before.is_none_or(is_timestamp) {
            // By an end here a model says that it would rather hear the stretch again with what follows. That does not come.
            return Allowed { text: 0..end_of_text, timestamps: none };
        }
        if is_timestamp(last) {
            // A stretch has ended: the next begins, perhaps at once, or the text ends.
            return Allowed::likelier(end_of_text..end_of_text + 1, last as usize..logits.len(), logits);
        }
        Allowed::likelier(text, (latest as usize + 1).min(logits.len())..logits.len(), logits)
    }
}

fn rule_out(logits: &mut [f32], token: u32) {
    if let Some(logit) = logits.get_mut(token as usize) {
        *logit = f32::NEG_INFINITY;
    }
}

impl Allowed {
    /// Time stamps alone where together they are more probable than any single one of `text`. So a text does not end where
    /// another stretch is more probable than its end: a short text has the better mean, and what follows would be lost.
    fn likelier(text: Range<usize>, timestamps: Range<usize>, logits: &[f32]) -> Self {
        let best = logits[text.clone()].iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if log_sum_exp(&logits[timestamps.clone()]) > best {
            return Self { text: 0..0, timestamps };
        }
        Self { text, timestamps }
    }

    /// Logarithm of the sum over all that is allowed.
    pub fn log_sum_exp(&self, logits: &[f32]) -> f32 {
        let text = log_sum_exp(&logits[self.text.clone()]);
        let timestamps = log_sum_exp(&logits[self.timestamps.clone()]);
        let (higher, lower) = if text > timestamps { (text, timestamps) } else { (timestamps, text) };
        if lower == f32::NEG_INFINITY { higher } else { higher + (lower - higher).exp().ln_1p() }
    }

    /// The best `count` tokens with their logits, best first.
    pub fn top_k(&self, logits: &[f32], count: usize, best: &mut Vec<(u32, f32)>) {
        best.clear();
        for range in [&self.text, &self.timestamps] {
            add_top_k(logits, range.clone(), count, best);
        }
    }

    /// Whether `token` may come.
    pub fn contains(&self, token: u32) -> bool {
        self.text.contains(&(token as usize)) || self.timestamps.contains(&(token as usize))
    }

    /// Every token that may come.
    pub fn tokens(&self) -> impl Iterator<Item = usize> {
        self.text.clone().chain(self.timestamps.clone())
    }
}

#[cfg(test)]
mod tests;
