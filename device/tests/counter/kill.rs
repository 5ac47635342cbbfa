//! A process that counts is killed at random moments: what it wrote is whole, nearly all of it is
//! there, and nothing twice.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use mien_device::counter::Counter;
use mien_device::counter::clock::SystemClock;
use mien_device::output::Output as _;
use mien_models::label::Labels;

use super::made::{LABELS, QUICK, face, frame, open, visits};

/// Names the database and the first visit's number.
const VARIABLE: &str = "MIEN_TEST_COUNT_INTO";
/// Longest dwell that is no part of a visit's number.
const BASE_MS: u64 = 1000;
/// On top of the interval between two writes: a loaded machine's delays.
const SLACK: Duration = Duration::from_millis(2500);

/// Visits without an end, a line of output after each.
#[test]
#[ignore = "is started by the test below, in a process of its own"]
fn counts_until_killed() {
    let Some(value) = env::var(VARIABLE).ok() else {
        return;
    };
    let (first, path) = value.split_once(' ').unwrap();
    let mut counter = Counter::start(
        Path::new(path),
        QUICK,
        3000,
        &Labels::new(LABELS).unwrap(),
        Arc::new(SystemClock::new()),
        TimeZone::UTC,
    )
    .unwrap();
    let mut timestamp_ms = 0;
    for number in first.parse::<u64>().unwrap().. {
        // A visit is known by its duration.
        for passed_ms in [0, BASE_MS + number] {
            timestamp_ms += passed_ms;
            let seen = vec![face(number, Some(0))];
            counter.show(&frame(timestamp_ms, seen)).unwrap();
        }
        timestamp_ms += 4000;
        counter.show(&frame(timestamp_ms, Vec::new())).unwrap();
        writeln!(io::stdout(), "ended {number}").unwrap();
        thread::sleep(Duration::from_millis(7));
    }
}

/// Runs it for a while, kills it, and returns what it said with the time that it had left then.
fn run_and_kill(path: &Path, first: u64, after: Duration) -> Vec<(u64, Duration)> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "kill::counts_until_killed",
        ])
        .env(VARIABLE, format!("{first} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            // The harness says something as well, on the same line or another.
            let number = line.rsplit_once("ended ").and_then(|(_, n)| n.parse().ok());
            if let Some(number) = number {
                sender.send((number, Instant::now())).unwrap();
            }
        }
    });
    thread::sleep(after);
    // SIGKILL: nothing can be done about it.
    child.kill().unwrap();
    let killed = Instant::now();
    child.wait().unwrap();
    reader.join().unwrap();
    let said = receiver.iter();
    said.map(|(number, at)| (number, killed.saturating_duration_since(at)))
        .collect()
}

#[test]
fn a_kill_costs_no_more_than_the_interval() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("counts.db");
    let mut random = fastrand::Rng::with_seed(0x6b11);
    let mut possible = BTreeSet::new();
    let mut safe = BTreeSet::new();
    let mut first = 1;
    let interval = Duration::from_secs(QUICK.commit_interval_s.into());
    for round in 0..6 {
        // Also while it is still opening the file.
        let after = match round % 3 {
            0 => random.u64(1..150),
            _ => random.u64(3700..5500),
        };
        let said = run_and_kill(&path, first, Duration::from_millis(after));
        possible.insert(first);
        for (number, left) in said {
            // The next one may be written before it is told of.
            possible.extend([number, number + 1]);
            if left > interval + SLACK {
                safe.insert(number);
            }
            first = first.max(number + 10);
        }
        // Whatever was begun is whole.
        let store = open(&path);
        let connection = rusqlite::Connection::open(&path).unwrap();
        let verdict: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok", "round {round}");
        drop(store);
    }
    let found: Vec<u64> = visits(&path)
        .iter()
        .map(|v| v.duration_ms - BASE_MS)
        .collect();
    let distinct: BTreeSet<u64> = found.iter().copied().collect();
    assert_eq!(found.len(), distinct.len(), "nothing twice");
    let missing: Vec<_> = safe.difference(&distinct).collect();
    assert!(missing.is_empty(), "lost: {missing:?} of {}", safe.len());
    assert!(safe.len() > 50, "{} visits were to be kept", safe.len());
    assert!(distinct.is_subset(&possible), "nobody invented");
}
