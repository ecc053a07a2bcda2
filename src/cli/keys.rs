//! `allo keys`: API keys for `allo serve`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::terminal::{say, write_stdout};
use crate::serve::config::Right;
use crate::serve::keys;

/// Arguments of `allo keys`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key: the key goes to stdout, once, and the lines for the configuration to stderr.
    New {
        /// Name of whoever will use it, for logs.
        #[arg(long, default_value = "client")]
        name: String,
        /// What it opens: transcribe, stream, read, control, desk, admin (all).
        #[arg(long, value_delimiter = ',', default_values_t = [Right::Transcribe, Right::Stream, Right::Read])]
        rights: Vec<Right>,
    },
}

/// Runs `allo keys`.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.action {
        Action::New { name, rights } => {
            let key = keys::generate()?;
            let rights: Vec<String> = rights.iter().map(|right| format!("\"{right}\"")).collect();
            let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            say(&format!(
                "put these lines into the configuration; the key itself is kept nowhere and cannot be shown again:\n\n\
                 [[serve.keys]]\nname = \"{name}\"\nsha256 = \"{}\"\nrights = [{}]\n",
                keys::fingerprint(&key),
                rights.join(", "),
            ));
            write_stdout(&format!("{}\n", key.reveal()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
