//! The Pico library itself, behind a safe engine; the only file that names `ttspico_sys`.
//!
//! Pico works inside one block of memory that it is given. It reads parts of that block before it writes them, so the
//! block must be zero at the start: handed memory that was used before, a voice says the same text with other samples
//! from one engine to the next. The library has no state outside its block (its objects hold no writable data that is
//! ever read), so engines on several threads do not disturb each other.

#![expect(unsafe_code, reason = "a C library; each call states the condition under which it is sound")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::{CStr, CString, c_char};
use std::ptr;

use ttspico_sys as pico;

/// Size of the block. Below 2 MB the language files do not fit; 2.5 MB are touched and become resident.
const BLOCK_BYTES: usize = 4 * 1024 * 1024;
/// Pico aligns what it places in the block to 8 bytes from the block's start.
const BLOCK_ALIGNMENT: usize = 16;
/// Name under which the voice is defined in its own system; any would do.
const VOICE_NAME: &CStr = c"allo";
/// Longest path that Pico can take, in bytes: it copies the path into 512 bytes, unchecked, with a zero at the end.
pub const PATH_BYTES_MAX: usize = 511;

/// What Pico answered instead of doing as asked.
#[derive(Debug)]
pub struct Refusal {
    /// What was tried.
    pub action: &'static str,
    /// Pico's status.
    pub code: i32,
    /// Pico's words for it.
    pub description: String,
}

/// Whether an engine has more to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask again.
    Busy,
    /// All text is spoken.
    Idle,
}

/// A voice with its block of memory, its language files and one engine.
pub struct Engine {
    block: *mut u8,
    system: pico::pico_System,
    resources: Vec<pico::pico_Resource>,
    engine: pico::pico_Engine,
}

// SAFETY: the pointers lead into the block, which the engine owns alone; the library keeps nothing by thread.
unsafe impl Send for Engine {}

impl Engine {
    /// An engine that speaks with the language files at `paths`: text analysis first, signal generation second. A path
    /// holds no zero byte and at most [`PATH_BYTES_MAX`] bytes.
    pub fn open(paths: &[CString; 2]) -> Result<Self, Refusal> {
        assert!(
            paths.iter().all(|path| path.as_bytes().len() <= PATH_BYTES_MAX),
            "the caller checks the length"
        );
        // SAFETY: the layout has a size.
        let block = unsafe { alloc_zeroed(layout()) };
        if block.is_null() {
            return Err(Refusal { action: "start", code: 0, description: "no memory".to_owned() });
        }
        let mut opened =
            Self { block, system: ptr::null_mut(), resources: Vec::new(), engine: ptr::null_mut() };
        // SAFETY: the block is as long as said, is written by nobody else and outlives the system (see `drop`).
        let status =
            unsafe { pico::pico_initialize(block.cast(), BLOCK_BYTES as u32, &raw mut opened.system) };
        opened.check(status, "start")?;
        // SAFETY: a system that was started, and a name that ends with a zero.
        let status = unsafe { pico::pico_createVoiceDefinition(opened.system, VOICE_NAME.as_ptr().cast()) };
        opened.check(status, "define a voice")?;
        for path in paths {
            opened.load(path)?;
        }
        // SAFETY: the voice is defined, with both of its files, without which the library would follow a null pointer.
        let status = unsafe {
            pico::pico_newEngine(opened.system, VOICE_NAME.as_ptr().cast(), &raw mut opened.engine)
        };
        opened.check(status, "start a voice")?;
        Ok(opened)
    }

    fn load(&mut self, path: &CStr) -> Result<(), Refusal> {
        let mut resource = ptr::null_mut();
        // SAFETY: a system that was started, and a path that ends with a zero and fits the library's buffer.
        let status = unsafe { pico::pico_loadResource(self.system, path.as_ptr().cast(), &raw mut resource) };
        self.check(status, "load a voice file")?;
        self.resources.push(resource);
        let mut name: [c_char; pico::PICO_RETSTRINGSIZE] = [0; pico::PICO_RETSTRINGSIZE];
        // SAFETY: a file that was loaded, and a buffer of the length that the library asks for.
        let status = unsafe { pico::pico_getResourceName(self.system, resource, name.as_mut_ptr()) };
        self.check(status, "name a voice file")?;
        // SAFETY: a voice that was defined, and a name that the library has just written, with its zero.
        let status = unsafe {
            pico::pico_addResourceToVoiceDefinition(
                self.system,
                VOICE_NAME.as_ptr().cast(),
                name.as_ptr().cast(),
            )
        };
        self.check(status, "use a voice file")
    }

    /// Hands over text; a zero byte makes the engine speak what it has. Gives how many bytes were taken.
    pub fn put_text(&mut self, text: &[u8]) -> Result<usize, Refusal> {
        let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
        let mut taken = 0;
        // SAFETY: a running engine, and at least `length` bytes of text.
        let status = unsafe { pico::pico_putTextUtf8(self.engine, text.as_ptr(), length, &raw mut taken) };
        self.check(status, "take text")?;
        Ok(usize::try_from(taken).unwrap_or(0))
    }

    /// Speaks on: gives how many 16 kHz samples were written to the start of `samples`.
    pub fn get_data(&mut self, samples: &mut [i16]) -> Result<(usize, Step), Refusal> {
        let bytes = i16::try_from(size_of_val(samples)).unwrap_or(i16::MAX - 1);
        let (mut written, mut kind) = (0, 0);
        // SAFETY: a running engine, and at least `bytes` bytes of room.
        let status = unsafe {
            pico::pico_getData(
                self.engine,
                samples.as_mut_ptr().cast(),
                bytes,
                &raw mut written,
                &raw mut kind,
            )
        };
        let step = match status {
            pico::PICO_STEP_BUSY => Step::Busy,
            pico::PICO_STEP_IDLE => Step::Idle,
            failed => return Err(self.refusal(failed, "speak")),
        };
        Ok((usize::try_from(written).unwrap_or(0) / size_of::<i16>(), step))
    }

    /// Forgets text and sound that are under way.
    pub fn reset(&mut self) {
        // SAFETY: a running engine. A reset that fails shows in the next call.
        let _ = unsafe { pico::pico_resetEngine(self.engine, pico::PICO_RESET_FULL.cast_signed()) };
    }

    fn check(&self, status: pico::pico_Status, action: &'static str) -> Result<(), Refusal> {
        if status == pico::PICO_OK { Ok(()) } else { Err(self.refusal(status, action)) }
    }

    fn refusal(&self, code: pico::pico_Status, action: &'static str) -> Refusal {
        let mut text: [c_char; pico::PICO_RETSTRINGSIZE] = [0; pico::PICO_RETSTRINGSIZE];
        // SAFETY: the library takes a null system or engine here and answers with a general text; the buffer has the
        // length that it asks for and was zero.
        let description = unsafe {
            if self.engine.is_null() {
                pico::pico_getSystemStatusMessage(self.system, code, text.as_mut_ptr());
            } else {
                pico::pico_getEngineStatusMessage(self.engine, code, text.as_mut_ptr());
            }
            text[pico::PICO_RETSTRINGSIZE - 1] = 0;
            CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned()
        };
        Refusal { action, code, description }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: each part was made by this engine and is given back once, in the reverse order; the block goes last.
        unsafe {
            if !self.engine.is_null() {
                pico::pico_disposeEngine(self.system, &raw mut self.engine);
            }
            if !self.system.is_null() {
                pico::pico_releaseVoiceDefinition(self.system, VOICE_NAME.as_ptr().cast());
                for resource in &mut self.resources {
                    pico::pico_unloadResource(self.system, resource);
                }
                pico::pico_terminate(&raw mut self.system);
            }
            dealloc(self.block, layout());
        }
    }
}

fn layout() -> Layout {
    Layout::from_size_align(BLOCK_BYTES, BLOCK_ALIGNMENT).expect("a power of two, and a small size")
}
