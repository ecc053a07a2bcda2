//! What a turn is waited for with.

/// What the speaker was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Expectation {
    /// Anything.
    #[default]
    Open,
    /// Yes or no.
    YesNo,
    /// A number of so many digits.
    Digits {
        /// How many; 0 when that is not known.
        count: u32,
    },
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A postal address.
    Address,
    /// A word or name, letter by letter.
    Spelling,
}
