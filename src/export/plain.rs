//! Lines to read.

use crate::call::Transcript;

use super::{milliseconds, one_line};

/// A line an utterance; with several channels each begins with `[MM:SS.cc speaker]`.
pub(super) fn text(transcript: &Transcript) -> String {
    let mut out = String::new();
    for utterance in &transcript.utterances {
        let line = one_line(utterance.text.reveal());
        if line.is_empty() {
            continue;
        }
        if transcript.channels.len() > 1 {
            let start = clock(milliseconds(utterance.span.start));
            out.push_str(&format!("[{start} {}] ", utterance.channel));
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn clock(milliseconds: u64) -> String {
    let (seconds, hundredths) = (milliseconds / 1_000, milliseconds % 1_000 / 10);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}.{hundredths:02}")
    } else {
        format!("{minutes:02}:{seconds:02}.{hundredths:02}")
    }
}
