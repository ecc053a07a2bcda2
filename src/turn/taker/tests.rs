//! Scripts in simulated time, and what holds for any sequence of inputs.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks the outputs that it is about")]

mod properties;
mod scripts;

use super::*;

/// Plays a conversation window by window, answers what the taker asks as the script says, and remembers what it did.
struct Script {
    taker: TurnTaker,
    done: Option<f32>,
    text: Option<Reading>,
    /// How long after it was asked for, in seconds.
    text_after: f64,
    /// Texts on their way, with the time at which they come.
    coming: VecDeque<(f64, RequestId, Reading)>,
    /// What happened, with the time at which it became known.
    log: Vec<(f64, Output)>,
}

/// A script with Smart Turn sure that the speaker is done and texts that say nothing.
fn script() -> Script {
    script_with(Config { text_wait: std::time::Duration::ZERO, ..Config::default() })
}

/// [`script`] with another configuration. A dialogue waits for the ends of turns.
fn script_with(config: Config) -> Script {
    listening(config).input(Input::Expect(Expectation::Open))
}

/// A script of a call in which nobody waits for the ends of turns.
fn listening(config: Config) -> Script {
    Script {
        taker: TurnTaker::new(&config).unwrap(),
        done: Some(0.95),
        text: Some(reading(TextKind::Other)),
        text_after: 0.0,
        coming: VecDeque::new(),
        log: Vec::new(),
    }
}

fn reading(kind: TextKind) -> Reading {
    let words = u32::from(kind != TextKind::Nothing) * 4;
    Reading { words, kind, digits: 0 }
}

impl Script {
    fn seconds(&self) -> f64 {
        self.taker.now().seconds()
    }

    /// What Smart Turn answers from here on; `None` for nothing.
    fn judge(mut self, done: impl Into<Option<f32>>) -> Self {
        self.done = done.into();
        self
    }

    /// What the recogniser hears from here on; `None` for no answer.
    fn text(mut self, text: impl Into<Option<Reading>>) -> Self {
        self.text = text.into();
        self
    }

    /// How long texts take from here on.
    fn text_after(mut self, seconds: f64) -> Self {
        self.text_after = seconds;
        self
    }

    fn input(mut self, input: Input) -> Self {
        self.taker.push(input);
        self.drain();
        self
    }

    fn speech_until(self, seconds: f64) -> Self {
        self.windows_until(seconds, (0.95, -22.0))
    }

    fn silence_until(self, seconds: f64) -> Self {
        self.windows_until(seconds, (0.02, -65.0))
    }

    fn windows_until(mut self, seconds: f64, (speech_probability, level_dbfs): (f32, f32)) -> Self {
        while self.seconds() + 0.031 < seconds {
            self.taker.push(Input::Window { speech_probability, level_dbfs });
            self.drain();
        }
        self
    }

    /// Gives the texts that are there by now.
    fn deliver(&mut self) {
        while let Some((due, request, reading)) = self.coming.front().copied()
            && due <= self.seconds()
        {
            self.coming.pop_front();
            self.taker.push(Input::Heard { request, reading });
        }
    }

    /// Answers until nothing more is asked.
    fn drain(&mut self) {
        self.deliver();
        while let Some(output) = self.taker.poll() {
            self.log.push((self.seconds(), output));
            match output {
                Output::Judge { request, .. } => {
                    if let Some(done_probability) = self.done {
                        self.taker.push(Input::Judged { request, done_probability });
                    }
                }
                Output::Partial { request, .. } | Output::Speculate { request, .. } => {
                    let due = self.seconds() + self.text_after;
                    self.coming.extend(self.text.map(|reading| (due, request, reading)));
                    self.deliver();
                }
                Output::SpeechStarted { .. }
                | Output::Cancel { .. }
                | Output::Part { .. }
                | Output::TurnEnded { .. }
                | Output::TurnOver { .. }
                | Output::Discarded { .. }
                | Output::Interrupt { .. } => {}
            }
        }
    }

    /// Checks the events in order, each within 35 ms, and nothing else; requests do not count.
    fn expect(self, expected: &[(&str, f64)]) -> Self {
        let found: Vec<(String, f64)> =
            self.log.iter().filter_map(|(at, output)| Some((name(output)?, *at))).collect();
        let fits = found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|(found, expected)| found.0 == expected.0 && (found.1 - expected.1).abs() < 0.035);
        assert!(fits, "found {found:?}\nexpected {expected:?}");
        self
    }

    fn ends(&self) -> Vec<Output> {
        self.requests(|output| matches!(output, Output::TurnEnded { .. }).then_some(output))
    }

    /// What `pick` finds in the outputs, in order.
    fn requests<T>(&self, pick: impl Fn(Output) -> Option<T>) -> Vec<T> {
        self.log.iter().filter_map(|(_, output)| pick(*output)).collect()
    }
}

/// Whether a turn takes the place of the one that it continues, or follows it.
fn tie(joins: Option<u64>, continues: Option<u64>) -> String {
    match (joins, continues) {
        (Some(earlier), _) => format!(" joins {earlier}"),
        (None, Some(earlier)) => format!(" follows {earlier}"),
        (None, None) => String::new(),
    }
}

fn name(output: &Output) -> Option<String> {
    Some(match output {
        Output::SpeechStarted { turn, .. } => format!("speech {turn}"),
        Output::Part { turn, joins, .. } => format!("part of {turn}{}", tie(*joins, None)),
        Output::TurnEnded { turn, reason, joins, continues, .. } => {
            format!("end {turn} {}{}", reason.name(), tie(*joins, *continues))
        }
        Output::TurnOver { turn, reason, continues, .. } => {
            format!("over {turn} {}{}", reason.name(), tie(None, *continues))
        }
        Output::Discarded { turn, .. } => format!("discarded {turn}"),
        Output::Interrupt { .. } => "interrupt".to_owned(),
        Output::Partial { .. } | Output::Judge { .. } | Output::Speculate { .. } | Output::Cancel { .. } => {
            return None;
        }
    })
}
