//! The database: SQLite with a write-ahead log, on the disk before a commit returns.
//!
//! Writing is idempotent: visits are known by boot and sequence, and what is written are their
//! sums so far, never differences. A commit whose outcome is not known may be done again.

mod commit;
pub mod damage;
mod error;
pub mod purge;
mod read;
mod retention;
mod schema;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

pub use commit::{Commit, Period};
pub use error::StoreError;
pub use read::{KeptVisit, Reader, Span};
pub use retention::Ongoing;
use schema::Found;
pub use schema::VERSION;

/// SQLite takes a shorter file for an empty one and writes over it.
const MIN_FILE_BYTES: u64 = 512;
/// The log is cut down to this after it was copied into the file.
const LOG_LIMIT_BYTES: i64 = 1 << 20;

/// The database, open for writing.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

/// A store and what became of the file that was in its place.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Where a damaged file is now, and what was wrong with it.
    pub aside: Option<(PathBuf, String)>,
}

impl Store {
    /// Opens the database, with its folder made where it is missing, checks it and brings it to
    /// this version. A damaged one is set aside under the time `now`, and a fresh one begun.
    /// `patience` is how long another program's lock is waited for.
    ///
    /// # Errors
    /// If it cannot be opened, or is of a later version.
    pub fn open(path: &Path, patience: Duration, now: Timestamp) -> Result<Opened, StoreError> {
        let io = |error, path: &Path| StoreError::Io {
            path: path.to_owned(),
            error,
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            fs::create_dir_all(folder).map_err(|error| io(error, folder))?;
        }
        match Self::try_open(path, patience) {
            Ok(store) => Ok(Opened { store, aside: None }),
            Err(StoreError::Damaged { why, .. }) => {
                let aside = damage::set_aside(path, now).map_err(|error| io(error, path))?;
                let store = Self::try_open(path, patience)?;
                Ok(Opened {
                    store,
                    aside: Some((aside, why)),
                })
            }
            Err(error) => Err(error),
        }
    }

    fn try_open(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        let sqlite = |error| StoreError::new(path, error);
        let length = fs::metadata(path).map_or(0, |file| file.len());
        if (1..MIN_FILE_BYTES).contains(&length) {
            return Err(StoreError::Damaged {
                path: path.to_owned(),
                why: "it is cut short".to_owned(),
            });
        }
        create(path).map_err(|error| StoreError::Io {
            path: path.to_owned(),
            error,
        })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
        prepare(&connection, patience).map_err(sqlite)?;
        let version = check(&connection, path)?;
        schema::migrate(&mut connection, version).map_err(sqlite)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            identity: identity(path),
        })
    }

    /// Whether the file is still where it was opened: one that was removed would take counts with
    /// it unseen.
    pub fn is_in_place(&self) -> bool {
        self.identity == identity(&self.path)
    }

    fn sqlite(&self, error: rusqlite::Error) -> StoreError {
        StoreError::new(&self.path, error)
    }
}

/// Makes an empty file where there is none, for its user and group alone; SQLite gives its log the
/// same rights.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Settings of a connection that writes.
fn prepare(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    // Where the file system cannot share memory, SQLite keeps its old journal: slower, as safe.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Nothing of it in /tmp.
    connection.pragma_update(None, "temp_store", "memory")?;
    // What is deleted is overwritten. (Both answer with a row.)
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_LIMIT_BYTES, |_| Ok(()))
}

/// Whether the file is sound and ours; its version.
fn check(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    verify(connection, path)?;
    let sqlite = |error| StoreError::new(path, error);
    match schema::find(connection).map_err(sqlite)? {
        Found::Empty => Ok(0),
        Found::Version(version) if version <= VERSION => Ok(version),
        Found::Version(version) => Err(StoreError::TooNew {
            path: path.to_owned(),
            version,
        }),
        Found::Foreign => Err(StoreError::Damaged {
            path: path.to_owned(),
            why: "it holds something else".to_owned(),
        }),
    }
}

/// Whether the file is sound.
fn verify(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| StoreError::new(path, error))?;
    if verdict != "ok" {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            why: verdict.replace('\n', " "),
        });
    }
    Ok(())
}

/// Device and number of a file.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.exists().then_some((0, 0))
}

#[cfg(test)]
mod tests;
