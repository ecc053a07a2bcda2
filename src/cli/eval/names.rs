//! `allo eval names`: how many of a catalogue's names are heard right, without and with the list.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::hypotheses::Hypotheses;
use super::{ReportFormat, hear, instructions};
use crate::asr::LanguageChoice;
use crate::cli::terminal::{say_error, write_stdout};
use crate::cli::transcribe::vocabulary;
use crate::cli::{Context, exit_code};
use crate::eval::manifest::{self, Clip};
use crate::eval::names::{Evaluation, Heard, Names};
use crate::eval::wire::{NameFigures, NameReport};
use crate::fixtures::spoken;
use crate::pipeline::machinery;
use crate::pipeline::transcribe::Transcriber;
use crate::progress::{Progress, Unit};

/// Arguments of `allo eval names`.
#[derive(Debug, Args)]
pub(super) struct NamesArguments {
    /// The names, as for `allo transcribe`: one a line, or a CSV with a column `name`.
    #[arg(long, value_name = "FILE")]
    vocabulary: PathBuf,
    /// Recordings with known text, as for `allo eval asr`.
    #[arg(value_name = "MANIFEST.tsv", required_unless_present = "sentences")]
    manifests: Vec<PathBuf>,
    /// Sentences that Allo's own voices speak over a telephone line: CSV with the columns text and lang.
    #[arg(long, value_name = "SENTENCES.csv")]
    sentences: Option<PathBuf>,
    /// By how many voices each sentence is spoken.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=6))]
    takes: u8,
    /// Folder for the spoken sentences; those that are there are not made again.
    #[arg(long, value_name = "DIR")]
    audio: Option<PathBuf>,
    /// text or json.
    #[arg(long, default_value = "text")]
    format: ReportFormat,
    /// Model to recognise with; without it the configured one.
    #[arg(long)]
    model: Option<String>,
    /// Write file, lang, reference and both texts of every clip to this file (it holds what was said).
    #[arg(long, value_name = "FILE.tsv")]
    hypotheses: Option<PathBuf>,
}

pub(super) fn run(context: &Context, arguments: &NamesArguments) -> anyhow::Result<ExitCode> {
    let mut config = context.load_config()?;
    if let Some(model) = &arguments.model {
        config.asr.model.clone_from(model);
    }
    // As in `allo eval asr`: a latency is that of a machine with one call.
    config.asr.workers = 1;
    let list = vocabulary(Some(&arguments.vocabulary))?;
    let clips = clips(context, arguments)?;
    let transcriber = machinery::start(&config, &context.home)?;
    let languages = LanguageChoice::Among(config.asr.languages.clone());
    let heading = "file\tlang\treference\twithout\twith";
    let mut hypotheses = Hypotheses::create(arguments.hypotheses.as_deref(), heading)?;
    let progress = Progress::start("measuring", Unit::Items, Some(2 * clips.len() as u64));
    // One list after the other: a list that changes with every clip would be read in with every clip.
    let [without, with] = [Arc::from([]), Arc::clone(&list)]
        .map(|list| hear_all(&transcriber, &clips, (&list, &languages), &progress));
    let names = Names::new(&list);
    let mut evaluation = Evaluation::new(&names);
    let mut failed = 0;
    for (clip, heard) in clips.iter().zip(without.into_iter().zip(with)) {
        let (Some(without), Some(with)) = heard else {
            failed += 1;
            continue;
        };
        hypotheses.add(&hypothesis_line(clip, &without, &with));
        evaluation.add(clip, &[without, with]);
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

/// The recordings of the manifests, then those of the sentences.
fn clips(context: &Context, arguments: &NamesArguments) -> anyhow::Result<Vec<Clip>> {
    let mut manifests = arguments.manifests.clone();
    if let Some(list) = &arguments.sentences {
        let sentences = spoken::read(list)?;
        let folder = arguments.audio.clone().unwrap_or_else(|| context.home.root().join("spoken"));
        let progress = Progress::start("speaking", Unit::Items, None);
        let takes = usize::from(arguments.takes);
        manifests.push(spoken::speak(&sentences, takes, (&folder, context.home.models()), &progress)?);
        progress.finish(&format!("{} sentences in {}", sentences.len(), folder.display()));
    }
    let clips = manifests.iter().map(|path| manifest::read(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(clips.concat())
}

/// What is heard in each clip; `None` for one that failed, which is named.
fn hear_all(
    transcriber: &Transcriber,
    clips: &[Clip],
    (list, any_language): (&Arc<[String]>, &LanguageChoice),
    progress: &Progress,
) -> Vec<Option<Heard>> {
    let hear_one = |clip: &Clip| {
        let language = clip.language.map_or_else(|| any_language.clone(), LanguageChoice::Known);
        let heard = hear(transcriber, clip, &instructions(language, list, false));
        progress.advance(1);
        match heard {
            Ok(heard) => Some(Heard { text: heard.text, latency: heard.latency }),
            Err(error) => {
                progress.suspend(|| say_error(error.as_ref()));
                None
            }
        }
    };
    clips.iter().map(hear_one).collect()
}

fn hypothesis_line(clip: &Clip, without: &Heard, with: &Heard) -> String {
    format!(
        "{}\t{}\t{}\t{}\t{}\n",
        clip.path.display(),
        clip.language_group,
        clip.transcript.reveal(),
        without.text.reveal(),
        with.text.reveal()
    )
}

fn table(report: &NameReport) -> String {
    let mut text = format!(
        "{:<14}{:>7}{:>7}{:>7}{:>9}{:>10}{:>8}{:>13}{:>8}{:>8}\n",
        "", "clips", "said", "right", "right %", "invented", "WER %", "no name WER %", "p50 s", "p95 s"
    );
    let languages = report.languages.iter().map(|(name, heard)| (name.as_str(), heard));
    for (name, heard) in languages.chain([("all", &report.total)]) {
        text += &row(&format!("{name} without"), &heard.without);
        text += &row(&format!("{name} with"), &heard.with);
    }
    text
}

fn row(name: &str, figures: &NameFigures) -> String {
    let number = |value: Option<f64>, scale: f64, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{:.digits$}", value * scale))
    };
    format!(
        "{:<14}{:>7}{:>7}{:>7}{:>9}{:>10}{:>8}{:>13}{:>8}{:>8}\n",
        name,
        figures.clips,
        figures.names_said,
        figures.names_right,
        number(figures.names_right_share, 100.0, 1),
        figures.names_invented,
        number(figures.wer, 100.0, 1),
        number(figures.wer_without_names, 100.0, 1),
        number(figures.latency_p50_s, 1.0, 3),
        number(figures.latency_p95_s, 1.0, 3),
    )
}
