//! The shipped scenarios at work, on their real data.

mod walks;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::date;

use super::review::{ProposalKind, mine, replay};
use super::*;
use crate::call::decision::DecisionRecord;
use crate::call::{CallId, Language};
use crate::clock::{ManualClock, SystemClock};
use crate::dialog::{Action, Transfer};
use crate::intent::Heard;
use crate::scenario::rehearsals;
use crate::slots::{Entity, Value};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)
}

async fn assistant(name: &str) -> Arc<Assistant> {
    // Words only, so that the test does not depend on a model; the encoder has its own.
    let understanding = Understanding::open(&folder(name)).expect("the scenario has no mistakes");
    Arc::new(Assistant::new(understanding, Arc::new(SystemClock)).await.expect("its catalogues are there"))
}

fn said(text: &str) -> Event {
    Event::Said { heard: Heard::from(text), language: None, is_foreign: false }
}

fn call(number: u128) -> CallId {
    CallId(uuid::Uuid::from_u128(number))
}

async fn talk(assistant: &Arc<Assistant>, lines: &[&str]) -> (Vec<Action>, Vec<DecisionRecord>) {
    let conversation = Conversation::new(Arc::clone(assistant), call(1), Some(Language::Fr));
    let mut conversation = conversation.at(date(2026, 11, 26).at(10, 0, 0, 0));
    let first = conversation.on(Event::Begin).await;
    let (mut actions, mut records) = (first.actions, vec![first.record]);
    for line in lines {
        let step = conversation.on(said(line)).await;
        actions.extend(step.actions);
        records.push(step.record);
    }
    (actions, records)
}

#[tokio::test]
async fn every_shipped_scenario_holds_its_conversations() {
    for name in ["pharma-fr", "telecom-fr"] {
        let assistant = assistant(name).await;
        let written = rehearsals::conversations(&folder(name)).expect("they can be read");
        let results = rehearse(&assistant, &written).await;
        assert!(results.len() >= 12, "{name}: {}", results.len());
        let failed: Vec<String> = results
            .iter()
            .filter_map(|one| {
                let failure = one.failure.as_ref()?;
                Some(format!(
                    "{}: {}: {}\n  {}",
                    name,
                    one.name,
                    failure.problem,
                    failure.transcript.join("\n  ")
                ))
            })
            .collect();
        assert!(failed.is_empty(), "{} of {}\n{}", failed.len(), results.len(), failed.join("\n"));
    }
}

#[tokio::test]
async fn a_catalogue_is_asked_for_once_when_it_is_due_and_soon_after_a_failure() {
    let clock = Arc::new(ManualClock::at("2026-11-26T09:00:00Z".parse().unwrap()));
    let understanding = Understanding::open(&folder("pharma-fr")).expect("the scenario has no mistakes");
    let assistant = Assistant::new(understanding, Arc::clone(&clock) as Arc<dyn Clock>).await;
    let assistant = Arc::new(assistant.expect("its catalogues are there"));
    assert_eq!(assistant.due(), []);
    clock.advance(Duration::from_secs(300));
    let due = assistant.due();
    assert_eq!((due.len(), due[0].name.as_str()), (1, "produit"));
    assert_eq!(assistant.due(), [], "many calls at once ask once");
    let before = assistant.catalogs();
    assistant.refresh(&due[0]).await;
    assert!(Arc::ptr_eq(&before, &assistant.catalogs()), "the same names need no other index");
    let wrong = Due { query: "select nothing".into(), ..due[0].clone() };
    assistant.refresh(&wrong).await;
    assert!(Arc::ptr_eq(&before, &assistant.catalogs()));
    clock.advance(RETRY);
    assert_eq!(assistant.due(), due, "soon after a failure");
    let fewer = Due { query: "select id, name from product where id < 20".into(), ..due[0].clone() };
    assistant.refresh(&fewer).await;
    let count = |catalogs: &BTreeMap<String, Arc<Catalog>>| catalogs["produit"].entries().len();
    assert!(count(&assistant.catalogs()) < count(&before));
}

#[tokio::test]
async fn a_catalogue_is_asked_for_by_time_so_that_the_first_call_after_a_quiet_hour_has_the_new_names() {
    let clock = Arc::new(ManualClock::at("2026-11-26T09:00:00Z".parse().unwrap()));
    // Other names each time.
    let (query, other) =
        ("select id, name, aliases from", "select id, name || hex(randomblob(8)) as name from");
    let place = changed("pharma-fr", (query, other));
    let understanding = Understanding::open(place.path()).expect("the scenario has no mistakes");
    let assistant = Assistant::new(understanding, Arc::clone(&clock) as Arc<dyn Clock>).await;
    let assistant = Arc::new(assistant.expect("its catalogues are there"));
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let first = assistant.vocabulary();
    clock.advance(minutes(4));
    assert_eq!(assistant.keep_catalogs().await, Some(minutes(1)));
    assert!(assistant.vocabulary() == first, "it is not due");
    clock.advance(minutes(1));
    assert_eq!(assistant.keep_catalogs().await, Some(minutes(5)));
    let second = assistant.vocabulary();
    assert!(second != first);
    std::fs::remove_file(place.path().join("stock.sqlite")).unwrap();
    clock.advance(minutes(60));
    assert_eq!(assistant.keep_catalogs().await, Some(RETRY), "soon after a failure");
    assert!(assistant.vocabulary() == second);
}

#[tokio::test]
async fn the_recogniser_is_told_names_with_their_aliases() {
    let names = assistant("pharma-fr").await.vocabulary();
    let holds = |wanted: &str| names.iter().any(|name| name == wanted);
    assert!(holds("Velmoxine Enfant|Velmoxine pédiatrique|Velmoxine pour enfant"), "{names:?}");
    assert!(holds("Abénoxal"));
}

#[tokio::test]
async fn who_is_asked_for_a_product_is_expected_to_say_one_and_nobody_else_is() {
    let assistant = assistant("pharma-fr").await;
    let conversation = Conversation::new(Arc::clone(&assistant), call(1), Some(Language::Fr));
    let mut conversation = conversation.at(date(2026, 11, 26).at(10, 0, 0, 0));
    conversation.on(Event::Begin).await;
    assert!(conversation.asked_for().is_empty(), "a free sentence");
    conversation.on(said("c'est pour savoir si un produit est en stock")).await;
    let entries = assistant.catalogs()["produit"].entries().to_vec();
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let aliases: Vec<String> = entries.iter().flat_map(|entry| entry.aliases.clone()).collect();
    assert!(!aliases.is_empty());
    assert_eq!(*conversation.asked_for(), [names, aliases].concat());
    conversation.on(said("le Parcivol")).await;
    assert!(conversation.asked_for().is_empty(), "it was told");
}

#[test]
fn of_a_long_catalogue_names_are_expected_before_aliases_and_not_all() {
    let entries: Vec<Entry> =
        (0..ASKED_MAX - 1).map(|at| Entry::listed(&at.to_string(), &format!("Nom{at}"), "a|b")).collect();
    let expected = names_and_aliases(&entries);
    assert_eq!(expected.len(), ASKED_MAX);
    assert_eq!(expected[ASKED_MAX - 2..], ["Nom498", "a"]);
}

#[tokio::test]
async fn a_record_says_what_was_decided_and_why() {
    let assistant = assistant("pharma-fr").await;
    let (_, records) = talk(&assistant, &["est-ce que la Velmoxine est disponible ?"]).await;
    let record = &records[1];
    assert_eq!(record.number, 1);
    assert_eq!(record.input, "sentence");
    assert_eq!(record.state, "open");
    assert_eq!(record.wishes[0].candidates[0].intent, "disponibilite_produit");
    assert_eq!(record.look_ups.len(), 1, "{record:?}");
    assert_eq!(record.look_ups[0].outcome, "row");
    assert_eq!(record.scenario, "pharma-fr");
    assert_eq!(record.scenario_version.len(), 12);
    let debug = format!("{record:?}");
    assert!(!debug.contains("Velmoxine"), "what was said does not reach a log: {debug}");
}

/// A copy of a shipped scenario with one thing changed.
fn changed(name: &str, (from, to): (&str, &str)) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target)
            } else {
                drop(std::fs::copy(entry.path(), target))
            }
        }
    }
    let target = tempfile::tempdir().unwrap();
    copy(&folder(name), target.path());
    let file = target.path().join("scenario.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from));
    std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
    target
}

#[tokio::test]
async fn of_a_caller_who_refused_to_be_recorded_no_word_is_in_the_records() {
    let asking = changed("pharma-fr", ("record = \"announced\"", "record = \"asked\""));
    let understanding = Understanding::open(asking.path()).expect("the scenario has no mistakes");
    let assistant = Assistant::new(understanding, Arc::new(SystemClock)).await;
    let assistant = Arc::new(assistant.expect("its catalogues are there"));
    let question = "est-ce que la Velmoxine est disponible ?";
    let (_, records) = talk(&assistant, &["non", question]).await;
    assert_eq!(
        records.iter().map(|record| record.recording_agreed).collect::<Vec<_>>(),
        [None, Some(false), Some(false)]
    );
    assert!(records.iter().all(|record| record.sentence.is_none() && record.alternatives.is_empty()));
    assert!(records[2].slots.iter().all(|slot| slot.value.reveal().is_empty()));
    assert_eq!(records[2].rule, "answered", "what was decided is there");
    let (_, records) = talk(&assistant, &["oui bien sûr", question]).await;
    assert_eq!(records[2].sentence.as_ref().map(|text| text.reveal().as_str()), Some(question));
}

#[tokio::test]
async fn another_scenario_is_tried_on_what_was_said() {
    let telecom = assistant("telecom-fr").await;
    let (_, records) = talk(&telecom, &["Vous m'avez facturé vingt euros de trop"]).await;
    let mut records = records;
    for record in &mut records {
        record.at = "2026-11-26T09:00:00Z".parse().unwrap();
    }
    let same = replay(&telecom, &records);
    assert_eq!((same.sentences, same.changed.len(), same.routes.len()), (1, 0, 0));
    // The same intent that led to another team then.
    let mut elsewhere = records.clone();
    elsewhere[1].route = Some("paiements".to_owned());
    let moved = replay(&telecom, &elsewhere);
    assert_eq!(moved.routes, [(("paiements".to_owned(), "facturation".to_owned()), 1)]);
    assert_eq!(moved.changed.len(), 1);
    let pharma = assistant("pharma-fr").await;
    let other = replay(&pharma, &records);
    assert_eq!(other.changed.len(), 1);
    assert_eq!(other.changed[0].then[0].intent.as_deref(), Some("facture_trop_elevee"));
    // A second wish that is not heard in it any more.
    let second = records[1].wishes[0].clone();
    records[1].wishes.push(second);
    let fewer = replay(&telecom, &records);
    let [lost] = fewer.changed.as_slice() else { panic!("{:?}", fewer.changed) };
    assert_eq!((lost.then.len(), lost.now.len(), lost.then[0] == lost.now[0]), (2, 1, true));
    assert!(fewer.routes.is_empty(), "the first wish leads where it led");
}

#[tokio::test]
async fn what_is_looked_up_for_a_person_is_told_and_leads_nobody_elsewhere() {
    let telecom = assistant("telecom-fr").await;
    let said = said("Vous m'avez facturé vingt euros de trop");
    let conversation = Conversation::new(Arc::clone(&telecom), call(1), Some(Language::Fr));
    let mut conversation = conversation.at(date(2026, 11, 26).at(10, 0, 0, 0));
    conversation.on(Event::Begin).await;
    let mut step = conversation.on(said).await;
    step.record.at = "2026-11-26T09:00:00Z".parse().unwrap();
    let before = replay(&telecom, std::slice::from_ref(&step.record));
    let transfer = Transfer {
        route: "facturation".into(),
        queue: String::new(),
        patience: None,
        intent: Some("facture_trop_elevee".into()),
        confidence: None,
        second_intent: None,
        words: None,
        said: Vec::new(),
        slots: BTreeMap::new(),
    };
    let (known, stranger) = ("+33639985000".into(), "+33639985999".into());
    for (number, expected) in [
        (Some(&known), vec!["row", "row"]),
        // Nothing to go by: no document is looked for.
        (Some(&stranger), vec!["none"]),
        (None, vec![]),
    ] {
        let look_ups = conversation.known(&transfer, number).await.look_ups;
        let outcomes: Vec<&str> = look_ups.iter().map(|look_up| look_up.outcome.as_str()).collect();
        assert_eq!(outcomes, expected);
        assert!(look_ups.iter().all(|look_up| look_up.is_for_person && look_up.source == "clients"));
        step.record.look_ups.extend(look_ups);
    }
    assert_eq!(replay(&telecom, &[step.record]), before, "they are no answer");
}

#[tokio::test]
async fn the_same_scenario_tried_on_what_was_badly_heard_changes_nothing() {
    let telecom = assistant("telecom-fr").await;
    let store = crate::store::Store::in_memory().await.unwrap();
    let doubted = |text: &str, confidence| {
        let words = text.split_whitespace().count();
        Heard::from(text).with_alternative("ma voiture", 0.1).with_confidences(vec![confidence; words])
    };
    let sentences = [
        doubted("ma facture est beaucoup trop élevée ce mois-ci", 0.05),
        doubted("je n'ai plus internet depuis hier", 0.3),
        doubted("je voudrais changer de forfait", 0.6),
    ];
    for (number, heard) in sentences.into_iter().enumerate() {
        let mut conversation = Conversation::new(Arc::clone(&telecom), call(number as u128), None);
        conversation.on(Event::Begin).await;
        let step = conversation.on(Event::Said { heard, language: None, is_foreign: false }).await;
        store.put_decision(&step.record).await.unwrap();
    }
    let query = crate::store::DecisionQuery { limit: 10, ..Default::default() };
    let mut records = store.decisions(&query).await.unwrap();
    let same = replay(&telecom, &records);
    assert_eq!((same.sentences, same.changed.len(), same.routes.len()), (3, 0, 0));
    // Without what the recogniser doubted they would be other sentences.
    records.iter_mut().for_each(|record| record.confidences.clear());
    assert!(!replay(&telecom, &records).changed.is_empty());
}

#[tokio::test]
async fn sentences_that_were_not_understood_are_grouped() {
    let telecom = assistant("telecom-fr").await;
    let mut records = Vec::new();
    for (number, text) in [
        "je voudrais louer une trottinette électrique",
        "c'est pour louer une trottinette électrique ce week-end",
        "combien coûte une trottinette électrique à louer",
        "louer une trottinette pour la journée",
        "quel est le sens de la vie",
    ]
    .into_iter()
    .enumerate()
    {
        let (_, of_call) = talk(&telecom, &[text]).await;
        records.extend(
            of_call.into_iter().map(|record| DecisionRecord { call: call(number as u128), ..record }),
        );
    }
    let proposals = mine(&records);
    assert_eq!(proposals.len(), 1, "{proposals:?}");
    assert_eq!(proposals[0].sentences.len(), 4);
    assert!(matches!(proposals[0].kind, ProposalKind::NewIntent), "{:?}", proposals[0].kind);
}

#[tokio::test]
async fn a_customer_is_found_by_any_form_of_his_number_and_else_by_his_customer_number() {
    let assistant = assistant("pharma-fr").await;
    let name = |row: Option<crate::dialog::Row>| row.map(|row| row["name"].plain());
    let known = Some("Pharmacie des Trois Tilleuls".to_owned());
    for number in
        ["+33199001237", "0033199001237", "01 99 00 12 37", "sip:+33199001237@pbx.example;user=phone"]
    {
        let (found, _) = assistant.customer(Some(&number.into()), None).await;
        assert_eq!(name(found), known, "{number}");
    }
    for number in ["anonymous", "", "+33199009999", "7001"] {
        assert_eq!(name(assistant.customer(Some(&number.into()), None).await.0), None, "{number}");
        let (by_id, _) = assistant.customer(Some(&number.into()), Some(&"20108".into())).await;
        assert_eq!(name(by_id), known, "{number}");
    }
    let own = "+33199001237".into();
    let (said, _) = assistant.customer(Some(&own), Some(&"20101".into())).await;
    assert!(said.is_some());
    assert_ne!(name(said), known, "who says a customer number calls about that customer");
}

#[tokio::test]
async fn a_conversation_that_is_taken_back_goes_on_from_where_it_was_with_new_numbers() {
    let assistant = assistant("pharma-fr").await;
    let conversation = Conversation::new(Arc::clone(&assistant), call(1), Some(Language::Fr));
    let mut conversation = conversation.at(date(2026, 11, 26).at(10, 0, 0, 0));
    conversation.on(Event::Begin).await;
    let before = conversation.clone();
    let first = conversation.on(said("est-ce que la Velmoxine est disponible")).await;
    assert_eq!((first.record.rule.as_str(), first.record.number), ("answered", 1));
    let about =
        |conversation: &Conversation, intent| conversation.document(intent).map(|row| row["name"].plain());
    assert_eq!(about(&conversation, None).as_deref(), Some("Velmoxine"));
    assert_eq!(about(&conversation, Some("disponibilite_produit")).as_deref(), Some("Velmoxine"));
    assert_eq!(about(&conversation, Some("effet_indesirable")), None, "another matter");
    conversation.take_back(&before);
    assert!(conversation.document(None).is_none());
    let again = conversation.on(said("est-ce que le Parcivol est disponible")).await;
    assert_eq!((again.record.state.as_str(), again.record.number), ("open", 2));
    let mut early = Vec::new();
    conversation.take_back(&before);
    let slow = conversation
        .on_telling(said("est-ce que la Velmoxine est disponible"), |actions| early.push(actions.to_vec()))
        .await;
    assert_eq!(early.len(), 1, "one look-up");
    assert!(slow.actions.starts_with(&early[0]));
    let failed = conversation.on(Event::Failed).await;
    assert_eq!((failed.record.rule.as_str(), failed.record.route.as_deref()), ("failed", Some("accueil")));
}

#[tokio::test]
async fn a_hand_over_that_tells_something_else_is_a_failure() {
    let telecom = assistant("telecom-fr").await;
    let conversation = |expected: &str| {
        format!(
            "[[conversation]]\nname = \"mars\"\nat = \"2026-11-26T10:00:00\"\ncaller_number = \"+33639985000\"\n\
             turns = [{{ caller = \"J'ai un problème avec ma facture de mars\" }}]\nends = \"route:facturation\"\n{expected}\n"
        )
    };
    let expected = [
        "slots = { periode = \"2026-04-01/2026-04-30\" }",
        "document = { number = \"F202604-40710019\" }",
        "document = { article = \"Télébox\" }",
        "document = {}",
        "document = { number = \"F202603-40710019\" }",
    ];
    let text: String = expected.into_iter().map(conversation).collect();
    let written = tempfile::tempdir().unwrap();
    std::fs::create_dir(written.path().join("tests")).unwrap();
    std::fs::write(written.path().join("tests/fr.toml"), text).unwrap();
    let written = rehearsals::conversations(written.path()).expect("they can be read");
    let results = rehearse(&telecom, &written).await;
    let problems = results.iter().map(|one| one.failure.as_ref().map(|failure| failure.problem.as_str()));
    let of_hand_over = "of the hand-over, found";
    assert_eq!(
        problems.collect::<Vec<_>>(),
        [
            Some(
                format!(
                    "expected `2026-04-01/2026-04-30` in slot `periode` {of_hand_over} `2026-03-01/2026-03-31`"
                )
                .as_str()
            ),
            Some(
                format!("expected `F202604-40710019` in column `number` {of_hand_over} `F202603-40710019`")
                    .as_str()
            ),
            Some(format!("expected `Télébox` in column `article` {of_hand_over} nothing").as_str()),
            Some("expected no document, found one"),
            None,
        ]
    );
}

#[tokio::test]
async fn the_document_of_an_answer_is_not_shown_for_another_order() {
    let assistant = assistant("pharma-fr").await;
    let mut conversation = Conversation::new(Arc::clone(&assistant), call(1), Some(Language::Fr));
    conversation.on(Event::Begin).await;
    let step = conversation.on(said("est-ce que la Velmoxine est disponible")).await;
    let id = step.record.slots[0].value.reveal().clone();
    let product = |id: &str| Value::Product(Entity { id: id.to_owned(), name: "Velmoxine".to_owned() });
    let about = |intent: Option<&str>, slots: &[Value]| Transfer {
        route: "accueil".to_owned(),
        queue: String::new(),
        patience: None,
        intent: intent.map(str::to_owned),
        confidence: None,
        second_intent: None,
        words: None,
        said: Vec::new(),
        slots: slots.iter().map(|value| ("produit".to_owned(), value.clone())).collect(),
    };
    let same = Some("disponibilite_produit");
    for (transfer, is_shown) in [
        (about(same, &[product(&id)]), true),
        (about(same, &[product("0")]), false),
        (about(same, &[]), false),
        (about(None, &[]), true),
        (about(Some("effet_indesirable"), &[product(&id)]), false),
    ] {
        assert_eq!(conversation.known(&transfer, None).await.document.is_some(), is_shown);
    }
}
