//! The binary starts on processors without AVX-512, and explains itself on those that are too old.
//!
//! Old processors are played by qemu's user emulation.

use std::process::{Command, Output};

fn on(processor: &str) -> Output {
    Command::new("qemu-x86_64")
        .args(["-cpu", processor, env!("CARGO_BIN_EXE_allo"), "--version"])
        .output()
        .expect("qemu-user is installed by the set-up")
}

#[cfg(target_arch = "x86_64")]
#[test]
fn it_starts_on_a_processor_without_avx512() {
    let run = on("Haswell-noTSX");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(String::from_utf8_lossy(&run.stdout).starts_with("allo "));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn it_says_what_an_old_processor_lacks_and_does_not_crash() {
    let run = on("Nehalem");
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("this one lacks avx, avx2, fma, f16c, bmi2"), "{said}");
    assert!(said.contains("hint:"), "{said}");
}
