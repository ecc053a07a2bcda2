//! A SQLite file of the customer, opened read-only; other programs may write to it, or put another in its place.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow, SqliteStatement};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Decode, Executor as _, Row as _, SqlSafeStr as _,
    Sqlite, Statement as _, TypeInfo as _, ValueRef as _,
};

use super::cell::bounded;
use super::pool::{Place, Pool};
use super::prepared::Prepared;
use super::statement::{Dialect, Statement};
use super::{Common, Error, Question};
use crate::dialog::{Cell, Row};

/// Steps of SQLite's machine between two looks at whether anybody still waits: some tens of microseconds.
const STEPS: i32 = 1_000;

/// SQLite's own codes (<https://sqlite.org/rescode.html>), the lower byte of the extended ones.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;

pub(super) struct Database {
    common: Common,
    path: PathBuf,
    pool: Pool<Opened>,
}

/// A connection, and the file that it is a connection to.
struct Opened {
    connection: SqliteConnection,
    file: Option<FileId>,
    /// Ends the statement at work when nobody waits for it any more.
    _guard: Abandon,
}

/// Says that a connection was given up, once dropped.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Database {
    pub(super) fn new(common: Common, path: PathBuf) -> Self {
        Self { common, path, pool: Pool::new() }
    }

    pub(super) async fn ask(&self, question: &Question) -> Result<Vec<Row>, Error> {
        let statement = self.statement(&question.query)?;
        let place = self.pool.place().await;
        let mut opened = self.opened(&place).await?;
        let rows = self.run(&mut opened.connection, &statement, question).await?;
        place.keep(opened, self.common.clock.monotonic());
        Ok(rows)
    }

    pub(super) async fn prepare(&self, query: &str) -> Result<Prepared, Error> {
        let statement = self.statement(query)?;
        let place = self.pool.place().await;
        let mut opened = self.opened(&place).await?;
        let prepared = self.prepared(&mut opened.connection, &statement).await?;
        place.keep(opened, self.common.clock.monotonic());
        let columns = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
        Ok(Prepared { columns, parameters: statement.names })
    }

    fn statement(&self, query: &str) -> Result<Statement, Error> {
        Statement::read(query, Dialect::Sqlite).map_err(|mistake| self.common.query(mistake.to_string()))
    }

    /// The connection used last, if it is to the file that is there now, else a new one.
    async fn opened(&self, place: &Place<'_, Opened>) -> Result<Opened, Error> {
        let file = file_id(&self.path).await.map_err(|error| self.common.unreachable(error.to_string()))?;
        match place.idle(self.common.clock.monotonic()).filter(|opened| opened.file == file) {
            Some(opened) => Ok(opened),
            None => self.connect(file).await,
        }
    }

    async fn connect(&self, file: Option<FileId>) -> Result<Opened, Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .create_if_missing(false)
            .immutable(false)
            // Gives up before the look-up does, so that the error can say why.
            .busy_timeout(self.common.timeout * 9 / 10)
            .disable_statement_logging();
        let failed = |error| self.failed_unbound(&error, |why| self.common.unreachable(why));
        let mut connection = options.connect().await.map_err(failed)?;
        let abandoned = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&abandoned);
        let goes_on = move || !seen.load(Ordering::Relaxed);
        connection.lock_handle().await.map_err(failed)?.set_progress_handler(STEPS, goes_on);
        Ok(Opened { connection, file, _guard: Abandon(abandoned) })
    }

    async fn run(
        &self,
        connection: &mut SqliteConnection,
        statement: &Statement,
        question: &Question,
    ) -> Result<Vec<Row>, Error> {
        // Apart from the run: what SQLite says here cannot hold a value.
        self.prepared(connection, statement).await?;
        let mut query = sqlx::query::<Sqlite>(AssertSqlSafe(statement.sql.as_str()).into_sql_str());
        for name in &statement.names {
            query = query.bind(question.parameters.get(name).map(|value| value.reveal().clone()));
        }
        let mut found = query.fetch(connection);
        let mut rows = Vec::new();
        while rows.len() < question.rows_max {
            match found.try_next().await.map_err(|error| self.failed_bound(&error))? {
                Some(row) => rows.push(self.row(&row)?),
                None => break,
            }
        }
        Ok(rows)
    }

    async fn prepared(
        &self,
        connection: &mut SqliteConnection,
        statement: &Statement,
    ) -> Result<SqliteStatement, Error> {
        let sql = AssertSqlSafe(statement.sql.as_str()).into_sql_str();
        let prepared = connection.prepare(sql).await;
        prepared.map_err(|error| self.failed_unbound(&error, |problem| self.common.query(problem)))
    }

    fn row(&self, found: &SqliteRow) -> Result<Row, Error> {
        let mut row = Row::new();
        for column in found.columns() {
            let name = column.name();
            let wrong =
                |problem| Error::Column { name: self.common.name.clone(), column: name.to_owned(), problem };
            let value = found.try_get_raw(column.ordinal()).map_err(|error| self.failed_bound(&error))?;
            let unreadable = |_| wrong("cannot be read as text");
            let cell = if value.is_null() {
                Cell::Null
            } else {
                // The type of this value, whatever the column was declared as.
                match value.type_info().name() {
                    "INTEGER" => Cell::Whole(<i64 as Decode<Sqlite>>::decode(value).map_err(unreadable)?),
                    "REAL" => Cell::Real(<f64 as Decode<Sqlite>>::decode(value).map_err(unreadable)?),
                    "TEXT" => Cell::Text(<String as Decode<Sqlite>>::decode(value).map_err(unreadable)?),
                    _ => return Err(wrong("holds bytes, not a value")),
                }
            };
            row.insert(name.to_owned(), cell);
        }
        bounded(&self.common.name, row)
    }

    /// An error from before a value was bound: its words are SQLite's and the scenario's.
    fn failed_unbound(&self, error: &sqlx::Error, otherwise: impl Fn(String) -> Error) -> Error {
        match error.as_database_error() {
            Some(found) if is_locked(found.code().as_deref()) => {
                Error::Locked { name: self.common.name.clone() }
            }
            Some(found) => otherwise(found.message().to_owned()),
            None => otherwise(error.to_string()),
        }
    }

    /// An error from after a value was bound: only its code is safe to tell.
    fn failed_bound(&self, error: &sqlx::Error) -> Error {
        let name = self.common.name.clone();
        match error.as_database_error().map(|found| found.code()) {
            Some(code) if is_locked(code.as_deref()) => Error::Locked { name },
            Some(Some(code)) => Error::Failed { name, code: format!("SQLite {code}") },
            Some(None) | None => Error::BrokenOff { name },
        }
    }
}

fn is_locked(code: Option<&str>) -> bool {
    let code: Option<i32> = code.and_then(|code| code.parse().ok());
    code.is_some_and(|code| [BUSY, LOCKED].contains(&(code & 0xFF)))
}

/// Tells a file from another of the same name. An open file keeps its number, so two are never confused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

/// `None` where a file that is open cannot be replaced.
async fn file_id(path: &Path) -> io::Result<Option<FileId>> {
    let metadata = tokio::fs::metadata(path).await?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Ok(Some(FileId { device: metadata.dev(), inode: metadata.ino() }))
    }
    #[cfg(not(unix))]
    {
        drop(metadata);
        Ok(None)
    }
}
