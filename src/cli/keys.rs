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
        /// What it opens: transcribe, stream, read, control, desk, admin (all); several with spaces or commas between them.
        #[arg(long, value_delimiter = ',', num_args = 1.., default_values_t = [Right::Transcribe, Right::Stream, Right::Read])]
        rights: Vec<Right>,
    },
}

/// Runs `allo keys`.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.action {
        Action::New { name, rights } => {
            let key = keys::generate()?;
            say(&configuration(name, rights, &keys::fingerprint(&key)));
            write_stdout(&format!("{}\n", key.reveal()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What is put into the configuration, as it is: the sentence before it is a comment of TOML.
fn configuration(name: &str, rights: &[Right], fingerprint: &str) -> String {
    let rights: Vec<String> = rights.iter().map(|right| format!("\"{right}\"")).collect();
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "# Put these lines into the configuration; the key itself is kept nowhere and cannot be shown again:\n\n\
         [[serve.keys]]\nname = \"{name}\"\nsha256 = \"{fingerprint}\"\nrights = [{}]\n",
        rights.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        keys: Arguments,
    }

    fn rights(words: &[&str]) -> Vec<Right> {
        let line = ["allo", "new", "--rights"].iter().chain(words);
        let Action::New { rights, .. } = Line::try_parse_from(line).unwrap().keys.action;
        rights
    }

    #[test]
    fn rights_are_taken_as_the_help_shows_them_and_with_commas() {
        let wanted = [Right::Stream, Right::Read, Right::Control];
        assert_eq!(rights(&["stream", "read", "control"]), wanted);
        assert_eq!(rights(&["stream,read,control"]), wanted);
    }

    #[test]
    fn what_is_printed_is_a_configuration() {
        let text = configuration("le \"robot\" \\ du\nsoir", &[Right::Stream, Right::Read], &"0a".repeat(32));
        let config: crate::config::Config = toml::from_str(&text).unwrap();
        let [key] = &config.serve.keys[..] else { panic!("{text}") };
        assert_eq!(key.name, "le \"robot\" \\ dusoir");
        assert_eq!(key.rights, [Right::Stream, Right::Read]);
    }
}
