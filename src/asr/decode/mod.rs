//! The parts of a Whisper recogniser that are plain computation: no model, no file, no clock, no thread.
//!
//! In the order in which a segment meets them: [`crate::audio::mel`] turns samples into what
//! the encoder takes; [`tokens`] knows the
//! ids that the decoder takes and gives; [`scores`] reads the decoder's scores; [`bias`] lifts the names of the call's
//! vocabulary during the search, [`phrasing`] the wording of known sentences; [`align`] finds from the attention when each token was said.
//!
//! Units: samples at 16 kHz, frames of 10 ms, encoder positions of 20 ms, natural logarithms.
//!
//! Each part stands alone and works for every model of the family; what they work on is checked where it comes in.

pub mod align;
pub mod bias;
pub mod phrasing;
pub mod scores;
pub mod tokens;

/// Why a part cannot work on what it was given. All three mean a broken model file or a mistake of the engine that
/// calls; a retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The mel filters are none.
    #[error(transparent)]
    Filters(#[from] crate::audio::mel::InvalidFilters),
    /// No Whisper model has a vocabulary of this size.
    #[error("a vocabulary of {size} tokens is not Whisper's (51864, 51865 or 51866)")]
    VocabularySize {
        /// Tokens of the model.
        size: usize,
    },
    /// The attention weights do not have the shape that comes with them.
    #[error("{values} attention weights do not fit {heads} heads, {tokens} tokens and {positions} positions")]
    Attention {
        /// Values given.
        values: usize,
        /// Heads they should be for.
        heads: usize,
        /// Tokens they should be for.
        tokens: usize,
        /// Encoder positions they should be for.
        positions: usize,
    },
}
