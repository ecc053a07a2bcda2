//! Files: bound values, locks, writers, files that are replaced, queries that never end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};

use super::{look_up, open, values};
use crate::dialog::plan::SourceKind;
use crate::dialog::{Cell, Row};
use crate::lookup::{Error, Parameters, Sources};

/// Long enough for a loaded machine; nothing waits for it.
const PATIENT_MS: u64 = 20_000;

fn sqlite(path: &Path, timeout_ms: u64) -> Sources {
    open(SourceKind::Sqlite { path: path.to_owned() }, timeout_ms)
}

fn stock() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/pharma-fr/stock.sqlite")
}

/// A connection that may write.
async fn writer(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn write(connection: &mut SqliteConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

async fn file(folder: &tempfile::TempDir, name: &str, sql: &str) -> PathBuf {
    let path = folder.path().join(name);
    let mut connection = writer(&path).await;
    write(&mut connection, sql).await;
    connection.close().await.unwrap();
    path
}

async fn one(sources: &Sources, query: &str, parameters: &[(&str, &str)]) -> Result<Option<Row>, Error> {
    sources.look_up(&look_up(query, parameters)).await.result
}

#[tokio::test]
async fn the_stock_of_the_example_answers_its_own_query() {
    let sources = sqlite(&stock(), PATIENT_MS);
    let any =
        sources.rows("s", "select id from product order by id limit 1", &Parameters::new(), 1).await.unwrap();
    let id = any[0]["id"].plain();
    let query = "select name, quantity, available_on from product where id = :produit";
    let row = one(&sources, query, &[("produit", &id)]).await.unwrap().unwrap();
    assert!(matches!((&row["name"], &row["quantity"]), (Cell::Text(_), Cell::Whole(_))), "{row:?}");
    assert_eq!(one(&sources, query, &[("produit", "no such product")]).await, Ok(None));
    assert_eq!(sources.reach("s").await, Ok(()));
    let missing = sqlite(&stock().with_file_name("missing.sqlite"), PATIENT_MS);
    assert!(matches!(missing.reach("s").await, Err(Error::Unreachable { .. })));
}

#[tokio::test]
async fn a_catalogue_has_names_and_aliases() {
    let entries =
        sqlite(&stock(), PATIENT_MS).entries("s", "select id, name, aliases from product").await.unwrap();
    assert!(entries.len() >= 300, "{}", entries.len());
    assert!(entries.iter().all(|entry| !entry.id.is_empty() && !entry.name.is_empty()));
    assert!(entries.iter().any(|entry| entry.aliases.len() >= 2));

    let folder = tempfile::tempdir().unwrap();
    let path = file(
        &folder,
        "c",
        "create table p (n, t, a); insert into p values (7, ' Aerius ', 'a lieu| aérius |'), (8, null, '')",
    )
    .await;
    let sources = sqlite(&path, PATIENT_MS);
    let entries = sources.entries("s", "select n as id, t as name, a as aliases from p").await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].id.as_str(), entries[0].name.as_str()), ("7", "Aerius"));
    assert_eq!(entries[0].aliases, ["a lieu", "aérius"]);
    let missing = sources.entries("s", "select n as id from p").await;
    assert!(matches!(missing, Err(Error::Column { column, .. }) if column == "name"));
}

#[tokio::test]
async fn every_type_of_value_arrives_and_bytes_are_refused() {
    let sources = sqlite(&stock(), PATIENT_MS);
    let row =
        one(&sources, "select 1 as a, 2.5 as b, 'x' as c, null as d, :e as e, :none as f", &[("e", "é")]);
    let row = row.await.unwrap().unwrap();
    let cells = [
        Cell::Whole(1),
        Cell::Real(2.5),
        Cell::Text("x".into()),
        Cell::Null,
        Cell::Text("é".into()),
        Cell::Null,
    ];
    assert_eq!(row.into_values().collect::<Vec<_>>(), cells);
    assert!(matches!(one(&sources, "select x'00' as a", &[]).await, Err(Error::Column { .. })));
    let large = one(&sources, "select printf('%070000d', 1) as a", &[]).await;
    assert!(matches!(large, Err(Error::TooLarge { .. })), "{large:?}");
}

#[tokio::test]
async fn no_more_rows_than_wanted() {
    let sources = sqlite(&stock(), PATIENT_MS);
    let rows = sources.rows("s", "select id from product", &Parameters::new(), 7).await.unwrap();
    assert_eq!(rows.len(), 7);
}

#[tokio::test]
async fn nothing_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "t", "create table t (a); insert into t values (1)").await;
    let sources = sqlite(&path, PATIENT_MS);
    let deleted = one(&sources, "delete from t returning a", &[]).await;
    assert!(matches!(deleted, Err(Error::Failed { .. })), "{deleted:?}");
    assert_eq!(
        one(&sources, "select count(*) as n from t", &[]).await.unwrap().unwrap()["n"],
        Cell::Whole(1)
    );
}

#[tokio::test]
async fn mistakes_are_told_without_values() {
    let sources = sqlite(&stock(), PATIENT_MS);
    let wrong = one(&sources, "select missing from product where id = :x", &[("x", "spoken words")]).await;
    let Err(Error::Query { problem, .. }) = wrong else { panic!("{wrong:?}") };
    assert!(problem.contains("no such column: missing"), "{problem}");
    // SQLite's own words repeat the value here.
    let wrong = one(&sources, "select json_extract('{}', :x) as a", &[("x", "spoken words")]).await;
    let error = wrong.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("spoken"), "{error:?}");
    assert!(matches!(one(&sources, "select 1; select 2", &[]).await, Err(Error::Query { .. })));

    let missing = sqlite(Path::new("/nowhere/stock.sqlite"), PATIENT_MS);
    assert!(matches!(one(&missing, "select 1", &[]).await, Err(Error::Unreachable { .. })));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "this is no database, and longer than the header of one".repeat(20)).unwrap();
    let other = one(&sqlite(&path, PATIENT_MS), "select * from t", &[]).await;
    assert!(matches!(other, Err(Error::Query { .. } | Error::Unreachable { .. })), "{other:?}");
    assert!(matches!(
        sources
            .look_up(&crate::dialog::LookUp { source: "other".into(), ..look_up("select 1", &[]) })
            .await
            .result,
        Err(Error::UnknownSource { .. })
    ));
}

#[tokio::test]
async fn a_query_is_prepared_without_being_run() {
    let sources = sqlite(&stock(), PATIENT_MS);
    let query =
        "select name, quantity + 1 as more, p.id from product p where id = :x or name = :y and id > :x";
    let prepared = sources.prepare("s", query).await.unwrap().expect("a database prepares");
    assert_eq!(prepared.columns, ["name", "more", "id"]);
    assert_eq!(prepared.parameters, ["x", "y"]);
    let endless =
        "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as c from n";
    let prepared = sources.prepare("s", endless).await.unwrap();
    assert_eq!(prepared.map(|prepared| prepared.columns), Some(vec!["c".to_owned()]));
    let wrong = sources.prepare("s", "select name from produkt").await;
    let Err(Error::Query { problem, .. }) = wrong else { panic!("{wrong:?}") };
    assert!(problem.contains("no such table: produkt"), "{problem}");
}

#[tokio::test]
async fn a_row_that_another_program_changes_is_seen_at_once() {
    for journal in ["wal", "delete"] {
        let folder = tempfile::tempdir().unwrap();
        let sql = format!("pragma journal_mode = {journal}; create table t (a); insert into t values (1)");
        let path = file(&folder, "t", &sql).await;
        let sources = sqlite(&path, PATIENT_MS);
        let mut writer = writer(&path).await;
        for number in 2..5 {
            one(&sources, "select a from t", &[]).await.unwrap();
            write(&mut writer, &format!("update t set a = {number}")).await;
            let row = one(&sources, "select a from t", &[]).await.unwrap().unwrap();
            assert_eq!(row["a"], Cell::Whole(number), "{journal}");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "stock", "create table t (a); insert into t values ('old')").await;
    let sources = sqlite(&path, PATIENT_MS);
    assert_eq!(one(&sources, "select a from t", &[]).await.unwrap().unwrap()["a"], Cell::Text("old".into()));
    let new = file(&folder, "new", "create table t (a); insert into t values ('new')").await;
    std::fs::rename(new, &path).unwrap();
    assert_eq!(one(&sources, "select a from t", &[]).await.unwrap().unwrap()["a"], Cell::Text("new".into()));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(one(&sources, "select a from t", &[]).await, Err(Error::Unreachable { .. })));
    let back = file(&folder, "back", "create table t (a); insert into t values ('back')").await;
    std::fs::rename(back, &path).unwrap();
    assert_eq!(one(&sources, "select a from t", &[]).await.unwrap().unwrap()["a"], Cell::Text("back".into()));
}

#[tokio::test]
async fn a_locked_file_fails_in_time_and_answers_when_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "t", "create table t (a); insert into t values (1)").await;
    let mut writer = writer(&path).await;
    write(&mut writer, "begin exclusive").await;
    let sources = sqlite(&path, 400);
    let looked_up = sources.look_up(&look_up("select a from t", &[])).await;
    assert!(matches!(looked_up.result, Err(Error::Locked { .. } | Error::TimedOut { .. })), "{looked_up:?}");
    assert!(looked_up.took >= Duration::from_millis(300), "it waited for the lock: {:?}", looked_up.took);
    assert!(looked_up.took < Duration::from_secs(5), "{:?}", looked_up.took);
    write(&mut writer, "rollback").await;
    assert!(one(&sources, "select a from t", &[]).await.unwrap().is_some());
}

#[tokio::test]
async fn a_query_that_never_ends_does_not_keep_the_next_from_its_connection() {
    const ENDLESS: &str =
        "with recursive n(i) as (select :x union all select i + 1 from n) select count(*) as c from n";
    let sources = sqlite(&stock(), 300);
    // More than there are connections: each has to end when its time is over.
    for number in 0..6 {
        let looked_up = sources.look_up(&look_up(ENDLESS, &[("x", &number.to_string())])).await;
        assert!(matches!(looked_up.result, Err(Error::TimedOut { .. })), "{looked_up:?}");
        assert!(looked_up.took < Duration::from_secs(5), "{:?}", looked_up.took);
    }
    let sources = sqlite(&stock(), PATIENT_MS);
    assert!(one(&sources, "select 1 as a", &[]).await.unwrap().is_some());
}

#[test]
fn hostile_values_come_back_as_data() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sources = sqlite(&stock(), PATIENT_MS);
    let echo = |value: &str| {
        let parameters = values(&[("x", value)]);
        let query = "select :x as x, length(cast(:x as blob)) as n, (select count(*) from product where id = :x) as found";
        let rows = runtime.block_on(sources.rows("s", query, &parameters, 1)).unwrap();
        rows.into_iter().next().unwrap()
    };
    let check = |value: &str| {
        let row = echo(value);
        assert_eq!(row["x"], Cell::Text(value.to_owned()));
        assert_eq!(row["n"], Cell::Whole(value.len() as i64));
        assert_eq!(row["found"], Cell::Whole(0));
    };
    let long = "x'\"".repeat(3_500);
    for value in [
        "'; drop table product; --",
        "' or '1'='1",
        "\"",
        "`",
        "a\0b",
        "\0",
        "?1",
        ":x",
        "$1",
        "",
        "%",
        "\\",
        "/*",
        long.as_str(),
    ] {
        check(value);
    }
    proptest!(ProptestConfig::with_cases(64), |(value in any::<String>())| check(&value));
}
