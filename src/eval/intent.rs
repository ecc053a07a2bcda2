//! `allo eval intent`: how well sentences are told apart, measured on sentences that training did not see.
//!
//! Figures: accuracy; macro-F1 over the intents of the test set; out-of-scope recall, once at the threshold that keeps
//! 95 % of the in-scope *test* sentences (comparable with the literature) and once at the threshold that training chose
//! without seeing either set; expected calibration error of the best intent over 15 bins. What a deployment gets, with its
//! sentences out of scope, its thresholds and its routes, is measured in [`super::routing`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use crate::call::Language;
use crate::intent::calibrate::{CALIBRATION_BINS, Judged, calibration_error, threshold_keeping};
use crate::intent::{self, Classifier, Example, Heard, Meaning, OutOfScope, TrainOptions};

/// Share of in-scope sentences that the reported out-of-scope recall keeps.
const IN_SCOPE_KEPT: f32 = 0.95;

/// Why there is no result. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that cannot be read as CSV.
    #[error("cannot read {}\nhint: a CSV file with the columns text,intent,lang is expected", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        #[source]
        source: csv::Error,
    },
    /// A column that is not there.
    #[error("{} has no column `{column}`\nhint: the first line must be text,intent,lang", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The missing column.
        column: &'static str,
    },
    /// A language that the product does not speak.
    #[error("{}:{line}: unknown language", path.display())]
    Language {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What was found.
        #[source]
        source: crate::call::UnknownLanguage,
    },
    /// An intent that the scenario does not have.
    #[error(
        "{}: the scenario has no intent `{intent}`\nhint: correct the column, or write out_of_scope for what no intent is for",
        path.display()
    )]
    UnknownIntent {
        /// The file.
        path: PathBuf,
        /// What was found.
        intent: String,
    },
    /// A file without a sentence.
    #[error("{} holds no sentence", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The training sentences cannot be trained on.
    #[error("cannot train on these sentences")]
    Train(#[from] intent::Error),
}

/// The figures; all shares are 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Sentences tested in scope.
    pub sentences: usize,
    /// How much meanings count against words, 0 (no encoder) to 1.
    pub meaning_share: f32,
    /// Intents known to the classifier.
    pub intents: usize,
    /// Share of sentences whose best intent is right.
    pub accuracy: f32,
    /// Mean F1 over the intents that occur in the test set.
    pub macro_f1: f32,
    /// Expected calibration error over 15 bins.
    pub calibration_error: f32,
    /// Out-of-scope figures; `None` without out-of-scope sentences.
    pub out_of_scope: Option<OutOfScopeReport>,
    /// Share of in-scope test sentences at or above the threshold chosen in training.
    pub in_scope_kept: f32,
    /// Share of in-scope test sentences that would be routed without a question.
    pub routed: f32,
    /// Share of those that are right.
    pub routed_precision: f32,
}

/// How well what no intent is for is turned away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutOfScopeReport {
    /// Sentences tested.
    pub sentences: usize,
    /// Share rejected at the threshold that keeps 95 % of the in-scope test sentences.
    pub recall_at_95: f32,
    /// Share rejected at the threshold chosen in training.
    pub recall_at_trained_threshold: f32,
}

/// A sentence as it came to the classifier, and the intent that it has.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What was heard, or read.
    pub heard: Heard,
    /// The intent behind it.
    pub intent: String,
}

impl From<&Example> for Asked {
    /// A sentence that was typed.
    fn from(example: &Example) -> Self {
        Self { heard: Heard::from(example.text.as_str()), intent: example.intent.clone() }
    }
}

/// Trains on `train`, by words and with `meaning` by meanings.
///
/// # Errors
/// [`Error::Train`] when `train` cannot be trained on.
pub fn learn(train: &[Example], meaning: Option<Arc<dyn Meaning>>) -> Result<Classifier, Error> {
    let options = TrainOptions::default();
    Ok(match meaning {
        Some(meaning) => Classifier::train_with_meaning(train, &[], &options, meaning)?,
        None => Classifier::train(train, &[], &options)?,
    })
}

/// Measures on `test` and on `out_of_scope`, which may be empty.
pub fn measure(classifier: &Classifier, test: &[Asked], out_of_scope: &[Heard]) -> Report {
    let thresholds = classifier.thresholds();
    let rankings: Vec<_> = test.iter().map(|asked| classifier.understand(&asked.heard)).collect();
    let mut judged = Vec::with_capacity(test.len());
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    let (mut routed, mut routed_right) = (0_usize, 0_usize);
    for (asked, ranking) in test.iter().zip(&rankings) {
        let Some(best) = ranking.candidates.first() else { continue };
        let right = best.intent == asked.intent;
        judged.push(Judged { probability: best.probability, right });
        counts.entry(&asked.intent).or_default().meant += 1;
        counts.entry(&best.intent).or_default().given += 1;
        counts.entry(&asked.intent).or_default().right += usize::from(right);
        if ranking.in_scope >= thresholds.in_scope && best.probability >= thresholds.sure {
            routed += 1;
            routed_right += usize::from(right);
        }
    }
    let inside: Vec<f32> = rankings.iter().map(|ranking| ranking.in_scope).collect();
    let outside: Vec<f32> = out_of_scope.iter().map(|heard| classifier.understand(heard).in_scope).collect();
    let below = |scores: &[f32], threshold: f32| {
        share(scores.iter().filter(|score| **score < threshold).count(), scores.len())
    };
    let at_95 = threshold_keeping(IN_SCOPE_KEPT, &inside);
    Report {
        sentences: test.len(),
        meaning_share: classifier.report().meaning_share,
        intents: classifier.intents().len(),
        accuracy: share(judged.iter().filter(|one| one.right).count(), judged.len()),
        macro_f1: macro_f1(counts.values()),
        calibration_error: calibration_error(&judged, CALIBRATION_BINS),
        out_of_scope: (!outside.is_empty()).then(|| OutOfScopeReport {
            sentences: outside.len(),
            recall_at_95: below(&outside, at_95),
            recall_at_trained_threshold: below(&outside, thresholds.in_scope),
        }),
        in_scope_kept: 1.0 - below(&inside, thresholds.in_scope),
        routed: share(routed, test.len()),
        routed_precision: share(routed_right, routed),
    }
}

/// Sentences of one intent: that have it, that were given it, that both hold for.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    meant: usize,
    given: usize,
    right: usize,
}

/// Mean F1 of the intents that occur in the test set; those only given by mistake lower the others' recall instead.
fn macro_f1<'a>(counts: impl Iterator<Item = &'a Counts>) -> f32 {
    let scores: Vec<f32> = counts
        .filter(|count| count.meant > 0)
        .map(|count| share(2 * count.right, count.meant + count.given))
        .collect();
    scores.iter().sum::<f32>() / scores.len().max(1) as f32
}

pub(super) fn share(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}

/// To four digits behind the point.
pub(super) fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

/// What was measured on sentences, as text and as JSON.
pub trait Figures {
    /// What was measured on, in a line.
    fn heading(&self) -> String;

    /// The shares with their names.
    fn lines(&self) -> Vec<(&'static str, f32)>;

    /// One JSON object; keys are a promise to other people's scripts.
    fn json(&self) -> serde_json::Value;

    /// The same for a person.
    fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading());
        for (label, value) in self.lines() {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{label:<46} {:>6.1} %", 100.0 * value);
        }
        text
    }
}

impl Figures for Report {
    fn json(&self) -> serde_json::Value {
        json!({
            "sentences": self.sentences,
            "intents": self.intents,
            "accuracy": rounded(self.accuracy),
            "macro_f1": rounded(self.macro_f1),
            "oos_recall_at_95": self.out_of_scope.map(|one| rounded(one.recall_at_95)),
            "oos_recall_at_trained_threshold":
                self.out_of_scope.map(|one| rounded(one.recall_at_trained_threshold)),
            "in_scope_kept_at_trained_threshold": rounded(self.in_scope_kept),
            "calibration_error": rounded(self.calibration_error),
            "meaning_share": rounded(self.meaning_share),
            "routed": rounded(self.routed),
            "routed_precision": rounded(self.routed_precision),
        })
    }

    fn heading(&self) -> String {
        format!("{} sentences, {} intents", self.sentences, self.intents)
    }

    fn lines(&self) -> Vec<(&'static str, f32)> {
        let mut lines = vec![
            ("accuracy", self.accuracy),
            ("macro-F1", self.macro_f1),
            ("expected calibration error", self.calibration_error),
            ("routed without a question", self.routed),
            ("of these right", self.routed_precision),
            ("in scope kept at the trained threshold", self.in_scope_kept),
        ];
        if let Some(one) = &self.out_of_scope {
            lines.push(("out of scope rejected at that threshold", one.recall_at_trained_threshold));
            lines.push(("out of scope rejected with 95 % in scope kept", one.recall_at_95));
        }
        lines
    }
}

/// The sentences of a CSV file with the columns `text`, `intent`, `lang` and, for what was misheard, `said`, in any order;
/// further columns are ignored.
///
/// # Errors
/// All but [`Error::Train`].
pub fn read_examples(path: &Path) -> Result<Vec<Example>, Error> {
    read_rows(path, Column::Required)
}

/// The sentences of a CSV file with the columns `text` and `lang` in any order, which no intent is for; further
/// columns, `intent` among them, are ignored.
///
/// # Errors
/// As [`read_examples`].
pub fn read_out_of_scope(path: &Path) -> Result<Vec<OutOfScope>, Error> {
    let rows = read_rows(path, Column::Ignored)?;
    Ok(rows.into_iter().map(|row| OutOfScope { text: row.text, language: row.language }).collect())
}

/// What becomes of the column `intent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Required,
    /// The rows have an empty intent.
    Ignored,
}

fn read_rows(path: &Path, intents: Column) -> Result<Vec<Example>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    // As in a scenario, a line may say what the file is.
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_path(path).map_err(unreadable)?;
    let header = reader.headers().map_err(unreadable)?.clone();
    let position = |column: &'static str| {
        let found = header.iter().position(|name| name.trim() == column);
        found.ok_or_else(|| Error::NoColumn { path: path.to_owned(), column })
    };
    let (text, lang) = (position("text")?, position("lang")?);
    let intent = match intents {
        Column::Required => Some(position("intent")?),
        Column::Ignored => None,
    };
    let said = header.iter().position(|name| name.trim() == "said");
    let mut examples = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let language: Language = record[lang].trim().parse().map_err(|source| Error::Language {
            path: path.to_owned(),
            line,
            source,
        })?;
        let intent = intent.map_or_else(String::new, |column| record[column].to_owned());
        let said = said.map(|column| record[column].to_owned()).filter(|said| !said.is_empty());
        examples.push(Example { said, ..Example::new(&record[text], intent, language) });
    }
    if examples.is_empty() { Err(Error::Empty { path: path.to_owned() }) } else { Ok(examples) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(rows: &[(&str, &str)]) -> Vec<Example> {
        rows.iter().map(|(text, intent)| Example::new(*text, *intent, Language::Fr)).collect()
    }

    #[test]
    fn figures_are_those_of_the_confusions() {
        let train = examples(&[("ma facture", "facture"), ("mon colis", "colis"), ("une panne", "panne")]);
        let test =
            examples(&[("facture", "facture"), ("colis", "colis"), ("colis", "panne"), ("panne", "panne")]);
        let test: Vec<Asked> = test.iter().map(Asked::from).collect();
        let report = measure(&learn(&train, None).unwrap(), &test, &[Heard::from("zzz")]);
        assert_eq!(report.accuracy, 0.75);
        // facture: 1; colis: one right, given twice, 2/3; panne: one right of two, given once, 2/3.
        assert!((report.macro_f1 - (1.0 + 2.0 / 3.0 + 2.0 / 3.0) / 3.0).abs() < 1e-6, "{}", report.macro_f1);
        assert_eq!(report.out_of_scope.unwrap().recall_at_95, 1.0);
        for key in ["accuracy", "macro_f1", "oos_recall_at_95", "calibration_error"] {
            assert!(report.json()[key].is_number(), "{key}");
        }
        assert!(report.text().contains("accuracy"));
    }

    #[test]
    fn what_was_misheard_is_read_with_what_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.csv");
        std::fs::write(
            &path,
            "# made\ntext,intent,lang,said\nla fracture,facture,fr,la facture\noui,non,fr,\n",
        )
        .unwrap();
        let said: Vec<_> = read_examples(&path).unwrap().into_iter().map(|one| one.said).collect();
        assert_eq!(said, [Some("la facture".to_owned()), None]);
    }

    #[test]
    fn sentences_out_of_scope_need_no_intent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out-of-scope.csv");
        for content in ["text,lang\nbonjour,fr\nhello,en\n", "lang,intent,text\nfr,x,bonjour\nen,,hello\n"] {
            std::fs::write(&path, content).unwrap();
            let read = read_out_of_scope(&path).unwrap();
            let texts: Vec<_> = read.iter().map(|one| (one.text.as_str(), one.language)).collect();
            assert_eq!(texts, [("bonjour", Language::Fr), ("hello", Language::En)]);
        }
        std::fs::write(&path, "text\nbonjour\n").unwrap();
        assert!(read_out_of_scope(&path).unwrap_err().to_string().contains("no column `lang`"));
    }

    #[test]
    fn wrong_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        for (content, expected) in [
            ("text,lang\na,fr\n", "has no column `intent`"),
            ("text,intent,lang\na,b,de\n", "t.csv:2: unknown language"),
            ("text,intent,lang\n", "holds no sentence"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = read_examples(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(matches!(read_examples(&folder.path().join("none.csv")), Err(Error::Unreadable { .. })));
    }
}
