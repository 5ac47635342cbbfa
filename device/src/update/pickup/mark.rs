//! How often a start has ended while certain files were looked at: a file that ends the program
//! must not do so for ever.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::find::Found;
use crate::bounded_file;
use crate::update::store::hex;

/// Longest that the mark may be.
const MAX_BYTES: u64 = 1024;

/// The mark for certain files; on disk while they are looked at.
#[derive(Clone, Debug)]
pub struct Mark {
    path: PathBuf,
    files: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    /// SHA-256 of paths and headers.
    files: String,
    /// Starts that began to look.
    starts: u32,
}

impl Mark {
    /// For `found`, in `folder`.
    pub fn new<'f>(folder: &Path, found: impl Iterator<Item = &'f Found>) -> Self {
        let mut digest = Sha256::new();
        for file in found {
            digest.update(file.path.as_os_str().as_encoded_bytes());
            digest.update([0]);
            digest.update(file.header);
        }
        Self {
            path: folder.join("picking.json"),
            files: hex(&digest.finalize()),
        }
    }

    /// Writes down that a start looks at the files now. Returns how many have ended meanwhile.
    ///
    /// # Errors
    /// Those of the file system; nothing may be looked at then.
    pub fn begin(&self) -> io::Result<u32> {
        let before = match bounded_file::read_no_link(&self.path, MAX_BYTES) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(error),
        };
        let starts = match before.files == self.files {
            true => before.starts,
            false => 0,
        };
        let content = Content {
            files: self.files.clone(),
            starts: starts.saturating_add(1),
        };
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&content)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(starts)
    }

    /// They were looked at, or are gone.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}
