//! Progress of long steps, on stderr; the only module that names indicatif.
//!
//! A bar is drawn only on a terminal. Elsewhere each step is one line when it ends, so that a log stays readable.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What the numbers of a bar count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Files, segments, tensors: whatever the label names.
    Items,
    /// Milliseconds of audio.
    AudioMilliseconds,
    /// Nothing that can be counted to the end: the time it takes is shown, beside what can be counted where a total is set.
    Time,
    /// Nothing: the label is a line of text, cut at the edge of the terminal.
    Words,
}

/// One long step with a known or unknown end. Cloning shares the bar.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    unit: Unit,
    on_terminal: bool,
    share: Option<Arc<Share>>,
}

/// What one part has added to the whole so far.
#[derive(Debug)]
struct Share {
    whole: Progress,
    total: AtomicU64,
    position: AtomicU64,
}

impl Progress {
    /// Starts a step. `total` of `None` shows a count without an end.
    pub fn start(label: impl Into<String>, unit: Unit, total: Option<u64>) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(total, target);
        bar.set_style(style(unit, total.is_some()));
        bar.set_message(label.into());
        if on_terminal {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, unit, on_terminal, share: None }
    }

    /// A part of this step that shows nothing itself: what it does and what it has to do counts for the whole, which
    /// must have been started with a total (of 0, where all of it is in parts).
    pub fn part(&self) -> Self {
        let share = Share { whole: self.clone(), total: AtomicU64::new(0), position: AtomicU64::new(0) };
        Self { share: Some(Arc::new(share)), unit: self.unit, ..Self::hidden() }
    }

    /// A step that shows nothing, for tests and quiet runs.
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden(), unit: Unit::Items, on_terminal: true, share: None }
    }

    /// `amount` more is done.
    pub fn advance(&self, amount: u64) {
        self.bar.inc(amount);
    }

    /// `position` is done in all.
    pub fn set(&self, position: u64) {
        self.bar.set_position(position);
        if let Some(share) = &self.share {
            let before = share.position.swap(position, Ordering::Relaxed);
            share.whole.advance(position.saturating_sub(before));
        }
    }

    /// How much is done.
    pub fn position(&self) -> u64 {
        self.bar.position()
    }

    /// Says what is being done now.
    pub fn relabel(&self, label: impl Into<String>) {
        self.bar.set_message(label.into());
    }

    /// The end became known.
    pub fn set_total(&self, total: u64) {
        if self.bar.length().is_none() {
            self.bar.set_style(style(self.unit, true));
        }
        self.bar.set_length(total);
        if let Some(share) = &self.share {
            let before = share.total.swap(total, Ordering::Relaxed);
            share.whole.bar.inc_length(total.saturating_sub(before));
        }
    }

    /// Runs `talk` (which writes to the terminal) without tearing the bar.
    pub fn suspend<T>(&self, talk: impl FnOnce() -> T) -> T {
        self.bar.suspend(talk)
    }

    /// Ends the step without a word, where the result itself is shown.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Ends the step with one line.
    pub fn finish(&self, outcome: &str) {
        let label = self.bar.message();
        self.bar.finish_and_clear();
        if !self.bar.is_hidden() || !self.on_terminal {
            // A closed stderr is nobody's error.
            drop(writeln!(std::io::stderr().lock(), "{label}: {outcome}"));
        }
    }
}

fn style(unit: Unit, has_end: bool) -> ProgressStyle {
    let template = match (unit, has_end) {
        (Unit::Bytes, true) => "{msg} {wide_bar} {bytes}/{total_bytes} {eta}",
        (Unit::Bytes, false) => "{msg} {spinner} {bytes}",
        (Unit::Items, true) => "{msg} {wide_bar} {pos}/{len} {eta}",
        (Unit::Items, false) => "{msg} {spinner} {pos}",
        (Unit::AudioMilliseconds, true) => "{msg} {wide_bar} {percent}% {eta}",
        (Unit::AudioMilliseconds, false) => "{msg} {spinner}",
        (Unit::Time, true) => "{msg} {wide_bar} {pos}/{len} {elapsed}",
        (Unit::Time, false) => "{msg} {spinner} {elapsed}",
        (Unit::Words, _) => "{wide_msg}",
    };
    ProgressStyle::with_template(template).expect("the templates above are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_valid() {
        for unit in [Unit::Bytes, Unit::Items, Unit::AudioMilliseconds, Unit::Time, Unit::Words] {
            style(unit, true);
            style(unit, false);
        }
        Progress::hidden().finish("done");
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let whole = Progress::hidden();
        whole.set_total(0);
        let (one, other) = (whole.part(), whole.part());
        one.set_total(1_000);
        one.set(400);
        other.set_total(500);
        other.set(500);
        one.set(600);
        assert_eq!((whole.bar.position(), whole.bar.length()), (1_100, Some(1_500)));
    }
}
