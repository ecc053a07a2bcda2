//! What a speaker can be asked for.

#[path = "../../src/turn/expectation.rs"]
mod expectation;

pub use expectation::Expectation;
