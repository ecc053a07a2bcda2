//! How many of the names that were said stand in the text, and what looking out for them costs where none is said.
//!
//! Every clip is heard twice, without the list of names and with it. A name is right when it stands in the text as whole
//! words, after case and accents are folded and punctuation is dropped; which names a clip holds is read off its
//! reference the same way. Names in the text that nobody said are counted too.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::asr::quantile;
use super::manifest::Clip;
use super::wer::{ErrorCount, compare};
use super::wire::{NameFigures, NameReport, NamesHeard};
use crate::redact::Redacted;
use crate::text::fold;

/// Names as sequences of folded words.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// By first word, the longest first: of names that begin alike the longest is meant.
    by_first_word: HashMap<String, Vec<(usize, Vec<String>)>>,
    count: usize,
}

/// What was made of one clip.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The text.
    pub text: Redacted<String>,
    /// From opening the clip to its text.
    pub latency: Duration,
}

/// Collects clip after clip.
#[derive(Debug, Clone)]
pub struct Evaluation<'a> {
    names: &'a Names,
    /// Without and with the list.
    total: [Sums; 2],
    languages: BTreeMap<String, [Sums; 2]>,
}

#[derive(Debug, Clone, Default)]
struct Sums {
    said: u64,
    right: u64,
    invented: u64,
    words: ErrorCount,
    words_without_names: ErrorCount,
    latencies_s: Vec<f64>,
}

impl Names {
    /// The names of a list; those without a letter or digit are left out.
    pub fn new(names: &[String]) -> Self {
        let mut found = Self::default();
        for name in names {
            let words = folded_words(name);
            let Some(first) = words.first() else { continue };
            found.by_first_word.entry(first.clone()).or_default().push((found.count, words));
            found.count += 1;
        }
        for names in found.by_first_word.values_mut() {
            names.sort_by_key(|(_, words)| std::cmp::Reverse(words.len()));
        }
        found
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The places in the list of the names in `text`, from left to right.
    pub fn in_text(&self, text: &str) -> Vec<usize> {
        let words = folded_words(text);
        let mut found = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let here = self.by_first_word.get(&words[at]).into_iter().flatten();
            let name = here.into_iter().find(|(_, name)| words[at..].starts_with(name));
            found.extend(name.map(|(place, _)| *place));
            at += name.map_or(1, |(_, name)| name.len());
        }
        found
    }
}

impl<'a> Evaluation<'a> {
    /// Nothing heard yet.
    pub fn new(names: &'a Names) -> Self {
        Self { names, total: Default::default(), languages: BTreeMap::new() }
    }

    /// Counts one clip, heard without the list of names and with it.
    pub fn add(&mut self, clip: &Clip, heard: &[Heard; 2]) {
        let language = self.languages.entry(clip.language_group.clone()).or_default();
        for (way, heard) in heard.iter().enumerate() {
            let sums = Sums::of(self.names, clip, heard);
            self.total[way].add(&sums);
            language[way].add(&sums);
        }
    }

    /// The figures so far.
    pub fn report(&self) -> NameReport {
        let both =
            |[without, with]: &[Sums; 2]| NamesHeard { without: without.figures(), with: with.figures() };
        NameReport {
            names: self.names.count(),
            total: both(&self.total),
            languages: self.languages.iter().map(|(name, sums)| (name.clone(), both(sums))).collect(),
        }
    }
}

impl Sums {
    fn of(names: &Names, clip: &Clip, heard: &Heard) -> Self {
        let said = names.in_text(clip.transcript.reveal());
        let mut left = names.in_text(heard.text.reveal());
        let mut right = 0;
        for name in &said {
            if let Some(place) = left.iter().position(|found| found == name) {
                left.swap_remove(place);
                right += 1;
            }
        }
        let words = compare(clip.transcript.reveal(), heard.text.reveal()).words;
        Self {
            said: said.len() as u64,
            right,
            invented: left.len() as u64,
            words,
            words_without_names: if said.is_empty() { words } else { ErrorCount::default() },
            latencies_s: vec![heard.latency.as_secs_f64()],
        }
    }

    fn add(&mut self, other: &Self) {
        self.said += other.said;
        self.right += other.right;
        self.invented += other.invented;
        self.words.add(other.words);
        self.words_without_names.add(other.words_without_names);
        self.latencies_s.extend(&other.latencies_s);
    }

    fn figures(&self) -> NameFigures {
        let measured = |count: ErrorCount| (count.reference > 0).then(|| count.rate());
        NameFigures {
            clips: self.latencies_s.len(),
            names_said: self.said,
            names_right: self.right,
            names_right_share: (self.said > 0).then(|| self.right as f64 / self.said as f64),
            names_invented: self.invented,
            wer: measured(self.words),
            wer_without_names: measured(self.words_without_names),
            latency_p50_s: quantile(&self.latencies_s, 0.5),
            latency_p95_s: quantile(&self.latencies_s, 0.95),
        }
    }
}

fn folded_words(text: &str) -> Vec<String> {
    fold(text)
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn names(names: &[&str]) -> Names {
        Names::new(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    fn clip(language: &str, transcript: &str) -> Clip {
        Clip {
            path: PathBuf::from("a.wav"),
            language_group: language.to_owned(),
            language: language.parse().ok(),
            channel: None,
            transcript: transcript.into(),
        }
    }

    fn heard(texts: [&str; 2]) -> [Heard; 2] {
        texts.map(|text| Heard { text: text.into(), latency: Duration::from_millis(200) })
    }

    #[test]
    fn names_are_whole_words_in_any_case_and_accents() {
        let list = names(&["Névélia", "Cap Dorane", "Cap", "…"]);
        assert_eq!(list.count(), 3);
        for (text, found) in [
            ("la NEVELIA, oui", vec![0]),
            ("l'offre cap-dorane et Cap", vec![1, 2]),
            ("des névélias", vec![]),
            ("dorane", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(list.in_text(text), found, "{text}");
        }
    }

    #[test]
    fn names_count_once_for_each_time_they_were_said() {
        let list = names(&["Brévane", "Toluxor"]);
        let mut evaluation = Evaluation::new(&list);
        let texts = ["la Brévane ou la brevan", "la Brévane ou la Brévane, Toluxor"];
        evaluation.add(&clip("fr", "la Brévane ou la Brévane"), &heard(texts));
        evaluation.add(&clip("nl", "goede morgen"), &heard(["goede morgen", "goede Toluxor"]));
        let report = evaluation.report();
        let (without, with) = (&report.total.without, &report.total.with);
        assert_eq!((without.names_said, without.names_right, without.names_invented), (2, 1, 0));
        assert_eq!((with.names_said, with.names_right, with.names_invented), (2, 2, 2));
        assert_eq!((without.wer_without_names, with.wer_without_names), (Some(0.0), Some(0.5)));
        assert_eq!(report.languages["nl"].with.names_right_share, None);
        assert_eq!(report.languages["fr"].with.wer_without_names, None);
    }
}
