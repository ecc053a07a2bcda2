//! Calls that are listened to while they go on.
//!
//! ```text
//! Call (frames of a track) → inbox ─▶ the thread that listens: audio::resample → voice detection, in batches over all
//!                                     calls → turn::TurnTaker, one a channel
//!       asks: partial or speculative decoding (asr::worker::Pool) · is the caller done (Smart Turn) ─▶ answers: inbox
//!       events: outbox (finals wait for the store) ─▶ EventLog, numbered, replayable
//! ```
//!
//! Invariants: what is shown of a turn as stable never changes and its final begins with it; a final is in the store
//! before it is announced; event numbers have no holes; sound that was not heard is marked, and the time line holds
//! silence in its place; the failure of one call touches no other. Every queue is bounded: audio by time (the oldest
//! makes room and is marked), questions to Smart Turn (the oldest goes unanswered), partials (dropped), finals never
//! (admission keeps their number below what the recogniser can do).
//!
//! Units: samples at 16 kHz from the start of the call, except in [`Call::audio`] and [`Call::lost`]; the monotonic clock
//! for what happens to be measured. It knows no protocol (see `ingress`), keeps no audio, and does not decide when a turn
//! ends (see `turn`).

mod admission;
mod bell;
mod call;
mod chain;
mod command;
pub mod config;
mod decoding;
mod finals;
mod hearing;
mod inbox;
mod judge;
mod keeper;
mod link;
mod log;
pub mod machinery;
mod metrics;
mod outbox;
pub mod replay;
mod ring;
mod saying;
mod session;
mod stable;
#[cfg(test)]
mod tests;
mod voices;
mod watch;
mod work;

pub use call::{Call, CallSetup, Controls, NotTaken, Track};
pub use command::{Abilities, Command, is_internal_mark};
pub use judge::TurnJudge;
pub use log::{EventLog, Missed, Peek, Reader};
pub use metrics::{BUCKETS_MS, Histogram, HistogramSnapshot, Snapshot};
pub use voices::{Batched, MakeDetector, OneByOne, VoiceDetector, VoiceId, Window};
pub use watch::Trouble;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch as changes;

use self::admission::{Admission, Service};
use self::bell::Bell;
use self::config::Config;
use self::inbox::{Control, Inbox};
use self::keeper::{Job, Keeper};
use self::link::Link;
use self::metrics::{Metrics, count};
use self::session::Session;
use self::voices::VoiceIds;
use self::watch::Watch;
use crate::asr::worker::Pool;
use crate::audio::SamplePos;
use crate::call::event::{CallEndReason, EventBody};
use crate::call::{CallId, CallRecord, Channel};
use crate::clock::Clock;
use crate::guard::Guard;
use crate::pipeline::analyse;
use crate::pipeline::understanding::Understanding;
use crate::store::{LiveCall, Store};
use crate::threads::{Crew, Member};
use crate::turn;

/// Part of a drain's time after which calls that still go on are ended, so that their last finals are heard too.
const DRAIN_WAITING: f64 = 0.7;

/// How long the end waits for the thread that listens, and then for the others together. Giving calls up is a matter of
/// moments; the store waits ten seconds for another writer. Who takes longer hangs and is left behind.
const HEARING_ENDS_WITHIN: Duration = Duration::from_secs(5);
const REST_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// What live calls run on.
pub struct Parts {
    /// Recognition, shared with everything else that recognises.
    pub pool: Arc<Pool>,
    /// Threads of that pool.
    pub workers: usize,
    /// Name of the recognition model.
    pub model: String,
    /// Voice detection for all calls.
    pub detector: Box<dyn VoiceDetector>,
    /// Smart Turn, one a thread; none where turns end by silence and text alone.
    pub turn_judges: Vec<TurnJudge>,
    /// What is believed.
    pub guard: Guard,
    /// When turns end.
    pub turn: turn::Config,
    /// Where calls are kept; without one finals are announced at once and nothing is kept.
    pub store: Option<Store>,
    /// What calls are about, for their records.
    pub understanding: Option<Arc<Understanding>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Why live calls cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings of turns do not fit together.
    #[error(transparent)]
    Turn(#[from] turn::InvalidConfig),
    /// The rate of a track cannot be used.
    #[error(transparent)]
    Resample(#[from] crate::audio::resample::Error),
    /// A model is missing or damaged, or an engine refuses it.
    #[error(transparent)]
    Machinery(#[from] crate::pipeline::Error),
    /// A thread could not be started.
    #[error("cannot start a thread for live calls")]
    Thread {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Why a call is not listened to.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The machine is full; the calls that go on would suffer.
    #[error("all lines are busy, try again in {} s", retry_after.as_secs())]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The service is being stopped.
    #[error("the service is being stopped")]
    Draining,
    /// The thread that listens hangs, which may pass, or has ended by a fault.
    #[error(
        "calls are not listened to at the moment, try again in {} s; hint: if that lasts, start the service again",
        retry_after.as_secs()
    )]
    Deaf {
        /// When to try again.
        retry_after: Duration,
    },
    /// The call has no streams, or more than [`TRACKS_MAX`].
    #[error("a call has 1 to {TRACKS_MAX} streams of audio, not {found}")]
    Tracks {
        /// How many there are.
        found: usize,
    },
    /// Its streams or settings cannot be used.
    #[error(transparent)]
    Invalid(#[from] Error),
}

/// Most streams of audio of one call: caller, agent, bot, and a conference of as many again.
pub const TRACKS_MAX: usize = 8;

/// Somebody who is told of each call that begins.
type OnOpen = Box<dyn Fn(Arc<EventLog>) + Send + Sync>;

/// What the threads and handles share.
struct Machine {
    config: Config,
    turn: turn::Config,
    pool: Arc<Pool>,
    guard: Guard,
    model: String,
    keeper: Option<Keeper>,
    understanding: Option<Arc<Understanding>>,
    clock: Arc<dyn Clock>,
    has_judge: bool,
    questions: judge::Questions,
    metrics: Metrics,
    bell: Arc<Bell>,
    admission: Mutex<Admission>,
    voices: Mutex<VoiceIds>,
    calls: Mutex<Calls>,
    /// Are told of each call that begins.
    on_open: RwLock<Vec<OnOpen>>,
    /// Number of calls that go on.
    open: changes::Sender<usize>,
    /// The thread that listens has ended: no call can be taken.
    is_deaf: AtomicBool,
    watch: Watch,
    crew: Crew,
}

#[derive(Default)]
struct Calls {
    open: HashMap<CallId, Arc<Link>>,
    ended: VecDeque<Arc<EventLog>>,
    is_draining: bool,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Machine")
    }
}

impl Machine {
    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_voice(&self) -> VoiceId {
        self.voices.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// Whether this process listens, or has lately listened, to a call.
    fn is_known(&self, id: CallId) -> bool {
        let calls = self.calls();
        calls.open.contains_key(&id) || calls.ended.iter().any(|log| log.call() == id)
    }

    /// The thread that listens has ended. Ends the calls that never reached it, or that it can say nothing about any more;
    /// those that come are refused.
    fn nobody_listens(&self) {
        // Before the calls are looked at: one that is admitted meanwhile is among them, a later one sees this.
        self.is_deaf.store(true, Ordering::Release);
        let calls = self.calls();
        let reason = if calls.is_draining { CallEndReason::Shutdown } else { CallEndReason::Failed };
        let links: Vec<Arc<Link>> = calls.open.values().cloned().collect();
        drop(calls);
        links.iter().for_each(|link| self.end(link, reason));
    }

    /// Ends a call of whose audio nothing is known any more.
    fn end(&self, link: &Arc<Link>, reason: CallEndReason) {
        link.log.append(SamplePos::ZERO, EventBody::CallEnded { reason, duration: Duration::ZERO });
        link.set_idle(true, true);
        self.ended(link);
    }

    /// A call is over; its events are kept for a while.
    fn ended(&self, link: &Arc<Link>) {
        let mut calls = self.calls();
        if calls.open.remove(&link.id).is_none() {
            return;
        }
        count(&self.metrics.calls_ended);
        calls.ended.push_back(Arc::clone(&link.log));
        if calls.ended.len() > self.config.ended_calls_kept {
            calls.ended.pop_front();
        }
        self.left(&calls);
    }

    /// A call that had a place already is not taken after all; nothing of it is left.
    fn withdraw(&self, link: &Arc<Link>) {
        // Who found it meanwhile waits for its end.
        let (reason, duration) = (CallEndReason::Failed, Duration::ZERO);
        link.log.append(SamplePos::ZERO, EventBody::CallEnded { reason, duration });
        link.set_idle(true, true);
        let mut calls = self.calls();
        if calls.open.remove(&link.id).is_some() {
            self.left(&calls);
        }
    }

    /// One call fewer goes on than a moment ago.
    fn left(&self, calls: &Calls) {
        let open = calls.open.len();
        if open == 0 {
            self.pool.keep_free(false);
        }
        self.admission().calls_went_on(self.clock.monotonic(), open + 1);
        self.open.send_replace(open);
    }
}

/// Everything that listens to calls; one a process. Dropping it ends the calls that go on without waiting for their last
/// finals ([`Live::drain`] waits), and waits for its threads, but no longer than fifteen seconds.
pub struct Live {
    machine: Arc<Machine>,
    /// The thread that listens: it gives work to the others.
    hearing: Option<Member>,
    threads: Vec<Member>,
    /// How long their end is waited for.
    hearing_ends_within: Duration,
    rest_ends_within: Duration,
}

impl Live {
    /// Starts the threads. Calls that another process left behind in the store are completed in the background.
    ///
    /// # Errors
    /// [`Error::Thread`]; [`Error::Turn`] when the settings of turns cannot be used.
    pub fn start(parts: Parts, config: &Config) -> Result<Arc<Self>, Error> {
        turn::TurnTaker::new(&parts.turn)?;
        let (open, _) = changes::channel(0);
        let machine = Arc::new(Machine {
            admission: Mutex::new(Admission::new(parts.workers, config)),
            questions: judge::questions(config.turn_queue),
            has_judge: !parts.turn_judges.is_empty(),
            config: config.clone(),
            turn: parts.turn,
            pool: parts.pool,
            guard: parts.guard,
            model: parts.model,
            keeper: parts.store.map(Keeper::new),
            understanding: parts.understanding,
            clock: parts.clock,
            metrics: Metrics::default(),
            bell: Arc::default(),
            voices: Mutex::default(),
            calls: Mutex::default(),
            on_open: RwLock::default(),
            open,
            is_deaf: AtomicBool::new(false),
            watch: Watch::default(),
            crew: Crew::default(),
        });
        let threads = keeper::start(&machine)?;
        let mut live = Self {
            machine: Arc::clone(&machine),
            hearing: None,
            threads,
            hearing_ends_within: HEARING_ENDS_WITHIN,
            rest_ends_within: REST_ENDS_WITHIN,
        };
        live.threads
            .extend(judge::start(&machine, parts.turn_judges).map_err(|source| Error::Thread { source })?);
        let hearing = hearing::Hearing::new(Arc::clone(&machine), parts.detector);
        let thread = machine.crew.spawn("live-hearing", move || hearing.run());
        live.hearing = Some(thread.map_err(|source| Error::Thread { source })?);
        live.threads.push(watch::start(&machine).map_err(|source| Error::Thread { source })?);
        Ok(Arc::new(live))
    }

    /// Begins to listen to a call.
    ///
    /// # Errors
    /// [`Refused`]; nothing of the call is kept.
    pub fn open(self: &Arc<Self>, mut setup: CallSetup) -> Result<Call, Refused> {
        let machine = &self.machine;
        if setup.tracks.is_empty() || setup.tracks.len() > TRACKS_MAX {
            return Err(Refused::Tracks { found: setup.tracks.len() });
        }
        let started = machine.clock.wall();
        let id = analyse::new_call_id(started);
        let log = EventLog::new(id, machine.config.events_kept);
        let rates = setup.tracks.iter().map(|track| track.rate);
        let inbox = Inbox::new(rates, machine.config.waiting_audio);
        let channels: Vec<_> = setup.tracks.iter().map(|track| track.channel).collect();
        let facts = (channels.clone(), setup.abilities);
        let (link, commands) = Link::new(log, Arc::clone(&machine.bell), inbox, facts);
        let is_degraded = self.admit(&link)? == Service::FinalsOnly;
        if is_degraded {
            count(&machine.metrics.calls_finals_only);
            setup.finals_only = true;
        }
        let session =
            Session::new(machine, &link, (&setup, is_degraded)).inspect_err(|_| machine.withdraw(&link))?;
        if let Some(keeper) = &machine.keeper {
            let call = LiveCall {
                id,
                source: setup.source,
                started_at: started,
                model: machine.model.clone(),
                channels: channels.iter().copied().chain(setup.has_bot.then_some(Channel::Bot)).collect(),
            };
            if !keeper.keep(Job::Begin { link: Arc::clone(&link), call }) {
                machine.withdraw(&link);
                count(&machine.metrics.calls_refused);
                return Err(Refused::Busy { retry_after: machine.config.retry_after });
            }
        }
        count(&machine.metrics.calls_opened);
        let body = EventBody::CallStarted {
            ingress: setup.ingress,
            channels,
            started,
            partials: !setup.finals_only,
        };
        link.log.append(SamplePos::ZERO, body);
        link.begin(session);
        for told in machine.on_open.read().unwrap_or_else(PoisonError::into_inner).iter() {
            told(Arc::clone(&link.log));
        }
        Ok(Call::new(machine, &link, commands, setup.finals_only))
    }

    /// Why a call that came now would be refused, so that its connection need not be set up. It takes no place: the call
    /// that comes may still be refused.
    ///
    /// # Errors
    /// [`Refused::Busy`], [`Refused::Draining`] or [`Refused::Deaf`]; counted as a refused call.
    pub fn has_room(&self) -> Result<(), Refused> {
        let machine = &self.machine;
        self.service(&machine.calls()).map(|_| ())
    }

    /// What one more call gets, or why it is refused.
    fn service(&self, calls: &Calls) -> Result<Service, Refused> {
        let machine = &self.machine;
        let now = machine.clock.monotonic();
        if calls.is_draining {
            count(&machine.metrics.calls_refused);
            return Err(Refused::Draining);
        }
        if self.trouble().is_some_and(Trouble::is_deaf) {
            count(&machine.metrics.calls_refused);
            return Err(Refused::Deaf { retry_after: machine.config.retry_after });
        }
        let mut admission = machine.admission();
        admission.calls_went_on(now, calls.open.len());
        admission.hang(machine.pool.hung());
        let service = admission.service(now, calls.open.len(), machine.pool.busy_with_batch());
        if service == Service::None {
            count(&machine.metrics.calls_refused);
            return Err(Refused::Busy { retry_after: machine.config.retry_after });
        }
        Ok(service)
    }

    /// Takes a place for a call, if there is one.
    fn admit(&self, link: &Arc<Link>) -> Result<Service, Refused> {
        let machine = &self.machine;
        let mut calls = machine.calls();
        let service = self.service(&calls)?;
        if calls.open.is_empty() {
            machine.pool.keep_free(true);
        }
        calls.open.insert(link.id, Arc::clone(link));
        machine.open.send_replace(calls.open.len());
        Ok(service)
    }

    /// Whether calls can be taken at all; without, only a new start of the process helps.
    pub fn is_listening(&self) -> bool {
        !self.machine.is_deaf.load(Ordering::Acquire)
    }

    /// As if the thread that listens had ended by a fault.
    #[cfg(test)]
    pub(crate) fn deafen_for_test(&self) {
        self.machine.nobody_listens();
    }

    /// What keeps calls from being listened to as they should be, as far as it was seen by the last look, at most a second
    /// ago.
    pub fn trouble(&self) -> Option<Trouble> {
        let watch = &self.machine.watch;
        if !self.is_listening() {
            Some(Trouble::HearingEnded)
        } else if watch.is_hearing_stuck() {
            Some(Trouble::HearingStuck)
        } else {
            watch.is_recognition_stuck().then_some(Trouble::RecognitionStuck)
        }
    }

    /// Has one more told of each call that begins from now on; he must not block, nor ask for this again.
    pub fn on_open(&self, told: impl Fn(Arc<EventLog>) + Send + Sync + 'static) {
        self.machine.on_open.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(told));
    }

    /// The events of a call that goes on or has lately ended.
    pub fn call(&self, id: CallId) -> Option<Arc<EventLog>> {
        let calls = self.machine.calls();
        let open = calls.open.get(&id).map(|link| Arc::clone(&link.log));
        open.or_else(|| calls.ended.iter().find(|log| log.call() == id).map(Arc::clone))
    }

    /// The talking side of a call that goes on.
    pub fn controls(&self, id: CallId) -> Option<Controls> {
        self.machine.calls().open.get(&id).map(|link| Controls::new(&self.machine, link))
    }

    /// What is kept of a call, from its first final on and long after its end; `None` where calls are not kept, or there is
    /// none of that identity.
    ///
    /// # Errors
    /// The store failed.
    pub async fn kept(&self, id: CallId) -> Result<Option<CallRecord>, crate::store::Error> {
        match &self.machine.keeper {
            Some(keeper) => keeper.call(id).await,
            None => Ok(None),
        }
    }

    /// The calls that go on.
    pub fn open_calls(&self) -> Vec<CallId> {
        self.machine.calls().open.keys().copied().collect()
    }

    /// Everything counted, at this moment.
    pub fn snapshot(&self) -> Snapshot {
        let machine = &self.machine;
        let open = machine.calls().open.len();
        Snapshot {
            is_hearing_stuck: machine.watch.is_hearing_stuck(),
            is_recognition_stuck: machine.watch.is_recognition_stuck(),
            ..machine.metrics.snapshot(open, machine.pool.snapshot(), machine.guard.snapshot())
        }
    }

    /// Takes no more calls and waits for those that go on. After most of `deadline` they are ended, so that their last
    /// finals are still heard; returns how many were not done in time. Their finals are kept; their records are
    /// completed when the service starts again.
    pub async fn drain(&self, deadline: Duration) -> usize {
        let waiting = deadline.mul_f64(DRAIN_WAITING);
        self.drain_in(waiting, deadline - waiting).await
    }

    /// Waits at most `waiting` for calls to end by themselves, then ends them and waits at most `ending`.
    async fn drain_in(&self, waiting: Duration, ending: Duration) -> usize {
        self.machine.calls().is_draining = true;
        if self.wait_for_silence(waiting).await {
            return 0;
        }
        let links: Vec<Arc<Link>> = self.machine.calls().open.values().cloned().collect();
        for link in links {
            let end = Control::End { reason: CallEndReason::Shutdown };
            link.put(bell::Urgency::Now, |inbox| inbox.push_control(end));
        }
        self.wait_for_silence(ending).await;
        self.machine.calls().open.len()
    }

    async fn wait_for_silence(&self, limit: Duration) -> bool {
        let mut open = self.machine.open.subscribe();
        let silence = open.wait_for(|open| *open == 0);
        tokio::time::timeout(limit, silence).await.is_ok()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.machine.calls().is_draining = true;
        self.machine.bell.stop();
        // A thread that panicked has nothing left to save; one that hangs may never come back.
        let hearing = self.hearing.take().filter(|_| !self.machine.watch.is_hearing_stuck());
        let crew = &self.machine.crew;
        let mut behind = crew.join(hearing.into_iter().collect(), self.hearing_ends_within);
        self.machine.watch.stop();
        // What the calls left for them at their end is still worked on.
        self.machine.questions.close();
        if let Some(keeper) = &self.machine.keeper {
            keeper.close();
        }
        behind += crew.join(std::mem::take(&mut self.threads), self.rest_ends_within);
        if behind > 0 {
            tracing::error!(threads = behind, "threads for live calls hang at the end; they are left behind");
        }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Live")
            .field("open_calls", &*self.machine.open.borrow())
            .finish_non_exhaustive()
    }
}
