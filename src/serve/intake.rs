//! Recordings that clients send: how many at once, how many may wait, and their way through the pipeline.
//!
//! A place is taken before the recording is received, so that no more than `transcriptions + waiting` uploads ever lie
//! on the disk. Work runs on blocking threads of the runtime, never on the ones that serve connections; it stops soon
//! after the client has gone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::error::ApiError;
use super::metrics::{Metrics, Refusal, Stage};
use crate::asr::{self, CancelFlag};
use crate::call::Utterance;
use crate::clock::Clock;
use crate::pipeline;
use crate::pipeline::transcribe::{Following, Instructions, Transcriber, Transcription};
use crate::progress::Progress;

/// Before anything was measured.
const USUAL_TRANSCRIPTION: Duration = Duration::from_secs(5);

/// Where recordings are handed in.
pub struct Intake {
    /// What transcribes.
    pub transcriber: Arc<Transcriber>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    places: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    slot_count: usize,
}

/// How many recordings.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// At once; at least 1.
    pub at_once: usize,
    /// Waiting beyond those.
    pub waiting: usize,
}

/// A place among the recordings, given back when dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// A recording to transcribe.
pub struct Job {
    /// Where it lies.
    pub path: PathBuf,
    /// Name that the client gave it; it stands for the path in what the client is told.
    pub name: String,
    /// What is known about it.
    pub instructions: Instructions,
    /// Gets each utterance as it is heard. A full queue makes the work wait for its reader; a closed one ends it.
    pub heard: Option<mpsc::Sender<Utterance>>,
}

/// Stops the work when whoever waits for it goes away.
struct StopWhenDropped(CancelFlag);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Intake {
    /// An intake with room for so many.
    pub fn new(
        transcriber: Arc<Transcriber>,
        room: Room,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let at_once = room.at_once.max(1);
        Self {
            transcriber,
            metrics,
            clock,
            places: Arc::new(Semaphore::new(at_once + room.waiting)),
            slots: Arc::new(Semaphore::new(at_once)),
            slot_count: at_once,
        }
    }

    /// A place for a recording that is about to be received.
    ///
    /// # Errors
    /// [`ApiError::Busy`] when too many wait already.
    pub fn place(&self) -> Result<Place, ApiError> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Ok(Place { _permit: permit }),
            Err(_) => {
                self.metrics.refused(Refusal::Transcriptions);
                let usual = self.metrics.mean(Stage::Transcribe).unwrap_or(USUAL_TRANSCRIPTION);
                let retry_after = usual / u32::try_from(self.slot_count).unwrap_or(u32::MAX);
                Err(ApiError::Busy { retry_after })
            }
        }
    }

    /// Waits for a slot, then transcribes. The place is held to the end.
    ///
    /// # Errors
    /// [`ApiError::Parameter`] names `file` when the recording cannot be read; everything else is internal.
    pub async fn transcribe(&self, place: Place, job: Job) -> Result<Transcription, ApiError> {
        let asked = self.clock.monotonic();
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .expect("the semaphore of the intake is never closed");
        let begun = self.clock.monotonic();
        self.metrics.stage(Stage::Wait, begun - asked);
        let cancel = CancelFlag::new();
        let _stop = StopWhenDropped(cancel.clone());
        let transcriber = Arc::clone(&self.transcriber);
        let work = tokio::task::spawn_blocking(move || {
            let _held = (place, slot);
            follow(&transcriber, &job, &cancel).map_err(|error| told(error, &job))
        });
        let transcription = work.await.map_err(ApiError::internal)??;
        self.metrics.stage(Stage::Transcribe, self.clock.monotonic() - begun);
        self.metrics.audio(crate::audio::samples_duration(transcription.transcript.end.0));
        Ok(transcription)
    }
}

fn follow(
    transcriber: &Transcriber,
    job: &Job,
    cancel: &CancelFlag,
) -> Result<Transcription, pipeline::Error> {
    let progress = Progress::hidden();
    let mut heard = |utterance: &Utterance| {
        if let Some(sender) = &job.heard
            && sender.blocking_send(utterance.clone()).is_err()
        {
            cancel.cancel();
        }
    };
    let following = Following { progress: &progress, heard: &mut heard, cancel };
    transcriber.transcribe_followed(&job.path, &job.instructions, following)
}

/// What the client is told: a recording that cannot be read is its own, and is called what the client calls it.
fn told(error: pipeline::Error, job: &Job) -> ApiError {
    match error {
        pipeline::Error::Media(error) => {
            let path = job.path.display().to_string();
            ApiError::parameter("file", error.to_string().replace(&path, &job.name))
        }
        pipeline::Error::Asr(error @ asr::Error::NoTranslation { .. }) => {
            ApiError::parameter("model", error.to_string())
        }
        pipeline::Error::Resample(_)
        | pipeline::Error::Vad(_)
        | pipeline::Error::Asr(_)
        | pipeline::Error::Models(_)
        | pipeline::Error::Onnx(_)
        | pipeline::Error::Encoder(_)
        | pipeline::Error::Scenario(_)
        | pipeline::Error::Intent(_)
        | pipeline::Error::Cancelled
        | pipeline::Error::ChannelCount { .. } => ApiError::internal(error),
    }
}
