//! One decoding on its way through the recogniser's pool: measures it and brings the answer home.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Machine;
use super::inbox::{Address, Decoded, Item};
use super::link::Link;
use crate::asr::worker::Listener;
use crate::asr::{Error, Recognition};
use crate::clock::Clock;

/// See the module.
pub(super) struct Work {
    link: Arc<Link>,
    clock: Arc<dyn Clock>,
    address: Address,
    asked: Instant,
    began: Option<Instant>,
    /// Of a partial: when a newer one says more.
    stale: Option<Instant>,
}

impl Work {
    /// Work that is asked for now.
    pub(super) fn new(machine: &Machine, link: &Arc<Link>, address: Address, stale: Option<Instant>) -> Self {
        let clock = Arc::clone(&machine.clock);
        let asked = clock.monotonic();
        Self { link: Arc::clone(link), clock, address, asked, began: None, stale }
    }
}

impl Listener for Work {
    fn begins(&mut self) -> bool {
        let now = self.clock.monotonic();
        if self.stale.is_some_and(|stale| now > stale) {
            return false;
        }
        self.began = Some(now);
        true
    }

    fn ends(self: Box<Self>, result: Result<Recognition, Error>) {
        let now = self.clock.monotonic();
        let began = self.began.unwrap_or(now);
        // A recogniser that hung did no work: what calls cost is not learnt from it.
        let worked = self.began.filter(|_| !matches!(result, Err(Error::Stuck)));
        self.link.answer(Item::Decoded(Decoded {
            address: self.address,
            is_partial: self.stale.is_some(),
            result,
            waited: began.saturating_duration_since(self.asked),
            ran: worked.map_or(Duration::ZERO, |began| now.saturating_duration_since(began)),
        }));
    }
}
