//! A scenario that is changed while calls go on.

use std::sync::{Arc, PoisonError, RwLock};

use super::Assistant;

/// The assistant that new calls get. Calls that go on keep theirs until they end.
pub struct Switch {
    current: RwLock<Arc<Assistant>>,
}

impl Switch {
    /// Gives `assistant` to new calls.
    pub fn new(assistant: Arc<Assistant>) -> Self {
        Self { current: RwLock::new(assistant) }
    }

    /// The assistant for a new call.
    pub fn current(&self) -> Arc<Assistant> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives `assistant` to new calls from now on.
    pub fn change(&self, assistant: Arc<Assistant>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = assistant;
    }
}
