//! Putting names right in a text.

use std::ops::Range;

use super::{Catalog, EXACT, Match, RunnerUp};
use crate::call::Language;
use crate::call::decision::CorrectionRecord;
use crate::redact::Redacted;
use crate::slots::words::Words;
use crate::text::fold;

/// A text with its names put right.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrected {
    /// The text.
    pub text: Redacted<String>,
    /// What was changed, from left to right.
    pub changes: Vec<Change>,
}

impl Corrected {
    /// What was changed, for the record: each with where the name stands in the text as it is.
    pub fn records(&self) -> Vec<CorrectionRecord> {
        let (mut copied, mut written) = (0, 0);
        let record = |change: &Change| {
            let start = written + (change.span.start - copied);
            (copied, written) = (change.span.end, start + change.name.len());
            let second = change.runner_up.as_ref();
            CorrectionRecord {
                said: change.said.clone(),
                span: start..written,
                id: change.id.as_str().into(),
                name: change.name.as_str().into(),
                score: change.score,
                runner_up: second.map(|second| (second.id.as_str().into(), second.score)),
            }
        };
        self.changes.iter().map(record).collect()
    }
}

/// One name that was put right; the record for whoever asks later why.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What the recogniser wrote.
    pub said: Redacted<String>,
    /// Where it stood, in bytes of the text as it was.
    pub span: Range<usize>,
    /// The key of the entry.
    pub id: String,
    /// Its name, which stands in the text instead.
    pub name: String,
    /// How alike they are, 0 to 1.
    pub score: f32,
    /// The entry that came second.
    pub runner_up: Option<RunnerUp>,
}

/// Below this likeness no text is changed. With 300 names it changes 7 of 1,620 sentences without a name before the
/// ordinary words of the scenario are known; 0.77 changes 34, and 0.82 puts fewer names right (`benches/catalog.rs`).
const SCORE_MIN: f32 = 0.79;
/// The same for words among which there is an ordinary one, `le vothyrox`, and for those that were heard well: `épargne` is
/// no Épargnix.
const SCORE_MIN_UNLIKELY: f32 = 0.9;
/// How far the runner-up must be behind.
const MARGIN_MIN: f32 = 0.05;
/// A recogniser that is less sure of a stretch (0 to 1) doubts it. What is like a name by chance is mostly ordinary speech
/// that was heard well; these were chosen on `allo eval names`, where they see 300 names.
const DOUBTED_BELOW: f32 = 0.55;
/// A recogniser that is surer than this heard what was said.
const SURE_ABOVE: f32 = 0.8;
/// [`SCORE_MIN`] for what the recogniser doubted.
const SCORE_MIN_DOUBTED: f32 = 0.72;
/// The same with an ordinary word among them: `gaz très vignes` is Gastravine.
const SCORE_MIN_DOUBTED_WITH_ORDINARY: f32 = 0.74;
/// [`MARGIN_MIN`] for what the recogniser doubted.
const MARGIN_MIN_DOUBTED: f32 = 0.1;
/// Shorter words are too easily like a name.
const LETTERS_MIN: usize = 5;

/// Rewrites `text` where words that are no ordinary ones are clearly meant for a name of the catalogue. Names that are
/// there already, in whatever capitals and accents, stay as they are written.
pub fn correct(text: &str, catalog: &Catalog, language: Language) -> Corrected {
    correct_heard(text, catalog, language, |_| None)
}

/// [`correct`] for whoever knows how sure the recogniser was of a stretch of the text (bytes; 0 to 1): what it doubted need
/// be less like a name, what it heard well more.
pub fn correct_heard(
    text: &str,
    catalog: &Catalog,
    language: Language,
    confidence: impl Fn(&Range<usize>) -> Option<f32>,
) -> Corrected {
    let words = Words::of(text, language);
    let mut changes = Vec::new();
    let mut corrected = String::with_capacity(text.len());
    let mut copied = 0;
    for found in catalog.find_in(&words, SCORE_MIN_DOUBTED) {
        if !is_certain(&words, catalog, &found, confidence(&found.span)) {
            continue;
        }
        corrected.push_str(&text[copied..found.span.start]);
        corrected.push_str(&found.entity.name);
        copied = found.span.end;
        changes.push(Change {
            said: text[found.span.clone()].into(),
            span: found.span,
            id: found.entity.id,
            name: found.entity.name,
            score: found.score,
            runner_up: found.runner_up,
        });
    }
    corrected.push_str(&text[copied..]);
    Corrected { text: corrected.into(), changes }
}

fn is_certain(words: &Words<'_>, catalog: &Catalog, found: &Match, confidence: Option<f32>) -> bool {
    let is_doubted = confidence.is_some_and(|confidence| confidence < DOUBTED_BELOW);
    let is_sure = confidence.is_some_and(|confidence| confidence > SURE_ABOVE);
    let said = &words.list[found.words.clone()];
    let letters: usize = said.iter().map(|word| word.folded.chars().count()).sum();
    let ordinary = said.iter().filter(|word| catalog.is_ordinary(&word.folded, words.language)).count();
    let (needed, margin) = match (is_doubted, is_sure || ordinary > 0) {
        (false, false) => (SCORE_MIN, MARGIN_MIN),
        (false, true) => (SCORE_MIN_UNLIKELY, MARGIN_MIN),
        (true, false) => (SCORE_MIN_DOUBTED, MARGIN_MIN_DOUBTED),
        (true, true) => (SCORE_MIN_DOUBTED_WITH_ORDINARY, MARGIN_MIN_DOUBTED),
    };
    // The name with other capitals or accents, or an alias, is how people write.
    let is_one_word_of_it = found.score >= EXACT && said.len() == 1;
    let is_the_name = is_one_word_of_it || fold(&words.text[found.span.clone()]) == fold(&found.entity.name);
    !is_the_name
        && ordinary < said.len()
        && letters >= LETTERS_MIN
        && found.score >= needed
        && found.margin() >= margin
}
