//! The lag of finals and of ends of turns, clip after clip in real time.

use std::path::PathBuf;

use allo::clock::SystemClock;
use allo::eval::wer::{ErrorCount, compare};
use allo::live::Snapshot;
use allo::live::replay::Pace;

use super::clips::{self, Clip};
use super::lags::Lags;
use super::play::{self, Final, Outcome};
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
    /// A dialogue waits for what is said, as on a call that a bot answers; otherwise people talk to each other.
    pub asked: bool,
    /// What was said and what was heard is shown, channel by channel, with a bar between two finals.
    pub texts: bool,
    pub limit: usize,
}

/// What was measured of Allo.
#[derive(Default)]
struct Score {
    finals: Vec<Final>,
    texts: Lags,
    turn_ends: Lags,
    errors: ErrorCount,
    cuts: Cuts,
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
    // The machine is gone when this returns: nothing else may be on the processor while the peer is measured.
    let score = listen(&clips, plan)?;
    if plan.peer { compare_with_peer(&clips, plan, &score.texts) } else { Ok(()) }
}

fn listen(clips: &[Clip], plan: &Plan) -> anyhow::Result<Score> {
    let machine = machine::start(|config| config.live.admission = false)?;
    let mut score = Score::default();
    say(if plan.asked { "a dialogue waits for what is said" } else { "nobody waits for what is said" });
    for clip in clips {
        let sound = clip.sound(plan.phone)?;
        let pace = if plan.fast { Pace::AsFastAsPossible } else { Pace::RealTime(&SystemClock) };
        let call = play::open(&machine.live, &sound, clip.language)?;
        if plan.asked {
            play::expect_answers(&call, &sound);
        }
        let outcome = play::play_at(call, &sound, pace)?;
        let name = clip.path.file_name().unwrap_or_default().to_string_lossy();
        say(&format!("{name}: {}", report::lags(&outcome.lags())));
        if plan.texts {
            show(clip, |channel| outcome.pieces(channel).join(" | "));
        }
        score.add(clip, outcome);
    }
    score.lines(plan.fast).iter().for_each(|line| say(line));
    say(&engines(&machine.live.snapshot()));
    Ok(score)
}

/// Shows what was said in a clip and what was heard of it.
fn show(clip: &Clip, heard: impl Fn(Option<allo::call::Channel>) -> String) {
    for (channel, said) in &clip.said {
        say(&format!("  said:  {said}\n  heard: {}", heard(*channel)));
    }
}

fn engines(snapshot: &Snapshot) -> String {
    format!(
        "Smart Turn: {} questions, p50 at most {:?}, p95 at most {:?}; {} finals, {} ready when the turn ended",
        snapshot.judge.count(),
        snapshot.judge.quantile(0.5),
        snapshot.judge.quantile(0.95),
        snapshot.finals,
        snapshot.finals_ready
    )
}

fn compare_with_peer(clips: &[Clip], plan: &Plan, ours: &Lags) -> anyhow::Result<()> {
    let peer = peer::run(clips, plan.phone)?;
    say(&format!(
        "faster-whisper behind a pause of {} ms: {} texts; WER {:.1} %",
        peer::PAUSE.as_millis(),
        peer.lags.from_detector.len(),
        100.0 * peer.errors.rate()
    ));
    if plan.texts {
        clips.iter().zip(&peer.texts).for_each(|(clip, texts)| {
            show(clip, |channel| peer::pieces_of(texts, channel).join(" | "));
        });
    }
    if plan.fast {
        // Only the words can be compared.
        return Ok(());
    }
    peer.lags.lines("texts").iter().for_each(|line| say(line));
    for (from, ours, theirs) in [
        ("the end in the script", &ours.from_script, &peer.lags.from_script),
        ("the end that voice detection heard", &ours.from_detector, &peer.lags.from_detector),
    ] {
        if !ours.is_empty() && !theirs.is_empty() {
            let ratio = |part| report::ratio(ours, theirs, part);
            say(&format!(
                "allo / faster-whisper, from {from}: p50 {:.2}, p95 {:.2}",
                ratio(0.5),
                ratio(0.95)
            ));
        }
    }
    Ok(())
}

impl Score {
    fn add(&mut self, clip: &Clip, outcome: Outcome) {
        self.errors.add(word_errors(clip, |channel| outcome.text(channel)));
        self.cuts.count(clip, &outcome);
        self.texts.add(clip, &outcome.texts());
        self.turn_ends.add(clip, &outcome.turn_ends());
        self.finals.extend(outcome.finals);
    }

    fn lines(&self, is_fast: bool) -> Vec<String> {
        let mut lines =
            vec![format!("allo: {} finals; WER {:.1} %", self.finals.len(), 100.0 * self.errors.rate())];
        if !is_fast {
            lines.extend(self.texts.lines("texts"));
            lines.extend(self.turn_ends.lines("turn.ended"));
            lines.extend(report::breakdown(&self.finals));
        }
        if self.cuts.utterances > 0 {
            lines.push(format!(
                "turns ended inside {} of {} utterances ({:.1} %), {} ends never joined",
                self.cuts.cut,
                self.cuts.utterances,
                100.0 * self.cuts.cut as f64 / self.cuts.utterances as f64,
                self.cuts.never_joined
            ));
        }
        lines
    }
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
