//! `allo chat`: a conversation with a scenario, in text.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use crate::assistant::{Assistant, Conversation, Event, Known, Step};
use crate::call::{CallId, Language};
use crate::clock::SystemClock;
use crate::dialog::{Action, Row, Transfer};
use crate::home::Home;
use crate::intent::Heard;
use crate::redact::Redacted;
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
    /// The number that the call comes from, by which the customer is found
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
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
        let number = args.number.clone().map(Redacted::new);
        talk(Chat { conversation, number, explain: args.explain, store }).await
    })
}

/// A conversation, and what is done about it.
struct Chat {
    conversation: Conversation,
    number: Option<Redacted<String>>,
    explain: bool,
    store: Option<Store>,
}

impl Chat {
    /// Shows and keeps what follows from `event`.
    async fn on(&mut self, event: Event) -> anyhow::Result<()> {
        let mut step = self.conversation.on(event).await;
        let seen = self.seen_by_a_person(&mut step).await;
        show(&step, &seen, self.explain)?;
        if let Some(store) = &self.store {
            store.put_decision(&step.record).await?;
        }
        Ok(())
    }

    /// What the person who takes the call sees beside what was said, a line each; empty where nobody takes it. What is looked up
    /// for it goes into the record.
    async fn seen_by_a_person(&self, step: &mut Step) -> String {
        let Some(Action::Transfer(transfer)) = step.actions.last() else { return String::new() };
        let known = self.conversation.known(transfer, self.number.as_ref()).await;
        step.record.look_ups.extend(known.look_ups.iter().cloned());
        seen(transfer, &known)
    }
}

fn seen(transfer: &Transfer, known: &Known) -> String {
    let slots = transfer.slots.iter().map(|(name, value)| (name.as_str(), value.canonical())).collect();
    let customer = columns(known.customer.as_ref());
    let document = columns(known.document.as_ref());
    let mut text = String::new();
    for (what, values) in [("slots", slots), ("customer", customer), ("document", document)] {
        let values: Vec<String> =
            values.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
        if !values.is_empty() {
            let _ = writeln!(text, "  {what}: {}", values.join(", "));
        }
    }
    text
}

/// Names and values; what has no value is left out.
fn columns(row: Option<&Row>) -> Vec<(&str, String)> {
    let columns = row.into_iter().flatten().map(|(name, cell)| (name.as_str(), cell.plain()));
    columns.filter(|(_, value)| !value.is_empty()).collect()
}

async fn talk(mut chat: Chat) -> anyhow::Result<ExitCode> {
    let stdin = std::io::stdin();
    let interactive = stdin.is_terminal();
    if interactive {
        writeln!(std::io::stderr(), "{HELP}")?;
    }
    chat.on(Event::Begin).await?;
    let mut line = String::new();
    while !chat.conversation.is_over() {
        if interactive {
            write!(std::io::stderr(), "> ")?;
            std::io::stderr().flush()?;
        }
        line.clear();
        if stdin.lock().read_line(&mut line)? == 0 {
            chat.on(Event::HungUp).await?;
            break;
        }
        for event in events(line.trim())? {
            chat.on(event).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
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
        _ => vec![Event::Said { heard: Heard::from(line), language: None, is_foreign: false }],
    })
}

/// From which probability on a wish is acted on, in words.
pub(super) fn sure_from(threshold: f32) -> String {
    if threshold > 1.0 { "never sure".to_owned() } else { format!("sure from {threshold:.2}") }
}

/// Where a caller is handed over to, and with what.
fn transferred(transfer: &Transfer) -> String {
    let intent = transfer.intent.as_deref().unwrap_or("-");
    let second = transfer.second_intent.as_deref();
    let second = second.map_or_else(String::new, |second| format!(", then {second}"));
    format!("[transfer to {} (queue {}), intent {intent}{second}]", transfer.route, transfer.queue)
}

fn show(step: &Step, seen: &str, explain: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for action in &step.actions {
        match action {
            Action::Say(text) => writeln!(out, "{}", text.reveal())?,
            Action::Transfer(transfer) => {
                writeln!(out, "{}", transferred(transfer))?;
                write!(out, "{seen}")?;
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
            let whom = if look_up.is_for_person { " for a person" } else { "" };
            writeln!(
                out,
                "  · looked up in {}{whom}: {}, {took:.1} ms{cached}",
                look_up.source, look_up.outcome
            )?;
        }
        writeln!(out, "  · rule {}", record.rule)?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::civil::date;

    use super::*;
    use crate::pipeline::understanding::Understanding;

    #[test]
    fn whoever_wants_two_things_is_handed_over_with_both() {
        let mut transfer = Transfer {
            route: "contrats".to_owned(),
            queue: "7030".to_owned(),
            patience: None,
            intent: Some("demenagement".to_owned()),
            confidence: Some(0.99),
            second_intent: Some("changer_forfait".to_owned()),
            words: None,
            said: Vec::new(),
            slots: std::collections::BTreeMap::new(),
        };
        let both = "[transfer to contrats (queue 7030), intent demenagement, then changer_forfait]";
        assert_eq!(transferred(&transfer), both);
        transfer.second_intent = None;
        assert_eq!(transferred(&transfer), "[transfer to contrats (queue 7030), intent demenagement]");
    }

    #[tokio::test]
    async fn slots_customer_and_document_are_shown_when_a_call_is_handed_over() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join("telecom-fr");
        let understanding = Understanding::open(&folder).expect("the scenario has no mistakes");
        let assistant = Assistant::new(understanding, Arc::new(SystemClock)).await;
        let assistant = Arc::new(assistant.expect("its catalogues are there"));
        let conversation = Conversation::new(assistant, CallId(uuid::Uuid::nil()), None);
        let conversation = conversation.at(date(2026, 11, 26).at(10, 0, 0, 0));
        let number = Some(Redacted::<String>::from("+33639985000"));
        let mut chat = Chat { conversation, number, explain: false, store: None };
        let mut first = chat.conversation.on(Event::Begin).await;
        assert_eq!(chat.seen_by_a_person(&mut first).await, "");
        let heard = Heard::from("J'ai un problème avec ma facture de mars");
        let mut last = chat.conversation.on(Event::Said { heard, language: None, is_foreign: false }).await;
        if !matches!(last.actions.last(), Some(Action::Transfer(_))) {
            // Whether it is sure enough to do without a question is a matter of its examples.
            last = chat.conversation.on(Event::Key('1'.into())).await;
        }
        let seen = chat.seen_by_a_person(&mut last).await;
        assert_eq!(last.record.look_ups.len(), 2, "the customer and the document");
        let lines: Vec<&str> = seen.lines().collect();
        assert_eq!(lines[0], "  slots: periode = 2026-03-01/2026-03-31");
        assert!(lines[1].starts_with("  customer: ") && lines[1].contains("40710019"), "{seen}");
        assert!(
            lines[2].starts_with("  document: ") && lines[2].contains("number = F202603-40710019"),
            "{seen}"
        );
    }
}
