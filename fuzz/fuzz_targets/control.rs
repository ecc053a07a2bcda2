#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| allo_fuzz::faces::control(input));
