use ort::value::Tensor;
use proptest::prelude::*;

use super::*;

/// The developer's models, or `None` (with a line on stderr) where they are not pulled.
fn models_folder() -> Option<PathBuf> {
    let folder = crate::home::Home::resolve(|name| std::env::var_os(name)).ok()?.models().to_path_buf();
    if folder.join("libonnxruntime.so").is_file() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "CI needs the models: run `allo models pull`");
    eprintln!("skipped: no onnx runtime in {}", folder.display());
    None
}

#[test]
fn silero_answers_on_silence() {
    let Some(folder) = models_folder() else { return };
    let runtime = Runtime::load(&folder.join("libonnxruntime.so")).unwrap();
    let again = Runtime::load(&folder.join("libonnxruntime.so")).unwrap();
    let mut session = again.session(&folder.join("silero_vad.onnx")).unwrap();
    let audio = Tensor::from_array(([1_usize, 64 + 512], vec![0.0_f32; 64 + 512])).unwrap();
    let state = Tensor::from_array(([2_usize, 1, 128], vec![0.0_f32; 256])).unwrap();
    let rate = Tensor::from_array(([1_usize], vec![16_000_i64])).unwrap();
    let outputs = session.run(ort::inputs!["input" => audio, "state" => state, "sr" => rate]).unwrap();
    let (_, probability) = outputs["output"].try_extract_tensor::<f32>().unwrap();
    assert!((0.0..0.2).contains(&probability[0]), "silence is not speech: {}", probability[0]);

    let missing = runtime.session(&folder.join("no-such.onnx")).unwrap_err();
    assert!(matches!(missing, Error::ModelMissing { .. }));
    let not_a_model = runtime.session(&folder.join("pico/fr-FR_ta.bin")).unwrap_err();
    assert!(matches!(not_a_model, Error::Model { .. }));
}

#[test]
fn a_missing_library_names_the_command_that_helps() {
    let error = Runtime::load(Path::new("/nowhere/libonnxruntime.so")).unwrap_err();
    assert!(error.to_string().contains("hint: run `allo models pull onnxruntime`"), "{error}");
}

#[test]
fn a_text_file_and_every_cut_of_the_library_are_refused_before_loading() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    std::fs::write(&text, "not a library").unwrap();
    assert!(matches!(check_whole_elf(&text), Err(Error::LibraryDamaged { .. })));

    let Some(models) = models_folder() else { return };
    let whole = std::fs::read(models.join("libonnxruntime.so")).unwrap();
    let cut = folder.path().join("cut.so");
    std::fs::write(&cut, &whole).unwrap();
    check_whole_elf(&cut).unwrap();
    for length in [whole.len() - 1, whole.len() / 2, 4096, 100, 63, 0] {
        File::options().write(true).open(&cut).unwrap().set_len(length as u64).unwrap();
        let error = check_whole_elf(&cut).unwrap_err();
        assert!(matches!(error, Error::LibraryDamaged { .. }), "{length}: {error}");
    }
}

#[test]
fn another_library_than_onnx_runtime_is_refused_and_a_good_one_loads_afterwards() {
    let stranger = Path::new("/usr/lib/x86_64-linux-gnu/libm.so.6");
    if !stranger.is_file() {
        return;
    }
    // Another test may have loaded the real one first; either way it is an error and not a crash.
    let error = Runtime::load(stranger).unwrap_err();
    assert!(
        matches!(error, Error::LibraryRefused { .. } | Error::OtherLibraryLoaded { .. }),
        "unexpected: {error}"
    );
    if let Some(folder) = models_folder() {
        Runtime::load(&folder.join("libonnxruntime.so")).unwrap();
    }
}

proptest! {
    #[test]
    fn hostile_headers_are_errors(tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hostile.so");
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.extend(tail);
        std::fs::write(&file, bytes).unwrap();
        // Zero program headers is a valid, if useless, file: only panics and unbounded reads are failures here.
        let _ = check_whole_elf(&file);
    }
}

/// A library that says it is this version of ONNX Runtime and has no interface.
const PRETENDER: &str = r#"
struct base { const void *(*api)(unsigned); const char *(*version)(void); };
static const void *api(unsigned version) { return 0; }
static const char *version(void) { return VERSION; }
static struct base only = { api, version };
const struct base *OrtGetApiBase(void) { return IS_EMPTY ? 0 : &only; }
"#;

/// Compiles [`PRETENDER`]; `None` without a compiler, which building this program needs.
fn pretender(folder: &Path, (version, is_empty): (&str, bool)) -> Option<PathBuf> {
    let source = folder.join("pretender.c");
    std::fs::write(&source, PRETENDER).unwrap();
    let library = folder.join("pretender.so");
    let compiled = std::process::Command::new("cc")
        .args([
            "-shared",
            "-fPIC",
            &format!("-DVERSION=\"{version}\""),
            &format!("-DIS_EMPTY={}", i32::from(is_empty)),
        ])
        .arg("-o")
        .args([&library, &source])
        .status();
    let is_compiled = compiled.is_ok_and(|status| status.success());
    assert!(is_compiled || std::env::var_os("CI").is_none(), "CI needs a C compiler");
    is_compiled.then_some(library)
}

const LIBRARY: &str = "ALLO_TEST_LIBRARY";

/// Not a test of its own: a process holds one library only, so the next one runs this in processes of their own.
#[test]
#[ignore = "run by the test below with a library in the environment"]
fn the_library_in_the_environment_is_refused() {
    let library = std::env::var_os(LIBRARY).expect("run by another test");
    let error = Runtime::load(Path::new(&library)).expect_err("it is no ONNX Runtime");
    assert!(matches!(error, Error::LibraryRefused { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("or later") && text.contains("hint: run `allo models pull onnxruntime`"), "{text}");
}

#[test]
fn a_library_that_is_too_old_or_only_pretends_is_refused_and_ends_no_process() {
    for pretence in
        [("1.10.0", false), ("0.5.0", false), ("nonsense", false), ("1.99.0", false), ("1.99.0", true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let Some(library) = pretender(folder.path(), pretence) else { return };
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "onnx::tests::the_library_in_the_environment_is_refused"])
            .env(LIBRARY, library)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "{pretence:?}: {said}");
    }
}
