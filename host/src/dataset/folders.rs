//! Pictures in folders: `train/<class>/*.jpg`, `test/<class>/*.png`, or `<class>/…` alone.

use std::fs;
use std::path::{Path, PathBuf};

use mien_device::capture::picture::{self, Color};
use mien_models::crop::CropRect;
use mien_models::plane::GrayView;
use mien_models::preprocess::resize_crop;
use rayon::prelude::*;

use super::class_names::{class_index, folder_split};
use super::error::{BadPicture, DatasetError, Problems};
use super::{Dataset, PIXELS, SIDE, Split};
use crate::progress::{Progress, Unit};

/// Endings of the pictures that are read; other files are left alone.
const EXTENSIONS: [&str; 3] = ["jpg", "jpeg", "png"];
/// Pictures decoded at a time.
const BATCH: usize = 1024;

/// A picture file with its class and split.
struct Entry {
    path: PathBuf,
    class: u8,
    split: Split,
}

/// Whether the folder holds folders of splits or classes.
pub(super) fn has_pictures(folder: &Path) -> Result<bool, DatasetError> {
    let is_known = |path: &PathBuf| {
        let name = name_of(path);
        folder_split(&name).is_some() || class_index(&name).is_some()
    };
    Ok(subfolders(folder)?.iter().any(is_known))
}

/// Appends all pictures below `folder`, in the order of their paths.
pub(super) fn read_folders(
    folder: &Path,
    progress: Progress,
    dataset: &mut Dataset,
) -> Result<(), DatasetError> {
    let entries = entries(folder)?;
    let label = format!("reading {}", folder.display());
    let task = progress.start(&label, entries.len() as u64, Unit::Items("pictures"));
    let mut problems = Problems::new();
    for batch in entries.chunks(BATCH) {
        let pictures: Vec<_> = batch.par_iter().map(|entry| face(&entry.path)).collect();
        for (entry, picture) in batch.iter().zip(pictures) {
            match picture {
                Ok(pixels) => dataset.push(&pixels, entry.class, entry.split),
                Err(problem) => problems.push(BadPicture {
                    path: entry.path.clone(),
                    problem,
                }),
            }
        }
        task.advance(batch.len() as u64);
    }
    task.finish();
    if problems.first.is_empty() {
        return Ok(());
    }
    Err(DatasetError::BadPictures {
        path: folder.to_owned(),
        pictures: problems.first,
        more: problems.more,
    })
}

/// All picture files. With folders of splits, the classes are looked for in them; without, the
/// folder itself has the classes and all of it counts as training data.
fn entries(folder: &Path) -> Result<Vec<Entry>, DatasetError> {
    let mut entries = Vec::new();
    let subfolders = subfolders(folder)?;
    let split_of = |path: &PathBuf| folder_split(&name_of(path));
    if subfolders.iter().any(|path| split_of(path).is_some()) {
        for path in subfolders {
            let split = split_of(&path).ok_or_else(|| unknown(&path, "split"))?;
            add_classes(&path, split, &mut entries)?;
        }
    } else {
        add_classes(folder, Split::Training, &mut entries)?;
    }
    Ok(entries)
}

fn add_classes(folder: &Path, split: Split, entries: &mut Vec<Entry>) -> Result<(), DatasetError> {
    for path in subfolders(folder)? {
        let class = class_index(&name_of(&path)).ok_or_else(|| unknown(&path, "class"))?;
        add_pictures(&path, class, split, entries)?;
    }
    Ok(())
}

/// Adds the pictures of a class, also from folders inside its folder.
fn add_pictures(
    folder: &Path,
    class: u8,
    split: Split,
    entries: &mut Vec<Entry>,
) -> Result<(), DatasetError> {
    for path in visible(folder)? {
        let is_link = path.symlink_metadata().is_ok_and(|m| m.is_symlink());
        if path.is_dir() {
            // A link to a folder could lead in circles.
            if !is_link {
                add_pictures(&path, class, split, entries)?;
            }
        } else if is_picture(&path) {
            entries.push(Entry { path, class, split });
        }
    }
    Ok(())
}

/// The face as `[SIDE, SIDE]` gray pixels: the largest centred square, resized as on the device.
/// Pictures of 48 x 48 stay as they are.
fn face(path: &Path) -> Result<[u8; PIXELS], String> {
    let picture = picture::load(path, Color::Drop).map_err(|error| error.to_string())?;
    let (width, height) = (picture.width, picture.height);
    let view = GrayView::packed(&picture.gray, width, height).map_err(|error| error.to_string())?;
    let mut crop = CropRect::whole(width, height);
    let side = crop.width_q8.min(crop.height_q8);
    (crop.width_q8, crop.height_q8) = (side, side);
    let mut pixels = [0; PIXELS];
    resize_crop(&view, &crop, SIDE as u16, SIDE as u16, &mut pixels)
        .map_err(|error| error.to_string())?;
    Ok(pixels)
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let mut paths = visible(folder)?;
    paths.retain(|path| path.is_dir());
    Ok(paths)
}

/// Sorted paths, without hidden ones and without what macOS leaves in archives.
fn visible(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let on_error = |source| DatasetError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(on_error)? {
        let path = entry.map_err(on_error)?.path();
        let name = name_of(&path);
        if !name.starts_with('.') && name != "__MACOSX" {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    EXTENSIONS
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn unknown(path: &Path, what: &'static str) -> DatasetError {
    let path = path.to_owned();
    DatasetError::UnknownFolder { path, what }
}

#[cfg(test)]
mod tests;
