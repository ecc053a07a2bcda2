//! Plays sound into a live call in real time, and follows what becomes of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allo::asr::LanguageChoice;
use allo::call::event::{CallEndReason, EventBody, FinalDelay, TurnEndReason};
use allo::call::{Channel, Language};
use allo::clock::{Clock, SystemClock};
use allo::live::replay::{Pace, Player};
use allo::live::{Call, CallSetup, Live, Reader, Refused, Track};
use allo::turn::Expectation;

use super::clips::{Sound, silence};
use super::lags::Told;

/// Silence behind a clip: longer than the longest pause that is waited for.
const AFTER_S: f64 = 4.0;

/// A final as it came.
pub struct Final {
    pub channel: Channel,
    pub turn: u64,
    pub start_s: f64,
    pub text: String,
    /// From the end of speech that voice detection heard, as the event says it.
    pub latency: Duration,
    pub delay: FinalDelay,
    /// When it was told; seconds after the first sound. Of no meaning when the call is not played in real time.
    pub told_s: f64,
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
    /// As [`Final::told_s`].
    pub told_s: f64,
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

    /// When each text was told.
    pub fn texts(&self) -> Vec<Told> {
        let told = |it: &Final| Told {
            channel: it.channel,
            end_s: it.told_s - it.latency.as_secs_f64(),
            at_s: it.told_s,
        };
        self.finals.iter().map(told).collect()
    }

    /// When each end of a turn was told.
    pub fn turn_ends(&self) -> Vec<Told> {
        let told = |it: &End| Told { channel: it.channel, end_s: it.end_of_speech_s, at_s: it.told_s };
        self.ends.iter().map(told).collect()
    }

    /// What was heard of a channel, or of all; finals that a later one replaced do not count.
    pub fn text(&self, of: Option<Channel>) -> String {
        self.pieces(of).join(" ")
    }

    /// [`Outcome::text`], final by final.
    pub fn pieces(&self, of: Option<Channel>) -> Vec<&str> {
        let is_replaced = |index: usize, it: &Final| {
            let mut later = self.finals[index + 1..].iter();
            later.any(|other| other.channel == it.channel && other.joins == Some(it.turn))
        };
        let of_channel = |it: &Final| of.is_none_or(|channel| channel == it.channel);
        let kept = self.finals.iter().enumerate();
        let kept = kept.filter(|(index, it)| of_channel(it) && !is_replaced(*index, it));
        let mut kept: Vec<&Final> = kept.map(|(_, it)| it).collect();
        kept.sort_by(|left, right| left.start_s.total_cmp(&right.start_s));
        kept.iter().map(|it| it.text.as_str()).collect()
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

/// From now on a dialogue waits for what is said on each channel, whatever it is, as a bot would.
pub fn expect_answers(call: &Call, sound: &Sound) {
    let controls = call.controls();
    (0..sound.channels.len()).for_each(|track| controls.expect(track, Expectation::Open));
}

/// Plays the sound of a call in real time, waits for its end and gives what became known of it.
pub fn play(call: Call, sound: &Sound) -> anyhow::Result<Outcome> {
    play_at(call, sound, Pace::RealTime(&SystemClock))
}

/// [`play`] at any pace.
pub fn play_at(call: Call, sound: &Sound, pace: Pace<'_>) -> anyhow::Result<Outcome> {
    let mut player = Player::new(&call, sound.rate, pace);
    let planes: Vec<Vec<f32>> = sound.channels.iter().map(|(_, samples)| samples.clone()).collect();
    let reader = call.events().subscribe(1);
    let began = SystemClock.monotonic();
    let follower = std::thread::spawn(move || follow(reader, began));
    player.push(&planes);
    player.push(&vec![silence(sound.rate, AFTER_S); planes.len()]);
    player.finish();
    call.end(CallEndReason::HungUp);
    follower.join().map_err(|_| anyhow::anyhow!("who followed a call panicked"))
}

/// Takes each event when it comes, as a peer would, until the call has ended.
fn follow(mut reader: Reader, began: Instant) -> Outcome {
    let (mut outcome, mut newest) = (Outcome::default(), HashMap::new());
    loop {
        let event = match reader.next_blocking() {
            Ok(Some(event)) => event,
            Ok(None) => return outcome,
            // It goes on with the oldest event that is kept.
            Err(_) => continue,
        };
        let told_s = SystemClock.monotonic().duration_since(began).as_secs_f64();
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
                    told_s,
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
                outcome.ends.push(End { channel, turn, end_of_speech_s, told_s, continues });
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
