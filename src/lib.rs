//! Allo listens to a company's phone calls and turns them into text, decisions, notes and knowledge.
//!
//! ```text
//! media (decode a recording) → audio (16 kHz mono a channel) → vad → segments
//!   → asr (Whisper on its own threads) → guard → call (utterances, words, times)
//!   → intent, notes → store → search
//! ```
//!
//! `pipeline` wires these stages, `cli` starts them. ARCHITECTURE.md holds the layers and who may import what;
//! `tests/it/architecture.rs` enforces it.

pub mod asr;
pub mod assistant;
pub mod audio;
pub mod bot;
pub mod call;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dialog;
pub mod encoder;
pub mod eval;
pub mod export;
pub mod fixtures;
pub mod guard;
pub mod home;
pub mod ingress;
pub mod intent;
pub mod live;
pub mod lookup;
pub mod media;
pub mod models;
pub mod notes;
pub mod onnx;
pub mod pipeline;
pub mod processor;
pub mod progress;
pub mod queue;
pub mod redact;
pub mod say;
pub mod scenario;
pub mod serve;
pub mod slots;
pub mod store;
pub mod telemetry;
pub mod text;
pub mod threads;
#[cfg(feature = "otel")]
pub mod traces;
pub mod trust;
pub mod tts;
pub mod turn;
pub mod vad;
pub mod voice;
pub mod webhook;
