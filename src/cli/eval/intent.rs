//! `allo eval intent`: accuracy, out-of-scope recall and calibration of intents, read and spoken.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::ReportFormat;
use super::hypotheses::Hypotheses;
use crate::cli::spoken::{Line, LineArguments};
use crate::cli::terminal::write_stdout;
use crate::cli::transcribe::vocabulary;
use crate::cli::{Context, exit_code};
use crate::eval::intent::{self, Asked};
use crate::eval::manifest::Clip;
use crate::eval::spoken::{Spoken, sample};
use crate::fixtures::spoken::Sentence;
use crate::intent::{Example, Heard, OutOfScope};
use crate::pipeline::learning;

/// Arguments of `allo eval intent`.
#[derive(Debug, Args)]
pub(super) struct IntentArguments {
    /// Sentences to learn from: CSV with the columns text, intent, lang.
    #[arg(long, value_name = "T.csv", required = true, num_args = 1..)]
    train: Vec<PathBuf>,
    /// Sentences to measure on, with the same columns.
    #[arg(long, value_name = "D.csv")]
    test: PathBuf,
    /// Sentences that no intent is for: CSV with the columns text, lang.
    #[arg(long, value_name = "O.csv")]
    oos: Option<PathBuf>,
    /// By words alone, without the sentence encoder.
    #[arg(long)]
    lexical: bool,
    /// Also speak the sentences over a telephone line and measure on what the recogniser heard.
    #[arg(long)]
    spoken: bool,
    /// Speak this many sentences of the test set, and of those out of scope in proportion, drawn at random, the same every
    /// time.
    #[arg(long, value_name = "N", requires = "spoken", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// File with names that may be said, for the recogniser: one a line, or a CSV with a column `name`.
    #[arg(long, value_name = "FILE", requires = "spoken")]
    vocabulary: Option<PathBuf>,
    /// Write lang, intent, text and what was heard of every spoken sentence to this file.
    #[arg(long, value_name = "FILE.tsv", requires = "spoken")]
    hypotheses: Option<PathBuf>,
    #[command(flatten)]
    line: LineArguments,
    /// text or json.
    #[arg(long, default_value = "text")]
    format: ReportFormat,
}

pub(super) fn run(context: &Context, arguments: &IntentArguments) -> anyhow::Result<ExitCode> {
    let train =
        arguments.train.iter().map(|path| intent::read_examples(path)).collect::<Result<Vec<_>, _>>()?;
    let test = intent::read_examples(&arguments.test)?;
    let out_of_scope = match &arguments.oos {
        Some(file) => intent::read_out_of_scope(file)?,
        None => Vec::new(),
    };
    let meaning = if arguments.lexical { None } else { learning::sentence_encoder(&context.home)? };
    let classifier = intent::learn(&train.concat(), meaning)?;
    let mut hypotheses = Hypotheses::create(arguments.hypotheses.as_deref(), "lang\tintent\ttext\theard")?;
    let (json, text, failed) = if arguments.spoken {
        let (spoken, failed) = speak(context, arguments, (&test, &out_of_scope), &mut hypotheses)?;
        let report = spoken.report(&classifier);
        (report.json(), report.text(), failed)
    } else {
        let asked: Vec<Asked> = test.iter().map(Asked::from).collect();
        let outside: Vec<Heard> = out_of_scope.iter().map(|one| Heard::from(one.text.as_str())).collect();
        let report = intent::measure(&classifier, &asked, &outside);
        (report.json(), report.text(), 0)
    };
    write_stdout(&match arguments.format {
        ReportFormat::Json => format!("{}\n", serde_json::to_string_pretty(&json)?),
        ReportFormat::Text => text,
    })?;
    hypotheses.write()?;
    Ok(exit_code(failed))
}

/// The sentences spoken and heard, without those that failed, and how many did.
fn speak(
    context: &Context,
    arguments: &IntentArguments,
    (test, out_of_scope): (&[Example], &[OutOfScope]),
    hypotheses: &mut Hypotheses,
) -> anyhow::Result<(Spoken, usize)> {
    let size = arguments.sample.and_then(|size| usize::try_from(size).ok());
    let inside: Vec<&Example> = sample(test.len(), size).into_iter().map(|index| &test[index]).collect();
    let outside_size = size.map(|size| (size * out_of_scope.len()).div_ceil(test.len()));
    let outside: Vec<&OutOfScope> =
        sample(out_of_scope.len(), outside_size).into_iter().map(|index| &out_of_scope[index]).collect();
    let said = inside.iter().map(|one| (&one.text, one.language));
    let said = said.chain(outside.iter().map(|one| (&one.text, one.language)));
    let sentences: Vec<Sentence> =
        said.map(|(text, language)| Sentence { text: one_line(text), language }).collect();
    let vocabulary = vocabulary(arguments.vocabulary.as_deref())?;
    let line = Line::open(context, &arguments.line, &vocabulary)?;
    let clips = line.speak(&sentences, 1)?;
    let (mut spoken, mut failed) = (Spoken::default(), 0);
    line.hear(&clips, |index, heard| {
        let Some(heard) = heard else {
            failed += 1;
            return true;
        };
        let intent = inside.get(index).map_or("", |example| &example.intent);
        hypotheses.add(&hypothesis_line(&clips[index], intent, &heard));
        match (inside.get(index), outside.get(index.wrapping_sub(inside.len()))) {
            (Some(example), _) => {
                spoken.written.push(Asked::from(*example));
                spoken.heard.push(heard);
            }
            (None, Some(one)) => {
                spoken.outside_written.push(Heard::from(one.text.as_str()));
                spoken.outside_heard.push(heard);
            }
            (None, None) => {}
        }
        true
    });
    Ok((spoken, failed))
}

/// A sentence is one line of the list of recordings.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn hypothesis_line(clip: &Clip, intent: &str, heard: &Heard) -> String {
    let (language, said, heard) = (&clip.language_group, clip.transcript.reveal(), heard.text.reveal());
    format!("{language}\t{intent}\t{said}\t{heard}\n")
}
