//! Every crate that is linked has a licence that `deny.toml` allows. cargo-deny checks the same and more (`make deny`), where
//! it is installed; this needs cargo only.

use std::fs;
use std::path::Path;
use std::process::Command;

use spdx::{Expression, LicenseReq, ParseMode};

/// `license` as its author meant it: older crates write `MIT/Apache-2.0`.
fn expression(licence: &str) -> Option<Expression> {
    Expression::parse_mode(licence, ParseMode::LAX).ok()
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules: toml::Table = toml::from_str(&fs::read_to_string(root.join("deny.toml")).unwrap()).unwrap();
    let allowed: Vec<Expression> = rules["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .map(|licence| expression(licence.as_str().unwrap()).expect("deny.toml names licences of SPDX"))
        .collect();
    let is_allowed = |wanted: &LicenseReq| {
        allowed.iter().any(|expression| expression.requirements().any(|allowed| allowed.req == *wanted))
    };

    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .output()
        .expect("cargo runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100);
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| {
            let licence = package["license"].as_str().and_then(expression);
            !licence.is_some_and(|licence| licence.evaluate(&is_allowed))
        })
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "not allowed by deny.toml:\n{}", refused.join("\n"));
}
