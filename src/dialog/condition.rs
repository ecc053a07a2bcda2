//! When a case of an answer holds: `quantity > 0`, `status = 'shipped'`, `available_on >= today`, `note = null`.

use std::cmp::Ordering;

use jiff::civil::Date;

use super::template::{Cell, Row};

/// One comparison of a column with a fixed value.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    column: String,
    operator: Operator,
    operand: Operand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Different,
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Null,
    Today,
    Number(f64),
    Text(String),
}

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no condition, expected a column, one of = != < <= > >= and a number, a 'text', today or null"
)]
pub struct Invalid {
    text: String,
}

/// Longest first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::Different),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::More),
];

impl Condition {
    /// Reads `text`.
    ///
    /// # Errors
    /// [`Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid { text: text.chars().take(80).collect() };
        let found = OPERATORS
            .iter()
            .filter_map(|(sign, operator)| text.find(sign).map(|at| (at, *operator, sign.len())));
        // The leftmost sign, and of two at one place the longer one, which the table names first.
        let (at, operator, length) = found.min_by_key(|(at, ..)| *at).ok_or_else(invalid)?;
        let (column, right) = (text[..at].trim(), text[at + length..].trim());
        if column.is_empty() || !column.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(invalid());
        }
        let quoted = right.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let operand = match (right, quoted, right.parse()) {
            ("null", ..) => Operand::Null,
            ("today", ..) => Operand::Today,
            (_, Some(text), _) => Operand::Text(text.to_owned()),
            (_, None, Ok(number)) => Operand::Number(number),
            (_, None, Err(_)) => return Err(invalid()),
        };
        if operand == Operand::Null && !matches!(operator, Operator::Equal | Operator::Different) {
            return Err(invalid());
        }
        Ok(Self { column: column.to_owned(), operator, operand })
    }

    /// The column it looks at.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Whether it holds for `row` on the day `today`. A null holds for nothing but `= null` and `!= …`, and what
    /// cannot be compared holds for `!=` only.
    pub fn holds(&self, row: &Row, today: Date) -> bool {
        let cell = row.get(&self.column).unwrap_or(&Cell::Null);
        let order = match (&self.operand, cell) {
            (Operand::Null, Cell::Null) => Some(Ordering::Equal),
            (Operand::Null, _) | (_, Cell::Null) => None,
            (Operand::Number(number), cell) => cell.number().and_then(|value| value.partial_cmp(number)),
            (Operand::Text(text), cell) => Some(cell.plain().as_str().cmp(text)),
            (Operand::Today, cell) => {
                let text = cell.plain();
                text.get(..10).and_then(|day| day.parse::<Date>().ok()).map(|day| day.cmp(&today))
            }
        };
        match self.operator {
            Operator::Equal => order == Some(Ordering::Equal),
            Operator::Different => order != Some(Ordering::Equal),
            Operator::Less => order == Some(Ordering::Less),
            Operator::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Operator::More => order == Some(Ordering::Greater),
            Operator::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, cell: Cell) -> bool {
        let row = Row::from([("c".to_owned(), cell)]);
        Condition::parse(condition).unwrap().holds(&row, jiff::civil::date(2026, 11, 26))
    }

    #[test]
    fn comparisons_hold_as_written() {
        assert!(holds("c > 0", Cell::Whole(1)));
        assert!(!holds("c > 0", Cell::Whole(0)));
        assert!(holds("c>=0", Cell::Whole(0)));
        assert!(holds("c <= 1.5", Cell::Real(1.5)));
        assert!(holds("c < 10", Cell::Text("9".into())), "compared as numbers");
        assert!(holds("c = 'shipped'", Cell::Text("shipped".into())));
        assert!(holds("c != 'shipped'", Cell::Text("open".into())));
        assert!(holds("c = null", Cell::Null));
        assert!(holds("c != null", Cell::Whole(1)));
        assert!(holds("c > today", Cell::Text("2026-11-27".into())));
        assert!(holds("c <= today", Cell::Text("2026-11-26T23:00:00".into())));
    }

    #[test]
    fn a_null_holds_for_no_order() {
        for condition in ["c > 0", "c < 0", "c = 0", "c = 'a'", "c >= today"] {
            assert!(!holds(condition, Cell::Null), "{condition}");
        }
        assert!(holds("c != 0", Cell::Null));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "c", "c >", "> 0", "c = soon", "c; drop = 1", "c < null", "c = 'a"] {
            assert!(Condition::parse(text).is_err(), "{text}");
        }
    }
}
