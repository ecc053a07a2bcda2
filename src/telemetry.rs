//! Logging: tracing to stderr, level from `RUST_LOG` (default `warn`).
//!
//! Levels by what the operator must do. ERROR: audio, a transcript or a note was lost. WARN: degraded and recovered.
//! INFO: life of a call. DEBUG: once an utterance. TRACE: once a frame. Spoken content never appears: it is
//! [`crate::redact::Redacted`].

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// Installs the subscriber; a second call does nothing.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(BoxMakeWriter::new(std::io::stderr))
        .finish();
    // An error means that a test or an embedding program has its own subscriber, which then serves.
    drop(tracing::subscriber::set_global_default(subscriber));
}
