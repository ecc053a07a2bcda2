//! OpenAI's realtime transcription: the machine between its WebSocket messages and a live call.
//!
//! Each turn is an item: it starts when somebody begins to speak, is committed when the turn ends, and has one
//! transcript. With `turn_detection: null` an item is what the client commits; its audio waits here until then, so that
//! it can be cleared. Units: milliseconds of the client's audio.

pub mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use self::settings::{Allowed, Detection, Settings, Shape};
use crate::audio::{SamplePos, SampleRate};
use crate::call::event::{CallEndReason, Event, EventBody, GapReason};
use crate::serve::error::ApiError;
use crate::serve::face::{Demand, Effects, Face, Opening, Pause, Received, Refusal};

/// Most audio that waits for a commit.
const UNCOMMITTED_SECONDS_MAX: usize = 300;
/// Least audio of a commit, as OpenAI has it.
const COMMIT_MS_MIN: u64 = 100;

/// One session.
pub struct Realtime {
    allowed: Allowed,
    shape: Shape,
    session: String,
    settings: Settings,
    /// What audio was opened with; settings of the call do not change any more.
    opened: Option<Settings>,
    /// Bytes that wait for the other half of their sample, or for a commit.
    buffer: Vec<u8>,
    /// Client audio given to the call, at its own rate.
    given_samples: u64,
    /// Turns under way, by number, when the service ends turns.
    turns: BTreeMap<u64, Item>,
    /// Commits under way, when the client ends turns.
    commits: VecDeque<Item>,
    last_item: Option<String>,
    items: u64,
    events: u64,
    is_over: bool,
}

/// A stretch of speech that gets one transcript.
#[derive(Debug, Default)]
struct Item {
    id: String,
    /// What was sent as deltas.
    shown: String,
    /// Finals so far.
    finals: Vec<String>,
    /// Seconds of audio of the finals.
    seconds: f64,
    /// The client cleared the buffer meanwhile: nothing more is told.
    is_cleared: bool,
    /// Some of it could not be recognised: what is there is not what was said.
    has_failed: bool,
}

/// Why an item has no transcript that could be relied on.
const NOT_RECOGNISED: &str = "the recogniser failed on this audio; send it again";

impl Realtime {
    /// A new session; its first message is among `effects`.
    pub fn new(allowed: Allowed, shape: Shape, effects: &mut Effects) -> Self {
        let mut face = Self {
            settings: Settings::new(&allowed),
            allowed,
            shape,
            session: format!("sess_{}", Uuid::new_v4().simple()),
            opened: None,
            buffer: Vec::new(),
            given_samples: 0,
            turns: BTreeMap::new(),
            commits: VecDeque::new(),
            last_item: None,
            items: 0,
            events: 0,
            is_over: false,
        };
        face.tell_session("created", effects);
        face
    }

    fn tell_session(&mut self, what: &str, effects: &mut Effects) {
        let mut session = self.settings.describe(self.shape);
        session["id"] = self.session.as_str().into();
        session["object"] = "realtime.transcription_session".into();
        let kind = match self.shape {
            Shape::Present => format!("session.{what}"),
            Shape::Beta => format!("transcription_session.{what}"),
        };
        self.tell(json!({ "type": kind, "session": session }), effects);
    }

    fn tell(&mut self, mut event: Value, effects: &mut Effects) {
        self.events += 1;
        event["event_id"] = format!("event_{}", self.events).into();
        effects.text(event.to_string());
    }

    fn complain(&mut self, error: &ApiError, cause: Option<&Value>, effects: &mut Effects) {
        let body = error.body().error;
        let error = json!({
            "type": body.kind, "code": body.code, "message": body.message, "param": body.param, "event_id": cause,
        });
        self.tell(json!({ "type": "error", "error": error }), effects);
    }

    fn message(&mut self, message: &Value, effects: &mut Effects) -> Result<(), ApiError> {
        let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "session.update" => self.update(message, Shape::Present, effects),
            "transcription_session.update" => self.update(message, Shape::Beta, effects),
            "input_audio_buffer.append" => self.append(message, effects),
            "input_audio_buffer.commit" => self.commit(effects),
            "input_audio_buffer.clear" => {
                self.buffer.clear();
                self.turns.values_mut().for_each(|item| item.is_cleared = true);
                self.tell(json!({ "type": "input_audio_buffer.cleared" }), effects);
                Ok(())
            }
            other => {
                let shown: String = other.chars().take(60).collect();
                Err(ApiError::parameter(
                    "type",
                    format!("`{shown}` is not supported in a transcription session"),
                ))
            }
        }
    }

    fn update(&mut self, message: &Value, shape: Shape, effects: &mut Effects) -> Result<(), ApiError> {
        let session = message.get("session").unwrap_or(&Value::Null);
        let updated = self.settings.updated(session, shape, &self.allowed)?;
        if let Some(opened) = &self.opened
            && (opened.format, opened.detection, &opened.languages, &opened.vocabulary)
                != (updated.format, updated.detection, &updated.languages, &updated.vocabulary)
        {
            let message = "format, language, prompt and turn detection are settled once audio was sent";
            return Err(ApiError::parameter("session", message));
        }
        self.settings = updated;
        self.shape = shape;
        self.tell_session("updated", effects);
        Ok(())
    }

    fn append(&mut self, message: &Value, effects: &mut Effects) -> Result<(), ApiError> {
        let audio = message.get("audio").and_then(Value::as_str);
        let bytes = audio.and_then(|audio| BASE64_STANDARD.decode(audio).ok());
        let bytes = bytes.ok_or_else(|| ApiError::parameter("audio", "`audio` is no base64"))?;
        self.open(effects);
        let format = self.settings.format;
        let limit = UNCOMMITTED_SECONDS_MAX * format.rate().hz() as usize * format.sample_bytes();
        if self.buffer.len() + bytes.len() > limit {
            let message = format!("more than {UNCOMMITTED_SECONDS_MAX} s of audio wait for a commit");
            return Err(ApiError::parameter("audio", message));
        }
        self.buffer.extend_from_slice(&bytes);
        if self.settings.detection != Detection::Client {
            self.give(effects);
        }
        Ok(())
    }

    /// Opens the call with the settings as they are.
    fn open(&mut self, effects: &mut Effects) {
        if self.opened.is_some() {
            return;
        }
        let pause = match self.settings.detection {
            Detection::Pause { threshold, prefix, silence } => {
                Some(Pause { length: silence, threshold: Some(threshold), pre_roll: Some(prefix) })
            }
            Detection::Client | Detection::Semantic => None,
        };
        effects.demands.push(Demand::Open(Box::new(Opening {
            tracks: 1,
            rate: self.settings.format.rate(),
            language: self.settings.language(&self.allowed.offer),
            vocabulary: self.settings.vocabulary.clone().into(),
            partials: self.settings.detection != Detection::Client,
            pause,
        })));
        self.opened = Some(self.settings.clone());
    }

    /// Gives the whole samples of the buffer to the call.
    fn give(&mut self, effects: &mut Effects) {
        let format = self.settings.format;
        let whole = self.buffer.len() - self.buffer.len() % format.sample_bytes();
        let samples = format.decode(&self.buffer[..whole]);
        self.buffer.drain(..whole);
        if !samples.is_empty() {
            self.given_samples += samples.len() as u64;
            effects.demands.push(Demand::Audio { track: 0, samples });
        }
    }

    fn commit(&mut self, effects: &mut Effects) -> Result<(), ApiError> {
        let format = self.settings.format;
        let too_little = || {
            ApiError::parameter(
                "input_audio_buffer",
                format!("less than {COMMIT_MS_MIN} ms of audio wait for a commit"),
            )
        };
        if self.settings.detection != Detection::Client {
            if self.turns.is_empty() {
                return Err(too_little());
            }
        } else {
            let samples = (self.buffer.len() / format.sample_bytes()) as u64;
            if samples * 1_000 < COMMIT_MS_MIN * u64::from(format.rate().hz()) {
                return Err(too_little());
            }
            self.give(effects);
            let item = Item { seconds: samples as f64 / f64::from(format.rate().hz()), ..self.new_item() };
            self.tell_committed(&item.id, effects);
            self.commits.push_back(item);
        }
        effects.demands.push(Demand::Settle);
        Ok(())
    }

    fn new_item(&mut self) -> Item {
        self.items += 1;
        Item { id: format!("item_{}", self.items), ..Item::default() }
    }

    fn tell_committed(&mut self, id: &str, effects: &mut Effects) {
        let previous = self.last_item.replace(id.to_owned());
        let event =
            json!({ "type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": id });
        self.tell(event, effects);
    }

    fn tell_delta(&mut self, id: &str, delta: &str, effects: &mut Effects) {
        if !delta.is_empty() {
            let event = json!({
                "type": "conversation.item.input_audio_transcription.delta",
                "item_id": id, "content_index": 0, "delta": delta,
            });
            self.tell(event, effects);
        }
    }

    /// Tells what became of an item.
    fn conclude(&mut self, item: &Item, effects: &mut Effects) {
        if item.has_failed {
            self.fail(&item.id, NOT_RECOGNISED, effects);
        } else {
            self.complete(item, effects);
        }
    }

    fn complete(&mut self, item: &Item, effects: &mut Effects) {
        let transcript = item.finals.join(" ");
        // Deltas joined are the transcript, unless the final differs from what was shown as stable.
        if let Some(rest) = transcript.strip_prefix(&*item.shown) {
            self.tell_delta(&item.id, rest, effects);
        }
        let event = json!({
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": item.id, "content_index": 0, "transcript": transcript,
            "usage": { "type": "duration", "seconds": item.seconds.ceil() as u64 },
        });
        self.tell(event, effects);
    }

    fn fail(&mut self, id: &str, message: &str, effects: &mut Effects) {
        let error = json!({ "type": "server_error", "code": "transcription_failed", "message": message, "param": null });
        let event = json!({
            "type": "conversation.item.input_audio_transcription.failed",
            "item_id": id, "content_index": 0, "error": error,
        });
        self.tell(event, effects);
    }

    fn turn_event(&mut self, body: &EventBody, effects: &mut Effects) {
        match body {
            EventBody::SpeechStarted { turn, at, .. } => {
                let item = self.new_item();
                let audio_start_ms = milliseconds(*at);
                let event = json!({
                    "type": "input_audio_buffer.speech_started",
                    "audio_start_ms": audio_start_ms, "item_id": item.id,
                });
                self.tell(event, effects);
                self.turns.insert(*turn, item);
            }
            EventBody::TranscriptPartial { turn, stable, .. } => {
                let Some(item) = self.turns.get_mut(turn).filter(|item| !item.is_cleared) else { return };
                let before = item.finals.iter().fold(String::new(), |text, it| text + it + " ");
                let text = before + stable.reveal();
                let delta = text.strip_prefix(&*item.shown).unwrap_or_default().to_owned();
                item.shown.push_str(&delta);
                let id = item.id.clone();
                self.tell_delta(&id, &delta, effects);
            }
            EventBody::TranscriptFinal { turn, utterance, .. } => {
                if let Some(item) = self.turns.get_mut(turn) {
                    item.finals.push(utterance.text.reveal().clone());
                    item.seconds += utterance.span.duration().as_secs_f64();
                }
            }
            EventBody::TurnEnded { turn, end_of_speech, .. } => {
                self.end_turn(*turn, Some(*end_of_speech), effects)
            }
            EventBody::SpeechDiscarded { turn, .. } => self.end_turn(*turn, None, effects),
            // It comes before the end of its turn, and turns get their texts in order.
            EventBody::Gap { reason, .. } if is_failure(*reason) => {
                if let Some(item) = self.turns.values_mut().next() {
                    item.has_failed = true;
                }
            }
            EventBody::CallStarted { .. }
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

    fn end_turn(&mut self, turn: u64, end: Option<SamplePos>, effects: &mut Effects) {
        let Some(item) = self.turns.remove(&turn).filter(|item| !item.is_cleared) else { return };
        let end = end.map(milliseconds);
        let given = at_pipeline_rate(self.given_samples, self.settings.format.rate()) / 16;
        let event = json!({
            "type": "input_audio_buffer.speech_stopped",
            "audio_end_ms": end.unwrap_or(given), "item_id": item.id,
        });
        self.tell(event, effects);
        self.tell_committed(&item.id, effects);
        self.conclude(&item, effects);
    }

    fn call_ended(&mut self, reason: CallEndReason, effects: &mut Effects) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let under_way: Vec<String> = self.commits.drain(..).map(|item| item.id).collect();
        for id in under_way {
            self.fail(&id, "the session ended before its transcript was there", effects);
        }
        match reason {
            CallEndReason::Shutdown => effects.close(1001, "the service is being stopped"),
            CallEndReason::Failed => effects.close(1011, "internal error"),
            CallEndReason::HungUp
            | CallEndReason::Disconnected
            | CallEndReason::Refused
            | CallEndReason::Stopped => effects.close(1000, "ended"),
        }
    }
}

impl Face for Realtime {
    fn receive(&mut self, message: Received<'_>, _now: Instant, effects: &mut Effects) {
        let Received::Text(text) = message else {
            let message = "messages are JSON text; audio comes in base64".to_owned();
            return self.complain(&ApiError::Malformed { message }, None, effects);
        };
        let message: Value = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(_) => {
                let message = "the message is no JSON".to_owned();
                return self.complain(&ApiError::Malformed { message }, None, effects);
            }
        };
        if let Err(error) = self.message(&message, effects) {
            self.complain(&error, message.get("event_id"), effects);
        }
    }

    fn event(&mut self, event: &Event, effects: &mut Effects) {
        if let EventBody::CallEnded { reason, .. } = &event.body {
            return self.call_ended(*reason, effects);
        }
        let by_client = self.opened.as_ref().is_some_and(|opened| opened.detection == Detection::Client);
        if !by_client {
            return self.turn_event(&event.body, effects);
        }
        let Some(item) = self.commits.front_mut() else { return };
        if let EventBody::TranscriptFinal { utterance, .. } = &event.body {
            item.finals.push(utterance.text.reveal().clone());
        }
        if let EventBody::Gap { reason, .. } = &event.body {
            item.has_failed |= is_failure(*reason);
        }
    }

    fn settled(&mut self, effects: &mut Effects) {
        if let Some(item) = self.commits.pop_front() {
            self.conclude(&item, effects);
        }
    }

    fn refused(&mut self, refusal: &Refusal, effects: &mut Effects) {
        self.is_over = true;
        let error = match refusal {
            Refusal::Busy { retry_after } => ApiError::Busy { retry_after: *retry_after },
            Refusal::Deaf { retry_after } => ApiError::Deaf { retry_after: *retry_after },
            Refusal::Stopping => ApiError::Stopping,
            Refusal::Failed { message } => ApiError::Malformed { message: message.clone() },
        };
        self.complain(&error, None, effects);
        effects.close(refusal.close_code(), refusal.close_reason());
    }

    fn poll(&mut self, _now: Instant, _effects: &mut Effects) {}

    fn next_deadline(&self) -> Option<Instant> {
        None
    }
}

/// Whether sound was here and was not recognised. What was lost on the way is the client's to know.
const fn is_failure(reason: GapReason) -> bool {
    match reason {
        GapReason::Failed | GapReason::Restarted | GapReason::Dropped => true,
        GapReason::Lost => false,
    }
}

/// A position of the call, which has the client's time.
const fn milliseconds(position: SamplePos) -> u64 {
    position.0 / 16
}

/// A number of samples at another rate as one at 16 kHz.
fn at_pipeline_rate(samples: u64, rate: SampleRate) -> u64 {
    samples * u64::from(SampleRate::PIPELINE.hz()) / u64::from(rate.hz())
}
