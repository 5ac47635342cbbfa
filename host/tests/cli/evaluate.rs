//! `mien evaluate`, with a model whose verdict follows the mean brightness.

use std::path::Path;

use mien_models::procedural::test_model;
use serde_json::Value;

use crate::made::{csv, merged, packed, renamed, value_of, write};
use crate::{failure, json, mien, stderr, stdout};

/// Every class once in each split, but in PublicTest disgust looks like fear and happy like
/// angry.
fn made_csv() -> String {
    let usages = ["Training", "PublicTest", "PrivateTest"];
    let row = |usage, class| {
        let looks_like = match (usage, class) {
            ("PublicTest", 1) => 2,
            ("PublicTest", 3) => 0,
            _ => class,
        };
        (class, usage, value_of(looks_like))
    };
    let rows = usages.map(|usage| (0..7).map(move |class| row(usage, class)));
    csv(&rows.into_iter().flatten().collect::<Vec<_>>())
}

fn args(folder: &Path, model: &[u8], data: &str, more: &[&str]) -> Vec<String> {
    let model = write(folder, "model.postcard", model);
    let data = write(folder, "fer2013.csv", data);
    let mut args = vec!["evaluate".to_owned()];
    for (flag, path) in [("--model", model), ("--data", data)] {
        args.extend([flag.to_owned(), path.display().to_string()]);
    }
    args.extend(more.iter().map(|&arg| arg.to_owned()));
    args
}

fn evaluate(model: &[u8], more: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    json(args(folder.path(), model, &made_csv(), more))
}

#[test]
fn json_follows_the_schema() {
    let mut report = evaluate(&packed(&test_model()), &["--split", "public", "--json"]);
    // The last digits of a softmax depend on the machine; the checksum on the test model.
    let ece = report["ece"].as_f64().unwrap();
    assert!((ece - 2.0 / 7.0).abs() < 0.01, "{ece}");
    assert_eq!(report["model_sha256"].as_str().map(str::len), Some(64));
    for mistake in report["worst"].as_array_mut().unwrap() {
        assert!(mistake["confidence"].as_f64().unwrap() > 0.9);
        mistake["confidence"] = "[confidence]".into();
    }
    let bins: u64 = report["reliability"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bin| bin["n"].as_u64().unwrap())
        .sum();
    assert_eq!(bins, 7);
    report["reliability"] = "[15 bins]".into();
    report["passes"]["single"]["ece"] = "[ece]".into();
    report["ece"] = "[ece]".into();
    report["model_sha256"] = "[sha256]".into();
    insta::assert_json_snapshot!(report);
}

#[test]
fn splits_are_kept_apart() {
    let model = packed(&test_model());
    for (split, n, accuracy) in [
        ("training", 7, 1.0),
        ("public", 7, 5.0 / 7.0),
        ("private", 7, 1.0),
        ("all", 21, 19.0 / 21.0),
    ] {
        let report = evaluate(&model, &["--split", split, "--json"]);
        assert_eq!(report["n"], n, "{split}");
        assert_eq!(report["accuracy"], accuracy, "{split}");
    }
}

#[test]
fn labels_are_matched_by_name_not_by_number() {
    // The names of disgust and fear, and of happy and angry, are swapped in the model: right
    // where the pictures look swapped.
    let names = [
        "happy", "fear", "disgust", "angry", "sad", "surprise", "neutral",
    ];
    let report = evaluate(&packed(&renamed(names)), &["--split", "public", "--json"]);
    assert_eq!(report["recall"]["disgust"], 1.0);
    assert_eq!(report["recall"]["happy"], 1.0);
    assert_eq!(report["recall"]["angry"], 0.0);
    assert_eq!(report["accuracy"], 5.0 / 7.0);
}

#[test]
fn merged_labels_are_judged_by_groups() {
    let report = evaluate(&packed(&merged()), &["--split", "training", "--json"]);
    // By brightness: angry is `angry`, disgust `disgust|fear|surprise`, fear `happy`, all
    // brighter ones `sad|neutral`.
    let confusion = serde_json::json!([[1, 0, 0, 0], [0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 2]]);
    assert_eq!(report["confusion"], confusion);
    assert_eq!(report["accuracy"], 4.0 / 7.0);
    assert_eq!(report["four_group_accuracy"], report["accuracy"]);
}

#[test]
fn the_table_is_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let model = packed(&test_model());
    let text = stdout(args(
        folder.path(),
        &model,
        &made_csv(),
        &["--split", "public", "--flip"],
    ));
    let is_stable = |line: &&str| !line.starts_with("calibration") && !line.starts_with("model");
    let lines: Vec<&str> = text.lines().filter(is_stable).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_does_not_fit_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let fail = |model: &[u8], data: &str, split: &str| {
        failure(args(folder.path(), model, data, &["--split", split]))
    };
    let sound = packed(&test_model());
    let other = packed(&renamed(["a", "b", "c", "happy", "d", "e", "f"]));
    let message = fail(&other, &made_csv(), "public");
    assert!(
        message.contains("no label for angry, disgust, fear, sad"),
        "{message}"
    );
    let message = fail(&sound, &csv(&[(0, "Training", 1)]), "private");
    assert!(
        message.contains("no pictures in this split; it has 1 in Training"),
        "{message}"
    );
    let mut damaged = sound.clone();
    damaged[200] ^= 1;
    let message = fail(&damaged, &made_csv(), "public");
    assert!(message.contains("the checksum does not match"), "{message}");
}

#[test]
fn a_report_is_written_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let model = packed(&test_model());
    let write = |more: &[&str]| {
        let mut all = vec!["--split", "public"];
        all.extend(more);
        let output = mien(args(folder.path(), &model, &made_csv(), &all));
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    };
    let page = folder.path().join("new/page.html");
    let said = write(&["--html", &page.display().to_string()]);
    assert!(said.contains("not for publication"), "{said}");
    // Data and model are only read.
    let data = std::fs::read_to_string(folder.path().join("fer2013.csv")).unwrap();
    assert!(data == made_csv(), "the data was changed");
    assert!(std::fs::read(folder.path().join("model.postcard")).unwrap() == model);
    let html = std::fs::read_to_string(page).unwrap();
    // Disgust and happy are mistaken, a picture each; both passes were run.
    assert_eq!(html.matches("<img").count(), 2);
    assert!(html.contains("71.43%") && html.contains("With mirror image"));
    assert!(html.contains("fer2013.csv, PublicTest"));

    let path = folder.path().display().to_string();
    let said = write(&["--html", &path, "--no-pictures"]);
    assert!(!said.contains("not for publication"), "{said}");
    let html = std::fs::read_to_string(folder.path().join("evaluation.html")).unwrap();
    assert!(!html.contains("data:image") && html.contains("71.43%"));
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_after_the_figures() {
    let folder = tempfile::tempdir().unwrap();
    let model = packed(&test_model());
    let in_the_way = write(folder.path(), "file", "not a folder");
    let page = in_the_way.join("page.html").display().to_string();
    let more = ["--split", "public", "--html", &page];
    let output = mien(args(folder.path(), &model, &made_csv(), &more));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot create"));
    assert!(!output.stdout.is_empty());
}

#[test]
fn json_has_both_passes_when_both_were_run() {
    let model = packed(&test_model());
    let single = evaluate(&model, &["--split", "public", "--json"]);
    assert!(single["passes"]["flip_averaged"].is_null());
    let both = evaluate(&model, &["--split", "public", "--json", "--flip"]);
    // The test model sees brightness only: a mirror image changes nothing.
    let passes = &both["passes"];
    assert_eq!(
        passes["single"]["accuracy"],
        passes["flip_averaged"]["accuracy"]
    );
    assert_eq!(both["passes"]["single"]["accuracy"], single["accuracy"]);
    assert_eq!(both["flip_averaged"], true);
}
