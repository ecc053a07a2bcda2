//! `SubRip` and `WebVTT`.

use crate::call::Transcript;

use super::cues::{Cue, cues};
use super::speaker;

/// `SubRip`: numbered cues; with several channels each begins with its speaker.
pub(super) fn srt(transcript: &Transcript) -> String {
    let mut out = String::new();
    for (index, cue) in cues(transcript).iter().enumerate() {
        let text = srt_escaped(&cue.lines.join("\n"));
        let prefix = speaker_of(transcript, cue).map(|name| format!("{name}: ")).unwrap_or_default();
        let (start, end) = (clock(cue.start_ms, ','), clock(cue.end_ms, ','));
        out.push_str(&format!("{}\n{start} --> {end}\n{prefix}{text}\n\n", index + 1));
    }
    end_once(out)
}

/// `WebVTT`: with several channels each cue carries a voice tag.
pub(super) fn vtt(transcript: &Transcript) -> String {
    let mut out = "WEBVTT\n\n".to_owned();
    for (index, cue) in cues(transcript).iter().enumerate() {
        let text = vtt_escaped(&cue.lines.join("\n"));
        let voice = speaker_of(transcript, cue).map(|name| format!("<v {name}>")).unwrap_or_default();
        let (start, end) = (clock(cue.start_ms, '.'), clock(cue.end_ms, '.'));
        out.push_str(&format!("{}\n{start} --> {end}\n{voice}{text}\n\n", index + 1));
    }
    end_once(out)
}

fn speaker_of(transcript: &Transcript, cue: &Cue) -> Option<String> {
    (transcript.channels.len() > 1).then(|| transcript.channels.get(cue.channel).map(|it| speaker(*it)))?
}

/// `SubRip` has no escapes, and players take `<b>` and `{\an8}` for orders: their brackets become ones that look alike.
fn srt_escaped(text: &str) -> String {
    text.replace('<', "‹").replace('>', "›").replace('{', "(").replace('}', ")")
}

fn vtt_escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `HH:MM:SS` and milliseconds behind `separator`.
fn clock(milliseconds: u64, separator: char) -> String {
    let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
    format!("{:02}:{:02}:{:02}{separator}{rest:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// The blank line after the last cue goes; the line feed stays.
fn end_once(mut out: String) -> String {
    if out.ends_with("\n\n") {
        out.pop();
    }
    out
}
