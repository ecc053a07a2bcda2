//! `allo doctor`: what is missing on this machine, with the fix for each.

mod bot;

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::terminal::{Explained, Palette, Style, explain, write_stdout};
use super::{Context, SOME_FAILED};
use crate::config::{Config, DEFAULT_FILE};
use crate::models::manifest::Kind;
use crate::models::{Check as Hashing, Manifest, ModelFolder, State, Talk};
use crate::onnx;
use crate::pipeline::{learning, machinery, recognition};
use crate::processor;
use crate::progress::{Progress, Unit};
use crate::redact::Redacted;
use crate::scenario::Scenario;
use crate::serve::Server;
use crate::serve::keys::KEY_VARIABLE;
use crate::store::{Problem, Store};

/// Arguments of `allo doctor`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Hash every model file anew instead of trusting an earlier check of an unchanged file.
    #[arg(long)]
    full: bool,
    /// Make the search index of the store anew where it does not agree with the calls.
    #[arg(long)]
    mend: bool,
}

/// How a part is.
enum Health {
    Well,
    /// Not needed for everything; the text says for what.
    Lacking,
    Ill,
}

/// One part that was looked at.
struct Finding {
    part: String,
    health: Health,
    detail: String,
    fix: Option<String>,
}

impl Finding {
    fn well(part: &str, detail: impl Into<String>) -> Self {
        Self { part: part.to_owned(), health: Health::Well, detail: detail.into(), fix: None }
    }

    fn ill(part: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { part: part.to_owned(), health: Health::Ill, detail: detail.into(), fix: Some(fix.into()) }
    }

    /// An error whose text may end with its own hint.
    fn failed(part: &str, error: &dyn std::error::Error) -> Self {
        let Explained { message, hints } = explain(error);
        let fix = (!hints.is_empty()).then(|| hints.join("; "));
        Self { part: part.to_owned(), health: Health::Ill, detail: message, fix }
    }

    fn line(&self, palette: Palette) -> String {
        let mark = match self.health {
            Health::Well => palette.paint(Style::Green, "ok     "),
            Health::Lacking => palette.paint(Style::Yellow, "lacking"),
            Health::Ill => palette.paint(Style::Red, "ill    "),
        };
        let fix = self.fix.as_ref().map(|fix| format!("\n{:29}fix: {fix}", "")).unwrap_or_default();
        format!("{mark}  {:<18}  {}{fix}\n", self.part, self.detail)
    }
}

/// Runs `allo doctor`.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::builtin();
    let folder = ModelFolder::new(context.home.models());
    let mut findings = vec![processor_finding()];
    let config = match context.load_config() {
        Ok(config) => {
            findings.push(Finding::well("configuration", configuration_detail(context.config.as_deref())));
            config
        }
        Err(error) => {
            let found = Finding::failed("configuration", &error);
            let fix = "correct it: docs/configuration.md has every setting, `allo config check` tries it";
            findings
                .push(Finding { fix: Some(found.fix.clone().unwrap_or_else(|| fix.to_owned())), ..found });
            Config::default()
        }
    };
    findings.push(home_finding(context.home.root()));
    let hashing = if arguments.full { Hashing::Full } else { Hashing::Remembered };
    findings.extend(model_findings(&manifest, &folder, &config, hashing));
    findings.push(onnx_finding(&manifest, &folder));
    findings.push(recognition_finding(context, &config));
    findings.push(intent_finding(context));
    findings.extend(config.intent.scenario.as_deref().map(scenario_finding));
    findings.push(store_finding(&context.home.store_file(), arguments.mend)?);
    findings.push(service_finding(&config));
    findings.extend(bot::bot_findings(context, &config)?);
    findings.extend(bot::webhook_findings(&config));
    findings.push(dutch_voice_finding());

    let palette = Palette::for_stdout();
    write_stdout(&findings.iter().map(|finding| finding.line(palette)).collect::<String>())?;
    let ill = findings.iter().any(|finding| matches!(finding.health, Health::Ill));
    Ok(if ill { ExitCode::from(SOME_FAILED) } else { ExitCode::SUCCESS })
}

fn processor_finding() -> Finding {
    let mut detail = format!("built for {}", processor::required_features().join(", "));
    let unused = processor::unused_features();
    if !unused.is_empty() {
        detail += &format!("; also here, unused: {} (docs/install.md, \"AVX-512\")", unused.join(", "));
    }
    Finding::well("processor", detail)
}

/// Which configuration holds: of the two that may without one being named it matters which it was.
fn configuration_detail(named: Option<&Path>) -> String {
    match Config::source(named) {
        Some(file) => file.display().to_string(),
        None => format!("the defaults: no {DEFAULT_FILE} in this folder and none named"),
    }
}

fn home_finding(root: &Path) -> Finding {
    let writable = std::fs::create_dir_all(root).and_then(|()| tempfile::tempfile_in(root).map(drop));
    match writable {
        Ok(()) => Finding::well("data folder", root.display().to_string()),
        Err(error) => Finding::ill(
            "data folder",
            format!("cannot write to {}: {error}", root.display()),
            "set ALLO_HOME to a folder you may write to",
        ),
    }
}

fn model_findings(
    manifest: &Manifest,
    folder: &ModelFolder,
    config: &Config,
    hashing: Hashing,
) -> Vec<Finding> {
    manifest
        .for_this_machine()
        .filter(|entry| entry.default || entry.name == config.asr.model)
        .map(|entry| {
            let pull = format!("allo models pull {}", entry.name);
            match folder.state(entry, hashing, Talk::Bars) {
                Ok(State::Present) => Finding::well(&entry.name, "present, hash checked"),
                // Without it intents are told apart by words: a line of its own says so.
                Ok(State::Missing) if entry.kind == Kind::SentenceEncoder => Finding {
                    part: entry.name.clone(),
                    health: Health::Lacking,
                    detail: "missing".to_owned(),
                    fix: Some(pull),
                },
                Ok(State::Missing) => Finding::ill(&entry.name, "missing", pull),
                Ok(State::Damaged { path, found_bytes, expected_bytes }) => Finding::ill(
                    &entry.name,
                    format!("{}: {found_bytes} bytes, expected {expected_bytes}", path.display()),
                    pull,
                ),
                Ok(State::WrongHash { path, expected, found }) => Finding::ill(
                    &entry.name,
                    format!("{}: sha256 {found}, expected {expected}", path.display()),
                    pull,
                ),
                Err(error) => Finding::failed(&entry.name, &error),
            }
        })
        .collect()
}

fn onnx_finding(manifest: &Manifest, folder: &ModelFolder) -> Finding {
    let library = match folder.onnx_runtime(manifest) {
        Ok(library) => library,
        Err(error) => return Finding::failed("ONNX library", &error),
    };
    match onnx::Runtime::load(&library) {
        Ok(_) => Finding::well("ONNX library", format!("loads from {}", library.display())),
        Err(error) => Finding::failed("ONNX library", &error),
    }
}

fn recognition_finding(context: &Context, config: &Config) -> Finding {
    match machinery::start(config, &context.home) {
        Ok(_) => Finding::well("recognition", recognition_detail(context, config)),
        Err(error) => Finding::failed("recognition", &error),
    }
}

/// Whether intents are told apart by meaning, or by words alone.
fn intent_finding(context: &Context) -> Finding {
    match learning::sentence_encoder(&context.home) {
        Ok(Some(_)) => Finding::well("intents", "by words and meaning (e5-small)"),
        Ok(None) => Finding {
            part: "intents".to_owned(),
            health: Health::Lacking,
            detail: "by words alone: the sentence encoder is not there".to_owned(),
            fix: Some(format!("allo models pull {}", learning::SENTENCE_ENCODER)),
        },
        Err(error) => Finding::failed("intents", &error),
    }
}

/// Section `[intent]`: whether recordings and live calls can be understood by it. Nothing is learnt.
fn scenario_finding(folder: &Path) -> Finding {
    match Scenario::load(folder) {
        Ok(scenario) => Finding::well("scenario", bot::about(&scenario, folder)),
        Err(error) => Finding::failed("scenario", &error),
    }
}

/// Which engine runs, and why that one.
fn recognition_detail(context: &Context, config: &Config) -> String {
    let workers = machinery::workers(config);
    let folder = ModelFolder::new(context.home.models());
    match recognition::choose(config, &folder) {
        Ok(choice) => format!(
            "{} with {} starts, {workers} at a time: {}",
            choice.engine,
            choice.model.display(),
            choice.reason
        ),
        Err(_) => format!("{} starts, {workers} at a time", config.asr.model),
    }
}

fn store_finding(file: &Path, mend: bool) -> anyhow::Result<Finding> {
    if !file.exists() {
        return Ok(Finding::well("store", "none yet; `allo transcribe --store` makes it"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let checked = runtime.block_on(async {
        let store = Store::open(file).await?;
        let problems = store.check().await?;
        if mend && problems == [Problem::IndexOutOfStep] {
            let making = Progress::start("making the search index anew", Unit::Time, None);
            store.rebuild_index().await?;
            making.finish("done");
            return Ok((store.check().await?, "; its search index was made anew"));
        }
        Ok::<_, crate::store::Error>((problems, ""))
    });
    Ok(match checked {
        Ok((problems, mended)) if problems.is_empty() => {
            Finding::well("store", format!("{}{mended}", file.display()))
        }
        Ok((problems, _)) => {
            let fix = if problems == [Problem::IndexOutOfStep] {
                "allo doctor --mend".to_owned()
            } else {
                format!("keep a copy of {} and restore it from a backup", file.display())
            };
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Finding::ill("store", problems.join("; "), fix)
        }
        Err(error) => Finding::failed("store", &error),
    })
}

/// Whether `allo serve` would start: keys, address, certificate.
fn service_finding(config: &Config) -> Finding {
    let environment_key = std::env::var(KEY_VARIABLE).ok().map(Redacted::new);
    match Server::check(&config.serve, environment_key.as_ref()) {
        Ok(()) => {
            let scheme = if config.serve.tls.is_some() { "https" } else { "http" };
            let keys = match (config.serve.keys.len(), environment_key.is_some()) {
                (0, false) => "no keys, this machine only".to_owned(),
                (configured, true) => format!("{configured} configured keys and {KEY_VARIABLE}"),
                (configured, false) => format!("{configured} configured keys"),
            };
            Finding::well("service", format!("would serve {scheme}://{}: {keys}", config.serve.listen))
        }
        Err(error) => Finding::failed("service", &error),
    }
}

fn dutch_voice_finding() -> Finding {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join("espeak-ng").is_file()));
    if found {
        return Finding::well("Dutch voice", "espeak-ng");
    }
    Finding {
        part: "Dutch voice".to_owned(),
        health: Health::Lacking,
        detail: "espeak-ng is not installed; only speaking Dutch needs it".to_owned(),
        fix: Some("apt-get install espeak-ng".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_that_holds_is_named() {
        assert_eq!(configuration_detail(Some(Path::new("a.toml"))), "a.toml");
        // Tests run in the folder of the package, where no configuration lies.
        assert!(configuration_detail(None).starts_with("the defaults"));
    }
}
