//! Search over every word that was said.

use std::ops::Range;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

use super::calls::{call_id, get, utterance};
use super::query::Wanted;
use super::{Error, Store};
use crate::audio::SampleSpan;
use crate::call::{CallId, Channel, Language, Utterance};
use crate::redact::Redacted;

/// A written-as-spoken word says more than a shared stem: it counts double.
const WORD_WEIGHT: f64 = 2.0;
const STEM_WEIGHT: f64 = 1.0;

/// Characters of context before the first match and of the whole snippet; what two lines of a terminal show.
const SNIPPET_LEAD_CHARS: usize = 60;
const SNIPPET_CHARS_MAX: usize = 200;

/// What to look for; every `Some` narrows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Words that all occur in one utterance; `"…"` is a phrase, `-word` must not occur, `word*` is a beginning.
    pub text: String,
    /// Said on this channel.
    pub channel: Option<Channel>,
    /// Said in this language.
    pub language: Option<Language>,
    /// In a call that was routed to this intent.
    pub intent: Option<String>,
    /// At most so many hits, the best.
    pub limit: u32,
}

impl Query {
    /// A search for `text` everywhere, for the twenty best hits.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), channel: None, language: None, intent: None, limit: 20 }
    }
}

/// One utterance that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The call it is in.
    pub call: CallId,
    /// File name or line of that call; may hold a telephone number, never log it.
    pub source: String,
    /// Who said it.
    pub channel: Channel,
    /// The language it was said in.
    pub language: Language,
    /// When the utterance is heard.
    pub utterance: SampleSpan,
    /// When each marked match of the snippet is heard, in order; empty when the words have no times.
    pub matches: Vec<SampleSpan>,
    /// The words around the matches.
    pub snippet: Snippet,
    /// How well it fits (BM25); greater is better, comparable within one search only.
    pub score: f64,
}

/// A part of an utterance with the matches in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The text as said, `…` where it was cut.
    pub text: Redacted<String>,
    /// Where the matches stand in `text`, in bytes, in order, apart from each other.
    pub marks: Vec<Range<usize>>,
}

impl Store {
    /// The utterances that hold what is wanted, best first, then newest call, then by time.
    ///
    /// # Errors
    /// [`Error::Query`] when the text cannot be searched for; [`Error::Database`], [`Error::Unreadable`].
    pub async fn search(&self, query: &Query) -> Result<Vec<Hit>, Error> {
        let wanted = Wanted::parse(&query.text, query.language)?;
        // The best keys first, then their rows: sorting whole rows of a frequent word costs many times as much.
        let mut sql = QueryBuilder::<Sqlite>::new(
            "SELECT utterances.*, calls.id, calls.source, best.distance FROM (\
             SELECT utterances.key, calls.created_at_ms, bm25(utterance_index, ",
        );
        sql.push_bind(WORD_WEIGHT).push(", ").push_bind(STEM_WEIGHT);
        sql.push(
            ") AS distance FROM utterance_index \
             JOIN utterances ON utterances.key = utterance_index.rowid \
             JOIN calls ON calls.key = utterances.call_key WHERE utterance_index MATCH ",
        );
        sql.push_bind(wanted.expression());
        if let Some(channel) = query.channel {
            sql.push(" AND utterances.channel = ").push_bind(channel.to_string());
        }
        if let Some(language) = query.language {
            sql.push(" AND utterances.language = ").push_bind(language.code());
        }
        if let Some(intent) = &query.intent {
            sql.push(" AND calls.key IN (SELECT call_key FROM intent_decisions WHERE intent = ");
            sql.push_bind(intent).push(")");
        }
        sql.push(" ORDER BY distance, calls.created_at_ms DESC, utterances.key LIMIT ")
            .push_bind(query.limit);
        sql.push(
            ") AS best JOIN utterances ON utterances.key = best.key \
             JOIN calls ON calls.key = utterances.call_key ORDER BY best.distance, best.created_at_ms DESC, best.key",
        );
        let rows = sql
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(|source| Error::Database { doing: "search", source })?;
        rows.iter().map(|row| hit(row, &wanted)).collect()
    }
}

fn hit(row: &SqliteRow, wanted: &Wanted) -> Result<Hit, Error> {
    let said = utterance(row)?;
    let id: Vec<u8> = get(row, "id")?;
    let distance: f64 = get(row, "distance")?;
    let places = wanted.places(said.text.reveal(), said.language);
    let (snippet, shown) = snippet(&said, &places);
    Ok(Hit {
        call: call_id(&id)?,
        source: get(row, "source")?,
        channel: said.channel,
        language: said.language,
        utterance: said.span,
        matches: shown.iter().map(|place| said.span_of(place)).collect::<Option<_>>().unwrap_or_default(),
        snippet,
        score: -distance,
    })
}

/// The text around the first match, and the places (in the whole text) of the matches that it shows.
fn snippet(said: &Utterance, places: &[Range<usize>]) -> (Snippet, Vec<Range<usize>>) {
    let text = said.text.reveal();
    let first = places.first().map_or(0, |place| place.start);
    let whole = text.chars().count() <= SNIPPET_CHARS_MAX;
    let start = if whole { 0 } else { word_start_before(text, first) };
    let end = text[start..].char_indices().nth(SNIPPET_CHARS_MAX).map_or(text.len(), |(at, _)| start + at);
    let lead = if start > 0 { "…" } else { "" };
    let tail = if end < text.len() { "…" } else { "" };
    let shown: Vec<Range<usize>> = places.iter().filter(|place| place.end <= end).cloned().collect();
    let shift = |at: usize| at - start + lead.len();
    let marks = shown.iter().map(|place| shift(place.start)..shift(place.end)).collect();
    let cut = format!("{lead}{}{tail}", &text[start..end]);
    (Snippet { text: Redacted::new(cut), marks }, shown)
}

/// Where to begin so that `at` has its context, not inside a word.
fn word_start_before(text: &str, at: usize) -> usize {
    let before = &text[..at];
    let Some((from, _)) = before.char_indices().rev().nth(SNIPPET_LEAD_CHARS) else { return 0 };
    before[from..].find(' ').map_or(at, |space| from + space + 1)
}
