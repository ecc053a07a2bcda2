//! Against real SQLite, in memory and in temporary folders.

mod decisions;
mod live;

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::audio::{SamplePos, SampleSpan};
use crate::call::{
    CallId, CallRecord, Channel, Evidence, IntentDecision, IntentOutcome, IntentScore, Language, Note,
    Transcript, Utterance, Word,
};

const SECOND: u64 = 16_000;

/// An utterance of two seconds whose words share it evenly.
fn said(channel: Channel, language: Language, start_s: u64, text: &str) -> Utterance {
    let words: Vec<&str> = text.split(' ').collect();
    let step = 2 * SECOND / words.len() as u64;
    let start = start_s * SECOND;
    let word = |(at, text): (u64, &&str)| Word {
        text: (*text).into(),
        span: SampleSpan::new(SamplePos(start + at * step), SamplePos(start + (at + 1) * step)),
        confidence: 0.1 + 0.8 / (at + 1) as f32,
    };
    Utterance {
        channel,
        span: SampleSpan::new(SamplePos(start), SamplePos(start + 2 * SECOND)),
        language,
        text: text.into(),
        confidence: 0.87,
        words: (0..).zip(&words).map(word).collect(),
    }
}

fn record(number: u128, language: Language, lines: &[(Channel, &str)]) -> CallRecord {
    let utterances: Vec<Utterance> =
        (0..).zip(lines).map(|(at, (channel, text))| said(*channel, language, at * 3, text)).collect();
    CallRecord {
        id: CallId(Uuid::from_u128(number)),
        source: format!("appel-{number}.wav"),
        content_hash: None,
        started_at: None,
        created_at: Timestamp::from_millisecond(1_700_000_000_000 + number as i64).unwrap(),
        model: "base".into(),
        transcript: Transcript {
            channels: vec![Channel::Caller, Channel::Agent],
            end: SamplePos(lines.len() as u64 * 3 * SECOND),
            language: Some(language),
            utterances,
        },
        intent: None,
        note: Note::default(),
        rejected_segments: 2,
    }
}

fn full_record() -> CallRecord {
    let mut record = record(
        7,
        Language::Fr,
        &[
            (Channel::Caller, "J’ai été facturé deux fois."),
            (Channel::Agent, "Donc je résume : nous vous remboursons."),
        ],
    );
    let evidence: Vec<Evidence> = record.transcript.utterances.iter().map(Evidence::from_utterance).collect();
    record.content_hash = Some([9; 32]);
    record.started_at = Some(Timestamp::from_millisecond(1_690_000_000_123).unwrap());
    record.intent = Some(IntentDecision {
        evidence: evidence[0].clone(),
        candidates: vec![
            IntentScore { intent: "facture_erreur".into(), probability: 0.91 },
            IntentScore { intent: "remboursement".into(), probability: 0.07 },
        ],
        outcome: IntentOutcome::Routed { intent: "facture_erreur".into(), route: "facturation".into() },
    });
    record.note = Note {
        reason: Some(evidence[0].clone()),
        intent: Some("facture_erreur".into()),
        key_sentences: vec![evidence[0].clone(), evidence[1].clone()],
        open_points: vec![evidence[1].clone()],
        recap: vec![evidence[1].clone()],
    };
    record
}

async fn store_with(records: &[CallRecord]) -> Store {
    let store = Store::in_memory().await.unwrap();
    for record in records {
        store.put_call(record).await.unwrap();
    }
    store
}

async fn texts(store: &Store, query: &str) -> Vec<String> {
    let hits = store.search(&Query::new(query)).await.unwrap();
    hits.into_iter().map(|hit| hit.snippet.text.into_inner()).collect()
}

#[tokio::test]
async fn a_call_comes_back_as_it_was_kept() {
    let record = full_record();
    let store = store_with(std::slice::from_ref(&record)).await;
    assert_eq!(store.call(record.id).await.unwrap(), Some(record));
    assert_eq!(store.call(CallId(Uuid::from_u128(1))).await.unwrap(), None);
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_store_in_memory_outlives_its_connections() {
    let record = full_record();
    let store = store_with(std::slice::from_ref(&record)).await;
    store.pool.acquire().await.unwrap().detach().close().await.unwrap();
    assert_eq!(store.call(record.id).await.unwrap(), Some(record));
}

#[tokio::test]
async fn the_same_recording_is_kept_once_under_its_first_identity() {
    let first = full_record();
    let mut again = full_record();
    again.id = CallId(Uuid::from_u128(8));
    again.model = "small".into();
    let store = store_with(std::slice::from_ref(&first)).await;
    assert_eq!(store.put_call(&again).await.unwrap(), first.id);
    assert_eq!(store.calls(&CallFilter::default()).await.unwrap().len(), 1);
    assert_eq!(store.call(first.id).await.unwrap().unwrap().model, "small");
    assert_eq!(texts(&store, "facturé").await.len(), 1);
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_search_finds_what_a_user_means() {
    let store = store_with(&[
        record(
            1,
            Language::Fr,
            &[
                (Channel::Caller, "Je veux résilier l’abonnement."),
                (Channel::Caller, "Mes abonnements sont FACTURÉS trop cher"),
                (Channel::Agent, "S’il vous plaît, prenons rendez-vous pour ma sœur"),
                (Channel::Agent, "Votre numéro est le 06 12 34 56 78, par e-mail"),
                (Channel::Caller, "Cela fait 49,90 € aujourd'hui"),
            ],
        ),
        record(
            2,
            Language::En,
            &[
                (Channel::Caller, "I don't understand the customer's invoices"),
                (Channel::Agent, "We will refund the boxes you ordered"),
            ],
        ),
        record(
            3,
            Language::Nl,
            &[
                (Channel::Caller, "Ik heb twee facturen gekregen"),
                (Channel::Agent, "Uw abonnement en de coördinaten, ’s avonds"),
            ],
        ),
    ])
    .await;
    for (query, hits) in [
        ("abonnement", 3),
        ("l'abonnement", 3),
        ("l’abonnement", 3),
        ("d'abonnements", 3),
        ("\"l'abonnement\"", 1),
        ("facture", 1),
        ("factuur", 1),
        ("FACTURE", 1),
        ("facturé", 1),
        ("factur*", 2),
        ("s'il", 1),
        ("s'il vous plait", 1),
        ("rendez vous", 1),
        ("rendez-vous", 1),
        ("rendezvous", 1),
        ("\"rendez vous\"", 1),
        ("\"vous rendez\"", 0),
        ("soeur", 1),
        ("sœur", 1),
        ("0612345678", 1),
        ("06 12 34 56 78", 1),
        ("06.12.34.56.78", 1),
        ("email", 1),
        ("e-mails", 1),
        ("49,90", 1),
        ("49", 1),
        ("aujourd’hui", 1),
        ("don't", 1),
        ("dont", 1),
        ("customer invoice", 1),
        ("box", 1),
        ("coordinaten", 1),
        ("abonnement -résilier", 2),
        ("abonnement -\"résilier l'abonnement\"", 2),
        ("résilier cher", 0),
        ("remboursement", 0),
    ] {
        assert_eq!(texts(&store, query).await.len(), hits, "{query}");
    }
}

#[tokio::test]
async fn stems_find_what_the_words_alone_do_not() {
    let pairs = [
        ("abonnements", "mon abonnement"),
        ("abonnement", "les abonnements"),
        ("facturée", "on m'a facturé"),
        ("résilier", "j'ai résilié"),
        ("journaux", "un journal"),
        ("invoice", "two invoices"),
        ("queries", "one query"),
        ("facturen", "een factuur"),
        ("rekening", "twee rekeningen"),
    ];
    let mut found = 0;
    for (query, text) in pairs {
        for language in Language::ALL {
            let store = store_with(&[record(1, language, &[(Channel::Caller, text)])]).await;
            if !texts(&store, query).await.is_empty() {
                found += 1;
                break;
            }
        }
        let store = store_with(&[record(1, Language::Fr, &[(Channel::Caller, text)])]).await;
        assert!(texts(&store, &format!("\"{query}\"")).await.is_empty(), "{query}: a phrase is literal");
    }
    assert_eq!(found, pairs.len());
}

#[tokio::test]
async fn filters_narrow_and_the_best_comes_first() {
    let mut routed = full_record();
    routed.id = CallId(Uuid::from_u128(70));
    let store = store_with(&[
        routed,
        record(
            2,
            Language::Fr,
            &[(Channel::Agent, "Les factures arrivent"), (Channel::Caller, "Ma facture facture")],
        ),
    ])
    .await;
    let search = async |query: Query| store.search(&query).await.unwrap();
    assert_eq!(search(Query::new("facture")).await.len(), 3);
    assert_eq!(search(Query::new("facture")).await[0].snippet.text.reveal(), "Ma facture facture");
    let agent = Query { channel: Some(Channel::Agent), ..Query::new("facture") };
    assert_eq!(search(agent).await.len(), 1);
    let intent = Query { intent: Some("facture_erreur".into()), ..Query::new("facture") };
    assert_eq!(search(intent).await[0].call, CallId(Uuid::from_u128(70)));
    let english = Query { language: Some(Language::En), ..Query::new("facture") };
    assert_eq!(search(english).await, []);
    assert_eq!(search(Query { limit: 1, ..Query::new("facture") }).await.len(), 1);
    let listed =
        store.calls(&CallFilter { intent: Some("facture_erreur".into()), ..CallFilter::default() }).await;
    assert_eq!(listed.unwrap().len(), 1);
}

#[tokio::test]
async fn a_hit_tells_the_exact_place_and_time_of_the_words() {
    let store = store_with(&[record(
        1,
        Language::Fr,
        &[(Channel::Agent, "Bonjour."), (Channel::Caller, "Je résilie mon abonnement")],
    )])
    .await;
    let hits = store.search(&Query::new("l'abonnement résilier")).await.unwrap();
    let hit = &hits[0];
    let marked: Vec<&str> =
        hit.snippet.marks.iter().map(|mark| &hit.snippet.text.reveal()[mark.clone()]).collect();
    assert_eq!(marked, ["résilie", "abonnement"]);
    let times: Vec<f64> = hit.matches.iter().map(|span| span.start.seconds()).collect();
    assert_eq!(times, [3.5, 4.5]);
    assert_eq!(hit.utterance.start.seconds(), 3.0);
    assert_eq!(hit.source, "appel-1.wav");
}

#[tokio::test]
async fn a_long_utterance_is_cut_around_the_match() {
    let text = format!("{}le mot cherché{}", "bla été ".repeat(60), " suite ça".repeat(60));
    let store = store_with(&[record(1, Language::Fr, &[(Channel::Caller, &text)])]).await;
    let hit = store.search(&Query::new("cherche")).await.unwrap().remove(0);
    let shown = hit.snippet.text.reveal();
    assert!(shown.starts_with('…') && shown.ends_with('…') && shown.chars().count() <= 202, "{shown}");
    assert_eq!(&shown[hit.snippet.marks[0].clone()], "cherché");
}

#[tokio::test]
async fn a_deleted_call_leaves_no_words_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("allo.db");
    let store = Store::open(&path).await.unwrap();
    let mut secret = full_record();
    secret.transcript.utterances.push(said(Channel::Caller, Language::Fr, 9, "Mon code est zygomatique"));
    secret.note.reason = Some(Evidence::from_utterance(&secret.transcript.utterances[2]));
    store.put_call(&secret).await.unwrap();
    store.put_call(&record(2, Language::Fr, &[(Channel::Caller, "Autre chose")])).await.unwrap();
    assert!(holds(folder.path(), "zygomati"));
    assert!(store.delete_call(secret.id).await.unwrap());
    assert!(!store.delete_call(secret.id).await.unwrap());
    assert!(!holds(folder.path(), "zygomati"));
    assert_eq!(texts(&store, "zygomatique").await.len(), 0);
    assert_eq!(texts(&store, "autre").await.len(), 1);
    assert_eq!(store.check().await.unwrap(), []);
}

fn holds(folder: &Path, needle: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

#[tokio::test]
async fn a_process_that_dies_inside_a_transaction_leaves_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("allo.db");
    let copy = folder.path().join("after/allo.db");
    let store = Store::open(&path).await.unwrap();
    store.put_call(&full_record()).await.unwrap();
    let mut transaction = store.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("PRAGMA cache_spill = 1").execute(&mut *transaction).await.unwrap();
    sqlx::query("DELETE FROM utterances WHERE position = 0").execute(&mut *transaction).await.unwrap();
    // What another process finds when this one is killed here: the files as they are, without the transaction's end.
    std::fs::create_dir(copy.parent().unwrap()).unwrap();
    for suffix in ["", "-wal"] {
        let name = |base: &Path| PathBuf::from(format!("{}{suffix}", base.display()));
        std::fs::copy(name(&path), name(&copy)).unwrap();
    }
    let reopened = Store::open(&copy).await.unwrap();
    assert_eq!(reopened.call(full_record().id).await.unwrap(), Some(full_record()));
    assert_eq!(texts(&reopened, "facturé").await.len(), 1);
    assert_eq!(reopened.check().await.unwrap(), []);
    drop(transaction);
    assert_eq!(store.call(full_record().id).await.unwrap(), Some(full_record()));
}

#[tokio::test]
async fn a_store_outlives_the_process_and_is_its_owners_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/allo.db");
    let store = Store::open(&path).await.unwrap();
    store.put_call(&full_record()).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let rights = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(rights(&path), 0o600);
        assert_eq!(rights(path.parent().unwrap()), 0o700);
        assert_eq!(rights(&folder.path().join("new/folder/allo.db-wal")), 0o600);
    }
    store.close().await;
    let reopened = Store::open(&path).await.unwrap();
    assert_eq!(reopened.call(full_record().id).await.unwrap(), Some(full_record()));
}

#[tokio::test]
async fn newer_and_foreign_files_are_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("allo.db");
    let store = Store::open(&path).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET version = 9000 WHERE version = (SELECT max(version) FROM _sqlx_migrations)").execute(&store.pool).await.unwrap();
    assert_eq!(store.check().await.unwrap(), [Problem::Version { found: 9000, known: known_version() }]);
    store.close().await;
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, Error::Newer { found: 9000, .. }), "{error}");
    assert!(error.to_string().contains("update Allo"));

    let other = folder.path().join("other.db");
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&other).create_if_missing(true));
    let pool = pool.await.unwrap();
    sqlx::query("CREATE TABLE theirs (x)").execute(&pool).await.unwrap();
    pool.close().await;
    assert!(matches!(Store::open(&other).await, Err(Error::Foreign { .. })));

    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database at all, but long enough to be looked at as one: ".repeat(40))
        .unwrap();
    assert!(matches!(Store::open(&text).await, Err(Error::Open { .. })));
}

#[tokio::test]
async fn an_index_out_of_step_is_found_and_mended() {
    let store = store_with(&[full_record()]).await;
    sqlx::query("DROP TRIGGER utterances_unindexed").execute(&store.pool).await.unwrap();
    sqlx::query("DELETE FROM utterances WHERE position = 0").execute(&store.pool).await.unwrap();
    assert_eq!(store.check().await.unwrap(), [Problem::IndexOutOfStep]);
    store.rebuild_index().await.unwrap();
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn an_index_made_anew_is_no_damage_to_those_who_knew_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("allo.db")).await.unwrap();
    store.put_call(&full_record()).await.unwrap();
    sqlx::query("DROP TRIGGER utterances_unindexed").execute(&store.pool).await.unwrap();
    sqlx::query("DELETE FROM utterances WHERE position = 0").execute(&store.pool).await.unwrap();
    // Connections of the pool that have all read the index as it was.
    let mut readers = [store.pool.acquire().await.unwrap(), store.pool.acquire().await.unwrap()];
    for reader in &mut readers {
        let found: i64 =
            sqlx::query_scalar("SELECT count(*) FROM utterance_index WHERE utterance_index MATCH 'facture'")
                .fetch_one(&mut **reader)
                .await
                .unwrap();
        assert!(found > 0, "the index is read");
    }
    drop(readers);
    assert_eq!(store.check().await.unwrap(), [Problem::IndexOutOfStep]);
    for _ in 0..CONNECTIONS_MAX {
        store.rebuild_index().await.unwrap();
        assert_eq!(store.check().await.unwrap(), []);
    }
}

#[test]
fn errors_and_debug_output_never_hold_what_was_said() {
    let shown = format!("{:?}", full_record());
    assert!(!shown.contains("factur\u{e9} deux"), "{shown}");
}

/// Prints how long ten thousand utterances take: `cargo test --lib store:: -- --ignored --nocapture speed`.
#[tokio::test]
#[ignore = "a measurement, not a check"]
async fn speed_of_ten_thousand_utterances() {
    use crate::clock::{Clock, SystemClock};
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("allo.db")).await.unwrap();
    let nouns = ["facture", "abonnement", "technicien", "rendez-vous", "remboursement", "ligne", "contrat"];
    let verbs = ["résilier", "payer", "comprendre", "modifier", "recevoir"];
    let started = SystemClock.monotonic();
    for call in 0..200_usize {
        let lines: Vec<String> = (0..50_usize)
            .map(|at| {
                let (noun, verb) = (nouns[(call + at) % nouns.len()], verbs[(call * 7 + at) % verbs.len()]);
                format!("Alors je voudrais {verb} la {noun} numéro {call}{at} s’il vous plaît, c’est urgent")
            })
            .collect();
        let lines: Vec<(Channel, &str)> = lines.iter().map(|line| (Channel::Caller, line.as_str())).collect();
        store.put_call(&record(call as u128 + 1, Language::Fr, &lines)).await.unwrap();
    }
    let now = SystemClock.monotonic();
    eprintln!("200 calls of 50 utterances kept in {:?}", now - started);
    for query in ["facture", "résilier abonnement", "\"la facture\"", "rembours*", "numéro -facture", "19949"]
    {
        let started = SystemClock.monotonic();
        let hits = store.search(&Query::new(query)).await.unwrap();
        eprintln!("{query}: {} hits in {:?}", hits.len(), SystemClock.monotonic() - started);
    }
    let started = SystemClock.monotonic();
    store.delete_call(CallId(Uuid::from_u128(3))).await.unwrap();
    eprintln!("a call deleted in {:?}", SystemClock.monotonic() - started);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_is_typed_is_searched_for_or_refused_in_words(
        input in "\\PC{0,40}|[\"'*:^(){}+\\-a-z ]{0,30}|(AND|OR|NOT|NEAR|\"|-|\\*| |a|\u{0}){0,12}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let store = store_with(&[record(1, Language::Fr, &[(Channel::Caller, &input)])]).await;
            match store.search(&Query::new(input.clone())).await {
                Ok(_) | Err(Error::Query(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        });
    }
}

#[test]
fn a_new_store_may_be_opened_by_many_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("allo.db");
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for number in 1..=8_u128 {
                let (file, start) = (&file, &start);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    start.wait();
                    runtime.block_on(async {
                        let store = Store::open(file).await.unwrap();
                        let record = record(number, Language::Fr, &[(Channel::Caller, "bonjour")]);
                        store.put_call(&record).await.unwrap();
                        store.close().await;
                    });
                });
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let calls = runtime.block_on(async {
            Store::open(&file).await.unwrap().calls(&CallFilter::default()).await.unwrap()
        });
        assert_eq!(calls.len(), 8);
    }
}

#[tokio::test]
async fn a_recording_is_known_by_its_content() {
    let store = Store::in_memory().await.unwrap();
    assert!(!store.has_recording(&[9; 32]).await.unwrap());
    store.put_call(&full_record()).await.unwrap();
    assert!(store.has_recording(&[9; 32]).await.unwrap());
    assert!(!store.has_recording(&[8; 32]).await.unwrap());
}
