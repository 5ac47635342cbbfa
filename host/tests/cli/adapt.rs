//! `mien adapt`, `mien replay` and `mien compare` from outside.

use std::fs;
use std::path::Path;

use mien_models::procedural::test_model;

use crate::made::{packed, renamed, value_of, write};
use crate::{failure, json, mien, stderr, stdout};

/// A folder of flat pictures per label, of the levels around `level`.
fn flat(folder: &Path, label: &str, level: u8, n: u8) {
    let folder = folder.join(label);
    fs::create_dir_all(&folder).unwrap();
    for i in 0..n {
        let mut image = image::GrayImage::from_pixel(48, 48, image::Luma([level + i % 5]));
        // No two are the same.
        image.put_pixel(0, 0, image::Luma([i]));
        image.save(folder.join(format!("{i}.png"))).unwrap();
    }
}

/// A csv of Training in all classes, forty each, and of PublicTest, ten each.
fn data(class_of: impl Fn(usize) -> usize) -> String {
    let mut text = "emotion,pixels,Usage\n".to_owned();
    for i in 0..350 {
        let usage = if i < 280 { "Training" } else { "PublicTest" };
        let mut pixels = vec![value_of(i % 7) - 8 + (i / 7 % 17) as u8; 48 * 48];
        // Neither blank nor a repetition.
        (pixels[0], pixels[1]) = ((i % 256) as u8, (i / 256) as u8);
        let pixels: Vec<String> = pixels.iter().map(u8::to_string).collect();
        text += &format!("{},{},{usage}\n", class_of(i % 7), pixels.join(" "));
    }
    text
}

/// The test model, its replay set and the data, in a folder.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "m.postcard", packed(&test_model()));
    write(folder.path(), "fer2013.csv", data(|class| class));
    let at = folder.path().display();
    let text = stdout(format!("replay|--model|{at}/m.postcard|--data|{at}/fer2013.csv").split('|'));
    assert!(text.contains("m.replay.postcard"), "{text}");
    folder
}

fn args(folder: &Path, more: &str) -> Vec<String> {
    let at = folder.display();
    format!("adapt|--model|{at}/m.postcard|--data|{at}/own|--cropped|--out|{at}/new.postcard{more}")
        .split('|')
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_replay_set_is_inspected_and_tied_to_its_model() {
    let made = made();
    let set = json([
        "inspect".into(),
        made.path().join("m.replay.postcard"),
        "--json".into(),
    ]);
    assert_eq!(set["kind"], "replay");
    assert_eq!(set["replay"]["features"], 1);
    assert!(set["replay"]["rows"]["sad"].as_u64().unwrap() > 20);
    let model = json([
        "inspect".into(),
        made.path().join("m.postcard"),
        "--json".into(),
    ]);
    assert_eq!(set["model_id"], model["model_id"]);

    // Of another network it is refused.
    let mut other = test_model();
    other.network.nodes[0].output_quant = Some(mien_models::network::ActivationQuant {
        scale: 1.0,
        zero_point: 0,
    });
    write(made.path(), "m.postcard", packed(&other));
    flat(&made.path().join("own"), "happy", 125, 9);
    flat(&made.path().join("own"), "sad", 162, 9);
    let message = failure(args(made.path(), ""));
    assert!(message.contains("belongs to the model"), "{message}");
}

#[test]
fn a_model_that_is_no_worse_is_written() {
    let made = made();
    flat(&made.path().join("own"), "happy", 125, 21);
    flat(&made.path().join("own"), "sad", 162, 21);
    let at = made.path().display();
    let more = format!(
        "|--keep-labels|--json|--report|{at}/look|--check|{at}/fer2013.csv|--date|2026-01-02"
    );
    let told = json(args(made.path(), &more));
    assert_eq!(told["pictures"]["happy"]["used"], 21);
    assert_eq!(told["labels"].as_array().unwrap().len(), 7);
    assert_eq!(told["model_version"], 8);
    let names: Vec<&str> = told["measures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["your hold-out", "replay hold-out", "PublicTest"]);
    assert_eq!(told["worse"].as_array().unwrap().len(), 0);
    assert!(made.path().join("look/faces.png").is_file());
    assert!(made.path().join("look/adapt.json").is_file());
    let model = json([
        "inspect".into(),
        made.path().join("new.postcard"),
        "--json".into(),
    ]);
    let card = &model["expression"]["card"];
    assert_eq!(
        (&card["name"], &card["date"]),
        (&"test, adapted".into(), &"2026-01-02".into())
    );
    assert!(
        card["data"].as_str().unwrap().contains("happy 21, sad 21"),
        "{card}"
    );
    // It takes the place of the one before, with a version above it.
    let told = json(args(made.path(), "|--keep-labels|--json"));
    assert_eq!(told["model_version"], 9);
    // For people.
    let text = stdout(args(made.path(), "|--keep-labels"));
    assert!(text.contains("replay hold-out"), "{text}");
}

#[test]
fn pictures_that_contradict_all_it_knows_cost_nothing_of_that() {
    let made = made();
    flat(&made.path().join("own"), "happy", 162, 30);
    flat(&made.path().join("own"), "sad", 125, 30);
    let told = json(args(made.path(), "|--json"));
    let kept = &told["measures"][1];
    assert_eq!(kept["name"], "replay hold-out");
    assert_eq!(kept["before"]["right"], kept["after"]["right"], "{kept}");
}

#[test]
fn a_worse_one_needs_force() {
    let made = made();
    let at = made.path().display();
    // Pictures and a replay set for which happy is sad contradict what is measured on.
    flat(&made.path().join("own"), "happy", 162, 30);
    flat(&made.path().join("own"), "sad", 125, 30);
    let swap = |class| match class {
        3 => 4,
        4 => 3,
        other => other,
    };
    write(made.path(), "swapped.csv", data(swap));
    stdout(format!("replay|--model|{at}/m.postcard|--data|{at}/swapped.csv").split('|'));
    let check = format!("|--check|{at}/fer2013.csv");
    let output = mien(args(made.path(), &check));
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(
        message.contains("PublicTest") && message.contains("--force"),
        "{message}"
    );
    assert!(!made.path().join("new.postcard").exists());
    let told = json(args(made.path(), &format!("{check}|--force|--json")));
    assert!(!told["worse"].as_array().unwrap().is_empty());
    assert!(made.path().join("new.postcard").is_file());
}

#[test]
fn wrong_places_are_said() {
    let made = made();
    fs::create_dir(made.path().join("own")).unwrap();
    let message = failure(args(made.path(), ""));
    assert!(message.contains("FOLDER/<label>/*.jpg"), "{message}");
    flat(&made.path().join("own"), "happy", 125, 3);
    flat(&made.path().join("own"), "sad", 162, 9);
    let message = failure(args(made.path(), ""));
    assert!(
        message.contains("happy 3 of 3") && message.contains("at least 5"),
        "{message}"
    );
    let mut onto_itself = args(made.path(), "");
    let last = onto_itself.len() - 1;
    onto_itself[last] = made.path().join("m.postcard").display().to_string();
    assert!(failure(onto_itself).contains("--out would replace"));
    let at = made.path().display();
    let more = format!("|--replay|{at}/m.postcard");
    let message = failure(args(made.path(), &more));
    assert!(
        message.contains("expression model, not a replay set"),
        "{message}"
    );
}

#[test]
fn what_is_not_kept_is_said() {
    let made = made();
    let at = made.path().display();
    flat(&made.path().join("own"), "smiling", 125, 9);
    flat(&made.path().join("own"), "serious", 162, 9);
    // Before any work: there are no such pictures.
    let message = failure(args(made.path(), &format!("|--check|{at}/fer2013.csv")));
    assert!(message.contains("both models have"), "{message}");
    let output = mien(args(made.path(), ""));
    let message = stderr(&output);
    assert!(output.status.success(), "{message}");
    assert!(message.contains("knows none of these labels"), "{message}");
    // Once more, from what has come out.
    let again =
        format!("adapt|--model|{at}/new.postcard|--data|{at}/own|--cropped|--out|{at}/b.postcard");
    let message = stderr(&mien(again.split('|')));
    assert!(message.contains("adapted already"), "{message}");
}

#[test]
fn compare_counts_pairs() {
    let made = made();
    let at = made.path().display();
    let swapped = [
        "angry", "disgust", "fear", "sad", "happy", "surprise", "neutral",
    ];
    write(made.path(), "b.postcard", packed(&renamed(swapped)));
    let line = format!("compare|{at}/m.postcard|{at}/b.postcard|--data|{at}/fer2013.csv");
    let told = json(format!("{line}|--json").split('|'));
    assert_eq!(told["n"], 70);
    assert_eq!(told["a"]["accuracy"], 1.0);
    assert_eq!(told["mcnemar"]["only_a_right"], 20);
    assert_eq!(told["mcnemar"]["only_b_right"], 0);
    // Twenty of twenty: 2 / 2^20.
    let p = told["mcnemar"]["p_exact"].as_f64().unwrap();
    assert!((p - 2f64.powi(-19)).abs() < 1e-12, "{p}");
    assert_eq!(told["recall"]["happy"]["difference"], -1.0);
    assert_eq!(told["recall"]["fear"]["difference"], 0.0);
    assert!(told["b"]["latency_ms_median"].as_f64().unwrap() > 0.0);
    let text = stdout(line.split('|'));
    assert!(text.contains("only A right 20, only B right 0"), "{text}");
    let message = failure(format!("{line}|--split|private").split('|'));
    assert!(message.contains("--split"), "{message}");
}
