//! The figures of live calls in Prometheus' text format.

use crate::live::Snapshot;
use crate::serve::metrics::{STAGE, durations, family, line};

/// The stages of live calls, for the histogram of stages that is being written.
pub fn write_stages(out: &mut String, snapshot: &Snapshot) {
    let stages = [
        ("final", &snapshot.final_lag),
        ("turn", &snapshot.final_turn),
        ("text", &snapshot.final_text),
        ("asked", &snapshot.final_asked),
        ("partial", &snapshot.partial_lag),
        ("detection", &snapshot.detection),
        ("judge", &snapshot.judge),
        ("decode_wait", &snapshot.decode_wait),
        ("decode", &snapshot.decode),
        ("keep", &snapshot.keep),
    ];
    for (name, histogram) in stages {
        durations(out, (STAGE, &format!("stage=\"{name}\"")), histogram);
    }
}

/// What happened in live calls.
pub fn write_calls(out: &mut String, snapshot: &Snapshot) {
    const CALLS: &str = "allo_live_calls";
    family(out, CALLS, "gauge", "Live calls that go on.");
    line(out, format_args!("{CALLS} {}", snapshot.open_calls));
    const STUCK: &str = "allo_live_stuck";
    family(out, STUCK, "gauge", "1 while a part that calls depend on hangs.");
    for (part, is_stuck) in
        [("hearing", snapshot.is_hearing_stuck), ("recognition", snapshot.is_recognition_stuck)]
    {
        line(out, format_args!("{STUCK}{{part=\"{part}\"}} {}", u8::from(is_stuck)));
    }
    const EVENTS: &str = "allo_live_events_total";
    family(out, EVENTS, "counter", "What happened in live calls, by kind.");
    for (kind, count) in [
        ("call_opened", snapshot.calls_opened),
        ("call_finals_only", snapshot.calls_finals_only),
        ("call_refused", snapshot.calls_refused),
        ("call_ended", snapshot.calls_ended),
        ("final", snapshot.finals),
        ("final_ready", snapshot.finals_ready),
        ("final_failed", snapshot.finals_failed),
        ("turn_discarded", snapshot.turns_discarded),
        ("turn_joined", snapshot.turns_joined),
        ("interrupted", snapshot.interrupted),
        ("partial", snapshot.partials),
        ("partial_dropped", snapshot.partials_dropped),
        ("partials_stopped", snapshot.partials_stopped),
        ("partials_resumed", snapshot.partials_resumed),
        ("speculation_cancelled", snapshot.speculations_cancelled),
        ("judge_dropped", snapshot.judges_dropped),
        ("control_refused", snapshot.controls_refused),
        ("chain_restarted", snapshot.chains_restarted),
        ("hearing_stuck", snapshot.hearing_stuck),
        ("panic", snapshot.panics),
        ("keep_failed", snapshot.keep_failed),
    ] {
        line(out, format_args!("{EVENTS}{{kind=\"{kind}\"}} {count}"));
    }
    const SAMPLES: &str = "allo_live_samples_total";
    family(out, SAMPLES, "counter", "Samples of live audio that were not heard, by reason.");
    line(out, format_args!("{SAMPLES}{{reason=\"dropped\"}} {}", snapshot.samples_dropped));
    line(out, format_args!("{SAMPLES}{{reason=\"lost\"}} {}", snapshot.samples_lost));
    const WINDOWS: &str = "allo_live_windows_total";
    family(out, WINDOWS, "counter", "Windows of 32 ms, by how they were judged.");
    line(out, format_args!("{WINDOWS}{{by=\"detector\"}} {}", snapshot.windows));
    line(out, format_args!("{WINDOWS}{{by=\"silence\"}} {}", snapshot.windows_silent));
    line(out, format_args!("{WINDOWS}{{by=\"steady_noise\"}} {}", snapshot.windows_steady));
}
