//! How long a sentence waits for its decision, and how long learning takes; `cargo bench --bench intents`.
//!
//! `-- decision` asks `scenarios/telecom-fr` what callers of `fixtures/sentences` want, sentence by sentence as on a call:
//! one thread, nothing in a batch. `-- learning` learns 1,000 intents of 20 sentences each, once of ordinary words and once of
//! made-up ones, which an encoder cuts into twice as many pieces. Without an argument both.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use allo::call::Language;
use allo::home::Home;
use allo::intent::{Classifier, Example, Heard, Meaning, TrainOptions, band};
use allo::pipeline::learning;
use allo::progress::Progress;
use allo::scenario::Scenario;

const SCENARIO: &str = "scenarios/telecom-fr";
const SENTENCES: &str = "fixtures/sentences/telecom-fr.csv";
/// Passes over the sentences; the first one also fetches pages of the model.
const PASSES: usize = 3;
const INTENTS: usize = 1_000;
/// Of `/proc/self/stat`: ticks a second on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> anyhow::Result<()> {
    let home = Home::resolve(|name| std::env::var_os(name))?;
    let meaning = learning::sentence_encoder(&home)?;
    if meaning.is_none() {
        say("no sentence encoder on this machine: words alone");
    }
    let wanted = |part: &str| {
        let mut parts = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).peekable();
        parts.peek().is_none() || parts.any(|argument| argument == part)
    };
    if wanted("decision") {
        decision(&home, meaning.clone())?;
    }
    if wanted("learning") {
        learning("ordinary words", &thousand(ordinary), meaning.clone())?;
        learning("made-up words", &thousand(made_up), meaning)?;
    }
    Ok(())
}

fn decision(home: &Home, meaning: Option<Arc<dyn Meaning>>) -> anyhow::Result<()> {
    let scenario = Scenario::load(Path::new(SCENARIO))?;
    let sentences = column(SENTENCES, "text")?;
    let read: Vec<Heard> = sentences.iter().map(|text| Heard::from(text.as_str())).collect();
    let by_words = Classifier::train(&scenario.examples, &scenario.out_of_scope, &scenario.train_options())?;
    time_decisions("words alone", &by_words, &read);
    if meaning.is_some() {
        let by_meaning = learning::classifier(&scenario, home, meaning, &Progress::hidden())?;
        time_decisions("words and meaning", &by_meaning, &read);
        // A recogniser gives other readings of what it heard; each is read for its meaning as well.
        let others = |text: &String| {
            let (shorter, _) = text.rsplit_once(' ').unwrap_or((text, ""));
            Heard::from(text.as_str())
                .with_alternative(format!("{text} oui"), 0.5)
                .with_alternative(shorter.to_owned(), 0.3)
        };
        let heard: Vec<Heard> = sentences.iter().map(others).collect();
        time_decisions("words and meaning, two other readings", &by_meaning, &heard);
    }
    Ok(())
}

fn time_decisions(what: &str, classifier: &Classifier, sentences: &[Heard]) {
    let mut times_ms = Vec::new();
    let mut wishes = 0;
    let worked_before = processor_seconds();
    for _ in 0..PASSES {
        for heard in sentences {
            let start = now();
            let rankings = classifier.wishes(heard);
            let bands = rankings.iter().map(|ranking| band(ranking, &classifier.thresholds(), 1.0));
            wishes += bands.count();
            times_ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    // What a busy machine does meanwhile is in the times and not in this.
    let worked_ms = (processor_seconds() - worked_before) * 1e3 / times_ms.len() as f64;
    times_ms.sort_by(f64::total_cmp);
    let part = |share: f64| times_ms[(share * (times_ms.len() - 1) as f64) as usize];
    say(&format!(
        "{what}: {} sentences, {wishes} wishes; median {:.2} ms, 95th percentile {:.2} ms, longest {:.2} ms; \
         mean processor time {worked_ms:.2} ms",
        times_ms.len(),
        part(0.5),
        part(0.95),
        part(1.0)
    ));
}

fn learning(what: &str, examples: &[Example], meaning: Option<Arc<dyn Meaning>>) -> anyhow::Result<()> {
    let (start, worked_before) = (now(), processor_seconds());
    let options = TrainOptions::default();
    let classifier = match meaning {
        Some(meaning) => Classifier::train_with_meaning(examples, &[], &options, meaning)?,
        None => Classifier::train(examples, &[], &options)?,
    };
    let (elapsed, worked) = (start.elapsed().as_secs_f64(), processor_seconds() - worked_before);
    say(&format!(
        "{what}: {} sentences of {INTENTS} intents in {elapsed:.1} s, {worked:.1} s of processor time, at most {} of memory \
         so far; held out {:.3} right, calibration error {:.3}",
        examples.len(),
        peak_memory(),
        classifier.report().accuracy,
        classifier.report().calibration_error,
    ));
    Ok(())
}

/// 20 sentences for each intent.
fn thousand(sentence: impl Fn(usize, usize) -> (String, String)) -> Vec<Example> {
    let sentences = (0..INTENTS).flat_map(|intent| (0..20).map(move |frame| (intent, frame)));
    sentences
        .map(|(intent, frame)| {
            let (text, name) = sentence(intent, frame);
            Example::new(text, name, Language::Fr)
        })
        .collect()
}

/// What is done, to what, of which kind: 25 × 40 of them, in 20 frames.
fn ordinary(intent: usize, frame: usize) -> (String, String) {
    const DONE: [&str; 25] = [
        "payer",
        "modifier",
        "annuler",
        "suivre",
        "commander",
        "résilier",
        "vérifier",
        "renouveler",
        "transférer",
        "signaler",
        "bloquer",
        "activer",
        "contester",
        "recevoir",
        "déclarer",
        "prolonger",
        "comparer",
        "installer",
        "réparer",
        "échanger",
        "rembourser",
        "expédier",
        "retrouver",
        "consulter",
        "imprimer",
    ];
    const THINGS: [&str; 40] = [
        "facture",
        "contrat",
        "colis",
        "carte",
        "forfait",
        "assurance",
        "compte",
        "virement",
        "dossier",
        "abonnement",
        "commande",
        "livraison",
        "ligne",
        "box",
        "télévision",
        "téléphone",
        "adresse",
        "crédit",
        "prêt",
        "sinistre",
        "attestation",
        "remise",
        "garantie",
        "ordonnance",
        "bilan",
        "loyer",
        "quittance",
        "caution",
        "badge",
        "clé",
        "compteur",
        "relevé",
        "index",
        "acompte",
        "devis",
        "chantier",
        "remorque",
        "bagage",
        "billet",
        "visite",
    ];
    const FRAMES: [&str; 20] = [
        "je voudrais {} s'il vous plaît",
        "bonjour j'aimerais {}",
        "est-ce que je peux {}",
        "comment {}",
        "il faut que je puisse {} aujourd'hui",
        "{}",
        "c'est pour {}",
        "je vous appelle parce que je dois {} avant la fin du mois",
        "où faut-il aller pour {}",
        "je n'arrive pas à {} sur internet",
        "votre collègue m'a dit de rappeler pour {}",
        "pouvez-vous {}",
        "euh oui bonjour voilà je souhaite {}",
        "on m'a demandé de {}",
        "qui peut {} chez vous",
        "je n'ai pas encore réussi à {}",
        "mon mari voudrait {}",
        "combien ça coûte de {}",
        "dans quel délai pouvez-vous {}",
        "j'ai besoin de {} rapidement",
    ];
    let (done, thing) = (DONE[intent % DONE.len()], THINGS[intent / DONE.len()]);
    let own = ["mon", "le", "ce", "notre"][(intent + frame) % 4];
    (FRAMES[frame].replace("{}", &format!("{done} {own} {thing}")), format!("{done}_{thing}"))
}

/// A verb and a thing, in 20 frames with words of their own, none of which anybody has heard.
fn made_up(intent: usize, frame: usize) -> (String, String) {
    let syllables = ["ba", "co", "di", "fu", "ga", "le", "mi", "no", "pa", "ru"];
    let word = |number: usize, salt: usize| -> String {
        [number / 10, number, number * 7 + salt, salt].map(|index| syllables[index % 10]).concat()
    };
    let text = format!(
        "{} je voudrais {} mon {} {} s'il vous plaît {}",
        word(frame, 3),
        word(intent / 32, 5),
        word(intent % 32, 1),
        word(intent * 3 + frame % 4, 2),
        word(frame * 11, 8),
    );
    (text, format!("{}_{}", word(intent / 32, 5), intent))
}

fn column(file: &str, name: &str) -> anyhow::Result<Vec<String>> {
    let mut reader = csv::Reader::from_path(file)?;
    let place = reader.headers()?.iter().position(|header| header == name);
    let place = place.ok_or_else(|| anyhow::anyhow!("{file} has no column {name}"))?;
    reader.records().map(|record| Ok(record?[place].to_owned())).collect()
}

/// Of this process so far, all threads; 0 where nobody tells.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may hold spaces, and ends with the last bracket.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "an unknown amount".to_owned(), |amount| amount.trim().to_owned())
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn say(line: &str) {
    println!("{line}");
}
