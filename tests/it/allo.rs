//! Runs the binary as a user does: `allo(["search", "facture"]).run().succeeds().prints("facture")`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// What brings the models of the tests.
const MAKEFILE: &str = include_str!("../../Makefile");

/// A home of its own, with the machine's models.
pub struct Home {
    folder: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Greedy recognition: most tests are not about words, and want them soon.
    fn greedy_config(&self) -> PathBuf {
        let file = self.path("greedy.toml");
        std::fs::write(&file, "[asr]\nbeam_size = 1\n").expect("a temporary file can be written");
        file
    }

    /// A command in this home, with the models that `allo models pull` put on this machine.
    pub fn allo<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(&self, arguments: I) -> Allo {
        share_what_was_learnt(self.folder.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_allo"));
        command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("RUST_LOG")
            .env("ALLO_CONFIG", self.greedy_config())
            .env("ALLO_HOME", self.folder.path())
            .env("ALLO_MODELS", models_folder())
            .stdin(Stdio::null());
        Allo { command }
    }
}

/// A command that has not run yet.
pub struct Allo {
    command: Command,
}

impl Allo {
    /// With the configuration `toml` instead of greedy recognition; empty for the settings that are shipped.
    pub fn configured(mut self, home: &Home, toml: &str) -> Self {
        let file = home.path("configured.toml");
        std::fs::write(&file, toml).expect("a temporary file can be written");
        self.command.env("ALLO_CONFIG", file);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// With `lines` on stdin, as if somebody had typed them and then ended the input.
    pub fn typed(mut self, home: &Home, lines: &str) -> Self {
        let file = home.path("typed.txt");
        std::fs::write(&file, lines).expect("a temporary file can be written");
        self.command.stdin(std::fs::File::open(file).expect("it was just written"));
        self
    }

    /// Starts it and does not wait: what it says on stderr can be read while it runs.
    pub fn start(mut self) -> Child {
        self.command.stdout(Stdio::null()).stderr(Stdio::piped());
        self.command.spawn().expect("the binary can be started")
    }

    pub fn run(mut self) -> Run {
        Run { output: self.command.output().expect("the binary can be started") }
    }
}

/// What a command did.
pub struct Run {
    output: Output,
}

impl Run {
    pub fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).expect("stdout is UTF-8")
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.output.status.code(), Some(code), "{}\n{}", self.stdout(), self.stderr());
        self
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub fn says(self, expected: &str) -> Self {
        assert!(self.stderr().contains(expected), "`{expected}` is not in: {}", self.stderr());
        self
    }

    #[track_caller]
    pub fn prints(self, expected: &str) -> Self {
        assert!(self.stdout().contains(expected), "`{expected}` is not in: {}", self.stdout());
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout()).expect("stdout is one JSON value")
    }
}

/// Lets `home` take the scenarios that another test has learnt, and the other way round: learning one takes longer than most
/// tests. What was learnt by another build of the program is not taken.
pub fn share_what_was_learnt(home: &Path) {
    let program = std::fs::metadata(env!("CARGO_BIN_EXE_allo")).expect("the binary is there");
    let built = program.modified().expect("files have times").duration_since(std::time::UNIX_EPOCH);
    let build = format!("intents-{}-{}", program.len(), built.unwrap_or_default().as_nanos());
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("learnt").join(build);
    std::fs::create_dir_all(&shared).expect("the folder of the tests can be written");
    std::fs::create_dir_all(home).expect("a temporary folder can be written");
    // A second command in the same home finds the link there.
    #[cfg(unix)]
    drop(std::os::unix::fs::symlink(shared, home.join("intents")));
}

/// The folder of models that the machine's user has.
pub fn models_folder() -> PathBuf {
    let home = allo::home::Home::resolve(|name| std::env::var_os(name)).expect("a home folder is set");
    home.models().to_owned()
}

/// Fails when models are missing: these tests are about real recognition. `make test` fetches them. One that it does not
/// fetch fails even where it is there, or else nobody but the owner of a new machine would see it.
#[track_caller]
pub fn needs_models(names: &[&str]) {
    let folder = allo::models::ModelFolder::new(&models_folder());
    let manifest = allo::models::Manifest::builtin();
    for name in names {
        let is_default = manifest.entry(name).is_ok_and(|model| model.default);
        let pulls = MAKEFILE.lines().filter(|line| line.starts_with("\ttarget/debug/allo models pull"));
        let is_pulled = is_default || pulls.flat_map(str::split_whitespace).any(|word| word == *name);
        assert!(is_pulled, "`make test` does not pull {name}");
        if let Err(error) = folder.file(&manifest, name) {
            panic!("{error}");
        }
    }
}

/// A file of a Debian package that the set-up installs.
#[track_caller]
pub fn system_file(path: &str) -> PathBuf {
    let path = Path::new(path);
    assert!(path.exists(), "{} is missing: run scripts/setup", path.display());
    path.to_owned()
}

/// A fixture call.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio").join(name)
}
