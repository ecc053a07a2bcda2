//! What a call can be told to do, without calls.

#[path = "../../src/live/command.rs"]
mod command;

pub use command::{Abilities, Command, is_internal_mark};
