//! `allo intents check|train|augment|list|test|replay|mine`: the scenario of a voicebot, seen by its owner.

mod augment;
mod review;
mod walk;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::Context as Surroundings;
use super::chat::sure_from;
use super::terminal::{say_error, write_stdout};
use crate::assistant::queries;
use crate::call::Language;
use crate::clock::SystemClock;
use crate::dialog::Plan;
use crate::dialog::plan::SourceKind;
use crate::eval::intent::Figures as _;
use crate::eval::routing::{Lead, Routing};
use crate::intent::{self, Band, Classifier, Heard, Weighed};
use crate::lookup::Sources;
use crate::pipeline::learning;
use crate::progress::{Progress, Unit};
use crate::scenario::rehearsals::conversations_of;
use crate::scenario::{Error, Scenario};

/// Arguments of `allo intents`.
#[derive(Debug, Args)]
pub struct IntentsArgs {
    /// By words alone, without the sentence encoder
    #[arg(long, global = true)]
    lexical: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a scenario folder: every mistake with its file, line and remedy
    Check {
        /// The scenario folder
        path: PathBuf,
        /// Also train on it and print what held-out sentences say
        #[arg(long)]
        measure: bool,
        /// Also have N random callers walk its dialogue in simulated time; exit code 1 when a promise is broken
        #[arg(
            long,
            value_name = "N",
            num_args = 0..=1,
            default_missing_value = walk::CALLS,
            value_parser = clap::value_parser!(u32).range(1..=walk::CALLS_MAX)
        )]
        walk: Option<u32>,
    },
    /// Learn a scenario now, so that a server that uses it starts at once
    Train {
        /// The scenario folder
        path: PathBuf,
    },
    /// Speak the examples over a telephone line and keep what the recogniser misheard in intents/heard.csv
    Augment(augment::AugmentArguments),
    /// List the intents with route and number of sentences per language
    List {
        /// The scenario folder
        path: PathBuf,
    },
    /// Hold the conversations of a scenario's tests/*.toml, or classify one sentence with --scenario
    Test {
        /// The scenario folder; with --scenario what a caller says
        #[arg(value_name = "FOLDER|TEXT")]
        text: String,
        /// The scenario folder, to classify a sentence
        #[arg(long, value_name = "PATH")]
        scenario: Option<PathBuf>,
        /// The language of the sentence, for the name of the route [default: that of the scenario]
        #[arg(long, value_name = "LANG")]
        language: Option<Language>,
    },
    /// Read sentences of stored conversations with another scenario and show which decisions change
    Replay {
        /// The scenario folder
        #[arg(long, value_name = "PATH")]
        scenario: PathBuf,
        #[command(flatten)]
        which: review::Which,
    },
    /// Group stored sentences that were not understood into proposals for examples and intents
    Mine {
        #[command(flatten)]
        which: review::Which,
    },
}

/// Wrong scenarios end with this code, as wrong usage does.
const WRONG_SCENARIO: u8 = 2;

/// Runs the command; its output goes to stdout.
///
/// # Errors
/// When stdout cannot be written or the scenario cannot be trained on.
pub fn run(context: &Surroundings, args: &IntentsArgs) -> anyhow::Result<ExitCode> {
    let path = match &args.command {
        Command::Check { path, .. } | Command::List { path } | Command::Train { path } => path,
        Command::Test { scenario: Some(path), .. } => path,
        Command::Augment(arguments) => &arguments.path,
        Command::Test { text, scenario: None, .. } => {
            return review::rehearse_folder(context, std::path::Path::new(text));
        }
        Command::Replay { scenario, which } => return review::replay_stored(context, scenario, which),
        Command::Mine { which } => return review::mine_stored(context, which),
    };
    // Conversations and queries that cannot be are mistakes for whoever asks for mistakes; nothing else needs them here.
    let is_check = matches!(args.command, Command::Check { .. });
    let loaded = if is_check { checked(path)? } else { Scenario::load(path) };
    let scenario = match loaded {
        Ok(scenario) => scenario,
        Err(error @ (Error::Mistakes { .. } | Error::Unreadable { .. })) => {
            say_error(&error);
            return Ok(ExitCode::from(WRONG_SCENARIO));
        }
    };
    let mut output = Vec::new();
    let mut broken = 0;
    match &args.command {
        Command::Augment(arguments) => return augment::run(context, arguments, &scenario),
        Command::Check { measure, walk, .. } => {
            let classifier = measure.then(|| learn(context, args, &scenario)).transpose()?;
            check(&mut output, &scenario, classifier)?;
            let walked = walk.map(|calls| walk::walked(&scenario, calls));
            let (text, count) = walked.unwrap_or_default();
            broken = count;
            write!(output, "{text}").context("the output cannot be written")
        }
        Command::Train { .. } => trained(&mut output, &learn(context, args, &scenario)?),
        Command::List { .. } => list(&mut output, &scenario),
        Command::Test { text, language, .. } => {
            let classifier = learn(context, args, &scenario)?;
            let sentence = Sentence { text, language: *language };
            test(&mut output, &scenario, &classifier, &sentence)
        }
        Command::Replay { .. } | Command::Mine { .. } => Ok(()),
    }?;
    write_stdout(&String::from_utf8(output).context("the output is not UTF-8")?)?;
    Ok(super::exit_code(broken))
}

/// The scenario in `folder`, if its conversations and its queries have no mistakes either. Asks the databases that are files
/// beside it; `allo doctor` asks those that are elsewhere.
fn checked(folder: &Path) -> anyhow::Result<Result<Scenario, Error>> {
    let scenario = match Scenario::load(folder) {
        Ok(scenario) => scenario,
        Err(error) => return Ok(Err(error)),
    };
    let mut mistakes = match conversations_of(folder, &scenario) {
        Ok(_) => Vec::new(),
        Err(Error::Mistakes { mistakes, .. }) => mistakes,
        Err(error @ Error::Unreadable { .. }) => return Ok(Err(error)),
    };
    let plan: &Plan = &scenario.plan;
    let sources = Sources::open(plan, |name| std::env::var(name).ok(), Arc::new(SystemClock));
    let is_file = |name: &str| {
        let source = plan.sources.get(name);
        source.is_some_and(|source| matches!(source.kind, SourceKind::Sqlite { .. }))
    };
    let found = block_on(queries::check((folder, plan), &sources, is_file))?;
    mistakes.extend(found.mistakes);
    if mistakes.is_empty() {
        return Ok(Ok(scenario));
    }
    Ok(Err(Error::Mistakes { path: folder.to_owned(), mistakes }))
}

fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    Ok(runtime.block_on(work))
}

struct Sentence<'a> {
    text: &'a str,
    language: Option<Language>,
}

/// The classifier of the scenario: learnt before, or now.
fn learn(context: &Surroundings, args: &IntentsArgs, scenario: &Scenario) -> anyhow::Result<Classifier> {
    let meaning = if args.lexical { None } else { learning::sentence_encoder(&context.home)? };
    let progress = Progress::start("learning the intents of the scenario", Unit::Time, None);
    let classifier = learning::classifier(scenario, &context.home, meaning, &progress)
        .with_context(|| format!("cannot train on scenario `{}`", scenario.name))?;
    progress.finish(&format!("{} intents", classifier.intents().len()));
    Ok(classifier)
}

fn trained(output: &mut impl Write, classifier: &Classifier) -> anyhow::Result<()> {
    let report = classifier.report();
    writeln!(
        output,
        "{} intents, {:.1} % of {} held-out sentences right",
        classifier.intents().len(),
        100.0 * report.accuracy,
        report.held_out
    )?;
    match report.meaning_share {
        0.0 => writeln!(output, "by words alone: no sentence encoder (`allo models pull e5-small`)")?,
        share => writeln!(output, "meanings count {:.0} %, words the rest", 100.0 * share)?,
    }
    Ok(())
}

fn check(output: &mut impl Write, scenario: &Scenario, classifier: Option<Classifier>) -> anyhow::Result<()> {
    let misheard = scenario.examples.iter().filter(|one| one.said.is_some()).count();
    writeln!(
        output,
        "{}: {} intents, {} routes, {} sentences, {} misheard, {} out of scope: no mistakes",
        scenario.name,
        scenario.intents.len(),
        scenario.routes.len(),
        scenario.examples.len() - misheard,
        misheard,
        scenario.out_of_scope.len()
    )?;
    for warning in &scenario.warnings {
        writeln!(output, "warning: {warning}")?;
    }
    let Some(classifier) = classifier else { return Ok(()) };
    let report = classifier.report();
    writeln!(output, "held out in turn: {} sentences", report.held_out)?;
    writeln!(output, "accuracy {:.1} %", 100.0 * report.accuracy)?;
    for (language, accuracy) in &report.accuracy_by_language {
        writeln!(output, "  {language} {:.1} %", 100.0 * accuracy)?;
    }
    writeln!(output, "calibration error {:.1} %", 100.0 * report.calibration_error)?;
    if let Some(recall) = report.out_of_scope_recall {
        writeln!(output, "out of scope rejected {:.1} %", 100.0 * recall)?;
    }
    let thresholds = classifier.thresholds();
    writeln!(output, "thresholds: in scope {:.3}, {}", thresholds.in_scope, sure_from(thresholds.sure))?;
    // Dearer and cheaper routes, by their id.
    for (id, route) in scenario.plan.routes.iter().filter(|(_, route)| route.wrong_transfer_cost != 1.0) {
        writeln!(output, "  {id}: {}", sure_from(intent::sure_from(&thresholds, route.wrong_transfer_cost)))?;
    }
    let routing = Routing { classifier, leads: leads(scenario) };
    write!(output, "\nas calls would be led, held out in turn:\n{}", routing.measure_held_out().text())?;
    Ok(())
}

/// Where each intent of a scenario leads.
pub(super) fn leads(scenario: &Scenario) -> BTreeMap<String, Lead> {
    let lead = |(intent, route): (&String, &String)| {
        let wrong_transfer_cost = scenario.plan.wrong_transfer_cost(intent);
        (intent.clone(), Lead { route: route.clone(), wrong_transfer_cost })
    };
    scenario.intents.iter().map(lead).collect()
}

fn list(output: &mut impl Write, scenario: &Scenario) -> anyhow::Result<()> {
    for (intent, route) in &scenario.intents {
        write!(output, "{intent:<32} {route:<16}")?;
        for &language in &scenario.languages {
            let sentences = scenario
                .examples
                .iter()
                .filter(|one| one.said.is_none() && one.intent == *intent && one.language == language);
            write!(output, " {language} {:>3}", sentences.count())?;
        }
        writeln!(output)?;
    }
    Ok(())
}

fn test(
    output: &mut impl Write,
    scenario: &Scenario,
    classifier: &Classifier,
    sentence: &Sentence<'_>,
) -> anyhow::Result<()> {
    let cost_of = |intent: &str| scenario.plan.wrong_transfer_cost(intent);
    let language = sentence.language.unwrap_or(scenario.default_language);
    for (index, wish) in classifier.weigh(&Heard::from(sentence.text), cost_of).iter().enumerate() {
        if index > 0 {
            writeln!(output)?;
        }
        for candidate in &wish.ranking.candidates {
            writeln!(output, "{:>6.1} %  {}", 100.0 * candidate.probability, candidate.intent)?;
        }
        writeln!(
            output,
            "in scope {:.3} (at least {:.3}), {}",
            wish.ranking.in_scope,
            classifier.thresholds().in_scope,
            sure_from(wish.sure_from)
        )?;
        writeln!(output, "decision: {}", decision(scenario, wish, language))?;
    }
    Ok(())
}

/// What a dialogue does about `wish`, in words.
fn decision(scenario: &Scenario, wish: &Weighed, language: Language) -> String {
    let name = |rank: usize| wish.ranking.candidates.get(rank).map_or("-", |one| one.intent.as_str());
    match wish.band {
        Band::Sure => {
            let route = scenario.route_of(name(0)).unwrap_or("-");
            let label = scenario.route(route).and_then(|route| route.label.get(&language));
            format!("{} → {}", name(0), label.map_or(route, String::as_str))
        }
        Band::Nearly => format!("unsure, ask whether it is {}", name(0)),
        Band::TwoCandidates => format!("unsure, ask which of {} and {}", name(0), name(1)),
        Band::Lost => "unsure, ask again".to_owned(),
        Band::OutOfScope => "out of scope, ask again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::IntentScore;
    use crate::intent::{Ranking, Thresholds};

    #[test]
    fn a_sentence_is_decided_as_in_a_dialogue_by_what_a_wrong_transfer_costs() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/pharma-fr");
        let scenario = Scenario::load(&folder).unwrap();
        let thresholds = Thresholds { in_scope: 0.3, likely: 0.6, sure: 0.9 };
        let told = |best: (&str, f32), second: (&str, f32)| {
            let candidates = [best, second]
                .map(|(intent, probability)| IntentScore { intent: intent.to_owned(), probability });
            let ranking = Ranking { candidates: candidates.into(), in_scope: 0.9 };
            let cost_of = |intent: &str| scenario.plan.wrong_transfer_cost(intent);
            decision(&scenario, &Weighed::of(ranking, &thresholds, cost_of), Language::Fr)
        };
        let (bill, effect) = ("copie_facture", "effet_indesirable");
        assert!(told((bill, 0.93), (effect, 0.02)).starts_with("copie_facture → "));
        // A wrong transfer there costs five ordinary ones.
        assert_eq!(told((effect, 0.93), (bill, 0.02)), "unsure, ask whether it is effet_indesirable");
        assert_eq!(
            told((effect, 0.5), (bill, 0.4)),
            "unsure, ask which of effet_indesirable and copie_facture"
        );
        assert_eq!(told((bill, 0.3), (effect, 0.1)), "unsure, ask again");
    }
}
