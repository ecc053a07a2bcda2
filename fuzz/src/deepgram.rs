//! Deepgram's interface.

#[path = "../../src/serve/deepgram/listen/mod.rs"]
pub mod listen;
