//! The lag of finals, clip after clip in real time.

use std::path::PathBuf;

use allo::clock::SystemClock;
use allo::eval::wer::{ErrorCount, compare};
use allo::live::replay::Pace;

use super::clips::{self, Clip};
use super::play::{self, Outcome};
use super::{machine, peer, report, say};

/// Speech of an utterance after the end of a turn that makes it a false end, as in `benches/turns`.
const REST_S: f64 = 0.25;

/// What is played.
pub struct Plan {
    pub manifest: Option<PathBuf>,
    pub phone: bool,
    pub peer: bool,
    /// Not in real time: lags mean nothing, but the texts and the cuts are those of a machine that is never late.
    pub fast: bool,
    pub limit: usize,
}

/// Utterances that went on after the end of a turn.
#[derive(Default)]
struct Cuts {
    utterances: usize,
    cut: usize,
    never_joined: usize,
}

/// Measures.
pub fn run(plan: &Plan) -> anyhow::Result<()> {
    let clips = clips::load(plan.manifest.as_deref(), plan.limit)?;
    let machine = machine::start(|config| config.live.admission = false)?;
    let (mut finals, mut errors, mut cuts) = (Vec::new(), ErrorCount::default(), Cuts::default());
    for clip in &clips {
        let sound = clip.sound(plan.phone)?;
        let pace = if plan.fast { Pace::AsFastAsPossible } else { Pace::RealTime(&SystemClock) };
        let outcome = play::play_at(play::open(&machine.live, &sound, clip.language)?, &sound, pace)?;
        let name = clip.path.file_name().unwrap_or_default().to_string_lossy();
        say(&format!("{name}: {}", report::lags(outcome.lags())));
        errors.add(word_errors(clip, |channel| outcome.text(channel)));
        cuts.count(clip, &outcome);
        finals.extend(outcome.finals);
    }
    let lags: Vec<_> = finals.iter().map(|it| it.latency).collect();
    say(&format!("allo: {}; WER {:.1} %", report::lags(lags.clone()), 100.0 * errors.rate()));
    report::breakdown(&finals).iter().for_each(|line| say(line));
    if cuts.utterances > 0 {
        say(&format!(
            "turns ended inside {} of {} utterances ({:.1} %), {} ends never joined",
            cuts.cut,
            cuts.utterances,
            100.0 * cuts.cut as f64 / cuts.utterances as f64,
            cuts.never_joined
        ));
    }
    let snapshot = machine.live.snapshot();
    say(&format!(
        "Smart Turn: {} questions, p50 at most {:?}, p95 at most {:?}; {} finals, {} ready when the turn ended",
        snapshot.judge.count(),
        snapshot.judge.quantile(0.5),
        snapshot.judge.quantile(0.95),
        snapshot.finals,
        snapshot.finals_ready
    ));
    // Nothing else may be on the processor while the peer is measured.
    drop(machine);
    if plan.peer {
        let peer = peer::run(&clips, plan.phone)?;
        say(&format!(
            "faster-whisper behind a pause of {} ms: {}; WER {:.1} %",
            peer::PAUSE.as_millis(),
            report::lags(peer.lags.clone()),
            100.0 * peer.errors.rate()
        ));
        let (mut ours, mut theirs) = (lags, peer.lags);
        ours.sort_unstable();
        theirs.sort_unstable();
        let ratio =
            |part| report::quantile_ms(&ours, part) as f64 / report::quantile_ms(&theirs, part).max(1) as f64;
        say(&format!("allo / faster-whisper: p50 {:.2}, p95 {:.2}", ratio(0.5), ratio(0.95)));
    }
    Ok(())
}

/// Errors of a clip's text against what is said in it.
pub fn word_errors(clip: &Clip, heard: impl Fn(Option<allo::call::Channel>) -> String) -> ErrorCount {
    let mut errors = ErrorCount::default();
    for (channel, said) in &clip.said {
        errors.add(compare(said, &heard(*channel)).words);
    }
    errors
}

impl Cuts {
    fn count(&mut self, clip: &Clip, outcome: &Outcome) {
        for utterance in &clip.utterances {
            self.utterances += 1;
            let is_inside = |end: &&play::End| {
                end.channel == utterance.channel
                    && end.end_of_speech_s > utterance.start_s
                    && end.end_of_speech_s < utterance.end_s - REST_S
            };
            let inside: Vec<&play::End> = outcome.ends.iter().filter(is_inside).collect();
            self.cut += usize::from(!inside.is_empty());
            let is_joined = |end: &&&play::End| {
                outcome.ends.iter().any(|it| it.channel == end.channel && it.continues == Some(end.turn))
            };
            self.never_joined += inside.iter().filter(|end| !is_joined(end)).count();
        }
    }
}
