//! How much of the machine learning may take.

use std::fmt;

/// Told and asked while a classifier is trained, from one thread or two. What is learnt is the same at any pace.
pub trait Pace: fmt::Debug + Send + Sync {
    /// Whether learning may take more than one core; asked again for each part of the work.
    fn takes_all_cores(&self) -> bool;

    /// Is called before each step, a sentence that is read or a pass over the examples; may block while somebody else needs
    /// the processor more.
    fn give_way(&self);
}

/// Nothing else is to be done: all cores, and no pauses.
#[derive(Debug, Clone, Copy, Default)]
pub struct FullPace;

impl Pace for FullPace {
    fn takes_all_cores(&self) -> bool {
        true
    }

    fn give_way(&self) {}
}
