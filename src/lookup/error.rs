//! Why a look-up gave no answer.

use std::time::Duration;

/// Why a look-up gave no answer. Names of the scenario and words of the database before it saw a value may be in it,
/// values never: callers said them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The scenario has no such source.
    #[error("the scenario has no source `{name}`\nhint: `allo intents check` finds such mistakes")]
    UnknownSource {
        /// The name that was asked for.
        name: String,
    },
    /// An environment variable is not set, or is not text.
    #[error("source `{name}` needs the environment variable {variable}\nhint: set it and start again")]
    Unset {
        /// The source.
        name: String,
        /// The variable.
        variable: String,
    },
    /// The address, a header or the certificates of the source cannot be used.
    #[error(
        "source `{name}` cannot be used: {problem}\nhint: correct [sources.{name}] or its environment variables"
    )]
    Address {
        /// The source.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is no connection to the source.
    #[error(
        "source `{name}` cannot be reached: {why}\nhint: check that it runs and that this machine may reach it"
    )]
    Unreachable {
        /// The source.
        name: String,
        /// What the system said.
        why: String,
    },
    /// Another program holds the file locked.
    #[error(
        "source `{name}` was locked by another program\nhint: keep its write transactions shorter than the time-out, or use WAL mode"
    )]
    Locked {
        /// The source.
        name: String,
    },
    /// No answer in time.
    #[error("source `{name}` did not answer within {} ms\nhint: add an index, or raise its `timeout`", limit.as_millis())]
    TimedOut {
        /// The source.
        name: String,
        /// Its time-out.
        limit: Duration,
    },
    /// The query is not one that the source understands; values were not in it yet.
    #[error(
        "source `{name}` does not understand a query: {problem}\nhint: try it in the database's own shell"
    )]
    Query {
        /// The source.
        name: String,
        /// What the scanner or the database said.
        problem: String,
    },
    /// The database gave up on the query with its values. It told why, but its words may hold a value.
    #[error(
        "source `{name}` failed on a query with error {code}\nhint: its own log says more; a text parameter may need a cast, `:client::int`"
    )]
    Failed {
        /// The source.
        name: String,
        /// The database's code of the error.
        code: String,
    },
    /// The service answered with an error.
    #[error("source `{name}` answered with status {status}")]
    Status {
        /// The source.
        name: String,
        /// HTTP status.
        status: u16,
    },
    /// The service sends elsewhere.
    #[error(
        "source `{name}` sends to another host or in circles\nhint: write the final address into [sources.{name}]"
    )]
    Redirected {
        /// The source.
        name: String,
    },
    /// The answer is not the JSON that it should be.
    #[error("source `{name}` answered, but not with the expected JSON")]
    NotJson {
        /// The source.
        name: String,
    },
    /// The answer is larger than anything that is said.
    #[error(
        "source `{name}` answered with more than {limit_bytes} bytes\nhint: ask for fewer columns or rows"
    )]
    TooLarge {
        /// The source.
        name: String,
        /// How much is taken.
        limit_bytes: usize,
    },
    /// A column is missing, or holds what cannot be said.
    #[error("source `{name}`: column `{column}` {problem}")]
    Column {
        /// The source.
        name: String,
        /// The column.
        column: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A value that cannot be put where the address wants it.
    #[error("source `{name}`: there is no usable value for `{parameter}` in the address")]
    Parameter {
        /// The source.
        name: String,
        /// The parameter.
        parameter: String,
    },
    /// The look-up ended without an answer: the program is stopping, or a bug.
    #[error("a look-up at source `{name}` was broken off")]
    BrokenOff {
        /// The source.
        name: String,
    },
}
