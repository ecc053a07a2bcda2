//! A trained classifier as bytes and back, for a cache: read only by the version that wrote it.
//!
//! Numbers are little-endian; a list has its length in front. What does not fit together is no classifier (`None`), so
//! that a damaged file means training again.

use std::sync::Arc;

use super::meaning::Meaning;
use super::model::Model;
use super::{Classifier, HeldOutSentence, Ranking, Thresholds, TrainReport};
use crate::call::{IntentScore, Language};

/// First bytes; the last one counts versions of this format.
const MAGIC: &[u8; 8] = b"ALLOINT3";

impl Classifier {
    /// The classifier as bytes, without its source of meanings.
    pub fn save(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.0.extend(MAGIC);
        to.length(self.intents.len());
        self.intents.iter().for_each(|intent| to.text(intent));
        self.model.save(&mut to);
        self.judge.save(&mut to);
        self.by_words.save(&mut to);
        to.floats(&[self.thresholds.in_scope, self.thresholds.likely, self.thresholds.sure]);
        save_report(&self.report, &mut to);
        to.0
    }

    /// The classifier that [`Classifier::save`] wrote; `None` when `bytes` are something else, or when it knows meanings
    /// and there is no source of them, or the other way round.
    pub fn restore(bytes: &[u8], meaning: Option<Arc<dyn Meaning>>) -> Option<Self> {
        let mut from = Reader(bytes);
        (from.take(MAGIC.len())? == MAGIC).then_some(())?;
        let count = from.length()?;
        let intents = (0..count).map(|_| from.text()).collect::<Option<Vec<_>>>()?;
        let model = Model::load(&mut from, intents.len())?;
        let (judge, by_words) =
            (super::crossfit::Judge::load(&mut from)?, super::crossfit::Judge::load(&mut from)?);
        let [in_scope, likely, sure] = from.floats()?.try_into().ok()?;
        let report = load_report(&mut from)?;
        let fits = from.0.is_empty() && model.knows_meanings() == meaning.is_some();
        let thresholds = Thresholds { in_scope, likely, sure };
        fits.then_some(Self { intents, model, meaning, judge, by_words, thresholds, report })
    }
}

fn save_report(report: &TrainReport, to: &mut Writer) {
    to.length(report.held_out);
    let recall = report.out_of_scope_recall;
    to.floats(&[report.meaning_share, report.accuracy, report.calibration_error, recall.unwrap_or(f32::NAN)]);
    to.length(report.accuracy_by_language.len());
    for (language, accuracy) in &report.accuracy_by_language {
        to.text(language.code());
        to.floats(&[*accuracy]);
    }
    to.length(report.sentences.len());
    for HeldOutSentence { intent, ranking } in &report.sentences {
        // No intent has an empty name.
        to.text(intent.as_deref().unwrap_or_default());
        to.length(ranking.candidates.len());
        ranking.candidates.iter().for_each(|one| to.text(&one.intent));
        let probabilities = ranking.candidates.iter().map(|one| one.probability);
        to.floats(&probabilities.chain([ranking.in_scope]).collect::<Vec<_>>());
    }
}

fn load_report(from: &mut Reader<'_>) -> Option<TrainReport> {
    let held_out = from.length()?;
    let [meaning_share, accuracy, calibration_error, recall] = from.floats()?.try_into().ok()?;
    let count = from.length()?;
    let mut accuracy_by_language = Vec::new();
    for _ in 0..count {
        let language: Language = from.text()?.parse().ok()?;
        accuracy_by_language.push((language, *from.floats()?.first()?));
    }
    let out_of_scope_recall = (!recall.is_nan()).then_some(recall);
    let count = from.length()?;
    let sentences = (0..count).map(|_| load_sentence(from)).collect::<Option<Vec<_>>>()?;
    Some(TrainReport {
        held_out,
        meaning_share,
        accuracy,
        accuracy_by_language,
        calibration_error,
        out_of_scope_recall,
        sentences,
    })
}

fn load_sentence(from: &mut Reader<'_>) -> Option<HeldOutSentence> {
    let intent = Some(from.text()?).filter(|intent| !intent.is_empty());
    let count = from.length()?;
    let intents = (0..count).map(|_| from.text()).collect::<Option<Vec<_>>>()?;
    let mut probabilities = from.floats()?;
    let in_scope = probabilities.pop()?;
    let candidates = intents.into_iter().zip(probabilities);
    let candidates = candidates.map(|(intent, probability)| IntentScore { intent, probability }).collect();
    Some(HeldOutSentence { intent, ranking: Ranking { candidates, in_scope } })
}

/// Bytes in the making.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub fn length(&mut self, length: usize) {
        self.0.extend((length as u64).to_le_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.as_bytes());
    }

    pub fn floats(&mut self, values: &[f32]) {
        self.length(values.len());
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub fn doubles(&mut self, values: &[f64]) {
        self.length(values.len());
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub fn numbers(&mut self, values: impl ExactSizeIterator<Item = u64>) {
        self.length(values.len());
        self.0.extend(values.flat_map(u64::to_le_bytes));
    }
}

/// Bytes that are not read yet.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    pub fn length(&mut self) -> Option<usize> {
        let bytes = self.take(8)?.first_chunk()?;
        usize::try_from(u64::from_le_bytes(*bytes)).ok()
    }

    pub fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    pub fn floats(&mut self) -> Option<Vec<f32>> {
        let values = self.list::<4>()?;
        Some(values.map(f32::from_le_bytes).collect())
    }

    pub fn doubles(&mut self) -> Option<Vec<f64>> {
        let values = self.list::<8>()?;
        Some(values.map(f64::from_le_bytes).collect())
    }

    pub fn numbers(&mut self) -> Option<Vec<u64>> {
        let values = self.list::<8>()?;
        Some(values.map(u64::from_le_bytes).collect())
    }

    fn list<const N: usize>(&mut self) -> Option<impl Iterator<Item = [u8; N]> + use<'a, N>> {
        let length = self.length()?.checked_mul(N)?;
        let bytes = self.take(length)?;
        Some(bytes.chunks_exact(N).filter_map(|chunk| chunk.first_chunk().copied()))
    }
}
