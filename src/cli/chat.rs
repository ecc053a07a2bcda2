//! `allo chat`: a conversation with a scenario, in text.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use crate::assistant::{Assistant, Conversation, Event, Step};
use crate::call::{CallId, Language};
use crate::clock::SystemClock;
use crate::dialog::Action;
use crate::home::Home;
use crate::intent::Heard;
use crate::store::Store;

/// Arguments of `allo chat`.
#[derive(Debug, Args)]
pub struct ChatArgs {
    /// The scenario folder, or the name of one below scenarios/
    #[arg(long, value_name = "PATH", default_value = "telecom-fr")]
    scenario: PathBuf,
    /// The language that the caller begins with [default: that of the scenario]
    #[arg(long, value_name = "LANG")]
    language: Option<Language>,
    /// Show behind each answer what was decided and why
    #[arg(long)]
    explain: bool,
    /// Keep the decisions in the database of the data folder, for `allo intents replay` and `mine`
    #[arg(long)]
    store: bool,
}

const HELP: &str = "a line is what the caller says; /silence, /noise, /key DIGITS, /hangup, /quit";

/// The folder that `named` means: itself, or the one of that name below `scenarios/`.
pub(super) fn scenario_folder(named: &std::path::Path) -> PathBuf {
    let below = PathBuf::from("scenarios").join(named);
    if !named.join("scenario.toml").is_file() && below.join("scenario.toml").is_file() {
        below
    } else {
        named.to_owned()
    }
}

/// Runs the command; answers go to stdout, everything else to stderr.
///
/// # Errors
/// When the scenario cannot be used or the terminal fails.
pub fn run(args: &ChatArgs, home: &Home) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        let folder = scenario_folder(&args.scenario);
        let assistant = Assistant::open(&folder, home, Arc::new(SystemClock)).await?;
        let call = CallId(uuid::Uuid::now_v7());
        let conversation = Conversation::new(Arc::new(assistant), call, args.language);
        let store = if args.store { Some(Store::open(&home.store_file()).await?) } else { None };
        talk(conversation, args.explain, store.as_ref()).await
    })
}

async fn talk(
    mut conversation: Conversation,
    explain: bool,
    store: Option<&Store>,
) -> anyhow::Result<ExitCode> {
    let stdin = std::io::stdin();
    let interactive = stdin.is_terminal();
    if interactive {
        writeln!(std::io::stderr(), "{HELP}")?;
    }
    let first = conversation.on(Event::Begin).await;
    show(&first, explain)?;
    keep(store, &first).await?;
    let mut line = String::new();
    while !conversation.is_over() {
        if interactive {
            write!(std::io::stderr(), "> ")?;
            std::io::stderr().flush()?;
        }
        line.clear();
        if stdin.lock().read_line(&mut line)? == 0 {
            keep(store, &conversation.on(Event::HungUp).await).await?;
            break;
        }
        for event in events(line.trim())? {
            let step = conversation.on(event).await;
            show(&step, explain)?;
            keep(store, &step).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn keep(store: Option<&Store>, step: &Step) -> anyhow::Result<()> {
    if let Some(store) = store {
        store.put_decision(&step.record).await?;
    }
    Ok(())
}

/// What a line means; nothing for an empty or unknown one.
fn events(line: &str) -> std::io::Result<Vec<Event>> {
    Ok(match line.split_once(' ').unwrap_or((line, "")) {
        ("", _) => Vec::new(),
        ("/silence", _) => vec![Event::Silence],
        ("/noise", _) => vec![Event::Noise],
        ("/hangup" | "/quit", _) => vec![Event::HungUp],
        ("/key", keys) => {
            keys.chars().filter(|key| !key.is_whitespace()).map(|key| Event::Key(key.into())).collect()
        }
        (command, _) if command.starts_with('/') => {
            writeln!(std::io::stderr(), "`{command}` is not known; {HELP}")?;
            Vec::new()
        }
        _ => vec![Event::Said { heard: Heard::from(line), language: None }],
    })
}

/// From which probability on a wish is acted on, in words.
pub(super) fn sure_from(threshold: f32) -> String {
    if threshold > 1.0 { "never sure".to_owned() } else { format!("sure from {threshold:.2}") }
}

fn show(step: &Step, explain: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for action in &step.actions {
        match action {
            Action::Say(text) => writeln!(out, "{}", text.reveal())?,
            Action::Transfer(transfer) => {
                let intent = transfer.intent.as_deref().unwrap_or("-");
                writeln!(
                    out,
                    "[transfer to {} (queue {}), intent {intent}]",
                    transfer.route, transfer.queue
                )?;
            }
            Action::HangUp => writeln!(out, "[end of the call]")?,
            Action::Listen(_) | Action::LookUp(_) => {}
        }
    }
    if explain {
        let record = &step.record;
        for wish in &record.wishes {
            let best =
                wish.candidates.iter().take(3).map(|one| format!("{} {:.2}", one.intent, one.probability));
            let best = best.collect::<Vec<_>>().join(", ");
            writeln!(
                out,
                "  · {} ({best}; in scope {:.2} of {:.2}, {})",
                wish.band,
                wish.in_scope,
                record.thresholds.in_scope,
                sure_from(wish.sure_from.unwrap_or(record.thresholds.sure))
            )?;
        }
        for look_up in &record.look_ups {
            let took = look_up.took.as_secs_f64() * 1e3;
            let cached = if look_up.cached { ", kept from before" } else { "" };
            writeln!(out, "  · looked up in {}: {}, {took:.1} ms{cached}", look_up.source, look_up.outcome)?;
        }
        writeln!(out, "  · rule {}", record.rule)?;
    }
    out.flush()
}
