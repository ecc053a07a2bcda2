//! What live calls cost and how long each stage takes, counted since the start.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::asr::worker::PoolSnapshot;
use crate::guard;

/// Upper bounds of a histogram's buckets, in milliseconds; a last bucket holds what is longer. A voice detection batch
/// takes less than one, a slow final thousands.
pub const BUCKETS_MS: [u64; 14] = [1, 2, 5, 10, 25, 50, 100, 200, 300, 500, 900, 1_500, 3_000, 10_000];

/// Counts durations by length.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS_MS.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Counts one.
    pub fn record(&self, duration: Duration) {
        let place = BUCKETS_MS.iter().position(|bound| duration <= Duration::from_millis(*bound));
        self.buckets[place.unwrap_or(BUCKETS_MS.len())].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// How it is at this moment.
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot {
            counts: std::array::from_fn(|index| self.buckets[index].load(Ordering::Relaxed)),
            sum: Duration::from_micros(self.sum_us.load(Ordering::Relaxed)),
        }
    }
}

/// A histogram at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// How many durations fell into each bucket of [`BUCKETS_MS`]; the last count is that of longer ones.
    pub counts: [u64; BUCKETS_MS.len() + 1],
    /// All durations together.
    pub sum: Duration,
}

impl HistogramSnapshot {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Upper bound of the bucket that holds the given part (0 to 1) of all durations; `None` for none, and when it is
    /// longer than every bound.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let rank = (self.count() as f64 * part).ceil() as u64;
        let mut below = 0;
        self.counts.iter().zip(BUCKETS_MS).find_map(|(count, bound)| {
            below += count;
            (rank > 0 && below >= rank).then(|| Duration::from_millis(bound))
        })
    }
}

macro_rules! metrics {
    (counters { $($(#[$counter_doc:meta])* $counter:ident,)* } histograms { $($(#[$doc:meta])* $histogram:ident,)* }) => {
        /// The counters themselves.
        #[derive(Debug, Default)]
        pub(super) struct Metrics {
            $(pub(super) $counter: AtomicU64,)*
            $(pub(super) $histogram: Histogram,)*
        }

        /// Everything counted, at one moment.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Snapshot {
            /// Calls that go on.
            pub open_calls: usize,
            /// The thread that listens hangs.
            pub is_hearing_stuck: bool,
            /// A recogniser hangs and is not replaced.
            pub is_recognition_stuck: bool,
            /// The recogniser and its queue.
            pub recognizer: PoolSnapshot,
            /// What was believed and what not.
            pub guard: guard::Snapshot,
            $($(#[$counter_doc])* pub $counter: u64,)*
            $($(#[$doc])* pub $histogram: HistogramSnapshot,)*
        }

        impl Metrics {
            pub(super) fn snapshot(&self, open_calls: usize, recognizer: PoolSnapshot, guard: guard::Snapshot) -> Snapshot {
                Snapshot {
                    open_calls,
                    is_hearing_stuck: false,
                    is_recognition_stuck: false,
                    recognizer,
                    guard,
                    $($counter: self.$counter.load(Ordering::Relaxed),)*
                    $($histogram: self.$histogram.snapshot(),)*
                }
            }
        }
    };
}

metrics! {
    counters {
        /// Calls that were taken.
        calls_opened,
        /// Calls that were taken with finals only because there was no room for partials.
        calls_finals_only,
        /// Calls that were refused.
        calls_refused,
        /// Calls that ended.
        calls_ended,
        /// Finals announced.
        finals,
        /// Finals whose text was ready when the turn ended.
        finals_ready,
        /// Finals that the recogniser failed on, twice.
        finals_failed,
        /// Turns in which nothing was said.
        turns_discarded,
        /// Turns that continue one whose speaker was taken to be done.
        turns_joined,
        /// Times that somebody spoke into what was played and it was stopped.
        interrupted,
        /// Partials shown.
        partials,
        /// Partials that were asked for and dropped.
        partials_dropped,
        /// Times that partials were stopped for all calls because finals came late.
        partials_stopped,
        /// Times that they came back.
        partials_resumed,
        /// Speculative decodings that were cancelled because speech went on.
        speculations_cancelled,
        /// Questions to Smart Turn that were not answered.
        judges_dropped,
        /// Samples of audio that made room, at the rates of their tracks.
        samples_dropped,
        /// Samples that peers reported as lost, at the rates of their tracks.
        samples_lost,
        /// Keys and marks that were refused because too many waited.
        controls_refused,
        /// Chains that were started anew.
        chains_restarted,
        /// Times that the thread that listens was found to hang.
        hearing_stuck,
        /// Panics in the processing of a call.
        panics,
        /// Windows judged by the voice detector.
        windows,
        /// Windows of digital silence that needed no detector.
        windows_silent,
        /// Windows of a line's lasting noise that were taken to be like the one before.
        windows_steady,
        /// Finals that could not be kept in the store.
        keep_failed,
    }
    histograms {
        /// End of speech to the announced final.
        final_lag,
        /// End of speech until its turn, or this part of it, was known to be over.
        final_turn,
        /// From then until the text of the final was there.
        final_text,
        /// End of speech until the text of the final was asked for.
        final_asked,
        /// A partial's audio to its announcement.
        partial_lag,
        /// One batch of voice detection.
        detection,
        /// A question to Smart Turn, from asking to the answer.
        judge,
        /// A decoding's wait for a worker.
        decode_wait,
        /// A decoding.
        decode,
        /// A final's way into the store.
        keep,
    }
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket() {
        let histogram = Histogram::default();
        assert_eq!(histogram.snapshot().quantile(0.5), None);
        for millis in [1, 3, 90, 250, 20_000] {
            histogram.record(Duration::from_millis(millis));
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.count(), 5);
        assert_eq!(snapshot.sum, Duration::from_millis(20_344));
        assert_eq!(snapshot.quantile(0.5), Some(Duration::from_millis(100)));
        assert_eq!(snapshot.quantile(0.8), Some(Duration::from_millis(300)));
        assert_eq!(snapshot.quantile(1.0), None);
    }
}
