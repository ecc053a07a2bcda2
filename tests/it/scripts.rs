//! What the scripts of the project do where something that they need cannot be had.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// Runs `scripts/deny` with a cargo that fails at the subcommands whose arguments begin with one of `failing`, and checks exit
/// code and last line.
#[track_caller]
fn check_deny(failing: &[&str], install: &str, code: i32, last_line: &str) {
    let folder = tempfile::tempdir().unwrap();
    let cargo = folder.path().join("cargo");
    let patterns: String = failing.iter().map(|start| format!("\"{start}\"*) exit 1 ;;\n")).collect();
    let script = format!("#!/bin/sh\necho \"ran cargo $*\" >&2\ncase \"$*\" in\n{patterns}esac\n");
    fs::write(&cargo, script).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&path));
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deny"))
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("ALLO_INSTALL_DENY", install)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with(last_line), "{said}");
}

#[test]
fn a_check_of_crates_says_last_what_it_could_not_check() {
    let (missing, none) = ("deny --version", "");
    check_deny(&[], none, 0, "ran cargo deny check advisories");
    check_deny(&[missing], none, 0, "ran cargo deny check advisories");
    check_deny(&[missing, "install"], none, 0, "NOT CHECKED: bans, sources and advisories");
    check_deny(&[missing], "0", 0, "NOT CHECKED: bans, sources and advisories");
    check_deny(&["deny fetch"], none, 0, "NOT CHECKED: advisories");
}

#[test]
fn a_check_of_crates_fails_when_a_crate_does() {
    check_deny(&["deny check licenses"], "", 1, "ran cargo deny check licenses bans sources");
    check_deny(&["deny check advisories"], "", 1, "ran cargo deny check advisories");
}
