//! Calls in and out of the store.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::packed::{finite, pack_candidates, pack_words, unpack_candidates, unpack_words};
use super::terms::index_columns;
use super::{Error, Store};
use crate::audio::{SamplePos, SampleSpan};
use crate::call::{
    CallId, CallRecord, Channel, Evidence, IntentDecision, IntentOutcome, Language, Note, Transcript,
    Utterance,
};
use crate::redact::Redacted;

/// Which calls to list; every `Some` narrows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Spoken mostly in this language.
    pub language: Option<Language>,
    /// Routed to this intent.
    pub intent: Option<String>,
    /// At most so many, the newest; `None` for all.
    pub limit: Option<u32>,
}

/// One call in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSummary {
    /// Identity of the call.
    pub id: CallId,
    /// File name or line; may hold a telephone number, never log it.
    pub source: String,
    /// When it was kept.
    pub created_at: Timestamp,
    /// Length of the call.
    pub end: SamplePos,
    /// The language most of it was spoken in.
    pub language: Option<Language>,
    /// The intent it was routed to.
    pub intent: Option<String>,
}

impl Store {
    /// Keeps a call, whole or not at all, and returns the identity it is kept under. A call with the same identity, or
    /// of the same recording (content hash), is replaced; the latter keeps its first identity, so links to it hold.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::TooLarge`]; nothing was kept and what was there before still is.
    pub async fn put_call(&self, record: &CallRecord) -> Result<CallId, Error> {
        let failed = |source| Error::Database { doing: "keep a call", source };
        // Immediate: a transaction that first reads and then wants to write fails at once when another one writes,
        // whatever the busy timeout.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let id = put(&mut transaction, record).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(id)
    }

    /// Whether a call of the recording with this content hash is kept.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn has_recording(&self, content_hash: &[u8; 32]) -> Result<bool, Error> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM calls WHERE content_hash = ?)")
            .bind(content_hash.as_slice())
            .fetch_one(&self.pool)
            .await
            .map_err(|source| Error::Database { doing: "look for a recording", source })
    }

    /// The call as it was kept; `None` when there is none of that identity.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn call(&self, id: CallId) -> Result<Option<CallRecord>, Error> {
        let failed = |source| Error::Database { doing: "read a call", source };
        // One transaction: a call that is replaced meanwhile is seen before or after, never half.
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        let row = sqlx::query("SELECT * FROM calls WHERE id = ?")
            .bind(id.0.as_bytes().as_slice())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let key: i64 = get(&row, "key")?;
        let transcript = Transcript {
            channels: read_channels(&mut transaction, key).await?,
            end: position(&row, "end_sample")?,
            language: optional_language(&row)?,
            utterances: read_utterances(&mut transaction, key).await?,
        };
        let hash: Option<Vec<u8>> = get(&row, "content_hash")?;
        let content_hash = hash.map(|bytes| bytes.try_into()).transpose();
        let started_at: Option<i64> = get(&row, "started_at_ms")?;
        Ok(Some(CallRecord {
            id,
            source: get(&row, "source")?,
            content_hash: content_hash.map_err(|_| Error::Unreadable { what: "content hash" })?,
            started_at: started_at.map(instant).transpose()?,
            created_at: instant(get(&row, "created_at_ms")?)?,
            model: get(&row, "model")?,
            transcript,
            intent: read_decision(&mut transaction, key).await?,
            note: read_note(&mut transaction, key, get(&row, "note_intent")?).await?,
            rejected_segments: get(&row, "rejected_segments")?,
        }))
    }

    /// The calls that the filter lets through, newest first.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn calls(&self, filter: &CallFilter) -> Result<Vec<CallSummary>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT calls.*, intent_decisions.intent AS intent FROM calls \
             LEFT JOIN intent_decisions ON intent_decisions.call_key = calls.key WHERE TRUE",
        );
        if let Some(language) = filter.language {
            query.push(" AND calls.language = ").push_bind(language.code());
        }
        if let Some(intent) = &filter.intent {
            query.push(" AND intent_decisions.intent = ").push_bind(intent);
        }
        query.push(" ORDER BY calls.created_at_ms DESC, calls.key DESC");
        if let Some(limit) = filter.limit {
            query.push(" LIMIT ").push_bind(limit);
        }
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(|source| Error::Database { doing: "list calls", source })?;
        rows.iter().map(summary).collect()
    }

    /// Forgets a call: text, words, note and index rows are overwritten in the file, not only unlinked. `false` when
    /// there is none of that identity.
    ///
    /// # Errors
    /// [`Error::Database`]; the call is then still there.
    pub async fn delete_call(&self, id: CallId) -> Result<bool, Error> {
        let failed = |source| Error::Database { doing: "delete a call", source };
        let deleted = sqlx::query("DELETE FROM calls WHERE id = ?")
            .bind(id.0.as_bytes().as_slice())
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        if deleted.rows_affected() == 0 {
            return Ok(false);
        }
        // The write-ahead log still holds the pages as they were. Where a reader keeps it in use the truncation is
        // left to the next one or to closing the store.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.pool).await.map_err(failed)?;
        Ok(true)
    }
}

/// Puts a record in the place of what was kept under its identity or content hash, inside a transaction of the caller.
pub(super) async fn put(connection: &mut SqliteConnection, record: &CallRecord) -> Result<CallId, Error> {
    let failed = |source| Error::Database { doing: "keep a call", source };
    let hash = record.content_hash.as_ref().map(<[u8; 32]>::as_slice);
    let known: Option<Vec<u8>> = sqlx::query_scalar("SELECT id FROM calls WHERE content_hash = ?")
        .bind(hash)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
    let id = known.map_or(Ok(record.id), |bytes| call_id(&bytes))?;
    sqlx::query("DELETE FROM calls WHERE id = ? OR id = ?")
        .bind(id.0.as_bytes().as_slice())
        .bind(record.id.0.as_bytes().as_slice())
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    let key = insert_call(connection, record, id).await?;
    insert_transcript(connection, key, &record.transcript).await?;
    if let Some(decision) = &record.intent {
        insert_decision(connection, key, decision).await?;
    }
    for (kind, list) in note_lists(&record.note) {
        insert_evidence(connection, (key, kind), list).await?;
    }
    Ok(id)
}

async fn insert_call(
    connection: &mut SqliteConnection,
    record: &CallRecord,
    id: CallId,
) -> Result<i64, Error> {
    sqlx::query_scalar(
        "INSERT INTO calls (id, source, content_hash, started_at_ms, created_at_ms, end_sample, language, model, \
         rejected_segments, note_intent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING key",
    )
    .bind(id.0.as_bytes().as_slice())
    .bind(&record.source)
    .bind(record.content_hash.as_ref().map(<[u8; 32]>::as_slice))
    .bind(record.started_at.map(Timestamp::as_millisecond))
    .bind(record.created_at.as_millisecond())
    .bind(samples(record.transcript.end)?)
    .bind(record.transcript.language.map(Language::code))
    .bind(&record.model)
    .bind(record.rejected_segments)
    .bind(&record.note.intent)
    .fetch_one(connection)
    .await
    .map_err(|source| Error::Database { doing: "keep a call", source })
}

async fn insert_transcript(
    connection: &mut SqliteConnection,
    key: i64,
    transcript: &Transcript,
) -> Result<(), Error> {
    insert_channels(connection, key, &transcript.channels).await?;
    for (at, utterance) in (0_i64..).zip(&transcript.utterances) {
        insert_utterance(connection, (key, at), utterance).await?;
    }
    Ok(())
}

pub(super) async fn insert_channels(
    connection: &mut SqliteConnection,
    key: i64,
    channels: &[Channel],
) -> Result<(), Error> {
    for (at, channel) in (0_i64..).zip(channels) {
        sqlx::query("INSERT INTO channels (call_key, position, channel) VALUES (?, ?, ?)")
            .bind(key)
            .bind(at)
            .bind(channel.to_string())
            .execute(&mut *connection)
            .await
            .map_err(|source| Error::Database { doing: "keep who was heard", source })?;
    }
    Ok(())
}

/// Keeps an utterance of the call with this key at this position.
pub(super) async fn insert_utterance(
    connection: &mut SqliteConnection,
    (key, at): (i64, i64),
    utterance: &Utterance,
) -> Result<(), Error> {
    let text = utterance.text.reveal();
    let (index_words, index_stems) = index_columns(text, utterance.language);
    sqlx::query(
        "INSERT INTO utterances (call_key, position, channel, start_sample, end_sample, text, language, \
         confidence, words, index_words, index_stems) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(at)
    .bind(utterance.channel.to_string())
    .bind(samples(utterance.span.start)?)
    .bind(samples(utterance.span.end)?)
    .bind(text)
    .bind(utterance.language.code())
    .bind(finite(utterance.confidence))
    .bind(pack_words(&utterance.words))
    .bind(index_words)
    .bind(index_stems)
    .execute(connection)
    .await
    .map_err(|source| Error::Database { doing: "keep what was said", source })?;
    Ok(())
}

async fn insert_decision(
    connection: &mut SqliteConnection,
    key: i64,
    decision: &IntentDecision,
) -> Result<(), Error> {
    let (outcome, intent, route) = match &decision.outcome {
        IntentOutcome::Routed { intent, route } => ("routed", Some(intent), Some(route)),
        IntentOutcome::Unsure => ("unsure", None, None),
        IntentOutcome::OutOfScope => ("out_of_scope", None, None),
    };
    sqlx::query(
        "INSERT INTO intent_decisions (call_key, quote, channel, start_sample, end_sample, outcome, intent, route, \
         candidates) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(decision.evidence.quote.reveal())
    .bind(decision.evidence.channel.to_string())
    .bind(samples(decision.evidence.span.start)?)
    .bind(samples(decision.evidence.span.end)?)
    .bind(outcome)
    .bind(intent)
    .bind(route)
    .bind(pack_candidates(&decision.candidates))
    .execute(connection)
    .await
    .map_err(|source| Error::Database { doing: "keep a decision", source })?;
    Ok(())
}

fn note_lists(note: &Note) -> [(&'static str, &[Evidence]); 4] {
    [
        ("reason", note.reason.as_slice()),
        ("key_sentence", &note.key_sentences),
        ("open_point", &note.open_points),
        ("recap", &note.recap),
    ]
}

async fn insert_evidence(
    connection: &mut SqliteConnection,
    (key, kind): (i64, &'static str),
    list: &[Evidence],
) -> Result<(), Error> {
    for (at, evidence) in (0_i64..).zip(list) {
        sqlx::query(
            "INSERT INTO evidence (call_key, kind, position, quote, channel, start_sample, end_sample) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(key)
        .bind(kind)
        .bind(at)
        .bind(evidence.quote.reveal())
        .bind(evidence.channel.to_string())
        .bind(samples(evidence.span.start)?)
        .bind(samples(evidence.span.end)?)
        .execute(&mut *connection)
        .await
        .map_err(|source| Error::Database { doing: "keep a note", source })?;
    }
    Ok(())
}

async fn read_channels(connection: &mut SqliteConnection, key: i64) -> Result<Vec<Channel>, Error> {
    let rows = sqlx::query("SELECT channel FROM channels WHERE call_key = ? ORDER BY position")
        .bind(key)
        .fetch_all(connection)
        .await
        .map_err(|source| Error::Database { doing: "read a call", source })?;
    rows.iter().map(channel).collect()
}

async fn read_utterances(connection: &mut SqliteConnection, key: i64) -> Result<Vec<Utterance>, Error> {
    let rows = sqlx::query("SELECT * FROM utterances WHERE call_key = ? ORDER BY position")
        .bind(key)
        .fetch_all(connection)
        .await
        .map_err(|source| Error::Database { doing: "read a call", source })?;
    rows.iter().map(utterance).collect()
}

async fn read_decision(connection: &mut SqliteConnection, key: i64) -> Result<Option<IntentDecision>, Error> {
    let row = sqlx::query("SELECT * FROM intent_decisions WHERE call_key = ?")
        .bind(key)
        .fetch_optional(connection)
        .await
        .map_err(|source| Error::Database { doing: "read a call", source })?;
    let Some(row) = row else { return Ok(None) };
    let (outcome, intent, route): (String, Option<String>, Option<String>) =
        (get(&row, "outcome")?, get(&row, "intent")?, get(&row, "route")?);
    let outcome = match (outcome.as_str(), intent, route) {
        ("routed", Some(intent), Some(route)) => IntentOutcome::Routed { intent, route },
        ("unsure", _, _) => IntentOutcome::Unsure,
        ("out_of_scope", _, _) => IntentOutcome::OutOfScope,
        _ => return Err(Error::Unreadable { what: "decision" }),
    };
    let candidates: String = get(&row, "candidates")?;
    let candidates = unpack_candidates(&candidates)?;
    Ok(Some(IntentDecision { evidence: evidence(&row)?, candidates, outcome }))
}

async fn read_note(
    connection: &mut SqliteConnection,
    key: i64,
    intent: Option<String>,
) -> Result<Note, Error> {
    let rows = sqlx::query("SELECT * FROM evidence WHERE call_key = ? ORDER BY kind, position")
        .bind(key)
        .fetch_all(connection)
        .await
        .map_err(|source| Error::Database { doing: "read a call", source })?;
    let mut note = Note { intent, ..Note::default() };
    for row in &rows {
        let kind: String = get(row, "kind")?;
        let line = evidence(row)?;
        match kind.as_str() {
            "reason" => note.reason = Some(line),
            "key_sentence" => note.key_sentences.push(line),
            "open_point" => note.open_points.push(line),
            "recap" => note.recap.push(line),
            _ => return Err(Error::Unreadable { what: "line of a note" }),
        }
    }
    Ok(note)
}

fn summary(row: &SqliteRow) -> Result<CallSummary, Error> {
    let id: Vec<u8> = get(row, "id")?;
    Ok(CallSummary {
        id: call_id(&id)?,
        source: get(row, "source")?,
        created_at: instant(get(row, "created_at_ms")?)?,
        end: position(row, "end_sample")?,
        language: optional_language(row)?,
        intent: get(row, "intent")?,
    })
}

/// The utterance in a row of that table.
pub(super) fn utterance(row: &SqliteRow) -> Result<Utterance, Error> {
    let (text, language, words): (String, String, String) =
        (get(row, "text")?, get(row, "language")?, get(row, "words")?);
    Ok(Utterance {
        channel: channel(row)?,
        span: span(row)?,
        language: language.parse().map_err(|_| Error::Unreadable { what: "language" })?,
        text: Redacted::new(text),
        confidence: get(row, "confidence")?,
        words: unpack_words(&words)?,
    })
}

pub(super) fn call_id(bytes: &[u8]) -> Result<CallId, Error> {
    Uuid::from_slice(bytes).map(CallId).map_err(|_| Error::Unreadable { what: "call identity" })
}

pub(super) fn get<'r, T>(row: &'r SqliteRow, column: &'static str) -> Result<T, Error>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(column).map_err(|_| Error::Unreadable { what: column })
}

fn evidence(row: &SqliteRow) -> Result<Evidence, Error> {
    let quote: String = get(row, "quote")?;
    Ok(Evidence { quote: Redacted::new(quote), channel: channel(row)?, span: span(row)? })
}

fn channel(row: &SqliteRow) -> Result<Channel, Error> {
    let name: String = get(row, "channel")?;
    name.parse().map_err(|_| Error::Unreadable { what: "channel" })
}

fn optional_language(row: &SqliteRow) -> Result<Option<Language>, Error> {
    let code: Option<String> = get(row, "language")?;
    code.map(|code| code.parse()).transpose().map_err(|_| Error::Unreadable { what: "language" })
}

fn span(row: &SqliteRow) -> Result<SampleSpan, Error> {
    let (start, end) = (position(row, "start_sample")?, position(row, "end_sample")?);
    if end < start {
        return Err(Error::Unreadable { what: "stretch of time" });
    }
    Ok(SampleSpan::new(start, end))
}

fn position(row: &SqliteRow, column: &'static str) -> Result<SamplePos, Error> {
    let samples: i64 = get(row, column)?;
    u64::try_from(samples).map(SamplePos).map_err(|_| Error::Unreadable { what: column })
}

pub(super) fn samples(position: SamplePos) -> Result<i64, Error> {
    i64::try_from(position.0).map_err(|_| Error::TooLarge { what: "position" })
}

fn instant(milliseconds: i64) -> Result<Timestamp, Error> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| Error::Unreadable { what: "instant" })
}
