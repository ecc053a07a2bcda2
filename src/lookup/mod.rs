//! Look-ups in the customer's own data: SQLite, PostgreSQL, and services that answer a GET with JSON.
//!
//! ```text
//! LookUp ─▶ kept answer? ─▶ under way? wait for it ─▶ source: place, connection, query with bound values ─▶ Row
//! ```
//!
//! Invariants: values are bound or percent-encoded, never part of a query; a look-up takes no longer than the time-out of
//! its source, waiting for a connection included; no error and no log line holds a value; nothing is written to a source.
//! Failures are not kept. A source is connected to when it is first asked, and again after a failure.
//!
//! It does not say anything (`dialog`), does not check queries (`scenario`; it has them prepared for who does) and does not refresh catalogues by itself.

mod catalog;
mod cell;
mod error;
mod http;
mod memory;
mod pool;
mod postgres;
mod prepared;
mod sqlite;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use error::Error;
pub use prepared::Prepared;

use self::memory::{Answers, Flights, Found, Key, Landing};
use crate::clock::Clock;
use crate::dialog::plan::SourceKind;
use crate::dialog::{Input, LookUp, LookUpFailed, Plan, Row};
use crate::redact::Redacted;

/// A query that every database takes, whatever it holds.
const ANY_QUERY: &str = "SELECT 1 AS one";

/// Parameter → value.
pub type Parameters = BTreeMap<String, Redacted<String>>;

/// The sources of a scenario. Cloning shares them. To be asked on one tokio runtime, which owns their connections.
#[derive(Clone)]
pub struct Sources {
    clock: Arc<dyn Clock>,
    by_name: Arc<BTreeMap<String, Arc<Source>>>,
    answers: Arc<Mutex<Answers>>,
    flights: Arc<Flights>,
}

/// What came of a look-up.
#[derive(Clone, PartialEq)]
pub struct LookedUp {
    /// The first row, that there is none, or why that is not known.
    pub result: Result<Option<Row>, Error>,
    /// How long it took, waiting included.
    pub took: Duration,
    /// Whether an earlier answer was still good.
    pub cached: bool,
}

struct Source {
    name: String,
    timeout: Duration,
    good_for: Duration,
    backend: Backend,
}

enum Backend {
    Sqlite(sqlite::Database),
    Postgres(Box<postgres::Database>),
    Http(http::Service),
    /// Known to be unusable from the start, and why.
    Unusable(Error),
}

/// What a source is asked.
struct Question {
    query: String,
    columns: BTreeMap<String, String>,
    parameters: Parameters,
    rows_max: usize,
}

impl Sources {
    /// The sources of `plan`. Connects to nothing; whatever is wrong with a source is the answer to its look-ups.
    /// `environment` gives the value of a variable: addresses and keys are there.
    pub fn open(plan: &Plan, environment: impl Fn(&str) -> Option<String>, clock: Arc<dyn Clock>) -> Self {
        let source = |name: &String, source: &crate::dialog::plan::SourcePlan| {
            let backend = Backend::open((name, &source.kind), source.timeout, &environment, &clock);
            let backend = backend.unwrap_or_else(Backend::Unusable);
            Source { name: name.clone(), timeout: source.timeout, good_for: source.cache, backend }
        };
        let by_name =
            plan.sources.iter().map(|(name, plan)| (name.clone(), Arc::new(source(name, plan)))).collect();
        Self { clock, by_name: Arc::new(by_name), answers: Arc::default(), flights: Arc::default() }
    }

    /// Looks one row up, within the time-out of its source. A kept answer is given at once; the same look-up is never
    /// under way twice. When this is dropped, the look-up goes on and its answer is kept for the next who asks.
    pub async fn look_up(&self, wanted: &LookUp) -> LookedUp {
        let began = self.clock.monotonic();
        let (result, cached) = self.answer(wanted).await;
        if let Err(error) = &result {
            tracing::warn!(source = wanted.source, %error, "look-up failed");
        }
        LookedUp { result, took: self.clock.monotonic().saturating_duration_since(began), cached }
    }

    /// At most `rows_max` rows, always fresh, within the time-out of the source: for catalogues and customer records.
    ///
    /// # Errors
    /// See [`Error`].
    #[expect(clippy::too_many_arguments, reason = "whom to ask, what, with what, and how much of it")]
    pub async fn rows(
        &self,
        source: &str,
        query: &str,
        parameters: &Parameters,
        rows_max: usize,
    ) -> Result<Vec<Row>, Error> {
        let source = self.source(source)?;
        let question = Question {
            query: query.to_owned(),
            columns: BTreeMap::new(),
            parameters: parameters.clone(),
            rows_max,
        };
        source.ask(question).await
    }

    /// Whether a source answers at all, within its time-out: a database takes a query, a service gives any answer to a
    /// request without values.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn reach(&self, source: &str) -> Result<(), Error> {
        self.source(source)?.reach().await
    }

    fn source(&self, name: &str) -> Result<&Arc<Source>, Error> {
        self.by_name.get(name).ok_or_else(|| Error::UnknownSource { name: name.to_owned() })
    }

    async fn answer(&self, wanted: &LookUp) -> (Found, bool) {
        let source = match self.source(&wanted.source) {
            Ok(source) => source,
            Err(error) => return (Err(error), false),
        };
        let key = Key::of(wanted);
        let kept =
            self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&key, self.clock.monotonic());
        if let Some(row) = kept {
            return (Ok(row), true);
        }
        let mut joined = self.flights.join(&key);
        if let Some(landing) = joined.landing {
            self.start(source, key, (wanted, landing));
        }
        let answer = joined.answer.wait_for(Option::is_some);
        let found = match tokio::time::timeout(source.timeout, answer).await {
            Err(_) => Err(source.timed_out()),
            Ok(Err(_)) => Err(Error::BrokenOff { name: source.name.clone() }),
            Ok(Ok(found)) => {
                found.clone().unwrap_or_else(|| Err(Error::BrokenOff { name: source.name.clone() }))
            }
        };
        (found, false)
    }

    /// Asks the source in a task of its own: a caller who hangs up must not take the answer from others who wait for it.
    fn start(&self, source: &Arc<Source>, key: Key, (wanted, landing): (&LookUp, Landing)) {
        let question = Question {
            query: wanted.query.clone(),
            columns: wanted.columns.clone(),
            parameters: wanted.parameters.clone(),
            rows_max: 1,
        };
        let (source, clock, answers) =
            (Arc::clone(source), Arc::clone(&self.clock), Arc::clone(&self.answers));
        tokio::spawn(async move {
            let found = source.ask(question).await.map(|rows| rows.into_iter().next());
            if let Ok(row) = &found {
                let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                answers.put(key, row.clone(), (clock.monotonic(), source.good_for));
            }
            landing.announce(found);
        });
    }
}

impl Source {
    async fn ask(&self, question: Question) -> Result<Vec<Row>, Error> {
        self.within_time(async {
            match &self.backend {
                Backend::Sqlite(database) => database.ask(&question).await,
                Backend::Postgres(database) => database.ask(&question).await,
                Backend::Http(service) => service.ask(question).await,
                Backend::Unusable(error) => Err(error.clone()),
            }
        })
        .await
    }

    async fn reach(&self) -> Result<(), Error> {
        let question = Question {
            query: ANY_QUERY.to_owned(),
            columns: BTreeMap::new(),
            parameters: Parameters::new(),
            rows_max: 1,
        };
        self.within_time(async {
            match &self.backend {
                Backend::Sqlite(database) => database.ask(&question).await.map(drop),
                Backend::Postgres(database) => database.ask(&question).await.map(drop),
                Backend::Http(service) => service.reach().await,
                Backend::Unusable(error) => Err(error.clone()),
            }
        })
        .await
    }

    async fn within_time<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(self.timeout, answer).await.unwrap_or_else(|_| Err(self.timed_out()))
    }

    fn timed_out(&self) -> Error {
        Error::TimedOut { name: self.name.clone(), limit: self.timeout }
    }
}

impl Backend {
    fn open(
        (name, kind): (&str, &SourceKind),
        timeout: Duration,
        environment: &dyn Fn(&str) -> Option<String>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let variable = |variable: &str| {
            let unset = || Error::Unset { name: name.to_owned(), variable: variable.to_owned() };
            environment(variable).filter(|value| !value.is_empty()).ok_or_else(unset)
        };
        let common = Common { name: name.to_owned(), timeout, clock: Arc::clone(clock) };
        Ok(match kind {
            SourceKind::Sqlite { path } => Self::Sqlite(sqlite::Database::new(common, path.clone())),
            SourceKind::Postgres { url_env } => {
                Self::Postgres(Box::new(postgres::Database::new(common, &variable(url_env)?)?))
            }
            SourceKind::Http { url, header_env } => {
                let headers =
                    header_env.iter().map(|(header, name)| Ok((header.clone(), variable(name)?.into())));
                let headers = headers.collect::<Result<Vec<_>, Error>>()?;
                Self::Http(http::Service::new(common, url, headers, environment("SSL_CERT_FILE").as_deref())?)
            }
        })
    }
}

/// What every kind of source has.
struct Common {
    name: String,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Common {
    fn address(&self, problem: &'static str) -> Error {
        Error::Address { name: self.name.clone(), problem }
    }

    fn unreachable(&self, why: impl Into<String>) -> Error {
        Error::Unreachable { name: self.name.clone(), why: why.into() }
    }

    fn query(&self, problem: impl Into<String>) -> Error {
        Error::Query { name: self.name.clone(), problem: problem.into() }
    }
}

impl From<LookedUp> for Input {
    fn from(looked_up: LookedUp) -> Self {
        Self::LookedUp(looked_up.result.map_err(|_| LookUpFailed))
    }
}

impl fmt::Debug for LookedUp {
    /// Without the row: it is about a caller.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = self.result.as_ref().map(|row| row.as_ref().map(|_| "[redacted]"));
        formatter
            .debug_struct("LookedUp")
            .field("result", &result)
            .field("took", &self.took)
            .field("cached", &self.cached)
            .finish()
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.by_name.keys()).finish()
    }
}
