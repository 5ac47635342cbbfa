//! The commands.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A state folder and what runs in it, in a zone of its own.
struct Device(TempDir);

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Device {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_mien-device"))
            .args(arguments)
            .current_dir(self.0.path())
            .env("MIEN_STATE_DIR", self.0.path().join("state"))
            .env("XDG_CONFIG_HOME", self.0.path().join("no-config"))
            .env("TZ", "TEST-5:30")
            .env_remove("RUST_LOG")
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn count(&self) {
        let ran = self.run(&["run", "--count", "--source", "demo", "--frames", "90"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }

    fn visits(&self) -> Vec<Value> {
        let ran = self.run(&["export", "--by", "visit", "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

#[test]
fn a_run_is_counted_exported_and_purged() {
    let device = Device::new();
    device.count();
    let visits = device.visits();
    assert_eq!(visits.len(), 2, "the demo cuts after 50 frames: {visits:?}");
    for visit in &visits {
        let start = visit["start"].as_str().unwrap();
        assert!(start.ends_with("+05:30"), "{start}");
        assert!(visit["duration_s"].as_f64().unwrap() >= 1.0);
    }
    // Again, in the same boot.
    device.count();
    assert_eq!(device.visits().len(), 4);

    let csv = device.run(&["export", "--by", "day", "--out", "day.csv"]);
    assert_eq!((csv.code, csv.stdout.as_str()), (0, ""));
    let day = fs::read_to_string(device.0.path().join("day.csv")).unwrap();
    assert!(day.starts_with("start,up_s,frames,"), "{day}");
    assert!(day.lines().nth(1).unwrap().contains(",180,"), "{day}");
    let few = device.run(&["export", "--by", "day", "--min-cell", "5"]);
    assert!(!few.stdout.contains(",4,"), "{}", few.stdout);

    let report = device.run(&["report", "--out", "report.html"]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    let page = fs::read_to_string(device.0.path().join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("Most often"));
    assert!(
        !page.contains("http") && !page.contains("<script"),
        "nothing is fetched"
    );

    let refused = device.run(&["purge", "--all"]);
    assert_eq!(refused.code, 2, "nobody can be asked");
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert_eq!(device.visits().len(), 4);
    let purged = device.run(&["purge", "--all", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(
        purged.stdout.starts_with("deleted: 4 visits of "),
        "{}",
        purged.stdout
    );
    assert_eq!(device.visits().len(), 0);
    let left: Vec<_> = fs::read_dir(device.0.path())
        .unwrap()
        .map(|f| f.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 3, "no half files: {left:?}");
}

#[test]
fn nothing_is_counted_unless_asked_for() {
    let device = Device::new();
    let ran = device.run(&["run", "--source", "demo", "--frames", "40"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!device.0.path().join("state").exists());
    let none = device.run(&["export"]);
    assert_eq!(none.code, 3);
    assert!(none.stderr.contains("run --count"), "{}", none.stderr);
    assert_eq!(device.run(&["report", "--out", "report.html"]).code, 3);
    assert!(!device.0.path().join("report.html").exists());
    assert_eq!(device.run(&["purge", "--all", "--yes"]).code, 3);
}

#[test]
fn wrong_arguments_are_named() {
    let device = Device::new();
    device.count();
    for (arguments, says) in [
        (&["export", "--from", "soon"][..], "`soon` is no time"),
        (
            &["export", "--from", "2026-02-02", "--to", "2026-01-01"],
            "--from is not before --to",
        ),
        (&["export", "--by", "week"], "there is hour, day, visit"),
        (
            &["export", "--format", "xlsx"],
            "there is csv, json, ndjson",
        ),
        (
            &["export", "--by", "visit", "--min-cell", "3"],
            "by hour or by day",
        ),
        (
            &["export", "--out", "no/such/folder.csv"],
            "--out no/such/folder.csv",
        ),
        (&["purge"], "--before"),
        (&["purge", "--before", "x", "--yes"], "--before `x`"),
        (&["report"], "--out"),
    ] {
        let ran = device.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    assert_eq!(device.visits().len(), 2);
}

#[test]
fn a_database_that_cannot_be_written_stops_no_run() {
    let device = Device::new();
    fs::write(device.0.path().join("state"), "no folder").unwrap();
    let ran = device.run(&["run", "--count", "--source", "demo", "--frames", "90"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("\"frames\":90"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("counts wait in memory"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("2 visits are lost"), "{}", ran.stderr);
}
