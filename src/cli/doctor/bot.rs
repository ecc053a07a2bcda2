//! What the bot needs besides models: a scenario without mistakes, a voice, the sources that answers come from, and the
//! secrets of those who are told of a hand-over.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::{Finding, Health};
use crate::assistant::queries::{self, Checked};
use crate::call::Language;
use crate::cli::Context;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::dialog::Plan;
use crate::dialog::plan::CatalogPlan;
use crate::lookup::Sources;
use crate::scenario::{Mistake, Scenario};
use crate::voice::Voice;
use crate::webhook;

/// Section `[bot]`: nothing of it is started, and nothing is learnt.
pub(super) fn bot_findings(context: &Context, config: &Config) -> anyhow::Result<Vec<Finding>> {
    let Some(folder) = &config.bot.scenario else {
        return Ok(vec![Finding::well("bot", "no scenario in [bot]: no call is answered")]);
    };
    let scenario = match Scenario::load(folder) {
        Ok(scenario) => scenario,
        Err(error) => return Ok(vec![Finding::failed("bot", &error)]),
    };
    let mut findings = vec![Finding::well("bot", about(&scenario, folder))];
    findings.extend(voice_findings(context, config, &scenario.plan));
    findings.extend(source_findings(folder, &scenario.plan)?);
    Ok(findings)
}

/// Section `[handover]`: whether each webhook can be signed. Nothing is sent: a receiver would take it for a call.
pub(super) fn webhook_findings(config: &Config) -> Vec<Finding> {
    let routes = config.bot.scenario.as_deref().and_then(|folder| Scenario::load(folder).ok());
    let webhooks = config.handover.webhook.iter();
    webhooks
        .map(|webhook| {
            let part = format!("webhook {}", webhook.name);
            let plan = routes.as_ref().map(|scenario| &scenario.plan);
            let unknown =
                webhook.routes.iter().find(|id| plan.is_some_and(|plan| !plan.routes.contains_key(*id)));
            if let Some(id) = unknown {
                let detail = format!("the scenario has no route `{id}`");
                return Finding::ill(&part, detail, "correct `routes`, or leave it out for all of them");
            }
            match webhook::poster(webhook, |name| std::env::var(name).ok()) {
                Ok(_) => {
                    let test = format!("allo webhook test --name {}", webhook.name);
                    Finding::well(&part, format!("can be signed; `{test}` tries the receiver"))
                }
                Err(error) => Finding::failed(&part, &error),
            }
        })
        .collect()
}

/// A scenario in a line.
pub(super) fn about(scenario: &Scenario, folder: &Path) -> String {
    let plan = &scenario.plan;
    format!(
        "{}: {} intents, {} routes, from {}",
        plan.name,
        plan.intents.len(),
        plan.routes.len(),
        folder.display()
    )
}

/// A language that nobody speaks keeps the bot from starting where it is the scenario's own; callers in another one are
/// then answered in that.
fn voice_findings(context: &Context, config: &Config, plan: &Plan) -> Vec<Finding> {
    let voice = match Voice::new(&config.voice, &context.home) {
        Ok(voice) => voice,
        Err(error) => return vec![Finding::failed("bot voice", &error)],
    };
    let finding = |language: Language| {
        let part = format!("bot voice {}", language.code());
        match voice.warm_up(language) {
            Ok(engine) => Finding::well(&part, engine.to_string()),
            Err(error) if language == plan.default_language => Finding::failed(&part, &error),
            Err(error) => Finding { health: Health::Lacking, ..Finding::failed(&part, &error) },
        }
    };
    plan.languages.iter().copied().map(finding).collect()
}

fn source_findings(folder: &Path, plan: &Plan) -> anyhow::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sources = Sources::open(plan, |name| std::env::var(name).ok(), Arc::new(SystemClock));
    let mut findings = Vec::new();
    let mut answering = BTreeSet::new();
    for name in plan.sources.keys() {
        let part = format!("source {name}");
        findings.push(match runtime.block_on(sources.reach(name)) {
            Ok(()) => {
                answering.insert(name.as_str());
                Finding::well(&part, "answers")
            }
            Err(error) => Finding::failed(&part, &error),
        });
    }
    let asked = queries::check((folder, plan), &sources, |source| answering.contains(source));
    findings.extend(query_findings(&runtime.block_on(asked)));
    for (name, catalog) in &plan.catalogs {
        let CatalogPlan::Query { source, query, .. } = catalog else { continue };
        let part = format!("catalogue {name}");
        findings.push(match runtime.block_on(sources.entries(source, query)) {
            Ok(entries) if entries.is_empty() => {
                Finding::ill(&part, "holds no name", format!("look at its query and at source `{source}`"))
            }
            Ok(entries) => Finding::well(&part, format!("{} names", entries.len())),
            Err(error) => Finding::failed(&part, &error),
        });
    }
    Ok(findings)
}

/// Queries that were prepared and not run.
fn query_findings(checked: &Checked) -> Vec<Finding> {
    if checked.mistakes.is_empty() && checked.queries > 0 {
        let detail = format!("{} can run and give what is said of them", checked.queries);
        return vec![Finding::well("queries", detail)];
    }
    let ill = |mistake: &Mistake| {
        let line = mistake.line.map(|line| format!(":{line}")).unwrap_or_default();
        let detail = format!("{}{line}: {}", mistake.file.display(), mistake.problem);
        Finding::ill("query", detail, mistake.remedy.as_str())
    };
    checked.mistakes.iter().map(ill).collect()
}
