//! What a person sees: colour only on a terminal that wants it, times as minutes and seconds, and a closed pipe
//! (`allo search … | head`) as a normal end.

use std::io::{self, IsTerminal, Write};

use crate::audio::SamplePos;

/// How a piece of text is to stand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Headings.
    Bold,
    /// Less important than its surroundings.
    Dim,
    /// The caller, and whatever is well.
    Green,
    /// The agent.
    Blue,
    /// What needs a look.
    Yellow,
    /// What went wrong.
    Red,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "32",
            Self::Blue => "34",
            Self::Yellow => "33",
            Self::Red => "31",
        }
    }
}

/// Wraps text in colour or leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    colour: bool,
}

impl Palette {
    /// For standard output; honours `NO_COLOR` and `TERM=dumb`.
    pub fn for_stdout() -> Self {
        Self::decide(io::stdout().is_terminal())
    }

    /// For standard error, by the same rules.
    pub fn for_stderr() -> Self {
        Self::decide(io::stderr().is_terminal())
    }

    /// Never any colour.
    pub const fn plain() -> Self {
        Self { colour: false }
    }

    /// Always colour, whatever the output is.
    pub const fn coloured() -> Self {
        Self { colour: true }
    }

    fn decide(is_terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colour: is_terminal && !refused && !dumb }
    }

    /// `text` in `style`, or plain.
    pub fn paint(self, style: Style, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
    }
}

/// `m:ss.d`, the time a person looks for in a player.
pub fn clock_time(position: SamplePos) -> String {
    let tenths = (position.seconds() * 10.0).round() as u64;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

/// Writes to stdout; `Ok(false)` when the reader has gone away.
///
/// # Errors
/// Every other failure to write.
pub fn write_stdout(text: &str) -> io::Result<bool> {
    write_stdout_bytes(text.as_bytes())
}

/// The same for what is not text.
///
/// # Errors
/// As [`write_stdout`].
pub fn write_stdout_bytes(bytes: &[u8]) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// An error as a person reads it: what happened, why, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The message and its causes.
    pub message: String,
    /// The hints of all of them.
    pub hints: Vec<String>,
}

/// Takes an error and its causes apart. A message may end with lines that begin with `hint: `; they come last, after the
/// causes, and nothing is said twice.
pub fn explain(error: &dyn std::error::Error) -> Explained {
    let mut explained = Explained { message: String::new(), hints: Vec::new() };
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        let mut parts = text.split("\nhint: ");
        let message = parts.next().unwrap_or_default().trim_end();
        if !explained.message.contains(message) {
            if !explained.message.is_empty() {
                explained.message.push_str(": ");
            }
            explained.message.push_str(message);
        }
        for hint in parts.map(str::trim_end) {
            if !explained.hints.iter().any(|known| known == hint) {
                explained.hints.push(hint.to_owned());
            }
        }
        next = cause.source();
    }
    explained
}

impl std::fmt::Display for Explained {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(formatter, "\nhint: {hint}"))
    }
}

/// Tells an error on stderr.
pub fn say_error(error: &dyn std::error::Error) {
    say(&format!("{} {}", Palette::for_stderr().paint(Style::Red, "error:"), explain(error)));
}

/// Writes a line of talk to stderr. A closed stderr is nobody's error.
pub fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_in_a_player() {
        assert_eq!(clock_time(SamplePos::from_seconds(0.04)), "0:00.0");
        assert_eq!(clock_time(SamplePos::from_seconds(61.25)), "1:01.3");
        assert_eq!(clock_time(SamplePos::from_seconds(59.96)), "1:00.0");
        assert_eq!(clock_time(SamplePos::from_seconds(3725.0)), "62:05.0");
    }

    #[test]
    fn causes_come_before_hints_and_nothing_comes_twice() {
        let system = std::io::Error::other("File exists");
        let error = anyhow::Error::new(system)
            .context("cannot make the folder\nhint: set ALLO_HOME")
            .context("cannot start: File exists\nhint: see docs/install.md\nhint: set ALLO_HOME");
        assert_eq!(
            explain(error.as_ref()).to_string(),
            "cannot start: File exists: cannot make the folder\nhint: see docs/install.md\nhint: set ALLO_HOME"
        );
    }

    #[test]
    fn a_plain_palette_adds_nothing() {
        assert_eq!(Palette::plain().paint(Style::Red, "facture"), "facture");
        assert_eq!(Palette::coloured().paint(Style::Red, "x"), "\x1b[31mx\x1b[0m");
    }
}
