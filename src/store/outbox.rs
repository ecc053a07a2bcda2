//! Messages to the customer's own systems, kept until they are delivered or given up.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::calls::{call_id, get};
use super::{Error, Store};
use crate::call::CallId;
use crate::redact::Redacted;

/// A message to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Name of the receiver.
    pub receiver: String,
    /// The same on every attempt.
    pub id: String,
    /// The call it is about.
    pub call: CallId,
    /// When it was told; kept to the millisecond.
    pub told: Timestamp,
    /// What is sent.
    pub body: Redacted<Vec<u8>>,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its key in the outbox.
    pub key: i64,
    /// The message.
    pub message: Message,
    /// Attempts that failed.
    pub attempts: u32,
}

/// Why the oldest messages of a receiver had to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeRoom {
    /// Id of the message.
    pub id: String,
    /// The call it was about.
    pub call: CallId,
}

impl Store {
    /// Keeps a message that is due at once. When its receiver has `waiting_max` messages already, the oldest make room and
    /// are returned. A message that is there already is kept once.
    ///
    /// # Errors
    /// [`Error::Database`]; the message is not kept.
    pub async fn put_message(&self, message: &Message, waiting_max: u32) -> Result<Vec<MadeRoom>, Error> {
        let failed = |source| Error::Database { doing: "keep a message", source };
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        sqlx::query(
            "INSERT INTO outbox (receiver, message_id, call_id, told_at_ms, body, due_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?4) ON CONFLICT DO NOTHING",
        )
        .bind(&message.receiver)
        .bind(&message.id)
        .bind(message.call.0.as_bytes().as_slice())
        .bind(message.told.as_millisecond())
        .bind(message.body.reveal().as_slice())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        let rows = sqlx::query(
            "DELETE FROM outbox WHERE key IN (SELECT key FROM outbox WHERE receiver = ? \
             ORDER BY key DESC LIMIT -1 OFFSET ?) RETURNING message_id, call_id",
        )
        .bind(&message.receiver)
        .bind(i64::from(waiting_max))
        .fetch_all(&mut *transaction)
        .await
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        let made_room = |row: &SqliteRow| {
            Ok(MadeRoom { id: get(row, "message_id")?, call: call_id(&get::<Vec<u8>>(row, "call_id")?)? })
        };
        rows.iter().map(made_room).collect()
    }

    /// At most `limit` messages of a receiver that are due: those that were never tried first, the newest of them first,
    /// since it is about somebody who is on the line. `under_way` are left out.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    #[expect(clippy::too_many_arguments, reason = "whose, when, but for which, and how many")]
    pub async fn due_messages(
        &self,
        receiver: &str,
        now: Timestamp,
        under_way: &[i64],
        limit: u32,
    ) -> Result<Vec<Waiting>, Error> {
        let left_out = serde_json::to_string(under_way).map_err(|_| UNREADABLE)?;
        let rows = sqlx::query(
            "SELECT key, message_id, call_id, told_at_ms, body, attempts FROM outbox \
             WHERE receiver = ? AND due_at_ms <= ? AND key NOT IN (SELECT value FROM json_each(?)) \
             ORDER BY attempts > 0, due_at_ms DESC, key DESC LIMIT ?",
        )
        .bind(receiver)
        .bind(now.as_millisecond())
        .bind(left_out)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|source| Error::Database { doing: "look for messages", source })?;
        rows.iter().map(|row| waiting(row, receiver)).collect()
    }

    /// When the next message of a receiver that is not `under_way` is due; `None` for none.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn next_message_due(
        &self,
        receiver: &str,
        under_way: &[i64],
    ) -> Result<Option<Timestamp>, Error> {
        let left_out = serde_json::to_string(under_way).map_err(|_| UNREADABLE)?;
        let due: Option<i64> = sqlx::query_scalar(
            "SELECT min(due_at_ms) FROM outbox WHERE receiver = ? \
             AND key NOT IN (SELECT value FROM json_each(?))",
        )
        .bind(receiver)
        .bind(left_out)
        .fetch_one(&self.pool)
        .await
        .map_err(|source| Error::Database { doing: "look for messages", source })?;
        due.map(|due| Timestamp::from_millisecond(due).map_err(|_| UNREADABLE)).transpose()
    }

    /// One more attempt at a message failed; it is tried again at `due`.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn put_message_off(&self, key: i64, due: Timestamp) -> Result<(), Error> {
        sqlx::query("UPDATE outbox SET attempts = attempts + 1, due_at_ms = ? WHERE key = ?")
            .bind(due.as_millisecond())
            .bind(key)
            .execute(&self.pool)
            .await
            .map(|_| ())
            .map_err(|source| Error::Database { doing: "put a message off", source })
    }

    /// A message is delivered or given up.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn remove_message(&self, key: i64) -> Result<(), Error> {
        sqlx::query("DELETE FROM outbox WHERE key = ?")
            .bind(key)
            .execute(&self.pool)
            .await
            .map(|_| ())
            .map_err(|source| Error::Database { doing: "remove a message", source })
    }

    /// How many messages wait, by receiver.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreadable`].
    pub async fn messages_waiting(&self) -> Result<Vec<(String, u64)>, Error> {
        let rows = sqlx::query(
            "SELECT receiver, count(*) AS waiting FROM outbox GROUP BY receiver ORDER BY receiver",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|source| Error::Database { doing: "count messages", source })?;
        let counted = |row: &SqliteRow| {
            let count = u64::try_from(get::<i64>(row, "waiting")?).map_err(|_| UNREADABLE)?;
            Ok((get(row, "receiver")?, count))
        };
        rows.iter().map(counted).collect()
    }
}

const UNREADABLE: Error = Error::Unreadable { what: "message" };

fn waiting(row: &SqliteRow, receiver: &str) -> Result<Waiting, Error> {
    let told = Timestamp::from_millisecond(get::<i64>(row, "told_at_ms")?).map_err(|_| UNREADABLE)?;
    Ok(Waiting {
        key: get(row, "key")?,
        attempts: u32::try_from(get::<i64>(row, "attempts")?).map_err(|_| UNREADABLE)?,
        message: Message {
            receiver: receiver.to_owned(),
            id: get(row, "message_id")?,
            call: call_id(&get::<Vec<u8>>(row, "call_id")?)?,
            told,
            body: Redacted::new(get(row, "body")?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u128) -> Message {
        Message {
            receiver: "crm".to_owned(),
            id: format!("msg_{number}"),
            call: CallId(uuid::Uuid::from_u128(number)),
            told: at(number as i64),
            body: Redacted::new(format!("{{\"number\":{number}}}").into_bytes()),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    async fn due(store: &Store, now: i64, under_way: &[i64]) -> Vec<(i64, String, u32)> {
        let due = store.due_messages("crm", at(now), under_way, 10).await.unwrap();
        due.into_iter().map(|it| (it.key, it.message.id, it.attempts)).collect()
    }

    #[tokio::test]
    async fn a_message_is_kept_once_until_it_is_delivered() {
        let store = Store::in_memory().await.unwrap();
        for _ in 0..2 {
            assert!(store.put_message(&message(1), 10).await.unwrap().is_empty());
        }
        let waiting = store.due_messages("crm", at(1), &[], 10).await.unwrap();
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].message, message(1));
        assert!(store.due_messages("other", at(1), &[], 10).await.unwrap().is_empty());
        assert_eq!(store.messages_waiting().await.unwrap(), [("crm".to_owned(), 1)]);
        store.remove_message(waiting[0].key).await.unwrap();
        assert!(due(&store, 1, &[]).await.is_empty());
        assert_eq!(store.next_message_due("crm", &[]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn fresh_messages_go_before_those_that_are_tried_again() {
        let store = Store::in_memory().await.unwrap();
        for number in 1..=3 {
            store.put_message(&message(number), 10).await.unwrap();
        }
        store.put_message_off(1, at(5)).await.unwrap();
        let (one, two, three) = ("msg_1".to_owned(), "msg_2".to_owned(), "msg_3".to_owned());
        assert_eq!(due(&store, 4, &[]).await, [(3, three, 0), (2, two.clone(), 0)]);
        assert_eq!(due(&store, 5, &[3]).await, [(2, two, 0), (1, one, 1)]);
        assert_eq!(store.next_message_due("crm", &[]).await.unwrap(), Some(at(2)));
        assert_eq!(store.next_message_due("crm", &[2, 3]).await.unwrap(), Some(at(5)));
    }

    #[tokio::test]
    async fn in_a_full_outbox_the_oldest_makes_room() {
        let store = Store::in_memory().await.unwrap();
        for number in 1..=2 {
            store.put_message(&message(number), 2).await.unwrap();
        }
        let made_room = store.put_message(&message(3), 2).await.unwrap();
        assert_eq!(made_room, [MadeRoom { id: "msg_1".to_owned(), call: message(1).call }]);
        let ids: Vec<_> = due(&store, 9, &[]).await.into_iter().map(|(_, id, _)| id).collect();
        assert_eq!(ids, ["msg_3", "msg_2"]);
    }
}
