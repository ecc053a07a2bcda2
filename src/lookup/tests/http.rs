//! A service on the loopback that misbehaves on demand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{look_up, open, values};
use crate::dialog::plan::SourceKind;
use crate::dialog::{Cell, LookUp, Row};
use crate::lookup::{Error, Parameters, Sources};

const PATIENT_MS: u64 = 20_000;

/// What the server does with one request; the last one repeats.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Json(&'static str),
    /// Answers after so many milliseconds.
    Slow(u64, &'static str),
    /// Begins an answer and says nothing more for so many milliseconds.
    Stall(u64),
    /// So many bytes of JSON.
    Bytes(usize),
    Status(u16),
    Redirect(String),
    HangUp,
}

pub(super) struct Server {
    port: u16,
    /// The heads of the requests.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Its thread ends with the process: it waits for requests that no longer come.
    pub(super) fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::clone(&asked);
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let act = acts[index.min(acts.len() - 1)].clone();
                let heads = Arc::clone(&heads);
                // A client that hangs up first is part of some tests.
                std::thread::spawn(move || drop(answer(stream.unwrap(), act, &heads)));
            }
        });
        Self { port, asked }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, act: Act, heads: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(line) = lines.next().transpose()?
        && !line.is_empty()
    {
        head.push_str(&line);
        head.push('\n');
    }
    heads.lock().unwrap().push(head);
    let ok =
        |length: usize| format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let status = |line: String| format!("HTTP/1.1 {line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    match act {
        Act::Json(text) => write!(stream, "{}{text}", ok(text.len())),
        Act::Slow(pause_ms, text) => {
            pause(pause_ms);
            write!(stream, "{}{text}", ok(text.len()))
        }
        Act::Stall(pause_ms) => {
            write!(stream, "{}{{", ok(1_000))?;
            pause(pause_ms);
            Ok(())
        }
        Act::Bytes(count) => write!(stream, "{}\"{}\"", ok(count), "x".repeat(count - 2)),
        Act::Status(code) => stream.write_all(status(format!("{code} X")).as_bytes()),
        Act::Redirect(target) => stream.write_all(status(format!("302 X\r\nLocation: {target}")).as_bytes()),
        Act::HangUp => Ok(()),
    }
}

/// Waits on a channel on which nothing comes.
fn pause(pause_ms: u64) {
    let (_sender, receiver) = std::sync::mpsc::sync_channel::<()>(0);
    let _ = receiver.recv_timeout(Duration::from_millis(pause_ms));
}

fn service(server: &Server, path: &str, timeout_ms: u64) -> Sources {
    let header_env = BTreeMap::from([("Authorization".to_owned(), "TEST_KEY".to_owned())]);
    open(SourceKind::Http { url: server.url(path), header_env }, timeout_ms)
}

fn columns(pairs: &[(&str, &str)]) -> LookUp {
    let columns =
        pairs.iter().map(|(column, pointer)| ((*column).to_owned(), (*pointer).to_owned())).collect();
    LookUp { columns, ..look_up("", &[("produit", "a/é"), ("ville", "L'Haÿ & co")]) }
}

#[tokio::test]
async fn values_go_out_encoded_and_columns_come_back_by_pointer() {
    let told = r#"{"stock": {"quantity": 12, "on": "2026-12-31", "lots": [{"n": 1.5}]}, "open": true}"#;
    let server = Server::start(vec![Act::Json(told)]);
    let sources = service(&server, "/p/{produit}?v={ville}", PATIENT_MS);
    let wanted = columns(&[
        ("quantity", "/stock/quantity"),
        ("on", "/stock/on"),
        ("n", "/stock/lots/0/n"),
        ("open", "/open"),
        ("none", "/no"),
    ]);
    let row = sources.look_up(&wanted).await.result.unwrap().unwrap();
    let expected = Row::from([
        ("quantity".into(), Cell::Whole(12)),
        ("on".into(), Cell::Text("2026-12-31".into())),
        ("n".into(), Cell::Real(1.5)),
        ("open".into(), Cell::Whole(1)),
        ("none".into(), Cell::Null),
    ]);
    assert_eq!(row, expected);
    let head = server.asked().remove(0);
    assert!(head.starts_with("GET /p/a%2F%C3%A9?v=L%27Ha%C3%BF%20%26%20co HTTP/1.1\n"), "{head}");
    assert!(head.to_lowercase().contains("authorization: secret\n"), "{head}");
}

#[tokio::test]
async fn no_row_is_404_or_an_answer_without_any_of_the_columns() {
    let server =
        Server::start(vec![Act::Status(404), Act::Json("[]"), Act::Json("{\"error\": \"unknown\"}")]);
    let sources = service(&server, "/", PATIENT_MS);
    for _ in 0..3 {
        assert_eq!(sources.look_up(&columns(&[("q", "/0/quantity")])).await.result, Ok(None));
    }
}

#[tokio::test]
async fn a_list_of_objects_is_rows() {
    let server = Server::start(vec![Act::Json(
        r#"[{"id": 1, "name": "A", "x": []}, {"id": 2, "name": "B"}, {"id": 3, "name": "C"}]"#,
    )]);
    let sources = service(&server, "/", PATIENT_MS);
    let rows = sources.rows("s", "", &Parameters::new(), 2).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0], Row::from([("id".into(), Cell::Whole(1)), ("name".into(), Cell::Text("A".into()))]));
    assert_eq!(sources.entries("s", "").await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure_of_its_own_kind() {
    let name = || "s".to_owned();
    for (act, error) in [
        (Act::Json("{\"a\": "), Error::NotJson { name: name() }),
        (Act::Json("<html>"), Error::NotJson { name: name() }),
        (Act::Status(500), Error::Status { name: name(), status: 500 }),
        (Act::Status(403), Error::Status { name: name(), status: 403 }),
        (Act::Bytes(2_000_000), Error::TooLarge { name: name(), limit_bytes: 1024 * 1024 }),
        (Act::Redirect("http://localhost:1/".into()), Error::Redirected { name: name() }),
        (Act::Redirect("/again".into()), Error::Redirected { name: name() }),
    ] {
        let server = Server::start(vec![act.clone()]);
        let result =
            service(&server, "/{produit}", PATIENT_MS).look_up(&columns(&[("a", "/a")])).await.result;
        assert_eq!(result, Err(error), "{act:?}");
    }
    let server = Server::start(vec![Act::HangUp]);
    let result = service(&server, "/", PATIENT_MS).look_up(&columns(&[])).await.result;
    assert!(matches!(result, Err(Error::Unreachable { .. })), "{result:?}");
    let server = Server::start(vec![Act::Json(r#"{"a": {"b": 1}}"#)]);
    let result = service(&server, "/", PATIENT_MS).look_up(&columns(&[("a", "/a")])).await.result;
    assert!(matches!(result, Err(Error::Column { .. })), "{result:?}");
}

#[tokio::test]
async fn a_move_on_the_same_host_is_followed() {
    let server = Server::start(vec![Act::Redirect("/new?x=1".into()), Act::Json(r#"{"a": 1}"#)]);
    let result = service(&server, "/old", PATIENT_MS).look_up(&columns(&[("a", "/a")])).await.result;
    assert_eq!(result, Ok(Some(Row::from([("a".into(), Cell::Whole(1))]))));
    assert!(server.asked()[1].starts_with("GET /new?x=1 "));
}

#[tokio::test]
async fn a_slow_service_is_given_up_in_time() {
    for act in [Act::Slow(3_000, "{}"), Act::Stall(3_000)] {
        let server = Server::start(vec![act]);
        let looked_up = service(&server, "/", 200).look_up(&columns(&[("a", "/a")])).await;
        let limit = Duration::from_millis(200);
        assert_eq!(looked_up.result, Err(Error::TimedOut { name: "s".into(), limit }));
        assert!(looked_up.took >= limit && looked_up.took < Duration::from_secs(2), "{:?}", looked_up.took);
    }
}

#[tokio::test]
async fn waiting_for_a_place_counts() {
    let server = Server::start(vec![Act::Slow(3_000, "{}")]);
    let sources = service(&server, "/{x}", 300);
    let askers: Vec<_> = (0..12)
        .map(|number| {
            let sources = sources.clone();
            tokio::spawn(async move { sources.look_up(&look_up("", &[("x", &number.to_string())])).await })
        })
        .collect();
    for asker in askers {
        let looked_up = asker.await.unwrap();
        assert!(matches!(looked_up.result, Err(Error::TimedOut { .. })), "{looked_up:?}");
        assert!(looked_up.took < Duration::from_secs(2), "{:?}", looked_up.took);
    }
    assert!(server.asked().len() <= 8, "{}", server.asked().len());
}

#[tokio::test]
async fn a_source_that_cannot_be_used_says_why_and_nothing_else() {
    let open = |url: &str, variable: &str| {
        let header_env = BTreeMap::from([("X-Key".to_owned(), variable.to_owned())]);
        open(SourceKind::Http { url: url.to_owned(), header_env }, PATIENT_MS)
    };
    let ask = async |sources: Sources| sources.rows("s", "", &values(&[("x", "..")]), 1).await.unwrap_err();
    assert!(matches!(ask(open("ftp://h/", "TEST_KEY")).await, Error::Address { .. }));
    assert!(
        matches!(ask(open("http://h/", "NOT_SET")).await, Error::Unset { variable, .. } if variable == "NOT_SET")
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(ask(open(&format!("http://{closed}/"), "TEST_KEY")).await, Error::Unreachable { .. }));
    assert!(
        matches!(ask(open("http://h/{x}", "TEST_KEY")).await, Error::Parameter { parameter, .. } if parameter == "x")
    );
}

#[tokio::test]
async fn a_service_that_refuses_an_address_without_values_can_be_reached() {
    let server = Server::start(vec![Act::Status(401)]);
    assert_eq!(service(&server, "/stock/{x}?y={y}", PATIENT_MS).reach("s").await, Ok(()));
    assert!(server.asked()[0].starts_with("GET / "), "{:?}", server.asked());
    let hangs_up = Server::start(vec![Act::HangUp]);
    assert!(service(&hangs_up, "/", PATIENT_MS).reach("s").await.is_err());
    let slow = Server::start(vec![Act::Slow(3_000, "{}")]);
    assert!(matches!(service(&slow, "/", 200).reach("s").await, Err(Error::TimedOut { .. })));
    assert!(matches!(service(&slow, "/", 200).reach("other").await, Err(Error::UnknownSource { .. })));
}
