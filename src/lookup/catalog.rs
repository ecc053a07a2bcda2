//! Catalogues that a source holds.

use super::{Error, Parameters, Sources};
use crate::dialog::Row;
use crate::slots::Entry;

/// Names in one catalogue, as many as a file of the scenario may hold.
const ENTRIES_MAX: usize = 100_000;

impl Sources {
    /// The catalogue that `query` gives: columns `id`, `name` and, if there are any, `aliases`, separated by `|`. Rows
    /// without an id or a name are left out and counted in the log.
    ///
    /// # Errors
    /// [`Error::Column`] when a column is missing, [`Error::Query`] for more than 100,000 rows, else see [`Error`].
    pub async fn entries(&self, source: &str, query: &str) -> Result<Vec<Entry>, Error> {
        let rows = self.rows(source, query, &Parameters::new(), ENTRIES_MAX + 1).await?;
        if rows.len() > ENTRIES_MAX {
            let problem = format!("a catalogue of more than {ENTRIES_MAX} rows");
            return Err(Error::Query { name: source.to_owned(), problem });
        }
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            entries.extend(entry(source, row)?);
        }
        let left_out = rows.len() - entries.len();
        if left_out > 0 {
            tracing::warn!(source, left_out, "rows of a catalogue have no id or no name");
        }
        Ok(entries)
    }
}

/// `None` for a row without an id or a name.
fn entry(source: &str, row: &Row) -> Result<Option<Entry>, Error> {
    let text = |column: &str| row.get(column).map(|cell| cell.plain().trim().to_owned());
    let needed = |column: &str| {
        let missing = || Error::Column {
            name: source.to_owned(),
            column: column.to_owned(),
            problem: "is missing from a catalogue",
        };
        text(column).ok_or_else(missing)
    };
    let (id, name) = (needed("id")?, needed("name")?);
    if id.is_empty() || name.is_empty() {
        return Ok(None);
    }
    Ok(Some(Entry::listed(&id, &name, &text("aliases").unwrap_or_default())))
}
