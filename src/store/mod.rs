//! The embedded store: calls, what was made of them, and the search over every word.
//!
//! Last stop of a call. One SQLite file in write-ahead mode; a recording is written in one transaction, its index rows by
//! triggers in the same one, so a process that dies leaves either the whole call or nothing of it. A live call is
//! written final by final, each in a transaction of its own. This is the only
//! module that takes spoken text out of its wrapper to keep it.
//!
//! Positions are samples at 16 kHz, as everywhere; instants are kept to the millisecond. The store keeps no audio,
//! masks nothing and does not decide how long a call is kept.

mod calls;
mod claim;
mod decisions;
mod live;
mod outbox;
mod packed;
mod query;
mod search;
mod terms;
#[cfg(test)]
mod tests;

pub use calls::{CallFilter, CallSummary};
pub use claim::{Claim, Claimed};
pub use decisions::DecisionQuery;
pub use live::{LiveCall, LiveFinal};
pub use outbox::{MadeRoom, Message, Waiting};
pub use query::QueryError;
pub use search::{Hit, Query, Snippet};

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// `PRAGMA application_id` of an Allo store, "Allo" in ASCII; set by the first migration.
const APPLICATION_ID: i64 = 0x416C_6C6F;

/// How long a writer waits for another process's transaction. A call is written in milliseconds; shorter than a
/// second makes two batch runs into one store fail for nothing, longer than a minute looks like a hang.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Readers beside the one writer that SQLite allows; more only wait for the disk.
const CONNECTIONS_MAX: u32 = 4;

/// What went wrong with the store. The call in hand is still alive and may be put again, except where said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or file of the store could not be made.
    #[error("cannot create the store {}\nhint: set ALLO_HOME to a folder you may write to", path.display())]
    Create {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file could not be opened as a database.
    #[error("cannot open the store {}\nhint: restore a copy of it, or move it away for a new one", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// The file is a database of another program.
    #[error("{} is a database of another program, not an Allo store\nhint: move it away, or name another folder with ALLO_HOME", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer Allo wrote it; writing to it could lose what this version does not know.
    #[error(
        "the store {} has version {found}, this Allo knows versions up to {known}\nhint: update Allo, or name another folder with ALLO_HOME",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: i64,
        /// Newest version that is understood.
        known: i64,
    },
    /// The file could not be brought to this version; it is as it was before.
    #[error("cannot bring the store {} up to date", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed: disk full, locked for too long, damaged file. Nothing of it was kept.
    #[error("the store failed while it was to {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// A row holds what this version cannot have written.
    #[error("the store holds a {what} that cannot be read\nhint: `allo doctor` checks it")]
    Unreadable {
        /// Which value.
        what: &'static str,
    },
    /// A number is larger than the store can hold.
    #[error("a {what} is too large to be kept")]
    TooLarge {
        /// Which value.
        what: &'static str,
    },
    /// The text cannot be searched for.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// One thing that is wrong with a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is damaged; what SQLite says about it. Restore a copy.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// Rows that name a call which is gone.
    #[error("the table {table} names calls that are gone")]
    Orphans {
        /// The table they are in.
        table: String,
    },
    /// The search index does not agree with the calls; [`Store::rebuild_index`] mends it.
    #[error("the search index does not agree with the calls")]
    IndexOutOfStep,
    /// The file is not of the version of this Allo.
    #[error("the file has version {found}, this allo knows {known}")]
    Version {
        /// Version of the file.
        found: i64,
        /// Version of this Allo.
        known: i64,
    },
}

/// A store that is open. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    /// Keeps a store in memory alive while the pool has no connection: SQLite frees such a database with its last one,
    /// and a connection that is on its way back to the pool when its runtime ends is lost.
    _anchor: Option<Arc<Mutex<SqliteConnection>>>,
}

impl Store {
    /// Opens the store in `path`, made first where there is none: folders that are missing for their owner only
    /// (0700), the file likewise (0600).
    ///
    /// # Errors
    /// [`Error::Create`], [`Error::Open`], [`Error::Foreign`], [`Error::Newer`], [`Error::Migrate`].
    pub async fn open(path: &Path) -> Result<Self, Error> {
        create_private(path)?;
        // SQLite's own locks are not enough: two processes that find a new file both switch its journal and both run the
        // first migration, and one of them fails.
        let lock = lock_beside(path).await?;
        let options = connect_options(SqliteConnectOptions::new())
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL would survive a killed process too, but not a power cut: finals are kept before they are announced.
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .connect_with(options)
            .await
            .map_err(|source| Error::Open { path: path.to_owned(), source })?;
        migrate(&pool, path).await?;
        drop(lock);
        Ok(Self { pool, _anchor: None })
    }

    /// A store that is gone with its last clone, for tests.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn in_memory() -> Result<Self, Error> {
        let path = Path::new(":memory:");
        let opened = |source| Error::Open { path: path.to_owned(), source };
        // This address, unlike the option, names a memory of its own that all its connections share.
        let options = connect_options("sqlite::memory:".parse().map_err(opened)?);
        let anchor = options.connect().await.map_err(opened)?;
        // Connections that share a memory refuse each other instead of waiting.
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(opened)?;
        migrate(&pool, path).await?;
        Ok(Self { pool, _anchor: Some(Arc::new(Mutex::new(anchor))) })
    }

    /// Waits for running statements and closes the file; the write-ahead log is folded into it.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Looks for damage, orphans, an index out of step and a foreign version; empty when all is well. Reads the whole
    /// file.
    ///
    /// # Errors
    /// [`Error::Database`] when the checks themselves cannot run.
    pub async fn check(&self) -> Result<Vec<Problem>, Error> {
        let failed = |source| Error::Database { doing: "check itself", source };
        // A connection of its own: SQLite checks a full-text index against what the connection remembers of it, which is
        // old (and then reported as damage) when another one of the pool made it anew.
        let mut connection = self.pool.connect_options().connect().await.map_err(failed)?;
        let problems = check_through(&mut connection).await.map_err(failed)?;
        connection.close().await.map_err(failed)?;
        Ok(problems)
    }

    /// Makes the search index anew from the calls.
    ///
    /// # Errors
    /// [`Error::Database`]; the old index is then still in place.
    pub async fn rebuild_index(&self) -> Result<(), Error> {
        sqlx::query("INSERT INTO utterance_index (utterance_index) VALUES ('rebuild')")
            .execute(&self.pool)
            .await
            .map_err(|source| Error::Database { doing: "rebuild the search index", source })?;
        Ok(())
    }
}

async fn check_through(connection: &mut SqliteConnection) -> Result<Vec<Problem>, sqlx::Error> {
    let mut problems = Vec::new();
    let findings: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut *connection).await?;
    problems.extend(findings.into_iter().filter(|finding| finding != "ok").map(Problem::Damaged));
    let orphans: Vec<String> = sqlx::query_scalar("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check")
        .fetch_all(&mut *connection)
        .await?;
    problems.extend(orphans.into_iter().map(|table| Problem::Orphans { table }));
    match sqlx::query("INSERT INTO utterance_index (utterance_index, rank) VALUES ('integrity-check', 1)")
        .execute(&mut *connection)
        .await
    {
        Ok(_) => {}
        Err(sqlx::Error::Database(_)) => problems.push(Problem::IndexOutOfStep),
        Err(source) => return Err(source),
    }
    let (found, known) = (applied_version(connection).await?, known_version());
    if found != known {
        problems.push(Problem::Version { found, known });
    }
    Ok(problems)
}

fn connect_options(base: SqliteConnectOptions) -> SqliteConnectOptions {
    base.foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // What is deleted is overwritten, not only unlinked: deleting a call is a promise to the caller.
        .pragma("secure_delete", "ON")
}

async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), Error> {
    let opening = |source| Error::Open { path: path.to_owned(), source };
    let mut acquired = pool.acquire().await.map_err(opening)?;
    let connection: &mut SqliteConnection = &mut acquired;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *connection)
        .await
        .map_err(opening)?;
    if tables > 0 {
        let owner: i64 =
            sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(opening)?;
        let found = applied_version(connection).await.map_err(opening)?;
        // Version 0: a first migration that was cut off; it left only sqlx's own table.
        if owner != APPLICATION_ID
            && !(owner == 0 && found == 0 && has_migrations_table(connection).await.map_err(opening)?)
        {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        let known = known_version();
        if found > known {
            return Err(Error::Newer { path: path.to_owned(), found, known });
        }
    }
    MIGRATIONS.run(connection).await.map_err(|source| Error::Migrate { path: path.to_owned(), source })
}

async fn has_migrations_table(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')")
        .fetch_one(connection)
        .await
}

/// Version of the newest migration that was applied; 0 for none.
async fn applied_version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    if !has_migrations_table(connection).await? {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await
}

fn known_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Makes folder and file readable for their owner only. SQLite gives its companion files (log, shared memory) the
/// rights of the database, so the file has to exist with the right ones before SQLite opens it.
fn create_private(path: &Path) -> Result<(), Error> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folders()
            .create(folder)
            .map_err(|source| Error::Create { path: folder.to_owned(), source })?;
    }
    match private_file().open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::Create { path: path.to_owned(), source }),
    }
}

/// Waits until no other process is opening the store in `path`. The lock is that of the file `<path>.lock` and ends when
/// the value is dropped or its process dies; the file stays, since removing it could part two that wait for it.
async fn lock_beside(path: &Path) -> Result<std::fs::File, Error> {
    let path = beside(path, "lock");
    let failed = |source| Error::Create { path: path.clone(), source };
    let file = lock_file(&path).map_err(failed)?;
    // On a thread of its own: who holds the lock may need this one to go on.
    let locking = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
    locking.await.map_err(|error| failed(error.into()))?.map_err(failed)
}

/// The path of the file that goes with the store in `path`.
fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

/// A file that is only ever locked, made where there is none.
fn lock_file(path: &Path) -> std::io::Result<std::fs::File> {
    private_file().create_new(false).create(true).truncate(false).open(path)
}

fn private_folders() -> std::fs::DirBuilder {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
