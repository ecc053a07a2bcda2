//! `allo demo`: the fixture calls through a service of its own, as a person would follow it.
//!
//! The first call is played in real time, which is what there is to see; all of them together last eleven minutes, so the
//! others are played as fast as the machine allows.

mod caller;
mod page;

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::{StreamExt as _, stream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use uuid::Uuid;

use self::caller::{Pace, Telephone};
use self::page::Page;
use super::terminal::{Palette, Style, clock_time, say, say_error, write_stdout};
use super::{Context, exit_code, learn};
use crate::call::{CallId, CallRecord, Channel, Evidence, IntentOutcome};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::home::Home;
use crate::live::{self, Live};
use crate::pipeline::inputs::{self, InputFile, Inputs};
use crate::pipeline::machinery;
use crate::pipeline::understanding::Understanding;
use crate::serve::{self, Offer, Server};
use crate::store::{CallFilter, Query, Store};

/// What the demo looks for in all calls at the end: a word of several calls, in two languages.
const SEARCH: &str = "option";

/// Calls that are played at once when they are not played in real time: while one waits for its text, another is heard.
const AT_ONCE: usize = 2;

/// How many hits the demo shows.
const HITS_SHOWN: u32 = 8;

/// Messages a second that the demo's own service takes: calls that are not played in real time come as fast as they are
/// worked on.
const MESSAGES_A_SECOND: u32 = 100_000;

/// Arguments of `allo demo`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Folder of the calls.
    #[arg(long, default_value = "fixtures/audio", value_name = "DIR")]
    calls: PathBuf,
    /// Scenario folder for intents and routes.
    #[arg(long, default_value = "scenarios/telecom-fr", value_name = "DIR")]
    scenario: PathBuf,
    /// What to search for at the end.
    #[arg(long, default_value = SEARCH)]
    search: String,
    /// Play every call in real time. Without it the first call is, and the others are as fast as the machine allows: all
    /// of them together last eleven minutes.
    #[arg(long, conflicts_with = "fast")]
    real_time: bool,
    /// Play no call in real time.
    #[arg(long)]
    fast: bool,
    /// Go on serving afterwards, on loopback and without keys, at the port of `[serve] listen`.
    #[arg(long)]
    serve: bool,
}

impl Arguments {
    fn pace(&self, index: usize) -> Pace {
        if self.real_time || index == 0 && !self.fast { Pace::RealTime } else { Pace::Fast }
    }
}

/// Runs `allo demo`.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut config = context.load_config()?;
    for folder in [&arguments.calls, &arguments.scenario] {
        if !folder.is_dir() {
            bail!(
                "the demo needs the folder `{}`\nhint: run it in the source folder, or name one with --calls and --scenario",
                folder.display()
            );
        }
    }
    let found = inputs::list(std::slice::from_ref(&arguments.calls));
    found.failed.iter().for_each(|error| say_error(error));
    // The scenario of the demo, not that of the configuration.
    config.intent.scenario = None;
    // The calls come one after the other, some faster than anybody speaks: their load is no measure.
    config.live.admission = false;
    let understanding = Arc::new(learn(&arguments.scenario, context)?);
    let mut live = live::machinery::parts(&config, &context.home)?;
    live.understanding = Some(Arc::clone(&understanding));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (store, file) = runtime.block_on(empty_store(&context.home))?;
    live.store = Some(store.clone());
    let service = service(live, &config, context, arguments.serve)?;
    let desk = Desk {
        store,
        file,
        understanding,
        two_channels: config.recording.channels.get(),
        palette: Palette::for_stdout(),
    };
    let code = runtime.block_on(async {
        let server = Server::bind(service).await?;
        let (address, url) = (server.address(), server.url());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.run(async { drop(stopped.await) }));
        let code = desk.work(&found, address, arguments).await?;
        if arguments.serve {
            let mut terminate = signal(SignalKind::terminate())?;
            say(&format!("serving {url} until Ctrl-C"));
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        drop(stop);
        serving.await?;
        Ok::<_, anyhow::Error>(code)
    })?;
    runtime.shutdown_background();
    Ok(code)
}

/// The service that the calls go through: on loopback, where it needs no keys.
fn service(
    live: live::Parts,
    config: &Config,
    context: &Context,
    stays: bool,
) -> anyhow::Result<serve::Parts> {
    let transcriber = machinery::beside(Arc::clone(&live.pool), config, &context.home)?;
    let turn = live.turn.clone();
    let port = if stays { config.serve.listen.port() } else { 0 };
    let mut settings =
        serve::config::Config { listen: (Ipv4Addr::LOCALHOST, port).into(), ..Default::default() };
    settings.limits.messages_per_second = MESSAGES_A_SECOND;
    Ok(serve::Parts {
        config: settings,
        environment_key: None,
        transcriber: Arc::new(transcriber),
        offer: Offer { model: config.asr.model.clone(), languages: config.asr.languages.clone() },
        live: Some(Live::start(live, &config.live)?),
        webhooks: None,
        bot: None,
        turn,
        workers: machinery::workers(config),
        clock: Arc::new(SystemClock),
    })
}

/// The demo's own store, so that its calls never mix with real ones, without those of the last run.
async fn empty_store(home: &Home) -> anyhow::Result<(Store, PathBuf)> {
    let file = store_file(home);
    let store = Store::open(&file).await?;
    for call in store.calls(&CallFilter::default()).await? {
        store.delete_call(call.id).await?;
    }
    Ok((store, file))
}

/// Where the demo keeps its calls.
pub(super) fn store_file(home: &Home) -> PathBuf {
    home.root().join("demo").join("allo.db")
}

/// What the calls of one demo share.
struct Desk {
    store: Store,
    file: PathBuf,
    understanding: Arc<Understanding>,
    two_channels: [Channel; 2],
    palette: Palette,
}

/// A call that was played.
struct Played<'a> {
    page: Page<'a>,
    record: anyhow::Result<CallRecord>,
}

impl Desk {
    /// Plays all calls and searches in them.
    async fn work(
        &self,
        found: &Inputs,
        address: SocketAddr,
        arguments: &Arguments,
    ) -> anyhow::Result<ExitCode> {
        let (mut kept, mut failed) = (0, found.failed.len());
        let vocabulary = self.understanding.vocabulary();
        let (count, turn) = (found.files.len(), Cell::new(0));
        let play = |index: usize| {
            let (pace, call) = (arguments.pace(index), &found.files[index]);
            let telephone =
                Telephone { address, pace, two_channels: self.two_channels, vocabulary: &vocabulary };
            let in_real_time = pace == Pace::RealTime;
            let heading = format!("call {} of {count}: {}", index + 1, call.relative.display());
            let heading = self.palette.paint(Style::Bold, &heading)
                + &self.palette.paint(Style::Dim, if in_real_time { "  in real time" } else { "" });
            let page = Page::new((index, &turn), heading, self.palette, in_real_time);
            async move { self.call(&telephone, call, page).await }
        };
        // Calls in real time come first, and have the machine for themselves.
        let alone = (0..count).filter(|&index| arguments.pace(index) == Pace::RealTime).count();
        let others = stream::iter(alone..count).map(&play).buffered(AT_ONCE);
        let mut calls = pin!(stream::iter(0..alone).then(&play).chain(others));
        while let Some(played) = calls.next().await {
            let is_read = match played.record {
                Ok(record) => {
                    kept += 1;
                    played.page.finish(&self.show(&record))?
                }
                Err(error) => {
                    failed += 1;
                    let is_read = played.page.finish("")?;
                    say_error(error.as_ref());
                    is_read
                }
            };
            if !is_read {
                return Ok(ExitCode::SUCCESS);
            }
            turn.set(turn.get() + 1);
        }
        let query = Query { limit: HITS_SHOWN, ..Query::new(&arguments.search) };
        let hits = self.store.search(&query).await?;
        let heading = format!("search in {kept} calls: {}", arguments.search);
        write_stdout(&format!(
            "\n{}\n{}\nstored in {}\n",
            self.palette.paint(Style::Bold, &heading),
            super::search::text(&hits, self.palette),
            self.file.display(),
        ))?;
        Ok(exit_code(failed))
    }

    /// Plays one call and shows what becomes known of it.
    async fn call<'a>(&self, telephone: &Telephone<'_>, call: &InputFile, mut page: Page<'a>) -> Played<'a> {
        let mut id = None;
        let name = call.relative.display().to_string();
        let played = telephone
            .call(&call.path, &name, |event| {
                id = id.or_else(|| event["call"].as_str().and_then(|id| Uuid::parse_str(id).ok()));
                page.event(event)
            })
            .await;
        let kept = async {
            played?;
            let id = id.context("the service gave the call no identity")?;
            // It was completed before its end was announced.
            self.store.call(CallId(id)).await?.context("the call is not in the store")
        };
        Played { record: kept.await, page }
    }

    fn show(&self, record: &CallRecord) -> String {
        let mut text = self.decision(record);
        text += &self.lines("reason", record.note.reason.as_slice());
        text += &self.lines("key", &record.note.key_sentences);
        text += &self.lines("recap", &record.note.recap);
        text + &self.lines("open", &record.note.open_points)
    }

    fn decision(&self, record: &CallRecord) -> String {
        let Some(decision) = &record.intent else { return String::new() };
        let best = decision
            .candidates
            .first()
            .map_or(String::new(), |best| format!("{} {:.0} %", best.intent, best.probability * 100.0));
        let (style, outcome) = match &decision.outcome {
            IntentOutcome::Routed { route, .. } => (Style::Green, format!("route to {route}")),
            IntentOutcome::Unsure => (Style::Yellow, "ask again".to_owned()),
            IntentOutcome::OutOfScope => (Style::Yellow, "out of scope: to a person".to_owned()),
        };
        let decided = format!("  {:<8} {best} → {}\n", "intent", self.palette.paint(style, &outcome));
        decided + &self.steps(&decision.outcome)
    }

    /// How many steps the agent is given, and the first of them.
    fn steps(&self, outcome: &IntentOutcome) -> String {
        let IntentOutcome::Routed { intent, .. } = outcome else { return String::new() };
        let steps = self.understanding.steps_of(intent).map(numbered).unwrap_or_default();
        match steps.first() {
            Some(first) => format!("  {:<8} {} steps: {first}\n", "steps", steps.len()),
            None => String::new(),
        }
    }

    fn lines(&self, label: &str, evidence: &[Evidence]) -> String {
        evidence
            .iter()
            .map(|line| {
                let time = self.palette.paint(Style::Dim, &clock_time(line.span.start));
                format!("  {label:<8} {time} {}: {}\n", line.channel, line.quote.reveal())
            })
            .collect()
    }
}

/// The numbered lines of a Markdown text, without their numbers.
fn numbered(markdown: &str) -> Vec<&str> {
    markdown
        .lines()
        .filter_map(|line| line.split_once(". "))
        .filter(|(number, _)| !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit()))
        .map(|(_, step)| step)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_the_numbered_lines() {
        let markdown =
            "# Facture\n\n1. Relever le montant. Puis lire.\n2. Dire : « Merci. »\n\nVoir aussi p. 3\n";
        assert_eq!(numbered(markdown), ["Relever le montant. Puis lire.", "Dire : « Merci. »"]);
    }
}
