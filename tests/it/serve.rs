//! `allo serve` as other programs meet it: the process itself, and the official clients of the interfaces it speaks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::allo::{Home, models_folder, needs_models, share_what_was_learnt, system_file};

const MODELS: &[&str] = &["whisper-tiny.en", "silero-vad", "onnxruntime"];
const KEY: &str = "a-key-for-this-test-only";

/// The fastest model, which knows English only; no admission by load, because the clients send much faster than anybody
/// speaks; a small limit, so that crossing it is cheap.
const CONFIG: &str = "[asr]\nmodel = \"whisper-tiny.en\"\nlanguages = [\"en\"]\nbeam_size = 1\n\
                      [live]\nadmission = false\n[serve.limits]\nbody_bytes = 2000000\n";
/// A section behind it.
const AUDIOSOCKET: &str = "[serve.audiosocket]\nlisten = \"127.0.0.1:0\"\n";

/// A running service; killed when dropped.
pub struct Service {
    pub process: Child,
    pub address: String,
    /// Where AudioSocket is served, with `[serve.audiosocket]`.
    pub audiosocket: Option<String>,
    pub home: Home,
}

impl Service {
    /// Starts it on a free port and waits until it is ready.
    pub fn start(config: &str, key: Option<&str>) -> Self {
        needs_models(MODELS);
        let home = Home::new();
        let file = home.path("serve.toml");
        std::fs::write(&file, config).unwrap();
        share_what_was_learnt(&home.path("home"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_allo"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).arg("--config").arg(&file);
        command.env("ALLO_HOME", home.path("home")).env("ALLO_MODELS", models_folder());
        match key {
            Some(key) => command.env("ALLO_API_KEY", key),
            None => command.env_remove("ALLO_API_KEY"),
        };
        let mut process = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("stdout begins with the ready line");
        assert_eq!(ready["ready"], true);
        let address = ready["http"].as_str().unwrap().to_owned();
        let audiosocket = ready["audiosocket"].as_str().map(str::to_owned);
        Self { process, address, audiosocket, home }
    }

    /// One request by hand; the whole answer.
    fn get(&self, path: &str, headers: &str) -> String {
        let host = self.address.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks it to stop, as an init system does; the exit code.
    pub fn stop(mut self) -> Option<i32> {
        let asked = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(asked.success());
        self.ended()
    }

    /// Waits for its end; the exit code.
    fn ended(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The interpreter with the official client libraries, which `scripts/setup test` installs.
pub fn python() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .expect("a home folder is set");
    let python = cache.join("allo/venv-clients/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup test", python.display());
    python
}

/// Runs a script of `tests/clients` against a service.
#[track_caller]
fn client(script: &str, arguments: &[&str]) {
    client_says(script, arguments);
}

/// As [`client`]; what it printed.
#[track_caller]
pub fn client_says(script: &str, arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let output = Command::new(python()).arg(path).args(arguments).stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {told}");
    // What it measured, for whoever looks.
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A short sentence in English of a real voice.
fn sentence() -> PathBuf {
    system_file("/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0870.wav")
}

#[test]
fn the_official_openai_client_transcribes_recordings() {
    let service = Service::start(CONFIG, Some(KEY));
    client("openai_files.py", &[&service.address, KEY, sentence().to_str().unwrap()]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn the_official_openai_client_has_french_translated() {
    needs_models(&["whisper-base"]);
    let config = "[asr]\nmodel = \"whisper-base\"\nbeam_size = 1\n";
    let service = Service::start(config, Some(KEY));
    let prompt = system_file("/usr/share/asterisk/sounds/fr_CA_f_June/vm-intro.wav");
    client("openai_translations.py", &[&service.address, KEY, prompt.to_str().unwrap()]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn the_official_openai_client_transcribes_live() {
    let service = Service::start(CONFIG, Some(KEY));
    client("openai_live.py", &[&service.address, KEY, sentence().to_str().unwrap()]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn the_official_deepgram_client_transcribes_live() {
    let service = Service::start(CONFIG, Some(KEY));
    client("deepgram_live.py", &[&service.address, KEY, sentence().to_str().unwrap()]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn calls_come_in_and_their_events_can_be_followed_and_replayed() {
    let service = Service::start(CONFIG, Some(KEY));
    client("calls.py", &[&service.address, KEY, sentence().to_str().unwrap()]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn somebody_elses_voicebot_controls_a_call_from_a_second_connection() {
    let service = Service::start(CONFIG, Some(KEY));
    client("control.py", &[&service.address, KEY]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn every_platform_brings_a_call_in_its_own_protocol() {
    let service = Service::start(CONFIG, Some(KEY));
    client("peers.py", &[&service.address, KEY, sentence().to_str().unwrap()]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn asterisk_brings_calls_over_tcp_with_keys_and_hears_a_frame_every_20_ms() {
    let config = format!("{CONFIG}{AUDIOSOCKET}only_expected = true\n");
    let service = Service::start(&config, Some(KEY));
    let socket = service.audiosocket.clone().expect("the ready line tells where");
    client("audiosocket.py", &[&service.address, KEY, sentence().to_str().unwrap(), &socket]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn malformed_messages_are_answered_or_let_go_of_and_the_service_goes_on() {
    let service = Service::start(CONFIG, Some(KEY));
    client("malformed.py", &[&service.address, KEY]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_full_machine_refuses_in_http_before_the_websocket_and_hangs_up_on_asterisk() {
    let config = CONFIG.replace("[live]", "[live]\nmax_calls = 1\nretry_after = \"7s\"");
    let service = Service::start(&format!("{config}{AUDIOSOCKET}"), Some(KEY));
    let socket = service.audiosocket.clone().expect("the ready line tells where");
    client("full.py", &[&service.address, KEY, sentence().to_str().unwrap(), &socket, "refuse"]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_full_machine_serves_finals_only_where_it_is_told_to() {
    // Two workers, 70 % of them, a third of one for the finals of a call and as much for its partials: two calls with
    // both, four with finals, no fifth.
    let live = "[live]\noverload = \"finals-only\"\nload_limit = 0.7\nassumed_load = 0.34";
    let config = CONFIG.replace("[live]\nadmission = false", live).replace("[asr]", "[asr]\nworkers = 2");
    let service = Service::start(&format!("{config}{AUDIOSOCKET}"), Some(KEY));
    let socket = service.audiosocket.clone().expect("the ready line tells where");
    client("full.py", &[&service.address, KEY, sentence().to_str().unwrap(), &socket, "finals-only"]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn calls_that_go_on_when_it_stops_end_within_the_time_with_all_that_was_said() {
    let config = CONFIG.replace("[serve.limits]", "[serve]\ndrain = \"8s\"\n[serve.limits]");
    let mut service = Service::start(&config, Some(KEY));
    let process = service.process.id().to_string();
    client("drain.py", &[&service.address, KEY, sentence().to_str().unwrap(), &process]);
    assert_eq!(service.ended(), Some(0), "everything ended in time");
    // What both callers said is in the store.
    let search = service.home.allo(["search", "consider", "--format", "json"]);
    let found = search.env("ALLO_HOME", service.home.path("home")).run().succeeds().json();
    assert_eq!(found.as_array().map(Vec::len), Some(2), "{found}");
}

#[test]
fn a_service_without_a_key_serves_this_machine_and_ends_when_it_is_told_to() {
    let service = Service::start(CONFIG, None);
    assert!(service.get("/healthz", "").starts_with("HTTP/1.1 200"));
    assert!(service.get("/readyz", "").contains("\"ready\""));
    assert!(service.get("/metrics", "").contains("# TYPE allo_http_requests_total counter"));
    let foreign = service.get("/metrics", "origin: https://elsewhere.example.com\r\n");
    assert!(foreign.starts_with("HTTP/1.1 403") && foreign.contains("serve.cors_origins"), "{foreign}");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn without_a_key_it_does_not_serve_other_machines() {
    needs_models(MODELS);
    let home = Home::new();
    home.allo(["serve", "--listen", "0.0.0.0:0"])
        .env("ALLO_API_KEY", "")
        .run()
        .exits(2)
        .says("without an API key")
        .says("hint: set ALLO_API_KEY");
}

#[test]
fn https_is_spoken_with_a_certificate_of_ones_own() {
    let folder = Home::new();
    let (certificate, key) = (folder.path("cert.pem"), folder.path("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .expect("openssl is installed: scripts/setup test");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let config = format!("{CONFIG}[serve.tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n");
    let service = Service::start(&config, None);
    assert!(service.address.starts_with("https://"), "{}", service.address);
    client("tls.py", &[&service.address, certificate]);
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_certificate_that_is_missing_is_named() {
    needs_models(MODELS);
    let home = Home::new();
    let file = home.path("tls.toml");
    let text = format!("{CONFIG}[serve.tls]\ncertificate = \"nowhere.pem\"\nkey = \"nowhere.key\"\n");
    std::fs::write(&file, text).unwrap();
    home.allo(["--config", file.to_str().unwrap(), "serve", "--listen", "127.0.0.1:0"])
        .run()
        .exits(2)
        .says("nowhere.pem");
}

#[test]
fn a_new_key_is_shown_once_and_only_its_hash_goes_into_the_configuration() {
    let home = Home::new();
    let run = home.allo(["keys", "new", "--name", "bot", "--rights", "stream,read"]).run().succeeds();
    let key = run.stdout().trim().to_owned();
    assert!(key.starts_with("allo_") && key.len() == 48, "{key}");
    assert!(!run.stderr().contains(&key));
    let lines = run.stderr();
    let lines = &lines[lines.find("[[serve.keys]]").unwrap()..];
    let file = home.path("keys.toml");
    std::fs::write(&file, lines).unwrap();
    home.allo(["--config", file.to_str().unwrap(), "config", "check"])
        .run()
        .succeeds()
        .prints("name = \"bot\"");
}
