//! The network beside whisper.cpp, what becomes of damaged graphs, and one loaded model in many hands.

mod damaged;
mod numerics;
mod shared;

use std::path::PathBuf;

use crate::home::Home;
use crate::onnx::Runtime;

/// The file among the models of this machine, or `None` with a word about it; in CI it has to be there.
fn model(file: &str) -> Option<PathBuf> {
    let home = Home::resolve(|name| std::env::var_os(name)).expect("a home folder");
    let path = home.models().join(file);
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "missing in CI: {}", path.display());
    eprintln!("skipped, missing: {}", path.display());
    None
}

fn runtime() -> Option<Runtime> {
    Some(Runtime::load(&model("libonnxruntime.so")?).expect("the library loads"))
}
