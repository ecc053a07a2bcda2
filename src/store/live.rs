//! A call that is kept while it goes on: begun, one final after the other, completed.
//!
//! Each step is a transaction of its own, on disk when it returns. A final may be announced from then on: whatever
//! happens to the process, it is there.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::calls::{call_id, get, insert_utterance, put, samples};
use super::{Error, Store};
use crate::call::event::CallEndReason;
use crate::call::{CallId, CallRecord, Channel, Utterance};

/// What is known of a live call when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCall {
    /// Identity of the call.
    pub id: CallId,
    /// Where it came from, as [`CallRecord::source`].
    pub source: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Name of the recognition model.
    pub model: String,
    /// Who is heard.
    pub channels: Vec<Channel>,
}

/// One final of a live call.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveFinal {
    /// The call, which must have begun.
    pub call: CallId,
    /// Number of the final in its call, never used twice.
    pub number: u64,
    /// What was said.
    pub utterance: Utterance,
    /// Numbers of finals that this one takes the place of.
    pub replaces: Vec<u64>,
}

impl Store {
    /// Keeps a call that begins.
    ///
    /// # Errors
    /// [`Error::Database`], also when there is a call of this identity; nothing was kept.
    pub async fn begin_live_call(&self, call: &LiveCall) -> Result<(), Error> {
        let failed = |source| Error::Database { doing: "begin a call", source };
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let key: i64 = sqlx::query_scalar(
            "INSERT INTO calls (id, source, started_at_ms, created_at_ms, end_sample, model, rejected_segments, \
             is_live) VALUES (?, ?, ?, ?, 0, ?, 0, 1) RETURNING key",
        )
        .bind(call.id.0.as_bytes().as_slice())
        .bind(&call.source)
        .bind(call.started_at.as_millisecond())
        .bind(call.started_at.as_millisecond())
        .bind(&call.model)
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
        super::calls::insert_channels(&mut transaction, key, &call.channels).await?;
        transaction.commit().await.map_err(failed)
    }

    /// Keeps one final of a live call and forgets those it replaces. When it returns, the final is on disk.
    ///
    /// # Errors
    /// [`Error::Database`], also when there is no such call; what was kept before still is.
    pub async fn append_live_final(&self, spoken: &LiveFinal) -> Result<(), Error> {
        let failed = |source| Error::Database { doing: "keep a final", source };
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let key: i64 = sqlx::query_scalar("SELECT key FROM calls WHERE id = ?")
            .bind(spoken.call.0.as_bytes().as_slice())
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
        for number in &spoken.replaces {
            sqlx::query("DELETE FROM utterances WHERE call_key = ? AND position = ?")
                .bind(key)
                .bind(place(*number)?)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        insert_utterance(&mut transaction, (key, place(spoken.number)?), &spoken.utterance).await?;
        sqlx::query("UPDATE calls SET end_sample = max(end_sample, ?) WHERE key = ?")
            .bind(samples(spoken.utterance.span.end)?)
            .bind(key)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Puts the complete record of a live call in the place of what was kept of it while it went on.
    ///
    /// # Errors
    /// As [`Store::put_call`]; the call is then as it was.
    pub async fn complete_live_call(&self, record: &CallRecord, reason: CallEndReason) -> Result<(), Error> {
        let failed = |source| Error::Database { doing: "complete a call", source };
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        put(&mut transaction, record).await?;
        mark(&mut transaction, record.id, reason).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Calls that have begun and are not complete, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn incomplete_live_calls(&self) -> Result<Vec<CallId>, Error> {
        let rows = sqlx::query("SELECT id FROM calls WHERE is_live = 1 ORDER BY key")
            .fetch_all(&self.pool)
            .await
            .map_err(|source| Error::Database { doing: "look for calls that were cut off", source })?;
        rows.iter().map(|row| get::<Vec<u8>>(row, "id").and_then(|id| call_id(&id))).collect()
    }

    /// Why a live call ended; `None` for a recording, a call that goes on, and one that is not there.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn end_reason(&self, id: CallId) -> Result<Option<String>, Error> {
        let reason: Option<Option<String>> = sqlx::query_scalar("SELECT end_reason FROM calls WHERE id = ?")
            .bind(id.0.as_bytes().as_slice())
            .fetch_optional(&self.pool)
            .await
            .map_err(|source| Error::Database { doing: "read a call", source })?;
        Ok(reason.flatten())
    }
}

async fn mark(
    connection: &mut SqliteConnection,
    id: CallId,
    reason: CallEndReason,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE calls SET end_reason = ? WHERE id = ?")
        .bind(reason.name())
        .bind(id.0.as_bytes().as_slice())
        .execute(connection)
        .await
        .map(|_| ())
}

/// A number as a position in the table.
fn place(number: u64) -> Result<i64, Error> {
    i64::try_from(number).map_err(|_| Error::TooLarge { what: "number of a final" })
}
