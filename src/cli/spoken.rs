//! Sentences over a telephone line: spoken by Allo's own voices, coded as on a line, heard by the recogniser.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::Context;
use super::terminal::say_error;
use crate::asr::{LanguageChoice, Task};
use crate::eval::manifest::{self, Clip};
use crate::fixtures::spoken::{self, Sentence};
use crate::intent::Heard;
use crate::media::OpenOptions;
use crate::pipeline::machinery;
use crate::pipeline::ordered::{self, Crew, Order};
use crate::pipeline::transcribe::{Instructions, Transcriber};
use crate::pipeline::understanding::heard;
use crate::progress::{Progress, Unit};

/// Who speaks where, and who listens.
#[derive(Debug, Args)]
pub(super) struct LineArguments {
    /// Folder for the spoken sentences; those that are there are not made again.
    #[arg(long, value_name = "DIR")]
    audio: Option<PathBuf>,
    /// Model to recognise with; without it the configured one.
    #[arg(long)]
    model: Option<String>,
}

/// The line, with a recogniser at its end.
pub(super) struct Line {
    transcriber: Transcriber,
    /// Recognitions at the same time.
    workers: usize,
    model: String,
    folder: PathBuf,
    models: PathBuf,
    vocabulary: Arc<[String]>,
    sentences: Arc<[String]>,
}

impl Line {
    /// Loads the model; `vocabulary` are names that may be said, `sentences` what is said there.
    pub fn open(
        context: &Context,
        arguments: &LineArguments,
        (vocabulary, sentences): (&[String], Arc<[String]>),
    ) -> anyhow::Result<Self> {
        let mut config = context.load_config()?;
        if let Some(model) = &arguments.model {
            config.asr.model.clone_from(model);
        }
        Ok(Self {
            transcriber: machinery::start(&config, &context.home)?,
            workers: machinery::workers(&config),
            model: config.asr.model,
            folder: arguments.audio.clone().unwrap_or_else(|| context.home.root().join("spoken")),
            models: context.home.models().to_path_buf(),
            vocabulary: vocabulary.into(),
            sentences,
        })
    }

    /// Name of the model that listens.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Where the recordings are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A recording of each sentence by each of `takes` voices, one behind the other.
    pub fn speak(&self, sentences: &[Sentence], takes: usize) -> anyhow::Result<Vec<Clip>> {
        if sentences.is_empty() {
            return Ok(Vec::new());
        }
        let progress = Progress::start("speaking", Unit::Items, None);
        let manifest = spoken::speak(sentences, takes, (&self.folder, &self.models), &progress)?;
        progress.finish(&format!("{} sentences in {}", sentences.len(), self.folder.display()));
        Ok(manifest::read(&manifest)?)
    }

    /// Calls `deliver` with what is heard in each clip, in their order, until it wants no more; `None` for one that
    /// failed, which is named.
    pub fn hear(&self, clips: &[Clip], mut deliver: impl FnMut(usize, Option<Heard>) -> bool) {
        let progress = Progress::start("listening", Unit::Items, Some(clips.len() as u64));
        let mut failed = 0;
        ordered::run(
            clips,
            Crew { threads: self.workers, order: Order::OfItems },
            |_, clip| self.hear_one(clip),
            |index, result| {
                progress.advance(1);
                let heard = result
                    .inspect_err(|error| {
                        failed += 1;
                        progress.suspend(|| say_error(error.as_ref()));
                    })
                    .ok();
                deliver(index, heard)
            },
        );
        progress.finish(&format!("{} sentences, {failed} failed", clips.len()));
    }

    fn hear_one(&self, clip: &Clip) -> anyhow::Result<Heard> {
        let language = clip.language.map_or_else(|| crate::call::Language::ALL.to_vec(), |one| vec![one]);
        let instructions = Instructions {
            open: OpenOptions::default(),
            language: match language.as_slice() {
                [only] => LanguageChoice::Known(*only),
                _ => LanguageChoice::Among(language),
            },
            task: Task::Transcribe,
            vocabulary: Arc::clone(&self.vocabulary),
            sentences: Arc::clone(&self.sentences),
            channels: None,
            telephone: false,
        };
        let mut transcription =
            self.transcriber.transcribe(&clip.path, &instructions, &Progress::hidden())?;
        if let Some(damage) = transcription.damage.take() {
            return Err(damage.into());
        }
        Ok(heard(&transcription))
    }
}
