//! The faces of the service, without its sockets.

#[path = "../../src/serve/config.rs"]
pub mod config;
#[path = "control.rs"]
pub mod control;
#[path = "deepgram.rs"]
pub mod deepgram;
#[path = "../../src/serve/error.rs"]
pub mod error;
#[path = "../../src/serve/face.rs"]
pub mod face;
#[path = "../../src/serve/keys.rs"]
pub mod keys;
#[path = "openai.rs"]
pub mod openai;
#[path = "../../src/serve/live/expected/told.rs"]
pub mod told;
#[path = "../../src/serve/wire.rs"]
pub mod wire;
#[path = "../../src/serve/live/wishes.rs"]
pub mod wishes;

use crate::call::Language;

/// What is recognised, with what; as in the main package.
#[derive(Debug, Clone)]
pub struct Offer {
    pub model: String,
    pub languages: Vec<Language>,
}
