//! The few file operations that installing takes, as a trait: tests stand in for a disk that is cut
//! off after any of them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::bounded_file;

/// A file system.
pub trait Fs {
    /// Makes a folder and those above it; one that is there is fine.
    ///
    /// # Errors
    /// Those of the system.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Puts `bytes` into a file, whatever it held; it may take until [`sync`](Self::sync) for
    /// any of them to be on disk.
    ///
    /// # Errors
    /// Those of the system.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Returns when a file's content, or the names in a folder, are on disk.
    ///
    /// # Errors
    /// Those of the system.
    fn sync(&self, path: &Path) -> io::Result<()>;

    /// Puts a file in another's place within one folder: there is always one or the other.
    ///
    /// # Errors
    /// Those of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file; one that is not there is fine.
    ///
    /// # Errors
    /// Those of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// A regular file of at most `max_bytes`, no symbolic link; `None` if there is none.
    ///
    /// # Errors
    /// Those of the system, and those of [`bounded_file::read_no_link`].
    fn read(&self, path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>>;
}

/// The system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFs;

impl Fs for RealFs {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Never through a link that somebody has put in its place.
        self.remove(path)?;
        let mut file = File::create_new(path)?;
        file.write_all(bytes)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    fn read(&self, path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
        match bounded_file::read_no_link(path, max_bytes) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            outcome => outcome.map(Some),
        }
    }
}
