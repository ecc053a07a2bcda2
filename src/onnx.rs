//! The one place that loads the ONNX Runtime library, for every engine that runs an ONNX model.
//!
//! An engine (`vad`, turn taking, sentence encoders) asks [`Runtime::load`] for the library file that `models` put in
//! place and opens its models with [`Runtime::session`]. The library is loaded once a process and stays until the end.
//!
//! Invariants: a missing, cut, foreign or too old library is an [`Error`], never a panic and never a killed process; a
//! session never spins while it waits, because its threads share the processor with Whisper.
//!
//! Every session knows this program's own [`operators`].
//!
//! A big model that several threads need is a [`SharedSession`], so that its weights are in memory once.
//!
//! What it does not do: know any model's inputs or outputs, check hashes (see `models`).

mod attention;
pub mod operators;
mod shared;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;

pub use self::shared::{SharedSession, give_memory_back};

/// The oldest ONNX Runtime 1.x this program can drive.
pub const OLDEST_MINOR_VERSION: u32 = ort::MINOR_VERSION;

/// Why the runtime or one of its models is not usable. The process goes on; retrying helps only after the file changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No library at the given place.
    #[error("onnx runtime library is not there ({})\nhint: run `allo models pull onnxruntime`", path.display())]
    LibraryMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is not a whole shared library; loading it would kill the process.
    #[error("{} is not a whole shared library: {reason}\nhint: run `allo models pull onnxruntime`", path.display())]
    LibraryDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system or the version check refused the library.
    #[error(
        "cannot use {} as onnx runtime (1.{OLDEST_MINOR_VERSION} or later)\nhint: run `allo models pull onnxruntime`",
        path.display()
    )]
    LibraryRefused {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A process holds one library only.
    #[error("onnx runtime is already loaded from {}, cannot load {} as well", loaded.display(), asked.display())]
    OtherLibraryLoaded {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        asked: PathBuf,
    },
    /// The library loaded but did not start.
    #[error("onnx runtime does not start")]
    Start(#[source] ort::Error),
    /// No model file at the given place.
    #[error("onnx model is not there ({})\nhint: run `allo models pull`", path.display())]
    ModelMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The runtime refused a model file.
    #[error("cannot open onnx model {}\nhint: run `allo models verify`", path.display())]
    Model {
        /// The model file.
        path: PathBuf,
        /// What the runtime said.
        #[source]
        source: ort::Error,
    },
    /// The library cannot compute on the NVIDIA device that was asked for.
    #[error("onnx runtime cannot use the NVIDIA device {device}")]
    Cuda {
        /// Its number.
        device: u8,
        /// What the runtime said.
        #[source]
        source: ort::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// How a session uses the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// Threads for one inference, at least 1. One thread an inference and as many inferences as cores keeps latency
    /// flat; more threads help only a process that runs a single call.
    pub threads: usize,
    /// Whether the session keeps the memory of an inference for the next one. Without it the memory goes back to the
    /// system: for big networks whose inputs have many lengths, where the kept pieces would add up.
    pub keeps_memory: bool,
    /// The NVIDIA device that computes; `None` for the processor. Where it or its provider is missing the session does not
    /// open.
    pub cuda_device: Option<u8>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { threads: 1, keeps_memory: true, cuda_device: None }
    }
}

/// The loaded library. Cloning shares it; it may be used from any thread.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
}

struct Loaded {
    path: PathBuf,
    runtime: Runtime,
}

static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

impl Runtime {
    /// Loads the library at `library`, or returns the one already loaded from there. Blocks for some tens of
    /// milliseconds the first time.
    ///
    /// # Errors
    /// [`Error`] when the file is missing, cut, not ONNX Runtime, too old, or another one is loaded already. A failed
    /// load leaves nothing behind, so a later call with a good file succeeds.
    pub fn load(library: &Path) -> Result<Self, Error> {
        let path = match library.canonicalize() {
            Ok(path) => path,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::LibraryMissing { path: library.to_path_buf() });
            }
            Err(source) => return Err(Error::Read { path: library.to_path_buf(), source }),
        };
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = loaded.as_ref() {
            return if present.path == path {
                Ok(present.runtime.clone())
            } else {
                Err(Error::OtherLibraryLoaded { loaded: present.path.clone(), asked: path })
            };
        }
        shared::limit_memory_pools();
        let runtime = Self { environment: start(&path)? };
        *loaded = Some(Loaded { path, runtime: runtime.clone() });
        Ok(runtime)
    }

    /// Opens `model` for one thread an inference. Blocks while the model is read and optimised.
    ///
    /// # Errors
    /// [`Error::ModelMissing`] or [`Error::Model`].
    pub fn session(&self, model: &Path) -> Result<Session, Error> {
        self.session_with(model, SessionOptions::default())
    }

    /// Opens `model`; see [`SessionOptions`].
    ///
    /// # Errors
    /// [`Error::ModelMissing`]; [`Error::Cuda`] when a device was asked for, [`Error::Model`] when none was.
    pub fn session_with(&self, model: &Path, options: SessionOptions) -> Result<Session, Error> {
        if !model.is_file() {
            return Err(Error::ModelMissing { path: model.to_path_buf() });
        }
        self.open(model, options).map_err(|source| match options.cuda_device {
            Some(device) => Error::Cuda { device, source },
            None => Error::Model { path: model.to_path_buf(), source },
        })
    }

    fn open(&self, model: &Path, options: SessionOptions) -> Result<Session, ort::Error> {
        let processor = ort::ep::CPU::default().with_arena_allocator(options.keeps_memory).build();
        let cuda = options.cuda_device.map(cuda_provider);
        Session::builder(&self.environment)?
            .with_execution_providers(cuda.into_iter().chain([processor]).collect::<Vec<_>>())?
            .with_memory_pattern(options.keeps_memory)?
            .with_intra_threads(options.threads.max(1))?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_operators(operators::domain()?)?
            .commit_from_file(model)
    }
}

/// Without a silent way back to the processor: what was asked for runs, or nothing.
fn cuda_provider(device: u8) -> ort::ep::ExecutionProviderDispatch {
    ort::ep::CUDA::default().with_device_id(i32::from(device)).build().error_on_failure()
}

fn start(path: &Path) -> Result<Environment, Error> {
    if cfg!(target_os = "linux") {
        check_whole_elf(path)?;
    }
    // The crate panics on a library that has the name and the version but not the interface.
    std::panic::catch_unwind(|| start_checked(path)).unwrap_or_else(|_| {
        let source = "it has not the interface of its version".into();
        Err(Error::LibraryRefused { path: path.to_path_buf(), source })
    })
}

fn start_checked(path: &Path) -> Result<Environment, Error> {
    let builder = ort::init_from(path)
        .map_err(|error| Error::LibraryRefused { path: path.to_path_buf(), source: error.into() })?;
    let environment = builder
        .with_name("allo")
        .with_telemetry(false)
        .with_logger(Arc::new(forward_log))
        .build()
        .map_err(Error::Start)?;
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

/// The runtime warns about machines without a GPU at every start: its warnings are debug lines here, its errors come
/// back as results as well.
#[expect(clippy::too_many_arguments, reason = "the runtime's own signature")]
fn forward_log(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Verbose | LogLevel::Info => tracing::trace!(category, location, "onnx runtime: {message}"),
        LogLevel::Warning | LogLevel::Error => tracing::debug!(category, location, "onnx runtime: {message}"),
        LogLevel::Fatal => tracing::warn!(category, location, "onnx runtime: {message}"),
    }
}

/// The system's loader maps what an ELF file declares: where the file ends earlier, the first touch of a missing page
/// kills the process with SIGBUS. A library that a broken copy cut short is therefore refused here.
fn check_whole_elf(path: &Path) -> Result<(), Error> {
    const HEADER_LENGTH: usize = 64;
    const PROGRAM_HEADER_LENGTH: usize = 56;
    const LOADABLE: u32 = 1;
    // Real libraries have around ten; the cap bounds what a hostile header makes us read.
    const PROGRAM_HEADERS_MAX: usize = 128;

    let damaged =
        |reason: &str| Error::LibraryDamaged { path: path.to_path_buf(), reason: reason.to_owned() };
    let unreadable = |source| Error::Read { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(unreadable)?;
    let file_length = file.metadata().map_err(unreadable)?.len();
    let mut head = Vec::new();
    file.take((HEADER_LENGTH + 64 * 1024) as u64).read_to_end(&mut head).map_err(unreadable)?;

    if head.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err(damaged("no 64-bit ELF header"));
    }
    let u16_at = |at: usize| bytes_at::<2>(&head, at).map(u16::from_le_bytes);
    let u32_at = |at: usize| bytes_at::<4>(&head, at).map(u32::from_le_bytes);
    let u64_at = |at: usize| bytes_at::<8>(&head, at).map(u64::from_le_bytes);
    let cut = || damaged("the file ends before its own table of contents");
    let program_headers_start = u64_at(32).ok_or_else(cut)?;
    let section_headers_start = u64_at(40).ok_or_else(cut)?;
    let count = usize::from(u16_at(56).ok_or_else(cut)?);
    let section_bytes = u64::from(u16_at(58).ok_or_else(cut)?) * u64::from(u16_at(60).ok_or_else(cut)?);
    if count > PROGRAM_HEADERS_MAX {
        return Err(damaged("absurd number of program headers"));
    }
    if section_headers_start.checked_add(section_bytes).is_none_or(|end| end > file_length) {
        return Err(cut());
    }
    let start = usize::try_from(program_headers_start).map_err(|_| cut())?;
    for index in 0..count {
        let at = start.checked_add(index * PROGRAM_HEADER_LENGTH).ok_or_else(cut)?;
        if u32_at(at).ok_or_else(cut)? != LOADABLE {
            continue;
        }
        let offset = u64_at(at.saturating_add(8)).ok_or_else(cut)?;
        let length = u64_at(at.saturating_add(32)).ok_or_else(cut)?;
        if offset.checked_add(length).is_none_or(|end| end > file_length) {
            return Err(damaged("the file ends before a segment that has to be loaded"));
        }
    }
    Ok(())
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests;
