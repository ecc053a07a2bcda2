//! What a person said, a number or a digit is [`Redacted`] until something is allowed to show it.
//!
//! `Debug` prints only that there is a value, there is no `Display`, and nothing here serialises:
//! a writer (`export`, `store`, a terminal) calls [`Redacted::reveal`], so every place that shows content can be found by name.

use std::fmt;

/// A value that must not reach a log, an error text or a panic message.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. The caller is a place that is allowed to show or store it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// Unwraps the value; as [`Redacted::reveal`].
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Redacted<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_holds_the_value() {
        let spoken = Redacted::new("ma carte est le 4970".to_owned());
        assert_eq!(format!("{spoken:?}"), "[redacted]");
        assert_eq!(format!("{:?}", Some(vec![spoken.clone()])), "Some([[redacted]])");
        assert_eq!(spoken.reveal(), "ma carte est le 4970");
    }
}
