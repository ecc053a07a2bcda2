//! The dialogue on live calls, with real models and voices: `allo serve` answers the telephone, of every vendor.

use std::fs;
use std::path::{Path, PathBuf};

use crate::allo::{Home, needs_models};
use crate::serve::{Service, client_says};

const KEY: &str = "a-key-for-this-test-only";
const MODELS: &[&str] = &["whisper-base", "silero-vad", "onnxruntime", "smart-turn-v3.2", "pico-fr-FR"];
/// A product of scenarios/pharma-fr/stock.sql of which there is enough.
const PRODUCT: &str = "Velmoxine";

/// A copy of the scenario whose teams can always be reached, so that the test does not look at the clock.
fn open_scenario(folder: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/pharma-fr");
    let to = folder.join("scenario");
    copy(&from, &to);
    let file = to.join("scenario.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (mut kept, mut is_in_hours) = (String::new(), false);
    for line in text.lines().filter(|line| !line.starts_with("hours =")) {
        is_in_hours = line == "[routes.hours]" || is_in_hours && !line.starts_with('[');
        if !is_in_hours {
            kept.push_str(line);
            kept.push('\n');
        }
        if line.starts_with("id = ") {
            kept.push_str("hours = \"always\"\n");
        }
    }
    // A key that means nothing: reload.py presses it to hear the question again.
    let (before, behind) = kept.split_once("[[keypad]]\ndigit = 9\n").expect("the scenario has a ninth key");
    let (_, behind) = behind.split_once("\n\n").expect("something follows the ninth key");
    // What is likely is acted on without a question: when the bot asks is no matter of these tests.
    let careful = "sure_precision = 0.9";
    assert!(before.contains(careful), "the scenario says how sure the bot must be");
    fs::write(&file, format!("{}{behind}", before.replace(careful, "sure_precision = 0.5"))).unwrap();
    // How well a made-up name is heard is no matter of these tests.
    let answer = to.join("answers/disponibilite_produit.toml");
    let text = fs::read_to_string(&answer).unwrap();
    assert!(text.contains("confirm = \"unsure\""), "the scenario reads a product back");
    fs::write(&answer, text.replace("confirm = \"unsure\"", "confirm = \"never\"")).unwrap();
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A sentence in the voice of Pico, as it leaves a telephone: 8 kHz, 300 to 3,400 Hz.
fn spoken(home: &Home, name: &str, text: &str) -> String {
    let file = home.path(name).to_str().unwrap().to_owned();
    home.allo(["say", text, "--language", "fr", "--output", &file]).run().succeeds();
    file
}

fn config(scenario: &Path, rest: &str) -> String {
    format!("[live]\nadmission = false\n[bot]\nscenario = \"{}\"\n{rest}", scenario.display())
}

#[test]
fn a_caller_asks_for_a_product_hears_the_stock_and_reaches_a_person_with_all_that_is_known() {
    needs_models(MODELS);
    let home = Home::new();
    let scenario = open_scenario(home.path("").as_path());
    let question = format!("Bonjour, est-ce que la {PRODUCT} est disponible ?");
    let question = spoken(&home, "question.wav", &question);
    let human = spoken(&home, "human.wav", "Je veux parler à quelqu'un.");
    // Who says no reason twice gets a person; a reason would have to be heard right.
    let reason = spoken(&home, "reason.wav", "Je veux parler à quelqu'un.");
    let service =
        Service::start(&config(&scenario, "[serve.audiosocket]\nlisten = \"127.0.0.1:0\"\n"), Some(KEY));
    let socket = service.audiosocket.clone().expect("the ready line tells where");
    let address = service.address.clone();
    let arguments = [&address, KEY, &question, &human, &reason, PRODUCT, &socket];
    let call = client_says("bot.py", &arguments);
    // Both sides of the call are in its record.
    let search = service.home.allo(["search", PRODUCT, "--format", "json"]);
    let found = search.env("ALLO_HOME", service.home.path("home")).run().succeeds().stdout();
    assert!(found.contains(call.trim()) && found.contains("bot") && found.contains("en stock"), "{found}");
    // The same greeting to a peer of every vendor that plays what it is sent; each speaks into it.
    client_says("played.py", &[&address, KEY, &question]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_changed_scenario_is_taken_while_calls_go_on_and_a_broken_one_is_not() {
    needs_models(MODELS);
    let home = Home::new();
    let scenario = open_scenario(home.path("").as_path());
    let service = Service::start(&config(&scenario, "reload = \"0\"\n"), Some(KEY));
    let process = service.process.id().to_string();
    client_says("reload.py", &[&service.address, KEY, scenario.to_str().unwrap(), "told", &process]);
    assert_eq!(service.stop(), Some(0));
    let scenario = open_scenario(home.path("").as_path());
    let service = Service::start(&config(&scenario, "reload = \"1s\"\n"), Some(KEY));
    client_says("reload.py", &[&service.address, KEY, scenario.to_str().unwrap(), "watched"]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_scenario_with_mistakes_keeps_the_service_from_starting_and_each_is_named() {
    needs_models(MODELS);
    let home = Home::new();
    let scenario = open_scenario(home.path("").as_path());
    let file = scenario.join("scenario.toml");
    let text =
        fs::read_to_string(&file).unwrap().replace("horaires = \"accueil\"", "horaires = \"personne\"");
    fs::write(&file, text).unwrap();
    let settings = home.path("broken.toml");
    fs::write(&settings, config(&scenario, "")).unwrap();
    home.allo(["--config", settings.to_str().unwrap(), "serve", "--listen", "127.0.0.1:0"])
        .run()
        .exits(2)
        .says("scenario.toml")
        .says("personne");
}

#[test]
fn the_doctor_looks_at_the_scenario_its_sources_and_the_webhooks() {
    needs_models(MODELS);
    let home = Home::new();
    let scenario = open_scenario(home.path("").as_path());
    let settings = home.path("doctor.toml");
    let webhook = "[[handover.webhook]]\nname = \"crm\"\nurl = \"https://crm.example.com/allo\"\n\
                   secret_env = \"THE_SECRET_OF_THIS_TEST\"\n";
    fs::write(&settings, config(&scenario, webhook)).unwrap();
    let doctor = || home.allo(["--config", settings.to_str().unwrap(), "doctor"]);
    let run =
        doctor().env("THE_SECRET_OF_THIS_TEST", format!("whsec_{}", "QUxMT0FMTE9BTExP".repeat(2))).run();
    run.succeeds()
        .prints("ok       bot ")
        .prints("bot voice fr")
        .prints("ok       source ")
        .prints("ok       queries ")
        .prints("ok       catalogue ")
        .prints("ok       webhook crm");
    // A file that is missing is a mistake of the scenario; one that is no database is found by asking it.
    fs::write(scenario.join("stock.sqlite"), "not a database").unwrap();
    doctor().run().exits(1).prints("ill      catalogue ").prints("THE_SECRET_OF_THIS_TEST");
    fs::remove_dir_all(scenario.join("intents")).unwrap();
    doctor().run().exits(1).prints("ill      bot ");
}

#[test]
fn a_query_that_cannot_run_is_found_before_a_caller_finds_it() {
    let home = Home::new();
    let scenario = open_scenario(home.path("").as_path());
    let check = || home.allo(["intents", "check", scenario.to_str().unwrap()]).run();
    check().succeeds().prints("no mistakes");
    let file = scenario.join("answers/statut_commande.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("from orders "));
    fs::write(&file, text.replace("from orders ", "from order_list ")).unwrap();
    let conversations =
        "[[conversation]]\nname = \"a\"\nat = \"2026-11-26T10:00:00\"\nturns = []\nends = \"route:acueil\"\n";
    fs::write(scenario.join("tests/wrong.toml"), conversations).unwrap();
    check()
        .exits(2)
        .says("answers/statut_commande.toml:")
        .says("no such table: order_list")
        .says("tests/wrong.toml:5: route `acueil` is not known");
}
