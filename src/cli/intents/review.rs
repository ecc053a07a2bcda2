//! `allo intents test FOLDER`, `replay` and `mine`: conversations that a scenario must hold, and what callers really said.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;

use super::super::Context as Surroundings;
use super::super::terminal::{say_error, write_stdout};
use super::{WRONG_SCENARIO, block_on};
use crate::assistant::review::{ProposalKind, Reading, mine, replay};
use crate::assistant::{Assistant, rehearse};
use crate::call::decision::DecisionRecord;
use crate::clock::{Clock as _, SystemClock};
use crate::scenario::rehearsals;
use crate::store::{DecisionQuery, Store};
use crate::text::duration;

/// Decisions that are looked at, the newest.
const DECISIONS_MAX: u32 = 100_000;
/// Sentences of one proposal that are shown.
const SHOWN: usize = 8;

/// Which decisions are looked at.
#[derive(Debug, Args)]
pub struct Which {
    /// Only those not older than this: `7d`, `12h`, or a time such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only those of the scenario of this name
    #[arg(long, value_name = "NAME")]
    of: Option<String>,
    /// Database file [default: that of the data folder]
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// Holds the conversations of `tests/*.toml`; exit code 1 when one is not held as written.
pub(super) fn rehearse_folder(context: &Surroundings, folder: &Path) -> anyhow::Result<ExitCode> {
    let written = match rehearsals::conversations(folder) {
        Ok(written) => written,
        Err(error) => {
            say_error(&error);
            return Ok(ExitCode::from(WRONG_SCENARIO));
        }
    };
    if written.iter().all(|(_, conversations)| conversations.is_empty()) {
        bail!(
            "{} has no conversations\nhint: write some into tests/*.toml, see docs/answers.md",
            folder.display()
        );
    }
    let results = block_on(async {
        let assistant = Assistant::open(folder, &context.home, Arc::new(SystemClock)).await?;
        if let Err(error) = rehearsals::conversations_of(folder, assistant.understanding().scenario()) {
            return anyhow::Ok(Err(error));
        }
        Ok(Ok(rehearse(&Arc::new(assistant), &written).await))
    })??;
    let results = match results {
        Ok(results) => results,
        Err(error) => {
            say_error(&error);
            return Ok(ExitCode::from(WRONG_SCENARIO));
        }
    };
    let mut text = String::new();
    let mut failed = 0;
    for result in &results {
        // Writing into a String cannot fail.
        match &result.failure {
            None => {
                let _ = write!(text, "ok      {}: {}", result.file.display(), result.name);
                let questions = match result.questions {
                    0 => String::new(),
                    count => format!(" (asked {count} × first whether it was understood)"),
                };
                let _ = writeln!(text, "{questions}");
            }
            Some(failure) => {
                failed += 1;
                let _ =
                    writeln!(text, "FAILED  {}: {}: {}", result.file.display(), result.name, failure.problem);
                for line in &failure.transcript {
                    let _ = writeln!(text, "          {line}");
                }
            }
        }
    }
    let _ = writeln!(text, "{} conversations, {failed} not as written", results.len());
    write_stdout(&text)?;
    Ok(super::super::exit_code(failed))
}

/// Reads stored sentences with another scenario and shows what changes.
pub(super) fn replay_stored(
    context: &Surroundings,
    folder: &Path,
    which: &Which,
) -> anyhow::Result<ExitCode> {
    let text = block_on(async {
        let records = decisions(context, which).await?;
        let assistant = Assistant::open(folder, &context.home, Arc::new(SystemClock)).await?;
        let found = replay(&assistant, &records);
        let mut text = format!("{} sentences, {} read differently\n", found.sentences, found.changed.len());
        for ((then, now), count) in &found.routes {
            let _ = writeln!(text, "{count:>6}  {then} → {now}");
        }
        let reading = |reading: &Reading| {
            let intent = reading.intent.as_deref().unwrap_or("-");
            let led_to = reading.led_to.as_ref().map(|led_to| format!(" ({led_to})"));
            format!("{} {intent}{}", reading.band, led_to.unwrap_or_default())
        };
        let wishes = |wishes: &[Reading]| wishes.iter().map(reading).collect::<Vec<_>>().join(" + ");
        for changed in &found.changed {
            let _ = writeln!(
                text,
                "{} → {}: {}",
                wishes(&changed.then),
                wishes(&changed.now),
                changed.sentence.reveal()
            );
        }
        anyhow::Ok(text)
    })??;
    write_stdout(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Groups what was not understood into proposals.
pub(super) fn mine_stored(context: &Surroundings, which: &Which) -> anyhow::Result<ExitCode> {
    let records = block_on(decisions(context, which))??;
    let proposals = mine(&records);
    let mut text = format!(
        "{} turns, {} groups of sentences that were not understood\n",
        records.len(),
        proposals.len()
    );
    for proposal in &proposals {
        let what = match &proposal.kind {
            ProposalKind::Examples(intent) => format!("further examples of {intent}"),
            ProposalKind::NewIntent => "an intent of its own".to_owned(),
        };
        let _ = writeln!(text, "\n{} sentences, {}: {what}", proposal.sentences.len(), proposal.language);
        for sentence in proposal.sentences.iter().take(SHOWN) {
            let _ = writeln!(text, "  {}", sentence.reveal());
        }
    }
    write_stdout(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn decisions(context: &Surroundings, which: &Which) -> anyhow::Result<Vec<DecisionRecord>> {
    let since = which.since.as_deref().map(moment).transpose()?;
    let path = which.database.clone().unwrap_or_else(|| context.home.store_file());
    let store = Store::open(&path).await?;
    let query = DecisionQuery { scenario: which.of.clone(), since, call: None, limit: DECISIONS_MAX };
    Ok(store.decisions(&query).await?)
}

/// A time, or how long ago.
fn moment(text: &str) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let ago = duration::parse(text).with_context(|| {
        format!("`{text}` is neither a time nor a duration\nhint: write 7d or 2026-11-01T00:00:00Z")
    })?;
    Ok(SystemClock.wall().saturating_sub(jiff::SignedDuration::try_from(ago)?)?)
}
