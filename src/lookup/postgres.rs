//! A PostgreSQL database of the customer.
//!
//! The query is wrapped so that the server writes each row as JSON: every type of column arrives as a number or as the
//! text that the server itself would show. Parameters are texts; where another type is needed the author casts them
//! (`:client::int`).

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgStatement};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Postgres,
    SqlSafeStr as _, SqlStr, Statement as _,
};

use super::cell;
use super::pool::{Place, Pool};
use super::prepared::Prepared;
use super::statement::{Dialect, Statement};
use super::{Common, Error, Question};
use crate::dialog::Row;

pub(super) struct Database {
    common: Common,
    options: PgConnectOptions,
    pool: Pool<PgConnection>,
}

impl Database {
    pub(super) fn new(common: Common, url: &str) -> Result<Self, Error> {
        // Another scheme would be read as an address all the same.
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(common.address("its address must begin with postgres://"));
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| common.address("its address is not postgres://user:password@host/database"))?;
        Ok(Self { common, options: options.disable_statement_logging(), pool: Pool::new() })
    }

    pub(super) async fn ask(&self, question: &Question) -> Result<Vec<Row>, Error> {
        let statement = self.statement(&question.query)?;
        let place = self.pool.place().await;
        let mut connection = self.opened(&place).await?;
        let rows = self.run(&mut connection, &statement, question).await?;
        place.keep(connection, self.common.clock.monotonic());
        Ok(rows)
    }

    pub(super) async fn prepare(&self, query: &str) -> Result<Prepared, Error> {
        let statement = self.statement(query)?;
        let place = self.pool.place().await;
        let mut connection = self.opened(&place).await?;
        let wrapped = format!("select * from (\n{}\n) q", statement.sql);
        let sql = AssertSqlSafe(wrapped).into_sql_str();
        let prepared = self.prepared(&mut connection, sql, statement.names.len()).await?;
        place.keep(connection, self.common.clock.monotonic());
        let columns = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
        Ok(Prepared { columns, parameters: statement.names })
    }

    fn statement(&self, query: &str) -> Result<Statement, Error> {
        Statement::read(query, Dialect::Postgres).map_err(|mistake| self.common.query(mistake.to_string()))
    }

    /// The connection used last, if the server still knows it, else a new one.
    async fn opened(&self, place: &Place<'_, PgConnection>) -> Result<PgConnection, Error> {
        match self.living(place.idle(self.common.clock.monotonic())).await {
            Some(connection) => Ok(connection),
            None => self.connect().await,
        }
    }

    /// What the server makes of `sql`, whose parameters are texts.
    async fn prepared(
        &self,
        connection: &mut PgConnection,
        sql: SqlStr,
        parameters: usize,
    ) -> Result<PgStatement, Error> {
        let texts = vec![<str as sqlx::Type<Postgres>>::type_info(); parameters];
        connection.prepare_with(sql, &texts).await.map_err(|error| {
            let said = error.as_database_error().map(|found| found.message().to_owned());
            said.map_or_else(|| self.failed(&error), |problem| self.common.query(problem))
        })
    }

    /// The connection, if the server still knows it: it may have been restarted.
    async fn living(&self, idle: Option<PgConnection>) -> Option<PgConnection> {
        let mut connection = idle?;
        connection.ping().await.ok()?;
        Some(connection)
    }

    async fn connect(&self) -> Result<PgConnection, Error> {
        let mut connection = self.options.connect().await.map_err(|error| self.not_connected(&error))?;
        // A statement that nobody waits for ends by itself, nothing is written by mistake, and notices, which sqlx logs,
        // stay where they are: a function may put a value into one.
        let settings = format!(
            "set statement_timeout = {}; set default_transaction_read_only = on; set client_min_messages = error",
            self.common.timeout.as_millis().max(1)
        );
        sqlx::raw_sql(AssertSqlSafe(settings))
            .execute(&mut connection)
            .await
            .map_err(|error| self.not_connected(&error))?;
        Ok(connection)
    }

    async fn run(
        &self,
        connection: &mut PgConnection,
        statement: &Statement,
        question: &Question,
    ) -> Result<Vec<Row>, Error> {
        // The line ends end a comment at the end of the query.
        let wrapped =
            format!("select row_to_json(q)::text from (\n{}\n) q limit {}", statement.sql, question.rows_max);
        let sql = AssertSqlSafe(wrapped).into_sql_str();
        // Apart from the run: what the server says here cannot hold a value.
        self.prepared(connection, sql.clone(), statement.names.len()).await?;
        let mut query = sqlx::query_scalar::<Postgres, String>(sql);
        for name in &statement.names {
            query = query.bind(question.parameters.get(name).map(|value| value.reveal().clone()));
        }
        let rows = query.fetch_all(connection).await.map_err(|error| self.failed(&error))?;
        rows.iter().map(|row| self.row(row)).collect()
    }

    fn row(&self, text: &str) -> Result<Row, Error> {
        let broken = || Error::NotJson { name: self.common.name.clone() };
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| broken())?;
        cell::row(&self.common.name, value.as_object().ok_or_else(broken)?)
    }

    /// There was no value yet; the server's own words say whether it is the password, the database or the address.
    fn not_connected(&self, error: &sqlx::Error) -> Error {
        self.common.unreachable(
            error.as_database_error().map_or_else(|| error.to_string(), |found| found.message().to_owned()),
        )
    }

    /// Values were bound: only the code is safe to tell.
    fn failed(&self, error: &sqlx::Error) -> Error {
        let name = self.common.name.clone();
        if let sqlx::Error::Io(error) = error {
            return self.common.unreachable(error.kind().to_string());
        }
        let Some(found) = error.as_database_error() else { return Error::BrokenOff { name } };
        match found.code().as_deref() {
            // query_canceled: its statement time-out came before ours
            Some("57014") => Error::TimedOut { name, limit: self.common.timeout },
            // admin_shutdown, crash_shutdown, cannot_connect_now
            Some("57P01" | "57P02" | "57P03") => self.common.unreachable("the server stops or starts"),
            code => Error::Failed { name, code: format!("SQLSTATE {}", code.unwrap_or("unknown")) },
        }
    }
}
