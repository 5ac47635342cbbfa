//! The state folder: `slots/record.json`, and `slots/{a,b}/{expression,detector}.postcard` with
//! their signatures. A file is written beside, synced and renamed, and its folder synced, so that
//! there is always a whole one; the record is written last.

use std::io;
use std::path::{Path, PathBuf};

use mien_models::ExpressionModel;
use mien_models::container::{HEADER_BYTES, Payload};
use mien_models::signature::SIGNATURE_BYTES;
use sha2::{Digest, Sha256};

use super::fs::Fs;
use super::record::{Entry, FORMAT, Record, Role, Slot};
use crate::model_file::signature_path;

/// Longest model file in bytes: expression models are the largest.
pub const MAX_FILE_BYTES: u64 = (HEADER_BYTES + ExpressionModel::MAX_PAYLOAD_BYTES) as u64;
/// Longest record that is read, in bytes.
const MAX_RECORD_BYTES: u64 = 64 * 1024;

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// A record that cannot be read. The program's own models run then.
    #[error(
        "{}: {why}; remove it to begin anew, which forgets the versions that were confirmed",
        path.display()
    )]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A slot that does not hold what the record says.
    #[error("{} is missing or damaged", .0.display())]
    Damaged(PathBuf),
}

/// A slot's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The model file.
    pub file: Vec<u8>,
    /// Its signature file, if it came with one.
    pub signature: Option<Vec<u8>>,
}

/// The state folder. Who changes anything in it holds its [`lock`](super::lock).
#[derive(Debug)]
pub struct Store<F> {
    fs: F,
    folder: PathBuf,
}

impl<F: Fs> Store<F> {
    /// The slots in `state`, which need not be there.
    pub fn new(fs: F, state: &Path) -> Self {
        Self {
            fs,
            folder: state.join("slots"),
        }
    }

    /// The folder that everything is in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folders.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn prepare(&self) -> Result<(), StoreError> {
        for slot in Slot::ALL {
            let folder = self.folder.join(slot.name());
            self.at(&folder, self.fs.create_folder(&folder))?;
        }
        self.at(&self.folder, self.fs.sync(&self.folder))?;
        let state = self.folder.parent().unwrap_or(&self.folder);
        self.at(state, self.fs.sync(state))
    }

    /// The record; the default where there is none.
    ///
    /// # Errors
    /// [`StoreError::Io`] or `Record`.
    pub fn load(&self) -> Result<Record, StoreError> {
        let path = self.record_path();
        let Some(bytes) = self.at(&path, self.fs.read(&path, MAX_RECORD_BYTES))? else {
            return Ok(Record::default());
        };
        let damaged = |why: String| StoreError::Record {
            path: path.clone(),
            why,
        };
        let record: Record =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if record.format != FORMAT {
            let found = record.format;
            return Err(damaged(format!(
                "format {found} is not supported (this program reads {FORMAT})"
            )));
        }
        Ok(record)
    }

    /// Replaces the record: this is what makes a step count.
    ///
    /// # Errors
    /// [`StoreError::Io`]. What is on disk then is the record before or this one.
    pub fn save(&self, record: &Record) -> Result<(), StoreError> {
        let path = self.record_path();
        let mut bytes = serde_json::to_vec_pretty(record).map_err(|error| StoreError::Record {
            path: path.clone(),
            why: error.to_string(),
        })?;
        bytes.push(b'\n');
        self.replace(&path, &bytes)
    }

    /// Puts a model into a slot that nothing points to.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the slot then holds anything.
    pub fn write_slot(&self, role: Role, slot: Slot, stored: &Stored) -> Result<(), StoreError> {
        let path = self.slot_path(role, slot);
        let signature = signature_path(&path);
        match &stored.signature {
            Some(bytes) => self.replace(&signature, bytes)?,
            None => self.at(&signature, self.fs.remove(&signature))?,
        }
        self.replace(&path, &stored.file)
    }

    /// What a slot holds, if that is what `entry` says.
    ///
    /// # Errors
    /// [`StoreError::Io`] or `Damaged`.
    pub fn read_slot(&self, role: Role, slot: Slot, entry: &Entry) -> Result<Stored, StoreError> {
        let path = self.slot_path(role, slot);
        let signature = signature_path(&path);
        let file = self.at(&path, self.fs.read(&path, MAX_FILE_BYTES))?;
        let file = file.filter(|file| sha256(file) == entry.sha256);
        let file = file.ok_or_else(|| StoreError::Damaged(path.clone()))?;
        let read = self.fs.read(&signature, SIGNATURE_BYTES as u64);
        Ok(Stored {
            file,
            signature: self.at(&signature, read)?,
        })
    }

    /// The model file of a slot.
    pub fn slot_path(&self, role: Role, slot: Slot) -> PathBuf {
        let name = format!("{role}.postcard");
        self.folder.join(slot.name()).join(name)
    }

    /// The record's file.
    pub fn record_path(&self) -> PathBuf {
        self.folder.join("record.json")
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let written = self
            .at(&new, self.fs.write(&new, bytes))
            .and_then(|()| self.at(&new, self.fs.sync(&new)))
            .and_then(|()| self.at(path, self.fs.rename(&new, path)));
        if written.is_err() {
            // The first error counts; what is left over is overwritten by the next attempt.
            let _ = self.fs.remove(&new);
        }
        written?;
        let folder = path.parent().unwrap_or(&self.folder);
        self.at(folder, self.fs.sync(folder))
    }

    fn at<T>(&self, path: &Path, result: io::Result<T>) -> Result<T, StoreError> {
        result.map_err(|error| StoreError::Io {
            path: path.to_owned(),
            error,
        })
    }
}

/// SHA-256 in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
