//! Threads that are waited for at the end, but not for ever.
//!
//! A thread whose engine hangs cannot be ended from outside, and joining it would hold the process. Each thread of a [`Crew`]
//! tells the crew that it has ended, whatever ended it; who waits for several of them waits no longer than it says, and leaves
//! the rest behind: they end with the process.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// See the module. Clones are the same crew.
#[derive(Debug, Clone, Default)]
pub struct Crew(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    present: Mutex<Present>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct Present {
    /// How many were ever started.
    started: u64,
    /// Numbers of those that have not ended.
    numbers: BTreeSet<u64>,
}

/// A thread of a crew. Dropping it leaves the thread to itself.
#[derive(Debug)]
pub struct Member {
    number: u64,
    thread: JoinHandle<()>,
}

impl Member {
    /// Waits for as long as it takes. A thread that panicked has ended.
    pub fn join(self) {
        // What a panic had to say was said where it happened.
        let _ = self.thread.join();
    }
}

/// Held by a thread for as long as it is there.
struct Place {
    number: u64,
    shared: Arc<Shared>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.present().numbers.remove(&self.number);
        self.shared.left.notify_all();
    }
}

impl Crew {
    /// Starts a thread.
    ///
    /// # Errors
    /// What the system says when it has no room for one more.
    pub fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Member> {
        let mut present = self.0.present();
        present.started += 1;
        let number = present.started;
        present.numbers.insert(number);
        drop(present);
        let place = Place { number, shared: Arc::clone(&self.0) };
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            let _place = place;
            work();
        })?;
        Ok(Member { number, thread })
    }

    /// Waits until these threads of the crew have ended, at most `limit` for all of them together. Returns how many go on;
    /// they are left behind.
    pub fn join(&self, members: Vec<Member>, limit: Duration) -> usize {
        let is_awaited =
            |present: &mut Present| members.iter().any(|member| present.numbers.contains(&member.number));
        let waited = self.0.left.wait_timeout_while(self.0.present(), limit, is_awaited);
        let present = waited.unwrap_or_else(PoisonError::into_inner).0;
        let (behind, ended): (Vec<Member>, Vec<Member>) =
            members.into_iter().partition(|member| present.numbers.contains(&member.number));
        drop(present);
        ended.into_iter().for_each(Member::join);
        behind.len()
    }
}

impl Shared {
    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn threads_that_end_are_waited_for_and_one_that_hangs_is_left_behind() {
        let (crew, (open, door)) = (Crew::default(), queue::bounded::<()>("door", 1));
        let hung = move || {
            door.receive();
        };
        let hung = crew.spawn("hung", hung).expect("a thread");
        let panics = crew.spawn("panics", || std::panic::resume_unwind(Box::new(()))).expect("a thread");
        let done = crew.spawn("done", || {}).expect("a thread");
        // Whatever ended them.
        assert_eq!(crew.join(vec![panics, done], LONG), 0);
        assert_eq!(crew.join(vec![hung], Duration::ZERO), 1);
        drop(open);
        let last = crew.spawn("last", || {}).expect("a thread");
        assert_eq!(crew.join(vec![last], LONG), 0, "who was left behind is not waited for");
    }
}
