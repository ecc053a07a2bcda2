//! `allo eval`: how well recognition, names, intents and number writing do on labelled data.

mod decisions;
mod hypotheses;
mod intent;
mod itn;
mod names;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};

use self::hypotheses::Hypotheses;
use super::terminal::{say_error, write_stdout};
use super::{Context, exit_code};
use crate::asr::{LanguageChoice, Task};
use crate::audio::samples_duration;
use crate::clock::{Clock, SystemClock};
use crate::eval::asr::{Evaluation, Heard};
use crate::eval::manifest::{self, Clip};
use crate::eval::wire::{AsrFigures, AsrReport};
use crate::media::OpenOptions;
use crate::pipeline::machinery;
use crate::pipeline::transcribe::{Instructions, Transcriber};
use crate::progress::{Progress, Unit};

/// Arguments of `allo eval`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Word error rate, invented words, latency on clips with known text.
    Asr(AsrArguments),
    /// How many names of a catalogue are heard right, without and with the list of them.
    Names(names::NamesArguments),
    /// Accuracy, out-of-scope recall and calibration of intents.
    Intent(intent::IntentArguments),
    /// How often number words come out as people write them.
    Itn(itn::ItnArguments),
}

/// Arguments of `allo eval asr`.
#[derive(Debug, Args)]
struct AsrArguments {
    /// Tab-separated list with the columns file, lang, transcript; files count from its folder.
    #[arg(required = true, value_name = "MANIFEST.tsv")]
    manifests: Vec<PathBuf>,
    /// Pass the audio through 8 kHz G.711 first.
    #[arg(long)]
    phone: bool,
    /// text or json.
    #[arg(long, default_value = "text")]
    format: ReportFormat,
    /// Model to recognise with; without it the configured one.
    #[arg(long)]
    model: Option<String>,
    /// Ignore the language column and detect among the allowed languages.
    #[arg(long)]
    detect_language: bool,
    /// File with names and terms that may be said: one a line, or a CSV with a column `name`.
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// Write file, lang, reference, text and latency of every clip to this file (it holds what was said).
    #[arg(long, value_name = "FILE.tsv")]
    hypotheses: Option<PathBuf>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A table.
    Text,
    /// One JSON object.
    Json,
}

/// Runs `allo eval`.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.what {
        What::Asr(arguments) => run_asr(context, arguments),
        What::Names(arguments) => names::run(context, arguments),
        What::Itn(arguments) => itn::run(arguments),
        What::Intent(arguments) => intent::run(context, arguments),
    }
}

fn run_asr(context: &Context, arguments: &AsrArguments) -> anyhow::Result<ExitCode> {
    let mut config = context.load_config()?;
    if let Some(model) = &arguments.model {
        config.asr.model.clone_from(model);
    }
    // One clip at a time: a latency is that of a machine with one call, which may use every core.
    config.asr.workers = 1;
    let clips =
        arguments.manifests.iter().map(|path| manifest::read(path)).collect::<Result<Vec<_>, _>>()?.concat();
    let transcriber = machinery::start(&config, &context.home)?;
    let any_language = LanguageChoice::Among(config.asr.languages.clone());
    let vocabulary = super::transcribe::vocabulary(arguments.vocabulary.as_deref())?;
    let heading = "file\tlang\treference\ttext\tlatency_s";
    let mut hypotheses = Hypotheses::create(arguments.hypotheses.as_deref(), heading)?;
    let progress = Progress::start("measuring", Unit::Items, Some(clips.len() as u64));
    let mut evaluation = Evaluation::default();
    let mut failed = 0;
    for clip in &clips {
        let language = match clip.language {
            Some(language) if !arguments.detect_language => LanguageChoice::Known(language),
            Some(_) | None => any_language.clone(),
        };
        match hear(&transcriber, clip, &instructions(language, &vocabulary, arguments.phone)) {
            Ok(heard) => {
                hypotheses.add(&hypothesis_line(clip, &heard));
                evaluation.add(clip, &heard);
            }
            Err(error) => {
                failed += 1;
                evaluation.add_failure(clip);
                progress.suspend(|| say_error(error.as_ref()));
            }
        }
        progress.advance(1);
    }
    progress.finish(&format!("{} clips, {failed} failed", clips.len()));
    let report = evaluation.report();
    write_stdout(&match arguments.format {
        ReportFormat::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
        ReportFormat::Text => table(&report),
    })?;
    hypotheses.write()?;
    Ok(exit_code(failed))
}

fn instructions(language: LanguageChoice, vocabulary: &Arc<[String]>, telephone: bool) -> Instructions {
    let vocabulary = Arc::clone(vocabulary);
    Instructions {
        open: OpenOptions::default(),
        language,
        task: Task::Transcribe,
        vocabulary,
        sentences: Arc::new([]),
        channels: None,
        telephone,
    }
}

fn hear(transcriber: &Transcriber, clip: &Clip, instructions: &Instructions) -> anyhow::Result<Heard> {
    let clock = SystemClock;
    let start = clock.monotonic();
    let mut heard = transcriber.transcribe(&clip.path, instructions, &Progress::hidden())?;
    let latency = clock.monotonic() - start;
    // Half a clip measured against its whole text would be a wrong figure.
    if let Some(damage) = heard.damage.take() {
        return Err(damage.into());
    }
    Ok(Heard {
        text: heard.transcript.text_of(clip.channel, " "),
        latency,
        audio: samples_duration(heard.transcript.end.0),
        rejected_segments: u64::from(heard.rejected_segments()),
    })
}

fn hypothesis_line(clip: &Clip, heard: &Heard) -> String {
    format!(
        "{}\t{}\t{}\t{}\t{:.3}\n",
        clip.path.display(),
        clip.language_group,
        clip.transcript.reveal(),
        heard.text.reveal(),
        heard.latency.as_secs_f64()
    )
}

fn table(report: &AsrReport) -> String {
    let mut text = format!(
        "{:<8}{:>7}{:>8}{:>8}{:>10}{:>12}{:>9}{:>9}{:>7}\n",
        "", "clips", "WER %", "CER %", "invented", "invented/h", "p50 s", "p95 s", "RTF"
    );
    for (name, figures) in &report.languages {
        text += &row(name, figures);
    }
    text + &row("all", &report.total)
}

fn row(name: &str, figures: &AsrFigures) -> String {
    let number = |value: Option<f64>, scale: f64, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{:.digits$}", value * scale))
    };
    format!(
        "{:<8}{:>7}{:>8}{:>8}{:>10}{:>12}{:>9}{:>9}{:>7}\n",
        name,
        figures.files,
        number(figures.wer, 100.0, 1),
        number(figures.cer, 100.0, 1),
        figures.invented_words,
        number(figures.invented_words_per_hour, 1.0, 1),
        number(figures.latency_p50_s, 1.0, 3),
        number(figures.latency_p95_s, 1.0, 3),
        number(figures.rtf, 1.0, 2),
    )
}
