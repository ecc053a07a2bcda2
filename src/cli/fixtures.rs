//! `allo fixtures`: makes and checks the scripted calls of the project.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::terminal::write_stdout;
use crate::fixtures::{Folders, check, names, render_files};
use crate::home::Home;
use crate::progress::{Progress, Unit};

/// Make and check the scripted calls of the project.
#[derive(Debug, Parser)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// Folder of the scripts
    #[arg(long, global = true, default_value = "fixtures/scripts", value_name = "DIR")]
    scripts: PathBuf,
    /// Folder of recordings and truth files
    #[arg(long, global = true, default_value = "fixtures/audio", value_name = "DIR")]
    audio: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Render calls from their scripts, byte for byte the same on every machine
    Render {
        /// Names of scripts; all when none is given
        names: Vec<String>,
    },
    /// Check recordings, truth files and manifest against each other
    Check,
}

/// Runs the command; 1 when the check found something.
///
/// # Errors
/// When a script, voice or file cannot be used.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let home = Home::resolve(|name| std::env::var_os(name))?;
    let folders = Folders { scripts: args.scripts, audio: args.audio, models: home.models().to_path_buf() };
    match args.command {
        Command::Render { names } => {
            let progress = Progress::start("rendering calls", Unit::Items, None);
            let rendered = render_files(&folders, &names, &progress)?;
            progress.finish(&format!("{} in {}", rendered.len(), folders.audio.display()));
            Ok(ExitCode::SUCCESS)
        }
        Command::Check => {
            let problems = check(&folders)?;
            let mut text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
            let count = names(&folders)?.len();
            text += &format!("{count} calls, {} problems\n", problems.len());
            write_stdout(&text)?;
            Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
    }
}
