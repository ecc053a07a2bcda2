//! ARCHITECTURE.md's import rules, enforced on the source text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with the modules it may name. Reads from the bottom of the house to the top: a module names what stands
/// above it in this list.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // L0: units and plain data
    ("audio", &[]),
    ("redact", &[]),
    ("text", &[]),
    ("clock", &[]),
    ("home", &[]),
    ("processor", &[]),
    ("queue", &[]),
    ("threads", &[]),
    ("call", &["audio", "redact"]),
    ("trust", &[]),
    // L1: pure cores
    ("export", &["audio", "call", "redact"]),
    ("guard", &["asr", "call", "redact", "text"]),
    ("intent", &["call", "redact", "text"]),
    ("notes", &["audio", "call", "text"]),
    ("slots", &["call", "redact", "text"]),
    ("say", &["call", "slots"]),
    ("dialog", &["call", "intent", "redact", "say", "slots", "text"]),
    // L2: engines; `turn` is pure but for `turn/smart.rs`, and finds the weakest point of speech as `vad` does
    ("onnx", &[]),
    ("encoder", &["intent", "onnx"]),
    ("media", &["audio"]),
    ("tts", &["audio", "onnx"]),
    ("vad", &["audio", "onnx", "text"]),
    ("asr", &["audio", "call", "onnx", "queue", "redact", "slots", "threads"]),
    ("turn", &["audio", "call", "onnx", "text", "vad"]),
    // L3: edges; they never import each other
    ("progress", &[]),
    ("telemetry", &[]),
    ("scenario", &["call", "dialog", "intent", "slots", "text"]),
    ("models", &["asr", "audio", "encoder", "onnx", "progress"]),
    ("store", &["audio", "call", "redact", "text"]),
    ("lookup", &["clock", "dialog", "redact", "slots", "trust"]),
    ("ingress", &["audio", "call", "redact"]),
    // L4: wiring; the pipeline may know every part, needed today or not
    ("voice", &["audio", "call", "home", "media", "models", "onnx", "redact", "say", "text", "tts"]),
    (
        "config",
        &["asr", "bot", "call", "guard", "ingress", "live", "serve", "turn", "vad", "voice", "webhook"],
    ),
    (
        "pipeline",
        &[
            "asr",
            "audio",
            "call",
            "clock",
            "config",
            "encoder",
            "export",
            "guard",
            "home",
            "intent",
            "media",
            "models",
            "notes",
            "onnx",
            "processor",
            "progress",
            "queue",
            "redact",
            "scenario",
            "store",
            "text",
            "vad",
        ],
    ),
    (
        "live",
        &[
            "asr", "audio", "call", "clock", "config", "guard", "home", "media", "models", "onnx",
            "pipeline", "queue", "redact", "store", "text", "threads", "turn", "vad",
        ],
    ),
    (
        "assistant",
        &[
            "call", "clock", "dialog", "home", "intent", "lookup", "pipeline", "redact", "scenario", "slots",
            "text",
        ],
    ),
    ("eval", &["call", "intent", "redact", "slots", "text"]),
    ("fixtures", &["audio", "call", "progress", "tts"]),
    // L5: the dialogue on live calls, the edges for other programs, and the command line, which knows everything
    (
        "bot",
        &[
            "assistant",
            "audio",
            "call",
            "clock",
            "dialog",
            "home",
            "intent",
            "live",
            "redact",
            "scenario",
            "slots",
            "store",
            "text",
            "turn",
            "voice",
        ],
    ),
    ("traces", &["audio", "call", "clock", "live"]),
    ("webhook", &["call", "clock", "export", "live", "redact", "store", "text", "trust"]),
    (
        "serve",
        &[
            "asr", "audio", "bot", "call", "clock", "export", "ingress", "live", "media", "pipeline",
            "progress", "redact", "text", "turn", "webhook",
        ],
    ),
    ("cli", ANYTHING),
];

/// What is named from below, for the reasons that ARCHITECTURE.md gives.
const FROM_BELOW: &[(&str, &str)] =
    &[("guard", "asr"), ("config", "live"), ("config", "bot"), ("config", "webhook"), ("config", "serve")];

/// Edges that others of their layer may name: what tells people how far something is.
const NAMED_BY_NEIGHBOURS: &[&str] = &["progress"];

/// Modules, or parts of them, that compute and nothing else: no file, no network, no other program, no thread.
const PURE: &[&str] = &[
    "audio",
    "redact",
    "text",
    "call",
    "export",
    "guard",
    "intent",
    "notes",
    "slots",
    "say",
    "dialog",
    "asr/decode",
    "turn",
    "ingress",
    "bot/course",
    "serve/desk/board",
    "serve/live/control/orders",
];

/// Parts of the standard library that reach out of the computation.
const WORLD: &[&str] = &["env", "fs", "net", "os", "process", "thread"];

/// Words and meanings of intents are learnt side by side, on two threads that end with the training.
const THREADS_OF_PURE_CORES: &[&str] = &["intent/model.rs"];

const ANYTHING: &[&str] = &["*"];

/// Third-party crates that only the named files or folders may name.
const BEHIND_ONE_MODULE: &[(&str, &[&str])] = &[
    ("whisper_rs", &["asr/devices", "asr/whisper", "models/quantize"]),
    (
        "ort",
        &[
            "onnx.rs",
            "onnx/operators",
            "onnx/shared",
            "vad/silero",
            "turn/smart",
            "asr/onnx/network",
            "encoder/network",
            "tts/piper/network",
        ],
    ),
    ("prost", &["models/graph/"]),
    ("pulp", &["onnx/attention"]),
    ("rubato", &["audio/resample"]),
    ("realfft", &["audio/mel"]),
    ("audioadapter_buffers", &["audio/resample"]),
    ("symphonia", &["media/"]),
    ("opus", &["media/", "ingress/opus"]),
    ("cpal", &["ingress/microphone"]),
    ("ttspico_sys", &["tts/pico/native"]),
    ("sqlx", &["store/", "lookup/sqlite", "lookup/postgres"]),
    ("ureq", &["models/", "traces.rs", "lookup/http", "trust.rs", "webhook/http"]),
    ("opentelemetry", &["traces.rs"]),
    ("opentelemetry_http", &["traces.rs"]),
    ("opentelemetry_otlp", &["traces.rs"]),
    ("opentelemetry_sdk", &["traces.rs"]),
    ("async_trait", &["traces.rs"]),
    ("axum", &["serve/"]),
    ("hyper", &["serve/listener"]),
    ("hyper_util", &["serve/listener"]),
    ("rustls", &["serve/tls"]),
    ("tokio_rustls", &["serve/"]),
    ("futures_util", &["serve/", "cli/demo/caller", "lookup/sqlite"]),
    ("tokio_tungstenite", &["cli/demo/caller"]),
    ("subtle", &["serve/keys", "serve/desk/session"]),
    ("getrandom", &["serve/keys", "webhook/sign"]),
    ("hmac", &["webhook/sign"]),
    ("miniz_oxide", &["serve/openai/wire"]),
    ("zip", &["models/"]),
    ("indicatif", &["progress.rs"]),
    ("clap", &["cli/"]),
    ("tracing_subscriber", &["telemetry.rs"]),
    ("anyhow", &["cli/"]),
];

struct Source {
    /// Path below `src/`, with forward slashes.
    path: String,
    /// The text without the items that are compiled for unit tests only, and without whole-line comments.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be read") {
            let path: PathBuf = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(source(&root, &path));
            }
        }
    }
    found
}

fn source(root: &Path, path: &Path) -> Source {
    let relative =
        path.strip_prefix(root).expect("walked from the root").to_string_lossy().replace('\\', "/");
    let text = fs::read_to_string(path).expect("sources are text");
    let is_test_file = relative.ends_with("/tests.rs") || relative.contains("/tests/");
    let code = if is_test_file { String::new() } else { without_test_items(&text) };
    let code =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    Source { path: relative, code }
}

/// The text without each item that follows `#[cfg(test)]`. As rustfmt writes it, such an item ends on its first line
/// (`mod tests;`) or with a closing brace that is indented as the attribute is.
fn without_test_items(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let end = format!("{indent}}}");
        let is_last = |line: &str| {
            line == end
                || line.starts_with(indent) && line.ends_with(';') && !line[indent.len()..].starts_with(' ')
        };
        lines.by_ref().find(|line| is_last(line));
    }
    kept
}

fn module_of(path: &str) -> &str {
    let first = path.split('/').next().expect("a path has a part");
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Names that follow `prefix` in `code`, where `prefix` does not continue a longer identifier.
fn names_after<'a>(code: &'a str, prefix: &str) -> Vec<&'a str> {
    code.match_indices(prefix)
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
        .map(|(at, _)| {
            let rest = &code[at + prefix.len()..];
            &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_module_imports_only_what_the_architecture_allows() {
    let rules: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut broken = Vec::new();
    let mut unused: BTreeSet<(&str, &str)> = MAY_IMPORT
        .iter()
        .flat_map(|(module, allowed)| allowed.iter().map(move |name| (*module, *name)))
        .filter(|(module, name)| *name != "*" && *module != "pipeline")
        .collect();
    for source in sources() {
        let module = module_of(&source.path);
        if matches!(module, "lib" | "main") {
            continue;
        }
        let allowed = rules.get(module).unwrap_or_else(|| panic!("module `{module}` is not in the table"));
        for name in names_after(&source.code, "crate::") {
            unused.retain(|permission| *permission != (module, name));
            let permitted = name == module || allowed.contains(&"*") || allowed.contains(&name);
            if rules.contains_key(name) && !permitted {
                broken.push(format!("{} imports crate::{name}", source.path));
            }
        }
        // `use crate::{a, b}` would hide names from the check above.
        if source.code.contains("crate::{") {
            broken.push(format!("{} groups imports at the crate root; one `use` a module", source.path));
        }
    }
    // A permission that nobody needs would let the next import pass unseen.
    broken.extend(unused.iter().map(|(module, name)| format!("{module} may import {name} and does not")));
    broken.sort();
    broken.dedup();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The rows of the table in ARCHITECTURE.md: layer and whole modules, in the order of the page.
fn layers_of_the_page() -> BTreeMap<String, u8> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"));
    let page = page.expect("the page can be read");
    let mut layers = BTreeMap::new();
    for line in page.lines() {
        let mut cells = line.split(" | ");
        let layer = cells.next().and_then(|cell| cell.strip_prefix("| ")?.parse::<u8>().ok());
        let (Some(layer), Some(names)) = (layer, cells.next()) else { continue };
        let modules = names.split('`').skip(1).step_by(2).filter(|name| !name.contains("::"));
        layers.extend(modules.map(|name| (name.to_owned(), layer)));
    }
    layers
}

#[test]
fn the_table_is_layered_as_the_page_says() {
    let layers = layers_of_the_page();
    let layer_of =
        |module: &str| layers.get(module).unwrap_or_else(|| panic!("`{module}` is not in ARCHITECTURE.md"));
    let mut broken = Vec::new();
    let mut unused: BTreeSet<(&str, &str)> = FROM_BELOW.iter().copied().collect();
    for (at, (module, allowed)) in MAY_IMPORT.iter().enumerate() {
        let before: Vec<&str> = MAY_IMPORT[..at].iter().map(|(name, _)| *name).collect();
        if before.iter().any(|name| layer_of(name) > layer_of(module)) {
            broken.push(format!("{module} stands among modules of a higher layer"));
        }
        for name in allowed.iter().filter(|name| **name != "*") {
            let is_exception = unused.remove(&(*module, *name));
            if !before.contains(name) && !is_exception {
                broken.push(format!("{module} may import {name}, which does not stand below it"));
            }
            let is_edge = *layer_of(module) == 3 && !NAMED_BY_NEIGHBOURS.contains(name);
            if is_edge && layer_of(name) == layer_of(module) {
                broken.push(format!("{module} may import the neighbouring edge {name}"));
            }
        }
    }
    broken.extend(unused.iter().map(|(module, name)| format!("{module} does not import {name} from below")));
    assert_eq!(layers.len(), MAY_IMPORT.len(), "the page names other modules than the table");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Whether `path` below `src/` is the module `name` or lies in it.
fn is_of(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// What of the world outside a text names.
fn reaches_out(code: &str) -> Vec<String> {
    let parts = names_after(code, "std::").into_iter().filter(|name| WORLD.contains(name));
    let mut found: Vec<String> = parts.map(|name| format!("std::{name}")).collect();
    if !names_after(code, "tokio::").is_empty() || code.contains("use tokio;") {
        found.push("tokio".to_owned());
    }
    // `use std::{a, b}` would hide names from the check above.
    if code.contains("std::{") {
        found.push("std by a group".to_owned());
    }
    found
}

#[test]
fn pure_cores_reach_for_no_file_network_program_or_thread() {
    let sources = sources();
    let mut broken = Vec::new();
    let mut unused: BTreeSet<&str> = THREADS_OF_PURE_CORES.iter().copied().collect();
    for core in PURE {
        let mut files = sources.iter().filter(|source| is_of(&source.path, core)).peekable();
        assert!(files.peek().is_some(), "there is no `{core}`");
        for source in files {
            for name in reaches_out(&source.code) {
                if name == "std::thread" && THREADS_OF_PURE_CORES.contains(&source.path.as_str()) {
                    unused.remove(source.path.as_str());
                } else {
                    broken.push(format!("{} names {name}", source.path));
                }
            }
        }
    }
    broken.extend(unused.iter().map(|path| format!("{path} may use threads and does not")));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn promises_to_the_outside_live_where_they_are_looked_for() {
    let files = ["wire.rs", "config.rs", "manifest.rs"];
    let folders = ["store/", "export/", "scenario/", "fixtures/"];
    let is_home = |path: &str| {
        files.iter().any(|name| path.rsplit('/').next() == Some(name))
            || folders.iter().any(|folder| path.starts_with(folder))
    };
    let mut broken: Vec<String> = sources()
        .into_iter()
        .filter(|source| !is_home(&source.path) && derives_serde(&source.code))
        .map(|source| format!("{} derives Serialize or Deserialize", source.path))
        .collect();
    broken.sort();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Whether a `#[derive(…)]` names serde's traits.
fn derives_serde(code: &str) -> bool {
    code.match_indices("derive(").any(|(at, _)| {
        let list = &code[at..];
        list[..list.find(')').unwrap_or(list.len())].contains("erialize")
    })
}

#[test]
fn every_third_party_crate_stays_behind_its_module() {
    let mut broken = Vec::new();
    for source in sources() {
        for (name, homes) in BEHIND_ONE_MODULE {
            let used = names_after(&source.code, &format!("{name}::")).len()
                + source.code.matches(&format!("use {name};")).count();
            if used > 0 && !homes.iter().any(|home| source.path.starts_with(home)) {
                broken.push(format!("{} names {name}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn unsafe_code_has_four_homes() {
    let homes: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.code.contains("unsafe {") || source.code.contains("unsafe fn"))
        .map(|source| source.path)
        .collect();
    let allowed = ["asr/devices.rs", "models/quantize.rs", "onnx/shared.rs", "tts/pico/native.rs"];
    assert!(homes.iter().all(|path| allowed.contains(&path.as_str())), "{homes:?}");
}

#[test]
fn the_checker_sees_what_it_must() {
    assert_eq!(names_after("use crate::store::Store;", "crate::"), ["store"]);
    assert_eq!(names_after("let x = my_crate::store;", "crate::"), Vec::<&str>::new());
    assert_eq!(names_after("ort::init(); support::x()", "ort::"), ["init"]);
    assert_eq!(reaches_out("use std::thread;\nstd::fs::read(a)"), ["std::thread", "std::fs"]);
    assert_eq!(reaches_out("let a: tokio::task::JoinHandle<()>;"), ["tokio"]);
    assert_eq!(reaches_out("use std::{fs, io};"), ["std by a group"]);
    assert_eq!(reaches_out("use std::fmt;\nuse crate::tokio_like::x;"), Vec::<String>::new());
    assert!(is_of("queue.rs", "queue") && is_of("bot/course/parts.rs", "bot/course"));
    assert!(!is_of("turnips.rs", "turn"));
    assert!(derives_serde("#[derive(\n    Debug,\n    Serialize,\n)]"));
    assert!(!derives_serde("#[derive(Debug)]\nstruct Serializer;"));
}

#[test]
fn only_the_test_items_themselves_are_left_out() {
    let code = "mod a;\n#[cfg(test)]\nmod tests;\nuse crate::b::C;\n";
    assert_eq!(without_test_items(code), "mod a;\nuse crate::b::C;\n");
    let code =
        "struct A;\n\n#[cfg(test)]\nmod tests {\n    use crate::x;\n\n    fn f() {\n    }\n}\nstruct B;\n";
    assert_eq!(without_test_items(code), "struct A;\n\nstruct B;\n");
    let code = "impl A {\n    #[cfg(test)]\n    fn f() {\n        g();\n    }\n\n    fn h() {}\n}\n";
    assert_eq!(without_test_items(code), "impl A {\n\n    fn h() {}\n}\n");
    let code = "#[cfg(test)]\n#[path = \"x.rs\"]\npub(crate) mod tests {\n    let a = b;\n}\nuse crate::c;\n";
    assert_eq!(without_test_items(code), "use crate::c;\n");
}
