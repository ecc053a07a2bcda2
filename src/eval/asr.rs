//! Word error rate, invented words and latency of recognition on labelled clips.
//!
//! Each clip runs through the pipeline that `allo transcribe` runs, one clip at a time, so that a latency is that of a
//! machine with one call. Clips whose reference is empty count for invented words only.

use std::collections::BTreeMap;
use std::time::Duration;

use super::manifest::Clip;
use super::wer::{ErrorCount, compare};
use super::wire::{AsrFigures, AsrReport};
use crate::redact::Redacted;

/// What the pipeline made of one clip.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The text of all channels in order of time.
    pub text: Redacted<String>,
    /// From opening the clip to its text.
    pub latency: Duration,
    /// Length of the clip.
    pub audio: Duration,
    /// Segments that were recognised and not believed.
    pub rejected_segments: u64,
}

/// Running sums over clips.
#[derive(Debug, Clone, Default)]
struct Sums {
    files: usize,
    failed: usize,
    words: ErrorCount,
    characters: ErrorCount,
    invented_words: u64,
    non_speech: Duration,
    rejected_segments: u64,
    latencies_s: Vec<f64>,
    audio: Duration,
}

/// Collects clip after clip.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    total: Sums,
    languages: BTreeMap<String, Sums>,
}

impl Evaluation {
    /// Counts what was heard in a clip.
    pub fn add(&mut self, clip: &Clip, heard: &Heard) {
        self.total.add(clip, heard);
        self.languages.entry(clip.language_group.clone()).or_default().add(clip, heard);
    }

    /// Counts a clip that could not be transcribed.
    pub fn add_failure(&mut self, clip: &Clip) {
        self.total.failed += 1;
        self.languages.entry(clip.language_group.clone()).or_default().failed += 1;
    }

    /// The figures so far.
    pub fn report(&self) -> AsrReport {
        AsrReport {
            total: self.total.figures(),
            languages: self.languages.iter().map(|(name, sums)| (name.clone(), sums.figures())).collect(),
        }
    }
}

impl Sums {
    fn add(&mut self, clip: &Clip, heard: &Heard) {
        let errors = compare(clip.transcript.reveal(), heard.text.reveal());
        self.files += 1;
        self.rejected_segments += heard.rejected_segments;
        self.latencies_s.push(heard.latency.as_secs_f64());
        self.audio += heard.audio;
        if errors.words.reference == 0 {
            self.invented_words += errors.hypothesis_words;
            self.non_speech += heard.audio;
        } else {
            self.words.add(errors.words);
            self.characters.add(errors.characters);
        }
    }

    fn figures(&self) -> AsrFigures {
        let measured = |count: ErrorCount| (count.reference > 0).then(|| count.rate());
        let hours = self.non_speech.as_secs_f64() / 3600.0;
        let worked_s: f64 = self.latencies_s.iter().sum();
        AsrFigures {
            files: self.files,
            failed: self.failed,
            wer: measured(self.words),
            cer: measured(self.characters),
            invented_words: self.invented_words,
            invented_words_per_hour: (hours > 0.0).then(|| self.invented_words as f64 / hours),
            non_speech_s: self.non_speech.as_secs_f64(),
            rejected_segments: self.rejected_segments,
            latency_p50_s: quantile(&self.latencies_s, 0.5),
            latency_p95_s: quantile(&self.latencies_s, 0.95),
            rtf: (self.audio > Duration::ZERO).then(|| worked_s / self.audio.as_secs_f64()),
        }
    }
}

/// Linear interpolation between the two nearest ranks, as numpy's default.
pub(super) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let rank = share * last as f64;
    let below = rank.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (rank - below as f64))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn clip(group: &str, transcript: &str) -> Clip {
        Clip {
            path: PathBuf::from("a.wav"),
            language_group: group.to_owned(),
            language: group.parse().ok(),
            channel: None,
            transcript: transcript.into(),
        }
    }

    fn heard(text: &str, latency_s: f64) -> Heard {
        Heard {
            text: text.into(),
            latency: Duration::from_secs_f64(latency_s),
            audio: Duration::from_secs(36),
            rejected_segments: 1,
        }
    }

    #[test]
    fn speech_counts_for_errors_and_silence_for_invented_words() {
        let mut evaluation = Evaluation::default();
        evaluation.add(&clip("fr", "je veux résilier mon abonnement"), &heard("je veux résilier mon", 1.0));
        evaluation.add(&clip("none", ""), &heard("Merci d'avoir regardé", 3.0));
        evaluation.add_failure(&clip("fr", "perdu"));
        let report = evaluation.report();
        assert_eq!((report.total.files, report.total.failed), (2, 1));
        assert_eq!(report.total.wer, Some(0.2));
        assert_eq!(report.total.invented_words, 4);
        assert_eq!(report.total.invented_words_per_hour, Some(400.0));
        assert_eq!(report.total.latency_p50_s, Some(2.0));
        assert_eq!(report.languages["none"].wer, None);
        assert_eq!(report.languages["fr"].invented_words, 0);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.95), Some(3.0));
        assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.5), Some(2.5));
    }
}
