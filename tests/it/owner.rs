//! What the owner of a scenario does with it in text: list, train, test, walk, talk, and look at what was said.

use std::fs;
use std::path::PathBuf;

use crate::allo::{Allo, Home, Run};

/// A wrong transfer to the billing team is so dear that its sentences are always asked about.
const SCENARIO: &str = r#"name = "atelier"
languages = ["fr"]
default_language = "fr"
[greeting]
fr = "Bonjour, ici l'atelier."
[[routes]]
id = "compta"
queue = "1"
label = { fr = "Comptabilité" }
wrong_transfer_cost = 100.0
[[routes]]
id = "colis"
queue = "2"
label = { fr = "Colis" }
[intents]
facture = "compta"
colis = "colis"
"#;
const SENTENCES: &str = "text,intent,lang\nje veux payer ma facture,facture,fr\noù est mon colis,colis,fr\n";
const HELD: &str = r#"[[conversation]]
name = "une facture"
at = "2026-11-26T10:00:00"
turns = [{ caller = "je veux payer ma facture" }]
ends = "route:compta"
"#;

/// A home whose scenarios are learnt by words alone, which takes little time.
struct Owner {
    home: Home,
    scenario: String,
}

impl Owner {
    fn new() -> Self {
        let home = Home::new();
        let scenario = home.path("atelier");
        for folder in [scenario.join("intents"), scenario.join("steps"), scenario.join("tests")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::create_dir_all(home.path("no-models")).unwrap();
        fs::write(scenario.join("scenario.toml"), SCENARIO).unwrap();
        fs::write(scenario.join("intents/a.csv"), SENTENCES).unwrap();
        let scenario = scenario.to_str().unwrap().to_owned();
        Self { home, scenario }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path("atelier").join(name)
    }

    fn allo(&self, arguments: &[&str]) -> Allo {
        self.home.allo(arguments).env("ALLO_MODELS", self.home.path("no-models"))
    }

    /// A conversation in which the caller types `lines`, with the scenario of this home.
    fn chat(&self, lines: &str, more: &[&str]) -> Run {
        let arguments = [&["chat", "--scenario", self.scenario.as_str()][..], more].concat();
        self.allo(&arguments).typed(&self.home, lines).run().succeeds()
    }
}

#[test]
fn intents_are_listed_learnt_and_told_apart() {
    let owner = Owner::new();
    let list = owner.allo(&["intents", "list", &owner.scenario]).run().succeeds();
    let lines: Vec<Vec<String>> =
        list.stdout().lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
    assert_eq!(lines, [["colis", "colis", "fr", "1"], ["facture", "compta", "fr", "1"]]);
    let train = owner.allo(&["intents", "train", &owner.scenario]).run().succeeds();
    train.prints("2 intents, ").prints("by words alone").says("learning the intents of the scenario");
    let test = ["intents", "test", "où est mon colis", "--lexical", "--scenario", owner.scenario.as_str()];
    owner.allo(&test).run().succeeds().prints("%  colis").prints("decision: ");
    let nowhere = owner.path("nowhere");
    let train = owner.allo(&["intents", "train", nowhere.to_str().unwrap()]).run();
    train.exits(2).says("no scenario in ").says("name a folder that holds scenario.toml");
}

#[test]
fn a_conversation_that_is_not_held_as_written_is_shown_and_fails() {
    let owner = Owner::new();
    let test = || owner.allo(&["intents", "test", &owner.scenario]).run();
    test().exits(2).says("has no conversations").says("write some into tests/*.toml");
    fs::write(owner.path("tests/fr.toml"), HELD).unwrap();
    test().succeeds().prints("une facture (asked 1 × first").prints("1 conversations, 0 not as written");
    let wrong = HELD.replace("une facture", "ailleurs").replace("route:compta", "route:colis");
    fs::write(owner.path("tests/wrong.toml"), wrong).unwrap();
    test()
        .exits(1)
        .prints("ailleurs: expected the end `route:colis`, found `route:compta`")
        .prints("> je veux payer ma facture")
        .prints("2 conversations, 1 not as written");
    fs::write(owner.path("tests/wrong.toml"), HELD.replace("compta", "nobody")).unwrap();
    test().exits(2).says("route `nobody` is not known");
}

#[test]
fn a_scenario_that_is_shipped_is_talked_to_in_text() {
    let owner = Owner::new();
    // Whether a sentence is sure enough to do without a question is a matter of its examples.
    let lines = "quels sont les horaires de la boutique de Rennes ?\noui\nmerci, au revoir\n";
    let chat = owner.allo(&["chat", "--scenario", "telecom-fr", "--explain"]).typed(&owner.home, lines).run();
    chat.succeeds()
        .prints("Bonjour et bienvenue chez Télémont.")
        .prints("À Rennes, la boutique ouvre")
        .prints("looked up in clients: row")
        .prints("· rule goodbye")
        .prints("[end of the call]");
}

#[test]
fn keys_silence_and_a_caller_who_leaves_are_typed_as_commands() {
    let owner = Owner::new();
    let chat = owner.chat("/dance\n/silence\n/noise\n/key 0\n", &[]);
    chat.says("`/dance` is not known")
        .prints("Bonjour, ici l'atelier.")
        .prints("Je ne vous ai pas entendu.")
        .prints("Je vous entends mal à cause du bruit.")
        .prints("[transfer to colis (queue 2), intent -]");
    // The end of the input is the end of the call.
    owner.chat("", &["--explain"]).prints("· rule hung_up");
    owner.chat("/quit\n", &["--explain"]).prints("· rule hung_up");
    let nowhere = owner.path("nowhere");
    let chat = owner.allo(&["chat", "--scenario", nowhere.to_str().unwrap()]).run();
    chat.exits(2).says("no scenario in ");
}

#[test]
fn what_was_typed_is_kept_read_again_and_grouped() {
    let owner = Owner::new();
    let replay = || owner.allo(&["intents", "replay", "--scenario", &owner.scenario]).run().succeeds();
    let mine = |more: &[&str]| owner.allo(&[&["intents", "mine"][..], more].concat()).run();
    replay().prints("0 sentences, 0 read differently");
    owner.chat("je veux payer ma facture\n", &[]);
    replay().prints("0 sentences, 0 read differently");
    for sentence in [
        "je voudrais louer une trottinette électrique",
        "c'est pour louer une trottinette électrique",
        "louer une trottinette électrique demain",
        "je veux payer ma facture",
    ] {
        owner.chat(&format!("{sentence}\n"), &["--store"]);
    }
    replay().prints("4 sentences, 0 read differently");
    let groups = mine(&[]).succeeds();
    groups
        .prints("12 turns, 1 groups")
        .prints("3 sentences, fr: ")
        .prints("louer une trottinette électrique demain");
    mine(&["--of", "another"]).succeeds().prints("0 turns, 0 groups");
    mine(&["--since", "soon"]).exits(2).says("`soon` is neither a time nor a duration");
    // Of another scenario the same sentences are something else.
    let other = SENTENCES
        .replace("ma facture,facture", "ma facture,colis")
        .replace("mon colis,colis", "mon colis,facture");
    fs::write(owner.path("intents/a.csv"), other).unwrap();
    replay().prints("4 sentences, ").prints("je veux payer ma facture");
}

#[test]
fn random_callers_walk_a_scenario_and_come_to_an_end() {
    let owner = Owner::new();
    let walk =
        |scenario: &str, calls: &str| owner.allo(&["intents", "check", scenario, "--walk", calls]).run();
    let first =
        walk("scenarios/pharma-fr", "140").succeeds().prints("no mistakes").prints("walked 140 calls: ");
    let first = first.prints("0 broke a promise").stdout();
    assert_eq!(walk("scenarios/pharma-fr", "140").stdout(), first, "the same calls every time");
    let check = owner.allo(&["intents", "check", &owner.scenario, "--walk"]).run().succeeds();
    check.prints("walked 1000 calls: 0 answered").prints("→ colis").prints("→ compta").prints("turns of 12");
    walk("scenarios/pharma-fr", "0").exits(2).says("1..=100000");
}

#[test]
fn sentences_that_people_wrote_are_not_replaced_by_misheard_ones() {
    let owner = Owner::new();
    let written = "text,intent,lang,said\noù est mon colit,colis,fr,où est mon colis\n";
    fs::write(owner.path("intents/heard.csv"), written).unwrap();
    let augment = owner.allo(&["intents", "augment", &owner.scenario]).run();
    augment.exits(2).says("intents/heard.csv was not made by this command");
    assert_eq!(fs::read_to_string(owner.path("intents/heard.csv")).unwrap(), written);
}
