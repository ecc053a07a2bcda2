//! The figures of the service in Prometheus' text format.
//!
//! Names follow its conventions: a prefix, base units (seconds), `_total` for what only grows. Label values come from
//! closed sets or from the table of routes, so that no client can make new time series.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::live::figures;
use crate::asr::worker::PoolSnapshot;
use crate::live::{self, BUCKETS_MS, HistogramSnapshot};

/// The histogram of all stages.
pub const STAGE: &str = "allo_stage_duration_seconds";

/// Upper bounds in seconds: from a health check to an hour of audio.
const BOUNDS_S: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.9, 2.0, 5.0, 20.0, 60.0, 300.0];

/// A stage whose latency is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Receiving a recording from a client.
    Receive,
    /// Waiting for a place among the recordings that are transcribed at once.
    Wait,
    /// From a recording to its transcript: decoding, voice detection, recognition.
    Transcribe,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Receive, Self::Wait, Self::Transcribe];

    const fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Wait => "wait",
            Self::Transcribe => "transcribe",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Receive => 0,
            Self::Wait => 1,
            Self::Transcribe => 2,
        }
    }
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too many connections.
    Connections,
    /// Too many recordings are waiting.
    Transcriptions,
    /// Too many calls, or the machine cannot keep up with more.
    Calls,
    /// A client sent messages too fast and was slowed down.
    MessageRate,
    /// A TLS handshake failed.
    Handshake,
    /// A call of which nobody told before, where only such calls are taken.
    Unexpected,
}

impl Refusal {
    const ALL: [Self; 6] = [
        Self::Connections,
        Self::Transcriptions,
        Self::Calls,
        Self::MessageRate,
        Self::Handshake,
        Self::Unexpected,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Transcriptions => "transcriptions",
            Self::Calls => "calls",
            Self::MessageRate => "message_rate",
            Self::Handshake => "tls_handshake",
            Self::Unexpected => "unexpected",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Connections => 0,
            Self::Transcriptions => 1,
            Self::Calls => 2,
            Self::MessageRate => 3,
            Self::Handshake => 4,
            Self::Unexpected => 5,
        }
    }
}

/// Figures since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<RequestLabels, u64>>,
    request_seconds: Mutex<BTreeMap<&'static str, Histogram>>,
    stages: [Mutex<Histogram>; Stage::ALL.len()],
    refused: [AtomicU64; Refusal::ALL.len()],
    connections: AtomicI64,
    web_sockets: AtomicI64,
    audio_milliseconds: AtomicU64,
}

/// What is counted of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestLabels {
    /// The pattern of the route, never the path.
    pub route: &'static str,
    /// The method; `other` for unusual ones.
    pub method: &'static str,
    /// The status of the answer.
    pub status: u16,
}

#[derive(Debug, Clone, Default)]
struct Histogram {
    /// Each bound's own count, not yet summed up.
    counts: [u64; BOUNDS_S.len()],
    count: u64,
    sum_s: f64,
}

impl Histogram {
    fn record(&mut self, seconds: f64) {
        if let Some(index) = BOUNDS_S.iter().position(|bound| seconds <= *bound) {
            self.counts[index] += 1;
        }
        self.count += 1;
        self.sum_s += seconds;
    }

    fn write(&self, out: &mut String, name: &str, label: &str) {
        let mut below = 0;
        for (bound, count) in BOUNDS_S.iter().zip(self.counts) {
            below += count;
            line(out, format_args!("{name}_bucket{{{label},le=\"{bound}\"}} {below}"));
        }
        line(out, format_args!("{name}_bucket{{{label},le=\"+Inf\"}} {}", self.count));
        line(out, format_args!("{name}_sum{{{label}}} {}", self.sum_s));
        line(out, format_args!("{name}_count{{{label}}} {}", self.count));
    }
}

impl Metrics {
    /// A request was answered.
    pub fn request(&self, labels: RequestLabels, took: Duration) {
        lock(&self.request_seconds).entry(labels.route).or_default().record(took.as_secs_f64());
        *lock(&self.requests).entry(labels).or_default() += 1;
    }

    /// A stage took so long.
    pub fn stage(&self, stage: Stage, took: Duration) {
        lock(&self.stages[stage.index()]).record(took.as_secs_f64());
    }

    /// Mean of a stage so far; `None` before the first.
    pub fn mean(&self, stage: Stage) -> Option<Duration> {
        let histogram = lock(&self.stages[stage.index()]);
        let mean = (histogram.count > 0).then(|| histogram.sum_s / histogram.count as f64)?;
        Duration::try_from_secs_f64(mean).ok()
    }

    /// Something was refused.
    pub fn refused(&self, refusal: Refusal) {
        self.refused[refusal.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// A connection opened (1) or closed (-1).
    pub fn connections(&self, change: i64) {
        self.connections.fetch_add(change, Ordering::Relaxed);
    }

    /// A WebSocket opened (1) or closed (-1).
    pub fn web_sockets(&self, change: i64) {
        self.web_sockets.fetch_add(change, Ordering::Relaxed);
    }

    /// A recording of this length was transcribed.
    pub fn audio(&self, length: Duration) {
        let milliseconds = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        self.audio_milliseconds.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Everything as text; `pool` is how the recognisers are, `live` how the live calls are.
    pub fn render(&self, pool: &PoolSnapshot, live: Option<&live::Snapshot>) -> String {
        let mut out = String::with_capacity(8 * 1024);
        family(&mut out, "allo_http_requests_total", "counter", "Requests answered.");
        for (labels, count) in &*lock(&self.requests) {
            let RequestLabels { route, method, status } = labels;
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            line(&mut out, format_args!("allo_http_requests_total{{{labels}}} {count}"));
        }
        const REQUEST: &str = "allo_http_request_duration_seconds";
        family(&mut out, REQUEST, "histogram", "From the request's head to the answer's.");
        for (route, histogram) in &*lock(&self.request_seconds) {
            histogram.write(&mut out, REQUEST, &format!("route=\"{route}\""));
        }
        family(&mut out, STAGE, "histogram", "How long each stage of the work takes.");
        for stage in Stage::ALL {
            let label = format!("stage=\"{}\"", stage.name());
            lock(&self.stages[stage.index()]).write(&mut out, STAGE, &label);
        }
        if let Some(live) = live {
            figures::write_stages(&mut out, live);
            figures::write_calls(&mut out, live);
        }
        family(&mut out, "allo_refused_total", "counter", "What was refused, by reason.");
        for refusal in Refusal::ALL {
            let count = self.refused[refusal.index()].load(Ordering::Relaxed);
            line(&mut out, format_args!("allo_refused_total{{reason=\"{}\"}} {count}", refusal.name()));
        }
        self.write_gauges(&mut out);
        write_pool(&mut out, pool);
        out
    }

    fn write_gauges(&self, out: &mut String) {
        let gauges = [
            ("allo_connections", "Open connections.", &self.connections),
            ("allo_websockets", "Open WebSockets.", &self.web_sockets),
        ];
        for (name, help, value) in gauges {
            family(out, name, "gauge", help);
            line(out, format_args!("{name} {}", value.load(Ordering::Relaxed)));
        }
        const AUDIO: &str = "allo_audio_seconds_total";
        family(out, AUDIO, "counter", "Audio of recordings that were transcribed.");
        let seconds = self.audio_milliseconds.load(Ordering::Relaxed) as f64 / 1_000.0;
        line(out, format_args!("{AUDIO} {seconds}"));
        family(out, "allo_build_info", "gauge", "The version that runs.");
        line(out, format_args!("allo_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")));
    }
}

/// The pool's lanes in its own order.
const LANES: [&str; 3] = ["live_final", "live_partial", "batch"];

fn write_pool(out: &mut String, pool: &PoolSnapshot) {
    const WAITING: &str = "allo_recognition_waiting";
    family(out, WAITING, "gauge", "Segments that wait for a recogniser.");
    for (lane, snapshot) in LANES.iter().zip(&pool.queue.lanes) {
        line(out, format_args!("{WAITING}{{lane=\"{lane}\"}} {}", snapshot.depth));
    }
    const LOST: &str = "allo_recognition_refused_total";
    family(out, LOST, "counter", "Segments for which there was no room.");
    for (lane, snapshot) in LANES.iter().zip(&pool.queue.lanes) {
        line(out, format_args!("{LOST}{{lane=\"{lane}\"}} {}", snapshot.refused + snapshot.dropped));
    }
    family(out, "allo_recognition_running", "gauge", "Recognitions in progress.");
    line(out, format_args!("allo_recognition_running {}", pool.running));
    const LEFT: &str = "allo_recognition_left_behind";
    family(out, LEFT, "gauge", "Recognisers that hang and were replaced.");
    line(out, format_args!("{LEFT} {}", pool.left_behind));
    const TOTAL: &str = "allo_recognitions_total";
    family(
        out,
        TOTAL,
        "counter",
        "Recognitions that ended, by outcome; a panic, or an engine that hung, is also a failure.",
    );
    let outcomes = [
        ("recognized", pool.recognized),
        ("cancelled", pool.cancelled),
        ("failed", pool.failed),
        ("panicked", pool.panicked),
        ("stuck", pool.stuck),
    ];
    for (outcome, count) in outcomes {
        line(out, format_args!("{TOTAL}{{outcome=\"{outcome}\"}} {count}"));
    }
}

/// The head of a family.
pub fn family(out: &mut String, name: &str, kind: &str, help: &str) {
    line(out, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
}

/// The lines of a histogram of durations; `labels` may be empty.
pub fn durations(out: &mut String, (name, labels): (&str, &str), histogram: &HistogramSnapshot) {
    let (comma, own) = match labels {
        "" => ("", String::new()),
        labels => (",", format!("{{{labels}}}")),
    };
    let mut below = 0;
    for (bound, count) in BUCKETS_MS.iter().zip(histogram.counts) {
        below += count;
        let bound = Duration::from_millis(*bound).as_secs_f64();
        line(out, format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}"));
    }
    let count = histogram.count();
    line(out, format_args!("{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}"));
    line(out, format_args!("{name}_sum{own} {}", histogram.sum.as_secs_f64()));
    line(out, format_args!("{name}_count{own} {count}"));
}

/// One line.
pub fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue;

    fn idle_pool() -> PoolSnapshot {
        let queue = queue::Snapshot { name: "asr", lanes: Vec::new() };
        PoolSnapshot {
            queue,
            running: 0,
            recognized: 3,
            cancelled: 0,
            failed: 0,
            panicked: 0,
            stuck: 0,
            left_behind: 0,
        }
    }

    #[test]
    fn buckets_are_cumulative_and_end_with_the_count() {
        let metrics = Metrics::default();
        for milliseconds in [4, 40, 400_000] {
            metrics.stage(Stage::Transcribe, Duration::from_millis(milliseconds));
        }
        let text = metrics.render(&idle_pool(), None);
        for expected in [
            "allo_stage_duration_seconds_bucket{stage=\"transcribe\",le=\"0.005\"} 1",
            "allo_stage_duration_seconds_bucket{stage=\"transcribe\",le=\"300\"} 2",
            "allo_stage_duration_seconds_bucket{stage=\"transcribe\",le=\"+Inf\"} 3",
            "allo_stage_duration_seconds_count{stage=\"transcribe\"} 3",
            "allo_recognitions_total{outcome=\"recognized\"} 3",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }

    #[test]
    fn every_family_is_described_and_every_name_keeps_to_the_conventions() {
        let metrics = Metrics::default();
        let labels = RequestLabels { route: "/v1/models", method: "GET", status: 200 };
        metrics.request(labels, Duration::from_millis(1));
        let text = metrics.render(&idle_pool(), None);
        for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(name.starts_with("allo_"), "{name}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
            assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}");
            assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
        }
    }
}
