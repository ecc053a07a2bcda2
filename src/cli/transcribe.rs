//! `allo transcribe`: recordings become text.

mod work;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use self::work::{Archive, Work};
use super::results::{Results, Written};
use super::terminal::{Palette, Style, explain, say, say_error, write_stdout};
use super::{Context, exit_code, learn};
use crate::asr::{LanguageChoice, Task};
use crate::call::{CallRecord, Channel, Language, Transcript};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::export::{self, Format};
use crate::media::{Encoding, OpenOptions, RawFormat};
use crate::pipeline::inputs::{self, InputFile, Inputs};
use crate::pipeline::ordered::{self, Crew, Order};
use crate::pipeline::transcribe::{Instructions, Rejected, Transcriber, Transcription};
use crate::pipeline::understanding::Understanding;
use crate::pipeline::{analyse, machinery};
use crate::progress::{Progress, Unit};
use crate::scenario::Scenario;

/// Largest vocabulary file that is read; a prompt holds far less.
const VOCABULARY_BYTES_MAX: u64 = 1024 * 1024;

/// Arguments of `allo transcribe`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Recordings, or folders of recordings.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Language of the calls: fr, en, nl, or auto (detected among the languages that the configuration allows).
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
    /// json, text, srt, vtt, rttm, ctm or vcon.
    #[arg(long, default_value = "text")]
    format: Format,
    /// Folder for one result a recording. Recordings whose result with the same settings is there are not done again.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Do every recording again, whatever lies in --output.
    #[arg(long, requires = "output")]
    force: bool,
    /// Keep each call with its intent and note in the store, for `allo search`.
    #[arg(long)]
    store: bool,
    /// Scenario folder for the intents; without it the configured one, if any.
    #[arg(long, value_name = "DIR", requires = "store")]
    scenario: Option<PathBuf>,
    /// File with names and terms that may be said: one a line, or a CSV with a column `name`.
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// Who is on which channel, first channel first, e.g. agent,caller.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    channels: Vec<Channel>,
    /// Model to recognise with, as `allo models list` names it.
    #[arg(long)]
    model: Option<String>,
    /// Samples without a header: s16le, s16be, s24le, s32le, u8, f32le, f64le, alaw or mulaw.
    #[arg(long, value_name = "ENCODING", requires = "rate")]
    raw: Option<Encoding>,
    /// Sample rate of raw samples.
    #[arg(long, value_name = "HZ", requires = "raw")]
    rate: Option<u32>,
    /// Number of interleaved channels of raw samples.
    #[arg(long, value_name = "N", requires = "raw", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    raw_channels: u8,
    /// Add what was recognised and not believed, with the reason (JSON only).
    #[arg(long)]
    debug: bool,
}

/// Runs `allo transcribe`.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.debug && arguments.format != Format::Json {
        bail!("--debug has no place in {}\nhint: add --format json", arguments.format);
    }
    let mut config = context.load_config()?;
    if let Some(model) = &arguments.model {
        config.asr.model.clone_from(model);
    }
    let scenario = arguments.scenario.as_deref().or(config.intent.scenario.as_deref());
    let scenario =
        scenario.map(|folder| Scenario::load(folder).map(|scenario| (folder, scenario))).transpose()?;
    let expected = scenario.as_ref().map_or(&[][..], |(_, scenario)| scenario.vocabulary.as_slice());
    let instructions = Instructions {
        open: open_options(arguments)?,
        language: language_choice(arguments.language.as_deref(), &config)?,
        task: Task::Transcribe,
        vocabulary: merged(vocabulary(arguments.vocabulary.as_deref())?, expected),
        sentences: scenario.as_ref().map_or_else(Arc::default, |(_, scenario)| scenario.sentences()),
        channels: (!arguments.channels.is_empty()).then(|| arguments.channels.clone()),
        telephone: false,
    };
    let found = found_inputs(arguments)?;
    let store = arguments.store.then(|| Archive::open(context)).transpose()?;
    let results = match &arguments.output {
        Some(folder) => Some(Results::open(folder, settings(arguments, &config, &instructions))?),
        None => None,
    };
    let mut failed = found.failed.len();
    let files = match &results {
        Some(results) => {
            let work = Work::sort_out(arguments, found.files, results, store.as_ref())?;
            failed += work.damaged.len();
            work.damaged.iter().for_each(|damage| say(&format!("{} {damage}", red("error:"))));
            work.to_do
        }
        None => found.files,
    };
    if files.is_empty() {
        return Ok(exit_code(failed));
    }
    let understanding = match &scenario {
        Some((folder, _)) if arguments.store => Some(learn(folder, context)?),
        Some(_) | None => None,
    };
    let desk = Desk {
        arguments,
        instructions,
        transcriber: machinery::start(&config, &context.home)?,
        model: config.asr.model.clone(),
        workers: machinery::workers(&config),
        understanding,
        store,
        results,
    };
    desk.run(&files, failed)
}

/// Everything that one run shares.
struct Desk<'a> {
    arguments: &'a Arguments,
    instructions: Instructions,
    transcriber: Transcriber,
    model: String,
    workers: usize,
    understanding: Option<Understanding>,
    store: Option<Archive>,
    results: Option<Results>,
}

impl Desk<'_> {
    /// Works on `files`; `failed_before` inputs were named already and count for the exit code only.
    fn run(&self, files: &[InputFile], failed_before: usize) -> anyhow::Result<ExitCode> {
        let label = format!("transcribing {}", count(files.len(), "recording"));
        let overall = Progress::start(label.as_str(), Unit::AudioMilliseconds, Some(0));
        let heading = if files.len() > 1 { Heading::Path } else { Heading::None };
        // A result in a file is safe from whatever ends this run: none waits in memory for a longer recording before it.
        let order = if self.results.is_some() { Order::OfCompletion } else { Order::OfItems };
        let (mut done, mut failed, mut delivered) = (0, 0, 0);
        let mut outcome = Ok(());
        ordered::run(
            files,
            Crew { threads: self.workers, order },
            |_, file| self.transcribe(file, &overall),
            |index, result| {
                let file = &files[index];
                let problem = result
                    .and_then(|transcription| self.deliver(file, transcription, heading))
                    .map_err(|problem| overall.suspend(|| problem.name_input()));
                let goes_on = match problem {
                    Ok(Delivered::Whole) => {
                        done += 1;
                        true
                    }
                    Ok(Delivered::Damaged(damage)) => {
                        failed += 1;
                        overall.suspend(|| say(&format!("{} {damage}", red("error:"))));
                        true
                    }
                    Ok(Delivered::NobodyReads) => return false,
                    Err(None) => {
                        failed += 1;
                        true
                    }
                    Err(Some(error)) => {
                        outcome = Err(error);
                        return false;
                    }
                };
                delivered += 1;
                overall.relabel(format!("transcribing, {delivered} of {} recordings done", files.len()));
                goes_on
            },
        );
        overall.relabel(label);
        let left = match files.len() - delivered {
            0 => String::new(),
            left => format!(", {left} not delivered"),
        };
        overall.finish(&format!("{done} done, {failed} failed{left}"));
        outcome.map(|()| exit_code(failed_before + failed))
    }

    fn transcribe(&self, file: &InputFile, overall: &Progress) -> Result<Transcription, Problem> {
        self.transcriber
            .transcribe(&file.path, &self.instructions, &overall.part())
            .map_err(|error| Problem::Input(anyhow::Error::new(error)))
    }

    /// The store first: a call whose result is there counts as done and would never be kept.
    fn deliver(
        &self,
        file: &InputFile,
        transcription: Transcription,
        heading: Heading,
    ) -> Result<Delivered, Problem> {
        let rejected_segments = transcription.rejected_segments();
        let Transcription { transcript, rejected, damage, .. } = transcription;
        let damage = damage.map(|error| explain(&error).to_string());
        let text = self.render(file, &transcript, &rejected).map_err(Problem::Input)?;
        if let Some(store) = &self.store {
            let record = self.record(file, transcript, rejected_segments)?;
            store.put(&record).map_err(Problem::Output)?;
        }
        let is_read = match &self.results {
            Some(results) => {
                let result = result_path(file, self.arguments.format);
                let written = Written { text: &text, damage: damage.clone() };
                results.write(&file.path, &result, written).map_err(Problem::Output)?;
                true
            }
            None => {
                let text = heading.above(text, file, self.arguments.format);
                write_stdout(&text).map_err(|error| Problem::Output(error.into()))?
            }
        };
        Ok(match damage {
            _ if !is_read => Delivered::NobodyReads,
            Some(damage) => Delivered::Damaged(damage),
            None => Delivered::Whole,
        })
    }

    fn render(
        &self,
        file: &InputFile,
        transcript: &Transcript,
        rejected: &[Rejected],
    ) -> anyhow::Result<String> {
        let name = file.path.display().to_string();
        let changed = std::fs::metadata(&file.path).and_then(|about| about.modified());
        let changed = changed.with_context(|| format!("cannot read the time of `{name}`"))?;
        let began =
            Timestamp::try_from(changed).with_context(|| format!("the time of `{name}` is no date"))?;
        let source = export::Source {
            id: export::recording_id(began, name.as_bytes()),
            file: name,
            model: self.model.clone(),
            started_at: None,
            created_at: SystemClock.wall(),
        };
        let rejections: Vec<export::Rejection> = rejected.iter().map(shown).collect();
        let rejections = self.arguments.debug.then_some(rejections.as_slice());
        let document = export::Document { source: &source, transcript, rejections };
        Ok(export::render(self.arguments.format, document))
    }

    fn record(
        &self,
        file: &InputFile,
        transcript: Transcript,
        rejected_segments: u32,
    ) -> Result<CallRecord, Problem> {
        let hash =
            analyse::content_hash(&file.path).map_err(|error| Problem::Input(anyhow::Error::new(error)))?;
        let circumstances = analyse::Circumstances {
            source: file.path.display().to_string(),
            content_hash: Some(hash),
            model: self.model.clone(),
            now: SystemClock.wall(),
            rejected_segments,
        };
        Ok(analyse::record(transcript, self.understanding.as_ref(), circumstances))
    }
}

/// What stands above a text on stdout.
#[derive(Debug, Clone, Copy)]
enum Heading {
    /// The recording's path, to tell several texts apart.
    Path,
    None,
}

impl Heading {
    fn above(self, text: String, file: &InputFile, format: Format) -> String {
        match self {
            Self::Path if format == Format::Text => format!("== {} ==\n{text}", file.path.display()),
            Self::Path | Self::None => text,
        }
    }
}

fn shown(rejected: &Rejected) -> export::Rejection {
    export::Rejection {
        channel: rejected.channel,
        span: rejected.span,
        reason: rejected.rejection.reason.name().to_owned(),
        text: rejected.rejection.text.clone(),
    }
}

/// What became of a result.
enum Delivered {
    Whole,
    /// There is text, but the recording is damaged: how.
    Damaged(String),
    /// stdout was closed: nobody wants more.
    NobodyReads,
}

/// Whose fault it is that there is no result.
enum Problem {
    /// The recording's: named, and the rest goes on.
    Input(anyhow::Error),
    /// The place where results go: no use to go on.
    Output(anyhow::Error),
}

impl Problem {
    /// Names a recording's problem; gives back what ends the run.
    fn name_input(self) -> Option<anyhow::Error> {
        match self {
            Self::Input(error) => {
                say_error(error.as_ref());
                None
            }
            Self::Output(error) => Some(error),
        }
    }
}

fn red(text: &str) -> String {
    Palette::for_stderr().paint(Style::Red, text)
}

fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

fn open_options(arguments: &Arguments) -> anyhow::Result<OpenOptions> {
    let raw = match (arguments.raw, arguments.rate) {
        (Some(encoding), Some(rate)) => {
            let sample_rate =
                crate::audio::SampleRate::from_hz(rate).context("--rate is zero: give samples a second")?;
            Some(RawFormat { encoding, sample_rate, channels: usize::from(arguments.raw_channels) })
        }
        (None, _) | (_, None) => None,
    };
    Ok(OpenOptions { raw })
}

pub(super) fn language_choice(argument: Option<&str>, config: &Config) -> anyhow::Result<LanguageChoice> {
    match argument {
        None | Some("auto") => Ok(LanguageChoice::Among(config.asr.languages.clone())),
        Some(code) => match code.parse::<Language>() {
            Ok(language) => Ok(LanguageChoice::Known(language)),
            Err(error) => bail!("--language: {error}, or auto"),
        },
    }
}

pub(super) fn vocabulary(file: Option<&Path>) -> anyhow::Result<Arc<[String]>> {
    let Some(file) = file else { return Ok(Arc::new([])) };
    let named = || format!("cannot read the vocabulary `{}`", file.display());
    let size_bytes = std::fs::metadata(file).with_context(named)?.len();
    if size_bytes > VOCABULARY_BYTES_MAX {
        bail!("the vocabulary `{}` has {size_bytes} bytes, at most {VOCABULARY_BYTES_MAX}", file.display());
    }
    let text = std::fs::read_to_string(file).with_context(named)?;
    if file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        return names_of_csv(&text).with_context(named);
    }
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The column `name` of a catalogue.
fn names_of_csv(text: &str) -> anyhow::Result<Arc<[String]>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let column = reader.headers()?.iter().position(|header| header == "name");
    let column = column.context("its first line names no column `name`")?;
    let mut names = Vec::new();
    for row in reader.records() {
        names.extend(row?.get(column).filter(|name| !name.is_empty()).map(str::to_owned));
    }
    Ok(names.into())
}

/// The user's own names first: what does not fit into the recogniser's prompt is cut at the end.
fn merged(own: Arc<[String]>, expected: &[String]) -> Arc<[String]> {
    let further = expected.iter().filter(|name| !own.contains(name));
    own.iter().chain(further).cloned().collect()
}

/// Everything that shapes a result besides its recording, as one short hash. How many threads work on it does not.
fn settings(arguments: &Arguments, config: &Config, instructions: &Instructions) -> String {
    let mut config = config.clone();
    let defaults = Config::default();
    config.asr.workers = defaults.asr.workers;
    config.asr.threads_per_inference = defaults.asr.threads_per_inference;
    config.asr.queue_capacity = defaults.asr.queue_capacity;
    config.intent = defaults.intent;
    let Instructions { open, language, task, vocabulary, sentences, channels, telephone } = instructions;
    let shown = format!(
        "{}{open:?}{language:?}{task:?}{vocabulary:?}{sentences:?}{channels:?}{telephone}{}{}",
        config.to_toml(),
        arguments.format,
        arguments.debug
    );
    Sha256::digest(shown.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Lists the inputs, says what is left out and why.
fn found_inputs(arguments: &Arguments) -> anyhow::Result<Inputs> {
    let found = inputs::list(&arguments.paths);
    if let Some(first) = found.ignored.first() {
        let number = count(found.ignored.len(), "file");
        say(&format!("left out: {number} without an audio ending, such as `{}`", first.display()));
    }
    found.failed.iter().for_each(|error| say_error(error));
    if found.files.is_empty() && found.failed.is_empty() {
        bail!("no recordings found\nhint: name the files themselves when their endings are unusual");
    }
    match arguments.output {
        Some(_) => inputs::check_distinct(&found)?,
        None => check_tellable_apart(&found.files, arguments.format)?,
    }
    Ok(found)
}

/// Several results one after the other on stdout must say whose they are.
fn check_tellable_apart(files: &[InputFile], format: Format) -> anyhow::Result<()> {
    let unclear = match format {
        Format::Json | Format::Text => false,
        Format::Srt | Format::Vtt | Format::Vcon => files.len() > 1,
        // Their lines name the recording without folder and ending.
        Format::Rttm | Format::Ctm => {
            let mut seen = BTreeSet::new();
            !files.iter().all(|file| seen.insert(file.path.file_stem()))
        }
    };
    if unclear {
        bail!(
            "{} recordings as {format} cannot be told apart on stdout\nhint: give a folder with --output",
            files.len()
        );
    }
    Ok(())
}

/// The result's place below the output folder.
fn result_path(file: &InputFile, format: Format) -> PathBuf {
    let mut name = file.relative.clone().into_os_string();
    name.push(".");
    name.push(format.extension());
    name.into()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(line: &str) -> Arguments {
        Line::try_parse_from(line.split(' ')).unwrap().arguments
    }

    fn settings_of(line: &str, config: &Config, names: &[&str]) -> String {
        let arguments = arguments(line);
        let instructions = Instructions {
            open: open_options(&arguments).unwrap(),
            language: language_choice(arguments.language.as_deref(), config).unwrap(),
            task: Task::Transcribe,
            vocabulary: names.iter().map(|name| (*name).to_owned()).collect(),
            sentences: Arc::new([]),
            channels: (!arguments.channels.is_empty()).then(|| arguments.channels.clone()),
            telephone: false,
        };
        settings(&arguments, config, &instructions)
    }

    #[test]
    fn settings_differ_with_all_that_shapes_a_result_and_with_nothing_else() {
        let config = Config::default();
        let plain = settings_of("allo a.wav", &config, &[]);
        assert_eq!(plain, settings_of("allo b.wav --output texts --store", &config, &[]));
        let mut threads = config.clone();
        threads.asr.workers += 1;
        assert_eq!(plain, settings_of("allo a.wav", &threads, &[]));
        let mut model = config.clone();
        model.asr.model = "another".to_owned();
        let others = [
            settings_of("allo a.wav", &model, &[]),
            settings_of("allo a.wav", &config, &["Moulin"]),
            settings_of("allo a.wav --language fr", &config, &[]),
            settings_of("allo a.wav --channels agent,caller", &config, &[]),
            settings_of("allo a.wav --format json", &config, &[]),
            settings_of("allo a.wav --raw mulaw --rate 8000", &config, &[]),
        ];
        let different: BTreeSet<_> = others.iter().chain([&plain]).collect();
        assert_eq!(different.len(), others.len() + 1);
    }

    #[test]
    fn a_scenario_without_the_store_is_refused() {
        let refused = Line::try_parse_from(["allo", "a.wav", "--scenario", "scenarios/telecom-fr"]);
        assert!(refused.unwrap_err().to_string().contains("--store"));
    }

    #[test]
    fn the_users_names_come_first_and_none_twice() {
        let own: Arc<[String]> = ["b".to_owned(), "c".to_owned()].into();
        let merged = merged(own, &["a".to_owned(), "b".to_owned()]);
        assert_eq!(*merged, ["b", "c", "a"]);
    }

    #[test]
    fn names_come_one_a_line_or_from_a_column_of_a_catalogue() {
        let folder = tempfile::tempdir().unwrap();
        let check = |file: &str, text: &str| {
            let path = folder.path().join(file);
            std::fs::write(&path, text).unwrap();
            vocabulary(Some(&path)).map(|names| names.join("|")).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(check("a.txt", "Moulin Vert\n\n Brise,fort \n").unwrap(), "Moulin Vert|Brise,fort");
        assert_eq!(
            check("a.csv", "kind,name\nbox,Moulin\n,\"Brise, fort\"\nbox,\n").unwrap(),
            "Moulin|Brise, fort"
        );
        assert!(check("b.CSV", "Moulin\nBrise\n").unwrap_err().contains("column `name`"));
    }

    #[test]
    fn results_that_do_not_name_their_recording_do_not_share_stdout() {
        let file = |path: &str| InputFile { path: path.into(), relative: path.into() };
        let two = [file("monday/a.wav"), file("tuesday/a.flac")];
        for format in Format::ALL {
            let is_named = matches!(format, Format::Json | Format::Text);
            assert_eq!(check_tellable_apart(&two, format).is_ok(), is_named, "{format}");
            assert!(check_tellable_apart(&two[..1], format).is_ok());
        }
        let shown = Heading::Path.above("bonjour\n".to_owned(), &two[0], Format::Text);
        assert_eq!(shown, "== monday/a.wav ==\nbonjour\n");
    }
}
