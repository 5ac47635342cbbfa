//! Why counts cannot be read or kept.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no database.
    #[error("{}: nothing has been counted yet (hint: `mien-device run --count`)", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file holds no counts, or not in one piece.
    #[error("{}: the file is damaged: {why} (hint: the counter sets it aside when it starts)", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found.
        why: String,
    },
    /// A later program has changed the schema.
    #[error("{}: version {version} was written by a later mien-device (hint: use that one, or move the file away)", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema's version.
        version: usize,
    },
    /// Somebody took the file away while it was open.
    #[error("{}: the file was removed or replaced", path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// What was deleted is still in the log.
    #[error("{}: deleted, but another program is reading and keeps the log, which still holds it (hint: run it again)", path.display())]
    LogInUse {
        /// The database.
        path: PathBuf,
    },
    /// The folder cannot be made, or the file not be moved.
    #[error("{}: {error}", path.display())]
    Io {
        /// Folder or file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// SQLite said no.
    #[error("{}: {}", path.display(), in_words(error))]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What it said.
        error: rusqlite::Error,
    },
}

impl StoreError {
    /// Whether the file itself is at fault.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// Whether the connection is as good as before: the same attempt may succeed later.
    pub fn is_passing(&self) -> bool {
        use ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
        let Self::Sqlite { error, .. } = self else {
            return false;
        };
        let code = error.sqlite_error_code();
        matches!(code, Some(DatabaseBusy | DatabaseLocked | DiskFull))
    }

    /// The same without the path: for those who need not know this machine's folders.
    pub fn in_short(&self) -> String {
        let known = match self {
            Self::Missing { .. } => "nothing has been counted yet",
            Self::Damaged { .. } => "the file is damaged",
            Self::TooNew { .. } => "the file was written by a later mien-device",
            Self::Gone { .. } => "the file was removed or replaced",
            Self::LogInUse { .. } => "another program keeps the log",
            Self::Io { error, .. } => return error.kind().to_string(),
            Self::Sqlite { error, .. } => words(error).unwrap_or("the database reports an error"),
        };
        known.to_owned()
    }

    /// Sorts an error of SQLite's.
    pub(super) fn new(path: &std::path::Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged {
                path,
                why: error.to_string(),
            },
            _ => Self::Sqlite { path, error },
        }
    }
}

/// What people can act upon.
fn in_words(error: &rusqlite::Error) -> String {
    words(error).map_or_else(|| error.to_string(), str::to_owned)
}

fn words(error: &rusqlite::Error) -> Option<&'static str> {
    Some(match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly) => "the file or its folder is read-only",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds the database locked"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "it cannot be opened: the folder may be missing, read-only or another user's"
        }
        Some(ErrorCode::SystemIoFailure) => "the disk reports an error",
        _ => return None,
    })
}
