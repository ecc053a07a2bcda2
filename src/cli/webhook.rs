//! `allo webhook`: secrets for webhooks, and whether a receiver takes what is signed and nothing else.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::terminal::{say, write_stdout};
use super::{Context, exit_code};
use crate::clock::{Clock as _, SystemClock};
use crate::webhook::config::Webhook;
use crate::webhook::schedule::Outcome;
use crate::webhook::{self, Poster, sign};

/// Older than any receiver takes: the scheme's libraries allow five minutes.
const LONG_AGO: Duration = Duration::from_secs(600);
/// Where `--url` looks for its secret when none is named.
const USUAL_VARIABLE: &str = "ALLO_WEBHOOK_SECRET";

/// Arguments of `allo webhook`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a secret; both sides keep it.
    Secret,
    /// Send a sample hand-over, well and badly signed, and say whether the receiver does what it should.
    Test(TestArguments),
}

#[derive(Debug, Args)]
struct TestArguments {
    /// Name of a webhook of the configuration; all of them without.
    #[arg(long, conflicts_with = "url")]
    name: Option<String>,
    /// An address instead of those of the configuration.
    #[arg(long)]
    url: Option<String>,
    /// Environment variable with the secret for --url.
    #[arg(long, value_name = "VARIABLE", default_value = USUAL_VARIABLE, requires = "url")]
    secret_env: String,
    /// Let --url be plain HTTP beyond this machine.
    #[arg(long, requires = "url")]
    allow_plain: bool,
}

/// Runs `allo webhook`. stdout gets one line a check; exit code 1: a receiver did not do what it should.
pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.action {
        Action::Secret => {
            write_stdout(&format!("{}\n", sign::generate()?.reveal()))?;
            say(
                "give it to the receiver and to Allo, by an environment variable (secret_env) or a file (secret_file)",
            );
            Ok(ExitCode::SUCCESS)
        }
        Action::Test(arguments) => {
            let mut wrong = 0;
            for webhook in wanted(context, arguments)? {
                let poster = webhook::poster(&webhook, |name| std::env::var(name).ok())?;
                wrong += try_out(&webhook.name, &poster)?;
            }
            Ok(exit_code(wrong))
        }
    }
}

fn wanted(context: &Context, arguments: &TestArguments) -> anyhow::Result<Vec<Webhook>> {
    if let Some(url) = &arguments.url {
        let webhook = Webhook {
            secret_env: Some(arguments.secret_env.clone()),
            allow_plain: arguments.allow_plain,
            ..Webhook::new(url)
        };
        if let Some(expected) = webhook.wrong_address() {
            bail!("--url: expected {expected}");
        }
        return Ok(vec![webhook]);
    }
    let mut webhooks = context.load_config()?.handover.webhook;
    if let Some(name) = &arguments.name {
        webhooks.retain(|webhook| webhook.name == *name);
    }
    if webhooks.is_empty() {
        bail!(
            "no such webhook in the configuration\nhint: add [[handover.webhook]], or name an address with --url"
        );
    }
    Ok(webhooks)
}

/// What a receiver should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Taken,
    Refused,
}

impl Expected {
    const fn is_met_by(self, outcome: Outcome) -> bool {
        match (self, outcome) {
            (Self::Taken, Outcome::Answered { status, .. }) => status >= 200 && status < 300,
            (Self::Refused, Outcome::Answered { status, .. }) => status >= 400 && status < 500,
            (Self::Taken | Self::Refused, Outcome::TimedOut | Outcome::Unreachable(_)) => false,
        }
    }
}

/// Sends the samples; how many checks a receiver failed.
fn try_out(name: &str, poster: &Poster) -> anyhow::Result<usize> {
    let now = SystemClock.wall();
    let handover = webhook::sample(now);
    let body = webhook::body(&handover, true);
    let id = format!("msg_test_{}", handover.call.0.simple());
    // Of the right length, made with no key.
    let forged = format!("v1,{}=", "A".repeat(43));
    let mut wrong = 0;
    let mut check = |what: &str, expected: Expected, send: &dyn Fn() -> Outcome| {
        let began = SystemClock.monotonic();
        let outcome = send();
        let took_ms = SystemClock.monotonic().duration_since(began).as_millis();
        let verdict = match (expected.is_met_by(outcome), expected) {
            (true, _) => "right",
            (false, Expected::Taken) => "WRONG: it should be taken (2xx)",
            (false, Expected::Refused) => {
                "WRONG: it should be refused (4xx), the receiver does not check this"
            }
        };
        wrong += usize::from(!expected.is_met_by(outcome));
        write_stdout(&format!("{name}: {what}: {} in {took_ms} ms: {verdict}\n", told(outcome)))
    };
    check("a hand-over", Expected::Taken, &|| poster.post(&id, now, &body))?;
    check("the same once more", Expected::Taken, &|| poster.post(&id, now, &body))?;
    check("with a wrong signature", Expected::Refused, &|| poster.post_signed(&id, now, (&body, &forged)))?;
    check("signed ten minutes ago", Expected::Refused, &|| poster.post(&id, now - LONG_AGO, &body))?;
    Ok(wrong)
}

fn told(outcome: Outcome) -> String {
    match outcome {
        Outcome::Answered { status, .. } => format!("status {status}"),
        Outcome::TimedOut => "no answer in time".to_owned(),
        Outcome::Unreachable(why) => format!("not reached ({why})"),
    }
}
