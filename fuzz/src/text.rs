//! What the parsers name of texts.

#[path = "../../src/text/duration.rs"]
pub mod duration;
