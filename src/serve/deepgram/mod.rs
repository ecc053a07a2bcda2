//! Deepgram's interface. What is supported and what is refused is listed in docs/deepgram.md.

pub mod listen;
pub mod wire;
