//! The dialogue of a call: from what a caller says to an answer, a route or a polite end.
//!
//! A pure state machine. [`Dialog::step`] takes one [`Input`] (a sentence with its ranked intents, silence, a key, the
//! answer to a look-up) and the [`Situation`] (local time, catalogues), and gives the [`Action`]s that follow with the
//! [`Rule`] that decided. What it says are words of the scenario and values of a row; it cannot say anything else.
//!
//! ```text
//! sure → act      nearly → confirm      two candidates → offer both      lost → ask again → keypad → a person
//! act: answer (slots → look-up → case) or transfer (open? else overflow, else "we are closed")
//! ```
//!
//! Invariants (property tests walk scenarios with random callers): the last action of every turn listens, looks up,
//! transfers or hangs up; a call ends within the limit of turns; after the end nothing is said any more; nobody is
//! transferred to a closed team.
//!
//! It does not classify (see `intent`), does not look up (`answers`), does not speak or listen (`live`), reads no clock.

mod attitude;
mod certainty;
pub mod condition;
mod filling;
mod foreign;
pub mod hours;
mod keys;
mod leaving;
mod machine;
mod means;
mod memory;
pub mod messages;
mod overheard;
pub mod plan;
pub mod template;
mod turn;
mod values;
mod wishes;

pub use certainty::Certainty;
pub use machine::Dialog;
pub use plan::Plan;
pub use template::{Cell, Row};
pub use turn::{
    Action, Expect, Input, Listen, LookUp, LookUpFailed, Rule, Sentence, Situation, Transfer, Turn, Wish,
};

#[cfg(test)]
mod tests;
