//! Look-ups in a PostgreSQL of the tests' own, from Debian's package: in a temporary folder, on a free port of the
//! loopback, under a user without rights, ended by its process id.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use allo::call::Language;
use allo::clock::SystemClock;
use allo::dialog::messages::Messages;
use allo::dialog::plan::{Limits, SourceKind, SourcePlan};
use allo::dialog::{Cell, LookUp, Plan, Row};
use allo::lookup::{Error, LookedUp, Parameters, Sources};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

const PASSWORD: &str = "p-of-this-test-only";

/// Long enough for a loaded machine; nothing waits for it.
const PATIENT_MS: u64 = 30_000;

/// A server; stopped when dropped.
struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    user: Option<(u32, u32)>,
    process: Option<Child>,
}

impl Server {
    /// `None` where PostgreSQL is not installed.
    fn make() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is missing: run scripts/setup test");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL refuses to run as root.
        let user = (id("-u", None) == 0).then(|| (id("-u", Some("postgres")), id("-g", Some("postgres"))));
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).unwrap();
            chown(&password, Some(user), Some(group)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { programs, folder, port, user, process: None };
        let made = server
            .command("initdb")
            .arg("-D")
            .arg(server.data())
            .arg("--pwfile")
            .arg(&password)
            .args(["-U", "allo", "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.start();
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).env_clear().env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Starts it and waits until it takes connections.
    fn start(&mut self) {
        let mut process = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.folder.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        self.process = Some(process);
        let mut told = String::new();
        loop {
            let Some(line) = log.next() else { panic!("PostgreSQL ended: {told}") };
            let line = line.unwrap();
            if line.contains("ready to accept connections") {
                break;
            }
            told.push_str(&line);
            told.push('\n');
        }
        // A pipe that nobody empties would stop the server.
        std::thread::spawn(move || log.for_each(drop));
    }

    /// Ends it by its id: SIGINT, on which it ends its sessions first.
    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(Command::new("kill").args(["-INT", &process.id().to_string()]).status());
            drop(process.wait());
        }
    }

    fn url(&self, password: &str) -> String {
        format!("postgres://allo:{password}@127.0.0.1:{}/postgres", self.port)
    }

    /// The source `s`.
    fn sources(&self, timeout_ms: u64) -> Sources {
        sources(&self.url(PASSWORD), timeout_ms)
    }

    async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.url(PASSWORD)).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The programs of the newest PostgreSQL that is installed.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.filter_map(|entry| Some(entry.ok()?.path())).max_by_key(|path| number(path))?;
    let programs = newest.join("bin");
    programs.join("initdb").exists().then_some(programs)
}

/// A number of this user or of another, by `id`.
fn id(option: &str, user: Option<&str>) -> u32 {
    let output = Command::new("id").arg(option).args(user).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .expect("Debian's package makes the user postgres")
}

fn sources(url: &str, timeout_ms: u64) -> Sources {
    let source = SourcePlan {
        kind: SourceKind::Postgres { url_env: "STOCK_URL".into() },
        timeout: Duration::from_millis(timeout_ms),
        cache: Duration::ZERO,
    };
    let plan = Plan {
        name: "test".into(),
        languages: vec![Language::Fr],
        default_language: Language::Fr,
        greeting: BTreeMap::new(),
        consent: None,
        intents: BTreeMap::new(),
        routes: BTreeMap::new(),
        keypad: BTreeMap::new(),
        limits: Limits::default(),
        human_route: "accueil".into(),
        human_intent: None,
        closed: BTreeMap::new(),
        messages: Messages::default(),
        sources: BTreeMap::from([("s".into(), source)]),
        catalogs: BTreeMap::new(),
        customers: None,
        timezone: "Europe/Paris".into(),
    };
    Sources::open(&plan, |name| (name == "STOCK_URL").then(|| url.to_owned()), Arc::new(SystemClock))
}

fn values(parameters: &[(&str, &str)]) -> Parameters {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

async fn look_up(sources: &Sources, query: &str, parameters: &[(&str, &str)]) -> LookedUp {
    let wanted = LookUp {
        intent: "i".into(),
        source: "s".into(),
        query: query.into(),
        columns: BTreeMap::new(),
        parameters: values(parameters),
    };
    sources.look_up(&wanted).await
}

async fn one(sources: &Sources, query: &str, parameters: &[(&str, &str)]) -> Result<Option<Row>, Error> {
    look_up(sources, query, parameters).await.result
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

#[tokio::test]
async fn look_ups_in_a_real_postgresql() {
    let Some(mut server) = Server::make() else { return };
    let mut admin = server.admin().await;
    run(
        &mut admin,
        "create table product (id int primary key, name text, aliases text, quantity int, available_on date); \
         insert into product select n, 'Produit ' || n, 'p' || n || '|numéro ' || n, n, date '2026-12-01' + n \
         from generate_series(1, 500) n; create sequence counter",
    )
    .await;
    let patient = server.sources(PATIENT_MS);
    rows_and_catalogues(&patient).await;
    every_type_arrives(&patient).await;
    values_are_data(&patient).await;
    mistakes_are_told_without_values(&patient).await;
    a_query_is_prepared_without_being_run(&patient).await;
    no_more_than_four_connections(&patient, &mut admin).await;
    time_is_kept(&server, &mut admin).await;
    admin.close().await.unwrap();
    a_server_that_went_away_is_found_again(&mut server, &patient).await;
    wrong_addresses_say_so(&server).await;
}

async fn rows_and_catalogues(sources: &Sources) {
    let query = "select name, quantity, available_on from product where id = :produit::int; -- the end";
    let row = one(sources, query, &[("produit", "42")]).await.unwrap().unwrap();
    let expected = Row::from([
        ("name".into(), Cell::Text("Produit 42".into())),
        ("quantity".into(), Cell::Whole(42)),
        ("available_on".into(), Cell::Text("2027-01-12".into())),
    ]);
    assert_eq!(row, expected);
    assert_eq!(one(sources, query, &[("produit", "0")]).await, Ok(None));
    assert_eq!(one(sources, query, &[]).await, Ok(None), "a value that is not there is null");
    let rows =
        sources.rows("s", "select id from product order by id desc", &Parameters::new(), 3).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(ids, [Cell::Whole(500), Cell::Whole(499), Cell::Whole(498)]);
    let entries = sources.entries("s", "select id, name, aliases from product").await.unwrap();
    assert_eq!(entries.len(), 500);
    assert_eq!(entries[6].aliases, ["p7", "numéro 7"]);
}

async fn every_type_arrives(sources: &Sources) {
    let query = "select 9007199254740993 as a, 12.50::numeric as b, true as c, null::text as d, time '14:30' as e, \
                 '7f000001-0000-0000-0000-000000000000'::uuid as f, 'é'::varchar as g, 2::smallint as h, 0.5::real as i, \
                 timestamptz '2026-11-26 10:00:00+00' at time zone 'Europe/Paris' as j, 'on'::char(4) as k";
    let row = one(sources, query, &[]).await.unwrap().unwrap();
    let text = |text: &str| Cell::Text(text.to_owned());
    let expected = [
        Cell::Whole(9_007_199_254_740_993),
        Cell::Real(12.5),
        Cell::Whole(1),
        Cell::Null,
        text("14:30:00"),
        text("7f000001-0000-0000-0000-000000000000"),
        text("é"),
        Cell::Whole(2),
        Cell::Real(0.5),
        text("2026-11-26T11:00:00"),
        text("on  "),
    ];
    assert_eq!(row.into_values().collect::<Vec<_>>(), expected);
    assert!(matches!(one(sources, "select array[1, 2] as a", &[]).await, Err(Error::Column { .. })));
}

async fn values_are_data(sources: &Sources) {
    let long = "x'\"\\".repeat(2_500);
    let hostile = [
        "'; drop table product; --",
        "' or '1'='1",
        "\"",
        "$1",
        "$$",
        "$x$",
        "?",
        ":x",
        "\\'; --",
        "",
        "%",
        "/*",
        "é\u{202e}\n",
        long.as_str(),
    ];
    let query =
        "select :x as x, octet_length(:x) as n, (select count(*) from product where name = :x) as found";
    for value in hostile {
        let row = one(sources, query, &[("x", value)]).await.unwrap().unwrap();
        assert_eq!(row["x"], Cell::Text(value.to_owned()));
        assert_eq!(row["n"], Cell::Whole(value.len() as i64));
        assert_eq!(row["found"], Cell::Whole(0));
    }
    // No text of PostgreSQL can hold it.
    let refused = one(sources, query, &[("x", "a\0b")]).await;
    assert!(matches!(refused, Err(Error::Failed { .. })), "{refused:?}");
    let count = one(sources, "select count(*) as n from product", &[]).await.unwrap().unwrap();
    assert_eq!(count["n"], Cell::Whole(500));
}

async fn mistakes_are_told_without_values(sources: &Sources) {
    let wrong = one(sources, "select nothing from product where name = :x", &[("x", "spoken")]).await;
    let Err(Error::Query { problem, .. }) = wrong else { panic!("{wrong:?}") };
    assert!(problem.contains("\"nothing\" does not exist"), "{problem}");
    let uncast = one(sources, "select name from product where id = :x", &[("x", "1")]).await;
    assert!(matches!(uncast, Err(Error::Query { .. })), "{uncast:?}");
    // The server's own words repeat the value here.
    let error =
        one(sources, "select name from product where id = :x::int", &[("x", "spoken")]).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("spoken"), "{error:?}");
    assert!(matches!(error, Error::Failed { ref code, .. } if code == "SQLSTATE 22P02"), "{error:?}");
    let written = one(sources, "select nextval('counter') as n", &[]).await.unwrap_err();
    assert!(matches!(written, Error::Failed { ref code, .. } if code == "SQLSTATE 25006"), "{written:?}");
    let escape = one(sources, "select 1) q; drop table product; --", &[]).await;
    assert!(matches!(escape, Err(Error::Query { .. })), "{escape:?}");
}

async fn a_query_is_prepared_without_being_run(sources: &Sources) {
    let query = "select name, quantity + 1 as more from product where id = :x::int or name = :y -- :z";
    let prepared = sources.prepare("s", query).await.unwrap().expect("a database prepares");
    assert_eq!(
        (prepared.columns.join(" "), prepared.parameters.join(" ")),
        ("name more".into(), "x y".into())
    );
    let never = sources.prepare("s", "select nextval('counter') as n").await.unwrap();
    assert_eq!(never.map(|prepared| prepared.columns), Some(vec!["n".to_owned()]), "it would fail if it ran");
    let wrong = sources.prepare("s", "select name from produkt").await;
    let Err(Error::Query { problem, .. }) = wrong else { panic!("{wrong:?}") };
    assert!(problem.contains("\"produkt\" does not exist"), "{problem}");
}

async fn no_more_than_four_connections(sources: &Sources, admin: &mut PgConnection) {
    let askers: Vec<_> = (0..12)
        .map(|number| {
            let (sources, number) = (sources.clone(), number.to_string());
            tokio::spawn(async move {
                one(&sources, "select pg_sleep(0.05)::text as a, :x as x", &[("x", &number)]).await
            })
        })
        .collect();
    for asker in askers {
        assert!(asker.await.unwrap().unwrap().is_some());
    }
    assert!(sessions(admin, "").await <= 4);
}

/// Sessions beside that of `admin`.
async fn sessions(admin: &mut PgConnection, condition: &str) -> i64 {
    let sql = format!(
        "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() {condition}"
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(admin).await.unwrap()
}

async fn time_is_kept(server: &Server, admin: &mut PgConnection) {
    let hurried = server.sources(300);
    for number in 0..6 {
        let looked_up =
            look_up(&hurried, "select pg_sleep(60)::text as a, :x as x", &[("x", &number.to_string())]).await;
        assert!(matches!(looked_up.result, Err(Error::TimedOut { .. })), "{looked_up:?}");
        assert!(looked_up.took < Duration::from_secs(5), "{:?}", looked_up.took);
    }
    run(admin, "begin; lock table product in access exclusive mode").await;
    let locked = look_up(&hurried, "select name from product where id = 1", &[]).await;
    assert!(matches!(locked.result, Err(Error::TimedOut { .. })), "{locked:?}");
    run(admin, "rollback").await;
    // Nothing of it goes on in the server.
    for _ in 0..100 {
        if sessions(admin, "and state = 'active'").await == 0 {
            return;
        }
        run(admin, "select pg_sleep(0.1)").await;
    }
    panic!("statements that nobody waits for still run");
}

async fn a_server_that_went_away_is_found_again(server: &mut Server, sources: &Sources) {
    const QUERY: &str = "select name from product where id = 1";
    assert!(one(sources, QUERY, &[]).await.unwrap().is_some());
    server.stop();
    let gone = look_up(sources, QUERY, &[]).await;
    assert!(matches!(gone.result, Err(Error::Unreachable { .. })), "{gone:?}");
    assert!(gone.took < Duration::from_secs(5), "a refused connection is told at once: {:?}", gone.took);
    server.start();
    assert!(one(sources, QUERY, &[]).await.unwrap().is_some());
    // Its idle connections died meanwhile, and nobody noticed yet.
    server.stop();
    server.start();
    assert!(one(sources, QUERY, &[]).await.unwrap().is_some());
}

async fn wrong_addresses_say_so(server: &Server) {
    let refused = one(&sources(&server.url("wrong"), PATIENT_MS), "select 1 as a", &[]).await;
    assert!(
        matches!(&refused, Err(Error::Unreachable { why, .. }) if why.contains("password authentication failed")),
        "{refused:?}"
    );
    let mysql = one(&sources("mysql://localhost/x", PATIENT_MS), "select 1 as a", &[]).await;
    assert!(matches!(mysql, Err(Error::Address { .. })), "{mysql:?}");
    let unset = one(&sources("", PATIENT_MS), "select 1 as a", &[]).await;
    assert!(matches!(unset, Err(Error::Unset { .. })), "{unset:?}");
}
