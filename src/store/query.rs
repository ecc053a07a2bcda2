//! What a user types into a search box, as an FTS5 expression and as places in a text.
//!
//! Words are all wanted; `"…"` is a phrase, `-word` must not occur, `word*` is a beginning. The expression is built
//! from the words alone, each between quotation marks, so that nothing typed can be taken for FTS5 syntax.

use std::ops::Range;

use super::terms::{Unit, compounds, is_number, joined, stem, units};
use crate::call::Language;

/// Longer input is no search. Bytes.
const QUERY_BYTES_MAX: usize = 1_000;
/// More wanted and unwanted words than any question has; keeps the expression far below FTS5's depth limit of 256.
const CLAUSES_MAX: usize = 32;
/// Words of one phrase or compound.
const CLAUSE_UNITS_MAX: usize = 64;

/// Why a text cannot be searched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It holds no word that is wanted.
    #[error("the search holds no word to look for\nhint: give at least one word without a leading -")]
    NothingWanted,
    /// It is longer than a question can be.
    #[error("the search is too long: at most {bytes_max} bytes and {words_max} words or phrases")]
    TooLong {
        /// Bytes that are taken.
        bytes_max: usize,
        /// Words and phrases that are taken.
        words_max: usize,
    },
}

/// A parsed search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    clauses: Vec<Clause>,
    /// Languages whose stems count: the one searched in, else all.
    languages: Vec<Language>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    terms: Vec<String>,
    kind: Kind,
    is_unwanted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A word or compound: inflected forms count.
    Word,
    /// The beginning of a word or compound.
    Beginning,
    /// These words, exactly, in this order.
    Phrase,
}

/// One stretch of input: between quotation marks, or between spaces.
struct Chunk<'q> {
    text: &'q str,
    is_phrase: bool,
    is_unwanted: bool,
}

impl Wanted {
    /// # Errors
    /// [`QueryError`] when nothing is wanted or too much is.
    pub fn parse(input: &str, language: Option<Language>) -> Result<Self, QueryError> {
        let too_long = QueryError::TooLong { bytes_max: QUERY_BYTES_MAX, words_max: CLAUSES_MAX };
        if input.len() > QUERY_BYTES_MAX {
            return Err(too_long);
        }
        let mut clauses: Vec<Clause> = Vec::new();
        for chunk in chunks(input) {
            let Some(clause) = clause(&chunk) else { continue };
            match clauses.last_mut() {
                Some(before) if continues_number(before, &clause) => before.terms.extend(clause.terms),
                Some(_) | None => clauses.push(clause),
            }
        }
        if clauses.len() > CLAUSES_MAX || clauses.iter().any(|clause| clause.terms.len() > CLAUSE_UNITS_MAX) {
            return Err(too_long);
        }
        if clauses.iter().all(|clause| clause.is_unwanted) {
            return Err(QueryError::NothingWanted);
        }
        let languages = language.map_or_else(|| Language::ALL.to_vec(), |language| vec![language]);
        Ok(Self { clauses, languages })
    }

    /// The FTS5 expression over the columns `index_words` and `index_stems`.
    pub fn expression(&self) -> String {
        let of = |is_unwanted: bool| {
            let chosen = self.clauses.iter().filter(move |clause| clause.is_unwanted == is_unwanted);
            chosen.map(|clause| self.clause_expression(clause)).collect::<Vec<_>>()
        };
        let (wanted, unwanted) = (of(false).join(" AND "), of(true).join(" OR "));
        if unwanted.is_empty() { wanted } else { format!("({wanted}) NOT ({unwanted})") }
    }

    fn clause_expression(&self, clause: &Clause) -> String {
        let spaced = clause.terms.join(" ");
        let mut ways = match clause.kind {
            Kind::Phrase => return format!("(index_words : \"{spaced}\")"),
            Kind::Beginning => {
                let together = clause.terms.concat();
                vec![format!("index_words : \"{spaced}\" *"), format!("index_stems : \"{together}\" *")]
            }
            Kind::Word => vec![format!("index_words : \"{spaced}\"")],
        };
        if clause.kind == Kind::Word {
            for stems in self.stems(clause) {
                ways.push(format!("index_stems : \"{}\"", stems.join(" ")));
            }
        }
        format!("({})", ways.join(" OR "))
    }

    /// The ways a word or compound may stand in the stems: word by word and as one, in each language.
    fn stems(&self, clause: &Clause) -> Vec<Vec<String>> {
        let mut ways: Vec<Vec<String>> = Vec::new();
        for language in &self.languages {
            let apart = clause.terms.iter().map(|term| stem(term, *language)).collect();
            let together = vec![stem(&clause.terms.concat(), *language)];
            for way in [apart, together] {
                if !ways.contains(&way) {
                    ways.push(way);
                }
            }
        }
        ways
    }

    /// Where the wanted words stand in a text of `language`: byte ranges in order, apart from each other.
    pub fn places(&self, text: &str, language: Language) -> Vec<Range<usize>> {
        let units = units(text);
        let mut places: Vec<Range<usize>> = Vec::new();
        for clause in self.clauses.iter().filter(|clause| !clause.is_unwanted) {
            let found = unit_places(
                &units,
                |candidate| self.matches(clause, candidate, language),
                clause.terms.len(),
            );
            places.extend(found);
        }
        places.sort_by_key(|place| (place.start, place.end));
        places.dedup_by(|next, before| {
            let overlaps = next.start < before.end;
            before.end = if overlaps { before.end.max(next.end) } else { before.end };
            overlaps
        });
        places
    }

    fn matches(&self, clause: &Clause, candidate: &[Unit], language: Language) -> bool {
        let terms = clause.terms.iter().map(String::as_str);
        let spoken = candidate.iter().map(|unit| unit.term.as_str());
        let together = clause.terms.concat();
        match clause.kind {
            Kind::Phrase => terms.eq(spoken),
            Kind::Beginning => {
                let starts = candidate.len() == clause.terms.len()
                    && terms.zip(spoken).enumerate().all(|(at, (term, word))| {
                        if at + 1 == clause.terms.len() { word.starts_with(term) } else { word == term }
                    });
                starts || joined(candidate).starts_with(&together)
            }
            Kind::Word => {
                let apart: Vec<String> = candidate.iter().map(|unit| stem(&unit.term, language)).collect();
                let as_one = vec![stem(&joined(candidate), language)];
                terms.eq(spoken) || self.stems(clause).iter().any(|way| *way == apart || *way == as_one)
            }
        }
    }
}

/// Places of every run of `length` words, single word and compound that `is_match` takes.
fn unit_places(units: &[Unit], is_match: impl Fn(&[Unit]) -> bool, length: usize) -> Vec<Range<usize>> {
    let runs = (0..units.len().saturating_sub(length.saturating_sub(1))).map(|at| at..at + length);
    let singles = (0..units.len()).map(|at| at..at + 1).filter(|_| length != 1);
    runs.chain(singles)
        .chain(compounds(units))
        .filter_map(|run| units.get(run).filter(|candidate| is_match(candidate)))
        .filter_map(|run| Some(run.first()?.bytes.start..run.last()?.bytes.end))
        .collect()
}

fn clause(chunk: &Chunk<'_>) -> Option<Clause> {
    let kind = match (chunk.is_phrase, chunk.text.ends_with('*')) {
        (true, _) => Kind::Phrase,
        (false, true) => Kind::Beginning,
        (false, false) => Kind::Word,
    };
    let mut units = units(chunk.text);
    // "l'abonnement" is a search for "abonnement"; what is as short as "s'il" stays together to mean anything.
    if kind != Kind::Phrase {
        while units.len() > 1 && units[0].elided && units[1].term.chars().count() >= 3 {
            units.remove(0);
        }
    }
    let terms: Vec<String> = units.into_iter().map(|unit| unit.term).collect();
    (!terms.is_empty()).then_some(Clause { terms, kind, is_unwanted: chunk.is_unwanted })
}

/// "06 12 34 56 78" is one number however it is typed.
fn continues_number(before: &Clause, clause: &Clause) -> bool {
    let plain = |clause: &Clause| {
        clause.kind == Kind::Word && clause.terms.iter().all(|term| is_number(term) && term.len() == 2)
    };
    plain(before) && plain(clause) && before.is_unwanted == clause.is_unwanted
}

fn chunks(input: &str) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = input;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let after_sign = rest.strip_prefix('-').filter(|after| !after.starts_with(char::is_whitespace));
        let is_unwanted = after_sign.is_some();
        rest = after_sign.unwrap_or(rest);
        let first = rest.chars().next()?;
        let is_phrase = is_quotation_mark(first);
        let body = if is_phrase { &rest[first.len_utf8()..] } else { rest };
        let end = body
            .find(|character: char| is_quotation_mark(character) || (!is_phrase && character.is_whitespace()))
            .unwrap_or(body.len());
        let text = &body[..end];
        let closing = body[end..].chars().next().filter(|_| is_phrase).map_or(0, char::len_utf8);
        rest = &body[end + closing..];
        Some(Chunk { text, is_phrase, is_unwanted })
    })
}

fn is_quotation_mark(character: char) -> bool {
    matches!(character, '"' | '“' | '”' | '„' | '«' | '»')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expression(input: &str) -> String {
        Wanted::parse(input, Some(Language::En)).unwrap().expression()
    }

    #[test]
    fn words_phrases_exclusions_and_beginnings_become_quoted_terms() {
        assert_eq!(expression("Bills"), r#"(index_words : "bills" OR index_stems : "bill")"#);
        assert_eq!(expression(r#""my bill""#), r#"(index_words : "my bill")"#);
        assert_eq!(expression("inv*"), r#"(index_words : "inv" * OR index_stems : "inv" *)"#);
        assert_eq!(
            expression(r#"bill -"last year""#),
            r#"((index_words : "bill" OR index_stems : "bill")) NOT ((index_words : "last year"))"#
        );
    }

    #[test]
    fn fts5_syntax_is_only_text() {
        assert_eq!(expression(r#""a" OR NEAR"#).matches(" AND ").count(), 2);
        assert_eq!(expression("x^(y)"), expression("x-y"));
    }

    #[test]
    fn nothing_wanted_is_said() {
        for input in ["", "  ", "-facture", "\"\"", "… ? !", "-", "- -", "*", "«»"] {
            assert_eq!(Wanted::parse(input, None), Err(QueryError::NothingWanted), "{input}");
        }
    }

    #[test]
    fn endless_input_is_refused() {
        assert!(matches!(Wanted::parse(&"a ".repeat(400), None), Err(QueryError::TooLong { .. })));
        assert!(matches!(Wanted::parse(&"a".repeat(2_000), None), Err(QueryError::TooLong { .. })));
    }

    #[test]
    fn places_are_where_the_words_are_written() {
        for (input, text, places) in [
            ("abonnement", "Résilier l’abonnement.", vec!["abonnement"]),
            ("l'abonnement", "Mes abonnements", vec!["abonnements"]),
            ("rendez-vous", "Un rendez vous, le rendez-vous", vec!["rendez vous", "rendez-vous"]),
            ("email", "Par e-mail ou email", vec!["e-mail", "email"]),
            ("e-mail", "Par e-mail ou email", vec!["e-mail", "email"]),
            ("0612345678", "C'est le 06 12 34 56 78.", vec!["06 12 34 56 78"]),
            ("06 12 34 56 78", "C'est le 0612345678.", vec!["0612345678"]),
            ("49,90", "Soit 49,90 €", vec!["49,90"]),
            ("fact*", "La Facturation", vec!["Facturation"]),
            ("\"ma facture\"", "Ma facture, la facture", vec!["Ma facture"]),
            ("soeur facturé", "Ma sœur est facturée", vec!["sœur", "facturée"]),
        ] {
            let wanted = Wanted::parse(input, None).unwrap();
            let found: Vec<&str> =
                wanted.places(text, Language::Fr).into_iter().map(|place| &text[place]).collect();
            assert_eq!(found, places, "{input}");
        }
    }

    proptest! {
        #[test]
        fn places_are_ordered_parts_of_the_text(
            input in "[a-zé'\"*-]{0,12}( [a-z0-9é'\"*-]{1,6}){0,3}|\\PC{0,20}",
            text in "[a-zé' -]{0,30}|\\PC{0,30}",
        ) {
            if let Ok(wanted) = Wanted::parse(&input, None) {
                let mut end = 0;
                for place in wanted.places(&text, Language::Fr) {
                    prop_assert!(place.start >= end && text.get(place.clone()).is_some());
                    end = place.end;
                }
            }
        }
    }
}
