//! Traces of live calls for OpenTelemetry, by OTLP over HTTP; the only module that names its crates, built with the feature
//! `otel`.
//!
//! A trace is a call: a span from its start to its end, in it one for each final, from the end of speech to the
//! announcement, and in that one for each stage that the time went to ([`crate::call::event::FinalDelay`]). They are made
//! from the events of the call, by a task that follows it as any reader does, so that tracing delays nothing. What was
//! said, keys and numbers are in none of them.
//!
//! It is set up by the variables that OpenTelemetry knows everywhere (`OTEL_EXPORTER_OTLP_ENDPOINT`, `…_HEADERS`,
//! `…_TIMEOUT`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`); without an endpoint
//! nothing is traced. A collector that is away costs spans, never a call: the library's queue drops what does not fit.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use crate::audio::samples_duration;
use crate::call::event::{CallEndReason, Event, EventBody, FinalDelay};
use crate::clock::Clock;
use crate::live::{EventLog, Live};

/// Where traces go; one of the two switches tracing on.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
/// Name of this service, unless the environment says otherwise.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// Of the answer of a collector nothing is needed but its status.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// What is left at the end is sent within this time.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Traces cannot be exported.
#[derive(Debug, thiserror::Error)]
#[error(
    "traces cannot be exported\nhint: check the OTEL_ variables of the environment, or unset OTEL_EXPORTER_OTLP_ENDPOINT"
)]
pub struct Error(#[from] ExporterBuildError);

/// Follows calls and exports what it sees.
pub struct Traces {
    provider: SdkTracerProvider,
    clock: Arc<dyn Clock>,
}

impl Traces {
    /// As the environment says (`|name| std::env::var(name).ok()` outside tests); `None` where it names no endpoint.
    ///
    /// # Errors
    /// [`Error`] when it names what cannot be used.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, Error> {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.into_iter().any(is_set) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().with_http_client(Http::new()).build()?;
        let name = if is_set(SERVICE_NAME) { None } else { Some("allo") };
        Ok(Some(Self::over(exporter, name, clock)))
    }

    /// To a collector's address for traces, such as `http://127.0.0.1:4318/v1/traces`.
    ///
    /// # Errors
    /// [`Error`] when it is no address.
    pub fn to(endpoint: &str, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Http::new())
            .with_endpoint(endpoint)
            .build()?;
        Ok(Self::over(exporter, Some("allo"), clock))
    }

    fn over(exporter: SpanExporter, name: Option<&'static str>, clock: Arc<dyn Clock>) -> Self {
        let resource = Resource::builder();
        let resource = match name {
            Some(name) => resource.with_service_name(name),
            None => resource,
        };
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.with_attribute(version).build())
            .with_batch_exporter(exporter)
            .build();
        Self { provider, clock }
    }

    /// Follows every call that begins from now on, in tasks of this runtime.
    pub fn follow_all(&self, live: &Live, runtime: tokio::runtime::Handle) {
        let (tracer, clock) = (self.provider.tracer("allo"), Arc::clone(&self.clock));
        live.on_open(move |log| {
            runtime.spawn(follow(tracer.clone(), Arc::clone(&clock), log));
        });
    }

    /// Sends what is left.
    pub fn stop(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(STOP_WITHIN) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

async fn follow(tracer: SdkTracer, clock: Arc<dyn Clock>, log: Arc<EventLog>) {
    let mut reader = log.subscribe(1);
    let mut trace = Trace { tracer, call: None };
    loop {
        match reader.next().await {
            Ok(Some(event)) => trace.event(&event, clock.wall().into()),
            Ok(None) => return,
            Err(missed) => tracing::warn!(%missed, "a trace has a hole"),
        }
    }
}

/// The trace of one call.
struct Trace {
    tracer: SdkTracer,
    /// The span of the call, once it has begun.
    call: Option<Context>,
}

impl Trace {
    fn event(&mut self, event: &Event, now: SystemTime) {
        if let EventBody::CallStarted { ingress, channels, started, partials } = &event.body {
            let attributes = [
                KeyValue::new("allo.call", event.call.to_string()),
                KeyValue::new("allo.ingress", *ingress),
                KeyValue::new("allo.channels", channels.len() as i64),
                KeyValue::new("allo.partials", *partials),
            ];
            let span = SpanBuilder::from_name("call")
                .with_kind(SpanKind::Server)
                .with_start_time(SystemTime::from(*started))
                .with_attributes(attributes);
            self.call =
                Some(Context::new().with_span(span.start_with_context(&self.tracer, &Context::new())));
            return;
        }
        let Some(call) = &self.call else { return };
        let note = |attributes: Vec<KeyValue>| {
            call.span().add_event_with_timestamp(event.body.name(), now, attributes);
        };
        match &event.body {
            EventBody::CallStarted { .. } | EventBody::TranscriptPartial { .. } => {}
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
                let attributes = vec![
                    KeyValue::new("allo.channel", channel.to_string()),
                    KeyValue::new("allo.turn", *turn as i64),
                    KeyValue::new("allo.language", utterance.language.code()),
                    KeyValue::new("allo.speech_s", utterance.span.duration().as_secs_f64()),
                    KeyValue::new("allo.words", utterance.words.len() as i64),
                    KeyValue::new("allo.joins", joins.is_some()),
                ];
                self.spoken(call, attributes, (now, *latency, delay));
            }
            EventBody::SpeechStarted { channel, turn, .. } | EventBody::SpeechDiscarded { channel, turn } => {
                note(vec![
                    KeyValue::new("allo.channel", channel.to_string()),
                    KeyValue::new("allo.turn", *turn as i64),
                ])
            }
            EventBody::TurnEnded { channel, turn, reason, .. } => note(vec![
                KeyValue::new("allo.channel", channel.to_string()),
                KeyValue::new("allo.turn", *turn as i64),
                KeyValue::new("allo.reason", reason.name()),
            ]),
            EventBody::Interrupted { channel, .. } | EventBody::Dtmf { channel, .. } => {
                note(vec![KeyValue::new("allo.channel", channel.to_string())]);
            }
            EventBody::PlaybackFinished { completed, .. } => {
                note(vec![KeyValue::new("allo.completed", *completed)]);
            }
            EventBody::TurnDecided { decision } => note(vec![
                KeyValue::new("allo.rule", decision.rule.clone()),
                KeyValue::new("allo.outcome", decision.outcome.clone()),
            ]),
            EventBody::BotSaid { .. } => note(Vec::new()),
            EventBody::HandedOver { handover } => {
                note(vec![KeyValue::new("allo.route", handover.route.clone())]);
            }
            EventBody::Gap { channel, span, reason } => note(vec![
                KeyValue::new("allo.channel", channel.to_string()),
                KeyValue::new("allo.reason", reason.name()),
                KeyValue::new("allo.gap_s", samples_duration(span.samples()).as_secs_f64()),
            ]),
            EventBody::CallEnded { reason, duration } => {
                let span = call.span();
                span.set_attribute(KeyValue::new("allo.reason", reason.name()));
                span.set_attribute(KeyValue::new("allo.audio_s", duration.as_secs_f64()));
                if *reason == CallEndReason::Failed {
                    span.set_status(Status::error("the processing of the call failed"));
                }
                span.end_with_timestamp(now);
            }
        }
    }

    /// The span of a final with its stages.
    fn spoken(
        &self,
        call: &Context,
        attributes: Vec<KeyValue>,
        (now, latency, delay): (SystemTime, Duration, &FinalDelay),
    ) {
        let end_of_speech = now - latency;
        let span = SpanBuilder::from_name("final").with_start_time(end_of_speech).with_attributes(attributes);
        let whole = call.with_span(span.start_with_context(&self.tracer, call));
        let over = end_of_speech + delay.turn;
        let begun = end_of_speech + delay.asked + delay.queued;
        for (name, start, length) in [
            ("turn", end_of_speech, delay.turn),
            ("text", over, delay.text),
            ("keep", over + delay.text, delay.keep),
            ("queue", end_of_speech + delay.asked, delay.queued),
            ("recognition", begun, delay.decoded),
        ] {
            let stage = SpanBuilder::from_name(name).with_start_time(start);
            let stage = Context::new().with_span(stage.start_with_context(&self.tracer, &whole));
            stage.span().end_with_timestamp(start + length);
        }
        whole.span().end_with_timestamp(now);
    }
}

/// The client that models are fetched with, so that no second one is needed. The library calls it on a thread of its own.
#[derive(Debug)]
struct Http(ureq::Agent);

impl Http {
    fn new() -> Self {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(STOP_WITHIN));
        Self(config.build().into())
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let (head, mut body) = self.0.run(Request::from_parts(head, body.to_vec()))?.into_parts();
        let answer = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(head, answer.into()))
    }
}

#[cfg(test)]
mod tests;
