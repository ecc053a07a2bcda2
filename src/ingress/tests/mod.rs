//! The conformance suite: every protocol plays a recorded conversation, meets malformed messages, and survives any bytes.
//!
//! The conversations are written from the published message shapes, not captured: no vendor's service was asked.

mod conversations;
mod hostile;
mod ordering;
mod pace;
mod playing;
mod properties;
mod replay;
