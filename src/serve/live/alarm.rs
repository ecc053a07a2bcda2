//! A timer that is seldom reached: it is not set anew each time that its moment is put off.

use std::pin::Pin;
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// See the module. What wakes a connection that nothing comes on is put off by each message; making a timer for each of
/// them takes the lock of all timers twice a message. This one stays where it is, and is moved when it is reached too soon.
pub struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    /// Expected to be wanted at `first`. Within a runtime only.
    pub fn new(first: Instant) -> Self {
        Self(Box::pin(sleep_until(first.into())))
    }

    /// Waits until `wake`. Dropping the future loses nothing.
    pub async fn at(&mut self, wake: Instant) {
        let wake = tokio::time::Instant::from_std(wake);
        if self.0.deadline() > wake {
            self.0.as_mut().reset(wake);
        }
        loop {
            self.0.as_mut().await;
            if self.0.deadline() >= wake {
                return;
            }
            self.0.as_mut().reset(wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock as _, SystemClock};

    #[tokio::test]
    async fn an_alarm_rings_when_it_is_wanted_whenever_it_was_set_for() {
        let (start, moment) = (SystemClock.monotonic(), Duration::from_millis(1));
        let mut alarm = Alarm::new(start + Duration::from_secs(3_600));
        // Sooner than it was set for.
        alarm.at(start).await;
        // It has rung, and what it rang for was put off.
        let wake = SystemClock.monotonic() + moment;
        alarm.at(wake).await;
        assert!(SystemClock.monotonic() >= wake);
        // What is due rings at once, as often as it is asked for.
        alarm.at(wake).await;
        alarm.at(start).await;
        // Whoever stops waiting for one moment may wait for a sooner one.
        let later = Alarm::at(&mut alarm, wake + Duration::from_secs(3_600));
        drop(tokio::time::timeout(moment, later).await);
        alarm.at(wake).await;
    }
}
