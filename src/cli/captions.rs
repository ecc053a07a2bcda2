//! What a person sees of a call while it goes on: each final on a line of its own, and below it, on a terminal only,
//! what is being said.

use serde_json::Value;

use crate::audio::SamplePos;
use crate::call::Channel;
use crate::cli::terminal::{Palette, Style, clock_time, write_stdout};
use crate::progress::{Progress, Unit};

/// See the module.
pub(super) struct Screen {
    palette: Palette,
    /// Whether the delay of each final means something.
    shows_delay: bool,
    /// The line of what is being said; nothing where stderr is no terminal.
    line: Progress,
    speaking: Option<String>,
    /// What is being said, as it is shown.
    said: String,
    /// How loud it is, and the language that was last spoken, where these are shown.
    level: Option<f32>,
    language: String,
    is_read: bool,
}

impl Screen {
    /// A screen that shows nothing yet.
    pub(super) fn new(palette: Palette, shows_delay: bool) -> Self {
        let line = Progress::start("", Unit::Words, None);
        Self {
            palette,
            shows_delay,
            line,
            speaking: None,
            said: String::new(),
            level: None,
            language: "--".to_owned(),
            is_read: true,
        }
    }

    /// Shows an event of the service, where a person wants to see it.
    pub(super) fn show(&mut self, event: &Value) -> anyhow::Result<()> {
        let channel = text(event, "channel");
        match text(event, "type") {
            "transcript.partial" => {
                self.speaking = Some(channel.to_owned());
                self.said = self.partial(event);
                self.redraw();
            }
            "transcript.final" => {
                self.language = text(event, "language").to_owned();
                self.quiet(channel);
                let line = self.spoken(event);
                let written = self.line.suspend(|| write_stdout(&line))?;
                self.is_read &= written;
            }
            "dtmf" => {
                let digit = text(event, "digit");
                let line =
                    format!("  {:>6}  {}  [{digit}]\n", time(event, "at"), speaker(self.palette, channel));
                self.is_read &= self.line.suspend(|| write_stdout(&line))?;
            }
            "speech.discarded" => self.quiet(channel),
            _ => {}
        }
        Ok(())
    }

    /// Takes the line of what is being said away; whether somebody still reads stdout.
    pub(super) fn finish(self) -> bool {
        self.line.clear();
        self.is_read
    }

    /// What this channel was saying is a final now, or nothing.
    fn quiet(&mut self, channel: &str) {
        if self.speaking.as_deref() == Some(channel) {
            self.speaking = None;
            self.said.clear();
            self.redraw();
        }
    }

    /// Shows how loud it is, from now on.
    pub(super) fn meter(&mut self, level_dbfs: f32) {
        self.level = Some(level_dbfs);
        self.redraw();
    }

    fn redraw(&self) {
        let said = &self.said;
        match self.level {
            Some(level) => {
                let meter = self.palette.paint(meter_style(level), &meter(level));
                self.line.relabel(format!("{meter} {}{said}", self.language));
            }
            None => self.line.relabel(said),
        }
    }

    fn partial(&self, event: &Value) -> String {
        let (stable, unstable) = (text(event, "stable"), text(event, "unstable"));
        let space = if stable.is_empty() || unstable.is_empty() { "" } else { " " };
        let unstable = self.palette.paint(Style::Dim, unstable);
        let speaker = speaker(self.palette, text(event, "channel"));
        format!("  {:>6}  {speaker}  {stable}{space}{unstable}", time(event, "start"))
    }

    fn spoken(&self, event: &Value) -> String {
        let speaker = speaker(self.palette, text(event, "channel"));
        let mut line = format!("  {:>6}  {speaker}  {}", time(event, "start"), text(event, "text"));
        if event["joins"].is_u64() {
            line += &self.palette.paint(Style::Dim, "  (goes on; replaces what was there)");
        }
        if let (true, Some(seconds)) = (self.shows_delay, event["latency"].as_f64()) {
            line += &self.palette.paint(Style::Dim, &format!("  +{seconds:.2} s"));
        }
        line + "\n"
    }
}

/// A bar of one step for each 6 dB, from -60 dB of full scale on, and the number.
fn meter(level_dbfs: f32) -> String {
    const STEPS: usize = 10;
    let steps = (((level_dbfs + 60.0) / 6.0).ceil().max(0.0) as usize).min(STEPS);
    format!("{}{} {level_dbfs:>4.0} dB", "█".repeat(steps), "·".repeat(STEPS - steps))
}

/// Speech lies around -30 to -12 dB; above -3 it is about to be cut off.
fn meter_style(level_dbfs: f32) -> Style {
    match level_dbfs {
        level if level > -3.0 => Style::Red,
        level if level > -45.0 => Style::Green,
        _ => Style::Dim,
    }
}

/// The name of a channel, in its colour.
fn speaker(palette: Palette, channel: &str) -> String {
    let name = format!("{channel:<6}");
    match channel.parse() {
        Ok(Channel::Caller) => palette.paint(Style::Green, &name),
        Ok(Channel::Agent) => palette.paint(Style::Blue, &name),
        Ok(Channel::Bot | Channel::Mixed | Channel::Numbered(_)) | Err(_) => name,
    }
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_default()
}

fn time(event: &Value, field: &str) -> String {
    clock_time(SamplePos::from_seconds(event[field].as_f64().unwrap_or_default().max(0.0)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_final_is_one_line_with_its_delay_where_that_means_something() {
        let event = json!({
            "type": "transcript.final", "channel": "caller", "start": 3.24, "text": "Bonjour.", "joins": null,
            "latency": 0.417,
        });
        let live = Screen::new(Palette::plain(), true);
        assert_eq!(live.spoken(&event), "  0:03.2  caller  Bonjour.  +0.42 s\n");
        let fast = Screen::new(Palette::plain(), false);
        assert_eq!(fast.spoken(&event), "  0:03.2  caller  Bonjour.\n");
        let joined = json!({ "channel": "agent", "start": 0, "text": "Oui.", "joins": 3 });
        assert!(fast.spoken(&joined).contains("replaces"));
    }

    #[test]
    fn the_meter_has_a_step_for_each_6_db() {
        assert_eq!(meter(-100.0), "·········· -100 dB");
        assert_eq!(meter(-31.0), "█████·····  -31 dB");
        assert_eq!(meter(0.0), "██████████    0 dB");
    }

    #[test]
    fn what_may_still_change_is_told_from_what_may_not() {
        let event = json!({ "channel": "caller", "start": 1.0, "stable": "je vous", "unstable": "appelle" });
        let screen = Screen::new(Palette::coloured(), true);
        assert!(screen.partial(&event).ends_with("je vous \u{1b}[2mappelle\u{1b}[0m"));
    }
}
