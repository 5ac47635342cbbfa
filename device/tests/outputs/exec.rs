//! Programs that are run on a change.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use mien_device::output::Output;
use mien_device::output::exec::{Exec, ExecOptions};
use mien_models::label::Labels;
use serde_json::Value;

use crate::judged::judged;
use crate::{HAPPY, SAD, loss};

fn shell(script: &str, folder: &Path, options: ExecOptions) -> Exec {
    let script = script.replace("LOG", &folder.join("log").display().to_string());
    let options = ExecOptions {
        command: ["sh", "-c", &script].map(str::to_owned).into(),
        ..options
    };
    Exec::new(&options, &Labels::fer2013()).unwrap()
}

fn quick() -> ExecOptions {
    ExecOptions {
        min_interval_ms: 0,
        ..ExecOptions::default()
    }
}

/// Waits until the program has written `count` lines.
fn lines(folder: &Path, count: usize) -> Vec<Value> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let text = fs::read_to_string(folder.join("log")).unwrap_or_default();
        let whole: Vec<_> = text.lines().collect();
        if whole.len() >= count && text.ends_with('\n') {
            return whole
                .iter()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
        }
        assert!(Instant::now() < end, "{text}");
        sleep(Duration::from_millis(5));
    }
}

/// Shows a frame until the program has written `count` lines: one that still runs is waited for.
fn show_until(exec: &mut Exec, folder: &Path, winner: Option<usize>, count: usize) -> Vec<Value> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        exec.show(&judged(9, &[winner])).unwrap();
        let text = fs::read_to_string(folder.join("log")).unwrap_or_default();
        if text.lines().count() >= count {
            return lines(folder, count);
        }
        assert!(Instant::now() < end, "{text}");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_program_learns_of_changes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut exec = shell("cat >> LOG", folder.path(), quick());
    exec.show(&judged(0, &[])).unwrap();
    for sequence in 1..5 {
        exec.show(&judged(sequence, &[Some(HAPPY), None])).unwrap();
    }
    let first = &lines(folder.path(), 1)[0];
    assert_eq!(first["expression"], "happy");
    assert_eq!(
        (&first["faces"], &first["timestamp_ms"]),
        (&2.into(), &400.into())
    );
    let all = show_until(&mut exec, folder.path(), Some(SAD), 2);
    assert_eq!(all[1]["expression"], "sad");
    let all = show_until(&mut exec, folder.path(), None, 3);
    assert_eq!(
        (&all[2]["expression"], &all[2]["probability"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_lost_camera_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut exec = shell("cat >> LOG", folder.path(), quick());
    exec.lost(&loss()).unwrap();
    exec.lost(&loss()).unwrap();
    let all = lines(folder.path(), 1);
    assert_eq!((&all[0]["camera_lost"], all.len()), (&true.into(), 1));
}

#[test]
fn starts_are_rate_limited_and_the_last_state_counts() {
    let folder = tempfile::tempdir().unwrap();
    let options = ExecOptions {
        min_interval_ms: 400,
        ..ExecOptions::default()
    };
    let mut exec = shell("cat >> LOG", folder.path(), options);
    let start = Instant::now();
    exec.show(&judged(0, &[Some(HAPPY)])).unwrap();
    for sequence in 1..20 {
        exec.show(&judged(sequence, &[Some(SAD)])).unwrap();
        exec.show(&judged(sequence, &[Some(HAPPY)])).unwrap();
    }
    let all = show_until(&mut exec, folder.path(), Some(SAD), 2);
    assert!(start.elapsed() >= Duration::from_millis(400));
    assert_eq!(
        (&all[0]["expression"], &all[1]["expression"]),
        (&"happy".into(), &"sad".into())
    );
}

#[test]
fn a_program_that_hangs_is_killed_and_one_that_is_missing_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let options = ExecOptions {
        timeout_ms: 100,
        ..quick()
    };
    let mut exec = shell("cat >> LOG; exec sleep 60", folder.path(), options);
    exec.show(&judged(0, &[Some(HAPPY)])).unwrap();
    show_until(&mut exec, folder.path(), Some(SAD), 2);

    let options = ExecOptions {
        command: vec!["/does/not/exist".to_owned()],
        ..quick()
    };
    let mut exec = Exec::new(&options, &Labels::fer2013()).unwrap();
    exec.show(&judged(0, &[Some(HAPPY)])).unwrap();
    let none = Exec::new(&ExecOptions::default(), &Labels::fer2013())
        .err()
        .unwrap();
    assert!(none.to_string().contains("command is empty"));
}
