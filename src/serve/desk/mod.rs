//! The desk of a team: a page with the calls that are handed to it, and what feeds the page.
//!
//! ```text
//! EventLogs ─▶ hub (board: a pure fold) ─ numbered changes ─▶ /v1/desk/events ─▶ the page (pages/live.js)
//! ```
//!
//! Invariants: the page and its parts are in the binary and load nothing from elsewhere; whatever a caller said is put
//! into the page as text, never as markup, and the page's policy forbids any script but its own; nothing of a call is in
//! the page itself, so only the events have to be protected.

pub mod board;
pub mod card;
pub mod events;
pub mod figures;
pub mod hub;
pub mod pages;
pub mod routes;
pub mod session;
pub mod talk;
pub mod words;
