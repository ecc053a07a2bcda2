//! Webhooks as receivers see them, who check signatures with the library of the scheme's authors.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use allo::store::Store;
use allo::webhook::config::{Config, Webhook};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::allo::{Home, models_folder, needs_models};
use crate::hosted::{Hosted, Wanted, end, hand_over};
use crate::serve::python;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// A receiver that runs; killed when dropped.
struct Receiver {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Receiver {
    fn start(secret: &str, statuses: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/webhook_receiver.py");
        let mut command = Command::new(python());
        command.arg(script).args([secret, statuses]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = lines.next().unwrap().unwrap();
        Self { process, lines, url }
    }

    /// The next request.
    fn asked(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().expect("the receiver runs").unwrap()).unwrap()
    }

    fn webhook(&self) -> Webhook {
        let pause = std::time::Duration::from_millis(20);
        Webhook {
            secret_env: Some("SECRET".into()),
            first_pause: pause,
            longest_pause: pause,
            ..Webhook::new(&self.url)
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn a_hand_over_reaches_a_receiver_that_checks_signatures_with_the_authors_library() {
    let mut receiver = Receiver::start(SECRET, "500,503,200");
    let runtime = Runtime::new().unwrap();
    let store = runtime.block_on(Store::in_memory()).unwrap();
    let config = Config { webhook: vec![receiver.webhook()] };
    // While a secret is changed both sign: the receiver knows the second one only.
    let both: &'static str = format!("{OTHER_SECRET} {SECRET}").leak();
    let wanted = Wanted { webhooks: Some((config, store.clone(), both)), ..Wanted::default() };
    let hosted = Hosted::start(runtime, wanted);
    let call = hosted.open_call();
    hand_over(&call, |_| {});
    let id = call.id();
    let asked = [receiver.asked(), receiver.asked(), receiver.asked()];
    for (asked, status) in asked.iter().zip([500, 503, 200]) {
        assert_eq!((&asked["verified"], &asked["status"]), (&true.into(), &status.into()), "{asked}");
        assert_eq!(asked["type"], "application/json");
    }
    assert!(asked.iter().all(|it| it["id"] == asked[0]["id"] && it["message"] == asked[0]["message"]));
    let message = &asked[0]["message"];
    assert_eq!(message["type"], "call.handed_over");
    assert_eq!(message["data"]["call"], id.to_string());
    assert_eq!(message["data"]["words"], "Bonjour, ma facture de mars est beaucoup trop élevée.");
    end(call);
    let webhooks = hosted.webhooks.clone().unwrap();
    hosted.block_on(webhooks.stop(std::time::Duration::from_secs(20)));
    let counted = webhooks.snapshot().remove(0);
    assert_eq!((counted.delivered, counted.retried, counted.waiting), (1, 2, 0));
    assert_eq!(counted.delay.count(), 1);
    assert!(counted.delay.sum.as_secs_f64() < 0.5, "told {:?} after the hand-over", counted.delay.sum);
    assert!(hosted.block_on(store.messages_waiting()).unwrap().is_empty());
    assert!(hosted.stop());
}

/// `allo serve` with one webhook and its log in a file; killed when dropped.
struct Service(Child);

impl Service {
    fn start(home: &Home, url: &str) -> Self {
        let file = home.path("serve.toml");
        let config = format!(
            "[asr]\nmodel = \"whisper-tiny.en\"\nlanguages = [\"en\"]\n[handover]\n\
             webhook = {{ name = \"crm\", url = \"{url}\", secret_env = \"THE_SECRET\" }}\n"
        );
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_allo"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&file);
        command.env("ALLO_HOME", home.path("home")).env("ALLO_MODELS", models_folder());
        command.env("RUST_LOG", "trace").env("THE_SECRET", SECRET).env_remove("ALLO_API_KEY");
        // Not a pipe: nobody reads it while the service runs.
        let log = std::fs::File::options().append(true).create(true).open(home.path("log")).unwrap();
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_killed_service_delivers_what_waited_when_it_starts_again_and_logs_nothing_of_it() {
    needs_models(&["whisper-tiny.en", "silero-vad", "onnxruntime"]);
    let mut receiver = Receiver::start(SECRET, "503,200");
    let home = Home::new();
    let runtime = Runtime::new().unwrap();
    let body = br#"{"type":"call.handed_over","data":{"words":"Quincampoix"}}"#.to_vec();
    let waiting = allo::store::Message {
        receiver: "crm".into(),
        id: "msg_that_waited".into(),
        call: allo::call::CallId(uuid::Uuid::from_u128(1)),
        told: jiff::Timestamp::UNIX_EPOCH,
        body: allo::redact::Redacted::new(body),
    };
    let store_file = home.path("home").join("allo.db");
    runtime.block_on(async {
        let store = Store::open(&store_file).await.unwrap();
        store.put_message(&waiting, 10).await.unwrap();
        store.close().await;
    });
    let url = format!("{}?token=kept-out-of-logs", receiver.url);
    let first = Service::start(&home, &url);
    assert_eq!(receiver.asked()["status"], 503);
    drop(first); // SIGKILL, whether it has noted the failure or not
    let mut second = Service::start(&home, &url);
    let asked = receiver.asked();
    assert_eq!((&asked["verified"], &asked["status"]), (&true.into(), &200.into()), "{asked}");
    assert_eq!(asked["id"], "msg_that_waited");
    assert!(Command::new("kill").arg(second.0.id().to_string()).status().unwrap().success());
    assert!(second.0.wait().unwrap().success());
    let log = String::from_utf8_lossy(&std::fs::read(home.path("log")).unwrap()).into_owned();
    assert!(log.contains("msg_that_waited"), "{log}");
    for secret in ["Quincampoix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "kept-out-of-logs"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    let store = runtime.block_on(Store::open(&store_file)).unwrap();
    assert!(runtime.block_on(store.messages_waiting()).unwrap().is_empty());
}

#[test]
fn an_integrator_is_told_whether_his_receiver_checks_what_it_should() {
    let receiver = Receiver::start(SECRET, "200");
    let home = Home::new();
    let test = || home.allo(["webhook", "test", "--url", &receiver.url]);
    let run = test().env("ALLO_WEBHOOK_SECRET", SECRET).run().succeeds();
    assert_eq!(run.stdout().lines().filter(|line| line.ends_with(": right")).count(), 4, "{}", run.stdout());
    let run = test().env("ALLO_WEBHOOK_SECRET", OTHER_SECRET).run().exits(1);
    assert_eq!(run.stdout().lines().filter(|line| line.contains("WRONG")).count(), 2, "{}", run.stdout());
    test().env("ALLO_WEBHOOK_SECRET", "").run().exits(2).says("`allo webhook secret` makes one");
    home.allo(["webhook", "test", "--url", "http://crm.example.com/"]).run().exits(2).says("allow_plain");
    let secret = home.allo(["webhook", "secret"]).run().succeeds().stdout();
    assert!(test().env("ALLO_WEBHOOK_SECRET", secret.trim()).run().exits(1).stdout().contains("401"));
}

/// The receiver of docs/handover.md, as it is printed there; killed when dropped.
struct Guide(Child);

impl Drop for Guide {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_receiver_of_the_guide_does_what_it_should() {
    let guide = include_str!("../../docs/handover.md");
    let (_, rest) = guide.split_once("```python\n").unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    let home = Home::new();
    let file = home.path("receiver.py");
    std::fs::write(&file, code).unwrap();
    // It was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(python());
    command.arg(file).env("PORT", port.to_string()).env("ALLO_WEBHOOK_SECRET", SECRET);
    let mut guide = Guide(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(guide.0.try_wait().unwrap().is_none(), "it runs");
        std::thread::yield_now();
    }
    let url = format!("http://127.0.0.1:{port}/");
    home.allo(["webhook", "test", "--url", &url]).env("ALLO_WEBHOOK_SECRET", SECRET).run().succeeds();
    let mut line = String::new();
    BufReader::new(guide.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "facturation Contester une facture\n", "once, and not twice");
}
