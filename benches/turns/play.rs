//! Plays calls through turn-taking and counts what it does against the script.

use std::collections::HashMap;

use allo::audio::{SamplePos, SampleSpan};
use allo::turn::{Config, Expectation, Input, Output, SmartTurn, TurnTaker};
use allo::vad::WINDOW_SAMPLES;

use super::calls::{Call, Channel};

/// Windows after which Smart Turn's answer is there: two, 64 ms.
const JUDGE_WINDOWS: u64 = 2;
/// Speech of an utterance after the end of a turn that makes it a false end.
const REST_S: f64 = 0.25;

/// How well the ends of turns fit the script.
#[derive(Default)]
pub struct Score {
    /// Utterances of the scripts.
    pub turns: usize,
    /// Utterances in which a turn ended though they went on.
    pub cut: usize,
    /// Of these, those that were not cut between two of their sentences.
    pub cut_in_sentence: usize,
    /// False ends that no later turn continued.
    pub never_joined: usize,
    delays_s: Vec<f64>,
    told_s: Vec<f64>,
}

impl Score {
    /// Quantile of the time from the end of an utterance to the end of its turn, in seconds.
    pub fn delay(&self, quantile: f64) -> f64 {
        of(&self.delays_s, quantile)
    }

    /// Quantile of the time from the end of an utterance until its text is told, in seconds.
    pub fn told(&self, quantile: f64) -> f64 {
        of(&self.told_s, quantile)
    }
}

fn of(delays_s: &[f64], quantile: f64) -> f64 {
    let mut delays = delays_s.to_vec();
    delays.sort_by(f64::total_cmp);
    let index = ((delays.len() as f64 * quantile) as usize).min(delays.len().saturating_sub(1));
    delays.get(index).copied().unwrap_or(f64::NAN)
}

/// Calls with the judge's answers so far.
pub struct Player<'c> {
    calls: &'c [Call],
    smart_turn: SmartTurn,
    answers: HashMap<(usize, usize, SampleSpan), f32>,
}

/// One end of a turn, or of a part of it.
struct End {
    /// Whether the turn goes on behind it.
    is_part: bool,
    turn: u64,
    at_s: f64,
    speech_end_s: f64,
    continues: Option<u64>,
}

impl<'c> Player<'c> {
    pub fn new(calls: &'c [Call], smart_turn: SmartTurn) -> Self {
        Self { calls, smart_turn, answers: HashMap::new() }
    }

    /// Plays every call. Texts come `text_ms` after they were asked for, or never; a dialogue waits for the ends of turns,
    /// or nobody.
    pub fn play(
        &mut self,
        config: &Config,
        (text_ms, is_asked): (Option<u32>, bool),
    ) -> anyhow::Result<Score> {
        let mut score = Score::default();
        for index in 0..self.calls.len() {
            let ends = self.play_call(index, config, (text_ms, is_asked))?;
            for (channel, ends) in self.calls[index].channels.iter().zip(ends) {
                count(channel, &ends, &mut score);
            }
        }
        Ok(score)
    }

    fn play_call(
        &mut self,
        index: usize,
        config: &Config,
        (text_ms, is_asked): (Option<u32>, bool),
    ) -> anyhow::Result<[Vec<End>; 2]> {
        let call = &self.calls[index];
        let mut takers = [TurnTaker::new(config)?, TurnTaker::new(config)?];
        if is_asked {
            takers.iter_mut().for_each(|taker| taker.push(Input::Expect(Expectation::Open)));
        }
        let mut ends = [Vec::new(), Vec::new()];
        let mut answers: Vec<(u64, usize, Input)> = Vec::new();
        let windows = call.channels[0].windows.len();
        for at in 0..windows as u64 + 1 {
            for side in 0..2 {
                let mut inputs: Vec<Input> = Vec::new();
                answers.retain(|(due, owner, input)| {
                    let is_due = *due <= at && *owner == side;
                    if is_due {
                        inputs.push(*input);
                    }
                    !is_due
                });
                let window = call.channels[side].windows.get(at as usize);
                inputs.push(window.map_or(Input::EndOfAudio, |(speech_probability, level_dbfs)| {
                    Input::Window { speech_probability: *speech_probability, level_dbfs: *level_dbfs }
                }));
                for input in inputs {
                    takers[side].push(input);
                    while let Some(output) = takers[side].poll() {
                        let now = Now { at: at + 1, call: index, side, text_ms };
                        answers.extend(self.answer(output, &now)?);
                        let is_end = matches!(
                            output,
                            Output::TurnEnded { .. } | Output::TurnOver { .. } | Output::Discarded { .. }
                        );
                        if matches!(output, Output::SpeechStarted { .. }) {
                            takers[1 - side].push(Input::OtherStarted);
                        } else if is_end {
                            takers[1 - side].push(Input::OtherEnded);
                        }
                        ends[side].extend(End::of(output, at + 1));
                    }
                }
            }
        }
        Ok(ends)
    }

    /// What comes back of `output`: when, to whom, what.
    fn answer(&mut self, output: Output, now: &Now) -> anyhow::Result<Option<(u64, usize, Input)>> {
        let call = &self.calls[now.call];
        let channel = &call.channels[now.side];
        Ok(match output {
            Output::Judge { request, span } => {
                let done_probability = match self.answers.get(&(now.call, now.side, span)) {
                    Some(answer) => *answer,
                    None => {
                        let samples = &channel.samples[span.start.0 as usize..span.end.0 as usize];
                        let answer = self.smart_turn.done_probability(samples)?;
                        self.answers.insert((now.call, now.side, span), answer);
                        answer
                    }
                };
                Some((now.at + JUDGE_WINDOWS, now.side, Input::Judged { request, done_probability }))
            }
            Output::Partial { request, span, .. } | Output::Speculate { request, span, .. } => {
                now.text_ms.map(|text_ms| {
                    let reading = channel.reading((span.start.seconds(), span.end.seconds()), call.language);
                    let due = now.at + u64::from(text_ms.div_ceil(32));
                    (due, now.side, Input::Heard { request, reading })
                })
            }
            Output::SpeechStarted { .. }
            | Output::Cancel { .. }
            | Output::Part { .. }
            | Output::TurnEnded { .. }
            | Output::TurnOver { .. }
            | Output::Discarded { .. }
            | Output::Interrupt { .. } => None,
        })
    }
}

struct Now {
    /// Windows so far.
    at: u64,
    call: usize,
    side: usize,
    text_ms: Option<u32>,
}

impl End {
    fn of(output: Output, windows: u64) -> Option<Self> {
        let at_s = SamplePos(windows * WINDOW_SAMPLES as u64).seconds();
        let end = |turn, end: SamplePos, continues| Self {
            is_part: false,
            turn,
            at_s,
            speech_end_s: end.seconds(),
            continues,
        };
        match output {
            Output::TurnEnded { turn, speech, continues, .. } => Some(end(turn, speech.end, continues)),
            Output::TurnOver { turn, end_of_speech, continues, .. } => {
                Some(end(turn, end_of_speech, continues))
            }
            Output::Part { turn, speech, .. } => Some(Self { is_part: true, ..end(turn, speech.end, None) }),
            Output::SpeechStarted { .. }
            | Output::Partial { .. }
            | Output::Judge { .. }
            | Output::Speculate { .. }
            | Output::Cancel { .. }
            | Output::Discarded { .. }
            | Output::Interrupt { .. } => None,
        }
    }
}

/// Counts the utterances of `channel`, each as cut or as ended after a delay.
fn count(channel: &Channel, ends: &[End], score: &mut Score) {
    for utterance in &channel.utterances {
        score.turns += 1;
        let is_inside = |end: &&End| {
            !end.is_part
                && end.speech_end_s > utterance.start_s
                && end.speech_end_s < utterance.end_s - REST_S
        };
        let cuts: Vec<&End> = ends.iter().filter(is_inside).collect();
        score.cut += usize::from(!cuts.is_empty());
        let in_sentence = |end: &&&End| {
            let said = channel.said_until(utterance, end.speech_end_s);
            !said.ends_with(['.', '?', '!'])
        };
        score.cut_in_sentence += usize::from(cuts.iter().any(|end| in_sentence(&end)));
        let is_joined = |cut: &&End| ends.iter().any(|end| end.continues == Some(cut.turn));
        score.never_joined += cuts.iter().filter(|cut| !is_joined(cut)).count();
        // A turn that runs on into the next utterance, or into music, ended neither late nor early.
        let is_its_end = |end: &&End| (end.speech_end_s - utterance.end_s).abs() <= REST_S;
        let told = ends.iter().find(is_its_end);
        score.told_s.extend(told.map(|end| (end.at_s - utterance.end_s).max(0.0)));
        let last = ends.iter().filter(|end| !end.is_part).find(is_its_end);
        score.delays_s.extend(last.map(|end| (end.at_s - utterance.end_s).max(0.0)));
    }
}
