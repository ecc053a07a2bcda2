//! `allo serve`: other programs speak to Allo over HTTP and WebSocket.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::terminal::{explain, say, write_stdout};
use super::{Context, SOME_FAILED};
use crate::bot::{self, Bot};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::live::{self, Live};
use crate::pipeline::learning::BesideCalls;
use crate::pipeline::machinery;
use crate::redact::Redacted;
use crate::serve::keys::KEY_VARIABLE;
use crate::serve::{Offer, Parts, Server};
use crate::store::{Claim, Store};
use crate::voice::Voice;
use crate::webhook::{self, Webhooks};

/// How long attempts at webhooks that are under way are waited for; they are made again at the next start.
const WEBHOOKS_STOP_WITHIN: Duration = Duration::from_secs(5);

/// Arguments of `allo serve`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Address and port to listen on; port 0 takes a free one. Overrides `[serve] listen`.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// What live calls run on, with the store in which they are kept.
fn live_parts(config: &Config, context: &Context) -> anyhow::Result<live::Parts> {
    let mut parts = live::machinery::parts(config, &context.home)?;
    parts.turn = config.turn.clone();
    let file = context.home.store_file();
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    // Nothing of the opening stays on this runtime: the pool of the store makes its own tasks where it is used.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    parts.store = Some(runtime.block_on(Store::open(&file))?);
    Ok(parts)
}

/// The webhooks of the configuration, if it has any.
fn webhooks(
    config: &Config,
    store: Option<Store>,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<Option<Arc<Webhooks>>> {
    let Some(store) = store.filter(|_| !config.handover.webhook.is_empty()) else { return Ok(None) };
    let parts = webhook::Parts { config: config.handover.clone(), store, clock: Arc::new(SystemClock) };
    Ok(Some(runtime.block_on(Webhooks::start(parts, |name| std::env::var(name).ok()))?))
}

/// Traces of calls, where the build has them and the environment says where they go.
struct Tracing {
    #[cfg(feature = "otel")]
    traces: Option<crate::traces::Traces>,
}

impl Tracing {
    #[cfg(feature = "otel")]
    fn start(live: &Live, runtime: &tokio::runtime::Runtime) -> anyhow::Result<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let traces = crate::traces::Traces::from_environment(variable, Arc::new(SystemClock))?;
        if let Some(traces) = &traces {
            traces.follow_all(live, runtime.handle().clone());
        }
        Ok(Self { traces })
    }

    #[cfg(not(feature = "otel"))]
    fn start(_live: &Live, _runtime: &tokio::runtime::Runtime) -> anyhow::Result<Self> {
        if std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some() {
            say("no traces: this build of allo has no OpenTelemetry (docs/serve.md, \"Traces\")");
        }
        Ok(Self {})
    }

    /// Sends what is left.
    fn stop(self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces {
            traces.stop();
        }
    }
}

/// The bot of section `[bot]`, where one is configured. A scenario with mistakes, or a voice that is missing, ends the
/// start.
async fn bot(
    config: &Config,
    context: &Context,
    store: Option<Store>,
    pace: BesideCalls,
) -> anyhow::Result<Option<Arc<Bot>>> {
    let Some(scenario) = config.bot.scenario.clone() else { return Ok(None) };
    let parts = bot::Parts {
        scenario,
        config: config.bot.clone(),
        voice: Voice::new(&config.voice, &context.home)?,
        store,
        home: context.home.clone(),
        pace: Arc::new(pace),
        clock: Arc::new(SystemClock),
    };
    Ok(Some(Arc::new(Bot::open(parts).await?)))
}

/// Looks at the files of the bot's scenario from time to time, and at once when `asked`.
async fn keep_up_to_date(bot: Arc<Bot>, mut asked: Signal) {
    let every = bot.config().reload;
    loop {
        let result = if every.is_zero() {
            asked.recv().await;
            bot.reload().await.map(Some)
        } else {
            tokio::select! {
                _ = asked.recv() => bot.reload().await.map(Some),
                () = tokio::time::sleep(every) => bot.look().await,
            }
        };
        if let Err(error) = result {
            let told = explain(&error).message;
            tracing::error!(error = told, "the scenario is refused, the one before stays");
        }
    }
}

/// Keeps the catalogues of the bot's scenario as new as it says, whether anybody calls or not.
async fn keep_catalogs(bot: Arc<Bot>) {
    loop {
        let wait = bot.keep_catalogs().await;
        tokio::time::sleep(wait).await;
    }
}

/// Runs `allo serve`. stdout gets one line of JSON when the service is ready.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut config = context.load_config()?;
    if let Some(listen) = arguments.listen {
        config.serve.listen = listen;
    }
    let environment_key = std::env::var(KEY_VARIABLE).ok().map(Redacted::new);
    Server::check(&config.serve, environment_key.as_ref())?;
    for webhook in &config.handover.webhook {
        webhook::poster(webhook, |name| std::env::var(name).ok())?;
    }
    // Held to the end of the process, whatever way it ends.
    let _claim = Claim::take(&context.home.store_file())?;
    let live = live_parts(&config, context)?;
    let transcriber = machinery::beside(Arc::clone(&live.pool), &config, &context.home)?;
    let turn = live.turn.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let store = live.store.clone();
    let pace = BesideCalls::new(&live.pool, &config);
    let bot = runtime.block_on(bot(&config, context, store.clone(), pace))?;
    let live = Live::start(live, &config.live)?;
    let webhooks = webhooks(&config, store, &runtime)?;
    if let Some(webhooks) = &webhooks {
        webhooks.follow_all(&live, runtime.handle().clone());
    }
    let tracing = Tracing::start(&live, &runtime)?;
    let parts = Parts {
        environment_key,
        offer: Offer { model: config.asr.model.clone(), languages: config.asr.languages.clone() },
        workers: machinery::workers(&config),
        transcriber: Arc::new(transcriber),
        live: Some(live),
        webhooks: webhooks.clone(),
        bot: bot.clone(),
        turn,
        clock: Arc::new(SystemClock),
        config: config.serve,
    };
    let ended_in_time = runtime.block_on(async {
        // Before the ready line: who has read it may send a signal at once.
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let hang_up = bot.is_some().then(|| signal(SignalKind::hangup())).transpose()?;
        let server = Server::bind(parts).await?;
        if let (Some(bot), Some(hang_up)) = (bot, hang_up) {
            tokio::spawn(keep_catalogs(Arc::clone(&bot)));
            tokio::spawn(keep_up_to_date(bot, hang_up));
        }
        write_stdout(&format!("{}\n", server.ready_line()))?;
        say(&format!("serving {}", server.url()));
        let stopped = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            say("stopping: what is under way may finish");
        };
        let ended_in_time = server.run(stopped).await;
        if let Some(webhooks) = webhooks {
            webhooks.stop(WEBHOOKS_STOP_WITHIN).await;
        }
        Ok::<_, anyhow::Error>(ended_in_time)
    })?;
    tracing.stop();
    // Work on blocking threads that nobody waits for any more must not hold the process.
    runtime.shutdown_background();
    if !ended_in_time {
        say("some requests were cut off: they did not end within serve.drain");
        return Ok(ExitCode::from(SOME_FAILED));
    }
    Ok(ExitCode::SUCCESS)
}
