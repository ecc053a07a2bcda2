//! Measuring Allo on labelled data: recognition and intents.
//!
//! Everything here runs what users run; nothing is scored on a special path.

pub mod asr;
pub mod intent;
pub mod manifest;
pub mod names;
pub mod wer;
pub mod wire;
