//! Receivers on the loopback that misbehave on demand. What signatures look like to others is tested in `tests/it`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

use super::*;
use crate::audio::SamplePos;
use crate::call::CallId;
use crate::call::event::CallEndReason;
use crate::clock::SystemClock;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a receiver does with one request.
#[derive(Debug, Clone, Copy)]
enum Act {
    Status(u16),
    /// 503 with `Retry-After` in seconds.
    Later(u32),
    /// Never answers.
    Hang,
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    id: String,
    body: String,
}

/// Serves the acts one after the other, the last one for ever; tells each request.
fn receiver(address: SocketAddr, acts: &'static [Act]) -> (SocketAddr, mpsc::Receiver<Asked>) {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    let (told, asked) = mpsc::sync_channel(64);
    std::thread::spawn(move || {
        let mut hanging = Vec::new();
        for (index, stream) in listener.incoming().enumerate() {
            let stream = stream.unwrap();
            let act = acts[index.min(acts.len() - 1)];
            if told.send(read(&stream)).is_err() {
                return;
            }
            match act {
                Act::Status(status) => answer(&stream, status, ""),
                Act::Later(seconds) => answer(&stream, 503, &format!("retry-after: {seconds}\r\n")),
                Act::Hang => hanging.push(stream),
            }
        }
    });
    (address, asked)
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("webhook-id: ") {
            id = value.to_owned();
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Asked { id, body: String::from_utf8(body).unwrap() }
}

fn answer(mut stream: &TcpStream, status: u16, headers: &str) {
    write!(stream, "HTTP/1.1 {status} x\r\n{headers}connection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn webhook(name: &str, address: SocketAddr) -> Webhook {
    Webhook {
        name: name.into(),
        secret_env: Some("SECRET".into()),
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(40),
        timeout: Duration::from_secs(20),
        ..Webhook::new(&format!("http://{address}/hook"))
    }
}

async fn start(store: &Store, webhook: Vec<Webhook>) -> Arc<Webhooks> {
    let config = Config { webhook };
    let parts = Parts { config, store: store.clone(), clock: Arc::new(SystemClock) };
    let variable = |name: &str| (name == "SECRET").then(|| SECRET.to_owned());
    Webhooks::start(parts, variable).await.unwrap()
}

/// A call that is handed over to `route` and ends; returns when everybody has been told.
async fn hand_over(webhooks: &Arc<Webhooks>, number: u128, route: &str) {
    let call = CallId(uuid::Uuid::from_u128(number));
    let log = EventLog::new(call, 8);
    let handover = Handover { route: route.into(), call, ..sample(SystemClock.wall()) };
    log.append(SamplePos::ZERO, EventBody::HandedOver { handover: Box::new(handover) });
    log.append(
        SamplePos::ZERO,
        EventBody::CallEnded { reason: CallEndReason::HungUp, duration: Duration::ZERO },
    );
    webhooks.followed.send_modify(|count| *count += 1);
    Arc::clone(webhooks).follow(log).await;
}

/// Waits for a request without holding up the tasks that send it.
async fn next(asked: mpsc::Receiver<Asked>) -> (Asked, mpsc::Receiver<Asked>) {
    tokio::task::spawn_blocking(move || (asked.recv().unwrap(), asked)).await.unwrap()
}

/// Waits until the figures of the first receiver are as they should be.
async fn until(webhooks: &Webhooks, is_right: impl Fn(&Snapshot) -> bool) -> Snapshot {
    loop {
        let snapshot = webhooks.snapshot().remove(0);
        if is_right(&snapshot) {
            return snapshot;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_receiver_that_fails_is_asked_again_under_the_same_id() {
    let (address, asked) = receiver(any_port(), &[Act::Status(500), Act::Later(0), Act::Status(204)]);
    let store = Store::in_memory().await.unwrap();
    let webhooks = start(&store, vec![webhook("crm", address)]).await;
    hand_over(&webhooks, 7, "facturation").await;
    let (first, asked) = next(asked).await;
    let (second, asked) = next(asked).await;
    let (third, _asked) = next(asked).await;
    assert_eq!(first.id, "msg_00000000000000000000000000000007_1");
    assert_eq!((&first, &first), (&second, &third));
    let message: serde_json::Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(message["type"], "call.handed_over");
    assert_eq!(message["data"]["route"], "facturation");
    let counted = until(&webhooks, |it| it.waiting == 0).await;
    assert_eq!((counted.delivered, counted.retried, counted.failed), (1, 2, 0));
    assert_eq!((counted.delay.count(), counted.attempt.count()), (1, 3));
    assert!(store.messages_waiting().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_receiver_that_refuses_is_not_asked_again() {
    let (address, asked) = receiver(any_port(), &[Act::Status(410), Act::Status(200)]);
    let store = Store::in_memory().await.unwrap();
    let webhooks = start(&store, vec![webhook("crm", address)]).await;
    hand_over(&webhooks, 1, "facturation").await;
    let counted = until(&webhooks, |it| it.waiting == 0).await;
    assert_eq!((counted.delivered, counted.retried, counted.failed), (0, 0, 1));
    // The next hand-over is a matter of its own.
    hand_over(&webhooks, 2, "facturation").await;
    let (first, asked) = next(asked).await;
    let (second, _asked) = next(asked).await;
    assert!(first.id.ends_with("1_1") && second.id.ends_with("2_1"));
    assert_eq!(until(&webhooks, |it| it.waiting == 0).await.delivered, 1);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody_and_is_given_up() {
    let (slow, _asked) = receiver(any_port(), &[Act::Hang]);
    let (quick, quickly_asked) = receiver(any_port(), &[Act::Status(200)]);
    let patience = Webhook { timeout: Duration::from_millis(50), attempts: 2, ..webhook("slow", slow) };
    let store = Store::in_memory().await.unwrap();
    let webhooks = start(&store, vec![patience, webhook("quick", quick)]).await;
    for number in 1..=6 {
        hand_over(&webhooks, number, "sav").await;
    }
    let mut asked = quickly_asked;
    for _ in 1..=6 {
        asked = next(asked).await.1;
    }
    let counted = until(&webhooks, |it| it.waiting == 0).await;
    assert_eq!((counted.failed, counted.retried, counted.delivered), (6, 6, 0));
}

#[tokio::test]
async fn a_receiver_that_was_away_gets_everything_when_it_is_back() {
    // A port that nobody listens on: it was free a moment ago.
    let address = TcpListener::bind(any_port()).unwrap().local_addr().unwrap();
    let store = Store::in_memory().await.unwrap();
    let webhooks = start(&store, vec![Webhook { attempts: 200, ..webhook("crm", address) }]).await;
    hand_over(&webhooks, 1, "sav").await;
    until(&webhooks, |it| it.retried > 0).await;
    let (_, asked) = receiver(address, &[Act::Status(200)]);
    let (first, _asked) = next(asked).await;
    assert!(first.id.ends_with("1_1"));
    assert_eq!(until(&webhooks, |it| it.waiting == 0).await.delivered, 1);
}

#[tokio::test]
async fn what_was_not_delivered_is_sent_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("allo.db");
    let (address, asked) = receiver(any_port(), &[Act::Later(0), Act::Status(200)]);
    let store = Store::open(&file).await.unwrap();
    let patient = Webhook {
        first_pause: Duration::from_secs(3),
        longest_pause: Duration::from_secs(3),
        ..webhook("crm", address)
    };
    let webhooks = start(&store, vec![patient.clone()]).await;
    hand_over(&webhooks, 9, "sav").await;
    until(&webhooks, |it| it.retried == 1).await;
    webhooks.stop(Duration::from_secs(20)).await;
    store.close().await;

    let store = Store::open(&file).await.unwrap();
    let again = start(&store, vec![patient]).await;
    assert_eq!(again.snapshot()[0].waiting, 1);
    let (first, asked) = next(asked).await;
    let (second, _asked) = next(asked).await;
    assert_eq!(first, second);
    let counted = until(&again, |it| it.waiting == 0).await;
    assert_eq!((counted.delivered, counted.delay.count()), (1, 0), "the first attempt was another process's");
}

#[tokio::test]
async fn routes_choose_their_receivers_and_a_full_outbox_drops_the_oldest() {
    let away = TcpListener::bind(any_port()).unwrap().local_addr().unwrap();
    let only = Webhook {
        routes: vec!["sav".into()],
        queue: 2,
        first_pause: Duration::from_secs(600),
        longest_pause: Duration::from_secs(600),
        ..webhook("crm", away)
    };
    let store = Store::in_memory().await.unwrap();
    let webhooks = start(&store, vec![only]).await;
    for (number, route) in [(1, "ventes"), (2, "sav"), (3, "sav"), (4, "sav"), (5, "ventes")] {
        hand_over(&webhooks, number, route).await;
    }
    let counted = webhooks.snapshot().remove(0);
    assert_eq!((counted.dropped, counted.waiting), (1, 2));
    assert_eq!(store.messages_waiting().await.unwrap(), [("crm".to_owned(), 2)]);
}

#[tokio::test]
async fn a_webhook_without_its_secret_is_named() {
    let store = Store::in_memory().await.unwrap();
    let start = |webhook: Webhook, secret: &'static str| {
        let config = Config { webhook: vec![webhook] };
        let parts = Parts { config, store: store.clone(), clock: Arc::new(SystemClock) };
        Webhooks::start(parts, move |_| Some(secret.to_owned()).filter(|it| !it.is_empty()))
    };
    let error = start(webhook("crm", any_port()), "").await.err().unwrap().to_string();
    assert!(error.contains("`crm`") && error.contains("SECRET") && error.contains("hint:"), "{error}");
    let error = start(webhook("crm", any_port()), "swordfish").await.err().unwrap();
    assert!(!format!("{error} {error:?}").contains("swordfish"), "{error:?}");
    let file = Webhook {
        secret_env: None,
        secret_file: Some("/nowhere/secret".into()),
        ..webhook("crm", any_port())
    };
    let error = start(file, "").await.err().unwrap().to_string();
    assert!(error.contains("/nowhere/secret"), "{error}");
}
