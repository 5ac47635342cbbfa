//! A checkpoint's folder: files in parts short enough to travel, and a manifest of their lengths
//! and SHA-256, which is written last. A folder with a manifest is a whole one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::CheckpointError;

/// Bytes of a file at most; longer ones become numbered parts.
pub const PART_BYTES: usize = 15 << 20;

const MANIFEST: &str = "manifest.json";

#[derive(Default, Serialize, Deserialize)]
struct Manifest {
    /// Parts of each file, in order.
    files: BTreeMap<String, Vec<Part>>,
}

#[derive(Serialize, Deserialize)]
struct Part {
    name: String,
    bytes: usize,
    sha256: String,
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Fills a new folder.
pub struct Writer {
    folder: PathBuf,
    part_bytes: usize,
    manifest: Manifest,
}

impl Writer {
    /// Stores `bytes` as `name`, or in parts `name.000`, `name.001`, …
    ///
    /// # Errors
    /// When the system refuses.
    pub fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), CheckpointError> {
        let mut parts = vec![];
        for (number, chunk) in bytes.chunks(self.part_bytes).enumerate() {
            let one = bytes.len() <= self.part_bytes;
            let part = if one {
                name.to_owned()
            } else {
                format!("{name}.{number:03}")
            };
            write(&self.folder.join(&part), chunk)?;
            parts.push(Part {
                name: part,
                bytes: chunk.len(),
                sha256: sha256(chunk),
            });
        }
        self.manifest.files.insert(name.to_owned(), parts);
        Ok(())
    }

    fn finish(self) -> Result<(), CheckpointError> {
        let path = self.folder.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&self.manifest).map_err(|e| at(&path)(e.into()))?;
        write(&path, &text)
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> CheckpointError + use<> {
    let path = path.to_owned();
    move |source| CheckpointError::Write { path, source }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    File::create(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(at(path))
}

/// Removes a folder, its manifest first: what a kill leaves of it is no whole one.
fn remove(folder: &Path) -> Result<(), CheckpointError> {
    let _ = fs::remove_file(folder.join(MANIFEST));
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(at(folder)(e)),
        _ => Ok(()),
    }
}

/// Whether the folder before the new one stays, as `.old`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Older {
    /// To fall back on.
    Kept,
    /// It would be of another epoch than results.csv says.
    Removed,
}

/// Fills a new folder and puts it at `folder` by renames: at any moment one of [`copies`] is whole.
///
/// # Errors
/// When a file cannot be written; what stood at `folder` stays.
pub fn replace(
    folder: &Path,
    part_bytes: usize,
    older: Older,
    fill: impl FnOnce(&mut Writer) -> Result<(), CheckpointError>,
) -> Result<(), CheckpointError> {
    let [_, new, old] = copies(folder);
    if !folder.exists() && matches!(Reader::open(&new), Ok(Some(_))) {
        // A kill came between the manifest and the rename: this may be the only whole copy.
        fs::rename(&new, folder).map_err(at(folder))?;
    }
    remove(&new)?;
    fs::create_dir_all(&new).map_err(at(&new))?;
    let mut writer = Writer {
        folder: new.clone(),
        part_bytes,
        manifest: Manifest::default(),
    };
    let filled = fill(&mut writer).and_then(|()| writer.finish());
    if filled.is_err() {
        // The first error counts; this makes room again.
        let _ = fs::remove_dir_all(&new);
        return filled;
    }
    if folder.exists() {
        remove(&old)?;
        fs::rename(folder, &old).map_err(at(folder))?;
    }
    fs::rename(&new, folder).map_err(at(folder))?;
    // The renames themselves; not every system can.
    if let Some(Ok(parent)) = folder.parent().map(File::open) {
        let _ = parent.sync_all();
    }
    match older {
        Older::Kept => Ok(()),
        Older::Removed => remove(&old),
    }
}

/// Where a whole copy may be, best first: the folder, the one about to take its place, and the one
/// before it.
pub fn copies(folder: &Path) -> [PathBuf; 3] {
    [
        folder.to_owned(),
        folder.with_extension("new"),
        folder.with_extension("old"),
    ]
}

/// A folder to read from.
pub struct Reader {
    folder: PathBuf,
    /// Missing in folders of before there were manifests.
    manifest: Option<Manifest>,
}

impl Reader {
    /// Opens a folder; `None` where there is none, or none that was finished.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn open(folder: &Path) -> Result<Option<Self>, CheckpointError> {
        let unfinished = folder.extension().is_some_and(|e| e == "new");
        let path = folder.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if unfinished || !folder.exists() {
                    return Ok(None);
                }
                if !folder.join("net.bin").exists() {
                    return Err(CheckpointError::Read { path, source: e });
                }
                let folder = folder.to_owned();
                return Ok(Some(Self {
                    folder,
                    manifest: None,
                }));
            }
            Err(source) => return Err(CheckpointError::Read { path, source }),
        };
        match serde_json::from_slice(&text) {
            Ok(manifest) => Ok(Some(Self {
                folder: folder.to_owned(),
                manifest: Some(manifest),
            })),
            // The manifest is written last: a kill came before its end.
            Err(_) if unfinished => Ok(None),
            Err(e) => Err(CheckpointError::Damaged {
                path,
                why: e.to_string(),
            }),
        }
    }

    /// Path of a file as it is named in messages.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether the folder is of before there were manifests, with other names and encoding.
    pub fn is_first_form(&self) -> bool {
        self.manifest.is_none()
    }

    /// A file's bytes, checked against the manifest where there is one.
    ///
    /// # Errors
    /// When a part is missing, or not what was written.
    pub fn get(&self, name: &str) -> Result<Vec<u8>, CheckpointError> {
        let Some(manifest) = &self.manifest else {
            return read(self.path(name));
        };
        let parts = manifest
            .files
            .get(name)
            .ok_or_else(|| CheckpointError::Damaged {
                path: self.path(MANIFEST),
                why: format!("it does not name {name}"),
            })?;
        let mut whole = vec![];
        for part in parts {
            whole.extend(self.part(part)?);
        }
        Ok(whole)
    }

    fn part(&self, part: &Part) -> Result<Vec<u8>, CheckpointError> {
        // A name from a file must not lead out of the folder.
        let file = Path::new(&part.name)
            .file_name()
            .ok_or_else(|| CheckpointError::Damaged {
                path: self.path(MANIFEST),
                why: format!("{:?} is not a file's name", part.name),
            })?;
        let path = self.folder.join(file);
        let bytes = read(path.clone())?;
        let why = if bytes.len() != part.bytes {
            format!("it has {} bytes instead of {}", bytes.len(), part.bytes)
        } else if sha256(&bytes) != part.sha256 {
            "its SHA-256 is not the manifest's".to_owned()
        } else {
            return Ok(bytes);
        };
        Err(CheckpointError::Damaged { path, why })
    }
}

fn read(path: PathBuf) -> Result<Vec<u8>, CheckpointError> {
    fs::read(&path).map_err(|source| CheckpointError::Read { path, source })
}
