//! `allo say`: a text spoken as callers would hear it, into a WAV file.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::Context;
use super::terminal::{say, write_stdout_bytes};
use crate::audio::SampleRate;
use crate::call::Language;
use crate::redact::Redacted;
use crate::voice::{Voice, wave};

/// Arguments of `allo say`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What is said: plain, or a subset of SSML that starts with <speak> (docs/voice.md)
    text: String,
    /// The language
    #[arg(long, value_name = "LANG", default_value = "fr")]
    language: Language,
    /// The WAV file; without it the WAV goes to stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Samples a second, instead of `rate_hz` of the configuration
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
}

/// Runs `allo say`.
///
/// # Errors
/// The text cannot be read or spoken, or the file not be written.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        arguments.output.is_some() || !std::io::stdout().is_terminal(),
        "the speech would go to the terminal\nhint: --output FILE.wav, or a pipe to a player"
    );
    let mut voice = Voice::new(&context.load_config()?.voice, &context.home)?;
    if let Some(hz) = arguments.rate {
        voice = voice.at_rate(SampleRate::from_hz(hz).context("the rate is not zero")?)?;
    }
    let text = Redacted::new(arguments.text.clone());
    let samples = voice.speak(&text, arguments.language)?.whole()?;
    let bytes = wave::file(&samples, voice.rate());
    match &arguments.output {
        Some(path) => {
            std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            let seconds = samples.len() as f64 / f64::from(voice.rate().hz());
            say(&format!("{seconds:.1} s of speech in {}", path.display()));
        }
        None => {
            write_stdout_bytes(&bytes)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
