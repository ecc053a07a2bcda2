//! `POST /v1/audio/transcriptions` and `/v1/audio/translations`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::form::Form;
use super::order::{Allowed, Delivery, Order, ResponseFormat};
use super::wire::{Diarized, DiarizedSegment, Plain, TextDelta, TextDone, Verbose};
use crate::asr::Task;
use crate::call::{Transcript, Utterance};
use crate::export::{self, Document, Format, Source};
use crate::media::OpenOptions;
use crate::pipeline::transcribe::{Instructions, Transcription};
use crate::serve::Service;
use crate::serve::error::ApiError;
use crate::serve::intake::{Job, Place};
use crate::serve::metrics::Stage;
use crate::serve::router::text;

/// Utterances that wait for a slow reader of a stream; beyond, recognition waits.
const STREAM_WAITING_MAX: usize = 64;

const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// A recording becomes text.
///
/// # Errors
/// [`ApiError`] names the field that is to blame.
pub async fn transcribe(
    State(service): State<Arc<Service>>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    work(service, form, Task::Transcribe).await
}

/// A recording becomes English text.
///
/// # Errors
/// [`ApiError`] names the field that is to blame; `model` when the model does not translate.
pub async fn translate(
    State(service): State<Arc<Service>>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    work(service, form, Task::Translate).await
}

async fn work(
    service: Arc<Service>,
    form: Result<Multipart, MultipartRejection>,
    task: Task,
) -> Result<Response, ApiError> {
    let form = form.map_err(|_| ApiError::Malformed {
        message: "the request is no form; expected content type multipart/form-data".to_owned(),
    })?;
    let place = service.intake.place()?;
    let begun = service.clock.monotonic();
    let form = Form::receive(form, &service.config.limits).await?;
    service.metrics.stage(Stage::Receive, service.clock.monotonic() - begun);
    let allowed = Allowed { task, offer: &service.offer, aliases: &service.config.model_aliases };
    let order = Order::read(&form.fields, allowed)?;
    match order.delivery {
        Delivery::Whole => whole(&service, place, form, &order).await,
        Delivery::Stream => Ok(streamed(service, place, form, order)),
    }
}

async fn whole(service: &Service, place: Place, form: Form, order: &Order) -> Result<Response, ApiError> {
    let job = job(&form, order, None);
    let Transcription { transcript, damage, .. } = service.intake.transcribe(place, job).await?;
    if let Some(damage) = damage {
        let path = form.recording.path().display().to_string();
        tracing::warn!(
            reason = damage.to_string().replace(&path, "the recording"),
            "a recording is not whole"
        );
    }
    let exported = |format| {
        let source = Source {
            id: Uuid::nil(),
            file: form.file_name.clone(),
            model: service.offer.model.clone(),
            started_at: None,
            created_at: service.clock.wall(),
        };
        export::render(format, Document { source: &source, transcript: &transcript, rejections: None })
    };
    Ok(match order.format {
        ResponseFormat::Json => Json(Plain::new(&transcript)).into_response(),
        ResponseFormat::VerboseJson => {
            let (task, fallback) = (order.task, service.offer.languages[0]);
            Json(Verbose::new(&transcript, order.granularity, (task, fallback))).into_response()
        }
        ResponseFormat::DiarizedJson => Json(Diarized::new(&transcript)).into_response(),
        ResponseFormat::Text => {
            let said = transcript.text_of(None, " ").into_inner();
            text(StatusCode::OK, PLAIN_TEXT, said + "\n")
        }
        ResponseFormat::Srt => text(StatusCode::OK, PLAIN_TEXT, exported(Format::Srt)),
        ResponseFormat::Vtt => text(StatusCode::OK, "text/vtt; charset=utf-8", exported(Format::Vtt)),
    })
}

fn job(form: &Form, order: &Order, heard: Option<mpsc::Sender<Utterance>>) -> Job {
    Job {
        path: form.recording.path().to_owned(),
        name: form.file_name.clone(),
        instructions: Instructions {
            open: OpenOptions::default(),
            language: order.language.clone(),
            task: order.task,
            vocabulary: Arc::clone(&order.vocabulary),
            sentences: Arc::new([]),
            channels: None,
            telephone: false,
        },
        heard,
    }
}

/// What the stream reads: utterances as they are heard, then the end of the work.
struct Listening {
    heard: mpsc::Receiver<Utterance>,
    ended: Option<oneshot::Receiver<Result<Transcript, ApiError>>>,
    format: ResponseFormat,
    count: usize,
}

fn streamed(service: Arc<Service>, place: Place, form: Form, order: Order) -> Response {
    let (sender, heard) = mpsc::channel(STREAM_WAITING_MAX);
    let (finish, ended) = oneshot::channel();
    let format = order.format;
    tokio::spawn(async move {
        let job = job(&form, &order, Some(sender));
        let result = service.intake.transcribe(place, job).await;
        // The form, and with it the file, lives until here. A reader that has gone wants no result.
        drop(finish.send(result.map(|transcription| transcription.transcript)));
        drop(form);
    });
    let listening = Listening { heard, ended: Some(ended), format, count: 0 };
    let events = stream::unfold(listening, |listening| async move {
        let (event, listening) = next_event(listening).await?;
        Some((Ok::<_, Infallible>(event), listening))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

async fn next_event(mut listening: Listening) -> Option<(Event, Listening)> {
    if let Some(utterance) = listening.heard.recv().await {
        let index = listening.count;
        listening.count += 1;
        let event = match listening.format {
            ResponseFormat::DiarizedJson => event(&DiarizedSegment::new(index, &utterance)),
            ResponseFormat::Json
            | ResponseFormat::Text
            | ResponseFormat::Srt
            | ResponseFormat::VerboseJson
            | ResponseFormat::Vtt => event(&TextDelta::new(index, &utterance)),
        };
        return Some((event, listening));
    }
    let result = match listening.ended.take()?.await {
        Ok(result) => result,
        Err(_) => Err(ApiError::internal("the transcription ended without a result")),
    };
    let event = match result {
        Ok(transcript) => event(&TextDone::new(&transcript)),
        Err(error) => event(&error.body()),
    };
    Some((event, listening))
}

fn event(body: &impl Serialize) -> Event {
    Event::default()
        .data(serde_json::to_string(body).expect("structs of strings and numbers always serialise"))
}
