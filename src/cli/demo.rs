//! `allo demo`: the fixture calls through everything, as a person would follow it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::terminal::{Palette, Style, clock_time, say_error, write_stdout};
use super::{Context, exit_code};
use crate::asr::LanguageChoice;
use crate::call::{CallRecord, Channel, Evidence, IntentOutcome};
use crate::clock::{Clock, SystemClock};
use crate::home::Home;
use crate::media::OpenOptions;
use crate::pipeline::inputs::{self, InputFile};
use crate::pipeline::transcribe::{Instructions, Transcriber};
use crate::pipeline::understanding::Understanding;
use crate::pipeline::{analyse, machinery};
use crate::progress::{Progress, Unit};
use crate::store::{Query, Store};

/// What the demo looks for in all calls at the end: a word of several calls, once with its article elided.
const SEARCH: &str = "facture";

/// How many hits the demo shows.
const HITS_SHOWN: u32 = 8;

/// Arguments of `allo demo`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Folder of the calls.
    #[arg(long, default_value = "fixtures/audio", value_name = "DIR")]
    calls: PathBuf,
    /// Scenario folder for intents and routes.
    #[arg(long, default_value = "scenarios/telecom-fr", value_name = "DIR")]
    scenario: PathBuf,
    /// What to search for at the end.
    #[arg(long, default_value = SEARCH)]
    search: String,
}

/// Runs `allo demo`.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let config = context.load_config()?;
    for folder in [&arguments.calls, &arguments.scenario] {
        if !folder.is_dir() {
            bail!(
                "the demo needs the folder `{}`\nhint: run it in the source folder, or name one with --calls and --scenario",
                folder.display()
            );
        }
    }
    let found = inputs::list(std::slice::from_ref(&arguments.calls));
    found.failed.iter().for_each(|error| say_error(error));
    let calls = found.files;
    let transcriber = machinery::start(&config, &context.home)?;
    let training = Progress::start("learning the intents of the scenario", Unit::Items, None);
    let understanding = Understanding::open(&arguments.scenario)?;
    training.finish(&format!("{} intents", understanding.intents().len()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // A store of its own, so that the demo calls never mix with real ones.
    let file = store_file(&context.home);
    let store = runtime.block_on(Store::open(&file))?;
    let desk = Desk {
        instructions: Instructions {
            open: OpenOptions::default(),
            language: LanguageChoice::Among(config.asr.languages.clone()),
            vocabulary: understanding.vocabulary(),
            channels: None,
            telephone: false,
        },
        transcriber,
        understanding,
        model: config.asr.model.clone(),
        palette: Palette::for_stdout(),
    };
    let mut kept = 0;
    let mut failed = found.failed.len();
    for (index, call) in calls.iter().enumerate() {
        let heading = format!("call {} of {}: {}", index + 1, calls.len(), call.relative.display());
        match desk.work(call, &heading) {
            Ok(record) => {
                runtime.block_on(store.put_call(&record))?;
                kept += 1;
                if !write_stdout(&desk.show(&heading, &record))? {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Err(error) => {
                failed += 1;
                say_error(error.as_ref());
            }
        }
    }
    let query = Query { limit: HITS_SHOWN, ..Query::new(&arguments.search) };
    let hits = runtime.block_on(store.search(&query))?;
    let heading = format!("search in {kept} calls: {}", arguments.search);
    write_stdout(&format!(
        "\n{}\n{}\nstored in {}\n",
        desk.palette.paint(Style::Bold, &heading),
        super::search::text(&hits, desk.palette),
        file.display(),
    ))?;
    Ok(exit_code(failed))
}

/// Where the demo keeps its calls.
pub(super) fn store_file(home: &Home) -> PathBuf {
    home.root().join("demo").join("allo.db")
}

/// What the calls of one demo share.
struct Desk {
    instructions: Instructions,
    transcriber: Transcriber,
    understanding: Understanding,
    model: String,
    palette: Palette,
}

impl Desk {
    fn work(&self, call: &InputFile, heading: &str) -> anyhow::Result<CallRecord> {
        let progress = Progress::start(heading, Unit::AudioMilliseconds, None);
        let heard = self.transcriber.transcribe(&call.path, &self.instructions, &progress);
        progress.clear();
        let mut heard = heard?;
        if let Some(damage) = heard.damage.take() {
            return Err(damage.into());
        }
        let circumstances = analyse::Circumstances {
            source: call.path.display().to_string(),
            content_hash: Some(analyse::content_hash(&call.path)?),
            model: self.model.clone(),
            now: SystemClock.wall(),
            rejected_segments: heard.rejected_segments(),
        };
        Ok(analyse::record(heard.transcript, Some(&self.understanding), circumstances))
    }

    fn show(&self, heading: &str, record: &CallRecord) -> String {
        let language = record.transcript.language.map_or("-", crate::call::Language::code);
        let length = clock_time(record.transcript.end);
        let mut text = format!("\n{}  {length}  {language}\n", self.palette.paint(Style::Bold, heading));
        for utterance in &record.transcript.utterances {
            text += &format!(
                "  {:>6}  {}  {}\n",
                clock_time(utterance.span.start),
                self.channel(utterance.channel),
                utterance.text.reveal(),
            );
        }
        text += &self.decision(record);
        text += &self.lines("reason", record.note.reason.as_slice());
        text += &self.lines("key", &record.note.key_sentences);
        text += &self.lines("recap", &record.note.recap);
        text + &self.lines("open", &record.note.open_points)
    }

    fn decision(&self, record: &CallRecord) -> String {
        let Some(decision) = &record.intent else { return String::new() };
        let best = decision
            .candidates
            .first()
            .map_or(String::new(), |best| format!("{} {:.0} %", best.intent, best.probability * 100.0));
        let (style, outcome) = match &decision.outcome {
            IntentOutcome::Routed { route, .. } => (Style::Green, format!("route to {route}")),
            IntentOutcome::Unsure => (Style::Yellow, "ask again".to_owned()),
            IntentOutcome::OutOfScope => (Style::Yellow, "out of scope: to a person".to_owned()),
        };
        let decided = format!("  {:<8} {best} → {}\n", "intent", self.palette.paint(style, &outcome));
        decided + &self.steps(&decision.outcome)
    }

    /// How many steps the agent is given, and the first of them.
    fn steps(&self, outcome: &IntentOutcome) -> String {
        let IntentOutcome::Routed { intent, .. } = outcome else { return String::new() };
        let steps = self.understanding.steps_of(intent).map(numbered).unwrap_or_default();
        match steps.first() {
            Some(first) => format!("  {:<8} {} steps: {first}\n", "steps", steps.len()),
            None => String::new(),
        }
    }

    fn lines(&self, label: &str, evidence: &[Evidence]) -> String {
        evidence
            .iter()
            .map(|line| {
                let time = self.palette.paint(Style::Dim, &clock_time(line.span.start));
                format!("  {label:<8} {time} {}: {}\n", line.channel, line.quote.reveal())
            })
            .collect()
    }

    fn channel(&self, channel: Channel) -> String {
        let name = format!("{channel:<6}");
        match channel {
            Channel::Caller => self.palette.paint(Style::Green, &name),
            Channel::Agent => self.palette.paint(Style::Blue, &name),
            Channel::Bot | Channel::Mixed | Channel::Numbered(_) => name,
        }
    }
}

/// The numbered lines of a Markdown text, without their numbers.
fn numbered(markdown: &str) -> Vec<&str> {
    markdown
        .lines()
        .filter_map(|line| line.split_once(". "))
        .filter(|(number, _)| !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit()))
        .map(|(_, step)| step)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_the_numbered_lines() {
        let markdown =
            "# Facture\n\n1. Relever le montant. Puis lire.\n2. Dire : « Merci. »\n\nVoir aussi p. 3\n";
        assert_eq!(numbered(markdown), ["Relever le montant. Puis lire.", "Dire : « Merci. »"]);
    }
}
