//! Whether one more call can be listened to, by what calls have cost so far.
//!
//! Two measures: how much of the workers' time the calls of the last half minute took, for finals and for partials; and
//! what a second of speech costs, which starts from an assumption and is learnt over minutes. Calls that are silent teach
//! nothing: each open call is counted with a share of speech, that of a conversation or, if that is more, the one that was
//! measured, so that all of them may begin to speak. A call is admitted when what goes on plus one such call fits below the
//! limit, counted in two ways: from the load as measured now, and from the number of calls. Beyond that, and whenever
//! finals come late by the machine's doing, it is refused, so that those who are admitted keep their delay. Workers that
//! recordings keep busy, or that hang, are none for calls.
//!
//! When finals come late all the same ([`Admission::step`]), nobody gets partials until they do not.
//!
//! Pure: time is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::config::{Config, Overload};
use super::outbox::Announced;

/// Time over which the present load is measured: a turn and its answer.
const LOAD_WINDOW: Duration = Duration::from_secs(30);
/// Seconds of calls that the assumed share of speech weighs, and of speech that its assumed cost does: a few minutes of
/// calls, measured, count for more.
const ASSUMED_CALLS_S: f64 = 120.0;
const ASSUMED_SPEECH_S: f64 = 48.0;
/// Seconds of speech over which its cost is learnt, and of calls over which their share of speech is; older ones fade.
const LEARNT_OVER_S: f64 = 1_800.0;
/// Finals that are looked at for their lag; fewer than [`FINALS_FEWEST`] say nothing.
const FINALS_MAX: usize = 200;
const FINALS_FEWEST: usize = 5;

/// Parts of `max_lag`. Calls are refused when finals are so late, and partials stop when they nearly are, if a noticeable part
/// of it is the machine's: a long pause that a turn waits for is not mended by doing less. Partials come back when the
/// machine's part is as good as gone; in between nothing changes.
const LATE_FROM: f64 = 0.8;
const MACHINE_LATE_FROM: f64 = 0.2;
const MACHINE_LATE_BELOW: f64 = 0.1;

/// The settings are 32-bit numbers: seven times a tenth has to fit into seven tenths.
const ROUNDING: f64 = 1e-6;

/// What a new call gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Full,
    FinalsOnly,
    None,
}

/// What all admitted calls get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Relief {
    /// Everything that they were promised.
    #[default]
    None,
    /// Finals only, until they are in time again.
    NoPartials,
}

/// What a decoding was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Final,
    Partial,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Admission {
    workers: f64,
    /// How many of them hang.
    hung: usize,
    config: Config,
    work: VecDeque<(Instant, Kind, Duration)>,
    /// When finals were announced, how late, and how much of that was the machine's.
    lags: VecDeque<(Instant, Duration, Duration)>,
    relief: Relief,
    started: Option<Instant>,
    /// Last time that call-seconds were counted up to.
    counted_to: Option<Instant>,
    /// How much of a call is speech.
    share: Ratio,
    /// Workers' seconds for the finals and the partials of a second of speech.
    finals: Ratio,
    partials: Ratio,
}

/// A sum over another, learnt and forgotten slowly. There is always something to divide by: it begins with an assumption.
#[derive(Debug, Clone, Copy)]
struct Ratio {
    sum: f64,
    over: f64,
}

impl Ratio {
    fn value(self) -> f64 {
        self.sum / self.over
    }

    /// Goes on; of what is older than [`LEARNT_OVER_S`] less and less is left.
    fn goes_on(&mut self, seconds: f64) {
        self.over += seconds;
        if self.over > LEARNT_OVER_S {
            let kept = LEARNT_OVER_S / self.over;
            self.over *= kept;
            self.sum *= kept;
        }
    }
}

impl Admission {
    /// Nothing measured yet, `workers` recognition threads.
    pub(super) fn new(workers: usize, config: &Config) -> Self {
        // The assumption is made of a call, which is speech for a share of its time.
        let share = f64::from(config.speech_share);
        let of_speech = f64::from(config.assumed_load) / share;
        let assumed = Ratio { sum: ASSUMED_SPEECH_S * of_speech, over: ASSUMED_SPEECH_S };
        Self {
            workers: workers.max(1) as f64,
            hung: 0,
            config: config.clone(),
            work: VecDeque::new(),
            lags: VecDeque::new(),
            relief: Relief::None,
            started: None,
            counted_to: None,
            share: Ratio { sum: ASSUMED_CALLS_S * share, over: ASSUMED_CALLS_S },
            finals: assumed,
            partials: assumed,
        }
    }

    /// A decoding took a worker for `ran`.
    pub(super) fn decoded(&mut self, now: Instant, kind: Kind, ran: Duration) {
        self.work.push_back((now, kind, ran));
        match kind {
            Kind::Final => self.finals.sum += ran.as_secs_f64(),
            Kind::Partial => self.partials.sum += ran.as_secs_f64(),
        }
        self.forget(now);
    }

    /// So much speech was heard in a call that gets partials, or does not: what they cost is learnt only where they are.
    pub(super) fn spoke(&mut self, speech: Duration, has_partials: bool) {
        let seconds = speech.as_secs_f64();
        self.share.sum += seconds;
        self.finals.goes_on(seconds);
        if has_partials && self.relief == Relief::None {
            self.partials.goes_on(seconds);
        }
    }

    /// A final was announced.
    pub(super) fn announced(&mut self, now: Instant, Announced { lag, machine, delay: _ }: Announced) {
        self.lags.push_back((now, lag, machine));
        if self.lags.len() > FINALS_MAX {
            self.lags.pop_front();
        }
    }

    /// Counts the time that `open` calls went on since the last time; call it when their number changes, before it does.
    pub(super) fn calls_went_on(&mut self, now: Instant, open: usize) {
        self.started.get_or_insert(now);
        let since = self.counted_to.replace(now).map_or(Duration::ZERO, |before| now.duration_since(before));
        self.share.goes_on(since.as_secs_f64() * open as f64);
    }

    /// What all calls get from now on; call it about once a second. `Some` when that changes.
    pub(super) fn step(&mut self, now: Instant) -> Option<Relief> {
        if !self.config.admission {
            return None;
        }
        let relief = match self.relief {
            Relief::None if self.is_late(now, LATE_FROM) => Relief::NoPartials,
            Relief::NoPartials if self.lag(now).unwrap_or_default().1 < self.part(MACHINE_LATE_BELOW) => {
                Relief::None
            }
            unchanged @ (Relief::None | Relief::NoPartials) => unchanged,
        };
        let has_changed = relief != self.relief;
        self.relief = relief;
        has_changed.then_some(relief)
    }

    /// What all calls get at the moment.
    pub(super) fn relief(&self) -> Relief {
        self.relief
    }

    /// So many workers hang from now on.
    pub(super) fn hang(&mut self, hung: usize) {
        self.hung = hung;
    }

    /// What one more call gets when `open` go on and recordings keep `batch` workers busy.
    pub(super) fn service(&mut self, now: Instant, open: usize, batch: usize) -> Service {
        self.forget(now);
        if open >= self.config.max_calls {
            return Service::None;
        }
        if !self.config.admission {
            return Service::Full;
        }
        if self.is_late(now, 1.0) {
            return Service::None;
        }
        let (finals, partials) = self.load(now);
        let (a_final, a_partial) = self.load_of_a_call();
        let sound = (self.workers - self.hung as f64).max(0.0);
        // Recordings leave one worker to calls; what they have in hand they keep for seconds.
        let workers = (sound - batch as f64).max(sound.min(1.0));
        let room = workers * f64::from(self.config.load_limit) + ROUNDING;
        let calls = open as f64 + 1.0;
        let fits = |present: f64, average: f64| present + average <= room && calls * average <= room;
        // Without partials the load is low, and no room for calls that get them.
        if self.relief == Relief::None && fits(finals + partials, a_final + a_partial) {
            return Service::Full;
        }
        match self.config.overload {
            Overload::FinalsOnly if fits(finals, a_final) => Service::FinalsOnly,
            Overload::FinalsOnly | Overload::Refuse => Service::None,
        }
    }

    /// Workers that finals and partials kept busy lately.
    fn load(&self, now: Instant) -> (f64, f64) {
        let window = self.started.map_or(LOAD_WINDOW, |started| now.duration_since(started).min(LOAD_WINDOW));
        let of = |wanted: Kind| -> f64 {
            let work = self.work.iter().filter(|(_, kind, _)| *kind == wanted);
            // At least a second: one decoding in the first moment is not a full load.
            work.map(|(_, _, ran)| ran.as_secs_f64()).sum::<f64>() / window.as_secs_f64().max(1.0)
        };
        (of(Kind::Final), of(Kind::Partial))
    }

    /// Workers that a call keeps busy once it is spoken in, for finals and for partials.
    fn load_of_a_call(&self) -> (f64, f64) {
        // A recording that comes faster than it was spoken is no more than speech all the time.
        let share = self.share.value().min(1.0).max(f64::from(self.config.speech_share));
        (share * self.finals.value(), share * self.partials.value())
    }

    /// Whether finals come later than a part of `max_lag`, and the machine has to do with it.
    fn is_late(&self, now: Instant, part: f64) -> bool {
        self.lag(now)
            .is_some_and(|(lag, machine)| lag > self.part(part) && machine > self.part(MACHINE_LATE_FROM))
    }

    /// A part of `max_lag`.
    fn part(&self, of_limit: f64) -> Duration {
        self.config.max_lag.mul_f64(of_limit)
    }

    /// 95th percentiles of the lag of the finals of the last half minute, and of the machine's part in it; `None` for too
    /// few.
    fn lag(&self, now: Instant) -> Option<(Duration, Duration)> {
        let recent = self.lags.iter().filter(|(at, _, _)| now.duration_since(*at) <= LOAD_WINDOW);
        let (lags, machines): (Vec<Duration>, Vec<Duration>) =
            recent.map(|(_, lag, machine)| (*lag, *machine)).unzip();
        (lags.len() >= FINALS_FEWEST).then(|| (latest(lags), latest(machines)))
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |(at, _, _): &mut (Instant, Kind, Duration)| now.duration_since(*at) > LOAD_WINDOW;
        while self.work.pop_front_if(is_old).is_some() {}
    }
}

/// 95th percentile of a few.
fn latest(mut lags: Vec<Duration>) -> Duration {
    lags.sort_unstable();
    lags[(lags.len() * 95).div_ceil(100) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::event::FinalDelay;
    use crate::clock::{Clock, SystemClock};

    fn config(overload: Overload) -> Config {
        Config { overload, assumed_load: 0.1, load_limit: 0.7, max_calls: 100, ..Config::default() }
    }

    /// A final of so many milliseconds, of which the pause took some.
    fn late(lag_ms: u64, turn_ms: u64) -> Announced {
        let (lag, machine) = (Duration::from_millis(lag_ms), Duration::from_millis(lag_ms - turn_ms));
        Announced { lag, machine, delay: FinalDelay::default() }
    }

    /// Opens calls until one is refused full service.
    fn admitted(admission: &mut Admission, now: Instant, service: Service) -> usize {
        (0..1_000).find(|open| admission.service(now, *open, 0) != service).unwrap()
    }

    #[test]
    fn before_anything_is_measured_the_assumed_cost_decides() {
        let now = SystemClock.monotonic();
        // Two workers, 70 % of them, a fifth of one for each call: 7.
        assert_eq!(admitted(&mut Admission::new(2, &config(Overload::Refuse)), now, Service::Full), 7);
        let mut admission = Admission::new(2, &config(Overload::FinalsOnly));
        assert_eq!(admission.service(now, 7, 0), Service::FinalsOnly);
        assert_eq!(admission.service(now, 14, 0), Service::None);
    }

    #[test]
    fn workers_that_recognise_recordings_are_no_room_for_calls() {
        let now = SystemClock.monotonic();
        let mut admission = Admission::new(2, &config(Overload::Refuse));
        // One worker, 70 % of it, a fifth of one for each call: 3. A single one does both.
        assert_eq!(
            [0, 1, 2].map(|batch| admission.service(now, 3, batch)),
            [Service::Full, Service::None, Service::None]
        );
        assert_eq!(admission.service(now, 2, 2), Service::Full);
    }

    #[test]
    fn workers_that_hang_are_no_room_for_calls() {
        let now = SystemClock.monotonic();
        let mut admission = Admission::new(2, &config(Overload::Refuse));
        for (hung, calls) in [(2, 0), (1, 3), (0, 7)] {
            admission.hang(hung);
            assert_eq!(admitted(&mut admission, now, Service::Full), calls, "{hung}");
        }
        admission.hang(1);
        assert_eq!(
            admission.service(now, 2, 1),
            Service::Full,
            "recordings take nothing of the one that is left"
        );
    }

    #[test]
    fn calls_that_cost_little_make_room_for_more_and_dear_ones_for_fewer() {
        for (ran_ms, expected) in [(20, 40..=50), (300, 4..=6)] {
            let mut now = SystemClock.monotonic();
            let mut admission = Admission::new(2, &config(Overload::Refuse));
            admission.calls_went_on(now, 0);
            for _ in 0..2_000 {
                now += Duration::from_secs(1);
                admission.calls_went_on(now, 1);
                admission.spoke(Duration::from_millis(400), true);
                admission.decoded(now, Kind::Final, Duration::from_millis(ran_ms));
            }
            let most = admitted(&mut admission, now, Service::Full);
            assert!(expected.contains(&most), "{ran_ms} ms a second: {most} calls");
        }
    }

    #[test]
    fn late_finals_refuse_new_calls_until_they_are_long_ago() {
        let now = SystemClock.monotonic();
        let mut admission = Admission::new(2, &config(Overload::FinalsOnly));
        (0..20).for_each(|_| admission.announced(now, late(300, 300)));
        assert_eq!(admission.service(now, 0, 0), Service::Full);
        (0..20).for_each(|_| admission.announced(now, late(3_000, 2_900)));
        assert_eq!(admission.service(now, 0, 0), Service::Full, "a pause is waited for");
        (0..4).for_each(|_| admission.announced(now, late(3_000, 300)));
        assert_eq!(admission.service(now, 0, 0), Service::None);
        assert_eq!(admission.service(now + LOAD_WINDOW * 2, 0, 0), Service::Full);
    }

    /// Seconds of work for a second of speech, and how speech comes: so much of it in so much time.
    const COST: f64 = 0.25;
    const SPEECH: Duration = Duration::from_secs(2);
    const EVERY: Duration = Duration::from_secs(5);

    /// Lag of each final, in order, when `calls` speak for `EVERY` times `rounds`, each in its own moment, on `workers`.
    fn lags(calls: usize, workers: usize, rounds: u32) -> Vec<Duration> {
        let start = SystemClock.monotonic();
        let mut free = vec![start; workers];
        let asked = (0..rounds).flat_map(|round| {
            let moment = move |call: usize| EVERY * round + EVERY * call as u32 / calls.max(1) as u32;
            (0..calls).map(move |call| start + moment(call))
        });
        let answer = |asked: Instant| {
            let worker = free.iter_mut().min().unwrap();
            *worker = (*worker).max(asked) + SPEECH.mul_f64(COST);
            *worker - asked
        };
        asked.map(answer).collect()
    }

    #[test]
    fn calls_that_were_admitted_in_silence_may_all_begin_to_speak() {
        let mut now = SystemClock.monotonic();
        let settings = Config { max_calls: 256, ..config(Overload::Refuse) };
        let mut admission = Admission::new(2, &settings);
        // Ten minutes of one call tell what speech costs. Its partials cost nothing, to keep to one kind of work.
        admission.calls_went_on(now, 1);
        for _ in 0..120 {
            now += EVERY;
            admission.calls_went_on(now, 1);
            admission.spoke(SPEECH, true);
            admission.decoded(now, Kind::Final, SPEECH.mul_f64(COST));
        }
        // An hour in which calls come that say nothing.
        let mut open = 1;
        for _ in 0..3_600 {
            now += Duration::from_secs(1);
            admission.calls_went_on(now, open);
            open += usize::from(admission.service(now, open, 0) == Service::Full);
        }
        assert!(open >= 6, "{open} calls: the machine is not used");
        let lags = lags(open, 2, 200);
        let limit = settings.max_lag;
        assert!(lags.iter().all(|lag| *lag <= limit), "{open} calls: {:?}", lags.iter().max());
        let (first, last) = lags.split_at(lags.len() / 2);
        assert!(last.iter().max() <= first.iter().max(), "{open} calls: their lag grows");
    }

    #[test]
    fn a_measured_share_of_speech_counts_when_it_is_more_than_the_floor() {
        let mut now = SystemClock.monotonic();
        let mut admission = Admission::new(2, &config(Overload::Refuse));
        let before = admitted(&mut admission, now, Service::Full);
        admission.calls_went_on(now, 1);
        // Two people who talk all the time, at the cost that is assumed.
        for _ in 0..600 {
            now += Duration::from_secs(1);
            admission.calls_went_on(now, 1);
            admission.spoke(Duration::from_millis(800), true);
            admission.decoded(now, Kind::Final, Duration::from_millis(200));
            admission.decoded(now, Kind::Partial, Duration::from_millis(200));
        }
        now += LOAD_WINDOW * 2;
        let after = admitted(&mut admission, now, Service::Full);
        assert_eq!((before, after), (7, 3));
    }

    #[test]
    fn partials_stop_for_all_when_finals_are_nearly_too_late_and_come_back_when_they_are_not() {
        let mut now = SystemClock.monotonic();
        let mut admission = Admission::new(2, &config(Overload::FinalsOnly));
        let mut tell = |now, final_: Announced| {
            (0..20).for_each(|_| admission.announced(now, final_));
            (admission.step(now), admission.service(now, 0, 0))
        };
        assert_eq!(tell(now, late(400, 390)), (None, Service::Full));
        now += LOAD_WINDOW * 2;
        assert_eq!(tell(now, late(950, 900)), (None, Service::Full), "a pause is waited for");
        now += LOAD_WINDOW * 2;
        assert_eq!(tell(now, late(900, 400)), (Some(Relief::NoPartials), Service::FinalsOnly));
        assert_eq!(tell(now, late(900, 400)), (None, Service::FinalsOnly), "told once");
        now += LOAD_WINDOW * 2;
        assert_eq!(tell(now, late(550, 400)), (None, Service::FinalsOnly), "better, and not yet good");
        now += LOAD_WINDOW * 2;
        assert_eq!(tell(now, late(410, 400)), (Some(Relief::None), Service::Full));
    }

    #[test]
    fn without_admission_only_the_number_of_calls_counts() {
        let now = SystemClock.monotonic();
        let config = Config { admission: false, ..config(Overload::Refuse) };
        let mut admission = Admission::new(1, &config);
        assert_eq!(admitted(&mut admission, now, Service::Full), 100);
        (0..20).for_each(|_| admission.announced(now, late(3_000, 300)));
        assert_eq!((admission.step(now), admission.relief()), (None, Relief::None));
    }
}
