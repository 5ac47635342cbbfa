//! A running program takes on another configuration.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mien_device::assets;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);

struct Running {
    child: Child,
    /// What it logs, by line.
    log: mpsc::Receiver<String>,
}

impl Drop for Running {
    /// Also when a test fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

impl Running {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mien-device"))
            .args(["run", "--config", "c.toml", "--record", "record.ndjson"])
            .current_dir(folder)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (to, log) = mpsc::channel();
        std::thread::spawn(move || {
            let _ = stderr
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| to.send(line));
        });
        Self { child, log }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// The first line from here on that says so.
    fn wait_for(&self, what: &str) -> String {
        let mut lines = std::iter::from_fn(|| self.log.recv_timeout(LIMIT).ok());
        let found = lines.find(|line| line.contains(what));
        found.unwrap_or_else(|| panic!("it does not say {what:?}"))
    }

    /// Its last words as JSON, once it has ended well.
    fn totals(mut self) -> Value {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < LIMIT, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut text = String::new();
        let mut stdout = self.child.stdout.take().unwrap();
        stdout.read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }
}

/// Frames recorded so far.
fn recorded(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("record.ndjson")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn wait_for_frames(folder: &Path, count: usize) {
    let start = Instant::now();
    while recorded(folder).len() < count {
        assert!(start.elapsed() < LIMIT, "no frames");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_reload_changes_what_it_concerns_and_keeps_the_faces() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &[u8]| fs::write(folder.join(name), text).unwrap();
    write("astronaut.jpg", assets::PORTRAITS[0].jpeg);
    write("c.toml", b"log_level = \"info\"");
    let running = Running::start(folder);
    wait_for_frames(folder, 20);

    // What cannot be used changes nothing.
    write("c.toml", b"log_level = \"info\"\nmodle = \"a\"");
    running.signal("-HUP");
    running.wait_for("everything stays as it was");
    running.wait_for("unknown field `modle`");
    write("c.toml", b"log_level = \"info\"\nmodel = \"missing\"");
    running.signal("-HUP");
    let said = running.wait_for("the model stays as it was");
    assert!(said.contains("missing"), "{said}");
    running.wait_for("read again");

    // Everybody is uncertain from here on.
    let before = recorded(folder).len();
    write(
        "c.toml",
        b"log_level = \"info\"\n[smoothing]\nuncertain_below = 1.0\nhysteresis = 0.0",
    );
    running.signal("-HUP");
    running.wait_for("read again");
    wait_for_frames(folder, before + 60);
    let frames = recorded(folder);
    let numbers: Vec<_> = frames
        .iter()
        .map(|frame| frame["sequence"].as_u64().unwrap())
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "the source went on where it was"
    );
    let last = &frames.last().unwrap()["faces"][0];
    assert_eq!(last["uncertain"], true, "{last}");

    // A source with an end.
    write(
        "c.toml",
        b"source = \"astronaut.jpg\"\n[smoothing]\nuncertain_below = 0.0",
    );
    running.signal("-HUP");
    let totals = running.totals();
    let frames = recorded(folder);
    let last = frames.last().unwrap();
    assert_eq!(
        (&last["sequence"], &last["width"]),
        (&0.into(), &512.into())
    );
    assert_eq!(totals["frames"], frames.len());
    // Who came last is someone new.
    let ids: Vec<_> = frames
        .iter()
        .filter_map(|frame| frame["faces"][0]["track"].as_u64())
        .collect();
    assert_eq!(totals["tracks"], *ids.last().unwrap());
    assert!(
        ids[..ids.len() - 1]
            .iter()
            .all(|id| id < ids.last().unwrap())
    );
}

#[test]
fn a_hangup_without_a_change_is_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("c.toml"), "log_level = \"info\"").unwrap();
    let running = Running::start(folder);
    for round in 1..=3 {
        wait_for_frames(folder, 10 * round);
        running.signal("-HUP");
        running.wait_for("read again");
    }
    running.signal("-TERM");
    let totals = running.totals();
    assert_eq!(totals["frames"], recorded(folder).len());
}
