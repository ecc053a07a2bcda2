//! Measuring Allo on labelled data: recognition, intents and number writing.
//!
//! Everything here runs what users run; nothing is scored on a special path.

pub mod asr;
pub mod intent;
pub mod itn;
pub mod manifest;
pub mod misheard;
pub mod names;
pub mod routing;
pub mod spoken;
pub mod wer;
pub mod wire;
