//! What a database says of a query before it is run.

use super::{Backend, Error, Source, Sources};

/// A query that the database understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The columns of its rows, in order.
    pub columns: Vec<String>,
    /// The parameters that it has, each once.
    pub parameters: Vec<String>,
}

impl Sources {
    /// Has `query` prepared by a database without running it, within the time-out of the source; `None` for a service,
    /// which has no queries.
    ///
    /// # Errors
    /// [`Error::Query`] with the database's own words when it does not understand the query, else see [`Error`].
    pub async fn prepare(&self, source: &str, query: &str) -> Result<Option<Prepared>, Error> {
        self.source(source)?.prepare(query).await
    }
}

impl Source {
    async fn prepare(&self, query: &str) -> Result<Option<Prepared>, Error> {
        self.within_time(async {
            match &self.backend {
                Backend::Sqlite(database) => database.prepare(query).await.map(Some),
                Backend::Postgres(database) => database.prepare(query).await.map(Some),
                Backend::Http(_) => Ok(None),
                Backend::Unusable(error) => Err(error.clone()),
            }
        })
        .await
    }
}
