//! Deepgram's live transcription: the machine between its WebSocket messages and a live call.
//!
//! Results of a channel come in order of time. A final waits for what follows it in its turn, because only then it is
//! known whether it is the last one (`speech_final`). `Metadata` is the last message. Units: seconds of the client's
//! audio.

pub mod query;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::query::{Endpointing, Query};
use crate::audio::{SamplePos, SampleSpan};
use crate::call::event::{CallEndReason, Event, EventBody, GapReason};
use crate::call::{Channel, Utterance, Word};
use crate::serve::face::{Demand, Effects, Face, Opening, Pause, Received, Refusal};

/// Deepgram closes a connection on which nothing comes for about so long.
const SILENT_MAX: Duration = Duration::from_secs(10);
/// About the longest pause that a turn can wait for, because its audio has to fit into one recognition:
/// `endpointing=false`.
const NEVER: Duration = Duration::from_secs(9);

/// Who a connection is, for its messages.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Id of the request.
    pub request: Uuid,
    /// When it began, as ISO 8601.
    pub created: String,
    /// The version of the model.
    pub version: &'static str,
}

/// One connection.
pub struct Listen {
    query: Query,
    identity: Identity,
    tracks: Vec<Track>,
    /// Bytes of a frame whose rest has not come yet.
    rest: Vec<u8>,
    /// Frames that were given, at the client's rate.
    given_frames: u64,
    hash: Sha256,
    heard_from: Instant,
    is_opened: bool,
    is_finalizing: bool,
    is_closing: bool,
    is_over: bool,
}

/// What is known of one channel.
#[derive(Debug, Default)]
struct Track {
    /// A final that may or may not be the last of its turn.
    pending: Option<Utterance>,
    is_speaking: bool,
    /// End of the last word that was told; `None` when the end of the utterance was told.
    last_word_end: Option<f64>,
    /// Whether anything was told since the client asked to finalize.
    is_finalized: bool,
}

/// What kind of result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Interim,
    Final,
    SpeechFinal,
}

impl Listen {
    /// A connection with a checked query; its call is among `effects`.
    pub fn new(query: Query, identity: Identity, now: Instant, effects: &mut Effects) -> Self {
        let tracks = query.tracks();
        let length = match query.endpointing {
            Endpointing::Own => None,
            Endpointing::After(length) => Some(length),
            Endpointing::Never => Some(NEVER),
        };
        effects.demands.push(Demand::Open(Box::new(Opening {
            tracks,
            rate: query.rate,
            language: query.language.clone(),
            vocabulary: query.vocabulary.clone(),
            partials: query.interim_results,
            pause: length.map(|length| Pause { length, threshold: None, pre_roll: None }),
        })));
        Self {
            query,
            identity,
            tracks: (0..tracks).map(|_| Track::default()).collect(),
            rest: Vec::new(),
            given_frames: 0,
            hash: Sha256::new(),
            heard_from: now,
            is_opened: true,
            is_finalizing: false,
            is_closing: false,
            is_over: false,
        }
    }

    fn audio(&mut self, bytes: &[u8], effects: &mut Effects) {
        if self.is_closing {
            return;
        }
        self.hash.update(bytes);
        self.rest.extend_from_slice(bytes);
        let width = self.query.encoding.sample_bytes();
        let frame = width * self.query.channels;
        let whole = self.rest.len() - self.rest.len() % frame;
        let mut planes = vec![Vec::with_capacity(whole / frame); self.tracks.len()];
        for frame in self.rest[..whole].chunks_exact(frame) {
            let samples = frame.chunks_exact(width).map(|sample| self.query.encoding.decode(sample));
            if self.query.multichannel {
                planes.iter_mut().zip(samples).for_each(|(plane, sample)| plane.push(sample));
            } else {
                planes[0].push(samples.sum::<f32>() / self.query.channels as f32);
            }
        }
        self.rest.drain(..whole);
        self.given_frames += (whole / frame) as u64;
        for (track, samples) in planes.into_iter().enumerate().filter(|(_, samples)| !samples.is_empty()) {
            effects.demands.push(Demand::Audio { track, samples });
        }
        self.tell_utterance_ends(effects);
    }

    fn given_s(&self) -> f64 {
        self.given_frames as f64 / f64::from(self.query.rate.hz())
    }

    fn control(&mut self, text: &str, effects: &mut Effects) {
        let message = serde_json::from_str::<Value>(text).unwrap_or_default();
        match message.get("type").and_then(Value::as_str) {
            Some("KeepAlive") => {}
            Some("Finalize") => {
                self.is_finalizing = true;
                self.tracks.iter_mut().for_each(|track| track.is_finalized = false);
                effects.demands.push(Demand::Settle);
            }
            Some("CloseStream") if !self.is_closing => {
                self.is_closing = true;
                effects.demands.push(Demand::End);
            }
            Some("CloseStream") => {}
            Some(_) | None => {
                let description = "expected KeepAlive, Finalize or CloseStream";
                effects.text(
                    json!({ "type": "Error", "err_code": "UNKNOWN_MESSAGE", "description": description })
                        .to_string(),
                );
            }
        }
    }

    fn track_of(&self, channel: Channel) -> usize {
        match channel {
            Channel::Numbered(index) => usize::from(index).min(self.tracks.len() - 1),
            Channel::Caller | Channel::Agent | Channel::Bot | Channel::Mixed => 0,
        }
    }

    fn flush(&mut self, track: usize, grade: Grade, effects: &mut Effects) {
        let Some(utterance) = self.tracks[track].pending.take() else { return };
        let (start, end) = (seconds(utterance.span.start), seconds(utterance.span.end));
        let words: Vec<Value> = utterance.words.iter().map(word_json).collect();
        let alternative = json!({
            "transcript": self.written(utterance.text.reveal()),
            "confidence": to_milliseconds(utterance.confidence.into()),
            "words": words,
        });
        self.tracks[track].last_word_end = Some(end);
        self.result((track, grade), (start, end, alternative), effects);
    }

    fn written(&self, text: &str) -> String {
        if self.query.punctuate {
            return text.to_owned();
        }
        text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    fn result(
        &mut self,
        (track, grade): (usize, Grade),
        (start, end, alternative): (f64, f64, Value),
        effects: &mut Effects,
    ) {
        let is_final = grade != Grade::Interim;
        let from_finalize = is_final && self.is_finalizing;
        self.tracks[track].is_finalized |= from_finalize;
        let result = json!({
            "type": "Results",
            "channel_index": [track, self.tracks.len()],
            "start": start,
            "duration": to_milliseconds(end - start),
            "is_final": is_final,
            "speech_final": grade == Grade::SpeechFinal,
            "from_finalize": from_finalize,
            "channel": { "alternatives": [alternative] },
            "metadata": {
                "request_id": self.identity.request,
                "model_uuid": Uuid::nil(),
                "model_info": { "name": self.query.model, "version": self.identity.version, "arch": "whisper" },
            },
        });
        effects.text(result.to_string());
    }

    /// The silence after the last word is measured in audio: by what was given, not by the clock.
    fn tell_utterance_ends(&mut self, effects: &mut Effects) {
        let Some(wait) = self.query.utterance_end else { return };
        let given = self.given_s();
        let count = self.tracks.len();
        for (index, track) in self.tracks.iter_mut().enumerate() {
            let is_quiet = !track.is_speaking && track.pending.is_none();
            if let Some(end) = track.last_word_end
                && is_quiet
                && given >= end + wait.as_secs_f64()
            {
                track.last_word_end = None;
                let event =
                    json!({ "type": "UtteranceEnd", "channel": [index, count], "last_word_end": end });
                effects.text(event.to_string());
            }
        }
    }

    fn partial(&mut self, track: usize, (start, text): (SamplePos, &str), effects: &mut Effects) {
        self.flush(track, Grade::Final, effects);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let start = seconds(start);
        let alternative = json!({ "transcript": self.written(text), "confidence": 0.0, "words": [] });
        let end = to_milliseconds(self.given_s()).max(start);
        self.result((track, Grade::Interim), (start, end, alternative), effects);
    }

    /// Says that some of the audio has no result: no result at all would look like silence.
    fn tell_gap(&self, track: usize, (span, reason): (SampleSpan, GapReason), effects: &mut Effects) {
        let description = match reason {
            // The client's own network; it sent less than it knows.
            GapReason::Lost => return,
            GapReason::Failed | GapReason::Restarted => "the recogniser failed on this audio; send it again",
            GapReason::Dropped => "this audio came faster than it could be taken; send it again, slower",
        };
        let told = json!({
            "type": "Error",
            "err_code": "NOT_RECOGNISED",
            "description": description,
            "channel": [track, self.tracks.len()],
            "start": seconds(span.start),
            "duration": to_milliseconds(span.duration().as_secs_f64()),
        });
        effects.text(told.to_string());
    }

    fn call_ended(&mut self, reason: CallEndReason, effects: &mut Effects) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        for track in 0..self.tracks.len() {
            self.flush(track, Grade::SpeechFinal, effects);
        }
        let hash = std::mem::take(&mut self.hash).finalize();
        let sha256: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let metadata = json!({
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.identity.request,
            "sha256": sha256,
            "created": self.identity.created,
            "duration": to_milliseconds(self.given_s()),
            "channels": self.query.channels,
        });
        effects.text(metadata.to_string());
        match reason {
            CallEndReason::Shutdown => effects.close(1001, "the service is being stopped"),
            CallEndReason::Failed => effects.close(1011, "internal error"),
            CallEndReason::HungUp
            | CallEndReason::Disconnected
            | CallEndReason::Refused
            | CallEndReason::Stopped => effects.close(1000, ""),
        }
    }
}

impl Face for Listen {
    fn receive(&mut self, message: Received<'_>, now: Instant, effects: &mut Effects) {
        self.heard_from = now;
        match message {
            // An empty message is how clients of older versions end the stream.
            Received::Binary([]) => self.control(r#"{"type":"CloseStream"}"#, effects),
            Received::Binary(bytes) => self.audio(bytes, effects),
            Received::Text(text) => self.control(text, effects),
        }
    }

    fn event(&mut self, event: &Event, effects: &mut Effects) {
        match &event.body {
            EventBody::SpeechStarted { channel, at, .. } => {
                let track = self.track_of(*channel);
                self.flush(track, Grade::Final, effects);
                self.tracks[track].is_speaking = true;
                if self.query.vad_events {
                    let timestamp = seconds(*at);
                    let channel = [track, self.tracks.len()];
                    let event =
                        json!({ "type": "SpeechStarted", "channel": channel, "timestamp": timestamp });
                    effects.text(event.to_string());
                }
            }
            EventBody::TranscriptPartial { channel, start, stable, unstable, .. } => {
                let (stable, unstable) = (stable.reveal().trim(), unstable.reveal().trim());
                let text = format!("{stable} {unstable}");
                self.partial(self.track_of(*channel), (*start, &text), effects);
            }
            EventBody::TranscriptFinal { channel, utterance, .. } => {
                let track = self.track_of(*channel);
                self.flush(track, Grade::Final, effects);
                self.tracks[track].pending = Some(utterance.clone());
            }
            EventBody::TurnEnded { channel, .. } => {
                let track = self.track_of(*channel);
                self.tracks[track].is_speaking = false;
                self.flush(track, Grade::SpeechFinal, effects);
                // The silence may have been given before the words were known.
                self.tell_utterance_ends(effects);
            }
            EventBody::SpeechDiscarded { channel, .. } => {
                let track = self.track_of(*channel);
                self.tracks[track].is_speaking = false;
            }
            EventBody::Gap { channel, span, reason } => {
                self.tell_gap(self.track_of(*channel), (*span, *reason), effects)
            }
            EventBody::CallEnded { reason, .. } => self.call_ended(*reason, effects),
            EventBody::CallStarted { .. }
            | EventBody::Interrupted { .. }
            | EventBody::Dtmf { .. }
            | EventBody::PlaybackFinished { .. }
            | EventBody::TurnDecided { .. }
            | EventBody::BotSaid { .. }
            | EventBody::HandedOver { .. } => {}
        }
    }

    fn settled(&mut self, effects: &mut Effects) {
        // Who asked waits for an answer on every channel, also where nothing was left to tell.
        for track in 0..self.tracks.len() {
            self.flush(track, Grade::SpeechFinal, effects);
            if !self.tracks[track].is_finalized {
                let at = to_milliseconds(self.given_s());
                let alternative = json!({ "transcript": "", "confidence": 0.0, "words": [] });
                self.result((track, Grade::SpeechFinal), (at, at, alternative), effects);
            }
        }
        self.is_finalizing = false;
    }

    fn refused(&mut self, refusal: &Refusal, effects: &mut Effects) {
        self.is_over = true;
        self.is_opened = false;
        effects.close(refusal.close_code(), refusal.close_reason());
    }

    fn poll(&mut self, now: Instant, effects: &mut Effects) {
        if self.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.is_closing = true;
            self.is_over = true;
            effects.close(1011, "NET-0001: no audio and no KeepAlive for 10 s");
            effects.demands.push(Demand::End);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let is_waiting = self.is_opened && !self.is_closing && !self.is_over;
        is_waiting.then(|| self.heard_from + SILENT_MAX)
    }
}

fn word_json(word: &Word) -> Value {
    let text = word.text.reveal();
    json!({
        "word": bare(text),
        "start": seconds(word.span.start),
        "end": seconds(word.span.end),
        "confidence": to_milliseconds(word.confidence.into()),
        "punctuated_word": text,
    })
}

/// A position of the call, which has the client's time.
fn seconds(position: SamplePos) -> f64 {
    to_milliseconds(position.seconds())
}

/// To three decimals.
fn to_milliseconds(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// A word without what surrounds it, in lower case.
fn bare(word: &str) -> String {
    word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase()
}
