//! `allo eval intent`: accuracy, out-of-scope recall and calibration of intents, read and spoken; of a scenario as a call has it
//! also questions and wrong transfers.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::ReportFormat;
use super::decisions::Decisions;
use super::hypotheses::Hypotheses;
use crate::cli::intents::leads;
use crate::cli::spoken::{Line, LineArguments};
use crate::cli::terminal::write_stdout;
use crate::cli::transcribe::vocabulary;
use crate::cli::{Context, exit_code};
use crate::eval::intent::{self, Asked, Figures};
use crate::eval::manifest::Clip;
use crate::eval::routing::{self, Routing};
use crate::eval::spoken::{Spoken, sample};
use crate::fixtures::spoken::Sentence;
use crate::intent::{Example, Heard, Meaning, OutOfScope};
use crate::pipeline::learning;
use crate::progress::{Progress, Unit};
use crate::scenario::Scenario;

/// Arguments of `allo eval intent`.
#[derive(Debug, Args)]
pub(super) struct IntentArguments {
    /// Sentences to learn from: CSV with the columns text, intent, lang.
    #[arg(long, value_name = "T.csv", required_unless_present = "scenario", num_args = 1..)]
    train: Vec<PathBuf>,
    /// Measure this scenario as a call has it: its sentences, those out of scope, thresholds and costs of routes.
    #[arg(long, value_name = "DIR", conflicts_with = "train")]
    scenario: Option<PathBuf>,
    /// Sentences to measure on, with the same columns; with --scenario those of the intent out_of_scope are for none.
    #[arg(long, value_name = "D.csv", required = true, num_args = 1..)]
    test: Vec<PathBuf>,
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
    /// Write intent, text, what was heard and what became of every sentence to this file; of spoken ones as they were heard.
    #[arg(long, value_name = "FILE.tsv", requires = "scenario")]
    decisions: Option<PathBuf>,
    #[command(flatten)]
    line: LineArguments,
    /// text or json.
    #[arg(long, default_value = "text")]
    format: ReportFormat,
}

/// What is measured on.
struct TestSet {
    inside: Vec<Example>,
    outside: Vec<OutOfScope>,
    /// Names that the recogniser should expect.
    vocabulary: Vec<String>,
    /// Sentences to whose wording it should lean.
    sentences: Arc<[String]>,
}

pub(super) fn run(context: &Context, arguments: &IntentArguments) -> anyhow::Result<ExitCode> {
    match &arguments.scenario {
        Some(folder) => run_scenario(context, arguments, folder),
        None => run_sentences(context, arguments),
    }
}

/// A classifier of the sentences that are named, and nothing else.
fn run_sentences(context: &Context, arguments: &IntentArguments) -> anyhow::Result<ExitCode> {
    let read = |paths: &[PathBuf]| -> Result<Vec<Example>, intent::Error> {
        Ok(paths.iter().map(|path| intent::read_examples(path)).collect::<Result<Vec<_>, _>>()?.concat())
    };
    let train = read(&arguments.train)?;
    let inside = read(&arguments.test)?;
    let sentences = train.iter().map(|example| example.text.clone()).collect();
    let test = TestSet { inside, sentences, ..test_set(arguments)? };
    let classifier = intent::learn(&train, meaning(context, arguments)?)?;
    let measure = |inside: &[Asked], outside: &[Heard]| intent::measure(&classifier, inside, outside);
    measured(context, arguments, (&test, measure))
}

/// A scenario as a call has it.
fn run_scenario(context: &Context, arguments: &IntentArguments, folder: &Path) -> anyhow::Result<ExitCode> {
    let scenario = Scenario::load(folder)?;
    let leads = leads(&scenario);
    let mut test = test_set(arguments)?;
    for path in &arguments.test {
        let (inside, outside) = routing::read_test(path, &leads)?;
        test.inside.extend(inside);
        test.outside.extend(outside);
    }
    if arguments.vocabulary.is_none() {
        test.vocabulary.clone_from(&scenario.vocabulary);
    }
    test.sentences = scenario.sentences();
    let progress = Progress::start("learning the intents of the scenario", Unit::Time, None);
    let classifier = learning::classifier(&scenario, &context.home, meaning(context, arguments)?, &progress)?;
    progress.finish("done");
    let routing = Routing { classifier, leads };
    let decisions = RefCell::new(Decisions::create(arguments.decisions.as_deref())?);
    let measure = |inside: &[Asked], outside: &[Heard]| {
        decisions.borrow_mut().take(&routing, inside, outside);
        routing.measure(inside, outside)
    };
    let code = measured(context, arguments, (&test, measure))?;
    decisions.into_inner().write()?;
    Ok(code)
}

/// What is measured on, without the sentences that have an intent.
fn test_set(arguments: &IntentArguments) -> anyhow::Result<TestSet> {
    let outside = match &arguments.oos {
        Some(file) => intent::read_out_of_scope(file)?,
        None => Vec::new(),
    };
    let vocabulary = vocabulary(arguments.vocabulary.as_deref())?.to_vec();
    Ok(TestSet { inside: Vec::new(), outside, vocabulary, sentences: Arc::default() })
}

fn meaning(context: &Context, arguments: &IntentArguments) -> anyhow::Result<Option<Arc<dyn Meaning>>> {
    Ok(if arguments.lexical { None } else { learning::sentence_encoder(&context.home)? })
}

/// Measures, as written or also as heard, and prints the figures.
fn measured<R: Figures>(
    context: &Context,
    arguments: &IntentArguments,
    (test, measure): (&TestSet, impl Fn(&[Asked], &[Heard]) -> R),
) -> anyhow::Result<ExitCode> {
    let mut hypotheses = Hypotheses::create(arguments.hypotheses.as_deref(), "lang\tintent\ttext\theard")?;
    let (json, text, failed) = if arguments.spoken {
        let (spoken, failed) = speak(context, arguments, test, &mut hypotheses)?;
        let report = spoken.report(measure);
        (report.json(), report.text(), failed)
    } else {
        let asked: Vec<Asked> = test.inside.iter().map(Asked::from).collect();
        let outside: Vec<Heard> = test.outside.iter().map(|one| Heard::from(one.text.as_str())).collect();
        let report = measure(&asked, &outside);
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
    set: &TestSet,
    hypotheses: &mut Hypotheses,
) -> anyhow::Result<(Spoken, usize)> {
    let (test, out_of_scope) = (&set.inside, &set.outside);
    let size = arguments.sample.and_then(|size| usize::try_from(size).ok());
    let inside: Vec<&Example> = sample(test.len(), size).into_iter().map(|index| &test[index]).collect();
    let outside_size = size.map(|size| (size * out_of_scope.len()).div_ceil(test.len().max(1)));
    let outside: Vec<&OutOfScope> =
        sample(out_of_scope.len(), outside_size).into_iter().map(|index| &out_of_scope[index]).collect();
    let said = inside.iter().map(|one| (&one.text, one.language));
    let said = said.chain(outside.iter().map(|one| (&one.text, one.language)));
    let sentences: Vec<Sentence> =
        said.map(|(text, language)| Sentence { text: one_line(text), language }).collect();
    let line = Line::open(context, &arguments.line, (&set.vocabulary, Arc::clone(&set.sentences)))?;
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
