//! What a client may choose about a recognition; plain data, so that who reads wishes needs no engine.

use crate::call::Language;

/// Which language a segment is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LanguageChoice {
    /// Known beforehand.
    Known(Language),
    /// Detected, but only among these; never empty. The first is taken where the audio does not tell.
    Among(Vec<Language>),
    /// The same in a call of which something was heard already, in the first of these: another one must be likelier by so
    /// many hundredths more than usual.
    Leaning {
        /// Never empty.
        languages: Vec<Language>,
        /// 0 to 100.
        more_percent: u8,
    },
}

impl LanguageChoice {
    /// The languages that it may be, the preferred one first.
    pub fn languages(&self) -> &[Language] {
        match self {
            Self::Known(language) => std::slice::from_ref(language),
            Self::Among(languages) | Self::Leaning { languages, .. } => languages,
        }
    }

    /// Whether the audio is asked which of them it is, be there only one.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Known(_) => false,
            Self::Among(_) | Self::Leaning { .. } => true,
        }
    }

    /// How much likelier (difference of probabilities, 0 to 1) than `usual` another language than the preferred one must be.
    pub fn margin(&self, usual: f32) -> f32 {
        match self {
            Self::Known(_) | Self::Among(_) => usual,
            Self::Leaning { more_percent, .. } => usual + f32::from(*more_percent) / 100.0,
        }
    }
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
