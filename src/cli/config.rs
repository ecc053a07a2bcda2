//! `allo config`: is the configuration right, and what does it come to.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Context;
use super::terminal::{say, write_stdout};
use crate::models::Manifest;

/// Arguments of `allo config`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Read the configuration, name every mistake, print it with all defaults filled in.
    Check,
}

/// Runs `allo config`.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match arguments.action {
        Action::Check => {
            let config = context.load_config()?;
            let model = &config.asr.model;
            if !model.contains('/') && Manifest::builtin().entry(model).is_err() {
                anyhow::bail!(
                    "[asr] model is `{model}`, and no model has that name\n\
                     hint: `allo models list` names them; write a model of your own as a path with a `/`"
                );
            }
            write_stdout(&config.to_toml())?;
            say("the configuration is valid");
            Ok(ExitCode::SUCCESS)
        }
    }
}
