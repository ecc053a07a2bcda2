//! The threads that write to the store, so that nobody who listens waits for the disk.
//!
//! One keeps finals as they come; the other completes ended calls, which needs their analysis and may take a tenth of a
//! second. Each has a runtime of its own for the store's futures. A panic in one job ends that job alone, and whoever waits
//! for it is answered all the same.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::inbox::Item;
use super::link::Link;
use super::metrics::count;
use super::{Error, Machine};
use crate::audio::SamplePos;
use crate::call::event::CallEndReason;
use crate::call::{CallId, CallRecord, Language, Transcript};
use crate::pipeline::analyse::{self, Circumstances};
use crate::queue::{LaneRule, Lanes, WhenFull};
use crate::store::{DecisionQuery, LiveCall, LiveFinal, Store};
use crate::threads::Member;

/// Finals and ends of all calls that may wait. Many seconds of a very busy machine; a store that is further behind has
/// failed, and the calls concerned end.
const JOBS_MAX: usize = 1_024;

/// Attempts at one final before its call is given up. The store itself waits ten seconds for another writer.
const ATTEMPTS: usize = 3;

/// Something to keep.
pub(super) enum Job {
    Begin { link: Arc<Link>, call: LiveCall },
    Append { link: Arc<Link>, spoken: LiveFinal, asked: Instant },
}

/// A call to complete.
pub(super) struct Ending {
    /// `None` for a call that another process left behind.
    pub(super) link: Option<Arc<Link>>,
    pub(super) id: CallId,
    pub(super) reason: CallEndReason,
    pub(super) end: SamplePos,
    pub(super) language: Option<Language>,
    pub(super) rejected_segments: u32,
}

/// The way into the store.
pub(super) struct Keeper {
    store: Store,
    jobs: Lanes<Job>,
    endings: Lanes<Ending>,
}

impl Keeper {
    pub(super) fn new(store: Store) -> Self {
        let rule = [LaneRule { capacity: JOBS_MAX, when_full: WhenFull::Refuse }];
        Self { store, jobs: Lanes::new("live finals", &rule), endings: Lanes::new("live endings", &rule) }
    }

    /// The record of a call, complete or as far as it goes, with what was said in the order in which it was said; `None` when
    /// there is none of that identity.
    pub(super) async fn call(&self, id: CallId) -> Result<Option<CallRecord>, crate::store::Error> {
        let mut record = self.store.call(id).await?;
        if let Some(record) = &mut record {
            put_in_order(&mut record.transcript);
        }
        Ok(record)
    }

    /// Keeps a job for its thread; `false` when there is no room.
    pub(super) fn keep(&self, job: Job) -> bool {
        self.jobs.push(0, job).is_ok()
    }

    /// Completes a call; `false` when there is no room.
    pub(super) fn complete(&self, ending: Ending) -> bool {
        self.endings.push(0, ending).is_ok()
    }

    /// Ends the threads once they have done what waits.
    pub(super) fn close(&self) {
        self.jobs.close();
        self.endings.close();
    }
}

/// Starts the threads, and completes what another process left behind.
pub(super) fn start(machine: &Arc<Machine>) -> Result<Vec<Member>, Error> {
    let thread = |name: &str, work: fn(&Machine)| {
        let shared = Arc::clone(machine);
        machine.crew.spawn(name, move || work(&shared)).map_err(|source| Error::Thread { source })
    };
    if machine.keeper.is_none() {
        return Ok(Vec::new());
    }
    Ok(vec![thread("live-finals", keep_finals)?, thread("live-endings", complete_calls)?])
}

/// A runtime whose tasks go on between two uses: a connection that was let go of returns to its pool in a task.
fn runtime() -> Option<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).thread_name("live-store").enable_all().build();
    runtime.inspect_err(|error| tracing::error!(%error, "the store has no runtime")).ok()
}

fn keep_finals(machine: &Machine) {
    let (Some(keeper), Some(runtime)) = (&machine.keeper, runtime()) else { return };
    while let Some(job) = keeper.jobs.pop() {
        match job {
            Job::Begin { link, call } => {
                // Without it its finals will fail too, and end the call.
                survive(machine, link.id, || {
                    if let Err(error) = runtime.block_on(keeper.store.begin_live_call(&call)) {
                        tracing::error!(call = %link.id, %error, "a call could not be begun in the store");
                    }
                });
            }
            Job::Append { link, spoken, asked } => {
                let is_kept = survive(machine, link.id, || {
                    (0..ATTEMPTS).any(|_| match runtime.block_on(keeper.store.append_live_final(&spoken)) {
                        Ok(()) => true,
                        Err(error) => {
                            tracing::error!(call = %link.id, %error, "a final could not be kept");
                            false
                        }
                    })
                });
                machine.metrics.keep.record(machine.clock.monotonic().duration_since(asked));
                link.answer(Item::Kept { number: spoken.number, is_kept: is_kept.unwrap_or(false) });
            }
        }
    }
}

fn complete_calls(machine: &Machine) {
    let (Some(keeper), Some(runtime)) = (&machine.keeper, runtime()) else { return };
    let complete = |ending: &Ending| {
        survive(machine, ending.id, || {
            if let Err(error) = runtime.block_on(complete(machine, &keeper.store, ending)) {
                // Its finals are kept; it is completed when the service starts the next time.
                tracing::error!(call = %ending.id, %error, "the record of a call could not be completed");
            }
        });
    };
    match runtime.block_on(keeper.store.incomplete_live_calls()) {
        Ok(calls) => left_behind(machine, calls).for_each(|ending| complete(&ending)),
        Err(error) => tracing::error!(%error, "calls that were cut off could not be looked for"),
    }
    while let Some(ending) = keeper.endings.pop() {
        complete(&ending);
        if let Some(link) = ending.link {
            link.answer(Item::Finished);
        }
    }
}

/// Does one job; `None` when it panicked. What a panic says may hold what was said, so it is not logged here.
fn survive<T>(machine: &Machine, call: CallId, job: impl FnOnce() -> T) -> Option<T> {
    // Nothing that a job works on outlives it but the store, whose transactions end with their futures.
    let done = catch_unwind(AssertUnwindSafe(job));
    if done.is_err() {
        count(&machine.metrics.panics);
        tracing::error!(%call, "a panic while a call was being kept");
    }
    done.ok()
}

async fn complete(machine: &Machine, store: &Store, ending: &Ending) -> Result<(), crate::store::Error> {
    let Some(kept) = store.call(ending.id).await? else { return Ok(()) };
    let mut transcript = kept.transcript;
    put_in_order(&mut transcript);
    transcript.end = transcript.end.max(ending.end);
    let spoken = transcript.utterances.first().map(|utterance| utterance.language);
    transcript.language = spoken.map(|first| ending.language.unwrap_or(first));
    if refused_recording(store, ending.id).await? {
        // The bot's words go too: it reads back what callers say.
        transcript.utterances.clear();
    }
    let circumstances = Circumstances {
        source: kept.source,
        content_hash: None,
        model: kept.model,
        now: machine.clock.wall(),
        rejected_segments: ending.rejected_segments,
    };
    let record = CallRecord {
        id: ending.id,
        started_at: kept.started_at,
        ..analyse::record(transcript, machine.understanding.as_deref(), circumstances)
    };
    store.complete_live_call(&record, ending.reason).await
}

/// Finals come in the order in which they were known, which of two speakers need not be that of their speech.
fn put_in_order(transcript: &mut Transcript) {
    transcript.utterances.sort_by_key(|utterance| (utterance.span.start, utterance.channel));
}

/// Whether the caller told the bot not to record the call.
async fn refused_recording(store: &Store, call: CallId) -> Result<bool, crate::store::Error> {
    let last = DecisionQuery { call: Some(call), limit: 1, ..DecisionQuery::default() };
    let decisions = store.decisions(&last).await?;
    Ok(decisions.last().is_some_and(|decision| decision.recording_agreed == Some(false)))
}

/// Calls that a process left behind when it ended without a word.
fn left_behind(machine: &Machine, calls: Vec<CallId>) -> impl Iterator<Item = Ending> {
    // A call that began since this process started is its own.
    calls.into_iter().filter(|id| !machine.is_known(*id)).map(|id| {
        tracing::info!(call = %id, "a call that was cut off is completed with what was kept of it");
        Ending {
            link: None,
            id,
            reason: CallEndReason::Failed,
            end: SamplePos::ZERO,
            language: None,
            rejected_segments: 0,
        }
    })
}
