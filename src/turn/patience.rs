//! How long a pause must be to be the end of a turn.

use std::time::Duration;

use super::{Config, Expectation, InvalidConfig, Reading, TextKind};
use crate::audio::duration_samples;
use crate::call::event::TurnEndReason;
use crate::vad::WINDOW_SAMPLES;

/// Digits of a whole telephone number in France and the Netherlands.
const PHONE_DIGITS: u32 = 10;

/// Smart Turn answers within this on a busy machine: 400 ms.
const JUDGED_WITHIN_SAMPLES: u64 = 6_400;

/// The configuration in samples.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) threshold: f32,
    pub(super) negative_threshold: f32,
    min_speech_windows: u64,
    pub(super) pre_roll_samples: u64,
    pub(super) max_audio_samples: u64,
    /// 0: no partials.
    pub(super) partial_samples: u64,
    /// While something is played that may be interrupted.
    pub(super) barge_in_partial_samples: u64,
    pub(super) speculate_samples: u64,
    pub(super) smart_turn: bool,
    judge_samples: u64,
    done_threshold: f32,
    min_samples: u64,
    unjudged_samples: u64,
    max_samples: u64,
    /// `None`: never before the end of the turn.
    pub(super) settle_samples: Option<u64>,
    unasked_samples: u64,
    /// 0: as where a dialogue waits.
    unasked_settle_samples: u64,
    text_wait_samples: u64,
    opening_samples: u64,
    unfinished_samples: u64,
    dictation_samples: u64,
    pub(super) repair_samples: u64,
    /// 0: never.
    pub(super) rejoin_samples: u64,
    pub(super) barge_in: bool,
    pub(super) barge_in_samples: u64,
    pub(super) protection_samples: u64,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Result<Self, InvalidConfig> {
        config.validate()?;
        let samples = duration_samples;
        let windows = |duration: Duration| samples(duration).div_ceil(WINDOW_SAMPLES as u64);
        Ok(Self {
            threshold: config.threshold,
            negative_threshold: config.negative_threshold,
            min_speech_windows: windows(config.min_speech).max(1),
            pre_roll_samples: samples(config.pre_roll),
            max_audio_samples: samples(config.max_audio),
            partial_samples: samples(config.partial_interval),
            barge_in_partial_samples: samples(config.interval_while_playing()),
            speculate_samples: samples(config.speculate_after),
            smart_turn: config.smart_turn,
            judge_samples: samples(config.judge_after),
            done_threshold: config.done_threshold,
            min_samples: samples(config.min_delay),
            unjudged_samples: samples(config.unjudged_delay),
            max_samples: samples(config.max_delay),
            unasked_samples: samples(config.unasked_delay),
            settle_samples: Some(samples(config.settle_delay)).filter(|samples| *samples > 0),
            unasked_settle_samples: samples(config.unasked_settle_delay),
            text_wait_samples: samples(config.text_wait),
            opening_samples: samples(config.opening_delay),
            unfinished_samples: samples(config.unfinished_delay),
            dictation_samples: samples(config.dictation_delay),
            repair_samples: samples(config.repair_window),
            // Who cannot have a turn replaced cannot have a part of one replaced.
            rejoin_samples: samples(config.rejoin_window.min(config.repair_window)),
            barge_in: config.barge_in,
            barge_in_samples: samples(config.barge_in_speech),
            protection_samples: samples(config.barge_in_protection),
        })
    }

    /// Pause after which Smart Turn is asked. Where nobody waits its answer is not needed sooner than shortly before the turn may
    /// end: until then the processor belongs to the text.
    pub(super) fn judge_after(&self, is_asked: bool) -> u64 {
        let needed = if is_asked { 0 } else { self.unasked_samples.saturating_sub(JUDGED_WITHIN_SAMPLES) };
        self.judge_samples.max(needed)
    }

    /// Windows of speech that start a turn; half as many where a lone "oui" is waited for.
    pub(super) fn min_speech_windows(&self, expectation: Expectation) -> u64 {
        match expectation {
            Expectation::YesNo => self.min_speech_windows.div_ceil(2),
            Expectation::Open
            | Expectation::Digits { .. }
            | Expectation::Phone
            | Expectation::Email
            | Expectation::Address
            | Expectation::Spelling => self.min_speech_windows,
        }
    }
}

/// What is known in a pause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    pub(super) expectation: Expectation,
    /// Whether a dialogue waits for the end of the turn.
    pub(super) is_asked: bool,
    /// The latest text of the turn.
    pub(super) reading: Option<Reading>,
    /// Whether that is the text of everything before the pause.
    pub(super) is_text_final: bool,
    pub(super) done_probability: Option<f32>,
    /// Whether another had the floor while this one spoke.
    pub(super) is_over_other: bool,
}

/// What the text makes of the pause.
enum Demand {
    /// What was asked for is there.
    Complete,
    /// Nothing: the voice decides.
    None,
    /// Something should follow: at least this long.
    More { samples: u64 },
    /// A dictation may go on.
    Dictation,
}

/// What is waited for in a pause, in samples from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    /// Until the turn is over.
    pub(super) end: u64,
    /// How that end is known then.
    pub(super) reason: TurnEndReason,
    /// Until the text that is there is told; `None`: only at the end.
    pub(super) settle: Option<u64>,
}

/// How long to wait.
pub(super) fn wait(settings: &Settings, evidence: &Evidence) -> Wait {
    if evidence.is_text_final && evidence.reading.is_some_and(|reading| reading.kind == TextKind::Nothing) {
        return Wait { end: settings.min_samples, reason: TurnEndReason::Finished, settle: None };
    }
    let is_done = evidence.done_probability.map(|probability| probability >= settings.done_threshold);
    let by_voice = match is_done {
        Some(true) => (settings.min_samples, TurnEndReason::Finished),
        Some(false) => (settings.max_samples, TurnEndReason::Silence),
        None => (settings.unjudged_samples, TurnEndReason::Silence),
    };
    let demand = demand(settings, evidence);
    let (samples, reason) = match demand {
        Demand::Complete => (settings.min_samples, TurnEndReason::Complete),
        Demand::None => by_voice,
        Demand::More { samples } => (by_voice.0.max(samples), TurnEndReason::Silence),
        Demand::Dictation if is_done == Some(true) => {
            (by_voice.0.max(settings.dictation_samples / 2), TurnEndReason::Silence)
        }
        Demand::Dictation => (by_voice.0.max(settings.dictation_samples), TurnEndReason::Silence),
    };
    // Between two people a text is wanted soon, and what is said behind a pause is a text of its own in any case.
    let soon = if evidence.is_asked { 0 } else { settings.unasked_settle_samples };
    let settle = settings.settle_samples.map(|longest| match demand {
        Demand::Complete | Demand::None if soon > 0 => longest.min(samples).min(soon),
        Demand::Complete | Demand::None => longest.min(samples),
        // What follows soon is heard with it and replaces it. Half as long again keeps 95 of 100 texts of single clips within 0.4 of
        // a listener's who waits for half a second (BENCHMARKS.md, "End of speech to final text").
        Demand::More { .. } if soon > 0 && settings.rejoin_samples > soon => longest.min(soon + soon / 2),
        Demand::More { .. } | Demand::Dictation => longest,
    });
    let text_wait = if evidence.is_text_final { 0 } else { settings.text_wait_samples };
    // A sign of listening is over when it is over: it must not take the floor.
    let is_complete = matches!(demand, Demand::Complete);
    let unasked = if evidence.is_asked || is_complete { 0 } else { settings.unasked_samples };
    Wait { end: samples.max(text_wait).max(unasked), reason, settle: settle.filter(|_| is_free(evidence)) }
}

/// Whether a text may be told before its turn is over: a value that was asked for is heard best as one piece.
const fn is_free(evidence: &Evidence) -> bool {
    evidence.is_text_final && matches!(evidence.expectation, Expectation::Open | Expectation::YesNo)
}

fn demand(settings: &Settings, evidence: &Evidence) -> Demand {
    let kind = evidence.reading.map(|reading| reading.kind);
    let digits = evidence.reading.map_or(0, |reading| reading.digits);
    match evidence.expectation {
        Expectation::Digits { count } if count > 0 && digits >= count => Demand::Complete,
        Expectation::Phone if digits >= PHONE_DIGITS => Demand::Complete,
        Expectation::Email if kind == Some(TextKind::EmailComplete) => Demand::Complete,
        Expectation::YesNo if matches!(kind, Some(TextKind::Answer | TextKind::BackChannel)) => {
            Demand::Complete
        }
        Expectation::Digits { .. }
        | Expectation::Phone
        | Expectation::Email
        | Expectation::Address
        | Expectation::Spelling => Demand::Dictation,
        Expectation::Open | Expectation::YesNo => match kind {
            Some(TextKind::BackChannel) if evidence.is_over_other => Demand::Complete,
            Some(TextKind::BackChannel | TextKind::Answer | TextKind::Opening) => {
                Demand::More { samples: settings.opening_samples }
            }
            Some(TextKind::Unfinished) => Demand::More { samples: settings.unfinished_samples },
            Some(TextKind::Number) if digits < PHONE_DIGITS => Demand::Dictation,
            Some(TextKind::EmailBegun) => Demand::Dictation,
            Some(TextKind::Nothing | TextKind::Number | TextKind::EmailComplete | TextKind::Other) | None => {
                Demand::None
            }
        },
    }
}
