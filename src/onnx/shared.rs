//! One loaded model that several threads run at once.
//!
//! The crate lets a session run for one caller at a time, because some execution providers (CUDA, DirectML) are not safe
//! otherwise; a second session for a second thread holds all weights a second time (BENCHMARKS.md, "An hour-long two-channel
//! call"). The runtime's own contract is that `Run` may be called from any number of threads, and on the processor's provider it is what
//! its Python and C# users do every day. This file is that call, at once for this provider only, with nothing else that is shared:
//! every caller brings its own inputs and run options, what memory is kept between runs is the runtime's own and behind its
//! lock, and outputs are fresh.
//!
//! The memory of all these runs comes from the C library; how it keeps that is set here as well.

#![expect(
    unsafe_code,
    reason = "the crate has no call for it; each block states the condition under which it is sound"
)]

use std::ffi::{CString, c_char};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};

use ort::AsPointer as _;
use ort::session::{NoSelectedOutputs, RunOptions, Session, SessionInputValue};
use ort::value::DynValue;

use super::{Error, Runtime, SessionOptions};

/// Has the C library keep one pool of memory a core, instead of one for each of the first eight threads a core.
///
/// Every inference takes tens of megabytes and gives them back, each time on another thread; what is given back in pieces
/// stays in the pool it came from. Without this an hour-long call takes a sixth more memory. Other C libraries have no such
/// pools.
pub(super) fn limit_memory_pools() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        // SAFETY: it sets a number of the allocator under the allocator's own lock; threads that have a pool keep it.
        let is_set = unsafe { libc::mallopt(libc::M_ARENA_MAX, i32::try_from(cores.max(2)).unwrap_or(2)) };
        if is_set == 0 {
            tracing::debug!("the C library does not take a limit of its memory pools");
        }
    }
}

/// Has the C library give the memory back to the system that it holds and nobody uses.
///
/// It would keep most of what an inference gave back in pieces, and every long inference would find that in other places
/// than the one before. Takes about a millisecond a hundred megabytes, so it is for inferences of hundreds of milliseconds.
pub fn give_memory_back() {
    // SAFETY: it takes no pointer and works under the allocator's own locks.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A model whose [`SharedSession::run`] any thread may call at any time. On the processor several runs go on at once; on another
/// device one after the other.
pub struct SharedSession {
    session: Session,
    /// Held while a device other than the processor runs.
    turn: Option<Mutex<()>>,
    inputs: Vec<CString>,
    outputs: Vec<CString>,
}

impl SharedSession {
    /// Opens `model`; see [`SessionOptions`].
    ///
    /// # Errors
    /// As [`Runtime::session_with`].
    pub fn open(runtime: &Runtime, model: &Path, options: SessionOptions) -> Result<Self, Error> {
        let session = runtime.session_with(model, options)?;
        let refused = |error: std::ffi::NulError| Error::Model {
            path: model.to_path_buf(),
            source: ort::Error::new(error.to_string()),
        };
        let names = |outlets: &[ort::value::Outlet]| -> Result<Vec<CString>, Error> {
            outlets.iter().map(|outlet| CString::new(outlet.name()).map_err(refused)).collect()
        };
        let (inputs, outputs) = (names(session.inputs())?, names(session.outputs())?);
        let turn = options.cuda_device.map(|_| Mutex::default());
        Ok(Self { session, turn, inputs, outputs })
    }

    /// The model's names, types and metadata.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Runs the model on `inputs`, in the order of its inputs; gives its outputs in their order. `options` can end this run
    /// and no other.
    ///
    /// # Errors
    /// What the runtime says, also when there are not as many inputs as the model has.
    pub fn run(
        &self,
        inputs: &[SessionInputValue<'_>],
        options: &RunOptions<NoSelectedOutputs>,
    ) -> ort::Result<Vec<DynValue>> {
        if inputs.len() != self.inputs.len() {
            let (given, wanted) = (inputs.len(), self.inputs.len());
            return Err(ort::Error::new(format!("{given} inputs for a model that has {wanted}")));
        }
        let pointers =
            |names: &[CString]| -> Vec<*const c_char> { names.iter().map(|name| name.as_ptr()).collect() };
        let (input_names, output_names) = (pointers(&self.inputs), pointers(&self.outputs));
        let values: Vec<*const ort::sys::OrtValue> = inputs.iter().map(|value| value.ptr()).collect();
        let mut results = vec![ptr::null_mut(); output_names.len()];
        let turn = self.turn.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        // SAFETY: the session lives as long as `self`; names and inputs are borrowed for this call and as many as said;
        // the runtime writes as many results as it is given names, into places that are null and so are made by it. It
        // reads the session only: concurrent calls are allowed by its contract on the processor's provider; with any other
        // one `turn` keeps all but one away.
        let status = unsafe {
            (ort::api().Run)(
                self.session.ptr().cast_mut(),
                options.ptr(),
                input_names.as_ptr(),
                values.as_ptr(),
                values.len(),
                output_names.as_ptr(),
                output_names.len(),
                results.as_mut_ptr(),
            )
        };
        drop(turn);
        // SAFETY: the status comes from the call above, and is looked at once.
        unsafe { ort::Error::result_from_status(status) }?;
        let owned = |result: *mut ort::sys::OrtValue| {
            let result = NonNull::new(result).ok_or_else(|| ort::Error::new("a result is missing"))?;
            // SAFETY: a successful run gives values that belong to the caller; they were made by the allocator of the
            // processor, which is that of the session.
            Ok(unsafe { DynValue::from_ptr(result, Some(self.session.allocator())) })
        };
        // All are taken over before one that is missing is told, so that none leaks.
        let results: Vec<ort::Result<DynValue>> = results.into_iter().map(owned).collect();
        results.into_iter().collect()
    }
}
