//! Calls that are played at the same time, shown one after the other.

use std::cell::Cell;

use serde_json::Value;

use crate::cli::captions::Screen;
use crate::cli::terminal::{Palette, write_stdout};

/// What is shown of one call: at once when it is its turn, else when its turn comes. A call's turn comes when those before
/// it are over; its events are as few as its sentences.
pub(super) struct Page<'a> {
    index: usize,
    /// The call whose turn it is.
    turn: &'a Cell<usize>,
    heading: String,
    palette: Palette,
    shows_delay: bool,
    waiting: Vec<Value>,
    screen: Option<Screen>,
    is_read: bool,
}

impl<'a> Page<'a> {
    /// The page of the call `index`, with nothing on it.
    pub(super) fn new(
        (index, turn): (usize, &'a Cell<usize>),
        heading: String,
        palette: Palette,
        shows_delay: bool,
    ) -> Self {
        Self { index, turn, heading, palette, shows_delay, waiting: Vec::new(), screen: None, is_read: true }
    }

    /// Shows an event, now or later.
    pub(super) fn event(&mut self, event: &Value) -> anyhow::Result<()> {
        if self.turn.get() != self.index {
            self.waiting.push(event.clone());
            return Ok(());
        }
        self.catch_up()?.show(event)
    }

    /// Shows what is left and `ending` below it; whether somebody still reads stdout.
    pub(super) fn finish(mut self, ending: &str) -> anyhow::Result<bool> {
        self.catch_up()?;
        let is_read = self.screen.take().is_none_or(Screen::finish);
        Ok(self.is_read && is_read && write_stdout(ending)?)
    }

    /// The screen, with what has come so far on it.
    fn catch_up(&mut self) -> anyhow::Result<&mut Screen> {
        if self.screen.is_none() {
            self.is_read = write_stdout(&format!("\n{}\n", self.heading))?;
        }
        let screen = self.screen.get_or_insert_with(|| Screen::new(self.palette, self.shows_delay));
        for event in self.waiting.drain(..) {
            screen.show(&event)?;
        }
        Ok(screen)
    }
}
