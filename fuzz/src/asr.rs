//! What the parsers name of recognition, without an engine.

#[path = "../../src/asr/choice.rs"]
mod choice;

pub use choice::{LanguageChoice, Task};
