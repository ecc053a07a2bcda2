//! The graphics devices that whisper.cpp can run on, in its own order.
//!
//! The library goes on without a word on the processor when the device that it was asked for is not there, so whoever asks for one
//! looks here first. One of the places of the program with `unsafe`: the list is kept by a C library and its safe wrapper
//! does not show it.
#![expect(
    unsafe_code,
    reason = "the list is a C library's; each block states the condition under which it is sound"
)]

use std::ffi::CStr;

use whisper_rs::whisper_rs_sys as sys;

/// Whether this build has a back end for graphics devices.
pub const CAN_USE_GPU: bool =
    cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal", feature = "hipblas"));

/// What helps whoever asked for a device that is not there.
pub const DEVICE_REMEDY: &str =
    "docs/gpu.md says what a device needs; asr.device = \"auto\" takes the processor where there is none";

/// What the graphics devices of this machine are called; the place in the list is the number that `asr.device` takes. Empty in
/// a build without a back end for them.
pub fn gpus() -> Vec<String> {
    // SAFETY: takes nothing; the library makes its list on the first call, behind its own lock.
    let count = unsafe { sys::ggml_backend_dev_count() };
    (0..count).filter_map(gpu_at).collect()
}

/// The description of a device of the library's list that is a graphics device.
fn gpu_at(index: usize) -> Option<String> {
    // The same two kinds that whisper.cpp counts (`whisper_backend_init_gpu`).
    const KINDS: [sys::ggml_backend_dev_type; 2] = [
        sys::ggml_backend_dev_type_GGML_BACKEND_DEVICE_TYPE_GPU,
        sys::ggml_backend_dev_type_GGML_BACKEND_DEVICE_TYPE_IGPU,
    ];
    // SAFETY: `index` is below the count, and devices are never taken off the list: the pointer is good as long as the
    // process, and so is the text, which belongs to the device and ends with a zero byte.
    let (kind, description) = unsafe {
        let device = sys::ggml_backend_dev_get(index);
        (sys::ggml_backend_dev_type(device), sys::ggml_backend_dev_description(device))
    };
    if !KINDS.contains(&kind) || description.is_null() {
        return None;
    }
    // SAFETY: see above; it was just found not to be null.
    Some(unsafe { CStr::from_ptr(description) }.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_for_processors_lists_no_graphics_device_and_its_own_processor_is_none() {
        let first = gpus();
        assert_eq!(first, gpus());
        assert!(CAN_USE_GPU || first.is_empty(), "{first:?}");
    }
}
