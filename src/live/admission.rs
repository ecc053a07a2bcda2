//! Whether one more call can be listened to, by what calls have cost so far.
//!
//! Two measures: how much of the workers' time the calls of the last half minute took, for finals and for partials; and
//! what a call costs on the average, which starts from an assumption and is learnt over minutes. A call is admitted when
//! what goes on plus one average call fits below the limit, counted in two ways: from the load as measured now, and from
//! the number of calls times their average cost, since calls that have just begun have not yet spoken. Beyond that, and
//! whenever finals come late, it is refused, so that those who are admitted keep their delay. Workers that recordings keep busy
//! are none for calls.
//!
//! Pure: time is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::config::{Config, Overload};

/// Time over which the present load is measured: a turn and its answer.
const LOAD_WINDOW: Duration = Duration::from_secs(30);
/// Call-seconds that the assumed cost weighs: a few minutes of calls, measured, count for more.
const ASSUMED_WEIGHT_S: f64 = 120.0;
/// Call-seconds over which the average cost is learnt; older ones fade.
const LEARNT_OVER_S: f64 = 3_600.0;
/// Finals that are looked at for their lag; fewer than [`FINALS_FEWEST`] say nothing.
const FINALS_MAX: usize = 200;
const FINALS_FEWEST: usize = 5;

/// The settings are 32-bit numbers: seven times a tenth has to fit into seven tenths.
const ROUNDING: f64 = 1e-6;

/// What a new call gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Full,
    FinalsOnly,
    None,
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
    config: Config,
    work: VecDeque<(Instant, Kind, Duration)>,
    lags: VecDeque<(Instant, Duration)>,
    started: Option<Instant>,
    /// Last time that call-seconds were counted up to.
    counted_to: Option<Instant>,
    call_seconds: f64,
    final_seconds: f64,
    partial_seconds: f64,
}

impl Admission {
    /// Nothing measured yet, `workers` recognition threads.
    pub(super) fn new(workers: usize, config: &Config) -> Self {
        let assumed = ASSUMED_WEIGHT_S * f64::from(config.assumed_load);
        Self {
            workers: workers.max(1) as f64,
            config: config.clone(),
            work: VecDeque::new(),
            lags: VecDeque::new(),
            started: None,
            counted_to: None,
            call_seconds: ASSUMED_WEIGHT_S,
            final_seconds: assumed,
            partial_seconds: assumed,
        }
    }

    /// A decoding took a worker for `ran`.
    pub(super) fn decoded(&mut self, now: Instant, kind: Kind, ran: Duration) {
        self.work.push_back((now, kind, ran));
        match kind {
            Kind::Final => self.final_seconds += ran.as_secs_f64(),
            Kind::Partial => self.partial_seconds += ran.as_secs_f64(),
        }
        self.forget(now);
    }

    /// A final was announced so long after the end of speech.
    pub(super) fn announced(&mut self, now: Instant, lag: Duration) {
        self.lags.push_back((now, lag));
        if self.lags.len() > FINALS_MAX {
            self.lags.pop_front();
        }
    }

    /// Counts the time that `open` calls went on since the last time; call it when their number changes, before it does.
    pub(super) fn calls_went_on(&mut self, now: Instant, open: usize) {
        self.started.get_or_insert(now);
        let since = self.counted_to.replace(now).map_or(Duration::ZERO, |before| now.duration_since(before));
        self.call_seconds += since.as_secs_f64() * open as f64;
        if self.call_seconds > LEARNT_OVER_S {
            let kept = LEARNT_OVER_S / self.call_seconds;
            self.call_seconds *= kept;
            self.final_seconds *= kept;
            self.partial_seconds *= kept;
        }
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
        if self.lag(now).is_some_and(|lag| lag > self.config.max_lag) {
            return Service::None;
        }
        let (finals, partials) = self.load(now);
        let (a_final, a_partial) = self.average_load();
        // Recordings leave one worker to calls; what they have in hand they keep for seconds.
        let workers = (self.workers - batch as f64).max(1.0);
        let room = workers * f64::from(self.config.load_limit) + ROUNDING;
        let calls = open as f64 + 1.0;
        let fits = |present: f64, average: f64| present + average <= room && calls * average <= room;
        if fits(finals + partials, a_final + a_partial) {
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

    /// Workers that a call keeps busy on the average, for finals and for partials.
    fn average_load(&self) -> (f64, f64) {
        (self.final_seconds / self.call_seconds, self.partial_seconds / self.call_seconds)
    }

    /// 95th percentile of the lag of the finals of the last half minute; `None` for too few.
    fn lag(&self, now: Instant) -> Option<Duration> {
        let recent = self.lags.iter().filter(|(at, _)| now.duration_since(*at) <= LOAD_WINDOW);
        let mut lags: Vec<Duration> = recent.map(|(_, lag)| *lag).collect();
        lags.sort_unstable();
        (lags.len() >= FINALS_FEWEST).then(|| lags[(lags.len() * 95).div_ceil(100) - 1])
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |(at, _, _): &mut (Instant, Kind, Duration)| now.duration_since(*at) > LOAD_WINDOW;
        while self.work.pop_front_if(is_old).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    fn config(overload: Overload) -> Config {
        Config { overload, assumed_load: 0.1, load_limit: 0.7, max_calls: 100, ..Config::default() }
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
    fn calls_that_cost_little_make_room_for_more_and_dear_ones_for_fewer() {
        for (ran_ms, expected) in [(20, 40..=50), (300, 4..=6)] {
            let mut now = SystemClock.monotonic();
            let mut admission = Admission::new(2, &config(Overload::Refuse));
            admission.calls_went_on(now, 0);
            for _ in 0..2_000 {
                now += Duration::from_secs(1);
                admission.calls_went_on(now, 1);
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
        (0..20).for_each(|_| admission.announced(now, Duration::from_millis(300)));
        assert_eq!(admission.service(now, 0, 0), Service::Full);
        (0..4).for_each(|_| admission.announced(now, Duration::from_secs(3)));
        assert_eq!(admission.service(now, 0, 0), Service::None);
        assert_eq!(admission.service(now + LOAD_WINDOW * 2, 0, 0), Service::Full);
    }

    #[test]
    fn without_admission_only_the_number_of_calls_counts() {
        let now = SystemClock.monotonic();
        let config = Config { admission: false, ..config(Overload::Refuse) };
        assert_eq!(admitted(&mut Admission::new(1, &config), now, Service::Full), 100);
    }
}
