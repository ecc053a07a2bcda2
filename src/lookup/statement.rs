//! Finds the parameters of a query, so that values are bound and never become part of it.
//!
//! `:name` becomes `?1` (SQLite) or `$1` (PostgreSQL), the same number for the same name. What is inside quotes, comments
//! and names is left alone, and so is a cast (`::int`). One statement, without positions of its own.

use std::fmt::Write as _;

/// Whose SQL it is: they differ in quotes and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A query that is ready to be prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// The query with positions.
    pub(super) sql: String,
    /// The parameter of each position, from 1 on.
    pub(super) names: Vec<String>,
}

/// Why a query cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mistake {
    #[error("there is nothing in it")]
    Empty,
    #[error("a quote or comment does not end")]
    Unterminated,
    #[error("it is more than one statement")]
    Several,
    #[error("parameters are written `:name`, nothing else")]
    Position,
}

impl Statement {
    /// Reads `query`.
    pub(super) fn read(query: &str, dialect: Dialect) -> Result<Self, Mistake> {
        let mut scanner =
            Scanner { rest: query, dialect, sql: String::with_capacity(query.len()), names: Vec::new() };
        let mut is_empty = true;
        let mut has_ended = false;
        while let Some(token) = scanner.token()? {
            match token {
                Token::Blank => {}
                Token::End => has_ended = true,
                Token::Code if has_ended => return Err(Mistake::Several),
                Token::Code => is_empty = false,
            }
        }
        if is_empty {
            return Err(Mistake::Empty);
        }
        Ok(Self { sql: scanner.sql, names: scanner.names })
    }
}

enum Token {
    /// White space or a comment.
    Blank,
    /// `;`, which is left out: the query may be put into another one.
    End,
    /// Anything else.
    Code,
}

struct Scanner<'q> {
    rest: &'q str,
    dialect: Dialect,
    sql: String,
    names: Vec<String>,
}

impl Scanner<'_> {
    /// Copies the next piece of the query, or puts a position in its place.
    fn token(&mut self) -> Result<Option<Token>, Mistake> {
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let is_postgres = self.dialect == Dialect::Postgres;
        let after = &self.rest[first.len_utf8()..];
        match first {
            ';' => {
                self.rest = after;
                return Ok(Some(Token::End));
            }
            '-' if after.starts_with('-') => {
                self.copy(self.rest.find('\n').unwrap_or(self.rest.len()));
                return Ok(Some(Token::Blank));
            }
            '/' if after.starts_with('*') => {
                self.copy(comment_length(self.rest, is_postgres).ok_or(Mistake::Unterminated)?);
                return Ok(Some(Token::Blank));
            }
            '\'' | '"' => self.copy_quoted(first, false)?,
            '`' if !is_postgres => self.copy_quoted('`', false)?,
            '[' if !is_postgres => self.copy(self.rest.find(']').ok_or(Mistake::Unterminated)? + 1),
            ':' if after.starts_with(':') => self.copy(2),
            ':' if after.starts_with(is_name_start) => self.parameter(),
            '$' if is_postgres && after.starts_with(|c: char| c.is_ascii_digit()) => {
                return Err(Mistake::Position);
            }
            '$' if is_postgres => {
                self.copy(dollar_quote_length(self.rest)?.unwrap_or(1));
            }
            '?' | '@' | '$' | '#' if !is_postgres => return Err(Mistake::Position),
            _ if is_name_start(first) => self.word()?,
            _ if first.is_ascii_digit() => self.copy(name_length(self.rest)),
            _ if first.is_whitespace() => {
                self.copy(first.len_utf8());
                return Ok(Some(Token::Blank));
            }
            _ => self.copy(first.len_utf8()),
        }
        Ok(Some(Token::Code))
    }

    fn copy(&mut self, bytes: usize) {
        let (piece, rest) = self.rest.split_at(bytes);
        self.sql.push_str(piece);
        self.rest = rest;
    }

    /// From one quote to the next that is not doubled.
    fn copy_quoted(&mut self, quote: char, has_backslashes: bool) -> Result<(), Mistake> {
        let mut characters = self.rest.char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            if has_backslashes && character == '\\' {
                characters.next();
            } else if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
                self.copy(at + quote.len_utf8());
                return Ok(());
            }
        }
        Err(Mistake::Unterminated)
    }

    /// A name or key word; `E` before a quote means that backslashes count in it.
    fn word(&mut self) -> Result<(), Mistake> {
        let length = name_length(self.rest);
        let is_escape = self.dialect == Dialect::Postgres && self.rest[..length].eq_ignore_ascii_case("e");
        self.copy(length);
        if is_escape && self.rest.starts_with('\'') {
            self.copy_quoted('\'', true)?;
        }
        Ok(())
    }

    fn parameter(&mut self) {
        let after = &self.rest[1..];
        let length = after.find(|c: char| !is_name_part(c)).unwrap_or(after.len());
        let name = &after[..length];
        let known = self.names.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        let mark = if self.dialect == Dialect::Postgres { '$' } else { '?' };
        // Writing into a String cannot fail.
        let _ = write!(self.sql, "{mark}{}", index + 1);
        self.rest = &after[length..];
    }
}

fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

fn is_name_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Both databases allow `$` inside a name.
fn name_length(text: &str) -> usize {
    text.find(|c: char| !is_name_part(c) && c != '$').unwrap_or(text.len())
}

/// The length of the comment at the start of `text`, if it ends. Comments of PostgreSQL nest, those of SQLite do not.
fn comment_length(text: &str, nests: bool) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") && (nests || depth == 0) {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    None
}

/// The length of `$tag$ … $tag$` at the start of `text`; `None` when a lone `$` stands there.
fn dollar_quote_length(text: &str) -> Result<Option<usize>, Mistake> {
    let after = &text[1..];
    let tag = after.find(|c: char| !is_name_part(c)).unwrap_or(after.len());
    if !after[tag..].starts_with('$') {
        return Ok(None);
    }
    let delimiter = &text[..tag + 2];
    let end = text[delimiter.len()..].find(delimiter).ok_or(Mistake::Unterminated)?;
    Ok(Some(delimiter.len() + end + delimiter.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(dialect: Dialect, query: &str, sql: &str, names: &[&str]) {
        let statement = Statement::read(query, dialect).unwrap();
        assert_eq!(
            (statement.sql.as_str(), statement.names),
            (sql, names.iter().map(|n| (*n).to_owned()).collect())
        );
    }

    #[test]
    fn parameters_become_positions_and_the_same_name_the_same_one() {
        let query = "select a from t where id=:produit and (b > :é_1 or c = :produit);";
        check(
            Dialect::Sqlite,
            query,
            "select a from t where id=?1 and (b > ?2 or c = ?1)",
            &["produit", "é_1"],
        );
        check(
            Dialect::Postgres,
            query,
            "select a from t where id=$1 and (b > $2 or c = $1)",
            &["produit", "é_1"],
        );
    }

    #[test]
    fn casts_quotes_names_and_comments_are_left_alone() {
        for query in [
            "select ':a', 'it''s :a', \":a\", x -- :a\n, y /* :a */ from t",
            "select a::text from t",
            "select '2026-01-01 10:30' from t",
        ] {
            check(Dialect::Sqlite, query, query, &[]);
            check(Dialect::Postgres, query, query, &[]);
        }
        check(Dialect::Sqlite, "select [:a], `:a`, '\\', :b", "select [:a], `:a`, '\\', ?1", &["b"]);
        check(
            Dialect::Postgres,
            "select E'\\':a', $$:a$$, $x$:a $$ :a$x$, f$1, 1 /* /* :a */ :a */, a[:b], :c::int",
            "select E'\\':a', $$:a$$, $x$:a $$ :a$x$, f$1, 1 /* /* :a */ :a */, a[$1], $2::int",
            &["b", "c"],
        );
    }

    #[test]
    fn what_cannot_be_one_bound_statement_is_refused() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            for (query, mistake) in [
                ("", Mistake::Empty),
                (" -- nothing\n ;", Mistake::Empty),
                ("select 'a", Mistake::Unterminated),
                ("select /* a", Mistake::Unterminated),
                ("select 1; drop table t", Mistake::Several),
                ("select $1", Mistake::Position),
            ] {
                assert_eq!(Statement::read(query, dialect), Err(mistake), "{query}");
            }
        }
        assert_eq!(Statement::read("select ?", Dialect::Sqlite), Err(Mistake::Position));
        assert_eq!(Statement::read("select @a", Dialect::Sqlite), Err(Mistake::Position));
        assert_eq!(Statement::read("select $a$ :b", Dialect::Postgres), Err(Mistake::Unterminated));
        assert!(Statement::read("select 1 ; -- done", Dialect::Postgres).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(query in "[a-zé:;'\"$?/*\\-\\[\\] \n0-9]{0,60}") {
            for dialect in [Dialect::Sqlite, Dialect::Postgres] {
                if let Ok(statement) = Statement::read(&query, dialect) {
                    for name in &statement.names {
                        let written = format!(":{name}");
                        prop_assert!(query.contains(&written));
                    }
                }
            }
        }
    }
}
