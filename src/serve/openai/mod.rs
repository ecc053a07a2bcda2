//! OpenAI's audio interface: recordings ([`transcriptions`]) and the models that clients ask for ([`models`]).
//!
//! What is supported and what is refused is listed in docs/openai.md.

pub mod form;
pub mod models;
pub mod order;
pub mod realtime;
pub mod transcriptions;
pub mod wire;

pub use order::known_model;
