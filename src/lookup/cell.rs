//! From JSON to the cells of a row.

use serde_json::{Map, Value};

use super::Error;
use crate::dialog::{Cell, Row};

/// Bytes of text in one row: everything that is ever said of it fits many times over.
pub(super) const ROW_BYTES_MAX: usize = 64 * 1024;

/// What a column that holds a list or an object is told.
const NO_VALUE: &str = "holds a list or an object, not a value";

/// The value; `None` for a list or an object. Truth is 1 and 0, as SQLite has it.
pub(super) fn cell(value: &Value) -> Option<Cell> {
    match value {
        Value::Null => Some(Cell::Null),
        Value::Bool(truth) => Some(Cell::Whole((*truth).into())),
        Value::Number(number) => number.as_i64().map(Cell::Whole).or_else(|| number.as_f64().map(Cell::Real)),
        Value::String(text) => Some(Cell::Text(text.clone())),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A row of a database, of which every column was asked for.
pub(super) fn row(name: &str, columns: &Map<String, Value>) -> Result<Row, Error> {
    let mut row = Row::new();
    for (column, value) in columns {
        row.insert(column.clone(), cell(value).ok_or_else(|| no_value(name, column))?);
    }
    bounded(name, row)
}

/// An object of a service: what is no value is left out.
pub(super) fn values_of(name: &str, object: &Map<String, Value>) -> Result<Row, Error> {
    let row = object.iter().filter_map(|(column, value)| Some((column.clone(), cell(value)?))).collect();
    bounded(name, row)
}

pub(super) fn no_value(name: &str, column: &str) -> Error {
    Error::Column { name: name.to_owned(), column: column.to_owned(), problem: NO_VALUE }
}

/// The row, if it is small enough to be kept a thousand times.
pub(super) fn bounded(name: &str, row: Row) -> Result<Row, Error> {
    let bytes: usize = row
        .iter()
        .map(|(column, cell)| {
            column.len()
                + match cell {
                    Cell::Text(text) => text.len(),
                    Cell::Null | Cell::Whole(_) | Cell::Real(_) | Cell::Sum(_) => 8,
                }
        })
        .sum();
    if bytes > ROW_BYTES_MAX {
        return Err(Error::TooLarge { name: name.to_owned(), limit_bytes: ROW_BYTES_MAX });
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_json_value_that_can_be_said_is_a_cell() {
        let told = json!({"a": null, "b": true, "c": 42, "d": 12.5, "e": "2026-12-31", "f": 1e300});
        let row = row("s", told.as_object().unwrap()).unwrap();
        assert_eq!(row["a"], Cell::Null);
        assert_eq!(row["b"], Cell::Whole(1));
        assert_eq!(row["c"], Cell::Whole(42));
        assert_eq!(row["d"], Cell::Real(12.5));
        assert_eq!(row["e"], Cell::Text("2026-12-31".into()));
        assert_eq!(row["f"], Cell::Real(1e300));
    }

    #[test]
    fn lists_and_oversized_rows_are_refused() {
        let told = json!({"a": [1]});
        assert!(matches!(row("s", told.as_object().unwrap()), Err(Error::Column { .. })));
        assert_eq!(values_of("s", told.as_object().unwrap()), Ok(Row::new()));
        let told = json!({"a": "x".repeat(ROW_BYTES_MAX)});
        assert!(matches!(row("s", told.as_object().unwrap()), Err(Error::TooLarge { .. })));
    }
}
