//! The events of a call as JSON: `{"call","sequence","at","type",…}`, times in seconds of the call.

use std::time::Duration;

use serde_json::{Value, json};

use crate::audio::SamplePos;
use crate::call::decision::{DecisionRecord, WishRecord};
use crate::call::event::{Event, EventBody, FinalDelay};
use crate::call::{IntentScore, Utterance};
use crate::export::handover::{handover_json, slots_json};

/// An event as clients read it. This is one of the places that reveal what was said.
pub fn event_json(event: &Event) -> Value {
    let mut json = body(&event.body);
    json["type"] = event.body.name().into();
    json["call"] = event.call.to_string().into();
    json["sequence"] = event.sequence.into();
    json["at"] = seconds(event.at).into();
    json
}

fn body(body: &EventBody) -> Value {
    match body {
        EventBody::CallStarted { ingress, channels, started, partials } => {
            let channels: Vec<String> = channels.iter().map(ToString::to_string).collect();
            json!({
                "ingress": ingress,
                "channels": channels,
                "started": started.to_string(),
                "partials": partials,
            })
        }
        EventBody::SpeechStarted { channel, turn, at } => {
            json!({ "channel": channel.to_string(), "turn": turn, "start": seconds(*at) })
        }
        EventBody::TranscriptPartial { channel, turn, start, stable, unstable } => json!({
            "channel": channel.to_string(),
            "turn": turn,
            "start": seconds(*start),
            "stable": stable.reveal(),
            "unstable": unstable.reveal(),
        }),
        EventBody::TranscriptFinal {
            channel,
            turn,
            utterance,
            joins,
            latency,
            delay,
            alternatives: _,
            corrections: _,
            foreign_share: _,
        } => {
            let mut json = utterance_json(utterance);
            json["channel"] = channel.to_string().into();
            json["turn"] = (*turn).into();
            json["joins"] = (*joins).into();
            json["latency"] = duration(*latency).into();
            json["delay"] = delay_json(delay);
            json
        }
        EventBody::TurnEnded { channel, turn, end_of_speech, reason, continues, is_back_channel } => json!({
            "channel": channel.to_string(),
            "turn": turn,
            "end_of_speech": seconds(*end_of_speech),
            "reason": reason.name(),
            "continues": continues,
            "back_channel": is_back_channel,
        }),
        EventBody::SpeechDiscarded { channel, turn } => {
            json!({ "channel": channel.to_string(), "turn": turn })
        }
        EventBody::Interrupted { channel, at } => {
            json!({ "channel": channel.to_string(), "start": seconds(*at) })
        }
        EventBody::Dtmf { channel, digit } => {
            json!({ "channel": channel.to_string(), "digit": digit.reveal().to_string() })
        }
        EventBody::PlaybackFinished { mark, completed } => json!({ "mark": mark, "completed": completed }),
        EventBody::TurnDecided { decision } => decision_json(decision),
        EventBody::BotSaid { text, mark } => json!({ "text": text.reveal(), "mark": mark }),
        EventBody::HandedOver { handover } => handover_json(handover),
        EventBody::Gap { channel, span, reason } => json!({
            "channel": channel.to_string(),
            "start": seconds(span.start),
            "end": seconds(span.end),
            "reason": reason.name(),
        }),
        EventBody::CallEnded { reason, duration: length } => {
            json!({ "reason": reason.name(), "duration": duration(*length) })
        }
    }
}

/// What was decided in a turn. The sentence itself is in the final before it.
fn decision_json(decision: &DecisionRecord) -> Value {
    let wish = |wish: &WishRecord| {
        let candidate = |score: &IntentScore| json!({ "intent": score.intent, "probability": rounded(score.probability.into()) });
        json!({
            "band": wish.band,
            "in_scope": rounded(wish.in_scope.into()),
            "candidates": wish.candidates.iter().map(candidate).collect::<Vec<_>>(),
        })
    };
    json!({
        "number": decision.number,
        "input": decision.input,
        "language": decision.language.code(),
        "rule": decision.rule,
        "outcome": decision.outcome,
        "intent": decision.intent,
        "route": decision.route,
        "wishes": decision.wishes.iter().map(wish).collect::<Vec<_>>(),
        "slots": slots_json(&decision.slots),
    })
}

/// Where the time of a final went, in milliseconds: what is looked at beside other delays of a dialogue.
fn delay_json(delay: &FinalDelay) -> Value {
    let milliseconds = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let FinalDelay { turn, text, keep, asked, queued, decoded } = delay;
    json!({
        "turn": milliseconds(*turn),
        "text": milliseconds(*text),
        "keep": milliseconds(*keep),
        "asked": milliseconds(*asked),
        "queued": milliseconds(*queued),
        "decoded": milliseconds(*decoded),
    })
}

fn utterance_json(utterance: &Utterance) -> Value {
    let word = |word: &crate::call::Word| {
        json!({
            "word": word.text.reveal(),
            "start": seconds(word.span.start),
            "end": seconds(word.span.end),
            "confidence": rounded(word.confidence.into()),
        })
    };
    json!({
        "start": seconds(utterance.span.start),
        "end": seconds(utterance.span.end),
        "language": utterance.language.code(),
        "text": utterance.text.reveal(),
        "confidence": rounded(utterance.confidence.into()),
        "words": utterance.words.iter().map(word).collect::<Vec<_>>(),
    })
}

fn seconds(position: SamplePos) -> f64 {
    rounded(position.seconds())
}

fn duration(length: Duration) -> f64 {
    rounded(length.as_secs_f64())
}

/// To three decimals.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::audio::SampleSpan;
    use crate::call::event::{CallEndReason, GapReason, TurnEndReason};
    use crate::call::{CallId, Channel, Language, Word};

    #[test]
    fn every_event_has_its_fields() {
        let span = SampleSpan::new(SamplePos::from_seconds(1.0), SamplePos::from_seconds(1.5));
        let channel = Channel::Caller;
        let words = vec![Word { text: "Bonjour.".into(), span, confidence: 0.75 }];
        let utterance = Utterance {
            channel,
            span,
            language: Language::Fr,
            text: "Bonjour.".into(),
            confidence: 0.75,
            words,
        };
        let started = jiff::Timestamp::UNIX_EPOCH;
        let bodies = [
            EventBody::CallStarted { ingress: "twilio", channels: vec![channel], started, partials: true },
            EventBody::SpeechStarted { channel, turn: 1, at: span.start },
            EventBody::TranscriptPartial {
                channel,
                turn: 1,
                start: span.start,
                stable: "bon".into(),
                unstable: "jour".into(),
            },
            EventBody::TranscriptFinal {
                channel,
                turn: 1,
                utterance,
                alternatives: Vec::new(),
                corrections: Vec::new(),
                foreign_share: Some(0.125),
                joins: None,
                delay: FinalDelay {
                    turn: Duration::from_millis(300),
                    text: Duration::from_millis(6),
                    keep: Duration::from_millis(4),
                    asked: Duration::from_millis(100),
                    queued: Duration::from_millis(1),
                    decoded: Duration::from_millis(205),
                },
                latency: Duration::from_millis(310),
            },
            EventBody::TurnEnded {
                channel,
                turn: 1,
                end_of_speech: span.end,
                reason: TurnEndReason::Finished,
                continues: None,
                is_back_channel: false,
            },
            EventBody::SpeechDiscarded { channel, turn: 2 },
            EventBody::Interrupted { channel, at: span.start },
            EventBody::Dtmf { channel, digit: '5'.into() },
            EventBody::PlaybackFinished { mark: "hello".into(), completed: true },
            EventBody::TurnDecided { decision: Box::new(crate::call::decision::sample()) },
            EventBody::BotSaid {
                text: "Votre appel concerne une facture, c'est bien cela ?".into(),
                mark: "bot-2".into(),
            },
            EventBody::HandedOver { handover: Box::new(crate::call::handover::sample()) },
            EventBody::Gap { channel, span, reason: GapReason::Lost },
            EventBody::CallEnded { reason: CallEndReason::HungUp, duration: Duration::from_secs(61) },
        ];
        let call = CallId(Uuid::nil());
        let events = (1..).zip(bodies).map(|(sequence, body)| Event { call, sequence, at: span.end, body });
        let told: Vec<Value> = events.map(|event| event_json(&event)).collect();
        insta::assert_json_snapshot!(told);
        let missed = crate::serve::live::talk::missed_json(crate::live::Missed { wanted: 3, next: 120 });
        let all: Vec<Value> = told.into_iter().chain(serde_json::from_str(&missed)).collect();
        // The reader's description of them has an example of each.
        let guide = include_str!("../../../docs/events.md");
        let examples: Vec<Value> = guide
            .split("```json")
            .skip(1)
            .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
            .collect();
        assert_eq!(examples, all, "docs/events.md");
    }
}
