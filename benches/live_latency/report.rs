//! How figures are printed.

use std::time::Duration;

use allo::call::event::{FinalDelay, TurnEndReason};

use super::play::Final;

/// The given part (0 to 1) of all durations is at most this, in milliseconds.
pub fn quantile_ms(sorted: &[Duration], part: f64) -> u128 {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or_default().as_millis()
}

/// Number of finals and their lags.
pub fn lags(lags: &[Duration]) -> String {
    format!("{} finals, {}", lags.len(), quantiles(lags))
}

/// Median, 95th percentile and longest.
pub fn quantiles(lags: &[Duration]) -> String {
    let mut sorted = lags.to_vec();
    sorted.sort_unstable();
    let at = |part| quantile_ms(&sorted, part);
    format!("p50 {} ms, p95 {} ms, longest {} ms", at(0.5), at(0.95), at(1.0))
}

/// A quantile of one as a part of the same quantile of the other.
pub fn ratio(ours: &[Duration], theirs: &[Duration], part: f64) -> f64 {
    let at = |lags: &[Duration]| {
        let mut sorted = lags.to_vec();
        sorted.sort_unstable();
        quantile_ms(&sorted, part) as f64
    };
    at(ours) / at(theirs).max(1.0)
}

/// Where the time of finals goes: a line a stage, and a line for each way in which the end of a turn was known.
pub fn breakdown(finals: &[Final]) -> Vec<String> {
    let of = |part: fn(&FinalDelay) -> Duration| {
        let mut all: Vec<Duration> = finals.iter().map(|it| part(&it.delay)).collect();
        all.sort_unstable();
        format!("p50 {} ms, p95 {} ms", quantile_ms(&all, 0.5), quantile_ms(&all, 0.95))
    };
    let mut lines = vec![
        "where the time goes; the first three follow each other, the others lie within them:".to_owned(),
        format!("  end of speech until the turn is over: {}", of(|delay| delay.turn)),
        format!("  then until the text is there:         {}", of(|delay| delay.text)),
        format!("  then until it is kept and told:       {}", of(|delay| delay.keep)),
        format!("  end of speech until the text is asked for: {}", of(|delay| delay.asked)),
        format!("  waiting for a recogniser:                  {}", of(|delay| delay.queued)),
        format!("  recognition:                               {}", of(|delay| delay.decoded)),
    ];
    for reason in [
        Some(TurnEndReason::Finished),
        Some(TurnEndReason::Complete),
        Some(TurnEndReason::Silence),
        Some(TurnEndReason::Dtmf),
        Some(TurnEndReason::TooLong),
        Some(TurnEndReason::EndOfAudio),
        None,
    ] {
        let latencies: Vec<Duration> =
            finals.iter().filter(|it| it.reason == reason).map(|it| it.latency).collect();
        if !latencies.is_empty() {
            let name = reason.map_or("part of a long turn", TurnEndReason::name);
            lines.push(format!("  ended as {name}: {}", lags(&latencies)));
        }
    }
    lines
}
