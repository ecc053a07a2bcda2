//! Decisions of dialogues, kept for those who ask why and to try other scenarios on what callers really said.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::calls::{call_id, get};
use super::{Error, Store};
use crate::call::decision::{
    CorrectionRecord, DecisionRecord, LookUpRecord, SlotRecord, ThresholdRecord, WishRecord,
};
use crate::call::{CallId, IntentScore, WordConfidence};

const UNREADABLE: Error = Error::Unreadable { what: "decision" };

/// Which decisions are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionQuery {
    /// Those of this scenario; `None`: of all.
    pub scenario: Option<String>,
    /// Those from this time on.
    pub since: Option<Timestamp>,
    /// Those of this call.
    pub call: Option<CallId>,
    /// At most so many, the newest.
    pub limit: u32,
}

impl Store {
    /// Keeps the decision of one turn.
    ///
    /// # Errors
    /// [`Error::Database`], also when the turn of that call is there already.
    pub async fn put_decision(&self, record: &DecisionRecord) -> Result<(), Error> {
        let json = serde_json::to_string(&Written::of(record)).map_err(|_| UNREADABLE)?;
        let first = record.wishes.first();
        sqlx::query(
            "INSERT INTO decisions (call_id, number, at_ms, scenario, sentence, band, route, record) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(record.call.0.as_bytes().as_slice())
        .bind(i64::from(record.number))
        .bind(record.at.as_millisecond())
        .bind(&record.scenario)
        .bind(record.sentence.as_ref().map(|sentence| sentence.reveal().as_str()))
        .bind(first.map(|wish| wish.band.as_str()))
        .bind(record.route.as_deref())
        .bind(json)
        .execute(&self.pool)
        .await
        .map_err(|source| Error::Database { doing: "keep a decision", source })?;
        Ok(())
    }

    /// Adds look-ups to the decision of a turn: those for the person who takes the call come after it. Nothing where that turn
    /// is not there.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn add_look_ups(
        &self,
        (call, number): (CallId, u32),
        look_ups: &[LookUpRecord],
    ) -> Result<(), Error> {
        for look_up in look_ups {
            let json = serde_json::to_string(&WrittenLookUp::of(look_up)).map_err(|_| UNREADABLE)?;
            sqlx::query(
                "UPDATE decisions SET record = json_insert(record, '$.look_ups[#]', json(?)) \
                 WHERE call_id = ? AND number = ?",
            )
            .bind(json)
            .bind(call.0.as_bytes().as_slice())
            .bind(i64::from(number))
            .execute(&self.pool)
            .await
            .map_err(|source| Error::Database { doing: "keep what was looked up for a person", source })?;
        }
        Ok(())
    }

    /// The decisions that `query` wants, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn decisions(&self, query: &DecisionQuery) -> Result<Vec<DecisionRecord>, Error> {
        let rows = sqlx::query(
            "SELECT call_id, number, at_ms, record FROM decisions \
             WHERE (?1 IS NULL OR scenario = ?1) AND (?2 IS NULL OR at_ms >= ?2) AND (?3 IS NULL OR call_id = ?3) \
             ORDER BY at_ms DESC, key DESC LIMIT ?4",
        )
        .bind(query.scenario.as_deref())
        .bind(query.since.map(|since| since.as_millisecond()))
        .bind(query.call.map(|call| call.0.as_bytes().to_vec()))
        .bind(i64::from(query.limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|source| Error::Database { doing: "read decisions", source })?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let call = call_id(&get::<Vec<u8>>(row, "call_id")?)?;
            let number = u32::try_from(get::<i64>(row, "number")?).map_err(|_| UNREADABLE)?;
            let at = Timestamp::from_millisecond(get::<i64>(row, "at_ms")?).map_err(|_| UNREADABLE)?;
            let written: Written =
                serde_json::from_str(&get::<String>(row, "record")?).map_err(|_| UNREADABLE)?;
            written.record(call, number, at)
        };
        rows.iter().rev().map(read).collect()
    }
}

/// A record as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    language: String,
    input: String,
    sentence: Option<String>,
    alternatives: Vec<(String, f32)>,
    /// Not there in records of before names were put right in the open.
    #[serde(default)]
    corrections: Vec<WrittenCorrection>,
    /// Start, end and confidence of each word. Not there in records of before they were kept.
    #[serde(default)]
    confidences: Vec<(usize, usize, f32)>,
    wishes: Vec<WrittenWish>,
    in_scope_from: f32,
    sure_from: f32,
    state: String,
    rule: String,
    /// Name, kind, value.
    slots: Vec<(String, String, String)>,
    look_ups: Vec<WrittenLookUp>,
    outcome: String,
    route: Option<String>,
    intent: Option<String>,
    #[serde(default)]
    recording_agreed: Option<bool>,
    scenario: String,
    scenario_version: String,
    model: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenCorrection {
    said: String,
    /// Not there in records of before it was kept.
    #[serde(default)]
    span: (usize, usize),
    id: String,
    name: String,
    score: f32,
    runner_up: Option<(String, f32)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenWish {
    candidates: Vec<(String, f32)>,
    in_scope: f32,
    band: String,
    wrong_transfer_cost: f32,
    /// Not there in records of before each wish had its own.
    #[serde(default)]
    sure_from: Option<f32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenLookUp {
    source: String,
    took_us: u64,
    outcome: String,
    cached: bool,
    /// Not there in records of before those were kept.
    #[serde(default)]
    is_for_person: bool,
}

impl WrittenLookUp {
    fn of(record: &LookUpRecord) -> Self {
        Self {
            source: record.source.clone(),
            took_us: u64::try_from(record.took.as_micros()).unwrap_or(u64::MAX),
            outcome: record.outcome.clone(),
            cached: record.cached,
            is_for_person: record.is_for_person,
        }
    }
}

impl WrittenCorrection {
    fn of(record: &CorrectionRecord) -> Self {
        Self {
            said: record.said.reveal().clone(),
            span: (record.span.start, record.span.end),
            id: record.id.reveal().clone(),
            name: record.name.reveal().clone(),
            score: record.score,
            runner_up: record.runner_up.as_ref().map(|(id, score)| (id.reveal().clone(), *score)),
        }
    }

    fn record(self) -> CorrectionRecord {
        CorrectionRecord {
            said: self.said.into(),
            span: self.span.0..self.span.1,
            id: self.id.into(),
            name: self.name.into(),
            score: self.score,
            runner_up: self.runner_up.map(|(id, score)| (id.into(), score)),
        }
    }
}

impl Written {
    fn of(record: &DecisionRecord) -> Self {
        let wish = |wish: &WishRecord| WrittenWish {
            candidates: wish.candidates.iter().map(|one| (one.intent.clone(), one.probability)).collect(),
            in_scope: wish.in_scope,
            band: wish.band.clone(),
            wrong_transfer_cost: wish.wrong_transfer_cost,
            sure_from: wish.sure_from,
        };
        let confidence = |word: &WordConfidence| (word.span.start, word.span.end, word.confidence);
        let slot = |slot: &SlotRecord| (slot.name.clone(), slot.kind.clone(), slot.value.reveal().clone());
        Self {
            language: record.language.to_string(),
            input: record.input.clone(),
            sentence: record.sentence.as_ref().map(|sentence| sentence.reveal().clone()),
            alternatives: record
                .alternatives
                .iter()
                .map(|(text, weight)| (text.reveal().clone(), *weight))
                .collect(),
            corrections: record.corrections.iter().map(WrittenCorrection::of).collect(),
            confidences: record.confidences.iter().map(confidence).collect(),
            wishes: record.wishes.iter().map(wish).collect(),
            in_scope_from: record.thresholds.in_scope,
            sure_from: record.thresholds.sure,
            state: record.state.clone(),
            rule: record.rule.clone(),
            slots: record.slots.iter().map(slot).collect(),
            look_ups: record.look_ups.iter().map(WrittenLookUp::of).collect(),
            outcome: record.outcome.clone(),
            route: record.route.clone(),
            intent: record.intent.clone(),
            recording_agreed: record.recording_agreed,
            scenario: record.scenario.clone(),
            scenario_version: record.scenario_version.clone(),
            model: record.model.clone(),
        }
    }

    fn record(self, call: CallId, number: u32, at: Timestamp) -> Result<DecisionRecord, Error> {
        let language = self.language.parse();
        let wish = |wish: WrittenWish| WishRecord {
            candidates: wish
                .candidates
                .into_iter()
                .map(|(intent, probability)| IntentScore { intent, probability })
                .collect(),
            in_scope: wish.in_scope,
            band: wish.band,
            wrong_transfer_cost: wish.wrong_transfer_cost,
            sure_from: wish.sure_from,
        };
        let look_up = |one: WrittenLookUp| LookUpRecord {
            source: one.source,
            took: Duration::from_micros(one.took_us),
            outcome: one.outcome,
            cached: one.cached,
            is_for_person: one.is_for_person,
        };
        let confidence = |(start, end, confidence)| WordConfidence { span: start..end, confidence };
        let slot =
            |(name, kind, value): (String, String, String)| SlotRecord { name, kind, value: value.into() };
        Ok(DecisionRecord {
            call,
            number,
            at,
            language: language.map_err(|_| UNREADABLE)?,
            input: self.input,
            sentence: self.sentence.map(Into::into),
            alternatives: self.alternatives.into_iter().map(|(text, weight)| (text.into(), weight)).collect(),
            corrections: self.corrections.into_iter().map(WrittenCorrection::record).collect(),
            confidences: self.confidences.into_iter().map(confidence).collect(),
            wishes: self.wishes.into_iter().map(wish).collect(),
            thresholds: ThresholdRecord { in_scope: self.in_scope_from, sure: self.sure_from },
            state: self.state,
            rule: self.rule,
            slots: self.slots.into_iter().map(slot).collect(),
            look_ups: self.look_ups.into_iter().map(look_up).collect(),
            outcome: self.outcome,
            route: self.route,
            intent: self.intent,
            recording_agreed: self.recording_agreed,
            scenario: self.scenario,
            scenario_version: self.scenario_version,
            model: self.model,
        })
    }
}
