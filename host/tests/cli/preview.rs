//! `mien data preview`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mien_host::plot::sheet::{MAGNIFICATION, place};
use mien_models::procedural::{Scene, plane};

use crate::made::write;
use crate::{failure, stdout};

/// A drawn face of each of three classes, and their pixels.
fn made_csv(folder: &Path) -> (PathBuf, Vec<Vec<u8>>) {
    let faces: Vec<Vec<u8>> = (0..3)
        .map(|seed| plane(Scene::Face, seed, 48, 48).pixels)
        .collect();
    let mut text = "emotion,pixels,Usage\n".to_owned();
    for (class, pixels) in faces.iter().enumerate() {
        let pixels: Vec<String> = pixels.iter().map(u8::to_string).collect();
        text += &format!("{class},{},Training\n", pixels.join(" "));
    }
    (write(folder, "fer2013.csv", text), faces)
}

fn args(data: &Path, out: &Path, more: &[&str]) -> Vec<OsString> {
    let args = ["data".as_ref(), "preview".as_ref(), "--data".as_ref()];
    let paths = [data.as_os_str(), "--out".as_ref(), out.as_os_str()];
    let more = more.iter().map(OsString::from);
    args.into_iter()
        .chain(paths)
        .map(OsString::from)
        .chain(more)
        .collect()
}

#[test]
fn the_sheet_shows_the_originals_first() {
    let folder = tempfile::tempdir().unwrap();
    let (data, faces) = made_csv(folder.path());
    let out = folder.path().join("sheet.png");
    let text = stdout(args(&data, &out, &["--rows", "5", "--columns", "4"]));
    assert!(text.contains("3 pictures, 4 changes of each"), "{text}");
    let page = image::open(&out).unwrap().to_luma8();
    let gray = |row, column, x: usize, y: usize| {
        let [left, top] = place(row, column);
        let at = |corner: usize, i: usize| (corner + i * MAGNIFICATION) as u32;
        page.get_pixel(at(left, x), at(top, y)).0[0]
    };
    for (row, face) in faces.iter().enumerate() {
        let same = (0..48 * 48).all(|i| gray(row, 0, i % 48, i / 48) == face[i]);
        assert!(same, "row {row}");
        let same = (0..48 * 48).all(|i| gray(row, 2, i % 48, i / 48) == face[i]);
        assert!(!same, "row {row} is augmented from the third column on");
    }
    let [right, _] = place(0, 6);
    let [_, bottom] = place(3, 0);
    assert!((page.width() as usize).abs_diff(right) < 30);
    assert!((page.height() as usize).abs_diff(bottom) < 60);
    let left_over = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left_over, 2, "the csv and the sheet");
}

#[test]
fn what_is_missing_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (data, _) = made_csv(folder.path());
    let out = folder.path().join("sheets/sheet.png");
    let message = failure(args(&data, &out, &[]));
    assert!(message.contains("there is no folder"), "{message}");
    assert!(message.contains("sheets; create it first"), "{message}");

    let out = folder.path().join("sheet.png");
    let message = failure(args(&data, &out, &["--split", "public"]));
    assert!(message.contains("it has 3 in Training"), "{message}");
    let message = failure(args(&data, &out, &["--recipe", "no-such-recipe"]));
    assert!(message.contains("no-such-recipe"), "{message}");
    assert!(!out.exists());
}

#[test]
fn a_bad_augmentation_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (data, _) = made_csv(folder.path());
    let builtin = include_str!("../../recipes/compact.toml");
    let out = folder.path().join("sheet.png");
    for (key, part) in [
        ("jpeg_quality = [0, 50]", "augment.jpeg_quality is 0"),
        ("blur_sigma_px = -1.0", "augment.blur_sigma_px is -1"),
        ("sharpen = 3.0", "sharpen"),
    ] {
        let text = builtin.replace("flip = true", key);
        let recipe = write(folder.path(), "mine.toml", text);
        let recipe = recipe.to_string_lossy();
        let message = failure(args(&data, &out, &["--recipe", &recipe]));
        assert!(message.contains(part), "{message}");
    }
}
