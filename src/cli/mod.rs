//! The command line: raw arguments → resolved options → work → exit code.
//!
//! stdout is data, stderr is talk. Exit codes: 0 done, 1 some inputs failed (each named, the others finished),
//! 2 wrong usage or configuration.

mod captions;
mod chat;
mod config;
mod demo;
mod doctor;
mod eval;
mod fixtures;
mod intents;
mod keys;
mod listen;
mod models;
mod results;
mod say;
mod search;
mod serve;
mod spoken;
pub mod terminal;
mod transcribe;
mod webhook;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::home::Home;
use crate::pipeline::understanding::Understanding;
use crate::processor;
use crate::progress::{Progress, Unit};
use crate::telemetry;
use terminal::{say, say_error};

/// Exit code for inputs that failed while others finished.
const SOME_FAILED: u8 = 1;
/// Exit code for wrong usage or configuration, where nothing was worked on, and for results that cannot be written.
const CANNOT_START: u8 = 2;

/// Listens to a company's phone calls and turns them into text, decisions, notes and knowledge.
#[derive(Debug, Parser)]
#[command(name = "allo", version, max_term_width = 100)]
struct Arguments {
    /// Configuration file; without it `allo.toml` in the working folder, where there is one.
    #[arg(long, global = true, value_name = "FILE", env = "ALLO_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the fixture calls through everything: text, intent, note, search.
    Demo(demo::Arguments),
    /// Turn recordings into text.
    Transcribe(transcribe::Arguments),
    /// Show live captions of what the microphone hears.
    Listen(listen::Arguments),
    /// Serve other programs over HTTP and WebSocket.
    Serve(serve::Arguments),
    /// Make API keys for the service.
    Keys(keys::Arguments),
    /// Make secrets for webhooks and try receivers.
    Webhook(webhook::Arguments),
    /// Search the stored calls.
    Search(search::SearchArgs),
    /// Talk to a scenario in text.
    Chat(chat::ChatArgs),
    /// Check and try a scenario's intents.
    Intents(intents::IntentsArgs),
    /// Speak a text: into a file, or to stdout.
    Say(say::Arguments),
    /// List, fetch, check and convert models.
    Models(models::ModelsArgs),
    /// Measure recognition and intents on labelled data.
    Eval(eval::Arguments),
    /// Check or show the configuration.
    Config(config::Arguments),
    /// Look for what is missing on this machine, with the fix for each.
    Doctor(doctor::Arguments),
    /// Render and check the fixture calls.
    #[command(hide = true)]
    Fixtures(fixtures::Args),
}

/// What every command gets.
pub(crate) struct Context {
    /// The configuration file that was named.
    config: Option<PathBuf>,
    /// Where data lies.
    home: Home,
}

impl Context {
    fn load_config(&self) -> Result<crate::config::Config, crate::config::Error> {
        crate::config::Config::load(self.config.as_deref())
    }
}

/// Learns the intents of a scenario, under a sign that shows how far it is; from the second time on they are remembered.
fn learn(folder: &Path, context: &Context) -> anyhow::Result<Understanding> {
    let learning = Progress::start("learning the intents of the scenario", Unit::Time, None);
    let understanding = Understanding::open_counted(folder, &context.home, &learning)?;
    learning.finish(&format!("{} intents", understanding.intents().len()));
    Ok(understanding)
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let missing = processor::missing_features();
    if !missing.is_empty() {
        say(&format!(
            "error: this build of allo needs a processor with {}; this one lacks {}\n\
             hint: build it for this processor: see docs/install.md, \"Older processors\"",
            processor::required_features().join(", "),
            missing.join(", "),
        ));
        return ExitCode::from(CANNOT_START);
    }
    let arguments = Arguments::parse();
    telemetry::init();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            say_error(error.as_ref());
            ExitCode::from(CANNOT_START)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let context = Context { config: arguments.config, home: Home::resolve(|name| std::env::var_os(name))? };
    match arguments.command {
        Command::Demo(arguments) => demo::run(&context, &arguments),
        Command::Transcribe(arguments) => transcribe::run(&context, &arguments),
        Command::Listen(arguments) => listen::run(&context, &arguments),
        Command::Serve(arguments) => serve::run(&context, &arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Webhook(arguments) => webhook::run(&context, &arguments),
        Command::Search(arguments) => search::run(&context, arguments),
        Command::Intents(arguments) => intents::run(&context, &arguments),
        Command::Say(arguments) => say::run(&context, &arguments),
        Command::Chat(arguments) => chat::run(&arguments, &context.home),
        Command::Models(arguments) => models::run(&arguments),
        Command::Eval(arguments) => eval::run(&context, &arguments),
        Command::Config(arguments) => config::run(&context, &arguments),
        Command::Doctor(arguments) => doctor::run(&context, &arguments),
        Command::Fixtures(arguments) => fixtures::run(arguments),
    }
}

/// The exit code after a run over several inputs.
fn exit_code(failed: usize) -> ExitCode {
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_FAILED) }
}
