//! `allo eval itn`: how often number words come out as people write them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::ReportFormat;
use super::hypotheses::Hypotheses;
use crate::call::Language;
use crate::cli::terminal::write_stdout;
use crate::eval::itn::{self, Outcome};
use crate::eval::wire::{ItnFigures, ItnReport};

/// Arguments of `allo eval itn`.
#[derive(Debug, Args)]
pub(super) struct ItnArguments {
    /// Files of pairs, a line each: spoken~written. The last part of a file's name is its category.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// fr, en or nl.
    #[arg(long)]
    language: Language,
    /// text or json.
    #[arg(long, default_value = "text")]
    format: ReportFormat,
    /// Write category, result, spoken, expected and actual text of every pair to this file.
    #[arg(long, value_name = "FILE.tsv")]
    hypotheses: Option<PathBuf>,
}

pub(super) fn run(arguments: &ItnArguments) -> anyhow::Result<ExitCode> {
    let pairs = arguments.files.iter().map(|file| itn::read(file)).collect::<Result<Vec<_>, _>>()?.concat();
    let heading = "category\tright\tspoken\twritten\ttext";
    let mut hypotheses = Hypotheses::create(arguments.hypotheses.as_deref(), heading)?;
    let outcomes = itn::run(pairs, arguments.language);
    outcomes.iter().for_each(|outcome| hypotheses.add(&line(outcome)));
    let report = itn::report(&outcomes);
    write_stdout(&match arguments.format {
        ReportFormat::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
        ReportFormat::Text => table(&report),
    })?;
    hypotheses.write()?;
    Ok(ExitCode::SUCCESS)
}

fn line(outcome: &Outcome) -> String {
    format!(
        "{}\t{}\t{}\t{}\t{}\n",
        outcome.pair.category,
        outcome.is_right,
        outcome.pair.spoken.reveal(),
        outcome.pair.written.reveal(),
        outcome.text.reveal()
    )
}

fn table(report: &ItnReport) -> String {
    let mut text = format!("{:<14}{:>7}{:>7}{:>9}\n", "", "pairs", "right", "right %");
    let categories = report.categories.iter().map(|(name, figures)| (name.as_str(), figures));
    for (name, figures) in categories.chain([("all", &report.total)]) {
        text += &row(name, figures);
    }
    text
}

fn row(name: &str, figures: &ItnFigures) -> String {
    let share = figures.accuracy.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", share * 100.0));
    format!("{:<14}{:>7}{:>7}{:>9}\n", name, figures.pairs, figures.right, share)
}
