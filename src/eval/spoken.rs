//! `allo eval intent --spoken`: the same sentences read and heard, told apart by one classifier.
//!
//! What recognition costs is the difference between the two columns: both hold the same sentences, in the same order.

use std::fmt::Write as _;

use serde_json::json;

use super::intent::{Asked, Figures};
use super::wer::{ErrorCount, compare};
use crate::intent::Heard;
use crate::intent::folds::SplitMix;

/// Seed of the sample; any value gives figures within the noise of the sample.
const SAMPLE_SEED: u64 = 11;

/// Sentences as they were written, and what was heard of each.
#[derive(Debug, Clone, Default)]
pub struct Spoken {
    /// With their intents, as written.
    pub written: Vec<Asked>,
    /// What was heard of each.
    pub heard: Vec<Heard>,
    /// Those that no intent is for, as written.
    pub outside_written: Vec<Heard>,
    /// What was heard of each of those.
    pub outside_heard: Vec<Heard>,
}

/// The figures side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct SpokenReport<R> {
    /// Of the written sentences.
    pub written: R,
    /// Of what was heard of them.
    pub heard: R,
    /// Word errors of the recogniser over all sentences, those out of scope included.
    pub words: ErrorCount,
    /// Sentences of which nothing was heard; they count as they are classified, which is hardly ever right.
    pub unheard: usize,
}

impl Spoken {
    /// Measures both with `measure`, which is given sentences with their intents and those that no intent is for.
    pub fn report<R>(&self, measure: impl Fn(&[Asked], &[Heard]) -> R) -> SpokenReport<R> {
        let heard_asked: Vec<Asked> = self
            .written
            .iter()
            .zip(&self.heard)
            .map(|(asked, heard)| Asked { heard: heard.clone(), intent: asked.intent.clone() })
            .collect();
        let written = self.written.iter().map(|asked| &asked.heard).chain(&self.outside_written);
        let heard = self.heard.iter().chain(&self.outside_heard);
        let mut words = ErrorCount::default();
        for (written, heard) in written.zip(heard.clone()) {
            words.add(compare(written.text.reveal(), heard.text.reveal()).words);
        }
        SpokenReport {
            written: measure(&self.written, &self.outside_written),
            heard: measure(&heard_asked, &self.outside_heard),
            words,
            unheard: heard.filter(|heard| heard.text.reveal().is_empty()).count(),
        }
    }
}

impl<R: Figures> SpokenReport<R> {
    /// The figures of what was heard, under the keys of [`Figures::json`]; beside them what was read, and word errors.
    pub fn json(&self) -> serde_json::Value {
        let mut json = self.heard.json();
        json["written"] = self.written.json();
        json["wer"] = json!((self.words.rate() * 1e4).round() / 1e4);
        json["unheard"] = json!(self.unheard);
        json
    }

    /// The same for a person.
    pub fn text(&self) -> String {
        let heading = self.heard.heading();
        let mut text = format!("{heading}\n{:<46} {:>8} {:>8}\n", "", "written", "spoken");
        // Writing into a String cannot fail.
        for ((label, written), (_, heard)) in self.written.lines().into_iter().zip(self.heard.lines()) {
            let _ = writeln!(text, "{label:<46} {:>6.1} % {:>6.1} %", 100.0 * written, 100.0 * heard);
        }
        let _ = writeln!(text, "{:<46} {:>8} {:>6.1} %", "word error rate", "", 100.0 * self.words.rate());
        let _ = writeln!(text, "{:<46} {:>8} {:>6}", "of which nothing was heard", "", self.unheard);
        text
    }
}

/// Which of `count` sentences are taken: all of them, or `size` by a random draw that is the same every time.
pub fn sample(count: usize, size: Option<usize>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    if let Some(size) = size.filter(|size| *size < count) {
        SplitMix(SAMPLE_SEED).shuffle(&mut order);
        order.truncate(size);
        order.sort_unstable();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::super::intent::{learn, measure};
    use super::*;
    use crate::call::Language;
    use crate::intent::Example;

    fn example(text: &str, intent: &str) -> Example {
        Example::new(text, intent, Language::Fr)
    }

    #[test]
    fn what_was_heard_is_measured_beside_what_was_written() {
        let train = [example("ma facture", "facture"), example("mon colis", "colis")];
        let classifier = learn(&train, None).unwrap();
        let spoken = Spoken {
            written: vec![
                Asked::from(&example("la facture", "facture")),
                Asked::from(&example("le colis", "colis")),
            ],
            // One word of six is wrong, one sentence is lost.
            heard: vec![Heard::from("la facture"), Heard::from("")],
            outside_written: vec![Heard::from("il fait beau")],
            outside_heard: vec![Heard::from("il fait eau")],
        };
        let report = spoken.report(|inside, outside| measure(&classifier, inside, outside));
        assert_eq!((report.written.accuracy, report.unheard), (1.0, 1));
        assert_eq!(report.words, ErrorCount { edits: 3, reference: 7 });
        assert!(report.heard.accuracy <= report.written.accuracy);
        let json = report.json();
        assert_eq!((json["written"]["accuracy"].as_f64(), json["wer"].as_f64()), (Some(1.0), Some(0.4286)));
        assert!(
            report.text().contains("word error rate") && report.text().contains("42.9 %"),
            "{}",
            report.text()
        );
    }

    #[test]
    fn a_sample_is_the_same_every_time_and_spread_over_all() {
        let drawn = sample(550, Some(120));
        assert_eq!(drawn, sample(550, Some(120)));
        assert!(drawn.len() == 120 && drawn.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(drawn[0] < 50 && drawn[119] >= 500 && drawn[119] < 550);
        assert_eq!(sample(3, Some(9)), [0, 1, 2]);
        assert_eq!(sample(3, None), [0, 1, 2]);
    }
}
