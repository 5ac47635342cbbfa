//! The program `mien` from outside: exit codes, JSON schemas, messages.

mod adapt;
mod baseline;
mod data;
mod evaluate;
mod import;
mod import_yunet;
mod inspect;
mod made;
mod preview;
mod sign;
mod train;
mod trouble;

use std::ffi::OsStr;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs `mien`.
fn mien<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mien"))
        .args(args)
        .output()
        .expect("mien starts")
}

/// Stdout of a run that must succeed.
fn stdout<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    let output = mien(args);
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).expect("stdout is UTF-8")
}

/// JSON of a run that must succeed.
fn json<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Value {
    serde_json::from_str(&stdout(args)).expect("stdout is JSON")
}

/// Stderr of a run that must end with exit code 1 and print nothing else.
fn failure<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    let output = mien(args);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(output.stdout.is_empty());
    message
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn wrong_usage_ends_with_2() {
    for args in [
        &["data", "inspect"][..],
        &["fly"],
        &["evaluate", "--split", "some"],
    ] {
        assert_eq!(mien(args).status.code(), Some(2), "{args:?}");
    }
    assert_eq!(mien(["--help"]).status.code(), Some(0));
    assert_eq!(mien(["--version"]).status.code(), Some(0));
}
