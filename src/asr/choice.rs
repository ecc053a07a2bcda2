//! What a client may choose about a recognition; plain data, so that who reads wishes needs no engine.

use crate::call::Language;

/// Which language a segment is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LanguageChoice {
    /// Known beforehand.
    Known(Language),
    /// Detected, but only among these; never empty. The first is taken where the audio does not tell.
    Among(Vec<Language>),
}

/// What is made of what is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Task {
    /// Its text in its own language.
    #[default]
    Transcribe,
    /// Its text in English, whatever the language.
    Translate,
}
