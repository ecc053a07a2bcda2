//! Whether this processor can run what the binary was compiled for.
//!
//! whisper.cpp is compiled for named instruction sets (`.cargo/config.toml`); on a processor without one of them it
//! would die with SIGILL. [`missing_features`] is asked before anything else runs. The Rust code itself is compiled
//! for the baseline of the architecture. A build that did not read that file does not compile: whisper.cpp would be made for
//! the machine that builds it, and nothing here would know.

// Cargo looks for `.cargo/config.toml` from the working folder upwards, not from the package.
#[cfg(target_arch = "x86_64")]
const _: () = assert!(
    is_off(option_env!("GGML_NATIVE")),
    "GGML_NATIVE is not OFF: build inside the folder of Allo, whose .cargo/config.toml names the instruction sets"
);

/// An instruction set with the cmake variable that compiled it in.
struct Feature {
    name: &'static str,
    compiled: Option<&'static str>,
    present: fn() -> bool,
}

#[cfg(target_arch = "x86_64")]
macro_rules! feature {
    ($name:tt, $variable:literal) => {
        Feature {
            name: $name,
            compiled: option_env!($variable),
            present: || std::is_x86_feature_detected!($name),
        }
    };
}

#[cfg(target_arch = "x86_64")]
const FEATURES: &[Feature] = &[
    feature!("avx", "GGML_AVX"),
    feature!("avx2", "GGML_AVX2"),
    feature!("fma", "GGML_FMA"),
    feature!("f16c", "GGML_F16C"),
    feature!("bmi2", "GGML_BMI2"),
    feature!("avx512f", "GGML_AVX512"),
    feature!("avx512vbmi", "GGML_AVX512_VBMI"),
    feature!("avx512vnni", "GGML_AVX512_VNNI"),
    feature!("avx512bf16", "GGML_AVX512_BF16"),
    feature!("avxvnni", "GGML_AVX_VNNI"),
];

#[cfg(not(target_arch = "x86_64"))]
const FEATURES: &[Feature] = &[];

fn is_on(value: Option<&str>) -> bool {
    value.is_some_and(|value| matches!(value.to_ascii_uppercase().as_str(), "ON" | "1" | "TRUE" | "YES"))
}

/// Whether cmake was told no; left out it takes its own default.
#[cfg(target_arch = "x86_64")]
const fn is_off(value: Option<&str>) -> bool {
    match value {
        Some(value) => {
            value.eq_ignore_ascii_case("OFF")
                || value.eq_ignore_ascii_case("0")
                || value.eq_ignore_ascii_case("FALSE")
                || value.eq_ignore_ascii_case("NO")
        }
        None => false,
    }
}

/// Instruction sets that were compiled in, by their usual names.
pub fn required_features() -> Vec<&'static str> {
    FEATURES.iter().filter(|feature| is_on(feature.compiled)).map(|feature| feature.name).collect()
}

/// Instruction sets that were compiled in and that this processor lacks; empty when all is well.
pub fn missing_features() -> Vec<&'static str> {
    FEATURES
        .iter()
        .filter(|feature| is_on(feature.compiled) && !(feature.present)())
        .map(|feature| feature.name)
        .collect()
}

/// Instruction sets that this processor has and this build does not use; a faster build is possible with them.
pub fn unused_features() -> Vec<&'static str> {
    FEATURES
        .iter()
        .filter(|feature| !is_on(feature.compiled) && (feature.present)())
        .map(|feature| feature.name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cmake_spellings_of_on_are_understood() {
        assert!(is_on(Some("ON")) && is_on(Some("1")) && is_on(Some("true")));
        assert!(!is_on(Some("OFF")) && !is_on(Some("0")) && !is_on(None));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn only_a_spoken_no_keeps_cmake_from_the_build_machine() {
        assert!(is_off(Some("OFF")) && is_off(Some("0")) && is_off(Some("false")) && is_off(Some("No")));
        assert!(!is_off(Some("ON")) && !is_off(Some("")) && !is_off(None));
    }

    #[test]
    fn the_machine_that_runs_the_tests_can_run_the_build() {
        assert_eq!(missing_features(), Vec::<&str>::new());
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_default_build_needs_no_avx512() {
        assert!(required_features().contains(&"avx2"), "the build sets are read at compile time");
        if option_env!("GGML_AVX512").is_none() {
            assert!(!required_features().contains(&"avx512f"));
        }
    }
}
