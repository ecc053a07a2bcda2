//! `allo config`: is the configuration right, and what does it come to.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::terminal::{say, say_error, write_stdout};
use super::{CANNOT_START, Context};
use crate::config::Config;
use crate::models::Manifest;
use crate::scenario::Scenario;

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
            let mistakes = scenario_mistakes(&config);
            if !mistakes.is_empty() {
                mistakes.iter().for_each(|mistake| say_error(mistake.as_ref()));
                return Ok(ExitCode::from(CANNOT_START));
            }
            write_stdout(&config.to_toml())?;
            say("the configuration is valid");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What is wrong with the scenarios that the configuration names: whoever starts by it would fail on them.
fn scenario_mistakes(config: &Config) -> Vec<anyhow::Error> {
    let named = [("[intent] scenario", &config.intent.scenario), ("[bot] scenario", &config.bot.scenario)];
    let mistake = |(key, folder): (&'static str, &Option<PathBuf>)| {
        let error = Scenario::load(folder.as_deref()?).err()?;
        Some(anyhow::Error::new(error).context(key))
    };
    named.into_iter().filter_map(mistake).collect()
}
