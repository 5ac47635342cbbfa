//! A damaged file makes room for a fresh one; nothing is overwritten.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::Timestamp;

/// What SQLite keeps beside a database. They go first: a log without its file would be taken for
/// one of the fresh file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];
/// Between the database's name and the time.
const MARK: &str = ".damaged-";

/// Renames `database` and what belongs to it and returns the new name.
///
/// # Errors
/// If the folder does not allow it.
pub fn set_aside(database: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    let free = (1..).find_map(|attempt| {
        let number = match attempt {
            1 => String::new(),
            _ => format!(".{attempt}"),
        };
        let name = with_suffix(database, &format!("{MARK}{time}{number}"));
        // Also a dangling link is something.
        let taken = |path: &Path| fs::symlink_metadata(path).is_ok();
        let is_free = !taken(&name) && !BESIDE.iter().any(|b| taken(&with_suffix(&name, b)));
        is_free.then_some(name)
    });
    let aside = free.ok_or(io::ErrorKind::AlreadyExists)?;
    for suffix in BESIDE {
        match fs::rename(with_suffix(database, suffix), with_suffix(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(database, &aside)?;
    Ok(aside)
}

/// All files that were set aside, with what belongs to them.
///
/// # Errors
/// If the folder cannot be read.
pub fn files_aside(database: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (database.parent(), database.file_name()) else {
        return Ok(Vec::new());
    };
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let mut start = name.to_owned();
    start.push(MARK);
    let start = start.into_encoded_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(&start) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// `counts.db` with `-wal` is `counts.db-wal`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("counts.db");
        let now = Timestamp::from_second(1_795_420_800).unwrap();
        for round in ["1", "2", "3"] {
            fs::write(&database, round).unwrap();
            fs::write(with_suffix(&database, "-wal"), round).unwrap();
            let aside = set_aside(&database, now).unwrap();
            assert!(!database.exists() && !with_suffix(&database, "-wal").exists());
            assert_eq!(fs::read_to_string(&aside).unwrap(), round);
            let wal = with_suffix(&aside, "-wal");
            assert_eq!(fs::read_to_string(wal).unwrap(), round);
        }
        fs::write(&database, "").unwrap();
        let aside = files_aside(&database).unwrap();
        assert_eq!(aside.len(), 6, "{aside:?}");
        assert!(aside[0].ends_with("counts.db.damaged-20261123T080000Z"));
        assert!(set_aside(&folder.path().join("none.db"), now).is_err());
    }
}
