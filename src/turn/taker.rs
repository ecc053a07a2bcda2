//! The state machine.

use super::{Config, Input, InvalidConfig, Output, Reason};
use crate::audio::SamplePos;

/// Turn-taking of one channel. Drain [`TurnTaker::poll`] after every push.
#[derive(Debug)]
pub struct TurnTaker {
    _config: Config,
}

impl TurnTaker {
    /// A taker at the start of a channel.
    ///
    /// # Errors
    /// [`InvalidConfig`] when the values do not fit together.
    pub fn new(config: &Config) -> Result<Self, InvalidConfig> {
        config.validate()?;
        Ok(Self { _config: config.clone() })
    }

    /// What happened next.
    pub fn push(&mut self, input: Input) {
        let _ = input;
    }

    /// What follows, in order.
    pub fn poll(&mut self) -> Option<Output> {
        None
    }

    /// Audio before this is not asked for any more; never goes back.
    pub fn earliest_needed(&self) -> SamplePos {
        SamplePos::ZERO
    }

    /// When something happens without being told anything but time, and what.
    pub fn next_deadline(&self) -> Option<(SamplePos, Reason)> {
        None
    }
}
