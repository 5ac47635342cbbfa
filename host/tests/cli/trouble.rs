//! What goes wrong around training: full disks, kills, files that do not belong together. Each is
//! said, and costs nothing older.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::made::write;
use crate::train::{Made, curve, made};
use crate::{failure, mien, stderr, stdout};

/// Runs `mien` with files of at most `blocks` of 512 bytes, as on a disk that fills up; `None`,
/// with a message, where there is no shell that can.
fn on_a_full_disk(blocks: u32, args: &[String]) -> Option<Output> {
    // The signal would kill; ignored, the write fails with an error.
    let script = "trap '' XFSZ && ulimit -f \"$1\" && shift && exec \"$@\"";
    let shell = |args: &[&str]| {
        Command::new("sh")
            .args(["-c", script, "sh"])
            .args(args)
            .output()
    };
    let works = shell(&["8", "true"]).is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: no sh that limits the size of files");
        return None;
    }
    let blocks = blocks.to_string();
    let mut whole = vec![blocks.as_str(), env!("CARGO_BIN_EXE_mien")];
    whole.extend(args.iter().map(String::as_str));
    Some(shell(&whole).unwrap())
}

fn resume(run: &Path) -> Vec<String> {
    ["train", "--resume", &run.display().to_string()]
        .map(str::to_owned)
        .to_vec()
}

fn with(mut args: Vec<String>, more: &[&str]) -> Vec<String> {
    args.extend(more.iter().map(|&arg| arg.to_owned()));
    args
}

/// Every file of a folder with its content.
fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_disk_that_fills_up_ends_the_run_and_costs_only_the_epoch() {
    let made = made();
    let (whole, run) = (made.path("whole"), made.path("run"));
    stdout(made.start(&whole));
    stdout(with(made.start(&run), &["--max-minutes", "0"]));
    let (last, best) = (snapshot(&run.join("last")), snapshot(&run.join("best")));
    // results.csv is shorter than this, weights are longer.
    let Some(output) = on_a_full_disk(2, &resume(&run)) else {
        return;
    };
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    for part in [
        "cannot write the checkpoint",
        ".mpk",
        "make room",
        "--resume",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(snapshot(&run.join("last")), last);
    assert_eq!(snapshot(&run.join("best")), best);
    for unfinished in ["last.new", "best.new"] {
        assert!(!run.join(unfinished).exists(), "{unfinished} takes room");
    }
    stdout(resume(&run));
    assert_eq!(curve(&run), curve(&whole));
}

#[test]
fn a_run_that_finds_the_disk_full_can_be_started_again() {
    let made = made();
    let run = made.path("run");
    let start = with(made.start(&run), &["--max-minutes", "0"]);
    let Some(output) = on_a_full_disk(0, &start) else {
        return;
    };
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("config.toml"), "{message}");
    stdout(start);
    assert_eq!(curve(&run).len(), 1 + 1);
}

#[test]
fn kills_while_checkpoints_are_written_do_not_change_the_curve() {
    let made = made();
    let (whole, run) = (made.path("whole"), made.path("run"));
    stdout(made.start(&whole));
    let coming = run.join("last.new");
    for args in [made.start(&run), resume(&run), resume(&run)] {
        // What an earlier kill left there is not what is waited for.
        let stale = coming.join("stale");
        if coming.exists() {
            fs::write(&stale, "").unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_mien"))
            .args(args)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while !coming.exists() || stale.exists() {
            assert!(
                started.elapsed() < Duration::from_secs(120),
                "no checkpoint"
            );
            if child.try_wait().unwrap().is_some() {
                break; // It was faster than us.
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    stdout(resume(&run));
    assert_eq!(curve(&run), curve(&whole));
}

#[test]
fn a_damaged_checkpoint_is_said_and_the_one_before_it_used() {
    let made = made();
    let (whole, run) = (made.path("whole"), made.path("run"));
    stdout(made.start(&whole));
    stdout(with(made.start(&run), &["--max-minutes", "0"]));
    stdout(with(resume(&run), &["--max-minutes", "0"]));
    assert_eq!(curve(&run).len(), 1 + 2);
    let net = run.join("last/net.mpk");
    let bytes = fs::read(&net).unwrap();
    fs::write(&net, &bytes[..100]).unwrap();
    let output = mien(resume(&run));
    let message = stderr(&output);
    assert!(output.status.success(), "{message}");
    for part in [
        "last/net.mpk is damaged",
        "it has 100 bytes instead of",
        "after epoch 1",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(curve(&run), curve(&whole));

    fs::remove_file(&net).unwrap();
    fs::remove_dir_all(run.join("last.old")).unwrap();
    let message = failure(resume(&run));
    assert!(
        message.contains("last/net.mpk") && message.contains("Bring"),
        "{message}"
    );
    let model = made.path("model.postcard").display().to_string();
    let quantize = [
        "quantize",
        "--run",
        &run.display().to_string(),
        "--out",
        &model,
    ];
    let packed = stdout(quantize);
    assert!(
        packed.contains("version 1,"),
        "best is still there: {packed}"
    );
}

#[test]
fn votes_that_are_missing_are_said_and_those_of_other_data_before_there_is_a_run() {
    let made = made();
    made.recipe("seed = 5", "seed = 5\nferplus = { blend = 0.5 }");
    let output = mien(made.start(&made.path("without")));
    let message = stderr(&output);
    assert!(output.status.success(), "{message}");
    assert!(
        message.contains("warning") && message.contains("fer2013new.csv with --ferplus"),
        "{message}"
    );
    let run = made.path("run");
    let votes = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,\
                 unknown,NF\nTraining,a.png,0,0,0,0,10,0,0,0,0,0\n";
    let votes = write(made.path("").as_path(), "fer2013new.csv", votes);
    let votes = votes.display().to_string();
    let message = failure(with(made.start(&run), &["--ferplus", &votes]));
    for part in ["fer2013new.csv does not go with", "1 rows for 84 pictures"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!run.exists(), "nothing is left behind");
}

#[test]
fn a_recipe_with_an_unknown_key_names_it_and_its_line() {
    let made = made();
    made.recipe("seed = 5", "seed = 5\nlearning_rat = 0.1");
    let run = made.path("run");
    let message = failure(made.start(&run));
    assert!(
        message.contains("learning_rat") && message.contains("small.toml"),
        "{message}"
    );
    assert!(!run.exists(), "nothing is left behind");
}

const DISTILLED: &str = "seed = 5\ndistillation = { temperature = 2.0, weight \
                         = 0.5, views = 2, unlabelled = true }\nhygiene = { calibration_share = \
                         0.2 }";

fn teach(made: &Made, teachers: &[&Path], pack: &Path) {
    let (data, pack) = (made.data.display().to_string(), pack.display().to_string());
    let recipe = made.recipe.display().to_string();
    let mut args = vec![
        "teach", "--data", &data, "--recipe", &recipe, "--out", &pack,
    ];
    let teachers: Vec<String> = teachers.iter().map(|t| t.display().to_string()).collect();
    for teacher in &teachers {
        args.extend(["--run", teacher]);
    }
    stdout(args);
}

#[test]
fn a_student_learns_from_its_own_pack_only_and_resumes_on_the_same_curve() {
    let made = made();
    let teachers = ["one", "two"].map(|name| made.path(name));
    for (seed, teacher) in ["1", "2"].iter().zip(&teachers) {
        stdout(with(
            made.start(teacher),
            &["--epochs", "1", "--seed", seed],
        ));
    }
    made.recipe("seed = 5", DISTILLED);
    let (whole, run, pack) = (
        made.path("whole"),
        made.path("run"),
        made.path("teach.pack"),
    );
    let message = failure(made.start(&run));
    assert!(
        message.contains("mien teach") && message.contains("--teacher"),
        "{message}"
    );
    teach(&made, &teachers.each_ref().map(PathBuf::as_path), &pack);
    let taught = |run: &Path| with(made.start(run), &["--teacher", &pack.display().to_string()]);

    let bytes = fs::read(&pack).unwrap();
    fs::write(&pack, &bytes[..bytes.len() - 1]).unwrap();
    let message = failure(taught(&run));
    assert!(
        message.contains("teach.pack is not a whole teacher pack"),
        "{message}"
    );
    fs::write(&pack, &bytes).unwrap();
    let message = failure(with(taught(&run), &["--seed", "6"]));
    assert!(
        message.contains("made for other training pictures"),
        "{message}"
    );
    let message = failure(with(made.start(&run), &["--teacher", "none.pack"]));
    assert!(message.contains("none.pack"), "{message}");
    assert!(!run.exists(), "nothing is left behind");

    stdout(taught(&whole));
    stdout(with(taught(&run), &["--max-minutes", "0"]));
    // A pack that was lost on the way costs nothing.
    fs::remove_file(&pack).unwrap();
    let message = failure(resume(&run));
    assert!(message.contains("teach.pack"), "{message}");
    let carried = write(made.path("").as_path(), "carried.pack", &bytes);
    stdout(with(
        resume(&run),
        &["--teacher", &carried.display().to_string()],
    ));
    assert_eq!(curve(&run), curve(&whole));
    assert_eq!(curve(&run).len(), 1 + 4);

    made.recipe("weight = 0.5", "weight = 0.0");
    let alone = made.path("alone");
    stdout(with(
        made.start(&alone),
        &["--teacher", &carried.display().to_string()],
    ));
    assert_ne!(curve(&alone), curve(&whole), "the teachers had a say");
}
