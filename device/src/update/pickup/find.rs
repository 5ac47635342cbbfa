//! Model files in the places where they may be left.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mien_models::container::{HEADER_BYTES, Header};
use mien_models::signature::SIGNATURE_BYTES;

use crate::bounded_file;
use crate::model_file::signature_path;
use crate::update::record::{FileKind, Role};
use crate::update::store::{MAX_FILE_BYTES, Stored};

/// Most files of a folder that are looked at.
pub const MAX_FILES: usize = 32;
/// Most names of a folder that are read.
const MAX_NAMES: usize = 1024;
/// The folder on a card or stick.
const FOLDER: &str = "mien";

/// A file whose header says that it is a model; the rest of it has not been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// What it would be for.
    pub role: Role,
    /// Its version, as it says.
    pub version: u64,
    /// Its first bytes.
    pub header: [u8; HEADER_BYTES],
}

impl Found {
    /// The file and its signature.
    ///
    /// # Errors
    /// Those of [`bounded_file::read_no_link`], with the path.
    pub fn read(&self) -> Result<Stored, (PathBuf, io::Error)> {
        let file = bounded_file::read_no_link(&self.path, MAX_FILE_BYTES);
        let file = file.map_err(|error| (self.path.clone(), error))?;
        let signature = signature_path(&self.path);
        Ok(Stored {
            file,
            signature: bounded_file::read_no_link(&signature, SIGNATURE_BYTES as u64).ok(),
        })
    }

    /// Removes it with its signature.
    pub fn clear(&self) {
        for path in [&self.path, &signature_path(&self.path)] {
            let _ = fs::remove_file(path);
        }
    }
}

/// The folders to look into: `mien/` and `*/mien/` in each of `mounts`. Links are not followed.
pub fn folders(mounts: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for mount in mounts {
        let below = fs::read_dir(mount).into_iter().flatten().flatten();
        let mut below: Vec<PathBuf> = below.map(|entry| entry.path()).take(MAX_FILES).collect();
        below.sort();
        found.push(mount.join(FOLDER));
        found.extend(below.into_iter().map(|folder| folder.join(FOLDER)));
    }
    found.retain(|folder| fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir()));
    found
}

/// The model files in `folder`, highest versions first. What cannot be one is mentioned and left out.
pub fn look(folder: &Path) -> Vec<Found> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).take(MAX_NAMES).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "postcard")
    });
    paths.sort();
    let mut found: Vec<Found> = paths.into_iter().filter_map(glance).collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.version));
    found.truncate(MAX_FILES);
    found
}

/// Reads the header.
fn glance(path: PathBuf) -> Option<Found> {
    let read = bounded_file::read_start_no_link(&path, MAX_FILE_BYTES, HEADER_BYTES);
    let read = read.map_err(|error| error.to_string());
    let header = read.and_then(|bytes| {
        let header = <[u8; HEADER_BYTES]>::try_from(bytes);
        header.map_err(|_| "too short for a model file".to_owned())
    });
    let parsed = header.and_then(|bytes| {
        let header = Header::parse(&bytes).map_err(|error| error.to_string())?;
        let kind = FileKind::of(header.kind).ok_or("not a kind of model that is installed")?;
        Ok(Found {
            path: path.clone(),
            role: kind.role(),
            version: header.model_version,
            header: bytes,
        })
    });
    parsed
        .inspect_err(|why| tracing::warn!("{} is left out: {why}", path.display()))
        .ok()
}
