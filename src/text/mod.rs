//! Written language: folding for matching, words, sentences, durations as text, the markup of what is said.
//!
//! Used wherever text is compared or cut: search, intents, notes, guard, word error rate, exports. Works on French,
//! English and Dutch without being told which. Positions are byte offsets into the given text, always on character
//! boundaries. Nothing here knows what words mean, and nothing here keeps or logs a text.

pub mod duration;
mod fold;
pub mod markup;
mod sentences;
mod tokens;

pub use fold::{fold, words_for_scoring};
pub use sentences::{Sentence, sentences};
pub use tokens::{Token, tokens};
