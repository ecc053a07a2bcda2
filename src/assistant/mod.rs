//! A scenario at work in conversations: it understands, decides, looks up and answers.
//!
//! [`Assistant`] holds what all conversations of a scenario share: the classifier, the plan, the sources, the
//! catalogues. [`Conversation`] is one of them: what happens goes in, what is to be said and done comes out, with a
//! [`DecisionRecord`](crate::call::decision::DecisionRecord) of each turn.
//!
//! It is asynchronous only where it looks something up. It does not hear or speak (see `live` and `cli`).

mod conversation;
mod customers;
mod known;
pub mod queries;
mod rehearsal;
mod reload;
pub mod review;
pub mod walks;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

pub use conversation::{Conversation, Event, Step};
pub use known::Known;
pub use rehearsal::{Failure, Rehearsal, rehearse};
pub use reload::Switch;

use crate::clock::Clock;
use crate::dialog::Plan;
use crate::dialog::plan::CatalogPlan;
use crate::home::Home;
use crate::intent::Pace;
use crate::lookup::Sources;
use crate::pipeline;
use crate::pipeline::understanding::Understanding;
use crate::slots::{Catalog, Entry};

/// So soon a catalogue is asked for again whose source gave no answer, where `refresh` is longer.
const RETRY: Duration = Duration::from_secs(30);

/// Names of a catalogue that the recogniser is given when one of them was asked for. It reads as many as fit, some fifty, as text
/// that came before, and leans to all. To make them ready takes it 0.05 ms a name (`asr::decode::bias`), once for as long as no
/// other names are asked for.
const ASKED_MAX: usize = 500;

/// Why a scenario cannot be put to work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It has mistakes, or cannot be learnt from.
    #[error(transparent)]
    Scenario(#[from] pipeline::Error),
    /// A catalogue cannot be read.
    #[error("catalogue `{name}` cannot be read")]
    Catalog {
        /// Its name.
        name: String,
        /// What the source said.
        #[source]
        source: crate::lookup::Error,
    },
}

/// What all conversations of a scenario share.
pub struct Assistant {
    understanding: Understanding,
    plan: Arc<Plan>,
    sources: Sources,
    catalogs: Mutex<Catalogs>,
    sentences: Arc<[String]>,
    /// The words of the sentences, each once.
    ordinary_words: Arc<[String]>,
    timezone: TimeZone,
    clock: Arc<dyn Clock>,
}

struct Catalogs {
    by_name: Arc<BTreeMap<String, Arc<Catalog>>>,
    /// When each that is asked for is to be asked for again.
    due: BTreeMap<String, Instant>,
}

/// A catalogue that is to be asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Due {
    name: String,
    source: String,
    query: String,
}

impl Assistant {
    /// Reads the scenario in `folder`, learns it (or takes from `home` what was learnt before), and reads its catalogues.
    ///
    /// # Errors
    /// See [`Error`]; every mistake of the folder is named.
    pub async fn open(folder: &Path, home: &Home, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let understanding = Understanding::open_in(folder, home)?;
        Self::new(understanding, clock).await
    }

    /// The same at `pace`: in a process that does something else meanwhile.
    ///
    /// # Errors
    /// As [`Assistant::open`].
    pub async fn open_beside(
        folder: &Path,
        home: &Home,
        clock: Arc<dyn Clock>,
        pace: Arc<dyn Pace>,
    ) -> Result<Self, Error> {
        let understanding = Understanding::open_beside(folder, home, pace)?;
        Self::new(understanding, clock).await
    }

    /// Puts a learnt scenario to work.
    ///
    /// # Errors
    /// [`Error::Catalog`].
    pub async fn new(understanding: Understanding, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let plan = Arc::clone(&understanding.scenario().plan);
        let sources = Sources::open(&plan, |name| std::env::var(name).ok(), Arc::clone(&clock));
        let sentences = understanding.scenario().sentences();
        let ordinary_words = understanding.scenario().ordinary_words();
        let mut catalogs = BTreeMap::new();
        let mut due = BTreeMap::new();
        for (name, catalog) in &plan.catalogs {
            let entries = match catalog {
                CatalogPlan::Fixed(entries) => entries.clone(),
                CatalogPlan::Query { source, query, refresh } => {
                    due.insert(name.clone(), clock.monotonic() + *refresh);
                    sources
                        .entries(source, query)
                        .await
                        .map_err(|source| Error::Catalog { name: name.clone(), source })?
                }
            };
            catalogs.insert(name.clone(), listed(entries, &ordinary_words));
        }
        // The scenario checked the name; a time zone that this machine lost since is not worth a failure.
        let timezone = TimeZone::get(&plan.timezone).unwrap_or(TimeZone::UTC);
        let catalogs = Mutex::new(Catalogs { by_name: Arc::new(catalogs), due });
        Ok(Self { understanding, plan, sources, catalogs, sentences, ordinary_words, timezone, clock })
    }

    /// The plan of its dialogues.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The scenario with its classifier.
    pub fn understanding(&self) -> &Understanding {
        &self.understanding
    }

    /// Where it looks things up.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The catalogues as they are now. One that is due is asked for again in the background, so that no caller waits for it;
    /// if that fails, the old one stays and is asked for again soon. To be called on a runtime.
    pub fn catalogs(self: &Arc<Self>) -> Arc<BTreeMap<String, Arc<Catalog>>> {
        for due in self.due() {
            let assistant = Arc::clone(self);
            tokio::spawn(async move { assistant.refresh(&due).await });
        }
        Arc::clone(&self.lock().by_name)
    }

    /// Asks for the catalogues that are due, and gives how long it is to the next; `None` where none is ever asked for. Whoever
    /// has calls to come calls it again then: the recogniser is told the names at the beginning of a call, and nobody asks for
    /// them in an hour without calls.
    pub async fn keep_catalogs(self: &Arc<Self>) -> Option<Duration> {
        for due in self.due() {
            self.refresh(&due).await;
        }
        let now = self.clock.monotonic();
        self.lock().due.values().min().map(|at| at.saturating_duration_since(now))
    }

    async fn refresh(self: &Arc<Self>, due: &Due) {
        match self.sources.entries(&due.source, &due.query).await {
            Ok(entries) => {
                let (assistant, name) = (Arc::clone(self), due.name.clone());
                // The index of a large catalogue takes a second to build: not on a thread that calls wait for.
                let built = tokio::task::spawn_blocking(move || assistant.replace(&name, entries)).await;
                if let Err(error) = built {
                    tracing::error!(catalog = due.name, %error, "a catalogue stays as it was");
                }
            }
            Err(error) => {
                tracing::warn!(catalog = due.name, %error, "a catalogue stays as it was");
                self.ask_soon(&due.name);
            }
        }
    }

    /// Names that the recogniser should expect: those of the scenario and of its catalogues, these with their aliases
    /// ([`Entry::in_one`]).
    pub fn vocabulary(&self) -> Vec<String> {
        let mut names = self.understanding.scenario().vocabulary.clone();
        let catalogs = Arc::clone(&self.lock().by_name);
        names.extend(catalogs.values().flat_map(|catalog| catalog.entries()).map(Entry::in_one));
        names
    }

    /// What callers may say who were asked for a name of the catalogue `name`.
    fn names_of(&self, name: &str) -> Arc<[String]> {
        let catalogs = Arc::clone(&self.lock().by_name);
        let entries = catalogs.get(name).map(|catalog| catalog.entries());
        names_and_aliases(entries.unwrap_or_default())
    }

    /// What callers of the scenario say, for the recogniser.
    pub fn sentences(&self) -> Arc<[String]> {
        Arc::clone(&self.sentences)
    }

    fn due(&self) -> Vec<Due> {
        let now = self.clock.monotonic();
        let mut catalogs = self.lock();
        let mut due = Vec::new();
        for (name, plan) in &self.plan.catalogs {
            let CatalogPlan::Query { source, query, refresh } = plan else { continue };
            if catalogs.due.get(name).is_none_or(|at| *at <= now) {
                // Noted before the answer, so that many calls at once ask once.
                catalogs.due.insert(name.clone(), now + *refresh);
                due.push(Due { name: name.clone(), source: source.clone(), query: query.clone() });
            }
        }
        due
    }

    fn ask_soon(&self, name: &str) {
        let soon = self.clock.monotonic() + RETRY;
        if let Some(due) = self.lock().due.get_mut(name) {
            *due = soon.min(*due);
        }
    }

    fn replace(&self, name: &str, entries: Vec<Entry>) {
        if self.lock().by_name.get(name).is_some_and(|catalog| catalog.entries() == entries) {
            return;
        }
        let catalog = listed(entries, &self.ordinary_words);
        let mut catalogs = self.lock();
        let mut changed = BTreeMap::clone(&catalogs.by_name);
        changed.insert(name.to_owned(), catalog);
        catalogs.by_name = Arc::new(changed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Catalogs> {
        self.catalogs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The local time of the scenario.
    pub fn local(&self, at: Timestamp) -> DateTime {
        at.to_zoned(self.timezone.clone()).datetime()
    }

    /// The time of now, UTC.
    pub fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// How long a caller may be silent before the dialogue goes on.
    pub fn silence(&self) -> Duration {
        self.plan.limits.silence
    }
}

#[cfg(test)]
mod tests;

/// All names, then all aliases, at most [`ASKED_MAX`]: where something has to go, it is not a thing that callers ask for.
fn names_and_aliases(entries: &[Entry]) -> Arc<[String]> {
    let names = entries.iter().map(|entry| &entry.name);
    names.chain(entries.iter().flat_map(|entry| &entry.aliases)).take(ASKED_MAX).cloned().collect()
}

fn listed(entries: Vec<Entry>, ordinary_words: &[String]) -> Arc<Catalog> {
    Arc::new(Catalog::new(entries).with_ordinary_words(ordinary_words.iter().map(String::as_str)))
}
