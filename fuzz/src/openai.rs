//! OpenAI's interface.

#[path = "../../src/serve/openai/order.rs"]
pub mod order;
#[path = "../../src/serve/openai/realtime/mod.rs"]
pub mod realtime;
#[path = "../../src/serve/openai/wire.rs"]
pub mod wire;

pub use order::known_model;
