//! Plays sound into a live call in real time, and reads what became of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use allo::asr::LanguageChoice;
use allo::call::event::{CallEndReason, EventBody, FinalDelay, TurnEndReason};
use allo::call::{Channel, Language};
use allo::clock::SystemClock;
use allo::live::replay::{Pace, Player};
use allo::live::{Call, CallSetup, EventLog, Live, Peek, Refused, Track};

use super::clips::{Sound, silence};

/// Silence behind a clip: longer than the longest pause that is waited for.
const AFTER_S: f64 = 4.0;

/// A final as it came.
pub struct Final {
    pub channel: Channel,
    pub turn: u64,
    pub start_s: f64,
    pub text: String,
    pub latency: Duration,
    pub delay: FinalDelay,
    /// How the end of its turn was known; `None` for a part of a long one.
    pub reason: Option<TurnEndReason>,
    /// The turn that it continues and replaces.
    pub joins: Option<u64>,
}

/// An end of a turn.
pub struct End {
    pub channel: Channel,
    pub turn: u64,
    pub end_of_speech_s: f64,
    /// The turn that it continues.
    pub continues: Option<u64>,
}

/// What became known of a call.
#[derive(Default)]
pub struct Outcome {
    pub finals: Vec<Final>,
    pub ends: Vec<End>,
}

impl Outcome {
    /// The lags of the finals.
    pub fn lags(&self) -> Vec<Duration> {
        self.finals.iter().map(|it| it.latency).collect()
    }

    /// What was heard of a channel, or of all; finals that a later one replaced do not count.
    pub fn text(&self, of: Option<Channel>) -> String {
        let is_replaced = |it: &Final| {
            self.finals.iter().any(|other| other.channel == it.channel && other.joins == Some(it.turn))
        };
        let mut kept: Vec<&Final> = self
            .finals
            .iter()
            .filter(|it| of.is_none_or(|channel| channel == it.channel) && !is_replaced(it))
            .collect();
        kept.sort_by(|left, right| left.start_s.total_cmp(&right.start_s));
        kept.iter().map(|it| it.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Opens a call with one track a channel.
pub fn open(live: &Arc<Live>, sound: &Sound, language: Language) -> Result<Call, Refused> {
    let tracks = sound.channels.iter().map(|(channel, _)| Track { channel: *channel, rate: sound.rate });
    live.open(CallSetup {
        language: LanguageChoice::Known(language),
        ..CallSetup::new("bench", tracks.collect())
    })
}

/// Plays the sound of a call in real time, waits for its end and reads what became known of it.
pub fn play(call: Call, sound: &Sound) -> anyhow::Result<Outcome> {
    play_at(call, sound, Pace::RealTime(&SystemClock))
}

/// [`play`] at any pace.
pub fn play_at(call: Call, sound: &Sound, pace: Pace<'_>) -> anyhow::Result<Outcome> {
    let mut player = Player::new(&call, sound.rate, pace);
    let planes: Vec<Vec<f32>> = sound.channels.iter().map(|(_, samples)| samples.clone()).collect();
    player.push(&planes);
    player.push(&vec![silence(sound.rate, AFTER_S); planes.len()]);
    player.finish();
    let log = call.events();
    call.end(CallEndReason::HungUp);
    read(&log)
}

fn read(log: &Arc<EventLog>) -> anyhow::Result<Outcome> {
    let mut ended = log.subscribe(log.newest().max(1));
    while ended.next_blocking()?.is_some() {}
    let mut reader = log.subscribe(1);
    let (mut outcome, mut newest) = (Outcome::default(), HashMap::new());
    loop {
        let event = match reader.peek() {
            Ok(Peek::Event(event)) => event,
            Ok(Peek::NotYet | Peek::End) => return Ok(outcome),
            // A long call has more events than are kept; the partials at its start are not missed.
            Err(_) => continue,
        };
        match &event.body {
            EventBody::TranscriptFinal { channel, turn, utterance, joins, latency, delay, .. } => {
                newest.insert((*channel, *turn), outcome.finals.len());
                outcome.finals.push(Final {
                    channel: *channel,
                    turn: *turn,
                    start_s: utterance.span.start.seconds(),
                    text: utterance.text.reveal().clone(),
                    latency: *latency,
                    delay: *delay,
                    reason: None,
                    joins: *joins,
                });
            }
            EventBody::TurnEnded { channel, turn, end_of_speech, reason, continues, .. } => {
                if let Some(last) = newest.get(&(*channel, *turn)) {
                    outcome.finals[*last].reason = Some(*reason);
                }
                let end_of_speech_s = end_of_speech.seconds();
                let (channel, turn, continues) = (*channel, *turn, *continues);
                outcome.ends.push(End { channel, turn, end_of_speech_s, continues });
            }
            EventBody::CallStarted { .. }
            | EventBody::SpeechStarted { .. }
            | EventBody::TranscriptPartial { .. }
            | EventBody::SpeechDiscarded { .. }
            | EventBody::Interrupted { .. }
            | EventBody::Dtmf { .. }
            | EventBody::PlaybackFinished { .. }
            | EventBody::TurnDecided { .. }
            | EventBody::BotSaid { .. }
            | EventBody::HandedOver { .. }
            | EventBody::Gap { .. }
            | EventBody::CallEnded { .. } => {}
        }
    }
}
