//! Names of a catalogue in what a recogniser wrote: `a lieu` is Aerius, `vel moxine` is Velmoxine.
//!
//! Each name and alias is kept as sounds, by the rules of the three languages; stretches of one to four words of a text
//! become sounds the same way and are compared by a weighted edit distance over sounds and letters. An index over pairs
//! of coarse sounds picks the few names that are compared at all.
//!
//! [`Catalog::find`] answers the question which product is meant where one is expected; [`correct`] rewrites a text and
//! is far more careful.

mod correct;
mod distance;
mod index;
mod keypad;
mod ordinary;
mod sounds;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::Range;

pub use correct::{Change, Corrected, correct, correct_heard};
pub use keypad::Keyed;

use self::index::{Form, Index, Scored};
use self::ordinary::is_function_word;
use super::Entity;
use super::words::{Gap, Words};
use crate::call::Language;
use crate::text::fold;

/// Stands between names for the same.
pub const ALIAS: char = '|';

/// One product, place or brand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key by which answers look it up.
    pub id: String,
    /// The name as it is written.
    pub name: String,
    /// Other names that people use.
    pub aliases: Vec<String>,
}

impl Entry {
    /// An entry as it stands in a table: `aliases` are separated by [`ALIAS`].
    pub fn listed(id: &str, name: &str, aliases: &str) -> Self {
        let aliases = aliases.split(ALIAS).map(str::trim).filter(|alias| !alias.is_empty());
        Self { id: id.to_owned(), name: name.to_owned(), aliases: aliases.map(str::to_owned).collect() }
    }

    /// The name and its aliases in one, with [`ALIAS`] between them.
    pub fn in_one(&self) -> String {
        self.aliases.iter().fold(self.name.clone(), |mut names, alias| {
            names.push(ALIAS);
            names.push_str(alias);
            names
        })
    }
}

/// A list of entries, ready to be found in a text of each language.
#[derive(Debug, Clone)]
pub struct Catalog {
    entries: Vec<Entry>,
    indexes: [Index; 3],
    /// Folded words that are said for their own sake.
    ordinary: HashSet<String>,
}

/// An entry that was found in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// What was recognised.
    pub entity: Entity,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// How alike name and words are, 0 to 1; 1 for the name itself, whatever its capitals and accents.
    pub score: f32,
    /// The next best entry of another key for the same words.
    pub runner_up: Option<RunnerUp>,
    /// The words, as a range of the text's words.
    pub(super) words: Range<usize>,
}

/// The entry that came second.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerUp {
    /// Its key.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How alike it is.
    pub score: f32,
}

/// More words than this make no name.
const WINDOW_WORDS_MAX: usize = 4;

/// The score of words that are the name.
pub(super) const EXACT: f32 = 1.0;

impl Catalog {
    /// Makes the list ready. Names without a letter or figure can never be found.
    pub fn new(entries: Vec<Entry>) -> Self {
        let indexes = Language::ALL.map(|language| Index::new(&forms(&entries, language)));
        Self { entries, indexes, ordinary: HashSet::new() }
    }

    /// Words that callers of this scenario use for their own sake, such as those of the examples of its intents:
    /// [`correct`] never takes them for a name. Function words need not be given.
    #[must_use]
    pub fn with_ordinary_words<'w>(mut self, sentences: impl IntoIterator<Item = &'w str>) -> Self {
        for sentence in sentences {
            let words = Words::of(sentence, Language::En);
            self.ordinary.extend(words.list.into_iter().map(|word| word.folded));
        }
        for entry in &self.entries {
            // A name in an example sentence is no ordinary word.
            for name in std::iter::once(&entry.name).chain(&entry.aliases) {
                let folded = fold(name);
                self.ordinary.remove(folded.trim());
            }
        }
        self
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry with this key.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// The entries in `text` that are at least `score_min` alike, from left to right; where several overlap the most
    /// alike one is taken, and of equals the longest.
    pub fn find(&self, text: &str, language: Language, score_min: f32) -> Vec<Match> {
        self.find_in(&Words::of(text, language), score_min)
    }

    pub(super) fn find_in(&self, words: &Words<'_>, score_min: f32) -> Vec<Match> {
        let mut candidates: Vec<Match> =
            windows(words).filter_map(|window| self.best(words, window, score_min)).collect();
        candidates.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then(b.words.len().cmp(&a.words.len()))
                .then(a.words.start.cmp(&b.words.start))
        });
        let mut taken: Vec<Match> = Vec::new();
        for candidate in candidates {
            let is_free = taken.iter().all(|other| {
                candidate.words.end <= other.words.start || other.words.end <= candidate.words.start
            });
            if is_free {
                taken.push(candidate);
            }
        }
        taken.sort_by_key(|found| found.span.start);
        taken
    }

    fn best(&self, words: &Words<'_>, window: Range<usize>, score_min: f32) -> Option<Match> {
        let written: String = words.list[window.clone()].iter().map(|word| word.folded.as_str()).collect();
        let spoken: String = words.list[window.clone()].iter().map(|word| word.text).collect();
        let index = &self.indexes[language_place(words.language)];
        let form = Form::new(&spoken, &written, words.language, 0);
        // Two function words may be a name that was misheard; three and more are a sentence.
        let said = &words.list[window.clone()];
        let is_sentence =
            said.len() > 2 && said.iter().all(|word| is_function_word(&word.folded, words.language));
        if is_sentence && !index.holds(&form) {
            return None;
        }
        let ranked = index.rank(&form, score_min);
        let first = ranked.first()?;
        // Entries of one key are names for the same: none makes another doubtful.
        let is_other = |other: &&Scored| self.entries[other.entry].id != self.entries[first.entry].id;
        let second = ranked.iter().find(is_other);
        Some(Match {
            entity: self.entity(first.entry),
            span: words.span(&window),
            score: first.score,
            runner_up: second.map(|second| self.runner_up(*second)),
            words: window,
        })
    }

    fn runner_up(&self, scored: Scored) -> RunnerUp {
        let Entity { id, name } = self.entity(scored.entry);
        RunnerUp { id, name, score: scored.score }
    }

    fn entity(&self, entry: usize) -> Entity {
        let Entry { id, name, .. } = &self.entries[entry];
        Entity { id: id.clone(), name: name.clone() }
    }

    pub(super) fn is_ordinary(&self, folded: &str, language: Language) -> bool {
        is_function_word(folded, language) || self.ordinary.contains(folded)
    }
}

impl Match {
    /// How far the runner-up is behind; the score itself when there is none.
    pub fn margin(&self) -> f32 {
        self.runner_up.as_ref().map_or(self.score, |second| self.score - second.score)
    }
}

fn forms(entries: &[Entry], language: Language) -> Vec<Form> {
    let mut forms = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        for name in std::iter::once(&entry.name).chain(&entry.aliases) {
            let words = Words::of(name, language);
            let written: String = words.list.iter().map(|word| word.folded.as_str()).collect();
            let spoken: String = words.list.iter().map(|word| word.text).collect();
            if !written.is_empty() {
                forms.push(Form::new(&spoken, &written, language, place));
            }
        }
    }
    forms
}

/// Stretches of words that no mark cuts.
fn windows<'w>(words: &'w Words<'_>) -> impl Iterator<Item = Range<usize>> + 'w {
    (0..words.len()).flat_map(move |start| {
        let longest = (start + 1..words.len().min(start + WINDOW_WORDS_MAX))
            .take_while(|at| {
                matches!(words.gap(*at), Gap::Space | Gap::Hyphen | Gap::None | Gap::Tight('\''))
            })
            .count();
        (start + 1..=start + 1 + longest).map(move |end| start..end)
    })
}

const fn language_place(language: Language) -> usize {
    match language {
        Language::Fr => 0,
        Language::En => 1,
        Language::Nl => 2,
    }
}
