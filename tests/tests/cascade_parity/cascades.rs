//! Every cascade that OpenCV comes with: trees, tilted features, patterns, windows that are not
//! square.

use std::fs;
use std::path::{Path, PathBuf};

use mien_device::detect::cascade::CascadeDetector;
use mien_host::import::cascade::{self, CascadeImportError};
use mien_tests::peers::Python;
use mien_tests::{peers, shared};

use crate::pictures::{self, Picture, photographs};
use crate::runs::{CASCADE, Options, Run, ask_opencv, convert, detect_all};

/// Photographs besides the portraits, where they are at hand.
const PHOTOGRAPHS: usize = 12;

/// Those that must be among the wheel's.
const HAAR: [&str; 16] = [
    "haarcascade_eye.xml",
    "haarcascade_eye_tree_eyeglasses.xml",
    "haarcascade_frontalcatface.xml",
    "haarcascade_frontalcatface_extended.xml",
    "haarcascade_frontalface_alt.xml",
    "haarcascade_frontalface_alt2.xml",
    "haarcascade_frontalface_alt_tree.xml",
    "haarcascade_frontalface_default.xml",
    "haarcascade_fullbody.xml",
    "haarcascade_lefteye_2splits.xml",
    "haarcascade_lowerbody.xml",
    "haarcascade_profileface.xml",
    "haarcascade_righteye_2splits.xml",
    "haarcascade_russian_plate_number.xml",
    "haarcascade_smile.xml",
    "haarcascade_upperbody.xml",
];

/// Those that must be among the data set's.
const LBP: [&str; 5] = [
    "lbpcascade_frontalcatface.xml",
    "lbpcascade_frontalface.xml",
    "lbpcascade_frontalface_improved.xml",
    "lbpcascade_profileface.xml",
    "lbpcascade_silverware.xml",
];

#[test]
fn every_haar_cascade_of_opencv_finds_the_same() {
    let Some(python) = peers::python() else {
        return;
    };
    let path = ask_opencv(&python, CASCADE, &[], &[], 1).cascade_path;
    let folder = Path::new(&path).parent();
    compare(&python, folder.expect("the cascade is in a folder"), &HAAR);
}

#[test]
fn every_lbp_cascade_of_opencv_finds_the_same() {
    let (Some(python), Some(data)) = (peers::python(), peers::opencv_data()) else {
        return;
    };
    compare(&python, &data.join("lbpcascades"), &LBP);
}

/// Imports all cascades of the folder, of which `expected` are some, and compares what they find.
fn compare(python: &Python, folder: &Path, expected: &[&str]) {
    let (pictures, runs) = pictures_and_runs();
    let files = xml_files(folder);
    for name in expected {
        let is_there = files.iter().any(|path| path.ends_with(name));
        assert!(is_there, "{name} is not in {}", folder.display());
    }
    let mut boxes = 0;
    for path in &files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let xml = new_format(python, path);
        let model = cascade::parse(&xml, &name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let full_path = path.display().to_string();
        let opencv = ask_opencv(python, &full_path, &pictures, &runs, 1);
        let mut of_this_one = 0;
        for construct in [CascadeDetector::new, CascadeDetector::scalar] {
            let mien = detect_all(construct, &model, &pictures, &runs, 1);
            for ((run, expected), found) in runs.iter().zip(&opencv.answers).zip(&mien) {
                let picture = &pictures[run.picture].name;
                let options = run.options;
                assert_eq!(
                    found.boxes, expected.boxes,
                    "{name} on {picture}, {options:?}"
                );
            }
            of_this_one = mien.iter().map(|answer| answer.boxes.len()).sum();
        }
        println!("{name}: {of_this_one} boxes are the same");
        boxes += of_this_one;
    }
    assert!(boxes > 50 * files.len(), "{boxes} boxes");
}

/// The file's text, by OpenCV's own hand in the newer format when it is in the old one.
fn new_format(python: &Python, path: &Path) -> String {
    let xml = cascade::read(path).expect("OpenCV's file can be read");
    if !matches!(cascade::parse(&xml, ""), Err(CascadeImportError::OldFormat)) {
        return xml;
    }
    println!("{}: converted by OpenCV", path.display());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let converted = folder.path().join("converted.xml");
    convert(python, path, &converted);
    cascade::read(&converted).expect("OpenCV wrote the file")
}

fn pictures_and_runs() -> (Vec<Picture>, Vec<Run>) {
    let portraits = pictures::committed()
        .into_iter()
        .filter(|picture| !picture.is_drawn())
        .map(|picture| picture.resized(300, 340));
    let mut pictures: Vec<Picture> = portraits.collect();
    if let Some(folder) = shared::path("data/detection") {
        pictures.extend(photographs(&folder, PHOTOGRAPHS));
    }
    let options = [(1.2, 0, 0, true), (1.1, 3, 30, false)].map(
        |(scale_factor, min_neighbors, min_size_px, equalize)| Options {
            scale_factor,
            min_neighbors,
            min_size_px,
            equalize,
        },
    );
    let of_picture = |picture| options.map(|options| Run { picture, options });
    let runs = (0..pictures.len()).flat_map(of_picture).collect();
    (pictures, runs)
}

fn xml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("OpenCV's folder can be read");
    let paths = entries.map(|entry| entry.expect("OpenCV's folder can be read").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|ext| ext == "xml"))
        .collect();
    files.sort();
    files
}
