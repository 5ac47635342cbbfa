//! Mien's cascade detector against OpenCV's: the same boxes, with the same neighbours, in the
//! same order.

mod cascades;
mod pictures;
mod reference;
mod runs;

use std::fs;

use mien_device::detect::cascade::CascadeDetector;
use mien_device::detect::equalize::equalize_hist;
use mien_host::import::cascade;
use mien_models::{container, embedded};
use mien_tests::{peers, shared};
use serde_json::Value;

use pictures::photographs;
use runs::{CASCADE, Options, Run, ask_opencv, detect_all, shipped};

/// Photographs that OpenCV and Mien are compared on.
const PHOTOGRAPHS: usize = 60;
/// Options tried on each photograph, unless `MIEN_PARITY=full`.
const OPTIONS_PER_PHOTOGRAPH: usize = 4;

#[test]
fn opencv_finds_the_same_in_photographs() {
    let (Some(folder), Some(python)) = (shared::path("data/detection"), peers::python()) else {
        return;
    };
    let pictures = photographs(&folder, PHOTOGRAPHS);
    assert_eq!(pictures.len(), PHOTOGRAPHS);
    let options = Options::grid();
    let full = std::env::var("MIEN_PARITY").is_ok_and(|value| value == "full");
    let runs: Vec<Run> = (0..pictures.len())
        .flat_map(|picture| {
            let all = options.iter().enumerate();
            let turn = picture * OPTIONS_PER_PHOTOGRAPH;
            // 7 and the size of the grid have no divisor in common: all options get their turn.
            let chosen = move |index: usize| {
                let place = (index * 7 + turn) % 64;
                full || place < OPTIONS_PER_PHOTOGRAPH
            };
            all.filter(move |&(index, _)| chosen(index))
                .map(move |(_, &options)| Run { picture, options })
        })
        .collect();
    let opencv = ask_opencv(&python, CASCADE, &pictures, &runs, 1);
    let mien = detect_all(CascadeDetector::new, &shipped(), &pictures, &runs, 1);
    let mut boxes = 0;
    for ((run, expected), found) in runs.iter().zip(&opencv.answers).zip(&mien) {
        let name = &pictures[run.picture].name;
        assert_eq!(found.boxes, expected.boxes, "{name} with {:?}", run.options);
        boxes += found.boxes.len();
    }
    println!(
        "OpenCV {}: {boxes} boxes of {} runs on {} photographs are the same",
        opencv.version,
        runs.len(),
        pictures.len()
    );
    assert!(boxes > runs.len(), "the photographs have faces");
}

#[test]
fn equalized_pictures_are_opencvs() {
    let Some(python) = peers::python() else {
        return;
    };
    let mut pictures = pictures::committed();
    if let Some(folder) = shared::path("data/detection") {
        pictures.extend(photographs(&folder, PHOTOGRAPHS));
    }
    let opencv = ask_opencv(&python, CASCADE, &pictures, &[], 1);
    for (picture, expected) in pictures.iter().zip(&opencv.equalized) {
        let mut equalized = picture.clone();
        equalize_hist(&picture.view(), &mut equalized.pixels);
        assert_eq!(&equalized.sha256(), expected, "{}", picture.name);
    }
}

#[test]
fn the_shipped_cascade_is_the_import_of_opencvs_file() {
    let Some(python) = peers::python() else {
        return;
    };
    let answer = ask_opencv(&python, CASCADE, &[], &[], 1);
    let path = answer.cascade_path;
    let xml = cascade::read(path.as_ref()).expect("OpenCV's file can be read");
    let model = cascade::parse(&xml, CASCADE).expect("OpenCV's file is a cascade");
    let file = container::encode(&model, model.model_id(), 1).expect("the cascade is sound");
    assert_eq!(file.as_slice(), embedded::CASCADE);
}

#[test]
fn the_committed_reference_holds() {
    let pictures = pictures::committed();
    let reference = reference::load();
    for picture in &pictures {
        let pixels = reference.sha256.get(&picture.name).and_then(Value::as_str);
        assert_eq!(
            pixels,
            Some(picture.sha256().as_str()),
            "the pixels of {} are no longer those that OpenCV saw",
            picture.name
        );
    }
    let found = detect_all(
        CascadeDetector::new,
        &shipped(),
        &pictures,
        &reference.runs,
        1,
    );
    let mut boxes = 0;
    for ((run, expected), found) in reference.runs.iter().zip(&reference.boxes).zip(&found) {
        let name = &pictures[run.picture].name;
        assert_eq!(&found.boxes, expected, "{name} with {:?}", run.options);
        boxes += expected.len();
    }
    assert!(boxes > 900, "{boxes} boxes");
}

#[test]
fn the_committed_reference_is_opencvs() {
    let Some(python) = peers::python() else {
        return;
    };
    let pictures = pictures::committed();
    let runs = reference::runs(&pictures);
    let opencv = ask_opencv(&python, CASCADE, &pictures, &runs, 1);
    let text = reference::write(&pictures, &runs, &opencv);
    if std::env::var("MIEN_UPDATE_REFERENCE").is_ok_and(|value| value == "1") {
        fs::write(reference::path(), text).expect("the reference can be written");
        return;
    }
    let committed = reference::load();
    assert_eq!(committed.runs, runs);
    for (committed, answer) in committed.boxes.iter().zip(&opencv.answers) {
        assert_eq!(committed, &answer.boxes);
    }
}
