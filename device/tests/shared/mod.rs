//! Photographs that are not part of the repository.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The detection pictures, or `None`, with a message, when they are not there.
pub fn pictures() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let root = env::var_os("MIEN_SHARED").map_or_else(beside, PathBuf::from);
    let folder = root.join("data/detection");
    if folder.join("annotations.csv").exists() {
        return Some(folder);
    }
    let message = format!("{} is not there", folder.display());
    let is_required = env::var("MIEN_REQUIRE_SHARED").is_ok_and(|value| value == "1");
    assert!(!is_required, "{message}");
    eprintln!("skipped: {message}");
    None
}

/// Pictures of the validation split with a single face of 60 pixels or more, and its
/// `[x, y, width, height]`.
pub fn annotated(folder: &Path) -> Vec<(PathBuf, [f32; 4])> {
    let text = fs::read_to_string(folder.join("annotations.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect())
        .collect();
    let alone = |row: &[&str]| rows.iter().filter(|other| other[0] == row[0]).count() == 1;
    rows.iter()
        .filter(|row| row[1] == "val" && row[5] == "0" && alone(row))
        .map(|row| {
            let number = |column: usize| row[column].parse::<f32>().unwrap();
            (folder.join(row[0]), [6, 7, 8, 9].map(number))
        })
        .filter(|(_, [_, _, width, _])| *width >= 60.0)
        .collect()
}
