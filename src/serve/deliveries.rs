//! The figures of webhooks in Prometheus' text format.

use super::metrics::{durations, family, line};
use crate::webhook::Snapshot;

/// The deliveries to every receiver; nothing without receivers. Names of receivers are plain: the configuration saw to it.
pub fn write(out: &mut String, receivers: &[Snapshot]) {
    if receivers.is_empty() {
        return;
    }
    const DELIVERIES: &str = "allo_webhook_deliveries_total";
    family(out, DELIVERIES, "counter", "Hand-overs that left the outbox, by receiver and outcome.");
    for it in receivers {
        let outcomes = [("delivered", it.delivered), ("failed", it.failed), ("dropped", it.dropped)];
        for (outcome, count) in outcomes {
            let labels = format!("receiver=\"{}\",outcome=\"{outcome}\"", it.receiver);
            line(out, format_args!("{DELIVERIES}{{{labels}}} {count}"));
        }
    }
    const RETRIES: &str = "allo_webhook_retries_total";
    family(out, RETRIES, "counter", "Attempts that failed and are followed by another one.");
    for it in receivers {
        line(out, format_args!("{RETRIES}{{receiver=\"{}\"}} {}", it.receiver, it.retried));
    }
    const WAITING: &str = "allo_webhook_waiting";
    family(out, WAITING, "gauge", "Hand-overs in the outbox.");
    for it in receivers {
        line(out, format_args!("{WAITING}{{receiver=\"{}\"}} {}", it.receiver, it.waiting));
    }
    const DELAY: &str = "allo_webhook_delay_seconds";
    family(out, DELAY, "histogram", "From the hand-over to the first attempt.");
    receivers.iter().for_each(|it| durations(out, (DELAY, &label(it)), &it.delay));
    const ATTEMPT: &str = "allo_webhook_attempt_duration_seconds";
    family(out, ATTEMPT, "histogram", "From the connection to the answer, of every attempt.");
    receivers.iter().for_each(|it| durations(out, (ATTEMPT, &label(it)), &it.attempt));
}

fn label(it: &Snapshot) -> String {
    format!("receiver=\"{}\"", it.receiver)
}
