use std::fs;

use super::*;

const SCENARIO: &str = "name = \"essai\"
languages = [\"fr\", \"en\"]
default_language = \"fr\"

[greeting]
fr = \"Bonjour\"
en = \"Hello\"

[[routes]]
id = \"compta\"
queue = \"7001\"
label = { fr = \"Comptabilité\", en = \"Billing\" }

[intents]
facture = \"compta\"
paiement = \"compta\"
";

fn folder(edit: impl FnOnce(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("intents")).unwrap();
    fs::create_dir(path.join("steps")).unwrap();
    fs::write(path.join("scenario.toml"), SCENARIO).unwrap();
    let sentences = "text,intent,lang\n\"ma facture, svp\",facture,fr\nje veux payer,paiement,fr\n";
    fs::write(path.join("intents/tout.csv"), sentences).unwrap();
    fs::write(path.join("steps/compta.md"), "1. Ouvrir le dossier\n").unwrap();
    edit(path);
    folder
}

#[track_caller]
fn check(edit: impl FnOnce(&Path), expected: &[&str]) {
    let folder = folder(edit);
    let found: Vec<String> = match Scenario::load(folder.path()) {
        Ok(_) => Vec::new(),
        Err(Error::Mistakes { mistakes, .. }) => mistakes
            .iter()
            .map(|mistake| {
                assert!(!mistake.remedy.is_empty());
                mistake.to_string().lines().next().unwrap_or_default().to_owned()
            })
            .collect(),
        Err(error @ Error::Unreadable { .. }) => panic!("{error}"),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_right_folder_is_read_whole() {
    let folder = folder(|path| {
        fs::write(path.join("out-of-scope.csv"), "text,lang\nquel temps fait-il,fr\n").unwrap();
        fs::write(path.join("vocabulary.txt"), "# noms\nTélémont\n\n").unwrap();
    });
    let scenario = Scenario::load(folder.path()).unwrap();
    assert_eq!(scenario.examples.len(), 2);
    assert_eq!(scenario.examples[0].text, "ma facture, svp");
    assert_eq!(scenario.out_of_scope.len(), 1);
    assert_eq!(scenario.vocabulary, ["Télémont"]);
    assert_eq!(scenario.route_of("facture"), Some("compta"));
    assert_eq!(scenario.route("compta").unwrap().queue, "7001");
    assert_eq!(scenario.steps_of("facture"), Some("1. Ouvrir le dossier\n"));
    assert_eq!(scenario.route_of("inconnu"), None);
}

#[test]
fn what_was_misheard_counts_as_long_as_its_sentence_is_there() {
    let lines = "# made\ntext,intent,lang,said\n\
        \"la fracture, svp\",facture,fr,\"ma facture, svp\"\n\
        #je veux bayer,paiement,fr,je veux payer\n\
        je veux payé,facture,fr,ma voiture\n\
        je vais payer,facture,fr,je veux payer\n\
        Je veux payer.,paiement,fr,je veux payer\n\
        la fracture svp,facture,fr,\"ma facture, svp\"\n";
    let folder = folder(|path| fs::write(path.join(MISHEARD_FILE), lines).unwrap());
    let scenario = Scenario::load(folder.path()).unwrap();
    let [.., last] = scenario.examples.as_slice() else { panic!("no examples") };
    assert_eq!((scenario.examples.len(), last.text.as_str()), (3, "la fracture, svp"));
    assert_eq!(last.said.as_deref(), Some("ma facture, svp"));
    let written = ["facture,", "je", "ma", "payer", "svp", "veux"].map(str::to_owned);
    assert_eq!(*scenario.ordinary_words(), written, "what was misheard is no ordinary word");
    assert_eq!(*scenario.sentences(), ["ma facture, svp", "je veux payer"].map(str::to_owned));

    let written = Scenario::load(folder.path()).unwrap().version;
    fs::remove_file(folder.path().join(MISHEARD_FILE)).unwrap();
    assert_ne!(Scenario::load(folder.path()).unwrap().version, written);
    check(
        |path| fs::write(path.join(MISHEARD_FILE), "text,intent,lang\nma fracture,facture,fr\n").unwrap(),
        &["intents/heard.csv:1: the first line is `text,intent,lang`"],
    );
}

#[test]
fn every_mistake_in_the_sentences_is_named_with_its_line() {
    let sentences = "text,intent,lang\n\
        ma facture,facture,fr\n\
        Ma facture !,paiement,fr\n\
        ...,facture,fr\n\
        my bill,bill,en\n\
        mijn rekening,facture,nl\n\
        meine Rechnung,facture,de\n\
        bonjour, ma facture,facture,fr\n\
        je paie,paiement,fr\n";
    check(
        |path| fs::write(path.join("intents/tout.csv"), sentences).unwrap(),
        &[
            "intents/tout.csv:3: the sentence is already `facture` at intents/tout.csv:2, here it is `paiement`",
            "intents/tout.csv:4: the sentence is empty",
            "intents/tout.csv:5: intent `bill` has no route",
            "intents/tout.csv:6: language `nl` is not one of the scenario's",
            "intents/tout.csv:7: unknown language `de`, expected fr, en or nl",
            "intents/tout.csv:8: 4 columns instead of 3",
        ],
    );
}

#[test]
fn every_mistake_in_the_scenario_file_is_named_with_its_line() {
    let wrong = SCENARIO.replace("en = \"Hello\"\n", "").replace(", en = \"Billing\"", "").replace(
        "paiement = \"compta\"",
        "paiement = \"caisse\"\nperdu = \"compta\"\n[thresholds]\nsure_precision = 90",
    );
    check(
        |path| fs::write(path.join("scenario.toml"), wrong).unwrap(),
        &[
            "scenario.toml:5: no greeting in `en`",
            "scenario.toml:9: route `compta` has no label in `en`",
            "scenario.toml:15: intent `paiement` goes to unknown route `caisse`",
            "scenario.toml:16: intent `perdu` has no sentence",
            "scenario.toml:18: sure_precision is 90",
        ],
    );
}

#[test]
fn markup_that_cannot_be_said_is_a_mistake() {
    let answer = "[[cases]]\nsay = { fr = \"<speak>Oui {sum:cents}<pause/></speak>\" }\n\
        [lookup]\nsource = \"rien\"\nquery = \"select sum from t\"\n";
    check(
        |path| {
            let greeting = SCENARIO.replace("\"Bonjour\"", "\"<speak>Bonjour</speak\"");
            fs::write(path.join("scenario.toml"), greeting).unwrap();
            fs::create_dir(path.join("answers")).unwrap();
            fs::write(path.join("answers/facture.toml"), answer).unwrap();
            let messages = "confirm = { fr = \"<speak>{label} & autre</speak>\" }\n";
            fs::write(path.join("messages.toml"), messages).unwrap();
        },
        &[
            "answers/facture.toml:2: in `fr`: element <pause> is not supported",
            "answers/facture.toml:4: source `rien` is not known",
            "messages.toml:1: `&` that starts no known entity; write &amp;",
            "scenario.toml:6: a tag that is not finished",
        ],
    );
}

#[test]
fn an_answer_that_announces_a_team_is_warned_of_and_used() {
    let answer = "[[cases]]\nthen = \"compta\"\n[cases.say]\nfr = \"C'est noté. Je vous passe la comptabilité.\"\n\
        en = \"I am putting you through to billing.\"\n\
        [not_found]\nthen = \"compta\"\nsay = { fr = \"Je ne trouve pas cette facture.\", en = \"I cannot find it.\" }\n";
    let folder = folder(|path| {
        fs::create_dir(path.join("answers")).unwrap();
        fs::write(path.join("answers/facture.toml"), answer).unwrap();
    });
    let scenario = Scenario::load(folder.path()).unwrap();
    let warnings = scenario.warnings.iter().map(|warning| {
        assert!(warning.remedy.contains("messages.toml"), "{warning}");
        warning.to_string().lines().next().unwrap_or_default().to_owned()
    });
    assert_eq!(
        warnings.collect::<Vec<_>>(),
        [
            "answers/facture.toml:4: in `fr`: \"je vous passe\" announces a team that may be closed",
            "answers/facture.toml:5: in `en`: \"putting you through\" announces a team that may be closed",
        ]
    );
    for name in ["telecom-fr", "pharma-fr"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
        assert_eq!(Scenario::load(&path).unwrap().warnings, [], "{name}");
    }
}

#[test]
fn a_patience_in_which_nobody_can_answer_is_a_mistake() {
    for (patience, expected) in [("1s", true), ("5s", false), ("1h", false), ("2h", true)] {
        let written =
            SCENARIO.replace("queue = \"7001\"", &format!("queue = \"7001\"\npatience = \"{patience}\""));
        let mistake: &[&str] = &["scenario.toml:12: the patience is out of range"];
        check(
            |path| fs::write(path.join("scenario.toml"), written).unwrap(),
            if expected { mistake } else { &[] },
        );
    }
}

#[test]
fn a_conversation_that_cannot_be_read_is_a_mistake_of_its_file() {
    let folder = folder(|path| {
        fs::create_dir(path.join("tests")).unwrap();
        fs::write(path.join("tests/fr.toml"), "[[conversation]]\nname = 3\n").unwrap();
    });
    let Err(Error::Mistakes { mistakes, .. }) = rehearsals::conversations(folder.path()) else {
        panic!("accepted")
    };
    assert_eq!((mistakes[0].file.as_path(), mistakes[0].line), (Path::new("tests/fr.toml"), Some(2)));
}

/// The first line of each mistake in the conversations of a folder.
fn mistakes_in_conversations(folder: &Path, scenario: &Scenario) -> Vec<String> {
    let Err(Error::Mistakes { mistakes, .. }) = rehearsals::conversations_of(folder, scenario) else {
        panic!("accepted")
    };
    mistakes.iter().filter_map(|mistake| mistake.to_string().lines().next().map(str::to_owned)).collect()
}

#[test]
fn a_conversation_that_no_call_can_be_is_a_mistake_of_its_line() {
    let conversation = |language: &str, ends: &str| {
        format!(
            "[[conversation]]\nname = \"a\"\nlanguage = \"{language}\"\nat = \"2026-11-26T10:00:00\"\nturns = []\nends = \"{ends}\"\n"
        )
    };
    let folder = folder(|path| {
        fs::create_dir(path.join("tests")).unwrap();
        let written = [("fr", "end"), ("en", "route:compta"), ("nl", "route:acueil"), ("xx", "transfer")];
        let text: String = written.iter().map(|(language, ends)| conversation(language, ends)).collect();
        fs::write(path.join("tests/fr.toml"), text).unwrap();
    });
    let scenario = Scenario::load(folder.path()).unwrap();
    assert_eq!(rehearsals::conversations(folder.path()).unwrap()[0].1.len(), 4, "without its scenario");
    assert_eq!(
        mistakes_in_conversations(folder.path(), &scenario),
        [
            "tests/fr.toml:15: language `nl` is not one of the scenario's",
            "tests/fr.toml:18: route `acueil` is not known",
            "tests/fr.toml:21: language `xx` is not one of the scenario's",
            "tests/fr.toml:24: `transfer` is no end of a call",
        ]
    );
}

#[test]
fn a_misspelt_key_is_refused_with_its_line() {
    let wrong = SCENARIO.replace("queue =", "file =");
    let folder = folder(|path| fs::write(path.join("scenario.toml"), wrong).unwrap());
    let Err(Error::Mistakes { mistakes, .. }) = Scenario::load(folder.path()) else { panic!("accepted") };
    assert_eq!(mistakes[0].line, Some(11));
    assert!(mistakes[0].problem.contains("file"), "{}", mistakes[0]);
}

#[test]
fn steps_for_nothing_and_a_missing_folder_are_mistakes() {
    check(
        |path| {
            fs::write(path.join("steps/factures.md"), "1. …").unwrap();
            fs::write(path.join("out-of-scope.csv"), "phrase\nbonjour\n").unwrap();
        },
        &[
            "out-of-scope.csv:1: the first line is `phrase`",
            "steps/factures.md: `factures` is neither an intent nor a route",
        ],
    );
    check(|path| fs::remove_dir_all(path.join("steps")).unwrap(), &["steps: the folder is missing"]);
}

#[test]
fn a_folder_without_a_scenario_says_what_to_name() {
    let folder = tempfile::tempdir().unwrap();
    let error = Scenario::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("hint: name a folder that holds scenario.toml"), "{error}");
}

/// The scenario that ships.
fn shipped() -> Scenario {
    Scenario::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/telecom-fr")).unwrap()
}

#[test]
fn the_shipped_scenario_is_as_large_as_promised() {
    let scenario = shipped();
    assert!(scenario.intents.len() >= 150, "{}", scenario.intents.len());
    let count = |intent: &str, language: Language| {
        let examples = scenario.examples.iter().filter(|example| example.said.is_none());
        examples.filter(|example| example.intent == intent && example.language == language).count()
    };
    for intent in scenario.intents.keys() {
        assert!(count(intent, Language::Fr) >= 14, "{intent}");
        assert!(scenario.steps_of(intent).is_some(), "{intent} has no steps");
    }
    for language in [Language::En, Language::Nl] {
        let covered = scenario.intents.keys().filter(|intent| count(intent, language) >= 12).count();
        assert!(covered >= 40, "{language}: {covered}");
    }
    let outside = |language| scenario.out_of_scope.iter().filter(|one| one.language == language).count();
    assert!(outside(Language::Fr) >= 60 && outside(Language::En) >= 20 && outside(Language::Nl) >= 20);
}

/// By words alone, over 168 intents, on what people wrote: words misheard throughout are for `allo eval intent --spoken`. The
/// floors are two to six points below what was measured; a change that falls through them made the classifier or the
/// sentences worse.
#[test]
fn the_shipped_scenario_is_told_apart_on_held_out_sentences() {
    let scenario = shipped();
    let examples = scenario.examples.iter().filter(|example| example.said.is_none());
    let classifier = crate::intent::Classifier::train(
        &examples.cloned().collect::<Vec<_>>(),
        &scenario.out_of_scope,
        &scenario.train_options(),
    )
    .unwrap();
    let report = classifier.report();
    let floors = [(Language::Fr, 0.74), (Language::En, 0.66), (Language::Nl, 0.66)];
    for ((language, accuracy), (expected, floor)) in report.accuracy_by_language.iter().zip(floors) {
        assert_eq!(*language, expected);
        println!("{language}: {accuracy}");
        assert!(*accuracy >= floor, "{language}: {accuracy}");
    }
    assert!(report.calibration_error < 0.05, "{}", report.calibration_error);
    assert!(report.out_of_scope_recall.unwrap() > 0.6, "{:?}", report.out_of_scope_recall);
}

#[test]
fn every_mistake_in_what_a_person_is_shown_is_named_with_its_line() {
    let first = "intents = [\"facture\", \"inconnu\"]\n[[slots]]\nname = \"customer\"\nkind = \"period\"\n\
        ask = { fr = \"Quel mois ?\" }\n[lookup]\nsource = \"clients\"\n\
        query = \"select n from t where c = :customer and m = :mois\"\n";
    let sources = "[sources.clients]\nkind = \"postgres\"\nurl_env = \"CLIENTS\"\n";
    check(
        |path| {
            fs::write(path.join("scenario.toml"), format!("{SCENARIO}{sources}")).unwrap();
            fs::create_dir(path.join("handover")).unwrap();
            fs::write(path.join("handover/a.toml"), first).unwrap();
            fs::write(path.join("handover/b.toml"), "intents = [\"facture\"]\n").unwrap();
            fs::write(path.join("handover/c.toml"), "intents = [\"facture\"]\nslot = 1\n").unwrap();
        },
        &[
            "handover/a.toml:1: intent `inconnu` is not known",
            "handover/a.toml:3: `customer` is the customer who was recognised",
            "handover/a.toml:5: a question that nobody asks",
            "handover/a.toml:7: the look-up needs `customer`, and nothing says how customers are found",
            "handover/a.toml:8: the query needs `:mois`, which is no slot",
            "handover/b.toml:1: nothing is found out",
            "handover/b.toml:1: `facture` is in handover/a.toml already",
            "handover/c.toml:2: unknown field `slot`, expected one of `intents`, `slots`, `lookup`",
        ],
    );
}

#[test]
fn what_a_person_is_shown_is_part_of_the_scenario() {
    let text = "intents = [\"facture\"]\n[[slots]]\nname = \"mois\"\nkind = \"period\"\n";
    let folder = folder(|path| {
        fs::create_dir(path.join("handover")).unwrap();
        fs::write(path.join("handover/factures.toml"), text).unwrap();
    });
    let scenario = Scenario::load(folder.path()).unwrap();
    let handover = scenario.plan.intents["facture"].handover.as_ref().unwrap();
    assert_eq!((handover.name.as_str(), handover.by_customer), ("factures", false));
    assert!(handover.slots[0].optional && handover.slots[0].ask.is_empty());
    assert_eq!(scenario.plan.intents["paiement"].handover, None);
    fs::remove_file(folder.path().join("handover/factures.toml")).unwrap();
    assert_ne!(Scenario::version_of(folder.path()), scenario.version);
}

#[test]
fn a_slot_that_is_asked_for_needs_a_question() {
    let answer = "[[slots]]\nname = \"nombre\"\nkind = \"count\"\n[[cases]]\nsay = { fr = \"Oui.\" }\n";
    check(
        |path| {
            fs::create_dir(path.join("answers")).unwrap();
            fs::write(path.join("answers/facture.toml"), answer).unwrap();
        },
        &["answers/facture.toml:2: slot `nombre` has no question"],
    );
}

#[test]
fn a_conversation_that_expects_what_nobody_is_told_is_a_mistake_of_its_line() {
    let text = "[[conversation]]\nname = \"a\"\nat = \"2026-11-26T10:00:00\"\nturns = []\nends = \"end\"\n\
        caller_number = \"+33639985000\"\nslots = { mois = \"x\" }\ndocument = { number = \"1\" }\n";
    let folder = folder(|path| {
        fs::create_dir(path.join("tests")).unwrap();
        fs::write(path.join("tests/fr.toml"), text).unwrap();
    });
    let scenario = Scenario::load(folder.path()).unwrap();
    assert_eq!(
        mistakes_in_conversations(folder.path(), &scenario),
        [
            "tests/fr.toml:6: no caller is recognised by the number",
            "tests/fr.toml:7: slots are told with a call that is handed over",
            "tests/fr.toml:7: slot `mois` is not known",
            "tests/fr.toml:8: a document is shown with a call that is handed over",
            "tests/fr.toml:8: column `number` is not known",
        ]
    );
    // Those of the scenario that ships are right, and a column that none of its queries gives is not.
    let shipped_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/telecom-fr");
    assert!(rehearsals::conversations_of(&shipped_folder, &shipped()).is_ok());
    let wrong = text.replace("ends = \"end\"", "ends = \"route:facturation\"").replace("mois", "periode");
    fs::write(folder.path().join("tests/fr.toml"), wrong.replace("number = \"1\"", "numero = \"1\""))
        .unwrap();
    assert_eq!(
        mistakes_in_conversations(folder.path(), &shipped()),
        ["tests/fr.toml:8: column `numero` is not known"]
    );
}
